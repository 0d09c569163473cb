//! Where a command works: through the server that holds the data directory, or on the directory itself.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use crate::clock::World;
use crate::config::{Config, LogFormat, LogSettings};
use crate::server::control::{Client, Request, execute};
use crate::server::{Services, observe};

use super::WrongUse;

/// Which data directory.
#[derive(Debug, Clone, Args)]
pub(super) struct Target {
    /// The configuration file.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The data directory; its poshta.toml is the configuration, if it has one.
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Target {
    /// The configuration of the directory.
    pub(super) fn configuration(&self) -> anyhow::Result<Config> {
        match (&self.config, &self.dir) {
            (Some(file), _) => Ok(Config::load(file)?),
            (None, Some(dir)) => Ok(Config::of_dir(dir)?),
            (None, None) => Err(WrongUse("which data? name it with --config FILE or --dir DIR".into()).into()),
        }
    }

    /// A configuration or directory is named.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some() || self.dir.is_some()
    }

    /// Has requests executed, one after the other, and gives the answers.
    pub(super) fn ask(&self, requests: Vec<Request>) -> anyhow::Result<Vec<Value>> {
        let config = self.configuration()?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
        runtime.block_on(ask(config, requests))
    }

    /// One request.
    pub(super) fn ask_one(&self, request: Request) -> anyhow::Result<Value> {
        Ok(self.ask(vec![request])?.pop().unwrap_or_default())
    }
}

async fn ask(config: Config, requests: Vec<Request>) -> anyhow::Result<Vec<Value>> {
    let dir = config.server.dir.clone();
    anyhow::ensure!(dir.is_dir(), "{}: there is no such directory; `poshta serve` makes it", dir.display());
    let client = Client::connect(&dir, config.server.max_control_line_bytes).await;
    let mut answers = Vec::new();
    if let Some(mut client) = client.with_context(|| format!("{}: control socket", dir.display()))? {
        for request in &requests {
            answers.push(client.ask(request).await?);
        }
        return Ok(answers);
    }
    observe::log(&LogSettings { level: "warn".into(), format: LogFormat::Text });
    let services = Services::open(config, World::system())?;
    for request in requests {
        answers.push(execute(&services, request).await?);
    }
    Ok(answers)
}
