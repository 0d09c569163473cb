//! `poshta demo`: everything on loopback, with test users, in a fresh directory or in one that is kept.
//!
//! The invariant: no packet leaves loopback. Every listener is on 127.0.0.1, and names are resolved from the
//! demo's own zone only.

mod authority;
mod eds;
mod registers;
mod setup;
mod signs;
mod welcome;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::accounts::{AccountError, NewAccount};
use crate::auth::{AuthError, Secret};
use crate::clock::World;
use crate::config::ConfigError;
use crate::outbound::dkim::{BadKey, Dkim, Record};
use crate::server::{Addresses, Running, Server, Services, Signals, StartError};
use crate::store::Stuck;
use crate::store::accounts::Kind;
use crate::trust::zone::{Zone, ZoneServer};

use self::authority::AuthorityError;
use self::setup::{DOMAIN, HYBRID_DOMAIN, PEER, PRINT_CENTRE, PRINT_KEY, SCAN_CENTRE, Setup};

pub use self::eds::{Eds, Holder};
pub use self::setup::Options;

/// The names that the demo's own DNS knows; all others do not exist.
const ZONE: &str = "\
poshta.example MX 10 mx.poshta.example
poshta.example TXT v=spf1 a:mx.poshta.example -all
hat.poshta.example MX 10 mx.poshta.example
mx.poshta.example A 127.0.0.1
gov.example MX 10 mx.gov.example
mx.gov.example A 127.0.0.1
localhost A 127.0.0.1
";

/// Home of the demo's users.
const POSTAL_INDEX: &str = "010000";

/// Most users of a demo: their names have three digits or more.
const MAX_USERS: u32 = 100_000;

/// Accounts that are being created at one time.
const AT_ONCE: usize = 64;

/// A demo that listens.
#[derive(Debug)]
pub struct Demo {
    /// What it is called and where it is.
    pub facts: Facts,
    running: Running,
    _zone: ZoneServer,
    _registers: crate::registers::standin::Listening,
    _fresh: Option<FreshDir>,
}

/// What `poshta demo --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Everything listens.
    pub ready: bool,
    /// The process.
    pub pid: u32,
    /// The directory.
    pub dir: PathBuf,
    /// The mail domain.
    pub domain: &'static str,
    /// The domain of letters on paper.
    pub hybrid_domain: &'static str,
    /// The CA's certificate.
    pub ca: PathBuf,
    /// From other servers.
    pub smtp: String,
    /// From users, STARTTLS.
    pub submission: String,
    /// From users, TLS.
    pub submissions: String,
    /// IMAP, STARTTLS.
    pub imap: String,
    /// IMAP, TLS.
    pub imaps: String,
    /// Print and scan centres.
    pub http: String,
    /// Health and metrics.
    pub operator: String,
    /// The users.
    pub users: Vec<User>,
    /// The government peer.
    pub peer: Peer,
    /// The print centre.
    pub print_centre: Centre,
    /// The scan centre.
    pub scan_centre: Centre,
    /// Who has a key for electronic signatures.
    pub eds: Eds,
}

/// A user of the demo.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// The login.
    pub login: String,
    /// The address.
    pub address: String,
    /// The password.
    pub password: String,
}

