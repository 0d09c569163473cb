//! The field `Postal-Mark-Proof`, which receipts and exports bring along: that an impression is in the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids::ImpressionId;
use crate::message::headers;

use super::tag_list::TagList;

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

/// The proofs that a header block brings along, each with the impression that it is said to be of: texts of `*.tlog-proof`
/// files, of which nothing is verified yet. A field that only says where to ask is left out.
#[must_use]
pub fn proofs_in(header: &[u8]) -> Vec<(ImpressionId, String)> {
    let fields = headers::fields(header).filter(|field| field.is(MARK_PROOF));
    let read = |field: headers::Field<'_>| {
        let tags = TagList::parse(&field.text()).ok()?;
        let text = STANDARD.decode(tags.get("p")?).ok()?;
        Some((tags.get("i")?.parse().ok()?, String::from_utf8(text).ok()?))
    };
    fields.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::report::field;

    #[test]
    fn what_is_written_is_read_again() {
        let (one, other) = (ImpressionId(1 << 90 | 7), ImpressionId(8));
        let text = "c2sp.org/tlog-proof@v1\nindex 5\n".repeat(9);
        let written = [
            field(MARK_PROOF, &proof_value("https://mx.poshta.example", one, Some(&text))),
            field(MARK_PROOF, &proof_value("https://mx.poshta.example", other, None)),
            b"Postal-Mark-Proof: i=nobody; p=eA==\r\nPostal-Mark-Proof: what?\r\nSubject: x\r\n".to_vec(),
        ];
        assert_eq!(proofs_in(&written.concat()), [(one, text)]);
    }
}
