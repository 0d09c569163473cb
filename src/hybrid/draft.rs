//! The draft of a letter: all that is drawn except the documents, which stay in the message until then.
//!
//! It is made once, at acceptance, and lies in a record beside the letter's prefix.

use serde::{Deserialize, Serialize};

use crate::store::{self, rows};

use super::content::Enclosure;
use super::letter::{Attachment, Block, Carrier, Format, Letter, Sides};

const VERSION: u8 = 2;

/// Drafts of this version do not have the prefix.
const WITHOUT_PREFIX: u8 = 1;

/// See the module's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// Letter or post card.
    pub(crate) format: Format,
    /// One side or both.
    pub(crate) sides: Sides,
    /// The carrier sheet.
    pub(crate) carrier: Carrier,
    /// The text, without the address lines that it began with.
    pub(crate) text: Vec<Block>,
    /// The documents.
    pub(crate) enclosures: Vec<Enclosure>,
    /// Length of the message's top header block as it is stored.
    pub(crate) header_bytes: u64,
    /// What stands above the message, its acceptance first: the marks of the paper way sign it too. Empty in drafts of
    /// letters that were accepted before they did.
    pub(crate) item_prefix: Vec<u8>,
}

/// A draft without the prefix.
#[derive(Deserialize)]
struct FirstDraft {
    format: Format,
    sides: Sides,
    carrier: Carrier,
    text: Vec<Block>,
    enclosures: Vec<Enclosure>,
    header_bytes: u64,
}

impl Draft {
    pub(crate) fn encode(&self) -> store::Result<Vec<u8>> {
        rows::encode(VERSION, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> store::Result<Self> {
        if bytes.first() != Some(&WITHOUT_PREFIX) {
            return rows::decode(VERSION, bytes);
        }
        let first: FirstDraft = rows::decode(WITHOUT_PREFIX, bytes)?;
        let FirstDraft { format, sides, carrier, text, enclosures, header_bytes } = first;
        Ok(Draft { format, sides, carrier, text, enclosures, header_bytes, item_prefix: Vec::new() })
    }

    pub(crate) fn into_letter(self, attachments: Vec<Attachment>) -> Letter {
        Letter { format: self.format, sides: self.sides, carrier: self.carrier, text: self.text, attachments }
    }
}
