//! Adding to a pack: plan the places of a whole group, write them in one go, sync once.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::coding::{Coding, Compression, Encoded, Encoder, Subject, uncompressed_bytes};
use super::format::{self, Birthplace, CHUNK_BYTES, HEADER_BYTES, Header};
use super::{Kind, Packs, RecordRef};
use crate::store::batch::NewBody;
use crate::store::sealing::DataKey;
use crate::store::{Error, Result};

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 512 << 10;

/// The largest size at which a pack is closed, bytes: a place in a row has four bytes for where a record begins, and
/// a group may still go on for a while behind that size.
const MAX_PACK_BYTES: u64 = 2 << 30;

/// A start goes on in the newest pack only when it is smaller than a pack may be, divided by this.
const RESUMED_DIVISOR: u64 = 4;

/// Appends to one pack at a time. Only one writer has a pack.
#[derive(Debug)]
pub(in crate::store) struct PackWriter {
    packs: Arc<Packs>,
    max_pack_bytes: u64,
    compression: Compression,
    current: Option<Current>,
    /// What is gathered for a write; kept, so that its memory need not be found again each time.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    number: u32,
    file: Arc<File>,
    position: u64,
    is_synced: bool,
}

/// The free place behind the last record, out of which records get their places.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Span {
    pack: u32,
    next: u64,
}

/// How much a record has to say, and how much it takes for that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    len: u32,
    stored: u32,
}

impl Lengths {
    pub(super) fn of(place: RecordRef) -> Self {
        Lengths { len: place.len, stored: place.stored }
    }
}

impl Span {
    /// A place for this record, behind those before.
    pub(in crate::store) fn plan(&mut self, content: Content) -> Result<Planned> {
        Ok(Planned { place: self.place(content.lengths()?)?, content })
    }

    fn place(&mut self, Lengths { len, stored }: Lengths) -> Result<RecordRef> {
        if u32::try_from(self.next).is_err() {
            return Err(Error::Engine("more is written at once than a pack can hold".into()));
        }
        let place = RecordRef { pack: self.pack, offset: self.next, len, stored };
        self.next += place.stored_bytes();
        Ok(place)
    }
}

/// A record with its place.
#[derive(Debug)]
pub(in crate::store) struct Planned {
    pub(in crate::store) place: RecordRef,
    content: Content,
}

/// Where a record's bytes come from.
#[derive(Debug)]
pub(in crate::store) enum Content {
    /// Ready to be written.
    Encoded(Encoded),
    /// Not compressed, so that its place can be planned, and sealed while it is written.
    Body(NewBody),
}

impl Content {
    fn lengths(&self) -> Result<Lengths> {
        match self {
            Content::Encoded(Encoded { subject, stored, .. }) => {
                let stored = u32::try_from(stored.len()).map_err(|_| Error::Engine("a record is too large".into()))?;
                Ok(Lengths { len: subject.len, stored })
            }
            Content::Body(body) => {
                let Subject { len, .. } = subject_of(body)?;
                Ok(Lengths { len, stored: uncompressed_bytes(len, body.seal.is_some())? })
            }
        }
    }
}

fn subject_of(body: &NewBody) -> Result<Subject> {
    Subject::new(Kind::Body, body.staged.len(), body.id().0)
}

impl PackWriter {
    pub(in crate::store) fn new(packs: Arc<Packs>, max_pack_bytes: u64, compression: Compression) -> Self {
        let max_pack_bytes = max_pack_bytes.min(MAX_PACK_BYTES);
        PackWriter { packs, max_pack_bytes, compression, current: None, buffer: Vec::new() }
    }

    /// Goes on in the newest pack, if it ends cleanly and has much room; else the first record makes a new one.
    pub(in crate::store) fn resume(&mut self) -> Result<()> {
        let Some(number) = self.packs.numbers()?.last().copied() else { return Ok(()) };
        // To know how it ends all of it must be walked, and every start would wait for that.
        if fs::metadata(self.packs.path(number))?.len() > self.max_pack_bytes / RESUMED_DIVISOR {
            return Ok(());
        }
        let walked = self.packs.walk(number, |_, _| ())?;
        if walked.end != walked.length {
            return Ok(());
        }
        let file = File::options().read(true).write(true).open(self.packs.path(number))?;
        self.current = Some(Current { number, file: Arc::new(file), position: walked.end, is_synced: true });
        Ok(())
    }

    /// Where the next records go; makes a new pack when there is none or the current one is full.
    pub(in crate::store) fn span(&mut self) -> Result<Span> {
        if self.current.as_ref().is_some_and(|current| current.position >= self.max_pack_bytes) {
            self.sync()?;
            self.current = None;
        }
        let current = match self.current.take() {
            Some(current) => current,
            None => {
                let (number, file) = self.packs.create()?;
                Current { number, file, position: format::PACK_HEADER_BYTES, is_synced: true }
            }
        };
        let span = Span { pack: current.number, next: current.position };
        self.current = Some(current);
        Ok(span)
    }

    /// Writes the records, whose places are in the order of the last [`PackWriter::span`]. They are on stable storage
    /// after the next [`PackWriter::sync`].
    ///
    /// # Errors
    /// I/O; then the pack is sealed as it is.
    pub(in crate::store) fn write(&mut self, records: &[Planned]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        // Taken out: whatever goes wrong below, nothing is ever added behind it.
        let mut current = self.current.take().ok_or(Error::Closed)?;
        self.buffer.clear();
        let mut out = Output { file: &current.file, buffer: &mut self.buffer, position: current.position };
        for record in records {
            out.record(record)?;
        }
        out.flush()?;
        (current.position, current.is_synced) = (out.position, false);
        self.current = Some(current);
        Ok(())
    }

