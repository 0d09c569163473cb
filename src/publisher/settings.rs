//! `[tlog]` of the configuration.

use serde::{Deserialize, Serialize};

use crate::tlog::note::Signer;

/// More cover leaves than this for a single letter hide nothing more.
const MAX_ROUND_LEAVES_TO: usize = 1024;

/// How the transparency log is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name of the log, which its checkpoints are signed with; empty: the first domain and `/log`.
    pub origin: String,
    /// A checkpoint is published this often while there are new impressions, seconds; 0 is never.
    pub checkpoint_interval_s: u64,
    /// Impressions that are read from the journal for one checkpoint.
    pub max_leaves_at_once: usize,
    /// What is published of a moment is so many leaves or more, see `cover`: what is missing are cover leaves, nobody's.
    pub round_leaves_to: usize,
    /// Whom to ask for time stamps.
    pub timestamps: super::stamps::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            origin: String::new(),
            checkpoint_interval_s: 1,
            max_leaves_at_once: 10_000,
            round_leaves_to: 16,
            timestamps: super::stamps::Settings::default(),
        }
    }
}

impl Settings {
    /// The name of the log of a server for these domains.
    #[must_use]
    pub fn origin(&self, domains: &[String]) -> String {
        match (self.origin.as_str(), domains.first()) {
            ("", Some(domain)) => format!("{domain}/log"),
            (origin, _) => origin.to_owned(),
        }
    }

    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if !self.origin.is_empty()
            && let Err(error) = Signer::new(&self.origin, [0; 32])
        {
            let remedy = "write a name such as \"poshta.example/log\"";
            problems.push(("origin", format!("{:?} is no name of a log: {error}", self.origin), remedy));
        }
        if self.max_leaves_at_once == 0 {
            let what = "nothing would ever be published".to_owned();
            problems.push(("max_leaves_at_once", what, "write a number such as 10000"));
        }
        if !(1..=MAX_ROUND_LEAVES_TO).contains(&self.round_leaves_to) {
            let what = format!("{} is no number of leaves between 1 and {MAX_ROUND_LEAVES_TO}", self.round_leaves_to);
            problems.push(("round_leaves_to", what, "write 16, or 1 for no cover leaves"));
        }
        problems.extend(self.timestamps.problems());
        problems
    }
}
