//! Delivery status notifications: multipart/report of RFC 6522 with the fields of RFC 3464, and of RFC 6533
//! where an address is not ASCII.

use super::fields::{Header, one_line};
use super::{Letter, base64_lines, date, is_seven_bit, multipart};
use crate::clock::Timestamp;

/// What became of a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not yet delivered; goes on trying.
    Delayed,
    /// Delivered.
    Delivered,
    /// Handed to a system that sends no notifications.
    Relayed,
    /// Delivered and sent on to other addresses.
    Expanded,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
}

/// The fields of one recipient (RFC 3464 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientStatus {
    /// ORCPT of the sender, type and address: `rfc822;user@x`.
    pub original_recipient: Option<String>,
    /// Type of `final_recipient`: `rfc822`, or `x-postal` for paper. An address that is not ASCII is written
    /// with the type `utf-8`.
    pub address_type: String,
    /// The recipient.
    pub final_recipient: String,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code (RFC 3463): `5.1.1`.
    pub status: String,
    /// The server that answered.
    pub remote_mta: Option<String>,
    /// Its reply, as `550 5.1.1 No such user`; for paper, the reason that the post gives.
    pub diagnostic: Option<String>,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
    /// When it will be given up.
    pub will_retry_until: Option<Timestamp>,
    /// Fields of our own, such as `Postal-Item-Id`.
    pub extensions: Vec<(String, String)>,
}

/// A delivery status notification. It travels with the null reverse-path (RFC 3464 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Top header and the text for people.
    pub letter: Letter,
    /// The name of this server.
    pub reporting_mta: String,
    /// ENVID of the sender.
    pub original_envelope_id: Option<String>,
    /// When the message came here.
    pub arrival: Option<Timestamp>,
    /// Fields of our own that hold for the message, such as `Postal-Item-Id`.
    pub extensions: Vec<(String, String)>,
    /// One for each recipient that is reported.
    pub recipients: Vec<RecipientStatus>,
    /// A document that goes with the text for people.
    pub enclosure: Option<Enclosure>,
    /// What comes back of the original message.
    pub original: Original,
}

/// What comes back of a message (RFC 6522 §3, RFC 3461 §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// Nothing.
    Nothing,
    /// Its header block.
    Header(Vec<u8>),
    /// All of it; its header is ASCII or UTF-8.
    Whole(Vec<u8>),
}

/// A document in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// File name, ASCII.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The document.
    pub bytes: Vec<u8>,
}

