use super::*;
use crate::store::Store;
use crate::store::check::tests::ANNA;
use crate::store::rebuild::{Rebuild, rebuild};
use crate::store::tests::{open, settings, staged};
use crate::store::vault::Sharing;

const MAIL: EmailId = EmailId(0x77);

struct Fixture {
    store: Store,
    _dir: tempfile::TempDir,
}

fn details() -> Details {
    Details {
        to: "aigul@poshta.example".parse().unwrap(),
        recipient: "bolat@poshta.example".into(),
        address_type: "rfc822".into(),
        original_recipient: None,
        envelope_id: Some("QQ 1".into()),
        message_id: Some("1@x".into()),
        s10: None,
        accepted_ms: 5,
        happened_ms: 5,
        reason: None,
        number: 3,
        success: true,
        failure: true,
        by_consent: false,
    }
}

impl Fixture {
    fn open() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        Fixture { store: open(dir.path()), _dir: dir }
    }

    /// A letter's batch with its records, sealed where the store seals.
    fn letter(&self) -> (Batch, Places, Opener) {
        let mut batch = Batch::new();
        let body = staged(&self.store, b"body");
        let key = self.store.letter_key(&body, Sharing::Many).unwrap();
        let body = batch.letter(body, key);
        let mut record = |text: &str| Place::Written(batch.record_for(body, text.as_bytes().to_vec()));
        let places = Places {
            recipient: record("recipient"),
            item: record("item"),
            header: record("header"),
            mark: Place::Nowhere,
        };
        let opener = Opener { body, key: batch.wrapped_key(body, Owner::System).unwrap() };
        (batch, places, opener)
    }

    fn owe(&self, item: u128, due_ms: u64) {
        let (mut batch, places, opener) = self.letter();
        let id = ReceiptId { item: ItemId(item), recipient: 3, stage: Stage::Delivered };
        owe(&mut batch, (id, due_ms), places, opener, &details()).unwrap();
        self.store.commit_blocking(batch).unwrap();
    }

    fn due(&self, now_ms: u64) -> Vec<Owed> {
        self.store.read_blocking(|view| view.owed_receipts(now_ms, None, 10)).unwrap()
    }

    fn items(&self, now_ms: u64) -> Vec<u128> {
        self.due(now_ms).iter().map(|owed| owed.id.item.0).collect()
    }

    fn hand_over(&self, email: EmailId) -> Result<()> {
        let (mut batch, _, opener) = self.letter();
        let mark = batch.record(b"Postal-Mark: x\r\n".to_vec());
        let impression = (ImpressionId(9), Timestamp::from_second(7).unwrap());
        hand_over(&mut batch, (ANNA, email), mark, (opener.body, None), impression).unwrap();
        self.store.commit_blocking(batch).map(drop)
    }
}

#[test]
fn receipts_are_due_in_their_order_and_settled_once() {
    let fixture = Fixture::open();
    [(1, 30), (2, 10), (3, 99)].into_iter().for_each(|(item, due_ms)| fixture.owe(item, due_ms));
    assert_eq!(fixture.items(30), [2, 1]);
    let next = fixture.store.read_blocking(|view| view.next_owed_receipt(30)).unwrap();
    assert_eq!(next, Some(99));
    let first = fixture.due(30).remove(0);
    assert_eq!((first.id.recipient, first.id.stage, first.details.clone()), (3, Stage::Delivered, details()));
    let settle = || {
        let mut batch = Batch::new();
        first.settle(&mut batch);
        fixture.store.commit_blocking(batch)
    };
    settle().unwrap();
    assert!(matches!(settle(), Err(Error::Conflict(_))), "a second receipt for the same thing");
    assert_eq!(fixture.items(1000), [1, 3]);
    let mut batch = Batch::new();
    fixture.due(30).remove(0).postpone(&mut batch, 200);
    fixture.store.commit_blocking(batch).unwrap();
    assert_eq!((fixture.items(100), fixture.items(200)), (vec![3], vec![3, 1]));
    let verdict = fixture.store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}

#[test]
fn a_receipt_keeps_what_it_is_written_from() {
    let fixture = Fixture::open();
    fixture.owe(1, 10);
    let owed = fixture.due(10).remove(0);
    let read = |view: &View<'_>| {
        let key = view.data_key(owed.opener.body, owed.opener.key.as_ref())?;
        let [recipient, item, header, mark] = owed.records;
        assert!(mark.is_empty());
        [recipient, item, header].map(|place| view.record(place, key.as_ref())).into_iter().collect::<Result<Vec<_>>>()
    };
    assert_eq!(fixture.store.read_blocking(read).unwrap(), ["recipient", "item", "header"]);
}

