//! The committer: takes everything that waits as one group (DESIGN 6).
//!
//! For a group it writes the records and the journal lines and syncs them, then applies one set of rows and
//! syncs that, then publishes and answers. A batch that cannot be resolved fails alone. When a write or sync
//! fails nothing of the group is acknowledged, and the files it went to are sealed. While the rows of one group
//! are synced the files of the next are written ([`relay`]).

mod audited;
mod moving;
mod prepare;
mod relay;
mod resolve;
mod watched;

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::batch::{Batch, Committed};
use super::bodies::full_or_io;
use super::engine::Changes;
use super::journal::{Journal, LengthRow, Lines};
use super::packs::{Compression, PackWriter, Planned};
use super::space::Space;
use super::vault::Vault;
use super::versions::{Before, Versions};
use super::watch::Topic;
use super::{Error, Result};
pub(super) use moving::Moving;
pub(super) use prepare::Ready;
pub(super) use relay::Committing;
pub(super) use resolve::{Remembered, counter};

use resolve::Ground;

/// What the committer is asked to do.
pub(super) enum Request {
    /// As one of a group.
    Commit(Pending),
    /// Between two groups, while nothing is being written.
    Between(BetweenGroups),
}

pub(super) type BetweenGroups = Box<dyn FnOnce(&mut Committer) + Send>;

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
    pub(super) moving: Moving,
    pub(super) compression: Compression,
    /// Seals rows that tell of people.
    pub(super) vault: Option<Arc<Vault>>,
}

/// The batches of a group that could be resolved, as one.
#[derive(Debug, Default)]
struct Group {
    changes: Changes,
    before: Before,
    records: Vec<Planned>,
    journal: Lines,
    topics: Vec<Topic>,
    waiting: Vec<(oneshot::Sender<Result<Committed>>, Result<Committed>)>,
}

impl Committer {
    fn resolve(&mut self, requests: Vec<Pending>, group: &mut Group) -> Result<()> {
        let mut requests = requests.into_iter();
        let (mut span, room) = match self.packs.span().and_then(|span| Ok((span, self.space.look()?))) {
            Ok(found) => found,
            Err(error) => {
                group.waiting.extend(requests.map(|request| (request.reply, Ok(Committed::default()))));
                return Err(error);
            }
        };
        for Pending { mut batch, ready, reply } in requests.by_ref() {
            let topics = std::mem::take(&mut batch.topics);
            let is_there_room = if ready.is_empty() { room.check_reserve() } else { room.check() };
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
                group.journal.append(&resolved.journal);
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

    /// Everything of a group that comes before its rows: the batches resolved, records and journal lines on stable
    /// storage. Whoever brought one has a place in the group, also when this fails.
    fn write(&mut self, requests: Vec<Pending>, group: &mut Group) -> Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        self.resolve(requests, group).map_err(|error| full_or(&self.space, error))?;
        let mark = self.write_files(group).map_err(|error| {
            self.seal();
            full_or(&self.space, error)
        })?;
        group.changes.extend(mark);
        Ok(())
    }

    /// Records and journal lines, on stable storage. Both files are written before either is synced, and synced at the
    /// same time: a file system that keeps a journal of its own commits once for both.
    fn write_files(&mut self, group: &mut Group) -> Result<LengthRow> {
        self.packs.write(&group.records)?;
        let mark = self.journal.write(std::mem::take(&mut group.journal))?;
        let journal = self.journal.begin_sync()?;
        self.packs.sync()?;
        journal.end()?;
        Ok(mark)
    }

    /// What was added to the files belongs to nothing now; nothing is ever added behind it.
    fn seal(&mut self) {
        self.packs.seal();
        self.journal.seal();
    }
}

/// The error of a write, which may have met a full disk.
fn full_or(space: &Space, error: Error) -> Error {
    let error = match error {
        Error::Io(error) => full_or_io(error),
        other => other,
    };
    if matches!(error, Error::Full { .. }) { space.full() } else { error }
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

#[cfg(test)]
mod tests;
