//! Who may read what: the keys of encryption at rest.
//!
//! The operator's key wraps one key for each account and the vault's own two; a key of an account wraps the data
//! keys of its letters; a data key seals a letter. The wrapped keys lie in `<dir>/keys`, not in rows or packs:
//! what was deleted there is still in a log for long. A slot that is overwritten is gone, and with it every
//! letter of that account, also those in packs that nobody has tidied yet.
//!
//! | file | slots |
//! |---|---|
//! | `vault.keys` | the naming secret, the system key |
//! | `accounts-NNNNN.keys` | the accounts of operator NNNNN, each at its number |
//!
//! Invariant: a key is on stable storage before anything that it wraps is committed.

mod letter;
mod operator;
mod personal;
pub(super) mod row;
mod secret;
mod slots;
mod wrapped;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

pub use letter::{LetterKey, RowText, Sharing};
pub use operator::fresh_operator_key;
pub use personal::{DocumentKey, Personal};
pub use wrapped::{Owner, WrappedKey};

use super::engine::Changes;
use super::lately::Lately;
use super::versions::{Before, Versions};
use super::{DataKey, Error, Result, Settings, Store, View, keys};
use crate::ids::{AccountId, BodyId};
use operator::{OperatorKeys, VARIABLE};
use secret::{NONCE_BYTES, Secret, random_nonce};
use slots::{Slot, SlotFile, Wrapped};

/// Where the wrapped keys lie.
pub(super) const KEYS_DIR: &str = "keys";

const VAULT_FILE: &str = "vault.keys";

/// The fact that says which vault is a store's own.
const FACT: &str = "vault";
const FACT_VERSION: u8 = 1;

/// Bits of an account number below the operator's (M4).
const OPERATOR_SHIFT: u32 = 48;

/// Slots of `vault.keys`.
const NAMING: u64 = 0;
const SYSTEM: u64 = 1;

/// What letters share one body, when they are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleInstance {
    /// All with the same bytes: who has the key files can find out whether a letter that he knows is there.
    Operator,
    /// Those of one account with the same bytes.
    Account,
    /// The copies of one letter: those of its recipients, and what they copy.
    #[default]
    Submission,
}

/// What `store rotate-key` came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rotated {
    /// The operator key with which everything is wrapped now.
    pub operator_key: String,
    /// Keys that were wrapped anew.
    pub keys: u64,
    /// Slots that are damaged, and were left as they are.
    pub damaged: u64,
}

/// The open vault.
#[derive(Debug)]
pub(super) struct Vault {
    dir: PathBuf,
    settings: Settings,
    naming: Secret,
    system: Arc<Secret>,
    operator: RwLock<OperatorKeys>,
    files: Mutex<Files>,
    /// Keys of accounts that were unwrapped lately.
    unwrapped: Mutex<Lately<AccountId, Arc<Secret>>>,
}

/// What to do about an account without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum IfNone {
    Make,
    Refuse,
}

/// The open files; who has them locked is the only one who writes keys.
#[derive(Debug)]
struct Files {
    vault: SlotFile,
    accounts: HashMap<u16, SlotFile>,
    /// Accounts whose new keys could not be synced. They wrap nothing, and although they can be read they may not
    /// be on the disk: each is written anew before it is used.
    unsure: HashSet<AccountId>,
}

impl Vault {
    /// The keys of a data directory, as [`Vault::open`] opens them; they must be those of its rows.
    ///
    /// # Errors
    /// As [`Vault::open`]; `Damaged` when they are missing or another store's.
    pub(super) fn of_store(dir: &Path, settings: &Settings, versions: &Versions) -> Result<Option<Self>> {
        let fact = keys::fact(FACT);
        let known = versions.newest(&fact)?;
        let shown = dir.join(KEYS_DIR);
        if known.is_some() && !shown.join(VAULT_FILE).exists() {
            return Err(Error::Damaged(format!(
                "{}: letters here are encrypted and their keys are missing; bring this directory back from a backup",
                shown.display()
            )));
        }
        let Some(vault) = Self::open(dir, settings)? else { return Ok(None) };
        match known {
            None => versions.commit(Changes::from([(fact, Some(vault.fact()))]), Before::new())?,
            Some(known) if known == vault.fact() => {}
            Some(_) => {
                return Err(Error::Damaged(format!(
                    "{}: these are the keys of another store; bring this directory back from a backup of this one",
                    shown.display()
                )));
            }
        }
        Ok(Some(vault))
    }

