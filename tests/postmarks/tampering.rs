//! What anybody does to a marked letter shows, and what was done is named.

use std::collections::BTreeSet;
use std::ops::Range;

use poshta::message::headers;
use poshta::postal::{Finding, Mark, MarksFile, Report, Verdict, verify};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::letter::{Post, letter};
use super::relay::{random_letter, relay};

/// Messages in which one byte is flipped.
const FLIPS: usize = 2000;

/// Where in a message a byte was flipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Body,
    Header,
    /// Which of the marks, the newest being 0.
    Mark(usize),
}

#[test]
fn one_flipped_byte_anywhere_fails_with_the_right_reason() {
    let mut random = StdRng::seed_from_u64(59);
    let mut post = Post::new();
    let keys = post.published();
    for number in 0..FLIPS {
        let content = if number % 2 == 0 { letter() } else { random_letter(&mut random) };
        let mut message = post.deliver(&content).message();
        let Some((place, at, flip)) = choose(&message, &mut random) else { continue };
        let old = message[at];
        message[at] ^= flip;
        let report = verify(&message, Some(&keys));
        let said = format!("{place:?} {:?} {report:?}\n{}", old as char, String::from_utf8_lossy(&message));
        assert_ne!(report.verdict, Verdict::Valid, "{said}");
        assert!(is_right(place, &report), "{said}");
    }
}

/// A byte that is signed, and the bit of it to flip: no white space, which the canonical form does not see, neither before
/// nor after, and no other case of a letter.
fn choose(message: &[u8], random: &mut StdRng) -> Option<(Place, usize, u8)> {
    let regions = regions(message);
    for _ in 0..200 {
        let (place, region) = &regions[random.random_range(0..regions.len())];
        if region.is_empty() {
            continue;
        }
        let at = random.random_range(region.clone());
        let visible = |byte: u8| byte.is_ascii_graphic() || byte >= 0x80;
        let flip = 1 << random.random_range(0..5);
        if visible(message[at]) && visible(message[at] ^ flip) {
            return Some((*place, at, flip));
        }
    }
    None
}

fn regions(message: &[u8]) -> Vec<(Place, Range<usize>)> {
    let signed = [
        "From",
        "To",
        "Cc",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Postal-Class",
        "Postal-Item-Id",
    ];
    let mut regions = Vec::new();
    let mut end = 0;
    for field in headers::fields(message) {
        end = field.start + field.raw.len();
        if field.is("Postal-Mark") {
            let marks = regions.iter().filter(|(place, _)| matches!(place, Place::Mark(_))).count();
            regions.push((Place::Mark(marks), field.start + "Postal-Mark:".len()..end));
        } else if signed.iter().any(|name| field.is(name)) {
            regions.push((Place::Header, field.start..end));
        }
    }
    regions.push((Place::Body, end + 2..message.len()));
    regions
}

fn is_right(place: Place, report: &Report) -> bool {
    let all = |wanted: Finding| report.marks.iter().all(|mark| mark.findings == [wanted.clone()]);
    match place {
        Place::Body => all(Finding::AlteredBody),
        Place::Header => all(Finding::AlteredHeader),
        Place::Mark(number) => {
            let mark = &report.marks[number];
            let blames_letter = |finding: &Finding| {
                matches!(finding, Finding::AlteredBody | Finding::AlteredHeader | Finding::OtherMessage)
            };
            let others = || report.marks.iter().enumerate().filter(|(other, _)| *other != number);
            // The mark after it points to what it was.
            let others_hold = others().all(|(other, mark)| {
                mark.findings.iter().all(|finding| match finding {
                    Finding::BrokenChain => other + 1 == number,
                    Finding::DuplicateId => true,
                    _ => false,
                })
            });
            !mark.findings.is_empty() && !mark.findings.iter().any(blames_letter) && others_hold
        }
    }
}