    /// Adds a record as it stands in another pack; `fill` gives all its bytes, header included, in pieces. It is
    /// on stable storage after the next [`PackWriter::sync`].
    ///
    /// # Errors
    /// What `fill` answers; I/O; then the pack is sealed as it is.
    pub(super) fn append(
        &mut self,
        lengths: Lengths,
        fill: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<RecordRef> {
        let place = self.span()?.place(lengths)?;
        let current = self.current.take().ok_or(Error::Closed)?;
        let mut position = current.position;
        fill(&mut |piece| {
            current.file.write_all_at(piece, position)?;
            position += piece.len() as u64;
            Ok(())
        })?;
        let end = place.offset + place.stored_bytes();
        if position != end {
            return Err(Error::Engine(format!("record planned until {end} ends at {position}")));
        }
        self.current = Some(Current { position, is_synced: false, ..current });
        Ok(place)
    }

    /// Adds remembered rows that were first written elsewhere; see [`PackWriter::append`].
    ///
    /// # Errors
    /// As [`PackWriter::append`].
    pub(in crate::store) fn append_rows(&mut self, content: &[u8], birthplace: Birthplace) -> Result<RecordRef> {
        let content = Content::Encoded(Encoded::rows(content, self.compression)?);
        let lengths = content.lengths()?;
        let Content::Encoded(record) = content else { return Err(Error::Closed) };
        self.append(lengths, |append| {
            append(&header(record.subject, record.coding, lengths.stored, birthplace).to_bytes())?;
            append(&record.stored)
        })
    }

    /// Makes what was appended durable.
    ///
    /// # Errors
    /// I/O; then the pack is sealed as it is.
    pub(in crate::store) fn sync(&mut self) -> Result<()> {
        if let Some(current) = self.current.take() {
            if !current.is_synced {
                current.file.sync_data()?;
            }
            self.current = Some(Current { is_synced: true, ..current });
        }
        Ok(())
    }

    /// The pack that the next record goes to, if it has begun.
    pub(in crate::store) fn current(&self) -> Option<u32> {
        self.current.as_ref().map(|current| current.number)
    }

    /// Writes and syncs one body outside the committer's group, compressing it on the way. How long it has become is
    /// known at its end, so its header is written last; without it nothing is found there.
    ///
    /// # Errors
    /// The body cannot be read; I/O; then the pack is sealed as it is.
    pub(in crate::store) fn write_body(&mut self, body: &NewBody) -> Result<RecordRef> {
        let span = self.span()?;
        let subject = subject_of(body)?;
        let current = self.current.take().ok_or(Error::Closed)?;
        let from = span.next + HEADER_BYTES;
        self.buffer.clear();
        let mut out = Output { file: &current.file, buffer: &mut self.buffer, position: from };
        let coding = out.body(body, subject, self.compression)?;
        out.flush()?;
        let position = out.position;
        let stored = u32::try_from(position - from).map_err(|_| Error::Engine("a record is too large".into()))?;
        let place = Span { ..span }.place(Lengths { len: subject.len, stored })?;
        let header = header(subject, coding, stored, Birthplace::at(place));
        current.file.write_all_at(&header.to_bytes(), place.offset)?;
        current.file.sync_data()?;
        self.current = Some(Current { position, is_synced: true, ..current });
        Ok(place)
    }

    /// Nothing more goes into the current pack.
    pub(in crate::store) fn seal(&mut self) {
        self.current = None;
    }
}

struct Output<'a> {
    file: &'a File,
    buffer: &'a mut Vec<u8>,
    position: u64,
}

impl Output<'_> {
    fn record(&mut self, Planned { place, content }: &Planned) -> Result<()> {
        self.require_at(place.offset)?;
        let birthplace = Birthplace::at(*place);
        match content {
            Content::Encoded(Encoded { subject, coding, stored }) => {
                self.buffer.extend(header(*subject, *coding, place.stored, birthplace).to_bytes());
                // What is as large as the buffer need not go through it.
                if stored.len() >= BUFFER_BYTES {
                    self.flush()?;
                    self.file.write_all_at(stored, self.position)?;
                    self.position += stored.len() as u64;
                } else {
                    self.buffer.extend_from_slice(stored);
                    self.flush_if_full()?;
                }
            }
            Content::Body(body) => {
                let subject = subject_of(body)?;
                let coding = Coding::new(None, body.seal.is_some() && subject.len > 0);
                self.buffer.extend(header(subject, coding, place.stored, birthplace).to_bytes());
                self.body(body, subject, Compression::Off)?;
            }
        }
        self.require_at(place.offset + place.stored_bytes())
    }

    /// The content of a body, chunk by chunk.
    fn body(&mut self, body: &NewBody, subject: Subject, compression: Compression) -> Result<Coding> {
        let key: Option<&DataKey> = body.seal.as_ref().map(|seal| &seal.key);
        let mut encoder = Encoder::new(subject, compression, key);
        for index in 0..body.staged.len().div_ceil(CHUNK_BYTES) {
            encoder.push(&body.staged.read_at(index * CHUNK_BYTES, CHUNK_BYTES as usize)?, self.buffer)?;
            self.flush_if_full()?;
        }
        Ok(encoder.finish(self.buffer))
    }

    fn require_at(&self, planned: u64) -> Result<()> {
        let at = self.position + self.buffer.len() as u64;
        if at == planned { Ok(()) } else { Err(Error::Engine(format!("{planned} was planned, and {at} is reached"))) }
    }

    fn flush_if_full(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all_at(self.buffer, self.position)?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn header(subject: Subject, coding: Coding, stored: u32, birthplace: Birthplace) -> Header {
    let Subject { kind, len, id } = subject;
    Header { kind, coding, len, stored, id, birthplace }
}
