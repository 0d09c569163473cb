//! Section `[closings]` of the configuration.

use serde::{Deserialize, Serialize};

/// Keys of `[closings]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How often it is looked whether a day is over, seconds; 0 is never.
    pub check_every_s: u64,
    /// Most closings in one answer.
    pub max_listed: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { check_every_s: 30, max_listed: 1000 }
    }
}