impl DeliveryReport {
    /// The multipart/report: text (with the document, if there is one), delivery-status, the original.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut header = self.letter.header();
        let boundary = self.letter.boundary();
        header
            .field("Content-Type", &format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""));
        if matches!(&self.original, Original::Whole(bytes) if !bytes.is_ascii() && header_of(bytes).is_ascii()) {
            header.field("Content-Transfer-Encoding", "8bit");
        }
        let parts: Vec<Vec<u8>> =
            [Some(self.people_part()), Some(self.status_part()), self.original_part()].into_iter().flatten().collect();
        multipart(&boundary, header, &parts)
    }

    /// RFC 6522 §3: the first part is for people; what has more than a text is a multipart of its own.
    fn people_part(&self) -> Vec<u8> {
        let Some(Enclosure { name, media_type, bytes }) = &self.enclosure else { return self.letter.text_part() };
        // RFC 2046 §5.1.1: a line that begins with the outer boundary ends what is inside, so it is no prefix of this.
        let boundary = format!("text-{}", self.letter.boundary());
        let mut header = Header::default();
        header.field("Content-Type", &format!("multipart/mixed; boundary=\"{boundary}\""));
        let mut document = Header::default();
        document.field("Content-Type", media_type);
        document.field("Content-Disposition", &format!("attachment; filename=\"{}\"", file_name(name)));
        document.field("Content-Transfer-Encoding", "base64");
        let document = [document.done(), base64_lines(bytes)].concat();
        multipart(&boundary, header, &[self.letter.text_part(), document])
    }

    fn status_part(&self) -> Vec<u8> {
        let mut header = Header::default();
        // RFC 6533 §3: the utf-8 address type has a 7-bit form, so the old media type serves for all.
        header.field("Content-Type", "message/delivery-status");
        let mut out = header.done();
        out.extend(self.message_fields());
        for recipient in &self.recipients {
            out.extend(self.recipient_fields(recipient));
        }
        // RFC 3464 §2.1: an empty line stands between groups, and none behind the last: a reader may see one more.
        out.truncate(out.len().saturating_sub(2));
        out
    }

    /// RFC 3464 §2.2.
    fn message_fields(&self) -> Vec<u8> {
        let mut fields = Header::default();
        if let Some(id) = &self.original_envelope_id {
            fields.field("Original-Envelope-Id", &ascii(id));
        }
        fields.field("Reporting-MTA", &format!("dns; {}", ascii(&self.reporting_mta)));
        if let Some(arrival) = self.arrival {
            fields.field("Arrival-Date", &date::format(arrival, self.letter.offset));
        }
        extensions(&mut fields, &self.extensions);
        fields.done()
    }

    /// RFC 3464 §2.3.
    fn recipient_fields(&self, recipient: &RecipientStatus) -> Vec<u8> {
        let offset = self.letter.offset;
        let mut fields = Header::default();
        if let Some(original) = &recipient.original_recipient {
            let (kind, address) = original.split_once(';').unwrap_or(("rfc822", original));
            fields.field("Original-Recipient", &typed(kind, address));
        }
        fields.field("Final-Recipient", &typed(&recipient.address_type, &recipient.final_recipient));
        fields.field("Action", recipient.action.name());
        fields.field("Status", &ascii(&recipient.status));
        if let Some(mta) = &recipient.remote_mta {
            fields.field("Remote-MTA", &format!("dns; {}", ascii(mta)));
        }
        if let Some(diagnostic) = &recipient.diagnostic {
            // RFC 3464 §2.3.6: the type says whose words they are; paper is not refused over SMTP.
            let kind = if recipient.address_type == "x-postal" { "x-postal" } else { "smtp" };
            fields.field("Diagnostic-Code", &format!("{kind}; {}", ascii(diagnostic)));
        }
        if let Some(attempt) = recipient.last_attempt {
            fields.field("Last-Attempt-Date", &date::format(attempt, offset));
        }
        if let Some(until) = recipient.will_retry_until {
            fields.field("Will-Retry-Until", &date::format(until, offset));
        }
        extensions(&mut fields, &recipient.extensions);
        fields.done()
    }

    fn original_part(&self) -> Option<Vec<u8>> {
        match &self.original {
            Original::Nothing => None,
            Original::Header(block) => Some(Self::header_part(block)),
            Original::Whole(message) if !header_of(message).is_ascii() => {
                // RFC 6532 §3.5, §3.7: message/rfc822 cannot hold it; message/global can, in any encoding. In base64 the report
                // needs SMTPUTF8 nowhere on its way.
                let mut header = Header::default();
                header.field("Content-Type", "message/global");
                header.field("Content-Transfer-Encoding", "base64");
                Some([header.done(), base64_lines(message)].concat())
            }
            Original::Whole(message) => {
                let mut header = Header::default();
                header.field("Content-Type", "message/rfc822");
                if !message.is_ascii() {
                    header.field("Content-Transfer-Encoding", "8bit");
                }
                Some([header.done().as_slice(), message].concat())
            }
        }
    }

    /// RFC 6522 §4: text/rfc822-headers.
    fn header_part(original: &[u8]) -> Vec<u8> {
        let mut block = Vec::with_capacity(original.len());
        for line in original.split_inclusive(|byte| *byte == b'\n') {
            block.extend_from_slice(crate::message::headers::without_line_end(line));
            block.extend_from_slice(b"\r\n");
        }
        let mut header = Header::default();
        header.field("Content-Type", "text/rfc822-headers");
        if is_seven_bit(&block) {
            return [header.done(), block].concat();
        }
        header.field("Content-Transfer-Encoding", "base64");
        [header.done(), base64_lines(&block)].concat()
    }
}

/// The header of a message, without the empty line behind it.
pub(crate) fn header_of(message: &[u8]) -> &[u8] {
    crate::message::headers::end(message).and_then(|end| message.get(..end)).unwrap_or(message)
}

/// RFC 2183 §2.3, for names of ours.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// Fields that no standard names.
pub(super) fn extensions(fields: &mut Header, extensions: &[(String, String)]) {
    for (name, value) in extensions {
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if !name.is_empty() {
            fields.field(&name, &ascii(value));
        }
    }
}

/// `type; address`.
fn typed(kind: &str, address: &str) -> String {
    if address.is_ascii() {
        return format!("{}; {}", ascii(kind.trim()), one_line(address));
    }
    // RFC 6533 §3 utf-8-addr-xtext: printable ASCII without these three stands for itself.
    format!("utf-8; {}", escaped(address, |c| c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=')))
}

/// A value that should be ASCII and may come from elsewhere.
fn ascii(text: &str) -> String {
    escaped(text, |c| c.is_ascii())
}

/// The characters that are not plain as `\x{hexadecimal}` (RFC 6533 §3 EmbeddedUnicodeChar).
fn escaped(text: &str, is_plain: impl Fn(char) -> bool) -> String {
    one_line(text)
        .chars()
        .map(|c| if is_plain(c) { c.to_string() } else { format!("\\x{{{:X}}}", u32::from(c)) })
        .collect()
}
