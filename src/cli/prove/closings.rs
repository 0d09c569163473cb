//! The marks of a message against the signed daily closings of the devices that made them (P31).

use serde::Serialize;

use crate::clock::Timestamp;
use crate::postal::{Accounted, Closing, HeldMark, LogSpan, Mark, MarksFile, check_collection};
use crate::tlog::dating::CLOCKS_APART;

/// Closings that somebody has kept.
#[derive(Debug)]
pub(super) struct Closings<'a> {
    keys: &'a MarksFile,
    /// By operator, device and day; each once.
    all: Vec<Closing>,
    /// Which of them hold by themselves: a signature is checked once, however many marks there are.
    sound: Vec<bool>,
    /// Places in `all` of those that are not what they say, by themselves or beside another one.
    faults: Vec<(usize, String)>,
}

/// A closing that is not to be believed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Fault {
    pub(super) device: String,
    pub(super) day: String,
    pub(super) fault: String,
}

/// What the closings say of a mark.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct OfClosing {
    pub(super) answer: Answer,
    /// The device whose key signed the mark; where an earlier closing is against it that one's.
    pub(super) device: Option<String>,
    /// The day of the closing.
    pub(super) day: Option<String>,
    /// The leaves that it names.
    pub(super) leaves: Option<LogSpan>,
}

/// In a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Nothing against the mark.
    Agrees,
    /// The device made no impressions on that day.
    NoImpressions,
    /// It made none of this kind.
    NoneOfKind,
    /// The mark was not in the log yet when the day was closed.
    LaterLeaf,
    /// The mark was in the log already when a day before its instant was closed.
    EarlierLeaf,
    /// The day's one or two impressions have other leaves.
    OtherLeaf,
    /// The closing is about another log.
    OtherLog,
    /// The closing names no leaves.
    NoLeaves,
    /// The closing of that day is not to be believed.
    Faulty,
    /// There is no closing of that device and day among them.
    Absent,
    /// The keys do not say which device made the mark.
    UnknownDevice,
}

impl Answer {
    /// The device did not make the mark on the day that it names.
    pub(super) fn is_against(self) -> bool {
        use Answer::{EarlierLeaf, LaterLeaf, NoImpressions, NoneOfKind, OtherLeaf};
        matches!(self, NoImpressions | NoneOfKind | LaterLeaf | EarlierLeaf | OtherLeaf)
    }

    /// As in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Answer::Agrees => "agrees",
            Answer::NoImpressions => "no_impressions",
            Answer::NoneOfKind => "none_of_kind",
            Answer::LaterLeaf => "later_leaf",
            Answer::EarlierLeaf => "earlier_leaf",
            Answer::OtherLeaf => "other_leaf",
            Answer::OtherLog => "other_log",
            Answer::NoLeaves => "no_leaves",
            Answer::Faulty => "faulty",
            Answer::Absent => "absent",
            Answer::UnknownDevice => "unknown_device",
        }
    }
}

impl From<Accounted> for Answer {
    fn from(accounted: Accounted) -> Self {
        match accounted {
            Accounted::Agrees => Answer::Agrees,
            Accounted::NoImpressions => Answer::NoImpressions,
            Accounted::NoneOfKind => Answer::NoneOfKind,
            Accounted::LaterLeaf => Answer::LaterLeaf,
            Accounted::OtherLeaf => Answer::OtherLeaf,
            Accounted::OtherLog => Answer::OtherLog,
            Accounted::NoLeaves => Answer::NoLeaves,
        }
    }
}

impl<'a> Closings<'a> {
    pub(super) fn new(mut all: Vec<Closing>, keys: &'a MarksFile) -> Self {
        let place = |closing: &Closing| (closing.operator.clone(), closing.device.clone(), closing.day.clone());
        all.sort_by_cached_key(|closing| (place(closing), closing.document()));
        all.dedup();
        let faults = check_collection(&all, keys).into_iter().map(|(at, fault)| (at, fault.to_string())).collect();
        let sound = all.iter().map(|closing| closing.faults(keys).is_empty()).collect();
        Closings { keys, all, sound, faults }
    }

    /// What is wrong with them.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let told = self.faults.iter().filter_map(|(at, fault)| Some((self.all.get(*at)?, fault)));
        let fault = |(closing, fault): (&Closing, &String)| Fault {
            device: closing.device.clone(),
            day: closing.day.clone(),
            fault: fault.clone(),
        };
        told.map(fault).collect()
    }

    /// What they say of a mark with this leaf of the log `origin`.
    pub(super) fn judge(&self, mark: &Mark, origin: &str, index: u64) -> OfClosing {
        let held = HeldMark { instant: mark.instant, kind: mark.kind, origin, index };
        let facility = self.keys.operator(mark.operator.as_str()).and_then(|it| it.facility(mark.facility.as_str()));
        let device = facility.and_then(|facility| facility.signing_device(mark)).map(|(device, _)| device.id.as_str());
        let is_its = |closing: &&Closing| {
            Some(closing.device.as_str()) == device
                && closing.operator == mark.operator.as_str()
                && closing.covers(mark.instant)
        };
        let judged: Vec<OfClosing> =
            self.sound().filter(is_its).map(|it| OfClosing::of(it, it.accounts_for(&held).into())).collect();
        let earlier = || self.sound().find(|closing| had_before(closing, &held));
        let nothing = |answer| OfClosing { answer, device: device.map(str::to_owned), day: None, leaves: None };
        // Of two closings of one day, which is told as a fault, one is enough against the mark.
        if let Some(against) = judged.iter().find(|it| it.answer.is_against()) {
            against.clone()
        } else if let Some(closing) = earlier() {
            OfClosing::of(closing, Answer::EarlierLeaf)
        } else if let Some(first) = judged.into_iter().next() {
            first
        } else if let Some(faulty) = self.all.iter().find(is_its) {
            OfClosing::of(faulty, Answer::Faulty)
        } else {
            nothing(if device.is_some() { Answer::Absent } else { Answer::UnknownDevice })
        }
    }

    /// Those that hold by themselves.
    fn sound(&self) -> impl Iterator<Item = &Closing> {
        self.all.iter().zip(&self.sound).filter(|(_, is_sound)| **is_sound).map(|(closing, _)| closing)
    }
}

impl OfClosing {
    fn of(closing: &Closing, answer: Answer) -> Self {
        let (device, day) = (Some(closing.device.clone()), Some(closing.day.clone()));
        OfClosing { answer, device, day, leaves: closing.log.clone() }
    }
}

/// The log had the mark when a day was closed that ended before its instant, of whichever device.
fn had_before(closing: &Closing, mark: &HeldMark<'_>) -> bool {
    let closed = closing.closed.parse::<Timestamp>().ok();
    let is_before = closed.is_some_and(|closed| mark.instant.duration_since(closed) > CLOCKS_APART);
    let log = closing.log.as_ref().filter(|log| log.origin == mark.origin);
    is_before && log.is_some_and(|log| mark.index < log.size)
}
