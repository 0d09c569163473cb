//! A line of the device journal, as the daily closing sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{ActNote, ClockNote};
use crate::clock::Timestamp;
use crate::ids::ImpressionId;

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JournalLine {
    /// An impression was made.
    Impression(Struck),
    /// The device was taken into use by a process.
    Opened {
        /// Which device.
        device: String,
        /// When.
        instant: Timestamp,
    },
    /// The device was issued, returned, revoked or unlocked.
    Act {
        /// Which device.
        device: String,
        /// When.
        instant: Timestamp,
        /// What.
        note: ActNote,
    },
    /// The node's clock was checked.
    Clock {
        /// When, by that clock.
        instant: Timestamp,
        /// What was found.
        note: ClockNote,
    },
    /// Something else.
    Other,
}

/// An impression, as the journal has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Struck {
    /// Which device.
    pub device: String,
    /// Its number.
    pub number: u64,
    /// When.
    pub instant: Timestamp,
    /// As closings count it: `accept`, `receive`, `delivered`, `handed`, `both`, `surcharge`, `cancel`.
    pub kind: String,
    /// The hash of its mark: the entry of the transparency log.
    pub mark: [u8; 32],
    /// Its id.
    pub id: ImpressionId,
}

#[derive(Deserialize)]
struct Fields {
    device: Option<String>,
    event: Option<String>,
    seq: Option<u64>,
    instant: Option<String>,
    mark: Option<String>,
    impression: Option<String>,
    kind: Option<String>,
    handover: Option<String>,
    node: Option<String>,
    holder: Option<String>,
    role: Option<String>,
    reason: Option<String>,
    state: Option<String>,
    drift_ms: Option<i64>,
    server: Option<String>,
    occasion: Option<String>,
}

impl JournalLine {
    /// Reads a line.
    ///
    /// # Errors
    /// It is about an impression or a device and lacks what it must have; in words.
    pub fn parse(line: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("a line of the journal {what}: {line}");
        let fields: Fields = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        match fields.event.as_deref() {
            // Impressions from before devices had numbers are in no closing.
            None if fields.seq.is_some() && fields.mark.is_some() => {
                fields.struck().map(JournalLine::Impression).ok_or_else(|| wrong("about an impression is not whole"))
            }
            Some("opened") => fields.opened().ok_or_else(|| wrong("about a device is not whole")),
            Some("issued" | "returned" | "revoked" | "unlocked") => {
                fields.act().ok_or_else(|| wrong("about a device is not whole"))
            }
            Some("clock") => fields.clock().ok_or_else(|| wrong("about the clock is not whole")),
            _ => Ok(JournalLine::Other),
        }
    }
}

impl Fields {
    fn at(&self) -> Option<Timestamp> {
        self.instant.as_ref()?.parse().ok()
    }

    fn struck(self) -> Option<Struck> {
        Some(Struck {
            number: self.seq?,
            instant: self.at()?,
            mark: STANDARD.decode(self.mark?).ok()?.try_into().ok()?,
            id: self.impression?.parse().ok()?,
            kind: self.handover.or(self.kind)?,
            device: self.device?,
        })
    }

    fn opened(self) -> Option<JournalLine> {
        Some(JournalLine::Opened { instant: self.at()?, device: self.device? })
    }

    fn act(self) -> Option<JournalLine> {
        let instant = self.at()?;
        let note = ActNote {
            at: instant.to_string(),
            act: self.event?,
            node: self.node,
            holder: self.holder,
            role: self.role,
            reason: self.reason,
        };
        Some(JournalLine::Act { instant, note, device: self.device? })
    }

    fn clock(self) -> Option<JournalLine> {
        let instant = self.at()?;
        let note = ClockNote {
            at: instant.to_string(),
            occasion: self.occasion?,
            state: self.state?,
            drift_ms: self.drift_ms,
            server: self.server,
        };
        Some(JournalLine::Clock { instant, note })
    }
}
