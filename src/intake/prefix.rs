//! The headers that stand above the received bytes (DESIGN 7), rendered once and never again.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use jiff::tz::Offset;

use crate::address::{Address, ReversePath};
use crate::clock::Timestamp;
use crate::ids::ItemId;
use crate::message::date;
use crate::postal::SignedImpression;

use super::arriving::ArrivingMarks;
use super::{Connection, Entrance, Origin};

/// The prefix of a mailbox's copy takes about so many bytes.
const USUAL_BYTES: usize = 4 << 10;

/// What the item's prefix is written from.
pub(super) struct ItemPrefix<'a> {
    /// The item.
    pub(super) item: ItemId,
    /// A complete `Authentication-Results` field, where there is one.
    pub(super) authentication: Option<&'a str>,
    /// What was found of the marks that it came with.
    pub(super) arriving: &'a ArrivingMarks,
    /// Where it came from.
    pub(super) origin: &'a Origin,
    /// Our name.
    pub(super) host_name: &'a str,
    /// When.
    pub(super) instant: Timestamp,
    /// The time at the accepting facility.
    pub(super) offset: Offset,
    /// RFC 6409 §8: what the client left out.
    pub(super) add_date: bool,
    /// RFC 6409 §8: the id to add, without angle brackets.
    pub(super) add_message_id: Option<String>,
    /// The user's own address is not shown.
    pub(super) hide_address: bool,
    /// The header or the reverse-path has characters for which the client had to ask for SMTPUTF8.
    pub(super) is_internationalized: bool,
}

impl ItemPrefix<'_> {
    /// The prefix that all copies share, but for the acceptance above it, which signs what stands here.
    pub(super) fn render(&self) -> String {
        let mut prefix = format!("Postal-Item-Id: {}\r\n", self.item);
        prefix.push_str(self.authentication.unwrap_or_default());
        prefix.push_str(&self.arriving.field(self.host_name));
        prefix.push_str(&self.received());
        if self.add_date {
            prefix.push_str(&format!("Date: {}\r\n", self.date()));
        }
        if let Some(id) = &self.add_message_id {
            prefix.push_str(&format!("Message-ID: <{id}>\r\n"));
        }
        prefix
    }

    /// RFC 5321 §4.4, RFC 3848. Never with `for`: if only letters with one recipient had it, its absence would tell whoever
    /// stands in `To` alone that there are blind copies.
    fn received(&self) -> String {
        let (from, protocol) = match (&self.origin.connection, &self.origin.entrance) {
            (Some(connection), _) => (self.client_clause(connection), self.protocol(connection)),
            (None, Entrance::Scan { facility }) => {
                (format!("from {} (scan centre)", word(facility)), Cow::Borrowed("HTTPS"))
            }
            (None, _) => (format!("from {} (this system)", self.host_name), Cow::Borrowed("LOCAL")),
        };
        format!(
            "Received: {from}\r\n\tby {} with {protocol} id {};\r\n\t{}\r\n",
            self.host_name,
            self.item,
            self.date()
        )
    }

    /// RFC 6531 §4.3 names the extension where it was used. That it was used for the sake of a recipient who does not see
    /// himself in the letter would tell the others of a blind copy: then it is the name without.
    fn protocol(&self, connection: &Connection) -> Cow<'static, str> {
        match connection.protocol.strip_prefix("UTF8") {
            Some(rest) if !self.is_internationalized => Cow::Owned(format!("E{rest}")),
            _ => Cow::Borrowed(connection.protocol),
        }
    }

    fn client_clause(&self, connection: &Connection) -> String {
        let tls = connection.tls.as_ref().map(|tls| format!("\r\n\t({})", word_list(tls))).unwrap_or_default();
        if self.hide_address && self.origin.entrance == Entrance::Submission {
            // Programs without a name of their own say their address in EHLO, as `[192.168.1.5]`.
            let name = if is_ip_address(&connection.helo) { "unknown" } else { &connection.helo };
            return format!("from {} (authenticated){tls}", word(name));
        }
        let literal = match connection.ip {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        };
        format!("from {} ({literal}){tls}", word(&connection.helo))
    }

    fn date(&self) -> String {
        date::format(self.instant, self.offset)
    }
}

/// The prefix of one mailbox's copy: newest mark on top.
pub(super) fn recipient_prefix(
    reverse_path: &ReversePath,
    recipient: &Address,
    arrival: &[SignedImpression; 2],
) -> Vec<u8> {
    let [receive, deliver] = arrival;
    let mut prefix = String::with_capacity(USUAL_BYTES);
    // A string takes whatever is written to it.
    let _ = write!(prefix, "Return-Path: {reverse_path}\r\nDelivered-To: {recipient}\r\n");
    deliver.write_fields(&mut prefix);
    receive.write_fields(&mut prefix);
    prefix.into_bytes()
}

/// What a client says of itself is shown, but cannot break the field.
fn word(text: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "-._:[]".contains(c) { c } else { '?' };
    let word: String = text.chars().take(255).map(harmless).collect();
    if word.is_empty() { "unknown".into() } else { word }
}

/// An address, with or without the brackets and the tag of RFC 5321 §4.1.3.
fn is_ip_address(text: &str) -> bool {
    let bare = text.trim_matches(['[', ']']);
    let tagged = bare.split_at_checked(5).filter(|(tag, _)| tag.eq_ignore_ascii_case("IPv6:"));
    tagged.map_or(bare, |(_, address)| address).parse::<IpAddr>().is_ok()
}

fn word_list(text: &str) -> String {
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::{is_ip_address, word};

    #[test_case("[192.168.1.5]" => true)]
    #[test_case("192.168.1.5" => true; "without brackets")]
    #[test_case("[IPv6:2001:db8::5]" => true)]
    #[test_case("[ipv6:2001:db8::5]" => true; "in small letters")]
    #[test_case("laptop.local" => false)]
    #[test_case("" => false)]
    #[test_case("ҚҚ" => false; "no ascii")]
    fn rfc5321_address_literals(helo: &str) -> bool {
        is_ip_address(helo)
    }

    #[test_case("mx.example" => "mx.example")]
    #[test_case("a b\r\nX: y" => "a?b??X:?y"; "no new field can be smuggled in")]
    #[test_case("" => "unknown")]
    #[test_case("[IPv6:::1]" => "[IPv6:::1]")]
    fn rfc5321_received_shows_the_helo_name_harmlessly(helo: &str) -> String {
        word(helo)
    }
}
