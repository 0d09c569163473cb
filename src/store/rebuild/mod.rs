//! `poshta store rebuild`: the rows anew from the packs, when the engine's own files are lost or damaged.
//!
//! The packs hold every body under its hash, and remember the rows that came and went (`keys::memory_of`): they say
//! what is there. A backup says more of it, such as the flags of that time. Everything else follows: indices,
//! counters, references, summaries, threads. What nothing tells of any more (flags set since the backup, answers
//! given to API calls, messages about letters on paper that are still to be sent) is gone.
//!
//! The new rows are made beside the old ones, which are kept under another name; until the new ones are whole
//! nothing is changed, so a rebuild that was cut short is simply run again. Every UIDVALIDITY is raised.

mod messages;
mod queues;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::backup::millis;
use super::bodies::BodyRow;
use super::fresh::{FreshRows, take_place};
use super::lock::DirLock;
use super::open::{JOURNAL_DIR, PACKS_DIR, RESTORING};
use super::packs::{Packs, RecordRef, numbered_files};
use super::vault::Vault;
use super::{Done, Error, Progress, Result, Settings, audit, journal, keys};
use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, FolderId};
use crate::message::Caps;
use crate::tlog::folder;
use messages::Tally;
use replay::Seen;

/// Losses that are told one by one; the rest is only counted.
const MAX_LOSSES: usize = 1_000;

/// What to rebuild, and from what.
#[derive(Clone, Copy, Debug)]
pub struct Rebuild<'a> {
    /// The data directory.
    pub dir: &'a Path,
    /// A backup of it.
    pub backup: Option<&'a Path>,
    /// `[store]`.
    pub settings: &'a Settings,
    /// How much of a message is looked into.
    pub caps: &'a Caps,
    /// The time.
    pub now: Timestamp,
}

/// What a rebuild came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rebuilt {
    /// Packs read.
    pub packs: u64,
    /// Rows of the backup that were of use.
    pub backup_rows: u64,
    /// Changes of rows that the packs remembered.
    pub remembered_rows: u64,
    /// Bodies found.
    pub bodies: u64,
    /// Folders, each of which has a new UIDVALIDITY.
    pub folders: u64,
    /// Messages in them.
    pub messages: u64,
    /// Recipients in the outbound queue.
    pub queued: u64,
    /// Letters on paper.
    pub print_jobs: u64,
    /// Scans.
    pub scans: u64,
    /// Bytes of the device journal.
    pub journal_bytes: u64,
    /// Bytes at the ends of packs and of the journal that a crash left and nobody was told of.
    pub left_over_bytes: u64,
    /// What could not be recovered, or only in part: one sentence each; at most a thousand.
    pub lost: Vec<String>,
    /// How much that is.
    pub lost_count: u64,
    /// Where the old rows were put aside.
    pub set_aside: Option<String>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
}

/// What stands beside a row because of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Follows {
    /// Bodies that the row counts as references.
    pub(super) bodies: Vec<BodyId>,
    /// Records that the row names.
    pub(super) records: Vec<RecordRef>,
    /// Rows of an index that lead to it.
    pub(super) index: Vec<Vec<u8>>,
}

/// Rebuilds the rows of a data directory. Blocks, and reads every message of which there is no summary.
///
/// # Errors
/// `NotPossible` when there are no packs, or half a restore; `InUse` while a server runs; `Damaged` when the
/// backup is not whole; `Stopped`; I/O. Then nothing is changed.
pub fn rebuild(request: &Rebuild<'_>, progress: Progress<'_>) -> Result<Rebuilt> {
    let begun = Instant::now();
    let dir = request.dir;
    let is_there = dir.join(PACKS_DIR).is_dir() && !numbered_files(&dir.join(PACKS_DIR), "pack")?.is_empty();
    if dir.join(RESTORING).exists() || !is_there {
        let why = if is_there { "a restore of it was not finished" } else { "there are no packs to rebuild from" };
        return Err(Error::NotPossible(format!("{}: {why}; run `poshta store restore`", dir.display())));
    }
    let _lock = DirLock::take(dir)?;
    let packs = Arc::new(Packs::open(dir.join(PACKS_DIR))?);
    let total = packs.disk_bytes()?;
    // None is made here: who has lost the keys must be told so.
    let vault = Vault::open(dir, &Settings { encryption: false, ..request.settings.clone() })?;
    let mut rebuilding = Rebuilding {
        fresh: FreshRows::begin(dir, request.settings, Arc::clone(&packs))?,
        packs,
        vault,
        caps: request.caps,
        seen: Seen::default(),
        notes_what_went: request.backup.is_some(),
        doomed: HashSet::new(),
        tallies: BTreeMap::new(),
        names: HashMap::new(),
        found: Rebuilt::default(),
        progress,
        done: Done { bytes: 0, of: total },
    };
    rebuilding.replay_packs()?;
    if let Some(backup) = request.backup {
        rebuilding.merge_backup(backup)?;
    }
    rebuilding.derive()?;
    rebuilding.count_journal(&dir.join(JOURNAL_DIR))?;
    let Rebuilding { mut fresh, mut found, .. } = rebuilding;
    found.folders = fresh.raise_uid_validities(request.now)?;
    // The packs may be from before there was a chain over the audit: then it is made when the directory is opened.
    let is_chained = fresh.get(&audit::chain::head_key())?.is_some();
    audit::add_to_fresh(&mut fresh, &entry(&found, request.now))?;
    fresh.finish(if is_chained { BEFORE_THE_INDEX } else { BEFORE_THE_CHAIN })?;
    let log = folder::forget_place(&dir.join(folder::DIR));
    log.map_err(|error| Error::NotPossible(error.to_string()))?;
    found.set_aside = take_place(dir, request.now)?.map(|path| path.display().to_string());
    found.took_ms = millis(begun);
    Ok(found)
}

