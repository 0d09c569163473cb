//! Marks that do not stand on the letter itself: those of the paper way, which its sender has from a status message, and
//! all of them for who only has what was sent.

use std::collections::HashSet;

use crate::message::headers::{self, Field};

use super::super::{MARK_PROOF, Mark, MarkDigest};

/// The letter with the marks of another file above it, and with the item id that they sign if it has none. The file is a
/// report (its part `message/delivery-status` counts, not the marks of the report itself) or fields alone. Marks that the
/// letter has already are not put there twice. Proofs of marks come along.
#[must_use]
pub fn with_marks(letter: &[u8], elsewhere: &[u8]) -> Vec<u8> {
    let digest = |field: &Field<'_>| Mark::parse(&field.text()).ok().map(|mark| mark.digest());
    let marks_of = |field: &Field<'_>| field.is("Postal-Mark");
    let mut known: HashSet<MarkDigest> =
        headers::fields(letter).filter(marks_of).filter_map(|it| digest(&it)).collect();
    let has_item_id = headers::find(letter, "Postal-Item-Id").is_some();
    let mut whole = Vec::new();
    let mut item_id = Vec::new();
    for block in blocks(elsewhere) {
        for field in headers::fields(block) {
            if field.is("Postal-Item-Id") && item_id.is_empty() && !has_item_id {
                push(&mut item_id, &field);
            }
            if field.is(MARK_PROOF) {
                push(&mut whole, &field);
            }
            // What is no mark is shown as such.
            if field.is("Postal-Mark") && digest(&field).is_none_or(|digest| known.insert(digest)) {
                push(&mut whole, &field);
            }
        }
    }
    whole.extend_from_slice(&item_id);
    whole.extend_from_slice(letter);
    whole
}

fn push(to: &mut Vec<u8>, field: &Field<'_>) {
    to.extend_from_slice(headers::without_line_end(field.raw));
    to.extend_from_slice(b"\r\n");
}

/// The header blocks of the file that count.
fn blocks(file: &[u8]) -> Vec<&[u8]> {
    let lines = || file.split_inclusive(|byte| *byte == b'\n');
    let is_status = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        line.starts_with("content-type:") && line.contains("message/delivery-status")
    };
    let mut at = 0;
    let after = lines().find_map(|line| {
        at += line.len();
        is_status(line).then_some(at)
    });
    let Some(after) = after else { return vec![file] };
    let part = file.get(after..).unwrap_or_default();
    // RFC 2046 §5.1.1: the part ends before its boundary.
    let mut end = 0;
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"--") {
            break;
        }
        end += line.len();
    }
    let mut rest = part.get(..end).unwrap_or_default();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let length = headers::fields(rest).map(|field| field.raw.len()).sum::<usize>();
        let (block, behind) = rest.split_at(length.min(rest.len()));
        blocks.push(block);
        // The empty line between two blocks.
        let line = behind.iter().position(|byte| *byte == b'\n').map_or(behind.len(), |at| at + 1);
        rest = behind.get(line..).unwrap_or_default();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &[u8] = b"From: a\r\n\r\nbody\r\n";

    fn text(letter: &[u8], elsewhere: &str) -> String {
        String::from_utf8(with_marks(letter, elsewhere.as_bytes())).unwrap()
    }

    #[test]
    fn fields_alone_stand_above_the_letter() {
        let whole = text(LETTER, "Postal-Mark: x=1;\n y=2\nSubject: no\nPostal-Item-Id: 7\n");
        assert_eq!(whole, "Postal-Mark: x=1;\n y=2\r\nPostal-Item-Id: 7\r\nFrom: a\r\n\r\nbody\r\n");
    }

    #[test]
    fn of_a_report_its_status_counts_and_not_its_own_marks() {
        let report = "Postal-Mark: own=1\r\nPostal-Item-Id: own\r\nContent-Type: multipart/report; boundary=b\r\n\r\n\
                      --b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n\
                      Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                      Reporting-MTA: dns; x\r\nPostal-Item-Id: 7\r\n\r\nAction: relayed\r\nPostal-Mark: x=1\r\n\
                      \r\n--b--\r\nPostal-Mark: later=1\r\n";
        assert_eq!(text(LETTER, report), "Postal-Mark: x=1\r\nPostal-Item-Id: 7\r\nFrom: a\r\n\r\nbody\r\n");
    }

    #[test]
    fn proofs_of_marks_come_along() {
        let whole = text(LETTER, "Postal-Mark: x=1\nPostal-Mark-Proof: i=1;\n p=eA==\n");
        assert_eq!(whole, "Postal-Mark: x=1\r\nPostal-Mark-Proof: i=1;\n p=eA==\r\nFrom: a\r\n\r\nbody\r\n");
    }

    #[test]
    fn a_letter_keeps_its_own_item_id() {
        let letter = b"Postal-Item-Id: 1\r\nFrom: a\r\n\r\n";
        assert_eq!(text(letter, "Postal-Item-Id: 7\r\n"), String::from_utf8_lossy(letter));
    }

    #[test]
    fn a_mark_that_the_letter_has_is_not_put_there_twice() {
        let letter = include_str!("../../../tests/vectors/postmark/valid.eml");
        assert_eq!(text(letter.as_bytes(), letter), letter);
        let bare = letter.split("Received:").nth(1).unwrap();
        let bare = format!("Received:{bare}");
        let marks = letter.split("Postal-Mark:").count() - 1;
        let whole = text(bare.as_bytes(), letter);
        assert_eq!(whole.matches("Postal-Mark:").count(), marks);
        assert!(whole.contains("Postal-Item-Id: "), "{whole}");
    }
}
