//! An engine in memory, whose disk can be told to wait or to fail: it shows that nothing unsynced is visible
//! and that nothing unsynced survives.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Changes, Engine, NotAdopted, Opener};
use crate::store::{Error, Result, Rows};

/// The "disk" of memory engines: what is synced survives closing. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    live: Rowset,
    fresh: Option<Rowset>,
    /// The number of the live rows; an engine that was opened on others is the fresh one or an old one.
    generation: usize,
    held: bool,
    /// Syncs that go through although others are held.
    passes: usize,
    waiting: usize,
    fail: Option<Failing>,
    opened: usize,
    /// Keys and values of the changes since the live engine was opened, bytes.
    applied_bytes: u64,
    refusing: bool,
}

/// The rows of one engine.
#[derive(Debug, Default)]
struct Rowset {
    synced: BTreeMap<Vec<u8>, Vec<u8>>,
    current: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What goes wrong next, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failing {
    /// The next batch is not applied.
    Apply,
    /// The next sync fails; what was applied is gone when the engine is opened anew.
    Sync,
    /// The next sync fails, although everything reached the disk.
    SyncAfterWriting,
    /// No fresh engine can be made.
    Fresh,
    /// Rows cannot be copied into the fresh engine.
    FreshLoad,
    /// The fresh engine's next sync fails.
    FreshSync,
    /// The fresh engine cannot be opened again.
    FreshReopen,
    /// The fresh engine cannot be adopted.
    Adopt,
    /// It is not known whether the fresh engine was adopted, and it was not.
    AdoptUnsure,
    /// It is not known whether the fresh engine was adopted, and it was.
    AdoptUnsureAfterwards,
}

impl MemoryDisk {
    /// From now on a sync waits for [`MemoryDisk::release_sync`].
    pub fn hold_sync(&self) {
        self.shared.state.lock().held = true;
    }

    /// Lets waiting syncs, and all later ones, through.
    pub fn release_sync(&self) {
        self.shared.state.lock().held = false;
        self.shared.changed.notify_all();
    }

    /// Lets one sync through, and goes on holding those behind it.
    pub fn let_one_through(&self) {
        self.shared.state.lock().passes += 1;
        self.shared.changed.notify_all();
    }

    /// Blocks until a sync waits: everything before it was applied, nothing of it is durable.
    pub fn wait_until_held(&self) {
        let mut state = self.shared.state.lock();
        while state.waiting == 0 {
            self.shared.changed.wait(&mut state);
        }
    }

    /// Whether the live engine cannot be opened, from now on.
    pub fn refuse_opening(&self, refuse: bool) {
        self.shared.state.lock().refusing = refuse;
    }

    /// Makes one operation fail.
    pub fn fail_next(&self, what: Failing) {
        self.shared.state.lock().fail = Some(what);
    }

    /// How many times a live engine was opened on this disk.
    #[must_use]
    pub fn times_opened(&self) -> usize {
        self.shared.state.lock().opened
    }

    /// How many times a fresh engine took the place of the live one.
    #[must_use]
    pub fn times_adopted(&self) -> usize {
        self.shared.state.lock().generation
    }

    /// Whether there is an engine that is not the live one.
    #[must_use]
    pub fn has_left_over(&self) -> bool {
        self.shared.state.lock().fresh.is_some()
    }
}

impl State {
    fn fails(&mut self, how: Failing) -> bool {
        self.fail.take_if(|fail| *fail == how).is_some()
    }

    /// The rows of the engine of this generation; `None` for one that was removed.
    fn rows(&mut self, generation: usize) -> Result<&mut Rowset> {
        let rows = match generation {
            live if live == self.generation => Some(&mut self.live),
            _ => self.fresh.as_mut(),
        };
        rows.ok_or_else(|| Error::Engine("the rows were removed".into()))
    }
}

impl Opener for MemoryDisk {
    fn open(&self) -> Result<Box<dyn Engine>> {
        let mut state = self.shared.state.lock();
        if state.refusing {
            return Err(told_to_fail());
        }
        state.opened += 1;
        state.applied_bytes = 0;
        state.live.current = state.live.synced.clone();
        Ok(Box::new(MemoryEngine { shared: Arc::clone(&self.shared), generation: state.generation }))
    }

