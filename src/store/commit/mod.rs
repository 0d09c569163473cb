//! The committer: one thread, which takes everything that waits as one group (DESIGN 6).
//!
//! For a group it writes the records and the journal lines and syncs them, then applies one set of rows and
//! syncs that, then publishes and answers. A batch that cannot be resolved fails alone. When a write or sync
//! fails nothing of the group is acknowledged, and the files it went to are sealed.

mod audited;
mod moving;
mod prepare;
mod resolve;
mod watched;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Committed};
use super::bodies::full_or_io;
use super::engine::Changes;
use super::journal::{Journal, LengthRow};
use super::packs::{Compression, PackWriter, Planned};
use super::space::Space;
use super::stuck::{Deadline, Stuck};
use super::vault::Vault;
use super::versions::{Before, Versions};
use super::watch::{Hub, Topic};
use super::{Error, Result, Settings};
pub(super) use moving::Moving;
pub(super) use prepare::Ready;
pub(super) use resolve::{Remembered, counter};

use resolve::Ground;

/// How often a store that a failure closed is tried to be opened again.
const REVIVE_EVERY: Duration = Duration::from_millis(500);

/// What the committer is asked to do.
pub(super) enum Request {
    /// As one of a group.
    Commit(Pending),
    /// Between two groups, while nothing is being written.
    Between(Box<dyn FnOnce(&mut Committer) + Send>),
}

/// A batch on its way to the committer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) batch: Batch,
    /// What it brings for the packs.
    pub(super) ready: Ready,
    pub(super) reply: oneshot::Sender<Result<Committed>>,
}

/// What the committer works with; it owns the files it writes.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) versions: Arc<Versions>,
    pub(super) packs: PackWriter,
    pub(super) journal: Journal,
    pub(super) space: Space,
    pub(super) hub: Hub,
    pub(super) moving: Moving,
    pub(super) compression: Compression,
    /// Seals rows that tell of people.
    pub(super) vault: Option<Arc<Vault>>,
    pub(super) max_group_batches: usize,
    pub(super) max_replay_bytes: u64,
}

/// The batches of a group that could be resolved, as one.
#[derive(Debug, Default)]
struct Group {
    changes: Changes,
    before: Before,
    records: Vec<Planned>,
    journal: Vec<String>,
    topics: Vec<Topic>,
    waiting: Vec<(oneshot::Sender<Result<Committed>>, Result<Committed>)>,
}

/// The committer at work.
#[derive(Debug)]
pub(super) struct Committing {
    /// What it is asked.
    pub(super) queue: mpsc::Sender<Request>,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Committing {
    /// Waits until what is queued is committed and the engine closed.
    pub(super) async fn end(self) -> Result<()> {
        // Without senders it ends.
        drop(self.queue);
        // Answered by the end of the thread, however that comes.
        drop(self.ended.await);
        if self.thread.join().is_err() {
            tracing::error!("the committer panicked");
        }
        Ok(())
    }
}

impl Committer {
    /// Runs until every sender is gone; what was queued before that is still committed.
    pub(super) fn spawn(self, settings: &Settings, stuck: Stuck) -> Result<Committing> {
        let (sender, queue) = mpsc::channel::<Request>(settings.max_queued_batches.max(1));
        let (ending, ended) = oneshot::channel();
        let deadline = Deadline::start(stuck)?;
        let work = move || {
            self.work(queue, &deadline);
            drop((deadline, ending));
        };
        let thread = std::thread::Builder::new().name("committer".into()).spawn(work)?;
        Ok(Committing { queue: sender, ended, thread })
    }

    fn work(mut self, mut queue: mpsc::Receiver<Request>, deadline: &Deadline) {
        while !deadline.has_passed()
            && let Some(first) = self.next(&mut queue, deadline)
        {
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(Request::Commit(pending)) = next {
                group.push(pending);
                next = if group.len() < self.max_group_batches { queue.try_recv().ok() } else { None };
            }
            if !group.is_empty() {
                deadline.watch(|| {
                    self.run(group);
                    self.bound_replay(self.max_replay_bytes);
                });
            }
            if let Some(Request::Between(work)) = next {
                deadline.watch(|| work(&mut self));
            }
        }
        deadline.watch(|| self.versions.close());
    }

