//! Production facilities and the operators they belong to (P4).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{Device, DeviceKind, Ink, LetterBox, OblastCode, PostalIndex, Script, Zone};

/// Small names of operators, facilities, devices and letter boxes: they stand in marks and in file names. Clones share
/// them, for every letter takes some along.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::postal::NotAName;

            fn from_str(text: &str) -> Result<Self, $crate::postal::NotAName> {
                $crate::postal::facility::checked_name(text).map(|name| $name(name.into()))
            }
        }
    };
}
pub(super) use name_type;

name_type! {
    /// A production facility (tag `f` of a mark).
    FacilityId
}
name_type! {
    /// A postal operator (tag `op` of a mark).
    OperatorId
}

/// Not a name of small Latin letters, digits and hyphens.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name; write 1 to 32 small Latin letters, digits and hyphens, for example \"ayagoz-2\"")]
pub struct NotAName(String);

pub(super) fn checked_name(text: &str) -> Result<&str, NotAName> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (1..=32).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-');
    if is_name { Ok(text) } else { Err(NotAName(text.into())) }
}

/// A postal operator (M3, P17).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// Its name in marks.
    pub id: OperatorId,
    /// True for the one National operator.
    pub is_national: bool,
    /// Name as engraved, in the state language.
    pub name_kk: String,
    /// Name in Latin letters (P26).
    pub name_lat: Option<String>,
    /// Its mail domains; a `Received` field by a host in one of them is this operator's.
    pub domains: Vec<String>,
}

/// What a facility is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FacilityKind {
    /// A post office with counters.
    Counter,
    /// A node of the postal network: sorting and exchange within the country.
    Node,
    /// The computing centre where electronic letters are accepted and received.
    Electronic,
    /// A mail wagon: red ink (P28).
    MailWagon,
    /// International exchange place: Latin inscriptions (P26).
    IntlExchange,
    /// Prints letters.
    PrintCentre,
    /// Scans letters.
    ScanCentre,
}

/// One version of a production facility. The same id may have several, one after the other, when its name,
/// number or zone changes; marks of old letters are judged by the version of their day.
#[derive(Clone, PartialEq, Debug)]
pub struct Facility {
    /// Its name in marks; the same in all versions.
    pub id: FacilityId,
    /// Whose it is.
    pub operator: OperatorId,
    /// What it is for.
    pub kind: FacilityKind,
    /// P25: name in the state language.
    pub name_kk: String,
    /// P26: name in Latin letters; mandatory for exchange places.
    pub name_lat: Option<String>,
    /// Its postal index.
    pub index: PostalIndex,
    /// Beginnings of the indices whose addressees are at home here, besides its own.
    pub serves: Vec<String>,
    /// The oblast or city it lies in.
    pub oblast: OblastCode,
    /// The settlement in the state language.
    pub settlement_kk: String,
    /// The settlement in Latin letters; mandatory for exchange places.
    pub settlement_lat: Option<String>,
    /// P14: its number, if and only if the settlement has several facilities.
    pub number: Option<u16>,
    /// The zone its stamps show the time of (P29).
    pub zone: Zone,
    /// P30: so little traffic that the stamps have no hour.
    pub low_volume: bool,
    /// P28: colour of its ink.
    pub ink: Ink,
    /// The days this version is valid.
    pub period: Period,
    /// What a print centre can print, and for whom.
    pub print: Option<PrintCapabilities>,
    /// Its letter boxes (P23).
    pub letter_boxes: Vec<LetterBox>,
    /// Its named devices (P4).
    pub devices: Vec<Device>,
}

/// What a print centre can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrintCapabilities {
    /// Beginnings of the postal indices it prints for; an empty one matches every index.
    pub prefixes: Vec<String>,
    /// It prints in colour.
    pub colour: bool,
    /// It prints on both sides.
    pub duplex: bool,
}

/// Days from `from` to `to`, both included; open where `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Facility {
    /// The calendar date here at this instant.
    #[must_use]
    pub fn date_at(&self, instant: Timestamp) -> Date {
        self.zone.civil_at(instant).date()
    }

    /// True while this version is valid.
    #[must_use]
    pub fn is_there(&self, instant: Timestamp) -> bool {
        self.period == Period::default() || self.period.contains(self.date_at(instant))
    }

    /// The script of its inscriptions: it hangs on the facility, not on the letter (P25, P26).
    #[must_use]
    pub fn script(&self) -> Script {
        if self.kind == FacilityKind::IntlExchange { Script::Latin } else { Script::Kazakh }
    }

    /// The first device of this kind that is usable at this instant.
    #[must_use]
    pub fn device(&self, kind: DeviceKind, instant: Timestamp) -> Option<&Device> {
        let today = self.date_at(instant);
        self.devices.iter().find(|device| device.kind == kind && device.is_usable(today, instant))
    }

    /// P23: the letter box into which ordinary hybrid letters are dropped.
    #[must_use]
    pub fn virtual_letter_box(&self) -> Option<&LetterBox> {
        self.letter_boxes.iter().find(|letter_box| letter_box.is_virtual)
    }

    /// The letter box with this name.
    #[must_use]
    pub fn letter_box(&self, id: &str) -> Option<&LetterBox> {
        self.letter_boxes.iter().find(|letter_box| letter_box.id.as_str() == id)
    }
}

impl PrintCapabilities {
    /// Length of the longest prefix that matches, `None` if none does.
    #[must_use]
    pub fn match_length(&self, index: &PostalIndex) -> Option<usize> {
        longest_match(&self.prefixes, index)
    }
}

pub(super) fn longest_match(prefixes: &[String], index: &PostalIndex) -> Option<usize> {
    prefixes.iter().filter(|prefix| index.as_str().starts_with(prefix.as_str())).map(String::len).max()
}

impl Period {
    /// True on the days of the period.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }

    /// True when the two have a day in common.
    #[must_use]
    pub fn overlaps(&self, other: &Period) -> bool {
        let begins_in_time = |one: &Period, two: &Period| match (one.from, two.to) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        };
        begins_in_time(self, other) && begins_in_time(other, self)
    }

    /// True when the end does not lie before the beginning.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.overlaps(self)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn period(from: &str, to: &str) -> Period {
        let day = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Period { from: day(from), to: day(to) }
    }

    #[test_case(("", ""), ("", "") => true; "both open")]
    #[test_case(("", "2022-06-07"), ("2022-06-08", "") => false; "one ends before the other begins")]
    #[test_case(("", "2022-06-08"), ("2022-06-08", "") => true; "one day in common")]
    #[test_case(("2026-01-01", "2026-02-01"), ("2026-03-01", "") => false; "apart")]
    #[test_case(("2026-01-01", "2026-12-01"), ("2026-03-01", "2026-03-02") => true; "inside")]
    fn periods_overlap(one: (&str, &str), two: (&str, &str)) -> bool {
        let (one, two) = (period(one.0, one.1), period(two.0, two.1));
        assert_eq!(one.overlaps(&two), two.overlaps(&one));
        one.overlaps(&two)
    }

    #[test_case("ayagoz-2" => true)]
    #[test_case("2" => true)]
    #[test_case("" => false)]
    #[test_case("-a" => false)]
    #[test_case("Ayagoz" => false; "capital")]
    #[test_case("аягөз" => false; "cyrillic")]
    #[test_case("a;b" => false; "would end a tag")]
    fn names_are_safe_in_tags_and_files(text: &str) -> bool {
        text.parse::<FacilityId>().is_ok()
    }
}