    /// Opens the keys of a data directory. Without any there is no vault, unless encryption is on: then it is
    /// made.
    ///
    /// # Errors
    /// `NotPossible` when the operator's key is missing or not the right one: says what to do. `Damaged`, I/O.
    pub(super) fn open(dir: &Path, settings: &Settings) -> Result<Option<Self>> {
        let keys = dir.join(KEYS_DIR);
        let there = SlotFile::open(keys.join(VAULT_FILE))?;
        if there.is_none() && !settings.encryption {
            return Ok(None);
        }
        let operator = OperatorKeys::load(settings)?.ok_or_else(|| no_operator_key(dir, there.is_some()))?;
        let file = match there {
            Some(file) => file,
            None => create(&keys, &operator)?,
        };
        let own = |index| match file.read(index, index)? {
            Slot::Key(wrapped) => unwrap(&operator, index, &wrapped),
            Slot::Empty | Slot::Destroyed => Err(Error::Damaged(format!(
                "{}: slot {index} is empty; bring the directory {KEYS_DIR} back from a backup",
                keys.join(VAULT_FILE).display()
            ))),
        };
        let (naming, system) = (own(NAMING)?, Arc::new(own(SYSTEM)?));
        Ok(Some(Vault {
            dir: keys,
            settings: settings.clone(),
            naming,
            system,
            operator: RwLock::new(operator),
            files: Mutex::new(Files { vault: file, accounts: HashMap::new(), unsure: HashSet::new() }),
            unwrapped: Mutex::new(Lately::new(settings.max_open_keys.max(1))),
        }))
    }

    /// New letters are sealed; else the vault only opens old ones.
    pub(super) fn seals(&self) -> bool {
        self.settings.encryption
    }

    fn single_instance(&self) -> SingleInstance {
        self.settings.single_instance
    }

    /// By this row a store knows its own vault again.
    fn fact(&self) -> Vec<u8> {
        [&[FACT_VERSION][..], &self.naming.fingerprint().to_be_bytes()].concat()
    }

    /// The id of a body, or of bytes, of this hash in a scope. Nobody without the secret can tell from an id
    /// whether a letter that he knows is there.
    fn name(&self, hash: &[u8; 32], scope: &[u8]) -> BodyId {
        BodyId(self.naming.derive("name", &[hash, scope]))
    }

    /// The data key of all bodies with this hash, for those that everybody shares.
    fn shared_data_key(&self, hash: &[u8; 32]) -> DataKey {
        DataKey::from_bytes(self.naming.derive("data key of hash", &[hash]))
    }

    /// The data key of all bodies with this hash in one account.
    ///
    /// # Errors
    /// As [`Vault::wrap`].
    fn account_data_key(&self, account: AccountId, hash: &[u8; 32]) -> Result<DataKey> {
        Ok(DataKey::from_bytes(self.key_or_new(Owner::Account(account))?.derive("data key of hash", &[hash])))
    }

    /// Wraps the data key of a body for one who may read it. If an account has no key yet it gets one; that is
    /// on stable storage then.
    ///
    /// # Errors
    /// `NotPossible` when the account's key was destroyed; `Damaged`, I/O.
    fn wrap(&self, owner: Owner, body: BodyId, data_key: &DataKey) -> Result<WrappedKey> {
        let key = self.key_or_new(owner)?;
        let sealed = key.seal(&data_key_nonce(&key, body), &data_key_context(body), data_key.as_bytes())?;
        let bytes = sealed.try_into().map_err(|_| Error::Engine("a data key cannot be wrapped".into()))?;
        Ok(WrappedKey { owner, key_id: key.fingerprint(), bytes })
    }

