//! A log in a directory, interrupted wherever it can be.

use std::fs;
use std::path::Path;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use test_case::test_case;

use super::super::tile::{Content, Tile, WIDTH, unbundle};
use super::super::tree::{BadProof, tests::Naive, verify_consistency};
use super::*;

const ORIGIN: &str = "poshta.example/log";
const SEED: [u8; 32] = [5; 32];

fn today() -> Date {
    date(2026, 11, 22)
}

/// The impression `number`, made at `ms`.
fn leaf_at(number: u64, ms: u64) -> (ImpressionId, Entry) {
    let mut entry = [0; 32];
    entry[..8].copy_from_slice(&number.to_be_bytes());
    (ImpressionId(u128::from(ms) << 80 | u128::from(number + 1)), Entry(entry))
}

/// So many impressions, from this number on, one a millisecond.
pub(crate) fn leaves(from: u64, count: u64) -> Vec<(ImpressionId, Entry)> {
    (from..from + count).map(|number| leaf_at(number, 1_000_000 + number)).collect()
}

fn create(dir: &Path) -> Log {
    Log::create(dir, ORIGIN, SEED, today()).unwrap()
}

fn open(dir: &Path) -> Result<Log> {
    Log::open_as(dir, ORIGIN).map(|log| log.unwrap())
}

fn place(bytes: u64) -> Option<Place> {
    Some(Place { file: 1, bytes })
}

/// A log with so many leaves.
pub(crate) fn log_of(dir: &Path, size: u64) -> Log {
    let mut log = create(dir);
    log.append(&leaves(0, size)).unwrap();
    log.publish(place(size), today()).unwrap();
    log
}

fn naive(leaves: &[(ImpressionId, Entry)]) -> Naive {
    Naive(leaves.iter().map(|(_, entry)| entry.leaf()).collect())
}

fn verify(view: &View, id: ImpressionId, entry: Entry) {
    let index = view.find(id).unwrap().unwrap();
    let proof = view.prove(index).unwrap();
    proof.verify(&entry, view.verifier()).unwrap();
    assert_eq!(view.leaf(index).unwrap().entry, entry);
}

#[test]
fn a_log_begins_empty_and_keeps_its_key() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Log::open_as(dir.path(), ORIGIN).unwrap().is_none());
    let log = create(dir.path());
    assert_eq!((log.view().size(), log.place()), (0, Some(Place::default())));
    let key = log.view().verifier().clone();
    drop(log);
    // An interrupted beginning.
    fs::remove_file(dir.path().join("head")).unwrap();
    let again = Log::create(dir.path(), ORIGIN, [9; 32], today()).unwrap();
    assert_eq!(again.view().verifier(), &key);
}

#[test]
fn the_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    create(&dir.path().join("log"));
    for (name, mode) in [("log", 0o700), ("log/key", 0o600), ("log/head", 0o600), ("log/leaves", 0o600)] {
        assert_eq!(dir.path().join(name).metadata().unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn another_origin_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let error = Log::open_as(dir.path(), "other.example/log").unwrap_err().to_string();
    assert!(error.contains("poshta.example/log") && error.contains("tlog.origin"), "{error}");
}

#[test]
fn every_leaf_is_found_and_proved_after_each_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = create(dir.path());
    let all = leaves(0, 700);
    let mut size = 0;
    for count in [1, 2, 60, 193, 1, 255, 188] {
        log.append(&all[size..size + count]).unwrap();
        size += count;
        assert_eq!(log.view().size() as usize, size - count, "what is not published is not seen");
        log.publish(place(size as u64), today()).unwrap();
        let view = log.view();
        assert_eq!(view.checkpoint().head, naive(&all[..size]).head(size as u64));
        for (id, entry) in [&all[0], &all[size / 2], &all[size - 1]] {
            verify(&view, *id, *entry);
        }
        assert_eq!(view.find(leaf_at(9_999, 1_000_000).0).unwrap(), None);
        view.check(|_, _| ()).unwrap();
    }
    assert_eq!(open(dir.path()).unwrap().view().checkpoint(), log.view().checkpoint());
}

