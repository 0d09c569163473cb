//! Where a line, a message or a chunk ends: found first, with hard budgets, before anything is parsed
//! (DESIGN 2).
//!
//! The invariant: exactly CRLF.CRLF ends the data of DATA, and exactly the announced octets end a chunk; what
//! the content looks like can spoil a message but never move its end. That is what stands between us and
//! smuggled letters.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Bytes that have arrived and were not yet used.
#[derive(Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
    /// The line that is arriving was too long: its bytes are thrown away up to its end.
    overlong: bool,
}

/// One line of a client, or what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Complete, without its CRLF; wiped when dropped, because it may hold a password.
    Complete(Zeroizing<Vec<u8>>),
    /// Longer than allowed.
    TooLong,
    /// Ended by a bare LF, or with a CR or NUL inside (RFC 5321 §2.3.8).
    Malformed,
}

impl fmt::Debug for Input {
    /// Without the bytes: a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.unread().len())
    }
}

impl Input {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    /// Marks the first `count` unread bytes as used and wipes them.
    pub(super) fn consume(&mut self, count: usize) {
        let end = (self.start + count).min(self.bytes.len());
        if let Some(used) = self.bytes.get_mut(self.start..end) {
            used.zeroize();
        }
        self.pass(count);
    }

    /// As [`Input::consume`], without wiping them: content of a letter, which is on its way to the disk.
    pub(super) fn pass(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self) {
        let all = self.unread().len();
        self.consume(all);
        self.overlong = false;
    }

    /// The next line, if it is complete. `limit` counts its bytes without the line end.
    pub(super) fn line(&mut self, limit: usize) -> Option<Line> {
        let unread = self.unread();
        let Some(end) = memchr::memchr(b'\n', unread) else {
            // One more than the limit may be the CR of a line end that is still under way.
            if self.overlong || unread.len() > limit + 1 {
                let all = unread.len();
                self.consume(all);
                self.overlong = true;
            }
            return None;
        };
        let raw = unread.get(..end).unwrap_or_default();
        let line = match raw.strip_suffix(b"\r") {
            _ if self.overlong => Line::TooLong,
            Some(text) if text.len() > limit => Line::TooLong,
            Some(text) if !text.iter().any(|byte| matches!(byte, b'\r' | 0)) => {
                Line::Complete(Zeroizing::new(text.to_vec()))
            }
            None if raw.len() > limit => Line::TooLong,
            _ => Line::Malformed,
        };
        self.overlong = false;
        self.consume(end + 1);
        Some(line)
    }
}

/// Takes the data of DATA apart: removes the dots that RFC 5321 §4.5.2 adds and finds the end.
#[derive(Debug)]
pub(super) struct Unstuffer {
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Behind CRLF, or at the very beginning.
    LineStart,
    Middle,
    /// Behind a CR.
    Cr,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a dot at the start of a line, and a CR.
    DotCr,
}

/// What became of a piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fed {
    /// Bytes used; all of them unless the end was among them.
    pub(super) used: usize,
    /// CRLF.CRLF was found.
    pub(super) ended: bool,
    /// A CR or an LF stood alone.
    pub(super) bare: bool,
}

impl Unstuffer {
    pub(super) fn new() -> Self {
        Unstuffer { at: At::LineStart }
    }

    /// Appends the clean content of `input` to `out`. Once `bare` was reported, what comes out is no longer
    /// the message, but the end is still found where it truly is.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Fed {
        let mut fed = Fed { used: 0, ended: false, bare: false };
        let mut rest = input;
        while let Some((byte, tail)) = rest.split_first() {
            if self.at == At::Middle && !matches!(byte, b'\r' | b'\n') {
                // The long stretches between line ends are copied at once.
                let span = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                let (text, tail) = rest.split_at(span);
                out.extend_from_slice(text);
                fed.used += span;
                rest = tail;
                continue;
            }
            fed.used += 1;
            rest = tail;
            if self.step(*byte, out, &mut fed.bare) {
                fed.ended = true;
                return fed;
            }
        }
        fed
    }

    /// True at the end of the data.
    // RFC 5321 §4.1.1.4: only CRLF.CRLF ends the data. A bare LF here is how letters are smuggled past a
    // neighbour that is more lenient, so it spoils the message instead of ending it.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>, bare: &mut bool) -> bool {
        self.at = match (self.at, byte) {
            (At::DotCr, b'\n') => return true,
            (At::Cr, b'\n') => {
                out.extend_from_slice(b"\r\n");
                At::LineStart
            }
            (At::Cr | At::DotCr, b'\r') => {
                *bare = true;
                At::Cr
            }
            (At::Cr | At::DotCr, _) | (_, b'\n') => {
                *bare = true;
                At::Middle
            }
            (At::LineStart, b'.') => At::Dot,
            (At::LineStart | At::Middle, b'\r') => At::Cr,
            (At::Dot, b'\r') => At::DotCr,
            (At::LineStart | At::Middle | At::Dot, other) => {
                out.push(other);
                At::Middle
            }
        };
        false
    }
}

