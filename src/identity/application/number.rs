//! The number of an application, and of the confirmation that answers it (M13).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Counted by the directory; never used again. People read `2026-0000123-6`: the year, the number in it and a check
/// digit, so that one who types it at a counter finds no other application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ApplicationNumber {
    year: u16,
    serial: u32,
}

/// Not such a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the number of an application looks like 2026-0000123-6; a digit was mistyped or left out")]
pub struct NumberSyntax;

impl ApplicationNumber {
    /// The number that was counted, in a year.
    #[must_use]
    pub fn new(year: u16, serial: u32) -> Self {
        ApplicationNumber { year, serial }
    }

    /// The number, counted over all years.
    #[must_use]
    pub fn serial(self) -> u32 {
        self.serial
    }

    /// Luhn's digit over year and serial.
    fn check_digit(self) -> u32 {
        let digits = format!("{:04}{:07}", self.year, self.serial);
        let sum: u32 = digits
            .chars()
            .rev()
            .filter_map(|c| c.to_digit(10))
            .enumerate()
            .map(|(place, digit)| match place % 2 {
                0 if digit > 4 => digit * 2 - 9,
                0 => digit * 2,
                _ => digit,
            })
            .sum();
        (10 - sum % 10) % 10
    }
}

impl fmt::Display for ApplicationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:07}-{}", self.year, self.serial, self.check_digit())
    }
}

impl FromStr for ApplicationNumber {
    type Err = NumberSyntax;

    fn from_str(text: &str) -> Result<Self, NumberSyntax> {
        let mut parts = text.trim().split('-');
        let (year, serial, check) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(year), Some(serial), Some(check), None) => (year, serial, check),
            _ => return Err(NumberSyntax),
        };
        let is_digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
        if !(year.len() == 4 && is_digits(year, 4) && is_digits(serial, 1) && is_digits(check, 1)) {
            return Err(NumberSyntax);
        }
        let year = year.parse().map_err(|_| NumberSyntax)?;
        let number = ApplicationNumber { year, serial: serial.parse().map_err(|_| NumberSyntax)? };
        if check.parse() == Ok(number.check_digit()) { Ok(number) } else { Err(NumberSyntax) }
    }
}
