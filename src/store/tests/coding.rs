//! Records that are compressed and sealed, through the whole store.

use std::collections::BTreeMap;

use super::super::backup::tests::{back_up, deliver, deliver_sealed, folder, go_on, letter, now, place_of_letter};
use super::super::check::tests::{ANNA, filled};
use super::super::commit::{Pending, Request};
use super::super::compact::Thoroughness;
use super::super::mailboxes::{INBOX, Message};
use super::super::rebuild::{Rebuild, rebuild};
use super::super::restore::restore;
use super::*;
use crate::ids::Uid;
use crate::message::Caps;

const ALL: Thoroughness = Thoroughness { dead_percent: 1, bytes_per_s: 0 };

/// How letters of the numbers are kept: two of them are large, and written beside the committer.
const LETTERS: std::ops::RangeInclusive<u32> = 1..=12;

/// What is sealed here is sealed by the tests, with keys of their own.
fn with_compression(compression: bool) -> Settings {
    Settings { compression, encryption: false, ..settings() }
}

fn key_of(number: u32) -> DataKey {
    DataKey::from_bytes(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

fn seal_of(number: u32) -> Seal {
    Seal { name: *blake3::keyed_hash(&[1; 32], &number.to_be_bytes()).as_bytes(), key: key_of(number) }
}

/// Every third letter is sealed.
fn is_sealed(number: u32) -> bool {
    number.is_multiple_of(3)
}

fn add_letters(store: &Store, numbers: impl Iterator<Item = u32>) {
    let inbox = folder(store, INBOX);
    for number in numbers {
        let seal = is_sealed(number).then(|| seal_of(number));
        deliver_sealed(store, inbox, &letter(number), seal);
    }
}

fn letters(store: &Store) -> Vec<Message> {
    let inbox = folder(store, INBOX);
    store.read_blocking(|view| view.messages(ANNA, inbox, Uid::new(1).unwrap(), 1_000)).unwrap()
}

/// The letters of a store by their number, which is their UID less those that were there before.
fn texts(store: &Store, before: u32) -> BTreeMap<u32, Vec<u8>> {
    let text = |message: &Message| {
        let number = message.uid.get() - before;
        let bytes = store.message_bytes(message).with_key(Some(key_of(number)));
        (number, bytes.read_at_blocking(0, 1 << 20).unwrap().to_vec())
    };
    letters(store).iter().filter(|message| message.uid.get() > before).map(text).collect()
}

fn assert_sound(store: &Store) {
    let problems = store.check().unwrap().problems;
    assert!(problems.is_empty(), "{problems:#?}");
}

/// A store with letters kept in every way, and how many were in the folder before them.
fn mixed(dir: &Path) -> (Store, u32) {
    drop(filled(dir));
    let store = Store::open(dir, &with_compression(false)).unwrap();
    let mut batch = Batch::new();
    super::super::mailboxes::add_standard_folders(&mut batch, ANNA).unwrap();
    store.commit_blocking(batch).unwrap();
    let before = letters(&store).iter().map(|message| message.uid.get()).max().unwrap_or(0);
    add_letters(&store, LETTERS.filter(|number| *number <= 6));
    drop(store);
    let store = Store::open(dir, &with_compression(true)).unwrap();
    add_letters(&store, LETTERS.filter(|number| *number > 6));
    assert_eq!(texts(&store, before).len(), LETTERS.count());
    (store, before)
}

#[test]
fn letters_are_read_whatever_the_settings_were_when_they_came() {
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = mixed(dir.path());
    let expected = texts(&store, before);
    for (number, text) in &expected {
        assert!(text.ends_with(&letter(*number)), "letter {number}");
    }
    assert_sound(&store);
    drop(store);
    let store = Store::open(dir.path(), &with_compression(false)).unwrap();
    assert_eq!(texts(&store, before), expected);
    assert_sound(&store);
}

#[test]
fn compressed_letters_take_less_and_are_still_single() {
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = mixed(dir.path());
    let [plain, compressed] = [4, 10].map(|number| place_of_letter(&store, before + number));
    assert!(plain.stored > plain.len && compressed.stored < compressed.len / 2, "{plain:?} {compressed:?}");
    let before = store.stats().unwrap();
    // Known by its content, whichever way it is kept.
    deliver(&store, folder(&store, INBOX), &letter(4));
    deliver(&store, folder(&store, INBOX), &letter(10));
    let after = store.stats().unwrap();
    assert_eq!(after.rows[&'b'].count, before.rows[&'b'].count);
    assert_sound(&store);
}

#[test]
fn who_has_no_key_reads_no_letter_and_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = mixed(dir.path());
    for message in letters(&store).iter().filter(|message| message.uid.get() > before) {
        let number = message.uid.get() - before;
        let read = store.message_bytes(message).read_at_blocking(0, 1 << 20);
        assert_eq!(matches!(read, Err(Error::Sealed(_))), is_sealed(number), "{read:?}");
        let wrong = store.message_bytes(message).with_key(Some(key_of(99))).read_at_blocking(0, 1 << 20);
        assert_eq!(matches!(wrong, Err(Error::Damaged(_))), is_sealed(number));
    }
}

#[test]
fn compaction_backup_and_restore_need_no_key() {
    let root = tempfile::tempdir().unwrap();
    let (data, backup, other) = (root.path().join("data"), root.path().join("backup"), root.path().join("other"));
    let (store, before) = mixed(&data);
    let expected = texts(&store, before);
    let gone = deliver(&store, folder(&store, INBOX), &noise(1, 50_000));
    let last = letters(&store).pop().unwrap();
    let inbox = folder(&store, INBOX);
    super::super::backup::tests::wait(async {
        super::super::backup::tests::flag(&store, inbox, &[last.uid.get()], super::super::mailboxes::Flags::DELETED)
            .await;
        store.expunge(ANNA, inbox, None).await.unwrap();
    });
    let compacted = store.compact(ALL, &mut go_on).unwrap();
    assert!(compacted.packs > 0 && compacted.damaged.is_empty(), "{compacted:?}");
    assert_eq!(get(&store, &keys::body(gone)), None);
    assert_eq!(texts(&store, before), expected);
    assert_sound(&store);

    assert!(back_up(&store, &backup).damaged.is_empty());
    restore(&backup, &other, &settings(), now(), &mut go_on).unwrap();
    let again = open(&other);
    assert_eq!(texts(&again, before), expected);
    assert_sound(&again);
}

#[test]
fn a_rebuild_finds_sealed_letters_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = mixed(dir.path());
    let expected = texts(&store, before);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("rows")).unwrap();
    let (settings, caps) = (settings(), Caps::default());
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &caps, now: now() };
    let done = rebuild(&request, &mut go_on).unwrap();
    assert!(done.lost.iter().all(|text| text.contains("record at")), "only summaries: {:#?}", done.lost);
    let store = open(dir.path());
    assert_eq!(texts(&store, before), expected);
    assert_sound(&store);
}

