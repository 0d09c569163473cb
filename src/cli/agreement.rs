//! `poshta agreement`: the versions of the user agreement (M9, M11).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::server::control::{Request, WantedAgreement};

use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum AgreementCommand {
    /// Every version, with its hash and from when it is in force.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// The texts of a version.
    Show {
        /// Its number.
        version: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Publishes the next version: from its instant on it is what people join, and users are asked for consent to it. It
    /// stays for ever. `{domain}` in the texts stands for the operator's domain; paragraphs are separated by empty lines,
    /// and one that begins with `# ` is a heading.
    Publish {
        /// The text in Kazakh, which binds.
        kk: PathBuf,
        /// The text in Russian.
        ru: PathBuf,
        /// The text in English.
        en: PathBuf,
        /// From when it is in force, such as 2027-01-01T00:00:00+05:00; else from now.
        #[arg(long, value_name = "INSTANT")]
        from: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(command: &AgreementCommand) -> Outcome {
    match command {
        AgreementCommand::List { target } => {
            let versions = target.ask(Request::AgreementList)?;
            output::list(&versions, &["number", "from", "published", "hash", "standing"], target.json)?;
        }
        AgreementCommand::Show { version, target } => {
            output::thing(&target.ask(Request::AgreementShow { version: *version })?, target.json)?;
        }
        AgreementCommand::Publish { kk, ru, en, from, target } => {
            let read = |file: &PathBuf| std::fs::read_to_string(file).with_context(|| file.display().to_string());
            let wanted = WantedAgreement { kk: read(kk)?, ru: read(ru)?, en: read(en)?, from: from.clone() };
            output::thing(&target.ask(Request::AgreementPublish(wanted))?, target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
