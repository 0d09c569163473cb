use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::store::engine::memory::Failing;
use crate::store::tests::{get, open, open_memory, put, settings};
use crate::store::{Batch, EngineKind, Settings};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn unheard(_: Done) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The rows of the test; facts of the directory change by themselves.
fn rows(store: &Store) -> Model {
    store.read_blocking(|view| view.range(b"z", b"{", usize::MAX)).unwrap().into_iter().collect()
}

fn fill(store: &Store, count: u32, length: usize) {
    for first in (0..count).step_by(500) {
        let mut batch = Batch::new();
        for number in first..count.min(first + 500) {
            batch.put([b"z", &number.to_be_bytes()[..]].concat(), vec![number as u8; length]);
        }
        store.commit_blocking(batch).unwrap();
    }
}

fn generations(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir.join("rows")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("CURRENT"));
    names
}

fn open_with(dir: &Path, engine: EngineKind) -> Store {
    // While rows are copied the live engine is opened anew now and then, too.
    Store::open(dir, &Settings { engine, max_replay_bytes: 100_000, ..settings() }).unwrap()
}

#[test]
fn rows_are_converted_when_another_engine_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 3_000, 50);
    let before = rows(&store);
    drop(store);
    for (engine, name) in [(EngineKind::Redb, "redb-00000002"), (EngineKind::Sled, "sled-00000003")] {
        let store = open_with(dir.path(), engine);
        assert_eq!(generations(dir.path()), [name]);
        assert_eq!(rows(&store), before);
    }
}

/// Both counters are changed by every batch, so whoever reads two different values saw half of one.
fn twins(store: &Store) -> (i64, i64) {
    store.read_blocking(|view| Ok((view.counter(b"za")?, view.counter(b"zb")?))).unwrap()
}

