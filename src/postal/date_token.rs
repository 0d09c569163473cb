//! The eight digits on a postmark (P29), or six where the hour is left out (P30).

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::Offset;

use crate::clock::Timestamp;

use super::{Facility, LetterBox};

/// P29: order 57 cl. 13. "ККААЖЖСС": day, month, year, and the hour that has begun. Low-volume facilities leave
/// the hour out (P30), and ordinary letters from a box have a date alone (P23).
///
/// The token does not tell instants apart: when clocks go back an hour happens twice. Marks carry the instant
/// and the zone's offset beside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DateToken {
    date: civil::Date,
    hour: Option<i8>,
}

/// Not six or eight digits of a date.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date token; it has the digits DDMMYYHH or DDMMYY")]
pub struct NotADateToken(String);

impl DateToken {
    /// The token a device of `facility` shows at `instant`: the facility's own zone, the hour floored, never
    /// rounded. The only way to make one for a new impression, besides [`DateToken::from_box`].
    #[must_use]
    pub fn at(instant: Timestamp, facility: &Facility) -> Self {
        let token = DateToken::on_clock(facility.zone.civil_at(instant));
        // P30: order 57 cl. 13. Non-node points with little traffic may go without the hour.
        if facility.low_volume { token.without_hour() } else { token }
    }

    /// P23: order 57 cl. 9. The date of an ordinary letter dropped into `letter_box` of `facility` at `instant`.
    #[must_use]
    pub fn from_box(instant: Timestamp, facility: &Facility, letter_box: &LetterBox) -> Self {
        DateToken { date: letter_box.date_of(facility.zone.civil_at(instant)), hour: None }
    }

    /// What a token would say at `instant` under `offset`, for judging marks.
    pub(super) fn under(instant: Timestamp, offset: Offset) -> Self {
        DateToken::on_clock(offset.to_datetime(instant))
    }

    /// The date alone.
    #[must_use]
    pub fn without_hour(self) -> Self {
        DateToken { hour: None, ..self }
    }

    /// True for eight digits.
    #[must_use]
    pub fn has_hour(self) -> bool {
        self.hour.is_some()
    }

    /// The date of the next day, without an hour.
    pub(super) fn next_day(self) -> Self {
        DateToken { date: self.date.tomorrow().unwrap_or(self.date), hour: None }
    }

    /// The calendar date.
    #[must_use]
    pub fn date(self) -> civil::Date {
        self.date
    }

    /// The hour that has begun, 0 to 23.
    #[must_use]
    pub fn hour(self) -> Option<i8> {
        self.hour
    }

    /// Writes its digits to the end of `out`.
    pub(super) fn write_to(self, out: &mut String) {
        let year = i8::try_from(self.date.year().rem_euclid(100)).unwrap_or_default();
        for pair in [self.date.day(), self.date.month(), year].into_iter().chain(self.hour) {
            out.extend([pair / 10, pair % 10].map(|digit| char::from(b'0'.saturating_add_signed(digit))));
        }
    }

    fn on_clock(clock: civil::DateTime) -> Self {
        DateToken { date: clock.date(), hour: Some(clock.hour()) }
    }
}

impl fmt::Display for DateToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = String::new();
        self.write_to(&mut digits);
        f.write_str(&digits)
    }
}

impl FromStr for DateToken {
    type Err = NotADateToken;

    /// Reads the digits of a mark. The order dates from 2016, so the two-digit year is of this century.
    fn from_str(text: &str) -> Result<Self, NotADateToken> {
        let wrong = || NotADateToken(text.into());
        if !matches!(text.len(), 6 | 8) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let pair = |at: usize| text.get(at..at + 2).and_then(|pair| pair.parse::<i8>().ok());
        let (Some(day), Some(month), Some(year)) = (pair(0), pair(2), pair(4)) else { return Err(wrong()) };
        let date = civil::Date::new(2000 + i16::from(year), month, day).map_err(|_| wrong())?;
        let hour = pair(6);
        if hour.is_some_and(|hour| hour > 23) { Err(wrong()) } else { Ok(DateToken { date, hour }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::super::registry::tests::facility_in;
    use super::*;

    #[test_case("Asia/Almaty", "2026-11-21T04:59:59Z" => "21112609"; "floored, never rounded")]
    #[test_case("Asia/Almaty", "2026-11-21T05:00:00Z" => "21112610"; "from the start of the hour")]
    #[test_case("Asia/Almaty", "2026-11-20T19:00:00Z" => "21112600"; "midnight is hour 00 of the new day")]
    #[test_case("Asia/Almaty", "2026-12-31T18:59:59Z" => "31122623"; "last hour of the year")]
    #[test_case("Asia/Almaty", "2024-02-29T17:30:00Z" => "29022423"; "almaty before clocks went back")]
    #[test_case("Asia/Almaty", "2024-02-29T18:30:00Z" => "29022423"; "almaty after clocks went back")]
    #[test_case("Asia/Qyzylorda", "2018-12-20T17:30:00Z" => "20121823"; "qyzylorda before")]
    #[test_case("Asia/Qyzylorda", "2018-12-20T18:30:00Z" => "20121823"; "qyzylorda after")]
    fn p29_token_is_the_hour_of_the_facilitys_zone(zone: &str, instant: &str) -> String {
        DateToken::at(instant.parse().unwrap(), &facility_in(zone)).to_string()
    }

    #[test]
    fn p29_repeated_hour_is_told_apart_by_the_offset() {
        let almaty = facility_in("Asia/Almaty");
        let [first, second]: [Timestamp; 2] =
            ["2024-02-29T17:30:00Z", "2024-02-29T18:30:00Z"].map(|text| text.parse().unwrap());
        assert_eq!(DateToken::at(first, &almaty), DateToken::at(second, &almaty));
        assert_ne!(almaty.zone.offset_at(first), almaty.zone.offset_at(second));
    }

    #[test]
    fn p30_low_volume_facility_has_no_hour() {
        let quiet = Facility { low_volume: true, ..facility_in("Asia/Aqtau") };
        assert_eq!(DateToken::at("2026-11-21T04:59:59Z".parse().unwrap(), &quiet).to_string(), "211126");
    }

    #[test_case("31022609"; "no such day")]
    #[test_case("21132609"; "no such month")]
    #[test_case("21112624"; "no such hour")]
    #[test_case("2111260"; "seven digits")]
    #[test_case("2111 609"; "a space")]
    #[test_case("+1112609"; "a sign")]
    fn p29_bad_token_is_refused(text: &str) {
        assert_eq!(text.parse::<DateToken>(), Err(NotADateToken(text.into())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn p29_token_reads_back(second in 946_684_800i64..4_102_444_800, low_volume: bool) {
            let facility = Facility { low_volume, ..facility_in("Asia/Almaty") };
            let instant = Timestamp::from_second(second).unwrap();
            let token = DateToken::at(instant, &facility);
            prop_assert_eq!(token.has_hour(), !low_volume);
            if token.date().year() < 2100 {
                prop_assert_eq!(token.to_string().parse::<DateToken>(), Ok(token));
            }
            let clock = facility.zone.civil_at(instant);
            prop_assert_eq!(token.date(), clock.date());
            prop_assert!(token.hour().is_none_or(|hour| hour == clock.hour()));
        }
    }
}
