//! Account rows: who has a mailbox, under which login and address, and which credentials open it.
//!
//! Two promises are kept by preconditions of the batches made here: a folded login and a folded address belong
//! to one account for ever, closed ones included (M8, M21), and a row is only replaced by somebody who saw its
//! last state.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::AccountId;

use super::check::{Claims, bad_key};
use super::{Batch, Precondition, Result, Topic, View, keys, rows};

const ACCOUNT_VERSION: u8 = 1;
const HOLDER_VERSION: u8 = 1;
const ACCOUNT_CLASS: u8 = b'a';

/// An electronic subscriber mailbox (M4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its number; the high 16 bits name the operator.
    pub id: AccountId,
    /// The login as registered.
    pub login: String,
    /// The login folded: what is unique.
    pub folded_login: String,
    /// The address of the mailbox.
    pub address: Address,
    /// The address's local part folded, with its domain: what is unique.
    pub folded_address: String,
    /// Whose it is.
    pub kind: Kind,
    /// The name for people: on status messages and as sender of letters on paper.
    pub display_name: String,
    /// The person or company, if the IIN or BIN was given.
    pub person: Option<Person>,
    /// The postal index of the user's home; its facility is the account's home facility.
    pub postal_index: Option<String>,
    /// What opens it.
    pub credentials: Vec<Credential>,
    /// The number of the next credential: numbers are not used again.
    pub next_credential: u32,
    /// Whether it is open.
    pub state: State,
    /// M22: the user confirmed the cabinet data with an electronic signature.
    pub eds_confirmed: bool,
    /// When it was created.
    #[serde(with = "micros")]
    pub created: Timestamp,
    /// What the operator allowed this account differently from all others.
    pub quota: OwnQuota,
}

/// What one account may hold, where that is not what all may; 0 is without a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OwnQuota {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// M3: an individual or a legal entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A person, known by IIN.
    Individual,
    /// A company or body, known by BIN.
    Legal,
}

/// The link from an account to its IIN or BIN (M8). The number itself is not kept here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// BLAKE3 of the number, keyed with a secret of the directory.
    pub hash: [u8; 32],
    /// The last four digits, for talking with the user.
    pub last_digits: String,
}

/// One way to open an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// Its number in the account.
    pub id: u32,
    /// Main or for one application.
    pub kind: CredentialKind,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// Grows with every new password; what was verified for an older version is worth nothing.
    pub version: u32,
    /// What it opens.
    pub scope: Scope,
    /// When this password was set.
    #[serde(with = "micros")]
    pub created: Timestamp,
    /// When it was last used, exact to a day so that logins do not cost a write.
    #[serde(with = "optional_micros")]
    pub last_used: Option<Timestamp>,
}

/// Sort of a credential.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CredentialKind {
    /// The password chosen by the user (M21).
    Main,
    /// A password for one application, with its name.
    Application(String),
}

/// What a credential opens, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scope(pub u8);

impl Scope {
    /// Reading over IMAP.
    pub const IMAP: Scope = Scope(1);
    /// Sending by submission.
    pub const SUBMISSION: Scope = Scope(2);
    /// The user's pages.
    pub const CABINET: Scope = Scope(4);
    /// Everything, also what is added later.
    pub const ALL: Scope = Scope(u8::MAX);

    /// Both together.
    #[must_use]
    pub fn with(self, other: Scope) -> Scope {
        Scope(self.0 | other.0)
    }

    /// Everything of `other` is opened.
    #[must_use]
    pub fn contains(self, other: Scope) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A hashed password in PHC format (`$argon2id$v=19$…`); not printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string.
    #[must_use]
    pub fn new(phc: String) -> Self {
        PasswordHash(phc)
    }

    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Life of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    /// In use.
    Active,
    /// Closed; its login and address stay taken.
    Closed {
        /// Since when.
        #[serde(with = "micros")]
        at: Timestamp,
    },
}

/// Who has a login or an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Holder {
    /// This account.
    Account(AccountId),
    /// Nobody any more, and never anybody again; this account had it.
    Tombstone(AccountId),
}

impl Account {
    /// It can be logged into and gets letters.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}

/// Adds the rows of a new account. The commit fails with `Conflict` and one of the keys of [`taken_by`] when
/// its number, login, address or person is taken.
///
/// # Errors
/// The row cannot be encoded.
pub fn add(batch: &mut Batch, account: &Account) -> Result<()> {
    let holder = rows::encode(HOLDER_VERSION, &Holder::Account(account.id))?;
    let mut unique = |key: Vec<u8>, value: Vec<u8>| {
        batch.require(Precondition::Absent(key.clone()));
        batch.put(key, value);
    };
    unique(keys::account(account.id), rows::encode(ACCOUNT_VERSION, account)?);
    unique(keys::login(&account.folded_login), holder.clone());
    unique(keys::address(&account.folded_address), holder.clone());
    if let Some(person) = &account.person {
        unique(keys::person(&person.hash), holder);
    }
    batch.publish(Topic::Account(account.id));
    Ok(())
}

/// Which unique fact of `account` a conflicting key stands for.
#[must_use]
pub fn taken_by(account: &Account, conflict: &[u8]) -> Option<Taken> {
    if conflict == keys::login(&account.folded_login) {
        return Some(Taken::Login);
    }
    if conflict == keys::address(&account.folded_address) {
        return Some(Taken::Address);
    }
    let person = account.person.as_ref()?;
    (conflict == keys::person(&person.hash)).then_some(Taken::Person)
}

/// What of an account another one has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The folded login.
    Login,
    /// The folded address.
    Address,
    /// The IIN or BIN.
    Person,
}

