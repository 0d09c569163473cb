//! Header fields of our own letters: folded, ASCII where the standard has a way for it, and safe against
//! line ends in values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Named;

/// RFC 2047 §2: an encoded word has at most 75 characters; 12 of them are not data, and 45 bytes give 60.
const WORD_BYTES: usize = 45;

/// RFC 5322 §2.1.1: lines should have at most 78 characters.
const LINE: usize = 78;

/// A header block in the making.
#[derive(Debug, Default)]
pub(super) struct Header {
    out: Vec<u8>,
}

impl Header {
    /// The block with its empty line.
    pub(super) fn done(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"\r\n");
        self.out
    }

    /// A field whose value is structured ASCII; folded at spaces.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.folded(name, &one_line(value).split(' ').map(str::to_owned).collect::<Vec<_>>());
    }

    /// An unstructured field: encoded words if need be.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.folded(name, &words(&one_line(value)));
    }

    /// A mailbox with its name.
    pub(super) fn mailbox(&mut self, name: &str, named: &Named) {
        let address = format!("<{}>", one_line(&named.address));
        let display = one_line(&named.name);
        let mut pieces = match display.as_str() {
            "" => Vec::new(),
            plain if plain.is_ascii() && plain.len() < LINE && !plain.contains("=?") => {
                vec![format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))]
            }
            other => encoded_words(other),
        };
        pieces.push(address);
        self.folded(name, &pieces);
    }

    /// Message ids, each on its line if there are several.
    pub(super) fn ids(&mut self, name: &str, ids: &[String]) {
        let safe = |id: &String| {
            id.chars().filter(|c| c.is_ascii_graphic() && !"<>".contains(*c)).take(900).collect::<String>()
        };
        let pieces: Vec<String> = ids.iter().map(|id| format!("<{}>", safe(id))).collect();
        self.folded(name, &pieces);
    }

    /// Puts the pieces after the name, folding between them where a line gets long.
    fn folded(&mut self, name: &str, pieces: &[String]) {
        let mut column = name.len() + 1;
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b':');
        for (number, piece) in pieces.iter().enumerate() {
            // The first piece stays beside the name: a line of white space only would be no fold.
            if number > 0 && column + 1 + piece.len() > LINE && !piece.is_empty() {
                self.out.extend_from_slice(b"\r\n");
                column = 0;
            }
            self.out.push(b' ');
            self.out.extend_from_slice(piece.as_bytes());
            column += 1 + piece.len();
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Nothing in a value may begin a new line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// One field whose value is structured ASCII, by itself; folded at spaces.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut header = Header::default();
    header.field(name, value);
    header.out
}

/// An unstructured text as pieces between which a line may be folded.
fn words(text: &str) -> Vec<String> {
    let plain = text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() < LINE);
    if plain { text.split(' ').map(str::to_owned).collect() } else { encoded_words(text) }
}

/// RFC 2047 §4.1; no character is cut in two (§5).
fn encoded_words(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in text.chars() {
        match pieces.last_mut() {
            Some(piece) if piece.len() + c.len_utf8() <= WORD_BYTES => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces.iter().map(|piece| format!("=?utf-8?B?{}?=", STANDARD.encode(piece))).collect()
}
