//! The life of an account: created once, found by login or address, given passwords, closed.
//!
//! The invariant: a login and an address, folded so that look-alikes are the same, belong to one account for
//! ever (M8, M21); closing leaves tombstones.

mod app_passwords;
mod error;
mod finding;
mod settings;

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::address::{Address, Domain};
use crate::clock::{Timestamp, World};
use crate::identity::{Login, LoginError, NumberError, PersonalNumber, address_key, fold, login_of_address};
use crate::ids::AccountId;
use crate::store::accounts::{
    self as rows, Credential, CredentialKind, Holder, Kind, OwnQuota, PasswordHash, Person, Scope, State,
};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::quota::{Allowance, reconsider};
use crate::store::receipts::{Consent, decide};
use crate::store::{self, Batch, Precondition, Store, keys, mailboxes};

pub use self::app_passwords::NewAppPassword;
pub use self::error::{AccountError, SettingsError};
pub use self::finding::AddressLookup;
pub use self::settings::Settings;
pub use crate::store::accounts::Account;

/// Bits of an account number below the operator's.
const OPERATOR_SHIFT: u32 = 48;

/// Bytes of the name for people: it stands in every account row and on envelopes.
const MAX_NAME_BYTES: usize = 400;

/// How often a change is tried again when somebody else changed the same account in the meantime.
const MAX_TRIES: usize = 5;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    world: World,
    operator: u16,
    domains: Vec<Domain>,
    postmaster: String,
    person_key: OnceCell<[u8; 32]>,
}

/// What is told when an account is asked for.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The login the user chose.
    pub login: String,
    /// The address; without one it is the login in the main domain.
    pub address: Option<Address>,
    /// A person or a company.
    pub kind: Kind,
    /// The name for people.
    pub display_name: String,
    /// IIN of a person or BIN of a company; only a keyed hash and the last digits are stored.
    pub person: Option<PersonalNumber>,
    /// The postal index of the user's home.
    pub postal_index: Option<String>,
    /// The hash of the main password.
    pub password: PasswordHash,
}

/// Whether this can be the name on letters.
///
/// # Errors
/// `BadName`.
pub fn check_name(name: &str) -> Result<(), AccountError> {
    let is_bad = name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control);
    if is_bad { Err(AccountError::BadName) } else { Ok(()) }
}

impl Accounts {
    /// The service over a store.
    ///
    /// # Errors
    /// A domain, the operator's number or the postmaster's login in the settings is none.
    pub fn new(store: Store, world: World, settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let domains = settings.parsed_domains()?;
        let postmaster = fold(&settings.postmaster).to_string();
        let (operator, person_key) = (settings.operator_number, OnceCell::new());
        Ok(Accounts { inner: Arc::new(Inner { store, world, operator, domains, postmaster, person_key }) })
    }

    /// Creates an account with its standard folders, in one commit.
    ///
    /// # Errors
    /// The login or address is not allowed or taken; the person has an account; store.
    pub async fn create(&self, new: NewAccount) -> Result<Account, AccountError> {
        let id = self.next_number().await?;
        let mut batch = Batch::new();
        let account = self.describe(&mut batch, id, new).await?;
        match self.inner.store.commit(batch).await {
            Ok(_) => Ok(account),
            Err(store::Error::Conflict(key)) => Err(AccountError::from_conflict(&account, key)),
            Err(error) => Err(error.into()),
        }
    }

    /// Describes a new account with its standard folders in a batch of the caller's, who commits it: M15, with whatever
    /// else belongs to its creation.
    ///
    /// # Errors
    /// As [`Accounts::create`].
    pub(crate) async fn describe(
        &self,
        batch: &mut Batch,
        id: AccountId,
        new: NewAccount,
    ) -> Result<Account, AccountError> {
        let (login, folded_login) = self.checked_login(&new.login)?;
        let address = self.new_address(new.address.as_ref(), &login)?;
        check_name(&new.display_name)?;
        let person = match &new.person {
            Some(number) => Some(self.person(number, new.kind).await?),
            None => None,
        };
        let now = self.now();
        let account = Account {
            id,
            login,
            folded_login,
            folded_address: address_key(&address),
            address,
            kind: new.kind,
            display_name: new.display_name,
            person,
            postal_index: new.postal_index,
            credentials: vec![Credential {
                id: 1,
                kind: CredentialKind::Main,
                hash: new.password,
                version: 1,
                scope: Scope::ALL,
                created: now,
                last_used: None,
            }],
            next_credential: 2,
            state: State::Active,
            eds_confirmed: false,
            quota: OwnQuota::default(),
            created: now,
        };
        rows::add(batch, &account)?;
        mailboxes::add_standard_folders(batch, account.id)?;
        Ok(account)
    }

