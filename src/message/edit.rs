//! The edits of DESIGN 7 on a top header block, and no other: forged mark fields are renamed in place with
//! their value kept, fields that only we may write are removed, and every other byte stays. Nothing behind
//! the top header is ever touched (P19: order 57 cl. 7, no mark on any enclosure of an item).

use super::headers::{Field, fields, unfold, without_line_end};

/// Fields that only an operator writes; a foreign one is renamed (INTERFACE, Headers).
const MARK_FIELDS: [&str; 4] = ["Postal-Mark", "Postal-Mark-Text", "Postal-Item-Id", "Postal-Mark-Proof"];

/// What a foreign mark field is called afterwards.
const UNTRUSTED: &[u8] = b"Postal-Mark-Untrusted:";

/// RFC 5322 §2.1.1, without CRLF.
const MAX_LINE: usize = 998;

/// How the message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// From another server.
    Relayed,
    /// From a user of ours: what is for us alone or for nobody to see goes too.
    Submitted,
}

/// What is foreign, and what is ours.
#[derive(Clone, Copy, Debug)]
pub struct EditRules<'a> {
    /// Our name in `Authentication-Results` (RFC 8601 §2.5).
    pub authserv_id: &'a str,
    /// How the message came in.
    pub way_in: WayIn,
    /// Where fields begin ([`Field::start`]) whose mark was verified with the key of a configured operator:
    /// they stay.
    pub verified_marks: &'a [usize],
}

/// What was done to one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Renamed to `Postal-Mark-Untrusted`; the old name.
    Renamed(String),
    /// Removed; its name.
    Removed(String),
}

/// An edited header block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new block, its empty line included.
    pub header: Vec<u8>,
    /// What was done, in the order of the fields.
    pub edits: Vec<Edit>,
}

/// Makes the edits; `None` when there is nothing to change. `header` is the top header block with its empty
/// line, if it has one.
#[must_use]
pub fn edit_header(header: &[u8], rules: &EditRules<'_>) -> Option<Edited> {
    let mut out = Vec::with_capacity(header.len() + 64);
    let mut edits = Vec::new();
    let mut end = 0;
    for field in fields(header) {
        end = field.start + field.raw.len();
        let name = || String::from_utf8_lossy(field.name).into_owned();
        match verdict(&field, rules) {
            Verdict::Keep => out.extend_from_slice(field.raw),
            Verdict::Remove => edits.push(Edit::Removed(name())),
            Verdict::Rename => {
                rename(&field, &mut out);
                edits.push(Edit::Renamed(name()));
            }
        }
    }
    if edits.is_empty() {
        return None;
    }
    out.extend_from_slice(header.get(end..).unwrap_or_default());
    Some(Edited { header: out, edits })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Rename,
    Remove,
}

fn verdict(field: &Field<'_>, rules: &EditRules<'_>) -> Verdict {
    if MARK_FIELDS.iter().any(|name| field.is(name)) {
        let verified = rules.verified_marks.contains(&field.start);
        return if verified { Verdict::Keep } else { Verdict::Rename };
    }
    // RFC 5321 §4.4: only final delivery writes Return-Path. RFC 8601 §5: results in our name that we did not
    // write are forged.
    let ours = field.is("Authentication-Results") && authserv_id(field).eq_ignore_ascii_case(rules.authserv_id);
    // RFC 5322 §3.6.6: who redirects a letter may name blind ones too.
    let blind = (field.is("Bcc") || field.is("Resent-Bcc")) && rules.way_in == WayIn::Submitted;
    // Whoever knows the code of a payment sign can use it: it stands in no stored copy, wherever it came from.
    if ours || field.is("Return-Path") || field.is("Postal-Payment") || blind { Verdict::Remove } else { Verdict::Keep }
}

/// `Postal-Mark-Untrusted: <old name>: <old value>`, the value with its folding.
fn rename(field: &Field<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(UNTRUSTED);
    out.push(b' ');
    let first_line = field.raw.split(|byte| *byte == b'\n').next().map_or(0, |line| without_line_end(line).len());
    if UNTRUSTED.len() + 1 + first_line <= MAX_LINE {
        out.extend_from_slice(field.raw);
        return;
    }
    // A line that would get too long is folded behind the old name.
    let colon = field.raw.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
    let (name, value) = field.raw.split_at(colon);
    out.extend_from_slice(name);
    out.extend_from_slice(b"\r\n");
    if !value.starts_with(b" ") && !value.starts_with(b"\t") {
        out.push(b' ');
    }
    out.extend_from_slice(value);
}

