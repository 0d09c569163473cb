//! How the content of a record is kept: as it is, compressed, sealed, or both.
//!
//! Behind the header of a record stands:
//!
//! | bytes | |
//! |---|---|
//! | 24 + 8 | if it is sealed: random bytes, from which its key is made; their check |
//! | … | the chunks, each followed by its check |
//! | 4 for each chunk + 8 | if it is compressed and has more than one chunk: how long each is as it stands; check |
//!
//! A chunk is 64 KiB of the content, the last one what is left of it. It is compressed, if the record is and if that
//! makes it smaller (so one that is as long as its content is not compressed), and then sealed, if the record is,
//! which makes it 16 bytes longer. Checks go over what stands in the file, so that records can be verified, moved and
//! copied by who has no key. The table stands at the end so that a record can be written in one pass.

use std::ops::Range;

use super::contexts::{self, Compressing, Dictionary, Method};
use super::format::{CHECK_BYTES, CHUNK_BYTES, Checks, NAMELESS};
use super::{Header, Kind, phrases};
use crate::ids::BodyId;
use crate::store::sealing::{self, ChunkKey, DataKey, SALT_BYTES, Seal, TAG_BYTES, Use};
use crate::store::{Error, Result, Settings};

/// In place of the number of a chunk, in the check of the random bytes.
pub(super) const SALT_PART: u64 = u64::MAX;

/// In place of the number of a chunk, in the check of the table.
pub(super) const TABLE_PART: u64 = u64::MAX - 1;

/// Bytes of the table for each chunk.
const ENTRY_BYTES: u64 = 4;

/// How new records are checked.
const CHECKS: Checks = Checks::Sums;

/// What compressing must save of the first chunk for the record to be compressed: one part in so many.
const MIN_SAVING_DIVISOR: usize = 10;

/// Rows that a pack remembers are compressed from this size on, bytes. It is the committer that does it, and those of
/// most batches are short.
const MIN_ROWS_BYTES: u64 = 4 << 10;

/// What was done to the content of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Coding {
    /// How it was compressed, if it was.
    pub(in crate::store) compressed: Option<Method>,
    pub(in crate::store) is_sealed: bool,
    pub(in crate::store) checks: Checks,
}

impl Coding {
    const COMPRESSED: u8 = 1;
    const SEALED: u8 = 2;
    const WITH_PREFIXES: u8 = 4;
    const WITH_COUNTED_PREFIXES: u8 = 8;
    const AS_PHRASES: u8 = 16;
    const WITH_SUMS: u8 = 32;

    /// Of a new record.
    pub(super) fn new(compressed: Option<Method>, is_sealed: bool) -> Self {
        Coding { compressed, is_sealed, checks: CHECKS }
    }

    pub(super) fn to_byte(self) -> u8 {
        let compressed = match self.compressed {
            None => 0,
            Some(Method::Zstd(Dictionary::Nothing)) => Self::COMPRESSED,
            Some(Method::Zstd(Dictionary::Prefixes)) => Self::COMPRESSED | Self::WITH_PREFIXES,
            Some(Method::Zstd(Dictionary::CountedPrefixes)) => Self::COMPRESSED | Self::WITH_COUNTED_PREFIXES,
            Some(Method::Phrases) => Self::COMPRESSED | Self::AS_PHRASES,
        };
        let checks = match self.checks {
            Checks::Hashes => 0,
            Checks::Sums => Self::WITH_SUMS,
        };
        compressed | (u8::from(self.is_sealed) * Self::SEALED) | checks
    }

    /// `None` for one that this program does not know.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let has = |bit: u8| byte & bit != 0;
        let method = match (has(Self::WITH_PREFIXES), has(Self::WITH_COUNTED_PREFIXES)) {
            (true, _) => Method::Zstd(Dictionary::Prefixes),
            (false, true) => Method::Zstd(Dictionary::CountedPrefixes),
            (false, false) if has(Self::AS_PHRASES) => Method::Phrases,
            (false, false) => Method::Zstd(Dictionary::Nothing),
        };
        let checks = if has(Self::WITH_SUMS) { Checks::Sums } else { Checks::Hashes };
        let coding =
            Coding { compressed: has(Self::COMPRESSED).then_some(method), is_sealed: has(Self::SEALED), checks };
        (coding.to_byte() == byte).then_some(coding)
    }

    fn is_compressed(self) -> bool {
        self.compressed.is_some()
    }
}

