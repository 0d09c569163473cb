//! Who decided what: entries that are only ever added, in the order of time.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Hole, Result, View, rows};

const VERSION: u8 = 1;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub object: String,
    /// With what.
    pub details: Option<String>,
}

/// Adds an entry to a batch.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_audit(batch: &mut Batch, entry: &AuditEntry) -> Result<()> {
    let number = batch.allocate(keys::fact("audit"), 1);
    let at = u64::try_from(entry.at_us).unwrap_or(0);
    batch.put(Key::of(b'u').u64(at).hole(Hole::U64(number, 0)), rows::encode(VERSION, entry)?);
    Ok(())
}

impl View<'_> {
    /// Up to `limit` entries, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_entries(&self, limit: usize) -> Result<Vec<AuditEntry>> {
        let rows = self.range_back(b"u", &keys::after(b"u"), limit)?;
        rows.into_iter().map(|(_, row)| rows::decode(VERSION, &row)).collect()
    }
}

/// Whether an entry can be read and its number was given out.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<AuditEntry>(VERSION, row)?;
    let number = key.get(9..).and_then(|number| number.try_into().ok()).map(i64::from_be_bytes);
    let number = number.ok_or_else(|| bad_key("an audit entry"))?;
    let mut claims = Claims::default();
    let was_given = number <= view.counter(&keys::fact("audit"))?;
    claims.require(was_given, || format!("audit entry {number} is beyond the counter of entries"));
    Ok(claims)
}
