//! An impression of a named device: the one domain object behind the header, the line of text and the drawn stamp.
//!
//! It is made by one function, from a workplace and the instant of the clock. Nothing here takes a date, so no
//! caller can post-date or back-date a letter (P3, P24).

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::{ImpressionId, ItemId, ULID_LENGTH};

use super::face::{Face, Workplace};
use super::tag_writer::{TagWriter, write_base64};
use super::{DateToken, Device, DeviceKind, Facility, Ink, Inscription, LetterBox, MarkDigest, S10};

/// A line of the journal takes about so many bytes.
const JOURNAL_LINE_BYTES: usize = 512;

/// How instants stand in it, as everywhere.
const INSTANT: DateTimePrinter = DateTimePrinter::new();

/// P6, P7, P2: what an impression attests (tag `k`, and `dk` for a delivery).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The facility accepted the item.
    Accept,
    /// The facility received it at the place of destination.
    Receive,
    /// The facility delivered it, handed it over, or both.
    Deliver(Handover),
    /// P7: the item is unpaid or underpaid.
    Surcharge,
    /// P2: a payment sign was cancelled.
    Cancel,
    /// P9: a bundle was sealed.
    Seal,
}

/// P6 (c): "жеткізген және (немесе) табыс еткен". Facilities name it as tag `dk` does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handover {
    /// Laid into the mailbox or the letter box.
    Delivered,
    /// Given into the addressee's hands.
    Handed,
    /// Both: brought to the address, and given into hands there.
    Both,
}

/// Why a stamp comes down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// Id of the new impression.
    pub id: ImpressionId,
    /// The item it is made on or for.
    pub item: ItemId,
    /// What it attests.
    pub kind: Kind,
    /// P3: the instant of the clock, read now.
    pub instant: Timestamp,
}

/// What else a mark may say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details {
    /// P23: the ordinary letter was dropped into this box of the facility. Acceptances only.
    pub letter_box: Option<LetterBox>,
    /// The item's S10 number, if it goes on paper.
    pub s10: Option<S10>,
    /// The sender is a state body (`pc=official`).
    pub official: bool,
    /// P7: what is still to be paid, in tiyn.
    pub amount_due: Option<u64>,
    /// Hash of the payment sign that was cancelled with it.
    pub payment_sign: Option<[u8; 32]>,
    /// For whom; receipts and deliveries only, in that recipient's copy only.
    pub recipient: Option<RecipientTag>,
    /// The partner system that handed the item over; for the journal, not for the mark.
    pub peer: Option<String>,
}

/// Tag `rc`: names a recipient to who knows the address, and to nobody else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RecipientTag {
    salt: [u8; 16],
    digest: [u8; 32],
}

/// An impression, made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impression {
    id: ImpressionId,
    item: ItemId,
    kind: Kind,
    instant: Timestamp,
    offset: Offset,
    token: DateToken,
    face: Arc<Face>,
    details: Details,
}

/// Why no impression was made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStamped {
    /// No such facility on that day.
    #[error("there is no facility {0} on this day; see `poshta facility list`")]
    NoFacility(String),
    /// P4: the facility has no device for this.
    #[error("facility {facility} has no {device:?} device in use (P4); add one to the facilities file")]
    NoDevice {
        /// The facility.
        facility: String,
        /// What was needed.
        device: DeviceKind,
    },
    /// P4, P31: the device is not the facility's, out of its period, or revoked.
    #[error("device {0} is not in use at this facility now (P4, P31)")]
    DeviceNotInUse(String),
    /// The device does not make impressions of this kind (P6, P7, P8).
    #[error("device {0} makes no impressions of this kind (P6-P8)")]
    WrongDevice(String),
    /// P23: only acceptances name a letter box, and only one of the facility.
    #[error("a letter box goes with an acceptance at its own facility only (P23)")]
    WrongLetterBox,
    /// P7: a surcharge says how much, and nothing else does.
    #[error("a surcharge stamp, and no other, needs the amount due (P7)")]
    WrongAmount,
    /// A cancellation names the payment sign (P2).
    #[error("a cancellation names the payment sign it cancels (P2)")]
    NoPaymentSign,
    /// The acceptance mark never names a recipient.
    #[error("an acceptance is the same for all recipients and names none")]
    RecipientInAcceptance,
}

impl Impression {
    /// Brings the stamp down. The only way to make an impression.
    ///
    /// # Errors
    /// When the device may not be used so, here or now.
    pub fn make(workplace: Workplace<'_>, occasion: Occasion, details: Details) -> Result<Self, NotStamped> {
        let (operator, facility, device) = (workplace.operator(), workplace.facility(), workplace.device());
        // Marks count whole seconds; the date token must follow from what the mark says.
        let instant = Timestamp::from_second(occasion.instant.as_second()).unwrap_or(occasion.instant);
        let today = facility.date_at(instant);
        let is_issued = facility.devices.contains(device) && facility.operator == operator.id;
        if !is_issued || !facility.period.contains(today) || !device.is_usable(today, instant) {
            return Err(NotStamped::DeviceNotInUse(device.id.to_string()));
        }
        if !occasion.kind.is_made_by(device.kind) {
            return Err(NotStamped::WrongDevice(device.id.to_string()));
        }
        check_details(facility, occasion.kind, &details)?;
        let token = match &details.letter_box {
            Some(letter_box) => DateToken::from_box(instant, facility, letter_box),
            None => DateToken::at(instant, facility),
        };
        Ok(Impression {
            id: occasion.id,
            item: occasion.item,
            kind: occasion.kind,
            instant,
            offset: facility.zone.offset_at(instant),
            token,
            face: workplace.face(today),
            details,
        })
    }

