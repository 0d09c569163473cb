//! The watermark of free space: letters are refused before the engine can meet a full disk (DESIGN 6).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, Result};

/// Below the watermark divided by this nothing at all is written: what is left belongs to the engine.
const RESERVE_DIVISOR: u64 = 16;

/// Knows how much is free where the data lies.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Bytes that this process may still write below `dir`.
    fn free_bytes(&self, dir: &Path) -> Result<u64>;
}

/// The file system itself.
#[derive(Debug)]
pub(crate) struct FileSystem;

impl Disk for FileSystem {
    fn free_bytes(&self, dir: &Path) -> Result<u64> {
        let found = rustix::fs::statvfs(dir).map_err(std::io::Error::from)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// How much is free where the data lies.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) dir: PathBuf,
    pub(super) watermark_bytes: u64,
    pub(super) disk: Arc<dyn Disk>,
}

impl Space {
    pub(super) fn free(&self) -> Result<u64> {
        self.disk.free_bytes(&self.dir)
    }

    /// How much there is now.
    pub(super) fn look(&self) -> Result<Room> {
        Ok(Room { free: self.free()?, watermark: self.watermark_bytes })
    }

    /// [`Room::check`], now.
    pub(super) fn check(&self) -> Result<()> {
        self.look()?.check()
    }

    /// [`Room::check_reserve`], now.
    pub(super) fn check_reserve(&self) -> Result<()> {
        self.look()?.check_reserve()
    }

    /// The error for a write that met a full disk.
    pub(super) fn full(&self) -> Error {
        Error::Full { free: self.free().unwrap_or(0), watermark: self.watermark_bytes }
    }
}

/// How much was free when somebody looked, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    free: u64,
    watermark: u64,
}

impl Room {
    /// Is there room for a new letter? Batches that bring bytes need the watermark.
    pub(super) fn check(self) -> Result<()> {
        self.check_against(self.watermark)
    }

    /// Is there room for what makes room? Flags and expunging may use more of what is left.
    pub(super) fn check_reserve(self) -> Result<()> {
        self.check_against(self.watermark / RESERVE_DIVISOR)
    }

    fn check_against(self, needed: u64) -> Result<()> {
        let Room { free, watermark } = self;
        if free < needed { Err(Error::Full { free, watermark }) } else { Ok(()) }
    }
}

/// A disk on which is free what the test says.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Told(std::sync::atomic::AtomicU64);

#[cfg(test)]
impl Told {
    /// More than anybody needs.
    pub(crate) fn plenty() -> Self {
        Told(u64::MAX.into())
    }

    pub(crate) fn say(&self, free_bytes: u64) {
        self.0.store(free_bytes, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Disk for Told {
    fn free_bytes(&self, _: &Path) -> Result<u64> {
        Ok(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}
