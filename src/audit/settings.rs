//! `[audit]` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the audit is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How far the chain goes is signed this often while there are new entries, seconds; 0 is only at the end.
    pub head_interval_s: u64,
    /// The file with the key that signs; empty: `audit/key` in the data directory. It is made when it is missing.
    pub key_file: PathBuf,
    /// Entries that are looked at for one page of a search.
    pub max_entries_read: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { head_interval_s: 60, key_file: PathBuf::new(), max_entries_read: 20_000 }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        match self.max_entries_read {
            0 => vec![("max_entries_read", "nothing would ever be found".to_owned(), "write a number such as 20000")],
            _ => Vec::new(),
        }
    }
}
