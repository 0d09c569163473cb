//! Content-Transfer-Encodings (RFC 2045 §6), decoded piece by piece: the outcome does not depend on how the
//! encoded bytes are cut. Damaged input gives what can be read of it, never an error.

/// The encoding of a part has no meaning here: BINARY then answers `NO [UNKNOWN-CTE]` (RFC 3516 §4.3).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown content transfer encoding {0:?}")]
pub struct UnknownEncoding(pub String);

/// Decodes one part's body.
#[derive(Clone, Debug)]
pub enum TransferDecoder {
    /// `7bit`, `8bit`, `binary`: bytes pass as they are.
    Identity,
    /// `base64`
    Base64(Base64),
    /// `quoted-printable`
    QuotedPrintable(QuotedPrintable),
}

impl TransferDecoder {
    /// The decoder for a Content-Transfer-Encoding; `None` means 7BIT (RFC 2045 §6.1).
    ///
    /// # Errors
    /// The encoding is none of RFC 2045.
    pub fn new(encoding: Option<&str>) -> Result<Self, UnknownEncoding> {
        let Some(encoding) = encoding else { return Ok(TransferDecoder::Identity) };
        match encoding.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Ok(TransferDecoder::Identity),
            "base64" => Ok(TransferDecoder::Base64(Base64::default())),
            "quoted-printable" => Ok(TransferDecoder::QuotedPrintable(QuotedPrintable::default())),
            _ => Err(UnknownEncoding(encoding.to_owned())),
        }
    }
}

/// A step-wise decoder.
pub trait Decode {
    /// Decodes the next bytes and appends the outcome.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>);
    /// Appends what was held back.
    fn finish(&mut self, out: &mut Vec<u8>);
}

impl Decode for TransferDecoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            TransferDecoder::Identity => out.extend_from_slice(bytes),
            TransferDecoder::Base64(decoder) => decoder.push(bytes, out),
            TransferDecoder::QuotedPrintable(decoder) => decoder.push(bytes, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            TransferDecoder::Identity => {}
            TransferDecoder::Base64(decoder) => decoder.finish(out),
            TransferDecoder::QuotedPrintable(decoder) => decoder.finish(out),
        }
    }
}

/// Decodes everything at once.
#[must_use]
pub fn all(mut decoder: impl Decode, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    decoder.push(bytes, &mut out);
    decoder.finish(&mut out);
    out
}

/// RFC 2045 §6.8. Other characters than the 64 are skipped; `=` ends a quantum, and another may follow (parts
/// that were encoded one by one and glued together).
#[derive(Clone, Debug, Default)]
pub struct Base64 {
    bits: u32,
    characters: u8,
}

