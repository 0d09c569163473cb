//! Intake over a real store, with a clock that tests move: what exists after an acceptance, and that nothing does
//! after a refusal.

mod content;
mod correspondence;
mod marks;
mod payment;
mod recipients;
mod room;
mod system;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::*;
use crate::accounts::{self, Accounts, NewAccount};
use crate::clock::{Clock, Entropy, Timestamp, World};
use crate::devices::Devices;
use crate::hybrid::workers::{self, Launch, Workers};
use crate::hybrid::{Paper, Parts};
use crate::message::{Caps, headers};
use crate::postal::{self, Mark, Registry};
use crate::store::accounts::{Kind, PasswordHash};
use crate::store::mailboxes::Message;
use crate::store::queue::Queued;
use crate::store::space::Told;
use crate::store::stats::Stats;
use crate::store::{Batch, Store};
use crate::trust::zone::{Zone, ZoneServer};
use crate::trust::{self, Dns, Verifier};

/// Saturday, 21 November 2026, 09:15 in Almaty and Astana: the token of FACTS E is `21112609`.
const NOW: &str = "2026-11-21T04:15:00Z";

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub(crate) struct FixedClock {
    now_ms: AtomicI64,
    /// What passes with each look at it.
    passing_ms: AtomicI64,
}

impl FixedClock {
    pub(crate) fn advance_s(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn pass_with_each_look(&self, ms: i64) {
        self.passing_ms.store(ms, Ordering::SeqCst);
    }

    fn set(&self, instant: &str) {
        self.now_ms.store(instant.parse::<Timestamp>().unwrap().as_millisecond(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        let passing_ms = self.passing_ms.load(Ordering::SeqCst);
        Timestamp::from_millisecond(self.now_ms.fetch_add(passing_ms, Ordering::SeqCst)).unwrap()
    }
}

/// The same "random" bytes in every run, never the same twice in one.
#[derive(Debug, Default)]
struct CountedEntropy(AtomicU64);

impl Entropy for CountedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof().fill(bytes);
    }
}

/// An operator with three mailboxes: aigul lives in Ayagoz, bolat did not say where, and the postmaster.
pub(crate) struct Post {
    pub(crate) intake: Intake,
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) paper: Paper,
    pub(crate) devices: Devices,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) world: World,
    pub(crate) dns: Dns,
    /// `None` without a zone: then nothing answers, and nothing is asked.
    _zone: Option<ZoneServer>,
    _dir: tempfile::TempDir,
}

impl Post {
    pub(crate) async fn open() -> Post {
        Post::with(Settings::default(), None).await
    }

    /// With a zone, the names in it are all there are, and the letters of strangers are verified.
    pub(crate) async fn with(settings: Settings, zone: Option<&str>) -> Post {
        let room = crate::store::Settings { watermark_bytes: 0, ..Default::default() };
        Post::on(settings, crate::quota::Settings::default(), &room, Arc::new(Told::plenty()), zone).await
    }

    pub(crate) async fn with_quota(quota: crate::quota::Settings) -> Post {
        let room = crate::store::Settings { watermark_bytes: 0, ..Default::default() };
        Post::on(Settings::default(), quota, &room, Arc::new(Told::plenty()), None).await
    }

