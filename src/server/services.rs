//! Every service, built once: what the server runs and what a command uses when no server holds the directory.

mod assembly;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::accounts::{self, Accounts};
use crate::administration::Administration;
use crate::announcements::Announcements;
use crate::audit::Audit;
use crate::auth::{self, Authenticator};
use crate::clock::World;
use crate::closings::Closings;
use crate::config::{Config, ConfigError};
use crate::devices::Devices;
use crate::http::access::{BadToken, Principals};
use crate::http::{self, Api};
use crate::hybrid::Paper;
use crate::hybrid::scans::ScanDesk;
use crate::hybrid::workers::Workers;
use crate::intake::Intake;
use crate::mailfiles;
use crate::outbound::{Outbound, dkim};
use crate::people::base::Base;
use crate::people::lookups::Lookups;
use crate::people::mail_servers::Bound;
use crate::people::registration::Registration;
use crate::people::{
    Agreements, Cabinet, Confirmations, Counter, MailServers, People, SignatureSignIn, Signatures, signatures,
};
use crate::postal::Registry;
use crate::publisher::Publisher;
use crate::pulse::Pulse;
use crate::quota::warning::Warnings;
use crate::receipts::{Fetches, Receipts};
use crate::registers::{self, Registers};
use crate::retention::Retention;
use crate::sessions::Sessions;
use crate::store::{self, Store};
use crate::trust::DnsError;

use self::assembly::Ground;
use super::run::Addresses;

/// The services of one data directory. Clones share them.
#[derive(Clone, Debug)]
pub struct Services {
    /// What they were built from.
    pub config: Arc<Config>,
    /// Clock and randomness.
    pub world: World,
    /// The data directory.
    pub store: Store,
    /// Who has a mailbox.
    pub accounts: Accounts,
    /// Who did what.
    pub audit: Audit,
    /// What administrators do with accounts.
    pub administration: Administration,
    /// Planned work that people are told of.
    pub announcements: Announcements,
    /// The unified base (M23).
    pub base: Base,
    /// What state systems ask of it.
    pub lookups: Lookups,
    /// Who it is.
    pub authenticator: Authenticator,
    /// Who is signed in to the pages, and who is staff.
    pub sessions: Sessions,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// The devices that make marks.
    pub devices: Devices,
    /// Letters on paper.
    pub paper: Paper,
    /// The one way in.
    pub intake: Intake,
    /// Scanned letters.
    pub scans: ScanDesk,
    /// Letters to other domains.
    pub outbound: Outbound,
    /// Mailboxes that are nearly full.
    pub warnings: Warnings,
    /// Trash and Junk.
    pub retention: Retention,
    /// The transparency log.
    pub publisher: Publisher,
    /// Receipts for senders.
    pub receipts: Receipts,
    /// Where sessions say what was fetched.
    pub fetches: Fetches,
    /// The daily closings of the devices.
    pub closings: Closings,
    /// They open documents of others, and draw.
    pub workers: Workers,
    /// The user agreement and who consented to it.
    pub agreements: Agreements,
    /// What the cabinet knows of users.
    pub people: People,
    /// Who signed something.
    pub signatures: Signatures,
    /// Lets in whoever signs.
    pub signature_sign_in: SignatureSignIn,
    /// How people get mailboxes.
    pub registration: Registration,
    /// The state registers.
    pub registers: Registers,
    /// And at a counter.
    pub counter: Counter,
    /// How the server does from minute to minute.
    pub pulse: Pulse,
}

