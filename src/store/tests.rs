use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use test_case::test_case;

use super::engine::memory::{Failing, MemoryDisk};
use super::*;
use crate::ids::{FolderId, Uid};
use crate::tlog::folder::Place;

mod coding;

pub(super) fn settings() -> Settings {
    as_chosen(Settings {
        watermark_bytes: 0,
        cache_bytes: 8 << 20,
        max_memory_body_bytes: 100_000,
        ..Settings::default()
    })
}

/// Encrypted, if `POSHTA_TEST_ENCRYPTED` is set: so every test of letters can be one of encrypted letters too.
pub(crate) fn as_chosen(settings: Settings) -> Settings {
    static KEYS: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let file = vault::tests::key_file(dir.path(), &[1]);
        (dir, file)
    });
    match std::env::var_os("POSHTA_TEST_ENCRYPTED") {
        Some(_) => Settings { encryption: true, operator_key_file: KEYS.1.clone(), ..settings },
        None => settings,
    }
}

pub(super) fn open(dir: &Path) -> Store {
    Store::open(dir, &settings()).unwrap()
}

pub(super) fn open_memory(dir: &Path) -> (Store, MemoryDisk) {
    let disk = MemoryDisk::default();
    let store = Store::open_with_engine(dir, &settings(), Box::new(disk.clone())).unwrap();
    (store, disk)
}

pub(super) fn put(key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(key.to_vec(), value.to_vec());
    batch
}

pub(super) fn get(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    store.read_blocking(|view| view.get(key)).unwrap()
}

pub(super) fn staged(store: &Store, bytes: &[u8]) -> StagedBody {
    let mut writer = store.stage();
    bytes.chunks(10_000).for_each(|piece| writer.write(piece).unwrap());
    writer.finish().unwrap()
}

/// Changes the end of the last chunk of a record where it lies on the disk.
pub(super) fn damage(store: &Store, place: RecordRef) {
    use std::os::unix::fs::FileExt as _;
    let pack = std::fs::File::options().read(true).write(true).open(store.inner.packs.path(place.pack)).unwrap();
    // Behind several chunks stands a table, if they are compressed.
    let chunks = u64::from(place.len).div_ceil(64 << 10);
    let table = if chunks > 1 { 4 * chunks + 8 } else { 0 };
    let (mut byte, at) = ([0], place.offset + place.stored_bytes() - 1 - table);
    pack.read_exact_at(&mut byte, at).unwrap();
    pack.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// As [`damage`], of the body of a message.
pub(crate) fn damage_message(store: &Store, account: AccountId, folder: FolderId, uid: Uid) {
    let message = store.read_blocking(|view| view.message(account, folder, uid)).unwrap().unwrap();
    damage(store, place_of(store, message.body));
}

/// Where a body lies.
pub(super) fn place_of(store: &Store, body: BodyId) -> RecordRef {
    BodyRow::decode(&get(store, &keys::body(body)).unwrap()).unwrap().place
}

/// Bytes that do not get smaller: always the same for a seed.
pub(super) fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let body = vec![b'x'; 300_000];
    let mut batch = put(b"zkey", b"value");
    let id = batch.body(staged(&store, &body));
    batch.reference(id);
    let record = batch.record(b"a prefix".to_vec());
    batch.put(b"zrecord".to_vec(), Template::default().hole(Hole::Record(record)));
    batch.journal(r#"{"impression":1}"#);
    let place = store.commit_blocking(batch).unwrap().record(record);
    drop(store);

    let store = open(dir.path());
    assert_eq!(get(&store, b"zkey").as_deref(), Some(&b"value"[..]));
    assert_eq!(get(&store, b"zrecord").as_deref(), Some(&place.to_bytes()[..]));
    store
        .read_blocking(|view| {
            assert_eq!(&view.record(place, None)?[..], b"a prefix");
            assert_eq!(view.body(id, 299_990, 100, None)?.len(), 10);
            assert_eq!(&view.body(id, 0, usize::MAX >> 1, None)?[..], &body[..]);
            Ok(())
        })
        .unwrap();
    assert_eq!(journal_lines(&store), [r#"{"impression":1}"#]);
}

pub(crate) fn journal_lines(store: &Store) -> Vec<String> {
    let mut lines = Vec::new();
    let each = |line: &str| {
        lines.push(line.to_string());
        std::ops::ControlFlow::Continue(())
    };
    store.read_blocking(|view| view.journal_lines(each)).unwrap();
    lines
}

#[test]
fn second_process_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path(), &settings()).unwrap_err();
    assert!(matches!(&error, Error::InUse(who) if who.contains(&std::process::id().to_string())), "{error}");
    drop(store);
    open(dir.path());
}

/// Sessions of schema 4 say in the clear from where they were opened.
#[test]
fn m20_sessions_of_an_older_schema_end_when_the_directory_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let old = [&b"E\x01"[..], &[7; 32]].concat();
    let mut batch = put(&old, b"\x01 from 192.0.2.1");
    batch.put([&b"E\x02"[..], &[0; 8], &[7; 32]].concat(), vec![1]);
    batch.put(keys::fact("schema"), rows::encode(open::SCHEMA_ROW_VERSION, &4_u32).unwrap());
    store.commit_blocking(batch).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.read_blocking(|view| view.range(b"E", b"F", 10)).unwrap(), []);
    assert!(store.check().unwrap().is_sound());
}