fn findings(message: &[u8], keys: &MarksFile) -> BTreeSet<String> {
    let report = verify(message, Some(keys));
    let all = report.marks.iter().flat_map(|mark| &mark.findings);
    all.map(|finding| serde_json::to_value(finding).unwrap()["finding"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mark_on_another_message_is_found_out() {
    let mut post = Post::new();
    let keys = post.published();
    let (mut one, other) = (post.deliver(&letter()), letter());
    one.content = String::from_utf8(other).unwrap().replace("bolat", "asel").replace("Қалайсың", "Ақша жібер").into();
    assert_eq!(findings(&one.message(), &keys), BTreeSet::from(["other_message".to_owned()]));
}

#[test]
fn every_named_tag_is_covered() {
    let mut random = StdRng::seed_from_u64(60);
    let mut post = Post::new();
    let keys = post.published();
    for (from, to, reason) in [
        ("t=1795234500", "t=1795234501", "altered_mark"),
        ("z=+0500", "z=+0600", "token_contradicts_instant"),
        ("ts=21112609", "ts=21112610", "token_contradicts_instant"),
        ("; fn==D0", "; fn==D1", "altered_mark"),
        ("; b=", "; n=9; b=", "altered_mark"),
        ("; b=", "; b=AAAA", "altered_mark"),
        ("; pv=", "; pv=AAAA", "altered_mark"),
        ("lg=poshta.example/log", "lg=poshta.example/lag", "altered_mark"),
        ("c=relaxed/relaxed", "c=simple/relaxed", "malformed"),
        ("a=ed25519-sha256", "a=ed448-shake256", "unknown_algorithm"),
    ] {
        let text = post.deliver(&letter()).text().replace("\r\n ", " ");
        assert!(text.contains(from), "{text}");
        let altered = relay(text.replacen(from, to, 1).as_bytes(), &mut random);
        assert!(findings(&altered, &keys).contains(reason), "{from} {reason}: {:?}", findings(&altered, &keys));
    }
}

#[test]
fn rfc6376_8_15_no_field_can_be_added() {
    let mut post = Post::new();
    let keys = post.published();
    let text = post.deliver(&letter()).text();
    for field in ["From: x@evil.example", "Subject: x", "Cc: x@evil.example", "Postal-Class: valued; letter"] {
        let altered = format!("{field}\r\n{text}");
        assert_eq!(findings(altered.as_bytes(), &keys), BTreeSet::from(["altered_header".to_owned()]), "{field}");
    }
    let altered = format!("Postal-Item-Id: 00000000000000000000000001\r\n{text}");
    assert_eq!(findings(altered.as_bytes(), &keys), BTreeSet::from(["altered_header".to_owned()]));
}

#[test]
fn what_is_left_of_a_mutilated_message_is_judged_too() {
    let mut random = StdRng::seed_from_u64(61);
    let mut post = Post::new();
    let keys = post.published();
    let whole = post.deliver(&letter()).message();
    for _ in 0..FLIPS {
        let mut message = whole.clone();
        for _ in 0..random.random_range(1..20) {
            let at = random.random_range(0..message.len());
            match random.random_range(0..3) {
                0 => message[at] = random.random(),
                1 => drop(message.drain(at..(at + random.random_range(0..200)).min(message.len()))),
                _ => message.insert(at, b"\r\n ;=:"[random.random_range(0..6)]),
            }
            message.push(b'x');
        }
        assert_ne!(verify(&message, Some(&keys)).verdict, Verdict::Valid);
        assert_ne!(verify(&message, None).verdict, Verdict::Valid);
    }
}

#[test]
fn a_mark_of_many_names_over_a_header_of_many_fields_takes_no_time() {
    let names = vec!["from"; 900].join(":");
    let text =
        Post::new().deliver(&letter()).text().replace("\r\n ", " ").replace("h=from:from", &format!("h={names}"));
    let message = format!("{}{text}", "from:x\r\n".repeat(100_000));
    let begun = std::time::Instant::now();
    assert_eq!(verify(message.as_bytes(), Some(&Post::new().published())).verdict, Verdict::Forged);
    assert!(begun.elapsed().as_secs() < 60, "quadratic work takes minutes");
}

#[test]
fn bcc_is_never_signed() {
    let mut post = Post::new();
    let keys = post.published();
    let text = post.deliver(&letter()).text();
    let header = headers::fields(text.as_bytes()).filter(|field| field.is("Postal-Mark"));
    let signed = header.flat_map(|field| Mark::parse(&field.text()).unwrap().signature.unwrap().fields);
    assert!(signed.into_iter().all(|name| name != "bcc"));
    assert_eq!(verify(format!("Bcc: x@y.example\r\n{text}").as_bytes(), Some(&keys)).verdict, Verdict::Valid);
}

#[test]
fn a_second_operator_marks_above_the_first() {
    let mut post = Post::new();
    let keys = post.published();
    let first = post.mark(&letter(), &super::letter::way(super::letter::NOW)[..1]).message();
    let second = post.deliver(&first);
    let report = verify(&second.message(), Some(&keys));
    assert_eq!((report.verdict, report.marks.len()), (Verdict::Valid, 4), "{report:?}");
    let altered = second.text().replace("bolat", "asel");
    assert_eq!(findings(altered.as_bytes(), &keys), BTreeSet::from(["altered_header".to_owned()]));
}
