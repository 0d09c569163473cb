//! What may be read of a log: exactly what its last checkpoint covers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::super::checkpoint::{Checkpoint, Signed};
use super::super::note::Verifier;
use super::super::proof::Proof;
use super::super::tile::{HEIGHT, LEVELS, Tile, WIDTH, fold};
use super::super::tree::{Frontier, Hash, consistency, inclusion, root};
use super::files::{Files, Leaf};
use super::{DAILY, Error, Result, damaged, ids};
use crate::ids::ImpressionId;

/// Leaves read at a time.
const CHUNK: u64 = 4_096;

/// A published log. Clones share it; what is published later they do not see.
#[derive(Clone, Debug)]
pub struct View {
    dir: PathBuf,
    files: Arc<Files>,
    published: Arc<Signed>,
    verifier: Verifier,
}

impl View {
    pub(super) fn new(dir: PathBuf, files: Arc<Files>, published: Arc<Signed>, verifier: Verifier) -> Self {
        View { dir, files, published, verifier }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the log says of itself.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.published.checkpoint
    }

    /// The same as a signed note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.published.note
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.published.checkpoint.head.size
    }

    /// The bytes of a tile or bundle; `None` when the checkpoint does not cover all of it.
    ///
    /// # Errors
    /// I/O.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>> {
        if tile.width == 0 || tile.width > Tile::available(tile.content, tile.index, self.size()) {
            return Ok(None);
        }
        let first = tile.index * WIDTH;
        self.files.tile(tile.content, first..first + tile.width).map(Some).map_err(|error| self.io(error))
    }

    /// Where the leaf of an impression is.
    ///
    /// # Errors
    /// I/O.
    pub fn find(&self, id: ImpressionId) -> Result<Option<u64>> {
        ids::find(&self.files, id, self.size()).map_err(|error| self.io(error))
    }

    /// A leaf.
    ///
    /// # Errors
    /// I/O, and when there is none.
    pub fn leaf(&self, index: u64) -> Result<Leaf> {
        self.files.leaf(index).map_err(|error| self.io(error))
    }

    /// That the leaf `index`, which there must be, is in the log.
    ///
    /// # Errors
    /// I/O.
    pub fn prove(&self, index: u64) -> Result<Proof> {
        let path = inclusion(&*self.files, index, self.size()).map_err(|error| self.io(error))?;
        Ok(Proof { index, path, note: self.note().to_owned() })
    }

    /// That the first `from` leaves are the beginning of the first `to`; `None` unless `from` ≤ `to` ≤ size.
    ///
    /// # Errors
    /// I/O.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Option<Vec<Hash>>> {
        if from > to || to > self.size() {
            return Ok(None);
        }
        consistency(&*self.files, from, to).map(Some).map_err(|error| self.io(error))
    }

    /// The root of the first `size` leaves, which there must be.
    ///
    /// # Errors
    /// I/O.
    pub fn root(&self, size: u64) -> Result<Hash> {
        root(&*self.files, size).map_err(|error| self.io(error))
    }

    /// The last checkpoint of a day that is over, as a signed note.
    ///
    /// # Errors
    /// I/O.
    pub fn daily(&self, day: Date) -> Result<Option<String>> {
        let file = self.dir.join(DAILY).join(day.to_string());
        match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| Error::Io { path: file, error }),
        }
    }

    /// Days that are over and have a checkpoint, ascending.
    ///
    /// # Errors
    /// I/O.
    pub fn days(&self) -> Result<Vec<Date>> {
        let entries = std::fs::read_dir(self.dir.join(DAILY)).map_err(|error| self.io(error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut days: Vec<Date> = names.filter_map(|name| name.parse().ok()).collect();
        days.sort_unstable();
        Ok(days)
    }

    /// Reads every leaf, computes everything that follows from them anew and compares; `each` gets every leaf.
    ///
    /// # Errors
    /// `Damaged` says what does not fit; I/O.
    pub fn check(&self, mut each: impl FnMut(u64, &Leaf)) -> Result<()> {
        let (mut frontier, mut newest_ms, mut index) = (Frontier::default(), 0, 0);
        while index < self.size() {
            let end = self.size().min(index + CHUNK);
            for leaf in self.files.leaves(index..end).map_err(|error| self.io(error))? {
                if leaf.newest_ms != ids::milliseconds(leaf.id).max(newest_ms) {
                    return Err(damaged(&self.dir, format!("leaf {index} is not in its order")));
                }
                if ids::is_late(leaf.id, newest_ms) && self.find(leaf.id)? != Some(index) {
                    return Err(damaged(&self.dir, format!("the late leaf {index} is not listed")));
                }
                newest_ms = leaf.newest_ms;
                frontier.push(leaf.entry.leaf());
                each(index, &leaf);
                index += 1;
            }
        }
        if frontier.head() != self.published.checkpoint.head {
            return Err(damaged(&self.dir, format!("its {index} leaves have another root than its checkpoint")));
        }
        self.check_levels()?;
        self.check_days()
    }

    /// Every hash of a level is that over the tile below.
    fn check_levels(&self) -> Result<()> {
        let at = |error| self.io(error);
        for level in 1..LEVELS {
            for index in 0..self.size() >> (u32::from(level) * HEIGHT) {
                let below = self.files.hashes(level - 1, index * WIDTH..(index + 1) * WIDTH).map_err(at)?;
                let kept = self.files.hashes(level, index..index + 1).map_err(at)?;
                if fold(below) != kept.first().copied() {
                    return Err(damaged(&self.dir, format!("hash {index} of level {level} is not that of its tile")));
                }
            }
        }
        Ok(())
    }

    /// The checkpoint of every day is the log's, and of a tree with which this one begins.
    fn check_days(&self) -> Result<()> {
        for day in self.days()? {
            let Some(note) = self.daily(day)? else { continue };
            let head = Signed::open(&note, &self.verifier).map(|signed| signed.checkpoint.head);
            let head = head.map_err(|error| damaged(&self.dir, format!("the checkpoint of {day}: {error}")))?;
            if head.size > self.size() || self.root(head.size)? != head.root {
                return Err(damaged(&self.dir, format!("the log does not begin with its checkpoint of {day}")));
            }
        }
        Ok(())
    }

    fn io(&self, error: io::Error) -> Error {
        Error::Io { path: self.dir.clone(), error }
    }
}
