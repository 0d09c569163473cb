//! Devices over a real store: numbers, instants and keys across failures, restarts and rotations.

mod numbers;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use test_case::test_case;

use super::*;
use crate::clock::{Clock, SystemEntropy};
use crate::postal::{Algorithm, FacilityId, Handover, Kind};
use crate::store::{Batch, Precondition};

/// Devices of a test's store, with their keys beside it.
pub(crate) fn devices(store: &Store, registry: &Arc<Registry>, world: &World, dir: &Path) -> Devices {
    devices_under(None, store, registry, world, dir)
}

/// The same, with a clock that is compared with this source.
pub(crate) fn devices_under(
    time_source: Option<Arc<dyn TimeSource>>,
    store: &Store,
    registry: &Arc<Registry>,
    world: &World,
    dir: &Path,
) -> Devices {
    with(Settings::default(), time_source, store, registry, world, dir)
}

fn with(
    settings: Settings,
    time_source: Option<Arc<dyn TimeSource>>,
    store: &Store,
    registry: &Arc<Registry>,
    world: &World,
    dir: &Path,
) -> Devices {
    Devices::new(Parts {
        settings,
        clock: ClockSettings::default(),
        time_source,
        node: "mx.poshta.example".into(),
        dir: dir.join(DIR),
        registry: Arc::clone(registry),
        operators: Vec::new(),
        log_origin: "poshta.example/log".into(),
        store: store.clone(),
        world: world.clone(),
    })
    .unwrap()
}

/// Seconds since 1970, moved by the test.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A node with its directory; opened again it is the same node after a restart.
struct Node {
    devices: Devices,
    store: Store,
    clock: Arc<HandClock>,
}

impl Node {
    fn open(dir: &Path, numbers_at_a_time: u32) -> Node {
        Node::open_at(dir, numbers_at_a_time, 1_795_234_500)
    }

    fn open_at(dir: &Path, numbers_at_a_time: u32, second: i64) -> Node {
        let store = Store::open(dir, &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(second)));
        let world = World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
        let registry = Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap());
        let settings = Settings { numbers_at_a_time, ..Settings::default() };
        Node { devices: with(settings, None, &store, &registry, &world, dir), store, clock }
    }

    async fn strike(&self, strikes: &mut Strikes) -> Result<Strike, Error> {
        strikes.strike(&facility("astana-1"), Kind::Accept).await
    }

    /// Makes one impression and commits it, as intake does; its number.
    async fn mark(&self) -> u64 {
        let mut strikes = self.devices.begin();
        let strike = self.strike(&mut strikes).await.unwrap();
        let (number, instant) = (strike.number(), strike.instant());
        let mut batch = Batch::new();
        batch.journal(&format!(r#"{{"seq":{number},"instant":"{instant}"}}"#));
        strikes.commit(batch).await.unwrap();
        number
    }

    fn journal(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        let each = |line: &str| {
            lines.push(serde_json::from_str(line).unwrap());
            ControlFlow::Continue(())
        };
        self.store.read_blocking(|view| view.journal_lines(each)).unwrap();
        lines
    }

    /// The numbers of the lines of one kind.
    fn numbers(&self, event: &str) -> Vec<u64> {
        let lines = self.journal().into_iter().filter(|line| line["event"] == event);
        lines.map(|line| line["seq"].as_u64().unwrap()).collect()
    }

    /// What everybody is sent of it.
    fn sent(&self) -> MarksFile {
        serde_json::from_slice(&self.devices.sent_marks().unwrap().json).unwrap()
    }

    fn keys(&self, device: &str) -> Vec<crate::postal::MarksKey> {
        let marks = self.devices.marks();
        let facilities = marks.operators.iter().flat_map(|operator| &operator.facilities);
        let mut devices = facilities.flat_map(|facility| &facility.devices);
        devices.find(|entry| entry.id == device).unwrap().keys.clone()
    }
}

fn facility(name: &str) -> FacilityId {
    name.parse().unwrap()
}

const DEVICE: &str = "astana-1-a";

#[tokio::test(flavor = "multi_thread")]
async fn p31_instants_never_go_back_in_the_order_of_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 10_000);
    node.mark().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (devices, clock) = (node.devices.clone(), node.clock.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for step in 0..200 {
                    // A clock that is being set right trembles.
                    clock.0.fetch_add(if step % 3 == 0 { -1 } else { 1 }, Ordering::SeqCst);
                    let mut strikes = devices.begin();
                    let strike = strikes.strike(&facility("astana-1"), Kind::Deliver(Handover::Delivered)).await;
                    seen.extend(strike.ok().map(|strike| (strike.number(), strike.instant())));
                }
                seen
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.extend(task.await.unwrap());
    }
    seen.sort();
    assert!(seen.len() > 100);
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
}