    async fn on(
        settings: Settings,
        quota: crate::quota::Settings,
        room: &crate::store::Settings,
        disk: Arc<Told>,
        zone: Option<&str>,
    ) -> Post {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_on(dir.path(), &crate::store::tests::as_chosen(room.clone()), disk).unwrap();
        let clock = Arc::new(FixedClock::default());
        clock.set(NOW);
        let world = World { clock: clock.clone(), entropy: Arc::new(CountedEntropy::default()) };
        let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default()).unwrap();
        for (login, index) in [("aigul", Some("070201")), ("bolat", None), ("postmaster", None)] {
            accounts.create(new_account(login, index)).await.unwrap();
        }
        let zone = match zone {
            Some(zone) => {
                Some(ZoneServer::start(Zone::parse(zone).unwrap(), "127.0.0.1:0".parse().unwrap()).await.unwrap())
            }
            None => None,
        };
        let server = zone.as_ref().map_or("127.0.0.1:9".parse().unwrap(), ZoneServer::address);
        let trust =
            trust::Settings { name_servers: vec![server], verify: zone.is_some(), ..trust::Settings::default() };
        let dns = Dns::new(&trust).unwrap();
        let devices = crate::devices::tests::devices(&store, &registry(), &world, dir.path());
        let paper = paper(&store, &world, &devices);
        let intake = Intake::new(Services {
            settings,
            confirm_page: "https://post.example/cabinet/confirm".into(),
            hybrid_domain: "hat.poshta.example".into(),
            caps: Caps::default(),
            facilities: postal::Settings::default(),
            registry: registry(),
            devices: devices.clone(),
            store: store.clone(),
            accounts: accounts.clone(),
            verifier: Verifier::new(dns.clone(), &trust, "mx.poshta.example"),
            paper: paper.clone(),
            quota,
            host_name: "mx.poshta.example".into(),
            world: world.clone(),
        });
        Post { intake, store, accounts, paper, devices, clock, world, dns, _zone: zone, _dir: dir }
    }

    /// Hands over a letter as a front door does.
    pub(crate) async fn accept(
        &self,
        origin: Origin,
        from: &str,
        to: &[&str],
        message: impl AsRef<[u8]>,
    ) -> Result<ItemId, Refusal> {
        let mut writer = self.intake.stage();
        writer.write(message.as_ref()).unwrap();
        let body = writer.finish().unwrap();
        let structure = super::content::scan(&body, &Caps::default()).unwrap();
        let submission = Submission { origin, envelope: envelope(from, to), body, structure };
        self.intake.accept(submission).await.map(|receipt| receipt.item)
    }

    /// A user's origin, authenticated on port 587.
    pub(crate) async fn user(&self, login: &str) -> Origin {
        let account = self.accounts.find_login(login).await.unwrap().unwrap();
        let sender = Sender::Account { id: account.id, address: account.address };
        Origin { entrance: Entrance::Submission, sender, connection: Some(connection("ESMTPSA")) }
    }

    async fn rows(&self, login: &str) -> Vec<Message> {
        let id = self.accounts.find_login(login).await.unwrap().unwrap().id;
        let read = self.store.read(move |view| {
            let inbox = view.folder_named(id, "INBOX")?.unwrap();
            view.messages(id, inbox.id, crate::ids::Uid::new(1).unwrap(), 100)
        });
        read.await.unwrap()
    }

    /// The messages in an inbox, as IMAP would show them.
    pub(crate) async fn inbox(&self, login: &str) -> Vec<Letter> {
        let mut letters = Vec::new();
        for row in self.rows(login).await {
            let bytes = self.store.message_bytes(&row);
            letters.push(Letter(bytes.read_at(0, usize::MAX >> 1).await.unwrap().to_vec()));
        }
        letters
    }

    /// The only message in an inbox.
    pub(crate) async fn only(&self, login: &str) -> Letter {
        let mut letters = self.inbox(login).await;
        assert_eq!(letters.len(), 1, "letters of {login}");
        letters.remove(0)
    }

    /// The rows of the outbound queue.
    pub(crate) async fn queue(&self) -> Vec<Queued> {
        self.store.read(|view| view.outbound(None, 1000)).await.unwrap()
    }

    /// The impressions in the journal; what else it tells of devices is left out.
    async fn journal(&self) -> Vec<serde_json::Value> {
        let lines = self.journal_lines().await;
        lines.into_iter().filter(|line| line["event"].is_null()).collect()
    }

    /// The impressions of an item.
    pub(crate) async fn journal_of(&self, item: ItemId) -> Vec<serde_json::Value> {
        let lines = self.journal().await;
        lines.into_iter().filter(|line| line["item"] == item.to_string()).collect()
    }

    async fn journal_lines(&self) -> Vec<serde_json::Value> {
        let read = self.store.read(|view| {
            let mut lines = Vec::new();
            view.journal_lines(|line| {
                lines.push(serde_json::from_str(line).unwrap());
                ControlFlow::Continue(())
            })?;
            Ok(lines)
        });
        read.await.unwrap()
    }

    /// All that the store holds, in numbers.
    async fn stats(&self) -> Stats {
        let store = self.store.clone();
        let stats = tokio::task::spawn_blocking(move || store.stats().unwrap()).await.unwrap();
        Stats { free_bytes: 0, engine_disk_bytes: 0, ..stats }
    }
}

