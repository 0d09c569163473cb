//! What an account has beside its password (class `V`): an authenticator program, recovery codes, passkeys. The secret
//! of the authenticator is personal data and sealed as such; of recovery codes only hashes are kept, of passkeys only
//! what is public. They are remembered by the packs: a rebuilt directory asks for the second factor again.

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

use super::check::{Claims, bad_key};
use super::keys::Key;
use super::vault::Personal;
use super::{Batch, Precondition, Result, View, rows};

const VERSION: u8 = 1;

/// Class of the rows; its second byte says what a row is.
const CLASS: u8 = b'V';
const FACTORS: u8 = 1;
const PASSKEY: u8 = 2;

/// What an account has beside its password.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Factors {
    /// An authenticator program.
    pub authenticator: Option<Authenticator>,
    /// One that was shown and not yet confirmed with a code.
    pub offered: Option<Personal>,
    /// Hashes of the recovery codes that were not used yet.
    pub recovery: Vec<[u8; 32]>,
    /// Passkeys.
    pub passkeys: Vec<Passkey>,
    /// The number of the next passkey: numbers are not used again.
    pub next_passkey: u32,
}

/// An authenticator program (RFC 6238).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Authenticator {
    /// The secret that both have.
    pub secret: Personal,
    /// The time step of the last code that was used: no code counts twice.
    pub last_step: i64,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
}

/// A passkey (W3C Web Authentication, Level 2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Passkey {
    /// Its number in the account.
    pub number: u32,
    /// What the user calls it.
    pub name: String,
    /// The credential id that its authenticator gave it.
    pub id: Vec<u8>,
    /// The public key.
    pub key: PasskeyKey,
    /// Signatures that its authenticator counted; 0 where it does not count.
    pub sign_count: u32,
    /// Since when, microseconds since 1970.
    pub since_us: i64,
    /// When it was last used.
    pub used_us: Option<i64>,
}

/// A public key of a passkey.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PasskeyKey {
    /// ES256: a point of P-256, uncompressed (SEC 1 §2.3.3).
    P256(Vec<u8>),
    /// EdDSA with Ed25519.
    Ed25519([u8; 32]),
    /// RS256: modulus and exponent, big-endian.
    Rsa {
        /// n.
        modulus: Vec<u8>,
        /// e.
        exponent: Vec<u8>,
    },
}

impl Factors {
    /// There is something beside the password.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.authenticator.is_some() || !self.passkeys.is_empty()
    }
}

fn factors(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u8(FACTORS).u64(account.0).done()
}

/// Whose passkey it is, by the hash of its credential id: nobody else may bring one with the same id.
fn passkey(id: &[u8]) -> Vec<u8> {
    Key::of(CLASS).u8(PASSKEY).raw(blake3::hash(id).as_bytes()).done()
}

/// Replaces what an account has, provided that nobody else changed it. The commit fails with `Conflict` too when a new
/// passkey has the id of another one.
///
/// # Errors
/// A row cannot be encoded.
pub fn replace(batch: &mut Batch, account: AccountId, old: Option<&Factors>, new: &Factors) -> Result<()> {
    let key = factors(account);
    batch.require(match old {
        None => Precondition::Absent(key.clone()),
        Some(old) => Precondition::Equals(key.clone(), rows::encode(VERSION, old)?),
    });
    batch.put(key, rows::encode(VERSION, new)?);
    let had = old.map_or(&[][..], |old| &old.passkeys);
    for gone in had.iter().filter(|had| !new.passkeys.iter().any(|has| has.id == had.id)) {
        batch.delete(passkey(&gone.id));
    }
    for added in new.passkeys.iter().filter(|has| !had.iter().any(|had| had.id == has.id)) {
        batch.require(Precondition::Absent(passkey(&added.id)));
        batch.put(passkey(&added.id), rows::encode(VERSION, &account)?);
    }
    Ok(())
}

/// Forgets what an account had, when it is closed.
pub fn remove(batch: &mut Batch, account: AccountId, old: &Factors) {
    batch.delete(factors(account));
    old.passkeys.iter().for_each(|gone| batch.delete(passkey(&gone.id)));
}

impl View<'_> {
    /// What an account has beside its password; `None` when it never had anything.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn second_factors(&self, account: AccountId) -> Result<Option<Factors>> {
        self.get(&factors(account))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }

    /// Whose passkey has this credential id.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn passkey_owner(&self, id: &[u8]) -> Result<Option<AccountId>> {
        self.get(&passkey(id))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }
}

/// Whether the account is there, and passkeys lead to their owners and back.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    match key.get(1) {
        Some(&FACTORS) => {
            let account = key.get(2..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
            let account = AccountId(account.ok_or_else(|| bad_key("second factors"))?);
            let read: Factors = rows::decode(VERSION, row)?;
            claims.require(view.account(account)?.is_some(), || format!("second factors of {account:?}, who is none"));
            for has in read.passkeys {
                let leads = view.passkey_owner(&has.id)? == Some(account);
                claims.require(leads, || format!("passkey {} of {account:?} does not lead to it", has.number));
            }
        }
        Some(&PASSKEY) => {
            let account: AccountId = rows::decode(VERSION, row)?;
            let has =
                view.second_factors(account)?.is_some_and(|has| has.passkeys.iter().any(|has| passkey(&has.id) == key));
            claims.require(has, || format!("a passkey leads to {account:?}, which does not have it"));
        }
        _ => return Err(bad_key("second factors")),
    }
    Ok(claims)
}
