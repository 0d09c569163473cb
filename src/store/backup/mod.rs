//! `poshta store backup`: everything of one moment in a directory, while letters come and go.
//!
//! | in the directory | |
//! |---|---|
//! | `packs/` | copies of the packs; they only grow, so each backup adds what is new |
//! | `journal/` | copies of the device journal, in the same way |
//! | `log/` | the transparency log, whose files only grow too |
//! | `keys/` | the keys of encrypted letters, still wrapped with the operator's |
//! | `rows/NNNN.rows` | all rows of that moment ([`rows_file`]) |
//! | `BACKUP` | what of all this belongs to the backup ([`manifest`]), written last |
//!
//! For the moment itself the committer is held between two groups: the lengths of all files are noted and a
//! picture of the rows is taken, so every record that a row names is in the part of its pack that is copied.
//! Then the rows are exported from that picture, and after that, without it, the packs are copied; they are not
//! compacted meanwhile. An interrupted backup leaves the one before it whole, and the next one goes on.

mod copying;
mod manifest;
mod rows_file;
#[cfg(test)]
pub(in crate::store) mod tests;

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use serde::Serialize;

use super::lock::DirLock;
use super::open::{JOURNAL_DIR, PACKS_DIR, ROWS_DIR, SCHEMA};
use super::packs::{Packs, numbered_files};
use super::{Done, Error, Progress, Result, Store, View, journal, keys};
use crate::clock::Timestamp;
use crate::tlog::folder;
use manifest::{Part, Parts};
use rows_file::RowsWriter;

pub(super) use copying::{Copier, OnDifference};
pub(super) use manifest::Manifest;
pub(super) use rows_file::RowsReader;

/// Letters are nobody's business: only the owner reads a backup.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Rows read at a time.
const CHUNK: usize = 2_000;

/// What a backup came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct BackedUp {
    /// Rows exported.
    pub rows: u64,
    /// Bytes of the file with the rows.
    pub row_bytes: u64,
    /// Packs in the backup.
    pub packs: u64,
    /// Bytes of packs and journal that were new since the last backup, and so copied.
    pub copied_bytes: u64,
    /// Bytes of the whole backup.
    pub bytes: u64,
    /// How long the picture of the rows was held, milliseconds: the old values of rows that changed meanwhile
    /// were kept in memory.
    pub held_ms: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Bytes of rows, packs and journal written a second.
    pub bytes_per_s: u64,
    /// Records that are copied as they are and are not what their headers say, and what is wrong with the log: one
    /// sentence each.
    pub damaged: Vec<String>,
}

/// What belongs to one moment, beside the rows.
#[derive(Debug)]
struct Moment {
    packs: Vec<Part>,
    journal: Vec<Part>,
}

impl Store {
    /// Brings the backup in the directory `to` up to this moment, or begins one. Blocks; letters go on coming
    /// and going.
    ///
    /// # Errors
    /// `NotPossible` when the directory holds the backup of another store; `Full` when it is on the disk of the
    /// data and there is no room; `InUse`; `Stopped`; I/O. The backup
    /// before this one, if there is one, is still whole then.
    pub fn backup(&self, to: &Path, now: Timestamp, progress: Progress<'_>) -> Result<BackedUp> {
        let begun = Instant::now();
        let _no_compaction = self.inner.compacting.lock();
        let target = Target::open(to)?;
        let earlier = target.earlier()?;
        let number = earlier.as_ref().map_or(1, |earlier| earlier.rows.number + 1);
        let mut copier = Copier::new(OnDifference::Refuse, progress);
        let (moment, rows, held_ms) = self.at_one_moment(|view, moment| {
            let held = Instant::now();
            let new = moment.bytes().saturating_sub(earlier.as_ref().map_or(0, Manifest::file_bytes));
            self.check_room_for(new, to)?;
            copier.expect(new);
            let mut writer = RowsWriter::create(to, number)?;
            export(view, &mut writer, &mut copier)?;
            Ok((moment, writer.finish()?, millis(held)))
        })?;
        for part in &moment.packs {
            let known = earlier.as_ref().map_or(0, |earlier| earlier.pack_bytes(part.number));
            copier.pack(&self.inner.packs, &target.packs, *part, known)?;
        }
        for part in &moment.journal {
            let known = earlier.as_ref().map_or(0, |earlier| earlier.journal_bytes(part.number));
            let of = |dir: &Path| journal::path(&dir.join(JOURNAL_DIR), part.number);
            copier.journal(&of(&self.inner.dir), &of(to), *part, known)?;
        }
        // After the rows: every account that they know has its key by now.
        if let Some(vault) = &self.inner.vault {
            vault.copy_to(to)?;
        }
        // After the journal: the log may be ahead of it, never behind what was published of it.
        if let Err(error) = folder::back_up(&self.inner.dir.join(folder::DIR), &to.join(folder::DIR)) {
            copier.damaged.push(error.to_string());
        }
        target.sync()?;
        let manifest = Manifest::of(Parts {
            schema: SCHEMA,
            made: now.to_string(),
            rows,
            packs: moment.packs,
            journal: moment.journal,
        });
        manifest.write(to)?;
        target.remove_what_is_not_in(&manifest)?;
        let took_ms = millis(begun);
        let written = copier.copied_bytes + manifest.rows.bytes;
        Ok(BackedUp {
            rows: manifest.rows.count,
            row_bytes: manifest.rows.bytes,
            packs: manifest.packs.len() as u64,
            copied_bytes: copier.copied_bytes,
            bytes: manifest.bytes(),
            held_ms,
            took_ms,
            bytes_per_s: per_second(written, took_ms),
            damaged: copier.damaged,
        })
    }

