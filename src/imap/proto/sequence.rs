//! Sets of message numbers: as clients write them (RFC 9051 §9 `sequence-set`), resolved, and written back.
//!
//! Invariant of [`NumberSet`]: its ranges are ascending and neither overlap nor touch, so it is the shortest way
//! to write the set, and membership is a binary search.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// A set as the client wrote it; what `*` and `$` mean is known only when the command runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SequenceSet {
    /// `$`: the result saved by the last SEARCH RETURN (SAVE) (RFC 9051 §6.4.4.1).
    Saved,
    /// Numbers and ranges.
    Ranges(Vec<SeqRange>),
}

/// `a:b`, in either order; a single number is a range of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeqRange {
    /// One end.
    pub from: SeqBound,
    /// The other end.
    pub to: SeqBound,
}

/// An end of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeqBound {
    /// A number.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Largest,
}

impl SequenceSet {
    /// The numbers meant when `largest` is the largest number in use (zero: the mailbox is empty).
    ///
    /// `*` in an empty mailbox stands for nothing at all; `559:*` includes the last message even if its number
    /// is below 559 (RFC 9051 §9, note at `seq-range`). `$` is `saved`.
    #[must_use]
    pub fn resolve(&self, largest: u32, saved: &NumberSet) -> NumberSet {
        match self {
            SequenceSet::Saved => saved.clone(),
            SequenceSet::Ranges(ranges) => ranges.iter().filter_map(|range| range.resolve(largest)).collect(),
        }
    }

    /// The largest number written in the set, without `*`; zero if there is none.
    ///
    /// A sequence number (not a UID) above the count of messages is a client's error (RFC 9051 §9 `seq-number`).
    #[must_use]
    pub fn largest_number(&self) -> u32 {
        match self {
            SequenceSet::Saved => 0,
            SequenceSet::Ranges(ranges) => {
                ranges.iter().flat_map(|range| [range.from.number(), range.to.number()]).max().unwrap_or(0)
            }
        }
    }

    /// Whether `*` stands in the set.
    #[must_use]
    pub fn names_largest(&self) -> bool {
        match self {
            SequenceSet::Saved => false,
            SequenceSet::Ranges(ranges) => {
                ranges.iter().any(|range| range.from == SeqBound::Largest || range.to == SeqBound::Largest)
            }
        }
    }
}

impl SeqRange {
    fn resolve(self, largest: u32) -> Option<RangeInclusive<u32>> {
        let (a, b) = (self.from.resolve(largest)?, self.to.resolve(largest)?);
        Some(a.min(b)..=a.max(b))
    }
}

impl SeqBound {
    fn resolve(self, largest: u32) -> Option<u32> {
        match self {
            SeqBound::Number(number) => Some(number.get()),
            SeqBound::Largest => (largest > 0).then_some(largest),
        }
    }

    fn number(self) -> u32 {
        match self {
            SeqBound::Number(number) => number.get(),
            SeqBound::Largest => 0,
        }
    }
}

/// A set of numbers, as ascending ranges with gaps between them. `Display` writes the shortest `sequence-set`
/// (`1:3,7`); an empty set writes nothing, which is not valid on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NumberSet {
    ranges: Vec<RangeInclusive<u32>>,
}

impl NumberSet {
    /// Whether `number` is in the set.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let after = self.ranges.partition_point(|range| *range.start() <= number);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|range| range.contains(&number))
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.ranges
    }

    /// Every number, ascending. A set from a client can name four thousand million: intersect it with what
    /// exists first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// How many numbers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.end() - range.start()) + 1).sum()
    }

    /// No number at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The smallest number.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| *range.start())
    }

    /// The largest number.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| *range.end())
    }

    /// Adds one number; cheap when numbers come in ascending order.
    pub fn insert(&mut self, number: u32) {
        self.insert_range(number..=number);
    }

    /// Takes one number out; the others keep their numbers.
    pub fn remove(&mut self, number: u32) {
        let Some(at) = self.ranges.iter().position(|range| range.contains(&number)) else { return };
        let range = self.ranges.remove(at);
        let below = number.checked_sub(1).filter(|end| end >= range.start()).map(|end| *range.start()..=end);
        let above = number.checked_add(1).filter(|start| start <= range.end()).map(|start| start..=*range.end());
        self.ranges.splice(at..at, below.into_iter().chain(above));
    }

    fn insert_range(&mut self, new: RangeInclusive<u32>) {
        if new.is_empty() {
            return;
        }
        let (mut start, mut end) = new.into_inner();
        // The ranges that overlap or touch the new one are consecutive; they melt into it.
        let from = self.ranges.partition_point(|range| range.end().saturating_add(1) < start);
        let to = self.ranges.partition_point(|range| *range.start() <= end.saturating_add(1));
        if let Some(melted) = self.ranges.get(from..to) {
            start = melted.first().map_or(start, |range| start.min(*range.start()));
            end = melted.last().map_or(end, |range| end.max(*range.end()));
        }
        self.ranges.splice(from..to.max(from), [start..=end]);
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        numbers.into_iter().map(|number| number..=number).collect()
    }
}

