use std::path::Path;

use proptest::prelude::*;
use smallvec::smallvec;

use super::*;
use crate::store::keys::{self, AccountCounter};
use crate::store::quota::Allowance;
use crate::store::vault::Sharing;
use crate::store::{Batch, Owner, Precondition, Result, Settings, Store};

const ALICE: AccountId = AccountId(7 << 48 | 1);

pub(super) fn now() -> Timestamp {
    "2026-11-21T09:00:00.123456Z".parse().unwrap()
}

fn later() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &crate::store::tests::settings()).unwrap()
}

pub(super) struct Fixture {
    pub(super) store: Store,
    pub(super) _dir: tempfile::TempDir,
}

pub(super) async fn fixture() -> Fixture {
    fixture_in(tempfile::tempdir().unwrap(), &crate::store::tests::settings()).await
}

pub(super) async fn fixture_in(dir: tempfile::TempDir, settings: &Settings) -> Fixture {
    let store = Store::open(dir.path(), settings).unwrap();
    let mut batch = Batch::new();
    add_standard_folders(&mut batch, ALICE).unwrap();
    store.commit(batch).await.unwrap();
    Fixture { store, _dir: dir }
}

impl Fixture {
    pub(super) async fn id(&self, name: &str) -> FolderId {
        let name = name.to_string();
        self.store.read(move |view| view.folder_named(ALICE, &name)).await.unwrap().unwrap().id
    }

    async fn names(&self) -> Vec<String> {
        let folders = self.store.read(|view| view.folders(ALICE)).await.unwrap();
        folders.into_iter().map(|folder| folder.name).collect()
    }

    async fn state(&self, folder: FolderId) -> FolderState {
        self.store.read(move |view| view.folder_state(ALICE, folder)).await.unwrap()
    }

    pub(super) async fn messages(&self, folder: FolderId) -> Vec<Message> {
        self.store.read(move |view| view.messages(ALICE, folder, uid(1), usize::MAX)).await.unwrap()
    }

    pub(super) async fn append(&self, folder: FolderId, text: &str, keywords: &[&str]) -> Uid {
        let mut writer = self.store.stage();
        writer.write(text.as_bytes()).unwrap();
        let keywords = keywords.iter().map(ToString::to_string).collect();
        self.store
            .append(new_message(folder), writer.finish().unwrap(), keywords, &Allowance::default())
            .await
            .unwrap()
            .1
    }

    async fn changes(&self, folder: FolderId, since: u64) -> Vec<(u64, Change)> {
        let changes = self.store.read(move |view| view.changes_since(ALICE, folder, ModSeq(since), 100)).await;
        changes.unwrap().into_iter().map(|(modseq, change)| (modseq.0, change)).collect()
    }

    pub(super) fn assert_sound(&self) {
        let verdict = self.store.check().unwrap();
        assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    }
}

pub(super) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().copied().map(uid).collect()
}

fn new_message(folder: FolderId) -> NewMessage {
    deposited(ALICE, folder)
}

/// A message without a body yet.
pub(crate) fn deposited(account: AccountId, folder: FolderId) -> NewMessage {
    NewMessage {
        account,
        folder,
        flags: Flags::default(),
        keywords: SmallVec::new(),
        internal_date: now(),
        save_date: now(),
        item: None,
        email: EmailId(5),
        thread: ThreadId(6),
        message_id: None,
        origin: Origin::Deposited,
        recipient_prefix: Prefix { record: None, len: 0 },
        item_prefix: Prefix { record: None, len: 0 },
        body: BodyId([0; 32]),
        body_bytes: 0,
        summary: b"summary".to_vec(),
    }
}

/// A transmitted message as intake commits one of several copies: two prefixes, one body, an item.
pub(super) async fn deliver(store: &Store, folder: FolderId, text: &str) -> Result<Uid> {
    let mut batch = Batch::new();
    let mut writer = store.stage();
    writer.write(text.as_bytes())?;
    let body = writer.finish()?;
    let body_bytes = body.len();
    let key = store.letter_key(&body, Sharing::One(ALICE))?;
    let body = batch.letter(body, key);
    let item_prefix = batch.record_for(body, b"Received: x\r\n".to_vec());
    let recipient_prefix = batch.record_for(body, b"Return-Path: <a@b>\r\n".to_vec());
    let message = NewMessage {
        item: Some(ItemId(77)),
        origin: Origin::Transmitted,
        recipient_prefix: Prefix { record: Some(recipient_prefix), len: 20 },
        item_prefix: Prefix { record: Some(item_prefix), len: 13 },
        body,
        body_bytes,
        message_id: Some([9; 16]),
        ..new_message(folder)
    };
    batch.require(Precondition::Present(keys::folder(ALICE, folder)));
    let added = add_message(&mut batch, &message)?;
    Ok(added.uid(&store.commit(batch).await?).unwrap())
}

