//! `poshta scan`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::server::control::{Item, Part, Request};

use super::queue::ItemArgs;
use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum ScanCommand {
    /// Scans that wait for review, oldest first.
    List(ListArgs),
    /// One scan.
    Show(ItemArgs),
    /// Deliver a scan to an address.
    Assign {
        /// The number of the scan.
        id: String,
        /// To whom.
        address: String,
        #[command(flatten)]
        target: Target,
    },
    /// Reject a scan.
    Reject {
        /// The number of the scan.
        id: String,
        /// Why.
        reason: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Go on behind this scan: the last one of the part before.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(command: ScanCommand) -> Outcome {
    match command {
        ScanCommand::List(args) => {
            let rows = args.target.ask(Request::ScanList(Part { after: args.after, limit: args.limit }))?;
            output::list(&rows, &["id", "facility", "received", "pages", "sender"], args.target.json)?;
        }
        ScanCommand::Show(args) => {
            let scan = args.target.ask(Request::ScanShow(Item { item: args.item }))?;
            output::thing(&scan, args.target.json)?;
        }
        ScanCommand::Assign { id, address, target } => {
            output::thing(&target.ask(Request::ScanAssign { item: id, address })?, target.json)?;
        }
        ScanCommand::Reject { id, reason, target } => {
            output::thing(&target.ask(Request::ScanReject { item: id, reason })?, target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
