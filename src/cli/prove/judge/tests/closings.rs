//! The letter, and the daily closings of the devices that made its marks on the 21st, a day that ends at 19:00 UTC.

use serde_json::{Value, json};
use test_case::test_case;

use super::super::super::closings::Answer;
use super::*;
use crate::postal::{Closing, SigningKey};

/// The leaves that the marks have when they come into the log on their day.
const DELIVERED: u64 = 5;
const RECEIVED: u64 = 6;
const ACCEPTED: u64 = 7;

/// What the log has at the end of that day.
const SIZE: u64 = 8;

const ACCEPTING: &str = "astana-2-a";
const DELIVERING: &str = "ayagoz-2-a";

/// As the published keys of the letter know them.
fn key(device: &str) -> SigningKey {
    // RFC 8410 §7.
    let head = [0x30, 0x2e, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let seed = if device == ACCEPTING { 1 } else { 2 };
    SigningKey::from_pkcs8(&[&head[..], &[seed; 32]].concat()).unwrap()
}

/// The closing of a day of November with these impressions, which have numbers from 1 on.
fn closing(device: &str, day: i8, impressions: &Value, leaves: [Option<u64>; 2], size: u64) -> Value {
    let total: u64 = impressions.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let of_any = |number: u64| (total > 0).then_some(number);
    let at = |day: i8| format!("2026-11-{day:02}T19:00:00Z");
    json!({
        "v": 1, "operator": "kazpost", "facility": device.trim_end_matches("-a"), "device": device, "kind": "postmark",
        "letter": "А", "engraving": "", "day": format!("2026-11-{day:02}"), "zone": "Asia/Almaty",
        "from": at(day - 1), "to": at(day), "issued": null, "acts": [], "opened": [],
        "closed": format!("2026-11-{day:02}T19:00:05Z"), "impressions": impressions, "total": total, "before": 0,
        "first": of_any(1), "last": of_any(total), "void": [], "marks_sha256": "", "clock": [],
        "log": { "origin": "poshta.example/log", "first": leaves[0], "last": leaves[1], "size": size },
        "previous": null, "selector": "", "algorithm": "", "signature": "",
    })
}

fn signed(closing: Value) -> Closing {
    let closing: Closing = serde_json::from_value(closing).unwrap();
    let device = closing.device.clone();
    closing.sign(&device, &key(&device)).unwrap()
}

/// Those of the devices of the letter, with other impressions before, between and behind its marks.
fn of_the_day() -> [Closing; 2] {
    [
        signed(closing(ACCEPTING, 21, &json!({ "accept": 3 }), [Some(6), Some(6)], SIZE)),
        signed(closing(DELIVERING, 21, &json!({ "receive": 1, "delivered": 1 }), [Some(6), Some(5)], SIZE)),
    ]
}

fn ask(office: &Office, closings: Vec<Closing>) -> Report {
    let closings = Closings::new(closings, &office.keys);
    let view = office.log.view();
    office.ask_with(Some(&closings), view.verifier(), LETTER, &mut Served::of(&office.log), Asked::Log)
}

fn answers(report: &Report) -> Vec<Answer> {
    report.marks.iter().map(|mark| mark.closing.as_ref().unwrap().answer).collect()
}

/// What becomes of the acceptance, the last of the three marks, with this closing of its device.
fn accepted(closing: Closing) -> (Verdict, Answer, u8) {
    let office = Office::with_marks_of(21);
    let report = ask(&office, vec![closing, of_the_day()[1].clone()]);
    let mark = &report.marks[2];
    assert_eq!(mark.index, Some(ACCEPTED));
    (mark.verdict, mark.closing.as_ref().unwrap().answer, report.exit_code())
}

#[test]
fn p31_marks_that_a_device_made_on_its_day_are_in_the_closing() {
    let office = Office::with_marks_of(21);
    let report = ask(&office, of_the_day().into());
    assert_eq!((answers(&report), report.exit_code()), (vec![Answer::Agrees; 3], 0));
    assert_eq!(
        report.marks.iter().map(|mark| mark.index.unwrap()).collect::<Vec<_>>(),
        [DELIVERED, RECEIVED, ACCEPTED]
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["closing_faults"], json!([]));
    let leaves = json!({ "origin": "poshta.example/log", "first": 6, "last": 6, "size": 8 });
    let said = json!({ "answer": "agrees", "device": "astana-2-a", "day": "2026-11-21", "leaves": leaves });
    assert_eq!(json["marks"][2]["closing"], said);
}

/// The log is a day behind at most, so days and stamps say nothing: the closing does.
#[test]
fn p31_a_mark_that_is_made_for_a_day_that_is_closed_is_not_proved() {
    let office = Office::with_marks_of(22);
    let alone = office.ask(LETTER, &mut Served::of(&office.log), Asked::Log);
    assert_eq!(verdicts(&alone), [Verdict::Proved; 3]);
    assert!(alone.marks.iter().all(|mark| mark.index >= Some(SIZE)));
    let report = ask(&office, of_the_day().into());
    assert_eq!((verdicts(&report), report.exit_code()), (vec![Verdict::NotInClosing; 3], 1));
    assert_eq!(answers(&report), [Answer::LaterLeaf; 3]);
    let english = report.text(super::super::super::super::postmark::Answer::En);
    let sentence = "the mark says 2026-11-21T04:15:00Z, and when 2026-11-21 was closed for device astana-2-a, the log had 8 \
                    entries and not this one";
    assert!(english.contains(sentence), "{english}");
}

#[test_case(&json!({}), [None, None] => (Verdict::NotInClosing, Answer::NoImpressions, 1); "no impressions")]
#[test_case(&json!({ "surcharge": 3 }), [Some(5), Some(7)] => (Verdict::NotInClosing, Answer::NoneOfKind, 1); "none of its kind")]
#[test_case(&json!({ "accept": 1 }), [Some(6), Some(6)] => (Verdict::NotInClosing, Answer::OtherLeaf, 1); "the only one is another")]
#[test_case(&json!({ "accept": 2 }), [Some(5), Some(6)] => (Verdict::NotInClosing, Answer::OtherLeaf, 1); "the only two are others")]
#[test_case(&json!({ "accept": 2 }), [Some(7), Some(6)] => (Verdict::Proved, Answer::Agrees, 0); "the first of two")]
#[test_case(&json!({ "accept": 3 }), [Some(5), Some(6)] => (Verdict::Proved, Answer::Agrees, 0); "behind the last, for a moment is shuffled")]
#[test_case(&json!({ "accept": 3 }), [Some(8), Some(9)] => (Verdict::Proved, Answer::Agrees, 0); "before the first, for a moment is shuffled")]
fn p31_what_a_closing_says_of_a_mark(impressions: &Value, leaves: [Option<u64>; 2]) -> (Verdict, Answer, u8) {
    accepted(signed(closing(ACCEPTING, 21, impressions, leaves, 10)))
}

#[test]
fn p31_what_cannot_be_compared_is_told_and_changes_nothing() {
    let unlike = |change: fn(&mut Closing)| {
        let mut closing = of_the_day()[0].clone();
        change(&mut closing);
        closing.sign(ACCEPTING, &key(ACCEPTING)).unwrap()
    };
    let other_log = unlike(|closing| closing.log.as_mut().unwrap().origin = "other.example/log".into());
    assert_eq!(accepted(other_log), (Verdict::Proved, Answer::OtherLog, 0));
    assert_eq!(accepted(unlike(|closing| closing.log = None)), (Verdict::Proved, Answer::NoLeaves, 0));
    let next_day = signed(closing(ACCEPTING, 22, &json!({ "accept": 1 }), [Some(8), Some(8)], 11));
    assert_eq!(accepted(next_day), (Verdict::Proved, Answer::Absent, 0));
}

#[test]
fn p31_a_closing_that_does_not_hold_is_told_and_nothing_is_proved() {
    let office = Office::with_marks_of(21);
    let [mut accepting, delivering] = of_the_day();
    accepting.impressions.insert("accept".to_owned(), 4);
    (accepting.total, accepting.last) = (4, Some(4));
    let report = ask(&office, vec![accepting, delivering]);
    assert_eq!(verdicts(&report), [Verdict::Proved; 3]);
    assert_eq!((answers(&report)[2], report.exit_code()), (Answer::Faulty, 1));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["verdict"], &json["closing_faults"][0]["device"]), (&"not_proved".into(), &ACCEPTING.into()));
    let english = report.text(super::super::super::super::postmark::Answer::En);
    assert!(
        english.contains("The daily closing of device astana-2-a, 2026-11-21, does not hold: the signature"),
        "{english}"
    );
}

