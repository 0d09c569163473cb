//! What readers may see: durable rows only, and all of one reader's rows from the same moment (DESIGN 6).
//!
//! The engine shows a batch as soon as it is applied, before it is on stable storage. So the committer first
//! notes the old value of every key that a group touches, and readers look there before they look into the
//! engine. A note stays as long as a reader that began before the group is still reading, so that its picture
//! does not change under it.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use super::engine::{Changes, Engine, Opener};
use super::{Error, Result, Rows};

/// Rows that one call asks of the engine while it holds the lock.
const CHUNK: usize = 500;

/// The number of a group of batches; they become durable in this order.
pub(super) type Turn = u64;

type OldValue = Option<Vec<u8>>;

/// The engine together with the notes.
#[derive(Debug)]
pub(super) struct Versions {
    opener: Box<dyn Opener>,
    state: RwLock<State>,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct State {
    /// `None` while it is opened anew, and for ever when that failed.
    engine: Option<Box<dyn Engine>>,
    /// For each key, in ascending order: the group that changed it and the value it had before.
    notes: BTreeMap<Vec<u8>, SmallVec<[(Turn, OldValue); 1]>>,
    /// Which keys a group touched, oldest group first.
    groups: VecDeque<(Turn, Vec<Vec<u8>>)>,
}

#[derive(Debug, Default)]
struct Turns {
    durable: Turn,
    readers: BTreeMap<Turn, usize>,
}

/// One reader's moment.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    versions: &'a Versions,
    turn: Turn,
}

impl Versions {
    pub(super) fn open(opener: Box<dyn Opener>) -> Result<Self> {
        let engine = Some(opener.open()?);
        let state = State { engine, notes: BTreeMap::new(), groups: VecDeque::new() };
        Ok(Versions { opener, state: RwLock::new(state), turns: Mutex::default() })
    }

    /// The durable rows as they are now.
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        let mut turns = self.turns.lock();
        let turn = turns.durable;
        *turns.readers.entry(turn).or_default() += 1;
        Snapshot { versions: self, turn }
    }

    /// The newest row, durable or not: for the committer, who alone changes rows.
    pub(super) fn newest(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.state.read().engine()?.get(key)
    }

    pub(super) fn disk_bytes(&self) -> Result<u64> {
        self.state.read().engine()?.disk_bytes()
    }

    /// Makes a group of changes durable, and visible only then. Called by the committer alone.
    ///
    /// # Errors
    /// The engine failed. Then it was closed and opened anew, the group was undone, and none of it was ever
    /// visible; if that failed too, the store is closed for good.
    pub(super) fn commit(&self, changes: &Changes) -> Result<()> {
        let turn = self.turns.lock().durable + 1;
        self.note_old_values(turn, changes)?;
        let written = {
            let state = self.state.read();
            state.engine().and_then(|engine| engine.apply(changes).and_then(|()| engine.sync()))
        };
        match written {
            Ok(()) => {
                self.turns.lock().durable = turn;
                self.forget();
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "a write failed; opening the engine anew");
                self.reopen_before(turn);
                Err(error)
            }
        }
    }

    fn note_old_values(&self, turn: Turn, changes: &Changes) -> Result<()> {
        let old = {
            let state = self.state.read();
            let engine = state.engine()?;
            changes.keys().map(|key| Ok((key.clone(), engine.get(key)?))).collect::<Result<Vec<_>>>()?
        };
        let mut state = self.state.write();
        state.groups.push_back((turn, changes.keys().cloned().collect()));
        for (key, value) in old {
            state.notes.entry(key).or_default().push((turn, value));
        }
        Ok(())
    }

    /// Drops the notes that no reader needs any more.
    fn forget(&self) {
        let oldest = {
            let turns = self.turns.lock();
            turns.readers.keys().next().copied().unwrap_or(turns.durable)
        };
        let mut state = self.state.write();
        while state.groups.front().is_some_and(|(turn, _)| *turn <= oldest) {
            let Some((turn, keys)) = state.groups.pop_front() else { break };
            state.drop_notes(turn, keys);
        }
    }

    /// After a failed write nobody knows what the engine holds: open it anew and put back what was there
    /// before the group. Never "sync again and call it done".
    fn reopen_before(&self, turn: Turn) {
        let mut state = self.state.write();
        state.engine = None;
        let Some((turn, keys)) = state.groups.pop_back().filter(|(last, _)| *last == turn) else { return };
        let before: Changes =
            keys.iter().filter_map(|key| Some((key.clone(), state.notes.get(key)?.last()?.1.clone()))).collect();
        let reopened = self.opener.open().and_then(|engine| {
            let changed = before
                .iter()
                .try_fold(false, |changed, (key, old)| Ok::<_, Error>(changed || engine.get(key)? != *old))?;
            if changed {
                engine.apply(&before)?;
            }
            engine.sync()?;
            Ok(engine)
        });
        match reopened {
            Ok(engine) => state.engine = Some(engine),
            Err(error) => tracing::error!(%error, "the engine cannot be opened again; the store is closed"),
        }
        state.drop_notes(turn, keys);
    }
}

