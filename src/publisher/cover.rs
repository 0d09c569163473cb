//! Hides in the log how many copies a letter has.
//!
//! Whoever has a letter may ask where its marks stand, and everybody sees by how many leaves a checkpoint grows. Written as
//! they are made, the leaves of a quiet hour would tell a recipient how many others there were, blind copies included.
//! So the leaves of a moment are shuffled, and filled up with cover leaves: entries of random bytes that no mark has, and
//! that nobody but the operator can tell from those of marks. How many they are then is left to chance.
//!
//! The operator does, by their ids ([`is_cover`](crate::tlog::folder::is_cover)).

use crate::clock::World;
use crate::ids::ImpressionId;
use crate::tlog::Entry;
use crate::tlog::folder::{cover_id, milliseconds};

/// The leaves of so many milliseconds are shuffled: as a rule those of one checkpoint. More would put too many ids out of
/// the order in which they are looked for.
const MOMENT_MS: u64 = 2_000;

/// A moment of up to so many times `round_to` leaves looks like one that had few and was made larger by chance: with 16
/// that of any letter to up to a thousand mailboxes, which has 2,001 marks.
const QUIET: usize = 128;

/// Of 256 moments so many are made twice as large, and as many of those again.
const DOUBLED: u8 = 85;

/// More are filled up to a multiple of a part of them, so that at most an eighth is added.
const PART: usize = 16;

/// The leaves moment by moment: those of each shuffled, with cover leaves up to `round_to` or more.
pub(super) fn covered(
    mut leaves: Vec<(ImpressionId, Entry)>,
    round_to: usize,
    world: &World,
) -> Vec<(ImpressionId, Entry)> {
    let moment = |id| milliseconds(id) / MOMENT_MS;
    // Letters of two moments are committed one between the other.
    leaves.sort_by_key(|(id, _)| moment(*id));
    let mut all = Vec::with_capacity(rounded(leaves.len(), round_to));
    // All marks that are made with a letter have its millisecond.
    for of_a_moment in leaves.chunk_by(|(one, _), (next, _)| moment(*one) == moment(*next)) {
        let begin = all.len();
        all.extend_from_slice(of_a_moment);
        if let Some(newest) = of_a_moment.iter().map(|(id, _)| *id).max() {
            let wanted = begin + blurred(rounded(of_a_moment.len(), round_to), round_to, world);
            all.resize_with(wanted, || (cover_id(newest), Entry(world.random())));
        }
        shuffle(all.get_mut(begin..).unwrap_or_default(), world);
    }
    all
}

/// How many leaves a moment has at least for so many impressions; no others where `round_to` is 1.
fn rounded(impressions: usize, round_to: usize) -> usize {
    match round_to {
        0 | 1 => impressions,
        _ if impressions == 0 => 0,
        _ if impressions <= QUIET * round_to => round_to * impressions.div_ceil(round_to).next_power_of_two(),
        _ => impressions.next_multiple_of(round_to.max(impressions.next_power_of_two() / PART)),
    }
}

/// One in three is doubled, and one in three of these again: a quiet moment of any size may be that of a single copy.
pub(super) fn blurred(mut leaves: usize, round_to: usize, world: &World) -> usize {
    while round_to > 1 && leaves > 0 && leaves * 2 <= QUIET * round_to && world.random::<1>() < [DOUBLED] {
        leaves *= 2;
    }
    leaves
}

/// Fisher and Yates: every order is as likely as any other.
fn shuffle(leaves: &mut [(ImpressionId, Entry)], world: &World) {
    for last in (1..leaves.len()).rev() {
        // Of so many bits that the remainder prefers no place by more than 2^-40.
        let other = u64::from_be_bytes(world.random()) % (last as u64 + 1);
        leaves.swap(last, other as usize);
    }
}
