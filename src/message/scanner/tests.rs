use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::message::structure::Content;

fn scan(message: &[u8]) -> Structure {
    scan_with(Caps::default(), message)
}

fn scan_with(caps: Caps, message: &[u8]) -> Structure {
    let mut scanner = Scanner::new(caps);
    scanner.push(message);
    scanner.finish()
}

/// `type/subtype` of every part, insides in brackets.
fn shape(part: &Part) -> String {
    let inside: Vec<String> = part.children().iter().map(shape).collect();
    let name = format!("{}/{}", part.kind, part.subtype);
    if inside.is_empty() { name } else { format!("{name}[{}]", inside.join(" ")) }
}

/// The bodies of the leaves, with their lines.
fn leaves(part: &Part, message: &[u8], out: &mut Vec<(String, u64)>) {
    if part.children().is_empty() {
        let body = &message[part.body.start as usize..part.body.end as usize];
        out.push((String::from_utf8_lossy(body).into_owned(), part.lines));
    }
    part.children().iter().for_each(|inner| leaves(inner, message, out));
}

fn bodies(message: &str) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    leaves(&scan(message.as_bytes()).root, message.as_bytes(), &mut out);
    out
}

#[test_case("A: b\r\n\r\nx\r\ny\r\n" => vec![("x\r\ny\r\n".to_owned(), 2)]; "plain")]
#[test_case("A: b\r\n\r\nx\r\ny" => vec![("x\r\ny".to_owned(), 2)]; "no final newline")]
#[test_case("A: b" => vec![(String::new(), 0)]; "header only, no newline")]
#[test_case("\r\nx" => vec![("x".to_owned(), 1)]; "no header")]
#[test_case("" => vec![(String::new(), 0)]; "nothing")]
#[test_case("A: b\n\nx\ny\n" => vec![("x\ny\n".to_owned(), 2)]; "bare LF, as deposited")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n\r\n--b--\r\nepi\r\n--b\r\n"
    => vec![("one".to_owned(), 1), ("two\r\n".to_owned(), 1)]; "rfc2046 preamble and epilogue")]
#[test_case("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n" => vec![("one".to_owned(), 1), ("two".to_owned(), 1)]; "bare LF boundaries")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\ntwo\r\n" => vec![("one\r\ntwo\r\n".to_owned(), 2)]; "missing end boundary")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--" => vec![("one".to_owned(), 1)]; "end boundary without newline")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b  \t\r\n\r\none\r\n--bb\r\n--b-\r\n -- b\r\n--b-- \r\n" => vec![("one\r\n--bb\r\n--b-\r\n -- b".to_owned(), 4)]; "what only begins like the boundary is text")]
#[test_case("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\none\r\n--ab\r\n\r\ntwo\r\n--ab--\r\n--a\r\n\r\nthree\r\n--a--\r\n"
    => vec![("one".to_owned(), 1), ("two".to_owned(), 1), ("three".to_owned(), 1)]; "one boundary is a prefix of the other")]
#[test_case("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--o\r\n\r\ntwo\r\n--o--\r\n"
    => vec![("one".to_owned(), 1), ("two".to_owned(), 1)]; "outer boundary ends an inner multipart")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: b\r\n--b\r\n\r\n--b--\r\n" => vec![(String::new(), 0), (String::new(), 0)]; "parts without a body")]
#[test_case("Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n" => vec![(String::new(), 0)]; "multipart without parts has one empty part")]
#[test_case("Content-Type: multipart/mixed;\r\n boundary=\"b c\"\r\n\r\n--b c\r\n\r\none\r\n--b c--\r\n" => vec![("one".to_owned(), 1)]; "folded header and quoted boundary")]
fn rfc2046_parts(message: &str) -> Vec<(String, u64)> {
    bodies(message)
}

#[test_case("A: b\r\n\r\n" => "text/plain"; "default")]
#[test_case("Content-Type: nonsense\r\n\r\n" => "text/plain"; "type without subtype")]
#[test_case("Content-Type: TEXT/Html (comment); charset=x\r\n\r\n" => "text/html"; "case and comment")]
#[test_case("Content-Type: multipart/mixed\r\n\r\nx" => "text/plain"; "multipart without boundary")]
#[test_case("Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: x\r\n\r\nbody\r\n--d\r\nContent-Type: text/plain\r\n\r\ny\r\n--d--\r\n"
    => "multipart/digest[message/rfc822[text/plain] text/plain]"; "rfc2046 5.1.5 digest default")]
