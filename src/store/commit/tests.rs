use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use test_case::test_case;

use super::super::engine::memory::{Failing, MemoryDisk};
use super::super::tests::{get, journal_lines, open_memory, put, settings};
use super::super::{Batch, Error, Result, Store};

/// A batch that counts, and says so in the journal.
fn counting(line: &str) -> Batch {
    let mut batch = Batch::new();
    batch.add(b"zcount".to_vec(), 1);
    batch.journal(line);
    batch
}

fn commit(store: &Store, batch: Batch) -> JoinHandle<Result<()>> {
    let store = store.clone();
    std::thread::spawn(move || store.commit_blocking(batch).map(drop))
}

fn count(store: &Store) -> i64 {
    store.read_blocking(|view| view.counter(b"zcount")).unwrap()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a line is in the file of the journal, whether it counts or not.
fn wait_until_written(dir: &Path, line: &str) {
    let file = dir.join("journal/00000001.journal");
    wait_until(line, || std::fs::read_to_string(&file).is_ok_and(|text| text.contains(line)));
}

/// A store whose disk takes its time, with a sync that took long.
fn open_slow(dir: &Path) -> (Store, MemoryDisk) {
    let (store, disk) = open_memory(dir);
    disk.hold_sync();
    let slow = commit(&store, put(b"zslow", b""));
    disk.wait_until_held();
    std::thread::sleep(Duration::from_millis(50));
    disk.release_sync();
    slow.join().unwrap().unwrap();
    (store, disk)
}

/// Two groups: the rows of the first wait for their sync, the files of the second are written.
fn two_groups_under_way(dir: &Path, store: &Store, disk: &MemoryDisk) -> [JoinHandle<Result<()>>; 2] {
    disk.hold_sync();
    let first = commit(store, counting("first"));
    disk.wait_until_held();
    let second = commit(store, counting("second"));
    wait_until_written(dir, "second");
    [first, second]
}

#[test]
fn the_files_of_a_group_are_written_while_the_rows_of_the_one_before_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_slow(dir.path());
    let groups = two_groups_under_way(dir.path(), &store, &disk);
    assert!(groups.iter().all(|group| !group.is_finished()), "nothing is acknowledged before its rows are durable");
    assert_eq!((count(&store), journal_lines(&store)), (0, vec![]));
    disk.release_sync();
    groups.into_iter().for_each(|group| group.join().unwrap().unwrap());
    assert_eq!((count(&store), journal_lines(&store)), (2, vec!["first".to_owned(), "second".to_owned()]));
}

#[test_case(Failing::Sync; "and what was written is lost")]
#[test_case(Failing::SyncAfterWriting; "and what was written is there")]
fn a_group_that_was_resolved_against_rows_that_never_were_fails_with_them(failing: Failing) {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_slow(dir.path());
    let groups = two_groups_under_way(dir.path(), &store, &disk);
    disk.fail_next(failing);
    disk.release_sync();
    for group in groups {
        assert!(matches!(group.join().unwrap(), Err(Error::Io(_))));
    }
    assert_eq!((count(&store), journal_lines(&store)), (0, vec![]));
    store.commit_blocking(counting("third")).unwrap();
    assert_eq!((count(&store), journal_lines(&store)), (1, vec!["third".to_owned()]));
    drop(store);
    let store = Store::open_with_engine(dir.path(), &settings(), Box::new(disk)).unwrap();
    assert_eq!((count(&store), journal_lines(&store)), (1, vec!["third".to_owned()]));
}

#[test]
fn what_is_done_between_groups_is_done_when_nothing_is_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_slow(dir.path());
    let [first, second] = two_groups_under_way(dir.path(), &store, &disk);
    let (tell, told) = mpsc::channel();
    let asking = {
        let store = store.clone();
        std::thread::spawn(move || store.between_groups(move |committer| tell.send(committer.versions.last_turn())))
    };
    let before = store.inner.versions.last_turn();
    disk.release_sync();
    assert_eq!(told.recv().unwrap(), before + 2);
    asking.join().unwrap().unwrap().unwrap();
    first.join().unwrap().unwrap();
    second.join().unwrap().unwrap();
}

#[test]
fn a_store_that_was_closed_by_a_failure_comes_back_although_nobody_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_slow(dir.path());
    store.commit_blocking(counting("kept")).unwrap();
    disk.refuse_opening(true);
    disk.fail_next(Failing::Sync);
    assert!(store.commit_blocking(counting("lost")).is_err());
    assert!(matches!(store.read_blocking(|view| view.get(b"zcount")), Err(Error::Closed)));
    disk.refuse_opening(false);
    wait_until("still closed", || store.read_blocking(|view| view.get(b"zcount")).is_ok());
    assert_eq!(count(&store), 1);
}

#[test]
fn a_panic_closes_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_slow(dir.path());
    store.commit_blocking(counting("kept")).unwrap();
    assert!(matches!(store.between_groups(|_| panic!("on purpose")), Err::<(), _>(Error::Closed)));
    assert!(matches!(store.commit_blocking(counting("refused")), Err(Error::Closed)));
    assert_eq!(get(&store, b"zcount"), Some(1_i64.to_be_bytes().to_vec()), "what is there can still be read");
}
