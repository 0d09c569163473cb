//! Closings by themselves: what the journal says becomes a document that nobody can change.

use proptest::prelude::*;
use ring::signature::Ed25519KeyPair;
use test_case::test_case;

use super::*;
use crate::clock::Timestamp;
use crate::ids::ImpressionId;
use crate::postal::registry::tests::sample;
use crate::postal::{MarksDevice, MarksFile, MarksKey};

const SELECTOR: &str = "astana-1-a-test";

fn key() -> SigningKey {
    // The seed in PKCS#8 (RFC 8410 §7).
    let prefix = [0x30, 0x2e, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let der = [&prefix[..], &[7; 32]].concat();
    assert!(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).is_ok());
    SigningKey::from_pkcs8(&der).unwrap()
}

fn marks() -> MarksFile {
    let mut marks = MarksFile::of(&sample());
    let public = key().public();
    let key = MarksKey {
        selector: SELECTOR.into(),
        algorithm: public.algorithm().tag().into(),
        public_key: public.base64(),
        from: Some("2026-11-01T00:00:00Z".into()),
        to: None,
    };
    device(&mut marks).set_keys(vec![key]);
    marks
}

fn device(of: &mut MarksFile) -> &mut MarksDevice {
    of.devices_mut().find(|device| device.id == "astana-1-a").unwrap()
}

/// The closing of a day in November, unsigned.
fn unsigned(day: i8, tally: Tally, before: u64, previous: Option<String>) -> Closing {
    let at = |day: i8| format!("2026-11-{day:02}T19:00:00Z");
    Closing {
        v: CLOSING_VERSION,
        operator: "kazpost".into(),
        facility: "astana-1".into(),
        device: "astana-1-a".into(),
        kind: DeviceKind::Postmark,
        letter: Some("А".into()),
        engraving: "Қазақстан Республикасы · Астана".into(),
        day: format!("2026-11-{day:02}"),
        zone: "Asia/Almaty".into(),
        from: at(day - 1),
        to: at(day),
        issued: Some(Issued {
            node: "mx".into(), holder: Some("Ә. Серікова".into()), role: None, since: None
        }),
        acts: Vec::new(),
        opened: vec![format!("2026-11-{day:02}T04:00:00Z")],
        closed: format!("2026-11-{day:02}T19:00:05Z"),
        impressions: tally.impressions,
        total: tally.total,
        before,
        first: tally.first,
        last: tally.last,
        void: tally.void,
        marks_sha256: tally.marks_sha256,
        clock: vec![ClockNote {
            at: at(day),
            occasion: "closing".into(),
            state: "good".into(),
            drift_ms: Some(-12),
            server: Some("ntp".into()),
        }],
        log: Some(LogSpan { origin: "poshta.example/log".into(), first: Some(1), last: Some(9), size: 10 }),
        previous,
        selector: String::new(),
        algorithm: String::new(),
        signature: String::new(),
    }
}

fn struck(number: u64) -> Struck {
    Struck {
        device: "astana-1-a".into(),
        number,
        instant: Timestamp::UNIX_EPOCH,
        kind: if number.is_multiple_of(2) { "accept" } else { "delivered" }.into(),
        mark: [u8::try_from(number % 251).unwrap(); 32],
        id: ImpressionId(u128::from(number)),
    }
}

fn tally(numbers: &[u64], before: u64) -> Tally {
    let mut book = DayBook::default();
    numbers.iter().for_each(|number| book.strike(&struck(*number)).unwrap());
    book.tally("astana-1-a", before).unwrap()
}

/// Days of these numbers, one behind the other.
fn chain(days: &[&[u64]]) -> Vec<Closing> {
    let mut made: Vec<Closing> = Vec::new();
    for (day, numbers) in (10..).zip(days) {
        let before = made.last().map_or(0, Closing::upto);
        let previous = made.last().map(Closing::digest);
        made.push(unsigned(day, tally(numbers, before), before, previous).sign(SELECTOR, &key()).unwrap());
    }
    made
}

