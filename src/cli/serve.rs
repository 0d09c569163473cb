//! `poshta serve`.

use std::path::PathBuf;

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
    let served = runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let running = tokio::select! {
            started = Server::start(config, World::system()) => started?,
            () = signals.stop() => return anyhow::Ok(None),
        };
        Ok(Some(running.until_stopped(signals).await))
    });
    super::end(runtime, served?)
}