/// Schema 7 had no index of letters to paper by state, nor of entries of the audit by what they are about.
#[test]
fn indices_of_schema_8_are_made_when_the_directory_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = check::tests::filled(dir.path());
    let indices = |store: &Store| store.read_blocking(|view| view.range(b"4", b"6", 100)).unwrap();
    let made = indices(&store);
    assert_eq!(made.len(), 2);
    let mut batch = Batch::new();
    made.iter().for_each(|(key, _)| batch.delete(key.clone()));
    batch.put(keys::fact("schema"), rows::encode(open::SCHEMA_ROW_VERSION, &7_u32).unwrap());
    store.commit_blocking(batch).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(indices(&store), made);
    assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
}

/// Schema 9 did not know when a folder came below Trash.
#[test]
fn folders_that_an_older_schema_has_below_trash_lie_there_since_the_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let account = crate::ids::AccountId(7);
    let mut batch = Batch::new();
    mailboxes::add_standard_folders(&mut batch, account).unwrap();
    for name in ["Trash/old", "Work/old"] {
        mailboxes::create_folder_in(&mut batch, account, name, None).unwrap();
    }
    batch.put(keys::fact("schema"), rows::encode(open::SCHEMA_ROW_VERSION, &9_u32).unwrap());
    store.commit_blocking(batch).unwrap();
    drop(store);
    let store = open(dir.path());
    let moved =
        |name: &'static str| store.read_blocking(|view| view.folder_named(account, name)).unwrap().unwrap().moved;
    assert!(moved("Trash/old").is_some());
    assert_eq!((moved("Work/old"), moved("Trash")), (None, None));
}

#[test]
fn p31_the_journal_says_the_same_from_memory_and_from_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Settings { max_journal_file_bytes: 100, ..settings() }).unwrap();
    for number in 0..9 {
        let mut batch = Batch::new();
        (0..3).for_each(|line| batch.journal(&format!(r#"{{"batch":{number},"line":{line}}}"#)));
        store.commit_blocking(batch).unwrap();
    }
    let read = |store: &Store, after: Place| {
        let mut lines = Vec::new();
        let each = |line: &str, place: Place| {
            lines.push((line.to_owned(), place));
            ControlFlow::Continue(())
        };
        store.read_blocking(|view| view.journal_lines_after(after, each)).unwrap();
        lines
    };
    let all = read(&store, Place::default());
    assert_eq!(all.len(), 27);
    assert!(all.last().unwrap().1.file > 2, "there are several files");
    for (at, (_, place)) in all.iter().enumerate() {
        assert_eq!(read(&store, *place), all[at + 1..]);
        store.forget_journal_before(*place);
        assert_eq!(read(&store, Place::default()), all, "line {at}");
        assert_eq!(read(&store, *place), all[at + 1..]);
    }
    drop(store);
    assert_eq!(read(&open(dir.path()), Place::default()), all);
}

#[test]
fn newer_schema_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit_blocking(put(&keys::fact("schema"), &rows::encode(1, &99_u32).unwrap())).unwrap();
    drop(store);
    let error = Store::open(dir.path(), &settings()).unwrap_err();
    assert!(matches!(error, Error::NewerSchema { found: 99, known: open::SCHEMA }));
}

#[test]
fn nothing_unsynced_is_visible() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    store.commit_blocking(put(b"z1", b"old")).unwrap();
    store.commit_blocking(put(b"z2", b"gone soon")).unwrap();
    disk.hold_sync();
    let committing = {
        let store = store.clone();
        std::thread::spawn(move || {
            let mut batch = put(b"z1", b"new");
            batch.delete(b"z2".to_vec());
            batch.put(b"z3".to_vec(), b"added".to_vec());
            store.commit_blocking(batch).unwrap();
        })
    };
    disk.wait_until_held();
    let before = || vec![(b"z1".to_vec(), b"old".to_vec()), (b"z2".to_vec(), b"gone soon".to_vec())];
    let all = |store: &Store| store.read_blocking(|view| view.range(b"z", b"{", 10)).unwrap();
    assert_eq!(all(&store), before());
    assert_eq!(get(&store, b"z3"), None);
    let backwards = store.read_blocking(|view| view.range_back(b"z", b"{", 1)).unwrap();
    assert_eq!(backwards, before()[1..]);

    // A reader that began before the sync keeps its picture after it.
    store
        .read_blocking(|view| {
            disk.release_sync();
            committing.join().unwrap();
            assert_eq!(view.range(b"z", b"{", 10)?, before());
            assert_eq!(view.get(b"z1")?.as_deref(), Some(&b"old"[..]));
            Ok(())
        })
        .unwrap();
    assert_eq!(all(&store), [(b"z1".to_vec(), b"new".to_vec()), (b"z3".to_vec(), b"added".to_vec())]);
}

