//! Text as people read it: charsets to UTF-8, the bodies of text parts, file names.
//!
//! Bodies are decoded piece by piece, so that a caller reads a big part by range.

use encoding_rs::{Decoder, Encoding, UTF_8};

use super::decode::{Decode, TransferDecoder, UnknownEncoding};
use super::mime::decoded_param;
use super::structure::{Content, Part, Structure};

/// Decodes bytes of a named charset; an unknown name is read as UTF-8, and what fits nothing becomes U+FFFD.
#[must_use]
pub fn decode_charset(charset: &str, bytes: &[u8]) -> String {
    encoding(charset).decode_without_bom_handling(bytes).0.into_owned()
}

fn encoding(charset: &str) -> &'static Encoding {
    Encoding::for_label(charset.trim().as_bytes()).unwrap_or(UTF_8)
}

/// Turns the body of a text part into UTF-8: first the transfer encoding is undone, then the charset.
pub struct TextDecoder {
    transfer: TransferDecoder,
    charset: Decoder,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for TextDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDecoder").field("charset", &self.charset.encoding().name()).finish_non_exhaustive()
    }
}

impl TextDecoder {
    /// A decoder for the body of this part.
    ///
    /// # Errors
    /// The transfer encoding is none of RFC 2045.
    pub fn new(part: &Part) -> Result<Self, UnknownEncoding> {
        let transfer = TransferDecoder::new(part.encoding.as_deref())?;
        let charset = encoding(part.param("charset").unwrap_or("utf-8")).new_decoder();
        Ok(TextDecoder { transfer, charset, bytes: Vec::new() })
    }

    /// Decodes the next bytes of the body and appends the text.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        self.transfer.push(bytes, &mut self.bytes);
        self.drain(out, Last::No);
    }

    /// Appends what was held back.
    pub fn finish(mut self, out: &mut String) {
        self.transfer.finish(&mut self.bytes);
        self.drain(out, Last::Yes);
    }

    fn drain(&mut self, out: &mut String, last: Last) {
        let room = self.charset.max_utf8_buffer_length(self.bytes.len());
        out.reserve(room.unwrap_or_else(|| self.bytes.len().saturating_mul(3)));
        let _ = self.charset.decode_to_string(&self.bytes, out, last == Last::Yes);
        self.bytes.clear();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// Bytes that are read at once.
const STEP: usize = 64 * 1024;

/// Reads the body of a text part as UTF-8, at most `max_bytes` of it. A part in an unknown transfer encoding
/// is read as it stands. `read_at(offset, len)` gives up to `len` bytes of the message.
///
/// # Errors
/// What `read_at` fails with.
pub fn read_text<B: AsRef<[u8]>, E>(
    part: &Part,
    max_bytes: u64,
    mut read_at: impl FnMut(u64, usize) -> Result<B, E>,
) -> Result<String, E> {
    let mut decoder = TextDecoder::new(part).unwrap_or_else(|_| TextDecoder {
        transfer: TransferDecoder::Identity,
        charset: encoding(part.param("charset").unwrap_or("utf-8")).new_decoder(),
        bytes: Vec::new(),
    });
    let mut out = String::new();
    let end = part.body.end.min(part.body.start.saturating_add(max_bytes));
    let mut at = part.body.start;
    while at < end {
        let len = usize::try_from(end - at).map_or(STEP, |left| left.min(STEP));
        let bytes = read_at(at, len)?;
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            break;
        }
        decoder.push(bytes, &mut out);
        at += bytes.len() as u64;
    }
    decoder.finish(&mut out);
    Ok(out)
}

/// A part with its number, as IMAP sections name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<'a> {
    /// `[1, 2]`; never empty.
    pub path: Vec<u32>,
    /// The part.
    pub part: &'a Part,
}

impl Structure {
    /// Everything that is no multipart, in order; a message inside the message is one leaf.
    #[must_use]
    pub fn leaves(&self) -> Vec<Numbered<'_>> {
        let mut leaves = Vec::new();
        match &self.root.content {
            Content::Multipart(_) => gather(&self.root, &mut Vec::new(), &mut leaves),
            _ => leaves.push(Numbered { path: vec![1], part: &self.root }),
        }
        leaves
    }
}