#[tokio::test]
async fn a_new_account_has_the_standard_folders_with_their_uses() {
    let fixture = fixture().await;
    assert_eq!(fixture.names().await, ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    let folders = fixture.store.read(|view| view.folders(ALICE)).await.unwrap();
    let sent = folders.iter().find(|folder| folder.name == "Sent").unwrap();
    assert_eq!(sent.special_use, Some(SpecialUse::Sent));
    let mut validities: Vec<_> = folders.iter().map(|folder| folder.uid_validity).collect();
    validities.dedup();
    assert_eq!(validities.len(), 6);
    assert_eq!(fixture.id("inBox").await, fixture.id("INBOX").await);
    assert_eq!(fixture.store.read(|view| view.subscriptions(ALICE)).await.unwrap().len(), 6);
    fixture.assert_sound();
}

#[tokio::test]
async fn a_delivered_message_reads_back_as_prefixes_and_body() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    let first = deliver(&fixture.store, inbox, "Subject: x\r\n\r\nbody\r\n").await.unwrap();
    assert_eq!(first, uid(1));
    let message = fixture.messages(inbox).await.remove(0);
    let whole = b"Return-Path: <a@b>\r\nReceived: x\r\nSubject: x\r\n\r\nbody\r\n";
    let bytes = fixture.store.message_bytes(&message);
    assert_eq!(bytes.len(), whole.len() as u64);
    assert_eq!(message.size(), whole.len() as u64);
    for from in 0..=whole.len() {
        for len in [0, 1, 7, 25, 100] {
            let until = (from + len).min(whole.len());
            assert_eq!(&bytes.read_at(from as u64, len).await.unwrap()[..], &whole[from..until]);
        }
    }
    assert_eq!((message.item, message.origin), (Some(ItemId(77)), Origin::Transmitted));
    assert_eq!(message.internal_date, now());
    let thread = fixture.store.read(|view| view.thread_of(ALICE, &[[1; 16], [9; 16]])).await.unwrap();
    assert_eq!(thread, Some(ThreadId(6)));
    let state = fixture.state(inbox).await;
    assert_eq!((state.uid_next, state.messages, state.unseen, state.bytes), (2, 1, 1, whole.len() as u64));
    fixture.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_deliveries_into_one_folder_get_fifty_uids_without_a_gap() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = fixture.store.clone();
            tokio::spawn(async move { deliver(&store, inbox, &format!("letter {}", number % 7)).await.unwrap().get() })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    given.sort_unstable();
    assert_eq!(given, (1..=50).collect::<Vec<_>>());
    let state = fixture.state(inbox).await;
    assert_eq!((state.messages, state.highest_modseq), (50, ModSeq(50)));
    fixture.assert_sound();
}

#[tokio::test]
async fn delivery_into_a_folder_that_is_gone_conflicts() {
    let fixture = fixture().await;
    let junk = fixture.id("Junk").await;
    fixture.store.delete_folder(ALICE, "Junk").await.unwrap();
    assert!(matches!(deliver(&fixture.store, junk, "x").await, Err(crate::store::Error::Conflict(_))));
    fixture.assert_sound();
}

