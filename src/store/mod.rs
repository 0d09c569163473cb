//! Everything that outlives a restart: typed keyspaces over one small engine, and packs for bytes (DESIGN 3-9).
//!
//! The invariant of this folder: what [`Store::commit`] answered is on stable storage, and nothing that is not
//! yet on stable storage can be read.

pub mod accounts;
pub mod agreements;
pub mod announcements;
pub mod applications;
pub mod audit;
pub mod backup;
pub mod base;
mod batch;
pub mod bodies;
pub mod check;
mod checksum;
pub mod clock_checks;
pub mod closings;
mod commit;
pub mod compact;
pub mod confirmations;
pub mod desk;
pub mod device_acts;
pub mod device_keys;
pub mod documents;
pub mod engine;
mod fresh;
pub mod items;
mod journal;
pub mod keys;
pub(crate) mod lately;
mod lock;
pub mod lookups;
pub mod mailboxes;
mod open;
mod pace;
mod packs;
pub mod papers;
pub mod payment_signs;
pub mod payments;
pub mod print_batches;
pub mod print_jobs;
pub mod profiles;
pub mod queue;
pub mod quota;
mod readers;
pub mod rebuild;
pub mod receipts;
mod replay;
pub mod restore;
pub mod rewrite;
pub mod rows;
pub mod scans;
pub mod sealing;
pub mod second_factors;
pub mod sessions;
pub mod sign_ins;
pub(crate) mod space;
pub mod staff;
mod staging;
pub mod stats;
mod stuck;
mod upgrade;
pub mod vault;
mod versions;
mod watch;
mod watchdog;

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, oneshot};

pub use batch::{Batch, Committed, Hole, Member, Precondition, RecordSlot, Slot, Template};
pub use bodies::{BodyWriter, StagedBody};
pub use engine::EngineKind;
pub use packs::RecordRef;
pub use sealing::{DataKey, Seal};
pub use stuck::Stuck;
pub use vault::{Owner, SingleInstance, WrappedKey};
pub use watch::{Hub, Topic, Watcher};

use crate::ids::{AccountId, BodyId};
use bodies::BodyRow;
use commit::{Committer, Committing, Pending, Ready, Request};
use lock::DirLock;
use mailboxes::KnownUids;
use packs::{PackWriter, Packs};
use readers::Readers;
use space::Space;
use staging::Staging;
use vault::Vault;
use versions::{Snapshot, Versions};

