//! Two threads, so that two groups can be under way at once.
//!
//! A group goes through two stages. Whoever has the desk takes what waits as a group, resolves it and puts its records
//! and journal lines on stable storage. Then it waits until the rows of the group before are durable, and brings its
//! own there. Where that takes long it leaves the desk to the other thread meanwhile: the files of one group are synced
//! beside the rows of the one before. Where it does not, few large groups one after the other are cheaper, and the
//! other thread sleeps. Either way one thread brings a group from its beginning to its answers.
//!
//! A group is resolved against the rows of the one before, also when those are not durable yet. If they never are,
//! both fail: nothing is acknowledged, and neither rows nor files keep anything that counts.

use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::super::replay::bound_replay;
use super::super::space::Space;
use super::super::stuck::{Deadline, Stuck};
use super::super::versions::{Applied, Versions};
use super::super::watch::Hub;
use super::super::{Error, Result, Settings};
use super::{BetweenGroups, Committer, Group, Pending, Request, copy_of, full_or};

/// How often a store that a failure closed is tried to be opened again.
const REVIVE_EVERY: Duration = Duration::from_millis(500);

/// When rows take so long to become durable, the next group is begun meanwhile.
const LONG_SYNC: Duration = Duration::from_millis(1);

/// A group that is begun while rows are synced first waits for others, for as long as they usually take divided by this:
/// whoever was just answered comes again soon, and would else have to wait for a whole group.
const GATHERING_DIVISOR: u32 = 4;

/// Of how long syncs usually take each counts for one part of so many.
const SYNCS_LOOKED_AT: u32 = 8;

/// The committer at work.
#[derive(Debug)]
pub(in crate::store) struct Committing {
    /// What it is asked.
    pub(in crate::store) queue: mpsc::Sender<Request>,
    /// Closed when both threads have ended.
    ended: mpsc::Receiver<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Committing {
    /// Waits until what is queued is committed and the engine closed.
    pub(in crate::store) async fn end(mut self) -> Result<()> {
        // Without senders it ends.
        drop(self.queue);
        // Nobody sends; it is closed by the end of the threads, however that comes.
        let _closed: Option<()> = self.ended.recv().await;
        if self.threads.into_iter().filter_map(|thread| thread.join().err()).count() > 0 {
            tracing::error!("the committer panicked");
        }
        Ok(())
    }
}

impl Committer {
    /// Runs until every sender is gone; what was queued before that is still committed.
    pub(in crate::store) fn spawn(self, hub: Hub, settings: &Settings, stuck: &Stuck) -> Result<Committing> {
        let (queue, requests) = mpsc::channel(settings.max_queued_batches.max(1));
        let (ending, ended) = mpsc::channel(1);
        let (versions, space) = (Arc::clone(&self.versions), self.space.clone());
        let desk = Desk { committer: self, requests, failures_heard_of: 0, patience: Duration::ZERO, revived_at: None };
        let relay = Arc::new(Relay {
            versions,
            space,
            hub,
            max_group_batches: settings.max_group_batches.max(1),
            max_replay_bytes: settings.max_replay_bytes,
            queue: queue.downgrade(),
            desk: Mutex::new(Seat::Free(Box::new(desk))),
            desk_changed: Condvar::new(),
            rows: Mutex::new(RowsStage::new()),
        });
        let run = |number: usize| {
            let (relay, deadline, ending) = (Arc::clone(&relay), Deadline::start(stuck.clone())?, ending.clone());
            let work = move || {
                relay.work(&deadline);
                drop((relay, deadline, ending));
            };
            Ok(thread::Builder::new().name(format!("committer-{number}")).spawn(work)?)
        };
        let threads = (0..2).map(run).collect::<Result<_>>()?;
        Ok(Committing { queue, ended, threads })
    }
}

/// What both threads have. The desk is taken before the rows are locked.
struct Relay {
    versions: Arc<Versions>,
    space: Space,
    hub: Hub,
    max_group_batches: usize,
    max_replay_bytes: u64,
    queue: mpsc::WeakSender<Request>,
    desk: Mutex<Seat>,
    desk_changed: Condvar,
    rows: Mutex<RowsStage>,
}

/// The first stage: where groups are made and their files written.
struct Desk {
    committer: Committer,
    requests: mpsc::Receiver<Request>,
    failures_heard_of: u64,
    /// How long others are waited for while the rows of the group before are synced.
    patience: Duration,
    /// When it was last tried to open a store that a failure closed.
    revived_at: Option<Instant>,
}

/// Who is at the desk.
enum Seat {
    Taken,
    Free(Box<Desk>),
    /// Nobody comes to it any more.
    Closed,
}

/// Held by each thread: when one ends, by a panic too, the other comes to the desk no more.
struct ClosesDesk<'a>(&'a Relay);

