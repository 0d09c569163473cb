//! State systems ask the unified base for a person by IIN or BIN (M23, M24). They learn the address and whether its
//! user confirmed the cabinet data (M22), and nothing else.
//!
//! The invariant: nobody is told anything before it is written down who asked, for whom and why, in the audit (M20) and
//! in a list that the person can read. Whether somebody has no mailbox or one that is not in the base cannot be told
//! apart, by the answer or by the work it costs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::accounts::Accounts;
use crate::address::Address;
use crate::clock::Timestamp;
use crate::identity::PersonalNumber;
use crate::identity::basis::Basis;
use crate::ids::AccountId;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::lookups::{LookupRow, add_lookup};
use crate::store::{self, Batch};

use super::base::{Base, Found};
use super::settings::Settings;

pub use crate::store::lookups::LookupPlace;

/// Systems whose use of their minute is remembered; they come from the configuration.
const MINUTE_MS: i64 = 60_000;

/// Bytes of a person's hash that stand in the audit where there is no account to name.
const SHOWN_HASH_BYTES: usize = 8;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Lookups {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: Base,
    accounts: Accounts,
    settings: Settings,
    rates: Mutex<HashMap<String, Rate>>,
}

/// What a system may still ask for: it fills up evenly, to what is allowed in a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rate {
    /// Persons, in thousandths of a minute's share: `milliseconds x allowed a minute`.
    left: i64,
    at_ms: i64,
}

/// What is told of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The address of the mailbox.
    pub address: Address,
    /// M22.
    pub is_eds_confirmed: bool,
}

/// One look-up, as its person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// Where it stands, for the next page.
    pub place: LookupPlace,
    /// When.
    pub at: Timestamp,
    /// Which system asked.
    pub system: String,
    /// Why.
    pub basis: String,
}

/// Why nobody was looked for.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Nobody was asked for.
    #[error("name a person")]
    Nobody,
    /// Too many at once.
    #[error("at most {0} persons in one request")]
    TooMany(usize),
    /// This system asked for too many in the last minute.
    #[error("too many persons were asked for; wait {seconds} s")]
    TooFast {
        /// How long to wait.
        seconds: u32,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Lookups {
    /// The service over the base.
    #[must_use]
    pub fn new(base: Base, accounts: Accounts, settings: Settings) -> Self {
        Lookups { inner: Arc::new(Inner { base, accounts, settings, rates: Mutex::default() }) }
    }

    /// Persons that one request may ask for.
    #[must_use]
    pub fn max_batch(&self) -> usize {
        self.inner.settings.max_batch
    }

    /// Looks for persons, for a system that says why. What is told comes in the order of what was asked.
    ///
    /// # Errors
    /// See [`LookupError`]; then nothing is told.
    pub async fn look_up(
        &self,
        system: &str,
        asked: &[PersonalNumber],
        basis: &Basis,
    ) -> Result<Vec<Option<Told>>, LookupError> {
        let Inner { base, accounts, settings, .. } = &*self.inner;
        if asked.is_empty() {
            return Err(LookupError::Nobody);
        }
        if asked.len() > settings.max_batch {
            return Err(LookupError::TooMany(settings.max_batch));
        }
        let now = accounts.now();
        self.take(system, asked.len(), now)?;
        let mut batch = Batch::new();
        let mut told = Vec::with_capacity(asked.len());
        for number in asked {
            let found = base.find(number).await?;
            let object = match &found {
                Some(found) => format!("account {}", found.account.0),
                // Controllers see that somebody is asked for again and again, and not who it is.
                None => format!("person {}", shown(&accounts.person_key(number).await?)),
            };
            add_audit(&mut batch, &entry(system, object, basis, now))?;
            if let Some(found) = &found {
                let row =
                    LookupRow { at_us: now.as_microsecond(), system: system.to_owned(), basis: basis.to_string() };
                add_lookup(&mut batch, found.account, &row)?;
            }
            told.push(found.map(|Found { address, is_eds_confirmed, .. }| Told { address, is_eds_confirmed }));
        }
        accounts.store().commit(batch).await?;
        Ok(told)
    }

    /// Who asked for the person of this account: up to `limit` look-ups before `before`, the newest first.
    ///
    /// # Errors
    /// Store.
    pub async fn of(
        &self,
        account: AccountId,
        before: Option<LookupPlace>,
        limit: usize,
    ) -> store::Result<Vec<Lookup>> {
        let rows = self.inner.accounts.store().read(move |view| view.lookups(account, before, limit)).await?;
        let shown = |(place, row): (LookupPlace, LookupRow)| Lookup {
            place,
            at: Timestamp::from_microsecond(row.at_us).unwrap_or_default(),
            system: row.system,
            basis: row.basis,
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Takes what is asked for from what the system may ask for in a minute.
    fn take(&self, system: &str, count: usize, now: Timestamp) -> Result<(), LookupError> {
        let a_minute = i64::from(self.inner.settings.max_lookups_per_minute);
        let mut rates = self.inner.rates.lock();
        let full = Rate { left: a_minute * MINUTE_MS, at_ms: now.as_millisecond() };
        let rate = rates.entry(system.to_owned()).or_insert(full);
        rate.take(i64::try_from(count).unwrap_or(i64::MAX), a_minute, now.as_millisecond())
            .map_err(|wait_ms| LookupError::TooFast { seconds: u32::try_from(wait_ms / 1000 + 1).unwrap_or(u32::MAX) })
    }
}

impl Rate {
    /// Takes `count`, or says how long to wait, milliseconds.
    fn take(&mut self, count: i64, a_minute: i64, now_ms: i64) -> Result<(), i64> {
        // A clock that was set back fills nothing up.
        let passed = now_ms.saturating_sub(self.at_ms).clamp(0, MINUTE_MS);
        self.left = (self.left + passed * a_minute).min(a_minute * MINUTE_MS);
        self.at_ms = now_ms;
        let missing = count.saturating_mul(MINUTE_MS) - self.left;
        if missing > 0 {
            return Err(missing.checked_div(a_minute).unwrap_or(i64::MAX));
        }
        self.left -= count * MINUTE_MS;
        Ok(())
    }
}

fn entry(system: &str, object: String, basis: &Basis, now: Timestamp) -> AuditEntry {
    AuditEntry {
        at_us: now.as_microsecond(),
        actor: system.to_owned(),
        action: "base.look-up".to_owned(),
        object,
        details: Some(basis.to_string()),
    }
}

fn shown(hash: &[u8; 32]) -> String {
    hash.iter().take(SHOWN_HASH_BYTES).fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
