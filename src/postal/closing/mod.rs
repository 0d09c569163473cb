//! The daily closing of a named device (P31: order 57 cl. 14): who had it, what it stamped, what the clock showed, in
//! a document that the device's own key signs.
//!
//! The invariants, which anybody can check with the published keys: the closings of a device are a chain, day by day,
//! each with the digest of the one before it; the instants that they cover lie one behind the other; and every number
//! that the device used up to the last one is in exactly one of them, as an impression or as void. So an impression
//! that is not in the closing of its day cannot have been made on it.

mod book;
mod canonical;
mod check;
mod held;
mod line;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{DeviceKind, KeyError, SigningKey};

pub use book::{Contradiction, DayBook, Tally};
pub use canonical::{NotCanonical, canonical};
pub use check::{ClosingFault, check_chain, check_collection};
pub use held::{Accounted, HeldMark};
pub use line::{JournalLine, Struck};

/// What stands before the document when it is signed: nothing else that a device signs begins so.
const CONTEXT: &str = "poshta-closing:v1\n";

/// The version of the form.
pub const CLOSING_VERSION: u32 = 1;

/// A daily closing. Fields that have nothing to say are null.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Of this form.
    pub v: u32,
    /// Whose device.
    pub operator: String,
    /// At which facility.
    pub facility: String,
    /// Which device.
    pub device: String,
    /// What it is.
    pub kind: DeviceKind,
    /// P16: its letter.
    pub letter: Option<String>,
    /// P14: what is engraved on it.
    pub engraving: String,
    /// The day, in the facility's zone.
    pub day: String,
    /// That zone.
    pub zone: String,
    /// The first instant that it covers.
    pub from: String,
    /// The first instant that it does not cover.
    pub to: String,
    /// Who had the device at the end of the day; null when it was returned or revoked.
    pub issued: Option<Issued>,
    /// What was done with it on the day.
    pub acts: Vec<ActNote>,
    /// When it was taken into use.
    pub opened: Vec<String>,
    /// When the day was closed.
    pub closed: String,
    /// How many impressions of each kind.
    pub impressions: BTreeMap<String, u64>,
    /// How many.
    pub total: u64,
    /// The last number that earlier closings account for.
    pub before: u64,
    /// The smallest number of the day.
    pub first: Option<u64>,
    /// The largest number of the day.
    pub last: Option<u64>,
    /// Numbers behind `before` and up to `last` that no mark has, as runs.
    pub void: Vec<(u64, u64)>,
    /// SHA-256 over the entries of the day's marks in the transparency log, in the order of the journal.
    pub marks_sha256: String,
    /// Checks of the clock on the day, and the one at the closing.
    pub clock: Vec<ClockNote>,
    /// Where the day's marks are in the transparency log.
    pub log: Option<LogSpan>,
    /// SHA-256 of the closing before it, with its signature, in the canonical form.
    pub previous: Option<String>,
    /// The key that signs.
    pub selector: String,
    /// How.
    pub algorithm: String,
    /// Base64; over [`Closing::signed_bytes`].
    pub signature: String,
}

/// Who has a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// The node.
    pub node: String,
    /// Who.
    pub holder: Option<String>,
    /// As what.
    pub role: Option<String>,
    /// Since when; null when it was never issued by a command, and is at the node that uses it.
    pub since: Option<String>,
}

/// What was done with a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActNote {
    /// When.
    pub at: String,
    /// `issued`, `returned`, `revoked` or `unlocked`.
    pub act: String,
    /// Given to which node.
    pub node: Option<String>,
    /// To whom.
    pub holder: Option<String>,
    /// As what.
    pub role: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What the clock showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockNote {
    /// When, by the clock that was checked.
    pub at: String,
    /// `opening`, `change` or `closing`.
    pub occasion: String,
    /// `unchecked`, `good`, `drifted` or `silent`.
    pub state: String,
    /// How far it was before the source's, milliseconds.
    pub drift_ms: Option<i64>,
    /// Who was asked.
    pub server: Option<String>,
}

/// A part of the transparency log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSpan {
    /// The log's name.
    pub origin: String,
    /// Leaf of the day's first impression; null when there was none. Others of the same moment may stand before it, for
    /// the leaves of a moment are shuffled.
    pub first: Option<u64>,
    /// Leaf of the day's last impression.
    pub last: Option<u64>,
    /// Leaves of the log when the day was closed.
    pub size: u64,
}

/// Not a closing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAClosing {
    /// The text is none.
    #[error("this is no daily closing: {0}")]
    Form(String),
    /// It is of a later program.
    #[error("a daily closing of version {0}, which this program does not know")]
    Version(u32),
    /// It has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl Closing {
    /// Reads a closing in whatever layout.
    ///
    /// # Errors
    /// See [`NotAClosing`].
    pub fn parse(text: &str) -> Result<Self, NotAClosing> {
        let closing: Closing = serde_json::from_str(text).map_err(|error| NotAClosing::Form(error.to_string()))?;
        if closing.v != CLOSING_VERSION {
            return Err(NotAClosing::Version(closing.v));
        }
        canonical(&closing.value())?;
        Ok(closing)
    }

    /// The canonical form, with the signature.
    #[must_use]
    pub fn document(&self) -> String {
        // What was parsed or signed has one.
        canonical(&self.value()).unwrap_or_default()
    }

    /// What names this closing in the next one.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.document()))
    }

    /// What is signed: a line that says what it is, and the canonical form without the signature.
    ///
    /// # Errors
    /// A number is too large for it.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut value = self.value();
        if let Value::Object(fields) = &mut value {
            fields.remove("signature");
        }
        Ok([CONTEXT.as_bytes(), canonical(&value)?.as_bytes()].concat())
    }

    /// Signs it with the device's key.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign(mut self, selector: &str, key: &SigningKey) -> Result<Self, KeyError> {
        selector.clone_into(&mut self.selector);
        key.algorithm().tag().clone_into(&mut self.algorithm);
        let bytes = self.signed_bytes().map_err(|_| KeyError::CannotSign)?;
        self.signature = STANDARD.encode(key.sign_bytes(&bytes)?);
        Ok(self)
    }

    /// The day before it.
    #[must_use]
    pub fn previous_day(&self) -> Option<Date> {
        self.day.parse::<Date>().ok()?.yesterday().ok()
    }

    /// The last number that this and earlier closings account for.
    #[must_use]
    pub fn upto(&self) -> u64 {
        self.last.unwrap_or(self.before)
    }

    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
