//! Out of a record again: the chunks that a range touches, checked, opened and decompressed.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::coding::{Layout, SALT_PART, TABLE_PART};
use super::format::{CHUNK_BYTES, HEADER_BYTES, NAMELESS};
use super::{Header, Kind, Packs, RecordRef, contexts, damaged, usize_of};
use crate::ids::BodyId;
use crate::store::sealing::{ChunkKey, DataKey};
use crate::store::{Error, Result};

/// Records up to this size are read in one go, header and all.
const SMALL_BYTES: u64 = 72 << 10;

/// Chunks read in one go.
const CHUNKS_A_TIME: u64 = 8;

impl Packs {
    /// The bytes of a record's content in `range`; fewer only at its end. Every chunk that is touched is checked,
    /// and only those are read.
    ///
    /// # Errors
    /// `Damaged`; `Sealed` when it needs a key; I/O.
    pub(in crate::store) fn read(&self, place: RecordRef, range: Range<u64>, key: Option<&DataKey>) -> Result<Bytes> {
        let read = self.read_range(place, range, key);
        if let Err(Error::Damaged(_)) = &read {
            self.suspect(place);
        }
        read
    }

    /// As [`Packs::read`], of a body that was there once and may have moved: `None` when what is there now does not say
    /// that it is this body, when it cannot be read, and when the range holds nothing. Whoever asks knows where to look
    /// then, so nothing is suspected for it. A name is enough to know a body by, sealed or not: its header has a check, and
    /// a sealed one does not open as another.
    ///
    /// What is found costs what [`Packs::read`] does. Looking in vain costs one read if the pack is there; if it is not,
    /// only that the system does not find its name. Packs that were retired and are still open are read.
    pub(in crate::store) fn read_body(
        &self,
        place: RecordRef,
        body: BodyId,
        range: Range<u64>,
        key: Option<&DataKey>,
    ) -> Option<Bytes> {
        let range = range.start..range.end.min(u64::from(place.len));
        if range.is_empty() {
            return None;
        }
        let opened = Opened::new(self.file(place.pack).ok()?, place).ok()?;
        let is_it = opened.header.kind == Kind::Body && opened.header.id == body.0;
        if is_it { opened.range(range, key).ok() } else { None }
    }

    /// The whole content of a small record.
    ///
    /// # Errors
    /// As [`Packs::read`].
    pub(in crate::store) fn read_whole(&self, place: RecordRef, key: Option<&DataKey>) -> Result<Bytes> {
        self.read(place, 0..u64::from(place.len), key)
    }

    fn read_range(&self, place: RecordRef, range: Range<u64>, key: Option<&DataKey>) -> Result<Bytes> {
        let range = range.start..range.end.min(u64::from(place.len));
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Opened::new(self.file(place.pack)?, place)?.range(range, key)
    }

    /// Reads a whole record of any size and compares it with its header: kind, length, hash. Of one that has no hash the
    /// checks of what stands there, and unless it is sealed that it can be read. Answers its name.
    ///
    /// # Errors
    /// `Damaged`; I/O.
    pub(in crate::store) fn verify(&self, place: RecordRef, kind: Kind) -> Result<[u8; 32]> {
        let mut opened = Opened::new(self.file(place.pack)?, place)?;
        if opened.header.kind != kind {
            return Err(damaged(place, "its kind differs"));
        }
        let id = opened.header.id;
        if opened.header.len == 0 {
            // Nothing stands there that could be sealed, and the name may be one that a seal gave.
            return Ok(id);
        }
        let chunks = 0..opened.layout.chunks();
        if opened.layout.is_sealed() {
            opened.salt()?;
            opened.each_chunk(chunks, |_, _| Ok(()))?;
            return Ok(id);
        }
        if kind != Kind::Body && id == NAMELESS {
            opened.content(chunks, |_| ())?;
            return Ok(id);
        }
        let mut hasher = blake3::Hasher::new();
        opened.content(chunks, |chunk| {
            hasher.update(chunk);
        })?;
        if *hasher.finalize().as_bytes() != id {
            return Err(damaged(place, "its hash differs"));
        }
        Ok(id)
    }
}

/// A record that is being read.
struct Opened {
    file: Arc<File>,
    place: RecordRef,
    header: Header,
    layout: Layout,
    /// All that stands behind the header, if it is little.
    whole: Option<Vec<u8>>,
    key: Option<ChunkKey>,
}

impl Opened {
    fn new(file: Arc<File>, place: RecordRef) -> Result<Self> {
        let mut first = [0; HEADER_BYTES as usize];
        let is_small = u64::from(place.stored) <= SMALL_BYTES;
        let read = if is_small { HEADER_BYTES + u64::from(place.stored) } else { HEADER_BYTES };
        let mut bytes = vec![0; usize_of(read)?];
        file.read_exact_at(&mut bytes, place.offset).map_err(|error| unreadable(place, error))?;
        let whole = bytes.split_off(first.len());
        first.copy_from_slice(&bytes);
        let header = Header::from_bytes(&first).ok_or_else(|| damaged(place, "no record begins there"))?;
        let layout = Layout::of(&header);
        if header.place(place.pack, place.offset) != place || !layout.is_sound() {
            return Err(damaged(place, "its length differs"));
        }
        let mut opened = Opened { file, place, header, layout, whole: is_small.then_some(whole), key: None };
        opened.read_table()?;
        Ok(opened)
    }

