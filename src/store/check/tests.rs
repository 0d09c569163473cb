use std::path::Path;

use test_case::test_case;

use super::*;
use crate::address::ReversePath;
use crate::identity::base::Beginning;
use crate::ids::ItemId;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::clock_checks::{ClockCheck, add_clock_check};
use crate::store::device_acts::{Act, DeviceAct, add_device_act};
use crate::store::items::{ItemEvent, add_event};
use crate::store::keys::Key;
use crate::store::lookups::{LookupRow, add_lookup};
use crate::store::print_jobs::{Offer, PrintDocument, PrintJob, State, add_job, add_notice, quota_key, state_key};
use crate::store::queue::{Details, NewQueued, Notify, QueueId, SHARD};
use crate::store::scans::{Scan, ScanState, add_scan};
use crate::store::tests::{damage, get, open, staged};
use crate::store::vault::{RowText, Sharing};
use crate::store::{Batch, Owner};

const OUT: ItemId = ItemId(0x0a);
const PAPER: ItemId = ItemId(0x0b);
const SCAN: ItemId = ItemId(0x0c);
const S10: &str = "RR000000018KZ";
const DUE_MS: u64 = 1_795_000_000_000;
pub(in crate::store) const ANNA: AccountId = AccountId(7 << 48 | 1);

