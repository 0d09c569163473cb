//! Who asked the unified base for whom (M20, M23): a row for the person, beside the entry of the audit.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Hole, Result, View, rows};
use crate::ids::AccountId;

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'Z';

/// How many look-ups there were.
const COUNTER: &str = "look-ups";

/// One look-up that found the mailbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LookupRow {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Which system asked.
    pub system: String,
    /// Why.
    pub basis: String,
}

/// Where a look-up stands among those of its person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookupPlace(pub u64);

/// Adds a look-up.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_lookup(batch: &mut Batch, account: AccountId, row: &LookupRow) -> Result<()> {
    let number = batch.allocate(keys::fact(COUNTER), 1);
    batch.put(Key::of(CLASS).u64(account.0).hole(Hole::U64(number, 0)), rows::encode(VERSION, row)?);
    Ok(())
}

impl View<'_> {
    /// Up to `limit` look-ups of this account's person before `before`, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn lookups(
        &self,
        account: AccountId,
        before: Option<LookupPlace>,
        limit: usize,
    ) -> Result<Vec<(LookupPlace, LookupRow)>> {
        let begin = Key::of(CLASS).u64(account.0);
        let end = match before {
            Some(LookupPlace(number)) => begin.clone().u64(number).done(),
            None => keys::after(&begin.clone().done()),
        };
        let rows = self.range_back(&begin.done(), &end, limit)?;
        let read = |(key, row): &(Vec<u8>, Vec<u8>)| {
            let number = key.last_chunk().ok_or_else(|| bad_key("a look-up"))?;
            Ok((LookupPlace(u64::from_be_bytes(*number)), rows::decode(VERSION, row)?))
        };
        rows.iter().map(read).collect()
    }
}

/// Whether a row can be read, its number was given out, and its account is there.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<LookupRow>(VERSION, row)?;
    let (account, number) =
        key.get(1..).and_then(|rest| rest.split_first_chunk()).ok_or_else(|| bad_key("a look-up"))?;
    let account = AccountId(u64::from_be_bytes(*account));
    let number = number.try_into().map(i64::from_be_bytes).map_err(|_| bad_key("a look-up"))?;
    let mut claims = Claims::default();
    let was_given = number <= view.counter(&keys::fact(COUNTER))?;
    claims.require(was_given, || format!("look-up {number} is beyond the counter of look-ups"));
    let is_there = view.account(account)?.is_some();
    claims.require(is_there, || format!("look-up {number} is of {account:?}, and there is no such account"));
    Ok(claims)
}
