//! `poshta postmark prove`: the marks of a message against a transparency log, against what others have seen of it,
//! and against the daily closings of their devices.

mod closings;
mod judge;
mod report;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::clock::{Clock as _, SystemClock};
use crate::postal::MarksFile;
use crate::tlog::dating::Judge;
use crate::tlog::monitor::Source;
use crate::tlog::stamps::Wanted;

use super::fetch::{Prefix, SYSTEM_AUTHORITIES};
use super::postmark::{Answer, MarkedMessage};
use super::target::Target;
use super::{Outcome, WrongUse, closing, log, output};
use closings::Closings;
use judge::{Asked, Given, judge};

/// What is proved, and with what.
#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    #[command(flatten)]
    message: MarkedMessage,
    /// The log's public key as `poshta log show` prints it, or a file with that.
    #[arg(long, alias = "key", value_name = "KEY")]
    log_key: String,
    /// A folder with proofs, `<tag i>.tlog-proof`, as an export writes them. It may have other files of the log too, named
    /// as below its URL: what is here is not asked for there.
    #[arg(long, value_name = "DIRECTORY")]
    proofs: Option<PathBuf>,
    /// Where the log is, such as https://poshta.example/log; it learns which marks are asked for. Without it only what
    /// came with the message and what is in the folder is looked at.
    #[arg(long)]
    url: Option<String>,
    /// Certificates of the authorities that are trusted for https.
    #[arg(long, value_name = "FILE", default_value = SYSTEM_AUTHORITIES)]
    ca: PathBuf,
    /// Certificates of time-stamping authorities, or of those that issued theirs: without them no time stamp is believed.
    #[arg(long, value_name = "FILE")]
    stamp_authorities: Option<PathBuf>,
    /// Daily closings of the devices that made the marks, each file one or a list of them: is a mark among what its device
    /// made on the day that it names? Their signatures are checked with the published keys.
    #[arg(long, value_name = "CLOSING", num_args = 1..)]
    closings: Vec<PathBuf>,
    /// Language of the answer.
    #[arg(long, value_enum, default_value_t = Answer::En)]
    language: Answer,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &ProveArgs) -> Outcome {
    let key = log::key(&args.log_key)?;
    let authorities = args.stamp_authorities.as_deref().map(log::authorities).transpose()?;
    let stamps = authorities.as_deref().map(|authorities| Wanted { authorities, policy: None, nonce: None });
    let mut files = Files::of(args)?;
    let (message, keys) = (args.message.read()?, args.message.keys(&args.target)?);
    let closings = closings(&args.closings, keys.as_ref())?;
    let given = Given {
        message: &message,
        keys: keys.as_ref(),
        closings: closings.as_ref(),
        judge: Judge { key: &key, stamps, now: SystemClock.now() },
        asked: if files.log.is_some() { Asked::Log } else { Asked::FilesOnly },
    };
    let report = judge(&mut files, &given);
    if args.target.json {
        output::thing(&serde_json::to_value(&report)?, true)?;
    } else {
        output::line(&report.text(args.language))?;
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// The closings of these files; `None` where none were named.
fn closings<'a>(files: &[PathBuf], keys: Option<&'a MarksFile>) -> anyhow::Result<Option<Closings<'a>>> {
    if files.is_empty() {
        return Ok(None);
    }
    let keys = keys.ok_or_else(|| WrongUse("--closings needs the published keys: name them with --keys".to_owned()))?;
    let mut all = Vec::new();
    for file in files {
        all.extend(closing::read(file)?);
    }
    Ok(Some(Closings::new(all, keys)))
}

/// The files of a log: what is kept of them in a folder, and then those of its URL.
struct Files {
    folder: Option<PathBuf>,
    log: Option<Prefix>,
}

impl Files {
    fn of(args: &ProveArgs) -> anyhow::Result<Self> {
        if let Some(folder) = args.proofs.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(WrongUse(format!("{}: there is no such folder", folder.display())).into());
        }
        let log = args.url.as_ref().map(|url| Prefix::new(url, &args.ca)).transpose()?;
        Ok(Files { folder: args.proofs.clone(), log })
    }
}

impl Source for Files {
    type Error = io::Error;

    fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        match self.folder.as_ref().map(|folder| fs::read(file(folder, path))) {
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Some(read) => return read,
            None => {}
        }
        match &mut self.log {
            Some(log) => log.get(path),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Where a folder has what the log has under `path`.
fn file(folder: &Path, path: &str) -> PathBuf {
    match path.strip_prefix("proof?i=") {
        Some(id) => folder.join(format!("{id}.tlog-proof")),
        None => folder.join(path),
    }
}
