//! `poshta store restore`: a data directory from a backup.
//!
//! The directory must hold no data. Packs and journal are copied, the rows are loaded, and every UIDVALIDITY is
//! raised before anybody can log in: clients that have seen letters which came after the backup must not take
//! new ones for them. A file in the directory says that a restore is under way until it is done; no start
//! serves such a directory, and the restore can be run again. The transparency log is kept if it survived, and is
//! paused if it comes from the backup: it must not be published shorter than it was.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::backup::{Copier, Manifest, OnDifference, RowsReader, millis, per_second, remove_others};
use super::fresh::{FreshRows, remove_dir, take_place};
use super::lock::DirLock;
use super::open::{JOURNAL_DIR, PACKS_DIR, RESTORING, ROWS_DIR, SCHEMA, is_empty};
use super::packs::Packs;
use super::vault::{KEYS_DIR, restore_keys};
use super::{Error, Progress, Result, Settings, audit, journal};
use crate::clock::Timestamp;
use crate::tlog::folder;

/// What a restore came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Restored {
    /// When the backup was made, RFC 3339.
    pub made: String,
    /// Rows loaded.
    pub rows: u64,
    /// Packs copied.
    pub packs: u64,
    /// Bytes of packs, journal and rows.
    pub bytes: u64,
    /// Folders, each of which has a new UIDVALIDITY.
    pub folders: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Bytes a second.
    pub bytes_per_s: u64,
    /// Records that are not what their headers say: one sentence each.
    pub damaged: Vec<String>,
}

/// Restores the backup in `backup` into the data directory `dir`. Blocks.
///
/// # Errors
/// `NotPossible` when there is no backup or the directory holds data; `InUse` while a server runs; `NewerSchema`;
/// `Damaged` when the backup is not whole; `Stopped`; I/O.
pub fn restore(
    backup: &Path,
    dir: &Path,
    settings: &Settings,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Restored> {
    let begun = Instant::now();
    let manifest = whole_manifest(backup)?;
    fs::create_dir_all(dir)?;
    let _lock = DirLock::take(dir)?;
    begin(dir, backup)?;
    let mut copier = Copier::new(OnDifference::BeginAnew, progress);
    copier.expect(manifest.bytes());
    let packs = copy_files(&manifest, backup, dir, &mut copier)?;
    restore_keys(backup, dir)?;
    let mut fresh = FreshRows::begin(dir, settings, packs)?;
    load(backup, &manifest, |rows| {
        let bytes = rows.iter().map(|(key, row)| (key.len() + row.len()) as u64).sum();
        rows.into_iter().try_for_each(|(key, row)| fresh.put(key, row))?;
        copier.step(bytes)
    })?;
    fresh.skip_numbers()?;
    let folders = fresh.raise_uid_validities(now)?;
    let entry = audit::AuditEntry {
        at_us: now.as_microsecond(),
        actor: "command line".to_owned(),
        action: "store.restore".to_owned(),
        object: "store".to_owned(),
        details: Some(format!("from the backup of {}", manifest.made)),
    };
    audit::add_to_fresh(&mut fresh, &entry)?;
    // What a newer schema has besides is made when the directory is opened.
    fresh.finish(manifest.schema)?;
    take_place(dir, now)?;
    // One that is there already survived, and is ahead of the backup.
    let log = folder::restore(&backup.join(folder::DIR), &dir.join(folder::DIR), &manifest.made);
    log.map_err(|error| Error::Damaged(error.to_string()))?;
    fs::remove_file(dir.join(RESTORING))?;
    File::open(dir)?.sync_all()?;
    let took_ms = millis(begun);
    Ok(Restored {
        rows: manifest.rows.count,
        packs: manifest.packs.len() as u64,
        bytes: manifest.bytes(),
        folders,
        took_ms,
        bytes_per_s: per_second(manifest.bytes(), took_ms),
        damaged: copier.damaged,
        made: manifest.made,
    })
}

/// The manifest of a backup of which every file is there and every row can be read.
pub(super) fn whole_manifest(backup: &Path) -> Result<Manifest> {
    let manifest = Manifest::read(backup)?
        .ok_or_else(|| Error::NotPossible(format!("{}: there is no finished backup in it", backup.display())))?;
    if manifest.schema > SCHEMA {
        return Err(Error::NewerSchema { found: manifest.schema, known: SCHEMA });
    }
    let packs = manifest.packs.iter().map(|part| (part, backup.join(format!("{PACKS_DIR}/{:08}.pack", part.number))));
    let journal = manifest.journal.iter().map(|part| (part, journal::path(&backup.join(JOURNAL_DIR), part.number)));
    for (part, path) in packs.chain(journal) {
        if fs::metadata(&path).map_or(0, |found| found.len()) < part.bytes {
            return Err(Error::Damaged(format!("{}: missing, or shorter than the backup says", path.display())));
        }
    }
    load(backup, &manifest, |_| Ok(()))?;
    Ok(manifest)
}

/// Gives all rows of a backup, in key order.
pub(super) fn load(backup: &Path, manifest: &Manifest, mut each: impl FnMut(super::Rows) -> Result<()>) -> Result<()> {
    let mut reader = RowsReader::open(backup, &manifest.rows)?;
    loop {
        let rows = reader.next()?;
        if rows.is_empty() {
            return Ok(());
        }
        each(rows)?;
    }
}

/// Takes the directory, unless it holds data that is not of an unfinished restore.
fn begin(dir: &Path, backup: &Path) -> Result<()> {
    let marker = dir.join(RESTORING);
    if marker.exists() {
        // Perhaps all was done but the removal of the marker; packs that are there already are used again.
        return remove_dir(&dir.join(ROWS_DIR));
    }
    for part in [ROWS_DIR, PACKS_DIR, JOURNAL_DIR, KEYS_DIR] {
        if !is_empty(&dir.join(part))? {
            return Err(Error::NotPossible(format!(
                "{}: there is data in it; move it away, or name another directory",
                dir.display()
            )));
        }
    }
    let mut file = File::create(&marker)?;
    writeln!(file, "from {}", backup.display())?;
    file.sync_all()?;
    Ok(File::open(dir)?.sync_all()?)
}

fn copy_files(manifest: &Manifest, backup: &Path, dir: &Path, copier: &mut Copier<'_>) -> Result<Arc<Packs>> {
    let from = Packs::open(backup.join(PACKS_DIR))?;
    let to = Packs::open(dir.join(PACKS_DIR))?;
    let numbers: Vec<_> = manifest.packs.iter().map(|part| part.number).collect();
    remove_others(&dir.join(PACKS_DIR), "pack", &numbers)?;
    for part in &manifest.packs {
        copier.pack(&from, &to, *part, 0)?;
    }
    let journal_dir = dir.join(JOURNAL_DIR);
    fs::create_dir_all(&journal_dir)?;
    let numbers: Vec<_> = manifest.journal.iter().map(|part| part.number).collect();
    remove_others(&journal_dir, "journal", &numbers)?;
    for part in &manifest.journal {
        let from = journal::path(&backup.join(JOURNAL_DIR), part.number);
        copier.journal(&from, &journal::path(&journal_dir, part.number), *part, 0)?;
    }
    for dir in [dir.join(PACKS_DIR), journal_dir] {
        File::open(dir)?.sync_all()?;
    }
    // Opened anew: the next pack has a number behind those that were copied.
    Ok(Arc::new(Packs::open(dir.join(PACKS_DIR))?))
}
