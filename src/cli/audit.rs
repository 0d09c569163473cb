//! `poshta audit`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::server::control::{Request, WantedAudit};

use super::target::Target;
use super::{Outcome, WrongUse, output};

/// Entries that one request brings.
const PAGE: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Who did what, the newest first. That you read it is an entry too.
    List(ListArgs),
    /// Read every entry and compare it with the chain over all; status 1 when something was changed, removed or added.
    ///
    /// A tail that was cut off is missed up to the last head that the server signed. Only a head that was kept
    /// elsewhere also convicts whoever made the whole chain anew: name it with --head.
    Verify {
        /// A head as `poshta audit head` wrote it.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
        /// The key that must have signed it, as `poshta audit head --json` prints it; without it one of this audit.
        #[arg(long, requires = "head")]
        key: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Sign how far the chain goes, and print that: keep it where nobody who could change the audit can change it.
    Head {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only what was done by those with this in their name.
    #[arg(long)]
    actor: Option<String>,
    /// Only this, such as account.show, or all of a kind: account.
    #[arg(long)]
    action: Option<String>,
    /// Only what was done to things with this in their name, such as "account 281474976710657".
    #[arg(long)]
    object: Option<String>,
    /// From this day (UTC) or instant on, such as 2026-11-29.
    #[arg(long)]
    from: Option<String>,
    /// Up to this day, or before this instant.
    #[arg(long)]
    to: Option<String>,
    /// Entries at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

const COLUMNS: &[&str] = &["number", "at", "actor", "action", "object", "details"];

pub(super) fn run(command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::List(args) => list(args),
        AuditCommand::Verify { head, key, target } => {
            let read = |file: &PathBuf| fs::read_to_string(file).with_context(|| file.display().to_string());
            let head = head.as_ref().map(read).transpose()?;
            let verdict = target.ask(Request::AuditVerify { head, key: key.clone() })?;
            output::thing(&verdict, target.json)?;
            let is_sound = verdict.get("problem_count").and_then(Value::as_u64) == Some(0);
            Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        AuditCommand::Head { target } => {
            let signed = target.ask(Request::AuditHead)?;
            match signed.get("note").and_then(Value::as_str).filter(|_| !target.json) {
                Some(note) => output::line(note.trim_end_matches('\n'))?,
                None => output::thing(&signed, true)?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(args: &ListArgs) -> Outcome {
    let mut wanted = WantedAudit {
        actor: args.actor.clone(),
        action: args.action.clone(),
        object: args.object.clone(),
        from: args.from.as_deref().map(|text| instant(text, "--from", Some)).transpose()?,
        to: args.to.as_deref().map(|text| instant(text, "--to", |day| day.tomorrow().ok())).transpose()?,
        before: None,
        limit: 0,
    };
    let mut session = args.target.open()?;
    let mut entries = Vec::new();
    loop {
        wanted.limit = PAGE.min(args.limit - entries.len());
        if wanted.limit == 0 {
            break;
        }
        let page = session.ask(Request::AuditList(wanted.clone()))?;
        entries.extend(page.get("entries").and_then(Value::as_array).into_iter().flatten().cloned());
        wanted.before = page.get("next").and_then(|next| serde_json::from_value(next.clone()).ok()).flatten();
        if wanted.before.is_none() {
            break;
        }
    }
    output::list(&json!(entries), COLUMNS, args.target.json)?;
    Ok(ExitCode::SUCCESS)
}

/// An instant, or what `end` makes of a day.
fn instant(text: &str, option: &str, end: impl Fn(Date) -> Option<Date>) -> anyhow::Result<String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    let day = text.parse().ok().and_then(end).and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let wrong = || WrongUse(format!("{option}: {text:?} is no day such as 2026-11-29 and no instant of RFC 3339"));
    Ok(day.map(|begin| begin.timestamp().to_string()).ok_or_else(wrong)?)
}
