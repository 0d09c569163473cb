//! What proves that users confirmed their data (M22, class `2`): the text that was signed and the signature, kept in the
//! packs and sealed for the account, until its letters are destroyed.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::documents::{self, NewDocument};
use super::keys::{self, Key};
use super::{Batch, Result, View, rows};
use crate::ids::AccountId;

const VERSION: u8 = 1;
const CLASS: u8 = b'2';

/// Confirmations of one account that are read.
const MOST: usize = 10_000;

/// What was signed, and the signature.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedText {
    /// The text, byte for byte.
    pub text: String,
    /// The CMS.
    pub cms: Vec<u8>,
}

/// A proof for a batch.
#[derive(Clone, Debug)]
pub struct NewProof {
    /// When it was taken, microseconds since 1970.
    pub at_us: i64,
    /// [`SignedText::encode`], told by the instant.
    pub signed: NewDocument,
}

impl SignedText {
    /// As it is kept.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>> {
        rows::encode(VERSION, self)
    }
}

/// Adds a proof.
///
/// # Errors
/// It cannot be written as a row.
pub fn add(batch: &mut Batch, account: AccountId, proof: NewProof) -> Result<()> {
    proof.signed.put(batch, place(account, proof.at_us))
}

impl View<'_> {
    /// When an account confirmed its data, microseconds since 1970, the first time first.
    ///
    /// # Errors
    /// Engine.
    pub fn confirmations(&self, account: AccountId) -> Result<Vec<i64>> {
        let prefix = of_account(account);
        let found = self.range(&prefix, &keys::after(&prefix), MOST)?;
        let at = |(key, _): &(Vec<u8>, Vec<u8>)| key.last_chunk::<8>().map(|at| i64::from_be_bytes(*at));
        Ok(found.iter().filter_map(at).collect())
    }

    /// What proves the confirmation of this instant.
    ///
    /// # Errors
    /// Engine, `Damaged`; the account's key was destroyed.
    pub fn confirmation(&self, account: AccountId, at_us: i64) -> Result<Option<SignedText>> {
        let Some(row) = self.get(&place(account, at_us))? else { return Ok(None) };
        rows::decode(VERSION, &self.document(&row)?).map(Some)
    }
}

/// Removes the proofs of an account that is no more.
pub(super) fn remove(batch: &mut Batch, account: AccountId, confirmed: &[i64]) {
    confirmed.iter().for_each(|at_us| batch.delete(place(account, *at_us)));
}

fn of_account(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).done()
}

fn place(account: AccountId, at_us: i64) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).u64(u64::try_from(at_us).unwrap_or(0)).done()
}

/// Whether a proof can be read and is of an account.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let account = key.get(1..9).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes).map(AccountId);
    let account = account.filter(|_| key.len() == 17).ok_or_else(|| bad_key("a confirmation"))?;
    let mut claims = documents::claims(row)?;
    let is_there = view.account(account)?.is_some();
    claims.require(is_there, || format!("{account:?} confirmed its data and is not there"));
    Ok(claims)
}

impl std::fmt::Debug for SignedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedText(…)")
    }
}
