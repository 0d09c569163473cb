//! Strings on the wire: atom, quoted or literal, whichever is right (RFC 9051 §4.3, §5.1).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::imap::proto::mutf7;

use super::Dialect;

/// Longer strings become literals: no client has to buffer a quoted string without knowing its length.
const MAX_QUOTED_BYTES: usize = 1000;

/// Appends a `string`: quoted if it can be, else a literal. NUL, which no string can hold, is left out.
pub(super) fn write_string(bytes: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
    if bytes.contains(&0) {
        let without: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        return write_string(&without, dialect, out);
    }
    let one_line = bytes.len() <= MAX_QUOTED_BYTES && !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    // RFC 9051 §4.3: a byte above 127 stands in a quoted string only as UTF-8, and only for who enabled that.
    if one_line && (bytes.is_ascii() || (dialect.utf8() && std::str::from_utf8(bytes).is_ok())) {
        out.push(b'"');
        for byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
    } else {
        write_literal(bytes, out);
    }
}

/// Appends a `nstring`: NIL, or a string.
fn write_nstring(text: Option<&str>, dialect: Dialect, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_string(text.as_bytes(), dialect, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends an `astring`: an atom if it can be.
pub(super) fn write_astring(text: &str, dialect: Dialect, out: &mut Vec<u8>) {
    let atom = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte))
        // RFC 9051 §9 `nstring`: where NIL is possible it would be read as none.
        && !text.eq_ignore_ascii_case("NIL");
    if atom {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_string(text.as_bytes(), dialect, out);
    }
}

/// Appends a mailbox name: UTF-8 for who enabled it, else modified UTF-7.
pub(super) fn write_mailbox(name: &str, dialect: Dialect, out: &mut Vec<u8>) {
    if dialect.utf8() {
        write_astring(name, dialect, out);
    } else {
        write_astring(&mutf7::encode(name), dialect, out);
    }
}

/// Appends header text as an `nstring`. Who did not enable UTF-8 is shown RFC 2047 words for what is not ASCII.
pub(super) fn write_header_text(text: Option<&str>, dialect: Dialect, out: &mut Vec<u8>) {
    match text {
        Some(text) if !dialect.utf8() && !text.is_ascii() => {
            write_string(encoded_words(text).as_bytes(), dialect, out);
        }
        text => write_nstring(text, dialect, out),
    }
}

pub(super) fn write_literal(bytes: &[u8], out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{{}}}\r\n", bytes.len());
    out.extend_from_slice(bytes);
}

/// The text with its runs of words that are not ASCII as RFC 2047 `encoded-word`s.
fn encoded_words(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let runs = words.chunk_by(|a, b| a.is_ascii() == b.is_ascii());
    let parts: Vec<String> = runs
        .map(|run| {
            let run = run.join(" ");
            if run.is_ascii() { run } else { encode_run(&run) }
        })
        .collect();
    parts.join(" ")
}

/// RFC 2047 §2: a word has at most 75 characters, so 45 bytes in base64; §5: no character is torn.
fn encode_run(run: &str) -> String {
    const MAX_BYTES: usize = 45;
    let mut words = Vec::new();
    let mut rest = run;
    while !rest.is_empty() {
        let fits = (1..=MAX_BYTES.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at));
        let (word, after) = rest.split_at(fits.unwrap_or(rest.len()));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const ACCEPT: Dialect = Dialect { rev2: false, utf8_accept: true };

    #[test_case("a b", Dialect::REV1 => "\"a b\""; "quoted")]
    #[test_case("a\"\\", Dialect::REV1 => "\"a\\\"\\\\\""; "escaped")]
    #[test_case("a\r\nb", Dialect::REV1 => "{4}\r\na\r\nb"; "line end needs a literal")]
    #[test_case("Ә", Dialect::REV1 => "{2}\r\nӘ"; "eight bit needs a literal in rev1")]
    #[test_case("Ә", Dialect::REV2 => "\"Ә\""; "utf8 in quotes in rev2")]
    #[test_case("Ә", ACCEPT => "\"Ә\""; "utf8 in quotes for utf8 accept")]
    #[test_case("a\0b", Dialect::REV1 => "\"ab\""; "nul is left out")]
    fn rfc9051_4_3_string(text: &str, dialect: Dialect) -> String {
        let mut out = Vec::new();
        write_string(text.as_bytes(), dialect, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rfc9051_4_3_broken_utf8_is_a_literal_for_everybody() {
        let mut out = Vec::new();
        write_string(b"\xff", Dialect::REV2, &mut out);
        assert_eq!(out, b"{1}\r\n\xff");
    }

    #[test_case("abc" => "abc"; "atom")]
    #[test_case("" => "\"\""; "empty")]
    #[test_case("nil" => "\"nil\""; "nil is quoted")]
    #[test_case("a*" => "\"a*\""; "wildcard is quoted")]
    #[test_case("a]" => "\"a]\""; "bracket is quoted")]
    fn rfc9051_9_astring(text: &str) -> String {
        let mut out = Vec::new();
        write_astring(text, Dialect::REV1, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rfc2047_words_are_short_and_whole() {
        let text = "Re: ".to_owned() + &"қағазға ".repeat(20) + "end";
        let encoded = encoded_words(&text);
        assert!(encoded.starts_with("Re: =?utf-8?B?") && encoded.ends_with("?= end"));
        let mut decoded = String::new();
        for word in encoded.split(' ').filter(|word| word.starts_with("=?")) {
            assert!(word.len() <= 75);
            let inside = word.strip_prefix("=?utf-8?B?").and_then(|word| word.strip_suffix("?=")).unwrap();
            decoded += std::str::from_utf8(&STANDARD.decode(inside).unwrap()).unwrap();
        }
        assert_eq!(decoded, "қағазға ".repeat(20).trim_end());
    }
}