    /// The address that a login would become (M9), and what it is unique by.
    ///
    /// # Errors
    /// M21: the login has a form that is not allowed.
    pub fn address_of(&self, login: &str) -> Result<(String, Address), AccountError> {
        let (login, _) = self.checked_login(login)?;
        let address = self.new_address(None, &login)?;
        Ok((login, address))
    }

    /// A login that somebody from outside chooses: none that is kept for the operator, the postmaster's included.
    ///
    /// # Errors
    /// The login has a form that is not allowed, or is kept for the operator.
    pub fn check_chosen(&self, login: &str) -> Result<(), LoginError> {
        let chosen = login.parse::<Login>()?;
        if chosen.folded().as_str() == self.inner.postmaster { Err(LoginError::Reserved) } else { Ok(()) }
    }

    /// Sets the main password; what was verified with the old one is worth nothing from now on.
    ///
    /// # Errors
    /// The account is closed or unknown; store.
    pub async fn set_password(&self, id: AccountId, hash: PasswordHash) -> Result<(), AccountError> {
        self.set_password_with(id, hash, |_| Ok(())).await
    }

    /// As [`Accounts::set_password`], with what belongs to it in the same batch.
    ///
    /// # Errors
    /// As there; `Busy` also when a precondition of the rest does not hold.
    pub async fn set_password_with(
        &self,
        id: AccountId,
        hash: PasswordHash,
        rest: impl Fn(&mut Batch) -> store::Result<()>,
    ) -> Result<(), AccountError> {
        let now = self.now();
        let change = |account: &mut Account| {
            let number = account.next_credential;
            match account.credentials.iter_mut().find(|credential| credential.kind == CredentialKind::Main) {
                Some(main) => {
                    main.hash = hash.clone();
                    main.version += 1;
                    main.created = now;
                    main.last_used = None;
                }
                None => {
                    account.next_credential += 1;
                    account.credentials.push(Credential {
                        id: number,
                        kind: CredentialKind::Main,
                        hash: hash.clone(),
                        version: 1,
                        scope: Scope::ALL,
                        created: now,
                        last_used: None,
                    });
                }
            }
        };
        self.retry(id, |batch, account| {
            let mut changed = account.clone();
            change(&mut changed);
            rows::replace(batch, account, &changed)?;
            rest(batch)
        })
        .await
    }

    /// Notes that a credential was used now, and takes a hash of the same password with newer parameters.
    ///
    /// # Errors
    /// The account is closed or unknown; store.
    pub async fn note_use(
        &self,
        id: AccountId,
        credential: UsedCredential,
        renewed: Option<PasswordHash>,
    ) -> Result<(), AccountError> {
        let now = self.now();
        self.change(id, |account| {
            let same = |have: &&mut Credential| have.id == credential.id && have.version == credential.version;
            if let Some(have) = account.credentials.iter_mut().find(same) {
                have.last_used = Some(now);
                if let Some(hash) = &renewed {
                    have.hash = hash.clone();
                }
            }
        })
        .await
    }

    /// Sets what this account may hold differently from all others; `allowance` says what it may hold with that. An
    /// account that holds more already keeps it.
    ///
    /// # Errors
    /// The account is closed or unknown; store.
    pub async fn set_quota(
        &self,
        id: AccountId,
        quota: OwnQuota,
        allowance: impl Fn(&Account) -> Allowance,
    ) -> Result<(), AccountError> {
        self.retry(id, |batch, account| {
            let changed = Account { quota, ..account.clone() };
            rows::replace(batch, account, &changed)?;
            reconsider(batch, id, &allowance(&changed));
            Ok::<_, store::Error>(())
        })
        .await
    }

