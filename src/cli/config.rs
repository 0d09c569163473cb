//! `poshta config`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::clock::World;
use crate::config::Config;

use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say what is wrong in a configuration file: file, line, key and remedy.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &ConfigCommand) -> Outcome {
    let ConfigCommand::Check { config, json } = command;
    let problems = match Config::check(config, World::system().now()) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    };
    if *json {
        output::line(&serde_json::json!({ "ok": problems.is_empty(), "problems": problems }).to_string())?;
    } else if problems.is_empty() {
        output::line(&format!("{}: ok", config.display()))?;
    }
    for problem in problems.iter().filter(|_| !json) {
        eprintln!("{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
