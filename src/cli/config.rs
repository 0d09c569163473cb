//! `poshta config`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::clock::World;
use crate::config::Config;

use super::Outcome;

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
    let checked = Config::load(config).and_then(|loaded| loaded.registry(World::system().now()).map(drop));
    match checked {
        Ok(()) if *json => println!("{}", serde_json::json!({ "ok": true })),
        Ok(()) => println!("{}: ok", config.display()),
        Err(error) if *json => {
            let problems: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
            println!("{}", serde_json::json!({ "ok": false, "problems": problems }));
            return Ok(ExitCode::from(1));
        }
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}
