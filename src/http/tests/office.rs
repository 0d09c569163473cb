//! The API over a real store, real intake and real workers, put together for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;

use super::super::access::{Principals, Role, hash_of};
use super::super::{Api, Parts, Settings, Token};
use crate::accounts::{Accounts, NewAccount};
use crate::administration::{self, Administration};
use crate::announcements::Announcements;
use crate::audit::{self, Audit};
use crate::auth::{self, Authenticator, Secret};
use crate::clock::World;
use crate::closings::{self, Closings};
use crate::devices::{Devices, TimeSource};
use crate::hybrid::scans::{self, ScanDesk};
use crate::hybrid::workers::{Launch, Workers};
use crate::hybrid::{self, Paper};
use crate::ids::AccountId;
use crate::intake::{Intake, Services};
use crate::message::Caps;
use crate::people;
use crate::people::base::Base;
use crate::people::lookups::Lookups;
use crate::people::registration::tests::Authority;
use crate::postal::{self, Registry};
use crate::publisher::{self, Publisher};
use crate::pulse::Pulse;
use crate::registers::{self, Registers};
use crate::sessions::{self, Sessions};
use crate::store::{self, Store};
use crate::trust::{self, Dns, Verifier};

pub(super) const PASSWORD: &str = "хатшы-password-1";

pub(super) struct Office {
    pub(super) router: Router,
    pub(super) paper: Paper,
    pub(super) intake: Intake,
    pub(super) store: Store,
    pub(super) publisher: Publisher,
    pub(super) devices: Devices,
    pub(super) accounts: Accounts,
    pub(super) announcements: Announcements,
    pub(super) base: Base,
    pub(super) sessions: Sessions,
    pub(super) authenticator: Authenticator,
    pub(super) registration: people::Registration,
    pub(super) account: AccountId,
    pub(super) authority: Authority,
    _dir: tempfile::TempDir,
}

pub(super) async fn office() -> Office {
    office_with(Settings::default()).await
}

pub(super) async fn office_with(settings_of_http: Settings) -> Office {
    office_over(settings_of_http, open).await
}

/// A store that is never full.
pub(super) fn open(dir: &Path) -> Store {
    let room = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
    Store::open(dir, &store::tests::as_chosen(room)).unwrap()
}

pub(super) async fn office_over(settings_of_http: Settings, open: impl FnOnce(&Path) -> Store) -> Office {
    office_asking(settings_of_http, registers::Settings::default(), open).await
}

/// An office that asks these registers.
pub(super) async fn office_asking(
    settings_of_http: Settings,
    registers: registers::Settings,
    open: impl FnOnce(&Path) -> Store,
) -> Office {
    office_of(settings_of_http, registers, None, open).await
}

/// An office whose clock is compared with this source.
pub(super) async fn office_under(source: Arc<dyn TimeSource>) -> Office {
    office_of(Settings::default(), registers::Settings::default(), Some(source), open).await
}

async fn office_of(
    settings_of_http: Settings,
    registers: registers::Settings,
    source: Option<Arc<dyn TimeSource>>,
    open: impl FnOnce(&Path) -> Store,
) -> Office {
    let dir = tempfile::tempdir().unwrap();
    let ground = Ground::lay(dir.path(), open(dir.path()), source);
    let account = aliya(&ground.accounts, &ground.authenticator).await;
    let post = ground.post();
    let registration = ground.registration(&post, registers);
    let publisher = ground.publisher();
    let api = ground.api(settings_of_http, &post, &registration, &publisher);
    let Ground { store, devices, accounts, announcements, base, sessions, authenticator, authority, .. } = ground;
    Office {
        router: api.router(),
        paper: post.paper,
        intake: post.intake,
        store,
        publisher,
        devices,
        accounts,
        announcements,
        base,
        sessions,
        authenticator,
        registration,
        account,
        authority,
        _dir: dir,
    }
}

/// What the services have in common.
struct Ground {
    dir: PathBuf,
    store: Store,
    world: World,
    accounts: Accounts,
    authenticator: Authenticator,
    sessions: Sessions,
    registry: Arc<Registry>,
    devices: Devices,
    base: Base,
    audit: Audit,
    announcements: Announcements,
    /// Whose certificates sign.
    authority: Authority,
}

