//! Encrypted letters through the whole of their lives.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use test_case::test_case;

use super::super::backup::tests::{deliver, folder, furnish, letter, messages};
use super::super::check::tests::{ANNA, fill};
use super::super::compact::Thoroughness;
use super::super::mailboxes::INBOX;
use super::super::open::ROWS_DIR;
use super::super::rebuild::{Rebuild, rebuild};
use super::super::restore::restore;
use super::tests::{key_file, settings};
use super::*;
use crate::clock::Timestamp;
use crate::ids::{ItemId, Uid};
use crate::message::{Caps, Summary};

/// What the letters and what stands above them say; the subject is in the summaries too.
const PHRASES: [&str; 6] =
    ["as it was written", "Subject: letter", "letter 3", "Received: here", "subject of the letter on paper", "%PDF"];

fn open(dir: &Path) -> Store {
    Store::open(dir, &settings(dir, &[1])).unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T04:15:00Z".parse().unwrap()
}

fn go_on(_: super::super::Done) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The phrases that stand in some file of a directory.
fn found_in(dir: &Path) -> Vec<&'static str> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(found_in(&path));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let is_there = |phrase: &&&str| bytes.windows(phrase.len()).any(|window| window == phrase.as_bytes());
        found.extend(PHRASES.iter().filter(is_there));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn assert_sound(store: &Store) {
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}

fn summaries(store: &Store) -> BTreeMap<(String, u32), Vec<u8>> {
    store
        .read_blocking(|view| {
            let mut all = BTreeMap::new();
            for folder in view.folders(ANNA)? {
                for (uid, summary) in view.summaries(ANNA, folder.id, Uid::new(1).unwrap(), usize::MAX)? {
                    assert!(Summary::decode(&summary).is_ok());
                    all.insert((folder.name.clone(), uid.get()), summary);
                }
            }
            Ok(all)
        })
        .unwrap()
}

fn copy_dir(from: &Path, to: &Path, without: Option<&str>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if without == entry.file_name().to_str() {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &to.join(entry.file_name()), None),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn no_file_shows_what_a_letter_says() {
    let (plain, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let as_it_is = Settings {
        encryption: false,
        operator_key_file: PathBuf::new(),
        compression: false,
        ..settings(dir.path(), &[1])
    };
    let store = Store::open(plain.path(), &as_it_is).unwrap();
    furnish(&store);
    drop(store);
    assert_eq!(found_in(plain.path()).len(), PHRASES.len(), "{:?}", found_in(plain.path()));

    let sealed = Settings { compression: false, ..settings(dir.path(), &[1]) };
    let store = Store::open(dir.path(), &sealed).unwrap();
    furnish(&store);
    assert_eq!(found_in(dir.path()), [""; 0]);
    let all = Thoroughness { dead_percent: 1, bytes_per_s: 0 };
    store.compact(all, &mut go_on).unwrap();
    drop(store);
    assert_eq!(found_in(dir.path()), [""; 0]);
}

#[test]
fn encrypted_letters_are_the_same_after_a_restart_a_rewriting_and_a_compaction() {
    let (plain, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let as_it_is = Store::open(plain.path(), &super::super::tests::settings()).unwrap();
    furnish(&as_it_is);
    let store = open(dir.path());
    furnish(&store);
    let (letters, told) = (messages(&store), summaries(&store));
    assert_eq!(letters, messages(&as_it_is));
    assert_eq!(told, summaries(&as_it_is));
    assert!(letters.len() > 10);
    drop(store);
    let store = open(dir.path());
    assert_sound(&store);
    store.compact(Thoroughness { dead_percent: 1, bytes_per_s: 0 }, &mut go_on).unwrap();
    store.rewrite_rows(0, &mut go_on).unwrap();
    assert_sound(&store);
    assert_eq!((messages(&store), summaries(&store)), (letters, told));
}

#[test]
fn what_waits_for_the_system_can_be_read_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store);
    let row = store.read_blocking(|view| view.outbound(None, 1)).unwrap().remove(0);
    assert_eq!(row.data_key.unwrap().owner, Owner::System);
    assert_eq!(store.item_bytes(&row).read_at_blocking(0, 100).unwrap(), &b"Received: x\r\nletter"[..]);
    let stored = store.read_blocking(|view| view.print_jobs(ItemId(0), 1)).unwrap().remove(0);
    let (job, document) = (stored.job.clone(), stored.job.document.clone().unwrap());
    store
        .read_blocking(|view| {
            let key = view.data_key(job.body, job.data_key.as_ref())?.unwrap();
            assert_eq!(&view.record(stored.draft, Some(&key))?[..], b"draft");
            assert!(matches!(view.record(stored.draft, None), Err(Error::Sealed(_))));
            let key = view.data_key(document.body, document.data_key.as_ref())?.unwrap();
            assert_eq!(&view.body(document.body, 0, 9, Some(&key))?[..], b"%PDF");
            let scan = view.scans_to_review(1)?.remove(0).scan;
            let key = view.data_key(scan.document, scan.data_key.as_ref())?.unwrap();
            assert_eq!(&view.body(scan.document, 0, 9, Some(&key))?[..], b"scan");
            Ok(())
        })
        .unwrap();
    assert_eq!(store.open_text(&job.subject).unwrap(), "subject of the letter on paper");
}

#[test]
fn a_restored_backup_opens_with_the_operator_key_and_not_without() {
    let (dir, backup, again) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    furnish(&store);
    store.backup(backup.path(), now(), &mut go_on).unwrap();
    deliver(&store, folder(&store, INBOX), &letter(50));
    store.backup(backup.path(), now(), &mut go_on).unwrap();
    assert_eq!(found_in(backup.path()), [""; 0]);
    let letters = messages(&store);
    drop(store);
    restore(backup.path(), again.path(), &settings(again.path(), &[1]), now(), &mut go_on).unwrap();
    let without = Settings { encryption: false, operator_key_file: PathBuf::new(), ..settings(again.path(), &[1]) };
    assert!(
        matches!(Store::open(again.path(), &without), Err(Error::NotPossible(text)) if text.contains("operator key"))
    );
    let store = open(again.path());
    assert_sound(&store);
    assert_eq!(messages(&store), letters);
}

#[test]
fn a_rebuilt_store_has_the_same_letters_and_shows_as_little() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    furnish(&store);
    let (letters, told) = (messages(&store), summaries(&store));
    drop(store);
    fs::remove_dir_all(dir.path().join(ROWS_DIR)).unwrap();
    let settings = settings(dir.path(), &[1]);
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &Caps::default(), now: now() };
    let rebuilt = rebuild(&request, &mut go_on).unwrap();
    assert_eq!(rebuilt.lost, [""; 0]);
    let store = open(dir.path());
    assert_sound(&store);
    assert_eq!(messages(&store), letters);
    assert_eq!(summaries(&store), told);
    assert_eq!(found_in(dir.path()), [""; 0]);
}

