//! Opening the data directory: take it, check its schema, repair what may be repaired, start the committer.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::commit::{Committer, Moving};
use super::engine::{Changes, Generations, Opener};
use super::journal::{Journal, Lately};
use super::lock::DirLock;
use super::mailboxes::KnownUids;
use super::packs::{Compression, PackWriter, Packs, numbered_files};
use super::readers::Readers;
use super::space::{Disk, FileSystem, Space};
use super::staging::Staging;
use super::vault::Vault;
use super::versions::{Before, Versions};
use super::{Error, Hub, Inner, Result, Settings, Store, Stuck, keys, mailboxes, rows, upgrade};

/// The schema this program writes. A directory with a newer one is refused, one with an older one is upgraded:
///
/// 1. the first;
/// 2. with sets of UIDs (class `U`);
/// 3. with a chain over the audit (class `X`);
/// 4. with the letters to paper of every account (class `1`);
/// 5. with sealed sessions (those of before end);
/// 6. with prefixes that are compressed with a dictionary;
/// 7. with sealed rows (`vault::row`), which programs before it take for damaged;
/// 8. with letters to paper by state (class `4`) and entries of the audit by what they are about (class `5`);
/// 9. with prefixes that are compressed with a dictionary in which frequencies stand;
/// 10. with folders that know when they were renamed, which programs before it take for damaged;
/// 11. with messages that know where their bodies may lie, which programs before it take for damaged;
/// 12. with records that have no name, which programs before it take for damaged;
/// 13. with checksums in records and lines of the journal, and prefixes as phrases that are known: programs before it
///     take all of it for damaged;
/// 14. with drafts of letters to paper that have the surcharge stamp drawn, which programs before it take for damaged;
/// 15. with rows of the queue that know blind recipients, which programs before it take for damaged.
pub(super) const SCHEMA: u32 = 15;

/// Where the rows lie.
pub(super) const ROWS_DIR: &str = "rows";

/// Where the packs lie.
pub(super) const PACKS_DIR: &str = "packs";

pub(super) const JOURNAL_DIR: &str = "journal";

/// There while a restore is under way, so that half a store is never served.
pub(super) const RESTORING: &str = "RESTORING";

pub(super) const SCHEMA_ROW_VERSION: u8 = 1;

impl Store {
    /// Opens or creates the data directory and takes it for this process.
    ///
    /// # Errors
    /// `InUse`, `NewerSchema`, `Damaged` (with the command that helps), or I/O.
    pub fn open(dir: &Path, settings: &Settings) -> Result<Store> {
        fs::create_dir_all(dir)?;
        let lock = DirLock::take(dir)?;
        require_whole(dir)?;
        Self::open_locked(lock, dir, settings, opener(dir.join(ROWS_DIR), settings)?, Arc::new(FileSystem))
    }

