//! What somebody needs beside the password, if they chose so or their role demands it: codes of an authenticator
//! program, recovery codes, passkeys.
//!
//! The invariant: none of them counts twice. A code is bound to its time step, a recovery code is gone once used, a
//! passkey answers a challenge that is redeemed; each in the commit that lets somebody in, so that of two who come with
//! the same one, one gets in.

mod again;
mod authenticator;
mod challenges;
mod half;
mod passkeys;
mod recovery;
#[cfg(test)]
mod tests;
mod totp;
mod webauthn;

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store::accounts::Account;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::second_factors::{self as rows, Factors};
use crate::store::{self, Batch, View};

use super::Sessions;

pub use self::again::PasswordGiven;
pub use self::authenticator::Offer;
pub(in crate::sessions) use self::challenges::Challenges;
pub use self::challenges::StaleChallenge;
pub use self::half::Failed;
pub use self::passkeys::{Answered, Asked, NewKey};
pub use self::recovery::RecoveryCodes;

/// How often a change is tried again when somebody else changed the same account in the meantime.
const MAX_TRIES: usize = 5;

/// Wrong second factors before the password is asked for again.
const MAX_FAILURES: u8 = 5;

/// What an account has beside its password, for its owner to see.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShownFactors {
    /// Since when there is an authenticator program.
    pub authenticator_since: Option<Timestamp>,
    /// Recovery codes that were not used yet.
    pub recovery_left: usize,
    /// Passkeys.
    pub passkeys: Vec<ShownPasskey>,
}

/// A passkey, for its owner to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownPasskey {
    /// Its number in the account.
    pub number: u32,
    /// What the user calls it.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was last used.
    pub used: Option<Timestamp>,
}

/// Why a second factor does not count, or cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// A wrong code, one that was used, or a passkey that does not fit.
    #[error("the second factor is wrong")]
    Wrong,
    /// It took too long, or was sent twice.
    #[error("the time for it is over; begin again")]
    Stale,
    /// There is none of that kind.
    #[error("there is no such second factor")]
    Missing,
    /// As many as are allowed.
    #[error("there are {0} already; remove one first")]
    TooMany(usize),
    /// A name that is none.
    #[error("a name has 1 to {0} characters")]
    BadName(usize),
    /// This passkey is registered already.
    #[error("this passkey is registered already")]
    Known,
    /// The account is closed, or others change it all the time.
    #[error("try again")]
    Busy,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl ShownFactors {
    /// There is something beside the password.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.authenticator_since.is_some() || !self.passkeys.is_empty()
    }
}

impl Sessions {
    /// What an account has beside its password.
    ///
    /// # Errors
    /// Store.
    pub async fn second_factors(&self, account: AccountId) -> store::Result<ShownFactors> {
        let found = self.inner.store.read(move |view| view.second_factors(account)).await?;
        Ok(found.as_ref().map(shown).unwrap_or_default())
    }

    /// Changes what an account has beside its password, and writes it into the audit where the change has a name.
    async fn change_factors<T>(
        &self,
        account: AccountId,
        action: Option<&'static str>,
        change: impl Fn(&mut Factors) -> Result<T, FactorError>,
    ) -> Result<T, FactorError> {
        for _ in 0..MAX_TRIES {
            let read = move |view: &View<'_>| Ok((view.account(account)?, view.second_factors(account)?));
            let (owner, old) = self.inner.store.read(read).await?;
            let owner = owner.filter(Account::is_active).ok_or(FactorError::Missing)?;
            let mut new = old.clone().unwrap_or_default();
            let changed = change(&mut new)?;
            let mut batch = Batch::new();
            rows::replace(&mut batch, account, old.as_ref(), &new)?;
            if let Some(action) = action {
                add_audit(&mut batch, &self.factor_entry(action, &owner))?;
            }
            match self.inner.store.commit(batch).await {
                Ok(_) => return Ok(changed),
                Err(store::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(FactorError::Busy)
    }

    fn factor_entry(&self, action: &str, owner: &Account) -> AuditEntry {
        AuditEntry {
            at_us: self.now_us(),
            actor: owner.login.clone(),
            action: action.to_owned(),
            object: format!("account {}", owner.id.0),
            details: None,
        }
    }
}

fn shown(factors: &Factors) -> ShownFactors {
    let passkeys = factors.passkeys.iter().map(|passkey| ShownPasskey {
        number: passkey.number,
        name: passkey.name.clone(),
        since: instant(passkey.since_us),
        used: passkey.used_us.map(instant),
    });
    ShownFactors {
        authenticator_since: factors.authenticator.as_ref().map(|found| instant(found.since_us)),
        recovery_left: factors.recovery.len(),
        passkeys: passkeys.collect(),
    }
}

fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}