#[test]
fn p31_two_closings_of_one_day_are_a_fault_and_both_count() {
    let office = Office::with_marks_of(21);
    let [accepting, delivering] = of_the_day();
    let other = signed(closing(ACCEPTING, 21, &json!({}), [None, None], SIZE));
    let report = ask(&office, vec![accepting.clone(), other, delivering.clone()]);
    assert_eq!((answers(&report)[2], report.exit_code()), (Answer::NoImpressions, 1));
    assert_eq!(report.faults.unwrap().len(), 1);
    let twice = ask(&office, vec![accepting.clone(), accepting, delivering]);
    assert_eq!(twice.exit_code(), 0, "one and the same");
}

/// A mark with an instant that had not come, by the closing of the day before, of whichever device.
#[test]
fn p31_a_mark_that_was_in_the_log_before_its_day_is_not_proved() {
    let office = Office::with_marks_of(21);
    let before = signed(closing(DELIVERING, 20, &json!({ "receive": 3 }), [Some(0), Some(1)], ACCEPTED + 1));
    let report = ask(&office, vec![before]);
    assert_eq!((answers(&report), report.exit_code()), (vec![Answer::EarlierLeaf; 3], 1));
    let honest = signed(closing(DELIVERING, 20, &json!({ "receive": 3 }), [Some(0), Some(1)], DELIVERED));
    let report = ask(&office, vec![honest]);
    assert_eq!((answers(&report), report.exit_code()), (vec![Answer::Absent; 3], 0));
}

#[test]
fn p31_every_answer_is_told_in_three_languages() {
    use super::super::super::super::postmark::Answer as Language;
    let office = Office::with_marks_of(22);
    for closings in [of_the_day().to_vec(), Vec::new()] {
        let report = ask(&office, closings);
        let texts = [Language::Kk, Language::Ru, Language::En].map(|language| report.text(language));
        for text in &texts {
            assert!(text.contains("ayagoz-2-a") && !text.contains("prove-closing"), "{text}");
        }
    }
}
