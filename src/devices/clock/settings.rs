//! Section `[clock]` of the configuration.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::address::Domain;

/// Keys of `[clock]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// NTP servers, `host:port`, of which more than half must answer; without one the clock is not checked.
    pub servers: Vec<String>,
    /// How often they are asked, seconds.
    pub interval_s: u64,
    /// How far the clock may be off before every device is locked, milliseconds.
    pub tolerance_ms: u64,
    /// How long an answer may take, milliseconds.
    pub deadline_ms: u64,
    /// How long the servers may be silent before every device is locked, seconds; 0 is for ever.
    pub max_unchecked_s: u64,
    /// How long a device that was unlocked by a command stays so, unless a check is good before, seconds.
    pub unlock_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            servers: Vec::new(),
            interval_s: 300,
            tolerance_ms: 1000,
            deadline_ms: 2000,
            max_unchecked_s: 86_400,
            unlock_s: 3600,
        }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        let is_server = |text: &str| {
            let named = || text.rsplit_once(':').is_some_and(|(host, port)| Domain::new(host).is_ok() && is_port(port));
            text.parse::<SocketAddr>().is_ok() || named()
        };
        let mut problems = Vec::new();
        for server in self.servers.iter().filter(|server| !is_server(server)) {
            problems.push((
                "servers",
                format!("{server:?} is no server"),
                "write host:port, such as \"ntp.example:123\"",
            ));
        }
        for (key, value) in [("interval_s", self.interval_s), ("deadline_ms", self.deadline_ms)] {
            if value == 0 {
                problems.push((
                    key,
                    "0 leaves no time".to_owned(),
                    "write a larger number; the default is a good choice",
                ));
            }
        }
        problems
    }
}
