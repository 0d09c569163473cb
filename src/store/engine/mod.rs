//! The small engine under every row: ordered bytes with atomic batches (DESIGN 3).
//!
//! Nothing above the store knows which engine it is. An engine may show a batch before it is on stable
//! storage; keeping that from readers is the work of the store's versions, not of the engine.

mod generations;
pub mod memory;
mod redb;
mod sled;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, Result, Rows};

use self::redb::RedbEngine;
use self::sled::SledEngine;

pub(super) use self::generations::Generations;
pub(super) use self::sled::MAX_ROW_BYTES;

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

    /// Fills an engine that nobody reads yet with rows in ascending order: not atomic, so that it may get out of
    /// the way of the live one.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn load(&self, rows: Rows) -> Result<()> {
        self.apply(&rows.into_iter().map(|(key, value)| (key, Some(value))).collect())
    }

    /// What the next opening has to read because it was written since this one, bytes.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn replay_bytes(&self) -> Result<u64> {
        Ok(0)
    }

    /// Bytes on disk, as far as the engine knows.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn disk_bytes(&self) -> Result<u64>;
}

/// Opens the live engine, and opens it again after it failed; makes a fresh one that may take its place.
///
/// A fresh engine is the only way in which an engine gives space back: rows are copied into it, then it is adopted
/// and the old one removed.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Opens the live engine; an earlier instance of it was dropped before.
    ///
    /// # Errors
    /// `Engine`, `Damaged`, `Io`.
    fn open(&self) -> Result<Box<dyn Engine>>;

    /// An empty engine beside the live one. There is at most one.
    ///
    /// # Errors
    /// `Engine`, `Io`.
    fn fresh(&self) -> Result<Box<dyn Engine>>;

    /// Closes a fresh engine that was filled and opens it again: in memory is then what a start needs and not what
    /// filling it left, and the next start has less to read.
    ///
    /// # Errors
    /// `Engine`, `Damaged`, `Io`.
    fn reopen_fresh(&self, fresh: Box<dyn Engine>) -> Result<Box<dyn Engine>>;

    /// Makes the fresh engine the live one, now and after any crash; `disk_bytes` is its size.
    ///
    /// # Errors
    /// See [`NotAdopted`].
    fn adopt(&self, disk_bytes: u64) -> std::result::Result<(), NotAdopted>;

    /// Removes every engine but the live one; none of them is open.
    ///
    /// # Errors
    /// `Io`.
    fn sweep(&self) -> Result<()>;

    /// Size of the live engine when it was adopted, bytes; zero for the first one.
    ///
    /// # Errors
    /// `Damaged`, `Io`.
    fn adopted_bytes(&self) -> Result<u64>;

    /// Whether the live engine is of the kind that [`Opener::fresh`] makes.
    ///
    /// # Errors
    /// `Damaged`, `Io`.
    fn is_of_the_chosen_kind(&self) -> Result<bool>;
}

/// Why a fresh engine was not adopted.
#[derive(Debug)]
pub enum NotAdopted {
    /// The live one is still the live one.
    Kept(Error),
    /// Either may be found after a crash: nothing more may be written before the live one was opened anew.
    Unsure(Error),
}

/// `store.engine`: which engine keeps the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// sled 0.34.
    #[default]
    Sled,
    /// redb 4.
    Redb,
}

impl EngineKind {
    /// Every engine there is.
    pub(super) const ALL: [Self; 2] = [Self::Sled, Self::Redb];

    /// As it stands in the configuration and in the names of directories.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Sled => "sled",
            EngineKind::Redb => "redb",
        }
    }

    /// Opens or creates an engine of this kind in a directory.
    fn open(self, dir: &Path, cache_bytes: u64) -> Result<Box<dyn Engine>> {
        Ok(match self {
            EngineKind::Sled => Box::new(SledEngine::open(dir, cache_bytes)?),
            EngineKind::Redb => Box::new(RedbEngine::open(dir, cache_bytes)?),
        })
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "the engine panicked".into())
}