    /// The data key of a body.
    ///
    /// # Errors
    /// `NotPossible` when the owner's key was destroyed; `Damaged` when it is missing or another one; I/O.
    pub(super) fn unwrap(&self, body: BodyId, wrapped: &WrappedKey) -> Result<DataKey> {
        let key = self.key(wrapped.owner)?;
        let opened = key.open(&data_key_nonce(&key, body), &data_key_context(body), &wrapped.bytes);
        opened.and_then(|key| key.as_slice().try_into().ok()).map(DataKey::from_bytes).ok_or_else(|| {
            let why = if key.fingerprint() == wrapped.key_id { "damaged" } else { "wrapped with another key" };
            Error::Damaged(format!("the data key of {body:?} is {why} ({:?})", wrapped.owner))
        })
    }

    /// Seals something small that belongs to one owner: nonce, then sealed bytes.
    ///
    /// # Errors
    /// As [`Vault::wrap`].
    fn seal(&self, owner: Owner, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random_nonce();
        let sealed = self.key_or_new(owner)?.seal(&nonce, context, plain)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`Vault::seal`] sealed.
    ///
    /// # Errors
    /// As [`Vault::unwrap`].
    fn unseal(&self, owner: Owner, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let key = self.key(owner)?;
        let parts = sealed.split_first_chunk::<NONCE_BYTES>();
        parts
            .and_then(|(nonce, sealed)| key.open(nonce, context, sealed))
            .map(|mut plain| std::mem::take(&mut *plain))
            .ok_or_else(|| Error::Damaged(format!("what was sealed for {owner:?} cannot be opened")))
    }

    /// Overwrites the key of an account: nobody can read its letters any more. Tells whether there was one.
    ///
    /// # Errors
    /// I/O; then the key may still be there.
    pub(super) fn destroy(&self, account: AccountId) -> Result<bool> {
        let mut files = self.files.lock();
        let (operator, index) = place(account);
        let file = self.accounts_file(&mut files, operator)?;
        // A damaged slot is overwritten too.
        let was_there = !matches!(file.read(index, account.0), Ok(Slot::Empty | Slot::Destroyed));
        file.write(index, account.0, &Slot::Destroyed)?;
        self.unwrapped.lock().remove(account);
        Ok(was_there)
    }

    /// Reads the operator's keys anew and wraps all keys with the current one. When this answers, the others are
    /// needed for nothing but older backups.
    ///
    /// # Errors
    /// `NotPossible` when an operator key is missing. `Damaged`, I/O. Then some keys may be wrapped anew; run it
    /// again with all operator keys.
    pub(super) fn rotate(&self) -> Result<Rotated> {
        let operator = OperatorKeys::load(&self.settings)?.ok_or_else(|| no_operator_key(&self.dir, true))?;
        let mut files = self.files.lock();
        let rewrap = |owner: u64, old: &Wrapped| wrap(&operator, owner, &unwrap(&operator, owner, old)?);
        let mut done = Rotated { operator_key: operator.current().id.to_string(), ..Rotated::default() };
        for number in account_files(&self.dir)? {
            let file = self.accounts_file(&mut files, number)?;
            let rewritten = file.rewrite(rewrap)?;
            done.keys += rewritten.keys;
            done.damaged += rewritten.damaged;
        }
        // Last: while this one asks for the old operator key, no start can do without it.
        done.keys += files.vault.rewrite(rewrap)?.keys;
        *self.operator.write() = operator;
        Ok(done)
    }

    /// Copies all keys, still wrapped, into the directory of a backup.
    ///
    /// # Errors
    /// I/O.
    pub(super) fn copy_to(&self, backup: &Path) -> Result<()> {
        let files = self.files.lock();
        let to = backup.join(KEYS_DIR);
        for number in account_files(&self.dir)? {
            slots::copy(&self.dir.join(accounts_file_name(number)), &to)?;
        }
        files.vault.copy_to(&to)
    }

