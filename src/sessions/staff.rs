//! Who of the accounts is staff: granted and revoked by the operator's command, each in the audit.

use crate::clock::Timestamp;
use crate::identity::Role;
use crate::ids::AccountId;
use crate::postal::FacilityId;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::staff::{self as rows, Grant};
use crate::store::{self, Batch, View};

use super::Sessions;

/// How often a change is tried again when somebody else changed the same account in the meantime.
const MAX_TRIES: usize = 5;

/// An account of staff.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staffed {
    /// The account.
    pub account: AccountId,
    /// Its login.
    pub login: String,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// Why a role cannot be granted or revoked.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// Only machines and owners of mailboxes have it.
    #[error("{} is no role of staff; there are {}", .0.name(), names())]
    NotOfStaff(Role),
    /// A clerk or a head of nothing.
    #[error("{} works at a facility; name it with --facility", .0.name())]
    NeedsFacility(Role),
    /// A role that is for all facilities.
    #[error("{} is for all facilities; leave --facility out", .0.name())]
    NoFacility(Role),
    /// There is nothing to revoke.
    #[error("the account does not have the role {}", .0.name())]
    NotGranted(Role),
    /// Others change the same account all the time.
    #[error("somebody else changes the same account; try again")]
    Busy,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Sessions {
    /// Grants a role; a second grant of the same role replaces the first. Sessions that are open have it at once.
    ///
    /// # Errors
    /// See [`StaffError`].
    pub async fn grant(
        &self,
        account: AccountId,
        role: Role,
        facility: Option<&FacilityId>,
        by: &str,
        why: Option<&str>,
    ) -> Result<(), StaffError> {
        match (Role::OF_STAFF.contains(&role), role.needs_facility(), facility) {
            (false, ..) => return Err(StaffError::NotOfStaff(role)),
            (_, true, None) => return Err(StaffError::NeedsFacility(role)),
            (_, false, Some(_)) => return Err(StaffError::NoFacility(role)),
            _ => {}
        }
        let now = self.inner.world.now();
        let facility = facility.map(ToString::to_string);
        let grant = Grant::new(role, facility.clone(), by.to_owned(), now.as_microsecond());
        let details = facility.map_or_else(|| role.name().to_owned(), |at| format!("{} at {at}", role.name()));
        self.change_grants(account, entry(now, by, "staff.grant", account, with(details, why)), |old| {
            let others = old.iter().filter(|old| old.role() != Some(role)).cloned();
            Ok(others.chain([grant.clone()]).collect())
        })
        .await
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// See [`StaffError`].
    pub async fn revoke(&self, account: AccountId, role: Role, by: &str, why: Option<&str>) -> Result<(), StaffError> {
        let entry = entry(self.inner.world.now(), by, "staff.revoke", account, with(role.name().to_owned(), why));
        self.change_grants(account, entry, |old| {
            let left: Vec<Grant> = old.iter().filter(|old| old.role() != Some(role)).cloned().collect();
            if left.len() == old.len() { Err(StaffError::NotGranted(role)) } else { Ok(left) }
        })
        .await
    }

    /// Up to `limit` accounts of staff.
    ///
    /// # Errors
    /// Store.
    pub async fn staff(&self, limit: usize) -> store::Result<Vec<Staffed>> {
        let read = move |view: &View<'_>| {
            let found = view.staff(limit)?.into_iter();
            let named = found.map(|(account, grants)| {
                let login = view.account(account)?.map_or_else(String::new, |account| account.login);
                Ok(Staffed { account, login, grants })
            });
            named.collect()
        };
        self.inner.store.read(read).await
    }

    async fn change_grants(
        &self,
        account: AccountId,
        entry: AuditEntry,
        change: impl Fn(&[Grant]) -> Result<Vec<Grant>, StaffError>,
    ) -> Result<(), StaffError> {
        for _ in 0..MAX_TRIES {
            let old = self.inner.store.read(move |view| view.grants(account)).await?;
            let new = change(&old)?;
            let mut batch = Batch::new();
            rows::replace(&mut batch, account, &old, &new)?;
            add_audit(&mut batch, &entry)?;
            match self.inner.store.commit(batch).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StaffError::Busy)
    }
}

fn entry(now: Timestamp, by: &str, action: &str, account: AccountId, details: String) -> AuditEntry {
    AuditEntry {
        at_us: now.as_microsecond(),
        actor: by.to_owned(),
        action: action.to_owned(),
        object: account.0.to_string(),
        details: Some(details),
    }
}

fn with(details: String, why: Option<&str>) -> String {
    why.map_or(details.clone(), |why| format!("{details}; {why}"))
}

fn names() -> String {
    Role::OF_STAFF.map(Role::name).join(", ")
}