    /// Whether senders may hear that the user has fetched their letters (P6, M7).
    ///
    /// # Errors
    /// The account is closed or unknown; store.
    pub async fn set_consent(&self, id: AccountId, consent: Consent) -> Result<(), AccountError> {
        self.retry(id, |batch, _| {
            batch.require(Precondition::Present(keys::account(id)));
            decide(batch, id, consent);
            Ok::<_, store::Error>(())
        })
        .await
    }

    /// Closes an account. Its letters stay; its login and address are never given to anybody again (M8). Tells when
    /// it was closed.
    ///
    /// # Errors
    /// The account is closed or unknown; store.
    pub async fn close(&self, id: AccountId) -> Result<Timestamp, AccountError> {
        let now = self.now();
        self.retry(id, |batch, account| rows::close(batch, account, now)).await?;
        Ok(now)
    }

    /// As [`Accounts::close`], and the audit says who did it.
    ///
    /// # Errors
    /// As [`Accounts::close`].
    pub async fn close_as(&self, id: AccountId, actor: &str) -> Result<Timestamp, AccountError> {
        let now = self.now();
        let entry = AuditEntry {
            at_us: now.as_microsecond(),
            actor: actor.to_owned(),
            action: "account.close".to_owned(),
            object: format!("account {}", id.0),
            details: None,
        };
        self.retry(id, |batch, account| {
            rows::close(batch, account, now)?;
            add_audit(batch, &entry)
        })
        .await?;
        Ok(now)
    }

    /// Destroys the letters of an account for ever, by its login or address; if it is still open it is closed
    /// first.
    ///
    /// # Errors
    /// Nobody has or had that name; store. Then run it again: what is destroyed stays so.
    pub async fn destroy(&self, name: &str) -> Result<mailboxes::Destroyed, AccountError> {
        let (login, address) = (fold(name).to_string(), name.parse::<Address>().ok().map(|name| address_key(&name)));
        let holder = self.inner.store.read(move |view| match (view.login_holder(&login)?, address) {
            (None, Some(address)) => view.address_holder(&address),
            (found, _) => Ok(found),
        });
        let id = match holder.await?.ok_or(AccountError::Missing)? {
            Holder::Account(id) => {
                self.close(id).await?;
                id
            }
            Holder::Tombstone(id) => id,
        };
        Ok(self.inner.store.destroy_letters(id).await?)
    }

    /// What stands for an IIN or BIN in keys and rows: its hash, keyed with a secret of the directory (M8).
    ///
    /// # Errors
    /// Store.
    pub async fn person_key(&self, number: &PersonalNumber) -> store::Result<[u8; 32]> {
        let digits = match number {
            PersonalNumber::Iin(iin) => iin.expose(),
            PersonalNumber::Bin(bin) => bin.expose(),
        };
        let key = self.inner.person_key.get_or_try_init(|| self.load_person_key()).await?;
        Ok(*blake3::keyed_hash(key, digits.as_bytes()).as_bytes())
    }

    /// The store under the service, for services that are about accounts as well.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Mail for this domain is for our accounts.
    #[must_use]
    pub fn is_local(&self, domain: &Domain) -> bool {
        self.inner.domains.contains(domain)
    }

    /// The domain in which a login becomes an address.
    #[must_use]
    pub fn main_domain(&self) -> Option<&Domain> {
        self.inner.domains.first()
    }

    /// A login name or address in the form in which look-alikes are equal.
    #[must_use]
    pub fn fold(&self, name: &str) -> String {
        name.parse::<Address>().map_or_else(|_| fold(name).to_string(), |address| address_key(&address))
    }

    /// What a client gave as its login, folded. An address in the main domain is the login before its `@`, as it is
    /// for nearly every account: so a name that nobody has is one name however it is written.
    #[must_use]
    pub fn login_key(&self, name: &str) -> String {
        match name.parse::<Address>() {
            Ok(address) if Some(address.domain()) == self.main_domain() => login_of_address(&address).to_string(),
            _ => self.fold(name),
        }
    }

    /// The instant as rows keep it, exact to a microsecond: what was read equals what was written.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.inner.world.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The login as it is written and folded. Names kept for the operator are refused, except the one that the
    /// configuration gives to the postmaster.
    fn checked_login(&self, text: &str) -> Result<(String, String), AccountError> {
        let folded = fold(text).to_string();
        match text.parse::<Login>() {
            Ok(login) => Ok((login.to_string(), folded)),
            Err(LoginError::Reserved) if folded == self.inner.postmaster => Ok((text.to_lowercase(), folded)),
            Err(error) => Err(AccountError::BadLogin(error)),
        }
    }

