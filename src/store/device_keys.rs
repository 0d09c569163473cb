//! Public keys of named devices with the time in which each signed, and how many numbers each device was given.
//!
//! A key stays for ever: marks that it made are checked with it after it was replaced.

use serde::{Deserialize, Serialize};

use super::check::Claims;
use super::keys::{self, Key};
use super::{Batch, Result, View, rows};

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'K';

/// Most keys that are read: each device has a handful in its life.
const MAX_KEYS: usize = 1_000_000;

/// Beginning of the names of the facts that count a device's numbers.
pub(super) const NUMBERS: &str = "device ";

/// The public part of a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The device.
    pub device: String,
    /// Tag `s` of its marks; no other key ever has it.
    pub selector: String,
    /// Tag `a`.
    pub algorithm: String,
    /// The key, base64.
    pub public_key: String,
    /// The second from which it signs, since 1970.
    pub from_s: i64,
    /// The last second in which it signed; `None` while it does.
    pub to_s: Option<i64>,
}

/// Sets the row of a key.
///
/// # Errors
/// It cannot be written as a row.
pub fn put_device_key(batch: &mut Batch, key: &DeviceKey) -> Result<()> {
    let row = Key::of(CLASS).text(&key.device).raw(key.selector.as_bytes()).done();
    batch.put(row, rows::encode(VERSION, key)?);
    Ok(())
}

/// The counter of the numbers that a device may use, whether it did or not.
#[must_use]
pub fn device_numbers(device: &str) -> Vec<u8> {
    keys::fact(&format!("{NUMBERS}{device}"))
}

impl View<'_> {
    /// Every key, by device, the oldest of each first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn device_keys(&self) -> Result<Vec<DeviceKey>> {
        let rows = self.range(&[CLASS], &keys::after(&[CLASS]), MAX_KEYS)?;
        let keys = rows.iter().map(|(_, row)| rows::decode(VERSION, row));
        let mut keys: Vec<DeviceKey> = keys.collect::<Result<_>>()?;
        // The one in use is the last even when its like began in the same second.
        keys.sort_by(|a, b| (&a.device, a.from_s, a.to_s.is_none()).cmp(&(&b.device, b.from_s, b.to_s.is_none())));
        Ok(keys)
    }
}

/// Whether a row can be read.
pub(super) fn inspect(_: &View<'_>, _: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<DeviceKey>(VERSION, row)?;
    Ok(Claims::default())
}