#[test_case(Failing::Apply; "the batch is not applied")]
#[test_case(Failing::Sync; "the sync fails and the batch is lost")]
#[test_case(Failing::SyncAfterWriting; "the sync fails and the batch is there nevertheless")]
fn failed_write_is_not_acknowledged_and_leaves_nothing(failing: Failing) {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    store.commit_blocking(put(b"z1", b"old")).unwrap();
    disk.fail_next(failing);
    let mut batch = put(b"z1", b"new");
    batch.put(b"z2".to_vec(), b"added".to_vec());
    batch.journal("{}");
    let id = batch.body(staged(&store, b"lost"));
    assert!(store.commit_blocking(batch).is_err());
    assert_eq!(disk.times_opened(), 2, "the engine is opened anew");
    assert_eq!(get(&store, b"z1").as_deref(), Some(&b"old"[..]));
    assert_eq!(get(&store, b"z2"), None);
    assert_eq!(get(&store, &keys::body(id)), None);
    assert_eq!(journal_lines(&store), Vec::<String>::new());

    let mut batch = put(b"z3", b"later");
    batch.journal(r#"{"n":2}"#);
    batch.body(staged(&store, b"kept"));
    store.commit_blocking(batch).unwrap();
    assert_eq!(journal_lines(&store), [r#"{"n":2}"#]);
    assert_eq!(store.inner.packs.numbers().unwrap().len(), 2, "the pack of the failed group is sealed");
}

#[test_case(Failing::Sync; "the batch is lost")]
#[test_case(Failing::SyncAfterWriting; "the batch is there nevertheless")]
fn a_store_that_cannot_be_opened_again_is_closed_until_it_can_and_shows_nothing_of_the_failed_group(failing: Failing) {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    store.commit_blocking(put(b"z1", b"old")).unwrap();
    disk.fail_next(failing);
    disk.refuse_opening(true);
    assert!(store.commit_blocking(put(b"z1", b"new")).is_err());
    assert!(matches!(store.commit_blocking(put(b"z2", b"1")), Err(Error::Closed)));
    assert!(matches!(store.commit_blocking(Batch::new()), Err(Error::Closed)), "this is how readiness asks");
    disk.refuse_opening(false);
    let begun = std::time::Instant::now();
    while store.commit_blocking(Batch::new()).is_err() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it stays closed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(get(&store, b"z1").as_deref(), Some(&b"old"[..]));
    assert_eq!(get(&store, b"z2"), None);
}

#[test]
fn a_store_whose_disk_does_not_answer_is_given_up_and_does_not_let_go_of_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let impatient = Settings { engine_deadline_s: 3, ..settings() };
    let open = || Store::open_with_engine(dir.path(), &impatient, Box::new(disk.clone()));
    let store = open().unwrap();
    store.commit_blocking(put(b"z1", b"old")).unwrap();
    disk.hold_sync();
    let stuck = store.stuck();
    assert!(!stuck.is());
    assert!(matches!(store.commit_blocking(put(b"z1", b"new")), Err(Error::Stuck { deadline_s: 3 })));
    assert!(stuck.is());
    assert!(matches!(store.commit_blocking(Batch::new()), Err(Error::Stuck { .. })), "this is how readiness asks");
    assert_eq!(get(&store, b"z1").as_deref(), Some(&b"old"[..]), "what was never durable is never shown");
    drop(store);
    assert!(matches!(open(), Err(Error::InUse(_))), "whoever is stuck in it may still write");
    disk.release_sync();
}

#[test]
fn a_disk_that_is_slow_but_within_its_deadline_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    disk.hold_sync();
    let committing = {
        let store = store.clone();
        std::thread::spawn(move || store.commit_blocking(put(b"z1", b"late")))
    };
    disk.wait_until_held();
    std::thread::sleep(Duration::from_millis(1500));
    disk.release_sync();
    committing.join().unwrap().unwrap();
    assert!(!store.stuck().is());
}

#[test]
fn two_groups_that_are_under_way_at_once_have_a_deadline_each() {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let impatient = Settings { engine_deadline_s: 6, ..settings() };
    let store = Store::open_with_engine(dir.path(), &impatient, Box::new(disk.clone())).unwrap();
    let commit = |key: &[u8]| {
        let (store, batch) = (store.clone(), put(key, b"1"));
        std::thread::spawn(move || store.commit_blocking(batch))
    };
    let let_through_after = |wait: u64| {
        disk.wait_until_held();
        std::thread::sleep(Duration::from_millis(wait));
        disk.let_one_through();
    };
    disk.hold_sync();
    // So slow that the next group is begun while the rows of one are synced.
    let slow = commit(b"z0");
    let_through_after(100);
    slow.join().unwrap().unwrap();
    let first = commit(b"z1");
    disk.wait_until_held();
    let second = commit(b"z2");
    let_through_after(3500);
    first.join().unwrap().unwrap();
    // Together the second one has waited for seven seconds, half of them for the first.
    let_through_after(3500);
    second.join().unwrap().unwrap();
    assert!(!store.stuck().is());
}

#[test]
fn failing_batch_of_a_group_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, disk) = open_memory(dir.path());
    disk.hold_sync();
    let commit = |batch: Batch| {
        let store = store.clone();
        std::thread::spawn(move || store.commit_blocking(batch))
    };
    let first = commit(put(b"z0", b"holds the committer"));
    disk.wait_until_held();
    let claim = |value: &[u8]| {
        let mut batch = Batch::new();
        batch.require(Precondition::Absent(b"zname".to_vec()));
        batch.put(b"zname".to_vec(), value.to_vec());
        batch.add(b"zcount".to_vec(), 1);
        batch
    };
    let waiting: Vec<_> = (0..5_u8).map(|n| commit(claim(&[n]))).collect();
    std::thread::sleep(Duration::from_millis(100));
    disk.release_sync();
    first.join().unwrap().unwrap();
    let answers: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::Conflict(_)))));
    assert_eq!(store.read_blocking(|view| view.counter(b"zcount")).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_allocations_are_distinct_and_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut batch = Batch::new();
                let slot = batch.allocate(b"zuids".to_vec(), 2);
                batch.put(Template::from(b"zrow".to_vec()).hole(Hole::U32(slot, 1)), b"".to_vec());
                store.commit(batch).await.unwrap().number(slot)
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).map(|n| n * 2 + 1).collect::<Vec<_>>());
    let rows = store.read(|view| view.range(b"zrow", b"zrox", 1000)).await.unwrap();
    assert_eq!(rows.len(), 50);
}

