//! What proves that users confirmed their data (M22, class `2`): the text that was signed and the signature, kept in the
//! packs and sealed for the account, until its letters are destroyed.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::vault::DocumentKey;
use super::{Batch, Hole, RecordRef, Result, Template, View, WrappedKey, rows};
use crate::ids::{AccountId, BodyId};

const VERSION: u8 = 1;
const CLASS: u8 = b'2';

/// Where in a row the record stands.
pub(super) const PLACE: [usize; 1] = [1];

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
    /// SHA-256 of the instant and `bytes`: what the key is bound to.
    pub sha256: [u8; 32],
    /// What seals it.
    pub key: Option<DocumentKey>,
    /// [`SignedText::encode`].
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    sha256: [u8; 32],
    key: Option<WrappedKey>,
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
    let NewProof { at_us, sha256, key, bytes } = proof;
    let (key, wrapped) = key.map_or((None, None), |key| (Some(key.key), Some(key.wrapped)));
    let record = batch.record_beside(key.as_ref(), bytes);
    let rest = rows::encode(VERSION, &Row { sha256, key: wrapped })?;
    batch.put(place(account, at_us), Template::from(vec![VERSION]).hole(Hole::Record(record)).bytes(&rest));
    Ok(())
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
        let (record, Row { sha256, key }) = split(&row)?;
        let key = self.data_key(BodyId(sha256), key.as_ref())?;
        rows::decode(VERSION, &self.record(record, key.as_ref())?).map(Some)
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

fn split(row: &[u8]) -> Result<(RecordRef, Row)> {
    let (record, rest) = rows::split_place(VERSION, row)?;
    Ok((record, rows::decode(VERSION, rest)?))
}

/// Whether a proof can be read and is of an account.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let (record, Row { sha256, key: wrapped }) = split(row)?;
    let account = key.get(1..9).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes).map(AccountId);
    let account = account.filter(|_| key.len() == 17).ok_or_else(|| bad_key("a confirmation"))?;
    let mut claims = Claims::default();
    claims.records.push(record);
    claims.opens(BodyId(sha256), wrapped);
    let is_there = view.account(account)?.is_some();
    claims.require(is_there, || format!("{account:?} confirmed its data and is not there"));
    Ok(claims)
}

impl std::fmt::Debug for SignedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedText(…)")
    }
}
