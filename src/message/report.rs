//! The delivery status notification of RFC 3464 with its text for people. Every byte is an argument or follows from
//! the arguments, so the same call gives the same message.
//!
//! The outcome has CRLF line ends, no line over 998 octets and a body that passes 7-bit transports; but for a whole
//! message that comes back, which comes back as it is.

mod dsn;
mod fields;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::Offset;

use crate::clock::Timestamp;

use super::date;
pub(crate) use dsn::header_of;
pub use dsn::{Action, DeliveryReport, Enclosure, Original, RecipientStatus};
pub(crate) use fields::field;
use fields::{Header, one_line};

/// Somebody in From or To.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Display name in any script; may be empty.
    pub name: String,
    /// `local@domain`.
    pub address: String,
}

/// One language version of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// RFC 5646 tag: `kk`, `ru`, `en`.
    pub language: String,
    /// Lines of text.
    pub text: String,
}

/// The top header of a report, and its text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// From.
    pub from: Named,
    /// To.
    pub to: Named,
    /// Subject in any script.
    pub subject: String,
    /// Date.
    pub date: Timestamp,
    /// Zone of the date.
    pub offset: Offset,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// The Message-ID that this letter answers, without angle brackets; it ends References.
    pub in_reply_to: Option<String>,
    /// Older messages of the thread, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// Fields of ours, for programs: name and value, ASCII.
    pub extensions: Vec<(String, String)>,
    /// The text, one language after the other.
    pub text: Vec<Passage>,
    /// Separates the parts of a multipart; must not stand in the texts. At most 70 letters and digits.
    pub boundary: String,
}

impl Letter {
    /// The top header up to the fields of MIME; RFC 3834 §5: made by no person, answered by no machine.
    fn header(&self) -> Header {
        let mut header = Header::default();
        header.field("Date", &date::format(self.date, self.offset));
        header.mailbox("From", &self.from);
        header.mailbox("To", &self.to);
        header.text("Subject", &self.subject);
        header.ids("Message-ID", std::slice::from_ref(&self.message_id));
        if let Some(parent) = &self.in_reply_to {
            header.ids("In-Reply-To", std::slice::from_ref(parent));
        }
        let thread: Vec<String> = self.references.iter().chain(&self.in_reply_to).cloned().collect();
        if !thread.is_empty() {
            header.ids("References", &thread);
        }
        header.field("Auto-Submitted", "auto-generated");
        dsn::extensions(&mut header, &self.extensions);
        header.field("MIME-Version", "1.0");
        header
    }

    /// The text as a part of a multipart.
    fn text_part(&self) -> Vec<u8> {
        let mut header = Header::default();
        let body = self.text_body(&mut header);
        [header.done(), body].concat()
    }

    fn text_body(&self, header: &mut Header) -> Vec<u8> {
        let languages: Vec<String> = self.text.iter().map(|passage| one_line(&passage.language)).collect();
        if !languages.is_empty() {
            header.field("Content-Language", &languages.join(", "));
        }
        let passages: Vec<String> = self.text.iter().map(|passage| crlf_lines(&passage.text)).collect();
        let text = passages.join("\r\n* * *\r\n\r\n");
        header.field("Content-Type", "text/plain; charset=utf-8");
        if is_seven_bit(text.as_bytes()) {
            header.field("Content-Transfer-Encoding", "7bit");
            return text.into_bytes();
        }
        header.field("Content-Transfer-Encoding", "base64");
        base64_lines(text.as_bytes())
    }

    /// RFC 2046 §5.1.1 characters only.
    fn boundary(&self) -> String {
        // Room is left for what tells the boundary of a part inside from it.
        self.boundary.chars().filter(|c| c.is_ascii_alphanumeric() || "'()+_,-./:=?".contains(*c)).take(64).collect()
    }
}

fn multipart(boundary: &str, header: Header, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = header.done();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// RFC 5322 §2.3: CR and LF only together; the last line is ended too.
fn crlf_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        out.push_str(&line.replace('\r', ""));
        out.push_str("\r\n");
    }
    out
}

/// RFC 2045 §2.7: ASCII without NUL, in lines of at most 998 octets that CRLF ends.
fn is_seven_bit(bytes: &[u8]) -> bool {
    bytes.is_ascii()
        && !bytes.contains(&0)
        && bytes.split(|byte| *byte == b'\n').all(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.len() <= 998 && !line.contains(&b'\r')
        })
}

/// RFC 2045 §6.8: lines of 76 characters.
fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 57 * 78 + 78);
    for line in bytes.chunks(57) {
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests;
