//! The envelope structure of RFC 9051 §7.5.2, taken from a header block.
//!
//! Values are unfolded but otherwise as written: encoded words stay, because an IMAP4rev1 client is shown
//! them raw and a UTF8=ACCEPT client decoded ([`super::headers::decode_words`]).

use super::addresses::address_list;
use super::headers::{Field, fields};

/// What ENVELOPE shows of a message. An absent field is `None` or an empty list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Date, as written.
    pub date: Option<String>,
    /// Subject, unfolded.
    pub subject: Option<String>,
    /// From.
    pub from: Vec<AddressEntry>,
    /// Sender; see [`Envelope::sender_or_from`].
    pub sender: Vec<AddressEntry>,
    /// Reply-To; see [`Envelope::reply_to_or_from`].
    pub reply_to: Vec<AddressEntry>,
    /// To.
    pub to: Vec<AddressEntry>,
    /// Cc.
    pub cc: Vec<AddressEntry>,
    /// Bcc.
    pub bcc: Vec<AddressEntry>,
    /// In-Reply-To, unfolded.
    pub in_reply_to: Option<String>,
    /// Message-ID, with its angle brackets.
    pub message_id: Option<String>,
}

/// One element of an address list, as RFC 9051 §7.5.2 writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressEntry {
    /// A mailbox.
    Mailbox {
        /// Display name without quotes; encoded words stay.
        name: Option<String>,
        /// Source route of RFC 822 (`@a,@b`), obsolete.
        route: Option<String>,
        /// Left of the `@`.
        local: String,
        /// Right of the `@`; empty when the text has none.
        domain: String,
    },
    /// `name:` (host NIL, mailbox the name of the group).
    GroupStart(String),
    /// `;` (host and mailbox NIL).
    GroupEnd,
}

impl Envelope {
    /// Text of one envelope that is kept at most, in bytes: it lives in a row of the store.
    pub const MAX_BYTES: usize = 24 * 1024;

    /// The envelope of a header block, at most [`Envelope::MAX_BYTES`] of text; what is left out is the end of the
    /// longest list, for texts and senders come before recipients, in whatever order the fields stand. Of a text
    /// that stands twice the first counts; address lists are joined.
    #[must_use]
    pub fn parse(header: &[u8]) -> Envelope {
        let all: Vec<Field<'_>> = fields(header).collect();
        let named = |name: &'static str| all.iter().filter(move |field| field.is(name)).map(Field::text);
        let mut envelope = Envelope::default();
        let mut room = Envelope::MAX_BYTES;
        for (name, most, slot) in envelope.texts_mut() {
            *slot = named(name).find(|text| !text.is_empty()).map(|text| clip(text, most));
            room = room.saturating_sub(slot.as_ref().map_or(0, String::len));
        }
        for (name, list) in envelope.lists_mut() {
            named(name).for_each(|text| append_within(list, address_list(&text), &mut room));
        }
        envelope
    }

    /// Sender, or From when it is absent (RFC 9051 §7.5.2).
    #[must_use]
    pub fn sender_or_from(&self) -> &[AddressEntry] {
        if self.sender.is_empty() { &self.from } else { &self.sender }
    }

    /// Reply-To, or From when it is absent (RFC 9051 §7.5.2).
    #[must_use]
    pub fn reply_to_or_from(&self) -> &[AddressEntry] {
        if self.reply_to.is_empty() { &self.from } else { &self.reply_to }
    }

    /// The address lists in the order of RFC 9051 §7.5.2, as they stand (without its defaults).
    #[must_use]
    pub fn lists(&self) -> [&[AddressEntry]; 6] {
        [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc]
    }

    /// Bytes of all texts, each with some for its length.
    pub(super) fn text_bytes(&self) -> usize {
        let texts = [&self.date, &self.subject, &self.in_reply_to, &self.message_id];
        let entries = self.lists().into_iter().flatten();
        16 + texts.into_iter().flatten().map(|text| text.len() + 2).sum::<usize>()
            + entries.map(AddressEntry::text_bytes).sum::<usize>()
    }

