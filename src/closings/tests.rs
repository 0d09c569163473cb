//! Days of real devices over a real store, journal and log, with a clock that the test moves.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use test_case::test_case;

use super::*;
use crate::clock::{Clock, SystemEntropy};
use crate::devices::{ClockSettings, Handling, Reading, Strikes, TimeSource};
use crate::ids::ImpressionId;
use crate::postal::{FacilityId, Handover, JournalLine, Kind, check_chain};
use crate::publisher;
use crate::store::engine::memory::{Failing, MemoryDisk};

/// Seconds since 1970, moved by the test.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Noon in Astana, where the day ends at 19:00 UTC.
const NOON: &str = "2026-11-22T07:00:00Z";

const DAY_S: i64 = 86_400;

/// Closings on a page.
const MOST: usize = 40;

const FACILITIES: &str = include_str!("../../conf/facilities.toml");

/// A source of the time that answers what the test wants, and moves the node's clock when it is asked.
#[derive(Debug, Default)]
struct Source {
    drift_ms: parking_lot::Mutex<Option<i64>>,
    /// The clock, and how many seconds it is put back.
    put_back: parking_lot::Mutex<Option<(Arc<HandClock>, i64)>>,
}

impl TimeSource for Source {
    fn read(&self) -> futures_util::future::BoxFuture<'_, Result<Reading, String>> {
        if let Some((clock, seconds)) = self.put_back.lock().take() {
            clock.0.fetch_sub(seconds, Ordering::SeqCst);
        }
        let said = self.drift_ms.lock().map(|drift_ms| Reading { drift_ms, server: "ntp.example:123".into() });
        Box::pin(async move { said.ok_or_else(|| "ntp.example:123: no answer".to_owned()) })
    }
}

/// A node; opened again over the same directory it is the same node after a restart.
struct Node {
    devices: Devices,
    store: Store,
    clock: Arc<HandClock>,
    closings: Closings,
    world: World,
}

impl Node {
    fn open(dir: &Path, at: &str) -> Node {
        Node::over(open_store(dir), dir, at)
    }

    fn over(store: Store, dir: &Path, at: &str) -> Node {
        Node::with(store, dir, at, FACILITIES, None)
    }

