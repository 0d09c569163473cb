//! `poshta store`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use crate::clock::World;
use crate::retention::Mode;
use crate::server::control::Request;
use crate::store;
use crate::store::rebuild::{Rebuild, rebuild};
use crate::store::restore::restore;
use crate::store::vault::fresh_operator_key;

use super::progress::Bar;
use super::target::{Target, log_warnings};
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
    /// Remove the letters from Trash, Junk and closed accounts that have lain there longer than `[retention]` allows.
    /// The server also does this by itself (`retention.check_every_s`).
    Expire(ExpireArgs),
    /// Print a fresh operator key: a line for the file that `store.operator_key_file` names.
    ///
    /// Keep a copy of the file somewhere else than the data and its backups: without the key nobody can read
    /// the encrypted letters.
    NewKey,
    /// Wrap all keys with the first operator key of the file; the server may go on meanwhile.
    ///
    /// Put the line of a new key (`poshta store new-key`) above the old one, run this, make a backup, and then
    /// take the old line out. Backups from before still need the old key. If it is interrupted, run it again.
    RotateKey(StoreArgs),
    /// Bring a backup up to this moment, or begin one; the server may go on serving.
    ///
    /// BACKUP is a directory. The first backup into it copies everything, each later one what is new, and all
    /// rows. At every moment, also after an interruption, it holds one whole backup, the last one that was
    /// finished. It holds letters: only its owner can read it.
    Backup(BackupArgs),
    /// Make the data directory from a backup; the server must be stopped.
    ///
    /// The data directory must hold no data. All folders get a new UIDVALIDITY, so mail programs fetch their
    /// letters anew. If it is interrupted, run it again; until it is done the server does not start there.
    /// Afterwards `poshta store check` reads everything.
    Restore(BackupArgs),
    /// Make the rows anew from the packs, when the engine's files are lost or damaged; the server must be stopped.
    ///
    /// Letters, folders, accounts, queues and the journal come back. What is set since then on letters (flags and
    /// keywords) comes back as it was in the backup, if one is named, else as it was when the letters came.
    /// Answers given to calls of the API, and messages about letters on paper that are still to be sent, come
    /// back only from a backup. The old rows are kept under another name; remove them when all is well.
    /// All folders get a new UIDVALIDITY. Status 1 when something could not be recovered: it is named.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct ExpireArgs {
    /// Only count them.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The directory of the backup.
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    /// The directory of the last backup, for what the packs do not remember.
    #[arg(long, value_name = "BACKUP")]
    backup: Option<PathBuf>,
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
            Ok(status(is_undamaged(&done)))
        }
        StoreCommand::Expire(args) => {
            let mode = if args.dry_run { Mode::Count } else { Mode::Remove };
            let done = args.target.ask(Request::StoreExpire(mode))?;
            output::thing(&done, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        StoreCommand::Check(args) => {
            let verdict = args.target.ask(Request::StoreCheck)?;
            output::thing(&verdict, args.target.json)?;
            Ok(status(number(&verdict, "problem_count") == 0))
        }
        StoreCommand::NewKey => {
            output::line(&fresh_operator_key())?;
            Ok(ExitCode::SUCCESS)
        }
        StoreCommand::RotateKey(args) => {
            let done = args.target.ask(Request::StoreRotateKey)?;
            output::thing(&done, args.target.json)?;
            Ok(status(number(&done, "damaged") == 0))
        }
        StoreCommand::Backup(args) => backup(args),
        StoreCommand::Restore(args) => restore_from(args),
        StoreCommand::Rebuild(args) => rebuild_rows(args),
    }
}

fn backup(args: &BackupArgs) -> Outcome {
    // The server has a working directory of its own.
    let dir = std::path::absolute(&args.backup).with_context(|| args.backup.display().to_string())?;
    let done = args.target.ask_at_length(Request::StoreBackup { dir }, "backup")?;
    output::thing(&done, args.target.json)?;
    Ok(status(is_undamaged(&done)))
}

fn restore_from(args: &BackupArgs) -> Outcome {
    let config = args.target.configuration()?;
    let dir = &config.server.dir;
    log_warnings();
    let mut bar = Bar::new("restore");
    let restored = restore(&args.backup, dir, &config.store, World::system().now(), &mut |done| {
        bar.draw(done);
        ControlFlow::Continue(())
    });
    drop(bar);
    let done = value(&stopped_server(restored, dir)?)?;
    output::thing(&done, args.target.json)?;
    Ok(status(is_undamaged(&done)))
}

fn rebuild_rows(args: &RebuildArgs) -> Outcome {
    let config = args.target.configuration()?;
    let dir = &config.server.dir;
    log_warnings();
    let request = Rebuild {
        dir,
        backup: args.backup.as_deref(),
        settings: &config.store,
        caps: &config.message,
        now: World::system().now(),
    };
    let mut bar = Bar::new("rebuild");
    let rebuilt = rebuild(&request, &mut |done| {
        bar.draw(done);
        ControlFlow::Continue(())
    });
    drop(bar);
    let done = value(&stopped_server(rebuilt, dir)?)?;
    output::thing(&done, args.target.json)?;
    Ok(status(number(&done, "lost_count") == 0))
}

/// These two need the directory for themselves.
fn stopped_server<T>(result: store::Result<T>, dir: &Path) -> anyhow::Result<T> {
    match result {
        Err(error @ store::Error::InUse(_)) => {
            tracing::debug!(%error, "in use");
            anyhow::bail!("{}: a server or another command uses it; stop that first", dir.display())
        }
        other => Ok(other?),
    }
}

fn value(of: &impl Serialize) -> store::Result<Value> {
    serde_json::to_value(of).map_err(|error| store::Error::Engine(error.to_string()))
}

fn is_undamaged(done: &Value) -> bool {
    done.get("damaged").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Status 1 is a negative answer.
fn status(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
