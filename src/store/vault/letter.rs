//! The key of one letter, from the bytes that come in to the rows that name them, and back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::secret::random_scope;
use super::{Owner, SingleInstance, Vault, WrappedKey};
use crate::ids::{AccountId, BodyId};
use crate::store::{Batch, DataKey, Error, RecordSlot, Result, Seal, StagedBody, Store, View};

/// What is sealed with the key of an owner itself: each goes with its use, so that none can stand for another.
const SUMMARY: &[u8] = b"summary";
const TEXT: &[u8] = b"text";

/// Who else may get the same stored copy of a body, as far as `store.single_instance` allows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// Several get it, or nobody in particular.
    Many,
    /// It goes to one account.
    One(AccountId),
    /// An account brings it, and may bring it again: then it must be known again, whatever the setting.
    Again(AccountId),
}

/// Seals one letter: its body, what stands above it, and what rows say of its content.
#[derive(Clone, Debug)]
pub struct LetterKey {
    vault: Arc<Vault>,
    body: BodyId,
    key: DataKey,
}

/// A short text in a row that belongs to the system.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RowText {
    /// As it is.
    Plain(String),
    /// Sealed with the system's key.
    Sealed(Vec<u8>),
}

impl LetterKey {
    /// The key for a body with this hash. The same name always comes with the same key: where a name can come
    /// again, the key follows from the hash.
    fn new(vault: &Arc<Vault>, hash: &[u8; 32], sharing: Sharing) -> Result<Self> {
        let (scope, key) = match (sharing, vault.single_instance()) {
            (_, SingleInstance::Operator) => (Vec::new(), vault.shared_data_key(hash)),
            (Sharing::Again(account), _) | (Sharing::One(account), SingleInstance::Account) => {
                (account.0.to_be_bytes().to_vec(), vault.account_data_key(account, hash)?)
            }
            _ => (random_scope().to_vec(), DataKey::random()?),
        };
        Ok(LetterKey { vault: Arc::clone(vault), body: vault.name(hash, &scope), key })
    }

    /// What the body is called.
    #[must_use]
    pub fn body(&self) -> BodyId {
        self.body
    }

    fn of_body(&self) -> Seal {
        Seal { name: self.body.0, key: self.key.clone() }
    }

    fn of_record(&self, bytes: &[u8]) -> Seal {
        seal_of_record(&self.key, bytes)
    }

