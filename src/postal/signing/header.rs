//! The header fields that a signature covers, in the relaxed form (RFC 6376 §3.4.2, §5.4.2).

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::message::headers::{self, Field};

/// Tag `c`.
pub(crate) const CANONICALIZATION: &str = "relaxed/relaxed";

/// Fields of one name that are signed. RFC 5322 §3.6 allows one of each; a letter with more than these was written by
/// no mail program, and its mark must stay a mark.
const MAX_REPEATS: usize = 50;

/// The fields of a usual letter take about so many bytes.
const USUAL_BYTES: usize = 1 << 10;

/// So many fields of a usual letter are signed.
const USUAL_FIELDS: usize = 12;

/// Names that a verifier looks at: more than any letter of ours can have.
pub(in crate::postal) const MAX_NAMES: usize = 1000;

/// A field that is signed wherever it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    /// In small letters.
    pub(in crate::postal) name: &'static str,
    addition: Addition,
}

/// Whether a signature goes on holding when a field of the name is added above those it covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Addition {
    /// RFC 6376 §8.15: listed once more than present, so that none can be added.
    Breaks,
    /// Somebody on the way has a reason to write one.
    Holds,
}

impl Listed {
    /// What every mark signs (FACTS E; never `Bcc`), in the order of tag `h`.
    pub(in crate::postal) const MARK: [Self; 11] = [
        Self::closed("from"),
        Self::closed("to"),
        Self::closed("cc"),
        Self::closed("subject"),
        Self::closed("date"),
        Self::closed("message-id"),
        Self::closed("mime-version"),
        Self::closed("content-type"),
        Self::closed("content-transfer-encoding"),
        Self::ITEM_ID,
        Self::closed("postal-class"),
    ];

    /// `Postal-Item-Id`: the next operator's is written above that of the first.
    pub(in crate::postal) const ITEM_ID: Self = Self::open("postal-item-id");

    /// A field of which none may be added.
    pub(crate) const fn closed(name: &'static str) -> Self {
        Listed { name, addition: Addition::Breaks }
    }

    /// A field that others may add.
    pub(crate) const fn open(name: &'static str) -> Self {
        Listed { name, addition: Addition::Holds }
    }
}

/// The beginning of what is signed: the named fields, each with its CRLF. That of all marks of an item is the same.
#[derive(Clone, Debug)]
pub struct HeaderInput {
    names: String,
    canonical: Vec<u8>,
    /// On its way to the hash of these bytes and what follows.
    hash: Sha256,
    digest: [u8; 32],
}

impl HeaderInput {
    /// For a new mark on a letter whose header is `blocks`, one below the other.
    #[must_use]
    pub fn to_sign(blocks: &[&[u8]]) -> Self {
        Self::listing(blocks, &Listed::MARK)
    }

    /// The fields of these names in a header that is `blocks`, one below the other.
    pub(crate) fn listing(blocks: &[&[u8]], listed: &[Listed]) -> Self {
        let place = |field: &Field<'_>| listed.iter().position(|listed| field.is(listed.name));
        let mut fields = Vec::with_capacity(USUAL_FIELDS);
        fields.extend(fields_of(blocks).filter_map(|field| Some((place(&field)?, field))));
        let mut names = String::with_capacity(256);
        let mut canonical = Vec::with_capacity(USUAL_BYTES);
        for (at, Listed { name, addition }) in listed.iter().enumerate() {
            let there = || fields.iter().filter(|(place, _)| *place == at).map(|(_, field)| field);
            let times = there().count().min(MAX_REPEATS) + usize::from(*addition == Addition::Breaks);
            for name in std::iter::repeat_n(*name, times) {
                if !names.is_empty() {
                    names.push(':');
                }
                names.push_str(name);
            }
            // RFC 6376 §5.4.2: from the bottom up.
            there().rev().take(times).for_each(|field| relax(field, &mut canonical));
        }
        Self::of(names, canonical)
    }

    /// For a mark that names what it signs (tag `h`).
    #[must_use]
    pub fn named(header: &[u8], names: &[String]) -> Self {
        // By name, so that a header of many fields under a mark of many names costs no more than the sum of both.
        let mut left: HashMap<&str, Vec<Field<'_>>> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
        for field in headers::fields(header) {
            let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
            if let Some(named) = left.get_mut(name.as_str()) {
                named.push(field);
            }
        }
        let mut canonical = Vec::with_capacity(USUAL_BYTES);
        for name in names {
            // RFC 6376 §5.4.2: from the bottom up; what is not there is nothing.
            if let Some(field) = left.get_mut(name.as_str()).and_then(Vec::pop) {
                relax(&field, &mut canonical);
            }
        }
        Self::of(names.join(":"), canonical)
    }

    fn of(names: String, canonical: Vec<u8>) -> Self {
        let hash = Sha256::new_with_prefix(&canonical);
        let digest = hash.clone().finalize().into();
        HeaderInput { names, canonical, hash, digest }
    }

