//! Bytes on their way into the packs, and out of them.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::ids::BodyId;

use super::staging::{PIECE_BYTES, Staging, StagingFile};
use super::{Error, RecordRef, Result};

/// Takes the bytes of one message as they arrive. Small ones stay in memory, larger ones go to a file under
/// `<dir>/staging` that vanishes with the writer.
#[derive(Debug)]
pub struct BodyWriter {
    staging: Arc<Staging>,
    hasher: Box<blake3::Hasher>,
    /// The whole body; of one with a file what is not yet in it, less than a piece.
    memory: Vec<u8>,
    file: Option<StagingFile>,
    len: u64,
}

/// A complete body that no row names yet. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct StagedBody {
    id: BodyId,
    len: u64,
    /// The bytes in memory: the whole body, or its beginning.
    head: Bytes,
    tail: Option<Tail>,
}

/// The rest of a body, behind its head.
#[derive(Debug)]
struct Tail {
    file: StagingFile,
    /// Where in the file the rest begins.
    skip: u64,
}

impl BodyWriter {
    pub(super) fn new(staging: Arc<Staging>) -> Self {
        BodyWriter { staging, hasher: Box::default(), memory: Vec::new(), file: None, len: 0 }
    }

    /// Appends bytes (blocking for bodies beyond the memory limit: call it from a blocking thread or keep
    /// pieces small; a piece of up to 64 KiB costs one buffered write).
    ///
    /// # Errors
    /// The staging file cannot be written: a full disk is `Error::Full`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        if self.file.is_none() {
            if self.len <= self.staging.max_memory_bytes {
                self.memory.extend_from_slice(bytes);
                return Ok(());
            }
            self.file = Some(self.staging.file()?);
            let memory = std::mem::replace(&mut self.memory, Vec::with_capacity(PIECE_BYTES));
            self.spill(&memory)?;
        }
        self.spill(bytes)
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    pub fn finish(mut self) -> Result<StagedBody> {
        let id = BodyId(*self.hasher.finalize().as_bytes());
        let (len, memory) = (self.len, std::mem::take(&mut self.memory));
        let Some(mut file) = self.file else { return Ok(StagedBody { id, len, head: memory.into(), tail: None }) };
        file.append(&memory)?;
        Ok(StagedBody { id, len, head: Bytes::new(), tail: Some(Tail { file, skip: 0 }) })
    }

    /// Passes bytes on to the file, in whole pieces; what is left of them waits in memory.
    fn spill(&mut self, mut bytes: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.memory.len()));
            self.memory.extend_from_slice(now);
            if self.memory.len() == PIECE_BYTES {
                file.append(&self.memory)?;
                self.memory.clear();
            }
            bytes = later;
        }
        Ok(())
    }
}

impl StagedBody {
    /// The hash of the whole body.
    #[must_use]
    pub fn id(&self) -> BodyId {
        self.id
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a body of no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lies in a file: too large to be copied by the committer.
    pub(super) fn is_large(&self) -> bool {
        self.tail.is_some()
    }

    /// Up to `len` bytes from `offset`; shorter only at the end.
    ///
    /// # Errors
    /// The staging file cannot be read.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let end = self.len.min(offset.saturating_add(len as u64));
        let head_len = self.head.len() as u64;
        if offset >= end {
            return Ok(Bytes::new());
        }
        if end <= head_len {
            return Ok(self.head.slice(offset as usize..end as usize));
        }
        let Some(tail) = &self.tail else { return Ok(Bytes::new()) };
        let from_head = self.head.get(offset as usize..).unwrap_or_default();
        let mut bytes = BytesMut::zeroed((end - offset) as usize);
        let (front, back) = bytes.split_at_mut(from_head.len());
        front.copy_from_slice(from_head);
        tail.file.read_exact_at(back, tail.skip + offset.saturating_sub(head_len))?;
        Ok(bytes.freeze())
    }

