//! The small engine under every row: ordered bytes with atomic batches (DESIGN 3).
//!
//! Nothing above the store knows which engine it is. An engine may show a batch before it is on stable
//! storage; keeping that from readers is the work of the store's versions, not of the engine.

pub mod memory;
mod sled;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::{Result, Rows};

pub(super) use self::sled::{MAX_ROW_BYTES, SledEngine};

/// What a batch does: the new value of each key, or `None` to remove it.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Ordered rows. All calls block; none is made on a worker of the async runtime.
pub trait Engine: Send + Sync + fmt::Debug {
    /// The row under `key`.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Up to `limit` rows with `from <= key < to`, in key order.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows>;

    /// As [`Engine::range`], from the end backwards.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows>;

    /// Applies all changes or none.
    ///
    /// # Errors
    /// `Engine`, `Io`; then it is not known whether the changes are there.
    fn apply(&self, changes: &Changes) -> Result<()>;

    /// Returns when everything applied so far is on stable storage.
    ///
    /// # Errors
    /// `Engine`, `Io`; then it is not known what is on stable storage, and the engine must be opened anew.
    fn sync(&self) -> Result<()>;

    /// Bytes on disk, as far as the engine knows.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn disk_bytes(&self) -> Result<u64>;
}

/// Opens the engine, and opens it again after it failed.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Opens it; an earlier instance was dropped before.
    ///
    /// # Errors
    /// `Engine`, `Damaged`, `Io`.
    fn open(&self) -> Result<Box<dyn Engine>>;
}

/// Opens sled in a directory.
#[derive(Debug)]
pub(super) struct SledOpener {
    pub(super) dir: PathBuf,
    pub(super) cache_bytes: u64,
}

impl Opener for SledOpener {
    fn open(&self) -> Result<Box<dyn Engine>> {
        Ok(Box::new(SledEngine::open(&self.dir, self.cache_bytes)?))
    }
}
