//! What a session over IMAP or SMTP stands on: the account, and the password that opened it.
//!
//! The invariant: a session that has looked after every change of its account ends before the next command, once that
//! password was changed or taken back or the account was closed. While nothing changes it costs nothing to ask.

use crate::accounts::{Accounts, UsedCredential};
use crate::ids::AccountId;
use crate::store::accounts::Account;
use crate::store::{Topic, Watcher};

use super::Identity;

/// Watches what opened a session.
#[derive(Debug)]
pub struct Hold {
    accounts: Accounts,
    watcher: Watcher,
    account: AccountId,
    credential: UsedCredential,
    /// Not looked at yet: it may have changed between the check of the password and the watch.
    is_new: bool,
}

/// Why a session may not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The account was closed.
    Account,
    /// Its password was changed or taken back.
    Password,
}

impl Ended {
    /// What the mail program is told.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Ended::Account => "this mailbox is not open any more",
            Ended::Password => "the password of this session was changed or taken back; log in again",
        }
    }
}

impl Hold {
    pub(super) fn new(accounts: Accounts, identity: &Identity) -> Self {
        let watcher = accounts.store().watch(Topic::Account(identity.account));
        Hold { accounts, watcher, account: identity.account, credential: identity.credential, is_new: true }
    }

    /// Returns when something of the account may have changed: then [`Hold::check`] is asked. Giving up waiting loses
    /// nothing.
    pub async fn changed(&mut self) {
        if !self.is_new {
            self.watcher.changed().await;
            self.is_new = true;
        }
    }

    /// Whether the session is over.
    pub async fn check(&mut self) -> Option<Ended> {
        self.is_new = false;
        match self.accounts.get(self.account).await {
            Ok(account) => self.verdict(account.as_ref()),
            // A store that cannot be read hands out nothing to this session either.
            Err(error) => {
                tracing::warn!(%error, account = self.account.0, "whether a session may go on cannot be read now");
                None
            }
        }
    }

    fn verdict(&self, account: Option<&Account>) -> Option<Ended> {
        let Some(account) = account.filter(|account| account.is_active()) else { return Some(Ended::Account) };
        let stands = account.credentials.iter().any(|have| UsedCredential::of(have) == self.credential);
        (!stands).then_some(Ended::Password)
    }
}
