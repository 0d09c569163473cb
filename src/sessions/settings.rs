//! Section `[sessions]` of the configuration.

use serde::{Deserialize, Serialize};

/// Keys of `[sessions]`: for how long somebody stays signed in to the pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A session ends when no page was asked for during this time, seconds.
    pub idle_timeout_s: u32,
    /// A session ends after this time however busy it is, seconds.
    pub max_age_s: u32,
    /// How long a proof of who it is (password, key) counts for dangerous acts, seconds.
    pub proof_counts_s: u32,
    /// How long the second factor may take after the password, and a signature or passkey that signs in, seconds.
    pub second_factor_timeout_s: u32,
    /// Whether staff sees its pages only after a second factor (code, passkey or electronic signature).
    pub staff_second_factor: bool,
    /// Electronic signatures that are verified to sign in, for one network in an hour.
    pub signatures_per_hour: u32,
    /// How often it is noted that a session is in use, seconds: pages do not cost a write.
    pub note_use_every_s: u32,
    /// Sessions of one account; the one that was used longest ago ends when there is another.
    pub max_per_account: usize,
    /// Sign-ins of one account that are kept for its owner to look at.
    pub max_sign_ins_kept: usize,
    /// How often sessions that are over are removed, seconds.
    pub tidy_every_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            idle_timeout_s: 1800,
            max_age_s: 43_200,
            proof_counts_s: 600,
            second_factor_timeout_s: 300,
            staff_second_factor: false,
            signatures_per_hour: 600,
            note_use_every_s: 60,
            max_per_account: 20,
            max_sign_ins_kept: 20,
            tidy_every_s: 600,
        }
    }
}

impl Settings {
    /// What cannot be run with: key, problem, remedy.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if self.max_per_account == 0 {
            let what = "it is 0, and nobody could sign in".to_owned();
            problems.push(("max_per_account", what, "write at least 1"));
        }
        if self.note_use_every_s >= self.idle_timeout_s {
            let what = format!("a session that is used every {} s would end", self.idle_timeout_s);
            problems.push(("idle_timeout_s", what, "make it longer than sessions.note_use_every_s"));
        }
        problems
    }
}
