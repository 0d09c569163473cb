use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use smallvec::SmallVec;

use super::super::check::tests::{ANNA, fill};
use super::super::compact::Thoroughness;
use super::super::mailboxes::{FlagChange, Flags, INBOX, NewMessage, Origin, Prefix, Subscription};
use super::super::mailboxes::{add_message, add_standard_folders};
use super::super::restore::{Restored, restore};
use super::super::tests::{noise, open, place_of, settings, staged};
use super::super::vault::Sharing;
use super::super::{Batch, RecordRef, Seal, Settings};
use super::*;
use crate::ids::{BodyId, EmailId, FolderId, ItemId, ThreadId, Uid, UidValidity};
use crate::message::ids::message_id_hash;
use crate::message::{Caps, Scanner, Summary};

pub(in crate::store) const LETTERS: u32 = 20;

pub(in crate::store) fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// Waits for what is async in the store.
pub(in crate::store) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// Letters in folders with flags, some of them gone again, beside what waits in every queue.
pub(in crate::store) fn office(dir: &Path) -> Store {
    let store = open(dir);
    furnish(&store);
    store
}

/// See [`office`].
pub(in crate::store) fn furnish(store: &Store) {
    fill(store);
    let mut batch = Batch::new();
    add_standard_folders(&mut batch, ANNA).unwrap();
    (0..3).for_each(|number| batch.journal(&format!(r#"{{"impression":{number}}}"#)));
    store.commit_blocking(batch).unwrap();
    let inbox = folder(store, INBOX);
    for number in 1..=LETTERS {
        deliver(store, inbox, &letter(number));
    }
    wait(async {
        for name in ["Work", "Work/Old", "Gone"] {
            store.create_folder(ANNA, name, None).await.unwrap();
        }
        store.rename_folder(ANNA, "Work/Old", "Work/Older", now()).await.unwrap();
        store.set_subscription(ANNA, "Work", Subscription::On).await.unwrap();
        let (work, gone) = (folder(store, "Work/Older"), folder(store, "Gone"));
        store.copy(ANNA, inbox, uids(&[2, 3]), work, now()).await.unwrap();
        store.move_messages(ANNA, inbox, uids(&[4, 5]), work, now()).await.unwrap();
        store.copy(ANNA, inbox, uids(&[6]), gone, now()).await.unwrap();
        store.delete_folder(ANNA, "Gone").await.unwrap();
        flag(store, inbox, &[7, 8], Flags::DELETED).await;
        store.expunge(ANNA, inbox, None).await.unwrap();
        flag(store, inbox, &[9, 10], Flags::SEEN.with(Flags::FLAGGED)).await;
    });
    assert!(store.check().unwrap().is_sound());
}

pub(in crate::store) async fn flag(store: &Store, folder: FolderId, numbers: &[u32], flags: Flags) {
    let change = FlagChange::Add(flags, vec!["$Important".into()]);
    store.store_flags(ANNA, folder, uids(numbers), change, None).await.unwrap();
}

/// Letters differ in size: some are written beside the committer, one has a summary too large for a row.
pub(in crate::store) fn letter(number: u32) -> Vec<u8> {
    let lines = if number.is_multiple_of(6) { 4_000 } else { 40 };
    let to = if number == 11 {
        "Айгүл Сәрсенқызы <aigul@poshta.example>,\r\n ".repeat(60)
    } else {
        String::new()
    };
    let mut text = format!("Message-ID: <{number}@x>\r\nTo: {to}<a@b.example>\r\nSubject: letter {number}\r\n\r\n");
    (0..lines).for_each(|line| text.push_str(&format!("line {line} of letter {number}, as it was written\r\n")));
    text.into_bytes()
}

pub(in crate::store) fn deliver(store: &Store, folder: FolderId, text: &[u8]) -> BodyId {
    deliver_sealed(store, folder, text, None)
}

/// Where the letter with this UID in the inbox lies.
pub(in crate::store) fn place_of_letter(store: &Store, uid: u32) -> RecordRef {
    let (inbox, uid) = (folder(store, INBOX), Uid::new(uid).unwrap());
    let message = store.read_blocking(|view| view.message(ANNA, inbox, uid)).unwrap().unwrap();
    place_of(store, message.body)
}

/// As [`deliver`]; all that the packs get of it is sealed.
pub(in crate::store) fn deliver_sealed(store: &Store, folder: FolderId, text: &[u8], seal: Option<Seal>) -> BodyId {
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(text);
    let structure = scanner.finish();
    let header = &text[..structure.facts.header_bytes as usize];
    let (recipient, item) = (&b"Return-Path: <a@b.example>\r\n"[..], &b"Received: here\r\n"[..]);
    let mut batch = Batch::new();
    let staged = staged(store, text);
    let (records, body) = match seal {
        None => {
            let key = store.letter_key(&staged, Sharing::One(ANNA)).unwrap();
            let body = batch.letter(staged, key);
            ([recipient, item].map(|text| batch.record_for(body, text.to_vec())), body)
        }
        Some(seal) => {
            let records = [recipient, item].map(|text| batch.record_sealed(text.to_vec(), seal.clone()));
            (records, batch.body_sealed(staged, seal))
        }
    };
    add_message(
        &mut batch,
        &NewMessage {
            account: ANNA,
            folder,
            flags: Flags::default(),
            keywords: SmallVec::new(),
            internal_date: now(),
            save_date: now(),
            item: Some(ItemId(77)),
            email: EmailId(5),
            thread: ThreadId(u128::from(text.len() as u64)),
            message_id: message_id_hash(header),
            origin: Origin::Transmitted,
            recipient_prefix: Prefix { record: Some(records[0]), len: recipient.len() as u32 },
            item_prefix: Prefix { record: Some(records[1]), len: item.len() as u32 },
            body,
            body_bytes: text.len() as u64,
            summary: Summary::of(&[recipient, item].concat(), &structure, header).encode(),
        },
    )
    .unwrap();
    store.commit_blocking(batch).unwrap();
    body
}

pub(in crate::store) fn folder(store: &Store, name: &str) -> FolderId {
    store.read_blocking(|view| view.folder_named(ANNA, name)).unwrap().unwrap().id
}

pub(in crate::store) fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().map(|number| Uid::new(*number).unwrap()).collect()
}

/// Every message, byte for byte, by folder and UID.
pub(in crate::store) fn messages(store: &Store) -> BTreeMap<(String, u32), Vec<u8>> {
    store
        .read_blocking(|view| {
            let mut all = BTreeMap::new();
            for folder in view.folders(ANNA)? {
                for message in view.messages(ANNA, folder.id, Uid::new(1).unwrap(), usize::MAX)? {
                    let bytes = store.message_bytes(&message).read_at_blocking(0, usize::MAX >> 1)?;
                    all.insert((folder.name.clone(), message.uid.get()), bytes.to_vec());
                }
            }
            Ok(all)
        })
        .unwrap()
}

pub(in crate::store) fn uid_validities(store: &Store) -> BTreeMap<String, UidValidity> {
    let folders = store.read_blocking(|view| view.folders(ANNA)).unwrap();
    folders.into_iter().map(|folder| (folder.name, folder.uid_validity)).collect()
}

/// All rows of some classes.
pub(in crate::store) fn rows_of(store: &Store, classes: &str) -> BTreeMap<String, Vec<u8>> {
    let all = store.read_blocking(|view| view.range(&[], &keys::after(&[]), usize::MAX)).unwrap();
    // A restore or rebuild adds an entry to the audit.
    let counter = keys::fact("audit");
    let of_classes = all.into_iter().filter(|(key, _)| classes.as_bytes().contains(&key[0]) && *key != counter);
    of_classes.map(|(key, row)| (key.escape_ascii().to_string(), row)).collect()
}

pub(in crate::store) fn journal_lines(store: &Store) -> Vec<String> {
    let mut lines = Vec::new();
    let each = |line: &str| {
        lines.push(line.to_string());
        ControlFlow::Continue(())
    };
    store.read_blocking(|view| view.journal_lines(each)).unwrap();
    lines
}

pub(in crate::store) fn go_on(_: Done) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(in crate::store) fn back_up(store: &Store, to: &Path) -> BackedUp {
    store.backup(to, now(), &mut go_on).unwrap()
}

fn restored(from: &Path, dir: &Path) -> Result<Restored> {
    restore(from, dir, &settings(), now(), &mut go_on)
}

struct Place {
    _root: tempfile::TempDir,
    data: PathBuf,
    backup: PathBuf,
    other: PathBuf,
}

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    Place { data: at("data"), backup: at("backup"), other: at("other"), _root: root }
}

#[test]
fn a_restored_store_is_sound_has_the_same_letters_and_greater_uid_validities() {
    let place = place();
    let store = office(&place.data);
    let made = back_up(&store, &place.backup);
    assert!(made.damaged.is_empty() && made.rows > 100, "{made:?}");
    let done = restored(&place.backup, &place.other).unwrap();
    assert_eq!((done.rows, done.folders, done.damaged.len()), (made.rows, 8, 0), "{done:?}");

    let again = open(&place.other);
    let verdict = again.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    assert_eq!(messages(&again), messages(&store));
    assert_eq!(journal_lines(&again), journal_lines(&store));
    let same = "BCFINPQSZabcdhiklmnopqstx";
    assert_eq!(rows_of(&again, same), rows_of(&store, same));
    let (before, after) = (uid_validities(&store), uid_validities(&again));
    assert_eq!(before.len(), 8);
    assert!(before.iter().all(|(name, old)| after[name] > *old), "{before:?} {after:?}");
    let distinct: std::collections::BTreeSet<_> = after.values().collect();
    assert_eq!(distinct.len(), after.len());

    // What comes next gets numbers that nobody has seen.
    let created = wait(again.create_folder(ANNA, "New", None)).unwrap();
    assert!(created.uid_validity > *distinct.into_iter().max().unwrap());
    assert!(created.id.0 > 10_000);
    deliver(&again, folder(&again, INBOX), &letter(99));
    assert!(again.check().unwrap().is_sound());
}

#[test]
fn only_its_owner_reads_a_backup() {
    let place = place();
    back_up(&office(&place.data), &place.backup);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.backup.clone()), 0o700);
    assert_eq!(mode(place.backup.join("packs/00000001.pack")), 0o600);
    assert_eq!(mode(place.backup.join("rows/0001.rows")), 0o600);
    assert_eq!(mode(place.backup.join("BACKUP")), 0o600);
}