    fn fresh(&self) -> Result<Box<dyn Engine>> {
        let mut state = self.shared.state.lock();
        if state.fails(Failing::Fresh) {
            return Err(told_to_fail());
        }
        state.fresh = Some(Rowset::default());
        Ok(Box::new(MemoryEngine { shared: Arc::clone(&self.shared), generation: state.generation + 1 }))
    }

    fn reopen_fresh(&self, fresh: Box<dyn Engine>) -> Result<Box<dyn Engine>> {
        let mut state = self.shared.state.lock();
        if state.fails(Failing::FreshReopen) {
            return Err(told_to_fail());
        }
        if let Some(rows) = &mut state.fresh {
            rows.current = rows.synced.clone();
        }
        Ok(fresh)
    }

    fn adopt(&self, _: u64) -> std::result::Result<(), NotAdopted> {
        let mut state = self.shared.state.lock();
        if state.fails(Failing::Adopt) {
            return Err(NotAdopted::Kept(told_to_fail()));
        }
        if state.fails(Failing::AdoptUnsure) {
            return Err(NotAdopted::Unsure(told_to_fail()));
        }
        let unsure = state.fails(Failing::AdoptUnsureAfterwards);
        let state = &mut *state;
        let fresh = state.fresh.as_mut().ok_or_else(|| NotAdopted::Kept(told_to_fail()))?;
        std::mem::swap(&mut state.live, fresh);
        state.generation += 1;
        if unsure { Err(NotAdopted::Unsure(told_to_fail())) } else { Ok(()) }
    }

    fn sweep(&self) -> Result<()> {
        self.shared.state.lock().fresh = None;
        Ok(())
    }

    fn adopted_bytes(&self) -> Result<u64> {
        Ok(0)
    }

    fn is_of_the_chosen_kind(&self) -> Result<bool> {
        Ok(true)
    }
}

#[derive(Debug)]
struct MemoryEngine {
    shared: Arc<Shared>,
    generation: usize,
}

impl MemoryEngine {
    fn is_live(&self, state: &State) -> bool {
        self.generation == state.generation
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.shared.state.lock().rows(self.generation)?.current.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut state = self.shared.state.lock();
        let rows = rows_between(&state.rows(self.generation)?.current, from, to).take(limit);
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut state = self.shared.state.lock();
        let rows = rows_between(&state.rows(self.generation)?.current, from, to).rev().take(limit);
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, changes: &Changes) -> Result<()> {
        let mut state = self.shared.state.lock();
        let failing = if self.is_live(&state) { Failing::Apply } else { Failing::FreshLoad };
        if state.fails(failing) {
            return Err(Error::Engine("the engine was told to fail".into()));
        }
        if self.is_live(&state) {
            let lengths = changes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
            state.applied_bytes += lengths.sum::<usize>() as u64;
        }
        let rows = state.rows(self.generation)?;
        for (key, value) in changes {
            match value {
                Some(value) => rows.current.insert(key.clone(), value.clone()),
                None => rows.current.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        if self.is_live(&state) {
            state.waiting += 1;
            self.shared.changed.notify_all();
            while state.held && state.passes == 0 {
                self.shared.changed.wait(&mut state);
            }
            state.passes = state.passes.saturating_sub(1);
            state.waiting -= 1;
        } else if state.fails(Failing::FreshSync) {
            return Err(told_to_fail());
        }
        let live = self.is_live(&state);
        let lost = live && state.fails(Failing::Sync);
        let unsure = live && state.fails(Failing::SyncAfterWriting);
        if !lost {
            let rows = state.rows(self.generation)?;
            rows.synced = rows.current.clone();
        }
        if lost || unsure { Err(told_to_fail()) } else { Ok(()) }
    }

    fn replay_bytes(&self) -> Result<u64> {
        Ok(self.shared.state.lock().applied_bytes)
    }

    fn disk_bytes(&self) -> Result<u64> {
        let mut state = self.shared.state.lock();
        let synced = &state.rows(self.generation)?.synced;
        Ok(synced.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
}

fn told_to_fail() -> Error {
    io::Error::other("the disk was told to fail").into()
}

fn rows_between<'a>(
    rows: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    from: &[u8],
    to: &[u8],
) -> impl DoubleEndedIterator<Item = (&'a Vec<u8>, &'a Vec<u8>)> {
    // An empty range is no range to a BTreeMap: it panics when the bounds are the wrong way round.
    let to = to.max(from).to_vec();
    rows.range(from.to_vec()..to)
}
