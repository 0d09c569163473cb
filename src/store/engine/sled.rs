//! sled 0.34 as the embedded engine, with what is known of its weak spots worked around (DESIGN 5, 6).
//!
//! - Its `flush` writes without a full sync: we sync the log file through a descriptor of our own.
//! - Values that make a log item larger than a quarter of a segment go to files it never syncs: the segment is
//!   large and the store bounds the size of a row ([`MAX_ROW_BYTES`]), so that none can come into being.
//! - A crash while it writes a snapshot at open leaves `snap.*.generating`, on which every later open fails.
//! - A damaged snapshot makes open fail, although the log alone is enough.
//! - Its file `conf` is never synced, and one that is damaged makes every open fail: we sync it.
//! - It panics on some damaged logs, so every call is guarded.
//! - Only when it is opened it writes down where its pages lie; all that was logged since the last time must be read
//!   again at the next, from one end to the other. So we tell how much that is ([`Engine::replay_bytes`]).

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Changes, Engine, panic_text};
use crate::store::{Error, Result, Rows};

/// Fixed for the life of a database.
const SEGMENT_BYTES: usize = 2 << 20;

/// A leaf holds up to 16 rows and is written as one log item; items above a quarter of a segment become files
/// that are never synced. 16 rows of this size stay at half of that.
pub(in crate::store) const MAX_ROW_BYTES: usize = 16 << 10;

/// sled's own flusher also runs, so that an idle server has no tail in memory.
const FLUSH_EVERY_MS: u64 = 200;

/// How long an earlier instance may still hold the lock of the file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// One tree: the first byte of a key is the table.
#[derive(Debug)]
pub(in crate::store) struct SledEngine {
    db: ::sled::Db,
    log: File,
    /// Where the log ended when it was opened.
    opened_at: ::sled::Lsn,
}

impl SledEngine {
    /// Opens or creates the database in `dir`, repairing what can be repaired without loss.
    pub(in crate::store) fn open(dir: &Path, cache_bytes: u64) -> Result<Self> {
        fs::create_dir_all(dir)?;
        remove_snapshots(dir, Snapshots::Unfinished)?;
        let db = match open_patiently(dir, cache_bytes) {
            Err(Failure::Corrupt(why)) => {
                tracing::warn!(%why, "the engine's snapshot is damaged; reading the whole log instead");
                remove_snapshots(dir, Snapshots::All)?;
                open_patiently(dir, cache_bytes)
            }
            other => other,
        };
        let db = db.map_err(|failure| failure.into_error(dir))?;
        let log = File::open(dir.join("db"))?;
        // sled never syncs what it wrote to `conf`, and cannot open a database where that is damaged.
        File::open(dir.join("conf"))?.sync_all()?;
        // The entries in the directory must be there after a power loss too.
        File::open(dir)?.sync_all()?;
        let opened_at = end_of_log(&db);
        Ok(SledEngine { db, log, opened_at })
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        guarded(|| Ok(self.db.get(key)?.map(|value| value.to_vec())))
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        guarded(|| collect(self.db.range(from..to).take(limit)))
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        guarded(|| collect(self.db.range(from..to).rev().take(limit)))
    }

    fn apply(&self, changes: &Changes) -> Result<()> {
        let mut batch = ::sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        guarded(|| self.db.apply_batch(batch))
    }

    fn sync(&self) -> Result<()> {
        guarded(|| self.db.flush().map(drop))?;
        Ok(self.log.sync_data()?)
    }

    fn load(&self, rows: Rows) -> Result<()> {
        // A batch would hold a lock that all sleds of the process share, and the committer would wait for it.
        guarded(|| rows.into_iter().try_for_each(|(key, value)| self.db.insert(key, value).map(drop)))
    }

    fn replay_bytes(&self) -> Result<u64> {
        let written = u64::try_from(end_of_log(&self.db) - self.opened_at).unwrap_or(0);
        // What was written over is not read.
        Ok(written.min(self.log.metadata()?.len()))
    }

    fn disk_bytes(&self) -> Result<u64> {
        guarded(|| self.db.size_on_disk())
    }
}

/// The position in the log up to which it is written: it only grows, also where space in the file is used again.
fn end_of_log(db: &::sled::Db) -> ::sled::Lsn {
    db.context.pagecache.log.stable_offset()
}

fn collect(rows: impl Iterator<Item = ::sled::Result<(::sled::IVec, ::sled::IVec)>>) -> ::sled::Result<Rows> {
    rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
}