    /// As [`Store::open`], with the rows in another engine; packs and journal lie in `dir`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with_engine(dir: &Path, settings: &Settings, opener: Box<dyn Opener>) -> Result<Store> {
        fs::create_dir_all(dir)?;
        Self::open_locked(DirLock::take(dir)?, dir, settings, opener, Arc::new(FileSystem))
    }

    /// As [`Store::open`], on a disk of which the caller says how much is free.
    #[cfg(test)]
    pub(crate) fn open_on(dir: &Path, settings: &Settings, disk: Arc<dyn Disk>) -> Result<Store> {
        fs::create_dir_all(dir)?;
        let opener = opener(dir.join(ROWS_DIR), settings)?;
        Self::open_locked(DirLock::take(dir)?, dir, settings, opener, disk)
    }

    fn open_locked(
        lock: DirLock,
        dir: &Path,
        settings: &Settings,
        opener: Box<dyn Opener>,
        disk: Arc<dyn Disk>,
    ) -> Result<Store> {
        let versions = Arc::new(Versions::open(opener, settings.max_snapshot_bytes)?);
        check_schema(&versions)?;
        let vault = Vault::of_store(dir, settings, &versions)?.map(Arc::new);
        let packs = Arc::new(Packs::open(dir.join(PACKS_DIR))?);
        let staging = Arc::new(Staging::open(dir.join("staging"), settings)?);
        let lately = Arc::new(Lately::default());
        let committed = |key: &[u8]| versions.newest(key);
        let max_journal_bytes = settings.max_journal_file_bytes;
        let journal = Journal::open(dir.join(JOURNAL_DIR), max_journal_bytes, Arc::clone(&lately), committed)?;
        File::open(dir)?.sync_all()?;
        let compression = Compression::of(settings);
        let new_writer = || PackWriter::new(Arc::clone(&packs), settings.max_pack_bytes, compression);
        let mut writer = new_writer();
        writer.resume()?;
        let space = Space { dir: dir.into(), watermark_bytes: settings.watermark_bytes, disk };
        let hub = Hub::default();
        let committer = Committer {
            versions: Arc::clone(&versions),
            packs: writer,
            journal,
            space: space.clone(),
            moving: Moving::default(),
            compression,
            vault: vault.clone(),
        };
        let stuck = Stuck::after(Duration::from_secs(settings.engine_deadline_s));
        let committing = committer.spawn(hub.clone(), settings, &stuck)?;
        let inner = Inner {
            dir: dir.into(),
            settings: settings.clone(),
            versions,
            large: Mutex::new(new_writer()),
            large_turn: Arc::new(Semaphore::new(1)),
            known_uids: Mutex::new(KnownUids::new(settings.max_known_uids_bytes)),
            seen: AtomicU64::default(),
            rewriting: Mutex::default(),
            compacting: Mutex::new(new_writer()),
            packs,
            lately,
            staging,
            vault,
            space,
            hub,
            readers: Readers::start(settings.reader_threads)?,
            committing: Some(committing),
            stuck,
            lock: Some(lock),
        };
        let store = Store { inner: Arc::new(inner) };
        // On a thread of its own: committing blocks, and the caller may be on a worker of the async runtime.
        let resumed = std::thread::scope(|scope| scope.spawn(|| resume(&store)).join());
        resumed.map_err(|_| Error::Closed)??;
        Ok(store)
    }
}

/// What is done before anybody is served.
fn resume(store: &Store) -> Result<()> {
    upgrade::upgrade(store)?;
    store.convert_rows()?;
    mailboxes::resume_deletions(store)
}

/// The engine whose files lie in `rows`.
pub(super) fn opener(rows: PathBuf, settings: &Settings) -> Result<Box<dyn Opener>> {
    Ok(Box::new(Generations::open(rows, settings.engine, settings.cache_bytes)?))
}

/// Packs without rows, or half a store, are no store to begin anew in.
fn require_whole(dir: &Path) -> Result<()> {
    if dir.join(RESTORING).exists() {
        return Err(Error::NotPossible(format!(
            "{}: a restore of this directory was not finished; run `poshta store restore` again",
            dir.display()
        )));
    }
    let packs = dir.join(PACKS_DIR);
    if is_empty(&dir.join(ROWS_DIR))? && packs.exists() && !numbered_files(&packs, "pack")?.is_empty() {
        return Err(Error::Damaged(format!(
            "{}: the rows are missing, and packs are there; run `poshta store rebuild`",
            dir.display()
        )));
    }
    Ok(())
}

/// There is no such directory, or nothing is in it.
pub(super) fn is_empty(dir: &Path) -> Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn check_schema(versions: &Versions) -> Result<()> {
    let key = keys::fact("schema");
    match versions.newest(&key)? {
        Some(row) => match decode_schema(&row)? {
            found if found > SCHEMA => Err(Error::NewerSchema { found, known: SCHEMA }),
            _ => Ok(()),
        },
        None => versions.commit(Changes::from([(key, Some(encode_schema()?))]), Before::new()),
    }
}

pub(super) fn decode_schema(row: &[u8]) -> Result<u32> {
    rows::decode(SCHEMA_ROW_VERSION, row)
}

/// The row of the schema that this program writes.
pub(super) fn encode_schema() -> Result<Vec<u8>> {
    rows::encode(SCHEMA_ROW_VERSION, &SCHEMA)
}
