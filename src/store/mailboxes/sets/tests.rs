use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::future::maybe_done;
use futures_util::poll;
use proptest::prelude::*;

use super::super::tests::deposited;
use super::super::{NewMessage, add_message, add_standard_folders, delete};
use super::*;
use crate::store::keys::FolderCounter;
use crate::store::open::encode_schema;
use crate::store::tests::{get, open, open_memory, staged};
use crate::store::{Precondition, Store, rows};

const ALICE: AccountId = AccountId(7 << 48 | 1);
const INBOX: FolderId = FolderId(1);

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn set_of(store: &Store, folder: FolderId, set: FolderSet) -> UidSet {
    store.read_blocking(|view| view.uid_set(ALICE, folder, set)).unwrap()
}

fn count_rows(store: &Store) -> usize {
    store.read_blocking(|view| Ok(view.range(b"U", b"V", usize::MAX)?.len())).unwrap()
}

/// A step on a set: of which folder, which set, and which UID; `None` is one that the batch allocates.
type Change = (bool, u32, FolderSet, Option<u32>);

fn arbitrary_changes() -> impl Strategy<Value = Vec<Change>> {
    let near = |block: u32| block * BLOCK_UIDS + 1..block * BLOCK_UIDS + 40;
    let number = prop_oneof![near(0), near(1), BLOCK_UIDS - 20..BLOCK_UIDS + 20, near(70)];
    let set = prop::sample::select(&FolderSet::ALL[..]);
    let change = (prop::bool::weighted(0.6), 1..3_u32, set, prop::option::weighted(0.8, number));
    prop::collection::vec(change, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Batches come alone and many at once, some of them fail: what is left are those that did not.
    #[test]
    fn sets_change_as_the_batches_say(
        batches in prop::collection::vec((arbitrary_changes(), prop::bool::weighted(0.2)), 1..25),
        waits in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open_memory(dir.path());
        let mut model: BTreeMap<(u32, FolderSet), BTreeSet<u32>> = BTreeMap::new();
        let mut last = 0;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut committing = Vec::new();
            for (changes, fails) in &batches {
                let mut batch = Batch::new();
                let fresh = batch.allocate(keys::folder_counter(ALICE, INBOX, FolderCounter::Uids), 3);
                for (comes, folder, set, number) in changes {
                    let member = number.map_or(Member::Allocated(fresh, 2), |number| Member::Known(uid(number)));
                    if *comes {
                        batch.insert(ALICE, FolderId(*folder), *set, member);
                    } else {
                        batch.remove(ALICE, FolderId(*folder), *set, member);
                    }
                }
                if *fails {
                    batch.require(Precondition::Present(b"zabsent".to_vec()));
                }
                // In the order in which they are made: a commit is queued when it is first polled. Where this thread
                // is kept from running just then it finds the answer with the same poll, and may not poll again.
                let mut commit = Box::pin(maybe_done(store.commit(batch)));
                if waits {
                    commit.as_mut().await;
                } else {
                    let _ = poll!(commit.as_mut());
                }
                committing.push((commit, fresh, (!fails).then_some(u64::from(last) + 1)));
                if !fails {
                    last += 3;
                    for (comes, folder, set, number) in changes {
                        let of = model.entry((*folder, *set)).or_default();
                        let number = number.unwrap_or(last);
                        let _ = if *comes { of.insert(number) } else { of.remove(&number) };
                    }
                }
            }
            for (mut commit, fresh, first) in committing {
                commit.as_mut().await;
                let answer = commit.as_mut().take_output().unwrap().map(|committed| committed.number(fresh));
                match first {
                    Some(first) => assert_eq!(answer.unwrap(), first, "batches are committed in their order"),
                    None => assert!(matches!(answer, Err(Error::Conflict(_))), "{answer:?}"),
                }
            }
        });
        let mut blocks = 0;
        for ((folder, set), model) in &model {
            let found: BTreeSet<u32> = set_of(&store, FolderId(*folder), *set).iter().map(Uid::get).collect();
            prop_assert_eq!(&found, model);
            let first = store.read_blocking(|view| view.first_in_set(ALICE, FolderId(*folder), *set)).unwrap();
            prop_assert_eq!(first.map(Uid::get), model.first().copied());
            blocks += model.iter().map(|number| number / BLOCK_UIDS).collect::<BTreeSet<_>>().len();
        }
        prop_assert_eq!(count_rows(&store), blocks, "an empty block has no row");
    }
}

