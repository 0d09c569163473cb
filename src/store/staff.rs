//! Which accounts are staff (class `O`): one row an account, with what it was granted, by whom and when. Like accounts
//! they are remembered by the packs: a rebuilt directory has its clerks.

use serde::{Deserialize, Serialize};

use crate::identity::Role;
use crate::ids::AccountId;

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Precondition, Result, View, rows};

const VERSION: u8 = 1;
const CLASS: u8 = b'O';

/// One role of one account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Name of the role: numbers of variants would be a promise that an enum does not keep.
    role: String,
    /// The facility for which it speaks, where the role has one.
    pub facility: Option<String>,
    /// Who granted it.
    pub by: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

impl Grant {
    /// A grant.
    #[must_use]
    pub fn new(role: Role, facility: Option<String>, by: String, at_us: i64) -> Self {
        Grant { role: role.name().to_owned(), facility, by, at_us }
    }

    /// The role; a name of another version of the program is none.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        Role::named(&self.role)
    }
}

fn staff(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).done()
}

/// Replaces what an account was granted, provided that nobody else changed it.
///
/// # Errors
/// A row cannot be encoded.
pub fn replace(batch: &mut Batch, account: AccountId, old: &[Grant], new: &[Grant]) -> Result<()> {
    let key = staff(account);
    batch.require(match old {
        [] => Precondition::Absent(key.clone()),
        old => Precondition::Equals(key.clone(), rows::encode(VERSION, &old)?),
    });
    match new {
        [] => batch.delete(key),
        new => batch.put(key, rows::encode(VERSION, &new)?),
    }
    Ok(())
}

impl View<'_> {
    /// What an account was granted.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn grants(&self, account: AccountId) -> Result<Vec<Grant>> {
        Ok(self.get(&staff(account))?.map(|row| rows::decode(VERSION, &row)).transpose()?.unwrap_or_default())
    }

    /// Up to `limit` accounts of staff, by number.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn staff(&self, limit: usize) -> Result<Vec<(AccountId, Vec<Grant>)>> {
        let found = self.range(&[CLASS], &keys::after(&[CLASS]), limit)?;
        found.iter().map(|(key, row)| Ok((account_of(key)?, rows::decode(VERSION, row)?))).collect()
    }
}

fn account_of(key: &[u8]) -> Result<AccountId> {
    let number = key.get(1..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
    number.map(AccountId).ok_or_else(|| bad_key("staff"))
}

/// Whether the account of a grant is there.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let account = account_of(key)?;
    let _: Vec<Grant> = rows::decode(VERSION, row)?;
    let mut claims = Claims::default();
    claims.require(view.account(account)?.is_some(), || format!("staff {account:?} has no account"));
    Ok(claims)
}