    /// The field `Postal-Mark` as it was before marks were signed.
    #[cfg(test)]
    pub(super) fn unsigned_header(&self) -> String {
        let mut header = String::new();
        self.write_header(&self.tags(), &mut header);
        header
    }

    /// Writes the field `Postal-Mark-Text` to the end of `out`: the inscription for people, with its final CRLF.
    pub(super) fn write_text(&self, out: &mut String) {
        self.face.write_text(self.token, out);
    }

    /// The inscription, the device's letter and the date token in one line.
    #[must_use]
    pub fn line(&self) -> String {
        self.face.inscription.line(self.face.device.mark.as_ref(), self.token)
    }

    /// P31: the entry of the device's journal, one line of JSON without line end: the number that the device gave
    /// it, and its mark as a hash, which is the entry of the transparency log. Nothing personal is in it.
    #[must_use]
    pub fn journal_line(&self, number: u64, mark: MarkDigest) -> String {
        let mut line = String::new();
        self.write_journal_line(number, mark, &mut line);
        line
    }

    /// Writes [`Impression::journal_line`] to the end of `line`.
    pub(super) fn write_journal_line(&self, number: u64, mark: MarkDigest, line: &mut String) {
        // Written by hand, for there are twenty of them for a letter to ten: only the peer's name may need escapes.
        let Impression { id, item, kind, instant, token, face, .. } = self;
        line.reserve(JOURNAL_LINE_BYTES);
        line.extend([
            "{\"device\":\"",
            face.device.id.as_str(),
            "\",\"facility\":\"",
            face.facility.as_str(),
            "\",\"handover\":",
        ]);
        match kind.handover() {
            Some(handover) => line.extend(["\"", handover, "\""]),
            None => line.push_str("null"),
        }
        let mut buffer = [0; ULID_LENGTH];
        line.extend([",\"impression\":\"", id.text(&mut buffer), "\",\"instant\":\""]);
        // A string takes whatever is written to it, here and below.
        let _ = INSTANT.print_timestamp(instant, &mut *line);
        line.extend(["\",\"item\":\"", item.text(&mut buffer), "\",\"kind\":\"", kind.tag(), "\",\"mark\":\""]);
        write_base64(&STANDARD, &mark.0, line);
        line.push_str("\",\"peer\":");
        match &self.details.peer {
            Some(peer) => line.push_str(&Value::from(peer.as_str()).to_string()),
            None => line.push_str("null"),
        }
        line.extend([",\"seq\":", itoa::Buffer::new().format(number), ",\"token\":\""]);
        token.write_to(line);
        line.push('"');
        self.write_journal_details(line);
        line.push('}');
    }

