//! Passwords for mail programs: named, each for what it is needed for, and taken back one by one.

use crate::ids::AccountId;
use crate::store::accounts::{self as rows, Credential, CredentialKind, PasswordHash, Scope};
use crate::store::audit::{AuditEntry, add_audit};

use super::{AccountError, Accounts};

/// Characters of the name of an app password.
const LONGEST_NAME: usize = 60;

/// What an app password may open: never the pages.
const SCOPES: [Scope; 3] = [Scope::IMAP, Scope::SUBMISSION, Scope(Scope::IMAP.0 | Scope::SUBMISSION.0)];

/// A password for a mail program that is to be kept.
#[derive(Clone, Debug)]
pub struct NewAppPassword {
    /// What the user calls it: "phone".
    pub name: String,
    /// What it opens.
    pub scope: Scope,
    /// Its hash.
    pub hash: PasswordHash,
    /// How many of them the account may have.
    pub max: usize,
}

impl Accounts {
    /// Adds a password for a mail program; gives its number. The audit says so.
    ///
    /// # Errors
    /// A name that is none, a scope that opens nothing or the pages, too many; the account is closed or unknown; store.
    pub async fn add_app_password(&self, id: AccountId, new: NewAppPassword) -> Result<u32, AccountError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(AccountError::BadAppName(LONGEST_NAME));
        }
        if !SCOPES.contains(&new.scope) {
            return Err(AccountError::BadScope);
        }
        let now = self.now();
        self.retry(id, |batch, account| {
            if account.credentials.iter().filter(|have| is_app(have)).count() >= new.max {
                return Err(AccountError::TooManyAppPasswords(new.max));
            }
            let mut changed = account.clone();
            let number = changed.next_credential;
            changed.next_credential += 1;
            changed.credentials.push(Credential {
                id: number,
                kind: CredentialKind::Application(name.to_owned()),
                hash: new.hash.clone(),
                version: 1,
                scope: new.scope,
                created: now,
                last_used: None,
            });
            rows::replace(batch, account, &changed)?;
            add_audit(batch, &entry(now.as_microsecond(), &account.login, "app_password.add", number))?;
            Ok(number)
        })
        .await
    }

    /// Takes a password for a mail program back: it opens nothing from now on. The main password is left alone.
    ///
    /// # Errors
    /// There is none with this number; the account is closed or unknown; store.
    pub async fn remove_app_password(&self, id: AccountId, number: u32) -> Result<(), AccountError> {
        let now = self.now();
        self.retry(id, |batch, account| {
            let mut changed = account.clone();
            changed.credentials.retain(|have| have.id != number || !is_app(have));
            if changed.credentials.len() == account.credentials.len() {
                return Err(AccountError::NoSuchAppPassword);
            }
            rows::replace(batch, account, &changed)?;
            add_audit(batch, &entry(now.as_microsecond(), &account.login, "app_password.remove", number))?;
            Ok(())
        })
        .await
    }
}

fn is_app(credential: &Credential) -> bool {
    matches!(credential.kind, CredentialKind::Application(_))
}

fn entry(at_us: i64, login: &str, action: &str, number: u32) -> AuditEntry {
    AuditEntry {
        at_us,
        actor: login.to_owned(),
        action: action.to_owned(),
        object: format!("{login} {number}"),
        details: None,
    }
}
