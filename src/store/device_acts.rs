//! What became of named devices (P31): issued to a workplace, returned, revoked. Acts are only ever added; the newest
//! one of a device says where it is. A device without any is at the node that uses it.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Hole, Result, View, rows};

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'Y';

/// Most acts that are read: a device has a few a year.
const MAX_ACTS: usize = 1_000_000;

/// What was done with a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It was given to a workplace.
    Issued,
    /// It came back, and stamps nothing.
    Returned,
    /// It was lost or compromised, and never stamps again.
    Revoked,
}

/// One act.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceAct {
    /// The device.
    pub device: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// What.
    pub act: Act,
    /// The node that it was given to; with `Issued`.
    pub node: Option<String>,
    /// Who has it; with `Issued`.
    pub holder: Option<String>,
    /// As what; with `Issued`.
    pub role: Option<String>,
    /// Why; with `Revoked`, and with the others if one was given.
    pub reason: Option<String>,
    /// Who did it.
    pub by: String,
}

/// Adds an act.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_device_act(batch: &mut Batch, act: &DeviceAct) -> Result<()> {
    let number = batch.allocate(keys::fact(COUNTER), 1);
    batch.put(Key::of(CLASS).text(&act.device).hole(Hole::U64(number, 0)), rows::encode(VERSION, act)?);
    Ok(())
}

/// How many acts there are.
const COUNTER: &str = "device acts";

impl View<'_> {
    /// Every act, by device, the oldest of each first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn device_acts(&self) -> Result<Vec<DeviceAct>> {
        let rows = self.range(&[CLASS], &keys::after(&[CLASS]), MAX_ACTS)?;
        rows.iter().map(|(_, row)| rows::decode(VERSION, row)).collect()
    }

    /// The acts of one device, the oldest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn acts_of(&self, device: &str) -> Result<Vec<DeviceAct>> {
        let prefix = Key::of(CLASS).text(device).done();
        let rows = self.range(&prefix, &keys::after(&prefix), MAX_ACTS)?;
        rows.iter().map(|(_, row)| rows::decode(VERSION, row)).collect()
    }
}

/// Whether a row can be read and its number was given out.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let act: DeviceAct = rows::decode(VERSION, row)?;
    let mut claims = Claims::default();
    let number = key.last_chunk().map(|number| i64::from_be_bytes(*number)).ok_or_else(|| bad_key("a device act"))?;
    let begin = Key::of(CLASS).text(&act.device).done();
    claims.require(key.starts_with(&begin), || format!("an act of {:?} stands at another device", act.device));
    let was_given = number <= view.counter(&keys::fact(COUNTER))?;
    claims.require(was_given, || format!("device act {number} is beyond the counter of acts"));
    Ok(claims)
}