#[tokio::test]
async fn flags_change_under_a_new_modseq_and_stand_once_in_the_index() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    for text in ["a", "b", "c"] {
        fixture.append(inbox, text, &[]).await;
    }
    let change = FlagChange::Add(Flags::SEEN.with(Flags::DELETED), vec!["$Work".into()]);
    let (rows, left) = fixture.store.store_flags(ALICE, inbox, uids(&[1, 3, 9]), change, None).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.uid.get()).collect::<Vec<_>>(), [1, 3]);
    assert!(left.is_empty());
    assert_eq!(rows, fixture.messages(inbox).await.into_iter().filter(|row| row.uid != uid(2)).collect::<Vec<_>>());
    let state = fixture.state(inbox).await;
    assert_eq!((state.unseen, state.deleted, state.highest_modseq), (1, 2, ModSeq(4)));
    let changed = |number| Change::Changed(uid(number));
    assert_eq!(fixture.changes(inbox, 0).await, [(2, changed(2)), (4, changed(1)), (4, changed(3))]);

    // The same again changes nothing and uses no MODSEQ.
    let again = FlagChange::Add(Flags::SEEN, vec!["$work".into()]);
    fixture.store.store_flags(ALICE, inbox, uids(&[1, 3]), again, None).await.unwrap();
    assert_eq!(fixture.state(inbox).await.highest_modseq, ModSeq(4));

    let remove = FlagChange::Remove(Flags::DELETED, vec!["$Work".into(), "$Unknown".into()]);
    fixture.store.store_flags(ALICE, inbox, uids(&[1]), remove, None).await.unwrap();
    let replace = FlagChange::Replace(Flags::DRAFT, vec![]);
    fixture.store.store_flags(ALICE, inbox, uids(&[3]), replace, None).await.unwrap();
    let rows = fixture.messages(inbox).await;
    assert_eq!((rows[0].flags, rows[0].keywords.len()), (Flags::SEEN, 0));
    assert_eq!((rows[2].flags, rows[2].keywords.len()), (Flags::DRAFT, 0));
    let folder = fixture.store.read(move |view| view.folder(ALICE, inbox)).await.unwrap().unwrap();
    assert_eq!(folder.keywords, ["$Work"]);
    fixture.assert_sound();
}