/// The peer of the demo.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// Its certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A centre of the demo.
#[derive(Clone, Debug, Serialize)]
pub struct Centre {
    /// Its facility.
    pub id: &'static str,
    /// Its bearer token.
    pub token: String,
    /// P9: its secret key for sealed bundles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The directory cannot be used.
    #[error("{}: {error}", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The certificates.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The configuration cannot be written.
    #[error("cannot write the demo's configuration: {0}")]
    Configuration(toml::ser::Error),
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The demo's name server.
    #[error("the demo's name server: {0}")]
    Zone(String),
    /// The server.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An account.
    #[error("cannot create {login}: {error}")]
    Account {
        /// Whose.
        login: String,
        /// Why not.
        error: AccountError,
    },
    /// The password.
    #[error(transparent)]
    Password(#[from] AuthError),
    /// The stand-in for state registers.
    #[error("the demo's registers: {0}")]
    Registers(String),
    /// The keys that sign letters.
    #[error(transparent)]
    Dkim(#[from] BadKey),
    /// The payment signs.
    #[error("the demo's payment signs: {0}")]
    Signs(String),
    /// Too many users.
    #[error("a demo has at most {MAX_USERS} users")]
    Users,
}

/// A directory that goes with the demo.
#[derive(Debug)]
struct FreshDir(PathBuf);

impl Drop for FreshDir {
    fn drop(&mut self) {
        // What cannot be removed lies in the directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Demo {
    /// Starts a demo. When this answers, everything listens and the users can log in.
    ///
    /// # Errors
    /// See [`DemoError`]; each says what to do.
    pub async fn start(options: &Options, world: World) -> Result<Self, DemoError> {
        if options.users > MAX_USERS {
            return Err(DemoError::Users);
        }
        let (dir, fresh) = match &options.dir {
            Some(dir) => (dir.clone(), None),
            None => {
                let name = format!("poshta-demo-{}", crate::ids::ItemId::generate(&world));
                let dir = std::env::temp_dir().join(name);
                (dir.clone(), Some(FreshDir(dir)))
            }
        };
        let Setup { mut config, secrets, authority, eds } = Setup::prepare(&dir, options, &world)?;
        let zone = Zone::parse(ZONE).map_err(DemoError::Zone)?;
        let zone = ZoneServer::start(zone, SocketAddr::from(([127, 0, 0, 1], 0)));
        let zone = zone.await.map_err(|error| DemoError::Zone(error.to_string()))?;
        config.trust.name_servers = vec![zone.address()];
        let registers = registers::start(&mut config, &world, options.consent_code.as_deref()).await?;
        let running = Server::start(config, world.clone()).await?;
        signs::issue(&running.services, &running.services.config.server.dir, &world).await?;
        let config = &running.services.config;
        let dkim = Dkim::open(&config.outbound.dkim, &config.accounts.parsed_domains().unwrap_or_default())?.records();
        let dkim = dkim.into_iter().map(|record: Record| (record.name.clone(), record.text()));
        let records = running.services.devices.marks().dns().into_iter().chain(dkim);
        let keys: String = records.map(|(name, text)| format!("{name} TXT {text}\n")).collect();
        zone.add(Zone::parse(&keys).map_err(DemoError::Zone)?);
        let users = users(&running.services, options.users, &secrets.password).await?;
        let dir = &running.services.config.server.dir;
        let facts = facts(&running.addresses, dir, (&authority, eds), &secrets, users);
        Ok(Demo { facts, running, _zone: zone, _registers: registers, _fresh: fresh })
    }

    /// The friendly table, with commands to copy.
    #[must_use]
    pub fn welcome(&self) -> String {
        welcome::text(&self.facts)
    }

    /// Serves as [`Running::until_stopped`].
    pub async fn until_stopped(self, signals: Signals) -> Stuck {
        self.running.until_stopped(signals).await
    }
}

/// One password for all: hashed once, however many users there are. Users of an earlier run are kept.
async fn users(services: &Services, count: u32, password: &str) -> Result<Vec<User>, DemoError> {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0)).ip();
    let hash = services.authenticator.hash(&Secret::new(password.to_owned()), loopback).await?;
    let user = |number: u32| {
        let (hash, login) = (hash.clone(), format!("user{number:03}"));
        async move {
            let new = NewAccount {
                login: login.clone(),
                address: None,
                kind: Kind::Individual,
                display_name: format!("Demo User {number}"),
                person: None,
                postal_index: Some(POSTAL_INDEX.to_owned()),
                password: hash,
            };
            match services.accounts.create(new).await {
                Ok(_) | Err(AccountError::LoginTaken(_)) => {}
                Err(error) => return Err(DemoError::Account { login, error }),
            }
            Ok(User { address: format!("{login}@{DOMAIN}"), login, password: password.to_owned() })
        }
    };
    futures_util::stream::iter((1..=count).map(user)).buffered(AT_ONCE).try_collect().await
}

fn facts(
    addresses: &Addresses,
    dir: &Path,
    (authority, eds): (&authority::Authority, Eds),
    secrets: &setup::Secrets,
    users: Vec<User>,
) -> Facts {
    let first = |list: &[SocketAddr]| list.first().map(ToString::to_string).unwrap_or_default();
    let url = |scheme: &str, address: Option<SocketAddr>| {
        address.map(|address| format!("{scheme}://{address}")).unwrap_or_default()
    };
    Facts {
        ready: true,
        pid: std::process::id(),
        dir: dir.to_owned(),
        domain: DOMAIN,
        hybrid_domain: HYBRID_DOMAIN,
        ca: authority.ca.clone(),
        smtp: first(&addresses.smtp),
        submission: first(&addresses.submission),
        submissions: first(&addresses.submissions),
        imap: first(&addresses.imap),
        imaps: first(&addresses.imaps),
        http: url("https", addresses.http),
        operator: url("http", addresses.operator),
        users,
        peer: Peer { name: PEER, cert: authority.peer.clone(), key: authority.peer_key.clone() },
        print_centre: Centre { id: PRINT_CENTRE, token: secrets.print_token.clone(), key: Some(dir.join(PRINT_KEY)) },
        scan_centre: Centre { id: SCAN_CENTRE, token: secrets.scan_token.clone(), key: None },
        eds,
    }
}

#[cfg(test)]
mod tests;
