//! Marks that came into the log when they say, and marks that did not.

use jiff::civil::date;
use test_case::test_case;

use super::super::Entry;
use super::super::folder::tests::leaves;
use super::super::folder::{Log, View};
use super::super::note::Signer;
use super::*;
use crate::identity::eds::Certificate;
use crate::identity::eds::tests::build::{Key, Plan, stamp};
use crate::ids::ImpressionId;

const ORIGIN: &str = "poshta.example/log";

pub(crate) type Change = fn(&str, io::Result<Vec<u8>>) -> io::Result<Vec<u8>>;

/// A log that is served from its directory, as it stands under its URL.
pub(crate) struct Served {
    pub(crate) view: View,
    /// Files that do not arrive, or others in their place.
    pub(crate) change: Change,
}

impl Source for Served {
    type Error = io::Error;

    fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let found = self.read(path).ok_or_else(|| io::ErrorKind::NotFound.into());
        (self.change)(path, found)
    }
}

impl Served {
    pub(crate) fn of(log: &Log) -> Self {
        Served { view: log.view(), change: |_, found| found }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if let Some(id) = path.strip_prefix("proof?i=") {
            let index = self.view.find(id.parse().unwrap()).unwrap()?;
            return Some(self.view.prove(index).unwrap().to_string().into_bytes());
        }
        if let Some(query) = path.strip_prefix("consistency?from=") {
            let (from, to) = query.split_once("&to=").unwrap();
            let path = self.view.consistency(from.parse().unwrap(), to.parse().unwrap()).unwrap()?;
            return Some(path.iter().map(|hash| format!("{hash}\n")).collect::<String>().into_bytes());
        }
        if let Some(tile) = path.strip_prefix("tile/") {
            return self.view.tile(tile.parse().unwrap()).unwrap();
        }
        let name = path.strip_prefix("daily/")?;
        match name.strip_suffix(".tst") {
            Some(day) => self.view.stamp(day.parse().unwrap()).unwrap(),
            None => self.view.daily(name.parse().ok()?).unwrap().map(String::into_bytes),
        }
    }
}

/// An authority for time stamps, and who vouches for it.
pub(crate) struct Authority {
    key: Key,
    certificate: Certificate,
    pub(crate) anchors: Vec<Certificate>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let (root, key) = (Key::p256(), Key::p256());
        let anchor = Plan::authority("Authority", "Authority").issue(&root, &root);
        let certificate = Plan::stamper("Authority").issue(&key, &root);
        Authority { key, certificate, anchors: vec![anchor] }
    }

    /// Stamps the last checkpoint of a day.
    pub(crate) fn stamp(&self, log: &Log, day: Date, at: &str) {
        let note = log.view().daily(day).unwrap().unwrap();
        let token = stamp(&self.key, &self.certificate, note.as_bytes(), at, None);
        log.view().keep_stamp(day, &token).unwrap();
    }

    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { authorities: &self.anchors, policy: None, nonce: None }
    }
}

/// A log that begins on the 20th of November with five leaves and has three more every day.
pub(crate) fn begun(dir: &std::path::Path) -> Log {
    let mut log = Log::create(dir, ORIGIN, [5; 32], november(20)).unwrap();
    grow(&mut log, &leaves(0, 5), 20);
    log
}

/// The leaves come into the log on this day of November.
pub(crate) fn grow(log: &mut Log, new: &[(ImpressionId, Entry)], day: i8) {
    // The first checkpoint of a day puts the last one of the day before aside, as the publisher does every day.
    log.publish(None, november(day)).unwrap();
    log.append(new).unwrap();
    log.publish(None, november(day)).unwrap();
}

/// A day like any other: three leaves of somebody.
pub(crate) fn pass(log: &mut Log, days: std::ops::RangeInclusive<i8>) {
    for day in days {
        let new = leaves(log.size(), 3);
        grow(log, &new, day);
    }
}