    /// Tag `h`.
    #[must_use]
    pub fn names(&self) -> &str {
        &self.names
    }

    /// Tag `hh`: SHA-256 of the fields alone. When a signature fails it tells whether the header or the mark was
    /// altered.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// SHA-256 of the fields and of what follows them.
    pub(super) fn digest_with(&self, mark: &str) -> [u8; 32] {
        self.hash.clone().chain_update(mark).finalize().into()
    }

    /// The fields and what follows them.
    pub(super) fn bytes_with(&self, mark: &str) -> Vec<u8> {
        [self.canonical.as_slice(), mark.as_bytes()].concat()
    }
}

/// A field in the relaxed form, without its line end; nothing for what is no field.
pub(super) fn relaxed(field: &str) -> String {
    let mut canonical = Vec::new();
    headers::fields(field.as_bytes()).take(1).for_each(|field| relax(&field, &mut canonical));
    String::from_utf8_lossy(headers::without_line_end(&canonical)).into_owned()
}

fn fields_of<'a>(blocks: &[&'a [u8]]) -> impl Iterator<Item = Field<'a>> {
    blocks.iter().flat_map(|block| headers::fields(block))
}

/// RFC 6376 §3.4.2: small letters, unfolded, white space reduced and none around the value; then CRLF.
fn relax(field: &Field<'_>, out: &mut Vec<u8>) {
    out.extend(field.name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let begin = out.len();
    let mut space = false;
    let mut rest = field.value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b' ' | b'\t' => {
                space = true;
                after
            }
            b'\n' => after,
            b'\r' if after.first() == Some(&b'\n') => after,
            _ => {
                if std::mem::take(&mut space) && out.len() > begin {
                    out.push(b' ');
                }
                let more = after.iter().position(|byte| b" \t\r\n".contains(byte)).unwrap_or(after.len());
                let (word, after) = rest.split_at(1 + more);
                out.extend_from_slice(word);
                after
            }
        };
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(header: &str, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        String::from_utf8(HeaderInput::named(header.as_bytes(), &names).canonical).unwrap()
    }

    #[test]
    fn rfc6376_3_4_5_relaxed_header_as_in_the_example() {
        assert_eq!(canonical("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n", &["a", "b"]), "a:X\r\nb:Y Z\r\n");
    }

    #[test]
    fn rfc6376_5_4_2_fields_are_taken_from_the_bottom_up() {
        let header = "To: 3\r\nSubject: s\r\nTO: 2\r\nto: 1\r\n\r\n";
        assert_eq!(canonical(header, &["to", "to", "x", "subject"]), "to:1\r\nto:2\r\nsubject:s\r\n");
        assert_eq!(canonical(header, &["to", "to", "to", "to"]), "to:1\r\nto:2\r\nto:3\r\n");
    }

    #[test]
    fn rfc6376_3_4_2_only_ends_of_lines_and_spaces_are_reduced() {
        assert_eq!(canonical("A:\t b\rc  d\r \r\n e\r\n\tf \r\n\r\n", &["a"]), "a:b\rc d\r e f\r\n");
    }

    #[test]
    fn what_is_signed_is_what_its_names_say() {
        let header = b"To: 1\r\nX: y\r\nFrom: a\r\n b\r\nto: 2\r\nSubject:\r\nFROM: c\r\n\r\n";
        let signed = HeaderInput::to_sign(&[b"Postal-Item-Id: 1\r\n", header]);
        let names: Vec<String> = signed.names().split(':').map(str::to_owned).collect();
        let whole = [b"Postal-Item-Id: 1\r\n", &header[..]].concat();
        assert_eq!(HeaderInput::named(&whole, &names).canonical, signed.canonical);
    }

    #[test]
    fn rfc6376_saved_line_ends_do_not_matter() {
        let header = "From: a\r\n b\r\nSubject: x\r\n\r\n";
        let saved = header.replace("\r\n", "\n");
        assert_eq!(canonical(header, &["from", "subject"]), canonical(&saved, &["from", "subject"]));
    }

    #[test]
    fn e_fields_are_listed_once_more_than_they_are_there() {
        let own = b"Postal-Item-Id: 1\r\nReceived: x\r\n";
        let input = HeaderInput::to_sign(&[own, b"From: a\r\nBcc: b\r\nTo: c\r\nTo: d\r\n\r\n"]);
        let expected = "from:from:to:to:to:cc:subject:date:message-id:mime-version:content-type:\
                        content-transfer-encoding:postal-item-id:postal-class";
        assert_eq!(input.names(), expected);
        assert_eq!(input.canonical, b"from:a\r\nto:d\r\nto:c\r\npostal-item-id:1\r\n");
    }

    #[test]
    fn a_letter_with_a_thousand_recipients_fields_has_a_mark_of_reasonable_size() {
        let header = "To: a@b.example\r\n".repeat(1000);
        assert!(HeaderInput::to_sign(&[header.as_bytes()]).names().len() < 500);
    }
}