#[test_case(None; "in memory")]
#[test_case(Some(EngineKind::Sled); "in sled")]
#[test_case(Some(EngineKind::Redb); "in redb")]
fn rows_are_the_same_while_everybody_writes_and_reads(engine: Option<EngineKind>) {
    let dir = tempfile::tempdir().unwrap();
    let store = match engine {
        Some(engine) => open_with(dir.path(), engine),
        None => open_memory(dir.path()).0,
    };
    fill(&store, 3_000, 50);
    let stop = AtomicBool::new(false);
    let model = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut model = rows(&store);
            let mut number = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let mut batch = Batch::new();
                for step in 0..5 {
                    let key = [b"z", &((number >> 8).wrapping_add(step * 977) % 4_000).to_be_bytes()[..]].concat();
                    if number.is_multiple_of(3) {
                        batch.delete(key.clone());
                        model.remove(&key);
                    } else {
                        batch.put(key.clone(), number.to_be_bytes().to_vec());
                        model.insert(key, number.to_be_bytes().to_vec());
                    }
                }
                batch.add(b"za".to_vec(), 1);
                batch.add(b"zb".to_vec(), 1);
                store.commit_blocking(batch).unwrap();
            }
            let (count, _) = twins(&store);
            model.insert(b"za".to_vec(), count.to_be_bytes().to_vec());
            model.insert(b"zb".to_vec(), count.to_be_bytes().to_vec());
            model
        });
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let (a, b) = twins(&store);
                assert_eq!(a, b);
                assert!(a >= last, "a reader went back in time");
                last = a;
                store
                    .read_blocking(|view| {
                        let first = view.range(b"z", b"{", usize::MAX)?;
                        let mut back = view.range_back(b"z", b"{", usize::MAX)?;
                        back.reverse();
                        assert!(first == back, "a picture changed under its reader");
                        Ok(())
                    })
                    .unwrap();
            }
        });
        for _ in 0..6 {
            store.rewrite_rows(0, &mut unheard).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        writer.join().unwrap()
    });
    assert_eq!(rows(&store), model);
    if let Some(engine) = engine {
        assert_eq!(generations(dir.path()), [format!("{}-00000007", engine.name())]);
        drop(store);
        assert_eq!(rows(&open_with(dir.path(), engine)), model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is committed at whatever step of the copying, nothing of it is missing and nothing comes back.
    #[test]
    fn what_is_committed_while_rows_are_copied_is_copied_too(
        at_start in prop::collection::btree_map(0_u16..3_000, 0_u8..9, 0..2_000),
        meanwhile in prop::collection::vec(
            prop::collection::vec((0_u16..3_000, prop::option::of(0_u8..9)), 1..50), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, disk) = open_memory(dir.path());
        let key = |number: u16| [b"z", &number.to_be_bytes()[..]].concat();
        let mut batch = Batch::new();
        let mut model = Model::new();
        for (number, value) in at_start {
            batch.put(key(number), vec![value]);
            model.insert(key(number), vec![value]);
        }
        store.commit_blocking(batch).unwrap();
        let mut meanwhile = meanwhile.into_iter();
        let rewritten = store.rewrite_rows(0, &mut |_| {
            if let Some(changes) = meanwhile.next() {
                let mut batch = Batch::new();
                for (number, value) in changes {
                    match value {
                        Some(value) => { batch.put(key(number), vec![value]); model.insert(key(number), vec![value]); }
                        None => { batch.delete(key(number)); model.remove(&key(number)); }
                    }
                }
                store.commit_blocking(batch).unwrap();
            }
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!(disk.times_adopted(), 1);
        prop_assert_eq!(&rows(&store), &model);
        let all = store.read_blocking(|view| view.range(&[], &[u8::MAX], usize::MAX)).unwrap();
        let bytes: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
        prop_assert_eq!(rewritten.live_bytes, bytes as u64);
    }
}

#[test]
fn a_reader_keeps_its_picture_while_the_engine_changes_under_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1_500, 10);
    let before = rows(&store);
    store
        .read_blocking(|view| {
            let mut first = view.range(b"z", b"{", 700)?;
            store.commit_blocking(put(b"znew", b"1"))?;
            let mut batch = Batch::new();
            before.keys().skip(600).take(400).for_each(|key| batch.delete(key.clone()));
            store.commit_blocking(batch)?;
            store.rewrite_rows(0, &mut unheard)?;
            store.commit_blocking(put(b"znewer", b"1"))?;
            let from = [&first.last().unwrap().0[..], &[0]].concat();
            first.extend(view.range(&from, b"{", usize::MAX)?);
            assert_eq!(first.into_iter().collect::<Model>(), before);
            Ok(())
        })
        .unwrap();
    assert_eq!(rows(&store).len(), 1_500 - 400 + 2);
}

#[test_case(Failing::Fresh, 0; "no fresh engine")]
#[test_case(Failing::FreshLoad, 0; "the disk is full while rows are copied")]
#[test_case(Failing::FreshSync, 0; "the fresh engine cannot be synced")]
#[test_case(Failing::FreshReopen, 0; "the fresh engine cannot be opened again")]
#[test_case(Failing::Adopt, 0; "CURRENT cannot be written")]
#[test_case(Failing::AdoptUnsure, 0; "the directory cannot be synced and the old engine is named")]
#[test_case(Failing::AdoptUnsureAfterwards, 1; "the directory cannot be synced and the fresh engine is named")]
fn a_rewrite_that_fails_loses_nothing_and_leaves_nothing(failing: Failing, adopted: usize) {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    fill(&store, 2_000, 20);
    let before = rows(&store);
    disk.fail_next(failing);
    assert!(store.rewrite_rows(0, &mut unheard).is_err());
    assert_eq!(disk.times_adopted(), adopted);
    assert!(!disk.has_left_over());
    assert_eq!(rows(&store), before);

    store.commit_blocking(put(b"zlater", b"kept")).unwrap();
    store.rewrite_rows(0, &mut unheard).unwrap();
    assert_eq!(disk.times_adopted(), adopted + 1);
    assert_eq!(rows(&store).len(), 2_001);
    drop(store);
    let store = Store::open_with_engine(dir.path(), &settings(), Box::new(disk)).unwrap();
    assert_eq!(get(&store, b"zlater").as_deref(), Some(&b"kept"[..]));
}

#[test_case(Failing::Apply)]
#[test_case(Failing::Sync)]
#[test_case(Failing::SyncAfterWriting)]
fn a_commit_that_fails_during_a_rewrite_is_not_in_the_fresh_engine(failing: Failing) {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    fill(&store, 2_000, 20);
    let before = rows(&store);
    let mut calls = 0;
    store
        .rewrite_rows(0, &mut |_| {
            calls += 1;
            if calls == 2 {
                disk.fail_next(failing);
                let mut batch = put(b"zlost", b"1");
                batch.delete(before.keys().next().unwrap().clone());
                assert!(store.commit_blocking(batch).is_err());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(rows(&store), before);
}

#[test]
fn a_rewrite_can_be_broken_off_and_is_done_once_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 2_000, 20);
    let before = rows(&store);
    let mut second = None;
    let stopped = store.rewrite_rows(0, &mut |progress| {
        assert!(progress.bytes > 0 && progress.bytes <= progress.of);
        second = Some(store.rewrite_rows(0, &mut unheard));
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(Error::Stopped)));
    assert!(matches!(second, Some(Err(Error::Busy(_)))));
    assert_eq!(generations(dir.path()), ["sled-00000001"]);
    assert_eq!(rows(&store), before);
}

#[test]
fn a_rewrite_stops_at_the_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let free = rustix::fs::statvfs(dir.path()).map(|found| found.f_bavail * found.f_frsize).unwrap();
    let settings = Settings { watermark_bytes: free * 8, ..settings() };
    let store = Store::open(dir.path(), &settings).unwrap();
    store.commit_blocking(put(b"z", b"1")).unwrap();
    assert!(matches!(store.rewrite_rows(0, &mut unheard), Err(Error::Full { .. })));
    assert_eq!(generations(dir.path()), ["sled-00000001"]);
}

/// The directory as a crash would leave it at each step of the copying, with commits between the steps.
#[test]
fn a_crash_while_rows_are_copied_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1_500, 20);
    let mut crashes = Vec::new();
    store
        .rewrite_rows(0, &mut |_| {
            store.commit_blocking(put(&[b'z', b'n', crashes.len() as u8], b"1")).unwrap();
            let copy = tempfile::tempdir().unwrap();
            copy_tree(dir.path(), copy.path());
            crashes.push((copy, rows(&store)));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(crashes.len() > 3, "{}", crashes.len());
    for (dir, expected) in crashes {
        let store = open(dir.path());
        assert_eq!(rows(&store), expected);
        assert_eq!(generations(dir.path()), ["sled-00000001"]);
        assert!(store.check().unwrap().problem_count > 0, "the rows of this test are of no known class");
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn disk_use_returns_after_most_rows_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { rewrite_floor_bytes: 1 << 20, rewrite_bytes_per_s: 0, ..settings() };
    let store = Store::open(dir.path(), &settings).unwrap();
    fill(&store, 60_000, 400);
    let full = store.stats().unwrap().engine_disk_bytes;
    for first in (0..60_000_u32).step_by(1_000).filter(|first| first % 5_000 > 0) {
        let mut batch = Batch::new();
        (first..first + 1_000).for_each(|number| batch.delete([b"z", &number.to_be_bytes()[..]].concat()));
        store.commit_blocking(batch).unwrap();
    }
    let left = rows(&store);
    assert_eq!(left.len(), 12_000);
    assert!(store.rows_want_rewrite().unwrap(), "{full} bytes for {} bytes of rows", store.inner.versions.live_bytes());
    let rewritten = store.rewrite_rows(0, &mut unheard).unwrap();
    assert_eq!(rows(&store), left);
    assert!(rewritten.live_bytes >= 12_000 * 405 && rewritten.live_bytes < 12_000 * 410);
    // By how much depends on how far sled's own threads came before; with so few rows its room for growth shows too.
    assert!(rewritten.disk_bytes_after < rewritten.disk_bytes_before, "{rewritten:?}");
    assert!(!store.rows_want_rewrite().unwrap(), "once is enough");
    drop(store);
    assert_eq!(rows(&Store::open(dir.path(), &settings).unwrap()), left);
}

#[test]
fn small_or_well_filled_rows_are_not_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 4_000, 400);
    assert!(!store.rows_want_rewrite().unwrap(), "below the floor");
    drop(store);
    let store = Store::open(dir.path(), &Settings { rewrite_floor_bytes: 1, rewrite_percent: 100_000, ..settings() });
    assert!(!store.unwrap().rows_want_rewrite().unwrap(), "within the share");
}
