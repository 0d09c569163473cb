//! A part whose end has not been seen yet.

use std::ops::Range;

use crate::message::decode::TransferDecoder;
use crate::message::envelope::Envelope;
use crate::message::headers::{Field, fields};
use crate::message::mime::{parameterized, token};
use crate::message::structure::{Content, Disposition, Nested, Param, Part};

use super::MAX_BOUNDARY;

/// What a part is when its header does not say (RFC 2045 §5.2, RFC 2046 §5.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    /// `text/plain`
    Text,
    /// `message/rfc822`, in a digest.
    Message,
}

/// Where in an open part the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In its header block.
    Header,
    /// In the body of a leaf.
    Leaf,
    /// In a multipart, before its closing delimiter.
    Multipart,
    /// In a multipart, behind its closing delimiter.
    Epilogue,
    /// In a message/rfc822; the nested message is next on the stack.
    Message,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) part: Part,
    pub(super) state: State,
    fallback: Fallback,
    boundary: Vec<u8>,
    lines_before_body: u64,
    /// The envelope of this header block, when the part is a message inside a message.
    envelope: Option<Envelope>,
    is_nested_message: bool,
}

/// Where a part ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Offset of the first byte that does not belong to it.
    pub(super) at: u64,
    /// Lines of the message up to there.
    pub(super) lines: u64,
    /// The last of them was empty, and its line end belongs to the delimiter.
    pub(super) empty_last_line: bool,
}

/// What the caps allow at the end of a header block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// The block was kept whole.
    pub(super) whole_header: bool,
    /// One more level of parts may be opened.
    pub(super) deeper: bool,
    /// What may still be kept.
    pub(super) structure_bytes: usize,
}

/// What the description of a part came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Bytes of structure.
    pub(super) spent: usize,
    /// The part is opaque because of a cap.
    pub(super) capped: bool,
    /// There is nothing left to spend.
    pub(super) out_of_budget: bool,
}

/// Encoded size of a part without its texts, roughly.
const BARE_PART_BYTES: usize = 10;

impl Open {
    /// A part whose header begins at `start`.
    pub(super) fn new(start: u64, fallback: Fallback) -> Self {
        Open {
            part: Part { header: start..start, body: start..start, ..Part::default() },
            state: State::Header,
            fallback,
            boundary: Vec::new(),
            lines_before_body: 0,
            envelope: None,
            is_nested_message: false,
        }
    }

    /// The message inside a message, whose header begins at `start`.
    pub(super) fn nested(start: u64) -> Self {
        Open { is_nested_message: true, ..Open::new(start, Fallback::Text) }
    }

    /// The boundary whose delimiters count now.
    pub(super) fn awaited_boundary(&self) -> Option<&[u8]> {
        (self.state == State::Multipart).then_some(&self.boundary)
    }

    /// RFC 2046 §5.1.5: in a digest a part is a message unless it says otherwise.
    pub(super) fn fallback_of_children(&self) -> Fallback {
        if self.part.is("multipart", "digest") { Fallback::Message } else { Fallback::Text }
    }

    /// From here on the part is bytes that nobody looks into.
    pub(super) fn begin_opaque(&mut self, body: u64, lines: u64) {
        self.part = Part {
            header: self.part.header.start..body,
            body: body..body,
            kind: "application".to_owned(),
            subtype: "octet-stream".to_owned(),
            ..Part::default()
        };
        self.lines_before_body = lines;
        self.state = State::Leaf;
    }

    /// The header block goes up to `end`.
    pub(super) fn end_header(&mut self, block: &[u8], end: u64, lines: u64, allowed: &Allowed) -> Outcome {
        self.part.header.end = end;
        self.part.body = end..end;
        self.lines_before_body = lines;
        self.describe(block);
        if self.is_nested_message {
            self.envelope = Some(Envelope::parse(block));
        }
        let spent = BARE_PART_BYTES + text_bytes(&self.part) + self.envelope.as_ref().map_or(0, Envelope::text_bytes);
        if spent > allowed.structure_bytes {
            self.envelope = None;
            self.begin_opaque(end, lines);
            return Outcome { spent: allowed.structure_bytes, capped: true, out_of_budget: true };
        }
        let capped = !self.enter(allowed) || !allowed.whole_header;
        Outcome { spent, capped, out_of_budget: false }
    }

    /// Decides what is inside; false when a cap forbids to look.
    fn enter(&mut self, allowed: &Allowed) -> bool {
        self.state = State::Leaf;
        let multipart = self.part.is("multipart", "*");
        if !multipart && !self.part.is("message", "rfc822") && !self.part.is("message", "global") {
            return true;
        }
        let boundary = self.part.param("boundary").unwrap_or_default().as_bytes().to_vec();
        if !allowed.deeper || !allowed.whole_header || boundary.len() > MAX_BOUNDARY {
            self.begin_opaque(self.part.body.start, self.lines_before_body);
            return false;
        }
        if !multipart {
            self.state = State::Message;
        } else if boundary.is_empty() {
            // RFC 2045 §5.2: a Content-Type that makes no sense is that of plain text.
            self.part.kind = "text".to_owned();
            self.part.subtype = "plain".to_owned();
        } else {
            self.boundary = boundary;
            self.state = State::Multipart;
        }
        true
    }

