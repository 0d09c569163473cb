//! Adding to a pack: plan the places of a whole group, write them in one go, sync once.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::format::{self, Birthplace, CHUNK_BYTES, Header, chunk_check, stored_bytes};
use super::{Kind, Packs, RecordRef};
use crate::store::bodies::StagedBody;
use crate::store::{Error, Result};

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 1 << 20;

/// Appends to one pack at a time. Only one writer has a pack.
#[derive(Debug)]
pub(in crate::store) struct PackWriter {
    packs: Arc<Packs>,
    max_pack_bytes: u64,
    current: Option<Current>,
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

impl Span {
    /// The place of the next record with `len` bytes of content.
    pub(in crate::store) fn place(&mut self, len: u64) -> Result<RecordRef> {
        let len = u32::try_from(len).map_err(|_| Error::Engine(format!("a record of {len} bytes is too large")))?;
        let place = RecordRef { pack: self.pack, offset: self.next, len };
        self.next += stored_bytes(len);
        Ok(place)
    }
}

/// A record with its place.
#[derive(Debug)]
pub(in crate::store) struct Planned {
    pub(in crate::store) place: RecordRef,
    pub(in crate::store) kind: Kind,
    pub(in crate::store) content: Content,
}

/// Where a record's bytes come from.
#[derive(Debug)]
pub(in crate::store) enum Content {
    Bytes(Vec<u8>),
    Body(StagedBody),
}

impl PackWriter {
    pub(in crate::store) fn new(packs: Arc<Packs>, max_pack_bytes: u64) -> Self {
        PackWriter { packs, max_pack_bytes, current: None }
    }

    /// Goes on in the newest pack, if it ends cleanly and has room; else the first record makes a new one.
    pub(in crate::store) fn resume(&mut self) -> Result<()> {
        let Some(number) = self.packs.numbers()?.last().copied() else { return Ok(()) };
        let walked = self.packs.walk(number, |_, _| ())?;
        if walked.end != walked.length || walked.end >= self.max_pack_bytes {
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

    /// Writes the records, whose places are in the order of the last [`PackWriter::span`], and syncs.
    ///
    /// # Errors
    /// I/O; then the pack is sealed as it is.
    pub(in crate::store) fn write(&mut self, records: &[Planned]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        // Taken out: whatever goes wrong below, nothing is ever added behind it.
        let mut current = self.current.take().ok_or(Error::Closed)?;
        let mut out = Output { file: &current.file, buffer: Vec::new(), position: current.position };
        for record in records {
            out.record(record)?;
        }
        out.flush()?;
        let end = out.position;
        current.file.sync_data()?;
        current.position = end;
        self.current = Some(current);
        Ok(())
    }

    /// Adds a record as it stands in another pack; `fill` gives all its bytes, header included, in pieces. It is
    /// on stable storage after the next [`PackWriter::sync`].
    ///
    /// # Errors
    /// What `fill` answers; I/O; then the pack is sealed as it is.
    pub(in crate::store) fn append(
        &mut self,
        len: u32,
        fill: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<RecordRef> {
        let place = self.span()?.place(u64::from(len))?;
        let current = self.current.take().ok_or(Error::Closed)?;
        let mut position = current.position;
        fill(&mut |piece| {
            current.file.write_all_at(piece, position)?;
            position += piece.len() as u64;
            Ok(())
        })?;
        let end = place.offset + stored_bytes(len);
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
        let len = u32::try_from(content.len()).map_err(|_| Error::Engine("remembered rows are too large".into()))?;
        let header = Header { kind: Kind::Rows, len, id: *blake3::hash(content).as_bytes(), birthplace };
        self.append(len, |append| {
            append(&header.to_bytes())?;
            for (index, chunk) in (0..).zip(content.chunks(CHUNK_BYTES as usize)) {
                append(chunk)?;
                append(&chunk_check(index, chunk))?;
            }
            Ok(())
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

    /// Writes and syncs one body outside the committer's group.
    pub(in crate::store) fn write_body(&mut self, body: StagedBody) -> Result<(RecordRef, StagedBody)> {
        let place = self.span()?.place(body.len())?;
        let record = Planned { place, kind: Kind::Body, content: Content::Body(body) };
        self.write(std::slice::from_ref(&record))?;
        match record.content {
            Content::Body(body) => Ok((place, body)),
            Content::Bytes(_) => Err(Error::Closed),
        }
    }

    /// Nothing more goes into the current pack.
    pub(in crate::store) fn seal(&mut self) {
        self.current = None;
    }
}

struct Output<'a> {
    file: &'a File,
    buffer: Vec<u8>,
    position: u64,
}

impl Output<'_> {
    fn record(&mut self, record: &Planned) -> Result<()> {
        let at = self.position + self.buffer.len() as u64;
        if at != record.place.offset {
            return Err(Error::Engine(format!("record planned at {} would go to {at}", record.place.offset)));
        }
        let id = match &record.content {
            Content::Bytes(bytes) => *blake3::hash(bytes).as_bytes(),
            Content::Body(body) => body.id().0,
        };
        let birthplace = Birthplace::at(record.place);
        self.buffer.extend(Header { kind: record.kind, len: record.place.len, id, birthplace }.to_bytes());
        match &record.content {
            Content::Bytes(bytes) => {
                for (index, chunk) in (0..).zip(bytes.chunks(CHUNK_BYTES as usize)) {
                    self.chunk(index, chunk)?;
                }
            }
            Content::Body(body) => {
                for index in 0..body.len().div_ceil(CHUNK_BYTES) {
                    self.chunk(index, &body.read_at(index * CHUNK_BYTES, CHUNK_BYTES as usize)?)?;
                }
            }
        }
        Ok(())
    }

    fn chunk(&mut self, index: u64, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend(chunk_check(index, bytes));
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all_at(&self.buffer, self.position)?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
