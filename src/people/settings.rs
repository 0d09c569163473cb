//! `[base]` of the configuration.

use serde::{Deserialize, Serialize};

/// What state systems may ask of the unified base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Persons that one system may ask for in a minute.
    pub max_lookups_per_minute: u32,
    /// Persons in one request.
    pub max_batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { max_lookups_per_minute: 600, max_batch: 100 }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if self.max_batch == 0 {
            problems.push(("max_batch", "no system could ask for anybody".to_owned(), "write a number such as 100"));
        }
        // Else a batch of the allowed size would be refused for ever.
        if (self.max_lookups_per_minute as usize) < self.max_batch {
            let what = "a batch of base.max_batch could never be asked for".to_owned();
            problems.push(("max_lookups_per_minute", what, "write at least base.max_batch"));
        }
        problems
    }
}