/// What the store answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A precondition did not hold; carries the key.
    #[error("the data changed in the meantime")]
    Conflict(Vec<u8>),
    /// The account would hold more than it may (see [`quota::Allowance::bound`]).
    #[error("the mailbox is full")]
    OverQuota(AccountId),
    /// The watermark of free space is reached (DESIGN 6).
    #[error("the disk is full: {free} bytes free, {watermark} needed")]
    Full {
        /// Bytes free on the file system of the data directory.
        free: u64,
        /// Bytes that must stay free.
        watermark: u64,
    },
    /// Another process has the directory open.
    #[error("{0} is in use by another poshta process; use its control socket, or stop it first")]
    InUse(String),
    /// Written by a newer version of the program.
    #[error(
        "the data directory has schema {found}; this program knows schemas up to {known}: install the newer program"
    )]
    NewerSchema {
        /// What the directory says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// A row or record is damaged.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// A sealed record is asked for without its key; says which one.
    #[error("encrypted data, and its key is not there: {0}")]
    Sealed(String),
    /// What was asked for cannot be done here; says why, and what to do.
    #[error("{0}")]
    NotPossible(String),
    /// Long work was told not to go on.
    #[error("stopped before it was done; nothing is lost, run it again")]
    Stopped,
    /// The store is shutting down or was closed by a failed write.
    #[error("the store is closed")]
    Closed,
    /// A write or sync neither succeeded nor failed; see [`Stuck`].
    #[error(
        "the disk or the row engine has not answered for {deadline_s} s: nothing can be written until this process \
         ends and is started anew"
    )]
    Stuck {
        /// `store.engine_deadline_s`.
        deadline_s: u64,
    },
    /// A reading took so long, while so much changed, that the rows it began with are no longer kept.
    #[error("reading took too long while the data changed; try again when less is going on")]
    SnapshotTooOld,
    /// Long work that can be done once at a time is being done.
    #[error("{0} already; wait until that is done")]
    Busy(&'static str),
    /// Reading or writing failed.
    #[error("input/output: {0}")]
    Io(#[from] std::io::Error),
    /// The embedded engine failed.
    #[error("engine: {0}")]
    Engine(String),
}

/// `[store]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Free bytes below which new letters are refused.
    pub watermark_bytes: u64,
    /// Which engine keeps the rows; one that was made with another is converted at the next start.
    pub engine: EngineKind,
    /// Page cache of the row engine, bytes.
    pub cache_bytes: u64,
    /// What a start may have to read of the row engine's log, bytes; at that the engine is opened anew, for which
    /// everybody waits. See [`Store::shorten_replay_when_quiet`].
    pub max_replay_bytes: u64,
    /// How long the disk and the engine may take for a group of changes before the store gives itself up, seconds;
    /// zero for any time.
    pub engine_deadline_s: u64,
    /// Old rows that are kept in memory for long readings, bytes; a reading for which it would be more is given up.
    pub max_snapshot_bytes: u64,
    /// Memory for the UIDs of large folders that were opened lately, bytes.
    pub max_known_uids_bytes: usize,
    /// Rows are rewritten to give space back only when their files have more than this, bytes.
    pub rewrite_floor_bytes: u64,
    /// Rows are rewritten when their files have more than this share of what the rows need, per cent.
    pub rewrite_percent: u64,
    /// How fast rows are copied when they are rewritten, bytes per second; 0 is as fast as it goes.
    pub rewrite_bytes_per_s: u64,
    /// How often the server looks whether the rows want to be rewritten, seconds.
    pub rewrite_check_s: u64,
    /// A pack is closed at this size, bytes.
    pub max_pack_bytes: u64,
    /// A file of the device journal is closed at this size, bytes.
    pub max_journal_file_bytes: u64,
    /// Bodies above this size wait in a staging file instead of memory, bytes.
    pub max_memory_body_bytes: u64,
    /// New records are compressed where that makes them at least a tenth smaller.
    pub compression: bool,
    /// How hard that is tried: a level of zstd, 1 to 19.
    pub compression_level: i32,
    /// Records below this size are not compressed, bytes.
    pub compression_min_bytes: u64,
    /// New letters are encrypted.
    pub encryption: bool,
    /// The file with the operator's keys; empty: they are in the environment, if anywhere.
    pub operator_key_file: PathBuf,
    /// What letters share one body when they are encrypted.
    pub single_instance: SingleInstance,
    /// Unwrapped keys of accounts that are kept in memory.
    pub max_open_keys: usize,
    /// A pack is emptied when at least this much of it is dead, percent.
    pub compact_dead_percent: u64,
    /// How often the server looks for such packs, seconds; zero for never.
    pub compact_every_s: u64,
    /// Packs are looked at only when letters of at least so many bytes went since the last time, bytes.
    pub compact_floor_bytes: u64,
    /// What emptying packs may read and write, bytes a second; zero for as fast as it goes.
    pub compact_bytes_per_s: u64,
    /// How long an emptied pack is kept for those who are still reading it, seconds.
    pub retired_pack_grace_s: u64,
    /// Threads that read.
    pub reader_threads: usize,
    /// Batches that may wait for the committer; those who bring more wait themselves.
    pub max_queued_batches: usize,
    /// Batches that the committer takes as one group.
    pub max_group_batches: usize,
    /// Messages that one COPY or MOVE may take.
    pub max_copy_messages: usize,
    /// Folders an account may have.
    pub max_folders: usize,
    /// Levels of a folder name.
    pub max_folder_depth: usize,
    /// Length of a folder name in UTF-8, bytes.
    pub max_folder_name_bytes: usize,
    /// Keywords a folder may have.
    pub max_keywords: usize,
    /// Length of a keyword, bytes.
    pub max_keyword_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            watermark_bytes: 1 << 30,
            engine: EngineKind::Sled,
            cache_bytes: 32 << 20,
            max_replay_bytes: 512 << 20,
            engine_deadline_s: 30,
            max_snapshot_bytes: 256 << 20,
            max_known_uids_bytes: 8 << 20,
            rewrite_floor_bytes: 256 << 20,
            rewrite_percent: 400,
            rewrite_bytes_per_s: 32 << 20,
            rewrite_check_s: 600,
            max_pack_bytes: 256 << 20,
            max_journal_file_bytes: 64 << 20,
            max_memory_body_bytes: 256 << 10,
            compression: true,
            compression_level: 1,
            compression_min_bytes: 512,
            encryption: false,
            operator_key_file: PathBuf::new(),
            single_instance: SingleInstance::Submission,
            max_open_keys: 10_000,
            compact_dead_percent: 30,
            compact_every_s: 3600,
            compact_floor_bytes: 64 << 20,
            compact_bytes_per_s: 16 << 20,
            retired_pack_grace_s: 600,
            reader_threads: 4,
            max_queued_batches: 1024,
            max_group_batches: 128,
            max_copy_messages: 100_000,
            max_folders: 2000,
            max_folder_depth: 16,
            max_folder_name_bytes: 1000,
            max_keywords: 100,
            max_keyword_bytes: 100,
        }
    }
}

