//! The row of a summary: envelope and structure of a message, in the row or in a record that the row names.

use crate::ids::AccountId;
use crate::store::vault::Vault;
use crate::store::{Error, RecordRef, Result, rows};

/// Larger summaries are records; their row holds the place (DESIGN 5: rows stay small).
const MAX_ROW_BYTES: usize = 2 << 10;

/// Versions of a row: the summary itself, or the place of a record; the same, sealed for the account.
const INLINE: u8 = 1;
const RECORD: u8 = 2;
const SEALED_INLINE: u8 = 3;
const SEALED_RECORD: u8 = 4;

/// An encoded summary on its way into a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) enum SummaryRow {
    Plain(Vec<u8>),
    /// By `Vault::seal_summary`.
    Sealed(Vec<u8>),
}

/// A summary row, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) enum Found<'a> {
    Here(&'a [u8]),
    At(RecordRef),
}

impl SummaryRow {
    /// The row; or, for a large summary, the version of the row and what the record that it names must hold.
    pub(in crate::store) fn in_row(self) -> std::result::Result<Vec<u8>, (u8, Vec<u8>)> {
        let (versions, mut bytes) = match self {
            SummaryRow::Plain(bytes) => ([INLINE, RECORD], bytes),
            SummaryRow::Sealed(bytes) => ([SEALED_INLINE, SEALED_RECORD], bytes),
        };
        let [inline, record] = versions;
        if bytes.len() > MAX_ROW_BYTES {
            return Err((record, bytes));
        }
        bytes.insert(0, inline);
        Ok(bytes)
    }
}

/// Whether a row of this version has the place of a record behind it.
pub(in crate::store) fn has_place(version: u8) -> bool {
    matches!(version, RECORD | SEALED_RECORD)
}

/// Where a summary is.
///
/// # Errors
/// `Damaged`.
pub(in crate::store) fn find(row: &[u8]) -> Result<Found<'_>> {
    match row.split_first() {
        Some((&(INLINE | SEALED_INLINE), summary)) => Ok(Found::Here(summary)),
        Some((&version, _)) if has_place(version) => rows::split_place(version, row).map(|(place, _)| Found::At(place)),
        _ => Err(Error::Damaged("row of a summary".into())),
    }
}

/// The summary in what [`find`] found for a row.
///
/// # Errors
/// `Sealed` when there is no vault; `NotPossible` when the account's key was destroyed; `Damaged`, I/O.
pub(in crate::store) fn open(vault: Option<&Vault>, account: AccountId, row: &[u8], found: Vec<u8>) -> Result<Vec<u8>> {
    match (row.first(), vault) {
        (Some(&(SEALED_INLINE | SEALED_RECORD)), Some(vault)) => vault.open_summary(account, &found),
        (Some(&(SEALED_INLINE | SEALED_RECORD)), None) => Err(Error::Sealed("this store has no keys".into())),
        _ => Ok(found),
    }
}