pub(crate) fn november(day: i8) -> Date {
    date(2026, 11, day)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-30T12:00:00Z";

/// What is found of a leaf that came into the log on the 25th and whose mark names `instant`.
fn found(instant: &str, stamped: &[(i8, &str)]) -> History {
    found_with(instant, stamped, |_, found| found).unwrap()
}

fn found_with(instant: &str, stamped: &[(i8, &str)], change: Change) -> Result<History, Alarm> {
    let dir = tempfile::tempdir().unwrap();
    let mut log = begun(dir.path());
    pass(&mut log, 21..=25);
    let index = log.size() - 2;
    pass(&mut log, 26..=30);
    let authority = Authority::new();
    stamped.iter().for_each(|(day, at)| authority.stamp(&log, november(*day), at));
    let place = Place { index, head: log.view().checkpoint().head };
    let view = log.view();
    let judge = Judge { key: view.verifier(), stamps: Some(authority.wanted()), now: time(NOW) };
    history(&mut Served { view: view.clone(), change }, &place, time(instant), &judge)
}

#[test_case("2026-11-25T10:00:00Z" => Opinion::Agrees; "on its day")]
#[test_case("2026-11-24T23:59:59Z" => Opinion::Agrees; "just before midnight: in the first checkpoint of the next day")]
#[test_case("2026-11-24T00:00:00Z" => Opinion::Agrees; "a log may be a day behind")]
#[test_case("2026-11-23T23:59:59Z" => Opinion::BackDated; "the day after the one it names does not have it")]
#[test_case("2026-11-20T10:00:00Z" => Opinion::BackDated; "days before")]
#[test_case("2016-01-01T00:00:00Z" => Opinion::BackDated; "years before the log began")]
#[test_case("2026-11-01T00:00:00Z" => Opinion::BackDated; "before the log began")]
#[test_case("2026-11-26T00:00:59Z" => Opinion::Agrees; "clocks may be apart")]
#[test_case("2026-11-26T00:01:06Z" => Opinion::AfterStamp; "the authority saw it before")]
#[test_case("2026-11-28T10:00:00Z" => Opinion::AfterStamp; "days later")]
#[test_case("2027-11-28T10:00:00Z" => Opinion::AfterStamp; "in the future")]
fn a_mark_is_made_when_it_says(instant: &str) -> Opinion {
    found(instant, &[(24, "2026-11-25T00:00:05Z"), (25, "2026-11-26T00:00:05Z")]).opinion(time(instant))
}

#[test]
fn days_and_stamps_are_told() {
    let history = found("2026-11-25T10:00:00Z", &[(25, "2026-11-26T00:00:05Z"), (26, "2026-11-27T00:00:05Z")]);
    assert_eq!((history.last_without, history.first_with), (Some(november(24)), Some(november(25))));
    let (day, stamped) = history.stamp.unwrap();
    assert_eq!((day, stamped.time), (november(25), time("2026-11-26T00:00:05Z")));

    let later = found("2026-11-25T10:00:00Z", &[(27, "2026-11-28T00:00:05Z")]);
    assert_eq!(later.stamp.map(|(day, _)| day), Some(november(27)), "the next day with a stamp");
    let none = found("2026-11-25T10:00:00Z", &[(24, "2026-11-25T00:00:05Z")]);
    assert_eq!(none.stamp, None, "that of a day without the leaf says nothing");

    let back_dated = found("2026-11-21T10:00:00Z", &[(25, "2026-11-26T00:00:05Z")]);
    assert_eq!((back_dated.last_without, back_dated.first_with), (Some(november(24)), Some(november(25))));
    let after = found("2026-11-28T10:00:00Z", &[(25, "2026-11-26T00:00:05Z")]);
    assert_eq!((after.last_without, after.first_with), (Some(november(24)), Some(november(25))));
}

#[test]
fn what_no_day_has_yet_is_of_today() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = begun(dir.path());
    pass(&mut log, 21..=30);
    let view = log.view();
    let place = Place { index: view.size() - 1, head: view.checkpoint().head };
    let judge = Judge { key: view.verifier(), stamps: None, now: time(NOW) };
    let instant = time("2026-11-30T11:59:00Z");
    let history = history(&mut Served::of(&log), &place, instant, &judge).unwrap();
    assert_eq!(history, History { last_without: Some(november(29)), ..History::default() });
    assert_eq!(history.opinion(instant), Opinion::Agrees);
}

/// A proof that was kept: the days that have its leaf came later.
#[test]
fn a_proof_may_be_older_than_the_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = begun(dir.path());
    pass(&mut log, 21..=25);
    let place = Place { index: 18, head: log.view().checkpoint().head };
    pass(&mut log, 25..=27);
    let view = log.view();
    let judge = Judge { key: view.verifier(), stamps: None, now: time(NOW) };
    let history = history(&mut Served::of(&log), &place, time("2026-11-25T10:00:00Z"), &judge).unwrap();
    assert_eq!((history.last_without, history.first_with), (Some(november(24)), Some(november(25))));
}

