use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::tests::{noise, open, settings, staged};
use super::super::{Error, Hole, Store, Template, keys};
use super::*;
use crate::ids::{BodyId, ItemId};
use crate::store::{Batch, RecordRef};

const ALL: Thoroughness = Thoroughness { dead_percent: 1, bytes_per_s: 0 };

/// A row that names a record and a body, as the outbound queue has them.
fn key(number: u32) -> Vec<u8> {
    keys::outbound(0, ItemId(1), number)
}

fn content(number: u32, len: usize) -> Vec<u8> {
    noise(number, len)
}

fn add(store: &Store, number: u32, len: usize) -> BodyId {
    let mut batch = Batch::new();
    let record = batch.record(content(number, 500));
    let body = batch.body(staged(store, &content(number, len)));
    batch.reference(body);
    batch.put(key(number), Template::from(vec![1]).hole(Hole::Record(record)).bytes(&body.0));
    store.commit_blocking(batch).unwrap();
    body
}

fn remove(store: &Store, number: u32, body: BodyId) {
    let mut batch = Batch::new();
    batch.delete(key(number));
    batch.release(body);
    store.commit_blocking(batch).unwrap();
}

fn place(store: &Store, number: u32) -> Option<RecordRef> {
    let row = store.read_blocking(|view| view.get(&key(number))).unwrap()?;
    keys::records_named(&key(number), &row).next()
}

fn is_whole(store: &Store, number: u32, body: BodyId, len: usize) {
    let place = place(store, number).unwrap();
    store
        .read_blocking(|view| {
            assert_eq!(&view.record(place, None)?[..], content(number, 500));
            assert_eq!(&view.body(body, 0, len, None)?[..], content(number, len));
            Ok(())
        })
        .unwrap();
}

fn disk_bytes(dir: &Path) -> u64 {
    std::fs::read_dir(dir.join("packs")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn compact(store: &Store) -> Compacted {
    store.compact(ALL, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn what_is_dead_goes_and_what_lives_reads_the_same_before_and_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &crate::store::Settings { max_pack_bytes: 50_000, ..settings() }).unwrap();
    let len = 9_000;
    let bodies: Vec<_> = (0..40).map(|number| add(&store, number, len)).collect();
    let large = add(&store, 100, 300_000);
    let before = disk_bytes(dir.path());
    for number in (0..40).filter(|number| number % 5 != 0) {
        remove(&store, number, bodies[number as usize]);
    }
    let done = compact(&store);
    assert!(done.packs > 0 && done.forgotten_bodies == 32 && done.damaged.is_empty(), "{done:?}");
    let (after, live) = (disk_bytes(dir.path()), 8 * (len as u64 + 500) + 300_500);
    assert!(after < live * 3 / 2 && after < before, "{after} of {before} bytes for {live}");
    let all_is_whole = |store: &Store| {
        (0..40).step_by(5).for_each(|number| is_whole(store, number, bodies[number as usize], len));
        is_whole(store, 100, large, 300_000);
    };
    all_is_whole(&store);
    drop(store);
    all_is_whole(&open(dir.path()));
}

#[test]
fn the_number_of_a_pack_that_is_gone_is_not_given_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let numbers = |store: &Store| store.inner.packs.numbers().unwrap();
    let store = open(dir.path());
    let body = add(&store, 1, 5_000);
    remove(&store, 1, body);
    let before = numbers(&store);
    compact(&store);
    drop(store);
    let store = open(dir.path());
    add(&store, 2, 5_000);
    assert!(numbers(&store).iter().all(|number| !before.contains(number)), "{before:?} {:?}", numbers(&store));
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let bodies: Vec<_> = (0..10).map(|number| add(&store, number, 5_000)).collect();
    (1..10).for_each(|number| remove(&store, number, bodies[number as usize]));
    assert_eq!(compact(&store).packs, 1);
    assert_eq!(compact(&store), Compacted::default());
}

#[test]
fn letters_come_and_go_and_are_copied_while_packs_are_emptied() {
    let dir = tempfile::tempdir().unwrap();
    let settings = crate::store::Settings { max_pack_bytes: 100_000, retired_pack_grace_s: 0, ..settings() };
    let store = Store::open(dir.path(), &settings).unwrap();
    let stop = AtomicBool::new(false);
    let mut kept = Vec::new();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut kept = Vec::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) && number >= 200 {
                    break;
                }
                let body = add(&store, number, 2_000);
                if number % 4 == 0 {
                    kept.push((number, body));
                } else {
                    remove(&store, number, body);
                }
                copy_a_row(&store, number / 8 * 4, 1_000_000 + number);
            }
            kept
        });
        for _ in 0..10 {
            compact(&store);
        }
        stop.store(true, Ordering::Relaxed);
        kept = busy.join().unwrap();
    });
    compact(&store);
    for (number, body) in kept {
        is_whole(&store, number, body, 2_000);
        if let Some(copy) = place(&store, 1_000_000 + number) {
            assert!(store.read_blocking(|view| view.record(copy, None)).is_ok(), "copy of {number} at {copy:?}");
        }
    }
}

