//! What of a message goes on paper: the text that its writer meant, and the documents that can be printed.
//!
//! A part that is neither is refused by name, never silently left out: who sends a letter must know what the
//! addressee holds in hand.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::decode::{TransferDecoder, all};
use crate::message::text::decode_charset;
use crate::message::{Content, Part, Structure, html};
use crate::store;

use super::documents::DocumentKind;

/// Reads bytes of the message: offset and length in, at most so many bytes out.
pub(crate) type Reader<'a> = &'a (dyn Fn(u64, usize) -> store::Result<Bytes> + Send + Sync);

/// What goes on paper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Printable {
    /// The text, its parts in order.
    pub(crate) text: String,
    /// The documents, in order.
    pub(crate) documents: Vec<Enclosure>,
}

/// A document in the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enclosure {
    /// Its name, as its sender called it.
    pub(crate) name: String,
    /// What its first bytes say it is.
    pub(crate) kind: DocumentKind,
    /// Its pages.
    pub(crate) pages: u32,
    /// Where it lies, counted from the end of the top header block, which grows and shrinks at intake.
    pub(crate) range: Range<u64>,
    /// Its Content-Transfer-Encoding.
    pub(crate) encoding: Option<String>,
}

/// Why a message has no printable content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// Something that cannot be printed.
    #[error("{name} ({media_type}) cannot be printed; attach PDF, PNG or JPEG, or put it into the text")]
    NotPrintable {
        /// Which part.
        name: String,
        /// What it says it is.
        media_type: String,
    },
    /// Too many documents.
    #[error("more than {0} attachments")]
    TooMany(usize),
    /// Too much text.
    #[error("the text is longer than {0} bytes")]
    TextTooLong(u64),
    /// The message was too deeply nested to be taken apart.
    #[error("the message is too complex to be printed")]
    TooComplex,
    /// The message cannot be read.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Limits for [`gather`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of text after decoding.
    pub(crate) max_text_bytes: u64,
    /// Documents.
    pub(crate) max_documents: usize,
}

/// Takes a message apart for the press.
///
/// # Errors
/// See [`ContentError`].
pub(crate) fn gather(structure: &Structure, read: Reader<'_>, limits: Limits) -> Result<Printable, ContentError> {
    if structure.facts.capped {
        return Err(ContentError::TooComplex);
    }
    let mut gatherer = Gatherer { read, limits, base: structure.root.body.start, out: Printable::default() };
    gatherer.part(&structure.root)?;
    Ok(gatherer.out)
}

/// The bytes of a document, decoded.
///
/// # Errors
/// The message cannot be read.
pub(crate) fn enclosure_bytes(enclosure: &Enclosure, header_bytes: u64, read: Reader<'_>) -> store::Result<Vec<u8>> {
    let start = enclosure.range.start + header_bytes;
    let raw = read_all(read, start..enclosure.range.end + header_bytes)?;
    Ok(decoded(enclosure.encoding.as_deref(), &raw))
}

struct Gatherer<'a> {
    read: Reader<'a>,
    limits: Limits,
    base: u64,
    out: Printable,
}