impl Decode for Base64 {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            if *byte == b'=' {
                self.finish(out);
                continue;
            }
            let Some(value) = sextet(*byte) else { continue };
            self.bits = self.bits << 6 | u32::from(value);
            self.characters += 1;
            if self.characters == 4 {
                let [_, first, second, third] = self.bits.to_be_bytes();
                out.extend_from_slice(&[first, second, third]);
                *self = Base64::default();
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let [_, first, second, _] = (self.bits << (6 * (4 - u32::from(self.characters)))).to_be_bytes();
        match self.characters {
            2 => out.push(first),
            3 => out.extend_from_slice(&[first, second]),
            _ => {}
        }
        *self = Base64::default();
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// RFC 2045 §6.7. White space at the end of a line was added on the way and goes (rule 3); an `=` that begins
/// nothing stays.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintable {
    /// `=`, with what followed it, or white space that may be at the end of a line.
    held: Vec<u8>,
}

/// White space that is held back at most; a longer run is text.
const MAX_HELD: usize = 1024;

impl Decode for QuotedPrintable {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            self.byte(*byte, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        // A soft line break may be the last thing there is.
        if self.held.first() == Some(&b'=') && self.held.iter().skip(1).all(u8::is_ascii_whitespace) {
            self.held.clear();
        }
        out.append(&mut self.held);
    }
}

impl QuotedPrintable {
    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.first(), byte) {
            (Some(b'='), _) => self.after_equals(byte, out),
            (_, b'=') => {
                out.append(&mut self.held);
                self.held.push(byte);
            }
            (_, b'\n') => {
                let cr = self.held.last() == Some(&b'\r');
                self.held.clear();
                out.extend_from_slice(if cr { b"\r\n" } else { b"\n" });
            }
            (_, b' ' | b'\t' | b'\r') if self.held.len() < MAX_HELD => self.held.push(byte),
            _ => {
                out.append(&mut self.held);
                out.push(byte);
            }
        }
    }

    fn after_equals(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.get(1..).unwrap_or_default(), byte) {
            // A soft line break; white space before its line end was added on the way.
            (held, b'\n') if held.iter().all(u8::is_ascii_whitespace) => self.held.clear(),
            (held, b' ' | b'\t' | b'\r') if held.iter().all(u8::is_ascii_whitespace) && held.len() < MAX_HELD => {
                self.held.push(byte);
            }
            ([], _) if byte.is_ascii_hexdigit() => self.held.push(byte),
            ([high], _) if high.is_ascii_hexdigit() && byte.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(byte));
                self.held.clear();
            }
            _ => {
                out.append(&mut self.held);
                self.byte(byte, out);
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Undoes `%41` (RFC 2231 §4).
#[must_use]
pub(super) fn percent(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("QUJD" => b"ABC".to_vec())]
    #[test_case("QUI=\r\nQQ==" => b"ABA".to_vec(); "pieces glued together")]
    #[test_case("Q U\r\nJ*D" => b"ABC".to_vec(); "other characters are skipped")]
    #[test_case("QUJDRA" => b"ABCD".to_vec(); "missing padding")]
    #[test_case("QUJDR" => b"ABC".to_vec(); "half an octet")]
    fn rfc2045_6_8_base64(text: &str) -> Vec<u8> {
        all(Base64::default(), text.as_bytes())
    }

    #[test_case("a=3Db=\r\nc" => b"a=bc".to_vec())]
    #[test_case("a=  \r\nb" => b"ab".to_vec(); "white space behind a soft line break")]
    #[test_case("a \t\r\nb" => b"a\r\nb".to_vec(); "white space at the end of a line")]
    #[test_case("a=zz=4x" => b"a=zz=4x".to_vec(); "what is no escape stays")]
    #[test_case("a=" => b"a".to_vec(); "soft line break at the end")]
    #[test_case("=c3=A4" => "ä".as_bytes().to_vec(); "lower case digits")]
    #[test_case("a\nb" => b"a\nb".to_vec(); "bare LF")]
    fn rfc2045_6_7_quoted_printable(text: &str) -> Vec<u8> {
        all(QuotedPrintable::default(), text.as_bytes())
    }

    #[test]
    fn rfc3516_4_3_unknown_encoding() {
        assert_eq!(TransferDecoder::new(Some("x-uue")).unwrap_err(), UnknownEncoding("x-uue".to_owned()));
        assert!(matches!(TransferDecoder::new(Some("BASE64")), Ok(TransferDecoder::Base64(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_cut_decodes_the_same(text in "([ -~]|=3D|=\r\n| \r\n|\n|\r){0,40}", at in 0_usize..60) {
            for encoding in ["base64", "quoted-printable"] {
                let decoder = TransferDecoder::new(Some(encoding)).unwrap();
                let (first, second) = text.as_bytes().split_at(at.min(text.len()));
                let mut cut = decoder.clone();
                let mut out = Vec::new();
                cut.push(first, &mut out);
                cut.push(second, &mut out);
                cut.finish(&mut out);
                prop_assert_eq!(out, all(decoder, text.as_bytes()));
            }
        }
    }
}