    /// The key of an owner.
    fn key(&self, owner: Owner) -> Result<Arc<Secret>> {
        self.find_key(owner, IfNone::Refuse)
    }

    /// The key of an owner; a new one for an account that has none.
    fn key_or_new(&self, owner: Owner) -> Result<Arc<Secret>> {
        self.find_key(owner, IfNone::Make)
    }

    fn find_key(&self, owner: Owner, if_none: IfNone) -> Result<Arc<Secret>> {
        let Owner::Account(account) = owner else { return Ok(Arc::clone(&self.system)) };
        if let Some(key) = self.unwrapped.lock().get(account) {
            return Ok(key);
        }
        let mut files = self.files.lock();
        let key = Arc::new(self.read_key(&mut files, account, if_none)?);
        // Still under the lock of the files: nobody destroys it between these two.
        self.unwrapped.lock().put(account, Arc::clone(&key), 1);
        Ok(key)
    }

    fn read_key(&self, files: &mut Files, account: AccountId, if_none: IfNone) -> Result<Secret> {
        let (operator, index) = place(account);
        let is_unsure = files.unsure.contains(&account);
        let file = self.accounts_file(files, operator)?;
        match (file.read(index, account.0)?, if_none) {
            (Slot::Key(wrapped), _) if !is_unsure => unwrap(&self.operator.read(), account.0, &wrapped),
            (Slot::Destroyed, _) => Err(Error::NotPossible(format!(
                "the key of account {} was destroyed: nobody can read its letters any more",
                account.0
            ))),
            (_, IfNone::Refuse) => Err(Error::Damaged(format!(
                "account {} has no key; bring the directory {KEYS_DIR} back from a backup",
                account.0
            ))),
            (_, IfNone::Make) => {
                let key = Secret::random();
                let wrapped = wrap(&self.operator.read(), account.0, &key)?;
                files.unsure.insert(account);
                self.accounts_file(files, operator)?.write(index, account.0, &Slot::Key(wrapped))?;
                files.unsure.remove(&account);
                Ok(key)
            }
        }
    }

    fn accounts_file<'a>(&self, files: &'a mut Files, operator: u16) -> Result<&'a mut SlotFile> {
        match files.accounts.entry(operator) {
            std::collections::hash_map::Entry::Occupied(there) => Ok(there.into_mut()),
            std::collections::hash_map::Entry::Vacant(free) => {
                let path = self.dir.join(accounts_file_name(operator));
                let file = match SlotFile::open(path.clone())? {
                    Some(file) => file,
                    None => SlotFile::create(path, &[])?,
                };
                Ok(free.insert(file))
            }
        }
    }
}

impl Store {
    /// See [`Vault::rotate`]. Blocks.
    ///
    /// # Errors
    /// `NotPossible` when there are no keys, or an operator key is missing; `Damaged`, I/O.
    pub fn rotate_keys(&self) -> Result<Rotated> {
        match &self.inner.vault {
            Some(vault) => vault.rotate(),
            None => Err(Error::NotPossible("nothing here is encrypted: there are no keys to wrap anew".into())),
        }
    }

    /// Destroys the key of an account, for ever. Blocks. Tells whether there was one.
    ///
    /// # Errors
    /// I/O; then the key may still be there.
    pub fn destroy_key(&self, account: AccountId) -> Result<bool> {
        self.inner.vault.as_ref().map_or(Ok(false), |vault| vault.destroy(account))
    }
}

impl View<'_> {
    /// Whether this fact is that of the vault that is open.
    pub(super) fn is_own_vault(&self, fact: &[u8]) -> bool {
        self.store.inner.vault.as_ref().is_some_and(|vault| vault.fact() == fact)
    }
}

