//! What the personal cabinet knows of a user (class `D`): the data of the application, kept up to date by the user, and
//! whether they were confirmed with an electronic signature (M22).

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::Key;
use super::vault::Personal;
use super::{Batch, Precondition, Result, View, rows};
use crate::ids::AccountId;

const VERSION: u8 = 1;
const CLASS: u8 = b'D';

/// The row of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProfileRow {
    /// The data, sealed for the account.
    pub data: Personal,
    /// When they were last changed, microseconds since 1970.
    pub changed_us: i64,
    /// M22: that they were confirmed as they are.
    pub confirmed: Option<ConfirmedRow>,
}

/// M22: a confirmation with an electronic signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConfirmedRow {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Serial number of the certificate, hexadecimal.
    pub certificate: String,
    /// SHA-256 of the data as they were signed.
    pub snapshot: [u8; 32],
}

/// A profile as it was read: what a change is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredProfile {
    /// Whose.
    pub account: AccountId,
    /// What it says.
    pub profile: ProfileRow,
    row: Vec<u8>,
}

/// Adds the profile of a new account.
///
/// # Errors
/// It cannot be written as a row.
pub fn add(batch: &mut Batch, account: AccountId, profile: &ProfileRow) -> Result<()> {
    batch.require(Precondition::Absent(key(account)));
    batch.put(key(account), rows::encode(VERSION, profile)?);
    Ok(())
}

/// Removes the profile of an account that is no more, whether or not it has one.
pub(super) fn remove(batch: &mut Batch, account: AccountId) {
    batch.delete(key(account));
}

impl StoredProfile {
    /// Puts `new` in its place; the batch fails with `Conflict` if somebody else was faster.
    ///
    /// # Errors
    /// It cannot be written as a row.
    pub fn replace(&self, batch: &mut Batch, new: &ProfileRow) -> Result<()> {
        batch.require(Precondition::Equals(key(self.account), self.row.clone()));
        batch.put(key(self.account), rows::encode(VERSION, new)?);
        Ok(())
    }
}

impl View<'_> {
    /// The profile of an account; accounts that were made by command have none.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn profile(&self, account: AccountId) -> Result<Option<StoredProfile>> {
        let Some(row) = self.get(&key(account))? else { return Ok(None) };
        Ok(Some(StoredProfile { account, profile: rows::decode(VERSION, &row)?, row }))
    }
}

fn key(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).done()
}

/// Whether a row can be read, is of an account, and says of confirmation what the account says (M22).
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let profile: ProfileRow = rows::decode(VERSION, row)?;
    let id = key.get(1..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes).map(AccountId);
    let id = id.ok_or_else(|| bad_key("a profile"))?;
    let mut claims = Claims::default();
    let account = view.account(id)?;
    claims.require(account.is_some(), || format!("there is a profile of {id:?} and no such account"));
    let agrees = account.is_none_or(|account| account.eds_confirmed == profile.confirmed.is_some());
    claims.require(agrees, || format!("{id:?} and its profile do not agree on whether it was confirmed"));
    Ok(claims)
}