impl Gatherer<'_> {
    fn part(&mut self, part: &Part) -> Result<(), ContentError> {
        match &part.content {
            Content::Multipart(parts) if part.subtype == "alternative" => self.alternative(parts),
            // RFC 2387: the first part is the document, the others are what it refers to.
            Content::Multipart(parts) if part.subtype == "related" => {
                parts.first().map_or(Ok(()), |root| self.part(root))
            }
            Content::Multipart(parts) => parts.iter().try_for_each(|part| self.part(part)),
            Content::Message(_) => Err(not_printable(part)),
            Content::Leaf => self.leaf(part),
        }
    }

    /// RFC 2046 §5.1.4: the same in several forms. Paper wants the form with the documents, for some programs put
    /// them into the rich form only; else plain text, else what has some text in it.
    fn alternative(&mut self, parts: &[Part]) -> Result<(), ContentError> {
        let whole = parts.iter().find(|part| !part.children().is_empty() && holds_documents(part));
        let plain = || parts.iter().find(|part| part.is("text", "plain"));
        let rich = || parts.iter().find(|part| part.is("text", "html") || !part.children().is_empty());
        whole.or_else(plain).or_else(rich).or_else(|| parts.last()).map_or(Ok(()), |best| self.part(best))
    }

    fn leaf(&mut self, part: &Part) -> Result<(), ContentError> {
        match (part.kind.as_str(), part.subtype.as_str()) {
            ("text", "plain") => self.text(part, |text| text),
            ("text", "html") => self.text(part, |html| html::to_text(&html)),
            _ if is_signature(part) => Ok(()),
            _ => self.document(part),
        }
    }

    fn text(&mut self, part: &Part, convert: impl FnOnce(String) -> String) -> Result<(), ContentError> {
        let limit = self.limits.max_text_bytes;
        if part.body.end - part.body.start > limit.saturating_mul(4) {
            return Err(ContentError::TextTooLong(limit));
        }
        let raw = read_all(self.read, part.body.clone())?;
        let bytes = decoded(part.encoding.as_deref(), &raw);
        let text = convert(decode_charset(part.param("charset").unwrap_or("utf-8"), &bytes));
        if !self.out.text.is_empty() && !text.trim().is_empty() {
            self.out.text.push_str("\n\n");
        }
        self.out.text.push_str(&text);
        if self.out.text.len() as u64 > limit {
            return Err(ContentError::TextTooLong(limit));
        }
        Ok(())
    }

    fn document(&mut self, part: &Part) -> Result<(), ContentError> {
        if self.out.documents.len() >= self.limits.max_documents {
            return Err(ContentError::TooMany(self.limits.max_documents));
        }
        const ENOUGH_FOR_MAGIC: u64 = 64;
        let head_end = part.body.end.min(part.body.start + ENOUGH_FOR_MAGIC);
        let head = decoded(part.encoding.as_deref(), &read_all(self.read, part.body.start..head_end)?);
        let kind =
            DocumentKind::sniff(&head).filter(|kind| *kind != DocumentKind::Tiff).ok_or_else(|| not_printable(part))?;
        let range = part.body.start - self.base..part.body.end - self.base;
        let encoding = part.encoding.clone();
        self.out.documents.push(Enclosure { name: name_of(part), kind, pages: 1, range, encoding });
        Ok(())
    }
}

/// Whether something in a part is more than its text, its decoration (RFC 2387) and its signature.
fn holds_documents(part: &Part) -> bool {
    match &part.content {
        Content::Multipart(parts) if part.subtype == "related" => parts.first().is_some_and(holds_documents),
        Content::Multipart(parts) => parts.iter().any(holds_documents),
        Content::Message(_) => true,
        Content::Leaf => !part.is("text", "plain") && !part.is("text", "html") && !is_signature(part),
    }
}

/// Signatures over the message prove something on a screen and nothing on paper.
fn is_signature(part: &Part) -> bool {
    part.kind == "application"
        && matches!(part.subtype.as_str(), "pgp-signature" | "pkcs7-signature" | "x-pkcs7-signature")
}

fn not_printable(part: &Part) -> ContentError {
    ContentError::NotPrintable { name: name_of(part), media_type: format!("{}/{}", part.kind, part.subtype) }
}

fn name_of(part: &Part) -> String {
    part.filename().map_or_else(|| "an attachment".to_owned(), |name| name.chars().take(100).collect())
}