/// Why the services cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration, or a file it names, is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `[accounts]` is wrong.
    #[error(transparent)]
    Accounts(#[from] accounts::SettingsError),
    /// The data directory cannot be opened.
    #[error("the data directory: {0}")]
    Store(#[from] store::Error),
    /// The threads that hash cannot be started.
    #[error(transparent)]
    Auth(#[from] auth::StartError),
    /// `[eds]` names a file or an address that cannot be used.
    #[error(transparent)]
    Eds(#[from] signatures::LoadError),
    /// The resolver cannot be set up.
    #[error("trust.name_servers: {0}")]
    Dns(#[from] DnsError),
    /// The running binary cannot be found, so no worker can be started from it.
    #[error("cannot find the running program for its workers: {0}")]
    Program(std::io::Error),
    /// A key that is to sign letters cannot be used.
    #[error("outbound.dkim.keys: {}; {}", .0, .0.remedy())]
    Dkim(#[from] dkim::BadKey),
    /// The keys for state registers cannot be used.
    #[error(transparent)]
    Registers(#[from] registers::BadSettings),
    /// rustls cannot be set up.
    #[error("TLS for outbound connections: {0}")]
    Tls(#[from] rustls::Error),
}

impl Services {
    /// Opens the data directory and builds everything over it. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what to do.
    pub fn open(config: Config, world: World) -> Result<Self, OpenError> {
        let store = Store::open(&config.server.dir, &config.store)?;
        Self::over(config, world, store)
    }

    /// As [`Services::open`], over a data directory that is open already.
    ///
    /// # Errors
    /// As [`Services::open`].
    pub fn over(config: Config, world: World, store: Store) -> Result<Self, OpenError> {
        let ground = Ground::new(config, world, store)?;
        let logins = ground.logins()?;
        let post = ground.post(&logins.accounts)?;
        let proof = ground.proof(&logins.accounts, &post);
        let office = ground.office(&logins, &post)?;
        let audit = ground.audit();
        let Ground { config, world, store, .. } = &ground;
        Ok(Services {
            administration: ground.administration(&logins, &audit),
            announcements: Announcements::open(config.notices.clone(), store.clone(), world.clone())?,
            lookups: Lookups::new(logins.base.clone(), logins.accounts.clone(), config.base.clone()),
            warnings: Warnings {
                settings: config.quota.clone(),
                store: store.clone(),
                intake: post.intake.clone(),
                world: world.clone(),
                mail_domain: ground.mail_domain.clone(),
            },
            retention: Retention::new(config.retention.clone(), store.clone(), world.clone()),
            pulse: Pulse::default(),
            audit,
            base: logins.base,
            accounts: logins.accounts,
            authenticator: logins.authenticator,
            sessions: logins.sessions,
            devices: post.devices,
            workers: post.workers,
            paper: post.paper,
            intake: post.intake,
            scans: post.scans,
            outbound: post.outbound,
            publisher: proof.publisher,
            receipts: proof.receipts,
            fetches: proof.fetches,
            closings: proof.closings,
            agreements: office.agreements,
            people: office.people,
            signatures: office.signatures,
            signature_sign_in: office.signature_sign_in,
            registers: office.registers,
            registration: office.registration,
            counter: office.counter,
            registry: ground.registry,
            config: Arc::new(ground.config),
            world: ground.world,
            store: ground.store,
        })
    }

    /// What answers over HTTP, where the server listens on these addresses. Needs a tokio runtime.
    ///
    /// # Errors
    /// `[[http.tokens]]` is wrong.
    pub fn api(&self, addresses: &Addresses) -> Result<Api, BadToken> {
        let settings = &self.config.http;
        Ok(Api::new(http::Parts {
            settings: Arc::new(settings.clone()),
            principals: Principals::new(&settings.tokens)?,
            authenticator: self.authenticator.clone(),
            sessions: self.sessions.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
            devices: self.devices.clone(),
            queue: self.paper.queue().clone(),
            scans: self.scans.clone(),
            publisher: self.publisher.clone(),
            closings: self.closings.clone(),
            workers: self.workers.clone(),
            cabinet: self.cabinet(addresses),
            registration: self.registration.clone(),
            counter: self.counter.clone(),
            signatures: self.signatures.clone(),
            signature_sign_in: self.signature_sign_in.clone(),
            audit: self.audit.clone(),
            lookups: self.lookups.clone(),
            administration: self.administration.clone(),
            announcements: self.announcements.clone(),
            registry: Arc::clone(&self.registry),
            pulse: self.pulse.clone(),
        }))
    }

    /// What the cabinet is made of, where the server listens on these addresses. Needs a tokio runtime.
    #[must_use]
    pub fn cabinet(&self, addresses: &Addresses) -> Cabinet {
        let config = &self.config;
        let settings = &config.cabinet;
        let port = |bound: &[SocketAddr]| bound.first().map(SocketAddr::port);
        let bound = Bound { imaps: port(&addresses.imaps), submissions: port(&addresses.submissions) };
        let (people, signatures) = (self.people.clone(), self.signatures.clone());
        Cabinet {
            agreements: self.agreements.clone(),
            confirmations: Confirmations::new(people.clone(), signatures, self.world.clone(), settings.clone()),
            people,
            accounts: self.accounts.clone(),
            registration: self.registration.clone(),
            questions: Arc::new(settings.questions()),
            quota: config.quota.clone(),
            closed_days: config.retention.closed_days,
            mail: MailServers::of(settings, &config.server.hostname, &config.accounts.domains, bound),
            mail_files: mailfiles::Services {
                store: self.store.clone(),
                world: self.world.clone(),
                caps: config.message.clone(),
                max_message_bytes: config.imap.protocol.max_message_bytes,
                quota: config.quota.clone(),
                log: None,
                pages: config.receipts.public_url(&config.server.hostname),
                runtime: Handle::current(),
            },
            exports: Arc::new(Semaphore::new(settings.max_exports)),
        }
    }
}
