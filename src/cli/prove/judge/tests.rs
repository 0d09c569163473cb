//! A letter whose marks came into the log when they say, and others.

mod closings;

use test_case::test_case;

use super::*;
use crate::clock::Timestamp;
use crate::message::report::field;
use crate::postal::{MARK_PROOF, proof_value};
use crate::tlog::dating::tests::{Authority, Served, begun, grow, november, pass};
use crate::tlog::folder::Log;
use crate::tlog::note::Verifier;

/// Its three marks are of 2026-11-21, 04:15 UTC.
const LETTER: &str = include_str!("../../../../tests/vectors/postmark/valid.eml");
const KEYS: &str = include_str!("../../../../tests/vectors/postmark/keys.json");

/// A log that gets the marks of the letter on this day of November; it is stamped every day.
struct Office {
    _dir: tempfile::TempDir,
    log: Log,
    authority: Authority,
    keys: MarksFile,
}

impl Office {
    fn with_marks_of(day: i8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut log = begun(dir.path());
        pass(&mut log, 21..=day - 1);
        let leaves: Vec<_> = marks().iter().map(|mark| (mark.id, Entry(mark.digest().0))).collect();
        grow(&mut log, &leaves, day);
        pass(&mut log, day + 1..=28);
        let authority = Authority::new();
        for day in 20..28 {
            authority.stamp(&log, november(day), &format!("2026-11-{}T00:00:05Z", day + 1));
        }
        Office { _dir: dir, log, authority, keys: serde_json::from_str(KEYS).unwrap() }
    }

    fn ask(&self, message: &str, source: &mut Served, asked: Asked) -> Report {
        let view = self.log.view();
        self.ask_as(view.verifier(), message, source, asked)
    }

    fn ask_as(&self, key: &Verifier, message: &str, source: &mut Served, asked: Asked) -> Report {
        self.ask_with(None, key, message, source, asked)
    }

    fn ask_with(
        &self,
        closings: Option<&Closings<'_>>,
        key: &Verifier,
        message: &str,
        source: &mut Served,
        asked: Asked,
    ) -> Report {
        let now: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        let stamps = Some(self.authority.wanted());
        let judge = Judge { key, stamps, now };
        super::judge(source, &Given { message: message.as_bytes(), keys: Some(&self.keys), closings, judge, asked })
    }

    /// The letter as an export with proofs has it.
    fn exported(&self) -> String {
        let view = self.log.view();
        let fields = marks().into_iter().map(|mark| {
            let proof = view.prove(view.find(mark.id).unwrap().unwrap()).unwrap().to_string();
            String::from_utf8(field(MARK_PROOF, &proof_value("https://poshta.example", mark.id, Some(&proof)))).unwrap()
        });
        format!("{}{LETTER}", fields.collect::<String>())
    }
}

fn marks() -> Vec<Mark> {
    let fields = headers::fields(LETTER.as_bytes()).filter(|field| field.is("Postal-Mark"));
    fields.map(|field| Mark::parse(&field.text()).unwrap()).collect()
}

/// A source without anything.
fn nothing(office: &Office) -> Served {
    Served { change: |_, _| Err(io::ErrorKind::NotFound.into()), ..Served::of(&office.log) }
}

fn verdicts(report: &Report) -> Vec<Verdict> {
    report.marks.iter().map(|mark| mark.verdict).collect()
}

#[test_case(21, Verdict::Proved, 0; "on their day")]
#[test_case(22, Verdict::Proved, 0; "the log was a day behind")]
#[test_case(23, Verdict::BackDated, 1; "two days later")]
#[test_case(27, Verdict::BackDated, 1; "days later")]
fn marks_come_into_the_log_on(day: i8, expected: Verdict, status: u8) {
    let office = Office::with_marks_of(day);
    let report = office.ask(LETTER, &mut Served::of(&office.log), Asked::Log);
    assert_eq!((verdicts(&report), report.exit_code()), (vec![expected; 3], status));
}

#[test]
fn a_report_has_stable_names() {
    let office = Office::with_marks_of(21);
    let report = office.ask(LETTER, &mut Served::of(&office.log), Asked::Log);
    let json = serde_json::to_value(&report).unwrap();
    let heads = (&json["verdict"], &json["origin"], &json["message"]);
    assert_eq!(heads, (&"proved".into(), &"poshta.example/log".into(), &"valid".into()));
    let mark = &json["marks"][0];
    assert_eq!((&mark["verdict"], &mark["kind"]), (&"proved".into(), &"deliver".into()));
    assert_eq!((&mark["index"], &mark["checkpoint_size"]), (&5.into(), &office.log.size().into()));
    assert_eq!((&mark["last_day_without"], &mark["first_day"]), (&"2026-11-20".into(), &"2026-11-21".into()));
    assert_eq!((&mark["stamped_day"], &mark["stamped_at"]), (&"2026-11-21".into(), &"2026-11-22T00:00:05Z".into()));
    assert_eq!((&mark["instant"], &mark["problem"]), (&"2026-11-21T04:15:00Z".into(), &serde_json::Value::Null));
}

