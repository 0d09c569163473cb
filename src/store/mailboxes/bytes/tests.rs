use super::super::row;
use super::super::tests::{Fixture, deliver, fixture, fixture_in, now, uid};
use super::super::{FlagChange, Flags};
use super::*;
use crate::ids::{AccountId, FolderId, Uid};
use crate::store::compact::Thoroughness;
use crate::store::tests::{damage, get, noise, place_of};
use crate::store::{Batch, Error, Settings, open, rows, vault};

const ALICE: AccountId = AccountId(7 << 48 | 1);

const PREFIXES: &str = "Return-Path: <a@b>\r\nReceived: x\r\n";

/// What does not get smaller, as text.
fn text(seed: u32, len: usize) -> String {
    noise(seed, len).into_iter().map(|byte| char::from(b' ' + byte % 64)).collect()
}

async fn message(store: &Store, folder: FolderId, uid: Uid) -> Message {
    store.read(move |view| view.message(ALICE, folder, uid)).await.unwrap().unwrap()
}

async fn whole(store: &Store, message: &Message) -> Result<Vec<u8>> {
    Ok(store.message_bytes(message).read_at(0, usize::MAX >> 1).await?.to_vec())
}

async fn put(store: &Store, key: Vec<u8>, row: Option<Vec<u8>>) {
    let mut batch = Batch::new();
    match row {
        Some(row) => batch.put(key, row),
        None => batch.delete(key),
    }
    store.commit(batch).await.unwrap();
}

/// From here on only the hint tells where it lies.
async fn lose_row_of(store: &Store, body: BodyId) {
    put(store, keys::body(body), None).await;
}

