//! `poshta notice`: planned work that people are told of before it begins (M16).

use std::process::ExitCode;

use clap::Subcommand;

use crate::server::control::{Request, WantedNotice};

use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum NoticeCommand {
    /// Announce work: every page tells of it from `notices.shown_before_h` hours before until its end, mail programs in
    /// the last hour before and while it lasts.
    Add {
        /// When it begins, such as 2027-01-01T02:00:00+05:00.
        #[arg(long, value_name = "INSTANT")]
        from: String,
        /// When it ends.
        #[arg(long, value_name = "INSTANT")]
        until: String,
        /// What people are told in Kazakh.
        #[arg(long, value_name = "TEXT")]
        kk: String,
        /// In Russian.
        #[arg(long, value_name = "TEXT")]
        ru: String,
        /// In English.
        #[arg(long, value_name = "TEXT")]
        en: String,
        #[command(flatten)]
        target: Target,
    },
    /// What is announced.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Take an announcement back.
    Withdraw {
        /// Its number.
        number: u32,
        #[command(flatten)]
        target: Target,
    },
}

const COLUMNS: &[&str] = &["number", "standing", "from", "until", "by", "en"];

pub(super) fn run(command: NoticeCommand) -> Outcome {
    match command {
        NoticeCommand::Add { from, until, kk, ru, en, target } => {
            let wanted = WantedNotice { from, until, kk, ru, en };
            output::thing(&target.ask(Request::NoticeAdd(wanted))?, target.json)?;
        }
        NoticeCommand::List { target } => output::list(&target.ask(Request::NoticeList)?, COLUMNS, target.json)?,
        NoticeCommand::Withdraw { number, target } => {
            output::thing(&target.ask(Request::NoticeWithdraw { number })?, target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
