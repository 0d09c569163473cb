//! The field `Postal-Mark-Proof`, which receipts and exports bring along: that an impression is in the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids::ImpressionId;

/// The name of the field.
pub const MARK_PROOF: &str = "Postal-Mark-Proof";

/// How long a run of base64 in a field may be, so that the line can be folded.
const RUN: usize = 64;

/// Where the server with these pages gives the proof of an impression.
#[must_use]
pub fn proof_address(pages: &str, id: ImpressionId) -> String {
    format!("{pages}/log/proof?i={id}")
}

/// The value of the field, with spaces where it may be folded. `proof` is the text of a `*.tlog-proof`; without it the
/// field says where to ask.
#[must_use]
pub fn proof_value(pages: &str, id: ImpressionId, proof: Option<&str>) -> String {
    let mut value = format!("i={id}; u={}", proof_address(pages, id));
    if let Some(text) = proof {
        let encoded = STANDARD.encode(text);
        let runs: Vec<_> = encoded.as_bytes().chunks(RUN).map(String::from_utf8_lossy).collect();
        value.push_str(&format!("; p={}", runs.join(" ")));
    }
    value
}