impl Drop for ClosesDesk<'_> {
    fn drop(&mut self) {
        *self.0.desk.lock() = Seat::Closed;
        self.0.desk_changed.notify_all();
    }
}

/// The second stage, from before the rows of a group are applied until they are durable and answered for.
struct RowsStage {
    /// Groups whose rows did not become durable.
    failures: u64,
    last_failure: Error,
    /// How long rows usually take to become durable.
    usual_sync: Duration,
    /// False while somebody is at it, and for ever if they panicked.
    is_whole: bool,
}

impl Desk {
    /// Hears of failures since it last did. What was resolved since then may rest on rows that never were, and nothing
    /// is ever added behind what was written to the files.
    fn hear_of_failures(&mut self, rows: &RowsStage) -> Result<()> {
        if rows.failures == self.failures_heard_of {
            return Ok(());
        }
        self.failures_heard_of = rows.failures;
        self.committer.seal();
        Err(copy_of(&rows.last_failure))
    }

    /// What waits, as one group; and what is to be done behind it, before the next.
    fn gather(&mut self, first: Request, most: usize) -> (Vec<Pending>, Option<BetweenGroups>) {
        let (mut group, mut next) = (Vec::new(), Some(first));
        loop {
            match next {
                Some(Request::Commit(pending)) => group.push(pending),
                Some(Request::Between(work)) => return (group, Some(work)),
                None => return (group, None),
            }
            next = if group.len() < most { self.requests.try_recv().ok() } else { None };
        }
    }
}

impl RowsStage {
    fn new() -> Self {
        RowsStage { failures: 0, last_failure: Error::Closed, usual_sync: Duration::ZERO, is_whole: true }
    }

    fn fail(&mut self, error: Error, space: &Space) -> Error {
        let error = full_or(space, error);
        self.failures += 1;
        self.last_failure = copy_of(&error);
        error
    }

    fn note_sync(&mut self, took: Duration) {
        self.usual_sync = (self.usual_sync * (SYNCS_LOOKED_AT - 1) + took) / SYNCS_LOOKED_AT;
    }
}

impl Relay {
    fn work(&self, deadline: &Deadline) {
        let _closes = ClosesDesk(self);
        while let Some(mut desk) = self.take_desk() {
            let next = if deadline.has_passed() { None } else { self.next(&mut desk, deadline) };
            let Some(first) = next else { return self.close(deadline) };
            self.turn(desk, first, deadline);
        }
    }

    /// Waits until the desk is free; `None` when it is closed.
    fn take_desk(&self) -> Option<Box<Desk>> {
        let mut seat = self.desk.lock();
        loop {
            match mem::replace(&mut *seat, Seat::Taken) {
                Seat::Free(desk) => return Some(desk),
                Seat::Taken => self.desk_changed.wait(&mut seat),
                Seat::Closed => {
                    *seat = Seat::Closed;
                    return None;
                }
            }
        }
    }

    fn leave_desk(&self, desk: Box<Desk>) {
        let mut seat = self.desk.lock();
        if matches!(*seat, Seat::Taken) {
            *seat = Seat::Free(desk);
        }
    }

