use proptest::prelude::*;

use super::*;
use crate::store::{Error, Settings, Store};

struct Fixture {
    store: Store,
    _dir: tempfile::TempDir,
}

fn details(recipient: &str, due_ms: Option<u64>) -> Details {
    Details {
        reverse_path: ReversePath::Address("a@poshta.example".parse().unwrap()),
        recipient: recipient.parse().unwrap(),
        smtputf8: false,
        eight_bit: true,
        accepted_ms: 5,
        due_ms,
        attempts: 0,
        delay_reported: false,
        last_error: None,
        notify: Notify::default(),
        envelope_id: Some("id".into()),
        original_recipient: None,
        returned: None,
        is_blind: false,
    }
}

impl Fixture {
    fn open() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &Settings { watermark_bytes: 0, ..Settings::default() }).unwrap();
        Fixture { store, _dir: dir }
    }

    /// One item for these recipients, each with its due time.
    fn add(&self, item: u128, due: &[Option<u64>]) {
        let mut batch = Batch::new();
        let item_prefix = batch.record(b"Received: x\r\n".to_vec());
        let mut writer = self.store.stage();
        writer.write(b"body").unwrap();
        let body = batch.body(writer.finish().unwrap());
        for (number, due_ms) in due.iter().enumerate() {
            let recipient = u32::try_from(number).unwrap();
            let details = details(&format!("r{number}@elsewhere.kz"), *due_ms);
            let id = QueueId { item: ItemId(item), recipient };
            add(&mut batch, &NewQueued { id, item_prefix, body, body_bytes: 4, details }).unwrap();
        }
        self.store.commit_blocking(batch).unwrap();
    }

    fn row(&self, item: u128, recipient: u32) -> Option<Queued> {
        self.store.read_blocking(|view| view.queued(QueueId { item: ItemId(item), recipient })).unwrap()
    }

    fn due(&self, now_ms: u64, after: Option<&Queued>, limit: usize) -> Vec<(u128, u32)> {
        let rows = self.store.read_blocking(|view| view.outbound_due(now_ms, after, limit)).unwrap();
        rows.iter().map(|row| (row.id.item.0, row.id.recipient)).collect()
    }

    fn next_due(&self) -> Option<u64> {
        self.store.read_blocking(|view| view.outbound_next_due()).unwrap()
    }

    fn change(&self, row: &Queued, details: &Details) -> Result<Queued> {
        let mut batch = Batch::new();
        let changed = row.change(&mut batch, details)?;
        self.store.commit_blocking(batch)?;
        Ok(changed)
    }
}

#[test]
fn a_row_comes_back_as_it_was_put_in() {
    let fixture = Fixture::open();
    fixture.add(7, &[Some(10), None]);
    let row = fixture.row(7, 0).unwrap();
    assert_eq!(row.details, details("r0@elsewhere.kz", Some(10)));
    assert_eq!(row.body_bytes, 4);
    let bytes = fixture.store.item_bytes(&row);
    assert_eq!(bytes.read_at_blocking(0, 100).unwrap(), &b"Received: x\r\nbody"[..]);
    assert_eq!(fixture.row(7, 2), None);
    let all = fixture.store.read_blocking(|view| view.outbound(Some(ItemId(7)), 10)).unwrap();
    assert_eq!(all.iter().map(|row| row.id.recipient).collect::<Vec<_>>(), [0, 1]);
    assert!(fixture.store.read_blocking(|view| view.outbound(Some(ItemId(8)), 10)).unwrap().is_empty());
}

#[test]
fn the_longest_waiting_row_is_first_and_one_on_hold_is_never_due() {
    let fixture = Fixture::open();
    fixture.add(1, &[Some(30), Some(10), None]);
    fixture.add(2, &[Some(20)]);
    assert_eq!(fixture.next_due(), Some(10));
    assert_eq!(fixture.due(9, None, 10), []);
    assert_eq!(fixture.due(20, None, 10), [(1, 1), (2, 0)], "due now counts");
    assert_eq!(fixture.due(u64::MAX, None, 10), [(1, 1), (2, 0), (1, 0)]);
}