#[tokio::test]
async fn rfc7162_unchanged_since_leaves_newer_messages_alone() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    fixture.append(inbox, "a", &[]).await;
    fixture.append(inbox, "b", &[]).await;
    let change = FlagChange::Add(Flags::SEEN, vec![]);
    let answer = fixture.store.store_flags(ALICE, inbox, uids(&[1, 2]), change, Some(ModSeq(1))).await.unwrap();
    assert_eq!((answer.0.len(), answer.0[0].uid, answer.1), (1, uid(1), uids(&[2])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_change_the_same_messages_at_once_lose_nothing() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    for _ in 0..5 {
        fixture.append(inbox, "a", &[]).await;
    }
    let tasks: Vec<_> = [Flags::SEEN, Flags::ANSWERED, Flags::FLAGGED, Flags::DRAFT]
        .into_iter()
        .enumerate()
        .map(|(number, flag)| {
            let store = fixture.store.clone();
            let change = FlagChange::Add(flag, vec![format!("k{number}")]);
            tokio::spawn(async move { store.store_flags(ALICE, inbox, uids(&[1, 2, 3, 4, 5]), change, None).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for message in fixture.messages(inbox).await {
        assert_eq!((message.flags, message.keywords.len()), (Flags(1 | 2 | 4 | 16), 4));
    }
    fixture.assert_sound();
}

#[tokio::test]
async fn too_many_keywords_are_refused() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    fixture.append(inbox, "a", &[]).await;
    let names = (0..=Settings::default().max_keywords).map(|number| format!("k{number}")).collect();
    let change = FlagChange::Add(Flags::default(), names);
    let answer = fixture.store.store_flags(ALICE, inbox, uids(&[1]), change, None).await;
    assert!(matches!(answer, Err(FolderError::NotAllowed(_))));
}

#[tokio::test]
async fn expunge_takes_deleted_messages_and_leaves_an_entry() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    for text in ["same", "same", "c"] {
        fixture.append(inbox, text, &[]).await;
    }
    let change = FlagChange::Add(Flags::DELETED, vec![]);
    fixture.store.store_flags(ALICE, inbox, uids(&[1, 3]), change, None).await.unwrap();
    let gone = fixture.store.expunge(ALICE, inbox, Some(uids(&[2, 3]))).await.unwrap();
    assert_eq!(gone, uids(&[3]));
    let gone = fixture.store.expunge(ALICE, inbox, None).await.unwrap();
    assert_eq!(gone, uids(&[1]));
    assert_eq!(fixture.store.expunge(ALICE, inbox, None).await.unwrap(), []);
    let expected = [(2, Change::Changed(uid(2))), (5, Change::Expunged(uid(3))), (6, Change::Expunged(uid(1)))];
    assert_eq!(fixture.changes(inbox, 0).await, expected);
    assert_eq!(fixture.changes(inbox, 5).await, expected[2..]);
    let state = fixture.state(inbox).await;
    assert_eq!((state.messages, state.deleted, state.uid_next), (1, 0, 4));
    assert_eq!(fixture.append(inbox, "d", &[]).await, uid(4), "a UID never comes back");
    fixture.assert_sound();
}

#[tokio::test]
async fn rfc9051_copy_keeps_flags_dates_and_ids_and_maps_keywords() {
    let fixture = fixture().await;
    let (inbox, archive) = (fixture.id("INBOX").await, fixture.id("Archive").await);
    fixture.append(archive, "old", &["Other"]).await;
    deliver(&fixture.store, inbox, "a").await.unwrap();
    fixture.append(inbox, "b", &["Work"]).await;
    let change = FlagChange::Add(Flags::FLAGGED, vec![]);
    fixture.store.store_flags(ALICE, inbox, uids(&[1]), change, None).await.unwrap();
    let copied = fixture.store.copy(ALICE, inbox, uids(&[2, 1, 8]), archive, later()).await.unwrap();
    assert_eq!(copied.pairs, [(uid(1), uid(2)), (uid(2), uid(3))]);
    let (originals, copies) = (fixture.messages(inbox).await, fixture.messages(archive).await);
    assert_eq!(copies.len(), 3);
    let same = Message { uid: copies[1].uid, modseq: copies[1].modseq, save_date: later(), ..originals[0].clone() };
    assert_eq!(copies[1], same);
    let folder = fixture.store.read(move |view| view.folder(ALICE, archive)).await.unwrap().unwrap();
    assert_eq!((folder.keywords, &copies[2].keywords[..]), (vec!["Other".into(), "Work".into()], &[1][..]));
    assert_eq!(&fixture.store.message_bytes(&copies[2]).read_at(0, 9).await.unwrap()[..], b"b");
    fixture.assert_sound();
}

#[tokio::test]
async fn rfc6851_move_is_one_commit_and_keeps_the_body() {
    let fixture = fixture().await;
    let (inbox, trash) = (fixture.id("INBOX").await, fixture.id("Trash").await);
    for text in ["a", "b", "c"] {
        fixture.append(inbox, text, &[]).await;
    }
    let moved = fixture.store.move_messages(ALICE, inbox, uids(&[1, 3]), trash, later()).await.unwrap();
    assert_eq!(moved.pairs, [(uid(1), uid(1)), (uid(3), uid(2))]);
    assert_eq!(fixture.state(inbox).await.messages, 1);
    assert_eq!(fixture.state(trash).await.messages, 2);
    assert!(fixture.changes(inbox, 3).await.contains(&(4, Change::Expunged(uid(3)))));
    let messages = fixture.messages(trash).await;
    assert_eq!(&fixture.store.message_bytes(&messages[1]).read_at(0, 9).await.unwrap()[..], b"c");
    // Into the same folder: new UIDs.
    let moved = fixture.store.move_messages(ALICE, trash, uids(&[1]), trash, later()).await.unwrap();
    assert_eq!(moved.pairs, [(uid(1), uid(3))]);
    fixture.assert_sound();
}

#[tokio::test]
async fn create_makes_parents_and_delete_keeps_the_name_while_it_has_children() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let created = store.create_folder(ALICE, "work/2026/may/", None).await.unwrap();
    assert_eq!(created.name, "work/2026/may");
    assert!(matches!(store.create_folder(ALICE, "work", None).await, Err(FolderError::Exists(_))));
    assert!(matches!(store.create_folder(ALICE, "inbox", None).await, Err(FolderError::Exists(_))));
    store.delete_folder(ALICE, "work/2026").await.unwrap();
    let folders = store.read(|view| view.folders(ALICE)).await.unwrap();
    assert_eq!(implied_parents(&folders), ["work/2026"]);
    assert!(matches!(store.delete_folder(ALICE, "work/2026").await, Err(FolderError::NotAllowed(_))));
    assert!(matches!(store.delete_folder(ALICE, "inbox").await, Err(FolderError::NotAllowed(_))));
    assert!(matches!(store.delete_folder(ALICE, "nothing").await, Err(FolderError::Missing(_))));
    let again = store.create_folder(ALICE, "work/2026", None).await.unwrap();
    assert!(again.id > created.id && again.uid_validity > created.uid_validity);
    fixture.assert_sound();
}

#[tokio::test]
async fn deleting_a_folder_removes_every_row_of_it() {
    let fixture = fixture().await;
    let folder = fixture.store.create_folder(ALICE, "big", None).await.unwrap().id;
    for number in 0..20 {
        fixture.append(folder, &format!("m{number}"), &[]).await;
    }
    fixture.store.delete_folder(ALICE, "big").await.unwrap();
    let verdict = fixture.store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    assert_eq!((verdict.rows.get(&'m'), verdict.rows.get(&'x'), verdict.rows.get(&'F')), (None, None, None));
    let messages = fixture.store.read(|view| view.counter(&keys::account_counter(ALICE, AccountCounter::Messages)));
    assert_eq!(messages.await.unwrap(), 0);
}

#[test]
fn a_deletion_that_a_crash_cut_short_is_finished_at_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let folder = runtime.block_on(async {
        let folder = store.create_folder(ALICE, "doomed", None).await.unwrap();
        deliver(&store, folder.id, "x").await.unwrap();
        // The first of the two steps of a deletion.
        let mut batch = Batch::new();
        batch.delete(keys::folder(ALICE, folder.id));
        batch.delete(keys::folder_name(ALICE, "doomed"));
        batch.put(delete::doomed_key(ALICE, folder.id), vec![1]);
        store.commit(batch).await.unwrap();
        folder.id
    });
    drop(store);
    let store = runtime.block_on(async { open(dir.path()) });
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    assert_eq!(verdict.rows.get(&'m'), None);
    assert!(store.read_blocking(|view| view.uids(ALICE, folder)).unwrap().is_empty());
}

#[tokio::test]
async fn rename_takes_children_along_and_keeps_messages() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let id = store.create_folder(ALICE, "a/b", None).await.unwrap().id;
    fixture.append(id, "x", &[]).await;
    store.rename_folder(ALICE, "a", "top/z", now()).await.unwrap();
    assert!(fixture.names().await.ends_with(&["top".into(), "top/z".into(), "top/z/b".into()]));
    assert_eq!(fixture.id("top/z/b").await, id);
    assert_eq!(fixture.state(id).await.messages, 1);
    assert!(matches!(store.rename_folder(ALICE, "top", "top/x", now()).await, Err(FolderError::NotAllowed(_))));
    assert!(matches!(store.rename_folder(ALICE, "top", "Sent", now()).await, Err(FolderError::Exists(_))));
    assert!(matches!(store.rename_folder(ALICE, "no", "yes", now()).await, Err(FolderError::Missing(_))));
    for name in ["p/q/r", "s/r"] {
        store.create_folder(ALICE, name, None).await.unwrap();
    }
    store.delete_folder(ALICE, "s").await.unwrap();
    assert!(matches!(store.rename_folder(ALICE, "p/q", "s", now()).await, Err(FolderError::Exists(_))));
    fixture.assert_sound();
}