/// The open data directory. Clones share it; dropping the last one commits what is queued and closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    settings: Settings,
    versions: Arc<Versions>,
    packs: Arc<Packs>,
    /// The newest lines of the device journal.
    lately: Arc<journal::Lately>,
    staging: Arc<Staging>,
    /// The keys, if anything is or was encrypted.
    vault: Option<Arc<Vault>>,
    /// Writes large bodies before their batch is queued, so that the committer does not stall.
    large: Mutex<PackWriter>,
    /// Who may wait for that on a thread.
    large_turn: Arc<Semaphore>,
    /// The last group when somebody looked whether the store is quiet.
    seen: AtomicU64,
    /// Held by who rewrites the rows.
    rewriting: Mutex<()>,
    /// The UIDs of large folders.
    known_uids: Mutex<KnownUids>,
    space: Space,
    hub: Hub,
    /// Writes what compaction keeps; one compaction at a time.
    compacting: Mutex<PackWriter>,
    readers: Readers,
    /// `None` only while the store is being dropped.
    committing: Option<Committing>,
    stuck: Stuck,
    /// As `committing`.
    lock: Option<DirLock>,
}

/// A consistent, durable picture of the rows while it is held; synchronous and short-lived. Get one through
/// [`Store::read`].
#[derive(Debug)]
pub struct View<'a> {
    store: &'a Store,
    snapshot: Snapshot<'a>,
}

/// How far long work has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// Bytes done.
    pub bytes: u64,
    /// Bytes there are to do, as far as is known.
    pub of: u64,
}

/// Hears how far long work has come, and says whether it shall go on; if not it ends with `Error::Stopped`.
pub type Progress<'a> = &'a mut dyn FnMut(Done) -> ControlFlow<()>;

/// Rows in key order: key and value.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Store {
    /// Runs `f` over the durable rows on the threads for readers; never on a tokio worker.
    ///
    /// # Errors
    /// What `f` answers; `Closed`.
    pub fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&View<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        let store = self.clone();
        self.inner.readers.run(move || store.read_blocking(f))
    }

    /// The same on the caller's thread, for commands and workers that are not async.
    ///
    /// # Errors
    /// What `f` answers; `Closed`.
    pub fn read_blocking<T>(&self, f: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        f(&View { store: self, snapshot: self.inner.versions.snapshot() })
    }

    /// Commits a batch: when this answers, everything in it is on stable storage and visible, and its topics
    /// were published. A batch is committed even if nobody waits for the answer any more.
    ///
    /// # Errors
    /// `Conflict` when a precondition failed, `Full`, `Closed`, I/O. After an error nothing of the batch exists, but
    /// for `Stuck`: then the next start finds all of it or nothing.
    pub fn commit(&self, batch: Batch) -> impl Future<Output = Result<Committed>> + Send {
        let store = self.clone();
        async move {
            let (batch, ready) = store.prepare(batch).await?;
            store.submit(batch, ready).await
        }
    }

    /// [`Store::commit`] for commands and workers that are not async.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_blocking(&self, batch: Batch) -> Result<Committed> {
        let (batch, ready) = self.prepare_blocking(batch)?;
        stuck::wait_for(self.submit(batch, ready))
    }

    async fn submit(&self, batch: Batch, ready: Ready) -> Result<Committed> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Commit(Pending { batch, ready, reply }), answer).await?
    }

    /// Puts something to the committer, and waits for what it answers.
    async fn ask<T>(&self, request: Request, answer: oneshot::Receiver<T>) -> Result<T> {
        let queue = &self.inner.committing.as_ref().ok_or(Error::Closed)?.queue;
        let answered = async {
            queue.send(request).await.map_err(|_| Error::Closed)?;
            answer.await.map_err(|_| Error::Closed)
        };
        self.inner.stuck.or(answered).await
    }

    /// Whether the store has given itself up; then whoever runs the process should end it.
    #[must_use]
    pub fn stuck(&self) -> Stuck {
        self.inner.stuck.clone()
    }

    /// Has the committer do something between two groups, while nothing is being written. Blocks.
    fn between_groups<T: Send + 'static>(&self, work: impl FnOnce(&mut Committer) -> T + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = move |committer: &mut Committer| drop(reply.send(work(committer)));
        stuck::wait_for(self.ask(Request::Between(Box::new(work)), answer))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// A place for the bytes of a message that is arriving.
    #[must_use]
    pub fn stage(&self) -> BodyWriter {
        BodyWriter::new(Arc::clone(&self.inner.staging))
    }

    /// See [`Hub::watch`].
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.inner.hub.watch(topic)
    }

    /// Bytes free on the file system of the data directory.
    ///
    /// # Errors
    /// I/O.
    pub fn free_bytes(&self) -> Result<u64> {
        self.inner.space.free()
    }

    /// Refuses new letters while the disk is nearly full; cheap enough to ask for every message.
    ///
    /// # Errors
    /// `Full`, `Closed`.
    pub fn check_space(&self) -> Result<()> {
        self.inner.space.check()
    }
}

