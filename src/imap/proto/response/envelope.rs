//! ENVELOPE (RFC 9051 §7.5.2).

use crate::message::{AddressEntry, Envelope};

use super::Dialect;
use super::text::write_header_text;

/// Appends `(date subject from sender reply-to to cc bcc in-reply-to message-id)`.
pub fn write_envelope(envelope: &Envelope, dialect: Dialect, out: &mut Vec<u8>) {
    out.push(b'(');
    write_header_text(envelope.date.as_deref(), dialect, out);
    out.push(b' ');
    write_header_text(envelope.subject.as_deref(), dialect, out);
    // RFC 9051 §7.5.2: the server fills Sender and Reply-To from From where they are missing.
    for addresses in [
        envelope.from.as_slice(),
        envelope.sender_or_from(),
        envelope.reply_to_or_from(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.push(b' ');
        write_addresses(addresses, dialect, out);
    }
    for text in [&envelope.in_reply_to, &envelope.message_id] {
        out.push(b' ');
        write_header_text(text.as_deref(), dialect, out);
    }
    out.push(b')');
}

fn write_addresses(addresses: &[AddressEntry], dialect: Dialect, out: &mut Vec<u8>) {
    if addresses.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in addresses {
        // A host of NIL is the mark of group syntax, so an address without one shows an empty host.
        let [name, route, local, host] = match address {
            AddressEntry::Mailbox { name, route, local, domain } => {
                [name.as_deref(), route.as_deref(), Some(local.as_str()), Some(domain.as_str())]
            }
            AddressEntry::GroupStart(name) => [None, None, Some(name.as_str()), None],
            AddressEntry::GroupEnd => [None; 4],
        };
        out.push(b'(');
        write_header_text(name, dialect, out);
        for text in [route, local, host] {
            out.push(b' ');
            write_header_text(text, dialect, out);
        }
        out.push(b')');
    }
    out.push(b')');
}
