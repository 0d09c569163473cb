use std::path::Path;

use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::store::Store;
use crate::store::tests::{get, open};

const ANNA: AccountId = AccountId(7 << 48 | 1);

/// At most a hundred bytes; warned of above 89, calm at 79.
fn allowance() -> Allowance {
    let bytes = Limit { most: Some(100), warn_above: Some(89), calm_at: 79 };
    Allowance { bytes, messages: Limit::default() }
}

fn bytes_key() -> Vec<u8> {
    keys::account_counter(ANNA, AccountCounter::Bytes)
}

/// What a letter does to the counter.
fn bring(store: &Store, bytes: i64, allowance: &Allowance) -> Result<()> {
    let mut batch = Batch::new();
    batch.add(bytes_key(), bytes);
    allowance.bound(&mut batch, ANNA);
    store.commit_blocking(batch).map(drop)
}

/// What an expunge does to it.
fn take(store: &Store, bytes: i64) {
    let mut batch = Batch::new();
    batch.add(bytes_key(), -bytes);
    batch.calm(ANNA);
    store.commit_blocking(batch).unwrap();
}

fn held_bytes(store: &Store) -> u64 {
    store.read_blocking(|view| view.usage(ANNA)).unwrap().bytes
}

fn untold(store: &Store) -> usize {
    store.read_blocking(|view| view.untold(10)).unwrap().len()
}

fn tell(store: &Store) -> Result<()> {
    let mut batch = Batch::new();
    told(&mut batch, ANNA, &[AccountCounter::Bytes]);
    store.commit_blocking(batch).map(drop)
}

fn fixture(dir: &Path) -> Store {
    open(dir)
}

#[test]
fn what_would_pass_the_limit_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, 60, &allowance()).unwrap();
    assert!(matches!(bring(&store, 41, &allowance()), Err(Error::OverQuota(ANNA))));
    assert_eq!(held_bytes(&store), 60);
    bring(&store, 40, &allowance()).unwrap();
    assert_eq!(held_bytes(&store), 100, "to the last byte");
}

#[test]
fn batches_of_one_group_stop_exactly_at_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..20).filter(|_| bring(&store, 3, &allowance()).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((taken, held_bytes(&store)), (33, 99));
}

#[test]
fn the_line_is_told_once_until_it_was_calm() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, 89, &allowance()).unwrap();
    assert_eq!(untold(&store), 0, "not above the line");
    bring(&store, 1, &allowance()).unwrap();
    bring(&store, 1, &allowance()).unwrap();
    assert_eq!(untold(&store), 1);
    tell(&store).unwrap();
    assert!(matches!(tell(&store), Err(Error::Conflict(_))), "told once");
    take(&store, 11);
    bring(&store, 15, &allowance()).unwrap();
    assert_eq!(untold(&store), 0, "80 were not calm");
    take(&store, 16);
    bring(&store, 15, &allowance()).unwrap();
    assert_eq!(untold(&store), 1, "79 were");
}

#[test]
fn who_becomes_calm_before_being_told_is_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, 95, &allowance()).unwrap();
    take(&store, 50);
    assert_eq!(untold(&store), 0);
    assert_eq!(get(&store, &keys::crossed(ANNA, AccountCounter::Bytes)), None);
}

#[test]
fn a_crossed_line_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    bring(&fixture(dir.path()), 95, &allowance()).unwrap();
    let store = fixture(dir.path());
    assert_eq!(untold(&store), 1);
    tell(&store).unwrap();
    drop(store);
    let store = fixture(dir.path());
    bring(&store, 1, &allowance()).unwrap();
    assert_eq!(untold(&store), 0);
}

#[test]
fn a_higher_limit_is_another_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, 95, &allowance()).unwrap();
    tell(&store).unwrap();
    let wider = Allowance { bytes: Limit { most: Some(200), warn_above: Some(179), calm_at: 159 }, ..allowance() };
    bring(&store, 80, &wider).unwrap();
    assert_eq!(untold(&store), 0);
    bring(&store, 10, &wider).unwrap();
    assert_eq!(untold(&store), 1);
}

#[test_case(60, 0; "a limit below what is there refuses nothing, and all is calm")]
#[test_case(95, 1; "above the line of the new limit it is to be told")]
fn other_limits_are_reconsidered(held: i64, expected: usize) {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, held, &Allowance::default()).unwrap();
    let mut batch = Batch::new();
    reconsider(&mut batch, ANNA, &allowance());
    store.commit_blocking(batch).unwrap();
    assert_eq!(untold(&store), expected);
    let mut batch = Batch::new();
    reconsider(&mut batch, ANNA, &Allowance::default());
    store.commit_blocking(batch).unwrap();
    assert_eq!(untold(&store), 0);
}

#[test]
fn an_open_allowance_warns_and_refuses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = fixture(dir.path());
    bring(&store, 500, &allowance().open()).unwrap();
    assert_eq!((held_bytes(&store), untold(&store)), (500, 1));
}

#[test_case(vec![]; "nothing")]
#[test_case(vec![2; 17]; "of another version")]
#[test_case(vec![1; 16]; "too short")]
#[test_case(vec![1; 18]; "too long")]
fn a_damaged_row_is_named(row: Vec<u8>) {
    assert!(matches!(Crossed::decode(&row), Err(Error::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn crossed_lines_are_read_as_they_were_written(line: u64, calm_at: u64) {
        let crossed = Crossed { line, calm_at };
        prop_assert_eq!(Crossed::decode(&crossed.encode()).unwrap(), crossed);
    }
}
