//! The unified base (M23): which mailbox belongs to which person, for state bodies that write to people.
//!
//! The invariant: a mailbox is found here only after its user was authorised, while it is open, and only by the IIN or
//! BIN of its person (M24).

use crate::accounts::Accounts;
use crate::address::Address;
use crate::clock::Timestamp;
use crate::identity::PersonalNumber;
use crate::identity::base::{Person, Standing, Step};
use crate::ids::AccountId;
use crate::store::accounts::Account;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::{self, Batch};

pub use crate::store::base::created;

/// How often it is tried again when somebody else changed the same row in the meantime.
const MAX_TRIES: usize = 5;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Base {
    accounts: Accounts,
}

/// What the base says of a person: nothing else leaves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Whose it is.
    pub account: AccountId,
    /// The address of the mailbox.
    pub address: Address,
    /// M22: its user confirmed the cabinet data with an electronic signature, so it takes official letters.
    pub is_eds_confirmed: bool,
}

impl Base {
    /// The base over all accounts.
    #[must_use]
    pub fn new(accounts: Accounts) -> Self {
        Base { accounts }
    }

    /// Notes [`Base::authorised`], for every way in: the right password at whichever door, and a
    /// session of the pages, however it was proved who it is (the electronic signature of a registration, a passkey). Nobody is turned away because
    /// it cannot be written now: the next sign-in tries again.
    pub async fn note_authorised(&self, account: AccountId) {
        if let Err(error) = self.authorised(account).await {
            tracing::warn!(%error, account = account.0, "that the user was authorised was not noted");
        }
    }

    /// M21, M23: the user of this account was authorised just now. The first time, a mailbox whose person is known
    /// enters the base; that is written before this answers. All other times it costs one reading.
    ///
    /// # Errors
    /// Store.
    pub async fn authorised(&self, account: AccountId) -> store::Result<()> {
        for _ in 0..MAX_TRIES {
            let Some((account, stored)) = self.read(account).await? else { return Ok(()) };
            let person = if account.person.is_some() { Person::Known } else { Person::Unknown };
            let now = self.accounts.now();
            let advanced = stored.standing.authorised(now, person);
            if advanced == stored.standing {
                return Ok(());
            }
            let mut batch = Batch::new();
            stored.advance(&mut batch, account.id, &advanced)?;
            add_audit(&mut batch, &entry(account.id, now, &advanced))?;
            match self.accounts.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How far the mailbox of an account has come; `None` for an account that never was.
    ///
    /// # Errors
    /// Store.
    pub async fn standing(&self, account: AccountId) -> store::Result<Option<Standing>> {
        Ok(self.read(account).await?.map(|(_, stored)| stored.standing))
    }

    /// The mailbox of this person, if it is in the base.
    ///
    /// # Errors
    /// Store.
    pub async fn find(&self, number: &PersonalNumber) -> store::Result<Option<Found>> {
        let person = self.accounts.person_key(number).await?;
        self.accounts
            .store()
            .read(move |view| {
                let Some(account) = view.account_by_person(&person)? else { return Ok(None) };
                let is_in_base = view.base_standing(&account)?.standing.is_in_base();
                let found =
                    Found { account: account.id, address: account.address, is_eds_confirmed: account.eds_confirmed };
                Ok(is_in_base.then_some(found))
            })
            .await
    }

    async fn read(&self, id: AccountId) -> store::Result<Option<(Account, store::base::StoredStanding)>> {
        self.accounts
            .store()
            .read(move |view| {
                let Some(account) = view.account(id)? else { return Ok(None) };
                let stored = view.base_standing(&account)?;
                Ok(Some((account, stored)))
            })
            .await
    }
}

/// M20: what became of somebody's mailbox, and by whom: the user did it by signing in.
fn entry(account: AccountId, at: Timestamp, standing: &Standing) -> AuditEntry {
    let action = if standing.step() == Step::InBase { "base.enter" } else { "base.authorise" };
    AuditEntry {
        at_us: at.as_microsecond(),
        actor: format!("account {}", account.0),
        action: action.to_owned(),
        object: format!("account {}", account.0),
        details: None,
    }
}

#[cfg(test)]
mod tests;