    /// The next request. While the store is closed by a failure it tries to open it again, and those who ask
    /// meanwhile are told that it is closed.
    fn next(&self, desk: &mut Desk, deadline: &Deadline) -> Option<Request> {
        while self.versions.is_closed() {
            let wait = desk.revived_at.map_or(Duration::ZERO, |at| REVIVE_EVERY.saturating_sub(at.elapsed()));
            if wait.is_zero() {
                deadline.watch(|| self.versions.revive());
                desk.revived_at = Some(Instant::now());
                continue;
            }
            match desk.requests.try_recv() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => thread::sleep(wait),
            }
        }
        desk.requests.blocking_recv()
    }

    /// Everything from a request to its answer, for what waits with it too. To wait for the other thread is no work of
    /// this one: whoever has the rows is watched himself.
    fn turn(&self, mut desk: Box<Desk>, first: Request, deadline: &Deadline) {
        if let Some(rows) = self.rows.try_lock_for(desk.patience) {
            // What failed and was undone before this group began is of no concern to it.
            drop(desk.hear_of_failures(&rows));
        }
        let (requests, between) = desk.gather(first, self.max_group_batches);
        let mut group = Group::default();
        let written = deadline.watch(|| desk.committer.write(requests, &mut group));
        let mut rows = self.rows.lock();
        // If this is left by a panic, or found as one left it, nothing is written any more.
        if !mem::take(&mut rows.is_whole) {
            return;
        }
        let heard = if deadline.has_passed() { Err(Error::Closed) } else { desk.hear_of_failures(&rows) };
        let applied = deadline.watch(|| heard.and(written).and_then(|()| self.apply(&mut group, &mut rows)));
        if applied.is_err() {
            // Known before anybody else begins.
            drop(desk.hear_of_failures(&rows));
        }
        desk.patience = rows.usual_sync / GATHERING_DIVISOR;
        if between.is_none() && rows.usual_sync >= LONG_SYNC {
            self.leave_desk(desk);
            self.desk_changed.notify_one();
            deadline.watch(|| self.end(group, applied, &mut rows));
            if self.versions.is_closed() {
                self.wake();
            }
        } else {
            deadline.watch(|| self.end(group, applied, &mut rows));
            if let Some(work) = between {
                drop(desk.hear_of_failures(&rows));
                deadline.watch(|| work(&mut desk.committer));
            }
            self.leave_desk(desk);
        }
        rows.is_whole = true;
    }

    fn apply(&self, group: &mut Group, rows: &mut RowsStage) -> Result<Option<Applied>> {
        if group.changes.is_empty() {
            // A batch that changes nothing asks whether the store would.
            return if self.versions.is_closed() { Err(Error::Closed) } else { Ok(None) };
        }
        let (changes, before) = (mem::take(&mut group.changes), mem::take(&mut group.before));
        self.versions.apply(changes, before).map(Some).map_err(|error| rows.fail(error, &self.space))
    }

    /// Makes the rows of a group durable, then publishes and answers.
    fn end(&self, group: Group, applied: Result<Option<Applied>>, rows: &mut RowsStage) {
        let durable = applied.and_then(|applied| {
            let Some(applied) = applied else { return Ok(()) };
            let begun = Instant::now();
            self.versions.make_durable(applied).map_err(|error| rows.fail(error, &self.space))?;
            rows.note_sync(begun.elapsed());
            Ok(())
        });
        match &durable {
            Ok(()) => group.topics.iter().for_each(|topic| self.hub.publish(topic)),
            // Nobody's group: something was to be done between two.
            Err(_) if group.waiting.is_empty() => {}
            Err(error) => tracing::error!(%error, batches = group.waiting.len(), "nothing of a group was committed"),
        }
        for (reply, resolved) in group.waiting {
            let answer = match &durable {
                Ok(()) => resolved,
                // Even a conflict may have been with a batch that now never was.
                Err(error) => Err(copy_of(error)),
            };
            // Nobody may be waiting any more: a client that went away.
            drop(reply.send(answer));
        }
        bound_replay(&self.versions, &self.space, self.max_replay_bytes);
    }

    /// Has the thread that waits for requests look at the store, which it is to open again.
    fn wake(&self) {
        if let Some(queue) = self.queue.upgrade() {
            // Where there is no room it does not wait.
            drop(queue.try_send(Request::Between(Box::new(|_| ()))));
        }
    }

    /// Closes the engine, once what the other thread writes is written.
    fn close(&self, deadline: &Deadline) {
        let _nobody_writes = self.rows.lock();
        deadline.watch(|| self.versions.close());
    }
}