/// Watches the line ends of content that comes in chunks (RFC 3030): without BINARYMIME they must be CRLF too.
#[derive(Debug, Default)]
pub(super) struct LineEnds {
    behind_cr: bool,
}

impl LineEnds {
    /// True when a CR or an LF stood alone.
    pub(super) fn feed(&mut self, piece: &[u8]) -> bool {
        let mut bare = false;
        for byte in piece {
            bare |= self.behind_cr != (*byte == b'\n');
            self.behind_cr = *byte == b'\r';
        }
        bare
    }

    /// True when the content ends in a bare CR.
    pub(super) fn unfinished(&self) -> bool {
        self.behind_cr
    }
}

/// Counts the header block of a message: everything before the first empty line.
#[derive(Debug)]
pub(super) enum HeaderBlock {
    /// Still in it: its size so far, and the size of the line that is arriving.
    Inside { size: u64, line: u64 },
    /// The empty line was seen.
    Over,
}

impl HeaderBlock {
    pub(super) fn new() -> Self {
        HeaderBlock::Inside { size: 0, line: 0 }
    }

    /// Counts clean content; gives the size of the header block so far, 0 once it is over.
    pub(super) fn feed(&mut self, piece: &[u8]) -> u64 {
        let HeaderBlock::Inside { size, line } = self else { return 0 };
        for byte in piece {
            *size += 1;
            *line += 1;
            if *byte == b'\n' {
                // Line ends are CRLF here: an empty line has two bytes.
                if *line == 2 {
                    let total = *size;
                    *self = HeaderBlock::Over;
                    return total;
                }
                *line = 0;
            }
        }
        *size
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn unstuff(wire: &[u8]) -> (Vec<u8>, Fed) {
        let mut out = Vec::new();
        let fed = Unstuffer::new().feed(wire, &mut out);
        (out, fed)
    }

    #[test_case(b".\r\n", b""; "an empty message")]
    #[test_case(b"a\r\n.\r\n", b"a\r\n"; "one line")]
    #[test_case(b"..\r\n.\r\n", b".\r\n"; "a stuffed dot")]
    #[test_case(b"..a\r\n...\r\n.\r\n", b".a\r\n..\r\n"; "stuffed dots")]
    #[test_case(b".a\r\n.\r\n", b"a\r\n"; "a dot that nobody stuffed goes too")]
    #[test_case(b"a.\r\n.b.\r\n.\r\n", b"a.\r\nb.\r\n"; "dots inside lines stay")]
    fn rfc5321_dots_are_removed_and_the_end_is_found(wire: &[u8], content: &[u8]) {
        let (out, fed) = unstuff(wire);
        assert_eq!(out, content);
        assert_eq!(fed, Fed { used: wire.len(), ended: true, bare: false });
    }

    #[test_case(b"a\n.\nQUIT\r\n")]
    #[test_case(b"a\r.\rQUIT\r\n")]
    #[test_case(b"a\n.\r\nQUIT\r\n")]
    #[test_case(b"a\r\n.\nQUIT\r\n")]
    #[test_case(b"a\r\n.\rQUIT\r\n")]
    #[test_case(b"a\r.\r\nQUIT\r\n")]
    #[test_case(b"a\n\n.\r\nQUIT\r\n")]
    #[test_case(b"a\n\r.\r\nQUIT\r\n")]
    #[test_case(b"a\r\n\x00.\n\r\n")]
    #[test_case(b"a\r\n.\r\r\nQUIT\r\n")]
    #[test_case(b"\n.\r\nx\r\n")]
    #[test_case(b".\nx\r\n")]
    #[test_case(b".\rx\r\n")]
    fn rfc5321_nothing_else_ends_the_data(smuggled: &[u8]) {
        let (_, fed) = unstuff(smuggled);
        assert_eq!(fed, Fed { used: smuggled.len(), ended: false, bare: true });
        let (_, fed) = unstuff(&[smuggled, b".\r\nRSET\r\n"].concat());
        assert_eq!(fed, Fed { used: smuggled.len() + 3, ended: true, bare: true });
    }

    #[test]
    fn a_double_cr_spoils_but_the_true_end_behind_it_counts() {
        let (_, fed) = unstuff(b"a\r\r\n.\r\nNOOP\r\n");
        assert_eq!(fed, Fed { used: 7, ended: true, bare: true });
    }

    #[test_case(b"NOOP\r\n", Some(Line::Complete(Zeroizing::new(b"NOOP".to_vec()))); "a line")]
    #[test_case(b"NOOP", None; "not yet")]
    #[test_case(b"NOOP\r", None; "not quite yet")]
    #[test_case(b"NOOP\n", Some(Line::Malformed); "bare lf")]
    #[test_case(b"NO\rOP\r\n", Some(Line::Malformed); "bare cr")]
    #[test_case(b"NO\0OP\r\n", Some(Line::Malformed); "nul")]
    #[test_case(b"12345678\r\n", Some(Line::Complete(Zeroizing::new(b"12345678".to_vec()))); "as long as may be")]
    #[test_case(b"123456789\r\n", Some(Line::TooLong); "one too many")]
    #[test_case(b"123456789012345\n", Some(Line::TooLong); "too many")]
    fn rfc5321_lines_end_with_crlf(bytes: &[u8], expected: Option<Line>) {
        let mut input = Input::default();
        input.push(bytes);
        assert_eq!(input.line(8), expected);
    }

    #[test]
    fn a_line_that_never_ends_takes_no_memory() {
        let mut input = Input::default();
        for _ in 0..1000 {
            input.push(&[b'x'; 64]);
            assert_eq!(input.line(100), None);
            assert!(input.unread().len() <= 101);
        }
        input.push(b"\r\nRSET\r\n");
        assert_eq!(input.line(100), Some(Line::TooLong));
        assert_eq!(input.line(100), Some(Line::Complete(Zeroizing::new(b"RSET".to_vec()))));
    }

    #[test_case(b"a\r\nb\r\n" => false)]
    #[test_case(b"a\nb" => true)]
    #[test_case(b"a\rb" => true)]
    #[test_case(b"\n" => true)]
    #[test_case(b"\r\r\n" => true)]
    fn rfc3030_chunks_need_crlf_too(content: &[u8]) -> bool {
        LineEnds::default().feed(content)
    }

    #[test_case(b"A: b\r\n\r\nlong body", 8)]
    #[test_case(b"\r\nlong body", 2)]
    #[test_case(b"A: b\r\nC: d\r\n", 12)]
    fn the_header_block_ends_at_the_empty_line(content: &[u8], size: u64) {
        let mut header = HeaderBlock::new();
        assert_eq!(header.feed(content), size);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rfc5321_stuffing_is_undone_wherever_the_pieces_are_cut(
            lines in proptest::collection::vec("[.a-z]{0,6}", 0..20),
            cut in 0usize..200,
        ) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut wire: String =
                lines.iter().map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" })).collect();
            wire.push_str(".\r\n");
            let (first, second) = wire.as_bytes().split_at(cut.min(wire.len()));
            let (mut unstuffer, mut out) = (Unstuffer::new(), Vec::new());
            let mut fed = unstuffer.feed(first, &mut out);
            if !fed.ended {
                fed = unstuffer.feed(second, &mut out);
            }
            prop_assert!(fed.ended && !fed.bare);
            prop_assert_eq!(String::from_utf8(out).unwrap(), content);
        }
    }
}