#[test]
fn p6_a_letter_is_handed_over_once_in_an_account() {
    let fixture = Fixture::open();
    fixture.hand_over(MAIL).unwrap();
    assert!(matches!(fixture.hand_over(MAIL), Err(Error::Conflict(_))));
    fixture.hand_over(EmailId(0x78)).unwrap();
    let (handed, mark) = fixture
        .store
        .read_blocking(|view| {
            let handed = view.handed(ANNA, MAIL)?.unwrap();
            Ok((handed, handed.mark(view)?))
        })
        .unwrap();
    assert_eq!((handed.impression, handed.at.as_second()), (ImpressionId(9), 7));
    assert_eq!(mark, b"Postal-Mark: x\r\n");
    assert_eq!(fixture.store.read_blocking(|view| view.handed(AccountId(5), MAIL)).unwrap(), None);
    let destroyed = tokio::runtime::Runtime::new().unwrap().block_on(fixture.store.destroy_letters(ANNA));
    destroyed.unwrap();
    assert_eq!(fixture.store.read_blocking(|view| view.handed(ANNA, MAIL)).unwrap(), None);
}

#[test]
fn m7_nobody_hears_unless_the_user_agrees() {
    let fixture = Fixture::open();
    let consent = || fixture.store.read_blocking(|view| view.consent(ANNA)).unwrap();
    let decide = |consent| {
        let mut batch = Batch::new();
        decide(&mut batch, ANNA, consent);
        fixture.store.commit_blocking(batch).unwrap();
    };
    assert_eq!(consent(), Consent::Withheld);
    decide(Consent::Given);
    assert_eq!(consent(), Consent::Given);
    decide(Consent::Withheld);
    assert_eq!(consent(), Consent::Withheld);
}

#[test]
fn what_is_awaited_becomes_a_receipt_once() {
    let fixture = Fixture::open();
    let (mut batch, places, opener) = fixture.letter();
    // P24: a letter on paper has no copy with a prefix, but may have an acceptance of its own.
    let places = Places { recipient: Place::Nowhere, mark: places.recipient, ..places };
    await_news(&mut batch, (Party::Paper, ItemId(4)), places, opener, &details()).unwrap();
    fixture.store.commit_blocking(batch).unwrap();
    let awaited = || fixture.store.read_blocking(|view| view.awaited(Party::Paper, ItemId(4))).unwrap();
    let other = fixture.store.read_blocking(|view| view.awaited(Party::Mailbox(ANNA), ItemId(4))).unwrap();
    assert_eq!(other, None);
    let found = awaited().unwrap();
    let mut batch = Batch::new();
    let id = ReceiptId { item: ItemId(4), recipient: found.details.number, stage: Stage::Returned };
    let event = Place::Written(batch.record(b"Postal-Mark: x\r\n".to_vec()));
    owe(&mut batch, (id, 8), found.places(event), found.opener, &found.details).unwrap();
    found.end(&mut batch);
    fixture.store.commit_blocking(batch).unwrap();
    assert_eq!(awaited(), None);
    let owed = fixture.due(8).remove(0);
    assert!(found.records[0].is_empty() && !owed.records[0].is_empty());
    assert_eq!(owed.records[1..], found.records[1..]);
    assert!(!owed.records[3].is_empty(), "P24: the mark of an event takes no acceptance away");
    let mut again = Batch::new();
    found.end(&mut again);
    assert!(matches!(fixture.store.commit_blocking(again), Err(Error::Conflict(_))));
    let verdict = fixture.store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}

#[test]
fn damage_of_receipts_is_named() {
    let fixture = Fixture::open();
    for (key, row) in [(vec![b'r', 1], vec![1]), (vec![b'e', 1], vec![9]), (vec![b'R', 1, 2], vec![1])] {
        let mut batch = Batch::new();
        batch.put(key.clone(), row);
        fixture.store.commit_blocking(batch).unwrap();
        assert_eq!(fixture.store.check().unwrap().problem_count, 1, "{key:?}");
        let mut batch = Batch::new();
        batch.delete(key);
        fixture.store.commit_blocking(batch).unwrap();
    }
}

#[test]
fn what_is_owed_and_what_was_handed_over_come_back_from_the_packs() {
    let fixture = Fixture::open();
    [(1, 30), (2, 10)].into_iter().for_each(|(item, due_ms)| fixture.owe(item, due_ms));
    fixture.hand_over(MAIL).unwrap();
    let mut batch = Batch::new();
    fixture.due(10).remove(0).settle(&mut batch);
    fixture.store.commit_blocking(batch).unwrap();
    let owed = fixture.due(99);
    let Fixture { store, _dir: dir } = fixture;
    drop(store);
    std::fs::remove_dir_all(dir.path().join("rows")).unwrap();
    let (settings, caps) = (settings(), crate::message::Caps::default());
    let now = "2026-11-22T04:00:00Z".parse().unwrap();
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &caps, now };
    rebuild(&request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    let fixture = Fixture { store: open(dir.path()), _dir: dir };
    assert_eq!(fixture.due(99), owed);
    let mark = fixture.store.read_blocking(|view| view.handed(ANNA, MAIL)?.unwrap().mark(view)).unwrap();
    assert_eq!(mark, b"Postal-Mark: x\r\n");
    assert!(matches!(fixture.hand_over(MAIL), Err(Error::Conflict(_))), "P6: once, also after a rebuild");
}
