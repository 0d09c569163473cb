//! `[smtp]` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::server::listener;

use super::proto;

/// Ports, budgets and times of SMTP in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where other servers connect.
    pub mx_listen: Vec<SocketAddr>,
    /// Where users connect and begin TLS with STARTTLS.
    pub submission_listen: Vec<SocketAddr>,
    /// Where users connect with TLS from the first byte.
    pub submissions_listen: Vec<SocketAddr>,
    /// Allows AUTH without TLS. For tests: refused by the configuration unless every listener is on loopback.
    pub plaintext_auth: bool,
    /// Bytes of a message.
    pub max_message_bytes: u64,
    /// Bytes of the header block of a message.
    pub max_header_bytes: u64,
    /// Recipients of a message.
    pub max_recipients: usize,
    /// Bytes of a command line.
    pub max_command_line_bytes: usize,
    /// Bytes of a line of AUTH.
    pub max_auth_line_bytes: usize,
    /// Protocol errors of a session.
    pub max_errors: u32,
    /// Refused recipients of a session.
    pub max_refused_recipients: u32,
    /// Failed logins of a session.
    pub max_failed_logins: u32,
    /// Commands that move nothing between two accepted messages.
    pub max_idle_commands: u32,
    /// Seconds that a client may be silent between two commands, and that a reply may take to be read.
    pub command_timeout_s: u64,
    /// Seconds that a client may be silent inside the content of a message.
    pub data_idle_timeout_s: u64,
    /// Seconds that the content of one message may take.
    pub data_timeout_s: u64,
    /// Bytes a second that the content of a message must bring on average.
    pub min_data_bytes_per_s: u64,
    /// Seconds before that rate is looked at.
    pub data_rate_grace_s: u64,
    /// Milliseconds that port 25 listens for clients that talk before the greeting; 0 does not listen.
    pub early_talk_wait_ms: u64,
    /// Connections at once, at each of the two doors (port 25; the submission ports).
    pub connections: listener::Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mx_listen: vec![SocketAddr::from(([0, 0, 0, 0], 25))],
            submission_listen: vec![SocketAddr::from(([0, 0, 0, 0], 587))],
            submissions_listen: vec![SocketAddr::from(([0, 0, 0, 0], 465))],
            plaintext_auth: false,
            max_message_bytes: 50 << 20,
            max_header_bytes: 256 << 10,
            max_recipients: 1000,
            max_command_line_bytes: 4096,
            max_auth_line_bytes: 12_288,
            max_errors: 20,
            max_refused_recipients: 100,
            max_failed_logins: 5,
            max_idle_commands: 1000,
            command_timeout_s: 300,
            data_idle_timeout_s: 180,
            data_timeout_s: 3600,
            min_data_bytes_per_s: 100,
            data_rate_grace_s: 60,
            early_talk_wait_ms: 10,
            connections: listener::Limits::default(),
        }
    }
}

impl Settings {
    /// The budgets of a session.
    pub(super) fn limits(&self) -> proto::Limits {
        proto::Limits {
            max_command_line_bytes: self.max_command_line_bytes,
            max_auth_line_bytes: self.max_auth_line_bytes,
            max_message_bytes: self.max_message_bytes,
            max_header_bytes: self.max_header_bytes,
            max_recipients: self.max_recipients,
            max_errors: self.max_errors,
            max_refused_recipients: self.max_refused_recipients,
            max_failed_logins: self.max_failed_logins,
            max_idle_commands: self.max_idle_commands,
        }
    }

    pub(super) fn command_timeout(&self) -> Duration {
        Duration::from_secs(self.command_timeout_s)
    }
}
