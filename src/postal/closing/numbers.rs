//! Sets of numbers of impressions: long runs with few holes.

use std::collections::BTreeMap;

/// A set of numbers, as runs from first to last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Numbers {
    runs: BTreeMap<u64, u64>,
    count: u64,
}

impl Numbers {
    /// Adds a number; false when it is there already.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let before = self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= number) {
            return false;
        }
        self.count += 1;
        let first = match before {
            Some((first, last)) if last.checked_add(1) == Some(number) => first,
            _ => number,
        };
        let after = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(number));
        true
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.runs.first_key_value().map(|(first, _)| *first)
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.runs.last_key_value().map(|(_, last)| *last)
    }

    /// The numbers behind `before` and up to the last one that are not there, as runs.
    pub(super) fn missing_after(&self, before: u64) -> Vec<(u64, u64)> {
        let mut next = before.saturating_add(1);
        let mut missing = Vec::new();
        for (first, last) in &self.runs {
            if *first > next {
                missing.push((next, first - 1));
            }
            next = last.saturating_add(1).max(next);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_a_set(numbers in proptest::collection::vec(1u64..60, 0..80), before in 0u64..5) {
            let (mut runs, mut set) = (Numbers::default(), BTreeSet::new());
            for number in numbers.into_iter().map(|number| number + before) {
                prop_assert_eq!(runs.insert(number), set.insert(number));
            }
            prop_assert_eq!(runs.count(), set.len() as u64);
            prop_assert_eq!((runs.first(), runs.last()), (set.first().copied(), set.last().copied()));
            let missing: BTreeSet<u64> = runs.missing_after(before).into_iter().flat_map(|(a, b)| a..=b).collect();
            let expected: BTreeSet<u64> =
                (before + 1..=set.last().copied().unwrap_or(0)).filter(|number| !set.contains(number)).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
