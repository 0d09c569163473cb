//! Impressions, marks and judgements together.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use test_case::test_case;

use super::registry::tests::{now, sample};
use super::*;
use crate::clock::Timestamp;
use crate::ids::{ImpressionId, ItemId};

fn occasion(kind: Kind, instant: Timestamp) -> Occasion {
    Occasion { id: ImpressionId(7), item: ItemId(9), kind, instant }
}

fn stamp(facility: &str, kind: Kind, at: &str, details: Details) -> Result<Impression, NotStamped> {
    let registry = sample();
    let instant = at.parse().unwrap();
    let workplace = registry.workplace(&facility.parse().unwrap(), kind, instant)?;
    Impression::make(workplace, occasion(kind, instant), details)
}

fn with_box(facility: &str, at: &str) -> Result<Impression, NotStamped> {
    let registry = sample();
    let office = registry.facility(&facility.parse().unwrap(), at.parse().unwrap()).unwrap();
    let details = Details { letter_box: office.letter_boxes.first().cloned(), ..Details::default() };
    stamp(facility, Kind::Accept, at, details)
}

fn parse(impression: &Impression) -> Mark {
    Mark::parse(impression.unsigned_header().strip_prefix("Postal-Mark:").unwrap()).unwrap()
}

fn message(headers: &str) -> String {
    format!("{headers}From: a@poshta.example\r\nSubject: x\r\n\r\nBody\r\n")
}

#[test]
fn p6_accept_mark_says_facility_place_and_time() {
    let impression = stamp("ayagoz-2", Kind::Accept, "2026-11-21T04:59:59.9Z", Details::default()).unwrap();
    let mark = parse(&impression);
    assert_eq!((mark.facility_name.as_str(), mark.place.as_deref()), ("Аягөз", Some("Аягөз")));
    assert_eq!((mark.token.to_string().as_str(), mark.number), ("21112609", Some(2)));
    assert_eq!(mark.oblast.map(|oblast| oblast.to_string()).as_deref(), Some("KZ-10"));
    assert_eq!(mark.instant, "2026-11-21T04:59:59Z".parse().unwrap());
    assert_eq!(mark.device.as_ref().map(DeviceMark::as_str), Some("А"));
    assert!(mark.signature.is_none());
    assert!(impression.unsigned_header().is_ascii());
    assert!(impression.unsigned_header().lines().all(|line| line.len() <= 78));
    assert_eq!(impression.line(), "Қазақстан Республикасы · Абай облысы · Аягөз · «Қазпошта» АҚ · №2 · А · 21112609");
}