/// Which new records are compressed, and how hard that is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Compression {
    Off,
    Zstd { level: i32, min_bytes: u64 },
}

impl Compression {
    pub(in crate::store) fn of(settings: &Settings) -> Self {
        if !settings.compression {
            return Compression::Off;
        }
        Compression::Zstd {
            level: settings.compression_level.clamp(1, contexts::MAX_LEVEL),
            min_bytes: settings.compression_min_bytes,
        }
    }

    fn level_for(self, kind: Kind, len: u64) -> Option<i32> {
        let Compression::Zstd { level, min_bytes } = self else { return None };
        let min_bytes = if kind == Kind::Rows { min_bytes.max(MIN_ROWS_BYTES) } else { min_bytes };
        (len >= min_bytes).then_some(level)
    }
}

/// What a record is, before anything is done to its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Subject {
    pub(in crate::store) kind: Kind,
    /// Length of the content, bytes.
    pub(in crate::store) len: u32,
    /// The hash of a body, or the name that its seal gives it; anything else is [`NAMELESS`] unless it is sealed.
    pub(in crate::store) id: [u8; 32],
}

impl Subject {
    pub(super) fn new(kind: Kind, len: u64, id: [u8; 32]) -> Result<Self> {
        let len = u32::try_from(len).map_err(|_| too_large(len))?;
        Ok(Subject { kind, len, id })
    }
}

/// A record whose content was compressed and sealed as far as it is to be.
#[derive(Debug)]
pub(in crate::store) struct Encoded {
    pub(super) subject: Subject,
    pub(super) coding: Coding,
    /// What stands behind the header.
    pub(super) stored: Vec<u8>,
}

impl Encoded {
    /// Codes bytes that a row names, as a whole: for what is in memory anyway. They have no name but that of their seal.
    ///
    /// # Errors
    /// It is too large for a record; no randomness.
    pub(in crate::store) fn bytes(content: &[u8], compression: Compression, seal: Option<&Seal>) -> Result<Self> {
        let id = seal.map_or(NAMELESS, |seal| seal.name);
        Self::code(Subject::new(Kind::Bytes, content.len() as u64, id)?, content, compression, seal)
    }

    /// Codes rows that a pack remembers.
    ///
    /// # Errors
    /// As [`Encoded::bytes`].
    pub(in crate::store) fn rows(content: &[u8], compression: Compression) -> Result<Self> {
        Self::code(Subject::new(Kind::Rows, content.len() as u64, NAMELESS)?, content, compression, None)
    }

    /// Codes a body of this name.
    ///
    /// # Errors
    /// As [`Encoded::bytes`].
    pub(in crate::store) fn body(
        id: BodyId,
        content: &[u8],
        compression: Compression,
        seal: Option<&Seal>,
    ) -> Result<Self> {
        Self::code(Subject::new(Kind::Body, content.len() as u64, id.0)?, content, compression, seal)
    }

    fn code(subject: Subject, content: &[u8], compression: Compression, seal: Option<&Seal>) -> Result<Self> {
        let mut encoder = Encoder::new(subject, compression, seal.map(|seal| &seal.key));
        let mut stored = Vec::new();
        for chunk in content.chunks(CHUNK_BYTES as usize) {
            encoder.push(chunk, &mut stored)?;
        }
        let coding = encoder.finish(&mut stored);
        Ok(Encoded { subject, coding, stored })
    }

    /// What the record is called.
    pub(in crate::store) fn id(&self) -> [u8; 32] {
        self.subject.id
    }
}

/// Codes the content of one record, chunk by chunk, and holds no more than one of them.
pub(super) struct Encoder<'a> {
    subject: Subject,
    compression: Compression,
    key: Option<&'a DataKey>,
    /// Known when the first chunk has come, which shows whether compressing pays.
    begun: Option<Begun>,
    /// How long each chunk is as it stands, without its check.
    lengths: Vec<u32>,
}

struct Begun {
    compressor: Option<Compressing>,
    chunk_key: Option<ChunkKey>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(subject: Subject, compression: Compression, key: Option<&'a DataKey>) -> Self {
        Encoder { subject, compression, key, begun: None, lengths: Vec::new() }
    }

