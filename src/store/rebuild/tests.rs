use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::super::backup::tests::{
    back_up, deliver, flag, folder, go_on, journal_lines, letter, messages, now, office, place_of_letter, rows_of,
    uid_validities, wait,
};
use super::super::check::tests::ANNA;
use super::super::commit::Remembered;
use super::super::compact::Thoroughness;
use super::super::mailboxes::{Flags, INBOX};
use super::super::packs::Kind;
use super::super::tests::{get, noise, open, place_of, settings};
use super::super::{Batch, Store, rows};
use super::*;
use crate::ids::Uid;

/// Classes that come out as they were.
const SAME: &str = "!BCINPQSZabcdilnpq";

fn rebuilt(dir: &Path, backup: Option<&Path>) -> Result<Rebuilt> {
    let (settings, caps) = (settings(), Caps::default());
    rebuild(&Rebuild { dir, backup, settings: &settings, caps: &caps, now: now() }, &mut go_on)
}

fn lose_rows(dir: &Path) {
    fs::remove_dir_all(dir.join("rows")).unwrap();
    let refused = Store::open(dir, &settings());
    assert!(matches!(&refused, Err(Error::Damaged(why)) if why.contains("store rebuild")), "{refused:?}");
}

fn opened(dir: &Path) -> Store {
    let store = open(dir);
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    store
}

fn flags(store: &Store, uid: u32) -> Flags {
    let (inbox, uid) = (folder(store, INBOX), Uid::new(uid).unwrap());
    store.read_blocking(|view| view.message(ANNA, inbox, uid)).unwrap().unwrap().flags
}

fn summaries(store: &Store) -> Vec<Vec<u8>> {
    let of = |name: &str| {
        let folder = folder(store, name);
        store.read_blocking(|view| view.summaries(ANNA, folder, Uid::new(1).unwrap(), usize::MAX)).unwrap()
    };
    [INBOX, "Work/Older"].map(of).into_iter().flatten().map(|(_, summary)| summary).collect()
}

#[test]
fn rows_come_back_from_the_packs_alone_but_for_flags_and_uid_validity() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    let (before, same) = (messages(&store), rows_of(&store, SAME));
    let (lines, old) = (journal_lines(&store), uid_validities(&store));
    let (read, threads) = (summaries(&store), rows_of(&store, "t"));
    drop(store);
    lose_rows(dir.path());
    let done = rebuilt(dir.path(), None).unwrap();
    assert_eq!((done.lost, done.set_aside, done.folders), (Vec::new(), None, 8));
    assert_eq!((done.messages, done.queued, done.print_jobs, done.scans), (before.len() as u64, 2, 1, 1));

    let store = opened(dir.path());
    assert_eq!(messages(&store), before);
    assert_eq!(rows_of(&store, SAME), same);
    let audited = store.read_blocking(|view| Ok((view.audit_entries(9)?, view.walk_audit()?))).unwrap();
    let actions: Vec<_> = audited.0.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!((actions, audited.1.problem_count), (vec!["store.rebuild", "b"], 0), "M20: its chain came back too");
    assert_eq!(journal_lines(&store), lines);
    assert_eq!(summaries(&store), read);
    let found = rows_of(&store, "t");
    assert!(found.len() > 10 && found.iter().all(|(key, thread)| threads.get(key) == Some(thread)));
    let new = uid_validities(&store);
    assert!(old.iter().all(|(name, old)| new[name] > *old), "{old:?} {new:?}");
    let ids = store.read_blocking(|view| view.folders(ANNA)).unwrap();
    let last = ids.iter().map(|folder| folder.id).max().unwrap();
    assert!(wait(store.create_folder(ANNA, "New", None)).unwrap().id > last);
}

#[test]
fn with_a_backup_flags_are_as_they_were_then_and_what_came_and_went_since_is_told_by_the_packs() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let store = office(&data);
    back_up(&store, &backup);
    let inbox = folder(&store, INBOX);
    deliver(&store, inbox, &letter(50));
    wait(async {
        flag(&store, inbox, &[12], Flags::DELETED).await;
        store.expunge(ANNA, inbox, None).await.unwrap();
        flag(&store, inbox, &[13], Flags::ANSWERED).await;
    });
    // Records of rows in the backup move afterwards.
    store.compact(Thoroughness { dead_percent: 1, bytes_per_s: 0 }, &mut go_on).unwrap();
    let before = messages(&store);
    drop(store);
    lose_rows(&data);
    let done = rebuilt(&data, Some(&backup)).unwrap();
    assert!(done.backup_rows > 50 && done.lost.is_empty(), "{done:?}");
    let store = opened(&data);
    assert_eq!(messages(&store), before);
    assert_eq!(flags(&store, 9), Flags::SEEN.with(Flags::FLAGGED));
    assert_eq!(flags(&store, 13), Flags::default(), "set since the backup");
    assert!(!rows_of(&store, "hko").is_empty(), "what only the backup tells");
}

