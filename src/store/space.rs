//! The watermark of free space: letters are refused before the engine can meet a full disk (DESIGN 6).

use std::path::PathBuf;

use super::{Error, Result};

/// Below the watermark divided by this nothing at all is written: what is left belongs to the engine.
const RESERVE_DIVISOR: u64 = 16;

/// How much is free where the data lies.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) dir: PathBuf,
    pub(super) watermark_bytes: u64,
}

impl Space {
    pub(super) fn free(&self) -> Result<u64> {
        let found = rustix::fs::statvfs(&self.dir).map_err(std::io::Error::from)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Is there room for a new letter? Batches that bring bytes need the watermark.
    pub(super) fn check(&self) -> Result<()> {
        self.check_against(self.watermark_bytes)
    }

    /// Is there room for what makes room? Flags and expunging may use more of what is left.
    pub(super) fn check_reserve(&self) -> Result<()> {
        self.check_against(self.watermark_bytes / RESERVE_DIVISOR)
    }

    fn check_against(&self, needed: u64) -> Result<()> {
        let free = self.free()?;
        if free < needed { Err(Error::Full { free, watermark: self.watermark_bytes }) } else { Ok(()) }
    }

    /// The error for a write that met a full disk.
    pub(super) fn full(&self) -> Error {
        Error::Full { free: self.free().unwrap_or(0), watermark: self.watermark_bytes }
    }
}