#[tokio::test]
async fn rfc9051_renaming_the_inbox_moves_its_messages() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    fixture.append(inbox, "x", &[]).await;
    fixture.store.rename_folder(ALICE, "inbox", "old-mail", later()).await.unwrap();
    assert_eq!(fixture.id("INBOX").await, inbox);
    assert_eq!(fixture.state(inbox).await.messages, 0);
    assert_eq!(fixture.messages(fixture.id("old-mail").await).await.len(), 1);
    fixture.assert_sound();
}

#[tokio::test]
async fn subscriptions_outlive_folders() {
    let fixture = fixture().await;
    fixture.store.set_subscription(ALICE, "Junk", Subscription::Off).await.unwrap();
    fixture.store.set_subscription(ALICE, "not/there", Subscription::On).await.unwrap();
    let names = fixture.store.read(|view| view.subscriptions(ALICE)).await.unwrap();
    assert_eq!(names, ["Archive", "Drafts", "INBOX", "Sent", "Trash", "not/there"]);
}

#[tokio::test]
async fn a_large_summary_lies_in_a_pack() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    let summary = vec![3; 40_000];
    let message = NewMessage { summary: summary.clone(), ..new_message(inbox) };
    let body = fixture.store.stage().finish().unwrap();
    fixture.store.append(message, body, vec![], &Allowance::default()).await.unwrap();
    fixture.append(inbox, "x", &[]).await;
    let found = fixture.store.read(move |view| view.summaries(ALICE, inbox, uid(1), 10)).await.unwrap();
    assert_eq!(found, [(uid(1), summary), (uid(2), b"summary".to_vec())]);
    fixture.assert_sound();
}