#[test]
fn a_second_backup_copies_only_what_is_new() {
    let place = place();
    let store = office(&place.data);
    let first = back_up(&store, &place.backup);
    assert_eq!(first.copied_bytes + first.row_bytes, first.bytes);
    assert_eq!(back_up(&store, &place.backup).copied_bytes, 0);
    let body = deliver(&store, folder(&store, INBOX), &letter(21));
    let third = back_up(&store, &place.backup);
    let new = place_of(&store, body).stored_bytes();
    assert!((new..new + 1_500).contains(&third.copied_bytes), "{third:?}");
    assert_eq!(numbered_files(&place.backup.join("rows"), "rows").unwrap(), [3]);
    restored(&place.backup, &place.other).unwrap();
    assert_eq!(messages(&open(&place.other)), messages(&store));
}

#[test]
fn packs_that_were_compacted_away_leave_the_backup_too() {
    let place = place();
    let store = office(&place.data);
    back_up(&store, &place.backup);
    let before = numbered_files(&place.backup.join("packs"), "pack").unwrap();
    store.compact(Thoroughness { dead_percent: 1, bytes_per_s: 0 }, &mut go_on).unwrap();
    back_up(&store, &place.backup);
    let after = numbered_files(&place.backup.join("packs"), "pack").unwrap();
    assert!(!after.contains(&before[0]), "{before:?} {after:?}");
    restored(&place.backup, &place.other).unwrap();
    let again = open(&place.other);
    assert_eq!(messages(&again), messages(&store));
    assert!(again.check().unwrap().is_sound());
}

