//! `[desk]` of the configuration.

use serde::{Deserialize, Serialize};

/// How clerks register people at the counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether a second clerk confirms what the first has seen to.
    pub four_eyes: bool,
    /// Largest scan of a signed application, bytes.
    pub max_scan_bytes: usize,
    /// Most pages of one.
    pub max_scan_pages: u32,
    /// How long a code for choosing a password counts, days.
    pub code_days: u32,
    /// Codes that one network (IPv4 /24, IPv6 /64) may try in an hour.
    pub codes_per_hour: u32,
    /// Networks that are counted at one time; the oldest are forgotten beyond it.
    pub max_networks: usize,
    /// Applications that the desk lists at once.
    pub max_listed: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            four_eyes: false,
            max_scan_bytes: 20 << 20,
            max_scan_pages: 20,
            code_days: 30,
            codes_per_hour: 30,
            max_networks: 100_000,
            max_listed: 100,
        }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let numbers = [
            ("max_scan_bytes", self.max_scan_bytes == 0),
            ("max_scan_pages", self.max_scan_pages == 0),
            ("code_days", self.code_days == 0),
            ("codes_per_hour", self.codes_per_hour == 0),
            ("max_listed", self.max_listed == 0),
        ];
        let wrong = numbers.into_iter().filter(|(_, is_wrong)| *is_wrong);
        wrong
            .map(|(key, _)| (key, "with 0 nobody could register at a counter".to_owned(), "write at least 1"))
            .collect()
    }
}