async fn compact(store: &Store) {
    let store = store.clone();
    let work = move || {
        let all = Thoroughness { dead_percent: 1, bytes_per_s: 0 };
        store.compact(all, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        store.let_go_of_retired_packs().unwrap();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// Two letters that stay, one as it was delivered and one without prefixes, in a pack that is emptied then.
async fn compacted() -> (Fixture, FolderId) {
    let settings = Settings { retired_pack_grace_s: 0, ..crate::store::tests::settings() };
    let fixture = fixture_in(tempfile::tempdir().unwrap(), &settings).await;
    let inbox = fixture.id("INBOX").await;
    deliver(&fixture.store, inbox, &text(1, 500)).await.unwrap();
    fixture.append(inbox, &text(2, 500), &[]).await;
    let gone = deliver(&fixture.store, inbox, &text(3, 50_000)).await.unwrap();
    let change = FlagChange::Add(Flags::DELETED, vec![]);
    fixture.store.store_flags(ALICE, inbox, vec![gone], change, None).await.unwrap();
    fixture.store.expunge(ALICE, inbox, None).await.unwrap();
    compact(&fixture.store).await;
    (fixture, inbox)
}

#[tokio::test]
async fn a_letter_is_found_without_the_row_of_its_body() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    // One of them is read in one go, one chunk by chunk.
    for len in [900, 250_000] {
        let text = text(len, len as usize);
        let number = deliver(&fixture.store, inbox, &text).await.unwrap();
        let message = message(&fixture.store, inbox, number).await;
        assert_eq!(message.body_hint, place_of(&fixture.store, message.body));
        lose_row_of(&fixture.store, message.body).await;
        let letter = [PREFIXES, &text].concat().into_bytes();
        assert_eq!(whole(&fixture.store, &message).await.unwrap(), letter);
        let bytes = fixture.store.message_bytes(&message);
        let (from, size) = (letter.len() - 300, letter.len() as u64);
        assert_eq!(&bytes.read_at(from as u64, 1_000).await.unwrap()[..], &letter[from..]);
        assert_eq!(&bytes.look_at(0..size, 100).await.unwrap()[..], &letter[..100]);
    }
}

#[tokio::test]
async fn a_sealed_letter_is_found_without_the_row_of_its_body() {
    let dir = tempfile::tempdir().unwrap();
    let settings = vault::tests::settings(dir.path(), &[1]);
    let fixture = fixture_in(dir, &settings).await;
    let inbox = fixture.id("INBOX").await;
    let number = fixture.append(inbox, "Subject: x\r\n\r\ny\r\n", &[]).await;
    let message = message(&fixture.store, inbox, number).await;
    assert!(message.data_key.is_some());
    lose_row_of(&fixture.store, message.body).await;
    assert_eq!(whole(&fixture.store, &message).await.unwrap(), b"Subject: x\r\n\r\ny\r\n");
    let without_key = fixture.store.message_bytes(&message).with_key(None).read_at(0, 9).await;
    assert!(matches!(&without_key, Err(Error::Damaged(what)) if what.contains("is missing")), "{without_key:?}");
}

#[tokio::test]
async fn the_hint_stays_when_flags_change_and_goes_with_copies_and_moves() {
    let fixture = fixture().await;
    let (store, inbox, archive) = (&fixture.store, fixture.id("INBOX").await, fixture.id("Archive").await);
    fixture.append(inbox, "a letter", &[]).await;
    // Its body is there already, unless each letter is sealed on its own.
    let again = fixture.append(inbox, "a letter", &[]).await;
    let change = FlagChange::Add(Flags::SEEN, vec![]);
    store.store_flags(ALICE, inbox, vec![uid(1)], change, None).await.unwrap();
    store.copy(ALICE, inbox, vec![uid(1)], archive, now()).await.unwrap();
    store.move_messages(ALICE, inbox, vec![again], archive, now()).await.unwrap();
    for (folder, number) in [(inbox, 1), (archive, 1), (archive, 2)] {
        let message = message(store, folder, uid(number)).await;
        assert_eq!(message.body_hint, place_of(store, message.body), "{number} in {folder:?}");
    }
    fixture.assert_sound();
}

#[tokio::test]
async fn a_hint_at_anything_but_the_body_is_not_believed() {
    let fixture = fixture().await;
    let (store, inbox) = (&fixture.store, fixture.id("INBOX").await);
    let letters = [text(1, 13), text(2, 13)];
    for letter in &letters {
        deliver(store, inbox, letter).await.unwrap();
    }
    let (right, other) = (message(store, inbox, uid(1)).await, message(store, inbox, uid(2)).await);
    let place = right.body_hint;
    assert_eq!(right.item_prefix.len(), place.len());
    let hints = [
        other.body_hint,
        // A record of the same length that is no body.
        right.item_prefix,
        RecordRef { len: place.len + 1, ..place },
        RecordRef { offset: place.offset + 1, ..place },
        RecordRef { stored: place.stored + 1, ..place },
        // Behind the end, and in no pack.
        RecordRef { offset: place.offset + 100_000, ..place },
        RecordRef { pack: 9_999, ..place },
        RecordRef::from_bytes([0xff; 16]),
        RecordRef::default(),
    ];
    for hint in hints {
        let message = Message { body_hint: hint, ..right.clone() };
        assert_eq!(whole(store, &message).await.unwrap(), [PREFIXES, &letters[0]].concat().into_bytes(), "{hint:?}");
    }
    assert!(!store.inner.packs.has_suspects(), "nothing is wrong with them");
}

#[tokio::test]
async fn a_damaged_body_is_told_of_as_its_row_has_it() {
    let fixture = fixture().await;
    let (store, inbox) = (&fixture.store, fixture.id("INBOX").await);
    deliver(store, inbox, &text(1, 900)).await.unwrap();
    let message = message(store, inbox, uid(1)).await;
    let place = place_of(store, message.body);
    damage(store, place);
    let (hinted, unhinted) = (whole(store, &message).await, {
        let message = Message { body_hint: RecordRef::default(), ..message.clone() };
        whole(store, &message).await
    });
    let (hinted, unhinted) = (hinted.unwrap_err(), unhinted.unwrap_err());
    assert!(matches!(hinted, Error::Damaged(_)));
    assert_eq!(hinted.to_string(), unhinted.to_string());
    assert!(store.inner.packs.is_suspect(place));
    let size = message.size();
    assert!(store.message_bytes(&message).look_at(0..size, 10).await.is_err(), "the whole of it is looked at");
}

#[tokio::test]
async fn what_is_damaged_only_where_the_body_was_harms_nobody() {
    let fixture = fixture().await;
    let (store, inbox) = (&fixture.store, fixture.id("INBOX").await);
    for seed in 1..=2 {
        fixture.append(inbox, &text(seed, 900), &[]).await;
    }
    let (letter, other) = (message(store, inbox, uid(1)).await, message(store, inbox, uid(2)).await);
    damage(store, other.body_hint);
    let letter = Message { body_hint: other.body_hint, ..letter };
    assert_eq!(whole(store, &letter).await.unwrap(), text(1, 900).into_bytes());
    assert!(!store.inner.packs.has_suspects());
}

#[tokio::test]
async fn a_letter_is_whole_after_its_body_moved() {
    let (fixture, inbox) = compacted().await;
    let store = &fixture.store;
    for (number, letter) in [(1, [PREFIXES, &text(1, 500)].concat()), (2, text(2, 500))] {
        let message = message(store, inbox, uid(number)).await;
        assert_eq!(whole(store, &message).await.unwrap(), letter.into_bytes());
    }
    fixture.assert_sound();
}

#[tokio::test]
async fn a_row_whose_prefixes_move_is_told_where_the_body_went_and_no_row_is_written_for_the_hint_alone() {
    let (fixture, inbox) = compacted().await;
    let store = &fixture.store;
    let (delivered, appended) = (message(store, inbox, uid(1)).await, message(store, inbox, uid(2)).await);
    assert_eq!(delivered.body_hint, place_of(store, delivered.body));
    let (hint, place) = (appended.body_hint, place_of(store, appended.body));
    assert!(store.inner.packs.numbers().unwrap().iter().all(|number| *number != hint.pack), "{hint:?}");
    assert_ne!(hint, place);
    // A copy reads the row of the body anyway.
    let archive = fixture.id("Archive").await;
    store.copy(ALICE, inbox, vec![uid(2)], archive, now()).await.unwrap();
    assert_eq!(message(store, archive, uid(1)).await.body_hint, place);
}

#[tokio::test]
async fn a_hint_at_a_pack_that_is_gone_keeps_nobody_from_changing_the_row() {
    let (fixture, inbox) = compacted().await;
    let change = FlagChange::Add(Flags::SEEN, vec![]);
    let (changed, _) = fixture.store.store_flags(ALICE, inbox, vec![uid(1), uid(2)], change, None).await.unwrap();
    assert!(changed.iter().all(|message| message.flags == Flags::SEEN));
    fixture.assert_sound();
}

#[test]
fn that_the_body_moved_is_no_change_of_the_row() {
    let key = keys::message(ALICE, FolderId(1), uid(1));
    let place = |pack| RecordRef { pack, offset: 16, len: 9, stored: 17 };
    let row = |hint: RecordRef| [&[2][..], &[7; 40], &hint.to_bytes(), b"rest"].concat();
    let mut moved = row(place(1));
    assert!(keys::rename_hint(&key, &mut moved, place(1), place(2)));
    assert_eq!(moved, row(place(2)));
    assert!(!keys::rename_hint(&key, &mut moved, place(1), place(3)));
    assert!(keys::is_same_row(&key, &moved, &row(place(1))));
    assert!(!keys::is_same_row(&key, &[&moved[..], b"x"].concat(), &[&moved[..], b"y"].concat()));
    assert_eq!(keys::records_named(&key, &moved).filter(|named| *named == place(2)).count(), 0);
}

/// As programs wrote rows until schema 10.
fn of_version_1(row: &[u8]) -> Vec<u8> {
    [&[1], &row[1..41], &row[57..]].concat()
}

#[tokio::test]
async fn rows_from_before_there_were_hints_are_read_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let settings = crate::store::tests::settings();
    let Fixture { store, _dir: dir } = fixture_in(dir, &settings).await;
    let inbox = FolderId(1);
    deliver(&store, inbox, "Subject: x\r\n\r\ny\r\n").await.unwrap();
    let key = keys::message(ALICE, inbox, uid(1));
    let now = message(&store, inbox, uid(1)).await;
    let old = of_version_1(&get(&store, &key).unwrap());
    assert!(row::decode(&key, &old[..old.len() - 1]).is_err());
    put(&store, key.clone(), Some(old.clone())).await;
    put(&store, keys::fact("schema"), Some(rows::encode(open::SCHEMA_ROW_VERSION, &10_u32).unwrap())).await;
    drop(store);
    let store = tokio::task::spawn_blocking(move || Store::open(&path, &settings).unwrap()).await.unwrap();
    assert_eq!(get(&store, &keys::fact("schema")), Some(open::encode_schema().unwrap()));
    assert_eq!(get(&store, &key).unwrap(), old, "it is left as it was");
    let read = message(&store, inbox, uid(1)).await;
    assert_eq!(read, Message { body_hint: RecordRef::default(), ..now });
    assert_eq!(whole(&store, &read).await.unwrap(), [PREFIXES, "Subject: x\r\n\r\ny\r\n"].concat().into_bytes());
    let change = FlagChange::Add(Flags::SEEN, vec![]);
    store.store_flags(ALICE, inbox, vec![uid(1)], change, None).await.unwrap();
    let changed = message(&store, inbox, uid(1)).await;
    assert_eq!((changed.flags, changed.body_hint), (Flags::SEEN, RecordRef::default()));
    assert!(store.check().unwrap().is_sound());
    drop(dir);
}
