//! What is known of one message while a search looks at it: its rows at once, its header and texts when a key
//! needs them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::imap::proto::command::Flag;
use crate::imap::proto::search::{Facts, Needle};
use crate::imap::rows::Row;
use crate::imap::view::flags_of;
use crate::message::headers::{decode_words, fields};
use crate::message::{AddressEntry, Envelope, Summary};

use super::content::Wanted;

/// What has to be read before a key can be decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// The row with the envelope.
    Summary,
    /// The message's own header block.
    Header,
    /// The texts of the message.
    Texts,
}

/// A message as far as it was read.
pub(super) struct Known<'a> {
    pub(super) row: &'a Row,
    pub(super) keywords: &'a [String],
    pub(super) summary: Option<&'a Summary>,
    pub(super) header: Option<&'a [u8]>,
    pub(super) texts: Option<&'a Wanted>,
}

impl Facts for Known<'_> {
    type Error = Missing;

    fn number(&self) -> u32 {
        self.row.place.seq
    }

    fn uid(&self) -> u32 {
        self.row.place.uid.get()
    }

    fn has(&self, flag: &Flag) -> bool {
        flags_of(&self.row.message, self.keywords).iter().any(|own| match (own, flag) {
            (Flag::Keyword(own), Flag::Keyword(wanted)) => own.eq_ignore_ascii_case(wanted),
            (own, wanted) => own == wanted,
        })
    }

    fn is_recent(&self) -> bool {
        false
    }

    fn size(&self) -> u64 {
        self.row.message.size()
    }

    fn internal_date(&self) -> Date {
        // INTERNALDATE is shown in UTC, so its day is the day in UTC.
        self.row.message.internal_date.to_zoned(TimeZone::UTC).date()
    }

    fn sent_date(&self) -> Result<Option<Date>, Missing> {
        let summary = self.summary.ok_or(Missing::Summary)?;
        Ok(summary.envelope.date.as_deref().and_then(written_day))
    }

    fn header(&self, name: &str) -> Result<Vec<String>, Missing> {
        if let Some(values) = from_envelope(self.summary.ok_or(Missing::Summary)?, name) {
            return Ok(values);
        }
        let header = self.header.ok_or(Missing::Header)?;
        Ok(fields(header).filter(|field| field.is(name)).map(|field| field.decoded()).collect())
    }

    fn body_contains(&self, needle: &Needle) -> Result<bool, Missing> {
        Ok(self.texts.ok_or(Missing::Texts)?.body.found(needle))
    }

    fn text_contains(&self, needle: &Needle) -> Result<bool, Missing> {
        Ok(self.texts.ok_or(Missing::Texts)?.text.found(needle))
    }
}

/// Texts below this length are surely whole in an envelope, which keeps only the beginning of long ones.
const WHOLE_TEXT_BYTES: usize = 250;

/// More than an envelope counts for an address beside its text.
const ADDRESS_BYTES: usize = 16;

/// The value of a field that the envelope keeps; `None` for other fields, and where it may have kept a part only.
fn from_envelope(summary: &Summary, name: &str) -> Option<Vec<String>> {
    let envelope = &summary.envelope;
    let text = |text: &Option<String>| {
        let whole = text.as_ref().is_none_or(|text| text.len() < WHOLE_TEXT_BYTES);
        whole.then(|| text.iter().map(|text| decode_words(text)).collect())
    };
    let list = |list: &[AddressEntry]| has_all_addresses(summary).then(|| addresses(list));
    match name.to_ascii_lowercase().as_str() {
        "date" => text(&envelope.date),
        "subject" => text(&envelope.subject),
        "in-reply-to" => text(&envelope.in_reply_to),
        "message-id" => text(&envelope.message_id),
        "from" => list(&envelope.from),
        "sender" => list(&envelope.sender),
        "reply-to" => list(&envelope.reply_to),
        "to" => list(&envelope.to),
        "cc" => list(&envelope.cc),
        "bcc" => list(&envelope.bcc),
        _ => None,
    }
}

/// Whether the whole header would fit into an envelope, so that no address can have been left out.
fn has_all_addresses(summary: &Summary) -> bool {
    let header = &summary.structure.root.header;
    let addresses: usize = summary.envelope.lists().iter().map(|list| list.len()).sum();
    let most = Envelope::MAX_BYTES.saturating_sub((addresses + 2) * ADDRESS_BYTES);
    header.end.saturating_sub(header.start) <= most as u64
}

/// An address list as one text; none if the field is absent.
fn addresses(list: &[AddressEntry]) -> Vec<String> {
    if list.is_empty() {
        return Vec::new();
    }
    let one = |entry: &AddressEntry| match entry {
        AddressEntry::Mailbox { name: Some(name), local, domain, .. } => {
            format!("{} <{local}@{domain}>", decode_words(name))
        }
        AddressEntry::Mailbox { name: None, local, domain, .. } => format!("{local}@{domain}"),
        AddressEntry::GroupStart(name) => format!("{}:", decode_words(name)),
        AddressEntry::GroupEnd => ";".to_owned(),
    };
    vec![list.iter().map(one).collect::<Vec<_>>().join(", ")]
}

/// The day in a Date field as it is written there, zone disregarded (RFC 9051 §6.4.4 SENTON); obsolete forms
/// with two-digit years count (RFC 5322 §4.3).
fn written_day(date: &str) -> Option<Date> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<&str> = date.split([' ', ',', '\t', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year) = words.windows(3).find_map(|three| {
        let [day, month, year] = three else { return None };
        let month = month.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|name| *name == month)?;
        Some((day.parse::<i8>().ok()?, i8::try_from(month + 1).ok()?, *year))
    })?;
    let number = year.parse::<i16>().ok()?;
    let year = match (year.len(), number) {
        (2, 0..=49) => number + 2000,
        (2 | 3, _) => number + 1900,
        _ => number,
    };
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Tue, 1 Sep 2026 23:59:59 +0500" => Some(jiff::civil::date(2026, 9, 1)); "the day as written")]
    #[test_case("01 Sep 26 00:00 GMT" => Some(jiff::civil::date(2026, 9, 1)); "two-digit year")]
    #[test_case("1 Sep 99 00:00 GMT" => Some(jiff::civil::date(1999, 9, 1)); "of the last century")]
    #[test_case("31 Feb 2026 00:00 +0000" => None; "no such day")]
    #[test_case("yesterday" => None; "no date")]
    fn rfc9051_sent_dates(date: &str) -> Option<Date> {
        written_day(date)
    }
}