#[test_case("Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    => "message/rfc822[multipart/mixed[text/plain]]"; "nested message")]
#[test_case("Content-Type: message/global\r\n\r\nA: b\r\n\r\n" => "message/global[text/plain]"; "message/global")]
#[test_case("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTogYg==\r\n" => "message/rfc822[text/plain]"; "encoded nested message is not looked into")]
#[test_case("Content-Type: message/rfc822" => "message/rfc822[text/plain]"; "nested message without anything")]
fn rfc2045_types(message: &str) -> String {
    shape(&scan(message.as_bytes()).root)
}

#[test]
fn nested_message_keeps_its_envelope_and_offsets() {
    let message = b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--b--\r\n";
    let structure = scan(message);
    let Content::Message(nested) = &structure.root.children()[0].content else { panic!("a nested message") };
    assert_eq!(nested.envelope.subject.as_deref(), Some("inner"));
    let slice = |range: &std::ops::Range<u64>| &message[range.start as usize..range.end as usize];
    assert_eq!(slice(&nested.part.header), b"Subject: inner\r\n\r\n");
    assert_eq!(slice(&nested.part.body), b"body");
    assert_eq!(slice(&structure.root.children()[0].body), b"Subject: inner\r\n\r\nbody");
    assert_eq!(slice(&structure.root.children()[0].header), b"Content-Type: message/rfc822\r\n\r\n");
}

#[test]
fn fields_of_a_part_are_kept_as_written() {
    let structure = scan(
        b"Content-Type: application/pdf; name*0=a; name*1=b\r\nContent-ID: <1@x>\r\nContent-Description: =?utf-8?Q?x?=\r\n\
          Content-Transfer-Encoding: (c) BASE64\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\
          Content-Disposition: ATTACHMENT; filename=\"a \\\"b\\\".pdf\"; size=12\r\nContent-Language: kk, ru\r\nContent-Location: http://x/\r\n\r\n",
    );
    let root = structure.root;
    assert_eq!(root.param("name*1"), Some("b"));
    assert_eq!(root.id.as_deref(), Some("<1@x>"));
    assert_eq!(root.description.as_deref(), Some("=?utf-8?Q?x?="));
    assert_eq!(root.encoding.as_deref(), Some("BASE64"));
    assert_eq!(root.md5.as_deref(), Some("Q2hlY2sgSW50ZWdyaXR5IQ=="));
    assert_eq!(root.language, ["kk", "ru"]);
    assert_eq!(root.location.as_deref(), Some("http://x/"));
    let disposition = root.disposition.unwrap();
    assert_eq!(disposition.kind, "attachment");
    assert_eq!(disposition.params[0].value, "a \"b\".pdf");
    assert_eq!(disposition.params[1].value, "12");
}

#[test_case(b"A: b\r\n\r\nx\r\n", |f| !f.bare_cr && !f.bare_lf && !f.nul && !f.eight_bit_body && !f.eight_bit_header; "clean")]
#[test_case(b"A: b\r\n\r\nx\n", |f| f.bare_lf && !f.bare_cr; "bare lf")]
#[test_case(b"A: b\r\n\r\nx\ry\r\n", |f| f.bare_cr && !f.bare_lf; "bare cr")]
#[test_case(b"A: b\r\n\r\nx\r\r\n", |f| f.bare_cr; "two crs")]
#[test_case(b"A: b\r\n\r\nx\r", |f| f.bare_cr; "cr at the end")]
#[test_case(b"A: \xc3\xa4\r\n\r\nx", |f| f.eight_bit_header && !f.eight_bit_body; "8-bit header")]
#[test_case(b"A: b\r\n\r\n\xc3\xa4", |f| !f.eight_bit_header && f.eight_bit_body; "8-bit body")]
#[test_case(b"A: b\r\n\r\n\0", |f| f.nul; "nul")]
#[test_case(b"A: bcd\r\n\r\nxy\r\n", |f| f.longest_line_bytes == 6 && f.header_bytes == 10 && f.bytes == 14; "lengths")]
#[test_case(b"Received: a\r\nreceived : b\r\n Received: c\r\nX-Received: d\r\n\r\nReceived: e\r\n", |f| f.received == 2; "received fields")]
fn facts(message: &[u8], holds: fn(&Facts) -> bool) {
    let facts = scan(message).facts;
    assert!(holds(&facts), "{facts:?}");
}