impl View<'_> {
    /// The row under `key`.
    ///
    /// # Errors
    /// The engine failed.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let row = self.snapshot.get(key)?;
        Ok(row.map(|row| vault::row::opened(self.store.inner.vault.as_deref(), key, row)))
    }

    /// As [`View::get`], as it is written: sealed, where rows of its class are.
    pub(in crate::store) fn get_raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.snapshot.get(key)
    }

    /// Up to `limit` rows with `from <= key < to`, in key order.
    ///
    /// # Errors
    /// The engine failed.
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        Ok(self.opened(self.snapshot.range(from, to, limit)?))
    }

    /// As [`View::range`], as they are written.
    pub(in crate::store) fn range_raw(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        self.snapshot.range(from, to, limit)
    }

    /// As [`View::range`], from the end backwards.
    ///
    /// # Errors
    /// The engine failed.
    pub fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        Ok(self.opened(self.snapshot.range_back(from, to, limit)?))
    }

    /// A counter row; zero when absent.
    ///
    /// # Errors
    /// The engine failed.
    pub fn counter(&self, key: &[u8]) -> Result<i64> {
        commit::counter(self.get(key)?.as_deref())
    }

    /// The bytes of a record: what was given to [`Batch::record`] or [`Batch::record_sealed`]. The key is for
    /// those that are sealed; others are read with and without it.
    ///
    /// # Errors
    /// `Damaged` when its checksum does not fit or the key does not open it; `Sealed`; I/O.
    pub fn record(&self, place: RecordRef, key: Option<&DataKey>) -> Result<bytes::Bytes> {
        self.store.inner.packs.read_whole(place, key)
    }

    /// Up to `len` bytes of a body from `offset`; shorter only at the end. The key as for [`View::record`].
    ///
    /// # Errors
    /// `Damaged` when it is not there, its checksum does not fit or the key does not open it; `Sealed`; I/O.
    pub fn body(&self, body: BodyId, offset: u64, len: usize, key: Option<&DataKey>) -> Result<bytes::Bytes> {
        let row = self.get(&keys::body(body))?.ok_or_else(|| Error::Damaged(format!("{body:?} is missing")))?;
        self.store.inner.packs.read(BodyRow::decode(&row)?.place, offset..offset.saturating_add(len as u64), key)
    }

    fn journal_dir(&self) -> PathBuf {
        self.store.inner.dir.join(open::JOURNAL_DIR)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(committing) = self.committing.take() else { return };
        if stuck::wait_for(self.stuck.or(committing.end())).is_err()
            && let Some(lock) = self.lock.take()
        {
            // The thread that is stuck may write again at any time: the directory is ours until the process ends.
            std::mem::forget(lock);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
