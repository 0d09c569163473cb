//! What the server asks a worker and what the worker answers: length-prefixed postcard over one socket pair.
//!
//! A frame is four bytes of length, big-endian, then that many bytes. The length is checked before a byte is
//! allocated (DESIGN 2).

use std::io::{Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::hybrid::documents::{DocumentFacts, DocumentKind};
use crate::hybrid::letter::{CheckFailure, Letter};
use crate::hybrid::receipt::ReceiptPage;
use crate::hybrid::report::ReportPage;

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Open a document and say what it is.
    Inspect(Document),
    /// Draw a letter.
    Render {
        /// What to draw.
        letter: Box<Letter>,
        /// More sheets are refused.
        max_sheets: u32,
    },
    /// Draw a receipt.
    Receipt(Box<ReceiptPage>),
    /// Draw a report.
    Report(Box<ReportPage>),
    /// Name the characters of a text that no font of ours has.
    Coverage(String),
    /// Find bar codes on the first page.
    ReadCodes(Document),
    /// Put the pages of an image into a PDF.
    ToPdf(Document),
}

/// A document of somebody else's making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What its first bytes say it is.
    pub kind: DocumentKind,
    /// The document.
    pub bytes: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Request::Inspect`].
    Facts(DocumentFacts),
    /// To [`Request::Render`].
    Letter(Rendered),
    /// To [`Request::Coverage`]: the missing characters, each once, in order of appearance.
    Missing(Vec<char>),
    /// To [`Request::ReadCodes`]: the texts of the codes found.
    Codes(Vec<String>),
    /// To [`Request::ToPdf`], [`Request::Receipt`] and [`Request::Report`].
    Pdf(Vec<u8>),
    /// The document or letter is at fault; trying again will not help.
    Failed(CheckFailure),
    /// The worker was built without the library for this job.
    NotBuilt(String),
}

/// A letter on paper, ready for the printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// Its pages.
    pub pages: u32,
    /// Sheets of paper it takes.
    pub sheets: u32,
}

/// Reads one frame; `None` at the orderly end of input.
///
/// # Errors
/// I/O, a frame above `max_bytes`, or bytes that are no `T`.
pub fn read_frame<T: DeserializeOwned>(input: &mut impl Read, max_bytes: usize) -> std::io::Result<Option<T>> {
    let mut head = [0; 4];
    match input.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let len = check_len(head, max_bytes)?;
    let mut body = vec![0; len];
    input.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// Writes one frame.
///
/// # Errors
/// I/O, or a value of more than 4 GiB.
pub fn write_frame<T: Serialize>(output: &mut impl Write, value: &T) -> std::io::Result<()> {
    output.write_all(&encode(value)?)?;
    output.flush()
}

/// The bytes of a frame.
///
/// # Errors
/// A value of more than 4 GiB, or one that cannot be serialised.
pub fn encode<T: Serialize>(value: &T) -> std::io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(value, vec![0; 4]).map_err(std::io::Error::other)?;
    let len = u32::try_from(frame.len() - 4).map_err(std::io::Error::other)?;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = len.to_be_bytes();
    }
    Ok(frame)
}

/// The length that a frame's head announces.
///
/// # Errors
/// More than `max_bytes`.
pub fn check_len(head: [u8; 4], max_bytes: usize) -> std::io::Result<usize> {
    usize::try_from(u32::from_be_bytes(head))
        .ok()
        .filter(|len| *len <= max_bytes)
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "frame above the limit"))
}

/// The value of a frame's body.
///
/// # Errors
/// Bytes that are no `T`.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> std::io::Result<T> {
    postcard::from_bytes(body).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_end_is_orderly() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &Request::Coverage("Қазақ".into())).unwrap();
        write_frame(&mut wire, &Request::Coverage(String::new())).unwrap();
        let mut input = wire.as_slice();
        assert_eq!(read_frame(&mut input, 1024).unwrap(), Some(Request::Coverage("Қазақ".into())));
        assert_eq!(read_frame(&mut input, 1024).unwrap(), Some(Request::Coverage(String::new())));
        assert_eq!(read_frame::<Request>(&mut input, 1024).unwrap(), None);
    }

    #[test]
    fn announced_size_is_checked_before_reading() {
        let mut input: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0];
        let error = read_frame::<Request>(&mut input, 1024).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }
}
