//! Finds where a command ends, before anybody looks at what it says (DESIGN 2).
//!
//! A command is a line, or lines with literals between them (RFC 9051 §4.3). Invariants: no byte of a literal is
//! kept before its announced size passed a limit; a refused command is skipped with all its literals, so that the
//! next byte looked at is the first of the next command.

use bytes::{Bytes, BytesMut};

/// Budgets of one command, bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Budget {
    /// One line, without literals.
    pub(super) line: usize,
    /// One literal that is kept in memory.
    pub(super) literal: usize,
    /// Lines and literals of one command together.
    pub(super) command: usize,
}

/// A literal that was announced at the end of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Literal {
    /// Announced length, bytes.
    pub(super) size: u64,
    /// Whether the client waits for `+`.
    pub(super) wait: Wait,
}

/// Whether the client waits before it sends a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// `{n}`: it sends after a continuation request.
    Synchronizing,
    /// `{n+}`: it sends at once (RFC 7888).
    NonSynchronizing,
}

/// What the bytes so far amount to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// Nothing, until more bytes come.
    Incomplete,
    /// A whole command, literals in place, without the final line end.
    Command(Vec<u8>),
    /// A literal follows; decide with [`Framer::collect`], [`Framer::stream`] or [`Framer::refuse`].
    Announced(Literal),
    /// Bytes of the streamed literal.
    Streamed(Bytes),
    /// The streamed literal is through; the rest of the command is a line to be had from [`Framer::line`].
    StreamEnd,
    /// A line or command over its budget; it is being skipped. Carries the beginning of the command.
    TooLong(Vec<u8>),
}

/// A line by itself, as in IDLE and SASL exchanges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Not yet.
    Incomplete,
    /// Without its line end.
    Whole(Vec<u8>),
    /// Over the budget; it is being skipped.
    TooLong,
}

/// Cuts the byte stream into commands.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// Bytes received and not yet looked at.
    input: BytesMut,
    /// How much of `input` was searched for a line end.
    searched: usize,
    /// The command so far.
    command: Vec<u8>,
    /// What the next bytes are.
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mode {
    /// A line of the command.
    #[default]
    Text,
    /// A literal was announced and nobody decided yet.
    Undecided(Literal),
    /// A literal that becomes part of the command; this much is missing.
    Collecting(u64),
    /// A literal that passes through; this much is missing.
    Streaming(u64),
    /// The rest of a line that nobody wants. What ends it may announce a literal, so its tail is kept.
    SkippingLine(Tail),
    /// A literal that nobody wants; then more of the line.
    SkippingLiteral(u64),
}

/// Length of the longest announcement that ends a line: `{18446744073709551615+}` CR LF.
const TAIL_BYTES: usize = 25;

/// The last bytes of a skipped line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tail {
    bytes: [u8; TAIL_BYTES],
    len: usize,
}

