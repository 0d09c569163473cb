//! Who is it? Accounts by login, address, number, and by the number of their person.

use crate::address::Address;
use crate::identity::{PersonalNumber, address_key, fold};
use crate::ids::AccountId;
use crate::store::accounts::Account;
use crate::store::{self, View};

use super::{AccountError, Accounts};

/// RFC 5321 §4.5.1: always accepted, in any case, in every domain of ours.
const POSTMASTER: &str = "postmaster";

/// An address of ours that is to be looked for.
#[derive(Clone, Debug)]
pub struct AddressLookup {
    folded: String,
    /// The postmaster's login, where the address is the postmaster's.
    postmaster: Option<String>,
}

impl AddressLookup {
    /// The open account that gets letters for the address: its own, or the postmaster's.
    ///
    /// # Errors
    /// Engine.
    pub fn find(&self, view: &View<'_>) -> store::Result<Option<Account>> {
        let found = match (view.account_by_address(&self.folded)?, &self.postmaster) {
            (None, Some(login)) => view.account_by_login(login)?,
            (found, _) => found,
        };
        Ok(found.filter(Account::is_active))
    }
}

impl Accounts {
    /// M21: whether a login is free: neither it nor its address is one that anybody has or had, or looks like one.
    ///
    /// # Errors
    /// The login has a form that is not allowed; store.
    pub async fn is_free(&self, login: &str) -> Result<bool, AccountError> {
        let (login, address) = self.address_of(login)?;
        let (folded, address) = (fold(&login).to_string(), address_key(&address));
        let found = self
            .inner
            .store
            .read(move |view| Ok(view.login_holder(&folded)?.is_none() && view.address_holder(&address)?.is_none()));
        Ok(found.await?)
    }

    /// The open account that gets letters for this address: its own, or the postmaster's.
    ///
    /// # Errors
    /// Store.
    pub async fn find_address(&self, address: &Address) -> store::Result<Option<Account>> {
        match self.lookup(address) {
            Some(lookup) => self.inner.store.read(move |view| lookup.find(view)).await,
            None => Ok(None),
        }
    }

    /// The same in a reading of the caller's, who has more to read; `None` for a domain that is not ours.
    #[must_use]
    pub fn lookup(&self, address: &Address) -> Option<AddressLookup> {
        self.is_local(address.domain()).then(|| AddressLookup {
            folded: address_key(address),
            postmaster: address.local().eq_ignore_ascii_case(POSTMASTER).then(|| self.inner.postmaster.clone()),
        })
    }

    /// The open account with this login, or with this address.
    ///
    /// # Errors
    /// Store.
    pub async fn find_login(&self, name: &str) -> store::Result<Option<Account>> {
        let login = fold(name);
        let address = name.parse::<Address>().ok().map(|address| address_key(&address));
        self.inner
            .store
            .read(move |view| match (view.account_by_login(login.as_str())?, address) {
                (None, Some(address)) => view.account_by_address(&address),
                (found, _) => Ok(found),
            })
            .await
            .map(|account| account.filter(Account::is_active))
    }

    /// The account with this number, open or closed.
    ///
    /// # Errors
    /// Store.
    pub async fn get(&self, id: AccountId) -> store::Result<Option<Account>> {
        self.inner.store.read(move |view| view.account(id)).await
    }

    /// Up to `limit` accounts behind `after`, by number, closed ones included.
    ///
    /// # Errors
    /// Store.
    pub async fn list(&self, after: Option<AccountId>, limit: usize) -> store::Result<Vec<Account>> {
        self.inner.store.read(move |view| view.accounts(after, limit)).await
    }

    /// The open account of the person with this IIN, or of the company with this BIN (M24).
    ///
    /// # Errors
    /// Store.
    pub async fn find_person(&self, number: &PersonalNumber) -> store::Result<Option<Account>> {
        let person = self.person_key(number).await?;
        let found = self.inner.store.read(move |view| view.account_by_person(&person)).await?;
        Ok(found.filter(Account::is_active))
    }
}
