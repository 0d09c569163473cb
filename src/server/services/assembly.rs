//! In which order the services are built, and who is built from whom: what moves letters, then what proves it, then what
//! people ask for.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::administration::{self, Administration};
use crate::audit::{self, Audit};
use crate::auth::Authenticator;
use crate::clock::World;
use crate::closings::{self, Closings};
use crate::config::Config;
use crate::devices::{self, Devices, NtpServers, TimeSource};
use crate::hybrid::scans::{self, ScanDesk};
use crate::hybrid::workers::{Launch, Workers};
use crate::hybrid::{self, Paper};
use crate::intake::{self, Intake};
use crate::outbound::dkim::Dkim;
use crate::outbound::{self, Outbound};
use crate::payment::{self, Payments};
use crate::people::base::Base;
use crate::people::registration::{self, Registration};
use crate::people::{Agreements, Counter, People, SignatureSignIn, Signatures, counter, sign_in};
use crate::postal::Registry;
use crate::publisher::{self, Publisher};
use crate::receipts::{self, Fetches, Receipts};
use crate::registers::{self, Registers};
use crate::sessions::Sessions;
use crate::store::Store;
use crate::trust::{Dns, Verifier};

use super::OpenError;

/// What every service stands on.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) world: World,
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    /// The first of our domains.
    pub(super) mail_domain: String,
}

/// Who has a mailbox, and who it is.
pub(super) struct Logins {
    pub(super) accounts: Accounts,
    pub(super) authenticator: Authenticator,
    pub(super) base: Base,
    pub(super) sessions: Sessions,
}

/// What moves letters.
pub(super) struct Post {
    pub(super) devices: Devices,
    pub(super) workers: Workers,
    pub(super) paper: Paper,
    pub(super) intake: Intake,
    pub(super) scans: ScanDesk,
    pub(super) outbound: Outbound,
}

/// What proves what became of letters.
pub(super) struct Proof {
    pub(super) publisher: Publisher,
    pub(super) receipts: Receipts,
    pub(super) fetches: Fetches,
    pub(super) closings: Closings,
}

/// How people come to their mailboxes.
pub(super) struct Office {
    pub(super) agreements: Agreements,
    pub(super) people: People,
    pub(super) signatures: Signatures,
    pub(super) signature_sign_in: SignatureSignIn,
    pub(super) registers: Registers,
    pub(super) registration: Registration,
    pub(super) counter: Counter,
}

impl Ground {
    pub(super) fn new(config: Config, world: World, store: Store) -> Result<Self, OpenError> {
        let registry = Arc::new(config.registry(world.now())?);
        let mail_domain = config.accounts.domains.first().cloned().unwrap_or_default();
        Ok(Ground { config, world, store, registry, mail_domain })
    }

    pub(super) fn logins(&self) -> Result<Logins, OpenError> {
        let Ground { config, world, store, .. } = self;
        let accounts = Accounts::new(store.clone(), world.clone(), &config.accounts)?;
        let authenticator = Authenticator::start(accounts.clone(), world.clone(), &config.auth)?;
        let base = Base::new(accounts.clone());
        let sessions = Sessions::new(base.clone(), store.clone(), world.clone(), config.sessions.clone());
        Ok(Logins { accounts, authenticator, base, sessions })
    }

    pub(super) fn post(&self, accounts: &Accounts) -> Result<Post, OpenError> {
        let config = &self.config;
        let devices = self.devices()?;
        let workers = Workers::new(config.hybrid.workers.clone(), Launch::own_binary().map_err(OpenError::Program)?);
        let dns = Dns::new(&config.trust)?;
        let paper = self.paper(&devices, &workers);
        let intake = self.intake(&devices, accounts, &dns, &paper);
        let scans = ScanDesk::new(scans::Parts {
            store: self.store.clone(),
            world: self.world.clone(),
            registry: Arc::clone(&self.registry),
            workers: workers.clone(),
            accounts: accounts.clone(),
            intake: intake.clone(),
            settings: Arc::new(config.hybrid.clone()),
            domain: self.mail_domain.clone(),
        });
        let outbound = Outbound::new(outbound::Services {
            settings: config.outbound.clone(),
            store: self.store.clone(),
            intake: intake.clone(),
            dns,
            tls: outbound::opportunistic_tls()?,
            dkim: Dkim::open(&config.outbound.dkim, &config.accounts.parsed_domains()?)?,
            host_name: config.server.hostname.clone(),
            mail_domain: self.mail_domain.clone(),
            world: self.world.clone(),
        });
        Ok(Post { devices, workers, paper, intake, scans, outbound })
    }

    fn devices(&self) -> Result<Devices, OpenError> {
        let config = &self.config;
        let servers = NtpServers::new(&config.clock, &self.world);
        let devices = Devices::new(devices::Parts {
            settings: config.devices.clone(),
            clock: config.clock.clone(),
            time_source: servers.map(|servers| Arc::new(servers) as Arc<dyn TimeSource>),
            node: config.server.hostname.clone(),
            dir: config.server.dir.join(devices::DIR),
            registry: Arc::clone(&self.registry),
            operators: config.operators()?,
            log_origin: config.tlog.origin(&config.accounts.domains),
            store: self.store.clone(),
            world: self.world.clone(),
        })?;
        Ok(devices)
    }