#[test]
fn tiles_are_those_of_the_specification() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(dir.path(), 70_000);
    let (view, tree) = (log.view(), naive(&leaves(0, 70_000)));
    let tile = |content, index, width| view.tile(Tile { content, index, width }).unwrap();
    for (index, width) in [(0, 256), (272, 256), (273, 112), (273, 1)] {
        let expected: Vec<u8> =
            tree.0[(index * WIDTH) as usize..][..width as usize].iter().flat_map(|hash| hash.0).collect();
        assert_eq!(tile(Content::Hashes(0), index, width).unwrap(), expected);
        let bundle = tile(Content::Entries, index, width).unwrap();
        let entries = unbundle(&bundle).unwrap();
        assert_eq!(entries.len() as u64, width);
        assert_eq!(Hash::of_leaf(entries[0]).0, expected[..32]);
    }
    let second = tile(Content::Hashes(1), 1, 17).unwrap();
    assert_eq!(second[..32], Naive(tree.0[256 * 256..257 * 256].to_vec()).head(256).root.0);
    let third = tile(Content::Hashes(2), 0, 1).unwrap();
    assert_eq!(third, Naive(tree.0[..256 * 256].to_vec()).head(256 * 256).root.0);
    for (content, index, width) in [
        (Content::Hashes(0), 273, 113),
        (Content::Hashes(0), 274, 1),
        (Content::Entries, 273, 256),
        (Content::Hashes(1), 1, 18),
        (Content::Hashes(2), 0, 2),
        (Content::Hashes(3), 0, 1),
        (Content::Hashes(0), u64::MAX / 2, 1),
    ] {
        assert_eq!(tile(content, index, width), None, "{content:?} {index} {width}");
    }
}

#[test]
fn what_was_never_published_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log_of(dir.path(), 300);
    let before = log.view().note().to_owned();
    log.append(&leaves(5_000, 300)).unwrap();
    drop(log);
    let mut log = open(dir.path()).unwrap();
    assert_eq!((log.view().note(), log.size(), log.place()), (before.as_str(), 300, place(300)));
    log.append(&leaves(300, 400)).unwrap();
    log.publish(place(700), today()).unwrap();
    assert_eq!(log.view().checkpoint().head, naive(&leaves(0, 700)).head(700));
    log.view().check(|_, _| ()).unwrap();
}

/// The files as they are.
fn state(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A crash at any instruction leaves each file of `log.append` and `publish` as it was, as it became, or with a part
/// of what was written; the head as it was or as it became.
#[test]
fn a_log_that_was_torn_anywhere_goes_on_and_never_contradicts_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log_of(dir.path(), 250);
    let earlier = log.view().checkpoint().head;
    let before = state(dir.path());
    log.append(&leaves(250, 300)).unwrap();
    log.append(&[leaf_at(550, 1_000)]).unwrap();
    log.publish(place(551), today()).unwrap();
    drop(log);
    let after = state(dir.path());
    let old =
        |name: &str| before.iter().find(|(known, _)| known == name).map_or(Vec::new(), |(_, bytes)| bytes.clone());
    // Head last: until then any part of the others may be there.
    for torn in 0..after.len() * 4 {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("daily")).unwrap();
        for (at, (name, bytes)) in after.iter().enumerate().filter(|(_, (name, _))| name != "head") {
            let was = old(name);
            let part = match (at * 4).cmp(&torn) {
                std::cmp::Ordering::Less => bytes.clone(),
                _ if at * 4 > torn + 3 => was,
                _ => bytes[..was.len() + (bytes.len() - was.len()) * (torn % 4) / 4].to_vec(),
            };
            fs::write(work.path().join(name), part).unwrap();
        }
        fs::write(work.path().join("head"), old("head")).unwrap();
        fs::write(work.path().join("head.new"), b"half a he").unwrap();
        let mut log = open(work.path()).unwrap();
        assert_eq!((log.view().checkpoint().head, log.place()), (earlier, place(250)));
        log.append(&leaves(250, 300)).unwrap();
        log.append(&[leaf_at(550, 1_000)]).unwrap();
        log.publish(place(551), today()).unwrap();
        let view = log.view();
        let path = view.consistency(250, 551).unwrap().unwrap();
        verify_consistency(earlier, view.checkpoint().head, &path).unwrap();
        view.check(|_, _| ()).unwrap();
        verify(&view, leaf_at(550, 1_000).0, leaf_at(550, 1_000).1);
    }
}

