//! Every service, built once: what the server runs and what a command uses when no server holds the directory.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::accounts::{self, Accounts};
use crate::administration::{self, Administration};
use crate::announcements::Announcements;
use crate::audit::{self, Audit};
use crate::auth::{self, Authenticator};
use crate::clock::World;
use crate::closings::{self, Closings};
use crate::config::{Config, ConfigError};
use crate::devices::{self, Devices, NtpServers, TimeSource};
use crate::http::access::{BadToken, Principals};
use crate::http::{self, Api};
use crate::hybrid::scans::{self, ScanDesk};
use crate::hybrid::workers::{Launch, Workers};
use crate::hybrid::{self, Paper};
use crate::intake::{self, Intake};
use crate::mailfiles;
use crate::outbound::{self, Outbound};
use crate::payment::{self, Payments};
use crate::people::base::Base;
use crate::people::lookups::Lookups;
use crate::people::mail_servers::Bound;
use crate::people::registration::{self, Registration};
use crate::people::{
    Agreements, Cabinet, Confirmations, Counter, MailServers, People, SignatureSignIn, Signatures, counter, sign_in,
    signatures,
};
use crate::postal::Registry;
use crate::publisher::{self, Publisher};
use crate::pulse::Pulse;
use crate::quota::warning::Warnings;
use crate::receipts::{self, Fetches, Receipts};
use crate::registers::{self, Registers};
use crate::retention::Retention;
use crate::sessions::Sessions;
use crate::store::{self, Store};
use crate::trust::{Dns, DnsError, Verifier};

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
        let registry = Arc::new(config.registry(world.now())?);
        let time_source =
            NtpServers::new(&config.clock, &world).map(|servers| Arc::new(servers) as Arc<dyn TimeSource>);
        let devices = Devices::new(devices::Parts {
            settings: config.devices.clone(),
            clock: config.clock.clone(),
            time_source,
            node: config.server.hostname.clone(),
            dir: config.server.dir.join(devices::DIR),
            registry: Arc::clone(&registry),
            operators: config.operators()?,
            log_origin: config.tlog.origin(&config.accounts.domains),
            store: store.clone(),
            world: world.clone(),
        })?;
        let accounts = Accounts::new(store.clone(), world.clone(), &config.accounts)?;
        let authenticator = Authenticator::start(accounts.clone(), world.clone(), &config.auth)?;
        let base = Base::new(accounts.clone());
        let sessions = Sessions::new(base.clone(), store.clone(), world.clone(), config.sessions.clone());
        let workers = Workers::new(config.hybrid.workers.clone(), Launch::own_binary().map_err(OpenError::Program)?);
        let dns = Dns::new(&config.trust)?;
        let mail_domain = config.accounts.domains.first().cloned().unwrap_or_default();
        let payments = Payments::new(payment::Parts {
            settings: config.payment.clone(),
            registry: Arc::clone(&registry),
            facility: config.postal.submission_facility.clone(),
            store: store.clone(),
            world: world.clone(),
        });
        let paper = Paper::new(hybrid::Parts {
            settings: Arc::new(config.hybrid.clone()),
            facilities: Arc::new(config.postal.clone()),
            registry: Arc::clone(&registry),
            devices: devices.clone(),
            payments,
            store: store.clone(),
            workers: workers.clone(),
            world: world.clone(),
            mail_domain: mail_domain.clone(),
        });
        let intake = Intake::new(intake::Services {
            settings: config.intake.clone(),
            hybrid_domain: config.hybrid.domain.clone(),
            confirm_page: format!("{}/cabinet/confirm", config.receipts.public_url(&config.server.hostname)),
            caps: config.message.clone(),
            facilities: config.postal.clone(),
            registry: Arc::clone(&registry),
            devices: devices.clone(),
            store: store.clone(),
            accounts: accounts.clone(),
            verifier: Verifier::new(dns.clone(), &config.trust, &config.server.hostname),
            paper: paper.clone(),
            host_name: config.server.hostname.clone(),
            quota: config.quota.clone(),
            world: world.clone(),
        });
        let scans = ScanDesk::new(scans::Parts {
            store: store.clone(),
            world: world.clone(),
            registry: Arc::clone(&registry),
            workers: workers.clone(),
            accounts: accounts.clone(),
            intake: intake.clone(),
            settings: Arc::new(config.hybrid.clone()),
            domain: mail_domain.clone(),
        });
        let outbound = Outbound::new(outbound::Services {
            settings: config.outbound.clone(),
            store: store.clone(),
            intake: intake.clone(),
            dns,
            tls: outbound::opportunistic_tls()?,
            host_name: config.server.hostname.clone(),
            mail_domain: mail_domain.clone(),
            world: world.clone(),
        });
        let warnings = Warnings {
            settings: config.quota.clone(),
            store: store.clone(),
            intake: intake.clone(),
            world: world.clone(),
            mail_domain: mail_domain.clone(),
        };
        let retention = Retention::new(config.retention.clone(), store.clone(), world.clone());
        let publisher = Publisher::new(publisher::Parts {
            settings: config.tlog.clone(),
            origin: config.tlog.origin(&config.accounts.domains),
            dir: config.server.dir.clone(),
            store: store.clone(),
            world: world.clone(),
        });
        let (fetches, fetched) = Fetches::channel(config.receipts.max_fetched_waiting);
        let receipts = Receipts::new(receipts::Parts {
            settings: config.receipts.clone(),
            facilities: config.postal.clone(),
            store: store.clone(),
            accounts: accounts.clone(),
            intake: intake.clone(),
            publisher: publisher.clone(),
            publishes: config.tlog.checkpoint_interval_s > 0,
            devices: devices.clone(),
            registry: Arc::clone(&registry),
            workers: workers.clone(),
            fetched,
            world: world.clone(),
            host_name: config.server.hostname.clone(),
            mail_domain: mail_domain.clone(),
        });
        let closings = Closings::new(closings::Parts {
            settings: config.closings.clone(),
            registry: Arc::clone(&registry),
            devices: devices.clone(),
            publisher: publisher.clone(),
            store: store.clone(),
            world: world.clone(),
        });
        let agreements = Agreements::new(store.clone(), world.clone(), mail_domain.clone());
        let people = People::new(store.clone(), world.clone());
        let signatures = Signatures::new(&config.eds, world.clone())?;
        let signature_sign_in = SignatureSignIn::new(sign_in::Parts {
            accounts: accounts.clone(),
            sessions: sessions.clone(),
            signatures: signatures.clone(),
            world: world.clone(),
            domain: mail_domain.clone(),
        });
        let lookups = Lookups::new(base.clone(), accounts.clone(), config.base.clone());
        let audit = Audit::new(audit::Parts {
            settings: config.audit.clone(),
            origin: format!("{}/audit", config.accounts.domains.first().map_or("poshta", String::as_str)),
            dir: config.server.dir.clone(),
            store: store.clone(),
            world: world.clone(),
        });
        let administration = Administration::new(administration::Parts {
            accounts: accounts.clone(),
            authenticator: authenticator.clone(),
            sessions: sessions.clone(),
            base: base.clone(),
            audit: audit.clone(),
            store: store.clone(),
            quota: config.quota.clone(),
            retention: config.retention.clone(),
            world: world.clone(),
        });
        let announcements = Announcements::open(config.notices.clone(), store.clone(), world.clone())?;
        let registers = Registers::new(registers::Parts {
            settings: config.registers.clone(),
            store: store.clone(),
            world: world.clone(),
        })?;
        let registration = Registration::new(registration::Parts {
            settings: config.registration.clone(),
            store: store.clone(),
            world: world.clone(),
            accounts: accounts.clone(),
            authenticator: authenticator.clone(),
            agreements: agreements.clone(),
            signatures: signatures.clone(),
            intake: intake.clone(),
            workers: workers.clone(),
            registry: Arc::clone(&registry),
            facility: config.postal.submission_facility.clone(),
            mail_domain,
            url: config.receipts.public_url(&config.server.hostname),
            registers: registers.clone(),
        });
        let counter = Counter::new(counter::Parts {
            settings: config.desk.clone(),
            store: store.clone(),
            world: world.clone(),
            accounts: accounts.clone(),
            authenticator: authenticator.clone(),
            registration: registration.clone(),
            workers: workers.clone(),
        });
        let config = Arc::new(config);
        Ok(Services {
            config,
            world,
            store,
            audit,
            administration,
            announcements,
            base,
            lookups,
            accounts,
            authenticator,
            sessions,
            registry,
            devices,
            paper,
            intake,
            scans,
            outbound,
            warnings,
            retention,
            publisher,
            receipts,
            fetches,
            closings,
            workers,
            agreements,
            people,
            registers,
            registration,
            signatures,
            signature_sign_in,
            counter,
            pulse: Pulse::default(),
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
                runtime: Handle::current(),
            },
            exports: Arc::new(Semaphore::new(settings.max_exports)),
        }
    }
}
