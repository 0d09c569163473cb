//! How much is there? (`poshta store stats`)

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::bodies::BodyRow;
use super::open::JOURNAL_DIR;
use super::{Result, Store, keys};

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

/// One class of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rows {
    /// How many.
    pub count: u64,
    /// Keys and values together, bytes.
    pub bytes: u64,
}

impl Store {
    /// Counts everything. Blocks, and reads all rows.
    ///
    /// # Errors
    /// I/O; engine.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats {
            engine_disk_bytes: self.inner.versions.disk_bytes()?,
            packs: self.inner.packs.numbers()?.len() as u64,
            pack_disk_bytes: self.inner.packs.disk_bytes()?,
            journal_disk_bytes: bytes_of_files(&self.inner.dir.join(JOURNAL_DIR))?,
            free_bytes: self.inner.space.free()?,
            ..Stats::default()
        };
        self.read_blocking(|view| {
            let mut from = Vec::new();
            loop {
                let rows = view.range(&from, &keys::after(&[]), CHUNK)?;
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