impl Ground {
    fn lay(dir: &Path, store: Store, source: Option<Arc<dyn TimeSource>>) -> Ground {
        let world = World::system();
        let accounts = Accounts::new(store.clone(), world.clone(), &crate::accounts::Settings::default()).unwrap();
        let base = Base::new(accounts.clone());
        let cheap = auth::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Default::default() };
        let registry = Arc::new(Registry::parse(include_str!("../../../conf/facilities.toml")).unwrap());
        Ground {
            authenticator: Authenticator::start(accounts.clone(), world.clone(), &cheap).unwrap(),
            sessions: Sessions::new(base.clone(), store.clone(), world.clone(), sessions::Settings::default()),
            devices: crate::devices::tests::devices_under(source, &store, &registry, &world, dir),
            base,
            audit: Audit::new(audit::Parts {
                settings: audit::Settings::default(),
                origin: "poshta.example/audit".into(),
                dir: dir.to_owned(),
                store: store.clone(),
                world: world.clone(),
            }),
            announcements: Announcements::open(Default::default(), store.clone(), world.clone()).unwrap(),
            authority: Authority::new(),
            dir: dir.to_owned(),
            store,
            world,
            accounts,
            registry,
        }
    }

    fn api(&self, settings: Settings, post: &Post, registration: &people::Registration, publisher: &Publisher) -> Api {
        let limits = people::Settings { max_lookups_per_minute: 6, max_batch: 3 };
        Api::new(Parts {
            settings: Arc::new(settings),
            principals: Principals::new(&TOKENS.map(token)).unwrap(),
            authenticator: self.authenticator.clone(),
            sessions: self.sessions.clone(),
            store: self.store.clone(),
            closings: self.closings(publisher),
            workers: post.workers.clone(),
            counter: self.counter(post, registration),
            signatures: self.signatures(),
            signature_sign_in: self.signature_sign_in(),
            registration: registration.clone(),
            cabinet: self.cabinet(registration),
            world: self.world.clone(),
            devices: self.devices.clone(),
            queue: post.paper.queue().clone(),
            scans: post.scans.clone(),
            publisher: publisher.clone(),
            audit: self.audit.clone(),
            administration: self.administration(),
            announcements: self.announcements.clone(),
            registry: Arc::clone(&self.registry),
            lookups: Lookups::new(self.base.clone(), self.accounts.clone(), limits),
            pulse: Pulse::default(),
        })
    }

    fn administration(&self) -> Administration {
        Administration::new(administration::Parts {
            accounts: self.accounts.clone(),
            authenticator: self.authenticator.clone(),
            sessions: self.sessions.clone(),
            base: self.base.clone(),
            audit: self.audit.clone(),
            store: self.store.clone(),
            quota: crate::quota::Settings::default(),
            retention: crate::retention::Settings { closed_days: 30, ..Default::default() },
            world: self.world.clone(),
        })
    }

    fn agreements(&self) -> people::Agreements {
        people::Agreements::new(self.store.clone(), self.world.clone(), "poshta.example".into())
    }

    fn registration(&self, post: &Post, settings: registers::Settings) -> people::Registration {
        let registers = registers::Parts { settings, store: self.store.clone(), world: self.world.clone() };
        people::Registration::new(people::registration::Parts {
            settings: people::registration::Settings::default(),
            store: self.store.clone(),
            world: self.world.clone(),
            accounts: self.accounts.clone(),
            authenticator: self.authenticator.clone(),
            agreements: self.agreements(),
            signatures: self.signatures(),
            registers: Registers::new(registers).unwrap(),
            intake: post.intake.clone(),
            workers: post.workers.clone(),
            registry: Arc::clone(&self.registry),
            facility: String::new(),
            mail_domain: "poshta.example".into(),
            url: "https://localhost".into(),
        })
    }

    fn signatures(&self) -> people::Signatures {
        let anchor = self.dir.join("eds.der");
        std::fs::write(&anchor, self.authority.certificate.der()).unwrap();
        let settings = people::signatures::Settings {
            anchor_files: vec![anchor],
            revocation: people::signatures::RevocationCheck::Off,
            ..Default::default()
        };
        people::Signatures::new(&settings, self.world.clone()).unwrap()
    }

    fn signature_sign_in(&self) -> people::SignatureSignIn {
        people::SignatureSignIn::new(people::sign_in::Parts {
            accounts: self.accounts.clone(),
            sessions: self.sessions.clone(),
            signatures: self.signatures(),
            world: self.world.clone(),
            domain: "poshta.example".into(),
        })
    }

    fn counter(&self, post: &Post, registration: &people::Registration) -> people::Counter {
        people::Counter::new(people::counter::Parts {
            settings: people::counter::Settings::default(),
            store: self.store.clone(),
            world: self.world.clone(),
            accounts: self.accounts.clone(),
            authenticator: self.authenticator.clone(),
            registration: registration.clone(),
            workers: post.workers.clone(),
        })
    }

    fn publisher(&self) -> Publisher {
        Publisher::new(publisher::Parts {
            // Sizes and places are counted.
            settings: publisher::Settings { round_leaves_to: 1, ..publisher::Settings::default() },
            origin: "poshta.example/log".into(),
            dir: self.dir.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        })
    }

    fn closings(&self, publisher: &Publisher) -> Closings {
        Closings::new(closings::Parts {
            settings: closings::Settings::default(),
            registry: Arc::clone(&self.registry),
            devices: self.devices.clone(),
            publisher: publisher.clone(),
            store: self.store.clone(),
            world: self.world.clone(),
        })
    }

    fn cabinet(&self, registration: &people::Registration) -> people::Cabinet {
        let Ground { store, world, .. } = self;
        let people = people::People::new(store.clone(), world.clone());
        let settings = people::cabinet::Settings::default();
        people::Cabinet {
            agreements: self.agreements(),
            confirmations: people::Confirmations::new(
                people.clone(),
                self.signatures(),
                world.clone(),
                settings.clone(),
            ),
            people,
            accounts: self.accounts.clone(),
            registration: registration.clone(),
            questions: Arc::new(settings.questions()),
            quota: crate::quota::Settings::default(),
            closed_days: 30,
            mail: people::MailServers {
                host: "mail.poshta.example".into(),
                domains: vec!["poshta.example".into()],
                imaps: 993,
                submissions: 465,
            },
            mail_files: crate::mailfiles::Services {
                store: store.clone(),
                world: world.clone(),
                caps: Caps::default(),
                max_message_bytes: 1 << 20,
                quota: crate::quota::Settings::default(),
                log: None,
                pages: "https://post.example".into(),
                runtime: tokio::runtime::Handle::current(),
            },
            exports: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }

    fn post(&self) -> Post {
        let Ground { store, devices, world, registry, accounts, .. } = self;
        let arguments = ["hybrid::workers::tests::worker_process", "--exact", "--ignored"];
        let launch = Launch {
            program: std::env::current_exe().unwrap(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        };
        let workers = Workers::new(hybrid::workers::Settings::default(), launch);
        let settings = Arc::new(hybrid::Settings::default());
        let paper = Paper::new(hybrid::Parts {
            settings: Arc::clone(&settings),
            facilities: Arc::new(postal::Settings::default()),
            registry: Arc::clone(registry),
            devices: devices.clone(),
            payments: crate::payment::tests::payments(store, registry, world),
            store: store.clone(),
            workers: workers.clone(),
            world: world.clone(),
            mail_domain: "poshta.example".into(),
        });
        let trust = trust::Settings { name_servers: vec!["127.0.0.1:9".parse().unwrap()], ..Default::default() };
        let intake = Intake::new(Services {
            settings: crate::intake::Settings::default(),
            facilities: postal::Settings::default(),
            registry: Arc::clone(registry),
            devices: devices.clone(),
            store: store.clone(),
            accounts: accounts.clone(),
            verifier: Verifier::new(Dns::new(&trust).unwrap(), &trust, "mx.poshta.example"),
            paper: paper.clone(),
            quota: crate::quota::Settings::default(),
            host_name: "mx.poshta.example".into(),
            caps: Caps::default(),
            confirm_page: "https://post.example/cabinet/confirm".into(),
            hybrid_domain: "hat.poshta.example".into(),
            world: world.clone(),
        });
        let scans = ScanDesk::new(scans::Parts {
            store: store.clone(),
            world: world.clone(),
            registry: Arc::clone(registry),
            workers: workers.clone(),
            accounts: accounts.clone(),
            intake: intake.clone(),
            settings,
            domain: "poshta.example".into(),
        });
        Post { paper, intake, scans, workers }
    }
}

/// What moves letters, behind the API.
struct Post {
    paper: Paper,
    intake: Intake,
    scans: ScanDesk,
    workers: Workers,
}

async fn aliya(accounts: &Accounts, authenticator: &Authenticator) -> AccountId {
    let password = authenticator.hash(&Secret::new(PASSWORD.into()), [127, 0, 0, 1].into()).await.unwrap();
    let account = NewAccount {
        login: "aliya".into(),
        address: None,
        kind: store::accounts::Kind::Individual,
        display_name: String::new(),
        person: Some("061211600012".parse().unwrap()),
        postal_index: None,
        password,
    };
    accounts.create(account).await.unwrap().id
}

fn token((name, role, facility): (&str, Role, Option<&str>)) -> Token {
    Token {
        name: name.into(),
        role,
        facility: facility.map(str::to_owned),
        sha256: Some(hash_of(name)),
        certificate_sha256: None,
    }
}

/// Every token, its role, and the facility that it is for.
pub(super) const TOKENS: [(&str, Role, Option<&str>); 11] = [
    ("print", Role::PrintCentre, Some("astana-print")),
    ("other-print", Role::PrintCentre, Some("almaty-print")),
    ("scan", Role::ScanCentre, Some("qaraghandy-scan")),
    ("other-scan", Role::ScanCentre, Some("astana-2")),
    ("facility", Role::Facility, Some("astana-1")),
    ("operator", Role::Operator, None),
    ("controller", Role::Controller, None),
    ("head", Role::FacilityHead, Some("astana-1")),
    ("clerk", Role::Clerk, Some("astana-1")),
    ("administrator", Role::Administrator, None),
    ("state", Role::StateSystem, None),
];