impl FromIterator<RangeInclusive<u32>> for NumberSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u32>>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u32>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        NumberSet { ranges: merged }
    }
}

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ranges(f, self.ranges.iter().cloned())
    }
}

/// Writes numbers as a `sequence-set` in their own order (COPYUID pairs its two sets by position, RFC 4315 §3):
/// ascending runs become ranges, anything else stays as it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct InOrder<'a>(pub(super) &'a [u32]);

impl fmt::Display for InOrder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        write_ranges(f, runs.filter_map(|run| Some(*run.first()?..=*run.last()?)))
    }
}

fn write_ranges(f: &mut fmt::Formatter<'_>, ranges: impl Iterator<Item = RangeInclusive<u32>>) -> fmt::Result {
    for (index, range) in ranges.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        if range.start() == range.end() {
            write!(f, "{comma}{}", range.start())?;
        } else {
            write!(f, "{comma}{}:{}", range.start(), range.end())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn bound(number: u32) -> SeqBound {
        NonZeroU32::new(number).map_or(SeqBound::Largest, SeqBound::Number)
    }

    /// Zero stands for `*`.
    fn ranges(pairs: &[(u32, u32)]) -> SequenceSet {
        SequenceSet::Ranges(pairs.iter().map(|(a, b)| SeqRange { from: bound(*a), to: bound(*b) }).collect())
    }

    #[test_case(&[(1, 1)], 5 => "1"; "one")]
    #[test_case(&[(3, 1)], 5 => "1:3"; "backwards")]
    #[test_case(&[(0, 0)], 5 => "5"; "star")]
    #[test_case(&[(0, 0)], 0 => ""; "star of an empty mailbox")]
    #[test_case(&[(559, 0)], 7 => "7:559"; "star below the number")]
    #[test_case(&[(1, 2), (3, 4), (9, 9), (2, 3)], 9 => "1:4,9"; "touching ranges melt")]
    fn rfc9051_9_sequence_set(pairs: &[(u32, u32)], largest: u32) -> String {
        ranges(pairs).resolve(largest, &NumberSet::default()).to_string()
    }

    #[test]
    fn rfc5182_saved_result() {
        let saved: NumberSet = [2, 3, 9].into_iter().collect();
        assert_eq!(SequenceSet::Saved.resolve(100, &saved), saved);
    }

    #[test]
    fn rfc4315_3_pairs_keep_their_order() {
        assert_eq!(InOrder(&[3, 4, 5, 1, 9, 8]).to_string(), "3:5,1,9,8");
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut set: NumberSet = [u32::MAX, u32::MAX - 1].into_iter().collect();
        set.insert(u32::MAX);
        assert_eq!(set.to_string(), format!("{}:{}", u32::MAX - 1, u32::MAX));
        set.remove(u32::MAX);
        assert_eq!(set.count(), 1);
        let everything = ranges(&[(1, u32::MAX)]).resolve(1, &NumberSet::default());
        assert_eq!(everything.count(), u64::from(u32::MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn behaves_like_a_set(
            numbers in proptest::collection::vec(1_u32..60, 0..40),
            gone in proptest::collection::vec(1_u32..60, 0..20),
        ) {
            let mut model: BTreeSet<u32> = numbers.iter().copied().collect();
            let collected: NumberSet = numbers.iter().copied().collect();
            let mut set = NumberSet::default();
            numbers.iter().for_each(|number| set.insert(*number));
            prop_assert_eq!(&collected, &set);
            for number in gone {
                model.remove(&number);
                set.remove(number);
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.count(), model.len() as u64);
            prop_assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
            prop_assert!((0..61).all(|number| set.contains(number) == model.contains(&number)));
            let gaps = set.ranges().windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start());
            prop_assert!(gaps, "{:?}", set);
        }
    }
}
