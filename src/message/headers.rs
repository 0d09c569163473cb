//! Fields of a header block with their exact bytes, and what their values say (RFC 5322 §2.2, RFC 2047).
//!
//! The iterator never loses a byte: what it yields, one after the other, is the block up to its empty line.
//! A line that is no field comes as a field without name.

use super::decode::{self, Base64, QuotedPrintable};
use super::text::decode_charset;

/// One field of a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Where it begins in the block.
    pub start: usize,
    /// The whole field, folding and last line end included.
    pub raw: &'a [u8],
    /// The name as written; empty for a line that is no field.
    pub name: &'a [u8],
    /// What stands behind the colon, folding included, without the last line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Names have no case (RFC 5322 §1.2.2).
    #[must_use]
    #[inline]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The unfolded, trimmed value; encoded words stay, bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        unfold(self.value)
    }

    /// The value as people read it: unfolded, encoded words decoded.
    #[must_use]
    pub fn decoded(&self) -> String {
        decode_words(&self.text())
    }
}

/// The fields of a header block, up to its empty line or its end.
#[must_use]
pub fn fields(block: &[u8]) -> Fields<'_> {
    Fields { block, at: 0 }
}

/// Where the header block ends that `message` begins with: behind its last field, before the empty line. `None` where no
/// empty line came yet.
#[must_use]
pub fn end(message: &[u8]) -> Option<usize> {
    memchr::memmem::find(message, b"\r\n\r\n").map(|at| at + EMPTY_LINE.len())
}

/// What stands between the header block and the body.
pub const EMPTY_LINE: &[u8] = b"\r\n";

/// The first field of this name.
#[must_use]
pub fn find<'a>(block: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(block).find(|field| field.is(name))
}

/// See [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let rest = self.block.get(self.at..)?;
        let mut end = line_len(rest);
        if end == 0 || is_empty_line(rest.get(..end)?) {
            return None;
        }
        // RFC 5322 §2.2.3: a line that begins with white space belongs to the field before it.
        while let Some(b' ' | b'\t') = rest.get(end) {
            end += line_len(rest.get(end..)?);
        }
        let raw = rest.get(..end)?;
        let start = self.at;
        self.at += end;
        let (name, value) = split(raw);
        Some(Field { start, raw, name, value })
    }
}

/// Length of the first line, its LF included.
fn line_len(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let body = without_line_end(raw);
    let Some(colon) = body.iter().position(|byte| *byte == b':') else { return (&[], body) };
    let (name, value) = body.split_at(colon);
    // RFC 5322 §4.5: obsolete white space before the colon.
    let name = name.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return (&[], body);
    }
    (name, value.get(1..).unwrap_or_default())
}

/// Takes off one CRLF or LF.
#[must_use]
pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// RFC 5322 §2.2.3, and no CR, LF or NUL is left; trimmed.
#[must_use]
pub fn unfold(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.trim_ascii());
    if text.contains(['\r', '\n', '\0']) { text.replace(['\r', '\n', '\0'], "") } else { text.into_owned() }
}

/// Decodes the encoded words of an unfolded value (RFC 2047); what cannot be decoded stays as it is.
#[must_use]
pub fn decode_words(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = WordDecoder::default();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, word) = rest.split_at(at);
        match encoded_word(word) {
            Some((charset, bytes, len)) => {
                words.literal(before);
                words.word(charset, &bytes);
                rest = word.get(len..).unwrap_or_default();
            }
            None => {
                words.literal(before);
                words.literal("=?");
                rest = word.get(2..).unwrap_or_default();
            }
        }
    }
    words.literal(rest);
    words.flush();
    words.out
}

/// Joins neighbouring words of one charset before decoding: senders cut characters in two.
#[derive(Default)]
struct WordDecoder {
    out: String,
    charset: String,
    bytes: Vec<u8>,
    /// White space since the last word: it goes away if another word follows (RFC 2047 §6.2).
    space: String,
    after_word: bool,
}

impl WordDecoder {
    fn literal(&mut self, text: &str) {
        if self.after_word && text.bytes().all(|byte| byte == b' ' || byte == b'\t') {
            self.space.push_str(text);
            return;
        }
        self.flush();
        self.out.push_str(text);
    }

    fn word(&mut self, charset: &str, bytes: &[u8]) {
        if self.after_word && !self.charset.eq_ignore_ascii_case(charset) {
            self.space.clear();
            self.flush();
        }
        self.space.clear();
        charset.clone_into(&mut self.charset);
        self.bytes.extend_from_slice(bytes);
        self.after_word = true;
    }

