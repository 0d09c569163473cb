//! The incremental MIME scanner (DESIGN 10): bytes in as they arrive, a [`Structure`] out.
//!
//! It works line by line and keeps of a line only what a boundary can be (RFC 2046 §5.1.1), of a header only
//! the block it is in, and of parts that are done only their [`Part`]. A line ends at LF, with or without CR,
//! because deposited bytes (APPEND) may have either.

mod open;

use serde::{Deserialize, Serialize};

use super::structure::{Facts, Part, Structure};
use open::{Allowed, End, Fallback, Open, State};

/// The `[message]` section: how much of a message is looked into. What is beyond a cap stays one opaque part;
/// delivery works all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Longest header block of one part that is read, in bytes. Default 262144.
    pub max_header_bytes: usize,
    /// Deepest nesting of parts. Default 100, which is also the most.
    pub max_depth: usize,
    /// Most parts of one message. Default 10000.
    pub max_parts: usize,
    /// Most bytes of a message's structure that are kept. Default 92160, which is also the most: the store
    /// keeps it in one row.
    pub max_structure_bytes: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Caps {
            max_header_bytes: 256 * 1024,
            max_depth: MAX_DEPTH,
            max_parts: 10_000,
            max_structure_bytes: MAX_STRUCTURE_BYTES,
        }
    }
}

/// Parts are dropped, moved and written by recursion, so the depth has an end whatever is configured.
pub(super) const MAX_DEPTH: usize = 100;
const MAX_STRUCTURE_BYTES: usize = 90 * 1024;

/// RFC 2046 §5.1.1 allows 70 characters; some senders use more.
const MAX_BOUNDARY: usize = 250;
/// Of a line only a boundary with its dashes and some trailing white space is of interest.
const LINE_HEAD: usize = MAX_BOUNDARY + 16;

/// Eats a message in pieces of any size.
#[derive(Debug)]
pub struct Scanner {
    caps: Caps,
    facts: Facts,
    line: Line,
    /// The line end before the current line: it belongs to a boundary, if one follows.
    before: LineEnd,
    /// Lines that are complete.
    lines: u64,
    /// The open parts, outermost first; never empty.
    stack: Vec<Open>,
    /// Header block of the innermost open part, up to the cap.
    header: Vec<u8>,
    /// Length of `header` when the current line began.
    header_before_line: usize,
    parts: usize,
    /// Estimate of the encoded structure in bytes.
    spent: usize,
    /// The number or size of parts has reached its cap: nothing is split any more.
    full: bool,
}

/// The line that is being read.
#[derive(Debug, Default)]
struct Line {
    start: u64,
    len: u64,
    head: Vec<u8>,
    ends_in_cr: bool,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, Default)]
struct LineEnd {
    bytes: u64,
    empty_line: bool,
}

/// What a line is to the open multiparts, which are named by their place in the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    /// `--boundary`
    Next(usize),
    /// `--boundary--`
    Close(usize),
}

