//! `poshta serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::clock::World;
use crate::config::Config;
use crate::server::{Server, Signals, observe};

use super::Outcome;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &ServeArgs) -> Outcome {
    let config = Config::check(&args.config, World::system().now())?;
    observe::log(&config.log);
    super::write_for_owner_only();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let running = tokio::select! {
            started = Server::start(config, World::system()) => started?,
            () = signals.stop() => return Ok(ExitCode::SUCCESS),
        };
        running.until_stopped(signals).await;
        Ok(ExitCode::SUCCESS)
    })
}