#[test]
fn too_deep_is_opaque() {
    let mut message = String::new();
    for level in 0..200 {
        message.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    let structure = scan(message.as_bytes());
    let mut depth = 0;
    let mut part = &structure.root;
    while let [inner, ..] = part.children() {
        depth += 1;
        part = inner;
    }
    assert!(structure.facts.capped);
    assert!((90..=MAX_DEPTH).contains(&depth), "{depth}");
    assert!(part.is("application", "octet-stream"));
}

#[test]
fn too_many_parts_leave_an_opaque_rest() {
    let message =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(50));
    let structure = scan_with(Caps { max_parts: 10, ..Caps::default() }, message.as_bytes());
    assert!(structure.facts.capped);
    assert_eq!(structure.root.children().len(), 10);
    let rest = structure.root.children().last().unwrap();
    assert!(rest.is("application", "octet-stream") && rest.body.end == message.len() as u64);
}

#[test]
fn a_long_header_is_found_to_its_end_and_not_kept() {
    let message = format!(
        "X: {}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        "y".repeat(5000)
    );
    let structure = scan_with(Caps { max_header_bytes: 4096, ..Caps::default() }, message.as_bytes());
    assert!(structure.facts.capped);
    assert_eq!(structure.facts.header_bytes, message.find("\r\n\r\n").unwrap() as u64 + 4);
    assert!(structure.root.children().is_empty());
}

/// Pieces that mean something to the scanner, so that random messages reach its corners.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=a\r\n",
        "Content-Type: multipart/digest; boundary=ab\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/plain;\r\n charset=x\r\n",
        "Subject: y\r\n",
        "To: Z <z@z>\r\n",
        "\r\n",
        "\n",
        "--a\r\n",
        "--ab\r\n",
        "--ab\n",
        "--a--\r\n",
        "--ab--\r\n",
        "--",
        "text\r\n",
        "\r",
        "ж",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn check_nesting(part: &Part, within: std::ops::Range<u64>) {
    assert!(within.start <= part.header.start && part.header.start <= part.header.end, "{part:?}");
    assert!(
        part.header.end == part.body.start && part.body.start <= part.body.end && part.body.end <= within.end,
        "{part:?}"
    );
    let mut start = part.body.start;
    for inner in part.children() {
        check_nesting(inner, start..part.body.end);
        start = inner.body.end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_chunking_gives_the_same_structure(message in tricky(), cuts in prop::collection::vec(1_usize..9, 1..20)) {
        let whole = scan(&message);
        let mut scanner = Scanner::new(Caps::default());
        let mut rest = message.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            scanner.push(piece);
            rest = after;
        }
        prop_assert_eq!(scanner.finish(), whole);
    }

    #[test]
    fn offsets_lie_inside_and_do_not_cross(message in tricky()) {
        let structure = scan(&message);
        check_nesting(&structure.root, 0..message.len() as u64);
        prop_assert_eq!(structure.root.body.end, message.len() as u64);
    }

    #[test]
    fn rfc2046_same_parts_as_mail_parser(bodies in prop::collection::vec("[a-z \r\n]{0,30}", 1..6), nested in any::<bool>()) {
        let mut message = String::from("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n");
        for body in &bodies {
            message.push_str(&format!("--outer\r\nContent-Type: text/plain\r\n\r\n{body}\r\n"));
        }
        if nested {
            message.push_str("--outer\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--in\r\nContent-Type: text/html\r\n\r\ny\r\n--in--\r\n");
        }
        message.push_str("--outer--\r\n");
        let parsed = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
        fn count(part: &Part) -> usize {
            1 + part.children().iter().map(count).sum::<usize>()
        }
        prop_assert_eq!(count(&scan(message.as_bytes()).root), parsed.parts.len());
    }
}