/// A message as a reader gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Letter(pub(crate) Vec<u8>);

impl Letter {
    /// The values of a top header field, from the top.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        headers::fields(&self.0).filter(|field| field.is(name)).map(|field| field.text()).collect()
    }

    /// The names of the top header fields, from the top.
    fn names(&self) -> Vec<String> {
        headers::fields(&self.0).map(|field| String::from_utf8_lossy(field.name).into_owned()).collect()
    }

    fn marks(&self) -> Vec<Mark> {
        self.values("Postal-Mark").iter().map(|value| Mark::parse(value).unwrap()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// What is left when what we wrote above it is taken off.
    fn below(&self, line: &str) -> &[u8] {
        let at = self.0.windows(line.len()).position(|window| window == line.as_bytes()).unwrap();
        &self.0[at..]
    }
}

fn new_account(login: &str, index: Option<&str>) -> NewAccount {
    NewAccount {
        login: login.into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: index.map(str::to_owned),
        password: PasswordHash::new("$not-a-hash".into()),
    }
}

fn registry() -> Arc<Registry> {
    Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap())
}

/// Letters without documents need no worker, so none is ever started.
fn paper(store: &Store, world: &World, devices: &Devices) -> Paper {
    let launch = Launch { program: "/nonexistent".into(), arguments: Vec::new() };
    Paper::new(Parts {
        settings: Arc::default(),
        facilities: Arc::default(),
        registry: registry(),
        devices: devices.clone(),
        payments: crate::payment::tests::payments(store, &registry(), world),
        store: store.clone(),
        workers: Workers::new(workers::Settings::default(), launch),
        world: world.clone(),
        mail_domain: "poshta.example".into(),
    })
}

pub(crate) fn envelope(from: &str, to: &[&str]) -> Envelope {
    let reverse_path = if from.is_empty() { ReversePath::Null } else { ReversePath::Address(from.parse().unwrap()) };
    Envelope {
        reverse_path,
        recipients: to.iter().map(|to| Recipient::new(to.parse().unwrap())).collect(),
        body: BodyType::EightBitMime,
        smtputf8: false,
        wishes: ReportWishes::default(),
    }
}

fn connection(protocol: &'static str) -> Connection {
    Connection {
        id: 7,
        ip: [192, 0, 2, 7].into(),
        helo: "client.example".into(),
        protocol,
        tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384".into()),
    }
}

/// Another server on port 25.
pub(crate) fn stranger() -> Origin {
    Origin { entrance: Entrance::Mx, sender: Sender::Stranger, connection: Some(connection("ESMTPS")) }
}

/// A peer of `conf/peers.toml` on port 25.
fn peer(official: bool) -> Origin {
    Origin { sender: Sender::Peer { name: "egov-gateway".into(), official }, ..stranger() }
}

/// A letter with everything that a submission needs.
pub(crate) fn letter(from: &str, more: &str) -> String {
    format!(
        "From: {from}\r\nTo: somebody@elsewhere.kz\r\nSubject: x\r\nDate: Thu, 1 Jan 1998 12:00:00 +0600\r\n\
         Message-ID: <1@client.example>\r\n{more}\r\nHello\r\n"
    )
}
