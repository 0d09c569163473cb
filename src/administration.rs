//! What the operator's administrators do with accounts (M6), from pages as with commands: found, looked at, limited,
//! given a new password, closed. Never a letter (M7).
//!
//! The invariant: whatever is shown or done is in the audit before, with the name of who did it (M20).

use std::net::IpAddr;
use std::sync::Arc;

use crate::accounts::{Account, AccountError, Accounts};
use crate::audit::{Audit, AuditError};
use crate::auth::{AuthError, Authenticator, Secret};
use crate::clock::{Timestamp, World};
use crate::identity::base::Standing;
use crate::ids::AccountId;
use crate::people::base::Base;
use crate::sessions::Sessions;
use crate::store::accounts::OwnQuota;
use crate::store::quota::{Allowance, Usage};
use crate::store::staff::Grant;
use crate::store::{self, Store};
use crate::{quota, retention};

/// Characters of a temporary password: none that look like another.
const PASSWORD_LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// How many: eighty bits.
const PASSWORD_CHARS: usize = 16;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// Who has a mailbox.
    pub accounts: Accounts,
    /// Makes hashes of new passwords.
    pub authenticator: Authenticator,
    /// Who is signed in, and who is staff.
    pub sessions: Sessions,
    /// How far mailboxes have come.
    pub base: Base,
    /// Who did what.
    pub audit: Audit,
    /// Where it is.
    pub store: Store,
    /// What a mailbox may hold.
    pub quota: quota::Settings,
    /// How long the letters of a closed one are kept.
    pub retention: retention::Settings,
    /// Randomness.
    pub world: World,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Administration {
    parts: Arc<Parts>,
}

/// Who does something, and why: both stand in the audit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct By<'a> {
    /// The administrator.
    pub who: &'a str,
    /// The reason.
    pub why: &'a str,
}

/// An account as an administrator sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its row.
    pub account: Account,
    /// What it holds.
    pub usage: Usage,
    /// What it may hold.
    pub allowance: Allowance,
    /// How far its mailbox has come.
    pub standing: Option<Standing>,
    /// How many browsers are signed in.
    pub sessions: usize,
    /// The roles of its user.
    pub grants: Vec<Grant>,
}

/// What became of an account that was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// Its letters are kept until then.
    LettersUntil(Timestamp),
    /// Its letters and their key are destroyed.
    Destroyed,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// The account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Whether who asks is who they say could not be found out.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// It cannot be written down, so it is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

type Result<T> = std::result::Result<T, AdministrationError>;