/// Copies the keys of a backup, still wrapped, into a data directory that has none.
pub(super) fn restore_keys(backup: &Path, dir: &Path) -> Result<()> {
    let from = backup.join(KEYS_DIR);
    if !from.is_dir() {
        return Ok(());
    }
    let to = dir.join(KEYS_DIR);
    for number in account_files(&from)? {
        slots::copy(&from.join(accounts_file_name(number)), &to)?;
    }
    slots::copy(&from.join(VAULT_FILE), &to)
}

/// Makes the vault's own keys.
fn create(keys: &Path, operator: &OperatorKeys) -> Result<SlotFile> {
    slots::make_dir(keys)?;
    let own = [NAMING, SYSTEM].map(|index| Ok((index, Slot::Key(wrap(operator, index, &Secret::random())?))));
    SlotFile::create(keys.join(VAULT_FILE), &own.into_iter().collect::<Result<Vec<_>>>()?)
}

fn no_operator_key(dir: &Path, is_encrypted: bool) -> Error {
    Error::NotPossible(if is_encrypted {
        format!(
            "{}: the letters here are encrypted and there is no operator key; name its file in \
             store.operator_key_file, or put it into the environment variable {VARIABLE}",
            dir.display()
        )
    } else {
        format!(
            "store.encryption is on and there is no operator key; `poshta store new-key` prints one: keep it in a \
             file, and name that in store.operator_key_file, or put it into the environment variable {VARIABLE}"
        )
    })
}

fn wrap(operator: &OperatorKeys, owner: u64, key: &Secret) -> Result<Wrapped> {
    let current = operator.current();
    let nonce = random_nonce();
    let sealed = current.secret.seal(&nonce, &slot_context(owner), key.expose())?;
    let sealed = sealed.try_into().map_err(|_| Error::Engine("a key cannot be wrapped".into()))?;
    Ok(Wrapped { operator: current.id, fingerprint: key.fingerprint(), nonce, sealed })
}

fn unwrap(operator: &OperatorKeys, owner: u64, wrapped: &Wrapped) -> Result<Secret> {
    let key = operator.find(wrapped.operator)?;
    let opened = key.secret.open(&wrapped.nonce, &slot_context(owner), &wrapped.sealed);
    opened.and_then(|key| key.as_slice().try_into().ok()).map(Secret::new).ok_or_else(|| {
        Error::NotPossible(format!(
            "operator key {} in {} is not the one with which the keys of this store are wrapped; give the right one",
            wrapped.operator,
            operator.source()
        ))
    })
}

/// A slot cannot be put in the place of another.
fn slot_context(owner: u64) -> [u8; 12] {
    let mut context = *b"slot\0\0\0\0\0\0\0\0";
    context[4..].copy_from_slice(&owner.to_be_bytes());
    context
}

fn data_key_context(body: BodyId) -> [u8; 40] {
    let mut context = [0; 40];
    context[..8].copy_from_slice(b"data key");
    context[8..].copy_from_slice(&body.0);
    context
}

/// A row has no room for a nonce, and needs none: a body has one data key, so what is wrapped under this nonce
/// is always the same.
fn data_key_nonce(key: &Secret, body: BodyId) -> [u8; NONCE_BYTES] {
    let derived = key.derive("nonce of data key", &[&body.0]);
    derived.first_chunk().copied().unwrap_or_default()
}

/// Operator and slot of an account.
fn place(account: AccountId) -> (u16, u64) {
    // Truncation takes the operator's bits.
    ((account.0 >> OPERATOR_SHIFT) as u16, account.0 & ((1 << OPERATOR_SHIFT) - 1))
}

fn accounts_file_name(operator: u16) -> String {
    format!("accounts-{operator:05}.keys")
}

/// The operators that have a file of accounts in a directory.
fn account_files(keys: &Path) -> Result<Vec<u16>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(keys)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("accounts-")?.strip_suffix(".keys"));
        numbers.extend(number.and_then(|number| number.parse::<u16>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod rounds;
#[cfg(test)]
pub(super) mod tests;
