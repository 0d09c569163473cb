//! Time zones by their tz database name, from the data inside the binary.
//!
//! Kazakhstan moved its clocks in 2018 and 2024; a host with old tz data would print wrong hours on letters, so
//! the host's data is never asked.

use std::fmt;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use crate::clock::Timestamp;

/// A zone of the bundled tz database, for example `Asia/Almaty`.
#[derive(Clone, PartialEq, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// The tz database has no such zone.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no zone of the tz database; write one like \"Asia/Almaty\"")]
pub struct UnknownZone(String);

impl Zone {
    /// The zone with this name.
    ///
    /// # Errors
    /// When the tz database does not know it.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let rules = TimeZone::get(name).map_err(|_| UnknownZone(name.into()))?;
        Ok(Zone { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    /// Its name in the tz database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The offset from UTC in force here at this instant (tag `z` of a mark).
    #[must_use]
    pub fn offset_at(&self, instant: Timestamp) -> Offset {
        self.rules.to_offset(instant)
    }

    /// The first instant of a day here, and the first that is not of it any more.
    #[must_use]
    pub fn day(&self, date: civil::Date) -> Option<(Timestamp, Timestamp)> {
        let begin = |date: civil::Date| Some(date.to_zoned(self.rules.clone()).ok()?.timestamp());
        Some((begin(date)?, begin(date.tomorrow().ok()?)?))
    }

    /// What clocks here show at this instant.
    #[must_use]
    pub fn civil_at(&self, instant: Timestamp) -> civil::DateTime {
        self.offset_at(instant).to_datetime(instant)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Asia/Almaty", "2024-02-29T17:59:59Z" => "+06"; "almaty before the change of 2024")]
    #[test_case("Asia/Almaty", "2024-02-29T18:00:00Z" => "+05"; "almaty after it")]
    #[test_case("Asia/Qostanay", "2024-02-29T18:00:00Z" => "+05"; "qostanay")]
    #[test_case("Asia/Qyzylorda", "2018-12-20T18:00:00Z" => "+05"; "qyzylorda in 2018")]
    #[test_case("Asia/Aqtau", "2026-11-21T00:00:00Z" => "+05"; "aqtau")]
    fn p29_bundled_zones_know_kazakhstan(zone: &str, instant: &str) -> String {
        Zone::named(zone).unwrap().offset_at(instant.parse().unwrap()).to_string()
    }

    #[test_case("2024-02-29" => 25; "the clocks of almaty went back")]
    #[test_case("2026-11-22" => 24)]
    fn p31_a_day_is_as_long_as_the_clocks_make_it(date: &str) -> i64 {
        let (begin, end) = Zone::named("Asia/Almaty").unwrap().day(date.parse().unwrap()).unwrap();
        (end.as_second() - begin.as_second()) / 3600
    }

    #[test]
    fn unknown_zone_is_named() {
        assert!(Zone::named("Asia/Astana").unwrap_err().to_string().contains("Asia/Astana"));
    }
}