#[test]
fn pages_follow_each_other_without_gap() {
    let fixture = Fixture::open();
    fixture.add(1, &[Some(10), Some(10), Some(10), Some(11)]);
    assert_eq!(fixture.due(11, None, 2), [(1, 0), (1, 1)]);
    let last = fixture.row(1, 1);
    assert_eq!(fixture.due(11, last.as_ref(), 2), [(1, 2), (1, 3)]);
    let last = fixture.row(1, 3);
    assert_eq!(fixture.due(11, last.as_ref(), 2), []);
}

#[test]
fn a_changed_row_is_due_at_its_new_time_only() {
    let fixture = Fixture::open();
    fixture.add(1, &[Some(10)]);
    let row = fixture.row(1, 0).unwrap();
    let later = Details { due_ms: Some(50), attempts: 1, last_error: Some("4.0.0 x".into()), ..row.details.clone() };
    let changed = fixture.change(&row, &later).unwrap();
    assert_eq!(fixture.row(1, 0), Some(changed.clone()), "what is answered is what is stored");
    assert_eq!((fixture.due(49, None, 10), fixture.next_due()), (vec![], Some(50)));
    let held = fixture.change(&changed, &Details { due_ms: None, ..later.clone() }).unwrap();
    assert_eq!((fixture.due(u64::MAX, None, 10), fixture.next_due()), (vec![], None));
    fixture.change(&held, &later).unwrap();
    assert_eq!(fixture.due(50, None, 10), [(1, 0)], "released");
}

#[test_case::test_case(WITHOUT_RETURNED; "without RET")]
#[test_case::test_case(WITHOUT_BLIND; "without blind ones")]
fn rows_of_older_versions_are_read(version: u8) {
    let fixture = Fixture::open();
    fixture.add(1, &[Some(10)]);
    let row = fixture.row(1, 0).unwrap();
    let Queued { body, body_bytes, data_key, .. } = row.clone();
    let details = Details { returned: Some(Returned::Full), is_blind: true, ..row.details.clone() };
    let rest = match version {
        WITHOUT_RETURNED => rows::encode(version, &(body, body_bytes, data_key, &details)),
        _ => rows::encode(version, &(body, body_bytes, data_key, &details, details.returned)),
    };
    let stored = [&[version][..], &row.item_prefix.to_bytes(), &rest.unwrap()].concat();
    let read = decode(row.id, stored).unwrap();
    let returned = details.returned.filter(|_| version == WITHOUT_BLIND);
    assert_eq!(read.details, Details { returned, is_blind: false, ..row.details });
}

#[test]
fn who_saw_an_older_row_changes_and_removes_nothing() {
    let fixture = Fixture::open();
    fixture.add(1, &[Some(10)]);
    let old = fixture.row(1, 0).unwrap();
    let changed = fixture.change(&old, &Details { attempts: 1, ..old.details.clone() }).unwrap();
    assert!(matches!(fixture.change(&old, &old.details), Err(Error::Conflict(_))));
    let mut batch = Batch::new();
    old.remove(&mut batch);
    assert!(matches!(fixture.store.commit_blocking(batch), Err(Error::Conflict(_))));
    assert_eq!(fixture.row(1, 0), Some(changed));
}

#[test]
fn a_removed_row_leaves_nothing() {
    let fixture = Fixture::open();
    let before = fixture.store.stats().unwrap().rows;
    fixture.add(1, &[Some(10), None]);
    let mut batch = Batch::new();
    for recipient in [0, 1] {
        fixture.row(1, recipient).unwrap().remove(&mut batch);
    }
    fixture.store.commit_blocking(batch).unwrap();
    let after = fixture.store.stats().unwrap().rows;
    assert_eq!((after.get(&'q'), after.get(&'Q')), (before.get(&'q'), before.get(&'Q')));
    assert_eq!(fixture.next_due(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_row_that_waits_is_found_by_its_time(due in prop::collection::vec(prop::option::of(0_u64..100), 1..20), now in 0_u64..100) {
        let fixture = Fixture::open();
        fixture.add(1, &due);
        let mut expected: Vec<(u64, u32)> =
            (0..).zip(&due).filter_map(|(number, due)| due.filter(|due| *due <= now).map(|due| (due, number))).collect();
        expected.sort_unstable();
        let numbers: Vec<u32> = fixture.due(now, None, 100).into_iter().map(|(_, number)| number).collect();
        prop_assert_eq!(numbers, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
        prop_assert_eq!(fixture.next_due(), due.into_iter().flatten().min());
    }
}
