//! A letter on paper as data: everything that the page layout needs and nothing that it could misread.
//!
//! Text of the sender is data from here to the page; it is never pasted into the layout's own language.

use serde::{Deserialize, Serialize};

use super::documents::DocumentKind;
use crate::postal::PlacementError;

/// The form on paper (M2: a letter or a post card).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Format {
    /// A4 sheets with a carrier sheet for a window envelope.
    Letter,
    /// One A6 card, address on the front and text on the back.
    Postcard,
}

/// How many sides of a sheet are printed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Sides {
    /// One.
    One,
    /// Both.
    Two,
}

/// Everything that is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Letter or post card.
    pub format: Format,
    /// Print on one side or both.
    pub sides: Sides,
    /// The carrier sheet.
    pub carrier: Carrier,
    /// The sender's text.
    pub text: Vec<Block>,
    /// Documents to append, page by page.
    pub attachments: Vec<Attachment>,
    /// P7: the drawn surcharge stamp, an SVG document; beside the address and never over it (P11).
    pub surcharge_svg: Option<String>,
}

/// The carrier sheet: the only page with a mark (P19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// The operator's name.
    pub operator: String,
    /// The addressee: name, lines, settlement and index.
    pub address: Vec<String>,
    /// The sender's name and address.
    pub sender: Vec<String>,
    /// The number of the item, 26 characters.
    pub item_id: String,
    /// The S10 number.
    pub s10: String,
    /// Facts below the address: label and value.
    pub facts: Vec<(String, String)>,
    /// Label over the sender's block.
    pub sender_label: String,
    /// The line at the foot.
    pub footer: String,
    /// The drawn accept postmark, an SVG document.
    pub postmark_svg: String,
    /// When the letter was accepted, seconds since 1970: the date of the PDF.
    pub accepted_unix: i64,
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Block {
    /// Lines that stay lines.
    Paragraph {
        /// The lines, in order.
        lines: Vec<String>,
    },
    /// What was quoted from another letter.
    Quote {
        /// The lines, without their `>`.
        lines: Vec<String>,
    },
}

/// A document that goes with the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name, for messages about it.
    pub name: String,
    /// What it is.
    pub kind: DocumentKind,
    /// Its pages.
    pub pages: u32,
    /// The document.
    pub bytes: Vec<u8>,
}

/// Why a letter cannot become paper, or a document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CheckFailure {
    /// No font of ours has these characters.
    #[error("these characters cannot be printed: {}", list(.0))]
    UnprintableCharacters(Vec<char>),
    /// Too long.
    #[error("the letter takes {sheets} sheets; the limit is {limit}")]
    TooManySheets {
        /// Sheets it would take.
        sheets: u32,
        /// The limit.
        limit: u32,
    },
    /// A post card has one side for text.
    #[error("the text does not fit on a post card; shorten it or send it to letter@ instead")]
    PostcardTooLong,
    /// A post card carries no attachments.
    #[error("a post card carries no attachments; send it to letter@ instead")]
    PostcardAttachment,
    /// The PDF is encrypted.
    #[error("{0} is protected by a password; save it without one")]
    Encrypted(String),
    /// The document cannot be opened.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// The address does not fit into the window of the envelope.
    #[error("the address is too long for the window of the envelope")]
    AddressTooLong,
    /// Nothing to print.
    #[error("the letter is empty")]
    Empty,
    /// P11, P21: a mark does not keep clear of what it must not cover.
    #[error("the letter is not printed: {0}")]
    MisplacedMark(PlacementError),
}

impl CheckFailure {
    /// A short name that stays the same, for events and statistics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CheckFailure::UnprintableCharacters(_) => "unprintable-characters",
            CheckFailure::TooManySheets { .. } => "too-many-sheets",
            CheckFailure::PostcardTooLong => "postcard-too-long",
            CheckFailure::PostcardAttachment => "postcard-attachment",
            CheckFailure::Encrypted(_) => "encrypted",
            CheckFailure::Unreadable { .. } => "unreadable",
            CheckFailure::AddressTooLong => "address-too-long",
            CheckFailure::Empty => "empty",
            CheckFailure::MisplacedMark(_) => "misplaced-mark",
        }
    }
}