#[test_case(2 => true; "within the tolerance it stands still")]
#[test_case(3 => false; "p31 behind it nothing is stamped")]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_went_back(seconds: i64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let mut strikes = node.devices.begin();
    let before = node.strike(&mut strikes).await.unwrap().instant();
    node.clock.0.fetch_sub(seconds, Ordering::SeqCst);
    match node.strike(&mut strikes).await {
        Ok(strike) => strike.instant() == before,
        Err(Error::ClockWentBack { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_ends_and_stays_published() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let mut strikes = node.devices.begin();
    let old = node.strike(&mut strikes).await.unwrap();
    node.clock.0.fetch_add(60, Ordering::SeqCst);
    let before = node.sent();
    let rotated = node.devices.rotate(DEVICE, None).await.unwrap();
    let new = node.strike(&mut strikes).await.unwrap();
    assert_eq!(new.signer().selector, rotated.selector);
    assert_ne!(old.signer().selector, rotated.selector);
    assert_ne!(node.sent(), before);
    assert_eq!(node.sent(), *node.devices.marks());
    let keys = node.keys(DEVICE);
    let at = |text: &Option<String>| text.as_ref().map(|text| text.parse::<Timestamp>().unwrap());
    assert_eq!(keys.len(), 2);
    assert!(at(&keys[0].from) <= Some(old.instant()) && Some(old.instant()) <= at(&keys[0].to));
    assert!(at(&keys[1].from) <= Some(new.instant()) && keys[1].to.is_none());
    let file = |selector: &str| dir.path().join(DIR).join(DEVICE).join(format!("{selector}.key"));
    assert!(!file(old.signer().selector).exists(), "what does not sign any more need not be kept");
    assert!(file(&rotated.selector).exists());
    assert_eq!(node.journal().iter().filter(|line| line["event"] == "key").count(), 2);
    let second = node.clock.0.load(Ordering::SeqCst);
    drop((strikes, node));
    let again = Node::open_at(dir.path(), 100, second);
    assert_eq!(again.keys(DEVICE), keys);
    again.mark().await;
    assert_eq!(again.keys(DEVICE), keys, "the next start goes on with the new key");
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_clock_that_went_back_while_the_node_stood_still_stamps_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    node.clock.0.fetch_add(3600, Ordering::SeqCst);
    node.mark().await;
    let second = node.clock.0.load(Ordering::SeqCst);
    drop(node);
    let again = Node::open_at(dir.path(), 100, second - 60);
    let refused = again.strike(&mut again.devices.begin()).await;
    assert!(matches!(refused, Err(Error::ClockWentBack { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_made_elsewhere_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/postmark/rsa.key");
    let rotated = node.devices.rotate(DEVICE, Some(file)).await.unwrap();
    assert_eq!(rotated.algorithm, Algorithm::RsaSha256.tag());
    let refused = node.devices.rotate(DEVICE, Some(dir.path().join("no.key"))).await;
    assert!(matches!(refused, Err(Error::File { .. })));
    assert!(matches!(node.devices.rotate("no-such-device", None).await, Err(Error::UnknownDevice(_))));
    assert_eq!(node.keys(DEVICE).last().unwrap().selector, rotated.selector);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_replaced_and_its_marks_stay_valid() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let lost = node.keys(DEVICE).remove(0);
    drop(node);
    std::fs::remove_dir_all(dir.path().join(DIR)).unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let keys = node.keys(DEVICE);
    assert_eq!((keys.len(), &keys[0].public_key), (2, &lost.public_key));
    assert!(keys[0].to.is_some() && keys[1].to.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_private_keys_are_for_the_server_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let folder = dir.path().join(DIR).join(DEVICE);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    for path in [folder, files[0].clone()] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    assert!(std::fs::read_to_string(&files[0]).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_at_the_start_every_device_of_the_operator_has_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.devices.open_postmarks(&[facility("astana-2")]).await.unwrap();
    node.devices.clone().open_others(vec![facility("astana-2")], CancellationToken::new()).await;
    let marks = node.devices.marks();
    let of =
        |operator: &str| marks.operator(operator).unwrap().facilities.iter().flat_map(|facility| &facility.devices);
    let (now, registry) = (node.clock.now(), &node.devices.inner.registry);
    let is_usable = |device: &&crate::postal::MarksDevice| {
        let mut here = registry.facilities(now).flat_map(|it| it.devices.iter().map(|one| (one, it.date_at(now))));
        here.any(|(one, today)| one.id.as_str() == device.id && one.is_usable(today, now))
    };
    let kinds: std::collections::HashSet<_> = of("kazpost").filter(is_usable).map(|device| device.kind).collect();
    assert!(kinds.contains(&crate::postal::DeviceKind::Plate), "{kinds:?}");
    assert!(of("kazpost").filter(is_usable).all(|device| device.public_key.is_some()));
    assert!(of("dala-express").all(|device| device.public_key.is_none()), "another operator's keys are its own");
    let dns = marks.dns();
    assert_eq!(dns.len(), of("kazpost").filter(is_usable).count());
    let zone: String = dns.iter().map(|(name, text)| format!("{name} TXT {text}\n")).collect();
    crate::trust::zone::Zone::parse(&zone).unwrap();
    let (name, text) = &dns[0];
    assert!(name.ends_with("._postalmark.poshta.example") && text.starts_with("v=PM1; k=ed25519; p="), "{name} {text}");
}

/// A source that says what the test wants.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Mutex<Option<i64>>);

impl TimeSource for Told {
    fn read(&self) -> futures_util::future::BoxFuture<'_, Result<Reading, String>> {
        let said = self.0.lock().map(|drift_ms| Reading { drift_ms, server: "ntp.example:123".into() });
        Box::pin(async move { said.ok_or_else(|| "ntp.example:123: no answer".to_owned()) })
    }
}

fn with_source(node: &Node, dir: &Path, source: &Arc<Told>) -> Devices {
    let world = World { clock: node.clock.clone(), entropy: Arc::new(SystemEntropy) };
    Devices::new(Parts {
        settings: Settings::default(),
        clock: ClockSettings { max_unchecked_s: 600, unlock_s: 60, ..ClockSettings::default() },
        time_source: Some(source.clone()),
        node: "mx.poshta.example".into(),
        dir: dir.join(DIR),
        registry: Arc::clone(&node.devices.inner.registry),
        operators: Vec::new(),
        log_origin: "poshta.example/log".into(),
        store: node.store.clone(),
        world,
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_f13_a_clock_that_drifts_locks_every_device_until_it_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::open(dir.path(), 100);
    let source = Arc::new(Told(Mutex::new(Some(5000))));
    node.devices = with_source(&node, dir.path(), &source);
    let devices = node.devices.clone();
    let locked = |refused: Result<Strike, Error>| matches!(refused, Err(Error::Locked { .. }));
    // Without a word the clock is checked before the first impression.
    assert!(locked(node.strike(&mut devices.begin()).await));
    let why = devices.clock_problem().unwrap().to_string();
    assert!(why.contains("5000 ms fast") && why.contains("ntp.example"), "{why}");
    *source.0.lock() = Some(-3);
    devices.check_clock().await;
    assert_eq!(devices.clock_problem(), None);
    node.mark().await;
    *source.0.lock() = Some(-1001);
    devices.check_clock().await;
    assert!(locked(node.strike(&mut devices.begin()).await));

    // A person decides otherwise, for a minute.
    devices.unlock(DEVICE, "the source is wrong", "test").await.unwrap();
    node.mark().await;
    node.clock.0.fetch_add(61, Ordering::SeqCst);
    assert!(locked(node.strike(&mut devices.begin()).await));
    let checks = node.store.read(|view| view.clock_checks(10)).await.unwrap();
    let states: Vec<_> = checks.iter().rev().map(|check| (check.state.as_str(), check.drift_ms)).collect();
    assert_eq!(states, [("drifted", Some(5000)), ("good", Some(-3)), ("drifted", Some(-1001))]);
    let lines = node.journal();
    let events: Vec<_> = lines.iter().filter(|line| line["event"] == "clock").map(|line| &line["state"]).collect();
    assert_eq!(events, ["drifted", "good", "drifted"]);
    assert_eq!(lines.iter().filter(|line| line["event"] == "unlocked").count(), 1);
    let audit = node.store.read(|view| view.audit_entries(1)).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].object.as_str()), ("device.unlock", DEVICE));
    assert!(matches!(devices.unlock("nobody", "x", "test").await, Err(Error::UnknownDevice(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_source_that_is_silent_for_too_long_locks() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::open(dir.path(), 100);
    let source = Arc::new(Told::default());
    node.devices = with_source(&node, dir.path(), &source);
    node.mark().await;
    assert_eq!(node.devices.shown()["clock"]["state"], "silent");
    assert!(matches!(node.devices.unlock(DEVICE, "x", "test").await, Err(Error::NotLocked(_))));
    node.clock.0.fetch_add(600, Ordering::SeqCst);
    node.devices.check_clock().await;
    let refused = node.strike(&mut node.devices.begin()).await;
    assert!(matches!(&refused, Err(Error::Locked { why, .. }) if why.contains("max_unchecked_s")), "{refused:?}");
    *source.0.lock() = Some(0);
    node.devices.check_clock().await;
    node.mark().await;
}

#[test_case(Some(5000), "drifted"; "a clock that is wrong")]
#[test_case(None, "silent"; "a source that is silent")]
#[tokio::test(flavor = "multi_thread")]
async fn p31_a_closing_that_waits_for_the_clock_is_written_down_once(said: Option<i64>, state: &str) {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let source = Arc::new(Told(Mutex::new(said)));
    let devices = with_source(&node, dir.path(), &source);
    for _ in 0..3 {
        assert_eq!(devices.check_clock_for_closing().await, None);
        node.clock.0.fetch_add(30, Ordering::SeqCst);
    }
    *source.0.lock() = Some(0);
    let check = devices.check_clock_for_closing().await.unwrap();
    assert_eq!((check.occasion.as_str(), check.state.as_str()), ("closing", "good"));
    let checks = node.store.read(|view| view.clock_checks(10)).await.unwrap();
    let checks: Vec<_> = checks.iter().rev().map(|check| (check.occasion.as_str(), check.state.as_str())).collect();
    assert_eq!(checks, [("opening", state), ("closing", "good")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_drift_that_was_written_down_does_not_hold_up_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::open(dir.path(), 100);
    let source = Arc::new(Told(Mutex::new(Some(0))));
    node.devices = with_source(&node, dir.path(), &source);
    node.mark().await;
    // The clock runs a day ahead, and is found out.
    node.clock.0.fetch_add(86_400, Ordering::SeqCst);
    *source.0.lock() = Some(86_400_000);
    node.devices.check_clock().await;
    let second = node.clock.0.load(Ordering::SeqCst) - 86_400;
    drop(node);
    let again = Node::open_at(dir.path(), 100, second + 1);
    again.mark().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_that_was_returned_stamps_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let devices = &node.devices;
    let back = Handling::Return { reason: None };
    let issue =
        |to: &str| Handling::Issue { node: Some(to.into()), holder: "A. Serikova".into(), role: None, reason: None };
    devices.handle(DEVICE, back.clone(), "test").await.unwrap();
    let refused = node.strike(&mut devices.begin()).await;
    assert!(matches!(refused, Err(Error::NotIssued(_))), "{refused:?}");
    assert!(matches!(devices.handle(DEVICE, back.clone(), "test").await, Err(Error::NotPossible { .. })));
    // At another node it stamps nothing here, and after a restart neither.
    devices.handle(DEVICE, issue("mx2.poshta.example"), "test").await.unwrap();
    assert!(matches!(devices.handle(DEVICE, issue("x"), "test").await, Err(Error::NotPossible { .. })));
    let second = node.clock.0.load(Ordering::SeqCst);
    drop(node);
    let node = Node::open_at(dir.path(), 100, second);
    assert!(matches!(node.strike(&mut node.devices.begin()).await, Err(Error::NotIssued(_))));
    node.devices.handle(DEVICE, back, "test").await.unwrap();
    node.devices.handle(DEVICE, issue("mx.poshta.example"), "test").await.unwrap();
    node.mark().await;
    assert_eq!(node.devices.shown()["devices"][DEVICE]["issued"]["holder"], "A. Serikova");
    let audit = node.store.read(|view| view.audit_entries(1)).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].object.as_str()), ("device.issued", DEVICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_whose_return_could_not_be_written_down_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    // No key can be made for it: a file is where its folder would be.
    let folder = dir.path().join(DIR).join(DEVICE);
    std::fs::create_dir_all(dir.path().join(DIR)).unwrap();
    std::fs::write(&folder, "").unwrap();
    let refused = node.devices.handle(DEVICE, Handling::Return { reason: None }, "test").await;
    assert!(matches!(refused, Err(Error::File { .. })), "{refused:?}");
    std::fs::remove_file(&folder).unwrap();
    node.mark().await;
}

/// It is a second later at every look.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p31_no_stroke_is_later_than_the_return() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let clock = Arc::new(Ticking(AtomicI64::new(1_795_234_500)));
    let world = World { clock, entropy: Arc::new(SystemEntropy) };
    let devices = with(Settings::default(), None, &node.store, &node.devices.inner.registry, &world, dir.path());
    devices.begin().strike(&facility("astana-1"), Kind::Accept).await.unwrap();
    let stampers: Vec<_> = (0..3)
        .map(|_| {
            let devices = devices.clone();
            tokio::spawn(async move {
                let mut last = Timestamp::MIN;
                while let Ok(strike) = devices.begin().strike(&facility("astana-1"), Kind::Accept).await {
                    last = strike.instant();
                    tokio::task::yield_now().await;
                }
                last
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let act = devices.handle(DEVICE, Handling::Return { reason: None }, "test").await.unwrap();
    for stamper in stampers {
        assert!(stamper.await.unwrap().as_microsecond() < act.at_us);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_that_was_revoked_never_stamps_again_and_everybody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let revoked = |marks: &MarksFile| serde_json::to_string(marks).unwrap().contains("revoked_at");
    assert!(!revoked(&node.devices.marks()) && !revoked(&node.sent()));
    node.devices.handle(DEVICE, Handling::Revoke { reason: "lost".into() }, "test").await.unwrap();
    let issue = Handling::Issue { node: None, holder: "A. Serikova".into(), role: None, reason: None };
    assert!(matches!(node.devices.handle(DEVICE, issue, "test").await, Err(Error::NotPossible { .. })));
    assert!(revoked(&node.devices.marks()) && revoked(&node.sent()));
    assert!(matches!(node.strike(&mut node.devices.begin()).await, Err(Error::NotIssued(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_another_device_of_the_facility_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let sample = include_str!("../../conf/facilities.toml");
    let two = sample.replacen("\"astana-1-b\"\nkind = \"surcharge\"", "\"astana-1-b\"\nkind = \"postmark\"", 1);
    let world = World { clock: node.clock.clone(), entropy: Arc::new(SystemEntropy) };
    let registry = Arc::new(Registry::parse(&two).unwrap());
    let devices = with(Settings::default(), None, &node.store, &registry, &world, dir.path());
    let device = async || node.strike(&mut devices.begin()).await.unwrap().device().to_string();
    assert_eq!(device().await, DEVICE);
    devices.handle(DEVICE, Handling::Return { reason: None }, "test").await.unwrap();
    assert_eq!(device().await, "astana-1-b");
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_p13_every_kind_is_issued_and_shows_what_is_engraved_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let shown = node.devices.shown();
    let registry = &node.devices.inner.registry;
    let mut kinds = BTreeSet::new();
    for facility in registry.facilities(node.clock.now()) {
        for device in &facility.devices {
            let engraving = shown["devices"][device.id.as_str()]["engraving"].as_str().unwrap();
            match device.kind {
                crate::postal::DeviceKind::MoneyOrder => assert_eq!(engraving, facility.index.to_string()),
                crate::postal::DeviceKind::Plomb => assert!(engraving.contains(" / "), "{engraving}"),
                crate::postal::DeviceKind::Insurance => assert!(engraving.contains("«Сақтандыру»"), "{engraving}"),
                _ => assert!(engraving.contains('·'), "{engraving}"),
            }
            if kinds.insert(format!("{:?}", device.kind)) {
                let id = device.id.as_str();
                node.devices.handle(id, Handling::Return { reason: None }, "test").await.unwrap();
                let issue = Handling::Issue { node: None, holder: "A. Serikova".into(), role: None, reason: None };
                node.devices.handle(id, issue, "test").await.unwrap();
            }
        }
    }
    assert_eq!(kinds.len(), 8);
}
