//! The messages that a command names, as ranges of sequence numbers: `1:*` of a million messages is one range.
//!
//! They are taken a page at a time. That is possible while the command runs because the places of messages that the
//! client was told of do not change before [`Selected::take_expunged`], at its end.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::proto::sequence::NumberSet;
use super::view::{Place, Selected};

/// See the module's text.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    left: VecDeque<RangeInclusive<u32>>,
}

impl Chosen {
    /// The messages with these sequence numbers; numbers above the largest are left out.
    pub(super) fn of(numbers: &NumberSet, selected: &Selected) -> Self {
        let exists = selected.exists();
        let there = numbers.ranges().iter().filter(|range| *range.start() <= exists);
        Chosen { left: there.map(|range| *range.start()..=*range.end().min(&exists)).collect() }
    }

    /// How many are still to be taken.
    pub(super) fn len(&self) -> usize {
        self.left.iter().map(|range| (range.end() - range.start()) as usize + 1).sum()
    }

    /// The next messages, at most so many, ascending; none at the end.
    pub(super) fn next_page(&mut self, selected: &Selected, most: usize) -> Vec<Place> {
        let mut page = Vec::new();
        while let Some(range) = self.left.pop_front() {
            let room = u32::try_from(most - page.len()).unwrap_or(u32::MAX);
            if room == 0 {
                self.left.push_front(range);
                break;
            }
            let (first, last) = range.into_inner();
            let end = last.min(first.saturating_add(room - 1));
            page.extend(selected.by_seq(first, end));
            if end < last {
                self.left.push_front(end + 1..=last);
            }
        }
        page
    }

    /// All of them at once: for commands that the store limits.
    pub(super) fn all(mut self, selected: &Selected) -> Vec<Place> {
        self.next_page(selected, usize::MAX)
    }
}