#[test]
fn a_body_is_stored_once_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for large in [1_000, 250_000] {
        let bytes = vec![b'b'; large];
        let deliver = || {
            let mut batch = Batch::new();
            let id = batch.body(staged(&store, &bytes));
            batch.reference(id);
            batch.reference(id);
            store.commit_blocking(batch).unwrap();
            id
        };
        let id = deliver();
        let row = BodyRow::decode(&get(&store, &keys::body(id)).unwrap()).unwrap();
        deliver();
        let again = BodyRow::decode(&get(&store, &keys::body(id)).unwrap()).unwrap();
        assert_eq!(row.place, again.place);
        assert_eq!(again.references, 4);
        let mut batch = Batch::new();
        (0..5).for_each(|_| batch.release(id));
        assert!(matches!(store.commit_blocking(batch), Err(Error::Damaged(_))));
    }
}

#[test]
fn letters_are_refused_at_the_watermark_and_small_changes_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let free = rustix::fs::statvfs(dir.path()).map(|found| found.f_bavail * found.f_frsize).unwrap();
    let settings = Settings { watermark_bytes: free * 8, ..settings() };
    let store = Store::open(dir.path(), &settings).unwrap();
    assert!(matches!(store.check_space(), Err(Error::Full { .. })));
    let mut letter = Batch::new();
    letter.body(staged(&store, b"letter"));
    assert!(matches!(store.commit_blocking(letter), Err(Error::Full { .. })));
    store.commit_blocking(put(b"zflag", b"1")).unwrap();
}

#[test]
fn a_row_too_large_for_the_engine_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(store.commit_blocking(put(b"z", &vec![0; 20_000])), Err(Error::Engine(_))));
}

