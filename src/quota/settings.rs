//! `[quota]` of the configuration.

use serde::{Deserialize, Serialize};

use crate::store::accounts::Account;
use crate::store::quota::{Allowance, Limit, Usage};

/// What a mailbox may hold, and what happens when it is full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of a mailbox for which nothing else was set; 0 is without a limit.
    pub default_bytes: u64,
    /// Messages of such a mailbox; 0 is without a limit.
    pub default_messages: u64,
    /// How full a mailbox is when its user is warned, per cent; 0 is never.
    pub warn_percent: u64,
    /// Below how much of it the user can be warned again, per cent.
    pub calm_percent: u64,
    /// What senders are told when the mailbox is full.
    pub when_full: WhenFull,
    /// What official letters may take above the quota, bytes.
    pub official_reserve_bytes: u64,
    /// What official letters may take above the quota, messages.
    pub official_reserve_messages: u64,
}

/// What a sender is told whose letter finds no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// Try later: the letter waits at the sender's server.
    Later,
    /// Never: the sender hears of it at once.
    Never,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            default_bytes: 10 << 30,
            default_messages: 0,
            warn_percent: 90,
            calm_percent: 80,
            when_full: WhenFull::Later,
            official_reserve_bytes: 1 << 30,
            official_reserve_messages: 10_000,
        }
    }
}

impl Settings {
    /// What this account may hold; one that is not known gets what all get.
    #[must_use]
    pub fn allowance(&self, account: Option<&Account>) -> Allowance {
        let own = account.map(|account| account.quota).unwrap_or_default();
        Allowance {
            bytes: self.limit(own.bytes.unwrap_or(self.default_bytes)),
            messages: self.limit(own.messages.unwrap_or(self.default_messages)),
        }
    }

    /// What official letters may take besides.
    #[must_use]
    pub fn official_reserve(&self) -> Usage {
        Usage { bytes: self.official_reserve_bytes, messages: self.official_reserve_messages }
    }

    /// What cannot be run with: key, what is wrong, what to do.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if self.warn_percent > 100 {
            let what = format!("{} is more than 100 per cent", self.warn_percent);
            problems.push(("warn_percent", what, "write 1 to 100, or 0 to warn nobody"));
        }
        if self.warn_percent > 0 && self.calm_percent > self.warn_percent {
            let what = format!("{} is more than warn_percent, which is {}", self.calm_percent, self.warn_percent);
            problems.push(("calm_percent", what, "lower it: else a mailbox would be warned of again and again"));
        }
        problems
    }

    fn limit(&self, most: u64) -> Limit {
        if most == 0 {
            return Limit::default();
        }
        let warn_above = (self.warn_percent > 0).then(|| below(most, self.warn_percent));
        Limit { most: Some(most), warn_above, calm_at: below(most, self.calm_percent) }
    }
}

/// The largest number that is less than so many per cent of `most`.
fn below(most: u64, percent: u64) -> u64 {
    let share = (u128::from(most) * u128::from(percent)).div_ceil(100);
    u64::try_from(share.saturating_sub(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(1000, 899, false; "below ninety per cent")]
    #[test_case(1000, 900, true; "at ninety per cent")]
    #[test_case(10, 9, true; "nine of ten")]
    #[test_case(1, 1, true; "one of one")]
    #[test_case(1, 0, false; "none of one")]
    #[test_case(u64::MAX, u64::MAX / 2, false; "half of all there can be")]
    #[test_case(0, u64::MAX, false; "without a limit")]
    fn a_mailbox_is_warned_of_from_ninety_per_cent_on(most: u64, held: u64, warned: bool) {
        let settings = Settings { default_bytes: most, ..Settings::default() };
        assert_eq!(settings.allowance(None).warns_of(Usage { bytes: held, messages: 0 }), warned);
    }

    #[test]
    fn zero_per_cent_warns_nobody() {
        let settings = Settings { default_bytes: 100, warn_percent: 0, ..Settings::default() };
        let allowance = settings.allowance(None);
        assert!(!allowance.warns_of(Usage { bytes: 100, messages: 0 }));
        assert!(!allowance.has_room(Usage { bytes: 100, messages: 0 }, Usage { bytes: 1, messages: 0 }));
    }

    #[test_case(101, 80; "more than all")]
    #[test_case(70, 80; "calm above the warning")]
    fn percentages_that_make_no_sense_are_named(warn_percent: u64, calm_percent: u64) {
        let settings = Settings { warn_percent, calm_percent, ..Settings::default() };
        assert_eq!(settings.problems().len(), 1);
    }
}
