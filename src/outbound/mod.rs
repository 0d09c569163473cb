//! Letters to other domains: a queue that survives everything, attempts with back-off, reports when it is over.
//!
//! The invariant of this folder: a row leaves the queue only in the commit that also holds its consequence
//! (nothing more for a delivery, the report to the sender for a failure).

mod attempt;
mod client;
pub mod dkim;
mod manager;
mod report;
mod routing;
mod tls;
pub mod waiting;

use std::collections::BTreeMap;

pub use manager::{Outbound, Services};
pub use tls::opportunistic as opportunistic_tls;

use serde::{Deserialize, Serialize};

/// `[outbound]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Attempts that run at once.
    pub max_attempts_at_once: usize,
    /// Attempts to one domain that run at once.
    pub max_attempts_per_domain: usize,
    /// Recipients in one transaction.
    pub max_recipients_per_attempt: usize,
    /// Waiting times before the second, third … attempt, seconds; the last one is used from then on.
    pub retry_after_s: Vec<u64>,
    /// After this long a letter that could not be delivered goes back, seconds (RFC 5321 §4.5.4.1: 4-5 days).
    pub give_up_after_s: u64,
    /// After this long the sender is told once that the letter is late, seconds.
    pub report_delay_after_s: u64,
    /// A letter that its sender wants back with the report of a failure (RFC 3461 §4.3) comes back up to this size,
    /// bytes; of a larger one the header does.
    pub max_returned_bytes: u64,
    /// Establishing a connection, seconds.
    pub connect_timeout_s: u64,
    /// Waiting for the answer to a command, seconds (RFC 5321 §4.5.3.2: 5 minutes).
    pub command_timeout_s: u64,
    /// Waiting for the answer to the end of the data, seconds (RFC 5321 §4.5.3.2.6: 10 minutes).
    pub end_of_data_timeout_s: u64,
    /// Port of the servers found by MX.
    pub port: u16,
    /// Hand letters also to servers found by MX that are on private networks or on this machine.
    pub allow_private_targets: bool,
    /// Hand everything to this server (`host:port`) instead of asking for MX records.
    pub next_hop: Option<String>,
    /// Domains (with everything below them) that go to a server of their own: domain to `host:port`.
    pub routes: BTreeMap<String, String>,
    /// Who signs the letters.
    pub dkim: dkim::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_attempts_at_once: 100,
            max_attempts_per_domain: 10,
            max_recipients_per_attempt: 100,
            retry_after_s: vec![60, 300, 900, 1800, 3600, 7200, 14400],
            give_up_after_s: 5 * 24 * 3600,
            report_delay_after_s: 4 * 3600,
            max_returned_bytes: 1 << 20,
            connect_timeout_s: 30,
            command_timeout_s: 300,
            end_of_data_timeout_s: 600,
            port: 25,
            allow_private_targets: false,
            next_hop: None,
            routes: BTreeMap::new(),
            dkim: dkim::Settings::default(),
        }
    }
}

impl Settings {
    /// How long to wait after this many attempts, seconds.
    #[must_use]
    pub fn wait_after(&self, attempts: u32) -> u64 {
        let number = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        self.retry_after_s.get(number).or(self.retry_after_s.last()).copied().unwrap_or(900).max(1)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(0 => 10; "before the first attempt as after it")]
    #[test_case(1 => 10; "after the first")]
    #[test_case(2 => 20; "after the second")]
    #[test_case(9 => 20; "the last one stays")]
    fn rfc5321_waiting_grows_with_the_attempts(attempts: u32) -> u64 {
        Settings { retry_after_s: vec![10, 20], ..Settings::default() }.wait_after(attempts)
    }

    #[test_case(&[] => 900; "no list")]
    #[test_case(&[0] => 1; "never without a pause")]
    fn waiting_never_ends_in_a_storm(list: &[u64]) -> u64 {
        Settings { retry_after_s: list.to_vec(), ..Settings::default() }.wait_after(3)
    }
}