/// Sealed rows that the packs remember are told from what is out of date as they are written, not as they are read.
#[test]
fn m20_sealed_rows_come_back_from_packs_that_were_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    furnish(&store);
    let people = |store: &Store| {
        store.read_blocking(|view| Ok((view.account(ANNA)?, view.audit_entries(9)?, view.outbound(None, 9)?))).unwrap()
    };
    for number in [60, 61] {
        store.compact(Thoroughness { dead_percent: 1, bytes_per_s: 0 }, &mut go_on).unwrap();
        deliver(&store, folder(&store, INBOX), &letter(number));
    }
    let (account, entries, waiting) = people(&store);
    assert!(account.is_some() && !entries.is_empty() && !waiting.is_empty());
    drop(store);
    fs::remove_dir_all(dir.path().join(ROWS_DIR)).unwrap();
    let (settings, caps) = (settings(dir.path(), &[1]), Caps::default());
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &caps, now: now() };
    assert_eq!(rebuild(&request, &mut go_on).unwrap().lost, Vec::<String>::new());
    let store = open(dir.path());
    let found = people(&store);
    assert_eq!((found.0, found.2.len()), (account, waiting.len()));
    assert!(entries.iter().all(|entry| found.1.contains(entry)));
    assert_sound(&store);
}

#[test]
fn after_a_rotation_a_restart_needs_the_new_operator_key_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    furnish(&store);
    let letters = messages(&store);
    key_file(dir.path(), &[2, 1]);
    store.rotate_keys().unwrap();
    deliver(&store, folder(&store, INBOX), &letter(50));
    drop(store);
    let refused = Store::open(dir.path(), &settings(dir.path(), &[1]));
    assert!(matches!(refused, Err(Error::NotPossible(text)) if text.contains("operator key 00000002")));
    let store = Store::open(dir.path(), &settings(dir.path(), &[2])).unwrap();
    assert_sound(&store);
    let mut now_there = messages(&store);
    now_there.pop_last();
    assert_eq!(messages(&store).len(), letters.len() + 1);
    assert!(letters.iter().all(|(place, bytes)| messages(&store).get(place) == Some(bytes)));
}

