//! The lexical level of RFC 9051 §9: atoms, strings, numbers, lists, sets.

use std::borrow::Cow;
use std::num::NonZeroU32;

use crate::imap::proto::response::Dialect;
use crate::imap::proto::sequence::{SeqBound, SeqRange, SequenceSet};

/// What parsing gives.
pub(super) type Parsed<T> = Result<T, Failure>;

/// Why it stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// Something else should stand here.
    Expected {
        /// What.
        what: Cow<'static, str>,
        /// Where: offset of the byte in the command.
        at: usize,
    },
    /// No such command.
    UnknownCommand,
    /// SEARCH CHARSET that nobody knows.
    UnknownCharset,
    /// The input ends with the announcement of a literal that is an argument.
    LiteralToCome,
}

/// A place in a command.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    input: &'a [u8],
    at: usize,
    /// How names are read.
    pub(super) dialect: Dialect,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a [u8], dialect: Dialect) -> Self {
        Cursor { input, at: 0, dialect }
    }

    /// The failure "expected `what` here".
    pub(super) fn expected(&self, what: impl Into<Cow<'static, str>>) -> Failure {
        Failure::Expected { what: what.into(), at: self.at }
    }

    /// The same about a place before this one.
    pub(super) fn expected_at(at: usize, what: impl Into<Cow<'static, str>>) -> Failure {
        Failure::Expected { what: what.into(), at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// Takes `byte` if it stands here.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Takes these bytes, in any case, if they stand here.
    pub(super) fn eat_text(&mut self, text: &str) -> bool {
        let here = self.rest().get(..text.len()).is_some_and(|here| here.eq_ignore_ascii_case(text.as_bytes()));
        self.at += if here { text.len() } else { 0 };
        here
    }

    pub(super) fn require(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    pub(super) fn space(&mut self) -> Parsed<()> {
        self.require(b' ', "a space")
    }

    pub(super) fn end(&self) -> Parsed<()> {
        if self.at == self.input.len() { Ok(()) } else { Err(self.expected("the end of the command")) }
    }

    /// One byte or more that fit.
    pub(super) fn take_while(&mut self, what: &'static str, fits: impl Fn(u8) -> bool) -> Parsed<&'a [u8]> {
        let len = self.rest().iter().take_while(|byte| fits(**byte)).count();
        if len == 0 {
            return Err(self.expected(what));
        }
        Ok(self.take(len))
    }

    /// A keyword of the protocol in upper case: letters, digits and `. - = _`, so that `BODY[` ends at the bracket.
    pub(super) fn word(&mut self, what: &'static str) -> Parsed<String> {
        let word = self.take_while(what, |byte| byte.is_ascii_alphanumeric() || b".-=_".contains(&byte))?;
        Ok(String::from_utf8_lossy(word).to_ascii_uppercase())
    }

    pub(super) fn atom(&mut self, what: &'static str) -> Parsed<String> {
        Ok(String::from_utf8_lossy(self.take_while(what, is_atom_char)?).into_owned())
    }

    pub(super) fn number(&mut self, what: &'static str) -> Parsed<u64> {
        let at = self.at;
        let digits = self.take_while(what, |byte| byte.is_ascii_digit())?;
        digits
            .iter()
            .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            // RFC 9051 §9: number64 has 63 bits.
            .filter(|number| *number <= u64::MAX >> 1)
            .ok_or_else(|| Cursor::expected_at(at, what))
    }

    pub(super) fn nz_number(&mut self, what: &'static str) -> Parsed<NonZeroU32> {
        let at = self.at;
        let number = self.number(what)?;
        u32::try_from(number).ok().and_then(NonZeroU32::new).ok_or_else(|| Cursor::expected_at(at, what))
    }

    /// `astring`: an atom that may hold `]`, or a string.
    pub(super) fn astring(&mut self, what: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(what),
            _ => self.take_while(what, is_astring_char).map(Cow::Borrowed),
        }
    }

    /// `string`: quoted, or a literal that is here already.
    pub(super) fn string(&mut self, what: &'static str) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(self.expected(what)),
        }
    }

    /// An `astring` that must be text in UTF-8 (US-ASCII is).
    pub(super) fn text(&mut self, what: &'static str) -> Parsed<String> {
        let at = self.at;
        let bytes = self.astring(what)?.into_owned();
        String::from_utf8(bytes).map_err(|_| Cursor::expected_at(at, format!("{what} in UTF-8")))
    }

    /// `(…)` of one item or more, with single spaces between.
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.require(b'(', what)?;
        let mut items = vec![item(self)?];
        while self.eat(b' ') {
            items.push(item(self)?);
        }
        self.require(b')', "a space or \")\"")?;
        Ok(items)
    }

    /// The same, or `()`.
    pub(super) fn list_or_empty<T>(
        &mut self,
        what: &'static str,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        if self.eat_text("()") { Ok(Vec::new()) } else { self.list(what, item) }
    }

    /// `sequence-set`: numbers, ranges, `*`, or `$` alone (RFC 5182).
    pub(super) fn sequence_set(&mut self) -> Parsed<SequenceSet> {
        if self.eat(b'$') {
            return Ok(SequenceSet::Saved);
        }
        let mut ranges = vec![self.sequence_range()?];
        while self.eat(b',') {
            ranges.push(self.sequence_range()?);
        }
        Ok(SequenceSet::Ranges(ranges))
    }

    fn sequence_range(&mut self) -> Parsed<SeqRange> {
        let from = self.sequence_bound()?;
        let to = if self.eat(b':') { self.sequence_bound()? } else { from };
        Ok(SeqRange { from, to })
    }

    fn sequence_bound(&mut self) -> Parsed<SeqBound> {
        if self.eat(b'*') {
            return Ok(SeqBound::Largest);
        }
        self.nz_number("a message number, \"*\" or \"$\"").map(SeqBound::Number)
    }

    /// `quoted`. Bytes above 127 are let through: what they mean is decided by who reads the string.
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.require(b'"', "a quoted string")?;
        let plain = self.rest().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0)).count();
        let start = self.take(plain);
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(start));
        }
        let mut string = start.to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(string));
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(byte @ (b'"' | b'\\')) => string.push(byte),
                        _ => return Err(self.expected("\" or \\ after \\")),
                    }
                }
                Some(b'\r' | b'\n' | 0) | None => return Err(self.expected("the closing quote")),
                Some(byte) => string.push(byte),
            }
            self.at += 1;
        }
    }

    /// `{n}` or `{n+}`, line end, n bytes without NUL.
    fn literal(&mut self) -> Parsed<&'a [u8]> {
        let size = self.literal_size()?;
        let at = self.at;
        let len = usize::try_from(size).unwrap_or(usize::MAX);
        if self.rest().len() < len {
            return Err(Failure::LiteralToCome);
        }
        let bytes = self.take(len);
        match bytes.iter().position(|byte| *byte == 0) {
            Some(nul) => Err(Cursor::expected_at(at + nul, "a literal without NUL")),
            None => Ok(bytes),
        }
    }

    /// `{n}` or `{n+}` and the line end.
    pub(super) fn literal_size(&mut self) -> Parsed<u64> {
        self.require(b'{', "a literal")?;
        let at = self.at;
        let digits = self.take_while("the length of the literal", |byte| byte.is_ascii_digit())?;
        // The framer took a number that does not fit for the largest there is; so does this.
        let size =
            digits.iter().fold(0_u64, |size, digit| size.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        if digits.len() > 20 {
            return Err(Cursor::expected_at(at, "a length of at most 20 digits"));
        }
        self.eat(b'+');
        self.require(b'}', "\"}\" after the length of the literal")?;
        self.eat(b'\r');
        self.require(b'\n', "the end of the line after a literal's length")?;
        Ok(size)
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let taken = self.rest().get(..len).unwrap_or_default();
        self.at += taken.len();
        taken
    }
}

/// `ATOM-CHAR`: no control character, space, or one of the specials.
pub(super) fn is_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)
}

/// `ASTRING-CHAR`
pub(super) fn is_astring_char(byte: u8) -> bool {
    is_atom_char(byte) || byte == b']'
}
