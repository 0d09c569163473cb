//! Passwords for mail programs: made here, shown once, listed, taken back.

use crate::accounts::{AccountError, NewAppPassword};
use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store;
use crate::store::accounts::{Account, CredentialKind, Scope};

use super::{Authenticator, Secret, app_password};

/// A password for a mail program, as its owner sees it: never the password itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPassword {
    /// Its number in the account.
    pub number: u32,
    /// What its owner calls it.
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used, to a day.
    pub last_used: Option<Timestamp>,
}

impl Authenticator {
    /// Makes a password for a mail program and gives its number and the password, which is shown once and kept nowhere.
    ///
    /// # Errors
    /// A name that is none, a scope that is none of IMAP, submission and both, too many; the account is closed; store.
    pub async fn make_app_password(
        &self,
        account: AccountId,
        name: &str,
        scope: Scope,
    ) -> Result<(u32, Secret), AccountError> {
        let password = app_password::draw(&self.inner.world);
        let hash = app_password::hash(&password, &self.inner.world);
        let max = self.inner.settings.max_app_passwords;
        let new = NewAppPassword { name: name.to_owned(), scope, hash, max };
        let number = self.inner.accounts.add_app_password(account, new).await?;
        Ok((number, password))
    }

    /// The app passwords of an account, in the order in which they were made.
    ///
    /// # Errors
    /// Store.
    pub async fn app_passwords(&self, account: AccountId) -> store::Result<Vec<AppPassword>> {
        let found = self.inner.accounts.get(account).await?.filter(Account::is_active);
        let credentials = found.into_iter().flat_map(|account| account.credentials);
        let shown = credentials.filter_map(|credential| match credential.kind {
            CredentialKind::Application(name) => Some(AppPassword {
                number: credential.id,
                name,
                scope: credential.scope,
                created: credential.created,
                last_used: credential.last_used,
            }),
            CredentialKind::Main => None,
        });
        Ok(shown.collect())
    }

    /// Takes an app password back: what it opened ends ([`Hold`](super::Hold)), and it opens nothing any more.
    ///
    /// # Errors
    /// There is none with this number; the account is closed; store.
    pub async fn revoke_app_password(&self, account: AccountId, number: u32) -> Result<(), AccountError> {
        self.inner.accounts.remove_app_password(account, number).await
    }

    /// Whether the main password opens mail too.
    #[must_use]
    pub fn is_main_password_for_mail(&self) -> bool {
        self.inner.settings.main_password_for_mail
    }
}
