//! The commands: what a person or a script types. The only place that prints.
//!
//! Exit status 0: done; 1: a negative answer; 2: wrong use. Errors are one line on the standard error stream.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands print for people; nothing else does")]

mod account;
mod config;
mod demo;
mod facility;
mod output;
mod postmark;
mod print;
mod queue;
mod scan;
mod serve;
mod store;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use demo::DemoArgs;

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
    Demo(DemoArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Accounts of users.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Facilities and their devices.
    #[command(subcommand)]
    Facility(facility::FacilityCommand),
    /// Postmarks on letters.
    #[command(subcommand)]
    Postmark(postmark::PostmarkCommand),
    /// Letters on their way to other mail servers.
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Letters on their way to paper.
    #[command(subcommand)]
    Print(print::PrintCommand),
    /// Scanned letters that wait for review.
    #[command(subcommand)]
    Scan(scan::ScanCommand),
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
        Err(error) => {
            let usage = error.is::<WrongUse>();
            eprintln!("poshta: {error}");
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Config(command) => config::run(&command),
        Command::Account(command) => account::run(command),
        Command::Facility(command) => facility::run(&command),
        Command::Postmark(command) => postmark::run(&command),
        Command::Queue(command) => queue::run(command),
        Command::Print(command) => print::run(command),
        Command::Scan(command) => scan::run(command),
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
}
