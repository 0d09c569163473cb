//! What readers may see: durable rows only, and all of one reader's rows from the same moment (DESIGN 6).
//!
//! The engine shows a batch as soon as it is applied, before it is on stable storage. So the committer first
//! notes the old value of every key that a group touches, and readers look into the engine and then into the
//! notes: whatever the engine showed them too early was noted before it was applied. A note stays as long as a
//! reader that began before the group needs it, so that its picture does not change under it.
//!
//! The lock of the engine is written only to put another engine in its place: opened anew after a failure or so that
//! the next start has less to read ([`super::replay`]), or a fresh one with the same rows ([`super::rewrite`]). Notes
//! are by key, so they hold for either. The lock of the notes is never held while the engine works: the committer
//! does not wait for the disk of a reader.

mod notes;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use super::commit::counter;
use super::engine::{Changes, Engine, NotAdopted, Opener};
use super::{Error, Result, keys};
use notes::Notes;
pub(super) use snapshot::Snapshot;

/// The row that says how many bytes the rows have is written when that changed by this much.
const LIVE_STEP_BYTES: i64 = 1 << 20;

/// Rows as they were before a group, as far as they were read for it: they need not be read again.
pub(super) type Before = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// The number of a group of batches; they become durable in this order.
pub(super) type Turn = u64;

/// The engine together with the notes.
#[derive(Debug)]
pub(super) struct Versions {
    opener: Box<dyn Opener>,
    /// `None` while it is opened anew, and until that succeeds. Locked before the notes.
    engine: RwLock<Option<Box<dyn Engine>>>,
    notes: RwLock<Notes>,
    turns: Mutex<Turns>,
    max_snapshot_bytes: u64,
    /// Keys and values of all rows, bytes; after a crash as of the last row that says so.
    live_bytes: AtomicI64,
    saved_live_bytes: AtomicI64,
    /// Old values to put back when the engine is opened again.
    to_undo: Mutex<Changes>,
}

/// A group whose rows the engine has, and which is not durable yet. The next one is applied when it is.
#[derive(Debug)]
#[must_use = "what is not made durable is never seen"]
pub(super) struct Applied {
    turn: Turn,
    changes: Changes,
    /// What the rows have with it, bytes.
    live_bytes: i64,
}

#[derive(Debug, Default)]
struct Turns {
    durable: Turn,
    readers: BTreeMap<Turn, usize>,
    /// The keys that groups changed since they were last taken, while somebody copies the rows.
    touched: Option<BTreeSet<Vec<u8>>>,
}

/// While it lives the keys of every durable group are collected for [`Versions::take_touched`].
#[derive(Debug)]
pub(super) struct Touching<'a>(&'a Versions);

/// What a fresh engine brings when it takes the place of the live one.
#[derive(Debug)]
pub(super) struct Heir {
    pub(super) engine: Box<dyn Engine>,
    /// Keys and values of all its rows, bytes.
    pub(super) live_bytes: i64,
}

impl Versions {
    pub(super) fn open(opener: Box<dyn Opener>, max_snapshot_bytes: u64) -> Result<Self> {
        let engine = opener.open()?;
        let live_bytes = counter(engine.get(&live_bytes_key())?.as_deref())?;
        Ok(Versions {
            opener,
            engine: RwLock::new(Some(engine)),
            notes: RwLock::default(),
            turns: Mutex::default(),
            max_snapshot_bytes,
            live_bytes: AtomicI64::new(live_bytes),
            saved_live_bytes: AtomicI64::new(live_bytes),
            to_undo: Mutex::default(),
        })
    }

    pub(super) fn opener(&self) -> &dyn Opener {
        self.opener.as_ref()
    }