fn message(folder: FolderId, flags: Flags) -> NewMessage {
    NewMessage { flags, ..deposited(ALICE, folder) }
}

fn deliver(store: &Store, folder: FolderId, flags: Flags) {
    let mut batch = Batch::new();
    let body = batch.body(staged(store, b""));
    add_message(&mut batch, &NewMessage { body, ..message(folder, flags) }).unwrap();
    store.commit_blocking(batch).unwrap();
}

/// The inbox and another folder with letters of all kinds.
fn filled(store: &Store) {
    let mut batch = Batch::new();
    add_standard_folders(&mut batch, ALICE).unwrap();
    store.commit_blocking(batch).unwrap();
    for flags in 0..12 {
        deliver(store, INBOX, Flags(flags));
        deliver(store, FolderId(2), Flags(flags).with(Flags::SEEN));
    }
}

fn problems(store: &Store) -> String {
    store.check().unwrap().problems.join("\n")
}

fn change(store: &Store, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    change(&mut batch);
    store.commit_blocking(batch).unwrap();
}

#[test]
fn what_a_set_lacks_or_has_too_much_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_memory(dir.path());
    filled(&store);
    assert_eq!(problems(&store), "");
    change(&store, |batch| {
        batch.remove(ALICE, INBOX, FolderSet::All, Member::Known(uid(3)));
        batch.remove(ALICE, INBOX, FolderSet::All, Member::Known(uid(7)));
        batch.insert(ALICE, INBOX, FolderSet::Deleted, Member::Known(uid(99)));
        batch.insert(ALICE, FolderId(77), FolderSet::Unseen, Member::Known(uid(1)));
    });
    let told = problems(&store);
    for expected in [
        "FolderId(1) of AccountId(1970324836974593): the set All lacks UIDs: 2 of them, the first is 3",
        "the set Deleted has UIDs that it should not have: 1 of them, the first is 99",
        "FolderId(77) of AccountId(1970324836974593): the set Unseen has UIDs that it should not have",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn rows_that_are_no_sets_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_memory(dir.path());
    filled(&store);
    let sets = keys::folder_sets(ALICE, INBOX);
    change(&store, |batch| {
        batch.put([&sets[..], &[1]].concat(), vec![1, 1, 1]);
        batch.put([&sets[..], &[9, 0, 0, 0, 0]].concat(), vec![1, 1, 1]);
        batch.put(keys::uid_block(ALICE, INBOX, FolderSet::Unseen, 3), vec![]);
        batch.put(keys::uid_block(ALICE, INBOX, FolderSet::Deleted, 0), vec![1, 0, 1]);
    });
    let told = problems(&store);
    for expected in ["key of a set of UIDs", "a set of UIDs that nobody knows", "UIDs from 49152 on", "UIDs from 0 on"]
    {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_damaged_block_is_read_from_the_messages_and_made_anew_with_the_next_letter() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_memory(dir.path());
    filled(&store);
    let before = FolderSet::ALL.map(|set| set_of(&store, INBOX, set));
    let blocks = FolderSet::ALL.map(|set| keys::uid_block(ALICE, INBOX, set, 0));
    change(&store, |batch| blocks.iter().for_each(|key| batch.put(key.clone(), vec![7])));
    assert_eq!(FolderSet::ALL.map(|set| set_of(&store, INBOX, set)), before);
    let first = store.read_blocking(|view| view.first_in_set(ALICE, INBOX, FolderSet::Unseen)).unwrap();
    assert_eq!(first, before[1].first());
    assert!(problems(&store).contains("row of UIDs from 0 on"));

    deliver(&store, INBOX, Flags::DELETED);
    assert_eq!(problems(&store), "");
    let after = FolderSet::ALL.map(|set| set_of(&store, INBOX, set));
    assert!(
        before.iter().zip(&after).all(|(before, after)| after.len() == before.len() + 1 && after.contains(uid(13)))
    );
}

#[test]
fn a_message_with_a_damaged_row_stays_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_memory(dir.path());
    filled(&store);
    let before = FolderSet::ALL.map(|set| set_of(&store, INBOX, set));
    change(&store, |batch| batch.put(keys::message(ALICE, INBOX, uid(9)), vec![1]));
    assert_eq!(FolderSet::ALL.map(|set| set_of(&store, INBOX, set)), before);
    let told = problems(&store);
    assert!(told.contains("row of message 9") && !told.contains("the set"), "{told}");
    // A block that is made anew knows that it is there, and nothing of its flags.
    change(&store, |batch| batch.put(keys::uid_block(ALICE, INBOX, FolderSet::All, 0), vec![7]));
    assert_eq!(set_of(&store, INBOX, FolderSet::All), before[0]);
}