    /// The next request. While the store is closed by a failure it tries to open it again, and those who ask
    /// meanwhile are told that it is closed.
    fn next(&self, queue: &mut mpsc::Receiver<Request>, deadline: &Deadline) -> Option<Request> {
        while self.versions.is_closed() {
            match queue.try_recv() {
                Ok(request) => return Some(request),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    std::thread::sleep(REVIVE_EVERY);
                    deadline.watch(|| self.versions.revive());
                }
            }
        }
        queue.blocking_recv()
    }

    fn run(&mut self, requests: Vec<Pending>) {
        let mut group = Group::default();
        let written = self.resolve(requests, &mut group).and_then(|()| self.write(&mut group));
        if let Err(error) = &written {
            tracing::error!(%error, batches = group.waiting.len(), "nothing of this group was committed");
        } else {
            group.topics.iter().for_each(|topic| self.hub.publish(topic));
        }
        for (reply, resolved) in group.waiting {
            let answer = match &written {
                Ok(()) => resolved,
                // Even a conflict may have been with a batch that now never was.
                Err(error) => Err(copy_of(error)),
            };
            // Nobody may be waiting any more: a client that went away.
            drop(reply.send(answer));
        }
    }

    fn resolve(&mut self, requests: Vec<Pending>, group: &mut Group) -> Result<()> {
        let mut requests = requests.into_iter();
        let mut span = match self.packs.span() {
            Ok(span) => span,
            Err(error) => {
                group.waiting.extend(requests.map(|request| (request.reply, Ok(Committed::default()))));
                return Err(error);
            }
        };
        for Pending { mut batch, ready, reply } in requests.by_ref() {
            let topics = std::mem::take(&mut batch.topics);
            let is_there_room = if ready.is_empty() { self.space.check_reserve() } else { self.space.check() };
            let ground = Ground {
                versions: &self.versions,
                group: &group.changes,
                before: &mut group.before,
                moving: &mut self.moving,
                compression: self.compression,
                vault: self.vault.as_deref(),
            };
            let resolved = is_there_room.and_then(|()| resolve::resolve(ground, batch, ready, &mut span));
            let answer = resolved.map(|resolved| {
                group.changes.extend(resolved.changes);
                group.records.extend(resolved.records);
                group.journal.extend(resolved.journal);
                for topic in topics.into_iter().chain(resolved.topics) {
                    if !group.topics.contains(&topic) {
                        group.topics.push(topic);
                    }
                }
                resolved.committed
            });
            group.waiting.push((reply, answer));
        }
        Ok(())
    }

    fn write(&mut self, group: &mut Group) -> Result<()> {
        let mark = match self.write_files(group) {
            Ok(mark) => mark,
            Err(error) => return Err(self.seal(error)),
        };
        group.changes.extend(mark);
        if group.changes.is_empty() {
            // A batch that changes nothing asks whether the store would.
            return if self.versions.is_closed() { Err(Error::Closed) } else { Ok(()) };
        }
        let (changes, before) = (std::mem::take(&mut group.changes), std::mem::take(&mut group.before));
        self.versions.commit(changes, before).map_err(|error| self.seal(error))
    }

    /// Records and journal lines, on stable storage. Both files are written before either is synced, and synced at the
    /// same time: a file system that keeps a journal of its own commits once for both.
    fn write_files(&mut self, group: &Group) -> Result<LengthRow> {
        self.packs.write(&group.records)?;
        let mark = self.journal.write(&group.journal)?;
        let journal = self.journal.begin_sync()?;
        self.packs.sync()?;
        journal.end()?;
        Ok(mark)
    }

    /// What was added to the files belongs to nothing now; nothing is ever added behind it.
    fn seal(&mut self, error: Error) -> Error {
        self.packs.seal();
        self.journal.seal();
        match error {
            Error::Io(error) => match full_or_io(error) {
                Error::Full { .. } => self.space.full(),
                other => other,
            },
            Error::Full { .. } => self.space.full(),
            other => other,
        }
    }
}

/// The same error for everybody in a group.
fn copy_of(error: &Error) -> Error {
    match error {
        Error::Full { free, watermark } => Error::Full { free: *free, watermark: *watermark },
        Error::Closed => Error::Closed,
        Error::Io(error) => Error::Io(io::Error::new(error.kind(), error.to_string())),
        Error::Damaged(text) => Error::Damaged(text.clone()),
        other => Error::Engine(other.to_string()),
    }
}
