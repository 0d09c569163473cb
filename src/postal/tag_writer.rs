//! A tag list while it is written: its canonical form grows tag by tag, and the folded field is made from it.

use std::fmt::{Display, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use memchr::memchr_iter;

use crate::ids::{ImpressionId, ULID_LENGTH};

use super::DateToken;
use super::tag_list::quote_into;

/// Longest line of a folded field, without CRLF (RFC 5322 §2.1.1).
pub(super) const LINE: usize = 78;

/// The signature of an Ed25519 key in base64.
const SHORT_BASE64_BYTES: usize = 88;

/// A signed mark in canonical form takes about so many bytes.
const USUAL_BYTES: usize = 3 << 9;

/// The canonical form: `field:` in small letters and the tags in their order, joined by `;`, without white space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TagWriter {
    field: &'static str,
    canonical: String,
    /// Where in it the tags begin.
    begin: usize,
}

impl TagWriter {
    /// A list without tags.
    pub(super) fn new(field: &'static str) -> Self {
        let mut canonical = String::with_capacity(USUAL_BYTES);
        canonical.push_str(field);
        canonical.make_ascii_lowercase();
        canonical.push(':');
        TagWriter { field, begin: canonical.len(), canonical }
    }

    /// Only tags, for [`TagWriter::push_written`], of about so many bytes.
    pub(super) fn tags(bytes: usize) -> Self {
        TagWriter { field: "", begin: 0, canonical: String::with_capacity(bytes) }
    }

    /// Appends a tag whose value has neither white space nor `;`.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.begin(name);
        self.canonical.push_str(value);
    }

    /// As [`TagWriter::push`], a value as it is shown, if there is one.
    pub(super) fn push_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.begin(name);
            // A string takes whatever is written to it.
            let _ = write!(self.canonical, "{value}");
        }
    }

    /// Appends a tag for a number.
    pub(super) fn push_number(&mut self, name: &str, number: impl itoa::Integer) {
        self.push(name, itoa::Buffer::new().format(number));
    }

    /// Appends a tag for an id.
    pub(super) fn push_id(&mut self, name: &str, id: ImpressionId) {
        self.push(name, id.text(&mut [0; ULID_LENGTH]));
    }

    /// Appends a tag for a date token.
    pub(super) fn push_token(&mut self, name: &str, token: DateToken) {
        self.begin(name);
        token.write_to(&mut self.canonical);
    }

    /// Appends a tag for bytes, in base64.
    pub(super) fn push_base64(&mut self, name: &str, bytes: &[u8]) {
        self.begin(name);
        write_base64(&STANDARD, bytes, &mut self.canonical);
    }

    /// Appends a tag for two values, each in the base64 of URLs, with a point between them.
    pub(super) fn push_base64_pair(&mut self, name: &str, (first, second): (&[u8], &[u8])) {
        self.begin(name);
        write_base64(&URL_SAFE_NO_PAD, first, &mut self.canonical);
        self.canonical.push('.');
        write_base64(&URL_SAFE_NO_PAD, second, &mut self.canonical);
    }

    /// Appends a tag for any text, in dkim-quoted-printable.
    pub(super) fn push_quoted(&mut self, name: &str, text: &str) {
        self.begin(name);
        quote_into(text, &mut self.canonical);
    }

    /// Appends tags in canonical form.
    pub(super) fn push_written(&mut self, tags: &str) {
        self.separate();
        self.canonical.push_str(tags);
    }

    /// Goes on with the value of the tag that was appended last, in base64.
    pub(super) fn extend_last_base64(&mut self, bytes: &[u8]) {
        write_base64(&STANDARD, bytes, &mut self.canonical);
    }

    /// The canonical form. Folding does not change it.
    pub(super) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The canonical form, for whoever keeps it.
    pub(super) fn into_canonical(self) -> String {
        self.canonical
    }

    /// The whole field with its final CRLF, no line longer than 78.
    pub(super) fn header(&self) -> String {
        let mut out = String::with_capacity(Self::folded_bytes(&self.canonical));
        out.push_str(self.field);
        out.push(':');
        fold(self.canonical.get(self.begin..).unwrap_or_default(), self.begin, &mut out);
        out.push_str("\r\n");
        out
    }

    /// What a list of this canonical form takes when it is folded: each tag has a space before it, and most lines hold
    /// one or two.
    pub(super) fn folded_bytes(canonical: &str) -> usize {
        canonical.len() + canonical.len() / 8
    }

    fn begin(&mut self, name: &str) {
        self.separate();
        self.canonical.push_str(name);
        self.canonical.push('=');
    }

    fn separate(&mut self) {
        if self.canonical.len() > self.begin {
            self.canonical.push(';');
        }
    }
}

/// Writes bytes in base64 to the end of `out`. Hashes and short signatures do not go through the encoder's buffer of a
/// kilobyte, which is zeroed each time.
pub(super) fn write_base64(encoding: &GeneralPurpose, bytes: &[u8], out: &mut String) {
    let mut text = [0; SHORT_BASE64_BYTES];
    let short = encoding.encode_slice(bytes, &mut text).ok().and_then(|len| text.get(..len));
    match short.and_then(|text| std::str::from_utf8(text).ok()) {
        Some(text) => out.push_str(text),
        None => encoding.encode_string(bytes, out),
    }
}

/// Writes tags in canonical form to the end of a field whose last line has `width` characters, so that no line is longer
/// than 78; what its last line has then.
pub(super) fn fold(tags: &str, mut width: usize, out: &mut String) -> usize {
    let ends = memchr_iter(b';', tags.as_bytes()).map(|at| at + 1).chain([tags.len()]);
    let mut begin = 0;
    for end in ends {
        let tag = tags.get(std::mem::replace(&mut begin, end)..end).unwrap_or_default();
        if tag.is_empty() {
            continue;
        }
        if width + 1 + tag.len() <= LINE {
            out.push(' ');
            out.push_str(tag);
            width += 1 + tag.len();
            continue;
        }
        let mut rest = tag;
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(break_point(rest));
            out.push_str("\r\n ");
            out.push_str(line);
            width = 1 + line.len();
            rest = tail;
        }
    }
    width
}

/// How much of a tag goes on a line of its own: all, or as much as fits without tearing `=XX` apart.
fn break_point(tag: &str) -> usize {
    let room = LINE - 1;
    if tag.len() <= room {
        return tag.len();
    }
    let escape_before = |at: usize| tag.as_bytes().get(at) == Some(&b'=');
    (1..=2).find(|back| escape_before(room - back)).map_or(room, |back| room - back)
}
