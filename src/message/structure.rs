//! What the scanner saw of a message (DESIGN 10): the tree of parts with absolute byte offsets, and what the
//! caller wants to know of the message as a whole.
//!
//! Offsets count from the first scanned byte. Texts are as written in the header (encoded words and RFC 2231
//! sections are left alone; bytes that are no UTF-8 became U+FFFD), because clients differ in what they may
//! be shown.

use std::ops::Range;

use super::envelope::Envelope;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Structure {
    /// The message itself: its header is the top header block.
    pub root: Part,
    /// What was seen on the way.
    pub facts: Facts,
}

/// Facts about the scanned bytes that policy depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    /// Bytes scanned.
    pub bytes: u64,
    /// The longest line in bytes, without its line end.
    pub longest_line_bytes: u64,
    /// Length of the top header block in bytes, with the empty line that ends it.
    pub header_bytes: u64,
    /// `Received` fields in the top header block (RFC 5321 §6.3).
    pub received: u32,
    /// A byte above 127 in the top header block.
    pub eight_bit_header: bool,
    /// A byte above 127 behind it.
    pub eight_bit_body: bool,
    /// A CR without LF.
    pub bare_cr: bool,
    /// An LF without CR.
    pub bare_lf: bool,
    /// A NUL byte.
    pub nul: bool,
    /// A cap was reached: some part is opaque that would have been split.
    pub capped: bool,
}

/// A body part, or the message itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Part {
    /// The part's header block with the empty line that ends it.
    pub header: Range<u64>,
    /// What follows the header, without the line end that belongs to the boundary.
    pub body: Range<u64>,
    /// Lines in `body`; an unfinished last line counts.
    pub lines: u64,
    /// Media type in lower case: `text`. The default of RFC 2045 §5.2 and RFC 2046 §5.1.5 is filled in.
    pub kind: String,
    /// Media subtype in lower case: `plain`.
    pub subtype: String,
    /// Parameters of Content-Type, in order, as written.
    pub params: Vec<Param>,
    /// Content-ID.
    pub id: Option<String>,
    /// Content-Description.
    pub description: Option<String>,
    /// Content-Transfer-Encoding as written, without comments; `None` means 7BIT.
    pub encoding: Option<String>,
    /// Content-MD5.
    pub md5: Option<String>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language tags.
    pub language: Vec<String>,
    /// Content-Location.
    pub location: Option<String>,
    /// What is inside.
    pub content: Content,
}

/// A parameter of a MIME field, `name=value`; quotes are taken off, RFC 2231 is not undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name in lower case, with any `*` of RFC 2231.
    pub name: String,
    /// Value as written.
    pub value: String,
}

/// Content-Disposition (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`…, in lower case.
    pub kind: String,
    /// Parameters, in order, as written.
    pub params: Vec<Param>,
}

/// What is inside a part.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing that was looked into: a discrete type, or beyond a cap.
    #[default]
    Leaf,
    /// `multipart/*`; never empty.
    Multipart(Vec<Part>),
    /// `message/rfc822` or `message/global` in an identity encoding.
    Message(Box<Nested>),
}

/// A message inside a message.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Nested {
    /// Its envelope.
    pub envelope: Envelope,
    /// The message: its header is the nested message's header block.
    pub part: Part,
}

impl Structure {
    /// The structure of the message that stands behind `prefix_bytes` bytes of complete header fields
    /// (DESIGN 7): the top header begins at zero and grows, everything else moves. Facts other than lengths
    /// stay those of the scanned bytes.
    #[must_use]
    pub fn shifted_by_prefix(mut self, prefix_bytes: u64) -> Structure {
        self.root.shift(prefix_bytes);
        self.root.header.start = 0;
        self.facts.bytes += prefix_bytes;
        self.facts.header_bytes += prefix_bytes;
        self
    }
}

impl Part {
    /// True for this type and subtype, given in lower case; `*` as subtype fits all.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind == kind && (subtype == "*" || self.subtype == subtype)
    }

    /// The parts directly inside: of a multipart its parts, of a nested message that message.
    #[must_use]
    pub fn children(&self) -> &[Part] {
        match &self.content {
            Content::Leaf => &[],
            Content::Multipart(parts) => parts,
            Content::Message(nested) => std::slice::from_ref(&nested.part),
        }
    }

    /// The value of a Content-Type parameter as written; the name in lower case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|param| param.name == name).map(|param| param.value.as_str())
    }

    /// Moves every offset; recursion is bounded by the depth cap of the scanner and of the decoder.
    fn shift(&mut self, by: u64) {
        for range in [&mut self.header, &mut self.body] {
            range.start = range.start.saturating_add(by);
            range.end = range.end.saturating_add(by);
        }
        match &mut self.content {
            Content::Leaf => {}
            Content::Multipart(parts) => parts.iter_mut().for_each(|part| part.shift(by)),
            Content::Message(nested) => nested.part.shift(by),
        }
    }
}
