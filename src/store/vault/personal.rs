//! Personal data in rows, and documents in the packs that belong to nobody's letters: sealed for the one whose they are
//! (M7, M20). When that key is destroyed they are gone with it.

use serde::{Deserialize, Serialize};

use super::{Owner, WrappedKey};
use crate::ids::{AccountId, BodyId};
use crate::store::{DataKey, Result, Store};

/// Each goes with its use, so that none can stand for another.
const PERSONAL: &[u8] = b"personal data";

/// Personal data as a row keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Personal {
    /// As it is: rows are not encrypted here.
    Plain(Vec<u8>),
    /// Sealed with the key of an account.
    OfAccount(AccountId, Vec<u8>),
    /// Sealed with the system's key: there is no account yet, or it must outlast it.
    OfSystem(Vec<u8>),
}

/// The key of a document in the packs; none where nothing is encrypted.
#[derive(Clone, Debug)]
pub struct DocumentKey {
    /// What seals it.
    pub key: DataKey,
    /// As its row keeps that.
    pub wrapped: WrappedKey,
}

impl std::fmt::Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl Store {
    /// Personal data for a row. May write and sync a new key of an account: see [`Store::ready_keys`].
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged`, I/O.
    pub fn seal_personal(&self, owner: Owner, plain: Vec<u8>) -> Result<Personal> {
        let Some(vault) = self.inner.vault.as_ref().filter(|vault| vault.seals()) else {
            return Ok(Personal::Plain(plain));
        };
        let sealed = vault.seal(owner, PERSONAL, &plain)?;
        Ok(match owner {
            Owner::Account(account) => Personal::OfAccount(account, sealed),
            Owner::System => Personal::OfSystem(sealed),
        })
    }

    /// What [`Store::seal_personal`] made a row's data of.
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged`, I/O.
    pub fn open_personal(&self, personal: &Personal) -> Result<Vec<u8>> {
        match personal {
            Personal::Plain(plain) => Ok(plain.clone()),
            Personal::OfAccount(account, sealed) => self.vault()?.unseal(Owner::Account(*account), PERSONAL, sealed),
            Personal::OfSystem(sealed) => self.vault()?.unseal(Owner::System, PERSONAL, sealed),
        }
    }

    /// A key for a document of this name: a hash of its bytes and of what tells it from the same bytes stored before,
    /// since a name gets one key for ever (its nonce follows from the name).
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged`, I/O; there is no randomness.
    pub fn document_key(&self, owner: Owner, name: [u8; 32]) -> Result<Option<DocumentKey>> {
        let Some(vault) = self.inner.vault.as_ref().filter(|vault| vault.seals()) else { return Ok(None) };
        let key = DataKey::random()?;
        let wrapped = vault.wrap(owner, BodyId(name), &key)?;
        Ok(Some(DocumentKey { key, wrapped }))
    }
}
