//! `[auth]` of the configuration.

use serde::{Deserialize, Serialize};

use super::hash::{Hasher, HasherError};

/// `[auth]` of the configuration: how passwords are hashed and how guessing is slowed down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Memory of one argon2id hash, KiB. Hashes made with other values are renewed when their user logs in.
    pub argon2_memory_kib: u32,
    /// Passes of argon2id over its memory.
    pub argon2_passes: u32,
    /// Lanes of argon2id.
    pub argon2_lanes: u32,
    /// Threads that hash; each holds `argon2_memory_kib` while it works. 0 takes half of the machine's cores.
    pub hash_threads: usize,
    /// Logins of one network (IPv4 /24, IPv6 /64) that wait for a hash thread; more get "busy".
    pub max_waiting_per_network: usize,
    /// Logins that wait for a hash thread altogether; more get "busy".
    pub max_waiting: usize,
    /// Verified passwords that are remembered in memory, so that a client's next connection costs no hash.
    pub cache_entries: usize,
    /// How long a verified password is remembered, seconds.
    pub cache_ttl_s: u32,
    /// Failed logins of one login from one network before it must wait.
    pub failures_per_login_and_network: u32,
    /// Failed logins of one login from all networks before networks from which it was never used must wait.
    pub failures_per_login: u32,
    /// Failed logins from one network, whatever the login, before the network must wait.
    pub failures_per_network: u32,
    /// The first wait, seconds; it doubles with each further failure.
    pub backoff_s: u32,
    /// The longest wait, seconds.
    pub max_backoff_s: u32,
    /// Failures are forgotten after this time without a new one, seconds.
    pub forget_failures_s: u32,
    /// Networks and logins whose failures are counted at one time; the oldest are forgotten beyond it.
    pub max_throttled: usize,
    /// Whether the main password opens mail too (IMAP, submission), or only the pages: then mail programs need an app
    /// password of their own.
    pub main_password_for_mail: bool,
    /// App passwords of one account.
    pub max_app_passwords: usize,
    /// Fewest characters of a new password.
    pub min_password_chars: usize,
    /// Most bytes of a password.
    pub max_password_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        // OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
        Settings {
            argon2_memory_kib: 19 * 1024,
            argon2_passes: 2,
            argon2_lanes: 1,
            hash_threads: 0,
            max_waiting_per_network: 1024,
            max_waiting: 8192,
            cache_entries: 100_000,
            cache_ttl_s: 600,
            failures_per_login_and_network: 5,
            failures_per_login: 50,
            failures_per_network: 100,
            backoff_s: 1,
            max_backoff_s: 900,
            forget_failures_s: 3600,
            max_throttled: 100_000,
            main_password_for_mail: true,
            max_app_passwords: 20,
            min_password_chars: 8,
            max_password_bytes: 1024,
        }
    }
}

impl Settings {
    /// The hash function with these parameters.
    ///
    /// # Errors
    /// argon2 does not allow the parameters.
    pub fn hasher(&self) -> Result<Hasher, HasherError> {
        Hasher::new(self.argon2_memory_kib, self.argon2_passes, self.argon2_lanes)
    }

    /// How many threads hash.
    #[must_use]
    pub(super) fn threads(&self) -> usize {
        match self.hash_threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            threads => threads,
        }
    }
}