#[test]
fn every_class_of_the_table_of_keys_is_checked() {
    let table = include_str!("../keys.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut listed: Vec<u8> = table.map(|line| line.as_bytes()[0]).collect();
    let mut known: Vec<u8> = CLASSES.iter().map(|(class, _)| *class).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn letters_in_every_queue_are_sound() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    let classes: String = verdict.rows.keys().collect();
    assert_eq!(classes, "!145BCIPQXYZabcdhiklnopquz");
    assert_eq!((verdict.bodies, verdict.records), (3, 2));
    let bodies = [letter_of(&store), document_of(&store), scan_of(&store)];
    let references = bodies.map(|id| BodyRow::decode(&get(&store, &keys::body(id)).unwrap()).unwrap().references);
    assert_eq!(references, [3, 1, 1]);
}

#[test_case(|batch| batch.delete(due(0, DUE_MS)), "waits in the queue and is not in its due-time index"; "waiting without index")]
#[test_case(|batch| batch.put(due(0, DUE_MS + 1), vec![]), "which is not due then"; "index at another time")]
#[test_case(|batch| batch.put(due(1, DUE_MS), vec![]), "which is not due then"; "index of a held recipient")]
#[test_case(|batch| batch.put(due(9, DUE_MS), vec![]), "which is not due then"; "index of nobody")]
#[test_case(|batch| batch.delete(keys::outbound(SHARD, OUT, 1)), "counts 3 references, but 2 rows name it"; "recipient gone")]
#[test_case(|batch| batch.put(keys::outbound(SHARD, OUT, 1), vec![1]), "is too short (at q 0000"; "recipient unreadable")]
#[test_case(|batch| batch.delete(offer("almaty")), "is offered to \"almaty\" and is not in its due-time index"; "offer without index")]
#[test_case(|batch| batch.put(offer("astana"), vec![]), "for \"astana\", which is not offered so"; "index without offer")]
#[test_case(|batch| batch.delete(keys::s10(S10)), "is not found by its number RR000000018KZ"; "job without number")]
#[test_case(|batch| batch.put(keys::s10("RR000000021KZ"), PAPER.to_bytes().to_vec()), "which does not have it"; "number of another")]
#[test_case(|batch| batch.delete(keys::print_job(PAPER)), "the print queue's due-time index names"; "job gone")]
#[test_case(|batch| batch.put(quota_key(ANNA, 1), vec![1]), "(at h "; "quota unreadable")]
#[test_case(|batch| batch.delete(event_key(1)), "an event of ItemId"; "notice of no event")]
#[test_case(|batch| batch.put(event_key(7), get_event()), "event 7 of "; "event beyond its counter")]
#[test_case(|batch| batch.delete(waiting(SCAN)), "is not at the review desk"; "scan that nobody finds")]
#[test_case(|batch| batch.put(waiting(OUT), vec![]), "which does not wait"; "review of no scan")]
#[test_case(|batch| batch.delete(keys::scan(SCAN)), "counts 1 references, but 0 rows name it"; "scan gone")]
#[test_case(|batch| batch.put(keys::scan(SCAN), vec![9]), "row of version 9, expected 1 (at c 0000"; "scan of a newer version")]
#[test_case(|batch| batch.delete(keys::login("anna")), "the login of AccountId"; "account without login")]
#[test_case(|batch| batch.delete(keys::person(&[4; 32])), "the person of AccountId"; "account without person")]
#[test_case(|batch| batch.delete(keys::account(ANNA)), "an address leads to AccountId"; "address of nobody")]
#[test_case(|batch| batch.put(keys::fact("schema"), vec![]), "a fact of the directory (at ! "; "fact unreadable")]
#[test_case(|batch| batch.put(b"k?".to_vec(), vec![1, 1]), "an answer that was given (at k 3f)"; "answer under a bad key")]
#[test_case(|batch| batch.delete(keys::fact("audit")), "audit entry 1 is beyond the counter"; "audit counter gone")]
#[test_case(|batch| batch.delete(audited_key()), "audit entry 1 is not in the index"; "entry that nobody finds")]
#[test_case(|batch| batch.put(Key::of(b'5').u8(1).u64(ANNA.0).u64(1).u64(9).done(), vec![]), "leads to entry 9, which is not about that"; "index of no entry")]
#[test_case(|batch| batch.delete(state_key(State::Queued, PAPER)), "is not among those that are queued"; "letter in no state")]
#[test_case(|batch| batch.put(state_key(State::Lost, PAPER), vec![]), "which does not stand so"; "letter in another state")]
#[test_case(|batch| batch.delete(keys::fact("look-ups")), "look-up 1 is beyond the counter"; "counter of look-ups gone")]
#[test_case(|batch| batch.put(Key::of(b'X').u8(1).u64(7).done(), vec![1, 0].into_iter().chain([0; 32]).collect::<Vec<u8>>()), "audit entry 7 is missing"; "link of no entry")]
#[test_case(|batch| batch.delete(keys::fact("clock checks")), "clock check 1 is beyond the counter"; "counter of clock checks gone")]
#[test_case(|batch| batch.delete(keys::fact("device acts")), "device act 1 is beyond the counter"; "counter of device acts gone")]
#[test_case(|batch| batch.put(Key::of(b'B').u64(ANNA.0 + 1).done(), vec![1, 0, 0, 0, 0, 0]), "there is no such account"; "in the base, of nobody")]
#[test_case(|batch| batch.put(Key::of(b'B').u64(ANNA.0).done(), vec![1, 0, 0, 0, 0, 1, 2]), "in the base without being authorised"; "in the base too early")]
#[test_case(|batch| batch.put(Key::of(b'B').u64(ANNA.0).done(), vec![1, 1, 10, 1, 8, 0, 0, 0]), "do not go forwards"; "created before it was applied for")]
#[test_case(|batch| batch.put(b"yd\x002026-11-22".to_vec(), vec![1]), "row of version 1"; "closing unreadable")]
#[test_case(|batch| batch.put(b"~?".to_vec(), vec![]), "row of an unknown class (at ~ 3f)"; "class that nobody knows")]
fn damage_is_named(plant: fn(&mut Batch), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    assert_named(&filled(dir.path()), plant, expected);
}

#[test_case(|batch, document| batch.release(document), "counts 0 references, but 1 rows name it"; "given up")]
#[test_case(|batch, document| batch.delete(keys::body(document)), "is named by a row and is not there"; "gone")]
fn damage_to_a_document_is_named(plant: fn(&mut Batch, BodyId), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let document = document_of(&store);
    assert_named(&store, |batch| plant(batch, document), expected);
}

fn assert_named(store: &Store, plant: impl FnOnce(&mut Batch), expected: &str) {
    let mut batch = Batch::new();
    plant(&mut batch);
    store.commit_blocking(batch).unwrap();
    let told = store.check().unwrap().problems.join("\n");
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_record_that_a_queue_row_names_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    damage(&store, store.read_blocking(|view| view.print_job(PAPER)).unwrap().unwrap().draft);
    let verdict = store.check().unwrap();
    assert!(verdict.problems.iter().any(|text| text.contains("(at p 0000")), "{:#?}", verdict.problems);
}

/// A waiting and a held recipient, a letter that two centres may print, a scan in review, an account, and what
/// stands around them.
pub(in crate::store) fn filled(dir: &Path) -> Store {
    let store = open(dir);
    fill(&store);
    store
}

/// See [`filled`].
pub(in crate::store) fn fill(store: &Store) {
    let mut batch = Batch::new();
    let letter = sealed(store, &mut batch, b"letter");
    queued(&mut batch, letter);
    let draft = batch.record_for(letter, b"draft".to_vec());
    add_job(&mut batch, &mut job(letter), draft, DUE_MS).unwrap();
    batch.add(quota_key(ANNA, 1), 1);
    let number = add_event(&mut batch, PAPER, &event()).unwrap();
    add_notice(&mut batch, PAPER, number);
    store.commit_blocking(batch).unwrap();
    let stored = store.read_blocking(|view| view.print_job(PAPER)).unwrap().unwrap();
    let mut drawn = stored.job.clone();
    drawn.state = State::Queued;
    drawn.offers = ["almaty", "qostanai"].map(|centre| Offer { centre: centre.into(), due_ms: DUE_MS }).to_vec();
    let mut batch = Batch::new();
    let body = sealed(store, &mut batch, b"%PDF");
    let data_key = batch.wrapped_key(body, Owner::System).unwrap();
    batch.reference(body);
    drawn.document = Some(PrintDocument { body, data_key, bytes: 4, sha256: [0; 32], pages: 1, sheets: 1 });
    stored.change(&mut batch, &drawn).unwrap();
    store.commit_blocking(batch).unwrap();

    let mut batch = Batch::new();
    let document = sealed(store, &mut batch, b"scan");
    let data_key = batch.wrapped_key(document, Owner::System).unwrap();
    add_scan(&mut batch, &Scan { data_key, ..scan(document) }).unwrap();
    accounts::add(&mut batch, &account()).unwrap();
    base::created(&mut batch, ANNA, Beginning::by_command(crate::clock::Timestamp::UNIX_EPOCH)).unwrap();
    batch.put(keys::idempotency("almaty", &[5; 32]), vec![1, 0]);
    add_audit(&mut batch, &audit_entry()).unwrap();
    let lookup = LookupRow { at_us: 1, system: "gov".into(), basis: "case 17/2026".into() };
    add_lookup(&mut batch, ANNA, &lookup).unwrap();
    add_clock_check(&mut batch, &clock_check()).unwrap();
    add_device_act(&mut batch, &device_act()).unwrap();
    store.commit_blocking(batch).unwrap();
}

/// A body as services store it: sealed, if the store encrypts.
pub(in crate::store) fn sealed(store: &Store, batch: &mut Batch, bytes: &[u8]) -> BodyId {
    let body = staged(store, bytes);
    let key = store.letter_key(&body, Sharing::Many).unwrap();
    batch.letter(body, key)
}

fn queued(batch: &mut Batch, body: BodyId) {
    let item_prefix = batch.record_for(body, b"Received: x\r\n".to_vec());
    for (recipient, due_ms) in [(0, Some(DUE_MS)), (1, None)] {
        let details = Details {
            reverse_path: ReversePath::Address("a@b.example".parse().unwrap()),
            recipient: "c@d.example".parse().unwrap(),
            smtputf8: false,
            eight_bit: false,
            accepted_ms: 1,
            due_ms,
            attempts: 0,
            delay_reported: false,
            last_error: None,
            notify: Notify::default(),
            envelope_id: None,
            original_recipient: None,
            returned: None,
            is_blind: false,
        };
        let id = QueueId { item: OUT, recipient };
        queue::add(batch, &NewQueued { id, item_prefix, body, body_bytes: 6, details }).unwrap();
    }
}

fn job(body: BodyId) -> PrintJob {
    PrintJob {
        item: PAPER,
        s10: S10.into(),
        state: State::Accepted,
        format: "letter".into(),
        class: "ordinary".into(),
        colour: false,
        duplex: true,
        postal_index: "050000".into(),
        account: Some(ANNA),
        report_to: None,
        message_id: None,
        subject: RowText::Plain("subject of the letter on paper".into()),
        body,
        data_key: None,
        body_bytes: 6,
        accepted_us: 1,
        offers: Vec::new(),
        lease: None,
        fence: 0,
        attempts: 0,
        document: None,
    }
}

fn clock_check() -> ClockCheck {
    ClockCheck {
        at_us: 1,
        occasion: "opening".into(),
        state: "good".into(),
        drift_ms: Some(-3),
        server: Some("ntp.example:123".into()),
        problem: None,
    }
}

fn device_act() -> DeviceAct {
    DeviceAct {
        device: "astana-1-a".into(),
        at_us: 1,
        act: Act::Returned,
        node: None,
        holder: None,
        role: None,
        reason: None,
        by: "command line".into(),
    }
}

fn scan(document: BodyId) -> Scan {
    Scan {
        id: SCAN,
        facility: "qaraghandy-scan".into(),
        state: ScanState::Review,
        received_us: 1,
        document,
        data_key: None,
        bytes: 4,
        media_type: "application/pdf".into(),
        pages: 1,
        codes: Vec::new(),
        sender: None,
        recipient: None,
        item: None,
        reason: None,
        decided_by: None,
    }
}

fn account() -> accounts::Account {
    accounts::Account {
        id: ANNA,
        login: "Anna".into(),
        folded_login: "anna".into(),
        address: "anna@poshta.example".parse().unwrap(),
        folded_address: "anna@poshta.example".into(),
        kind: accounts::Kind::Individual,
        display_name: "Anna".into(),
        person: Some(accounts::Person { hash: [4; 32], last_digits: "0012".into() }),
        postal_index: None,
        credentials: Vec::new(),
        next_credential: 1,
        state: accounts::State::Active,
        eds_confirmed: false,
        quota: accounts::OwnQuota::default(),
        created: crate::clock::Timestamp::UNIX_EPOCH,
    }
}

fn event() -> ItemEvent {
    ItemEvent { at_us: 1, name: "accepted".into(), actor: "server".into(), reason: None, sheets: None, mark: None }
}

fn get_event() -> Vec<u8> {
    rows::encode(1, &event()).unwrap()
}

fn audited_key() -> Vec<u8> {
    Key::of(b'5').u8(1).u64(ANNA.0).u64(1).u64(1).done()
}

fn audit_entry() -> AuditEntry {
    let object = format!("account {}", ANNA.0);
    AuditEntry { at_us: 1, actor: "a".into(), action: "b".into(), object, details: None }
}

fn due(recipient: u32, due_ms: u64) -> Vec<u8> {
    keys::outbound_due(SHARD, due_ms, OUT, recipient)
}

fn offer(centre: &str) -> Vec<u8> {
    keys::print_due(centre, DUE_MS, PAPER)
}

fn event_key(number: u32) -> Vec<u8> {
    Key::of(b'i').item(PAPER).u32(number).done()
}

fn waiting(id: ItemId) -> Vec<u8> {
    Key::of(b'C').item(id).done()
}

fn letter_of(store: &Store) -> BodyId {
    store.read_blocking(|view| view.print_job(PAPER)).unwrap().unwrap().job.body
}

/// The letter as it was drawn.
fn document_of(store: &Store) -> BodyId {
    store.read_blocking(|view| view.print_job(PAPER)).unwrap().unwrap().job.document.unwrap().body
}

fn scan_of(store: &Store) -> BodyId {
    store.read_blocking(|view| view.scan(SCAN)).unwrap().unwrap().scan.document
}
