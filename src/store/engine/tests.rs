//! What every engine must do.

use test_case::test_matrix;

use super::*;

fn open(kind: EngineKind, dir: &Path) -> Box<dyn Engine> {
    kind.open(dir, 4 << 20).unwrap()
}

fn put(engine: &dyn Engine, key: &[u8], value: &[u8]) {
    engine.apply(&Changes::from([(key.to_vec(), Some(value.to_vec()))])).unwrap();
    engine.sync().unwrap();
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn rows_are_put_replaced_and_removed_together(kind: EngineKind) {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(kind, dir.path());
    assert_eq!(engine.get(b"k").unwrap(), None);
    put(engine.as_ref(), b"k", b"1");
    engine
        .apply(&Changes::from([
            (b"k".to_vec(), None),
            (b"l".to_vec(), Some(Vec::new())),
            (b"never there".to_vec(), None),
        ]))
        .unwrap();
    assert_eq!(engine.range(b"", b"z", 9).unwrap(), [(b"l".to_vec(), Vec::new())]);
    assert!(engine.disk_bytes().unwrap() > 0);
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn ranges_go_both_ways_and_stop_at_the_limit(kind: EngineKind) {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(kind, dir.path());
    engine.apply(&(0..9_u8).map(|n| (vec![n], Some(vec![n]))).collect()).unwrap();
    let keys = |rows: Rows| rows.into_iter().map(|(key, _)| key[0]).collect::<Vec<_>>();
    assert_eq!(keys(engine.range(&[2], &[7], 3).unwrap()), [2, 3, 4]);
    assert_eq!(keys(engine.range(&[2], &[7], 9).unwrap()), [2, 3, 4, 5, 6]);
    assert_eq!(keys(engine.range_back(&[2], &[7], 3).unwrap()), [6, 5, 4]);
    assert!(engine.range(&[2], &[7], 0).unwrap().is_empty());
    assert!(engine.range(&[2], &[2], 9).unwrap().is_empty());
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn what_was_synced_is_there_in_a_copy_of_the_files(kind: EngineKind) {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open(kind, dir.path());
    put(engine.as_ref(), b"k", b"1");
    engine.load((0..2_000_u32).map(|n| (n.to_be_bytes().to_vec(), vec![b'v'; 100])).collect()).unwrap();
    engine.sync().unwrap();
    put(engine.as_ref(), b"k", b"2");
    let before = engine.range(&[], &[u8::MAX], usize::MAX).unwrap();
    // As after a crash: the engine never closed its files.
    for entry in std::fs::read_dir(dir.path()).unwrap().map(std::result::Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    let found = open(kind, copy.path());
    assert_eq!(found.range(&[], &[u8::MAX], usize::MAX).unwrap(), before);
    assert_eq!(before.len(), 2_001);
    drop((engine, found));
    assert_eq!(open(kind, dir.path()).range(&[], &[u8::MAX], usize::MAX).unwrap(), before);
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn the_largest_row_is_taken(kind: EngineKind) {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(kind, dir.path());
    for n in 0..20_u8 {
        put(engine.as_ref(), &[n], &vec![n; MAX_ROW_BYTES]);
    }
    assert_eq!(engine.get(&[7]).unwrap(), Some(vec![7; MAX_ROW_BYTES]));
    // No row went to a file of its own, which sled would never sync.
    let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(!dir.path().join("blobs").read_dir().is_ok_and(|mut blobs| blobs.next().is_some()), "{files:?}");
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn files_that_are_no_database_are_refused_in_words(kind: EngineKind) {
    let dir = tempfile::tempdir().unwrap();
    drop(open(kind, dir.path()));
    for entry in std::fs::read_dir(dir.path()).unwrap().map(std::result::Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::write(entry.path(), vec![b'x'; 8 << 20]).unwrap();
        }
    }
    let error = kind.open(dir.path(), 4 << 20).unwrap_err();
    assert!(matches!(&error, Error::Damaged(text) if text.contains("poshta store rebuild")), "{error}");
}

#[test_matrix([EngineKind::Sled, EngineKind::Redb])]
fn the_name_is_the_one_of_the_configuration(kind: EngineKind) {
    let value = toml::Value::try_from(kind).unwrap();
    assert_eq!(value.as_str(), Some(kind.name()));
    assert!(EngineKind::ALL.contains(&kind));
}
