//! The date-time of RFC 5322 §3.3, read in its obsolete forms too, and written.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::clock::Timestamp;

/// A date as a message tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrittenDate {
    /// The clock face that is written. RFC 9051 §6.4.4: SENTBEFORE and its like look at its date and
    /// disregard time and zone.
    pub local: DateTime,
    /// The zone; `None` for `-0000` and for what means nothing.
    pub offset: Option<Offset>,
}

impl WrittenDate {
    /// The instant that is meant; an unknown zone is taken for UTC.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.offset.unwrap_or(Offset::UTC).to_timestamp(self.local).ok()
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// RFC 5322 §4.3 zones, in hours.
const ZONES: [(&str, i32); 11] = [
    ("UT", 0),
    ("GMT", 0),
    ("UTC", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// Reads a date-time; the day of the week is not checked.
#[must_use]
pub fn parse(text: &str) -> Option<WrittenDate> {
    let text = without_comments(text);
    let text = text.split_once(',').map_or(text.as_str(), |(_, rest)| rest);
    let mut words = text.split_whitespace().skip_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    let day: i8 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| name.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(month)))?;
    let year = year(words.next()?)?;
    let rest: Vec<&str> = words.collect();
    // Obsolete white space may stand around the colons.
    let zone_at = rest.iter().position(|word| !word.starts_with(|c: char| c.is_ascii_digit() || c == ':'));
    let (time, zone) = rest.split_at_checked(zone_at.unwrap_or(rest.len()))?;
    let (hour, minute, second) = time_of_day(&time.concat())?;
    let local = DateTime::new(year, i8::try_from(month + 1).ok()?, day, hour, minute, second, 0).ok()?;
    Some(WrittenDate { local, offset: zone.first().and_then(|zone| offset(zone)) })
}

/// RFC 5322 §3.3, as `Sat, 21 Nov 2026 20:02:39 +0500`. Seconds of an offset are left out.
#[must_use]
pub fn format(instant: Timestamp, offset: Offset) -> String {
    let local = offset.to_datetime(instant);
    let name = |names: &[&'static str], number: i8| {
        usize::try_from(number - 1).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let minutes = offset.seconds() / 60;
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
        name(&DAYS, local.weekday().to_monday_one_offset()),
        local.day(),
        name(&MONTHS, local.month()),
        local.year(),
        local.hour(),
        local.minute(),
        local.second(),
        if minutes < 0 { '-' } else { '+' },
        minutes.abs() / 60,
        minutes.abs() % 60,
    )
}

/// RFC 5322 §4.3: two digits below 50 are of this century, other two and three count from 1900.
fn year(digits: &str) -> Option<i16> {
    let number: i16 = digits.parse().ok().filter(|number| *number >= 0)?;
    match (digits.len(), number) {
        (2, 0..50) => Some(number + 2000),
        (2 | 3, _) => Some(number + 1900),
        _ => Some(number),
    }
}

fn time_of_day(text: &str) -> Option<(i8, i8, i8)> {
    let mut fields = text.split(':').map(|field| field.split('.').next().unwrap_or_default().parse::<i8>());
    let hour = fields.next()?.ok()?;
    let minute = fields.next()?.ok()?;
    let second = fields.next().unwrap_or(Ok(0)).ok()?;
    // A leap second is shown as the second before it.
    Some((hour, minute, if second == 60 { 59 } else { second }))
}

fn offset(zone: &str) -> Option<Offset> {
    let digits =
        zone.strip_prefix(['+', '-']).filter(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else {
        let (_, hours) = ZONES.iter().find(|(name, _)| zone.eq_ignore_ascii_case(name))?;
        return Offset::from_seconds(hours * 3600).ok();
    };
    let number: i32 = digits.parse().ok()?;
    let seconds = (number / 100 * 60 + number % 100) * 60;
    match (zone.starts_with('-'), seconds) {
        // RFC 5322 §3.3: "-0000" says nothing of the zone.
        (true, 0) => None,
        (true, _) => Offset::from_seconds(-seconds).ok(),
        (false, _) => Offset::from_seconds(seconds).ok(),
    }
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|c| {
            let inside = depth > 0;
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return !inside,
            }
            false
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Sat, 21 Nov 2026 20:02:39 +0500" => Some("2026-11-21T20:02:39 2026-11-21T15:02:39Z".to_owned()))]
    #[test_case("21 nov 26 20:02 GMT" => Some("2026-11-21T20:02:00 2026-11-21T20:02:00Z".to_owned()); "obsolete year and zone, no seconds")]
    #[test_case("Fri, 1 Jan 99 00:00:00 -0130 (comment)" => Some("1999-01-01T00:00:00 1999-01-01T01:30:00Z".to_owned()); "last century")]
    #[test_case("Sat, 31 Dec 2016 23:59:60 +0000" => Some("2016-12-31T23:59:59 2016-12-31T23:59:59Z".to_owned()); "leap second")]
    #[test_case("Sat,21 Nov 2026 20 : 02 : 39 -0000" => Some("2026-11-21T20:02:39 2026-11-21T20:02:39Z".to_owned()); "obsolete white space, no zone")]
    #[test_case("Sat 21 November 2026 20:02:39 EST" => Some("2026-11-21T20:02:39 2026-11-22T01:02:39Z".to_owned()); "no comma, long month")]
    #[test_case("31 Feb 2026 10:00 +0000" => None; "no such day")]
    #[test_case("yesterday" => None)]
    #[test_case("" => None; "nothing")]
    fn rfc5322_3_3_date(text: &str) -> Option<String> {
        parse(text).map(|date| format!("{} {}", date.local, date.timestamp().unwrap()))
    }

    #[test]
    fn rfc5322_3_3_date_is_written() {
        let instant: Timestamp = "2026-11-21T15:02:39Z".parse().unwrap();
        assert_eq!(format(instant, Offset::constant(5)), "Sat, 21 Nov 2026 20:02:39 +0500");
        assert_eq!(format(instant, Offset::from_seconds(-5400).unwrap()), "Sat, 21 Nov 2026 13:32:39 -0130");
    }
}