fn dump(store: &Store) -> Rows {
    store.read_blocking(|view| view.range(b"U", b"V", usize::MAX)).unwrap()
}

/// As a program of the first schema left it, or one that was stopped while it upgraded.
fn take_back(dir: &Path, left: usize) -> Rows {
    let store = open(dir);
    let sets = dump(&store);
    change(&store, |batch| {
        sets.iter().skip(left).for_each(|(key, _)| batch.delete(key.clone()));
        batch.put(keys::fact("schema"), rows::encode(1, &1_u32).unwrap());
    });
    sets
}

#[test]
fn a_directory_of_the_first_schema_gets_its_sets_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    filled(&open(dir.path()));
    for left in [0, 2] {
        let sets = take_back(dir.path(), left);
        let store = open(dir.path());
        assert_eq!(dump(&store), sets);
        assert_eq!(get(&store, &keys::fact("schema")), Some(encode_schema().unwrap()));
        assert_eq!(problems(&store), "");
    }
}

#[test]
fn a_deletion_that_a_crash_cut_short_before_the_upgrade_leaves_no_sets() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    filled(&store);
    // The first of the two steps of a deletion.
    change(&store, |batch| {
        batch.delete(keys::folder(ALICE, FolderId(2)));
        batch.delete(keys::folder_name(ALICE, "Sent"));
        batch.put(delete::doomed_key(ALICE, FolderId(2)), vec![1]);
    });
    drop(store);
    take_back(dir.path(), 0);
    let store = open(dir.path());
    assert!(dump(&store).iter().all(|(key, _)| key.starts_with(&keys::folder_sets(ALICE, INBOX))));
    assert_eq!(problems(&store), "");
}

/// The rows of a commit and its sets are one: neither is there without the other when a write fails.
#[test]
fn a_commit_that_fails_leaves_the_sets_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    filled(&store);
    let before = dump(&store);
    for failing in [crate::store::engine::memory::Failing::Apply, crate::store::engine::memory::Failing::Sync] {
        disk.fail_next(failing);
        let mut batch = Batch::new();
        let body = batch.body(staged(&store, b""));
        add_message(&mut batch, &NewMessage { body, ..message(INBOX, Flags::default()) }).unwrap();
        assert!(store.commit_blocking(batch).is_err());
        assert_eq!(dump(&store), before);
    }
    deliver(&store, INBOX, Flags::default());
    assert_eq!(problems(&store), "");
}

/// A folder with one letter in each of several blocks, so that its UIDs are kept.
fn with_many_blocks(store: &Store) {
    filled(store);
    for _ in 0..6 {
        change(store, |batch| {
            batch.add(keys::folder_counter(ALICE, INBOX, FolderCounter::Uids), i64::from(BLOCK_UIDS));
        });
        deliver(store, INBOX, Flags::DELETED);
    }
}

fn uids(store: &Store) -> Arc<UidSet> {
    store.read_blocking(|view| view.uids(ALICE, INBOX)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uids_that_are_kept_are_those_of_the_readers_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_memory(dir.path());
    tokio::task::block_in_place(|| with_many_blocks(&store));
    let first = tokio::task::block_in_place(|| uids(&store));
    assert_eq!(*first, set_of(&store, INBOX, FolderSet::All));
    assert!(Arc::ptr_eq(&first, &uids(&store)), "nothing changed, nothing is read again");

    let gone = store.expunge(ALICE, INBOX, Some(vec![uid(3 * BLOCK_UIDS + 15)])).await.unwrap();
    assert_eq!(gone.len(), 1);
    tokio::task::block_in_place(|| {
        store.read_blocking(|earlier| {
            deliver(&store, INBOX, Flags::SEEN);
            assert_eq!(*uids(&store), set_of(&store, INBOX, FolderSet::All), "a few changes later");
            let found = earlier.uids(ALICE, INBOX)?;
            assert_eq!(*found, earlier.uid_set(ALICE, INBOX, FolderSet::All)?, "another reader knows more");
            assert_eq!((found.len(), first.len()), (17, 18));
            Ok(())
        })
    })
    .unwrap();
    tokio::task::block_in_place(|| (0..20).for_each(|_| deliver(&store, INBOX, Flags::default())));
    assert_eq!(*uids(&store), set_of(&store, INBOX, FolderSet::All), "more changes than the set has rows");
    assert_eq!(uids(&store).len(), 38);
}
