//! `[server]` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::Domain;

use super::Problem;

/// `[server]` of the configuration: where the server lives and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// The data directory. A relative path is taken from the folder of the configuration file.
    pub dir: PathBuf,
    /// The name of this server in greetings, in `Received` and in reports; its certificate should carry it.
    pub hostname: String,
    /// The file of government and partner systems; the example is `conf/peers.toml`.
    pub peers_file: PathBuf,
    /// Bytes of one request or answer on the control socket.
    pub max_control_line_bytes: usize,
    /// How long open sessions may finish their work after SIGTERM, seconds.
    pub drain_s: u64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            dir: "/var/lib/poshta".into(),
            hostname: "mx.poshta.example".into(),
            peers_file: "peers.toml".into(),
            max_control_line_bytes: 16 << 20,
            drain_s: 30,
        }
    }
}

impl ServerSettings {
    pub(super) fn problems(&self) -> Vec<Problem> {
        match Domain::new(&self.hostname) {
            Ok(_) => Vec::new(),
            Err(error) => {
                let what = format!("{:?} is no host name: {error}", self.hostname);
                vec![Problem::new("server.hostname", what, "write the full name, such as \"mx.poshta.example\"")]
            }
        }
    }
}
