//! Dates: `date` of SEARCH and `date-time` of APPEND (RFC 9051 §9).

use jiff::civil::{self, Date};
use jiff::tz::Offset;

use crate::clock::Timestamp;

use super::cursor::{Cursor, Parsed};

/// English month names, as the protocol writes them; the first is January.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DATE: &str = "a date like 1-Feb-2026";
const DATE_TIME: &str = "a date like \"01-Feb-2026 12:34:56 +0500\"";

/// `date`: `1-Feb-2026`, with or without quotes.
pub(super) fn date(cursor: &mut Cursor<'_>) -> Parsed<Date> {
    let quoted = cursor.eat(b'"');
    let at = cursor.position();
    let day = digits(cursor, 1..=2, DATE)?;
    let date = month_and_year(cursor, at, day, DATE)?;
    if quoted {
        cursor.require(b'"', "the closing quote")?;
    }
    Ok(date)
}

/// `date-time`: `" 1-Feb-2026 12:34:56 +0500"`; a one-digit day stands behind a space.
pub(super) fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Timestamp> {
    cursor.require(b'"', DATE_TIME)?;
    let at = cursor.position();
    let wrong = || Cursor::expected_at(at, DATE_TIME);
    cursor.eat(b' ');
    let day = digits(cursor, 1..=2, DATE_TIME)?;
    let date = month_and_year(cursor, at, day, DATE_TIME)?;
    cursor.space()?;
    let hour = digits(cursor, 2..=2, DATE_TIME)?;
    cursor.require(b':', DATE_TIME)?;
    let minute = digits(cursor, 2..=2, DATE_TIME)?;
    cursor.require(b':', DATE_TIME)?;
    // RFC 5322 §3.3 allows the leap second 60; civil time has no place for it.
    let second = digits(cursor, 2..=2, DATE_TIME)?;
    let second = if second == 60 { 59 } else { second };
    cursor.space()?;
    let offset = zone(cursor)?;
    cursor.require(b'"', "the closing quote")?;
    let [hour, minute, second] = [hour, minute, second].map(|number| i8::try_from(number).unwrap_or(i8::MAX));
    let time = civil::Time::new(hour, minute, second, 0).map_err(|_| wrong())?;
    let instant = offset.to_timestamp(date.to_datetime(time)).map_err(|_| wrong())?;
    // INTERNALDATE is told in UTC, and `date-year` has no sign.
    if Offset::UTC.to_datetime(instant).year() < 0 { Err(wrong()) } else { Ok(instant) }
}

fn month_and_year(cursor: &mut Cursor<'_>, at: usize, day: u16, what: &'static str) -> Parsed<Date> {
    let wrong = || Cursor::expected_at(at, what);
    cursor.require(b'-', what)?;
    let month = MONTHS.iter().zip(1_i8..).find(|(name, _)| cursor.eat_text(name)).ok_or_else(wrong)?.1;
    cursor.require(b'-', what)?;
    let year = digits(cursor, 4..=4, what)?;
    let year = i16::try_from(year).map_err(|_| wrong())?;
    Date::new(year, month, i8::try_from(day).map_err(|_| wrong())?).map_err(|_| wrong())
}

/// `zone`: `+0500`.
fn zone(cursor: &mut Cursor<'_>) -> Parsed<Offset> {
    let at = cursor.position();
    let sign = match cursor.peek() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(cursor.expected("a zone like +0500")),
    };
    cursor.eat(b'+');
    cursor.eat(b'-');
    let number = i32::from(digits(cursor, 4..=4, "a zone like +0500")?);
    let (hours, minutes) = (number / 100, number % 100);
    let seconds = sign * (hours * 3600 + minutes * 60);
    // RFC 5322 §3.3: the last two digits of a zone are 00 to 59.
    Offset::from_seconds(seconds)
        .ok()
        .filter(|_| minutes < 60)
        .ok_or_else(|| Cursor::expected_at(at, "a zone like +0500"))
}

fn digits(cursor: &mut Cursor<'_>, count: std::ops::RangeInclusive<usize>, what: &'static str) -> Parsed<u16> {
    let at = cursor.position();
    let digits = cursor.take_while(what, |byte| byte.is_ascii_digit())?;
    if !count.contains(&digits.len()) {
        return Err(Cursor::expected_at(at, what));
    }
    Ok(digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}
