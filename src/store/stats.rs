//! How much is there? (`poshta store stats`)

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::bodies::BodyRow;
use super::open::JOURNAL_DIR;
use super::{Result, Store, View, keys};

/// Rows read at a time.
const CHUNK: usize = 5_000;

/// Sizes of the data directory.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Stats {
    /// Rows and their bytes (keys and values), by class; the classes are listed in [`keys`].
    pub rows: BTreeMap<char, Rows>,
    /// Bytes of the engine's files.
    pub engine_disk_bytes: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of the packs' files.
    pub pack_disk_bytes: u64,
    /// Bytes of them that something in use needs; what several letters share counts for each of them.
    pub pack_live_bytes: u64,
    /// Bytes of the device journal's files, which nothing leaves.
    pub journal_disk_bytes: u64,
    /// Free bytes on the file system of the directory.
    pub free_bytes: u64,
}

/// Sizes of the files of the data directory: what can be told without reading a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Bytes of the engine's files.
    pub engine_bytes: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of the packs' files.
    pub pack_bytes: u64,
    /// Bytes of the device journal's files.
    pub journal_bytes: u64,
    /// Free bytes on the file system of the directory.
    pub free_bytes: u64,
}

/// Numbers that were given out so far; each is a row, and nothing is counted to tell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// Of accounts; some are skipped when the server starts.
    pub accounts: i64,
    /// Of applications.
    pub applications: i64,
}

impl View<'_> {
    /// How many numbers were given out.
    ///
    /// # Errors
    /// Engine.
    pub fn given(&self) -> Result<Given> {
        let counter = |name| self.counter(&keys::fact(name));
        Ok(Given { accounts: counter("accounts")?, applications: counter("applications")? })
    }
}

/// One class of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rows {
    /// How many.
    pub count: u64,
    /// Keys and values together, bytes.
    pub bytes: u64,
}

impl Store {
    /// How large the files are. Blocks, for as long as it takes to list them.
    ///
    /// # Errors
    /// I/O; engine.
    pub fn sizes(&self) -> Result<Sizes> {
        Ok(Sizes {
            engine_bytes: self.inner.versions.disk_bytes()?,
            packs: self.inner.packs.numbers()?.len() as u64,
            pack_bytes: self.inner.packs.disk_bytes()?,
            journal_bytes: bytes_of_files(&self.inner.dir.join(JOURNAL_DIR))?,
            free_bytes: self.inner.space.free()?,
        })
    }

    /// Counts everything. Blocks, and reads all rows.
    ///
    /// # Errors
    /// I/O; engine.
    pub fn stats(&self) -> Result<Stats> {
        let sizes = self.sizes()?;
        let mut stats = Stats {
            engine_disk_bytes: sizes.engine_bytes,
            packs: sizes.packs,
            pack_disk_bytes: sizes.pack_bytes,
            journal_disk_bytes: sizes.journal_bytes,
            free_bytes: sizes.free_bytes,
            ..Stats::default()
        };
        self.read_blocking(|view| {
            let mut from = Vec::new();
            loop {
                let rows = view.range_raw(&from, &keys::after(&[]), CHUNK)?;
                let Some((last, _)) = rows.last() else { return Ok(()) };
                from = [&last[..], &[0]].concat();
                for (key, row) in &rows {
                    let class = stats.rows.entry(char::from(key.first().copied().unwrap_or_default())).or_default();
                    class.count += 1;
                    class.bytes += (key.len() + row.len()) as u64;
                    if !is_unused_body(key, row) {
                        let named = keys::records_named(key, row).map(|place| place.stored_bytes());
                        stats.pack_live_bytes += named.sum::<u64>();
                    }
                }
            }
        })?;
        Ok(stats)
    }
}

/// It goes when packs are next emptied.
fn is_unused_body(key: &[u8], row: &[u8]) -> bool {
    key.first() == Some(&b'b') && BodyRow::decode(row).is_ok_and(|body| body.references == 0)
}

fn bytes_of_files(dir: &Path) -> Result<u64> {
    fs::read_dir(dir)?.try_fold(0, |sum, entry| Ok(sum + entry?.metadata()?.len()))
}
