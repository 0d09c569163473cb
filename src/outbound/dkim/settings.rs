//! `[outbound.dkim]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BadKey, Dkim};
use crate::address::Domain;

/// `[outbound.dkim]` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The keys that sign: none, one, or one of each algorithm.
    pub keys: Vec<KeySettings>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// Its name in the DNS (RFC 6376 §3.1).
    pub selector: String,
    /// Where it lies: PKCS#8 in PEM.
    pub file: PathBuf,
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        for (at, KeySettings { selector, .. }) in self.keys.iter().enumerate() {
            if !is_selector(selector) {
                let remedy = "write letters, digits, hyphens and dots, such as \"a2026\"";
                problems.push(("keys", format!("{selector:?} is no selector"), remedy));
            }
            let same = |other: &KeySettings| other.selector.eq_ignore_ascii_case(selector);
            if self.keys.iter().take(at).any(same) {
                let remedy = "give each key a selector of its own";
                problems.push(("keys", format!("the selector {selector:?} stands twice"), remedy));
            }
        }
        problems
    }

    /// What is wrong with the files that are named: key, what, and what to do.
    #[must_use]
    pub fn file_problems(&self, domains: &[Domain]) -> Vec<(&'static str, String, &'static str)> {
        let problem = |error: BadKey| ("keys", error.to_string(), error.remedy());
        Dkim::open(self, domains).err().map(problem).into_iter().collect()
    }

    /// Relative paths are taken from here.
    pub fn resolve_paths(&mut self, base: &Path) {
        for file in self.keys.iter_mut().map(|key| &mut key.file).filter(|file| file.is_relative()) {
            *file = base.join(&*file);
        }
    }
}

/// RFC 6376 §3.1: labels of a domain name (RFC 5321 §4.1.2, sub-domain).
pub(super) fn is_selector(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 128 && text.split('.').all(is_label)
}