impl Scanner {
    /// A scanner at the beginning of a message.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Scanner {
            caps,
            facts: Facts::default(),
            line: Line::default(),
            before: LineEnd::default(),
            lines: 0,
            stack: vec![Open::new(0, Fallback::Text)],
            header: Vec::new(),
            header_before_line: 0,
            parts: 1,
            spent: 0,
            full: false,
        }
    }

    /// The next bytes. The outcome does not depend on how the message is cut into pieces.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at(end);
            bytes = rest;
            self.note_facts(piece);
            let room = LINE_HEAD.saturating_sub(self.line.head.len());
            self.line.head.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if self.in_header() {
                let room = self.caps.max_header_bytes.saturating_sub(self.header.len());
                self.header.extend_from_slice(piece.get(..room).unwrap_or(piece));
            }
            self.line.len += piece.len() as u64;
            self.facts.bytes += piece.len() as u64;
            if piece.last() == Some(&b'\n') {
                self.end_line();
            }
        }
    }

    /// The message is complete.
    #[must_use]
    pub fn finish(mut self) -> Structure {
        self.facts.bare_cr |= self.line.ends_in_cr;
        self.facts.longest_line_bytes = self.facts.longest_line_bytes.max(self.line.len);
        if self.line.len > 0 {
            self.lines += 1;
            match self.delimiter() {
                Some(delimiter) => self.cross(delimiter),
                None => self.count_received(),
            }
        }
        let end = End { at: self.facts.bytes, lines: self.lines, empty_last_line: false };
        loop {
            if let Some(root) = self.close_innermost(end) {
                self.facts.header_bytes = root.header.end;
                return Structure { root, facts: self.facts };
            }
        }
    }

    fn in_header(&self) -> bool {
        self.stack.last().is_some_and(|open| open.state == State::Header)
    }

    fn in_top_header(&self) -> bool {
        self.stack.len() == 1 && self.in_header()
    }

    /// Looks at bytes that hold no LF but a last one.
    fn note_facts(&mut self, piece: &[u8]) {
        let Some((&last, rest)) = piece.split_last() else { return };
        if !piece.is_ascii() {
            if self.in_top_header() {
                self.facts.eight_bit_header = true;
            } else {
                self.facts.eight_bit_body = true;
            }
        }
        let cr_before_last = rest.last().map_or(self.line.ends_in_cr, |byte| *byte == b'\r');
        // A CR is followed by LF, or it is bare: the one that ended the piece before, and those in this one.
        self.facts.bare_cr |= self.line.ends_in_cr && piece != b"\n";
        if let Some((before_last, rest)) = rest.split_last() {
            self.facts.bare_cr |= memchr::memchr(b'\r', rest).is_some() || *before_last == b'\r' && last != b'\n';
        }
        self.facts.bare_lf |= last == b'\n' && !cr_before_last;
        self.facts.nul |= memchr::memchr(0, piece).is_some();
        self.line.ends_in_cr = if last == b'\n' { cr_before_last } else { last == b'\r' };
    }

    /// The current line is complete with its LF.
    fn end_line(&mut self) {
        let end_bytes = 1 + u64::from(self.line.ends_in_cr);
        let content = self.line.len - end_bytes;
        self.facts.longest_line_bytes = self.facts.longest_line_bytes.max(content);
        let delimiter = self.delimiter();
        if delimiter.is_none() {
            self.count_received();
        }
        self.lines += 1;
        match delimiter {
            Some(delimiter) => self.cross(delimiter),
            None if content == 0 && self.in_header() => self.end_header(),
            None => {}
        }
        self.before = LineEnd { bytes: end_bytes, empty_line: content == 0 };
        self.header_before_line = self.header.len();
        self.line.start = self.facts.bytes;
        self.line.len = 0;
        self.line.ends_in_cr = false;
        self.line.head.clear();
    }

    fn count_received(&mut self) {
        const NAME: &[u8] = b"received";
        let (name, rest) = self.line.head.split_at_checked(NAME.len()).unwrap_or_default();
        if name.eq_ignore_ascii_case(NAME) && rest.trim_ascii_start().starts_with(b":") && self.in_top_header() {
            self.facts.received = self.facts.received.saturating_add(1);
        }
    }

    /// RFC 2046 §5.1.1: a delimiter stands at the beginning of a line, white space may follow. The whole line
    /// is compared, so that a boundary which begins like another one is not taken for it.
    fn delimiter(&self) -> Option<Delimiter> {
        if self.full || self.line.len > LINE_HEAD as u64 {
            return None;
        }
        let line = self.line.head.strip_prefix(b"--")?.trim_ascii_end();
        self.stack.iter().enumerate().rev().find_map(|(place, open)| {
            let rest = line.strip_prefix(open.awaited_boundary()?)?;
            match rest {
                b"" => Some(Delimiter::Next(place)),
                b"--" => Some(Delimiter::Close(place)),
                _ => None,
            }
        })
    }

    /// The current line is a delimiter: everything inside that multipart ends before it.
    fn cross(&mut self, delimiter: Delimiter) {
        let (Delimiter::Next(place) | Delimiter::Close(place)) = delimiter;
        self.header.truncate(self.header_before_line);
        let end = End {
            at: self.line.start.saturating_sub(self.before.bytes),
            lines: self.lines.saturating_sub(1),
            empty_last_line: self.before.empty_line,
        };
        while self.stack.len() > place + 1 {
            self.close_innermost(end);
        }
        let Some(multipart) = self.stack.last_mut() else { return };
        match delimiter {
            Delimiter::Close(_) => multipart.state = State::Epilogue,
            Delimiter::Next(_) => {
                let fallback = multipart.fallback_of_children();
                self.open_part(fallback);
            }
        }
    }

    /// A part begins behind the current line.
    fn open_part(&mut self, fallback: Fallback) {
        self.header.clear();
        let mut open = Open::new(self.facts.bytes, fallback);
        if self.parts >= self.caps.max_parts || self.spent >= self.structure_budget() {
            self.full = true;
            self.facts.capped = true;
            open.begin_opaque(self.facts.bytes, self.lines);
        }
        self.parts += 1;
        self.stack.push(open);
    }

    fn structure_budget(&self) -> usize {
        self.caps.max_structure_bytes.min(MAX_STRUCTURE_BYTES)
    }

    /// The empty line behind a header block was read: now it is known what the part is.
    fn end_header(&mut self) {
        let nested_at = self.facts.bytes;
        let Some(mut open) = self.stack.pop() else { return };
        self.describe(&mut open, nested_at);
        // RFC 2046 §5.2.1 allows identity encodings only; a message in another one is not looked into.
        let nested = open.state == State::Message && open.has_identity_encoding();
        self.stack.push(open);
        if nested {
            self.parts += 1;
            self.stack.push(Open::nested(nested_at));
        }
    }

    /// Reads the header block of a part that goes up to `end`, within the caps.
    fn describe(&mut self, open: &mut Open, end: u64) {
        let block = std::mem::take(&mut self.header);
        let caps = Allowed {
            whole_header: end.saturating_sub(open.part.header.start) <= self.caps.max_header_bytes as u64,
            deeper: self.stack.len() < self.caps.max_depth.min(MAX_DEPTH) && self.parts < self.caps.max_parts,
            structure_bytes: self.structure_budget().saturating_sub(self.spent),
        };
        let outcome = open.end_header(&block, end, self.lines, &caps);
        self.spent = self.spent.saturating_add(outcome.spent);
        self.facts.capped |= outcome.capped;
        self.full |= outcome.out_of_budget;
    }

    /// Takes the innermost part off the stack and puts it into the one around it; gives the root, when it was
    /// that.
    fn close_innermost(&mut self, end: End) -> Option<Part> {
        let Some(mut open) = self.stack.pop() else { return Some(Part::default()) };
        if open.state == State::Header {
            // No empty line: all there is is header.
            let header_end = end.at.max(open.part.header.start);
            self.describe(&mut open, header_end);
        }
        let closed = open.close(end);
        match self.stack.last_mut() {
            Some(around) => {
                around.take_in(closed);
                None
            }
            None => Some(closed.0),
        }
    }
}

#[cfg(test)]
mod tests;
