//! One message into an mbox.

use std::io::{self, Write};

use super::super::labels::Labels;
use super::super::line_ends::{Form, Shape, ToFile};
use super::from_line::{self, FROM};
use crate::clock::Timestamp;

/// Quote characters written at a time.
const QUOTES: [u8; 256] = [b'>'; 256];

/// Writes one message: [`Writer::begin`], [`Writer::content`] in pieces, [`Writer::end`].
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    shape: Shape,
    lines: ToFile,
    place: Place,
    buffer: Vec<u8>,
}

/// Where in a line the writer is, as far as quoting has to know.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// After so many `>` and so many bytes of `From `, none of them written yet.
    Beginning { quotes: u64, matched: usize },
    /// Further on.
    Inside,
}

impl Place {
    const START: Place = Place::Beginning { quotes: 0, matched: 0 };
}

impl<W: Write> Writer<W> {
    /// `shape` has seen the whole message.
    pub fn new(out: W, shape: Shape) -> Self {
        let lines = ToFile::new(shape.form_in_mbox());
        Writer { out, shape, lines, place: Place::START, buffer: Vec::new() }
    }

    /// The `From ` line, the proofs that go on top (fields in CRLF; most messages have none) and the labels.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&mut self, date: Timestamp, proofs: &[u8], labels: &Labels) -> io::Result<()> {
        let line_end = match self.shape.form_in_mbox() {
            Form::Unix => "\n",
            Form::AsIs => "\r\n",
        };
        let mut on_top = Vec::new();
        ToFile::new(self.shape.form_in_mbox()).push(proofs, &mut on_top);
        write!(self.out, "{}{line_end}", from_line::write(date))?;
        self.out.write_all(&on_top)?;
        self.out.write_all(labels.to_mbox(line_end).as_bytes())
    }

    /// The next bytes of the message.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.lines.push(bytes, &mut buffer);
        self.quoted(&buffer)?;
        buffer.clear();
        self.buffer = buffer;
        Ok(())
    }

    /// What stands behind a message.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(mut self) -> io::Result<()> {
        let mut rest = Vec::new();
        self.lines.finish(&mut rest);
        self.quoted(&rest)?;
        self.flush_beginning()?;
        self.out.write_all(match self.shape.form_in_mbox() {
            Form::Unix => b"\n",
            Form::AsIs if self.shape.ends_in_crlf() => b"\r\n",
            Form::AsIs => b"\n\n",
        })
    }

    fn quoted(&mut self, bytes: &[u8]) -> io::Result<()> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.part_of_line(line)?;
            if line.ends_with(b"\n") {
                self.flush_beginning()?;
                self.place = Place::START;
            }
        }
        Ok(())
    }

    /// Bytes of one line, of which a beginning may have been given before.
    fn part_of_line(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let (Place::Beginning { quotes, matched }, Some((first, rest))) = (self.place, bytes.split_first()) {
            if matched == 0 && *first == b'>' {
                self.place = Place::Beginning { quotes: quotes + 1, matched };
            } else if FROM.get(matched) == Some(first) {
                self.place = Place::Beginning { quotes, matched: matched + 1 };
                if matched + 1 == FROM.len() {
                    self.out.write_all(b">")?;
                    self.flush_beginning()?;
                }
            } else {
                self.flush_beginning()?;
                break;
            }
            bytes = rest;
        }
        self.out.write_all(bytes)
    }

    /// Writes what was held back of a line's beginning.
    fn flush_beginning(&mut self) -> io::Result<()> {
        if let Place::Beginning { mut quotes, matched } = std::mem::replace(&mut self.place, Place::Inside) {
            while quotes > 0 {
                let now = quotes.min(QUOTES.len() as u64);
                self.out.write_all(QUOTES.get(..now as usize).unwrap_or(&QUOTES))?;
                quotes -= now;
            }
            self.out.write_all(FROM.get(..matched).unwrap_or_default())?;
        }
        Ok(())
    }
}
