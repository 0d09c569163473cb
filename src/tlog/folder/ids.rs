//! Where the leaf of an impression is, without a row for each: ids are ULIDs and come almost in the order of time.
//!
//! Every leaf keeps the time of the newest id so far, which never decreases: a binary search finds where that
//! reaches the time of an id, and the id stands within [`DISORDER_MS`] behind. Ids that come later than that (an
//! impression that was committed late, a clock that was set back, what a rebuild found) are listed in a file of
//! their own.

use std::io;

use super::files::Files;
use crate::ids::ImpressionId;

/// How much older than the newest id an id may be and still stand in its order, milliseconds.
pub(super) const DISORDER_MS: u64 = 5_000;

/// The random bits of an id.
const RANDOM_BITS: u32 = 80;

/// Leaves, or late ids, read at a time.
const CHUNK: u64 = 4_096;

/// The time in an id, milliseconds since 1970.
#[must_use]
pub fn milliseconds(id: ImpressionId) -> u64 {
    u64::try_from(id.0 >> RANDOM_BITS).unwrap_or(u64::MAX)
}

/// The id of cover leaves beside this impression: its time and, where ids of impressions are random, nothing.
#[must_use]
pub fn cover_id(beside: ImpressionId) -> ImpressionId {
    ImpressionId(beside.0 >> RANDOM_BITS << RANDOM_BITS)
}

/// Whether a leaf with this id is no impression's: it only hides how many of these there are.
#[must_use]
pub fn is_cover(id: ImpressionId) -> bool {
    id == cover_id(id)
}

/// Whether an id that comes after `newest_ms` must be listed. Nobody looks for a cover leaf.
pub(super) fn is_late(id: ImpressionId, newest_ms: u64) -> bool {
    milliseconds(id).saturating_add(DISORDER_MS) < newest_ms && !is_cover(id)
}

/// The leaf of the impression with this id among the first `size`.
pub(super) fn find(files: &Files, id: ImpressionId, size: u64) -> io::Result<Option<u64>> {
    // Which leaves are cover is nobody's business.
    if is_cover(id) {
        return Ok(None);
    }
    let time = milliseconds(id);
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        if files.leaf(middle)?.newest_ms < time {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let last_ms = time.saturating_add(DISORDER_MS);
    while low < size {
        let end = size.min(low + CHUNK);
        for (index, leaf) in (low..).zip(files.leaves(low..end)?) {
            if leaf.newest_ms > last_ms {
                return find_late(files, id, size);
            }
            if leaf.id == id {
                return Ok(Some(index));
            }
        }
        low = end;
    }
    find_late(files, id, size)
}

fn find_late(files: &Files, id: ImpressionId, size: u64) -> io::Result<Option<u64>> {
    let (mut number, late) = (0, files.late_there()?);
    while number < late {
        let end = late.min(number + CHUNK);
        let found = files.lates(number..end)?.into_iter().find(|(index, late)| *late == id && *index < size);
        if let Some((index, _)) = found {
            return Ok(Some(index));
        }
        number = end;
    }
    Ok(None)
}
