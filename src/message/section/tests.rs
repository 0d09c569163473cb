use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::message::{Caps, Scanner};

/// The shape of the example in RFC 9051 §6.4.5.1: 1 text, 2 octets, 3 a message of (1, 2), 4 a multipart of
/// (1 gif, 2 a message of (1, 2 a multipart)).
const MESSAGE: &str = "Subject: top\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n\
    --a\r\nX: 1\r\n\r\none\r\n\
    --a\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n\
    --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\nthree-one\r\n--b\r\n\r\nthree-two\r\n--b--\r\n\
    --a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
    --c\r\nContent-Type: image/gif\r\n\r\nfour-one\r\n\
    --c\r\nContent-Type: message/rfc822\r\n\r\nSubject: four-two\r\n\r\nfour-two text\r\n--c--\r\n\
    --a--\r\n";

fn scan(message: &[u8]) -> Structure {
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(message);
    scanner.finish()
}

fn section(message: &str, path: &[u32], piece: Piece) -> Option<String> {
    let range = scan(message.as_bytes()).resolve(path, piece)?;
    Some(message[range.start as usize..range.end as usize].to_owned())
}

#[test_case(&[], Piece::Header => Some("Subject: top\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n".to_owned()); "HEADER")]
#[test_case(&[], Piece::Mime => None; "MIME needs a number")]
#[test_case(&[1], Piece::Whole => Some("one".to_owned()))]
#[test_case(&[1], Piece::Mime => Some("X: 1\r\n\r\n".to_owned()); "1.MIME")]
#[test_case(&[1], Piece::Header => None; "1.HEADER of a text part")]
#[test_case(&[1], Piece::Text => None; "1.TEXT of a text part")]
#[test_case(&[1, 1], Piece::Whole => None; "nothing inside a text part")]
#[test_case(&[2], Piece::Whole => Some("two".to_owned()))]
#[test_case(&[3], Piece::Mime => Some("Content-Type: message/rfc822\r\n\r\n".to_owned()); "3.MIME")]
#[test_case(&[3], Piece::Header => Some("Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned()); "3.HEADER")]
#[test_case(&[3], Piece::Text => Some("--b\r\n\r\nthree-one\r\n--b\r\n\r\nthree-two\r\n--b--".to_owned()); "3.TEXT")]
#[test_case(&[3, 1], Piece::Whole => Some("three-one".to_owned()))]
#[test_case(&[3, 2], Piece::Whole => Some("three-two".to_owned()))]
#[test_case(&[3, 3], Piece::Whole => None; "no third part")]
#[test_case(&[4, 1], Piece::Mime => Some("Content-Type: image/gif\r\n\r\n".to_owned()); "4.1.MIME")]
#[test_case(&[4, 2], Piece::Header => Some("Subject: four-two\r\n\r\n".to_owned()); "4.2.HEADER")]
#[test_case(&[4, 2], Piece::Text => Some("four-two text".to_owned()); "4.2.TEXT")]
#[test_case(&[4, 2, 1], Piece::Whole => Some("four-two text".to_owned()); "part 1 of a nested message that is no multipart")]
#[test_case(&[4, 2, 2], Piece::Whole => None; "it has no part 2")]
#[test_case(&[0], Piece::Whole => None; "numbers begin at 1")]
#[test_case(&[5], Piece::Whole => None; "no fifth part")]
fn rfc9051_6_4_5_1_sections(path: &[u32], piece: Piece) -> Option<String> {
    section(MESSAGE, path, piece)
}

#[test]
fn rfc9051_6_4_5_1_the_empty_section_is_everything() {
    assert_eq!(section(MESSAGE, &[], Piece::Whole).as_deref(), Some(MESSAGE));
}

#[test_case(&[1], Piece::Whole => Some("text\r\n".to_owned()))]
#[test_case(&[1], Piece::Mime => Some("A: b\r\n\r\n".to_owned()); "1.MIME is the header")]
#[test_case(&[], Piece::Text => Some("text\r\n".to_owned()); "TEXT")]
#[test_case(&[1, 1], Piece::Whole => None; "nothing inside")]
#[test_case(&[2], Piece::Whole => None; "no second part")]
fn rfc9051_6_4_5_1_part_one_of_a_simple_message(path: &[u32], piece: Piece) -> Option<String> {
    section("A: b\r\n\r\ntext\r\n", path, piece)
}

#[test]
fn rfc9051_6_4_5_1_message_that_is_a_message() {
    let message = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext";
    assert_eq!(section(message, &[1], Piece::Header).as_deref(), Some("Subject: in\r\n\r\n"));
    assert_eq!(section(message, &[1, 1], Piece::Whole).as_deref(), Some("text"));
}

#[test]
fn design7_a_prefix_moves_everything_but_the_beginning() {
    let prefix = "Return-Path: <>\r\nPostal-Mark: x\r\n";
    let shifted = scan(MESSAGE.as_bytes()).shifted_by_prefix(prefix.len() as u64);
    let mut expected = scan(format!("{prefix}{MESSAGE}").as_bytes());
    expected.facts = shifted.facts;
    assert_eq!(shifted, expected);
    assert_eq!(shifted.facts.bytes, (prefix.len() + MESSAGE.len()) as u64);
}

#[test_case(&["subject"], Keep::Named => "Subject: a\r\n b\r\n\r\n"; "folded field, name without case")]
#[test_case(&["x", "none"], Keep::Named => "X: 1\r\nX: 2\r\n\r\n"; "all fields of a name")]
#[test_case(&["none"], Keep::Named => "\r\n"; "nothing but the empty line")]
#[test_case(&["X"], Keep::NotNamed => "Subject: a\r\n b\r\ngarbage\r\n\r\n"; "not those named")]
fn rfc9051_6_4_5_1_header_fields(names: &[&str], keep: Keep) -> String {
    let header = b"X: 1\r\nSubject: a\r\n b\r\ngarbage\r\nX: 2\r\n\r\n";
    String::from_utf8(filter_header(header, names, keep)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn sections_lie_inside_the_message(path in prop::collection::vec(0_u32..5, 0..5), cut in 0..MESSAGE.len()) {
        let message = &MESSAGE.as_bytes()[..cut];
        let structure = scan(message);
        for piece in [Piece::Whole, Piece::Header, Piece::Text, Piece::Mime] {
            if let Some(range) = structure.resolve(&path, piece) {
                prop_assert!(range.start <= range.end && range.end <= message.len() as u64);
            }
        }
    }
}