/// The schema of a directory whose audit has no chain yet.
const BEFORE_THE_CHAIN: u32 = 2;

/// The schema of a directory whose audit has no index yet: it is made when the directory is opened, as for those.
const BEFORE_THE_INDEX: u32 = 7;

/// M20: that entries may be missing has a reason, which is an entry itself.
fn entry(found: &Rebuilt, now: Timestamp) -> audit::AuditEntry {
    audit::AuditEntry {
        at_us: now.as_microsecond(),
        actor: "command line".to_owned(),
        action: "store.rebuild".to_owned(),
        object: "store".to_owned(),
        details: Some(format!("losses: {}", found.lost_count)),
    }
}

struct Rebuilding<'a> {
    fresh: FreshRows,
    packs: Arc<Packs>,
    /// The keys, if anything is or was encrypted.
    vault: Option<Vault>,
    caps: &'a Caps,
    seen: Seen,
    /// The packs' word that a row went counts against a backup.
    notes_what_went: bool,
    /// Deleted folders whose messages were still to be removed.
    doomed: HashSet<(AccountId, FolderId)>,
    tallies: BTreeMap<(AccountId, FolderId), Tally>,
    /// Names of folders, for sentences about what is lost.
    names: HashMap<(AccountId, FolderId), String>,
    found: Rebuilt,
    progress: Progress<'a>,
    done: Done,
}

impl Rebuilding<'_> {
    /// Everything that follows from the rows that were found.
    fn derive(&mut self) -> Result<()> {
        self.end_deletions()?;
        self.index_folders()?;
        self.derive_messages()?;
        self.recover_folders()?;
        self.put_counters()?;
        self.derive_queues()
    }

    fn count_journal(&mut self, dir: &Path) -> Result<()> {
        if !dir.is_dir() {
            return Ok(());
        }
        for number in numbered_files(dir, "journal")? {
            let (key, length, left_out) = journal::rebuilt_length(dir, number)?;
            self.found.journal_bytes += length;
            self.found.left_over_bytes += left_out;
            if length > 0 {
                self.fresh.put(key, length.to_be_bytes().to_vec())?;
            }
        }
        Ok(())
    }

    fn lost(&mut self, text: impl Into<String>) {
        self.found.lost_count += 1;
        if self.found.lost.len() < MAX_LOSSES {
            self.found.lost.push(text.into());
        }
    }

    /// One more row names this body; tells whether it is there.
    fn reference(&mut self, body: BodyId) -> Result<bool> {
        let key = keys::body(body);
        let Some(row) = self.fresh.get(&key)? else { return Ok(false) };
        let row = BodyRow::decode(&row)?;
        if row.references == 0 {
            self.done.bytes = self.done.of.min(self.done.bytes + row.place.stored_bytes());
            super::backup::tell(self.progress, self.done)?;
        }
        self.fresh.put(key, BodyRow { references: row.references + 1, ..row }.encode())?;
        Ok(true)
    }

    fn place_of(&self, body: BodyId) -> Result<Option<RecordRef>> {
        self.fresh.get(&keys::body(body))?.map(|row| BodyRow::decode(&row).map(|row| row.place)).transpose()
    }

    /// A record of this length begins there.
    fn is_there(&self, place: RecordRef) -> Result<bool> {
        if place.is_empty() {
            return Ok(true);
        }
        match self.packs.header(place.pack, place.offset) {
            Ok(header) => Ok(header.is_some_and(|header| header.place(place.pack, place.offset) == place)),
            Err(Error::Damaged(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