#[test]
fn rows_come_back_after_compaction_and_a_second_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    for _ in 0..2 {
        store.compact(Thoroughness { dead_percent: 1, bytes_per_s: 0 }, &mut go_on).unwrap();
        deliver(&store, folder(&store, INBOX), &letter(60));
    }
    let (before, same) = (messages(&store), rows_of(&store, SAME));
    let first = uid_validities(&store);
    drop(store);
    let mut last = first;
    for _ in 0..2 {
        lose_rows(dir.path());
        assert_eq!(rebuilt(dir.path(), None).unwrap().lost, Vec::<String>::new());
        let store = opened(dir.path());
        assert_eq!(messages(&store), before);
        assert_eq!(rows_of(&store, SAME), same);
        let next = uid_validities(&store);
        assert!(last.iter().all(|(name, old)| next[name] > *old), "{last:?} {next:?}");
        last = next;
    }
}

#[test]
fn a_damaged_engine_says_so_is_kept_aside_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let before = messages(&office(dir.path()));
    let mut garbled = 0;
    for path in files_below(&dir.path().join("rows")) {
        let len = fs::metadata(&path).unwrap().len() as usize;
        fs::write(&path, vec![0xa5; len]).unwrap();
        garbled += 1;
    }
    assert!(garbled > 0);
    let refused = Store::open(dir.path(), &settings());
    assert!(matches!(&refused, Err(Error::Damaged(why)) if why.contains("store rebuild")), "{refused:?}");
    let done = rebuilt(dir.path(), None).unwrap();
    let kept = PathBuf::from(done.set_aside.unwrap());
    assert!(kept.is_dir() && kept.display().to_string().contains("rows.damaged-2026"), "{kept:?}");
    assert_eq!(messages(&opened(dir.path())), before);
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_rebuild_that_was_stopped_changes_nothing_and_can_be_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    let before = messages(&store);
    drop(store);
    let (settings, caps) = (settings(), Caps::default());
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &caps, now: now() };
    let mut calls = 0;
    let stopped = rebuild(&request, &mut |_| {
        calls += 1;
        if calls == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    let store = opened(dir.path());
    assert_eq!(messages(&store), before);
    assert!(matches!(rebuilt(dir.path(), None), Err(Error::InUse(_))));
    drop(store);
    rebuilt(dir.path(), None).unwrap();
    assert_eq!(messages(&opened(dir.path())), before);
}

#[test]
fn without_packs_or_with_half_a_restore_it_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(rebuilt(dir.path(), None), Err(Error::NotPossible(why)) if why.contains("no packs")));
    drop(office(dir.path()));
    fs::write(dir.path().join(RESTORING), b"").unwrap();
    assert!(matches!(rebuilt(dir.path(), None), Err(Error::NotPossible(why)) if why.contains("store restore")));
}

fn overwrite(dir: &Path, place: RecordRef, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    let path = dir.join(format!("packs/{:08}.pack", place.pack));
    fs::File::options().write(true).open(path).unwrap().write_all_at(bytes, place.offset + at).unwrap();
}

#[test]
fn what_is_behind_a_damaged_header_comes_back_and_the_letter_without_a_body_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    let mut before = messages(&store);
    let place = place_of_letter(&store, 15);
    drop(store);
    overwrite(dir.path(), place, 8, b"\xff\xff\xff\xff");
    lose_rows(dir.path());
    let done = rebuilt(dir.path(), None).unwrap();
    assert_eq!(done.lost_count, 2, "{:#?}", done.lost);
    assert!(done.lost[0].contains("are no records") && done.lost[1].starts_with("message 15 in \"INBOX\""));
    before.remove(&(INBOX.into(), 15));
    assert_eq!(messages(&opened(dir.path())), before);
}

#[test]
fn a_damaged_body_stays_where_it_is_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    let text = [&letter(73)[..], &noise(73, 200_000)].concat();
    let place = place_of(&store, deliver(&store, folder(&store, INBOX), &text));
    drop(store);
    overwrite(dir.path(), place, 150_000, b"damage");
    lose_rows(dir.path());
    let done = rebuilt(dir.path(), None).unwrap();
    assert!(done.lost.iter().all(|text| text.starts_with("message 21 in \"INBOX\"")), "{:#?}", done.lost);
    let store = open(dir.path());
    let (inbox, uid) = (folder(&store, INBOX), Uid::new(21).unwrap());
    let message = store.read_blocking(|view| view.message(ANNA, inbox, uid)).unwrap().unwrap();
    let bytes = store.message_bytes(&message);
    // What is whole of it can be read.
    let before_body = bytes.len() as usize - text.len();
    assert_eq!(&bytes.read_at_blocking(0, 1_000).unwrap()[before_body..][..9], b"Message-I");
    assert!(matches!(bytes.read_at_blocking(0, 1 << 20), Err(Error::Damaged(_))));
    let problems = store.check().unwrap().problems;
    assert!(problems.iter().any(|text| text.contains("message 21 in folder \"INBOX\"")), "{problems:#?}");
}

