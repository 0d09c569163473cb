//! Where a command works: through the server that holds the data directory, or on the directory itself.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use tokio::runtime::Runtime;

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

    /// The server that holds the directory, or the directory itself when none does.
    pub(super) fn open(&self) -> anyhow::Result<Session> {
        let config = self.configuration()?;
        let dir = config.server.dir.clone();
        anyhow::ensure!(dir.is_dir(), "{}: there is no such directory; `poshta serve` makes it", dir.display());
        let runtime = Runtime::new().context("cannot start")?;
        let client = runtime.block_on(Client::connect(&dir, config.server.max_control_line_bytes));
        let holder = match client.with_context(|| format!("{}: control socket", dir.display()))? {
            Some(client) => Holder::Server(Box::new(client)),
            None => {
                super::write_for_owner_only();
                observe::log(&LogSettings { level: "warn".into(), format: LogFormat::Text });
                let _inside = runtime.enter();
                Holder::Command(Box::new(Services::open(config, World::system())?))
            }
        };
        Ok(Session { holder, runtime })
    }

    /// Has one request executed.
    pub(super) fn ask(&self, request: Request) -> anyhow::Result<Value> {
        self.open()?.ask(request)
    }
}

/// A data directory to which requests can be put, one after the other.
pub(super) struct Session {
    holder: Holder,
    runtime: Runtime,
}

/// Who holds the directory.
enum Holder {
    Server(Box<Client>),
    Command(Box<Services>),
}

impl Session {
    /// Has a request executed.
    pub(super) fn ask(&mut self, request: Request) -> anyhow::Result<Value> {
        let answer = match &mut self.holder {
            Holder::Server(client) => self.runtime.block_on(client.ask(&request)),
            Holder::Command(services) => self.runtime.block_on(execute(services, request)),
        };
        Ok(answer?)
    }
}