#[test]
fn an_interrupted_backup_leaves_the_last_one_whole_and_the_next_goes_on() {
    let place = place();
    let store = office(&place.data);
    back_up(&store, &place.backup);
    let before = messages(&store);
    let inbox = folder(&store, INBOX);
    for number in 0..30_u8 {
        let text = [&letter(200)[..], &noise(number.into(), 300_000)].concat();
        deliver(&store, inbox, &text);
    }
    let stopped = store.backup(&place.backup, now(), &mut |done| {
        if done.bytes > 5_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    restored(&place.backup, &place.other).unwrap();
    assert_eq!(messages(&open(&place.other)), before);

    let next = back_up(&store, &place.backup);
    assert!((3_000_000..6_000_000).contains(&next.copied_bytes), "{next:?}");
    fs::remove_dir_all(&place.other).unwrap();
    restored(&place.backup, &place.other).unwrap();
    let again = open(&place.other);
    assert_eq!(messages(&again), messages(&store));
    assert!(again.check().unwrap().is_sound());
}

#[test]
fn backups_are_of_one_moment_while_letters_come_and_go_and_packs_are_compacted() {
    let place = place();
    let settings = Settings { max_pack_bytes: 200_000, ..settings() };
    drop(office(&place.data));
    let store = Store::open(&place.data, &settings).unwrap();
    let inbox = folder(&store, INBOX);
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU32::new(0));
    let is_stopped = || stop.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (100..).take_while(|_| !is_stopped()) {
                deliver(&store, inbox, &letter(number));
                acknowledged.store(number, Ordering::SeqCst);
                if number.is_multiple_of(3) {
                    wait(async {
                        let last = LETTERS + number - 100;
                        flag(&store, inbox, &[last], Flags::DELETED).await;
                        store.expunge(ANNA, inbox, None).await.unwrap();
                    });
                }
            }
        });
        scope.spawn(|| {
            while !is_stopped() {
                store.compact(Thoroughness { dead_percent: 10, bytes_per_s: 0 }, &mut go_on).unwrap();
            }
        });
        for round in 0..4 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            let known = acknowledged.load(Ordering::SeqCst);
            back_up(&store, &place.backup);
            let other = place.other.join(round.to_string());
            restored(&place.backup, &other).unwrap();
            let again = open(&other);
            let verdict = again.check().unwrap();
            assert!(verdict.is_sound(), "{:#?}", verdict.problems);
            let next = again.read_blocking(|view| view.folder_state(ANNA, inbox)).unwrap().uid_next;
            assert!(known == 0 || next > LETTERS + known - 100, "{next} after letter {known}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_directory_with_another_stores_backup_or_a_store_is_refused() {
    let place = place();
    let store = office(&place.data);
    back_up(&store, &place.backup);
    let foreign = open(&place.other);
    let body = staged(&foreign, &[9; 400_000]);
    let mut batch = Batch::new();
    batch.body(body);
    foreign.commit_blocking(batch).unwrap();
    let refused = foreign.backup(&place.backup, now(), &mut go_on);
    assert!(matches!(&refused, Err(Error::NotPossible(why)) if why.contains("another store")), "{refused:?}");
    assert!(matches!(store.backup(&place.other, now(), &mut go_on), Err(Error::InUse(_))));
    assert!(matches!(store.backup(&place.data, now(), &mut go_on), Err(Error::InUse(_))));
    drop(foreign);
    let refused = restored(&place.backup, &place.other);
    assert!(matches!(&refused, Err(Error::NotPossible(why)) if why.contains("there is data")), "{refused:?}");
    assert!(matches!(restored(&place.backup, &place.data), Err(Error::InUse(_))));
    assert!(matches!(restored(&place.data, &place.other), Err(Error::NotPossible(_))));
    restored(&place.backup, &place.other.join("new")).unwrap();
}

