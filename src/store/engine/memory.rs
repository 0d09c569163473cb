//! An engine in memory, whose disk can be told to wait or to fail: it shows that nothing unsynced is visible
//! and that nothing unsynced survives.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Changes, Engine, Opener};
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
    synced: BTreeMap<Vec<u8>, Vec<u8>>,
    current: BTreeMap<Vec<u8>, Vec<u8>>,
    held: bool,
    waiting: usize,
    fail: Option<Failing>,
    opened: usize,
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

    /// Blocks until a sync waits: everything before it was applied, nothing of it is durable.
    pub fn wait_until_held(&self) {
        let mut state = self.shared.state.lock();
        while state.waiting == 0 {
            self.shared.changed.wait(&mut state);
        }
    }

    /// Makes one operation fail.
    pub fn fail_next(&self, what: Failing) {
        self.shared.state.lock().fail = Some(what);
    }

    /// How many times an engine was opened on this disk.
    #[must_use]
    pub fn times_opened(&self) -> usize {
        self.shared.state.lock().opened
    }
}

impl Opener for MemoryDisk {
    fn open(&self) -> Result<Box<dyn Engine>> {
        let mut state = self.shared.state.lock();
        state.opened += 1;
        state.current = state.synced.clone();
        Ok(Box::new(MemoryEngine { shared: Arc::clone(&self.shared) }))
    }
}

#[derive(Debug)]
struct MemoryEngine {
    shared: Arc<Shared>,
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.shared.state.lock().current.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let state = self.shared.state.lock();
        Ok(rows_between(&state.current, from, to)
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let state = self.shared.state.lock();
        let rows = rows_between(&state.current, from, to).rev().take(limit);
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, changes: &Changes) -> Result<()> {
        let mut state = self.shared.state.lock();
        if state.fail.take_if(|fail| *fail == Failing::Apply).is_some() {
            return Err(Error::Engine("the engine was told to fail".into()));
        }
        for (key, value) in changes {
            match value {
                Some(value) => state.current.insert(key.clone(), value.clone()),
                None => state.current.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.waiting += 1;
        self.shared.changed.notify_all();
        while state.held {
            self.shared.changed.wait(&mut state);
        }
        state.waiting -= 1;
        let fail = state.fail.take_if(|fail| *fail != Failing::Apply);
        if fail != Some(Failing::Sync) {
            state.synced = state.current.clone();
        }
        match fail {
            Some(_) => Err(io::Error::other("the disk was told to fail").into()),
            None => Ok(()),
        }
    }

    fn disk_bytes(&self) -> Result<u64> {
        let state = self.shared.state.lock();
        Ok(state.synced.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
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
