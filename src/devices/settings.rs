//! Section `[devices]` of the configuration.

use serde::{Deserialize, Serialize};

/// Keys of `[devices]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Numbers that a device is given at a time; what is left of them after a crash is never used.
    pub numbers_at_a_time: u32,
    /// How far the clock may be behind a device's last impression, seconds; behind that the device makes none.
    pub max_clock_back_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { numbers_at_a_time: 10_000, max_clock_back_s: 2 }
    }
}
