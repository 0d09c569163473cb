//! The days of a device, one behind the other: each ends with its facility's midnight, whatever the zone was before.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::clock::Timestamp;
use crate::postal::{DeviceId, Facility, Registry};

/// A day that a closing covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) day: Date,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The days of one device that are not closed, the first ones as far as they were asked for.
#[derive(Debug)]
pub(super) struct Calendar {
    spans: Vec<Span>,
}

impl Calendar {
    /// Behind a day that is closed.
    pub(super) fn behind(registry: &Registry, device: &DeviceId, day: Date, to: Timestamp) -> Option<Self> {
        Some(Calendar { spans: vec![span(registry, device, day.tomorrow().ok()?, Some(to))?] })
    }

    /// From the day of this instant on.
    pub(super) fn from(registry: &Registry, device: &DeviceId, instant: Timestamp) -> Option<Self> {
        let facility = facility_on(registry, device, None)?;
        let first = facility.date_at(instant);
        let zone = facility_on(registry, device, Some(first)).unwrap_or(facility);
        Some(Calendar { spans: vec![span(registry, device, zone.date_at(instant), None)?] })
    }

    /// The first day that is not closed.
    pub(super) fn next(&self) -> Option<Span> {
        self.spans.first().copied()
    }

    /// The day of an instant; `None` for one that is closed.
    pub(super) fn day_of(&mut self, registry: &Registry, device: &DeviceId, instant: Timestamp) -> Option<Date> {
        if self.spans.first().is_none_or(|first| instant < first.from) {
            return None;
        }
        while let Some(last) = self.spans.last().copied().filter(|last| last.to <= instant) {
            self.spans.push(span(registry, device, last.day.tomorrow().ok()?, Some(last.to))?);
        }
        let at = self.spans.partition_point(|span| span.to <= instant);
        self.spans.get(at).map(|span| span.day)
    }

    /// The first day is closed.
    pub(super) fn turn(&mut self, registry: &Registry, device: &DeviceId) {
        let Some(closed) = self.next() else { return };
        self.spans.remove(0);
        if self.spans.is_empty()
            && let Ok(tomorrow) = closed.day.tomorrow()
        {
            self.spans.extend(span(registry, device, tomorrow, Some(closed.to)));
        }
    }
}

/// The version of the device's facility on a day; the newest one when that day has none.
pub(super) fn facility_on<'a>(registry: &'a Registry, device: &DeviceId, day: Option<Date>) -> Option<&'a Facility> {
    let has = |facility: &&Facility| facility.devices.iter().any(|other| other.id == *device);
    let versions = || registry.versions().iter().filter(has);
    let on_day = day.and_then(|day| versions().find(|facility| facility.period.contains(day)));
    on_day.or_else(|| versions().next_back())
}

fn span(registry: &Registry, device: &DeviceId, day: Date, behind: Option<Timestamp>) -> Option<Span> {
    let (begin, to) = facility_on(registry, device, Some(day))?.zone.day(day)?;
    let from = behind.unwrap_or(begin);
    // A zone that was moved by more than a day would leave nothing; the tz database has none.
    (from < to).then_some(Span { day, from, to })
}

/// Where in the journal the first line of each quarter of an hour is: midnights are at those in every zone.
#[derive(Debug, Default)]
pub(super) struct Quarters<P>(BTreeMap<i64, P>);

impl<P: Copy + Ord> Quarters<P> {
    /// A line of this instant stands behind `place`.
    pub(super) fn note(&mut self, instant: Timestamp, place: P) {
        self.0.entry(quarter(instant)).or_insert(place);
    }

    /// The place behind which every line is that is not of before `instant`; `None` when there is no such line.
    pub(super) fn first_from(&self, instant: Timestamp) -> Option<P> {
        self.0.range(quarter(instant)..).map(|(_, place)| *place).min()
    }

    /// Forgets what is before.
    pub(super) fn forget_before(&mut self, instant: Timestamp) {
        self.0 = self.0.split_off(&quarter(instant));
    }
}

fn quarter(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(900)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::parse(include_str!("../../conf/facilities.toml")).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn p31_days_lie_one_behind_the_other_and_end_at_the_facilitys_midnight() {
        let (registry, device) = (registry(), "astana-1-a".parse().unwrap());
        // The clocks of Astana went back by an hour at the end of 29 February 2024.
        let mut calendar = Calendar::from(&registry, &device, at("2024-02-28T20:00:00Z")).unwrap();
        let days = [
            ("2024-02-29", "2024-02-28T18:00:00Z", "2024-02-29T19:00:00Z"),
            ("2024-03-01", "2024-02-29T19:00:00Z", "2024-03-01T19:00:00Z"),
        ];
        for (day, from, to) in days {
            let next = calendar.next().unwrap();
            assert_eq!((next.day.to_string().as_str(), next.from, next.to), (day, at(from), at(to)));
            calendar.turn(&registry, &device);
        }
        assert_eq!(calendar.day_of(&registry, &device, at("2024-03-01T18:59:59Z")), None, "closed");
        assert_eq!(calendar.day_of(&registry, &device, at("2024-03-01T19:00:00Z")).unwrap().to_string(), "2024-03-02");
        assert_eq!(calendar.day_of(&registry, &device, at("2024-03-09T19:00:00Z")).unwrap().to_string(), "2024-03-10");
        assert_eq!(calendar.next().unwrap().day.to_string(), "2024-03-02");
    }

    #[test]
    fn quarters_know_where_to_go_on() {
        let mut quarters = Quarters::default();
        for (place, instant) in [(1, "2024-02-29T18:00:00Z"), (2, "2024-02-29T19:20:00Z"), (3, "2024-02-29T19:00:01Z")]
        {
            quarters.note(at(instant), place);
        }
        assert_eq!(quarters.first_from(at("2024-02-29T19:00:00Z")), Some(2));
        assert_eq!(quarters.first_from(at("2024-02-29T20:00:00Z")), None);
        quarters.forget_before(at("2024-02-29T19:00:00Z"));
        assert_eq!(quarters.first_from(at("2024-01-01T00:00:00Z")), Some(2));
    }
}