impl Letter {
    /// Sheets that `pages` pages take.
    #[must_use]
    pub fn sheets(&self, pages: u32) -> u32 {
        match (self.format, self.sides) {
            (Format::Postcard, _) => 1,
            (Format::Letter, Sides::One) => pages,
            (Format::Letter, Sides::Two) => pages.div_ceil(2),
        }
    }
}

/// Breaks plain text into paragraphs at empty lines; lines that begin with `>` become quotes. Characters that
/// leave nothing on paper go, tabs become spaces, and words longer than a line get places to break.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let (quoted, line) = match line.strip_prefix('>') {
            Some(rest) => (true, rest.strip_prefix(' ').unwrap_or(rest)),
            None => (false, line),
        };
        let line = printable(line);
        if line.trim().is_empty() {
            open = false;
            continue;
        }
        match (blocks.last_mut(), quoted, open) {
            (Some(Block::Paragraph { lines }), false, true) | (Some(Block::Quote { lines }), true, true) => {
                lines.push(line);
            }
            (_, true, _) => blocks.push(Block::Quote { lines: vec![line] }),
            (_, false, _) => blocks.push(Block::Paragraph { lines: vec![line] }),
        }
        open = true;
    }
    blocks
}

/// A line as it is printed: no controls, no marks of direction or variation, tabs as spaces.
#[must_use]
pub fn printable(line: &str) -> String {
    const LONGEST_WORD: usize = 48;
    with_breaks(line, LONGEST_WORD)
}

/// A printable line that can be broken after so many characters of a word: long links would run off the sheet.
pub(crate) fn with_breaks(line: &str, longest_word: usize) -> String {
    let mut out = String::with_capacity(line.len());
    let mut word = 0;
    for c in line.trim_end().chars() {
        match c {
            '\t' => out.push_str("    "),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => continue,
            '\u{feff}' | '\u{fe00}'..='\u{fe0f}' => continue,
            c if c.is_control() => continue,
            c => out.push(c),
        }
        word = if c.is_whitespace() { 0 } else { word + 1 };
        if word == longest_word {
            out.push('\u{200b}');
            word = 0;
        }
    }
    out
}

fn list(characters: &[char]) -> String {
    const SHOWN: usize = 10;
    let mut text = String::new();
    for (at, c) in characters.iter().take(SHOWN).enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&format!("{c} (U+{:04X})", u32::from(*c)));
    }
    if characters.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(lines: &[&str]) -> Block {
        Block::Paragraph { lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn empty_lines_part_paragraphs_and_lines_stay_lines() {
        let text = "Құрметті Айгүл!\r\n\r\nБірінші жол\nекінші жол\n\n\n> ескі хат\n> тағы\nСәлеммен";
        assert_eq!(
            blocks(text),
            [
                paragraph(&["Құрметті Айгүл!"]),
                paragraph(&["Бірінші жол", "екінші жол"]),
                Block::Quote { lines: vec!["ескі хат".into(), "тағы".into()] },
                paragraph(&["Сәлеммен"]),
            ]
        );
    }

    #[test]
    fn what_leaves_nothing_on_paper_goes() {
        assert_eq!(printable("a\u{200d}b\u{feff}\tc\u{7}\u{ad}d  "), "ab    cd");
    }

    #[test]
    fn long_words_get_places_to_break() {
        let line = printable(&"x".repeat(100));
        assert_eq!(line.matches('\u{200b}').count(), 2);
        assert_eq!(line.replace('\u{200b}', ""), "x".repeat(100));
    }

    #[test]
    fn unprintable_characters_are_named() {
        let failure = CheckFailure::UnprintableCharacters(vec!['😀', '漢']);
        assert_eq!(failure.to_string(), "these characters cannot be printed: 😀 (U+1F600), 漢 (U+6F22)");
    }
}