impl Administration {
    /// The service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Administration { parts: Arc::new(parts) }
    }

    /// The number of the account with this login, address or number, open or closed.
    ///
    /// # Errors
    /// Store.
    pub async fn find(&self, text: &str) -> Result<Option<AccountId>> {
        let Parts { accounts, .. } = &*self.parts;
        if let Some(account) = accounts.find_login(text).await? {
            return Ok(Some(account.id));
        }
        match text.parse().map(AccountId) {
            Ok(id) => Ok(accounts.get(id).await?.map(|account| account.id)),
            Err(_) => Ok(None),
        }
    }

    /// The open account with this login or address.
    ///
    /// # Errors
    /// Store.
    pub async fn open_account(&self, text: &str) -> Result<Option<Account>> {
        Ok(self.parts.accounts.find_login(text).await?.filter(Account::is_active))
    }

    /// Up to `limit` accounts behind `after`, by number.
    ///
    /// # Errors
    /// Audit, store.
    pub async fn list(&self, by: &str, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>> {
        self.parts.audit.note(by, "account.list", "accounts", None).await?;
        Ok(self.parts.accounts.list(after, limit).await?)
    }

    /// One account.
    ///
    /// # Errors
    /// Audit, store.
    pub async fn show(&self, by: &str, id: AccountId) -> Result<Option<Seen>> {
        let Parts { accounts, sessions, base, store, quota, .. } = &*self.parts;
        self.parts.audit.note(by, "account.show", &object(id), None).await?;
        let Some(account) = accounts.get(id).await? else { return Ok(None) };
        let (usage, grants) = store.read(move |view| Ok((view.usage(id)?, view.grants(id)?))).await?;
        let sessions = sessions.list(id).await?.len();
        let standing = base.standing(id).await?;
        let allowance = quota.allowance(Some(&account));
        Ok(Some(Seen { account, usage, allowance, standing, sessions, grants }))
    }

    /// Whether the account has this login, as it is typed by who is about to close it.
    ///
    /// # Errors
    /// Unknown; store.
    pub async fn is_called(&self, id: AccountId, login: &str) -> Result<bool> {
        let account = self.parts.accounts.get(id).await?.ok_or(AccountError::Missing)?;
        Ok(account.login == login)
    }

    /// Signs the user out everywhere; tells of how many browsers.
    ///
    /// # Errors
    /// Audit, store.
    pub async fn end_sessions(&self, by: By<'_>, id: AccountId) -> Result<usize> {
        self.note(by, "account.sessions.end", id, None).await?;
        Ok(self.parts.sessions.close_all(id, None).await?)
    }

    /// What this account may hold differently from all others.
    ///
    /// # Errors
    /// Closed or unknown; audit, store.
    pub async fn set_quota(&self, by: By<'_>, id: AccountId, own: OwnQuota) -> Result<()> {
        self.note(by, "account.quota", id, Some(format!("{own:?}"))).await?;
        let quota = &self.parts.quota;
        Ok(self.parts.accounts.set_quota(id, own, |account| quota.allowance(Some(account))).await?)
    }

    /// Gives the account a password that nobody chose, and signs its user out everywhere. It is told once, to whoever
    /// hands it on; the user chooses another one.
    ///
    /// # Errors
    /// Closed or unknown; audit, store; the pool is full.
    pub async fn reset_password(&self, by: By<'_>, id: AccountId, from: IpAddr) -> Result<Secret> {
        let Parts { accounts, authenticator, sessions, world, .. } = &*self.parts;
        self.note(by, "account.password", id, Some("temporary".to_owned())).await?;
        let letter = |byte: &u8| PASSWORD_LETTERS.get(usize::from(byte % 32)).copied().map(char::from);
        let password = Secret::new(world.random::<PASSWORD_CHARS>().iter().filter_map(letter).collect());
        let hash = authenticator.hash(&password, from).await?;
        accounts.set_password(id, hash).await?;
        sessions.close_all(id, None).await?;
        Ok(password)
    }

    /// Closes the account for ever (M8). Its letters stay as long as `[retention]` says.
    ///
    /// # Errors
    /// Closed already or unknown; audit, store.
    pub async fn close(&self, by: By<'_>, id: AccountId) -> Result<Closed> {
        let Parts { accounts, retention, .. } = &*self.parts;
        if retention.closed_days == 0 {
            return self.destroy(by, id).await;
        }
        self.note(by, "account.close", id, None).await?;
        let at = accounts.close(id).await?;
        Ok(Closed::LettersUntil(retention.closed_until(at)))
    }

    /// Closes the account, if it is open, and destroys its letters and their key.
    ///
    /// # Errors
    /// Unknown; audit, store. Then it is done again: what is destroyed stays so.
    pub async fn destroy(&self, by: By<'_>, id: AccountId) -> Result<Closed> {
        let Parts { accounts, .. } = &*self.parts;
        let account = accounts.get(id).await?.ok_or(AccountError::Missing)?;
        self.note(by, "account.destroy", id, None).await?;
        accounts.destroy(&account.login).await?;
        Ok(Closed::Destroyed)
    }

    async fn note(&self, by: By<'_>, action: &str, id: AccountId, details: Option<String>) -> Result<()> {
        let details = details.map_or_else(|| by.why.to_owned(), |details| format!("{details}; {}", by.why));
        Ok(self.parts.audit.note(by.who, action, &object(id), Some(details)).await?)
    }
}

fn object(id: AccountId) -> String {
    format!("account {}", id.0)
}
