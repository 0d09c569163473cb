//! `[imap]` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::server::listener::Limits;

use super::proto;

/// `[imap]` of the configuration: where IMAP listens and what one session may use (DESIGN 14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Listeners with STARTTLS.
    pub listen: Vec<SocketAddr>,
    /// Listeners with TLS from the first byte.
    pub listen_tls: Vec<SocketAddr>,
    /// How many may be connected, `[imap.connections]`.
    pub connections: Limits,
    /// What one session may send, `[imap.protocol]`.
    pub protocol: proto::Settings,
    /// Seconds from the connection to the login.
    pub login_timeout_s: u64,
    /// Seconds without a command, IDLE included; RFC 9051 §5.4 asks for at least 1800.
    pub idle_timeout_s: u64,
    /// Seconds in which a client has to go on with a command that it began, or with the message of an APPEND.
    pub command_timeout_s: u64,
    /// Seconds in which a client has to take the next 64 KiB of an answer.
    pub write_timeout_s: u64,
    /// Bytes of one message that SEARCH BODY and TEXT look through; what is behind them is not found.
    pub max_search_bytes_per_message: u64,
    /// Seconds of work that one SEARCH may take, then it is refused.
    pub max_search_s: u64,
    /// Largest header block that HEADER.FIELDS and SEARCH HEADER read, bytes.
    pub max_header_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 143))],
            listen_tls: vec![SocketAddr::from(([0, 0, 0, 0], 993))],
            connections: Limits::default(),
            protocol: proto::Settings::default(),
            login_timeout_s: 120,
            idle_timeout_s: 1800,
            command_timeout_s: 120,
            write_timeout_s: 120,
            max_search_bytes_per_message: 64 << 20,
            max_search_s: 120,
            max_header_bytes: 1 << 20,
        }
    }
}

impl Settings {
    pub(super) fn login_timeout(&self) -> Duration {
        Duration::from_secs(self.login_timeout_s)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_s)
    }

    pub(super) fn command_timeout(&self) -> Duration {
        Duration::from_secs(self.command_timeout_s)
    }

    pub(super) fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_s)
    }

    pub(super) fn search_time(&self) -> Duration {
        Duration::from_secs(self.max_search_s)
    }
}
