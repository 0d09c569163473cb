//! Is a mark among those that a closing accounts for? As far as somebody can tell who holds that mark and no other.
//!
//! What answers is the number of leaves that the log had when the day was closed: all of the day's marks were among them,
//! and what came later stands behind. The leaves of the day's first and last impression are no bounds: each was made at a
//! moment whose leaves are shuffled, so that others of the day stand before the one and behind the other. Only where there
//! were no more than two impressions they are all that there is.

use super::Closing;
use crate::clock::Timestamp;
use crate::postal::Kind;

/// A mark with a proof that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldMark<'a> {
    /// The instant that it names.
    pub instant: Timestamp,
    /// What it attests.
    pub kind: Kind,
    /// The log that has it.
    pub origin: &'a str,
    /// Its leaf there.
    pub index: u64,
}

/// What a closing of its device and day says of a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accounted {
    /// Nothing against it.
    Agrees,
    /// There were no impressions on that day.
    NoImpressions,
    /// There were none of its kind.
    NoneOfKind,
    /// The log did not have it when the day was closed.
    LaterLeaf,
    /// The one or two impressions of the day have other leaves.
    OtherLeaf,
    /// The closing is about another log.
    OtherLog,
    /// The closing does not say where in a log the day's marks are.
    NoLeaves,
}

impl Closing {
    /// Whether an instant is on its day.
    #[must_use]
    pub fn covers(&self, instant: Timestamp) -> bool {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        at(&self.from).is_some_and(|from| from <= instant) && at(&self.to).is_some_and(|to| instant < to)
    }

    /// Whether it can account for a mark that its device is said to have made on its day.
    #[must_use]
    pub fn accounts_for(&self, mark: &HeldMark<'_>) -> Accounted {
        if self.total == 0 {
            return Accounted::NoImpressions;
        }
        // As the journal names kinds.
        let kind = mark.kind.handover().unwrap_or(mark.kind.tag());
        if self.impressions.get(kind).is_none_or(|count| *count == 0) {
            return Accounted::NoneOfKind;
        }
        match &self.log {
            None => Accounted::NoLeaves,
            Some(log) if log.origin != mark.origin => Accounted::OtherLog,
            Some(log) if mark.index >= log.size => Accounted::LaterLeaf,
            Some(log) if self.total <= 2 && ![log.first, log.last].contains(&Some(mark.index)) => Accounted::OtherLeaf,
            Some(_) => Accounted::Agrees,
        }
    }
}
