use test_case::test_case;

use super::*;
use crate::store::engine::Changes;

fn open(dir: &Path) -> Result<Box<dyn Engine>> {
    Generations::open(dir.to_owned(), EngineKind::Sled, 1 << 20)?.open()
}

fn put(engine: &dyn Engine, key: &[u8]) {
    engine.apply(&Changes::from([(key.to_vec(), Some(b"v".to_vec()))])).unwrap();
    engine.sync().unwrap();
}

fn keys(engine: &dyn Engine) -> Vec<Vec<u8>> {
    engine.range(&[], &[u8::MAX], 100).unwrap().into_iter().map(|(key, _)| key).collect()
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// A directory whose live generation, the first one, has a row `old`.
fn begun() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(open(dir.path()).unwrap().as_ref(), b"old");
    dir
}

#[test]
fn current_names_the_live_generation_in_its_first_line() {
    let dir = begun();
    assert_eq!(entries(dir.path()), ["CURRENT", "sled-00000001"]);
    assert_eq!(fs::read_to_string(dir.path().join(CURRENT)).unwrap(), "sled-00000001\nadopted_bytes 0\n");
}

#[test]
fn an_adopted_generation_is_found_again_and_the_old_one_removed() {
    let dir = begun();
    let generations = Generations::open(dir.path().to_owned(), EngineKind::Sled, 1 << 20).unwrap();
    let live = generations.open().unwrap();
    let fresh = generations.fresh().unwrap();
    assert_eq!(keys(fresh.as_ref()), Vec::<Vec<u8>>::new());
    put(fresh.as_ref(), b"new");
    let fresh = generations.reopen_fresh(fresh).unwrap();
    assert_eq!(keys(fresh.as_ref()), [b"new"]);
    generations.adopt(4711).unwrap();
    assert_eq!(generations.adopted_bytes().unwrap(), 4711);
    drop((live, fresh));
    generations.sweep().unwrap();
    assert_eq!(entries(dir.path()), ["CURRENT", "sled-00000002"]);
    assert_eq!(keys(open(dir.path()).unwrap().as_ref()), [b"new"]);
}

#[test]
fn nothing_is_adopted_without_a_fresh_engine() {
    let dir = begun();
    let generations = Generations::open(dir.path().to_owned(), EngineKind::Sled, 1 << 20).unwrap();
    assert!(matches!(generations.adopt(0), Err(NotAdopted::Kept(_))));
    assert_eq!(keys(generations.open().unwrap().as_ref()), [b"old"]);
}

/// The second generation, which `CURRENT` does not name.
fn second(dir: &Path) -> Box<dyn Engine> {
    EngineKind::Sled.open(&dir.join("sled-00000002"), 1 << 20).unwrap()
}

/// What a crash leaves in the directory, and which row is there afterwards.
#[test_case(|dir| {
    fs::create_dir(dir.join("sled-00000002")).unwrap();
    fs::write(dir.join("sled-00000002/conf"), b"to").unwrap();
} => Some(b"old".to_vec()); "while the fresh generation was made")]
#[test_case(|dir| put(second(dir).as_ref(), b"half")
    => Some(b"old".to_vec()); "while rows were copied")]
#[test_case(|dir| {
    put(second(dir).as_ref(), b"new");
    fs::write(dir.join(NEXT), b"sled-000").unwrap();
} => Some(b"old".to_vec()); "while the next CURRENT was written")]
#[test_case(|dir| {
    put(second(dir).as_ref(), b"new");
    fs::write(dir.join(NEXT), b"sled-00000002\nadopted_bytes 1\n").unwrap();
} => Some(b"old".to_vec()); "before the rename")]
#[test_case(|dir| {
    put(second(dir).as_ref(), b"new");
    fs::write(dir.join(CURRENT), b"sled-00000002\nadopted_bytes 1\n").unwrap();
} => Some(b"new".to_vec()); "after the rename")]
#[test_case(|dir| {
    put(second(dir).as_ref(), b"new");
    fs::write(dir.join(CURRENT), b"sled-00000002\nadopted_bytes 1\n").unwrap();
    fs::remove_file(dir.join("sled-00000001/db")).unwrap();
} => Some(b"new".to_vec()); "while the old generation was removed")]
#[test_case(|dir| {
    fs::remove_dir_all(dir.join("sled-00000001")).unwrap();
    fs::write(dir.join(CURRENT), b"sled-00000001\ncreating\n").unwrap();
} => None; "before the very first generation was there")]
#[test_case(|dir| {
    fs::write(dir.join("sled-00000001/conf"), b"to").unwrap();
    fs::write(dir.join(CURRENT), b"sled-00000001\ncreating\n").unwrap();
} => None; "while the very first generation was made")]
#[test_case(|dir| {
    fs::remove_dir_all(dir.join("sled-00000001")).unwrap();
    fs::rename(dir.join(CURRENT), dir.join(NEXT)).unwrap();
} => None; "before anything was there")]
fn a_crash_leaves_exactly_one_generation(crash: impl Fn(&Path)) -> Option<Vec<u8>> {
    let dir = begun();
    crash(dir.path());
    let engine = open(dir.path()).unwrap();
    let names = entries(dir.path());
    assert_eq!(names.iter().filter(|name| name.starts_with("sled-")).count(), 1, "{names:?}");
    let found = keys(engine.as_ref()).pop();
    put(engine.as_ref(), b"zlater");
    drop(engine);
    assert_eq!(keys(open(dir.path()).unwrap().as_ref()).pop(), Some(b"zlater".to_vec()));
    found
}

#[test_case(|dir| fs::remove_file(dir.join(CURRENT)).unwrap(); "CURRENT is gone")]
#[test_case(|dir| fs::write(dir.join(CURRENT), b"").unwrap(); "CURRENT is empty")]
#[test_case(|dir| fs::write(dir.join(CURRENT), b"\xff\xfe\n").unwrap(); "CURRENT is no text")]
#[test_case(|dir| fs::write(dir.join(CURRENT), b"../..\nadopted_bytes 1\n").unwrap(); "CURRENT names something else")]
#[test_case(|dir| fs::write(dir.join(CURRENT), b"sled-00000001\n").unwrap(); "CURRENT is cut off")]
#[test_case(|dir| fs::write(dir.join(CURRENT), b"sled-00000007\nadopted_bytes 1\n").unwrap(); "the generation is gone")]
fn a_damaged_directory_is_refused_in_words_and_left_alone(damage: impl Fn(&Path)) {
    let dir = begun();
    damage(dir.path());
    let before = entries(dir.path());
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Damaged(text) if text.contains("poshta store rebuild")), "{error}");
    assert_eq!(entries(dir.path()), before);
}