    /// What only some impressions say: P23, P7, P2.
    fn write_journal_details(&self, line: &mut String) {
        let Details { letter_box, amount_due, payment_sign, .. } = &self.details;
        if let Some(letter_box) = letter_box {
            let _ = write!(line, ",\"letter_box\":\"{}\"", letter_box.id);
        }
        if let Some(tiyn) = amount_due {
            let _ = write!(line, ",\"amount_due\":{tiyn}");
        }
        if let Some(hash) = payment_sign {
            let _ = write!(line, ",\"payment_sign\":\"{}\"", URL_SAFE_NO_PAD.encode(hash));
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ImpressionId {
        self.id
    }

    /// The item it was made on.
    #[must_use]
    pub fn item(&self) -> ItemId {
        self.item
    }

    /// What it attests.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When it was made, in whole seconds.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The digits it shows.
    #[must_use]
    pub fn token(&self) -> DateToken {
        self.token
    }

    /// The device that made it.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.face.device
    }

    /// P28: its colour.
    #[must_use]
    pub fn ink(&self) -> Ink {
        self.face.ink
    }

    /// What is engraved on the device.
    #[must_use]
    pub fn inscription(&self) -> &Inscription {
        &self.face.inscription
    }

    /// P7: what is still to be paid, in tiyn.
    #[must_use]
    pub fn amount_due(&self) -> Option<u64> {
        self.details.amount_due
    }

    /// The tags of the mark, in the order of the grammar.
    pub(super) fn tags(&self) -> TagWriter {
        let details = &self.details;
        let mut tags = self.face.head(self.kind).begin(self.id);
        tags.push_token("ts", self.token);
        tags.push_number("t", self.instant.as_second());
        tags.push("z", OffsetTag::of(self.offset).as_str());
        tags.push_some("lb", details.letter_box.as_ref().map(|letter_box| &letter_box.id));
        tags.push_some("id", details.s10);
        tags.push_some("pc", details.official.then_some("official"));
        tags.push_some("am", details.amount_due);
        let payment_sign = details.payment_sign.as_ref();
        tags.push_some("ps", payment_sign.map(|hash| Base64Display::new(hash, &URL_SAFE_NO_PAD)));
        if let Some(recipient) = &details.recipient {
            tags.push_base64_pair("rc", (&recipient.salt, &recipient.digest));
        }
        tags
    }

    /// Writes the field `Postal-Mark` with these tags, which begin as [`Impression::tags`], to the end of `out`.
    pub(super) fn write_header(&self, tags: &TagWriter, out: &mut String) {
        self.face.head(self.kind).write_header(tags, out);
    }
}

fn check_details(facility: &Facility, kind: Kind, details: &Details) -> Result<(), NotStamped> {
    let is_own_box = |letter_box: &LetterBox| facility.letter_boxes.contains(letter_box);
    if details.letter_box.as_ref().is_some_and(|letter_box| kind != Kind::Accept || !is_own_box(letter_box)) {
        return Err(NotStamped::WrongLetterBox);
    }
    if (kind == Kind::Surcharge) != details.amount_due.is_some() {
        return Err(NotStamped::WrongAmount);
    }
    if kind == Kind::Cancel && details.payment_sign.is_none() {
        return Err(NotStamped::NoPaymentSign);
    }
    if details.recipient.is_some() && !matches!(kind, Kind::Receive | Kind::Deliver(_)) {
        return Err(NotStamped::RecipientInAcceptance);
    }
    Ok(())
}

impl Kind {
    /// Tag `k`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Kind::Accept => "accept",
            Kind::Receive => "receive",
            Kind::Deliver(_) => "deliver",
            Kind::Surcharge => "surcharge",
            Kind::Cancel => "cancel",
            Kind::Seal => "seal",
        }
    }

    /// Tag `dk`.
    #[must_use]
    pub fn handover(self) -> Option<&'static str> {
        match self {
            Kind::Deliver(Handover::Delivered) => Some("delivered"),
            Kind::Deliver(Handover::Handed) => Some("handed"),
            Kind::Deliver(Handover::Both) => Some("both"),
            _ => None,
        }
    }

    /// The kind with these tags. A delivery without `dk` means delivered.
    pub(super) fn from_tags(k: &str, dk: Option<&str>) -> Option<Self> {
        match (k, dk) {
            ("accept", None) => Some(Kind::Accept),
            ("receive", None) => Some(Kind::Receive),
            ("surcharge", None) => Some(Kind::Surcharge),
            ("cancel", None) => Some(Kind::Cancel),
            ("seal", None) => Some(Kind::Seal),
            ("deliver", None | Some("delivered")) => Some(Kind::Deliver(Handover::Delivered)),
            ("deliver", Some("handed")) => Some(Kind::Deliver(Handover::Handed)),
            ("deliver", Some("both")) => Some(Kind::Deliver(Handover::Both)),
            _ => None,
        }
    }

    /// P5-P9: order 57 cl. 4. Whether devices of this kind make such impressions.
    pub(super) fn is_made_by(self, device: DeviceKind) -> bool {
        match device {
            DeviceKind::Postmark => !matches!(self, Kind::Surcharge | Kind::Seal),
            DeviceKind::Surcharge => self == Kind::Surcharge,
            DeviceKind::Special => self == Kind::Cancel,
            DeviceKind::Insurance => self == Kind::Seal,
            _ => false,
        }
    }

    /// The device that usually makes such impressions.
    #[must_use]
    pub fn device(self) -> DeviceKind {
        match self {
            Kind::Surcharge => DeviceKind::Surcharge,
            Kind::Seal => DeviceKind::Insurance,
            _ => DeviceKind::Postmark,
        }
    }
}

impl RecipientTag {
    /// Names `recipient` under a random salt.
    #[must_use]
    pub fn new(salt: [u8; 16], recipient: &Address) -> Self {
        let mut digest = Sha256::new_with_prefix(salt);
        // A hash takes whatever is written to it.
        let _ = write!(digest, "{recipient}");
        RecipientTag { salt, digest: digest.finalize().into() }
    }

    /// True when it was made for `recipient`.
    #[must_use]
    pub fn names(&self, recipient: &Address) -> bool {
        *self == RecipientTag::new(self.salt, recipient)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (salt, digest) = text.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(RecipientTag { salt: decode(salt)?.try_into().ok()?, digest: decode(digest)?.try_into().ok()? })
    }
}

/// Tag `z`: `+0500`.
pub(super) struct OffsetTag([u8; 5]);

impl OffsetTag {
    pub(super) fn of(offset: Offset) -> Self {
        let minutes = offset.seconds() / 60;
        let sign = if minutes < 0 { b'-' } else { b'+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let digit = |number: i32| b'0'.saturating_add((number % 10) as u8);
        OffsetTag([sign, digit(hours / 10), digit(hours), digit(rest / 10), digit(rest)])
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