#[test]
fn p31_closings_of_a_device_are_a_chain() {
    let closings = chain(&[&[2, 1, 5], &[], &[9, 7]]);
    assert_eq!(check_chain(&closings, &marks()), []);
    assert_eq!((closings[0].void.clone(), closings[2].void.clone()), (vec![(3, 4)], vec![(6, 6), (8, 8)]));
    let read = Closing::parse(&closings[0].document()).unwrap();
    assert_eq!((&read, read.digest()), (&closings[0], closings[0].digest()));
}

#[test_case(|closings| closings.swap(0, 1) => matches ClosingFault::Chain(_); "out of order")]
#[test_case(|closings| drop(closings.remove(1)) => matches ClosingFault::Chain(_); "a day is missing")]
#[test_case(|closings| closings[1] = resigned(&closings[1], |it| it.previous = None) => matches ClosingFault::Chain(_); "names no closing before it")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.opened.clear()) => matches ClosingFault::Chain(_); "another closing of the day before")]
#[test_case(|closings| closings[1] = resigned(&closings[1], |it| it.total += 1) => matches ClosingFault::Numbers(_); "one impression too many")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.void.clear()) => matches ClosingFault::Numbers(_); "a void number is missing")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.void = vec![(3, 5)]) => matches ClosingFault::Numbers(_); "more void numbers than there are")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.first = Some(2)) => matches ClosingFault::Numbers(_); "another first number")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.closed = it.from.clone()) => matches ClosingFault::Instants(_); "closed before it ended")]
#[test_case(|closings| closings[0] = resigned(&closings[0], |it| it.zone = "Europe/London".into()) => matches ClosingFault::Instants(_); "another zone")]
#[test_case(|closings| closings[0].total = 4 => matches ClosingFault::Signature; "changed after it was signed")]
#[test_case(|closings| closings[0].selector = "other".into() => matches ClosingFault::UnknownKey(_); "another key")]
#[test_case(|closings| closings[0].device = "astana-2-a".into() => matches ClosingFault::UnknownDevice(_); "another device")]
fn p31_what_is_wrong_is_found(change: fn(&mut Vec<Closing>)) -> ClosingFault {
    let mut closings = chain(&[&[2, 1, 5], &[6], &[9, 7]]);
    change(&mut closings);
    check_chain(&closings, &marks()).remove(0).1
}

/// Changed by somebody who has the key.
fn resigned(closing: &Closing, change: fn(&mut Closing)) -> Closing {
    let mut changed = closing.clone();
    change(&mut changed);
    changed.sign(SELECTOR, &key()).unwrap()
}

