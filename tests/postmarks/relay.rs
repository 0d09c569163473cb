//! What other servers do to a message on its way, and what marks survive.

use poshta::message::headers;
use poshta::postal::{Finding, Mark, MarksFile, Verdict, verify};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::letter::{Post, letter};

/// Messages that are marked, sent through a relay and verified.
const MESSAGES: u64 = 10_000;

/// Threads that share them.
const PARTS: u64 = 4;

#[test]
fn ten_thousand_random_messages_survive_a_relay_that_folds_anew_and_adds_fields() {
    std::thread::scope(|scope| {
        for part in 0..PARTS {
            scope.spawn(move || send_through_a_relay(5700 + part, MESSAGES / PARTS));
        }
    });
}

fn send_through_a_relay(seed: u64, messages: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut post = Post::new();
    let keys = post.published();
    for number in 0..messages {
        let message = post.deliver(&random_letter(&mut random)).message();
        let relayed = relay(&message, &mut random);
        let report = verify(&relayed, Some(&keys));
        assert_eq!(report.verdict, Verdict::Valid, "seed {seed}, message {number}: {report:?}\n{}", shown(&relayed));
        assert_eq!(report.marks.len(), 3);
    }
}

#[test]
fn e_marks_are_ascii_and_kazakh_names_survive_every_hop() {
    let mut random = StdRng::seed_from_u64(58);
    let marked = Post::new().deliver(&letter());
    assert!(marked.marks.iter().all(|mark| mark.is_ascii()));
    let mut message = marked.message();
    for _ in 0..5 {
        message = relay(&message, &mut random);
    }
    let names: Vec<String> = headers::fields(&message)
        .filter(|field| field.is("Postal-Mark"))
        .map(|field| Mark::parse(&field.text()).unwrap().facility_name)
        .collect();
    assert_eq!(names, ["Аягөз", "Аягөз", "Электрондық пошта орталығы"]);
}

#[test]
fn p17_keys_of_another_operator_know_nothing_of_a_mark() {
    let mut post = Post::new();
    let message = post.deliver(&letter()).message();
    let foreign = foreign(&post);
    let report = verify(&message, Some(&foreign));
    assert_eq!(report.verdict, Verdict::NotValid);
    assert!(report.marks.iter().all(|mark| mark.findings.contains(&Finding::UnknownOperator)), "{report:?}");
}

/// What the other operator publishes.
pub fn foreign(post: &Post) -> MarksFile {
    let mut keys = post.published();
    keys.operators.retain(|operator| operator.id != "kazpost");
    assert_eq!(keys.operators.len(), 1);
    keys
}

/// Any letter: fields in any order and number, empty and long bodies, trailing space and lines.
pub fn random_letter(random: &mut StdRng) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..random.random_range(1..12) {
        let name = ["From", "To", "Cc", "Subject", "Date", "Message-ID", "X-Any", "Content-Type", "Postal-Class"];
        text.push_str(name[random.random_range(0..name.len())]);
        text.push_str(": ");
        for _ in 0..random.random_range(0..8) {
            text.push_str(&word(random));
            text.push_str([" ", "\t", "\r\n ", "  "][random.random_range(0..4)]);
        }
        // A line of white space alone would end no field, and a relay may take it away.
        text.push_str(&word(random));
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    for _ in 0..random.random_range(0..30) {
        text.push_str(&word(random));
        text.push_str([" ", "\r\n", "\r\n\r\n", " \r\n", "\t", "\r\n."][random.random_range(0..6)]);
    }
    text.into_bytes()
}

fn word(random: &mut StdRng) -> String {
    let letters: Vec<char> = "abcXYZ019;=<>@:.,-_ңғүқө".chars().collect();
    (0..random.random_range(1..12)).map(|_| letters[random.random_range(0..letters.len())]).collect()
}

/// Folds every mark anew, at every `;` and inside `b`, other fields at their white space, and adds fields on top.
pub fn relay(message: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut out = b"DKIM-Signature: v=1; a=rsa-sha256; d=relay.example; b=AAAA\r\n\
        Received: from a by relay.example with SMTP; Sat, 21 Nov 2026 09:16:00 +0500\r\nX-Scanned: yes\r\n"
        .to_vec();
    let mut end = 0;
    for field in headers::fields(message) {
        end = field.start + field.raw.len();
        if field.is("Postal-Mark") {
            out.extend_from_slice(refold(&field.text(), random).as_bytes());
        } else if field.name.is_empty() || random.random_bool(0.5) {
            out.extend_from_slice(field.raw);
        } else {
            out.extend_from_slice(refold_at_spaces(&field.raw[..field.raw.len() - 2], random).as_slice());
        }
    }
    out.extend_from_slice(&message[end..]);
    out
}

fn refold(value: &str, random: &mut StdRng) -> String {
    let mut out = String::from(["Postal-Mark:", "postal-mark: ", "POSTAL-MARK:\r\n\t"][random.random_range(0..3)]);
    let mut in_signature = false;
    for c in value.chars().filter(|c| !c.is_ascii_whitespace()) {
        out.push(c);
        in_signature |= c == '=' && out.ends_with("b=") && !out.ends_with("hb=");
        if c == ';' || (in_signature && random.random_bool(0.1)) {
            out.push_str(["\r\n ", "\r\n\t", "\r\n    "][random.random_range(0..3)]);
        }
        in_signature &= c != ';';
    }
    out.push_str("\r\n");
    out
}

/// RFC 5322 §2.2.3: a line end may come before any white space.
fn refold_at_spaces(field: &[u8], random: &mut StdRng) -> Vec<u8> {
    let colon = field.iter().position(|byte| *byte == b':').unwrap();
    let unfolded: Vec<u8> = field.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::new();
    let mut is_content = false;
    for (at, byte) in unfolded.into_iter().enumerate() {
        // Never a line of white space alone.
        if at > colon && matches!(byte, b' ' | b'\t') && is_content && random.random_bool(0.3) {
            out.extend_from_slice(b"\r\n");
            is_content = false;
        }
        is_content |= at > colon && !matches!(byte, b' ' | b'\t');
        out.push(byte);
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn shown(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}