    /// The durable rows as they are now.
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::of(self, &mut self.turns.lock())
    }

    /// The newest row, durable or not: for the committer, who alone changes rows.
    pub(super) fn newest(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        alive(&self.engine.read())?.get(key)
    }

    pub(super) fn disk_bytes(&self) -> Result<u64> {
        alive(&self.engine.read())?.disk_bytes()
    }

    /// Keys and values of all rows, bytes. Known to a MiB for each crash since the rows were last rewritten.
    pub(super) fn live_bytes(&self) -> u64 {
        u64::try_from(self.live_bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Gives a group of changes to the engine; nobody sees them before they are durable. Called by the committer alone,
    /// when the group before is durable or undone.
    ///
    /// # Errors
    /// The engine failed. Then it was closed and opened anew, the group was undone, and none of it was ever
    /// visible; if that failed too, the store is closed until [`Versions::revive`] succeeds.
    pub(super) fn apply(&self, mut changes: Changes, before: Before) -> Result<Applied> {
        let turn = self.turns.lock().durable + 1;
        let live_bytes = self.note_old_values(turn, &mut changes, before)?;
        let applied = alive(&self.engine.read()).and_then(|engine| engine.apply(&changes));
        self.undo_unless(turn, applied)?;
        Ok(Applied { turn, changes, live_bytes })
    }

    /// Makes what was applied durable, and visible only then.
    ///
    /// # Errors
    /// As [`Versions::apply`].
    pub(super) fn make_durable(&self, Applied { turn, changes, live_bytes }: Applied) -> Result<()> {
        let synced = alive(&self.engine.read()).and_then(Engine::sync);
        self.undo_unless(turn, synced)?;
        self.live_bytes.store(live_bytes, Ordering::Relaxed);
        if changes.contains_key(&live_bytes_key()) {
            self.saved_live_bytes.store(live_bytes, Ordering::Relaxed);
        }
        let mut turns = self.turns.lock();
        turns.durable = turn;
        if let Some(touched) = &mut turns.touched {
            touched.extend(changes.into_keys());
        }
        drop(turns);
        self.settle();
        Ok(())
    }

    /// Both for one group.
    ///
    /// # Errors
    /// As [`Versions::apply`].
    pub(super) fn commit(&self, changes: Changes, before: Before) -> Result<()> {
        self.make_durable(self.apply(changes, before)?)
    }

    fn undo_unless(&self, turn: Turn, written: Result<()>) -> Result<()> {
        written.inspect_err(|error| {
            tracing::error!(%error, "a write failed; opening the engine anew");
            self.reopen(Some(turn));
        })
    }

    /// Answers how many bytes the rows will have, and adds that to the changes when it is time to.
    fn note_old_values(&self, turn: Turn, changes: &mut Changes, mut before: Before) -> Result<i64> {
        let mut live_bytes = self.live_bytes.load(Ordering::Relaxed);
        let old = {
            let engine = self.engine.read();
            let engine = alive(&engine)?;
            let mut old = Vec::with_capacity(changes.len() + 1);
            for (key, new) in changes.iter() {
                let (key, before) = match before.remove_entry(key) {
                    Some(read) => read,
                    None => (key.clone(), engine.get(key)?),
                };
                live_bytes += row_bytes(&key, new.as_deref()) - row_bytes(&key, before.as_deref());
                old.push((key, before));
            }
            if (live_bytes - self.saved_live_bytes.load(Ordering::Relaxed)).abs() >= LIVE_STEP_BYTES {
                let key = live_bytes_key();
                old.push((key.clone(), engine.get(&key)?));
                changes.insert(key, Some(live_bytes.to_be_bytes().to_vec()));
            }
            old
        };
        self.notes.write().add(turn, old);
        Ok(live_bytes)
    }

    /// Drops the notes that no reader needs any more, and readers for whom too much would have to be kept.
    fn settle(&self) {
        let (readers, durable) = {
            let turns = self.turns.lock();
            (turns.readers.keys().copied().collect::<Vec<_>>(), turns.durable)
        };
        let mut notes = self.notes.write();
        notes.settle(&readers, durable);
        let given_up = notes.bound(self.max_snapshot_bytes, &readers, durable);
        if given_up > 0 {
            tracing::warn!(limit = self.max_snapshot_bytes, "a reading took too long and was given up");
        }
    }

    /// Opens the engine anew. After a failed write nobody knows what it holds: then what was there before the group
    /// is put back. Never "sync again and call it done".
    fn reopen(&self, undo: Option<Turn>) {
        // Held until the notes are gone too, so that no reader sees the failed group without them.
        let mut engine = self.engine.write();
        close(engine.take());
        let before = undo.map(|turn| self.notes.read().before(turn)).unwrap_or_default();
        self.to_undo.lock().extend(before);
        self.open_again(&mut engine);
        if let Some(turn) = undo {
            self.notes.write().take_back(turn);
        }
    }

    /// The last group that is durable.
    pub(super) fn last_turn(&self) -> Turn {
        self.turns.lock().durable
    }

    /// What a start would have to read because it was written since the engine was opened, bytes.
    pub(super) fn replay_bytes(&self) -> Result<u64> {
        alive(&self.engine.read())?.replay_bytes()
    }

    /// Closes the engine and opens it again, so that a start has less to read; everybody waits meanwhile. Called by
    /// the committer alone, between two groups.
    pub(super) fn shorten_replay(&self) {
        let begun = Instant::now();
        self.reopen(None);
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(took_ms, "the row engine was opened anew, so that a start has less to read");
    }

    fn open_again(&self, engine: &mut Option<Box<dyn Engine>>) {
        let mut to_undo = self.to_undo.lock();
        let reopened = self.opener.open().and_then(|engine| {
            let changed = to_undo
                .iter()
                .try_fold(false, |changed, (key, old)| Ok::<_, Error>(changed || engine.get(key)? != *old))?;
            if changed {
                engine.apply(&to_undo)?;
            }
            engine.sync()?;
            Ok(engine)
        });
        match reopened {
            Ok(reopened) => {
                *engine = Some(reopened);
                to_undo.clear();
            }
            Err(error) => tracing::error!(%error, "the engine cannot be opened again now; the store is closed"),
        }
    }

    /// Closes the engine for good; nobody reads any more. Called by the committer alone.
    pub(super) fn close(&self) {
        close(self.engine.write().take());
    }

    /// The engine could not be opened again after a failure.
    pub(super) fn is_closed(&self) -> bool {
        self.engine.read().is_none()
    }

    /// Tries that once more: a full disk may have room again. Called by the committer alone.
    pub(super) fn revive(&self) {
        let mut engine = self.engine.write();
        if engine.is_none() {
            self.open_again(&mut engine);
            if engine.is_some() {
                tracing::warn!("the engine is open again");
            }
        }
    }

    /// Begins to collect the keys that groups change.
    pub(super) fn touching(&self) -> Touching<'_> {
        self.turns.lock().touched = Some(BTreeSet::new());
        Touching(self)
    }

    /// How many keys were collected.
    pub(super) fn count_touched(&self) -> usize {
        self.turns.lock().touched.as_ref().map_or(0, BTreeSet::len)
    }

    /// The keys that groups changed since this was last called, and the rows as those groups left them: what is
    /// changed later is collected anew.
    pub(super) fn take_touched(&self) -> (Snapshot<'_>, BTreeSet<Vec<u8>>) {
        let mut turns = self.turns.lock();
        let touched = turns.touched.as_mut().map(std::mem::take).unwrap_or_default();
        (Snapshot::of(self, &mut turns), touched)
    }

    /// Puts another engine with the same rows, all of them on stable storage, in the place of the live one, and
    /// answers the old one, which is to be dropped and removed. Called by the committer alone, so that nothing is
    /// being written.
    ///
    /// # Errors
    /// Then the old engine goes on. Where it is not known which of the two will be found at the next start, both
    /// are closed and that one is opened; if that fails too, the store is closed until [`Versions::revive`] succeeds.
    pub(super) fn adopt(&self, heir: Heir) -> Result<Option<Box<dyn Engine>>> {
        match self.opener.adopt(heir.engine.disk_bytes()?) {
            Ok(()) => {
                let mut engine = self.engine.write();
                self.live_bytes.store(heir.live_bytes, Ordering::Relaxed);
                self.saved_live_bytes.store(heir.live_bytes, Ordering::Relaxed);
                // The heir has durable rows only: what was to be undone in the old engine is not there.
                self.to_undo.lock().clear();
                Ok(engine.replace(heir.engine))
            }
            Err(NotAdopted::Kept(error)) => Err(error),
            Err(NotAdopted::Unsure(error)) => {
                tracing::error!(%error, "it is not certain which engine is the live one; opening it anew");
                drop(heir);
                self.reopen(None);
                Err(error)
            }
        }
    }
}

impl Drop for Touching<'_> {
    fn drop(&mut self) {
        self.0.turns.lock().touched = None;
    }
}

/// The fact of the directory that says how many bytes the rows have.
pub(super) fn live_bytes_key() -> Vec<u8> {
    keys::fact("live-bytes")
}

/// What a row counts for, bytes.
pub(super) fn row_bytes(key: &[u8], value: Option<&[u8]>) -> i64 {
    value.map_or(0, |value| i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX))
}

/// An engine that failed may fail once more when it is closed: sled syncs its log then, and panics when it cannot.
fn close(engine: Option<Box<dyn Engine>>) {
    if catch_unwind(AssertUnwindSafe(|| drop(engine))).is_err() {
        tracing::error!("the engine failed when it was closed");
    }
}

fn alive(engine: &Option<Box<dyn Engine>>) -> Result<&dyn Engine> {
    engine.as_deref().ok_or(Error::Closed)
}