    /// Each text with its field and the most bytes that are kept of it.
    fn texts_mut(&mut self) -> [(&'static str, usize, &mut Option<String>); 4] {
        [
            ("Date", 256, &mut self.date),
            ("Subject", 8 * 1024, &mut self.subject),
            ("In-Reply-To", 4 * 1024, &mut self.in_reply_to),
            ("Message-ID", 2 * 1024, &mut self.message_id),
        ]
    }

    /// Each list with its field; what stands first here is kept first.
    fn lists_mut(&mut self) -> [(&'static str, &mut Vec<AddressEntry>); 6] {
        [
            ("From", &mut self.from),
            ("Sender", &mut self.sender),
            ("Reply-To", &mut self.reply_to),
            ("To", &mut self.to),
            ("Cc", &mut self.cc),
            ("Bcc", &mut self.bcc),
        ]
    }
}

impl AddressEntry {
    /// `local@domain` of a mailbox.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            AddressEntry::Mailbox { local, domain, .. } if domain.is_empty() => Some(local.clone()),
            AddressEntry::Mailbox { local, domain, .. } => Some(format!("{local}@{domain}")),
            AddressEntry::GroupStart(_) | AddressEntry::GroupEnd => None,
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            AddressEntry::Mailbox { name, route, local, domain } => {
                let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len) + 2;
                8 + optional(name) + optional(route) + local.len() + domain.len()
            }
            AddressEntry::GroupStart(name) => name.len() + 4,
            AddressEntry::GroupEnd => 1,
        }
    }
}

/// Cuts a text at a character, so that at most `most` bytes are left.
fn clip(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

fn append_within(list: &mut Vec<AddressEntry>, entries: Vec<AddressEntry>, room: &mut usize) {
    for entry in entries {
        let Some(left) = room.checked_sub(entry.text_bytes()) else {
            *room = 0;
            return;
        };
        *room = left;
        list.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9051_7_5_2_envelope_of_a_header() {
        let envelope = Envelope::parse(
            b"Date: Sat, 21 Nov 2026 20:02:39 +0500\r\nFROM: =?utf-8?B?0JDQsdCw0Lk=?= <abai@x.kz>\r\n\
              Subject: a\r\n  folded one\r\nSubject: second\r\nTo: a@x\r\nTo: b@x\r\nMessage-ID: <1@x>\r\n\r\nTo: c@x\r\n",
        );
        assert_eq!(envelope.subject.as_deref(), Some("a  folded one"));
        assert_eq!(envelope.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(envelope.to.iter().filter_map(AddressEntry::address).collect::<Vec<_>>(), ["a@x", "b@x"]);
        assert_eq!(envelope.sender_or_from(), envelope.from);
        assert!(envelope.sender.is_empty());
        let [AddressEntry::Mailbox { name, .. }] = envelope.from.as_slice() else { panic!("one sender") };
        assert_eq!(name.as_deref(), Some("=?utf-8?B?0JDQsdCw0Lk=?="));
    }

    #[test]
    fn envelope_stays_within_its_bytes() {
        let mut header = String::from("Subject: ");
        header.push_str(&"ж".repeat(50_000));
        header.push_str("\r\nTo: ");
        header.push_str(&"somebody@somewhere.example, ".repeat(5_000));
        let envelope = Envelope::parse(header.as_bytes());
        assert!(envelope.subject.as_ref().is_some_and(|subject| subject.len() == 8 * 1024));
        assert!(envelope.to.len() > 300 && envelope.text_bytes() <= Envelope::MAX_BYTES + 64);
    }

    #[test]
    fn rfc9051_7_5_2_a_thousand_recipients_hide_no_other_field() {
        let to = "somebody@somewhere.example, ".repeat(5_000);
        let header = format!(
            "To: {to}\r\nCc: c@x\r\nSubject: s\r\nFrom: a@x\r\nSender: b@x\r\nDate: Sat, 21 Nov 2026 20:02:39 +0500\r\n\
             In-Reply-To: <0@x>\r\nMessage-ID: <1@x>\r\n\r\n"
        );
        let envelope = Envelope::parse(header.as_bytes());
        assert_eq!(envelope.subject.as_deref(), Some("s"));
        assert_eq!(envelope.date.as_deref(), Some("Sat, 21 Nov 2026 20:02:39 +0500"));
        assert_eq!(envelope.message_id.as_deref(), Some("<1@x>"));
        assert_eq!(envelope.in_reply_to.as_deref(), Some("<0@x>"));
        assert_eq!((envelope.from.len(), envelope.sender.len()), (1, 1));
        assert!(envelope.to.len() > 500);
    }
}
