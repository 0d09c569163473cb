//! The draft of a letter: all that is drawn except the documents, which stay in the message until then.
//!
//! It is made once, at acceptance, and lies in a record beside the letter's prefix.

use serde::{Deserialize, Serialize};

use crate::store::{self, rows};

use super::content::Enclosure;
use super::letter::{Attachment, Block, Carrier, Format, Letter, Sides, Surcharge};

const VERSION: u8 = 3;

/// A draft from before there were surcharges: it ends where the surcharge stands now.
const WITHOUT_SURCHARGE: u8 = 2;

/// Drafts of this version do not have the prefix either.
const WITHOUT_PREFIX: u8 = 1;

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
    /// What stands above the message, its acceptance first: the marks of the paper way sign it too. Empty in drafts of
    /// letters that were accepted before they did.
    pub(crate) item_prefix: Vec<u8>,
    /// P7: what its addressee is to pay.
    pub(crate) surcharge: Option<Surcharge>,
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
        match bytes {
            [WITHOUT_PREFIX, ..] => {}
            [WITHOUT_SURCHARGE, rest @ ..] => {
                return rows::decode(VERSION, &[&[VERSION], rest, &[NOTHING]].concat());
            }
            _ => return rows::decode(VERSION, bytes),
        }
        let first: FirstDraft = rows::decode(WITHOUT_PREFIX, bytes)?;
        let FirstDraft { format, sides, carrier, text, enclosures, header_bytes } = first;
        let (item_prefix, surcharge) = (Vec::new(), None);
        Ok(Draft { format, sides, carrier, text, enclosures, header_bytes, item_prefix, surcharge })
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
        let (enclosures, item_prefix) = (Vec::new(), b"x".to_vec());
        let new = Draft { format, sides, carrier, text, enclosures, header_bytes: 9, item_prefix, surcharge: None };
        let row = new.encode().unwrap();
        assert_eq!(Draft::decode(&row).unwrap(), new);
        let old = [&[WITHOUT_SURCHARGE], &row[1..row.len() - 1]].concat();
        assert_eq!(Draft::decode(&old).unwrap(), new);
    }
}
