//! The draft of a letter: all that is drawn except the documents, which stay in the message until then.
//!
//! It is made once, at acceptance, and lies in a record beside the letter's prefix.

use serde::{Deserialize, Serialize};

use crate::store::{self, rows};

use super::content::Enclosure;
use super::letter::{Attachment, Block, Carrier, Format, Letter, Sides, Surcharge};

const VERSION: u8 = 2;

/// A draft from before there were surcharges: it ends where the surcharge stands now.
const WITHOUT_SURCHARGE: u8 = 1;

/// How postcard writes that there is nothing.
const NOTHING: u8 = 0;

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
    /// P7: what its addressee is to pay.
    pub(crate) surcharge: Option<Surcharge>,
}

impl Draft {
    pub(crate) fn encode(&self) -> store::Result<Vec<u8>> {
        rows::encode(VERSION, self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> store::Result<Self> {
        match bytes {
            [WITHOUT_SURCHARGE, rest @ ..] => rows::decode(VERSION, &[&[VERSION], rest, &[NOTHING]].concat()),
            _ => rows::decode(VERSION, bytes),
        }
    }

    pub(crate) fn into_letter(self, attachments: Vec<Attachment>) -> Letter {
        let Draft { format, sides, carrier, text, surcharge, .. } = self;
        Letter { format, sides, carrier, text, attachments, surcharge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_from_before_there_were_surcharges_is_read() {
        let carrier = Carrier {
            operator: "o".into(),
            address: vec!["a".into()],
            sender: Vec::new(),
            item_id: "i".into(),
            s10: "s".into(),
            facts: Vec::new(),
            sender_label: String::new(),
            footer: String::new(),
            postmark_svg: String::new(),
            accepted_unix: 1,
        };
        let text = vec![Block::Paragraph { lines: vec!["x".into()] }];
        let (format, sides) = (Format::Letter, Sides::One);
        let new = Draft { format, sides, carrier, text, enclosures: Vec::new(), header_bytes: 9, surcharge: None };
        let row = new.encode().unwrap();
        assert_eq!(Draft::decode(&row).unwrap(), new);
        let old = [&[WITHOUT_SURCHARGE], &row[1..row.len() - 1]].concat();
        assert_eq!(Draft::decode(&old).unwrap(), new);
    }
}
