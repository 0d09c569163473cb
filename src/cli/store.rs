//! `poshta store`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::server::control::Request;

use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Read everything and say what does not fit together; status 1 when something does not.
    Check(StoreArgs),
    /// How much is there.
    Stats(StoreArgs),
    /// Give back the disk space of letters that are gone. The server may go on meanwhile; it also does this by
    /// itself (`store.compact_every_s`).
    Compact(StoreArgs),
}

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(command: &StoreCommand) -> Outcome {
    match command {
        StoreCommand::Stats(args) => {
            output::thing(&args.target.ask(Request::StoreStats)?, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        StoreCommand::Compact(args) => {
            let done = args.target.ask_at_length(Request::StoreCompact, "tidying")?;
            output::thing(&done, args.target.json)?;
            let is_whole = done.get("damaged").and_then(Value::as_array).is_none_or(Vec::is_empty);
            Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        StoreCommand::Check(args) => {
            let verdict = args.target.ask(Request::StoreCheck)?;
            output::thing(&verdict, args.target.json)?;
            let sound = verdict.get("problem_count").and_then(Value::as_u64) == Some(0);
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
    }
}