#[tokio::test]
async fn topics_are_published_after_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut watcher = store.watch(Topic::Outbound);
    let mut batch = put(b"z", b"1");
    batch.publish(Topic::Outbound);
    let seen = {
        let store = store.clone();
        tokio::spawn(async move {
            watcher.changed().await;
            store.read(|view| view.get(b"z")).await.unwrap()
        })
    };
    store.commit(batch).await.unwrap();
    assert_eq!(seen.await.unwrap().as_deref(), Some(&b"1"[..]));
}

#[test_case(0, 10; "after every group")]
#[test_case(1_000, 2; "after some groups")]
#[test_case(1 << 20, 0; "never")]
fn the_engine_is_opened_anew_when_a_start_would_have_much_to_read(max_replay_bytes: u64, times: usize) {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let settings = Settings { max_replay_bytes, ..settings() };
    let store = Store::open_with_engine(dir.path(), &settings, Box::new(disk.clone())).unwrap();
    let opened = disk.times_opened();
    (0..10).for_each(|number| drop(store.commit_blocking(put(&[b'z', number], &[number; 300])).unwrap()));
    // It is opened behind the group that was answered.
    store.between_groups(|_| ()).unwrap();
    assert_eq!(disk.times_opened() - opened, times);
    assert!((0..10).all(|number| get(&store, &[b'z', number]) == Some(vec![number; 300])));
}

#[test]
fn the_engine_of_a_quiet_store_is_opened_anew_sooner() {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let settings = Settings { max_replay_bytes: 16_000, ..settings() };
    let store = Store::open_with_engine(dir.path(), &settings, Box::new(disk.clone())).unwrap();
    let opened = disk.times_opened();
    for (bytes, expected) in [(2_000, 0), (300, 0), (0, 1), (300, 1), (0, 1), (2_000, 1), (0, 2)] {
        if bytes > 0 {
            store.commit_blocking(put(b"z", &vec![1; bytes])).unwrap();
        }
        store.shorten_replay_when_quiet().unwrap();
        assert_eq!(disk.times_opened() - opened, expected);
    }
    assert_eq!(get(&store, b"z"), Some(vec![1; 2_000]));
}

#[test]
fn a_store_whose_engine_cannot_be_opened_anew_comes_back_with_everything() {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let settings = Settings { max_replay_bytes: 0, ..settings() };
    let store = Store::open_with_engine(dir.path(), &settings, Box::new(disk.clone())).unwrap();
    disk.refuse_opening(true);
    store.commit_blocking(put(b"z", b"kept")).unwrap();
    assert!(matches!(store.commit_blocking(put(b"zz", b"lost")), Err(Error::Closed)));
    disk.refuse_opening(false);
    while store.commit_blocking(put(b"zzz", b"later")).is_err() {}
    assert_eq!(
        [&b"z"[..], b"zz", b"zzz"].map(|key| get(&store, key)),
        [Some(b"kept".to_vec()), None, Some(b"later".to_vec())]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever was committed in whatever batches, a range shows what a BTreeMap would.
    #[test]
    fn ranges_agree_with_a_model(
        batches in prop::collection::vec(
            prop::collection::vec((0_u16..1500, prop::option::of(0_u8..9)), 1..400), 1..4),
        from in 0_u16..1500, to in 0_u16..1500, limit in 0_usize..1200,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open_memory(dir.path());
        let key = |number: u16| [b"z", &number.to_be_bytes()[..]].concat();
        let mut model = std::collections::BTreeMap::new();
        for changes in batches {
            let mut batch = Batch::new();
            for (number, value) in changes {
                match value {
                    Some(value) => { batch.put(key(number), vec![value]); model.insert(key(number), vec![value]); }
                    None => { batch.delete(key(number)); model.remove(&key(number)); }
                }
            }
            let before: Vec<_> = store.read_blocking(|view| {
                let before = view.range(b"z", b"{", usize::MAX)?;
                store.commit_blocking(batch)?;
                assert_eq!(view.range(b"z", b"{", usize::MAX)?, before);
                Ok(before)
            }).unwrap();
            prop_assert!(before.len() <= 1500);
        }
        let inside = || model.iter().filter(|(row, _)| **row >= key(from) && **row < key(to))
            .map(|(key, value)| (key.clone(), value.clone()));
        let (there, back) = store.read_blocking(|view| {
            Ok((view.range(&key(from), &key(to), limit)?, view.range_back(&key(from), &key(to), limit)?))
        }).unwrap();
        prop_assert_eq!(there, inside().take(limit).collect::<Vec<_>>());
        let mut all: Vec<_> = inside().collect();
        all.reverse();
        all.truncate(limit);
        prop_assert_eq!(back, all);
    }
}
