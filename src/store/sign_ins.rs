//! From where an account was last signed in to (class `T`): one row an account with the newest ones, so that it cannot
//! grow. It is personal data and sealed as such. `rebuild` begins it anew.

use crate::ids::AccountId;

use super::check::{Claims, bad_key};
use super::keys::Key;
use super::vault::Personal;
use super::{Batch, Result, View, rows};

const VERSION: u8 = 1;
const CLASS: u8 = b'T';

fn sign_ins(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).done()
}

/// Replaces the list of an account. Of two who sign in at the same moment one may be missing.
///
/// # Errors
/// It cannot be written as a row.
pub fn put(batch: &mut Batch, account: AccountId, list: &Personal) -> Result<()> {
    batch.put(sign_ins(account), rows::encode(VERSION, list)?);
    Ok(())
}

/// Forgets the list of an account.
pub fn remove(batch: &mut Batch, account: AccountId) {
    batch.delete(sign_ins(account));
}

impl View<'_> {
    /// The list of an account, as the service above wrote it.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn sign_ins(&self, account: AccountId) -> Result<Option<Personal>> {
        self.get(&sign_ins(account))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }
}

/// Whether the account is there.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let _: Personal = rows::decode(VERSION, row)?;
    let number = key.get(1..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
    let account = AccountId(number.ok_or_else(|| bad_key("a list of sign-ins"))?);
    let mut claims = Claims::default();
    claims.require(view.account(account)?.is_some(), || format!("sign-ins of {account:?}, who is none"));
    Ok(claims)
}