#[test_case("leaves", -1 => true; "a leaf is cut short")]
#[test_case("level-1", -1 => true; "a hash is cut short")]
#[test_case("leaves", 0 => false; "as it should be")]
#[test_case("leaves", 30 => false; "more than is published")]
fn a_log_that_is_shorter_than_its_checkpoint_is_not_served(name: &str, more: i64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    drop(log_of(dir.path(), 300));
    let file = fs::File::options().write(true).open(dir.path().join(name)).unwrap();
    file.set_len(file.metadata().unwrap().len().checked_add_signed(more).unwrap()).unwrap();
    matches!(open(dir.path()), Err(Error::Damaged { .. }))
}

#[test_case("leaves", 299 * 56 + 30; "the right edge")]
#[test_case("level-1", 5; "a hash that the root needs")]
#[test_case("head", 120; "the checkpoint")]
fn a_log_that_contradicts_its_checkpoint_is_not_served(name: &str, at: usize) {
    let dir = tempfile::tempdir().unwrap();
    drop(log_of(dir.path(), 300));
    let file = dir.path().join(name);
    let mut bytes = fs::read(&file).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Damaged { .. })));
}

#[test_case("leaves", 10 * 56 + 40; "an old entry")]
#[test_case("leaves", 10 * 56 + 10; "an old id")]
#[test_case("leaves", 10 * 56 + 7; "an old time")]
#[test_case("daily/2026-11-22", 25; "the checkpoint of a day")]
fn check_finds_what_serving_does_not_look_at(name: &str, at: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log_of(dir.path(), 600);
    log.publish(place(600), date(2026, 11, 23)).unwrap();
    log.view().check(|_, _| ()).unwrap();
    drop(log);
    let file = dir.path().join(name);
    let mut bytes = fs::read(&file).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    let log = open(dir.path()).unwrap();
    assert!(matches!(log.view().check(|_, _| ()), Err(Error::Damaged { .. })));
}

#[test]
fn the_last_checkpoint_of_each_day_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log_of(dir.path(), 3);
    log.append(&leaves(3, 4)).unwrap();
    log.publish(place(7), today()).unwrap();
    let last = log.view().note().to_owned();
    assert_eq!(log.view().daily(today()).unwrap(), None, "the day is not over");
    log.append(&leaves(7, 1)).unwrap();
    log.publish(place(8), date(2026, 11, 25)).unwrap();
    let (view, days) = (log.view(), vec![today()]);
    assert_eq!((view.days().unwrap(), view.daily(today()).unwrap()), (days.clone(), Some(last.clone())));
    // The clock is set back, and right again.
    for day in [today(), date(2026, 11, 25)] {
        log.append(&leaves(log.size(), 1)).unwrap();
        log.publish(place(log.size()), day).unwrap();
    }
    assert_eq!((view.days().unwrap(), view.daily(today()).unwrap()), (days, Some(last)));
}