impl Framer {
    /// Takes bytes from the peer.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Bytes taken and not yet used.
    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.input.len()
    }

    /// Forgets everything received: what came before TLS must not be read behind it.
    pub(super) fn forget(&mut self) {
        *self = Framer::default();
    }

    /// The command as far as it came; for the decision about a literal.
    #[must_use]
    pub(super) fn so_far(&self) -> &[u8] {
        &self.command
    }

    /// Cuts off the next piece.
    pub(super) fn next(&mut self, budget: &Budget) -> Frame {
        loop {
            let step = match self.mode {
                Mode::Text => self.text(budget),
                Mode::Undecided(literal) => Some(Frame::Announced(literal)),
                Mode::Collecting(missing) => self.collecting(missing),
                Mode::Streaming(missing) => self.streaming(missing),
                Mode::SkippingLine(tail) => self.skipping_line(tail),
                Mode::SkippingLiteral(missing) => self.skipping_literal(missing),
            };
            if let Some(frame) = step {
                return frame;
            }
        }
    }

    /// Cuts off a line that cannot have literals.
    pub(super) fn line(&mut self, budget: &Budget) -> Line {
        loop {
            match self.mode {
                Mode::SkippingLine(tail) => {
                    if self.skipping_line(tail).is_some() {
                        return Line::Incomplete;
                    }
                }
                Mode::SkippingLiteral(missing) => {
                    if self.skipping_literal(missing).is_some() {
                        return Line::Incomplete;
                    }
                }
                _ => break,
            }
        }
        match self.find_line() {
            Some(end) if end <= budget.line => {
                let line = self.input.split_to(end);
                self.searched = 0;
                Line::Whole(without_line_end(&line).to_vec())
            }
            None if self.input.len() <= budget.line => Line::Incomplete,
            // What ends the line may announce a literal, which is skipped with it.
            _ => {
                self.mode = Mode::SkippingLine(Tail::default());
                Line::TooLong
            }
        }
    }

    /// Makes the announced literal part of the command.
    pub(super) fn collect(&mut self) {
        if let Mode::Undecided(literal) = self.mode {
            self.mode = Mode::Collecting(literal.size);
        }
    }

    /// Lets the announced literal pass as [`Frame::Streamed`]; the command before it is done with.
    pub(super) fn stream(&mut self) {
        if let Mode::Undecided(literal) = self.mode {
            self.command.clear();
            self.mode = Mode::Streaming(literal.size);
        }
    }

    /// Refuses the command with the announced literal. A client that waits will not send it; one that does not
    /// wait sends it and the rest of the command, which are skipped.
    pub(super) fn refuse(&mut self) {
        if let Mode::Undecided(literal) = self.mode {
            self.command.clear();
            self.mode = skipped(literal);
        }
    }

    /// A line from [`Framer::line`] is refused: skips the literals that it announces, and the lines behind them.
    pub(super) fn refuse_line(&mut self, line: &[u8]) {
        self.mode = announced(line).map_or(Mode::Text, skipped);
    }

    fn text(&mut self, budget: &Budget) -> Option<Frame> {
        let Some(end) = self.find_line() else {
            // Not even the CR LF to come could bring it within the budget.
            return Some(if self.input.len() > budget.line || self.command.len() + self.input.len() > budget.command {
                self.mode = Mode::SkippingLine(Tail::default());
                self.too_long()
            } else {
                Frame::Incomplete
            });
        };
        if end > budget.line || self.command.len() + end > budget.command {
            self.mode = Mode::SkippingLine(Tail::default());
            return Some(self.too_long());
        }
        let line = self.input.split_to(end);
        self.searched = 0;
        if let Some(literal) = announced(without_line_end(&line)) {
            self.command.extend_from_slice(&line);
            self.mode = Mode::Undecided(literal);
            return None;
        }
        self.command.extend_from_slice(without_line_end(&line));
        Some(Frame::Command(std::mem::take(&mut self.command)))
    }

    /// What is known of a command that is over its budget: enough to find its tag.
    fn too_long(&mut self) -> Frame {
        const ENOUGH_FOR_A_TAG: usize = 256;
        let mut start = std::mem::take(&mut self.command);
        start.extend(self.input.iter().take(ENOUGH_FOR_A_TAG));
        start.truncate(ENOUGH_FOR_A_TAG);
        Frame::TooLong(start)
    }

    fn collecting(&mut self, missing: u64) -> Option<Frame> {
        let piece = self.take(missing);
        self.command.extend_from_slice(&piece);
        let left = missing - piece.len() as u64;
        self.mode = if left == 0 { Mode::Text } else { Mode::Collecting(left) };
        (left > 0).then_some(Frame::Incomplete)
    }

    fn streaming(&mut self, missing: u64) -> Option<Frame> {
        if missing == 0 {
            self.mode = Mode::Text;
            return Some(Frame::StreamEnd);
        }
        let piece = self.take(missing);
        self.mode = Mode::Streaming(missing - piece.len() as u64);
        Some(if piece.is_empty() { Frame::Incomplete } else { Frame::Streamed(piece.freeze()) })
    }

    fn skipping_literal(&mut self, missing: u64) -> Option<Frame> {
        let piece = self.take(missing);
        let left = missing - piece.len() as u64;
        self.mode = if left == 0 { Mode::SkippingLine(Tail::default()) } else { Mode::SkippingLiteral(left) };
        (left > 0).then_some(Frame::Incomplete)
    }

    fn skipping_line(&mut self, mut tail: Tail) -> Option<Frame> {
        let end = self.find_line();
        let piece = self.input.split_to(end.unwrap_or(self.input.len()));
        self.searched = 0;
        tail.append(&piece);
        if end.is_none() {
            self.mode = Mode::SkippingLine(tail);
            return Some(Frame::Incomplete);
        }
        self.mode = announced(without_line_end(tail.bytes())).map_or(Mode::Text, skipped);
        None
    }

    /// At most `missing` bytes of what is here.
    fn take(&mut self, missing: u64) -> BytesMut {
        let len = usize::try_from(missing).unwrap_or(usize::MAX).min(self.input.len());
        self.searched = 0;
        self.input.split_to(len)
    }

    /// Length of the first line with its line end. A bare LF also ends a line: people type into `nc`.
    fn find_line(&mut self) -> Option<usize> {
        let unseen = self.input.get(self.searched..).unwrap_or_default();
        match unseen.iter().position(|&byte| byte == b'\n') {
            Some(at) => Some(self.searched + at + 1),
            None => {
                self.searched = self.input.len();
                None
            }
        }
    }
}

impl Tail {
    fn append(&mut self, piece: &[u8]) {
        let mut all: Vec<u8> = self.bytes().to_vec();
        all.extend_from_slice(piece.get(piece.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default());
        let keep = all.get(all.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        self.len = keep.len();
        self.bytes.iter_mut().zip(keep).for_each(|(to, from)| *to = *from);
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// How a refused literal is got over.
fn skipped(literal: Literal) -> Mode {
    match literal.wait {
        // The client takes the tagged answer for a no and never sends it (RFC 9051 §4.3).
        Wait::Synchronizing => Mode::Text,
        Wait::NonSynchronizing => Mode::SkippingLiteral(literal.size),
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The literal that `line` announces at its end: `{n}` or `{n+}` (RFC 7888 §3), of up to 20 digits. A number
/// that does not fit is as large as can be: it is over every limit.
fn announced(line: &[u8]) -> Option<Literal> {
    let inside = line.strip_suffix(b"}")?;
    let (inside, wait) = match inside.strip_suffix(b"+") {
        Some(inside) => (inside, Wait::NonSynchronizing),
        None => (inside, Wait::Synchronizing),
    };
    let digits = inside.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = inside.split_at_checked(inside.len() - digits)?;
    if digits.is_empty() || digits.len() > 20 || !before.ends_with(b"{") {
        return None;
    }
    let size = digits
        .iter()
        .try_fold(0_u64, |size, digit| size.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .unwrap_or(u64::MAX);
    Some(Literal { size, wait })
}
