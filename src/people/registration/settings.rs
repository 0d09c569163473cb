//! `[registration]` of the configuration.

use serde::{Deserialize, Serialize};

/// How people get mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether applications are signed online (M13); it also needs `[eds]`. Without, people fill in and come to a
    /// counter.
    pub online: bool,
    /// Whether mailboxes are created although no state register is configured that could confirm who somebody is (M24).
    pub without_registers: bool,
    /// An application that was filled in is signed within this time, seconds.
    pub sign_within_s: u32,
    /// One that is to be signed at a counter is kept for so many days.
    pub announced_days: u32,
    /// A register that did not answer is asked again after this time, seconds; it doubles with each try.
    pub ask_again_s: u32,
    /// The longest time between two questions to a register, seconds.
    pub max_ask_again_s: u32,
    /// An application about which no register has answered for so long is refused, hours.
    pub ask_for_h: u32,
    /// Questions whether a login is free, from one network (IPv4 /24, IPv6 /64) in a minute.
    pub look_ups_per_minute: u32,
    /// Applications from one network in an hour.
    pub applications_per_hour: u32,
    /// Signatures that are verified for one network in an hour.
    pub signatures_per_hour: u32,
    /// Networks that are counted at one time; the oldest are forgotten beyond it.
    pub max_networks: usize,
    /// A confirmation that could not be sent is tried again after this time, seconds.
    pub retry_s: u32,
    /// The port on which NCALayer listens on the applicant's own computer.
    pub signer_port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            online: true,
            without_registers: false,
            sign_within_s: 3_600,
            announced_days: 30,
            ask_again_s: 60,
            max_ask_again_s: 3_600,
            ask_for_h: 72,
            look_ups_per_minute: 60,
            applications_per_hour: 60,
            signatures_per_hour: 120,
            max_networks: 100_000,
            retry_s: 30,
            signer_port: 13_579,
        }
    }
}