#[test]
fn a_log_that_was_down_for_days_is_not_accused() {
    let history = found_with("2026-11-22T10:00:00Z", &[], |path, found| {
        let is_gone = ["23", "24"].iter().any(|day| path == format!("daily/2026-11-{day}"));
        if is_gone { Err(io::ErrorKind::NotFound.into()) } else { found }
    });
    let history = history.unwrap();
    assert_eq!((history.last_without, history.first_with), (Some(november(22)), Some(november(25))));
    assert_eq!(history.opinion(time("2026-11-22T10:00:00Z")), Opinion::Agrees);
}

/// The log of a server that stamped letters before it had one: they are in its first checkpoint.
#[test]
fn marks_that_are_older_than_the_log_are_not_accused() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = begun(dir.path());
    pass(&mut log, 21..=30);
    let view = log.view();
    let place = Place { index: 3, head: view.checkpoint().head };
    let judge = Judge { key: view.verifier(), stamps: None, now: time(NOW) };
    for instant in ["2016-01-01T00:00:00Z", "2026-11-10T00:00:00Z", "2026-11-19T00:00:00Z"].map(time) {
        let history = history(&mut Served::of(&log), &place, instant, &judge).unwrap();
        assert_eq!(history, History { first_with: Some(november(20)), ..History::default() });
        assert_eq!(history.opinion(instant), Opinion::Agrees);
    }
}

#[test]
fn days_long_ago_are_found_in_few_steps() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::create(dir.path(), ORIGIN, [5; 32], date(2026, 5, 1)).unwrap();
    let days: Vec<Date> = days_of(date(2026, 5, 1), date(2026, 11, 30), i64::MAX).collect();
    for day in &days {
        log.publish(None, *day).unwrap();
        log.append(&leaves(log.size(), 1)).unwrap();
        log.publish(None, *day).unwrap();
    }
    let view = log.view();
    let judge = Judge { key: view.verifier(), stamps: None, now: time(NOW) };
    for index in [20, 100, 150] {
        let place = Place { index, head: view.checkpoint().head };
        let history = history(&mut Served::of(&log), &place, time("2016-01-01T00:00:00Z"), &judge).unwrap();
        let at = |index: u64| days.get(index as usize).copied();
        assert_eq!((history.last_without, history.first_with), (at(index - 1), at(index)));
    }
}

#[test_case(|path, found| if path.starts_with("daily/") { Err(io::Error::other("503")) } else { found } => false; "no days")]
#[test_case(|path, found| if path.starts_with("cons") { Err(io::ErrorKind::NotFound.into()) } else { found } => false; "no consistency")]
#[test_case(|path, found| if path.starts_with("cons") { Ok(b"<html>".to_vec()) } else { found } => false; "no hashes")]
#[test_case(|path, found| if path.starts_with("cons") { Ok(Vec::new()) } else { found } => true; "another history")]
#[test_case(|path, found| if path.ends_with("-25") { Ok(foreign()) } else { found } => true; "not the log's checkpoint")]
#[test_case(|path, found| if path.ends_with(".tst") { Ok(b"x".to_vec()) } else { found } => true; "no stamp")]
fn what_does_not_fit_is_told_from_what_cannot_be_read(change: Change) -> bool {
    let stamped = [(25, "2026-11-26T00:00:05Z")];
    found_with("2026-11-25T10:00:00Z", &stamped, change).unwrap_err().is_contradiction()
}

fn foreign() -> Vec<u8> {
    let signer = Signer::new(ORIGIN, [9; 32]).unwrap();
    signer.sign("poshta.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").into_bytes()
}

#[test]
fn a_stamp_of_a_stranger_is_a_contradiction() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = begun(dir.path());
    pass(&mut log, 21..=26);
    let (authority, stranger) = (Authority::new(), Authority::new());
    stranger.stamp(&log, november(25), "2026-11-26T00:00:05Z");
    let view = log.view();
    let place = Place { index: 18, head: view.checkpoint().head };
    let judge = Judge { key: view.verifier(), stamps: Some(authority.wanted()), now: time(NOW) };
    let alarm = history(&mut Served::of(&log), &place, time("2026-11-25T10:00:00Z"), &judge).unwrap_err();
    assert!(matches!(alarm, Alarm::Stamp { .. }), "{alarm}");
}
