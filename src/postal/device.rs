//! Named devices: what a facility stamps, seals and engraves with (P5).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::Period;
use super::facility::name_type;

name_type! {
    /// A named device; unique among all operators in the registry.
    DeviceId
}

/// P5: order 57 cl. 4. The eight kinds of named devices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Postmark: acceptance, receipt and delivery impressions, and cancelling payment signs (P2, P6).
    Postmark,
    /// Surcharge stamp: ordinary letters that are unpaid or underpaid (P7).
    Surcharge,
    /// Special stamp: cancels state payment signs at commemorative events (P8).
    Special,
    /// «Сақтандыру» seal: declared value and sealed bundles (P9).
    Insurance,
    /// Sealing pliers: bags, containers, items (P10).
    Plomb,
    /// Rotary printing device: tape on parcels (P11).
    Rotary,
    /// Plate engraved with the structural unit: heat-sealed packets (P12).
    Plate,
    /// Control-transfer seal of money orders (P13).
    MoneyOrder,
}

/// A named device of one facility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name in the journal and in the registry.
    pub id: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// P16, P27: the letter or number that tells it from the others of its facility.
    pub mark: Option<DeviceMark>,
    /// The days on which it is in use. A special stamp has both ends (P8).
    pub period: Period,
    /// P8: title of the event a special stamp was made for, in the state language.
    pub event_kk: Option<String>,
    /// P10: what the two sides of sealing pliers show.
    pub plomb: Option<Plomb>,
    /// P13: the six digits of a control-transfer seal.
    pub money_order_number: Option<String>,
    /// P31: when it was lost, compromised or withdrawn; no impression after that.
    pub revoked_at: Option<Timestamp>,
}

/// P10: order 57 cl. 4 ¶6. Letters on one side, the facility's digits on the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plomb {
    /// One side.
    pub letters: String,
    /// The other side.
    pub digits: String,
}

/// P16: the distinguishing letter or number of a device, `Б` (tag `dv` of a mark).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeviceMark(String);

/// More than two characters, or something that is neither letter nor digit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no device letter; write one or two letters or digits, for example \"Б\"")]
pub struct NotADeviceMark(String);

impl Device {
    /// True while the device may leave an impression: in its period (days of the facility's zone) and not
    /// revoked.
    #[must_use]
    pub fn is_usable(&self, on: jiff::civil::Date, instant: Timestamp) -> bool {
        self.period.contains(on) && self.revoked_at.is_none_or(|revoked| instant < revoked)
    }
}

impl DeviceMark {
    /// The letter or number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when a Latin letter is in it; only exchange places have those (P25, P26).
    #[must_use]
    pub fn has_latin(&self) -> bool {
        self.0.chars().any(|c| c.is_ascii_alphabetic())
    }

    /// True when it has a letter that is not Latin.
    #[must_use]
    pub fn has_cyrillic(&self) -> bool {
        self.0.chars().any(|c| c.is_alphabetic() && !c.is_ascii())
    }
}

impl fmt::Display for DeviceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DeviceMark {
    type Err = NotADeviceMark;

    fn from_str(text: &str) -> Result<Self, NotADeviceMark> {
        let is_short = matches!(text.chars().count(), 1 | 2);
        if is_short && text.chars().all(char::is_alphanumeric) {
            Ok(DeviceMark(text.into()))
        } else {
            Err(NotADeviceMark(text.into()))
        }
    }
}