    fn new_address(&self, asked: Option<&Address>, login: &str) -> Result<Address, AccountError> {
        let address = match (asked, self.main_domain()) {
            (Some(address), _) => address.clone(),
            (None, Some(domain)) => Address::new(login, domain.as_str())?,
            (None, None) => return Err(AccountError::NoDomain),
        };
        if !self.is_local(address.domain()) {
            return Err(AccountError::ForeignDomain(address.domain().clone()));
        }
        self.checked_login(address.local())?;
        Ok(address)
    }

    /// Numbers never come back; one that an unsuccessful creation took is lost.
    async fn next_number(&self) -> Result<AccountId, AccountError> {
        Ok(self.next_numbers(1).await?)
    }

    /// The first of so many numbers that follow each other.
    pub(crate) async fn next_numbers(&self, count: u32) -> store::Result<AccountId> {
        let mut batch = Batch::new();
        let slot = batch.allocate(keys::fact("accounts"), count);
        let number = self.inner.store.commit(batch).await?.number(slot);
        Ok(AccountId(u64::from(self.inner.operator) << OPERATOR_SHIFT | number))
    }

    async fn person(&self, number: &PersonalNumber, kind: Kind) -> Result<Person, AccountError> {
        let digits = match (number, kind) {
            (PersonalNumber::Iin(iin), Kind::Individual) => iin.expose(),
            (PersonalNumber::Bin(bin), Kind::Legal) => bin.expose(),
            (PersonalNumber::Iin(_), Kind::Legal) => return Err(AccountError::NumberOfAnother(NumberError::IsIin)),
            (PersonalNumber::Bin(_), Kind::Individual) => {
                return Err(AccountError::NumberOfAnother(NumberError::IsBin));
            }
        };
        let hash = self.person_key(number).await?;
        let last_digits = digits.chars().skip(8).collect();
        Ok(Person { hash, last_digits })
    }

    /// The directory's secret for hashing IIN and BIN; made by the first who needs it. It lies in the store, so
    /// that a backup holds it: without it no person would be found again.
    async fn load_person_key(&self) -> store::Result<[u8; 32]> {
        let row = keys::fact("person-key");
        let mut batch = Batch::new();
        batch.require(Precondition::Absent(row.clone()));
        batch.put(row.clone(), self.inner.world.random::<32>().to_vec());
        match self.inner.store.commit(batch).await {
            Ok(_) | Err(store::Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
        let stored = self.inner.store.read(move |view| view.get(&row)).await?;
        let stored = stored.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        stored.ok_or_else(|| store::Error::Damaged("the key of persons is no 32 bytes".into()))
    }

    async fn change(&self, id: AccountId, change: impl Fn(&mut Account)) -> Result<(), AccountError> {
        self.retry(id, |batch, account| {
            let mut changed = account.clone();
            change(&mut changed);
            rows::replace(batch, account, &changed)
        })
        .await
    }

    /// Reads an open account, describes a change of it and commits, again when somebody was faster.
    async fn retry<T, E: Into<AccountError>>(
        &self,
        id: AccountId,
        describe: impl Fn(&mut Batch, &Account) -> Result<T, E>,
    ) -> Result<T, AccountError> {
        for _ in 0..MAX_TRIES {
            let account = self.get(id).await?.filter(Account::is_active).ok_or(AccountError::Missing)?;
            let mut batch = Batch::new();
            let described = describe(&mut batch, &account).map_err(Into::into)?;
            match self.inner.store.commit(batch).await {
                Ok(_) => return Ok(described),
                Err(store::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Busy)
    }
}

/// Names a credential as it was when it was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsedCredential {
    /// Its number in the account.
    pub id: u32,
    /// Its version.
    pub version: u32,
}

impl UsedCredential {
    /// The name of a credential as it is now.
    #[must_use]
    pub fn of(credential: &Credential) -> Self {
        UsedCredential { id: credential.id, version: credential.version }
    }
}

#[cfg(test)]
mod tests;
