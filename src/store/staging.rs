//! Where bodies that are too large for memory wait until they are committed: files without a name under
//! `<dir>/staging`.
//!
//! When letters are encrypted, so are these files, each under a key that is only in memory: what was deleted can be
//! read off a disk for long.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bodies::full_or_io;
use super::sealing::{ChunkKey, DataKey, TAG_BYTES, Use};
use super::{Error, Result, Settings};

/// Bytes sealed, and read, at a time.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// The directory.
#[derive(Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    pub(super) max_memory_bytes: u64,
    is_sealed: bool,
    next: AtomicU64,
}

impl Staging {
    /// Opens the directory and removes what a crash left in it.
    pub(super) fn open(dir: PathBuf, settings: &Settings) -> Result<Self> {
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)? {
            fs::remove_file(entry?.path())?;
        }
        let (max_memory_bytes, is_sealed) = (settings.max_memory_body_bytes, settings.encryption);
        Ok(Staging { dir, max_memory_bytes, is_sealed, next: AtomicU64::new(0) })
    }

    /// A file without a name: it vanishes with its last user, also in a crash.
    pub(super) fn file(&self) -> Result<StagingFile> {
        let key = match self.is_sealed {
            true => Some(Box::new(ChunkKey::derive(&DataKey::random()?, Use::Staging, &[])?)),
            false => None,
        };
        let path = self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(full_or_io)?;
        fs::remove_file(&path)?;
        Ok(StagingFile { file, key, len: 0 })
    }
}

/// Bytes that can be added to and read.
#[derive(Debug)]
pub(super) struct StagingFile {
    file: File,
    key: Option<Box<ChunkKey>>,
    /// Bytes that were added.
    len: u64,
}

impl StagingFile {
    /// Adds whole pieces; only the last one of a file may be shorter.
    ///
    /// # Errors
    /// `Full`; I/O.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(key) = &self.key else {
            self.file.write_all(bytes).map_err(full_or_io)?;
            self.len += bytes.len() as u64;
            return Ok(());
        };
        let mut sealed = Vec::with_capacity(PIECE_BYTES.min(bytes.len()) + TAG_BYTES);
        for piece in bytes.chunks(PIECE_BYTES) {
            sealed.clear();
            sealed.extend_from_slice(piece);
            let tag = key.seal(self.len / PIECE_BYTES as u64, &mut sealed)?;
            sealed.extend(tag);
            self.file.write_all(&sealed).map_err(full_or_io)?;
            self.len += piece.len() as u64;
        }
        Ok(())
    }

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// There are not so many; I/O.
    pub(super) fn read_exact_at(&self, into: &mut [u8], offset: u64) -> Result<()> {
        let Some(key) = &self.key else { return Ok(self.file.read_exact_at(into, offset)?) };
        let mut sealed = Vec::new();
        let mut filled = 0;
        while filled < into.len() {
            let at = offset + filled as u64;
            let (index, skip) = (at / PIECE_BYTES as u64, (at % PIECE_BYTES as u64) as usize);
            let piece_len = (self.len.saturating_sub(index * PIECE_BYTES as u64)).min(PIECE_BYTES as u64) as usize;
            sealed.resize(piece_len + TAG_BYTES, 0);
            self.file.read_exact_at(&mut sealed, index * (PIECE_BYTES + TAG_BYTES) as u64)?;
            let piece =
                key.open(index, &mut sealed).and_then(|piece| piece.get(skip..)).filter(|left| !left.is_empty());
            let piece = piece.ok_or_else(|| Error::Damaged("a staging file is not what was written to it".into()))?;
            let rest = into.get_mut(filled..).unwrap_or_default();
            let len = piece.len().min(rest.len());
            let (to, from) = (rest.get_mut(..len).unwrap_or_default(), piece.get(..len).unwrap_or_default());
            to.copy_from_slice(from);
            filled += len;
        }
        Ok(())
    }
}
