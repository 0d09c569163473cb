//! Which packs are being emptied, so that no row goes on naming a record in a pack that is taken away.
//!
//! Compaction copies what rows name in a pack and renames it in those rows. Meanwhile the committer goes on: a
//! batch that was put together from a row as it was before names a record at its old place. If the record has
//! moved, the place is corrected; if it has not yet, the key is noted, and compaction looks at it before it
//! takes the pack away. After that a row that names something in the pack is refused, and its writer reads anew.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::packs::RecordRef;
use super::super::{Error, Result, keys};

/// See the module's text. The committer owns it.
#[derive(Debug, Default)]
pub(in crate::store) struct Moving {
    emptying: HashSet<u32>,
    retired: HashSet<u32>,
    /// Where records of the packs being emptied went.
    moved: HashMap<RecordRef, RecordRef>,
    /// The same of the packs that were emptied before these.
    moved_before: HashMap<RecordRef, RecordRef>,
    touched: BTreeSet<Vec<u8>>,
    released_bytes: u64,
}

impl Moving {
    /// From now on rows that name records in these packs are noted.
    ///
    /// Where records went before is still known for those moved last: who made a batch from older rows is refused
    /// and reads anew.
    pub(in crate::store) fn begin(&mut self, packs: &[u32]) {
        self.emptying.extend(packs);
        self.moved_before = std::mem::take(&mut self.moved);
    }

    /// The keys noted since the last call.
    pub(in crate::store) fn touched(&mut self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.touched)
    }

    /// The packs are empty, unless keys were noted since the last look: then those.
    pub(in crate::store) fn retire(&mut self, packs: &[u32]) -> std::result::Result<(), BTreeSet<Vec<u8>>> {
        if !self.touched.is_empty() {
            return Err(self.touched());
        }
        self.emptying.clear();
        self.retired.extend(packs);
        Ok(())
    }

    /// No pack is being emptied any more; what was not retired stays as it is.
    pub(in crate::store) fn abandon(&mut self) {
        self.emptying.clear();
        self.touched.clear();
    }

    /// Where records moved to need not be known any more: who read the rows before is done with them.
    pub(in crate::store) fn forget_moves(&mut self) {
        self.moved = HashMap::new();
        self.moved_before = HashMap::new();
    }

    /// Bytes of bodies that rows stopped naming since the last call.
    pub(in crate::store) fn take_released(&mut self) -> u64 {
        std::mem::take(&mut self.released_bytes)
    }

    pub(super) fn note_release(&mut self, bytes: u64) {
        self.released_bytes += bytes;
    }

    pub(super) fn is_retired(&self, pack: u32) -> bool {
        self.retired.contains(&pack)
    }

    pub(super) fn note_move(&mut self, from: RecordRef, to: RecordRef) {
        self.moved.insert(from, to);
    }

    /// Corrects a row that is about to be put.
    ///
    /// # Errors
    /// `Conflict` when it names a record of a pack that is gone.
    pub(super) fn correct(&mut self, key: &[u8], row: &mut [u8]) -> Result<()> {
        if self.emptying.is_empty() && self.retired.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = keys::records_named(key, row).collect();
        for place in named {
            let now = self.now_at(place);
            if self.retired.contains(&now.pack) {
                return Err(Error::Conflict(key.to_vec()));
            }
            if now != place {
                keys::rename_record(key, row, place, now);
            } else if self.emptying.contains(&place.pack) {
                self.touched.insert(key.to_vec());
            }
        }
        Ok(())
    }

    /// A record may have moved more than once.
    fn now_at(&self, place: RecordRef) -> RecordRef {
        let mut now = place;
        while let Some(next) = self.moved.get(&now).or_else(|| self.moved_before.get(&now)) {
            now = *next;
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pack: u32, offset: u64) -> RecordRef {
        RecordRef { pack, offset, len: 9, stored: 17 }
    }

    fn row(place: RecordRef) -> Vec<u8> {
        [&[1], &place.to_bytes()[..], b"rest"].concat()
    }

    #[test]
    fn rows_of_packs_being_emptied_are_noted_and_those_of_moved_records_corrected() {
        let mut moving = Moving::default();
        moving.begin(&[7]);
        moving.note_move(place(7, 100), place(9, 16));
        let (mut stays, mut moved, mut other) = (row(place(7, 200)), row(place(7, 100)), row(place(8, 100)));
        moving.correct(b"q1", &mut stays).unwrap();
        moving.correct(b"q2", &mut moved).unwrap();
        moving.correct(b"q3", &mut other).unwrap();
        assert_eq!(stays, row(place(7, 200)));
        assert_eq!(moved, row(place(9, 16)));
        assert_eq!(other, row(place(8, 100)));
        assert_eq!(moving.retire(&[7]), Err(BTreeSet::from([b"q1".to_vec()])));
        assert_eq!(moving.retire(&[7]), Ok(()));
    }

    #[test]
    fn a_row_that_names_a_record_of_a_retired_pack_is_refused_unless_it_is_known_where_it_went() {
        let mut moving = Moving::default();
        moving.begin(&[7]);
        moving.note_move(place(7, 100), place(9, 16));
        moving.retire(&[7]).unwrap();
        let mut row_of_moved = row(place(7, 100));
        moving.correct(b"q", &mut row_of_moved).unwrap();
        assert_eq!(row_of_moved, row(place(9, 16)));
        assert!(matches!(moving.correct(b"q", &mut row(place(7, 200))), Err(Error::Conflict(_))));
        moving.forget_moves();
        assert!(matches!(moving.correct(b"q", &mut row(place(7, 100))), Err(Error::Conflict(_))));
    }
}
