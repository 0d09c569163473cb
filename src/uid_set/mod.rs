//! Sets of UIDs that stay small however large the folder is.
//!
//! A folder of a million letters without a gap is 62 short blocks; one that was thinned out at random has at most
//! one bit for each UID that was given out. With the counts of the blocks before it a UID's place in the order (its
//! sequence number) and the UID at a place are found without a walk.

mod block;
#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::ops::RangeInclusive;

pub use block::{BLOCK_UIDS, Block, MAX_BLOCK_BYTES};

use crate::ids::Uid;
use block::{Bits, Run, fill};

/// See the module's text. Its blocks are ascending and none is empty, so equal sets are equal values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UidSet {
    blocks: Vec<Placed>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Placed {
    number: u32,
    /// UIDs in the blocks before this one.
    before: usize,
    block: Block,
}

/// The block of a UID, and its number there.
#[must_use]
pub fn split(uid: Uid) -> (u32, u16) {
    (uid.get() / BLOCK_UIDS, (uid.get() % BLOCK_UIDS) as u16)
}

impl UidSet {
    /// No UID at all.
    #[must_use]
    pub fn new() -> Self {
        UidSet::default()
    }

    /// The UIDs of the set that lie in the ranges, which ascend and do not overlap; they may name numbers that no
    /// message has.
    #[must_use]
    pub fn within(&self, ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut builder = Builder::default();
        for range in ranges {
            let Some(first) = Uid::new((*range.start()).max(1)) else { continue };
            for own in self.ranges_from(first).take_while(|own| own.start() <= range.end()) {
                builder.push(*own.start(), *own.end().min(range.end()));
            }
        }
        builder.finish()
    }

    /// Puts a block behind those that are there.
    ///
    /// A block that does not come after them, or is empty, is left out.
    pub fn push_block(&mut self, number: u32, block: Block) {
        let fits = self.blocks.last().is_none_or(|last| last.number < number);
        if fits && !block.is_empty() {
            self.blocks.push(Placed { number, before: self.len(), block });
        }
    }

    /// The blocks, each with its number.
    pub fn blocks(&self) -> impl Iterator<Item = (u32, &Block)> {
        self.blocks.iter().map(|placed| (placed.number, &placed.block))
    }

