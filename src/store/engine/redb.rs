//! redb 4 as the embedded engine: a copy-on-write B-tree in one file, for those who would rather have less memory
//! and an immediate start than sled's faster writes (docs/performance.md).
//!
//! A commit of it is a sync of the file. Commits also save what redb knows of free pages ("quick repair"), which
//! costs a second sync and spares reading the whole file at the start after a crash.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{Builder, Database, Durability, ReadableDatabase, TableDefinition};

use super::{Changes, Engine, panic_text};
use crate::store::{Error, Result, Rows};

/// One table: the first byte of a key is ours.
const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");

const FILE: &str = "rows.redb";

/// The database and where it lies.
pub(super) struct RedbEngine {
    db: Database,
    path: PathBuf,
    /// Something was committed that is not on stable storage yet.
    unsynced: AtomicBool,
}

impl RedbEngine {
    /// Opens or creates the database in `dir`.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(FILE);
        let mut builder = Builder::new();
        builder.set_cache_size(usize::try_from(cache_bytes).unwrap_or(usize::MAX));
        let damaged = |why: &dyn fmt::Display| {
            let help = "run `poshta store restore` with the last backup, or `poshta store rebuild`";
            Error::Damaged(format!("{}: {why}; {help}", path.display()))
        };
        let db = guarded(|| Ok(builder.create(&path)?)).map_err(|error| match error {
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => damaged(&error),
            Error::Damaged(why) | Error::Engine(why) => damaged(&why),
            other => other,
        })?;
        let engine = RedbEngine { db, path, unsynced: AtomicBool::new(false) };
        engine.write(Durability::Immediate, std::iter::empty())?;
        // The file's own entry in the directory must be there after a power loss too.
        File::open(dir)?.sync_all()?;
        Ok(engine)
    }

    /// One transaction; it makes the table if it is not there.
    fn write<'a>(
        &self,
        durability: Durability,
        changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<()> {
        guarded(|| {
            let mut transaction = self.db.begin_write()?;
            transaction.set_durability(durability)?;
            transaction.set_quick_repair(matches!(durability, Durability::Immediate));
            {
                let mut table = transaction.open_table(ROWS)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => drop(table.insert(key, value)?),
                        None => drop(table.remove(key)?),
                    }
                }
            }
            Ok(transaction.commit()?)
        })
    }

    fn rows(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Result<Rows> {
        if from >= to {
            return Ok(Rows::new());
        }
        guarded(|| {
            let table = self.db.begin_read()?.open_table(ROWS)?;
            let mut range = table.range(from..to)?;
            let mut rows = Rows::new();
            while rows.len() < limit {
                let next = match direction {
                    Direction::Forward => range.next(),
                    Direction::Back => range.next_back(),
                };
                let Some(row) = next else { break };
                let (key, value) = row?;
                rows.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(rows)
        })
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Forward,
    Back,
}

impl Engine for RedbEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        guarded(|| {
            let table = self.db.begin_read()?.open_table(ROWS)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        self.rows(from, to, limit, Direction::Forward)
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        self.rows(from, to, limit, Direction::Back)
    }

    fn apply(&self, changes: &Changes) -> Result<()> {
        self.write(Durability::Immediate, changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))?;
        self.unsynced.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        // A batch was synced by its own commit; only rows that were loaded wait.
        if self.unsynced.load(Ordering::Relaxed) {
            self.write(Durability::Immediate, std::iter::empty())?;
            self.unsynced.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    fn load(&self, rows: Rows) -> Result<()> {
        self.unsynced.store(true, Ordering::Relaxed);
        self.write(Durability::None, rows.iter().map(|(key, value)| (key.as_slice(), Some(value.as_slice()))))
    }

    fn disk_bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path)?.len())
    }
}

impl fmt::Debug for RedbEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbEngine").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Runs calls of redb; a panic becomes an error, after which the engine is opened anew.
fn guarded<T>(calls: impl FnOnce() -> std::result::Result<T, ::redb::Error>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(calls)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(::redb::Error::Io(error))) => Err(Error::Io(error)),
        Ok(Err(::redb::Error::Corrupted(why))) => Err(Error::Damaged(why)),
        Ok(Err(error)) => Err(Error::Engine(error.to_string())),
        Err(panic) => Err(Error::Engine(panic_text(panic.as_ref()))),
    }
}
