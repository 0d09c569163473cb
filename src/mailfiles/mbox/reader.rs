//! Messages out of an mbox, one after the other, in bounded memory.

use std::io::{self, BufRead, Read as _};

use super::super::labels::{Labels, Line};
use super::super::line_ends::{Form, ToWire};
use super::super::proofs;
use super::from_line::{self, FROM};
use crate::clock::Timestamp;
use crate::postal::MARK_PROOF;

/// So much of a line is looked at in one piece; a `From ` line or a line of keywords is shorter.
const MAX_HEAD_BYTES: u64 = 64 << 10;

/// Content is handed on in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// The last bytes of a message may be the empty line behind it, so they are held back.
const HELD_BYTES: usize = 4;

/// Reads messages: [`Reader::start`], then [`Reader::content`], and so on.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// The next message, whose `From ` line has been read.
    next: Option<Start>,
    is_begun: bool,
    bytes: u64,
}

/// The beginning of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// What the `From ` line says, exact to the second.
    pub date: Timestamp,
    /// What its line end says.
    pub form: Form,
}

/// Why a file is no mbox.
#[derive(Debug, thiserror::Error)]
pub enum BadMbox {
    /// It begins with something else.
    #[error("its first line does not begin with \"From \", so it is no mbox")]
    NoFromLine,
    /// Without a date nobody can tell such a line from one of a message.
    #[error("its first line is no \"From \" line with sender and date (\"From a@b.example Sat Nov 21 20:02:39 2026\")")]
    NoDate,
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<R: BufRead> Reader<R> {
    /// Nothing is read yet.
    pub fn new(input: R) -> Self {
        Reader { input, next: None, is_begun: false, bytes: 0 }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next message; `None` behind the last one. It stays the same until its content was read.
    ///
    /// # Errors
    /// See [`BadMbox`].
    pub fn start(&mut self) -> Result<Option<Start>, BadMbox> {
        if !self.is_begun {
            self.is_begun = true;
            self.next = self.first()?;
        }
        Ok(self.next)
    }

    fn first(&mut self) -> Result<Option<Start>, BadMbox> {
        let mut line = Vec::new();
        self.head(&mut line)?;
        match as_start(&line) {
            _ if line.is_empty() => Ok(None),
            Some(start) => Ok(Some(start)),
            None if line.starts_with(FROM) => Err(BadMbox::NoDate),
            None => Err(BadMbox::NoFromLine),
        }
    }

    /// Hands the content of the message on, and gives the labels that an export put on top of it.
    ///
    /// # Errors
    /// What `sink` says; the file cannot be read.
    pub fn content<E: From<io::Error>>(
        &mut self,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<Labels>, E> {
        let Some(start) = self.next.take() else { return Ok(None) };
        let mut content = Content { lines: ToWire::from(start.form), held: Vec::new(), is_sent: false, sink };
        let (labels, mut line) = self.labels(&mut content)?;
        let mut quotes = 0;
        loop {
            if quotes == 0 && line.is_empty() {
                quotes = self.quotes()?;
                self.head(&mut line)?;
            }
            if quotes == 0 && line.is_empty() {
                break;
            }
            if quotes == 0
                && let Some(next) = as_start(&line)
            {
                self.next = Some(next);
                break;
            }
            let kept = if line.starts_with(FROM) { quotes.saturating_sub(1) } else { quotes };
            content.quotes(kept)?;
            content.push(&line)?;
            if !line.ends_with(b"\n") {
                self.rest_of_line(&mut content)?;
            }
            line.clear();
            quotes = 0;
        }
        content.end(start.form)?;
        Ok(labels)
    }

    /// The three lines on top of an exported message, and the line behind them that was read too. With them go the
    /// proofs above them. If the three are not all there all of it is content.
    fn labels<E: From<io::Error>>(
        &mut self,
        content: &mut Content<impl FnMut(&[u8]) -> Result<(), E>>,
    ) -> Result<(Option<Labels>, Vec<u8>), E> {
        let mut labels = Labels::default();
        let mut seen = Vec::new();
        let mut line = self.proofs(&mut seen)?;
        for (number, kind) in Line::ALL.into_iter().enumerate() {
            if number > 0 {
                line = self.unquoted()?;
            }
            let value = line.strip_suffix(b"\n").and_then(|line| line.strip_prefix(kind.name().as_bytes()));
            let Some(value) = value else {
                content.push(&seen)?;
                return Ok((None, line));
            };
            labels.add_line(kind, &String::from_utf8_lossy(value));
            seen.append(&mut line);
        }
        Ok((Some(labels), Vec::new()))
    }

    /// The lines of proofs, of which no message has more than an export writes; gives the line behind them.
    fn proofs(&mut self, seen: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        loop {
            let mut line = self.unquoted()?;
            let is_first_line = line.strip_prefix(MARK_PROOF.as_bytes()).is_some_and(|rest| rest.starts_with(b":"));
            let is_folded = !seen.is_empty() && line.starts_with(b" ");
            let has_room = seen.len() + line.len() <= proofs::MAX_BYTES;
            if !((is_first_line || is_folded) && line.ends_with(b"\n") && has_room) {
                return Ok(line);
            }
            seen.append(&mut line);
        }
    }

    /// The next line or its beginning; nothing where it is quoted, for it must not lose its quotes here.
    fn unquoted(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        if self.input.fill_buf()?.first() != Some(&b'>') {
            self.head(&mut line)?;
        }
        Ok(line)
    }

    /// The beginning of a line, or all of it; nothing at the end of the file.
    fn head(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        let read = (&mut self.input).take(MAX_HEAD_BYTES).read_until(b'\n', line)?;
        self.bytes += read as u64;
        Ok(())
    }

    /// Passes over the `>` at the beginning of a line, and counts them.
    fn quotes(&mut self) -> io::Result<u64> {
        let mut quotes = 0;
        loop {
            let ready = self.input.fill_buf()?;
            let found = ready.iter().take_while(|byte| **byte == b'>').count();
            let is_end = found < ready.len() || ready.is_empty();
            self.input.consume(found);
            self.bytes += found as u64;
            quotes += found as u64;
            if is_end {
                return Ok(quotes);
            }
        }
    }

    fn rest_of_line<E: From<io::Error>>(
        &mut self,
        content: &mut Content<impl FnMut(&[u8]) -> Result<(), E>>,
    ) -> Result<(), E> {
        let mut piece = Vec::new();
        loop {
            piece.clear();
            self.head(&mut piece)?;
            content.push(&piece)?;
            if piece.is_empty() || piece.ends_with(b"\n") {
                return Ok(());
            }
        }
    }
}

fn as_start(line: &[u8]) -> Option<Start> {
    let form = if line.ends_with(b"\r\n") { Form::AsIs } else { Form::Unix };
    Some(Start { date: from_line::parse(line)?, form })
}

/// The content of one message on its way out.
struct Content<F> {
    lines: ToWire,
    held: Vec<u8>,
    is_sent: bool,
    sink: F,
}

impl<F: FnMut(&[u8]) -> Result<(), E>, E> Content<F> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.lines.push(bytes, &mut self.held);
        if self.held.len() >= PIECE_BYTES {
            let ready = self.held.len() - HELD_BYTES;
            (self.sink)(self.held.get(..ready).unwrap_or_default())?;
            self.held.drain(..ready);
            self.is_sent = true;
        }
        Ok(())
    }

    fn quotes(&mut self, mut count: u64) -> Result<(), E> {
        let quotes = [b'>'; 256];
        while count > 0 {
            let now = count.min(quotes.len() as u64);
            self.push(quotes.get(..now as usize).unwrap_or_default())?;
            count -= now;
        }
        Ok(())
    }

    /// The empty line behind the message is not the message's.
    fn end(mut self, form: Form) -> Result<(), E> {
        let is_only_line = !self.is_sent && self.held == b"\r\n";
        let has_empty_line = self.held.ends_with(b"\r\n\r\n") || is_only_line;
        let had_no_line_end = form == Form::AsIs && self.held.ends_with(b"\n\n");
        if has_empty_line || had_no_line_end {
            self.held.truncate(self.held.len() - 2);
        }
        (self.sink)(&self.held)
    }
}