/// Recursion ends with the depth cap of the scanner.
fn gather<'a>(part: &'a Part, path: &mut Vec<u32>, leaves: &mut Vec<Numbered<'a>>) {
    let Content::Multipart(parts) = &part.content else {
        leaves.push(Numbered { path: path.clone(), part });
        return;
    };
    for (number, inner) in (1..).zip(parts) {
        path.push(number);
        gather(inner, path, leaves);
        path.pop();
    }
}

impl Part {
    /// The file name a sender gave, decoded (RFC 2183 `filename`, else `name` of Content-Type) and without
    /// any directory.
    #[must_use]
    pub fn filename(&self) -> Option<String> {
        let disposition =
            self.disposition.as_ref().and_then(|disposition| decoded_param(&disposition.params, "filename"));
        let name = disposition.or_else(|| decoded_param(&self.params, "name"))?;
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let clean: String = last.chars().filter(|c| !c.is_control()).collect();
        (!clean.is_empty()).then_some(clean)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::message::Scanner;

    fn scanned(message: &[u8]) -> Structure {
        let mut scanner = Scanner::new(Default::default());
        scanner.push(message);
        scanner.finish()
    }

    #[test_case(b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xcf\xde\xd4\xc1" => "Почта"; "koi8-r")]
    #[test_case(b"Content-Type: text/plain; charset=Windows-1251\r\n\r\n\xcf\xee\xf7\xf2\xe0" => "Почта"; "windows-1251")]
    #[test_case("\r\nПошта".as_bytes() => "Пошта"; "no type is utf-8")]
    #[test_case(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n0J/Q\r\nvtGI\r\n0YLQsA==\r\n" => "Пошта"; "base64 cut inside a character")]
    #[test_case(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n=D0=9F=\r\n=D0=BE \t\r\n=3D" => "По\r\n="; "quoted-printable with soft break and trailing white space")]
    #[test_case(b"Content-Type: text/plain; charset=x-nonsense\r\n\r\nabc" => "abc"; "unknown charset")]
    #[test_case(b"Content-Transfer-Encoding: x-uu\r\n\r\nabc" => "abc"; "unknown encoding")]
    fn text_is_decoded(message: &[u8]) -> String {
        let structure = scanned(message);
        let read = |offset: u64, len: usize| {
            let start = offset as usize;
            Ok::<_, ()>(&message[start..(start + len.min(3)).min(message.len())])
        };
        read_text(&structure.root, u64::MAX, read).unwrap()
    }

    #[test_case("filename=a.pdf" => Some("a.pdf".to_owned()); "plain name")]
    #[test_case("filename*=koi8-r'ru'%F0%CF%DE%D4%C1.pdf" => Some("Почта.pdf".to_owned()); "rfc2231 charset")]
    #[test_case("filename*0*=utf-8''%D0%9F; filename*1=o; filename*2*=%D1%88" => Some("Пoш".to_owned()); "rfc2231 continuation")]
    #[test_case("filename=\"=?utf-8?B?0J/QvtGI0YLQsA==?=.txt\"" => Some("Пошта.txt".to_owned()); "rfc2047 where it is forbidden")]
    #[test_case("filename=\"../../etc/passwd\"" => Some("passwd".to_owned()); "no directories")]
    #[test_case("x=y" => None; "none")]
    fn filenames(params: &str) -> Option<String> {
        scanned(format!("Content-Disposition: attachment; {params}\r\n\r\n").as_bytes()).root.filename()
    }

    #[test]
    fn leaves_are_listed_with_their_numbers() {
        let structure = scanned(
            b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/related; boundary=i\r\n\r\n\
              --i\r\nContent-Type: text/html\r\n\r\nx\r\n--i\r\nContent-Type: image/png\r\nContent-ID: <1>\r\n\r\ny\r\n--i--\r\n\
              --o\r\nContent-Type: application/pdf; name=z.pdf\r\n\r\nz\r\n--o\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nw\r\n--o--\r\n",
        );
        let paths: Vec<_> = structure.leaves().into_iter().map(|found| found.path).collect();
        assert_eq!(paths, [vec![1, 1], vec![1, 2], vec![2], vec![3]]);
    }
}