#[test]
fn p31_one_flipped_byte_fails() {
    let closing = chain(&[&[1, 2, 5]]).remove(0);
    let document = closing.document().into_bytes();
    let marks = marks();
    for at in 0..document.len() {
        for bit in [0, 1, 5] {
            let mut changed = document.clone();
            changed[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(changed) else { continue };
            match Closing::parse(&text) {
                // White space and the case of an escape change nothing that is said.
                Ok(read) if read == closing => {}
                Ok(read) => assert_ne!(read.faults(&marks), [], "byte {at} bit {bit}: {text}"),
                Err(_) => {}
            }
        }
    }
}

#[test]
fn p31_a_key_that_is_not_in_use_signs_no_closing() {
    let closing = chain(&[&[1]]).remove(0);
    let mut marks = marks();
    let ended = |to: &str| MarksKey { to: Some(to.into()), ..marks.clone_key() };
    let keys = [ended("2026-11-10T19:00:05Z"), ended("2026-11-10T19:00:04Z")];
    let mut fault = |key: MarksKey| {
        device(&mut marks).set_keys(vec![key]);
        closing.faults(&marks)
    };
    let [in_use, ended] = keys;
    assert_eq!(fault(in_use), []);
    assert_eq!(fault(ended), [ClosingFault::KeyNotInUse(SELECTOR.into())]);
}

impl MarksFile {
    fn clone_key(&self) -> MarksKey {
        let mut facilities = self.operators.iter().flat_map(|operator| &operator.facilities);
        let device = facilities.find_map(|facility| facility.devices.iter().find(|device| device.id == "astana-1-a"));
        device.unwrap().keys[0].clone()
    }
}

#[test]
fn p31_a_device_that_was_revoked_has_no_later_closings() {
    let closing = chain(&[&[1]]).remove(0);
    let faults_when = |at: &str| {
        let mut marks = marks();
        device(&mut marks).revoke(at.parse().unwrap());
        closing.faults(&marks)
    };
    assert_eq!(faults_when("2026-11-10T12:00:00Z"), []);
    assert_eq!(faults_when("2026-11-09T12:00:00Z"), [ClosingFault::Revoked("2026-11-09T12:00:00Z".into())]);
}

#[test_case(r#"{"device":"d","event":"opened","seq":1,"instant":"2026-11-22T04:00:00Z","selector":"s"}"# => matches Ok(JournalLine::Opened { .. }))]
#[test_case(r#"{"device":"d","event":"void","seq":1}"# => Ok(JournalLine::Other))]
#[test_case(r#"{"device":"d","event":"returned","instant":"2026-11-22T04:00:00Z"}"# => matches Ok(JournalLine::Act { .. }))]
#[test_case(r#"{"event":"clock","instant":"2026-11-22T04:00:00Z","state":"good","occasion":"opening"}"# => matches Ok(JournalLine::Clock { .. }))]
#[test_case(r#"{"device":"d","instant":"2026-11-22T04:00:00Z","kind":"accept"}"# => Ok(JournalLine::Other); "from before devices had numbers")]
#[test_case(r#"{"device":"d","seq":1,"mark":"AA==","instant":"2026-11-22T04:00:00Z","kind":"accept"}"# => matches Err(_); "a short hash")]
#[test_case("{" => matches Err(_); "no json")]
fn what_a_line_of_the_journal_says(line: &str) -> Result<JournalLine, String> {
    JournalLine::parse(line)
}

#[test]
fn an_impression_is_counted_by_what_it_attests() {
    let mark = STANDARD.encode([7; 32]);
    let line = format!(
        r#"{{"device":"d","seq":9,"mark":"{mark}","impression":"00000000000000000000000007","kind":"deliver","handover":"handed","instant":"2026-11-22T04:00:00Z"}}"#
    );
    let JournalLine::Impression(struck) = JournalLine::parse(&line).unwrap() else { panic!("{line}") };
    assert_eq!((struck.kind.as_str(), struck.number, struck.mark), ("handed", 9, [7; 32]));
}

#[test]
fn p31_a_number_twice_or_on_a_closed_day_is_a_contradiction() {
    let mut book = DayBook::default();
    book.strike(&struck(3)).unwrap();
    assert!(matches!(book.strike(&struck(3)), Err(Contradiction::Twice { number: 3, .. })));
    assert!(matches!(book.tally("d", 3), Err(Contradiction::Closed { first: 3, before: 3, .. })));
}

proptest! {
    /// Whatever the order in which the journal has them, every number is in one closing, once.
    #[test]
    fn p31_every_number_is_accounted_for_once(
        days in proptest::collection::vec(proptest::collection::btree_set(1u64..40, 0..12), 1..8)
    ) {
        let mut base = 0;
        let days: Vec<Vec<u64>> = days
            .iter()
            .map(|numbers| {
                let shifted: Vec<u64> = numbers.iter().rev().map(|number| number + base).collect();
                base += 40;
                shifted
            })
            .collect();
        let closings = chain(&days.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert_eq!(check_chain(&closings, &marks()), vec![]);
        let mut all: Vec<u64> = days.concat();
        all.extend(closings.iter().flat_map(|closing| &closing.void).flat_map(|(first, last)| *first..=*last));
        all.sort_unstable();
        let last = closings.last().unwrap().upto();
        prop_assert!(all.into_iter().eq(1..=last));
    }
}
