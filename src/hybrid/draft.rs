//! The draft of a letter: all that is drawn except the documents, which stay in the message until then.
//!
//! It is made once, at acceptance, and lies in a record beside the letter's prefix.

use serde::{Deserialize, Serialize};

use crate::postal::Stamp;
use crate::store::{self, rows};

use super::content::Enclosure;
use super::letter::{Attachment, Block, Carrier, Format, Letter, Sides};
use super::paper_marks::surcharge_mark;

const VERSION: u8 = 4;

/// A draft that has the surcharge in words: label, amount and inscription.
const SURCHARGE_IN_WORDS: u8 = 3;

/// A draft from before there were surcharges: it ends where the surcharge stands now.
const WITHOUT_SURCHARGE: u8 = 2;

/// Drafts of this version do not have the prefix either.
const WITHOUT_PREFIX: u8 = 1;

/// How postcard writes that there is nothing.
const NOTHING: u8 = 0;

/// See the module's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft<Surcharge = String> {
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
    /// P7: the drawn stamp with what its addressee is to pay.
    pub(crate) surcharge_svg: Option<Surcharge>,
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
            [SURCHARGE_IN_WORDS, ..] => return Draft::with_words(rows::decode(SURCHARGE_IN_WORDS, bytes)?),
            [WITHOUT_SURCHARGE, rest @ ..] => {
                return rows::decode(VERSION, &[&[VERSION], rest, &[NOTHING]].concat());
            }
            _ => return rows::decode(VERSION, bytes),
        }
        let first: FirstDraft = rows::decode(WITHOUT_PREFIX, bytes)?;
        let FirstDraft { format, sides, carrier, text, enclosures, header_bytes } = first;
        let (item_prefix, surcharge_svg) = (Vec::new(), None);
        Ok(Draft { format, sides, carrier, text, enclosures, header_bytes, item_prefix, surcharge_svg })
    }

    /// The stamp of such a draft is drawn from its mark, which says all that the words did.
    fn with_words(old: Draft<(String, String, String)>) -> store::Result<Self> {
        let Draft { format, sides, carrier, text, enclosures, header_bytes, item_prefix, surcharge_svg } = old;
        let lost = || store::Error::Damaged("a draft with a surcharge has no mark of it".into());
        let stamp = || surcharge_mark(&item_prefix).map(|mark| Stamp::of_mark(&mark, None).svg()).ok_or_else(lost);
        let surcharge_svg = surcharge_svg.map(|_| stamp()).transpose()?;
        Ok(Draft { format, sides, carrier, text, enclosures, header_bytes, item_prefix, surcharge_svg })
    }

    pub(crate) fn into_letter(self, attachments: Vec<Attachment>) -> Letter {
        let Draft { format, sides, carrier, text, surcharge_svg, .. } = self;
        Letter { format, sides, carrier, text, attachments, surcharge_svg }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(item_prefix: &[u8]) -> Draft {
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
        let (enclosures, item_prefix) = (Vec::new(), item_prefix.to_vec());
        Draft { format, sides, carrier, text, enclosures, header_bytes: 9, item_prefix, surcharge_svg: None }
    }

    #[test]
    fn a_draft_from_before_there_were_surcharges_is_read() {
        let new = draft(b"x");
        let row = new.encode().unwrap();
        assert_eq!(Draft::decode(&row).unwrap(), new);
        let old = [&[WITHOUT_SURCHARGE], &row[1..row.len() - 1]].concat();
        assert_eq!(Draft::decode(&old).unwrap(), new);
    }

    #[test]
    fn p7_a_surcharge_in_words_becomes_its_stamp() {
        let message = include_str!("../../tests/vectors/postmark/valid-surcharge.eml");
        let new = draft(message.split_inclusive("\r\n\r\n").next().unwrap().as_bytes());
        let row = new.encode().unwrap();
        let words: Vec<u8> = ["Доплатить", "350.00 теңге", "Астана"]
            .iter()
            .flat_map(|word| rows::encode(1, word).unwrap().split_off(1))
            .collect();
        let old = [&[SURCHARGE_IN_WORDS], &row[1..row.len() - 1], &[1], &words].concat();
        let read = Draft::decode(&old).unwrap();
        assert!(
            read.surcharge_svg.as_ref().is_some_and(|svg| svg.contains("ҚОСЫМША ТӨЛЕУ") && svg.contains("350,00 ₸")),
            "{read:?}"
        );
        assert_eq!(Draft { surcharge_svg: None, ..read }, new);
    }
}