#[test]
fn when_a_key_is_destroyed_nobody_can_read_the_letters_with_all_the_other_files_of_before() {
    let (dir, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    furnish(&store);
    drop(store);
    copy_dir(dir.path(), before.path(), Some(KEYS_DIR));
    let store = open(dir.path());
    assert!(store.destroy_key(ANNA).unwrap());
    drop(store);
    copy_dir(&dir.path().join(KEYS_DIR), &before.path().join(KEYS_DIR), None);
    for dir in [dir.path(), before.path()] {
        let store = open(dir);
        let inbox = folder(&store, INBOX);
        let rows = store.read_blocking(|view| view.messages(ANNA, inbox, Uid::new(1).unwrap(), usize::MAX)).unwrap();
        assert!(!rows.is_empty());
        for message in &rows {
            let read = store.message_bytes(message).read_at_blocking(0, 1);
            assert!(matches!(read, Err(Error::NotPossible(text)) if text.contains("destroyed")));
        }
        let told = store.read_blocking(|view| view.summaries(ANNA, inbox, Uid::new(1).unwrap(), 1));
        assert!(told.is_err());
        // What waits to be sent belongs to nobody's mailbox.
        let row = store.read_blocking(|view| view.outbound(None, 1)).unwrap().remove(0);
        assert!(store.item_bytes(&row).read_at_blocking(0, 100).is_ok());
        let told = store.check().unwrap().problems;
        assert!(told.iter().any(|text| text.contains("was destroyed")), "{told:?}");
    }
}

#[test]
fn encryption_can_be_turned_on_and_off_for_a_store_that_has_letters() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = settings(dir.path(), &[1]);
    let as_it_is = Settings { encryption: false, ..sealed.clone() };
    let store = Store::open(dir.path(), &as_it_is).unwrap();
    furnish(&store);
    let mut expected = messages(&store);
    let plain = expected.len();
    drop(store);
    for (settings, number) in [(&sealed, 60), (&as_it_is, 61), (&sealed, 62)] {
        let store = Store::open(dir.path(), settings).unwrap();
        deliver(&store, folder(&store, INBOX), &letter(number));
        let rows = store
            .read_blocking(|view| view.messages(ANNA, folder(&store, INBOX), Uid::new(1).unwrap(), usize::MAX))
            .unwrap();
        assert_eq!(rows.last().unwrap().data_key.is_some(), settings.encryption);
        assert_eq!(rows.first().unwrap().data_key, None);
        let found = messages(&store);
        assert!(expected.iter().all(|(place, bytes)| found.get(place) == Some(bytes)));
        expected = found;
        assert_sound(&store);
    }
    assert_eq!(expected.len(), plain + 3);
}

#[test_case(SingleInstance::Submission, Sharing::One(ANNA), false, false; "copies of one letter only")]
#[test_case(SingleInstance::Submission, Sharing::Again(ANNA), true, false; "what is brought again")]
#[test_case(SingleInstance::Account, Sharing::One(ANNA), true, false; "those of one account")]
#[test_case(SingleInstance::Account, Sharing::Many, false, false; "a letter to many, by account")]
#[test_case(SingleInstance::Operator, Sharing::Many, true, true; "all")]
fn single_instance_says_who_shares_a_body(how: SingleInstance, sharing: Sharing, same: bool, others: bool) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { single_instance: how, ..settings(dir.path(), &[1]) };
    let store = Store::open(dir.path(), &settings).unwrap();
    let key = |sharing| store.letter_key(&super::super::tests::staged(&store, b"letter"), sharing).unwrap().unwrap();
    let (one, again, other) = (key(sharing), key(sharing), key(Sharing::One(AccountId(99))));
    assert_eq!(one.body() == again.body(), same);
    assert_eq!(one.body() == other.body(), others);
    for key in [&again, &other] {
        if key.body() == one.body() {
            // The same name always comes with the same key.
            assert_eq!(key.wrap(Owner::System).unwrap(), one.wrap(Owner::System).unwrap());
        }
    }
}

#[test]
fn missing_keys_and_those_of_another_store_are_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(dir.path()));
    drop(open(other.path()));
    fs::remove_dir_all(dir.path().join(KEYS_DIR)).unwrap();
    let refused = |dir: &Path| match Store::open(dir, &settings(dir, &[1])) {
        Err(Error::Damaged(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(refused(dir.path()).contains("missing; bring this directory back"));
    copy_dir(&other.path().join(KEYS_DIR), &dir.path().join(KEYS_DIR), None);
    assert!(refused(dir.path()).contains("another store"));
}

#[test]
fn a_row_whose_key_does_not_open_is_found_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    furnish(&store);
    let inbox = folder(&store, INBOX);
    let key = keys::message(ANNA, inbox, Uid::new(3).unwrap());
    let mut row = store.read_blocking(|view| view.get(&key)).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    let mut batch = super::super::Batch::new();
    batch.put(key, row);
    store.commit_blocking(batch).unwrap();
    let told = store.check().unwrap().problems;
    assert!(
        told.len() == 1 && told[0].contains("message 3 in folder \"INBOX\"") && told[0].contains("data key"),
        "{told:?}"
    );
}
