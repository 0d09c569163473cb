//! What the network says about a message: names (DNS), and whether the sender's domain stands behind it
//! (SPF, DKIM, ARC, DMARC).

mod dns;
mod public;
mod verify;
pub mod zone;

pub use dns::{Dns, DnsError, MailHost, Targets};
pub(crate) use dns::{a_labels, ascii_address};
pub use verify::{Assessment, Incoming, Verifier};

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// `[trust]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name servers to ask; empty: those of the machine (`/etc/resolv.conf`).
    pub name_servers: Vec<SocketAddr>,
    /// How long one DNS question may take, seconds.
    pub dns_timeout_s: u64,
    /// Whether SPF, DKIM, ARC and DMARC are looked at for mail from strangers.
    pub verify: bool,
    /// Whether a message is refused when DMARC fails and its domain asks for that (`p=reject`).
    pub enforce_dmarc: bool,
    /// Memory for messages whose signatures are being verified, bytes; more wait.
    pub signature_memory_bytes: u64,
    /// Messages above this size are not checked for signatures, bytes; DMARC then only finds that they pass.
    pub max_signed_bytes: u64,
    /// Signatures of a message that are verified; the others are ignored. Each costs a question to the DNS.
    pub max_signatures: usize,
    /// How long SPF, and a chain of ARC, may each take, seconds (RFC 7208 §4.6.4: at least 20).
    pub check_timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name_servers: Vec::new(),
            dns_timeout_s: 5,
            verify: true,
            enforce_dmarc: true,
            signature_memory_bytes: 256 << 20,
            max_signed_bytes: 64 << 20,
            max_signatures: 10,
            check_timeout_s: 20,
        }
    }
}
