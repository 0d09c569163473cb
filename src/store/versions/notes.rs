//! The old values of rows that changed while somebody was reading.
//!
//! A note is kept as long as a reader needs it, not as long as the reader lives: of a counter that changed a
//! thousand times during one long reading only the value from before the reading stays. What is left (above all
//! that rows were not there yet) is bounded: a reader for whom it becomes too much is given up, and told so.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use smallvec::SmallVec;

use super::super::{Error, Result, Rows};
use super::Turn;

/// What a row held, or that there was none.
pub(super) type OldValue = Option<Vec<u8>>;

type Key = Arc<[u8]>;

/// What a note takes besides key and value, bytes; a little more than measured.
const NOTE_OVERHEAD_BYTES: u64 = 120;

/// What a group keeps for each key, bytes.
const ENTRY_BYTES: u64 = size_of::<Key>() as u64;

#[derive(Debug, Default)]
pub(super) struct Notes {
    /// For each key, in ascending order: the group that changed it and the value it had before.
    by_key: BTreeMap<Key, SmallVec<[(Turn, OldValue); 1]>>,
    /// Which keys a group touched, oldest group first.
    groups: VecDeque<(Turn, Vec<Key>)>,
    /// About what all this takes in memory.
    bytes: u64,
    /// Readers from before this turn were given up: their notes are gone.
    floor: Turn,
}

impl Notes {
    /// Notes what the rows held before the group of this turn.
    pub(super) fn add(&mut self, turn: Turn, old: Vec<(Vec<u8>, OldValue)>) {
        let mut keys = Vec::with_capacity(old.len());
        for (key, value) in old {
            let key: Key = key.into();
            self.bytes += cost(&key, &value) + ENTRY_BYTES;
            self.by_key.entry(Arc::clone(&key)).or_default().push((turn, value));
            keys.push(key);
        }
        self.groups.push_back((turn, keys));
    }

    /// What the last group found, if it is the one of this turn.
    pub(super) fn before(&self, turn: Turn) -> Vec<(Vec<u8>, OldValue)> {
        let Some((_, keys)) = self.groups.back().filter(|(last, _)| *last == turn) else { return Vec::new() };
        let last = |key: &Key| Some((key.to_vec(), self.by_key.get(key)?.last()?.1.clone()));
        keys.iter().filter_map(last).collect()
    }

    /// Takes back what was noted for the last group.
    pub(super) fn take_back(&mut self, turn: Turn) {
        if let Some((_, keys)) = self.groups.pop_back_if(|(last, _)| *last == turn) {
            self.drop_group(turn, &keys);
        }
    }

    /// Drops what none of the readers needs; `readers` are their turns, ascending, as they were when `durable` was
    /// the last durable turn. A group that was noted since then is not touched: whoever begins to read before it is
    /// durable needs all of it.
    pub(super) fn settle(&mut self, readers: &[Turn], durable: Turn) {
        let readers = self.standing(readers);
        self.forget(readers.first().copied().unwrap_or(durable));
        if let Some((turn, keys)) = self.groups.pop_back_if(|(turn, _)| *turn <= durable) {
            keys.iter().for_each(|key| self.thin(key, readers));
            self.groups.push_back((turn, keys));
        }
    }

    /// Gives up the oldest readers until the notes of the others fit into `max_bytes`. Answers how many turns of
    /// readers were given up.
    pub(super) fn bound(&mut self, max_bytes: u64, readers: &[Turn], durable: Turn) -> usize {
        let readers = self.standing(readers);
        let mut given_up = 0;
        while self.bytes > max_bytes && given_up < readers.len() {
            given_up += 1;
            self.floor = readers.get(given_up).copied().unwrap_or(durable);
            self.forget(self.floor);
        }
        given_up
    }

    /// What the key held at `turn`, if a later group changed it.
    ///
    /// # Errors
    /// The reader was given up.
    pub(super) fn at(&self, key: &[u8], turn: Turn) -> Result<Option<&OldValue>> {
        self.check(turn)?;
        Ok(self.by_key.get(key).and_then(|notes| first_after(notes, turn)))
    }

    /// Puts the old values of the keys in `from..to` in place of the engine's rows.
    ///
    /// # Errors
    /// The reader was given up.
    pub(super) fn correct(&self, rows: Rows, from: &[u8], to: &[u8], turn: Turn) -> Result<Rows> {
        self.check(turn)?;
        if self.by_key.is_empty() || from >= to {
            return Ok(rows);
        }
        let mut noted = self
            .by_key
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
            .filter_map(|(key, notes)| Some((key, first_after(notes, turn)?)))
            .peekable();
        if noted.peek().is_none() {
            return Ok(rows);
        }
        let mut corrected: BTreeMap<_, _> = rows.into_iter().collect();
        for (key, old) in noted {
            match old {
                Some(value) => corrected.insert(key.to_vec(), value.clone()),
                None => corrected.remove(&key[..]),
            };
        }
        Ok(corrected.into_iter().collect())
    }

    /// About what the notes take in memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn check(&self, turn: Turn) -> Result<()> {
        if turn < self.floor { Err(Error::SnapshotTooOld) } else { Ok(()) }
    }

    /// The readers that were not given up.
    fn standing<'a>(&self, readers: &'a [Turn]) -> &'a [Turn] {
        readers.get(readers.partition_point(|reader| *reader < self.floor)..).unwrap_or_default()
    }

    /// Drops the groups that every reader has seen.
    fn forget(&mut self, oldest: Turn) {
        while let Some((turn, keys)) = self.groups.pop_front_if(|(turn, _)| *turn <= oldest) {
            self.drop_group(turn, &keys);
        }
    }

    fn drop_group(&mut self, turn: Turn, keys: &[Key]) {
        self.bytes = self.bytes.saturating_sub(ENTRY_BYTES * keys.len() as u64);
        for key in keys {
            self.keep(key, |noted, _| noted != turn);
        }
    }

    /// A note is for the readers between the change before it and its own: without any it may go. Whoever begins
    /// to read from now on sees the newest value.
    fn thin(&mut self, key: &Key, readers: &[Turn]) {
        self.keep(key, |turn, before| {
            let next = readers.partition_point(|reader| *reader < before);
            readers.get(next).is_some_and(|reader| *reader < turn)
        });
    }

    /// Keeps the notes of a key for which `needed(turn, turn of the note before)` holds.
    fn keep(&mut self, key: &Key, needed: impl Fn(Turn, Turn) -> bool) {
        let Some(notes) = self.by_key.get_mut(key) else { return };
        let mut before = 0;
        let mut freed = 0;
        notes.retain(|(turn, old)| {
            let keep = needed(*turn, before);
            before = *turn;
            freed += if keep { 0 } else { cost(key, old) };
            keep
        });
        if notes.is_empty() {
            self.by_key.remove(key);
        }
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

fn first_after(notes: &[(Turn, OldValue)], turn: Turn) -> Option<&OldValue> {
    notes.iter().find(|(changed, _)| *changed > turn).map(|(_, old)| old)
}

fn cost(key: &[u8], old: &OldValue) -> u64 {
    (key.len() + old.as_ref().map_or(0, Vec::len)) as u64 + NOTE_OVERHEAD_BYTES
}
