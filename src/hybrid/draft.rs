//! The draft of a letter: all that is drawn except the documents, which stay in the message until then.
//!
//! It is made once, at acceptance, and lies in a record beside the letter's prefix.

use serde::{Deserialize, Serialize};

use crate::store::{self, rows};

use super::content::Enclosure;
use super::letter::{Attachment, Block, Carrier, Format, Letter, Sides};

const VERSION: u8 = 1;

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
}

impl Draft {
    pub(crate) fn encode(&self) -> store::Result<Vec<u8>> {
        rows::encode(VERSION, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> store::Result<Self> {
        rows::decode(VERSION, bytes)
    }

    pub(crate) fn into_letter(self, attachments: Vec<Attachment>) -> Letter {
        Letter { format: self.format, sides: self.sides, carrier: self.carrier, text: self.text, attachments }
    }
}