    /// The same body with its first `old_len` bytes (the header block) replaced by `new_head`; the hash is
    /// taken anew. This is how the edits of DESIGN 7 are made.
    ///
    /// # Errors
    /// The staging file cannot be read.
    pub fn with_head(self, old_len: u64, new_head: &[u8]) -> Result<StagedBody> {
        let old_len = old_len.min(self.len);
        let rest_of_head = self.head.slice((old_len as usize).min(self.head.len())..);
        let beyond_head = old_len.saturating_sub(self.head.len() as u64);
        let mut changed = StagedBody {
            id: self.id,
            len: self.len - old_len + new_head.len() as u64,
            head: [new_head, &rest_of_head].concat().into(),
            tail: self.tail.map(|tail| Tail { skip: tail.skip + beyond_head, ..tail }),
        };
        let mut hasher = blake3::Hasher::new();
        let mut position = 0;
        while position < changed.len {
            let piece = changed.read_at(position, PIECE_BYTES)?;
            hasher.update(&piece);
            position += piece.len() as u64;
        }
        changed.id = BodyId(*hasher.finalize().as_bytes());
        Ok(changed)
    }
}

/// Row of a body: where it lies and how many rows name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BodyRow {
    pub(super) place: RecordRef,
    pub(super) references: i64,
}

impl BodyRow {
    const VERSION: u8 = 1;

    pub(super) fn encode(self) -> Vec<u8> {
        [&[Self::VERSION], &self.place.to_bytes()[..], &self.references.to_be_bytes()].concat()
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self> {
        let fields = row.split_first_chunk::<1>().filter(|(version, _)| **version == [Self::VERSION]);
        let (place, references) = fields
            .and_then(|(_, rest)| rest.split_first_chunk::<{ RecordRef::BYTES }>())
            .and_then(|(place, rest)| Some((place, rest.try_into().ok()?)))
            .ok_or_else(|| Error::Damaged("row of a body".into()))?;
        Ok(BodyRow { place: RecordRef::from_bytes(*place), references: i64::from_be_bytes(references) })
    }
}

pub(super) fn full_or_io(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { free: 0, watermark: 0 },
        _ => Error::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::store::Settings;

    fn staged(settings: &Settings, bytes: &[u8], dir: &std::path::Path) -> StagedBody {
        let mut writer = BodyWriter::new(Arc::new(Staging::open(dir.into(), settings).unwrap()));
        bytes.chunks(1_000).for_each(|piece| writer.write(piece).unwrap());
        writer.finish().unwrap()
    }

    fn contents(body: &StagedBody) -> Vec<u8> {
        body.read_at(0, usize::MAX >> 1).unwrap().to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn bytes_and_hash_are_the_same_in_memory_and_in_a_file(
            bytes in prop::collection::vec(any::<u8>(), 0..200_000),
            max_memory_body_bytes in 0_u64..200_000,
            encryption: bool,
            heads in prop::collection::vec((0_u64..5_000, prop::collection::vec(any::<u8>(), 0..3_000)), 0..3),
            offset in 0_u64..200_000,
            len in 0_usize..100_000,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let settings = Settings { max_memory_body_bytes, encryption, ..Settings::default() };
            let mut body = staged(&settings, &bytes, dir.path());
            let mut expected = bytes;
            for (old_len, new_head) in heads {
                body = body.with_head(old_len, &new_head).unwrap();
                expected.splice(..(old_len as usize).min(expected.len()), new_head);
            }
            prop_assert_eq!(body.len(), expected.len() as u64);
            prop_assert_eq!(body.id().0, *blake3::hash(&expected).as_bytes());
            let from = (offset as usize).min(expected.len());
            let until = (from + len).min(expected.len());
            prop_assert_eq!(&body.read_at(offset, len).unwrap()[..], &expected[from..until]);
            prop_assert_eq!(contents(&body), expected);
        }
    }

    #[test]
    fn staging_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { max_memory_body_bytes: 10, ..Settings::default() };
        let body = staged(&settings, &[7; 100_000], dir.path());
        assert!(body.is_large());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(dir.path().join("left-over"), b"x").unwrap();
        Staging::open(dir.path().into(), &settings).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