#[tokio::test]
async fn check_finds_what_does_not_fit() {
    let fixture = fixture().await;
    let inbox = fixture.id("INBOX").await;
    deliver(&fixture.store, inbox, "a").await.unwrap();
    let mut batch = Batch::new();
    batch.delete(keys::summary(ALICE, inbox, uid(1)));
    batch.add(keys::folder_counter(ALICE, inbox, keys::FolderCounter::Unseen), 3);
    batch.put(b"b".to_vec(), b"no body".to_vec());
    fixture.store.commit(batch).await.unwrap();
    let verdict = fixture.store.check().unwrap();
    assert!(!verdict.is_sound());
    let told = verdict.problems.join("\n");
    for expected in ["has no summary", "Unseen is 4, should be 1", "row of a body"] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_torn_pack_and_an_abrupt_end() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let inbox = runtime.block_on(async {
        let mut batch = Batch::new();
        add_standard_folders(&mut batch, ALICE).unwrap();
        store.commit(batch).await.unwrap();
        let inbox = store.read(|view| view.folder_named(ALICE, "INBOX")).await.unwrap().unwrap().id;
        deliver(&store, inbox, "acknowledged").await.unwrap();
        inbox
    });
    // As after kill -9: a copy of the directory while the store is open, with a half record at a pack's end.
    let crashed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), crashed.path());
    let pack = crashed.path().join("packs/00000001.pack");
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes.extend([0xf5, b'r', b'e', b'c', 1, 2, 3]);
    std::fs::write(&pack, bytes).unwrap();

    let store = open(crashed.path());
    runtime.block_on(deliver(&store, inbox, "after the crash")).unwrap();
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    assert_eq!((verdict.rows[&'m'], verdict.left_over_bytes), (2, 7));
    let bytes = std::fs::read(&pack).unwrap();
    assert!(bytes.ends_with(&[1, 2, 3]), "a torn end is left as it is");
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn arbitrary_message() -> impl Strategy<Value = Message> {
    let keywords = prop::collection::vec(any::<u16>(), 0..6);
    let numbers = (any::<u64>(), 0_u8..32, any::<[u8; 32]>(), any::<u64>(), any::<u128>());
    let dates = (0_i64..4_000_000_000_000_000, 0_i64..4_000_000_000_000_000);
    let optional = (prop::option::of(any::<u128>()), prop::option::of(any::<u32>()), any::<bool>());
    (keywords, numbers, dates, optional).prop_map(|(keywords, numbers, dates, (item, key, deposited))| Message {
        uid: uid(1),
        modseq: ModSeq(0),
        flags: Flags(numbers.1),
        keywords: keywords.into(),
        internal_date: Timestamp::from_microsecond(dates.0).unwrap(),
        save_date: Timestamp::from_microsecond(dates.1).unwrap(),
        item: item.map(ItemId),
        email: EmailId(numbers.4),
        thread: ThreadId(numbers.4 >> 3),
        origin: if deposited { Origin::Deposited } else { Origin::Transmitted },
        recipient_prefix: RecordRef::from_bytes(numbers.4.to_be_bytes()),
        item_prefix: RecordRef::from_bytes((numbers.4 >> 1).to_be_bytes()),
        body: BodyId(numbers.2),
        body_bytes: numbers.3,
        body_hint: RecordRef::from_bytes((numbers.4 >> 2).to_be_bytes()),
        data_key: key.map(|key_id| WrappedKey { owner: Owner::Account(ALICE), key_id, bytes: [7; 48] }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_hot_row_reads_back(message in arbitrary_message()) {
        let mut batch = Batch::new();
        let modseq = batch.allocate(b"z".to_vec(), 1);
        let template = row::template(&message, crate::store::Hole::U64(modseq, 0), row::Places::of(&message));
        // An unfilled hole is zero, as the MODSEQ of the message.
        let key = keys::message(ALICE, FolderId(1), uid(1));
        prop_assert_eq!(row::decode(&key, &template.bytes).unwrap(), message);
        prop_assert!(row::decode(&key, &template.bytes[..template.bytes.len() - 1]).is_err());
    }
}

#[test]
fn a_typical_hot_row_is_under_200_bytes() {
    let message = Message {
        keywords: smallvec![1, 2],
        item: Some(ItemId(1)),
        uid: uid(1),
        modseq: ModSeq(1),
        flags: Flags::SEEN,
        internal_date: now(),
        save_date: now(),
        email: EmailId(1),
        thread: ThreadId(1),
        origin: Origin::Transmitted,
        recipient_prefix: RecordRef::default(),
        item_prefix: RecordRef::default(),
        body: BodyId([0; 32]),
        body_bytes: 1,
        body_hint: RecordRef::default(),
        data_key: None,
    };
    let mut batch = Batch::new();
    let slot = batch.allocate(vec![], 1);
    let row = row::template(&message, crate::store::Hole::U64(slot, 0), row::Places::of(&message));
    assert!(row.bytes.len() < 200, "{}", row.bytes.len());
}
