use std::path::Path;

use proptest::prelude::*;
use test_case::test_case;

use super::super::tests::open;
use super::super::{Store, open as opening};
use super::chain::{entry_key, head_key};
use super::*;

fn entry(number: i64) -> AuditEntry {
    AuditEntry {
        // The clock went back between 5 and 6: the chain goes by numbers.
        at_us: if number > 5 { 1_000 - number } else { 1_000 + number },
        actor: format!("actor {}", number % 3),
        action: if number % 2 == 0 { "account.show" } else { "base.look-up" }.to_owned(),
        object: format!("account {number}"),
        details: None,
    }
}

/// A store with ten entries, added three and more at a time.
fn filled(dir: &Path) -> Store {
    let store = open(dir);
    for numbers in [1..4, 4..5, 5..11] {
        let mut batch = Batch::new();
        numbers.for_each(|number| add_audit(&mut batch, &entry(number)).unwrap());
        store.commit_blocking(batch).unwrap();
    }
    store
}

fn key_of(number: i64) -> Vec<u8> {
    entry_key(entry(number).at_us.unsigned_abs(), number.unsigned_abs())
}

fn row_of(number: i64) -> Vec<u8> {
    rows::encode(VERSION, &entry(number)).unwrap()
}

fn link(number: u64) -> Vec<u8> {
    Key::of(b'X').u8(1).u64(number).done()
}

fn walk(store: &Store) -> Walked {
    store.read_blocking(|view| view.walk_audit()).unwrap()
}

#[test]
fn m20_entries_that_nobody_touched_are_sound() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    assert_eq!(walk(&store), Walked { entries: 10, ..Walked::default() });
    assert_eq!(store.read_blocking(|view| view.audit_head()).unwrap().number, 10);
    assert!(store.check().unwrap().is_sound());
    drop(store);
    let store = open(dir.path());
    let mut batch = Batch::new();
    add_audit(&mut batch, &entry(11)).unwrap();
    store.commit_blocking(batch).unwrap();
    assert_eq!(walk(&store).entries, 11, "the chain goes on after a restart");
}

#[test_case(|batch| batch.put(key_of(4), row_of(9)), "entry 4 of "; "changed")]
#[test_case(|batch| batch.delete(key_of(4)), "entry 4 of 1970-01-01T00:00:00.001004Z was removed"; "removed")]
#[test_case(|batch| { batch.delete(key_of(4)); batch.delete(link(4)) }, "entry 4 was removed, with its link"; "removed with its link")]
#[test_case(|batch| { (4..7).for_each(|n| { batch.delete(key_of(n)); batch.delete(link(n.unsigned_abs())) }) }, "entries 4 to 6 were removed"; "several removed")]
#[test_case(|batch| { batch.put(key_of(4), row_of(5)); batch.put(key_of(5), row_of(4)) }, "entry 5 of "; "swapped")]
#[test_case(|batch| { batch.delete(key_of(10)); batch.put(entry_key(5, 10), row_of(10)) }, "was added, or moved in time"; "moved in time")]
#[test_case(|batch| batch.put(entry_key(77, 4), row_of(4)), "entry 4 of 1970-01-01T00:00:00.000077Z"; "added")]
#[test_case(|batch| { batch.delete(key_of(10)); batch.delete(link(10)) }, "entries 10 to 10 were cut off at the end"; "cut off")]
#[test_case(|batch| batch.delete(head_key()), "the chain goes on behind its head, entry 0"; "the head is gone")]
#[test_case(|batch| batch.put(link(4), vec![9]), "the link of entry 4 is damaged"; "link unreadable")]
#[test_case(|batch| batch.put(head_key(), vec![9]), "the head is damaged"; "head unreadable")]
fn m20_what_was_done_to_the_audit_is_found_and_named(tamper: fn(&mut Batch), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let mut batch = Batch::new();
    tamper(&mut batch);
    store.commit_blocking(batch).unwrap();
    let walked = walk(&store);
    let told = walked.problems.join("\n");
    assert!(walked.problem_count > 0 && told.contains(expected), "{told}");
    assert!(!store.check().unwrap().is_sound(), "`store check` finds it too");
}

/// Who can write rows can also make a chain that fits; only what was signed before contradicts it.
#[test]
fn m20_a_signed_head_contradicts_a_chain_that_was_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let head = store.read_blocking(|view| view.audit_head()).unwrap();
    let signed = SignedHead { head, note: "note".into(), key: "key".into() };
    let mut batch = Batch::new();
    keep_signed_head(&mut batch, "2026-11-29", &signed).unwrap();
    store.commit_blocking(batch).unwrap();
    assert!(store.check().unwrap().is_sound());

    let mut batch = Batch::new();
    (1..11).for_each(|number| {
        batch.delete(key_of(number));
        batch.delete(link(number.unsigned_abs()));
    });
    batch.delete(head_key());
    batch.delete(keys::fact(COUNTER));
    (1..10).for_each(|number| add_audit(&mut batch, &entry(number)).unwrap());
    store.commit_blocking(batch).unwrap();
    assert_eq!(walk(&store).problem_count, 0, "nine entries, and a chain that fits them");
    let told = store.check().unwrap().problems.join("\n");
    assert!(told.contains("the audit at entry 10 is not what was signed"), "{told}");
    assert_eq!(store.read_blocking(|view| view.signed_audit_heads(9)).unwrap(), [signed]);
}

