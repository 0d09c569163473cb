//! One reader's moment.

use super::{Turn, Turns, Versions, alive};
use crate::store::{Result, Rows};

/// Rows that one call asks of the engine.
const CHUNK: usize = 500;

/// The durable rows as they were when it was made, for as long as it lives.
#[derive(Debug)]
pub(in crate::store) struct Snapshot<'a> {
    versions: &'a Versions,
    turn: Turn,
}

impl<'a> Snapshot<'a> {
    pub(super) fn of(versions: &'a Versions, turns: &mut Turns) -> Self {
        let turn = turns.durable;
        *turns.readers.entry(turn).or_default() += 1;
        Snapshot { versions, turn }
    }

    pub(in crate::store) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let engine = self.versions.engine.read();
        let row = alive(&engine)?.get(key)?;
        match self.versions.notes.read().at(key, self.turn)? {
            Some(old) => Ok(old.clone()),
            None => Ok(row),
        }
    }

    pub(in crate::store) fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut found = Rows::new();
        let mut from = from.to_vec();
        while found.len() < limit && from.as_slice() < to {
            let want = CHUNK.min(limit - found.len());
            let engine = self.versions.engine.read();
            let rows = alive(&engine)?.range(&from, to, want)?;
            let end = match rows.last() {
                Some((last, _)) if rows.len() == want => [last.as_slice(), &[0]].concat(),
                _ => to.to_vec(),
            };
            found.extend(self.versions.notes.read().correct(rows, &from, &end, self.turn)?);
            from = end;
        }
        found.truncate(limit);
        Ok(found)
    }

    pub(in crate::store) fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Rows> {
        let mut found = Rows::new();
        let mut to = to.to_vec();
        while found.len() < limit && from < to.as_slice() {
            let want = CHUNK.min(limit - found.len());
            let engine = self.versions.engine.read();
            let mut rows = alive(&engine)?.range_back(from, &to, want)?;
            let begin = match rows.last() {
                Some((last, _)) if rows.len() == want => last.clone(),
                _ => from.to_vec(),
            };
            rows.reverse();
            let mut rows = self.versions.notes.read().correct(rows, &begin, &to, self.turn)?;
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
        let was_oldest_and_behind = {
            let mut turns = self.versions.turns.lock();
            let Some(readers) = turns.readers.get_mut(&self.turn) else { return };
            *readers -= 1;
            if *readers > 0 {
                return;
            }
            turns.readers.remove(&self.turn);
            self.turn < turns.durable && turns.readers.keys().next().is_none_or(|oldest| *oldest > self.turn)
        };
        if was_oldest_and_behind {
            // Else an idle store would keep what a long reading needed until the next commit.
            self.versions.settle();
        }
    }
}