    /// Takes the next chunk: 64 KiB, or what is left. What is to be written goes to the end of `out`.
    pub(super) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => self.begin(chunk, out)?,
        };
        let index = self.lengths.len() as u64;
        if index > 0
            && let Some(compressor) = &mut begun.compressor
        {
            compressor.compress(chunk)?;
        }
        let compressed = begun.compressor.as_ref().map(Compressing::compressed);
        let to_stand = compressed.filter(|compressed| compressed.len() < chunk.len()).unwrap_or(chunk);
        let from = out.len();
        out.reserve(to_stand.len() + TAG_BYTES + CHECK_BYTES as usize);
        out.extend_from_slice(to_stand);
        let stands = out.get_mut(from..).unwrap_or_default();
        if let Some(key) = &begun.chunk_key {
            let tag = key.seal(index, stands)?;
            out.extend(tag);
        }
        let stands = out.get(from..).unwrap_or_default();
        self.lengths.push(u32::try_from(stands.len()).map_err(|_| too_large(stands.len() as u64))?);
        let check = CHECKS.of_part(index, stands);
        out.extend(check);
        self.begun = Some(begun);
        Ok(())
    }

    fn begin(&self, first: &[u8], out: &mut Vec<u8>) -> Result<Begun> {
        let Subject { kind, len, .. } = self.subject;
        let mut begun = Begun { compressor: None, chunk_key: None };
        if let Some(level) = self.compression.level_for(kind, u64::from(len)) {
            let compressor = self.compress(first, level)?;
            if compressor.compressed().len() <= first.len() - first.len() / MIN_SAVING_DIVISOR {
                begun.compressor = Some(compressor);
            } else {
                contexts::keep_compressor(compressor);
            }
        }
        if let Some(key) = self.key {
            let salt = sealing::random_salt()?;
            let coding = Coding::new(begun.method(), true);
            begun.chunk_key = Some(chunk_key(key, self.subject, coding, &salt)?);
            out.extend(salt);
            out.extend(CHECKS.of_part(SALT_PART, &salt));
        }
        Ok(begun)
    }

    /// The first chunk, compressed. At the lowest level it costs little to find the phrases of a prefix; what turns out
    /// to say something else is for zstd.
    fn compress(&self, first: &[u8], level: i32) -> Result<Compressing> {
        let Subject { kind, len, .. } = self.subject;
        if kind == Kind::Bytes && level == 1 && len <= phrases::MAX_BYTES {
            let mut phrases = contexts::phrases();
            phrases.compress(first)?;
            if phrases.compressed().len() <= first.len() / 2 {
                return Ok(phrases);
            }
            contexts::keep_compressor(phrases);
        }
        let mut zstd = contexts::zstd(level, kind)?;
        zstd.compress(first)?;
        Ok(zstd)
    }

    /// Writes what comes behind the chunks. A record without content is not coded.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Coding {
        let Some(begun) = self.begun else { return Coding::new(None, false) };
        let coding = Coding::new(begun.method(), begun.chunk_key.is_some());
        if coding.is_compressed() && self.lengths.len() > 1 {
            let table: Vec<u8> = self.lengths.iter().flat_map(|length| length.to_be_bytes()).collect();
            let check = CHECKS.of_part(TABLE_PART, &table);
            out.extend(table);
            out.extend(check);
        }
        begun.compressor.into_iter().for_each(contexts::keep_compressor);
        coding
    }
}

impl Begun {
    fn method(&self) -> Option<Method> {
        self.compressor.as_ref().map(Compressing::method)
    }
}

/// All that the header says of the content goes into the key, so that none of it can be changed.
pub(super) fn chunk_key(key: &DataKey, subject: Subject, coding: Coding, salt: &[u8; SALT_BYTES]) -> Result<ChunkKey> {
    let Subject { kind, len, id } = subject;
    ChunkKey::derive(key, Use::Record, &[&[kind as u8, coding.to_byte()], &len.to_be_bytes(), &id, salt])
}

/// What `len` bytes of content take behind the header of a record that is not compressed.
pub(super) fn uncompressed_bytes(len: u32, is_sealed: bool) -> Result<u32> {
    let len = u64::from(len);
    let (beginning, more) = if is_sealed && len > 0 { (BEGINNING_BYTES, TAG_BYTES as u64) } else { (0, 0) };
    let stored = beginning + len + len.div_ceil(CHUNK_BYTES) * (more + CHECK_BYTES);
    u32::try_from(stored).map_err(|_| too_large(len))
}

