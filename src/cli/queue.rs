//! `poshta queue`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::server::control::{Item, Part, QueueAction, Request};

use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// What waits, by letter.
    List(ListArgs),
    /// What waits of one letter.
    Show(ItemArgs),
    /// Try a letter now.
    Retry(ItemArgs),
    /// Do not try a letter until it is released.
    Hold(ItemArgs),
    /// Try a held letter again.
    Release(ItemArgs),
    /// Take a letter out of the queue, without a report to its sender.
    Drop(ItemArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Go on behind this recipient: the last one of the part before, `item.number`.
    #[arg(long, value_name = "ITEM.NUMBER")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct ItemArgs {
    /// The item id.
    pub(super) item: String,
    #[command(flatten)]
    pub(super) target: Target,
}

const COLUMNS: &[&str] = &["item", "number", "recipient", "state", "attempts", "next_attempt", "last_error"];

pub(super) fn run(command: QueueCommand) -> Outcome {
    match command {
        QueueCommand::List(args) => {
            let rows = args.target.ask(Request::QueueList(Part { after: args.after, limit: args.limit }))?;
            output::list(&rows, COLUMNS, args.target.json)?;
        }
        QueueCommand::Show(args) => {
            let rows = args.target.ask(Request::QueueShow(Item { item: args.item }))?;
            output::list(&rows, COLUMNS, args.target.json)?;
        }
        QueueCommand::Retry(args) => change(args, QueueAction::Retry)?,
        QueueCommand::Hold(args) => change(args, QueueAction::Hold)?,
        QueueCommand::Release(args) => change(args, QueueAction::Release)?,
        QueueCommand::Drop(args) => change(args, QueueAction::Drop)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn change(args: ItemArgs, action: QueueAction) -> anyhow::Result<()> {
    let answer = args.target.ask(Request::QueueChange { item: args.item, action })?;
    output::thing(&answer, args.target.json)?;
    Ok(())
}
