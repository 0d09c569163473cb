//! What the clock was found to show (P31): checks that matter, in the order of time.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Hole, Result, View, rows};

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'z';

/// How many checks were written down.
const COUNTER: &str = "clock checks";

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClockCheck {
    /// When, by the clock that was checked, microseconds since 1970.
    pub at_us: i64,
    /// Why it was made: `opening`, `closing`, `change`.
    pub occasion: String,
    /// What it found: `unchecked`, `good`, `drifted`, `silent`.
    pub state: String,
    /// How far our clock is before the source's, milliseconds.
    pub drift_ms: Option<i64>,
    /// Who was asked.
    pub server: Option<String>,
    /// What went wrong.
    pub problem: Option<String>,
}

/// Adds a check.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_clock_check(batch: &mut Batch, check: &ClockCheck) -> Result<()> {
    let number = batch.allocate(keys::fact(COUNTER), 1);
    let at = u64::try_from(check.at_us).unwrap_or(0);
    batch.put(Key::of(CLASS).u64(at).hole(Hole::U64(number, 0)), rows::encode(VERSION, check)?);
    Ok(())
}

impl View<'_> {
    /// Up to `limit` checks, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn clock_checks(&self, limit: usize) -> Result<Vec<ClockCheck>> {
        let rows = self.range_back(&[CLASS], &keys::after(&[CLASS]), limit)?;
        rows.into_iter().map(|(_, row)| rows::decode(VERSION, &row)).collect()
    }
}

/// Whether a row can be read and its number was given out.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<ClockCheck>(VERSION, row)?;
    let number = key.get(9..).and_then(|number| number.try_into().ok()).map(i64::from_be_bytes);
    let number = number.ok_or_else(|| bad_key("a clock check"))?;
    let mut claims = Claims::default();
    let was_given = number <= view.counter(&keys::fact(COUNTER))?;
    claims.require(was_given, || format!("clock check {number} is beyond the counter of checks"));
    Ok(claims)
}