    fn paper(&self, devices: &Devices, workers: &Workers) -> Paper {
        let payments = Payments::new(payment::Parts {
            settings: self.config.payment.clone(),
            registry: Arc::clone(&self.registry),
            facility: self.config.postal.submission_facility.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        });
        Paper::new(hybrid::Parts {
            settings: Arc::new(self.config.hybrid.clone()),
            facilities: Arc::new(self.config.postal.clone()),
            registry: Arc::clone(&self.registry),
            devices: devices.clone(),
            payments,
            store: self.store.clone(),
            workers: workers.clone(),
            world: self.world.clone(),
            mail_domain: self.mail_domain.clone(),
        })
    }

    fn intake(&self, devices: &Devices, accounts: &Accounts, dns: &Dns, paper: &Paper) -> Intake {
        let config = &self.config;
        Intake::new(intake::Services {
            settings: config.intake.clone(),
            hybrid_domain: config.hybrid.domain.clone(),
            confirm_page: format!("{}/cabinet/confirm", self.url()),
            caps: config.message.clone(),
            facilities: config.postal.clone(),
            registry: Arc::clone(&self.registry),
            devices: devices.clone(),
            store: self.store.clone(),
            accounts: accounts.clone(),
            verifier: Verifier::new(dns.clone(), &config.trust, &config.server.hostname),
            paper: paper.clone(),
            host_name: config.server.hostname.clone(),
            quota: config.quota.clone(),
            world: self.world.clone(),
        })
    }

    pub(super) fn proof(&self, accounts: &Accounts, post: &Post) -> Proof {
        let config = &self.config;
        let publisher = Publisher::new(publisher::Parts {
            settings: config.tlog.clone(),
            origin: config.tlog.origin(&config.accounts.domains),
            dir: config.server.dir.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        });
        let (fetches, fetched) = Fetches::channel(config.receipts.max_fetched_waiting);
        let receipts = Receipts::new(receipts::Parts {
            settings: config.receipts.clone(),
            facilities: config.postal.clone(),
            store: self.store.clone(),
            accounts: accounts.clone(),
            intake: post.intake.clone(),
            publisher: publisher.clone(),
            publishes: config.tlog.checkpoint_interval_s > 0,
            devices: post.devices.clone(),
            registry: Arc::clone(&self.registry),
            workers: post.workers.clone(),
            fetched,
            world: self.world.clone(),
            host_name: config.server.hostname.clone(),
            mail_domain: self.mail_domain.clone(),
        });
        let closings = Closings::new(closings::Parts {
            settings: config.closings.clone(),
            registry: Arc::clone(&self.registry),
            devices: post.devices.clone(),
            publisher: publisher.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        });
        Proof { publisher, receipts, fetches, closings }
    }

    pub(super) fn audit(&self) -> Audit {
        let config = &self.config;
        Audit::new(audit::Parts {
            settings: config.audit.clone(),
            origin: format!("{}/audit", config.accounts.domains.first().map_or("poshta", String::as_str)),
            dir: config.server.dir.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        })
    }

    pub(super) fn administration(&self, logins: &Logins, audit: &Audit) -> Administration {
        Administration::new(administration::Parts {
            accounts: logins.accounts.clone(),
            authenticator: logins.authenticator.clone(),
            sessions: logins.sessions.clone(),
            base: logins.base.clone(),
            audit: audit.clone(),
            store: self.store.clone(),
            quota: self.config.quota.clone(),
            retention: self.config.retention.clone(),
            world: self.world.clone(),
        })
    }

    pub(super) fn office(&self, logins: &Logins, post: &Post) -> Result<Office, OpenError> {
        let Ground { config, world, store, mail_domain, .. } = self;
        let agreements = Agreements::new(store.clone(), world.clone(), mail_domain.clone());
        let signatures = Signatures::new(&config.eds, world.clone())?;
        let signature_sign_in = SignatureSignIn::new(sign_in::Parts {
            accounts: logins.accounts.clone(),
            sessions: logins.sessions.clone(),
            signatures: signatures.clone(),
            world: world.clone(),
            domain: mail_domain.clone(),
        });
        let registers = Registers::new(registers::Parts {
            settings: config.registers.clone(),
            store: store.clone(),
            world: world.clone(),
        })?;
        let registration = self.registration(logins, post, (&agreements, &signatures, &registers));
        let counter = Counter::new(counter::Parts {
            settings: config.desk.clone(),
            store: store.clone(),
            world: world.clone(),
            accounts: logins.accounts.clone(),
            authenticator: logins.authenticator.clone(),
            registration: registration.clone(),
            workers: post.workers.clone(),
        });
        let people = People::new(store.clone(), world.clone());
        Ok(Office { agreements, people, signatures, signature_sign_in, registers, registration, counter })
    }

    fn registration(
        &self,
        logins: &Logins,
        post: &Post,
        (agreements, signatures, registers): (&Agreements, &Signatures, &Registers),
    ) -> Registration {
        Registration::new(registration::Parts {
            settings: self.config.registration.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
            accounts: logins.accounts.clone(),
            authenticator: logins.authenticator.clone(),
            agreements: agreements.clone(),
            signatures: signatures.clone(),
            intake: post.intake.clone(),
            workers: post.workers.clone(),
            registry: Arc::clone(&self.registry),
            facility: self.config.postal.submission_facility.clone(),
            mail_domain: self.mail_domain.clone(),
            url: self.url(),
            registers: registers.clone(),
        })
    }

    /// Where people reach the pages.
    fn url(&self) -> String {
        self.config.receipts.public_url(&self.config.server.hostname)
    }
}