/// Marks of one device begin with what was written once for each kind.
#[test]
fn every_mark_of_every_device_is_folded_as_a_list_of_its_tags() {
    let registry = sample();
    let handovers = [Handover::Delivered, Handover::Handed, Handover::Both].map(Kind::Deliver);
    let kinds = [Kind::Accept, Kind::Receive, Kind::Surcharge, Kind::Cancel, Kind::Seal].into_iter().chain(handovers);
    let mut marks = BTreeMap::new();
    for kind in kinds.clone().chain(kinds) {
        for facility in registry.facilities(now()) {
            for device in facility.devices.iter().filter(|device| kind.is_made_by(device.kind)) {
                let Ok(workplace) = registry.workplace_with(&facility.id, &device.id, now()) else { continue };
                let details = Details {
                    letter_box: facility.letter_boxes.first().filter(|_| kind == Kind::Accept).cloned(),
                    s10: Some(S10::new("RR", 12_345_678).unwrap()),
                    official: true,
                    amount_due: (kind == Kind::Surcharge).then_some(17),
                    payment_sign: (kind == Kind::Cancel).then_some([7; 32]),
                    ..Details::default()
                };
                let Ok(impression) = Impression::make(workplace, occasion(kind, now()), details) else { continue };
                let header = impression.unsigned_header();
                assert_eq!(Mark::folded(header.strip_prefix("Postal-Mark:").unwrap()), Some(header.clone()));
                assert_eq!(parse(&impression).kind, kind);
                *marks.entry((kind.tag(), kind.handover())).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(marks.len(), 8, "{marks:?}");
}

#[test]
fn p6_delivery_names_no_place() {
    let kind = Kind::Deliver(Handover::Both);
    let impression = stamp("kokshetau", kind, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    let mark = parse(&impression);
    assert_eq!((mark.kind, mark.place), (kind, None));
}

#[test]
fn p15_oblast_centre_has_no_ob_tag() {
    let impression = stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    assert!(!impression.unsigned_header().contains("ob="));
}

#[test]
fn p26_exchange_place_is_latin_in_mark_and_text() {
    let impression = stamp("almaty-intl", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    assert_eq!(parse(&impression).facility_name, "International Mail Exchange");
    assert!(!impression.line().chars().any(|c| matches!(c, '\u{400}'..='\u{52f}')), "{}", impression.line());
}

#[test]
fn p28_mail_wagon_is_red() {
    let impression = stamp("wagon-almaty-astana", Kind::Receive, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    assert_eq!(impression.ink(), Ink::Red);
}

#[test_case("2026-11-20T11:59:59Z" => "201126"; "before collection at 17:00")]
#[test_case("2026-11-20T12:00:00Z" => "201126"; "exactly at collection counts as before")]
#[test_case("2026-11-20T12:00:01Z" => "211126"; "p23 dropped after collection gets next calendar date")]
#[test_case("2026-12-31T18:30:00Z" => "010127"; "crosses the year")]
fn p23_box_letter_shows_the_date_alone(at: &str) -> String {
    let impression = with_box("kokshetau", at).unwrap();
    assert_eq!(parse(&impression).letter_box.unwrap().as_str(), "kokshetau-abay-96");
    impression.token().to_string()
}

#[test]
fn p24_receipt_of_a_box_letter_keeps_its_true_date() {
    let at = "2026-11-20T12:00:01Z";
    assert_eq!(with_box("kokshetau", at).unwrap().token().to_string(), "211126");
    let receipt = stamp("kokshetau", Kind::Accept, at, Details::default()).unwrap();
    assert_eq!(receipt.token().to_string(), "20112617");
}

#[test]
fn p29_repeated_hour_differs_by_z() {
    let [first, second] = ["2024-02-29T17:30:00Z", "2024-02-29T18:30:00Z"]
        .map(|at| parse(&stamp("kokshetau", Kind::Accept, at, Details::default()).unwrap()));
    assert_eq!(first.token, second.token);
    assert_eq!((first.offset.to_string(), second.offset.to_string()), ("+06".into(), "+05".into()));
}

#[test]
fn p30_low_volume_facility_stamps_six_digits() {
    let impression = stamp("zerendi", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    assert_eq!(parse(&impression).token.to_string(), "211126");
}

#[test]
fn p4_device_of_another_facility_does_not_stamp() {
    let registry = sample();
    let one = registry.workplace(&"kokshetau".parse().unwrap(), Kind::Accept, now()).unwrap();
    let other = registry.workplace(&"zerendi".parse().unwrap(), Kind::Accept, now()).unwrap();
    let mixed = Workplace::new(one.operator(), one.facility(), other.device());
    let refused = Impression::make(mixed, occasion(Kind::Accept, now()), Details::default());
    assert_eq!(refused, Err(NotStamped::DeviceNotInUse("zerendi-1".into())));
}

#[test]
fn p31_revoked_device_does_not_stamp() {
    let registry = sample();
    let workplace = registry.workplace(&"zerendi".parse().unwrap(), Kind::Accept, now()).unwrap();
    let mut facility = workplace.facility().clone();
    facility.devices[0].revoked_at = Some(now());
    let device = facility.devices[0].clone();
    let workplace = Workplace::new(workplace.operator(), &facility, &device);
    let before = occasion(Kind::Accept, now() - 1.second());
    assert!(Impression::make(workplace, before, Details::default()).is_ok());
    assert!(Impression::make(workplace, occasion(Kind::Accept, now()), Details::default()).is_err());
}

#[test]
fn p8_special_stamp_cancels_and_nothing_else_on_its_day() {
    let registry = sample();
    let day: Timestamp = "2026-12-16T05:00:00Z".parse().unwrap();
    let facility = registry.facility(&"astana-1".parse().unwrap(), day).unwrap();
    let device = facility.device(DeviceKind::Special, day).unwrap();
    assert!(facility.device(DeviceKind::Special, day + 24.hours()).is_none());
    let operator = registry.operator(&facility.operator).unwrap();
    let workplace = Workplace::new(operator, facility, device);
    let details = Details { payment_sign: Some([1; 32]), ..Details::default() };
    assert!(Impression::make(workplace, occasion(Kind::Cancel, day), details.clone()).is_ok());
    let refused = Impression::make(workplace, occasion(Kind::Accept, day), details);
    assert_eq!(refused, Err(NotStamped::WrongDevice("astana-1-v".into())));
}

#[test]
fn p7_surcharge_says_how_much() {
    let at = "2026-11-21T04:00:00Z";
    assert_eq!(stamp("kokshetau", Kind::Surcharge, at, Details::default()), Err(NotStamped::WrongAmount));
    let details = Details { amount_due: Some(12_000), ..Details::default() };
    let impression = stamp("kokshetau", Kind::Surcharge, at, details).unwrap();
    assert_eq!((impression.device().kind, parse(&impression).amount_due), (DeviceKind::Surcharge, Some(12_000)));
}

#[test]
fn p23_letter_box_of_another_facility_is_refused() {
    let registry = sample();
    let foreign = registry.facility(&"astana-1".parse().unwrap(), now()).unwrap().letter_boxes[0].clone();
    let details = Details { letter_box: Some(foreign), ..Details::default() };
    let refused = stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", details);
    assert_eq!(refused, Err(NotStamped::WrongLetterBox));
}

#[test]
fn e_acceptance_never_names_a_recipient() {
    let address = "user001@poshta.example".parse().unwrap();
    let details = Details { recipient: Some(RecipientTag::new([3; 16], &address)), ..Details::default() };
    let at = "2026-11-21T04:00:00Z";
    assert_eq!(stamp("kokshetau", Kind::Accept, at, details.clone()), Err(NotStamped::RecipientInAcceptance));
    let mark = parse(&stamp("kokshetau", Kind::Receive, at, details).unwrap());
    assert!(mark.recipient.unwrap().names(&address));
    assert!(!mark.recipient.unwrap().names(&"user002@poshta.example".parse().unwrap()));
}

#[test]
fn p31_journal_line_is_json_without_personal_data() {
    let address = "user001@poshta.example".parse().unwrap();
    let details = Details {
        recipient: Some(RecipientTag::new([3; 16], &address)),
        peer: Some("gov \"1\"\\".into()),
        ..Details::default()
    };
    let impression = stamp("kokshetau", Kind::Receive, "2026-11-21T04:00:00Z", details).unwrap();
    let line = impression.journal_line(1, impression.digest());
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry.to_string().len(), line.len(), "no white space, and each key once");
    assert_eq!(entry["device"], "kokshetau-a");
    assert_eq!(entry["peer"], "gov \"1\"\\");
    assert_eq!(entry["token"], "21112609");
    assert!(!line.contains("user001") && !line.contains('\n'));
}

#[test]
fn p31_journal_line_has_the_hash_of_the_mark_as_it_is_read() {
    let impression = stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap();
    let entry: serde_json::Value = serde_json::from_str(&impression.journal_line(1, impression.digest())).unwrap();
    let hash = Sha256::digest(parse(&impression).canonical());
    assert_eq!(entry["mark"], STANDARD.encode(hash));
}

const GOOD: &str = "v=1; i=00000000000000000000000007; k=accept; op=kazpost; f=kokshetau; ix=020000; dv=A; \
                    fn=X; pl=Y; st=KZ; ts=21112609; t=1795237199; z=+0500";

#[test]
fn e_grammar_accepts_a_plain_mark_and_unknown_tags() {
    let mark = Mark::parse(&format!("{GOOD}; future=yes")).unwrap();
    assert!(mark.canonical().ends_with(";z=+0500;future=yes"));
    assert!(mark.canonical().starts_with("postal-mark:v=1;i=00000000000000000000000007;k=accept;"));
}

#[test_case("v=1", "v=2" => MarkError::UnknownVersion("2".into()))]
#[test_case("k=accept", "k=reject" => MarkError::Value("k"))]
#[test_case("k=accept", "k=accept; dk=both" => MarkError::Value("k"); "dk without delivery")]
#[test_case(" pl=Y;", "" => MarkError::Missing("pl"))]
#[test_case("st=KZ", "st=RU" => MarkError::Value("st"))]
#[test_case("ix=020000", "ix=02000" => MarkError::Value("ix"))]
#[test_case("ts=21112609", "ts=21112610" => MarkError::TokenContradictsInstant { token: "21112610".into(), expected: "21112609".into() })]
#[test_case("ts=21112609", "ts=2111260" => MarkError::Value("ts"))]
#[test_case("z=+0500", "z=+0600" => MarkError::TokenContradictsInstant { token: "21112609".into(), expected: "21112610".into() })]
#[test_case("z=+0500", "z=+0560" => MarkError::Value("z"))]
#[test_case("z=+0500", "z=0500" => MarkError::Value("z"); "z without sign")]
#[test_case("z=+0500", "z=+1500" => MarkError::Value("z"); "no such offset")]
#[test_case("t=1795237199", "t=-1" => MarkError::Value("t"))]
#[test_case("t=1795237199", "t=999999999999" => MarkError::Value("t"); "beyond all calendars")]
#[test_case("t=1795237199", "t=1795237199999" => MarkError::Value("t"); "thirteen digits")]
#[test_case("z=+0500", "z=+0500; am=5" => MarkError::Misplaced("am"))]
#[test_case("z=+0500", "z=+0500; rc=a.b" => MarkError::Value("rc"))]
#[test_case("z=+0500", "z=+0500; pc=secret" => MarkError::Value("pc"))]
#[test_case("z=+0500", "z=+0500; b=AAAA" => MarkError::Missing("a"); "signature tags come together")]
#[test_case("z=+0500", "z=+0500; lb=box-1" => MarkError::TokenContradictsInstant { token: "21112609".into(), expected: "211126".into() }; "p23 a letter from a box has no hour")]
#[test_case("fn=X", "fn==D0" => MarkError::Value("fn"); "half a character")]
#[test_case("z=+0500", "z=+0500; z=+0500" => MarkError::TagList(TagListError::Duplicate("z".into())))]
fn e_grammar_refuses(from: &str, to: &str) -> MarkError {
    assert!(GOOD.contains(from));
    Mark::parse(&GOOD.replacen(from, to, 1)).unwrap_err()
}

fn facility_and_kind() -> impl Strategy<Value = (&'static str, Kind)> {
    let facilities = prop::sample::select(vec!["kokshetau", "astana-1", "ayagoz-2", "almaty-intl", "zerendi", "aqtau"]);
    let kinds = prop::sample::select(vec![Kind::Accept, Kind::Receive, Kind::Deliver(Handover::Delivered)]);
    (facilities, kinds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn e_mark_written_and_read_says_the_same((facility, kind) in facility_and_kind(), second in 1_700_000_000i64..2_500_000_000, serial in prop::option::of(0u32..100_000_000), official: bool) {
        let registry = sample();
        let instant = Timestamp::from_second(second).unwrap();
        let workplace = registry.workplace(&facility.parse().unwrap(), kind, instant).unwrap();
        let s10 = serial.map(|serial| S10::new("RR", serial).unwrap());
        let details = Details { s10, official, ..Details::default() };
        let impression = Impression::make(workplace, occasion(kind, instant), details).unwrap();
        let mark = parse(&impression);
        prop_assert_eq!((mark.kind, mark.instant, mark.token), (kind, instant, impression.token()));
        prop_assert_eq!((mark.s10, mark.official), (s10, official));
        prop_assert_eq!(&mark.facility_name, &impression.inscription().facility);
        // Any refolding leaves the canonical form as it is.
        let flat = impression.unsigned_header().replace("\r\n", "");
        prop_assert_eq!(Mark::parse(flat.strip_prefix("Postal-Mark:").unwrap()).unwrap().canonical(), mark.canonical());
        // And the published data agree with it.
        let report = verify(message(&impression.unsigned_header()).as_bytes(), Some(&MarksFile::of(&registry)));
        prop_assert_eq!(&report.marks[0].findings, &vec![Finding::Unsigned]);
    }

    #[test]
    fn p24_no_stamp_shows_another_day_but_a_box_letters_next((facility, kind) in facility_and_kind(), second in 1_700_000_000i64..2_500_000_000) {
        let registry = sample();
        let instant = Timestamp::from_second(second).unwrap();
        let workplace = registry.workplace(&facility.parse().unwrap(), kind, instant).unwrap();
        let impression = Impression::make(workplace, occasion(kind, instant), Details::default()).unwrap();
        prop_assert_eq!(impression.token().date(), workplace.facility().date_at(instant));
    }
}

fn verdict(headers: &str, keys: bool) -> (Verdict, u8, Vec<Finding>) {
    let file = MarksFile::of(&sample());
    let report = verify(message(headers).as_bytes(), keys.then_some(&file));
    let findings = report.marks.iter().flat_map(|mark| mark.findings.clone()).collect();
    (report.verdict, report.exit_code(), findings)
}

#[test]
fn verify_unsigned_mark_exits_1() {
    let header =
        stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap().unsigned_header();
    assert_eq!(verdict(&header, true), (Verdict::NotValid, 1, vec![Finding::Unsigned]));
    assert_eq!(verdict(&header, false), (Verdict::NotValid, 1, vec![Finding::Unsigned]));
}

#[test]
fn verify_no_mark_exits_3() {
    assert_eq!(verdict("", true), (Verdict::Absent, 3, vec![]));
    let item = "Postal-Item-Id: 00000000000000000000000009\r\n";
    assert_eq!(verdict(item, true), (Verdict::Stripped, 3, vec![]));
    let received = "Received: from x by mx.poshta.example\r\n with ESMTPS id 1; Sat, 21 Nov 2026 09:00:00 +0500\r\n";
    assert_eq!(verdict(received, true), (Verdict::Stripped, 3, vec![]));
    assert_eq!(verdict(received, false), (Verdict::Absent, 3, vec![]));
    let foreign = "Received: from x by mx.notposhta.example; Sat, 21 Nov 2026 09:00:00 +0500\r\n";
    assert_eq!(verdict(foreign, true), (Verdict::Absent, 3, vec![]));
}

#[test]
fn p19_marks_in_nested_messages_are_never_looked_at() {
    let nested = "Subject: x\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nPostal-Mark: v=1; i=forged\r\n\r\n";
    let report = verify(nested.as_bytes(), None);
    assert_eq!((report.verdict, report.marks.len()), (Verdict::Absent, 0));
}

#[test]
fn verify_duplicate_id_spoils_both() {
    let header =
        stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap().unsigned_header();
    let (_, code, findings) = verdict(&format!("{header}{header}"), true);
    assert_eq!(code, 1);
    assert_eq!(findings.iter().filter(|finding| **finding == Finding::DuplicateId).count(), 2);
}

#[test_case("f=kokshetau", "f=nowhere" => Finding::UnknownFacility)]
#[test_case("op=kazpost", "op=nobody" => Finding::UnknownOperator)]
#[test_case("ix=020000", "ix=020001" => Finding::ContradictsFacility { tag: "ix", expected: Detail::Plain("020000".into()) })]
#[test_case("z=+0500", "z=+0500; ob=KZ-11" => Finding::ContradictsFacility { tag: "ob", expected: Detail::Plain(String::new()) }; "p15 oblast in its centre")]
#[test_case("ts=21112609", "ts=211126" => Finding::ContradictsFacility { tag: "ts", expected: Detail::Plain("21112609".into()) }; "p30 hour left out without right")]
#[test_case("ts=21112609", "ts=21112611" => Finding::TokenContradictsInstant { token: "21112611".into(), expected: "21112609".into() })]
#[test_case("dv==D0=90", "dv==D0=97" => Finding::ContradictsFacility { tag: "dv", expected: Detail::Phrase { name: "usable_device", what: String::new() } }; "p16 no device has this letter")]
#[test_case("v=1", "v=3" => Finding::UnknownVersion { version: "3".into() })]
#[test_case("k=accept", "k=surcharge; am=5" => Finding::ContradictsFacility { tag: "dv", expected: Detail::Phrase { name: "usable_device", what: String::new() } }; "p7 a postmark is no surcharge stamp")]
fn verify_forgery_is_named(from: &str, to: &str) -> Finding {
    let header =
        stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap().unsigned_header();
    let flat = header.replace("\r\n", "") + "\r\n";
    assert!(flat.contains(from), "{flat}");
    let (_, code, findings) = verdict(&flat.replacen(from, to, 1), true);
    assert_eq!(code, 1);
    findings.into_iter().find(|finding| *finding != Finding::Unsigned).unwrap()
}

#[test]
fn verify_report_is_json_and_speaks_three_languages() {
    let header =
        stamp("kokshetau", Kind::Accept, "2026-11-21T04:00:00Z", Details::default()).unwrap().unsigned_header();
    let report = verify(message(&header).as_bytes(), None);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "not_valid");
    assert_eq!(json["marks"][0]["findings"][0]["finding"], "unsigned");
    assert_eq!(
        (&json["marks"][0]["facility_name"], &json["marks"][0]["device"]),
        (&"Көкшетау пошта байланысы торабы".into(), &"А".into())
    );
    let texts = [Language::Kk, Language::Ru, Language::En].map(|language| report.text(language));
    assert!(
        texts.iter().all(|text| text.contains("Көкшетау · Көкшетау пошта байланысы торабы · А (kazpost kokshetau)")),
        "{texts:?}"
    );
    // P17: the operator is shown by its name, where it publishes one.
    let known = verify(message(&header).as_bytes(), Some(&MarksFile::of(&sample())));
    assert!(known.text(Language::Kk).contains("қабылдау  «Қазпошта» АҚ · Көкшетау"), "{}", known.text(Language::Kk));
    let texts = [Language::Kk, Language::Ru, Language::En].map(|language| Finding::Unsigned.text(language));
    assert!(texts.iter().all(|text| !text.is_empty()) && texts[0] != texts[1] && texts[1] != texts[2]);
}