#[test]
fn m20_entries_from_before_the_chain_are_linked_when_the_directory_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let head = store.read_blocking(|view| view.audit_head()).unwrap();
    let mut batch = Batch::new();
    (1..11).for_each(|number| batch.delete(link(number)));
    batch.delete(head_key());
    batch.put(keys::fact("schema"), rows::encode(opening::SCHEMA_ROW_VERSION, &2_u32).unwrap());
    store.commit_blocking(batch).unwrap();
    assert!(walk(&store).problem_count > 0);
    drop(store);
    let store = open(dir.path());
    assert_eq!(walk(&store).entries, 10);
    assert_eq!(
        store.read_blocking(|view| view.audit_head()).unwrap(),
        head,
        "the same chain as if it had always been there"
    );
    assert!(store.check().unwrap().is_sound());
}

#[test_case(AuditQuery::default(), &[5, 4, 3, 2, 1, 6, 7, 8, 9, 10]; "all, by time")]
#[test_case(AuditQuery { actor: Some("actor 1".into()), ..AuditQuery::default() }, &[4, 1, 7, 10]; "by actor")]
#[test_case(AuditQuery { action: Some("account".into()), ..AuditQuery::default() }, &[4, 2, 6, 8, 10]; "by what actions begin with")]
#[test_case(AuditQuery { action: Some("acc".into()), ..AuditQuery::default() }, &[]; "not by part of a word")]
#[test_case(AuditQuery { object: Some("account 1".into()), ..AuditQuery::default() }, &[1, 10]; "by object")]
#[test_case(AuditQuery { from_us: Some(1_002), until_us: Some(1_004), ..AuditQuery::default() }, &[3, 2]; "by time")]
fn m20_entries_are_found(query: AuditQuery, expected: &[u64]) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    for (limit, most_read) in [(100, 100), (2, 100), (100, 3), (1, 1)] {
        let (mut found, mut query) = (Vec::new(), query.clone());
        loop {
            let page = store.read_blocking(|view| view.audit_page(&query, limit, most_read)).unwrap();
            found.extend(page.entries.iter().map(|(number, _)| *number));
            query.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{limit} at a time, {most_read} read");
    }
}

#[test]
fn m20_entries_about_an_account_or_an_application_are_found_by_index_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let application = ApplicationNumber::new(2026, 3);
    let mut batch = Batch::new();
    for object in ["account 3".to_owned(), format!("application {application}"), "login 3".into(), "account x".into()] {
        add_audit(&mut batch, &AuditEntry { at_us: 2_000, object, ..entry(3) }).unwrap();
    }
    store.commit_blocking(batch).unwrap();
    let about = |about, before| store.read_blocking(|view| view.audit_about(about, before, 1)).unwrap();
    let mine = About::Account(AccountId(3));
    let first = about(mine, None);
    assert_eq!(first.entries, [(11, AuditEntry { at_us: 2_000, ..entry(3) })]);
    let second = about(mine, first.next);
    assert_eq!(second.entries, [(3, entry(3))]);
    assert_eq!(about(mine, second.next), AuditPage::default());
    let numbers: Vec<u64> = about(About::Application(3), None).entries.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [12]);
    assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
    // Those about others are not even read: nobody sees that they are damaged.
    let entries = store.read_blocking(|view| view.range(&[CLASS], &keys::after(&[CLASS]), 100)).unwrap();
    let mut batch = Batch::new();
    for (key, row) in entries {
        let entry: AuditEntry = rows::decode(VERSION, &row).unwrap();
        if About::of(&entry) != Some(mine) {
            batch.put(key, b"damaged".to_vec());
        }
    }
    store.commit_blocking(batch).unwrap();
    assert!(store.read_blocking(|view| view.audit_entries(100)).is_err());
    let page = store.read_blocking(|view| view.audit_about(mine, None, 100)).unwrap();
    assert_eq!(page.entries, [first.entries, second.entries].concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn m20_any_changed_byte_of_an_entry_is_found(number in 1_i64..11, at in 1_usize..30, bit in 0_u8..8) {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path());
        let mut row = row_of(number);
        let at = at % row.len();
        row[at] ^= 1 << bit;
        let mut batch = Batch::new();
        batch.put(key_of(number), row);
        store.commit_blocking(batch).unwrap();
        let walked = walk(&store);
        prop_assert_eq!(walked.problem_count, 1, "{:?}", walked.problems);
        prop_assert!(walked.problems[0].starts_with(&format!("entry {number} of ")), "{:?}", walked.problems);
    }
}