#[test]
fn ids_out_of_their_order_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = create(dir.path());
    // A clock that jumps, runs, and is set back; some of one moment; one that comes a day late.
    let times = [5_000_000, 5_000_001, 5_000_001, 4_999_000, 9_000_000, 9_000_010, 6_000_000, 6_000_001, 6_000_001, 5];
    let all: Vec<_> = (0..).zip(times).map(|(number, ms)| leaf_at(number, ms)).collect();
    for part in all.chunks(3) {
        log.append(part).unwrap();
    }
    log.publish(place(1), today()).unwrap();
    let opened = open(dir.path()).unwrap();
    for (index, (id, _)) in (0..).zip(&all) {
        assert_eq!(opened.view().find(*id).unwrap(), Some(index));
        assert_eq!(opened.find(*id).unwrap(), Some(index));
    }
    for ms in [0, 5, 4_999_000, 5_000_001, 7_000_000, 9_000_010, 99_000_000] {
        assert_eq!(opened.view().find(leaf_at(77, ms).0).unwrap(), None);
    }
}

#[test]
fn a_backup_takes_what_is_new_and_a_restored_log_is_paused() {
    let (dir, backup, fresh) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = backup.path().join("log");
    assert_eq!(back_up(&dir.path().join("none"), &to).unwrap(), 0);
    let mut log = log_of(dir.path(), 500);
    assert_eq!(back_up(dir.path(), &to).unwrap(), 500 * 56 + 32);
    log.append(&leaves(500, 20)).unwrap();
    log.publish(place(520), date(2026, 11, 23)).unwrap();
    log.append(&leaves(900, 20)).unwrap();
    assert_eq!(back_up(dir.path(), &to).unwrap(), 20 * 56 + 32, "leaves, and the hash of the second tile");
    let of_backup = view(&to).unwrap().unwrap();
    of_backup.check(|_, _| ()).unwrap();
    assert_eq!(of_backup.note(), log.view().note());

    restore(&to, &fresh.path().join("log"), "2026-11-23T01:00:00Z").unwrap();
    let mut restored = open(&fresh.path().join("log")).unwrap();
    assert_eq!((restored.paused(), restored.place()), (Some("2026-11-23T01:00:00Z"), None));
    assert_eq!(restored.view().days().unwrap(), [today()]);
    restored.resume().unwrap();
    assert_eq!(open(&fresh.path().join("log")).unwrap().paused(), None);
}

#[test]
fn a_log_that_survived_is_kept_when_older_letters_come_back() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut log = log_of(dir.path(), 10);
    back_up(dir.path(), backup.path()).unwrap();
    log.append(&leaves(10, 5)).unwrap();
    log.publish(place(15), today()).unwrap();
    drop(log);
    restore(backup.path(), dir.path(), "2026-11-23T01:00:00Z").unwrap();
    let log = open(dir.path()).unwrap();
    assert_eq!((log.size(), log.paused(), log.place()), (15, None, None));
}

#[test]
fn the_backup_of_another_log_is_written_anew() {
    let (dir, other, backup) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    log_of(other.path(), 40);
    back_up(other.path(), backup.path()).unwrap();
    let mut log = create(dir.path());
    log.append(&leaves(7_000, 50)).unwrap();
    log.publish(place(50), today()).unwrap();
    back_up(dir.path(), backup.path()).unwrap();
    let copy = view(backup.path()).unwrap().unwrap();
    copy.check(|_, _| ()).unwrap();
    assert_eq!(copy.note(), log.view().note());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_two_checkpoints_are_consistent(parts in proptest::collection::vec(1u64..300, 1..6)) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = create(dir.path());
        let mut heads = vec![log.view().checkpoint().head];
        for count in parts {
            log.append(&leaves(log.size(), count)).unwrap();
            log.publish(place(log.size()), today()).unwrap();
            heads.push(log.view().checkpoint().head);
        }
        let view = log.view();
        for (at, to) in heads.iter().enumerate() {
            for from in &heads[..=at] {
                let path = view.consistency(from.size, to.size).unwrap().unwrap();
                prop_assert_eq!(verify_consistency(*from, *to, &path), Ok::<(), BadProof>(()));
            }
        }
        prop_assert!(view.consistency(2, 1).unwrap().is_none());
        prop_assert!(view.consistency(0, view.size() + 1).unwrap().is_none());
    }
}