#[test]
fn a_flipped_bit_in_a_sealed_letter_is_found_without_its_key() {
    use std::os::unix::fs::FileExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = mixed(dir.path());
    let number = 9;
    let id = BodyId(seal_of(number).name);
    let place = place_of(&store, id);
    let path = dir.path().join(format!("packs/{:08}.pack", place.pack));
    std::fs::File::options().write(true).open(path).unwrap().write_all_at(b"damage", place.offset + 200).unwrap();
    let problems = store.check().unwrap().problems.join("\n");
    assert!(problems.contains(&format!("message {} in folder \"INBOX\"", number + before)), "{problems}");
}

/// The same body was there when the batch was made ready, and went before its turn came.
#[test]
fn a_body_that_goes_before_its_turn_is_written_after_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for (number, len) in [(1, 5_000), (2, 300_000), (3, 5_000), (6, 300_000)] {
        let text: Vec<u8> = (0..len).map(|at| (at % 251) as u8 ^ number as u8).collect();
        let body = |batch: &mut Batch| match is_sealed(number) {
            true => batch.body_sealed(staged(&store, &text), seal_of(number)),
            false => batch.body(staged(&store, &text)),
        };
        let mut first = Batch::new();
        let id = body(&mut first);
        store.commit_blocking(first).unwrap();
        let mut second = Batch::new();
        body(&mut second);
        second.reference(id);
        let (batch, ready) = store.prepare_blocking(second).unwrap();
        // Nothing names the first one, so it is forgotten.
        store.compact(ALL, &mut go_on).unwrap();
        assert_eq!(get(&store, &keys::body(id)), None);
        let (reply, answer) = oneshot::channel();
        let request = Request::Commit(Pending { batch, ready, reply });
        store.inner.committing.as_ref().unwrap().queue.blocking_send(request).unwrap();
        answer.blocking_recv().unwrap().unwrap();
        let read = store.read_blocking(|view| view.body(id, 0, len, Some(&key_of(number)))).unwrap();
        assert!(read[..] == text[..], "body {number}");
    }
}
