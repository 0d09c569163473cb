//! `poshta print`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::server::control::{Item, Limit, Request};

use super::bundle::{self, NewKeyArgs, UnsealArgs};
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
    /// Open a sealed bundle, as the print centre does: status 1 when its seal is broken or anything in it was altered.
    Unseal(UnsealArgs),
    /// Make a key for sealed bundles, in the print centre; the operator needs only its public part.
    NewKey(NewKeyArgs),
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
        PrintCommand::Unseal(args) => return bundle::open(&args),
        PrintCommand::NewKey(args) => return bundle::new_key(&args),
    }
    Ok(ExitCode::SUCCESS)
}
