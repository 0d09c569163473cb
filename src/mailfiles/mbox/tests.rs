use std::io::{self, BufReader};

use proptest::prelude::*;
use test_case::test_case;

use super::super::labels::Labels;
use super::super::line_ends::Shape;
use super::*;
use crate::clock::Timestamp;
use crate::store::mailboxes::Flags;

const FROM: &str = "From a@b.example Sat Nov 21 20:02:39 2026";

fn date() -> Timestamp {
    "2026-11-21T20:02:39Z".parse().unwrap()
}

/// All messages of a file, read through a buffer of this size.
fn read(file: &[u8], buffer: usize) -> Vec<(Start, Option<Labels>, String)> {
    let mut reader = Reader::new(BufReader::with_capacity(buffer, file));
    let mut messages = Vec::new();
    while let Some(start) = reader.start().unwrap() {
        let mut bytes = Vec::new();
        let labels = reader.content(|piece| keep(&mut bytes, piece)).unwrap();
        messages.push((start, labels, String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert_eq!(reader.bytes(), file.len() as u64);
    messages
}

fn keep(bytes: &mut Vec<u8>, piece: &[u8]) -> io::Result<()> {
    bytes.extend_from_slice(piece);
    Ok(())
}

fn texts(file: &str) -> Vec<String> {
    let whole = read(file.as_bytes(), 1 << 16);
    (1..9).for_each(|buffer| assert_eq!(read(file.as_bytes(), buffer), whole, "buffer of {buffer}"));
    whole.into_iter().map(|(_, _, text)| text).collect()
}

#[test_case("", &[]; "an empty file")]
#[test_case("F\nA: b\n\nc\n\nF\nA: d\n\ne\n\n", &["A: b\r\n\r\nc\r\n", "A: d\r\n\r\ne\r\n"]; "two messages")]
#[test_case("F\nA: b\n\nc\nF\nA: d\n\ne", &["A: b\r\n\r\nc\r\n", "A: d\r\n\r\ne"]; "no empty lines, no final line end")]
#[test_case("F\nA: b\n\nc\n\n\n", &["A: b\r\n\r\nc\r\n\r\n"]; "empty lines of the message itself")]
#[test_case("F\nA: b\n\n>From x\n>>From y\n>from z\n\n", &["A: b\r\n\r\nFrom x\r\n>From y\r\n>from z\r\n"]; "quoted lines lose one quote")]
#[test_case("F\nA: b\n\nFrom here to there\n\n", &["A: b\r\n\r\nFrom here to there\r\n"]; "an unquoted line without a date is text")]
#[test_case("F\r\nA: b\r\n\r\nc\nd\r\n\r\nF\r\n\r\n", &["A: b\r\n\r\nc\nd\r\n", ""]; "a file in crlf stays as it is")]
#[test_case("F\n\nF\n\n", &["", ""]; "empty messages")]
#[test_case("F\nStatus: R\nX-Status: F\n>From x\n\n", &["Status: R\r\nX-Status: F\r\nFrom x\r\n"]; "two of the three lines are content")]
#[test_case("F\nStatus: R\nX-Status: F\nF\nb\n\n", &["Status: R\r\nX-Status: F\r\n", "b\r\n"]; "a message of two such lines")]
fn mbox_is_read(file: &str, messages: &[&str]) {
    let line = |line: &str| match line.strip_prefix('F') {
        Some(end) if end.trim().is_empty() => format!("{FROM}{end}"),
        _ => line.to_owned(),
    };
    let file: String = file.split_inclusive('\n').map(line).collect();
    assert_eq!(texts(&file), messages);
}

#[test_case("Subject: x\n\nno mbox\n" => "its first line does not begin with \"From \", so it is no mbox".to_owned())]
#[test_case("\nFrom a@b.example Sat Nov 21 20:02:39 2026\n" => "its first line does not begin with \"From \", so it is no mbox".to_owned(); "an empty line first")]
#[test_case("From a@b.example yesterday\n" => "its first line is no \"From \" line with sender and date (\"From a@b.example Sat Nov 21 20:02:39 2026\")".to_owned())]
fn what_is_no_mbox_is_refused(file: &str) -> String {
    Reader::new(file.as_bytes()).start().unwrap_err().to_string()
}

#[test]
fn exported_lines_are_taken_off_and_a_messages_own_stay() {
    let file = format!("{FROM}\nStatus: RO\nX-Status: AF\nX-Keywords: work\nStatus: O\nSubject: x\n\n");
    let (_, labels, text) = read(file.as_bytes(), 64).remove(0);
    let flags = Flags::SEEN.with(Flags::ANSWERED).with(Flags::FLAGGED);
    assert_eq!(labels, Some(Labels { flags, keywords: vec!["work".into()] }));
    assert_eq!(text, "Status: O\r\nSubject: x\r\n");
}

#[test]
fn content_that_is_not_read_is_not_handed_out_twice() {
    let file = format!("{FROM}\n\n{FROM}\nb\n\n");
    let mut reader = Reader::new(file.as_bytes());
    assert_eq!(reader.start().unwrap().unwrap().date, date());
    assert_eq!(reader.start().unwrap().unwrap().date, date());
    reader.content(|_| Ok::<_, io::Error>(())).unwrap();
    let mut text = Vec::new();
    reader.start().unwrap().unwrap();
    reader.content(|piece| keep(&mut text, piece)).unwrap();
    assert_eq!(text, b"b\r\n");
    assert_eq!(reader.start().unwrap(), None);
}

#[test]
fn lines_longer_than_any_buffer_come_back() {
    let long = [&b">".repeat(200_000)[..], b"From x", &b"y".repeat(200_000), b"\r\n"].concat();
    let mut file = Vec::new();
    write(&mut file, &long, b"", &Labels::default());
    assert!(read(&file, 4096)[0].2.as_bytes() == long);
}

fn write(file: &mut Vec<u8>, message: &[u8], proofs: &[u8], labels: &Labels) {
    let mut shape = Shape::default();
    shape.push(message);
    let mut writer = Writer::new(file, shape);
    writer.begin(date(), proofs, labels).unwrap();
    message.chunks(3).for_each(|piece| writer.content(piece).unwrap());
    writer.end().unwrap();
}

/// Two, as they stand on top of an exported letter.
const PROOFS: &[u8] = b"Postal-Mark-Proof: i=1; u=x;\r\n p=YzJ\r\n zcC\r\nPostal-Mark-Proof: i=2; u=x; p=Yw==\r\n";

const PROOF: &str = "Postal-Mark-Proof: i=1;\n p=x\n";
const THREE: &str = "Status: O\nX-Status:\nX-Keywords:\n";
const KEPT: &str = "Postal-Mark-Proof: i=1;\r\n p=x\r\n";

#[test_case(&[PROOF, THREE, "A: b\n\n"] => "A: b\r\n"; "those of an export are taken off")]
#[test_case(&[PROOF, PROOF, THREE, PROOF, "\n"] => KEPT; "exactly those")]
#[test_case(&[THREE, PROOF, "\n"] => KEPT; "below the three lines they are of the message")]
#[test_case(&[PROOF, "A: b\n\n"] => format!("{KEPT}A: b\r\n"); "without the three lines too")]
#[test_case(&[PROOF, ">From x\n\n"] => format!("{KEPT}From x\r\n"); "a quoted line behind them")]
#[test_case(&[PROOF] => KEPT; "nothing behind them")]
fn proofs_are_the_exports_only_above_its_three_lines(file: &[&str]) -> String {
    texts(&format!("{FROM}\n{}", file.concat())).remove(0)
}

#[test]
fn more_proofs_than_an_export_writes_are_the_messages() {
    let many = "Postal-Mark-Proof: x\n".repeat(20_000);
    let file = format!("{FROM}\n{many}Status: O\nX-Status:\nX-Keywords:\n\n");
    let (_, labels, text) = read(file.as_bytes(), 4096).remove(0);
    assert_eq!(labels, None);
    assert_eq!(text.matches("Postal-Mark-Proof: x\r\n").count(), 20_000);
}

/// Pieces of which ugly messages are made.
fn ugly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "From ",
        "From a@b.example Sat Nov 21 20:02:39 2026",
        ">",
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
        "Status:",
        "Status: RO\r\n",
        "X-Status: F\r\n",
        "X-Keywords: a\r\n",
        "Postal-Mark-Proof:",
        "Postal-Mark-Proof: x\r\n y\r\n",
        "x",
        "\u{4d9}",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_message_comes_back_byte_for_byte(messages in prop::collection::vec(ugly(), 1..4), buffer in 1_usize..20) {
        let labels = |number: usize| Labels { flags: Flags((number * 11 % 32) as u8), keywords: vec!["$k".into()] };
        let mut file = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            write(&mut file, message, &PROOFS.repeat(number), &labels(number));
        }
        let back = read(&file, buffer);
        prop_assert_eq!(back.len(), messages.len(), "{:?}", String::from_utf8_lossy(&file));
        for (number, ((start, found, text), message)) in back.into_iter().zip(&messages).enumerate() {
            prop_assert_eq!(start.date, date());
            prop_assert_eq!(found, Some(labels(number)));
            prop_assert_eq!(text.as_bytes(), &message[..], "{:?}", String::from_utf8_lossy(&file));
        }
    }

    #[test]
    fn any_file_is_read_or_refused(file in ugly(), buffer in 1_usize..20) {
        let mut reader = Reader::new(BufReader::with_capacity(buffer, &file[..]));
        while let Ok(Some(_)) = reader.start() {
            reader.content(|_| Ok::<_, io::Error>(())).unwrap();
        }
    }
}