#[test]
fn half_a_restore_is_not_served_and_can_be_run_again() {
    let place = place();
    let store = office(&place.data);
    back_up(&store, &place.backup);
    for calls in [1, 2, 2] {
        let mut left = calls;
        let stopped = restore(&place.backup, &place.other, &settings(), now(), &mut |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
        let refused = Store::open(&place.other, &settings());
        assert!(matches!(&refused, Err(Error::NotPossible(why)) if why.contains("store restore")), "{refused:?}");
    }
    restored(&place.backup, &place.other).unwrap();
    let again = open(&place.other);
    assert_eq!(messages(&again), messages(&store));
    assert!(again.check().unwrap().is_sound());
}

#[test]
fn a_backup_that_is_not_whole_is_not_restored() {
    let damage: [fn(&Path); 3] = [
        |backup| fs::write(backup.join("BACKUP"), b"{}").unwrap(),
        |backup| fs::remove_file(backup.join("packs/00000001.pack")).unwrap(),
        |backup| {
            let path = backup.join("rows/0001.rows");
            let mut rows = fs::read(&path).unwrap();
            let middle = rows.len() / 2;
            rows[middle] ^= 1;
            fs::write(path, rows).unwrap();
        },
    ];
    for damage in damage {
        let place = place();
        let store = office(&place.data);
        back_up(&store, &place.backup);
        damage(&place.backup);
        assert!(matches!(restored(&place.backup, &place.other), Err(Error::Damaged(_))));
        assert!(!place.other.join("rows").exists());
    }
}

#[test]
fn a_damaged_record_is_named_and_restored_as_it_is() {
    let place = place();
    let store = office(&place.data);
    let body = place_of_letter(&store, 13);
    let path = place.data.join(format!("packs/{:08}.pack", body.pack));
    let mut pack = fs::read(&path).unwrap();
    pack[body.offset as usize + 100] ^= 1;
    fs::write(&path, pack).unwrap();
    assert_eq!(back_up(&store, &place.backup).damaged.len(), 1);
    assert_eq!(restored(&place.backup, &place.other).unwrap().damaged.len(), 1);

    // It is set aside: one letter cannot be read, and is named; all others are as they were.
    let again = open(&place.other);
    let inbox = folder(&again, INBOX);
    let read = |number: u32| {
        let uid = Uid::new(number).unwrap();
        let message = again.read_blocking(|view| view.message(ANNA, inbox, uid)).unwrap().unwrap();
        again.message_bytes(&message).read_at_blocking(0, 1 << 20)
    };
    assert!(matches!(read(13), Err(Error::Damaged(_))));
    assert!(read(12).unwrap().ends_with(&letter(12)[..]) && read(14).unwrap().ends_with(&letter(14)[..]));
    let told = again.check().unwrap().problems.join("\n");
    assert!(told.contains(r#"message 13 in folder "INBOX" of account"#) && told.contains(r#""Anna""#), "{told}");
}

#[test]
fn a_damaged_row_is_set_aside_and_named_and_the_others_are_read() {
    let place = place();
    let store = office(&place.data);
    let inbox = folder(&store, INBOX);
    let page = |limit| store.read_blocking(|view| view.readable_messages(ANNA, inbox, uids(&[1])[0], limit)).unwrap();
    let whole = page(100);
    let mut batch = Batch::new();
    batch.put(keys::message(ANNA, inbox, uids(&[13])[0]), vec![1, 2, 3]);
    store.commit_blocking(batch).unwrap();
    let found = page(100).messages;
    assert_eq!(found.len() + 1, whole.messages.len());
    assert!(found.iter().all(|message| message.uid.get() != 13 && whole.messages.contains(message)));
    let at = whole.messages.iter().position(|message| message.uid.get() == 13).unwrap();
    assert_eq!(page(at + 1).next, Some(uids(&[14])[0]), "a page that ends with the damaged row is not the last");
    let told = store.check().unwrap().problems.join("\n");
    assert!(told.contains(r#"message 13 in folder "INBOX" of account"#), "{told}");
}

/// As a program of the first schema made it: without the sets of UIDs.
#[test]
fn a_restored_backup_of_the_first_schema_gets_its_sets_when_it_is_opened() {
    let place = place();
    let store = office(&place.data);
    let sets = rows_of(&store, "U");
    assert!(!sets.is_empty());
    let mut batch = Batch::new();
    let rows = store.read_blocking(|view| view.range(b"U", &keys::after(b"U"), usize::MAX)).unwrap();
    rows.into_iter().for_each(|(key, _)| batch.delete(key));
    store.commit_blocking(batch).unwrap();
    back_up(&store, &place.backup);
    let mut manifest = Manifest::read(&place.backup).unwrap().unwrap();
    manifest.schema = 1;
    manifest.write(&place.backup).unwrap();
    restored(&place.backup, &place.other).unwrap();

    let again = open(&place.other);
    assert_eq!(rows_of(&again, "U"), sets);
    let verdict = again.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}
