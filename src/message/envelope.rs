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

    /// The envelope of a header block, at most [`Envelope::MAX_BYTES`] of text; what is beyond is left out.
    /// Of a field that stands twice, the first counts; address lists are joined.
    #[must_use]
    pub fn parse(header: &[u8]) -> Envelope {
        let mut envelope = Envelope::default();
        let mut room = Envelope::MAX_BYTES;
        for field in fields(header) {
            if let Some(slot) = envelope.text_slot(&field) {
                if slot.is_none() {
                    *slot = Some(clip(field.text(), &mut room)).filter(|text| !text.is_empty());
                }
            } else if let Some(list) = envelope.list_slot(&field) {
                append_within(list, address_list(&field.text()), &mut room);
            }
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

    fn text_slot(&mut self, field: &Field<'_>) -> Option<&mut Option<String>> {
        let slots: [(&str, &mut Option<String>); 4] = [
            ("Date", &mut self.date),
            ("Subject", &mut self.subject),
            ("In-Reply-To", &mut self.in_reply_to),
            ("Message-ID", &mut self.message_id),
        ];
        slots.into_iter().find_map(|(name, slot)| field.is(name).then_some(slot))
    }

    fn list_slot(&mut self, field: &Field<'_>) -> Option<&mut Vec<AddressEntry>> {
        let slots: [(&str, &mut Vec<AddressEntry>); 6] = [
            ("From", &mut self.from),
            ("Sender", &mut self.sender),
            ("Reply-To", &mut self.reply_to),
            ("To", &mut self.to),
            ("Cc", &mut self.cc),
            ("Bcc", &mut self.bcc),
        ];
        slots.into_iter().find_map(|(name, slot)| field.is(name).then_some(slot))
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

/// Cuts a text at what is left, at most 8 KiB of one field, at a character.
fn clip(mut text: String, room: &mut usize) -> String {
    const MAX_FIELD: usize = 8 * 1024;
    let most = MAX_FIELD.min(*room);
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    *room -= text.len();
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
}