/// RFC 8601 §2.2: `[CFWS] authserv-id …`; the id is a token or a quoted string.
fn authserv_id(field: &Field<'_>) -> String {
    let text = unfold(field.value);
    let mut chars = text.chars().peekable();
    let mut comment = 0_u32;
    let mut id = String::new();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || comment > 0 => {
                let escaped = chars.next();
                if comment == 0 {
                    id.extend(escaped);
                }
            }
            '(' if !quoted => comment += 1,
            ')' if !quoted && comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            '"' => quoted = !quoted,
            ';' | '/' if !quoted => break,
            c if c.is_whitespace() && !quoted => {
                if !id.is_empty() {
                    break;
                }
            }
            c => id.push(c),
        }
    }
    id.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn edited(header: &str, way_in: WayIn) -> String {
        let rules = EditRules { authserv_id: "mx.poshta.example", way_in, verified_marks: &[] };
        match edit_header(header.as_bytes(), &rules) {
            Some(edited) => String::from_utf8(edited.header).unwrap(),
            None => header.to_owned(),
        }
    }

    #[test_case("Postal-Mark: v=1;\r\n\ti=2\r\n\r\n" => "Postal-Mark-Untrusted: Postal-Mark: v=1;\r\n\ti=2\r\n\r\n"; "folding is kept")]
    #[test_case("A: b\r\npostal-mark-TEXT:x\r\n\r\n" => "A: b\r\nPostal-Mark-Untrusted: postal-mark-TEXT:x\r\n\r\n"; "name in any case, no space")]
    #[test_case("Postal-Item-Id : x\r\n\r\n" => "Postal-Mark-Untrusted: Postal-Item-Id : x\r\n\r\n"; "obsolete space before the colon")]
    #[test_case("Postal-Mark-Untrusted: Postal-Mark: x\r\n\r\n" => "Postal-Mark-Untrusted: Postal-Mark: x\r\n\r\n"; "already renamed stays")]
    #[test_case("Postal-Marks: x\r\nPostal-Class: y\r\n\r\n" => "Postal-Marks: x\r\nPostal-Class: y\r\n\r\n"; "other fields stay")]
    #[test_case("Return-Path: <a@b>\r\nA: b\r\n\r\n" => "A: b\r\n\r\n"; "return-path goes")]
    #[test_case("Authentication-Results: mx.poshta.example 1; spf=pass\r\n\r\n" => "\r\n"; "our results go")]
    #[test_case("Authentication-Results: (x)\r\n MX.Poshta.Example.; none\r\nA: b\r\n\r\n" => "A: b\r\n\r\n"; "our results in disguise go")]
    #[test_case("Authentication-Results: \"mx.poshta.example\"/1; none\r\n\r\n" => "\r\n"; "our quoted id goes")]
    #[test_case("Authentication-Results: other.example; spf=pass\r\n\r\n" => "Authentication-Results: other.example; spf=pass\r\n\r\n"; "results of others stay")]
    #[test_case("Bcc: a@b\r\nPostal-Payment: sign=1\r\n\r\n" => "Bcc: a@b\r\n\r\n"; "relayed keeps bcc, and no code of a payment sign")]
    fn design7_edits_of_relayed_mail(header: &str) -> String {
        edited(header, WayIn::Relayed)
    }

    #[test]
    fn design7_submission_removes_bcc_and_payment() {
        assert_eq!(
            edited(
                "Bcc: a@b,\r\n c@d\r\nTo: e@f\r\nPostal-Payment: sign=1\r\nresent-bcc : g@h\r\n\r\n",
                WayIn::Submitted
            ),
            "To: e@f\r\n\r\n"
        );
    }

    #[test]
    fn p19_nothing_behind_the_header_is_touched() {
        let message = "A: b\r\n\r\nPostal-Mark: in the text\r\nBcc: x\r\n";
        assert_eq!(edited(message, WayIn::Submitted), message);
    }

    #[test]
    fn verified_marks_stay() {
        let header = b"A: b\r\nPostal-Mark: good\r\nPostal-Mark: bad\r\n\r\n";
        let rules = EditRules { authserv_id: "x", way_in: WayIn::Relayed, verified_marks: &[6] };
        let edited = edit_header(header, &rules).unwrap();
        assert_eq!(edited.header, b"A: b\r\nPostal-Mark: good\r\nPostal-Mark-Untrusted: Postal-Mark: bad\r\n\r\n");
        assert_eq!(edited.edits, [Edit::Renamed("Postal-Mark".to_owned())]);
    }

    #[test_case(962 => 0; "it fits beside the new name")]
    #[test_case(963 => 1; "it is folded")]
    #[test_case(985 => 1; "the longest line there may be")]
    fn rfc5322_2_1_1_renaming_makes_no_line_too_long(value_bytes: usize) -> usize {
        let value = "x".repeat(value_bytes);
        let edited = edited(&format!("Postal-Mark: {value}\r\n\r\n"), WayIn::Relayed);
        assert!(edited.lines().all(|line| line.len() <= MAX_LINE));
        assert_eq!(edited.replace("\r\n ", " "), format!("Postal-Mark-Untrusted: Postal-Mark: {value}\r\n\r\n"));
        edited.matches("\r\n ").count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bytes_outside_edited_fields_are_identical(
            lines in prop::collection::vec("(Postal-Mark|Bcc|Resent-Bcc|Subject|Return-Path|X|):? ?[ -~]{0,20}(\r\n [a-z]{0,5}|\n\t|)(\r\n|\n)", 0..12),
        ) {
            let header = format!("{}\r\n", lines.concat());
            let rules = EditRules { authserv_id: "x", way_in: WayIn::Submitted, verified_marks: &[] };
            let after = edit_header(header.as_bytes(), &rules).map_or(header.clone().into_bytes(), |edited| edited.header);
            let kept = |block: &[u8]| -> Vec<Vec<u8>> {
                let edited = ["Postal-Mark", "Postal-Mark-Untrusted", "Bcc", "Resent-Bcc", "Return-Path"];
                fields(block).filter(|field| !edited.iter().any(|name| field.is(name))).map(|field| field.raw.to_vec()).collect()
            };
            prop_assert_eq!(kept(header.as_bytes()), kept(&after));
            let renamed = |block: &[u8], name: &str| fields(block).filter(|field| field.is(name)).count();
            prop_assert_eq!(renamed(header.as_bytes(), "Postal-Mark"), renamed(&after, "Postal-Mark-Untrusted"));
            prop_assert_eq!(renamed(&after, "Bcc") + renamed(&after, "Resent-Bcc") + renamed(&after, "Return-Path") + renamed(&after, "Postal-Mark"), 0);
            prop_assert!(edit_header(&after, &rules).is_none());
        }
    }
}