fn too_large(len: u64) -> Error {
    Error::Engine(format!("a record of {len} bytes is too large"))
}

/// The random bytes of a sealed record, and their check.
pub(super) const BEGINNING_BYTES: u64 = SALT_BYTES as u64 + CHECK_BYTES;

/// Where the parts of a record's content lie, counted from behind its header.
#[derive(Debug)]
pub(super) struct Layout {
    subject: Subject,
    coding: Coding,
    stored: u64,
    /// Where each chunk ends, if the record has a table.
    ends: Option<Vec<u32>>,
}

impl Layout {
    /// The layout that a header tells; complete if there is no table, or when it was read.
    pub(super) fn of(header: &Header) -> Self {
        let Header { kind, len, id, coding, stored, .. } = *header;
        Layout { subject: Subject { kind, len, id }, coding, stored: u64::from(stored), ends: None }
    }

    pub(super) fn chunks(&self) -> u64 {
        u64::from(self.subject.len).div_ceil(CHUNK_BYTES)
    }

    /// Where the random bytes and their check are, if it is sealed.
    pub(super) fn beginning(&self) -> Option<Range<u64>> {
        self.coding.is_sealed.then_some(0..BEGINNING_BYTES)
    }

    /// Where the table and its check are, if there is one; `None` inside when the record is too short for it.
    pub(super) fn table(&self) -> Option<Option<Range<u64>>> {
        let bytes = self.chunks() * ENTRY_BYTES + CHECK_BYTES;
        (self.coding.is_compressed() && self.chunks() > 1)
            .then(|| self.stored.checked_sub(bytes).map(|from| from..self.stored))
    }

    /// Takes the table; false when it does not fit the record.
    pub(super) fn set_table(&mut self, table: &[u8]) -> bool {
        let mut end = self.base();
        let mut ends = Vec::with_capacity(table.len() / ENTRY_BYTES as usize);
        for entry in table.as_chunks().0 {
            end += u64::from(u32::from_be_bytes(*entry)) + CHECK_BYTES;
            let Ok(end) = u32::try_from(end) else { return false };
            ends.push(end);
        }
        let is_whole = end + table.len() as u64 + CHECK_BYTES == self.stored;
        self.ends = Some(ends);
        is_whole
    }

    /// Where a chunk and its check are; `None` when the header is not that of such a record.
    pub(super) fn chunk(&self, index: u64) -> Option<Range<u64>> {
        let range = match &self.ends {
            Some(ends) => {
                let end = |index: u64| ends.get(usize::try_from(index).ok()?).map(|end| u64::from(*end));
                index.checked_sub(1).map_or(Some(self.base()), end)?..end(index)?
            }
            None if self.coding.is_compressed() => self.base()..self.stored,
            None => {
                let stride = CHUNK_BYTES + self.added();
                let from = self.base() + index * stride;
                from..from + self.plain_len(index) + self.added()
            }
        };
        (range.start + CHECK_BYTES <= range.end && range.end <= self.stored).then_some(range)
    }

    /// Length of the content of a chunk.
    pub(super) fn plain_len(&self, index: u64) -> u64 {
        u64::from(self.subject.len).saturating_sub(index * CHUNK_BYTES).min(CHUNK_BYTES)
    }

    /// A record that is not compressed has exactly one length.
    pub(super) fn is_sound(&self) -> bool {
        let expected = uncompressed_bytes(self.subject.len, self.coding.is_sealed).map(u64::from);
        self.coding.is_compressed() || expected.is_ok_and(|expected| expected == self.stored)
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.coding.is_sealed
    }

    /// How its chunks were compressed, if they were.
    pub(super) fn method(&self) -> Option<Method> {
        self.coding.compressed
    }

    /// How its parts are checked.
    pub(super) fn checks(&self) -> Checks {
        self.coding.checks
    }

    pub(super) fn chunk_key(&self, key: &DataKey, salt: &[u8; SALT_BYTES]) -> Result<ChunkKey> {
        chunk_key(key, self.subject, self.coding, salt)
    }

    fn base(&self) -> u64 {
        if self.coding.is_sealed { BEGINNING_BYTES } else { 0 }
    }

    /// Bytes that sealing and checking add to a chunk.
    fn added(&self) -> u64 {
        if self.coding.is_sealed { TAG_BYTES as u64 + CHECK_BYTES } else { CHECK_BYTES }
    }
}
