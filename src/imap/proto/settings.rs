//! The limits of the protocol core, as the configuration sets them.

use serde::{Deserialize, Serialize};

use super::framing::Budget;

/// `[imap.protocol]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The largest message that APPEND takes, bytes.
    pub max_message_bytes: u64,
    /// The longest command line before login, bytes, literals not counted.
    pub max_line_before_login_bytes: usize,
    /// The longest command line after login, bytes, literals not counted.
    pub max_line_bytes: usize,
    /// The longest literal before login, bytes.
    pub max_literal_before_login_bytes: usize,
    /// The longest literal after login, other than the message of APPEND, bytes.
    pub max_literal_bytes: usize,
    /// The longest command before login, bytes, lines and literals together.
    pub max_command_before_login_bytes: usize,
    /// The longest command after login, bytes, lines and literals together, without the message of APPEND.
    pub max_command_bytes: usize,
    /// How deep search keys may nest; 200 at most, whatever stands here.
    pub max_search_depth: usize,
    /// Commands in a row that are answered BAD, after which the session is closed; before login NO counts too, and
    /// a success does not reset them.
    pub max_errors: u32,
    /// Failed logins after which the session is closed.
    pub max_login_failures: u32,
    /// Whether passwords may come without TLS. Only for tests on loopback.
    pub plaintext_auth: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_message_bytes: 50 << 20,
            max_line_before_login_bytes: 8 << 10,
            max_line_bytes: 64 << 10,
            max_literal_before_login_bytes: 4 << 10,
            max_literal_bytes: 64 << 10,
            max_command_before_login_bytes: 16 << 10,
            max_command_bytes: 256 << 10,
            max_search_depth: 100,
            max_errors: 20,
            max_login_failures: 5,
            plaintext_auth: false,
        }
    }
}

impl Settings {
    /// The byte budget of a command of somebody who is not logged in.
    pub(super) fn budget_before_login(&self) -> Budget {
        Budget {
            line: self.max_line_before_login_bytes,
            literal: self.max_literal_before_login_bytes,
            command: self.max_command_before_login_bytes,
        }
    }

    /// The byte budget of a command of somebody who is logged in.
    pub(super) fn budget(&self) -> Budget {
        Budget { line: self.max_line_bytes, literal: self.max_literal_bytes, command: self.max_command_bytes }
    }
}