    /// How many UIDs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| last.before + last.block.len())
    }

    /// Memory that it takes, bytes; no less.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(|placed| size_of::<Placed>() + placed.block.heap_bytes()).sum()
    }

    /// No UID at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The smallest UID.
    #[must_use]
    pub fn first(&self) -> Option<Uid> {
        self.nth(0)
    }

    /// The largest UID.
    #[must_use]
    pub fn last(&self) -> Option<Uid> {
        let last = self.blocks.last()?;
        last.uid(last.block.last()?)
    }

    /// Whether the UID is in the set.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let (number, offset) = split(uid);
        self.find(number).ok().and_then(|at| self.blocks.get(at)).is_some_and(|placed| placed.block.contains(offset))
    }

    /// How many UIDs of the set are below this one.
    #[must_use]
    pub fn rank(&self, uid: Uid) -> usize {
        let (number, offset) = split(uid);
        match self.find(number) {
            Ok(at) => self.blocks.get(at).map_or(0, |placed| placed.before + placed.block.rank(offset)),
            Err(at) => self.blocks.get(at).map_or(self.len(), |placed| placed.before),
        }
    }

    /// The UID that has so many of the set below it.
    #[must_use]
    pub fn nth(&self, index: usize) -> Option<Uid> {
        let at = self.blocks.partition_point(|placed| placed.before <= index).checked_sub(1)?;
        let placed = self.blocks.get(at)?;
        placed.uid(placed.block.nth(index - placed.before)?)
    }

    /// Adds a UID; tells whether it was new. Cheapest at the end.
    pub fn insert(&mut self, uid: Uid) -> bool {
        let (number, offset) = split(uid);
        let at = match self.find(number) {
            Ok(at) => at,
            Err(at) => {
                let before = self.blocks.get(at).map_or(self.len(), |placed| placed.before);
                self.blocks.insert(at, Placed { number, before, block: Block::default() });
                at
            }
        };
        let is_new = self.blocks.get_mut(at).is_some_and(|placed| placed.block.insert(offset));
        if is_new {
            self.blocks.iter_mut().skip(at + 1).for_each(|placed| placed.before += 1);
        }
        is_new
    }

    /// Takes a UID out; tells whether it was there. For many at once there is [`UidSet::subtract`].
    pub fn remove(&mut self, uid: Uid) -> bool {
        let (number, offset) = split(uid);
        let Ok(at) = self.find(number) else { return false };
        let Some(placed) = self.blocks.get_mut(at) else { return false };
        if !placed.block.remove(offset) {
            return false;
        }
        if placed.block.is_empty() {
            self.blocks.remove(at);
        }
        let behind = self.blocks.partition_point(|placed| placed.number <= number);
        self.blocks.iter_mut().skip(behind).for_each(|placed| placed.before -= 1);
        true
    }

    /// Adds all UIDs of another set.
    pub fn unite(&mut self, other: &UidSet) {
        self.combine(other, |own, other| own | other);
    }

    /// Keeps the UIDs that are in another set too.
    pub fn intersect(&mut self, other: &UidSet) {
        self.combine(other, |own, other| own & other);
    }

    /// Takes all UIDs of another set out.
    pub fn subtract(&mut self, other: &UidSet) {
        self.combine(other, |own, other| own & !other);
    }

    /// The UIDs as ranges, ascending, with gaps between them.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        self.ranges_from(Uid(std::num::NonZeroU32::MIN))
    }

    /// As [`UidSet::ranges`], without what is below `from`.
    pub fn ranges_from(&self, from: Uid) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        let (number, offset) = split(from);
        let at = self.blocks.partition_point(|placed| placed.number < number);
        let blocks = self.blocks.get(at..).unwrap_or_default().iter();
        let ranges = blocks.flat_map(move |placed| {
            let from = if placed.number == number { offset } else { 0 };
            let base = placed.number * BLOCK_UIDS;
            placed.block.runs_from(from).map(move |run| base + u32::from(run.first)..=base + u32::from(run.last))
        });
        Joined(ranges.peekable())
    }

    /// The UIDs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.ranges().flatten().filter_map(Uid::new)
    }

    fn find(&self, number: u32) -> Result<usize, usize> {
        // Most look for the last one: what comes is added there.
        match self.blocks.last() {
            Some(last) if last.number == number => Ok(self.blocks.len() - 1),
            Some(last) if last.number < number => Err(self.blocks.len()),
            _ => self.blocks.binary_search_by_key(&number, |placed| placed.number),
        }
    }

    /// Combines block by block; `keep` is told the UIDs of both as bits, and must keep none where both have none.
    fn combine(&mut self, other: &UidSet, keep: impl Fn(u64, u64) -> u64 + Copy) {
        let none = Block::default();
        let mut others = other.blocks.iter().peekable();
        let mut combined = UidSet::new();
        for own in std::mem::take(&mut self.blocks) {
            while let Some(other) = others.next_if(|other| other.number < own.number) {
                combined.push_block(other.number, none.combined(&other.block, keep));
            }
            let other = others.next_if(|other| other.number == own.number).map_or(&none, |other| &other.block);
            combined.push_block(own.number, own.block.combined(other, keep));
        }
        for other in others {
            combined.push_block(other.number, none.combined(&other.block, keep));
        }
        *self = combined;
    }
}

impl Placed {
    fn uid(&self, offset: u16) -> Option<Uid> {
        Uid::new(self.number * BLOCK_UIDS + u32::from(offset))
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = UidSet::new();
        set.extend(uids);
        set
    }
}

impl Extend<Uid> for UidSet {
    fn extend<I: IntoIterator<Item = Uid>>(&mut self, uids: I) {
        for uid in uids {
            self.insert(uid);
        }
    }
}

/// Joins ranges that touch: a run may go on in the next block.
struct Joined<I: Iterator>(Peekable<I>);

impl<I: Iterator<Item = RangeInclusive<u32>>> Iterator for Joined<I> {
    type Item = RangeInclusive<u32>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, mut last) = self.0.next()?.into_inner();
        while let Some(more) = self.0.next_if(|more| last.checked_add(1) == Some(*more.start())) {
            last = *more.end();
        }
        Some(first..=last)
    }
}

/// Builds a set from ascending ranges.
struct Builder {
    set: UidSet,
    number: u32,
    bits: Box<Bits>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder { set: UidSet::new(), number: 0, bits: Box::new([0; BLOCK_UIDS as usize / 64]) }
    }
}

impl Builder {
    fn push(&mut self, first: u32, last: u32) {
        for number in first / BLOCK_UIDS..=last / BLOCK_UIDS {
            if number != self.number {
                self.end_block();
                self.number = number;
            }
            let base = number * BLOCK_UIDS;
            let run = Run { first: (first.max(base) - base) as u16, last: (last - base).min(BLOCK_UIDS - 1) as u16 };
            fill(&mut self.bits, run);
        }
    }

    fn end_block(&mut self) {
        self.set.push_block(self.number, Block::from_bits(&self.bits));
        self.bits.fill(0);
    }

    fn finish(mut self) -> UidSet {
        self.end_block();
        self.set
    }
}
