//! What is alive in each pack?

use std::collections::BTreeMap;

use super::super::bodies::BodyRow;
use super::super::packs::{Kind, PACK_HEADER_BYTES};
use super::super::{Batch, Result, Rows, Store, keys};
use crate::ids::BodyId;

/// Rows read at a time.
pub(super) const CHUNK: usize = 2_000;

/// Bodies forgotten by one commit.
const BODIES_A_BATCH: usize = 500;

/// How full the packs are.
#[derive(Debug, Default)]
pub(super) struct Survey(BTreeMap<u32, Usage>);

#[derive(Debug, Default, Clone, Copy)]
struct Usage {
    length: u64,
    /// Bytes of records that rows name. What several rows name counts several times, so that this is at least
    /// what is alive.
    named: u64,
    /// Bytes of remembered rows.
    remembered: u64,
    /// Where the last record that a row names ends.
    named_end: u64,
    /// Records can be found up to here.
    walked_end: u64,
}

impl Usage {
    fn live(&self) -> u64 {
        self.length.min(PACK_HEADER_BYTES + self.named + self.remembered)
    }
}

impl Survey {
    pub(super) fn packs(&self) -> usize {
        self.0.len()
    }

    /// The packs of which at least so much is dead, the most wasteful first. Not those with a damaged record in
    /// the middle, behind which nobody knows what is remembered: `check` tells of them.
    pub(super) fn to_empty(&self, dead_percent: u64) -> Vec<u32> {
        let dead = |usage: &Usage| usage.length - usage.live();
        let mut packs: Vec<_> = self
            .0
            .iter()
            .filter(|(_, usage)| usage.walked_end >= usage.named_end)
            .filter(|(_, usage)| dead(usage) > 0 && dead(usage) * 100 >= usage.length * dead_percent)
            .collect();
        packs.sort_by_key(|(_, usage)| std::cmp::Reverse(dead(usage)));
        packs.into_iter().map(|(number, _)| *number).collect()
    }

    /// Bytes that emptying these packs will have to keep.
    pub(super) fn live_bytes(&self, packs: &[u32]) -> u64 {
        packs.iter().filter_map(|pack| self.0.get(pack)).map(Usage::live).sum()
    }
}

/// Looks at all rows and at the packs' records.
pub(super) fn survey(store: &Store) -> Result<Survey> {
    let packs = &store.inner.packs;
    let mut survey = Survey::default();
    for number in packs.numbers()? {
        survey.0.insert(number, Usage { length: packs.length(number)?, ..Usage::default() });
    }
    each_row(store, &[], |rows| {
        for (key, row) in rows {
            for place in keys::records_named(key, row) {
                if let Some(usage) = survey.0.get_mut(&place.pack) {
                    usage.named += place.stored_bytes();
                    usage.named_end = usage.named_end.max(place.offset + place.stored_bytes());
                }
            }
        }
        Ok(())
    })?;
    for (number, usage) in &mut survey.0 {
        // Only those that could be emptied: walking a pack reads a header for each record.
        if usage.live() < usage.length {
            let mut remembered = 0;
            let walked = packs.walk(*number, |place, header| {
                if header.kind == Kind::Rows {
                    remembered += place.stored_bytes();
                }
            })?;
            (usage.remembered, usage.walked_end) = (remembered, walked.end);
        }
    }
    Ok(survey)
}

/// Removes the rows of bodies that nothing references; how many.
pub(super) fn forget_bodies(store: &Store) -> Result<u64> {
    let mut forgotten = 0;
    each_row(store, b"b", |rows| {
        let unused = rows.iter().filter(|(_, row)| BodyRow::decode(row).is_ok_and(|row| row.references == 0));
        let ids: Vec<_> = unused.filter_map(|(key, _)| key.get(1..)?.try_into().ok().map(BodyId)).collect();
        for ids in ids.chunks(BODIES_A_BATCH) {
            let mut batch = Batch::new();
            ids.iter().for_each(|id| batch.collect(*id));
            store.commit_blocking(batch)?;
            forgotten += ids.len() as u64;
        }
        Ok(())
    })?;
    Ok(forgotten)
}

/// Gives all rows whose keys begin with `prefix`, a chunk at a time, each chunk as it is then.
pub(super) fn each_row(store: &Store, prefix: &[u8], mut each: impl FnMut(&Rows) -> Result<()>) -> Result<()> {
    let (mut from, end) = (prefix.to_vec(), keys::after(prefix));
    loop {
        let rows = store.read_blocking(|view| view.range_raw(&from, &end, CHUNK))?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        from = [&last[..], &[0]].concat();
        each(&rows)?;
    }
}
