//! What the store keeps of a message beside its bytes: envelope and structure, compactly encoded.
//!
//! The layout is our own: numbers are LEB128, offsets are told as lengths, and the texts that every message
//! has (`text`, `charset`, `utf-8`…) are one byte. The first byte is the version.

mod codec;

use super::envelope::Envelope;
use super::structure::{Content, Part, Structure};
use codec::{Reader, Writer};

/// Envelope and structure of a whole message, prefixes included.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Summary {
    /// From the whole top header block.
    pub envelope: Envelope,
    /// With offsets in the whole message. Of the facts only `bytes` and `header_bytes` are kept.
    pub structure: Structure,
}

/// The bytes are no summary that this version knows; the message has to be scanned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the summary of the message cannot be read")]
pub struct BadSummary;

const VERSION: u8 = 1;

/// DESIGN 5: sled puts values over 128 KiB into files that are never synced.
const MAX_ENCODED: usize = 120 * 1024;

impl Summary {
    /// The summary of `prefix` ‖ body, where `body_header` are the first
    /// `body_structure.facts.header_bytes` bytes of the body. Fields of the prefix count (Date and Message-ID
    /// may stand there).
    #[must_use]
    pub fn of(prefix: &[u8], body_structure: &Structure, body_header: &[u8]) -> Summary {
        Summary {
            envelope: Envelope::parse(&[prefix, body_header].concat()),
            structure: body_structure.clone().shifted_by_prefix(prefix.len() as u64),
        }
    }

    /// The same with so many bytes more above the message, in which there is no field that an envelope shows.
    #[must_use]
    pub fn below(self, bytes: u64) -> Summary {
        Summary { structure: self.structure.shifted_by_prefix(bytes), ..self }
    }

    /// A few hundred bytes for an ordinary message, never more than 120 KiB.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let encoded = self.encode_part(&self.structure.root);
        if encoded.len() <= MAX_ENCODED {
            return encoded;
        }
        // Only a structure that no scanner with its caps made comes here.
        let root = &self.structure.root;
        self.encode_part(&Part {
            header: root.header.clone(),
            body: root.body.clone(),
            lines: root.lines,
            kind: "application".to_owned(),
            subtype: "octet-stream".to_owned(),
            content: Content::Leaf,
            ..Part::default()
        })
    }

    fn encode_part(&self, root: &Part) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(VERSION);
        writer.number(self.structure.facts.bytes);
        writer.number(self.structure.facts.header_bytes);
        writer.envelope(&self.envelope);
        writer.part(root, 0);
        writer.done()
    }

    /// Reads what [`Summary::encode`] wrote.
    ///
    /// # Errors
    /// Damaged, or of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Summary, BadSummary> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(BadSummary);
        }
        let mut summary = Summary::default();
        summary.structure.facts.bytes = reader.number()?;
        summary.structure.facts.header_bytes = reader.number()?;
        summary.envelope = reader.envelope()?;
        summary.structure.root = reader.part(0, 0)?;
        let within = summary.structure.root.body.end <= summary.structure.facts.bytes;
        if reader.is_done() && within { Ok(summary) } else { Err(BadSummary) }
    }
}

#[cfg(test)]
mod tests;
