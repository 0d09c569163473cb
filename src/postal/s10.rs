//! UPU S10: the thirteen characters that number an item on paper, `RR473124829KZ`. P1: order 57 cl. 1, the rules follow the
//! acts of the Universal Postal Union.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Serial numbers have eight digits.
const SERIALS: u32 = 100_000_000;

/// An item number: service indicator, serial number with check digit, country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct S10 {
    service: [u8; 2],
    serial: u32,
    country: [u8; 2],
}

/// Why a text is no S10 number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S10Error {
    /// Not two letters, nine digits, two letters.
    #[error("an item number looks like RR473124829KZ: two letters, nine digits, two letters")]
    Shape,
    /// The ninth digit does not follow from the eight before it.
    #[error("the check digit is {found}, it should be {expected}; a digit was mistyped")]
    CheckDigit {
        /// What was written.
        found: u32,
        /// What would be right.
        expected: u32,
    },
    /// More serial numbers than eight digits have.
    #[error("the serial number has more than eight digits")]
    Serial,
}

impl S10 {
    /// The number of a domestic item (`KZ`).
    ///
    /// # Errors
    /// A service indicator that is not two capital letters, or a serial number of more than eight digits.
    pub fn new(service: &str, serial: u32) -> Result<Self, S10Error> {
        if serial >= SERIALS {
            return Err(S10Error::Serial);
        }
        Ok(S10 { service: letters(service)?, serial, country: *b"KZ" })
    }

    /// The serial number without its check digit.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// As it is printed for people: `RR 473 124 829 KZ`.
    #[must_use]
    pub fn spaced(&self) -> String {
        let text = self.to_string();
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        [part(0, 2), part(2, 5), part(5, 8), part(8, 11), part(11, 13)].join(" ")
    }
}

/// Weights 8 6 4 2 3 5 9 7; 11 minus the sum modulo 11, with 10 as 0 and 11 as 5.
fn check_digit(serial: u32) -> u32 {
    const WEIGHTS: [u32; 8] = [7, 9, 5, 3, 2, 4, 6, 8];
    let digits = std::iter::successors(Some(serial), |rest| Some(rest / 10)).map(|rest| rest % 10);
    let sum: u32 = digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    match 11 - sum % 11 {
        10 => 0,
        11 => 5,
        digit => digit,
    }
}

fn letters(text: &str) -> Result<[u8; 2], S10Error> {
    match *text.as_bytes() {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok([a, b]),
        _ => Err(S10Error::Shape),
    }
}

impl fmt::Display for S10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |letters: [u8; 2]| letters.map(char::from);
        let ([a, b], [c, d]) = (text(self.service), text(self.country));
        write!(f, "{a}{b}{:08}{}{c}{d}", self.serial, check_digit(self.serial))
    }
}

impl FromStr for S10 {
    type Err = S10Error;

    /// Spaces and small letters are allowed.
    fn from_str(text: &str) -> Result<Self, S10Error> {
        let text: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let part = |from: usize, to: usize| text.get(from..to).ok_or(S10Error::Shape);
        if text.len() != 13 || !part(2, 11)?.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(S10Error::Shape);
        }
        let number = |from, to| part(from, to)?.parse::<u32>().map_err(|_| S10Error::Shape);
        let (serial, found) = (number(2, 10)?, number(10, 11)?);
        let expected = check_digit(serial);
        if found != expected {
            return Err(S10Error::CheckDigit { found, expected });
        }
        Ok(S10 { service: letters(part(0, 2)?)?, serial, country: letters(part(11, 13)?)? })
    }
}

impl Serialize for S10 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for S10 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Serial numbers that were given to this operator for one service, used once each, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S10Range {
    /// The service indicator: two capital letters.
    pub service: String,
    /// First serial number, without check digit.
    pub first: u32,
    /// Last serial number, without check digit.
    pub last: u32,
}

impl S10Range {
    /// The number at this place of the range, counted from 0; `None` when the range is used up.
    ///
    /// # Errors
    /// When the range itself is no range of S10 numbers.
    pub fn number(&self, used: u64) -> Result<Option<S10>, S10Error> {
        let serial = u64::from(self.first).saturating_add(used);
        match u32::try_from(serial) {
            Ok(serial) if serial <= self.last => S10::new(&self.service, serial).map(Some),
            _ => Ok(None),
        }
    }

    /// How many numbers it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        (u64::from(self.last) + 1).saturating_sub(u64::from(self.first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("CC016466342KZ"; "an item seen in public tracking")]
    #[test_case("RR473124829GB"; "the example of the standard")]
    #[test_case("cc 016 466 342 kz"; "as people write it")]
    fn p1_c4_s10_reads(text: &str) {
        let plain: String = text.to_uppercase().replace(' ', "");
        assert_eq!(text.parse::<S10>().map(|s10| s10.to_string()), Ok(plain));
    }

    #[test_case("RR473124828GB" => S10Error::CheckDigit { found: 8, expected: 9 })]
    #[test_case("RR47312482GB" => S10Error::Shape; "too short")]
    #[test_case("R1473124829GB" => S10Error::Shape; "digit in the service")]
    #[test_case("RR473124829G8" => S10Error::Shape; "digit in the country")]
    #[test_case("RRабвг4829GB" => S10Error::Shape; "letters among the digits")]
    fn p1_c4_s10_refuses(text: &str) -> S10Error {
        text.parse::<S10>().unwrap_err()
    }

    #[test_case(0 => 5; "sum 0 gives 11, which becomes 5")]
    #[test_case(4_000 => 0; "sum 12 gives 10, which becomes 0")]
    #[test_case(10_000_000 => 3; "sum 8 gives 3")]
    #[test_case(3_000 => 2; "sum 9 gives 2")]
    #[test_case(47_312_482 => 9; "the example of the standard")]
    fn p1_c4_check_digit(serial: u32) -> u32 {
        check_digit(serial)
    }

    #[test]
    fn p1_c4_range_ends() {
        let range = S10Range { service: "RR".into(), first: 99_999_998, last: 99_999_999 };
        assert_eq!(range.size(), 2);
        assert_eq!(range.number(1).unwrap().unwrap().serial(), 99_999_999);
        assert_eq!(range.number(2), Ok(None));
        assert_eq!(range.number(u64::MAX), Ok(None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn c4_s10_round_trip_and_single_errors(serial in 0..SERIALS, at in 2usize..10, step in 1u8..10) {
            let s10 = S10::new("LA", serial).unwrap();
            let text = s10.to_string();
            prop_assert_eq!(text.parse::<S10>(), Ok(s10));
            prop_assert_eq!(s10.spaced().parse::<S10>(), Ok(s10));
            let mut wrong = text.into_bytes();
            wrong[at] = b'0' + (wrong[at] - b'0' + step) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            // Every weight is prime to 11, so the remainder changes; only remainders 0 and 6 share a digit, 5.
            prop_assert!(wrong.parse::<S10>().is_err() || wrong.as_bytes()[10] == b'5');
        }
    }
}
