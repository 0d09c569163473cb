//! `Postal-Mark-Text`: the inscription for people, in encoded words (RFC 2047).

use base64::engine::general_purpose::STANDARD;

use super::tag_writer::write_base64;

/// Longest line that holds an encoded word (RFC 2047 §2).
const LINE: usize = 76;
const FIELD: &str = "Postal-Mark-Text:";
const OPEN: &str = "=?UTF-8?B?";
const CLOSE: &str = "?=";

/// The field, begun with a text that others are to be written behind. No character is split between two words (RFC 2047
/// §5).
#[derive(PartialEq, Eq, Debug)]
pub(super) struct MarkText {
    /// The lines that are full, whatever comes.
    lines: String,
    /// What stands in the next one.
    rest: String,
    /// Characters of it before the word.
    used: usize,
}

impl MarkText {
    /// The field with the beginning of its text.
    pub(super) fn beginning(text: &str) -> Self {
        let (mut lines, mut used, mut rest) = (FIELD.to_owned(), FIELD.len() + 1, text);
        while rest.len() > capacity(used) {
            let (word, after) = rest.split_at(rest.floor_char_boundary(capacity(used)));
            push_word(&mut lines, word);
            lines.push_str("\r\n");
            (used, rest) = (1, after);
        }
        MarkText { lines, rest: rest.to_owned(), used }
    }

    /// Writes the whole field with its final CRLF to the end of `out`; `end` writes the end of its text.
    pub(super) fn write_with(&self, end: impl FnOnce(&mut String), out: &mut String) {
        out.push_str(&self.lines);
        let mut text = String::with_capacity(LINE);
        text.push_str(&self.rest);
        end(&mut text);
        let (mut used, mut rest) = (self.used, text.as_str());
        loop {
            let (word, after) = rest.split_at(rest.floor_char_boundary(capacity(used)));
            push_word(out, word);
            out.push_str("\r\n");
            if after.is_empty() {
                return;
            }
            (used, rest) = (1, after);
        }
    }
}

fn push_word(out: &mut String, word: &str) {
    out.push(' ');
    out.push_str(OPEN);
    write_base64(&STANDARD, word.as_bytes(), out);
    out.push_str(CLOSE);
}

/// Bytes of text that fit in one encoded word behind `used` characters of a line.
fn capacity(used: usize) -> usize {
    (LINE - used - OPEN.len() - CLOSE.len()) / 4 * 3
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn mark_text_header(line: &str) -> String {
        let mut out = String::new();
        MarkText::beginning(line).write_with(|_| (), &mut out);
        out
    }

    fn decode(header: &str) -> String {
        let words = header.strip_prefix(FIELD).unwrap().split_whitespace();
        words
            .map(|word| {
                let text = word.strip_prefix(OPEN).unwrap().strip_suffix(CLOSE).unwrap();
                String::from_utf8(STANDARD.decode(text).unwrap()).expect("a character was split")
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rfc2047_words_are_short_and_whole(text in "[а-яәғқңөұүіһ ·«»№0-9]{1,120}") {
            let header = mark_text_header(&text);
            prop_assert!(header.is_ascii());
            prop_assert!(header.ends_with("\r\n"));
            prop_assert!(header.lines().all(|line| line.len() <= LINE));
            prop_assert_eq!(decode(&header), text);
        }

        #[test]
        fn a_field_in_two_parts_is_the_same_as_in_one(text in "[а-яәғқңөұүіһ ·«»№0-9]{0,120}", end in "[а-я0-9]{0,60}") {
            let mut out = String::from("Subject: x\r\n");
            MarkText::beginning(&text).write_with(|text| text.push_str(&end), &mut out);
            prop_assert_eq!(out.strip_prefix("Subject: x\r\n"), Some(&*mark_text_header(&format!("{text}{end}"))));
        }
    }

    #[test]
    fn rfc2047_is_read_by_a_mail_parser() {
        let line = "Қазақстан Республикасы · Абай облысы · Аягөз · «Қазпошта» АҚ · №2 · Б · 21112609";
        let mut message = mark_text_header(line);
        message.push_str("Subject: x\r\n\r\n");
        let message = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
        let value = message.header_raw("Postal-Mark-Text").unwrap();
        assert_eq!(decode(&format!("{FIELD}{value}")), line);
    }
}