    /// Takes what MIME says of the part from its header block; of a field that stands twice the first counts.
    fn describe(&mut self, block: &[u8]) {
        let mut typed = false;
        for field in fields(block) {
            let part = &mut self.part;
            if field.is("Content-Type") && !typed {
                typed = true;
                describe_type(part, &field);
            } else if field.is("Content-Disposition") && part.disposition.is_none() {
                let parsed = parameterized(&field.text());
                part.disposition = (!parsed.value.is_empty() || !parsed.params.is_empty())
                    .then_some(Disposition { kind: parsed.value, params: parsed.params });
            } else if field.is("Content-Transfer-Encoding") && part.encoding.is_none() {
                part.encoding = non_empty(token(&field.text()));
            } else if field.is("Content-Language") && part.language.is_empty() {
                part.language =
                    token(&field.text()).split(',').filter_map(|tag| non_empty(tag.trim().to_owned())).collect();
            } else if let Some(slot @ None) = plain_slot(part, &field) {
                *slot = non_empty(field.text());
            }
        }
        if self.part.kind.is_empty() {
            let (kind, subtype) = match self.fallback {
                Fallback::Text => ("text", "plain"),
                Fallback::Message => ("message", "rfc822"),
            };
            self.part.kind = kind.to_owned();
            self.part.subtype = subtype.to_owned();
        }
    }

    /// Puts a part that was inside into this one.
    pub(super) fn take_in(&mut self, (inner, envelope): (Part, Option<Envelope>)) {
        match (&mut self.part.content, self.state) {
            (content, State::Message) => {
                *content = Content::Message(Box::new(Nested { envelope: envelope.unwrap_or_default(), part: inner }));
            }
            (Content::Multipart(parts), _) => parts.push(inner),
            (content, _) => *content = Content::Multipart(vec![inner]),
        }
    }

    /// The finished part, and its envelope if it is a message inside a message.
    pub(super) fn close(mut self, end: End) -> (Part, Option<Envelope>) {
        let inner_end = self.part.children().last().map_or(0, |inner| inner.body.end);
        let body = &mut self.part.body;
        body.end = end.at.max(body.start).max(inner_end);
        self.part.lines = end.lines.saturating_sub(self.lines_before_body);
        if end.empty_last_line {
            self.part.lines = self.part.lines.saturating_sub(1);
        }
        if self.part.content == Content::Leaf {
            self.fill_empty();
        }
        (self.part, self.envelope)
    }

    /// RFC 9051 §9: body-type-mpart has at least one part and body-type-msg a body, so a part without
    /// anything stands in for what is missing.
    fn fill_empty(&mut self) {
        let body = self.part.body.clone();
        let text = |body: Range<u64>| Part {
            header: body.start..body.start,
            body,
            kind: "text".to_owned(),
            subtype: "plain".to_owned(),
            ..Part::default()
        };
        match self.state {
            State::Multipart | State::Epilogue => {
                self.part.content = Content::Multipart(vec![text(body.end..body.end)])
            }
            State::Message => {
                let part = Part { lines: self.part.lines, ..text(body) };
                self.part.content = Content::Message(Box::new(Nested { envelope: Envelope::default(), part }));
            }
            State::Header | State::Leaf => {}
        }
    }

    /// The body is the bytes themselves (RFC 2045 §6.2).
    pub(super) fn has_identity_encoding(&self) -> bool {
        matches!(TransferDecoder::new(self.part.encoding.as_deref()), Ok(TransferDecoder::Identity))
    }
}

/// RFC 2045 §5.1: `type/subtype`; anything else leaves the default.
fn describe_type(part: &mut Part, field: &Field<'_>) {
    let parsed = parameterized(&field.text());
    let Some((kind, subtype)) = parsed.value.split_once('/') else { return };
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if is_token(kind) && is_token(subtype) {
        part.kind = kind.to_owned();
        part.subtype = subtype.to_owned();
        part.params = parsed.params;
    }
}

/// The fields whose value is kept as it is.
fn plain_slot<'a>(part: &'a mut Part, field: &Field<'_>) -> Option<&'a mut Option<String>> {
    if field.is("Content-ID") {
        Some(&mut part.id)
    } else if field.is("Content-Description") {
        Some(&mut part.description)
    } else if field.is("Content-MD5") {
        Some(&mut part.md5)
    } else if field.is("Content-Location") {
        Some(&mut part.location)
    } else {
        None
    }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Bytes of all texts of a part, each with a length.
fn text_bytes(part: &Part) -> usize {
    let params = |params: &[Param]| params.iter().map(|param| param.name.len() + param.value.len() + 4).sum::<usize>();
    let optional = [&part.id, &part.description, &part.encoding, &part.md5, &part.location];
    part.kind.len()
        + part.subtype.len()
        + params(&part.params)
        + part.disposition.as_ref().map_or(0, |disposition| disposition.kind.len() + 4 + params(&disposition.params))
        + part.language.iter().map(|tag| tag.len() + 2).sum::<usize>()
        + optional.into_iter().flatten().map(|text| text.len() + 2).sum::<usize>()
}