    fn flush(&mut self) {
        if self.after_word {
            self.out.extend(
                decode_charset(&self.charset, &self.bytes).chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')),
            );
            self.bytes.clear();
            self.after_word = false;
        }
        self.out.push_str(&self.space);
        self.space.clear();
    }
}

/// Longest data of an encoded word. RFC 2047 §2 allows 75 characters in all; some senders fill a line with one, and
/// no line is longer (RFC 5322 §2.1.1). Looking no further keeps a field of words without end linear.
const MAX_WORD: usize = 998;

/// The encoded word at the beginning of `text`: charset, decoded bytes, length.
fn encoded_word(text: &str) -> Option<(&str, Vec<u8>, usize)> {
    let inner = text.strip_prefix("=?")?;
    let (charset, rest) = inner.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    if charset.is_empty() || charset.len() > 64 || charset.contains([' ', '=']) {
        return None;
    }
    let (data, _) = rest.get(..rest.floor_char_boundary(MAX_WORD))?.split_once("?=")?;
    // RFC 2231 §5: a language may follow the charset.
    let (charset, _) = charset.split_once('*').unwrap_or((charset, ""));
    let bytes = match encoding {
        "B" | "b" => decode::all(Base64::default(), data.as_bytes()),
        // RFC 2047 §4.2: "_" stands for a space.
        "Q" | "q" => decode::all(QuotedPrintable::default(), data.replace('_', " ").as_bytes()),
        _ => return None,
    };
    let len = 2 + inner.len() - rest.len() + data.len() + 2;
    Some((charset, bytes, len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("=?utf-8?B?0J/QvtGI0YLQsA==?=" => "Пошта"; "base64")]
    #[test_case("=?UTF-8?q?a_=D0=96?= b" => "a Ж b"; "quoted, lower case q")]
    #[test_case("=?koi8-r?B?8M/e1ME=?=" => "Почта"; "koi8-r")]
    #[test_case("=?windows-1251?Q?=CF=EE=F7=F2=E0?=" => "Почта"; "windows-1251")]
    #[test_case("=?utf-8?B?0J/Q?= =?utf-8?B?vg==?=" => "По"; "character cut in two")]
    #[test_case("=?utf-8?Q?a?= =?utf-8?Q?b?= c =?utf-8?Q?d?=" => "ab c d"; "white space between words goes")]
    #[test_case("=?utf-8?Q?a?= =?koi8-r?Q?=F0?=" => "aП"; "white space between words of two charsets goes")]
    #[test_case("=?utf-8*kk?Q?a?=" => "a"; "rfc2231 language")]
    #[test_case("=?utf-8?X?a?= =?nope" => "=?utf-8?X?a?= =?nope"; "what is no encoded word stays")]
    fn rfc2047_encoded_words(text: &str) -> String {
        decode_words(text)
    }

    #[test_case("A: b\r\n c\r\n\r\nbody\r\n\r\n" => Some(10); "before the empty line")]
    #[test_case("A: b\r\n" => None; "no empty line")]
    fn rfc5322_an_empty_line_ends_the_header(message: &str) -> Option<usize> {
        end(message.as_bytes())
    }

    #[test]
    fn words_without_end_cost_linear_time() {
        let (text, begun) = ("=?a?q?x".repeat(1 << 15), std::time::Instant::now());
        assert_eq!(decode_words(&text), text);
        assert!(begun.elapsed().as_secs() < 20, "quadratic work takes minutes");
    }

    #[test]
    fn rfc5322_2_2_fields_with_their_bytes() {
        let block = b"From x\nA: b\r\n c\r\nD :\te \r\n\r\nF: g\r\n";
        let seen: Vec<_> = fields(block).map(|field| (field.start, field.name, field.text())).collect();
        assert_eq!(seen, [(0, &b""[..], "From x".to_owned()), (7, b"A", "b c".to_owned()), (17, b"D", "e".to_owned())]);
        assert_eq!(find(block, "a").map(|field| field.value), Some(&b" b\r\n c"[..]));
        assert!(find(block, "F").is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn fields_lose_no_byte(block in "([A-Za-z: \t]{0,6}\r?\n?){0,8}") {
            let joined: Vec<u8> = fields(block.as_bytes()).flat_map(|field| field.raw.to_vec()).collect();
            let rest = block.as_bytes().strip_prefix(joined.as_slice()).unwrap();
            prop_assert!(rest.is_empty() || is_empty_line(&rest[..line_len(rest)]));
        }

        #[test]
        fn decoding_survives_anything(text in "([ -~ж]|=\\?|\\?=|utf-8|\\?B\\?|\\?Q\\?){0,20}") {
            prop_assert!(!decode_words(&text).contains(['\r', '\n', '\0']));
        }
    }
}
