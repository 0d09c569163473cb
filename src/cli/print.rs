//! `poshta print`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::server::control::{Item, Limit, Request};

use super::queue::{ItemArgs, ListArgs};
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum PrintCommand {
    /// Letters on paper, oldest first.
    List(ListArgs),
    /// One letter, with its events.
    Show(ItemArgs),
    /// Cancel a letter that no print centre holds.
    Cancel(ItemArgs),
}

pub(super) fn run(command: PrintCommand) -> Outcome {
    match command {
        PrintCommand::List(args) => {
            let rows = args.target.ask(Request::PrintList(Limit { limit: args.limit }))?;
            output::list(&rows, &["item", "s10", "state", "postal_index", "centre", "accepted"], args.target.json)?;
        }
        PrintCommand::Show(args) => {
            let job = args.target.ask(Request::PrintShow(Item { item: args.item }))?;
            output::thing(&job, args.target.json)?;
        }
        PrintCommand::Cancel(args) => {
            let job = args.target.ask(Request::PrintCancel(Item { item: args.item }))?;
            output::thing(&job, args.target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
