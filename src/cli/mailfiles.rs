//! `poshta import` and `poshta export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::mailfiles::Format;
use crate::server::control::{Direction, MailFiles, Request};

use super::target::Target;
use super::{Outcome, WrongUse, output};

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// A Maildir with its folders.
    ///
    /// Its own messages go to INBOX, its folders (`.Work.2024`) to folders of their names (Work/2024), "Sent Items"
    /// and the like to the folder of that use. Missing folders are made. Flags, keywords (dovecot-keywords) and the
    /// time of each file are kept. What an import has brought before is left out, so it can be run again after it
    /// was stopped. Status 1 when a message had to be left out; the answer names it.
    Maildir {
        /// The Maildir: the directory that has cur and new.
        #[arg(value_name = "MAILDIR")]
        path: PathBuf,
        #[command(flatten)]
        mailbox: Mailbox,
    },
    /// An mbox file.
    ///
    /// Its messages go to one folder, which is made if it is missing. Status, X-Status and X-Keywords fields become
    /// flags and keywords, the date is that of the "From " line. What an import has brought before is left out, so
    /// it can be run again after it was stopped. Status 1 when a message had to be left out; the answer names it.
    Mbox {
        /// The file.
        #[arg(value_name = "FILE")]
        path: PathBuf,
        #[command(flatten)]
        mailbox: Mailbox,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// A Maildir with its folders.
    ///
    /// The inbox is the directory itself, the other folders are Maildir++ folders in it; one folder alone (--folder)
    /// is the directory itself.
    Maildir {
        /// A directory that is empty or not there yet; only its owner can read what is written.
        #[arg(value_name = "MAILDIR")]
        path: PathBuf,
        #[command(flatten)]
        proofs: ProofFiles,
        #[command(flatten)]
        mailbox: Mailbox,
    },
    /// A directory with an mbox file for each folder.
    Mbox {
        /// A directory that is empty or not there yet; only its owner can read what is written.
        #[arg(value_name = "DIRECTORY")]
        path: PathBuf,
        #[command(flatten)]
        proofs: ProofFiles,
        #[command(flatten)]
        mailbox: Mailbox,
    },
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ProofFiles {
    /// Prove each postmark to be in the transparency log (docs/transparency.md): by a field Postal-Mark-Proof on top of
    /// its letter, which an import takes off again, and by a file in the folder proofs. A mark that is not published
    /// yet has neither; the answer counts those.
    #[arg(long)]
    proofs: bool,
}

#[derive(Debug, Args)]
pub(super) struct Mailbox {
    /// Whose mailbox: login or address.
    #[arg(long, value_name = "LOGIN")]
    account: String,
    /// Import: into this folder (a Maildir's folders below it); needed for an mbox. Export: only this folder.
    #[arg(long, value_name = "NAME")]
    folder: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(super) fn import(command: ImportCommand) -> Outcome {
    match command {
        ImportCommand::Maildir { path, mailbox } => run(Direction::Import, Format::Maildir, path, (mailbox, false)),
        ImportCommand::Mbox { mailbox: Mailbox { folder: None, .. }, .. } => {
            Err(WrongUse("which folder gets the messages? name it with --folder NAME".into()).into())
        }
        ImportCommand::Mbox { path, mailbox } => run(Direction::Import, Format::Mbox, path, (mailbox, false)),
    }
}

pub(super) fn export(command: ExportCommand) -> Outcome {
    match command {
        ExportCommand::Maildir { path, proofs, mailbox } => {
            run(Direction::Export, Format::Maildir, path, (mailbox, proofs.proofs))
        }
        ExportCommand::Mbox { path, proofs, mailbox } => {
            run(Direction::Export, Format::Mbox, path, (mailbox, proofs.proofs))
        }
    }
}

fn run(direction: Direction, format: Format, path: PathBuf, of: (Mailbox, bool)) -> Outcome {
    let (mailbox, with_proofs) = of;
    // The server that does it has another working directory.
    let path = std::path::absolute(&path).with_context(|| path.display().to_string())?;
    if path.to_str().is_none() {
        return Err(WrongUse(format!("{}: the path must be UTF-8", path.display())).into());
    }
    let asked = MailFiles { format, path, account: mailbox.account, folder: mailbox.folder, with_proofs };
    let what = match direction {
        Direction::Import => "importing",
        Direction::Export => "exporting",
    };
    let answer = mailbox.target.ask_for_one_mailbox(Request::MailFiles { direction, files: asked }, what)?;
    output::thing(&answer, mailbox.target.json)?;
    let is_whole = answer.get("problem_count").and_then(Value::as_u64) == Some(0);
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