    fn with(store: Store, dir: &Path, at: &str, facilities: &str, source: Option<Arc<dyn TimeSource>>) -> Node {
        let clock = Arc::new(HandClock(AtomicI64::new(at.parse::<Timestamp>().unwrap().as_second())));
        let world = World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
        let registry = Arc::new(Registry::parse(facilities).unwrap());
        let devices = Devices::new(devices::Parts {
            settings: devices::Settings { numbers_at_a_time: 50, ..Default::default() },
            clock: ClockSettings::default(),
            time_source: source,
            node: "mx.poshta.example".into(),
            dir: dir.join(devices::DIR),
            registry: Arc::clone(&registry),
            operators: Vec::new(),
            log_origin: "poshta.example/log".into(),
            store: store.clone(),
            world: world.clone(),
        })
        .unwrap();
        let publisher = Publisher::new(publisher::Parts {
            settings: publisher::Settings::default(),
            origin: "poshta.example/log".into(),
            dir: dir.to_owned(),
            store: store.clone(),
            world: world.clone(),
        });
        let closings = Closings::new(Parts {
            // Fewer than there are, so that lists have several pages.
            settings: Settings { max_listed: MOST, ..Settings::default() },
            registry,
            devices: devices.clone(),
            publisher,
            store: store.clone(),
            world: world.clone(),
        });
        Node { devices, store, clock, closings, world }
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// An impression on its way: taken, not committed.
    async fn strike(&self, facility: &str, kind: Kind) -> Result<(Strikes, Batch), devices::Error> {
        let facility: FacilityId = facility.parse().unwrap();
        let mut strikes = self.devices.begin();
        let strike = strikes.strike(&facility, kind).await?;
        let mut batch = Batch::new();
        let line = json!({
            "device": strike.device().as_str(), "seq": strike.number(), "instant": strike.instant().to_string(),
            "mark": STANDARD.encode(self.world.random::<32>()), "impression": ImpressionId::generate(&self.world).to_string(),
            "kind": kind.tag(), "handover": kind.handover(),
        });
        batch.journal(&line.to_string());
        Ok((strikes, batch))
    }

    async fn mark(&self, kind: Kind) {
        let (strikes, batch) = self.strike("astana-1", kind).await.unwrap();
        strikes.commit(batch).await.unwrap();
    }

    async fn all(&self, device: &str) -> Vec<Closing> {
        self.closings.list(Wanted { device: Some(device.into()), ..Wanted::default() }).await.unwrap().closings
    }

    /// Number and instant of the device's impressions.
    fn impressions(&self, device: &str) -> Vec<(u64, Timestamp)> {
        let mut found = Vec::new();
        let each = |line: &str| {
            if let JournalLine::Impression(struck) = JournalLine::parse(line).unwrap()
                && struck.device == device
            {
                found.push((struck.number, struck.instant));
            }
            ControlFlow::Continue(())
        };
        self.store.read_blocking(|view| view.journal_lines(each)).unwrap();
        found
    }

    /// Signed, chained, and every number in exactly one closing, as it is in the journal.
    async fn require_sound(&self, device: &str) -> Vec<Closing> {
        let closings = self.all(device).await;
        assert_eq!(check_chain(&closings, &self.devices.marks()), []);
        let mut accounted = BTreeSet::new();
        for closing in &closings {
            let span = closing.from.parse::<Timestamp>().unwrap()..closing.to.parse().unwrap();
            let of_day = self.impressions(device).into_iter().filter(|(_, instant)| span.contains(instant));
            let numbers: BTreeSet<u64> = of_day.map(|(number, _)| number).collect();
            assert_eq!(numbers.len() as u64, closing.total, "{}", closing.day);
            assert_eq!((numbers.first().copied(), numbers.last().copied()), (closing.first, closing.last));
            let void = closing.void.iter().flat_map(|(first, last)| *first..=*last);
            for number in numbers.iter().copied().chain(void) {
                assert!(accounted.insert(number), "{number} is accounted for twice");
            }
        }
        let last = closings.last().map_or(0, Closing::upto);
        assert!(accounted.into_iter().eq(1..=last));
        closings
    }
}

fn open_store(dir: &Path) -> Store {
    let settings = store::Settings { watermark_bytes: 0, ..Default::default() };
    Store::open(dir, &store::tests::as_chosen(settings)).unwrap()
}

/// A store with two closed days in November 2026: impressions in Astana, and one in Kokshetau.
pub(crate) async fn history(store: &Store, dir: &Path) {
    let node = Node::over(store.clone(), dir, NOON);
    for kind in [Kind::Accept, Kind::Receive, DELIVERED] {
        node.mark(kind).await;
    }
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    node.pass(2 * DAY_S);
    assert!(node.closings.close_due().await.unwrap() >= 4);
}

const DEVICE: &str = "astana-1-a";
const DELIVERED: Kind = Kind::Deliver(Handover::Delivered);

#[tokio::test(flavor = "multi_thread")]
async fn p31_after_midnight_the_day_of_each_device_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.devices.open_postmarks(&["astana-1".parse().unwrap()]).await.unwrap();
    for kind in [Kind::Accept, Kind::Receive, DELIVERED, DELIVERED] {
        node.mark(kind).await;
    }
    assert_eq!(node.closings.close_due().await.unwrap(), 0, "the day is not over");
    node.pass(12 * 3600);
    let with_keys = node.devices.with_keys().len();
    assert_eq!(node.closings.close_due().await.unwrap(), with_keys, "each device, also those that stamped nothing");
    assert_eq!(node.closings.close_due().await.unwrap(), 0, "once");