impl State {
    fn engine(&self) -> Result<&dyn Engine> {
        self.engine.as_deref().ok_or(Error::Closed)
    }

    fn drop_notes(&mut self, turn: Turn, keys: Vec<Vec<u8>>) {
        for key in keys {
            if let Some(notes) = self.notes.get_mut(&key) {
                notes.retain(|(noted, _)| *noted != turn);
                if notes.is_empty() {
                    self.notes.remove(&key);
                }
            }
        }
    }

    /// What the key held at `turn`, if a later group changed it.
    fn noted(&self, key: &[u8], turn: Turn) -> Option<&OldValue> {
        self.notes.get(key).and_then(|notes| first_after(notes, turn))
    }

    /// Puts the old values of the keys in `from..to` in place of the engine's rows.
    fn correct(&self, rows: Rows, from: &[u8], to: &[u8], turn: Turn) -> Vec<(Vec<u8>, Vec<u8>)> {
        if self.notes.is_empty() || from >= to {
            return rows;
        }
        let mut noted = self
            .notes
            .range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)))
            .filter_map(|(key, notes)| Some((key, first_after(notes, turn)?)))
            .peekable();
        if noted.peek().is_none() {
            return rows;
        }
        let mut corrected: BTreeMap<_, _> = rows.into_iter().collect();
        for (key, old) in noted {
            match old {
                Some(value) => corrected.insert(key.clone(), value.clone()),
                None => corrected.remove(key),
            };
        }
        corrected.into_iter().collect()
    }
}

fn first_after(notes: &[(Turn, OldValue)], turn: Turn) -> Option<&OldValue> {
    notes.iter().find(|(changed, _)| *changed > turn).map(|(_, old)| old)
}

impl Snapshot<'_> {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let state = self.versions.state.read();
        match state.noted(key, self.turn) {
            Some(old) => Ok(old.clone()),
            None => state.engine()?.get(key),
        }
    }

    pub(super) fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut found = Rows::new();
        let mut from = from.to_vec();
        while found.len() < limit && from.as_slice() < to {
            let want = CHUNK.min(limit - found.len());
            let state = self.versions.state.read();
            let rows = state.engine()?.range(&from, to, want)?;
            let end = match rows.last() {
                Some((last, _)) if rows.len() == want => [last.as_slice(), &[0]].concat(),
                _ => to.to_vec(),
            };
            found.extend(state.correct(rows, &from, &end, self.turn));
            from = end;
        }
        found.truncate(limit);
        Ok(found)
    }

    pub(super) fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut found = Rows::new();
        let mut to = to.to_vec();
        while found.len() < limit && from < to.as_slice() {
            let want = CHUNK.min(limit - found.len());
            let state = self.versions.state.read();
            let mut rows = state.engine()?.range_back(from, &to, want)?;
            let begin = match rows.last() {
                Some((last, _)) if rows.len() == want => last.clone(),
                _ => from.to_vec(),
            };
            rows.reverse();
            let mut rows = state.correct(rows, &begin, &to, self.turn);
            rows.reverse();
            found.extend(rows);
            to = begin;
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let mut turns = self.versions.turns.lock();
        if let Some(readers) = turns.readers.get_mut(&self.turn) {
            *readers -= 1;
            if *readers == 0 {
                turns.readers.remove(&self.turn);
            }
        }
    }
}