/// Runs a call of sled; a panic becomes an error, after which the engine is opened anew.
fn guarded<T>(call: impl FnOnce() -> ::sled::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(::sled::Error::Io(error))) => Err(Error::Io(error)),
        Ok(Err(::sled::Error::Corruption { at, .. })) => Err(Error::Damaged(format!("the row log at {at:?}"))),
        Ok(Err(error)) => Err(Error::Engine(error.to_string())),
        Err(panic) => Err(Error::Engine(panic_text(panic.as_ref()))),
    }
}

enum Failure {
    /// Damaged, or so damaged that sled panicked.
    Corrupt(String),
    Other(Error),
}

impl Failure {
    fn into_error(self, dir: &Path) -> Error {
        match self {
            Failure::Corrupt(why) => Error::Damaged(format!(
                "{}: {why}; run `poshta store restore` with the last backup, or `poshta store rebuild`",
                dir.display()
            )),
            Failure::Other(error) => error,
        }
    }
}

/// An instance that was just closed, or that could not be opened, is held a little longer by sled's threads. It can
/// only be one of this process: the whole directory is ours.
fn open_patiently(dir: &Path, cache_bytes: u64) -> std::result::Result<::sled::Db, Failure> {
    let begun = Instant::now();
    loop {
        match open_guarded(dir, cache_bytes) {
            Err(Failure::Other(Error::Io(error))) if is_locked(&error) && begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// sled says so in words only.
fn is_locked(error: &io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}

fn open_guarded(dir: &Path, cache_bytes: u64) -> std::result::Result<::sled::Db, Failure> {
    let config = ::sled::Config::new()
        .path(dir)
        .mode(::sled::Mode::LowSpace)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        // What is no log at all it takes for one of an older version.
        Ok(Err(error @ (::sled::Error::Corruption { .. } | ::sled::Error::Unsupported(_)))) => {
            Err(Failure::Corrupt(error.to_string()))
        }
        Ok(Err(::sled::Error::Io(error))) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Failure::Corrupt(error.to_string()))
        }
        Ok(Err(::sled::Error::Io(error))) => Err(Failure::Other(Error::Io(error))),
        Ok(Err(error)) => Err(Failure::Other(Error::Engine(error.to_string()))),
        Err(panic) => Err(Failure::Corrupt(panic_text(panic.as_ref()))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Snapshots {
    /// Only those that a crash left half written.
    Unfinished,
    All,
}

fn remove_snapshots(dir: &Path, which: Snapshots) -> Result<()> {
    for path in files_in(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let unfinished = name.ends_with(".generating") || name.ends_with(".in___motion");
        if name.starts_with("snap.") && (which == Snapshots::All || unfinished) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(engine: &SledEngine, key: &[u8], value: &[u8]) {
        engine.apply(&Changes::from([(key.to_vec(), Some(value.to_vec()))])).unwrap();
        engine.sync().unwrap();
    }

    #[test]
    fn leftover_snapshot_being_written_does_not_block_the_next_open() {
        let dir = tempfile::tempdir().unwrap();
        put(&SledEngine::open(dir.path(), 1 << 20).unwrap(), b"k", b"v");
        fs::write(dir.path().join("snap.0000000000000042.generating"), b"half").unwrap();
        let engine = SledEngine::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(engine.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    }

    #[test]
    fn a_start_has_to_read_what_was_written_since_the_last_one() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(dir.path(), 1 << 20).unwrap();
        let before = engine.replay_bytes().unwrap();
        put(&engine, b"k", &[0; 10_000]);
        let written = engine.replay_bytes().unwrap();
        assert!(written >= before + 10_000, "{before}, {written}");
        drop(engine);
        assert!(SledEngine::open(dir.path(), 1 << 20).unwrap().replay_bytes().unwrap() < 10_000);
    }

    #[test]
    fn an_earlier_instance_that_is_being_closed_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let first = SledEngine::open(dir.path(), 1 << 20).unwrap();
        let second = std::thread::scope(|scope| {
            let second = scope.spawn(|| SledEngine::open(dir.path(), 1 << 20).map(drop));
            // However far the other thread has come: it either meets the lock and waits, or comes after.
            std::thread::yield_now();
            drop(first);
            second.join().unwrap()
        });
        assert!(second.is_ok(), "{second:?}");
    }

    #[test]
    fn damaged_snapshot_is_dropped_and_the_log_read() {
        let dir = tempfile::tempdir().unwrap();
        put(&SledEngine::open(dir.path(), 1 << 20).unwrap(), b"k", b"v");
        drop(SledEngine::open(dir.path(), 1 << 20).unwrap());
        let mut damaged = 0;
        for path in files_in(dir.path()).unwrap() {
            if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
                fs::write(&path, b"").unwrap();
                damaged += 1;
            }
        }
        assert!(damaged > 0, "sled writes a snapshot when it opens");
        let engine = SledEngine::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(engine.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    }
}
