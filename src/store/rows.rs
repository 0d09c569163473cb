//! How rows are written: a version byte, then the fields (DESIGN 3). Hot rows have a layout of their own in
//! their keyspace; all others are postcard behind the version byte.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, RecordRef, Result};

/// A row of version `version`.
///
/// # Errors
/// The value cannot be serialised (a programming error that a test would show).
pub fn encode<T: Serialize>(version: u8, value: &T) -> Result<Vec<u8>> {
    postcard::to_extend(value, vec![version]).map_err(|error| Error::Damaged(error.to_string()))
}

/// Reads a row that must have version `version`.
///
/// # Errors
/// `Damaged` for another version or bytes that do not fit.
pub fn decode<T: DeserializeOwned>(version: u8, row: &[u8]) -> Result<T> {
    match row.split_first() {
        Some((found, rest)) if *found == version => {
            postcard::from_bytes(rest).map_err(|error| Error::Damaged(format!("row of version {version}: {error}")))
        }
        Some((found, _)) => Err(Error::Damaged(format!("row of version {found}, expected {version}"))),
        None => Err(Error::Damaged("empty row".into())),
    }
}

/// Splits a row that begins with its version and the place of a record (written with `Hole::Record`).
///
/// # Errors
/// `Damaged` for another version or a shorter row.
pub fn split_place(version: u8, row: &[u8]) -> Result<(RecordRef, &[u8])> {
    match row.split_first() {
        Some((found, rest)) if *found == version => rest
            .split_first_chunk()
            .map(|(place, rest)| (RecordRef::from_bytes(*place), rest))
            .ok_or_else(|| Error::Damaged(format!("row of version {version} is too short"))),
        _ => Err(Error::Damaged(format!("row does not have version {version}"))),
    }
}
