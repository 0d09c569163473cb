//! `Postal-Mark-Text`: the inscription for people, in encoded words (RFC 2047).

use base64::engine::general_purpose::STANDARD;

use super::tag_writer::write_base64;

/// Longest line that holds an encoded word (RFC 2047 §2).
const LINE: usize = 76;
const FIELD: &str = "Postal-Mark-Text:";
const OPEN: &str = "=?UTF-8?B?";
const CLOSE: &str = "?=";

/// Bytes of a field.
const USUAL_BYTES: usize = 512;

/// The whole field with its final CRLF. No character is split between two words (RFC 2047 §5).
pub(super) fn mark_text_field(text: &str) -> String {
    let mut field = String::with_capacity(USUAL_BYTES);
    field.push_str(FIELD);
    let (mut used, mut rest) = (FIELD.len() + 1, text);
    loop {
        let (word, after) = rest.split_at(rest.floor_char_boundary(capacity(used)));
        push_word(&mut field, word);
        field.push_str("\r\n");
        if after.is_empty() {
            return field;
        }
        (used, rest) = (1, after);
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
            let header = mark_text_field(&text);
            prop_assert!(header.is_ascii());
            prop_assert!(header.ends_with("\r\n"));
            prop_assert!(header.lines().all(|line| line.len() <= LINE));
            prop_assert_eq!(decode(&header), text);
        }
    }

    #[test]
    fn rfc2047_is_read_by_a_mail_parser() {
        let line = "Қазақстан Республикасы · Абай облысы · Аягөз · «Қазпошта» АҚ · №2 · Б · 21112609";
        let mut message = mark_text_field(line);
        message.push_str("Subject: x\r\n\r\n");
        let message = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
        let value = message.header_raw("Postal-Mark-Text").unwrap();
        assert_eq!(decode(&format!("{FIELD}{value}")), line);
    }
}
