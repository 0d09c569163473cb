//! What one row says of the rest of the store. Each keyspace reads its own rows; the check compares what they
//! claim with what is there.

use crate::ids::BodyId;
use crate::store::{Error, RecordRef, Result, View, WrappedKey};

/// What a row claims, and what of it was found wrong at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Claims {
    /// Bodies that the row counts as references.
    pub(in crate::store) bodies: Vec<BodyId>,
    /// Records that must be whole.
    pub(in crate::store) records: Vec<RecordRef>,
    /// Bodies that are sealed, each with its key, which must open.
    pub(in crate::store) keys: Vec<(BodyId, WrappedKey)>,
    /// Sentences about rows that do not fit this one.
    pub(in crate::store) wrong: Vec<String>,
}

/// Reads a row, by key and value, in a view of the other rows.
///
/// # Errors
/// `Damaged` when the row itself cannot be read; engine.
pub(in crate::store) type Inspect = fn(&View<'_>, &[u8], &[u8]) -> Result<Claims>;

impl Claims {
    /// Notes the key of a body, if it is sealed.
    pub(in crate::store) fn opens(&mut self, body: BodyId, key: Option<WrappedKey>) {
        self.keys.extend(key.map(|key| (body, key)));
    }

    /// Notes `text` unless `holds`.
    pub(in crate::store) fn require(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(text());
        }
    }
}

/// A key that its row does not have when it is written by the keyspace itself.
pub(in crate::store) fn bad_key(what: &str) -> Error {
    Error::Damaged(format!("key of {what}"))
}