/// As COPY does: what was read, written elsewhere, with the place that was read.
fn copy_a_row(store: &Store, from: u32, to: u32) {
    let Some(row) = store.read_blocking(|view| view.get(&key(from))).unwrap() else { return };
    std::thread::yield_now();
    let mut batch = Batch::new();
    batch.put(key(to), row);
    match store.commit_blocking(batch) {
        Ok(_) | Err(Error::Conflict(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn who_read_a_row_before_its_record_moved_can_still_read_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (kept, dead) = (add(&store, 1, 100), add(&store, 2, 50_000));
    let old = place(&store, 1).unwrap();
    remove(&store, 2, dead);
    assert_eq!(compact(&store).packs, 1);
    assert_ne!(place(&store, 1), Some(old));
    store.read_blocking(|view| view.record(old, None)).unwrap();
    is_whole(&store, 1, kept, 100);
}

#[test]
fn a_change_made_from_a_row_read_before_the_move_is_no_conflict_and_names_the_new_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (kept, dead) = (add(&store, 1, 100), add(&store, 2, 50_000));
    let row = store.read_blocking(|view| view.get(&key(1))).unwrap().unwrap();
    remove(&store, 2, dead);
    compact(&store);
    let mut batch = Batch::new();
    batch.require(crate::store::Precondition::Equals(key(1), row.clone()));
    batch.put(key(1), [&row[..], b"changed"].concat());
    store.commit_blocking(batch).unwrap();
    is_whole(&store, 1, kept, 100);
}

#[test]
fn a_pack_with_a_damaged_record_is_named_and_stays() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (_, dead) = (add(&store, 1, 20_000), add(&store, 2, 50_000));
    remove(&store, 2, dead);
    let place = place(&store, 1).unwrap();
    let path = dir.path().join(format!("packs/{:08}.pack", place.pack));
    std::fs::File::options().write(true).open(&path).unwrap().write_all_at(b"damage", place.offset + 100).unwrap();
    let done = compact(&store);
    assert_eq!((done.packs, done.damaged.len()), (0, 1), "{done:?}");
    assert!(path.exists());
}

#[test]
fn a_run_that_is_stopped_leaves_everything_readable_and_the_next_one_ends_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let bodies: Vec<_> = (0..10).map(|number| add(&store, number, 5_000)).collect();
    (2..10).for_each(|number| remove(&store, number, bodies[number as usize]));
    let stopped = store.compact(ALL, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    is_whole(&store, 1, bodies[1], 5_000);
    assert_eq!(compact(&store).packs, 2, "the pack that was begun, and the one with copies that nothing names");
    is_whole(&store, 1, bodies[1], 5_000);
}

#[test]
fn many_packs_are_emptied_in_portions() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &crate::store::Settings { max_pack_bytes: 20_000, ..settings() }).unwrap();
    let bodies: Vec<_> = (0..80).map(|number| add(&store, number, 5_000)).collect();
    let packs = store.inner.packs.numbers().unwrap().len();
    assert!(packs > 2 * PACKS_A_PORTION, "{packs}");
    (0..80).filter(|number| number % 4 > 0).for_each(|number| remove(&store, number, bodies[number as usize]));
    let released = store.take_released_bytes().unwrap();
    assert!((60 * 5_000..60 * 5_200).contains(&released), "{released}");
    assert_eq!(store.take_released_bytes().unwrap(), 0);
    let done = compact(&store);
    assert!(done.packs > 2 * PACKS_A_PORTION as u64, "{done:?}");
    (0..80).step_by(4).for_each(|number| is_whole(&store, number, bodies[number as usize], 5_000));
}