#[test]
fn a_report_is_told_in_three_languages() {
    use super::super::super::postmark::Answer;
    let office = Office::with_marks_of(25);
    let report = office.ask(LETTER, &mut Served::of(&office.log), Asked::Log);
    let english = report.text(Answer::En);
    for part in [
        "Not every mark is proved by the log poshta.example/log\nEvery mark is valid\n  delivered",
        "back-dated: the mark says 2026-11-21T04:15:00Z, and the last checkpoint of 2026-11-24 (UTC) does not have it yet",
        "(Time) saw it in the log no later than 2026-11-26T00:00:05Z",
    ] {
        assert!(english.contains(part), "{part}: {english}");
    }
    let russian = report.text(Answer::Ru);
    assert!(russian.contains("сделан задним числом: оттиск называет 2026-11-21T04:15:00Z"), "{russian}");
    let kazakh = report.text(Answer::Kk);
    assert!(kazakh.contains("белгі өткен күнмен басылған"), "{kazakh}");
}

#[test]
fn proofs_come_with_the_message_from_files_or_from_the_log() {
    let office = Office::with_marks_of(21);
    let exported = office.exported();
    let alone = office.ask(&exported, &mut nothing(&office), Asked::FilesOnly);
    assert_eq!(verdicts(&alone), [Verdict::Proved; 3]);
    assert_eq!((alone.exit_code(), &alone.marks[0].first_day), (0, &None), "no day is known");
    let bare = office.ask(LETTER, &mut nothing(&office), Asked::FilesOnly);
    assert_eq!((verdicts(&bare), bare.exit_code()), (vec![Verdict::NoProof; 3], 1));

    // A key that did not sign them.
    let stranger: Verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let wrong = office.ask_as(&stranger, &exported, &mut nothing(&office), Asked::FilesOnly);
    assert_eq!((verdicts(&wrong), wrong.exit_code()), (vec![Verdict::BadProof; 3], 1));
    let nobody = office.ask_as(&stranger, LETTER, &mut nothing(&office), Asked::Log);
    assert_eq!(verdicts(&nobody), [Verdict::NoProof; 3], "the marks name another log");
}

#[test]
fn a_bad_proof_above_the_letter_does_not_take_the_good_one_away() {
    let office = Office::with_marks_of(21);
    let id = marks()[0].id;
    let bad = field(MARK_PROOF, &proof_value("https://poshta.example", id, Some("no proof")));
    let message = format!("{}{LETTER}", String::from_utf8(bad).unwrap());
    let report = office.ask(&message, &mut Served::of(&office.log), Asked::Log);
    assert_eq!(verdicts(&report), [Verdict::Proved; 3]);
    let report = office.ask(&message, &mut nothing(&office), Asked::Log);
    assert_eq!(verdicts(&report), [Verdict::BadProof, Verdict::NotInLog, Verdict::NotInLog]);
}

#[test]
fn a_mark_that_was_changed_is_not_proved() {
    let office = Office::with_marks_of(21);
    // The number of its device.
    let changed = LETTER.replacen("n=4;", "n=5;", 1);
    let report = office.ask(&changed, &mut Served::of(&office.log), Asked::Log);
    assert_eq!(verdicts(&report), [Verdict::BadProof, Verdict::Proved, Verdict::Proved]);
    assert_eq!((report.marks[0].problem.as_deref(), report.exit_code()), (Some("the proof leads to another root"), 1));
}

/// The log vouches for the marks; that they were made for this letter, the signatures say.
#[test]
fn a_letter_that_was_changed_has_proved_marks_and_status_1() {
    let office = Office::with_marks_of(21);
    let changed = format!("{LETTER}P.S.\r\n");
    let report = office.ask(&changed, &mut Served::of(&office.log), Asked::Log);
    assert_eq!((verdicts(&report), report.exit_code()), (vec![Verdict::Proved; 3], 1));
    assert_eq!(serde_json::to_value(&report).unwrap()["message"], "forged");
}

#[test]
fn a_log_that_cannot_be_read_is_told_from_one_that_is_not_to_be_believed() {
    let office = Office::with_marks_of(21);
    let silent =
        |path: &str, found| if path.starts_with("proof") { Err(io::Error::other("HTTP status 503")) } else { found };
    let report = office.ask(LETTER, &mut Served { change: silent, ..Served::of(&office.log) }, Asked::Log);
    assert_eq!((verdicts(&report), report.exit_code()), (vec![Verdict::Unknown; 3], 1));
    let other = |path: &str, found| if path.starts_with("cons") { Ok(Vec::new()) } else { found };
    let report = office.ask(LETTER, &mut Served { change: other, ..Served::of(&office.log) }, Asked::Log);
    assert_eq!(verdicts(&report), [Verdict::Contradiction; 3]);
}

#[test]
fn what_bears_no_mark_has_status_3_and_what_cannot_be_read_status_1() {
    let office = Office::with_marks_of(21);
    let plain = office.ask("From: a@b\r\n\r\nhello\r\n", &mut Served::of(&office.log), Asked::Log);
    assert_eq!((plain.marks.len(), plain.exit_code()), (0, 3));
    let odd = office.ask("Postal-Mark: what?\r\n\r\nhello\r\n", &mut Served::of(&office.log), Asked::Log);
    assert_eq!((verdicts(&odd), odd.exit_code()), (vec![Verdict::Unread], 1));
}
