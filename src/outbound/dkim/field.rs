//! The field `DKIM-Signature` (RFC 6376 §3.5), folded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Timestamp;
use crate::postal::{BodyHash, CANONICALIZATION, HeaderInput, KeyError, SigningKey};

/// Longest line without CRLF (RFC 5322 §2.1.1); only a domain that is longer itself makes a longer one.
const LINE: usize = 78;

/// Characters of a signature on a line.
const SIGNATURE_LINE: usize = 72;

/// Where the public key is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    /// Tag `d`, in A-labels.
    pub(super) domain: &'a str,
    /// Tag `s`.
    pub(super) selector: &'a str,
}

/// Signs a header and a body; gives the whole field with its CRLF.
///
/// It has no `l` (RFC 6376 §8.2: what is added behind a counted part would look signed) and no `x`: each attempt has a
/// signature of its own, so that the days in our queue do not count, and a letter is evidence for longer than any `x`.
pub(super) fn signed(
    header: &HeaderInput,
    body: BodyHash,
    name: &Name<'_>,
    key: &SigningKey,
    now: Timestamp,
) -> Result<String, KeyError> {
    let mut field = Folded::new("DKIM-Signature:");
    field.word(" ", "v=1;");
    field.word(" ", &format!("a={};", key.algorithm()));
    field.word(" ", &format!("c={CANONICALIZATION};"));
    field.word(" ", &format!("d={};", name.domain));
    field.word(" ", &format!("s={};", name.selector));
    field.word(" ", &format!("t={};", now.as_second()));
    let mut gap = " ";
    let mut tag = "h=";
    // §3.5: white space may stand around the colons.
    for names in header.names().split_inclusive(':') {
        field.word(std::mem::take(&mut gap), &format!("{}{names}", std::mem::take(&mut tag)));
    }
    field.word("", ";");
    field.word(" ", &format!("bh={};", body.base64()));
    field.word(" ", "b=");
    let signature = STANDARD.encode(key.sign_field(header, &field.text)?);
    let mut rest = signature.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(SIGNATURE_LINE));
        field.word("", line);
        rest = tail;
    }
    field.text.push_str("\r\n");
    Ok(field.text)
}

/// Words on lines that are not too long.
struct Folded {
    text: String,
    width: usize,
}

impl Folded {
    fn new(name: &str) -> Self {
        Folded { text: name.to_owned(), width: name.len() }
    }

    /// Appends a word behind `gap`, or on a line of its own where there is no room.
    fn word(&mut self, gap: &str, word: &str) {
        if self.width + gap.len() + word.len() > LINE {
            self.text.push_str("\r\n ");
            self.width = 1;
        } else {
            self.text.push_str(gap);
            self.width += gap.len();
        }
        self.text.push_str(word);
        self.width += word.len();
    }
}
