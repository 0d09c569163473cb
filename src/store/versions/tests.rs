use super::*;
use crate::store::engine::memory::MemoryDisk;

const LIMIT: u64 = 100_000;

fn versions() -> Versions {
    Versions::open(Box::new(MemoryDisk::default()), LIMIT).unwrap()
}

fn put(versions: &Versions, key: &[u8], value: &[u8]) {
    versions.commit(Changes::from([(key.to_vec(), Some(value.to_vec()))]), Before::new()).unwrap();
}

fn notes_bytes(versions: &Versions) -> u64 {
    versions.notes.read().bytes()
}

#[test]
fn a_row_that_changes_often_during_a_long_reading_is_noted_once() {
    let versions = versions();
    put(&versions, b"count", b"before");
    let long = versions.snapshot();
    put(&versions, b"count", b"0");
    let after_one = notes_bytes(&versions);
    for number in 1..300_u32 {
        put(&versions, b"count", &number.to_be_bytes());
        let short = versions.snapshot();
        assert_eq!(short.get(b"count").unwrap().as_deref(), Some(&number.to_be_bytes()[..]));
        assert_eq!(long.get(b"count").unwrap().as_deref(), Some(&b"before"[..]));
    }
    // What stays of each of the others is that the group touched the key.
    assert!(notes_bytes(&versions) < after_one + 300 * 20, "{} after {after_one}", notes_bytes(&versions));
}

#[test]
fn a_reading_that_ends_while_a_group_waits_for_its_sync_does_not_make_it_visible() {
    let disk = MemoryDisk::default();
    let versions = Versions::open(Box::new(disk.clone()), LIMIT).unwrap();
    put(&versions, b"k", b"first");
    let oldest = versions.snapshot();
    put(&versions, b"k", b"durable");
    std::thread::scope(|scope| {
        disk.hold_sync();
        let committing = scope.spawn(|| put(&versions, b"k", b"unsynced"));
        disk.wait_until_held();
        drop(oldest);
        assert_eq!(versions.snapshot().get(b"k").unwrap().as_deref(), Some(&b"durable"[..]));
        assert_eq!(versions.snapshot().range(b"a", b"z", 9).unwrap(), [(b"k".to_vec(), b"durable".to_vec())]);
        disk.release_sync();
        committing.join().unwrap();
    });
    assert_eq!(versions.snapshot().get(b"k").unwrap().as_deref(), Some(&b"unsynced"[..]));
}

#[test]
fn each_of_several_readings_keeps_its_picture() {
    let versions = versions();
    let mut readings = Vec::new();
    for number in 0..50_u8 {
        put(&versions, b"k", &[number]);
        if number % 7 == 0 {
            readings.push((number, versions.snapshot()));
        }
        for (number, reading) in &readings {
            assert_eq!(reading.get(b"k").unwrap(), Some(vec![*number]));
            assert_eq!(reading.range(b"a", b"z", 9).unwrap(), [(b"k".to_vec(), vec![*number])]);
        }
        if number % 10 == 9 {
            readings.remove(0);
        }
    }
    readings.clear();
    assert_eq!(notes_bytes(&versions), 0, "nobody needs them, although nothing was committed since");
}

#[test]
fn a_reading_for_which_too_much_would_be_kept_is_given_up_and_later_ones_are_not() {
    let versions = versions();
    put(&versions, b"k", b"old");
    let long = versions.snapshot();
    let mut given_up_after = None;
    for number in 0..2_000_u32 {
        put(&versions, &number.to_be_bytes(), b"new row");
        let short = versions.snapshot();
        assert_eq!(short.get(b"k").unwrap().as_deref(), Some(&b"old"[..]));
        assert!(notes_bytes(&versions) <= LIMIT);
        if long.get(b"k").is_err() {
            given_up_after.get_or_insert(number);
        }
    }
    assert!(given_up_after.is_some_and(|after| after > 300), "{given_up_after:?}");
    assert!(matches!(long.get(b"k"), Err(Error::SnapshotTooOld)));
    assert!(matches!(long.range(b"", b"z", 10), Err(Error::SnapshotTooOld)));
    assert!(matches!(long.range_back(b"", b"z", 10), Err(Error::SnapshotTooOld)));
    drop(long);
    assert_eq!(notes_bytes(&versions), 0);
}

#[test]
fn live_bytes_follow_puts_overwrites_and_deletes() {
    let versions = versions();
    put(&versions, b"key", b"12345");
    assert_eq!(versions.live_bytes(), 8);
    put(&versions, b"key", b"1");
    assert_eq!(versions.live_bytes(), 4);
    put(&versions, b"other", b"");
    versions.commit(Changes::from([(b"key".to_vec(), None), (b"never there".to_vec(), None)]), Before::new()).unwrap();
    assert_eq!(versions.live_bytes(), 5);
}

#[test]
fn live_bytes_are_known_to_a_mebibyte_after_opening_again() {
    let disk = MemoryDisk::default();
    let versions = Versions::open(Box::new(disk.clone()), LIMIT).unwrap();
    for number in 0..30_u8 {
        put(&versions, &[b'k', number], &vec![0; 100_000]);
    }
    let exact = versions.live_bytes();
    drop(versions);
    let known = Versions::open(Box::new(disk), LIMIT).unwrap().live_bytes();
    assert!(exact - known < 1 << 20, "{known} of {exact}");
}
