//! Is a closing what it says it is? Only published keys are needed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;

use super::Closing;
use crate::clock::Timestamp;
use crate::postal::{MarksFile, MarksKey, Zone};

/// What is wrong with a closing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClosingFault {
    /// The keys do not know the device.
    #[error("the published keys know no device {0:?} of that facility and operator")]
    UnknownDevice(String),
    /// The device had no such key.
    #[error("the device never had the key {0:?}")]
    UnknownKey(String),
    /// The key was not in use when the day was closed.
    #[error("the key {0:?} was not in use when the day was closed")]
    KeyNotInUse(String),
    /// The signature is not that of the key over this document.
    #[error("the signature does not fit: the document was changed after it was signed, or another key signed it")]
    Signature,
    /// The day begins after the device was withdrawn.
    #[error("the device was withdrawn at {0}, before this day")]
    Revoked(String),
    /// Instants contradict the day.
    #[error("{0}")]
    Instants(String),
    /// Numbers contradict each other.
    #[error("{0}")]
    Numbers(String),
    /// It does not follow the one before it.
    #[error("{0}")]
    Chain(String),
}

impl Closing {
    /// Everything that is wrong with it, judged by itself.
    #[must_use]
    pub fn faults(&self, marks: &MarksFile) -> Vec<ClosingFault> {
        let mut faults = Vec::new();
        faults.extend(self.signature_fault(marks));
        faults.extend(self.instant_fault().map(ClosingFault::Instants));
        faults.extend(self.number_fault().map(ClosingFault::Numbers));
        faults
    }

    fn signature_fault(&self, marks: &MarksFile) -> Option<ClosingFault> {
        let facility = marks.operator(&self.operator).and_then(|operator| operator.facility(&self.facility));
        let device = facility.and_then(|facility| facility.devices.iter().find(|device| device.id == self.device));
        let Some(device) = device else { return Some(ClosingFault::UnknownDevice(self.device.clone())) };
        let Some(key) = device.key(&self.selector).filter(|key| key.algorithm == self.algorithm) else {
            return Some(ClosingFault::UnknownKey(self.selector.clone()));
        };
        if !is_in_use(&key, &self.closed) {
            return Some(ClosingFault::KeyNotInUse(self.selector.clone()));
        }
        let begin: Option<Timestamp> = self.from.parse().ok();
        let revoked: Option<Timestamp> = device.revoked_at.as_ref().and_then(|at| at.parse().ok());
        if revoked.is_some_and(|revoked| begin.is_some_and(|begin| begin > revoked)) {
            return Some(ClosingFault::Revoked(device.revoked_at.clone().unwrap_or_default()));
        }
        let bytes = self.signed_bytes().ok();
        let signature = STANDARD.decode(&self.signature).ok();
        let holds = key.public().zip(bytes.zip(signature));
        let holds = holds.is_some_and(|(key, (bytes, signature))| key.verifies_bytes(&bytes, &signature));
        (!holds).then_some(ClosingFault::Signature)
    }

    fn instant_fault(&self) -> Option<String> {
        let parsed = || Some((self.from.parse().ok()?, self.to.parse().ok()?, self.closed.parse().ok()?));
        let Some((from, to, closed)): Option<(Timestamp, Timestamp, Timestamp)> = parsed() else {
            return Some("an instant cannot be read".to_owned());
        };
        let end = self.day.parse::<Date>().ok().and_then(|day| Zone::named(&self.zone).ok()?.day(day)).map(|day| day.1);
        if end != Some(to) {
            return Some(format!("{} is not the end of {} in {}", self.to, self.day, self.zone));
        }
        if from >= to || closed < to {
            return Some(format!("the day from {} to {} was closed at {}", self.from, self.to, self.closed));
        }
        None
    }

