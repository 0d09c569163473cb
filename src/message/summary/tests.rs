use proptest::prelude::*;

use super::*;
use crate::message::{Caps, Facts, Scanner};

fn scan(message: &[u8]) -> Structure {
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(message);
    scanner.finish()
}

fn summary(prefix: &str, message: &str) -> Summary {
    let structure = scan(message.as_bytes());
    let header = &message.as_bytes()[..structure.facts.header_bytes as usize];
    Summary::of(prefix.as_bytes(), &structure, header)
}

/// What a stored summary keeps of the facts.
fn as_stored(mut summary: Summary) -> Summary {
    let Facts { bytes, header_bytes, .. } = summary.structure.facts;
    summary.structure.facts = Facts { bytes, header_bytes, ..Facts::default() };
    summary
}

const ORDINARY: &str = "From: =?utf-8?B?0JDQsdCw0Lk=?= <abai@poshta.example>\r\nTo: user002@poshta.example\r\n\
    Subject: =?utf-8?B?0KHTmdC70LXQvA==?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n\
    --=_b\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n\
    --i\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>x\r\n--i--\r\n\
    --=_b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=a.pdf\r\n\r\nAAAA\r\n--=_b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nTo: g: a@b;\r\n\r\nx\r\n--=_b--\r\n";

#[test]
fn summary_is_small_and_comes_back() {
    let summary = summary("Date: Sat, 21 Nov 2026 20:02:39 +0500\r\nMessage-ID: <1@poshta.example>\r\n", ORDINARY);
    assert_eq!(summary.envelope.message_id.as_deref(), Some("<1@poshta.example>"));
    assert_eq!(summary.envelope.date.as_deref(), Some("Sat, 21 Nov 2026 20:02:39 +0500"));
    let encoded = summary.encode();
    assert!(encoded.len() < 450, "{}", encoded.len());
    assert_eq!(Summary::decode(&encoded), Ok(as_stored(summary)));
}

#[test]
fn summary_of_another_version_is_refused() {
    let mut encoded = summary("", ORDINARY).encode();
    encoded[0] += 1;
    assert_eq!(Summary::decode(&encoded), Err(BadSummary));
}

#[test]
fn design5_the_largest_summary_fits_a_row() {
    let to = "somebody@somewhere.example, ".repeat(5_000);
    let parts =
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Description: abcdefgh\r\n\r\nxyz\r\n".repeat(12_000);
    let message = format!("To: {to}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n");
    let summary = summary("", &message);
    let encoded = summary.encode();
    assert!(encoded.len() <= MAX_ENCODED);
    let decoded = Summary::decode(&encoded).unwrap();
    assert!(decoded.structure.root.children().len() > 1_000);
    assert_eq!(decoded, as_stored(summary));
}

#[test]
fn deepest_structure_comes_back() {
    let message: String =
        (0..150).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let deep = summary("", &message);
    assert_eq!(Summary::decode(&deep.encode()), Ok(as_stored(deep)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn garbage_is_an_error_and_no_panic(at in 0_usize..300, with in any::<u8>(), keep in 0_usize..500) {
        let mut encoded = summary("A: b\r\n", ORDINARY).encode();
        if let Some(byte) = encoded.get_mut(at) {
            *byte = with;
        }
        encoded.truncate(keep);
        if let Ok(decoded) = Summary::decode(&encoded) {
            prop_assert!(decoded.structure.root.body.end <= decoded.structure.facts.bytes);
        }
    }

    #[test]
    fn any_truncated_message_comes_back(cut in 0..ORDINARY.len()) {
        let summary = summary("A: b\r\n", ORDINARY.get(..cut).unwrap());
        prop_assert_eq!(Summary::decode(&summary.encode()), Ok(as_stored(summary)));
    }
}