    let closings = node.require_sound(DEVICE).await;
    let closing = &closings[0];
    assert_eq!((closings.len(), closing.day.as_str(), closing.zone.as_str()), (1, "2026-11-22", "Asia/Almaty"));
    assert_eq!((closing.from.as_str(), closing.to.as_str()), ("2026-11-21T19:00:00Z", "2026-11-22T19:00:00Z"));
    assert_eq!(serde_json::to_value(&closing.impressions).unwrap(), json!({"accept": 1, "receive": 1, "delivered": 2}));
    assert_eq!((closing.first, closing.last, closing.opened.len()), (Some(1), Some(4), 1));
    let log = closing.log.clone().unwrap();
    // Four marks and what covers them, shuffled.
    let (first, last) = log.first.zip(log.last).unwrap();
    assert!(first < log.size && last < log.size && first != last && log.size.is_multiple_of(16), "{log:?}");
    assert_eq!(closing.issued.as_ref().map(|issued| issued.node.as_str()), Some("mx.poshta.example"));
    assert_eq!(closing.clock.iter().map(|check| check.state.as_str()).collect::<Vec<_>>(), ["unchecked"]);
    assert!(node.store.check().unwrap().is_sound(), "{:?}", node.store.check().unwrap().problems);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p31_no_impression_of_a_closed_day_comes_into_being() {
    let dir = tempfile::tempdir().unwrap();
    let node = Arc::new(Node::open(dir.path(), "2026-11-22T18:59:58Z"));
    node.mark(Kind::Accept).await;
    let stop = Arc::new(AtomicBool::new(false));
    let stampers: Vec<_> = (0..4)
        .map(|_| {
            let (node, stop) = (Arc::clone(&node), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    if let Ok((strikes, batch)) = node.strike("astana-1", DELIVERED).await {
                        tokio::task::yield_now().await;
                        // A client that hangs up does not undo what is on its way.
                        let _ = tokio::time::timeout(Duration::from_micros(300), strikes.commit(batch)).await;
                    }
                }
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        node.pass(2);
        node.closings.close_due().await.unwrap();
        // The clock is turned back to before midnight while all go on.
        node.pass(-1);
        tokio::time::sleep(Duration::from_millis(60)).await;
        node.pass(DAY_S - 1);
    }
    stop.store(true, Ordering::SeqCst);
    for stamper in stampers {
        stamper.await.unwrap();
    }
    node.closings.close_due().await.unwrap();
    let closings = node.require_sound(DEVICE).await;
    assert!(closings.len() >= 3 && closings.iter().any(|closing| closing.total > 1), "{closings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_stamps_nothing_before_the_end_of_its_last_closing_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    node.pass(DAY_S);
    assert!(node.closings.close_due().await.unwrap() > 0);
    // Before midnight, and behind every impression.
    node.pass(-17 * 3600 + 60);
    let back = |refused: Result<_, devices::Error>| matches!(refused, Err(devices::Error::ClockWentBack { .. }));
    assert!(back(node.strike("astana-1", Kind::Accept).await.map(drop)));
    drop(node);
    let again = Node::open(dir.path(), "2026-11-22T18:00:00Z");
    assert!(back(again.strike("astana-1", Kind::Accept).await.map(drop)));
    again.pass(13 * 3600);
    again.mark(Kind::Accept).await;
    again.require_sound(DEVICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_days_that_were_missed_are_closed_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    node.pass(DAY_S);
    assert!(node.closings.close_due().await.unwrap() > 0);
    node.mark(Kind::Accept).await;
    drop(node);
    let again = Node::open(dir.path(), "2026-11-26T07:00:00Z");
    again.mark(Kind::Receive).await;
    again.closings.close_due().await.unwrap();
    let closings = again.require_sound(DEVICE).await;
    let days: Vec<_> = closings.iter().map(|closing| (closing.day.as_str(), closing.total)).collect();
    assert_eq!(days, [("2026-11-22", 1), ("2026-11-23", 1), ("2026-11-24", 0), ("2026-11-25", 0)]);
    let numbers = closings[1].upto();
    again.pass(DAY_S);
    again.closings.close_due().await.unwrap();
    let closings = again.require_sound(DEVICE).await;
    assert_eq!(closings[4].void, [(numbers + 1, 50)], "what the first process left of its block");
    let mut told = Vec::new();
    let each = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["event"] == "closed" && line["device"] == DEVICE {
            told.push(line["void"].clone());
        }
        std::ops::ControlFlow::Continue(())
    };
    again.store.read_blocking(|view| view.journal_lines(each)).unwrap();
    let void = serde_json::json!([[numbers + 1, 50]]);
    assert_eq!(told.last(), Some(&void), "the journal has them as void");
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_closing_that_is_cut_off_is_made_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let (strikes, batch) = node.strike("astana-1", DELIVERED).await.unwrap();
    node.pass(DAY_S);
    // A letter of yesterday is still on its way: the closing waits for it, and is cut off.
    let cut = tokio::time::timeout(Duration::from_millis(200), node.closings.close_due()).await;
    assert!(cut.is_err(), "{cut:?}");
    assert_eq!(node.all(DEVICE).await, []);
    let late = node.strike("astana-1", DELIVERED).await.unwrap();
    drop(late);
    strikes.commit(batch).await.unwrap();
    drop(node);
    let again = Node::open(dir.path(), "2026-11-23T07:00:01Z");
    assert!(again.closings.close_due().await.unwrap() > 0);
    let closings = again.require_sound(DEVICE).await;
    assert_eq!((closings.len(), closings[0].total), (1, 2), "the letter that was on its way is in it");
}

#[test_case(Failing::Apply; "a batch is not applied")]
#[test_case(Failing::Sync; "a sync fails")]
#[test_case(Failing::SyncAfterWriting; "a sync fails although all was written")]
#[tokio::test(flavor = "multi_thread")]
async fn p31_a_disk_that_fails_anywhere_leaves_whole_closings(failing: Failing) {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let settings = store::Settings { watermark_bytes: 0, ..Default::default() };
    let store = Store::open_with_engine(dir.path(), &settings, Box::new(disk.clone())).unwrap();
    let node = Node::over(store, dir.path(), NOON);
    node.mark(Kind::Accept).await;
    node.pass(20 * DAY_S);
    for delay_us in [0, 300, 1000, 3000, 10_000, 30_000] {
        let disk = disk.clone();
        let fault = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_micros(delay_us)).await;
            disk.fail_next(failing);
        });
        let _ = node.closings.close_due().await;
        fault.await.unwrap();
    }
    let begun = std::time::Instant::now();
    while let Err(error) = node.closings.close_due().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(node.require_sound(DEVICE).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_void_numbers_are_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    drop(node.strike("astana-1", Kind::Accept).await.unwrap());
    node.mark(Kind::Accept).await;
    drop(node.strike("astana-1", Kind::Accept).await.unwrap());
    drop(node.strike("astana-1", Kind::Accept).await.unwrap());
    node.mark(Kind::Accept).await;
    drop(node.strike("astana-1", Kind::Accept).await.unwrap());
    node.pass(DAY_S);
    node.closings.close_due().await.unwrap();
    let closings = node.require_sound(DEVICE).await;
    assert_eq!((closings[0].void.clone(), closings[0].last), (vec![(1, 1), (3, 4)], Some(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_no_day_is_closed_while_the_source_of_the_time_is_silent() {
    let dir = tempfile::tempdir().unwrap();
    let source = Arc::new(Source::default());
    let node = Node::with(open_store(dir.path()), dir.path(), NOON, FACILITIES, Some(source.clone()));
    node.mark(Kind::Accept).await;
    // Not so long that the devices are locked.
    node.pass(DAY_S - 3600);
    for _ in 0..2 {
        assert!(matches!(node.closings.close_due().await, Err(Error::Clock)));
    }
    // The letters of the new day go on, and nothing is lost by waiting.
    node.mark(Kind::Accept).await;
    *source.drift_ms.lock() = Some(3);
    assert_eq!(node.closings.close_due().await.unwrap(), 1);
    let closings = node.require_sound(DEVICE).await;
    assert_eq!((closings.len(), closings[0].total), (1, 1));
    let last = closings[0].clock.last().unwrap();
    assert_eq!((last.occasion.as_str(), last.state.as_str()), ("closing", "good"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_clock_that_ran_ahead_closes_no_day_that_is_not_over() {
    let dir = tempfile::tempdir().unwrap();
    let source = Arc::new(Source::default());
    *source.drift_ms.lock() = Some(0);
    let node = Node::with(open_store(dir.path()), dir.path(), NOON, FACILITIES, Some(source.clone()));
    node.mark(Kind::Accept).await;
    // A year ahead when it is asked which days are over, and right when it is checked.
    node.pass(365 * DAY_S);
    *source.put_back.lock() = Some((Arc::clone(&node.clock), 365 * DAY_S - 60));
    assert!(matches!(node.closings.close_due().await, Err(Error::Clock)));
    assert_eq!(node.all(DEVICE).await, []);
    node.mark(Kind::Accept).await;
    assert_eq!(node.closings.close_due().await.unwrap(), 0);
    node.pass(DAY_S);
    assert_eq!(node.closings.close_due().await.unwrap(), 1);
    assert_eq!(node.require_sound(DEVICE).await[0].total, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_whose_key_is_lost_holds_up_no_other_one() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    drop(node);
    std::fs::remove_dir_all(dir.path().join(devices::DIR).join("kokshetau-a")).unwrap();
    let node = Node::open(dir.path(), "2026-11-25T07:00:00Z");
    for _ in 0..2 {
        let refused = node.closings.close_due().await;
        assert!(matches!(refused, Err(Error::Devices(devices::Error::File { .. }))), "{refused:?}");
        assert_eq!(node.require_sound(DEVICE).await.len(), 3, "every day of the other one");
        assert_eq!(node.all("kokshetau-a").await, []);
    }
    // It gets a new key when it is used again.
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    assert_eq!(node.closings.close_due().await.unwrap(), 3);
    assert_eq!(node.require_sound("kokshetau-a").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_whose_numbers_contradict_each_other_holds_up_no_other_one() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    let mut again = Batch::new();
    let line = json!({
        "device": "kokshetau-a", "seq": 1, "instant": NOON, "mark": STANDARD.encode(node.world.random::<32>()),
        "impression": ImpressionId::generate(&node.world).to_string(), "kind": "accept",
    });
    again.journal(&line.to_string());
    node.store.commit(again).await.unwrap();
    node.pass(DAY_S);
    for _ in 0..2 {
        let refused = node.closings.close_due().await;
        assert!(matches!(refused, Err(Error::Contradiction(Contradiction::Twice { number: 1, .. }))), "{refused:?}");
        assert_eq!(node.require_sound(DEVICE).await.len(), 1);
        assert_eq!(node.all("kokshetau-a").await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_that_the_facilities_file_revokes_has_no_later_closings() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    drop(node);
    let device = "id = \"astana-1-a\"\n";
    let revoked = FACILITIES.replacen(device, &format!("{device}revoked_at = \"2026-11-23T08:00:00Z\"\n"), 1);
    let node = Node::with(open_store(dir.path()), dir.path(), "2026-11-27T07:00:00Z", &revoked, None);
    assert_eq!(node.closings.close_due().await.unwrap(), 2, "up to the day on which it was");
    let days: Vec<String> = node.require_sound(DEVICE).await.into_iter().map(|closing| closing.day).collect();
    assert_eq!(days, ["2026-11-22", "2026-11-23"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_who_has_a_device_stands_in_its_closing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let issue = |holder: &str| Handling::Issue {
        node: None,
        holder: holder.into(),
        role: Some("operator".into()),
        reason: None,
    };
    node.devices.handle(DEVICE, Handling::Return { reason: None }, "test").await.unwrap();
    node.pass(60);
    node.devices.handle(DEVICE, issue("A. Serikova"), "test").await.unwrap();
    node.mark(Kind::Accept).await;
    node.pass(DAY_S);
    node.closings.close_due().await.unwrap();
    node.devices.handle(DEVICE, Handling::Return { reason: Some("end of shift".into()) }, "test").await.unwrap();
    node.pass(DAY_S);
    node.closings.close_due().await.unwrap();
    node.pass(60);
    node.devices.handle(DEVICE, Handling::Revoke { reason: "lost".into() }, "test").await.unwrap();
    node.pass(3 * DAY_S);
    node.closings.close_due().await.unwrap();
    let closings = node.require_sound(DEVICE).await;
    let holders: Vec<Value> = closings.iter().map(|closing| json!(closing.issued)["holder"].clone()).collect();
    assert_eq!(holders, [json!("A. Serikova"), Value::Null, Value::Null], "and none behind the day of the revocation");
    let acts: Vec<Vec<&str>> =
        closings.iter().map(|closing| closing.acts.iter().map(|act| act.act.as_str()).collect()).collect();
    assert_eq!(acts, [vec!["returned", "issued"], vec!["returned"], vec!["revoked"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_p31_a_plate_is_accounted_for_while_somebody_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    let plate = "almaty-intl-b";
    node.devices.handle(plate, Handling::Return { reason: None }, "test").await.unwrap();
    node.pass(DAY_S);
    node.closings.close_due().await.unwrap();
    let issue = Handling::Issue { node: None, holder: "A. Serikova".into(), role: None, reason: None };
    node.devices.handle(plate, issue, "test").await.unwrap();
    drop(node);
    let node = Node::open(dir.path(), "2026-11-24T07:00:00Z");
    node.closings.close_due().await.unwrap();
    let closings = node.require_sound(plate).await;
    assert_eq!(closings.len(), 2);
    assert_eq!((closings[0].issued.is_none(), closings[1].issued.is_some(), closings[1].total), (true, true, 0));
    assert!(node.store.check().unwrap().is_sound(), "{:?}", node.store.check().unwrap().problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn p32_a_facility_sees_its_own_devices() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    node.pass(2 * DAY_S);
    node.closings.close_due().await.unwrap();
    let wanted = Wanted { facility: Some("kokshetau".into()), ..Wanted::default() };
    let found = node.closings.list(wanted.clone()).await.unwrap().closings;
    assert!(!found.is_empty() && found.iter().all(|closing| closing.facility == "kokshetau"));
    let day: Date = "2026-11-22".parse().unwrap();
    let one_day = Wanted { from: Some(day), to: Some(day), ..wanted };
    assert_eq!(node.closings.list(one_day).await.unwrap().closings.len(), 1);
    assert_eq!(node.closings.find(DEVICE, day).await.unwrap().map(|closing| closing.total), Some(1));
    assert_eq!(node.closings.find(DEVICE, day.yesterday().unwrap()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn p32_a_long_list_comes_in_pages_and_none_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NOON);
    node.mark(Kind::Accept).await;
    let (strikes, batch) = node.strike("kokshetau", Kind::Accept).await.unwrap();
    strikes.commit(batch).await.unwrap();
    node.pass(30 * DAY_S);
    let made = node.closings.close_due().await.unwrap();
    assert!(made > MOST, "{made}");
    let (mut seen, mut after, mut pages) = (BTreeSet::new(), None, 0);
    loop {
        let listed = node.closings.list(Wanted { after: after.take(), ..Wanted::default() }).await.unwrap();
        pages += 1;
        assert!(listed.closings.len() <= MOST);
        for closing in &listed.closings {
            assert!(seen.insert((closing.device.clone(), closing.day.clone())), "{} twice", closing.day);
        }
        if !listed.more {
            break;
        }
        after = listed.closings.last().map(|last| (last.device.clone(), last.day.parse().unwrap()));
    }
    assert_eq!((seen.len(), pages), (made, made.div_ceil(MOST)));
}