    /// Every number from `before` to `last` is an impression's or void.
    fn number_fault(&self) -> Option<String> {
        let Self { before, total, void, .. } = self;
        if self.impressions.values().try_fold(0_u64, |sum, count| sum.checked_add(*count)) != Some(*total) {
            return Some(format!("the impressions of each kind are not {total} together"));
        }
        let mut free = *before;
        let mut voided = 0_u64;
        for (first, last) in void {
            if *first <= free || last < first {
                return Some(format!("the void numbers {first}-{last} are out of order"));
            }
            voided = voided.saturating_add(last - first + 1);
            free = *last;
        }
        let last = self.upto();
        let is_whole = last.checked_sub(*before) == total.checked_add(voided) && free <= last;
        let begin = void.first().filter(|(first, _)| *first == before + 1).map_or(*before, |(_, last)| *last) + 1;
        let has_ends = match (self.first, self.last) {
            (Some(first), Some(_)) => *total > 0 && first == begin && void.last().is_none_or(|(_, end)| *end < last),
            (None, None) => *total == 0 && void.is_empty(),
            _ => false,
        };
        (!is_whole || !has_ends)
            .then(|| format!("{total} impressions and {voided} void numbers are not {before}-{last}"))
    }

    /// What keeps this closing from being the one behind `before`.
    #[must_use]
    pub fn follows(&self, before: &Closing) -> Option<ClosingFault> {
        let wrong = |what: String| Some(ClosingFault::Chain(what));
        if (&self.device, &self.operator) != (&before.device, &before.operator) {
            return wrong(format!("{} and {} are two devices", before.device, self.device));
        }
        if self.previous_day().map(|day| day.to_string()) != Some(before.day.clone()) {
            return wrong(format!("{} does not come behind {}", self.day, before.day));
        }
        if self.previous.as_deref() != Some(before.digest().as_str()) {
            return wrong(format!("{} names another closing of {} than this one", self.day, before.day));
        }
        if self.from != before.to || self.before != before.upto() {
            return wrong(format!("{} does not begin where {} ended", self.day, before.day));
        }
        None
    }
}

/// What is wrong with closings of one device, in the order of days: the place in the list, and the fault. The first
/// one may name an earlier closing.
#[must_use]
pub fn check_chain(closings: &[Closing], marks: &MarksFile) -> Vec<(usize, ClosingFault)> {
    let mut faults = Vec::new();
    let mut before: Option<&Closing> = None;
    for (at, closing) in closings.iter().enumerate() {
        faults.extend(closing.faults(marks).into_iter().map(|fault| (at, fault)));
        faults.extend(before.and_then(|before| closing.follows(before)).map(|fault| (at, fault)));
        before = Some(closing);
    }
    faults
}

/// What is wrong with closings that somebody has put together, in the order of operators, devices and days: days may be
/// missing between them. One that is wrong by itself is not compared with its neighbours.
#[must_use]
pub fn check_collection(closings: &[Closing], marks: &MarksFile) -> Vec<(usize, ClosingFault)> {
    let mut faults = Vec::new();
    let mut before: Option<&Closing> = None;
    for (at, closing) in closings.iter().enumerate() {
        let own = closing.faults(marks);
        if !own.is_empty() {
            faults.extend(own.into_iter().map(|fault| (at, fault)));
            continue;
        }
        // Of one day there is one closing.
        let is_neighbour = |before: &&Closing| {
            (&before.operator, &before.device) == (&closing.operator, &closing.device)
                && (before.day == closing.day
                    || closing.previous_day().is_some_and(|day| day.to_string() == before.day))
        };
        faults.extend(before.filter(is_neighbour).and_then(|before| closing.follows(before)).map(|fault| (at, fault)));
        before = Some(closing);
    }
    faults
}

fn is_in_use(key: &MarksKey, at: &str) -> bool {
    let parsed = |text: &Option<String>| text.as_ref().map(|text| text.parse::<Timestamp>());
    let Ok(at) = at.parse::<Timestamp>() else { return false };
    let has_begun = match parsed(&key.from) {
        Some(Ok(from)) => from <= at,
        Some(Err(_)) => false,
        None => true,
    };
    // The last second counts whole.
    let has_not_ended = match parsed(&key.to) {
        Some(Ok(to)) => at.as_second() <= to.as_second(),
        Some(Err(_)) => false,
        None => true,
    };
    has_begun && has_not_ended
}
