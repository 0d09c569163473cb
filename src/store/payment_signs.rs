//! Payment signs: one row a sign, under the hash of its code (P20-P22). The code itself is nowhere.
//!
//! Every change requires that the row is still as it was read, so of two letters that are given the same sign only
//! one is paid by it.

use serde::{Deserialize, Serialize};

use crate::postal::{PaymentSign, Period, SignHash, SignKind, Standing, Tiyn};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Error, Precondition, Result, View, rows};

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'g';

/// A sign as it was read: what a change is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSign {
    /// Its name.
    pub hash: SignHash,
    /// The sign.
    pub sign: PaymentSign,
    /// When it was imported, microseconds since 1970.
    pub imported_us: i64,
    /// What became of it since.
    pub end: Option<SignEnd>,
    row: Vec<u8>,
}

/// How the life of a sign ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignEnd {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Of a cancelled one: names the letter that it was given for, so that it is known when it comes again.
    pub letter: Option<[u8; 32]>,
    /// Of a withdrawn one: why.
    pub reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    kind: SignKind,
    issuer: String,
    value: Tiyn,
    from: Option<String>,
    to: Option<String>,
    standing: Standing,
    imported_us: i64,
    end: Option<SignEnd>,
}

fn key(hash: &SignHash) -> Vec<u8> {
    Key::of(CLASS).raw(&hash.0).done()
}

fn encode(sign: &PaymentSign, imported_us: i64, end: Option<SignEnd>) -> Result<Vec<u8>> {
    let PaymentSign { kind, issuer, value, period, standing } = sign.clone();
    let [from, to] = [period.from, period.to].map(|day| day.map(|day| day.to_string()));
    rows::encode(VERSION, &Row { kind, issuer, value, from, to, standing, imported_us, end })
}

fn decode(key: &[u8], row: Vec<u8>) -> Result<StoredSign> {
    let hash = key.get(1..).and_then(|hash| hash.try_into().ok()).map(SignHash);
    let hash = hash.ok_or_else(|| bad_key("a payment sign"))?;
    let Row { kind, issuer, value, from, to, standing, imported_us, end } = rows::decode(VERSION, &row)?;
    let day = |text: Option<String>| match text.map(|text| text.parse()).transpose() {
        Ok(day) => Ok(day),
        Err(_) => Err(Error::Damaged("a day of a payment sign".into())),
    };
    let period = Period { from: day(from)?, to: day(to)? };
    Ok(StoredSign { hash, sign: PaymentSign { kind, issuer, value, period, standing }, imported_us, end, row })
}

/// Adds a sign that nobody has yet; the batch fails with `Conflict` if it is there.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_sign(batch: &mut Batch, hash: &SignHash, sign: &PaymentSign, imported_us: i64) -> Result<()> {
    batch.require(Precondition::Absent(key(hash)));
    batch.put(key(hash), encode(sign, imported_us, None)?);
    Ok(())
}

impl StoredSign {
    /// P20: sets how it ended. The batch fails with `Conflict` if anybody changed it since it was read, so the sign is
    /// cancelled with all that is in the batch or not at all.
    ///
    /// # Errors
    /// It cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, new: &PaymentSign, end: SignEnd) -> Result<()> {
        batch.require(Precondition::Equals(key(&self.hash), self.row.clone()));
        batch.put(key(&self.hash), encode(new, self.imported_us, Some(end))?);
        Ok(())
    }
}

impl View<'_> {
    /// The sign with this hash.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn payment_sign(&self, hash: &SignHash) -> Result<Option<StoredSign>> {
        let key = key(hash);
        self.get(&key)?.map(|row| decode(&key, row)).transpose()
    }

    /// Up to `limit` signs behind `after`, by hash.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn payment_signs(&self, after: Option<&SignHash>, limit: usize) -> Result<Vec<StoredSign>> {
        let begin = after.map_or_else(|| vec![CLASS], |hash| [key(hash), vec![0]].concat());
        let rows = self.range(&begin, &keys::after(&[CLASS]), limit)?;
        rows.into_iter().map(|(key, row)| decode(&key, row)).collect()
    }
}

/// Whether a row can be read, and says how a sign ended that did.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let StoredSign { sign, end, hash, .. } = decode(key, row.to_vec())?;
    let mut claims = Claims::default();
    claims.require(end.is_some() == (sign.standing != Standing::Issued), || {
        format!("payment sign {hash} is {} and does not say since when", sign.standing.name())
    });
    if let Standing::Cancelled(item) = sign.standing {
        let is_there = view.item_payment(item)?.is_some_and(|payment| payment.signs.contains(&hash));
        claims.require(is_there, || format!("payment sign {hash} paid for {item:?}, which does not say so"));
    }
    Ok(claims)
}
