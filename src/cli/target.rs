//! Where a command works: through the server that holds the data directory, or on the directory itself.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::clock::World;
use crate::config::{Config, LogFormat, LogSettings};
use crate::server::control::{Client, Listener, Request, execute_telling};
use crate::server::{Services, observe};
use crate::store::Done;

use super::WrongUse;
use super::progress::Bar;

/// Cache of a command that works on one mailbox: that of a server has room for all, and would be most of the memory
/// that the command takes.
const ONE_MAILBOX_CACHE_BYTES: u64 = 16 << 20;

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
        Self::open_with(self.configuration()?)
    }

    fn open_with(config: Config) -> anyhow::Result<Session> {
        let dir = config.server.dir.clone();
        anyhow::ensure!(dir.is_dir(), "{}: there is no such directory; `poshta serve` makes it", dir.display());
        let runtime = Runtime::new().context("cannot start")?;
        let client = runtime.block_on(Client::connect(&dir, config.server.max_control_line_bytes));
        let holder = match client.with_context(|| format!("{}: control socket", dir.display()))? {
            Some(client) => Holder::Server(Box::new(client)),
            None => {
                super::write_for_owner_only();
                log_warnings();
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

    /// Has one request executed that takes long, and shows how far it has come.
    pub(super) fn ask_at_length(&self, request: Request, what: &'static str) -> anyhow::Result<Value> {
        let mut bar = Bar::new(what);
        self.open()?.ask_telling(request, |done| bar.draw(done))
    }

    /// The same for a request that concerns one mailbox only.
    pub(super) fn ask_for_one_mailbox(&self, request: Request, what: &'static str) -> anyhow::Result<Value> {
        let mut config = self.configuration()?;
        config.store.cache_bytes = config.store.cache_bytes.min(ONE_MAILBOX_CACHE_BYTES);
        let mut bar = Bar::new(what);
        Self::open_with(config)?.ask_telling(request, |done| bar.draw(done))
    }
}

/// A data directory to which requests can be put, one after the other.
pub(super) struct Session {
    holder: Holder,
    runtime: Runtime,
}

/// Progress that goes to the caller.
struct Told<'a, F>(&'a mut F);

impl<F: FnMut(Done) + Send> Listener for Told<'_, F> {
    async fn tell(&mut self, done: Done) -> std::io::Result<()> {
        (self.0)(done);
        Ok(())
    }
}

/// Who holds the directory.
enum Holder {
    Server(Box<Client>),
    Command(Box<Services>),
}

impl Session {
    /// Has a request executed.
    pub(super) fn ask(&mut self, request: Request) -> anyhow::Result<Value> {
        self.ask_telling(request, |_| ())
    }

    /// Has a request executed; `progress` hears how far it has come.
    pub(super) fn ask_telling(
        &mut self,
        request: Request,
        mut progress: impl FnMut(Done) + Send,
    ) -> anyhow::Result<Value> {
        let answer = match &mut self.holder {
            Holder::Server(client) => self.runtime.block_on(client.ask_telling(&request, progress)),
            Holder::Command(services) => {
                let told = &mut Told(&mut progress);
                self.runtime.block_on(execute_telling(services, request, std::future::pending(), told))?
            }
        };
        Ok(answer?)
    }
}

/// A command that works on the directory itself tells only what is wrong.
pub(super) fn log_warnings() {
    observe::log(&LogSettings { level: "warn".into(), format: LogFormat::Text });
}
