//! The commands: what a person or a script types. The only place that prints.
//!
//! Exit status 0: done; 1: a negative answer; 2: wrong use. Errors are one line on the standard error stream.
#![allow(clippy::print_stderr, reason = "commands print for people; nothing else does")]

mod account;
mod agreement;
mod audit;
mod bundle;
mod closing;
mod config;
mod demo;
mod device;
mod dkim;
mod draw;
mod eds;
mod facility;
mod fetch;
mod log;
mod mailfiles;
mod notice;
mod output;
mod payment;
mod postmark;
mod print;
mod progress;
mod prove;
mod queue;
mod scan;
mod serve;
mod size;
mod staff;
mod store;
mod target;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::fs::Mode;
use tokio::runtime::Runtime;

use crate::store::Stuck;

/// The mail server of a national postal operator.
#[derive(Debug, Parser)]
#[command(name = "poshta", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Run everything on loopback, with test users, to try it out.
    Demo(demo::DemoArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Accounts of users.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// The user agreement.
    #[command(subcommand)]
    Agreement(agreement::AgreementCommand),
    /// Accounts of staff, and their roles.
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Planned work that people are told of.
    #[command(subcommand)]
    Notice(notice::NoticeCommand),
    /// Facilities and their devices.
    #[command(subcommand)]
    Facility(facility::FacilityCommand),
    /// Postmarks on letters.
    #[command(subcommand)]
    Postmark(postmark::PostmarkCommand),
    /// Electronic digital signatures.
    #[command(subcommand)]
    Eds(eds::EdsCommand),
    /// The transparency log of all marks.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Keys that sign letters to other domains (DKIM).
    #[command(subcommand)]
    Dkim(dkim::DkimCommand),
    /// Letters on their way to other mail servers.
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Letters on their way to paper.
    #[command(subcommand)]
    Print(print::PrintCommand),
    /// Payment signs, and how accounts pay for letters on paper.
    #[command(subcommand)]
    Payment(payment::PaymentCommand),
    /// Scanned letters that wait for review.
    #[command(subcommand)]
    Scan(scan::ScanCommand),
    /// Bring messages of other mail programs into an account.
    #[command(subcommand)]
    Import(mailfiles::ImportCommand),
    /// Write an account's messages for other mail programs.
    #[command(subcommand)]
    Export(mailfiles::ExportCommand),
    /// Who did what, in a chain that shows every change.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The data directory.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Open documents for the server; started by it.
    #[command(hide = true)]
    Worker,
}

/// How a command ends.
type Outcome = anyhow::Result<ExitCode>;

/// Runs the command of this process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    use_small_pages();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap answers --help and --version this way too, with status 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if let Command::Worker = cli.command {
        return crate::hybrid::worker::main();
    }
    match dispatch(cli.command) {
        Ok(status) => status,
        // Whoever reads has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("poshta: {}", in_words(&error));
            ExitCode::from(if error.is::<WrongUse>() { 2 } else { 1 })
        }
    }
}

/// Ends what served. Where the store is stuck its threads cannot be waited for; they end with the process, whose
/// status says that it is to be started anew.
fn end(runtime: Runtime, served: Option<Stuck>) -> Outcome {
    let Some(stuck) = served else { return Ok(ExitCode::SUCCESS) };
    if stuck.is() {
        runtime.shutdown_background();
    } else {
        drop(runtime);
    }
    if stuck.is() { Err(stuck.error().into()) } else { Ok(ExitCode::SUCCESS) }
}

/// Memory comes and goes in pieces of a few KB on many threads: with huge pages, which the allocator asks for, one such
/// piece keeps 2 MiB from the system. Where the system does not know this it goes on as it is.
fn use_small_pages() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// M7, M20: what this process writes from now on is for its own user only. A command calls it before it opens the
/// data directory, whatever the mode of that directory is.
fn write_for_owner_only() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error with its causes, each said once.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if words.is_empty() {
            words = cause;
        } else if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Config(command) => config::run(&command),
        Command::Account(command) => account::run(command),
        Command::Agreement(command) => agreement::run(&command),
        Command::Staff(command) => staff::run(command),
        Command::Notice(command) => notice::run(command),
        Command::Facility(command) => facility::run(&command),
        Command::Postmark(command) => postmark::run(&command),
        Command::Eds(command) => eds::run(&command),
        Command::Log(command) => log::run(&command),
        Command::Dkim(command) => dkim::run(&command),
        Command::Queue(command) => queue::run(command),
        Command::Print(command) => print::run(command),
        Command::Payment(command) => payment::run(command),
        Command::Scan(command) => scan::run(command),
        Command::Import(command) => mailfiles::import(command),
        Command::Export(command) => mailfiles::export(command),
        Command::Audit(command) => audit::run(&command),
        Command::Store(command) => store::run(&command),
        Command::Worker => Ok(ExitCode::SUCCESS),
    }
}

/// The command was used wrongly in a way that clap cannot see: status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUse(String);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn m7_what_a_server_writes_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        write_for_owner_only();
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("packs"), dir.path().join("row"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "x").unwrap();
        for path in [folder, file] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }

    #[test]
    fn an_error_tells_its_cause_and_tells_it_once() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        assert_eq!(in_words(&anyhow::Error::new(missing()).context("a.toml")), "a.toml: no such file");
        assert_eq!(in_words(&anyhow::Error::new(missing()).context("no such file; make it")), "no such file; make it");
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        assert!(is_broken_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::NotFound).into()));
    }
}
