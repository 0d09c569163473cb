//! `poshta serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::clock::World;
use crate::config::Config;
use crate::server::{Server, observe};

use super::Outcome;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &ServeArgs) -> Outcome {
    let config = Config::load(&args.config)?;
    observe::log(&config.log);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        Server::start(config, World::system()).await?.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}