    /// What lies in a range that is not empty and within the content.
    fn range(mut self, range: Range<u64>, key: Option<&DataKey>) -> Result<Bytes> {
        self.unlock(key)?;
        let (first, last) = (range.start / CHUNK_BYTES, (range.end - 1) / CHUNK_BYTES);
        let mut content = Vec::with_capacity(usize_of((last - first + 1) * CHUNK_BYTES)?.min(usize_of(range.end)?));
        self.content(first..last + 1, |chunk| content.extend_from_slice(chunk))?;
        let skip = first * CHUNK_BYTES;
        let wanted = usize_of(range.start - skip)?..usize_of(range.end - skip)?;
        if content.len() < wanted.end {
            return Err(damaged(self.place, "it is shorter than its header says"));
        }
        Ok(Bytes::from(content).slice(wanted))
    }

    fn read_table(&mut self) -> Result<()> {
        let Some(table) = self.layout.table() else { return Ok(()) };
        let stored = self.stored(table.ok_or_else(|| damaged(self.place, "it is too short for its table"))?)?;
        let table = self.layout.checks().checked_part(TABLE_PART, &stored).map(<[u8]>::to_vec);
        match table.filter(|table| self.layout.set_table(table)) {
            Some(_) => Ok(()),
            None => Err(damaged(self.place, "its table differs")),
        }
    }

    /// The random bytes of a sealed record.
    fn salt(&self) -> Result<[u8; crate::store::sealing::SALT_BYTES]> {
        let stored = self.stored(self.layout.beginning().unwrap_or_default())?;
        let salt = self.layout.checks().checked_part(SALT_PART, &stored);
        salt.and_then(|salt| salt.try_into().ok()).ok_or_else(|| damaged(self.place, "its beginning differs"))
    }

    /// From here on sealed chunks can be opened.
    fn unlock(&mut self, key: Option<&DataKey>) -> Result<()> {
        if self.layout.is_sealed() {
            let RecordRef { pack, offset, .. } = self.place;
            let key = key.ok_or_else(|| Error::Sealed(format!("record at {offset} of pack {pack}")))?;
            self.key = Some(self.layout.chunk_key(key, &self.salt()?)?);
        }
        Ok(())
    }

    /// The content of some chunks, one after the other.
    fn content(&mut self, chunks: Range<u64>, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut decompressor = None;
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        self.each_chunk(chunks, |index, stands| {
            let packed = match &self.key {
                None => stands,
                Some(key) => {
                    sealed.clear();
                    sealed.extend_from_slice(stands);
                    key.open(index, &mut sealed).ok_or_else(|| damaged(self.place, "its key does not open it"))?
                }
            };
            let len = usize_of(self.layout.plain_len(index))?;
            if packed.len() == len {
                each(packed);
                return Ok(());
            }
            let method = self.layout.method().ok_or_else(|| damaged(self.place, "its length differs"))?;
            let decompressor = match &mut decompressor {
                Some(decompressor) => decompressor,
                none => none.insert(contexts::decompressor(method)?),
            };
            plain.clear();
            let unpacked = decompressor.decompress(packed, len, &mut plain);
            if packed.len() > len || !unpacked.is_ok_and(|unpacked| unpacked == len) {
                return Err(damaged(self.place, "it does not decompress"));
            }
            each(&plain);
            Ok(())
        })?;
        decompressor.into_iter().for_each(contexts::keep_decompressor);
        Ok(())
    }

    /// Some chunks as they stand, each checked, one after the other.
    fn each_chunk(&self, chunks: Range<u64>, mut each: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let place_of =
            |index| self.layout.chunk(index).ok_or_else(|| damaged(self.place, "a chunk lies outside of it"));
        let mut first = chunks.start;
        while first < chunks.end {
            let end = chunks.end.min(first + CHUNKS_A_TIME);
            let from = place_of(first)?.start;
            let piece = self.stored(from..place_of(end - 1)?.end)?;
            for index in first..end {
                let range = place_of(index)?;
                let stands = piece.get(usize_of(range.start - from)?..usize_of(range.end - from)?);
                let checked = stands.and_then(|stands| self.layout.checks().checked_part(index, stands));
                each(index, checked.ok_or_else(|| damaged(self.place, "its checksum differs"))?)?;
            }
            first = end;
        }
        Ok(())
    }

    /// Bytes that stand behind the header.
    fn stored(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let len = usize_of(range.end.saturating_sub(range.start))?;
        if let Some(whole) = &self.whole {
            let from = usize_of(range.start)?;
            let bytes = whole.get(from..from + len).ok_or_else(|| damaged(self.place, "it is too short"))?;
            return Ok(Cow::Borrowed(bytes));
        }
        let mut bytes = vec![0; len];
        let from = self.place.offset + HEADER_BYTES + range.start;
        self.file.read_exact_at(&mut bytes, from).map_err(|error| unreadable(self.place, error))?;
        Ok(Cow::Owned(bytes))
    }
}

fn unreadable(place: RecordRef, error: io::Error) -> Error {
    damaged(place, &error.to_string())
}
