//! Section `[hybrid]` of the configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::workers;
use crate::age::Recipient;

/// Keys of `[hybrid]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The domain of letters on paper: `letter@…`, `postcard@…`, `registered@…`.
    pub domain: String,
    /// Largest message that may become a letter, bytes.
    pub max_message_bytes: u64,
    /// Longest text of a letter, bytes after decoding.
    pub max_text_bytes: u64,
    /// Most attachments of a letter; 50 is the most that can be set.
    pub max_attachments: usize,
    /// Most sheets of paper of a letter.
    pub max_sheets: u32,
    /// Letters on paper of one account in one day (UTC).
    pub max_letters_per_day: u32,
    /// S10 numbers are reserved in blocks of this many; what is left of a block at a crash is never used.
    pub s10_block: u32,
    /// How often rendering is tried when a worker fails at it.
    pub max_render_attempts: u32,
    /// Seconds between these.
    pub render_retry_s: u64,
    /// Seconds a print centre holds a job unless it extends the lease.
    pub lease_s: u64,
    /// Most jobs of one lease request.
    pub max_lease_jobs: usize,
    /// Longest wait of a lease request, seconds.
    pub max_wait_s: u64,
    /// Seconds after which a waiting job is also open to the next matching print centre.
    pub reassign_after_s: u64,
    /// Print centres that get no jobs now.
    pub disabled_centres: Vec<String>,
    /// P9: public keys of print centres, for which their sealed bundles are encrypted; each of a centre's keys opens them.
    pub bundle_keys: BTreeMap<String, Vec<Recipient>>,
    /// Largest document of a scan centre, bytes.
    pub max_scan_bytes: u64,
    /// Most pages of a scanned letter.
    pub max_scan_pages: u32,
    /// The worker processes that open documents.
    pub workers: workers::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            domain: "hat.poshta.example".into(),
            max_message_bytes: 25 << 20,
            max_text_bytes: 256 << 10,
            max_attachments: 20,
            max_sheets: 30,
            max_letters_per_day: 200,
            s10_block: 100,
            max_render_attempts: 5,
            render_retry_s: 30,
            lease_s: 900,
            max_lease_jobs: 100,
            max_wait_s: 60,
            reassign_after_s: 4 * 3600,
            disabled_centres: Vec::new(),
            bundle_keys: BTreeMap::new(),
            max_scan_bytes: 50 << 20,
            max_scan_pages: 100,
            workers: workers::Settings::default(),
        }
    }
}
