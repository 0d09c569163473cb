//! The daily closings of named devices (P31), each a signed document that never changes.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Precondition, Result, View, rows};
use crate::postal::Closing;
use crate::tlog::folder::Place;

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'y';

/// A day as it sorts: `2026-11-22`.
const DAY_BYTES: usize = 10;

/// A closing as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredClosing {
    /// The device.
    pub device: String,
    /// The day, `2026-11-22`.
    pub day: String,
    /// The last second that it closes, and one: the device stamps nothing before it. Seconds since 1970.
    pub until_s: i64,
    /// From here on the journal has to be read for the next day: file and byte. Only a hint, and no part of what is
    /// signed.
    pub journal: (u32, u64),
    /// The signed document, in its canonical form.
    pub document: String,
}

impl StoredClosing {
    /// See [`StoredClosing::journal`].
    #[must_use]
    pub fn place(&self) -> Place {
        Place { file: self.journal.0, bytes: self.journal.1 }
    }
}

/// Adds a closing. The batch fails when the device has one of that day.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_closing(batch: &mut Batch, closing: &StoredClosing) -> Result<()> {
    let key = key(&closing.device, &closing.day);
    batch.require(Precondition::Absent(key.clone()));
    batch.put(key, rows::encode(VERSION, closing)?);
    Ok(())
}

fn key(device: &str, day: &str) -> Vec<u8> {
    Key::of(CLASS).text(device).raw(day.as_bytes()).done()
}

impl View<'_> {
    /// The closing of a device on a day.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn closing(&self, device: &str, day: Date) -> Result<Option<StoredClosing>> {
        let row = self.get(&key(device, &day.to_string()))?;
        row.map(|row| rows::decode(VERSION, &row)).transpose()
    }

    /// The newest closing of a device.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn last_closing(&self, device: &str) -> Result<Option<StoredClosing>> {
        let prefix = Key::of(CLASS).text(device).done();
        let rows = self.range_back(&prefix, &keys::after(&prefix), 1)?;
        rows.first().map(|(_, row)| rows::decode(VERSION, row)).transpose()
    }

    /// Closings of a device from one day to another, both included, in the order of days; at most `limit`.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn closings(&self, device: &str, days: (Date, Date), limit: usize) -> Result<Vec<StoredClosing>> {
        let (from, to) = (key(device, &days.0.to_string()), key(device, &days.1.to_string()));
        let rows = self.range(&from, &keys::after(&to), limit)?;
        rows.iter().map(|(_, row)| rows::decode(VERSION, row)).collect()
    }
}

/// Whether a row can be read, and its document is of the device and day in its key.
pub(super) fn inspect(view: &View<'_>, row_key: &[u8], row: &[u8]) -> Result<Claims> {
    let stored: StoredClosing = rows::decode(VERSION, row)?;
    if row_key.len() <= DAY_BYTES || row_key != key(&stored.device, &stored.day) {
        return Err(bad_key("a closing"));
    }
    let mut claims = Claims::default();
    let name = || format!("the closing of {} on {}", stored.device, stored.day);
    match Closing::parse(&stored.document) {
        Ok(closing) => {
            let fits = closing.device == stored.device && closing.day == stored.day;
            claims.require(fits, || format!("{} is of another device or day", name()));
            let before = closing.previous_day().and_then(|day| view.closing(&stored.device, day).transpose());
            let before = before.transpose()?.and_then(|before| Closing::parse(&before.document).ok());
            let follows = closing.previous == before.as_ref().map(Closing::digest);
            claims.require(follows, || format!("{} does not follow the one before it", name()));
        }
        Err(error) => claims.require(false, || format!("{}: {error}", name())),
    }
    Ok(claims)
}