/// Replaces the row `old` by `new`, provided that nobody else changed it.
///
/// # Errors
/// A row cannot be encoded.
pub fn replace(batch: &mut Batch, old: &Account, new: &Account) -> Result<()> {
    let key = keys::account(old.id);
    batch.require(Precondition::Equals(key.clone(), rows::encode(ACCOUNT_VERSION, old)?));
    batch.put(key, rows::encode(ACCOUNT_VERSION, new)?);
    batch.publish(Topic::Account(new.id));
    Ok(())
}

/// Closes an account: login and address become tombstones (M8), the person may get a new mailbox.
///
/// # Errors
/// A row cannot be encoded.
pub fn close(batch: &mut Batch, account: &Account, at: Timestamp) -> Result<()> {
    let mut closed = account.clone();
    closed.state = State::Closed { at };
    closed.credentials.clear();
    replace(batch, account, &closed)?;
    let tombstone = rows::encode(HOLDER_VERSION, &Holder::Tombstone(account.id))?;
    batch.put(keys::login(&account.folded_login), tombstone.clone());
    batch.put(keys::address(&account.folded_address), tombstone);
    if let Some(person) = &account.person {
        batch.delete(keys::person(&person.hash));
    }
    Ok(())
}

impl View<'_> {
    /// An account's row.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>> {
        self.get(&keys::account(id))?.map(|row| rows::decode(ACCOUNT_VERSION, &row)).transpose()
    }

    /// Who has or had this folded login.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn login_holder(&self, folded: &str) -> Result<Option<Holder>> {
        self.get(&keys::login(folded))?.map(|row| rows::decode(HOLDER_VERSION, &row)).transpose()
    }

    /// Who has or had this folded address.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn address_holder(&self, folded: &str) -> Result<Option<Holder>> {
        self.get(&keys::address(folded))?.map(|row| rows::decode(HOLDER_VERSION, &row)).transpose()
    }

    /// The account that has this folded login.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn account_by_login(&self, folded: &str) -> Result<Option<Account>> {
        match self.login_holder(folded)? {
            Some(Holder::Account(id)) => self.account(id),
            Some(Holder::Tombstone(_)) | None => Ok(None),
        }
    }

    /// The account that has this folded address.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn account_by_address(&self, folded: &str) -> Result<Option<Account>> {
        match self.address_holder(folded)? {
            Some(Holder::Account(id)) => self.account(id),
            Some(Holder::Tombstone(_)) | None => Ok(None),
        }
    }

    /// The account of the person or company with this keyed hash of IIN or BIN.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn account_by_person(&self, person: &[u8; 32]) -> Result<Option<Account>> {
        let holder = self.get(&keys::person(person))?.map(|row| rows::decode(HOLDER_VERSION, &row)).transpose()?;
        match holder {
            Some(Holder::Account(id)) => self.account(id),
            Some(Holder::Tombstone(_)) | None => Ok(None),
        }
    }

    /// Up to `limit` accounts behind `after`, by number, closed ones included.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>> {
        let from = match after {
            Some(id) => keys::account(AccountId(id.0.saturating_add(1))),
            None => vec![ACCOUNT_CLASS],
        };
        let rows = self.range(&from, &keys::after(&[ACCOUNT_CLASS]), limit)?;
        rows.iter().map(|(_, row)| rows::decode(ACCOUNT_VERSION, row)).collect()
    }
}

/// Whether an account is found by its login, address and person.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let account: Account = rows::decode(ACCOUNT_VERSION, row)?;
    let id = account.id;
    if keys::account(id) != key {
        return Err(bad_key("an account"));
    }
    let holder = if account.is_active() { Holder::Account(id) } else { Holder::Tombstone(id) };
    let mut claims = Claims::default();
    let holds = view.login_holder(&account.folded_login)? == Some(holder);
    claims.require(holds, || format!("the login of {id:?} does not lead to it"));
    let holds = view.address_holder(&account.folded_address)? == Some(holder);
    claims.require(holds, || format!("the address of {id:?} does not lead to it"));
    if let Some(person) = account.person.as_ref().filter(|_| account.is_active()) {
        let found = view.get(&keys::person(&person.hash))?;
        let holds = found.map(|row| rows::decode(HOLDER_VERSION, &row)).transpose()? == Some(holder);
        claims.require(holds, || format!("the person of {id:?} does not lead to it"));
    }
    Ok(claims)
}

/// Whether a login leads to the account that has or had it.
pub(super) fn inspect_login(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    inspect_holder(view, row, "a login", |account| keys::login(&account.folded_login) == key)
}

/// Whether an address leads to the account that has or had it.
pub(super) fn inspect_address(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    inspect_holder(view, row, "an address", |account| keys::address(&account.folded_address) == key)
}

/// Whether a person leads to the account that is theirs.
pub(super) fn inspect_person(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let is_theirs = |account: &Account| account.person.as_ref().is_some_and(|person| keys::person(&person.hash) == key);
    inspect_holder(view, row, "a person", is_theirs)
}

fn inspect_holder(view: &View<'_>, row: &[u8], what: &str, has_it: impl Fn(&Account) -> bool) -> Result<Claims> {
    let (Holder::Account(id) | Holder::Tombstone(id)) = rows::decode(HOLDER_VERSION, row)?;
    let mut claims = Claims::default();
    let fits = view.account(id)?.is_some_and(|account| has_it(&account));
    claims.require(fits, || format!("{what} leads to {id:?}, which does not have it"));
    Ok(claims)
}

/// Instants as microseconds since 1970.
mod micros {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_microsecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_microsecond(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Instants that may be missing, as microseconds since 1970.
mod optional_micros {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::clock::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.as_microsecond()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let micros: Option<i64> = Option::deserialize(deserializer)?;
        micros.map(|micros| Timestamp::from_microsecond(micros).map_err(D::Error::custom)).transpose()
    }
}