    /// A backup on the disk of the data must not be what stops letters from coming in.
    fn check_room_for(&self, bytes: u64, to: &Path) -> Result<()> {
        let space = &self.inner.space;
        let (free, watermark) = (space.free()?, space.watermark_bytes);
        let is_same_disk = fs::metadata(to)?.dev() == fs::metadata(&self.inner.dir)?.dev();
        if is_same_disk && free < watermark.saturating_add(bytes) {
            return Err(Error::Full { free, watermark: watermark.saturating_add(bytes) });
        }
        Ok(())
    }

    /// Holds the committer, and whoever writes large bodies, until lengths and picture belong together.
    fn at_one_moment<T>(&self, see: impl FnOnce(&View<'_>, Moment) -> Result<T>) -> Result<T> {
        let large = self.inner.large.lock();
        let (tell, told) = mpsc::channel();
        let (go_on, held) = mpsc::channel::<()>();
        let (packs, journal) = (Arc::clone(&self.inner.packs), self.inner.dir.join(JOURNAL_DIR));
        thread::scope(|scope| {
            scope.spawn(move || {
                let holding = self.between_groups(move |_| {
                    // Whoever gave up does not listen, and lets go too.
                    let _ = tell.send(Moment::of(&packs, &journal));
                    let _ = held.recv();
                });
                if let Err(error) = holding {
                    tracing::debug!(%error, "the committer ended before a backup");
                }
            });
            let moment = told.recv().map_err(|_| Error::Closed)??;
            self.read_blocking(|view| {
                drop((go_on, large));
                see(view, moment)
            })
        })
    }
}

impl Moment {
    fn of(packs: &Packs, journal: &Path) -> Result<Self> {
        let part = |number, path: PathBuf| Ok(Part { number, bytes: fs::metadata(path)?.len() });
        Ok(Moment {
            packs: packs
                .numbers()?
                .into_iter()
                .map(|number| part(number, packs.path(number)))
                .collect::<Result<_>>()?,
            journal: numbered_files(journal, "journal")?
                .into_iter()
                .map(|number| part(number, journal::path(journal, number)))
                .collect::<Result<_>>()?,
        })
    }

    fn bytes(&self) -> u64 {
        self.packs.iter().chain(&self.journal).map(|part| part.bytes).sum()
    }
}

fn export(view: &View<'_>, writer: &mut RowsWriter, copier: &mut Copier<'_>) -> Result<()> {
    let mut from = Vec::new();
    loop {
        let rows = view.range_raw(&from, &keys::after(&[]), CHUNK)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        from = [&last[..], &[0]].concat();
        let mut bytes = 0;
        for (key, row) in &rows {
            writer.put(key, row)?;
            bytes += (key.len() + row.len()) as u64;
        }
        copier.also(bytes)?;
    }
}

/// The directory of a backup.
#[derive(Debug)]
struct Target {
    dir: PathBuf,
    packs: Packs,
    _lock: DirLock,
}

impl Target {
    fn open(dir: &Path) -> Result<Self> {
        for part in ["", PACKS_DIR, JOURNAL_DIR, ROWS_DIR] {
            DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir.join(part))?;
        }
        // A data directory is held by its store: nobody makes a backup onto one.
        let lock = DirLock::take(dir)?;
        Ok(Target { dir: dir.into(), packs: Packs::open(dir.join(PACKS_DIR))?, _lock: lock })
    }

    /// What the last backup says of itself. If that cannot be read, all there is gets verified again.
    fn earlier(&self) -> Result<Option<Manifest>> {
        match Manifest::read(&self.dir) {
            Err(Error::Damaged(what)) => {
                tracing::warn!(what, "the last backup is not whole; everything in it is looked at again");
                Ok(None)
            }
            other => other,
        }
    }

    /// Every file is in its directory, for good.
    fn sync(&self) -> Result<()> {
        for part in ["", PACKS_DIR, JOURNAL_DIR, ROWS_DIR] {
            File::open(self.dir.join(part))?.sync_all()?;
        }
        Ok(())
    }

    fn remove_what_is_not_in(&self, manifest: &Manifest) -> Result<()> {
        let numbers = |parts: &[Part]| parts.iter().map(|part| part.number).collect::<Vec<_>>();
        remove_others(&self.dir.join(PACKS_DIR), "pack", &numbers(&manifest.packs))?;
        remove_others(&self.dir.join(JOURNAL_DIR), "journal", &numbers(&manifest.journal))?;
        for number in numbered_files(&self.dir.join(ROWS_DIR), "rows")? {
            if number != manifest.rows.number {
                fs::remove_file(rows_file::path(&self.dir, number))?;
            }
        }
        Ok(())
    }
}

/// Removes the numbered files whose numbers are not in `kept`.
pub(super) fn remove_others(dir: &Path, extension: &str, kept: &[u32]) -> Result<()> {
    for number in numbered_files(dir, extension)? {
        if !kept.contains(&number) {
            fs::remove_file(dir.join(format!("{number:08}.{extension}")))?;
        }
    }
    Ok(())
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn per_second(bytes: u64, took_ms: u64) -> u64 {
    bytes.saturating_mul(1_000) / took_ms.max(1)
}

/// How far a copy has come; ends it when nobody wants it any more.
pub(super) fn tell(progress: Progress<'_>, done: Done) -> Result<()> {
    if progress(done).is_break() { Err(Error::Stopped) } else { Ok(()) }
}