    /// The letter's key for one who may read it.
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged`, I/O.
    pub fn wrap(&self, owner: Owner) -> Result<WrappedKey> {
        self.vault.wrap(owner, self.body, &self.key)
    }

    /// Seals a summary of the letter for an account.
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub(in crate::store) fn seal_summary(&self, account: AccountId, summary: &[u8]) -> Result<Vec<u8>> {
        self.vault.seal(Owner::Account(account), SUMMARY, summary)
    }

    /// Seals a text that a row of the system says of the letter.
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub(in crate::store) fn seal_text(&self, text: &RowText) -> Result<RowText> {
        match text {
            RowText::Plain(text) => Ok(RowText::Sealed(self.vault.seal(Owner::System, TEXT, text.as_bytes())?)),
            RowText::Sealed(_) => Ok(text.clone()),
        }
    }
}

/// A record has the name that its content has under the letter's own key.
fn seal_of_record(key: &DataKey, bytes: &[u8]) -> Seal {
    let name = blake3::Hasher::new_keyed(key.as_bytes()).update(b"record").update(bytes).finalize();
    Seal { name: *name.as_bytes(), key: key.clone() }
}

impl Vault {
    /// See [`LetterKey::seal_summary`].
    pub(in crate::store) fn seal_summary(&self, account: AccountId, summary: &[u8]) -> Result<Vec<u8>> {
        self.seal(Owner::Account(account), SUMMARY, summary)
    }

    /// What [`Vault::seal_summary`] sealed.
    pub(in crate::store) fn open_summary(&self, account: AccountId, sealed: &[u8]) -> Result<Vec<u8>> {
        self.unseal(Owner::Account(account), SUMMARY, sealed)
    }
}

impl Store {
    /// The key for a body that is about to be stored; `None` when letters are not encrypted. May write and sync
    /// a new key of an account: see [`Store::ready_keys`].
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub fn letter_key(&self, body: &StagedBody, sharing: Sharing) -> Result<Option<LetterKey>> {
        match &self.inner.vault {
            Some(vault) if vault.seals() => LetterKey::new(vault, &body.id().0, sharing).map(Some),
            _ => Ok(None),
        }
    }

    /// Has the keys of accounts at hand, so that what is sealed for them next waits for no disk.
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub async fn ready_keys(&self, accounts: Vec<AccountId>) -> Result<()> {
        match &self.inner.vault {
            Some(vault) if vault.seals() => {
                let vault = Arc::clone(vault);
                self.read(move |_| {
                    accounts.into_iter().try_for_each(|account| vault.key_or_new(Owner::Account(account)).map(drop))
                })
                .await
            }
            _ => Ok(()),
        }
    }

    /// A text as [`RowText`] keeps it.
    ///
    /// # Errors
    /// `Damaged` when it cannot be opened.
    pub fn open_text(&self, text: &RowText) -> Result<String> {
        match text {
            RowText::Plain(text) => Ok(text.clone()),
            RowText::Sealed(sealed) => {
                let opened = self.vault()?.unseal(Owner::System, TEXT, sealed)?;
                String::from_utf8(opened).map_err(|_| Error::Damaged("a sealed text is no text".into()))
            }
        }
    }

    /// The vault of a store in which something is sealed.
    pub(in crate::store) fn vault(&self) -> Result<&Arc<Vault>> {
        self.inner.vault.as_ref().ok_or_else(|| Error::Sealed("this store has no keys".into()))
    }
}

impl View<'_> {
    /// The key of a body and of the records that go with it, as rows name it.
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Sealed` when the store has no keys; `Damaged`, I/O.
    pub fn data_key(&self, body: BodyId, wrapped: Option<&WrappedKey>) -> Result<Option<DataKey>> {
        wrapped.map(|wrapped| self.store.vault()?.unwrap(body, wrapped)).transpose()
    }

    /// The key of a letter, as [`View::data_key`] gave it, for one more who may read it.
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub fn wrapped_for(&self, body: BodyId, key: Option<&DataKey>, owner: Owner) -> Result<Option<WrappedKey>> {
        key.map(|key| self.store.vault()?.wrap(owner, body, key)).transpose()
    }
}

impl Batch {
    /// The body of a letter, sealed if there is a key. Rows that are added for it then wrap the key, and records
    /// can be sealed with it.
    pub fn letter(&mut self, body: StagedBody, key: Option<LetterKey>) -> BodyId {
        match key {
            None => self.body(body),
            Some(key) => {
                let seal = key.of_body();
                self.letter_keys.push(key);
                self.body_sealed(body, seal)
            }
        }
    }

    /// A record that goes with a letter of this batch, sealed as that is.
    pub fn record_for(&mut self, letter: BodyId, bytes: Vec<u8>) -> RecordSlot {
        match self.letter_key(letter).map(|key| key.of_record(&bytes)) {
            Some(seal) => self.record_sealed(bytes, seal),
            None => self.record(bytes),
        }
    }

    /// A record that goes with a letter that is there, sealed as that is.
    pub fn record_beside(&mut self, key: Option<&DataKey>, bytes: Vec<u8>) -> RecordSlot {
        match key.map(|key| seal_of_record(key, &bytes)) {
            Some(seal) => self.record_sealed(bytes, seal),
            None => self.record(bytes),
        }
    }

    /// The key of a letter of this batch for one who may read it; `None` when it is not sealed.
    ///
    /// # Errors
    /// As [`LetterKey::wrap`].
    pub fn wrapped_key(&self, letter: BodyId, owner: Owner) -> Result<Option<WrappedKey>> {
        self.letter_key(letter).map(|key| key.wrap(owner)).transpose()
    }

    pub(in crate::store) fn letter_key(&self, letter: BodyId) -> Option<&LetterKey> {
        self.letter_keys.iter().rev().find(|key| key.body == letter)
    }
}
