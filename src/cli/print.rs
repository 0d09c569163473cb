//! `poshta print`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::server::control::{Item, Request, WantedLetters};

use super::bundle::{self, NewKeyArgs, UnsealArgs};
use super::queue::ItemArgs;
use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum PrintCommand {
    /// Letters on paper, oldest first.
    List(LettersArgs),
    /// One letter, with its events.
    Show(ItemArgs),
    /// Cancel a letter that no print centre holds.
    Cancel(ItemArgs),
    /// Open a sealed bundle, as the print centre does: status 1 when its seal is broken or anything in it was altered.
    Unseal(UnsealArgs),
    /// Make a key for sealed bundles, in the print centre; the operator needs only its public part.
    NewKey(NewKeyArgs),
}

#[derive(Debug, Args)]
pub(super) struct LettersArgs {
    /// Only those that stand so, such as `queued` or `delivered`.
    #[arg(long)]
    state: Option<String>,
    /// Go on behind this letter: the last one of the part before.
    #[arg(long, value_name = "ITEM")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(command: PrintCommand) -> Outcome {
    match command {
        PrintCommand::List(args) => {
            let wanted = WantedLetters { state: args.state, after: args.after, limit: args.limit };
            let rows = args.target.ask(Request::PrintList(wanted))?;
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
