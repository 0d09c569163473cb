//! What the journal says of one device on one day.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::line::Struck;
use super::numbers::Numbers;
use super::{ActNote, hex};
use crate::clock::Timestamp;
use crate::ids::ImpressionId;

/// The entries of a day, in the order of the journal.
#[derive(Clone, Debug, Default)]
pub struct DayBook {
    kinds: BTreeMap<String, u64>,
    numbers: Numbers,
    marks: Sha256,
    ends: Option<(ImpressionId, ImpressionId)>,
    opened: Vec<Timestamp>,
    acts: Vec<ActNote>,
}

/// Impressions that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Contradiction {
    /// Two impressions have one number.
    #[error("the journal has number {number} of device {device} twice")]
    Twice {
        /// The device.
        device: String,
        /// The number.
        number: u64,
    },
    /// An impression has a number that an earlier closing has accounted for.
    #[error("impression {first} of device {device} has a number that is closed: the last one was {before}")]
    Closed {
        /// The device.
        device: String,
        /// The number of the impression.
        first: u64,
        /// The last number of the earlier closing.
        before: u64,
    },
}

/// A day's impressions, accounted for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// How many of each kind.
    pub impressions: BTreeMap<String, u64>,
    /// How many.
    pub total: u64,
    /// The smallest number.
    pub first: Option<u64>,
    /// The largest number.
    pub last: Option<u64>,
    /// Numbers that no impression has, behind those of earlier days and up to the last, as runs.
    pub void: Vec<(u64, u64)>,
    /// SHA-256 over the hashes of all marks, in the order of the journal; hexadecimal.
    pub marks_sha256: String,
}

impl DayBook {
    /// Notes an impression.
    ///
    /// # Errors
    /// Its number is there already.
    pub fn strike(&mut self, struck: &Struck) -> Result<(), Contradiction> {
        if !self.numbers.insert(struck.number) {
            return Err(Contradiction::Twice { device: struck.device.clone(), number: struck.number });
        }
        *self.kinds.entry(struck.kind.clone()).or_default() += 1;
        self.marks.update(struck.mark);
        self.ends = Some((self.ends.map_or(struck.id, |(first, _)| first), struck.id));
        Ok(())
    }

    /// Notes that a process took the device into use.
    pub fn open(&mut self, instant: Timestamp) {
        self.opened.push(instant);
    }

    /// Notes what was done with the device.
    pub fn act(&mut self, note: ActNote) {
        self.acts.push(note);
    }

    /// When it was taken into use.
    #[must_use]
    pub fn opened(&self) -> &[Timestamp] {
        &self.opened
    }

    /// What was done with it.
    #[must_use]
    pub fn acts(&self) -> &[ActNote] {
        &self.acts
    }

    /// The first and the last impression in the order of the journal.
    #[must_use]
    pub fn ends(&self) -> Option<(ImpressionId, ImpressionId)> {
        self.ends
    }

    /// Accounts for every number behind `before`.
    ///
    /// # Errors
    /// A number up to `before` is among them.
    pub fn tally(&self, device: &str, before: u64) -> Result<Tally, Contradiction> {
        if let Some(first) = self.numbers.first().filter(|first| *first <= before) {
            return Err(Contradiction::Closed { device: device.to_owned(), first, before });
        }
        Ok(Tally {
            impressions: self.kinds.clone(),
            total: self.numbers.count(),
            first: self.numbers.first(),
            last: self.numbers.last(),
            void: self.numbers.missing_after(before),
            marks_sha256: hex(&self.marks.clone().finalize()),
        })
    }
}