/// A whole range, in pieces.
fn read_all(read: Reader<'_>, range: Range<u64>) -> store::Result<Vec<u8>> {
    const PIECE: u64 = 1 << 20;
    let mut bytes = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let want = usize::try_from((range.end - at).min(PIECE)).unwrap_or(0);
        let piece = read(at, want)?;
        if piece.is_empty() {
            return Err(store::Error::Damaged("a message is shorter than its structure".into()));
        }
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// An encoding that nobody knows is read as it stands.
fn decoded(encoding: Option<&str>, raw: &[u8]) -> Vec<u8> {
    all(TransferDecoder::new(encoding).unwrap_or(TransferDecoder::Identity), raw)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::message::{Caps, Scanner};

    fn gathered(message: &str) -> Result<Printable, ContentError> {
        let mut scanner = Scanner::new(Caps::default());
        scanner.push(message.as_bytes());
        let read = |offset: u64, len: usize| {
            let rest = message.as_bytes().get(offset as usize..).unwrap_or_default();
            Ok(Bytes::copy_from_slice(rest.get(..len).unwrap_or(rest)))
        };
        gather(&scanner.finish(), &read, Limits { max_text_bytes: 1000, max_documents: 2 })
    }

    fn mixed(parts: &[&str]) -> String {
        let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
        format!("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n")
    }

    const PDF: &str = "Content-Type: application/octet-stream; name=\"a.pdf\"\r\n\
                       Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcKMSAwIG9iago=";

    #[test]
    fn text_and_documents_are_found_by_content() {
        let message = mixed(&["Content-Type: text/plain; charset=utf-8\r\n\r\nСәлем", PDF]);
        let out = gathered(&message).unwrap();
        assert_eq!(out.text.trim(), "Сәлем");
        let [document] = out.documents.as_slice() else { panic!("{out:?}") };
        assert_eq!((document.name.as_str(), document.kind), ("a.pdf", DocumentKind::Pdf));
        let header = message.find("\r\n\r\n").unwrap() as u64 + 4;
        let read = |offset: u64, len: usize| {
            let rest = &message.as_bytes()[offset as usize..];
            Ok(Bytes::copy_from_slice(&rest[..len.min(rest.len())]))
        };
        assert!(enclosure_bytes(document, header, &read).unwrap().starts_with(b"%PDF-1.7"));
    }

    #[test]
    fn of_alternatives_plain_text_is_printed() {
        let message = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
                       <b>rich</b>\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n";
        assert_eq!(gathered(message).unwrap().text.trim(), "plain");
    }

    #[test]
    fn documents_inside_one_of_the_alternatives_are_not_left_out() {
        let message = format!(
            "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
             --a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>rich\r\n\
             --b\r\n{PDF}\r\n--b--\r\n--a--\r\n"
        );
        let out = gathered(&message).unwrap();
        assert_eq!((out.text.trim(), out.documents.len()), ("rich", 1));
    }

    #[test]
    fn decoration_of_a_rich_form_is_no_document() {
        let message = "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
                       --a\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>rich\r\n\
                       --b\r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n--b--\r\n--a--\r\n";
        let out = gathered(message).unwrap();
        assert_eq!((out.text.trim(), out.documents.len()), ("plain", 0));
    }

    #[test]
    fn html_only_becomes_plain_text_that_keeps_its_structure() {
        let html = "<p>Бір<ol><li>Екі<li>Үш</ol><a href=\"https://post.kz/x\">осында</a><script>x()</script>";
        let out = gathered(&format!("Content-Type: text/html; charset=utf-8\r\n\r\n{html}")).unwrap();
        assert!(out.text.contains("1. Екі\n2. Үш") && out.text.contains("осында <https://post.kz/x>"), "{}", out.text);
        assert!(out.text.starts_with("Бір\n\n") && !out.text.contains("x()"), "{}", out.text);
    }

    #[test_case("Content-Type: application/msword; name=x.doc\r\n\r\nabc", "x.doc"; "a word processor file")]
    #[test_case("Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz", "message/rfc822"; "a message")]
    #[test_case("Content-Type: image/gif; name=x.gif\r\n\r\nGIF89a", "x.gif"; "a kind that is not printed")]
    fn what_cannot_be_printed_is_refused_by_name(part: &str, named: &str) {
        let error = gathered(&mixed(&["Content-Type: text/plain\r\n\r\nhello", part])).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }

    #[test]
    fn limits_hold() {
        assert!(matches!(gathered(&mixed(&[PDF, PDF, PDF])), Err(ContentError::TooMany(2))));
        let long = format!("\r\n{}", "long text ".repeat(150));
        assert!(matches!(gathered(&long), Err(ContentError::TextTooLong(1000))));
    }
}
