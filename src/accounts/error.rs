//! Why something could not be done to an account.

use crate::address::{Address, AddressError, Domain};
use crate::identity::{LoginError, NumberError};
use crate::store;
use crate::store::accounts::{Account, Taken, taken_by};

/// Why something could not be done to an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// M21: another account has or had a login that is the same or looks the same.
    #[error("the login {0:?} is taken, or looks like one that is; choose another")]
    LoginTaken(String),
    /// M8: another account has or had an address that is the same or looks the same.
    #[error("the address {0} is taken, or looks like one that is; choose another")]
    AddressTaken(Address),
    /// M8: an address lets its user be identified.
    #[error("this IIN or BIN has an account already; close it first")]
    PersonTaken,
    /// The login has a form that is not allowed; the text says why.
    #[error(transparent)]
    BadLogin(#[from] LoginError),
    /// The name for people is too long or has a control character.
    #[error("the name has at most {max} bytes and no line ends or other control characters", max = super::MAX_NAME_BYTES)]
    BadName,
    /// The address is none.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// The address is in a domain that is not ours.
    #[error("{0} is no domain of this server; add it to accounts.domains")]
    ForeignDomain(Domain),
    /// No domain is configured.
    #[error("no domain is configured; set accounts.domains")]
    NoDomain,
    /// M24: an IIN belongs to a person, a BIN to a legal entity.
    #[error(transparent)]
    NumberOfAnother(#[from] NumberError),
    /// The name of an app password is none.
    #[error("the name of an app password has 1 to {0} characters")]
    BadAppName(usize),
    /// An app password opens IMAP, submission or both.
    #[error("an app password is for reading (IMAP), for sending (submission), or for both")]
    BadScope,
    /// As many as are allowed.
    #[error("there are {0} app passwords already; revoke one first")]
    TooManyAppPasswords(usize),
    /// It was revoked already, or never was.
    #[error("there is no such app password")]
    NoSuchAppPassword,
    /// There is none with this number, or it is closed.
    #[error("there is no such open account")]
    Missing,
    /// Others changed the account again and again.
    #[error("the account is being changed by others; try again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl AccountError {
    /// What a failed precondition of the new account's batch means.
    pub(crate) fn from_conflict(account: &Account, key: Vec<u8>) -> Self {
        match taken_by(account, &key) {
            Some(Taken::Login) => AccountError::LoginTaken(account.login.clone()),
            Some(Taken::Address) => AccountError::AddressTaken(account.address.clone()),
            Some(Taken::Person) => AccountError::PersonTaken,
            None => AccountError::Store(store::Error::Conflict(key)),
        }
    }
}

/// `[accounts]` cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsError {
    /// A domain is none.
    #[error("accounts.domains: {domain:?} is no domain: {reason}")]
    Domain {
        /// What stands there.
        domain: String,
        /// What is wrong with it.
        reason: AddressError,
    },
    /// M4: account numbers name their operator.
    #[error("accounts.operator_number is 0; the operator has a number from 1 to 65535")]
    NoOperator,
    /// Nobody can have the postmaster's login.
    #[error("accounts.postmaster: {0}")]
    Postmaster(LoginError),
}