/// A letter may hold what looks like a record of a pack. When the header of its own record is lost, its content
/// is searched for the next record; what it says of rows must not be believed.
#[test]
fn a_letter_cannot_bring_rows_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    let foreign = forged_record(dir.path());
    // The noise is there so that the letter is not compressed.
    let text = [&letter(70)[..], &noise(70, 200_000), &foreign, &letter(71)].concat();
    let place = place_of(&store, deliver(&store, folder(&store, INBOX), &text));
    deliver(&store, folder(&store, INBOX), &letter(72));
    let before = messages(&store).len();
    // In an encrypted letter nothing looks like a record.
    let stretches = if store.settings().encryption { 1 } else { 2 };
    drop(store);
    overwrite(dir.path(), place, 0, b"lost");
    lose_rows(dir.path());
    let done = rebuilt(dir.path(), None).unwrap();
    let lost = stretches + 1;
    assert_eq!(done.lost_count, lost, "before the forged record, behind it, and the letter: {:#?}", done.lost);
    let store = opened(dir.path());
    assert_eq!(get(&store, &keys::login("mallory")), None);
    assert_eq!(messages(&store).len(), before - 1);
}

/// A record of remembered rows, as some other pack has it.
fn forged_record(near: &Path) -> Vec<u8> {
    let dir = near.join("mallory");
    let store = open(&dir);
    let mut batch = Batch::new();
    batch.put(keys::login("mallory"), vec![1, 0, 1]);
    store.commit_blocking(batch).unwrap();
    let mut found = Vec::new();
    let packs = &store.inner.packs;
    packs
        .walk(1, |place, header| {
            if header.kind == Kind::Rows {
                found.push(place);
            }
        })
        .unwrap();
    let place = found[0];
    let remembered: Remembered = rows::decode(Remembered::VERSION, &packs.read_whole(place, None).unwrap()).unwrap();
    assert_eq!(remembered.rows[0].0, keys::login("mallory"));
    let pack = fs::read(dir.join("packs/00000001.pack")).unwrap();
    drop(store);
    fs::remove_dir_all(&dir).unwrap();
    pack[place.offset as usize..][..place.stored_bytes() as usize].to_vec()
}

#[test]
fn letters_whose_pack_is_gone_are_counted_and_the_rest_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let store = office(dir.path());
    // Large letters lie in packs of their own.
    let place = place_of_letter(&store, 6);
    let before = messages(&store);
    drop(store);
    fs::remove_file(dir.path().join(format!("packs/{:08}.pack", place.pack))).unwrap();
    lose_rows(dir.path());
    let done = rebuilt(dir.path(), None).unwrap();
    let store = opened(dir.path());
    let after = messages(&store);
    let gone: BTreeSet<_> = before.keys().filter(|place| !after.contains_key(*place)).collect();
    assert!(!gone.is_empty());
    assert_eq!(done.lost_count, gone.len() as u64, "{:#?}", done.lost);
    assert!(done.lost.iter().all(|text| text.contains("its body is in no pack")));
}

/// Not part of every run: `cargo test --lib speed_of_backup -- --ignored --nocapture`.
#[test]
#[ignore = "hundreds of megabytes; prints figures"]
fn speed_of_backup_restore_and_rebuild() {
    let megabytes: u64 = std::env::var("POSHTA_BACKUP_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let store = office(&at("data"));
    let inbox = folder(&store, INBOX);
    let filler = b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrst\r\n".repeat(720);
    for number in 0..megabytes * 20 {
        let text = format!("Message-ID: <speed-{number}@x>\r\nSubject: speed {number}\r\n\r\n");
        deliver(&store, inbox, &[text.as_bytes(), &filler].concat());
    }
    let made = back_up(&store, &at("backup"));
    deliver(&store, inbox, &letter(1_000));
    let again = back_up(&store, &at("backup"));
    let rows = store.stats().unwrap().rows.values().map(|class| class.count).sum::<u64>();
    drop(store);
    let restored = super::super::restore::restore(&at("backup"), &at("other"), &settings(), now(), &mut go_on).unwrap();
    let plain = rebuilt(&at("data"), None).unwrap();
    let with_backup = rebuilt(&at("data"), Some(&at("backup"))).unwrap();
    opened(&at("data"));
    opened(&at("other"));
    println!("{rows} rows\nbackup {made:?}\nsecond {again:?}\nrestore {restored:?}");
    println!("rebuild {} ms of {} messages, with backup {} ms", plain.took_ms, plain.messages, with_backup.took_ms);
}
