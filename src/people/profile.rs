//! What the cabinet knows of a user (M22): the data of the application, which the user keeps up to date, and whether
//! they were confirmed with an electronic signature as they are.
//!
//! The invariant: a confirmation is of exactly the data that are there; whoever changes them changes both rows in one
//! batch, and the confirmation is gone.

use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::clock::World;
use crate::identity::application::{Field, Form};
use crate::ids::AccountId;
use crate::registers::Proof;
use crate::store::accounts::{self as account_rows};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::confirmations::{self, NewProof, SignedText};
use crate::store::profiles::{ConfirmedRow, ProfileRow, StoredProfile};
use crate::store::{self, Batch, Owner, Store};

use super::agreements::instant;

/// How often a change is tried again when somebody else changed the same rows in the meantime.
const MAX_TRIES: usize = 5;

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct People {
    store: Store,
    world: World,
}

/// A user's data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Every field of the annex, as it is now.
    pub form: Form,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// M22: that it was confirmed.
    pub confirmed: Option<Confirmed>,
}

/// M22: a confirmation with an electronic signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// When.
    pub at: Timestamp,
    /// Serial number of the certificate.
    pub certificate: String,
    /// SHA-256 of what was signed.
    pub snapshot: [u8; 32],
}

/// What becomes of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Every field, as it is from now on.
    pub form: &'a Form,
    /// Who does it.
    pub actor: &'a str,
    /// M24: that a state register knows the user so, where it was asked.
    pub proof: Option<&'a Proof>,
}

/// What the audit says of a change.
struct Entry<'a> {
    action: &'a str,
    actor: &'a str,
    details: &'a str,
}

/// Why a profile cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The account has none: it was made by command, or is closed.
    #[error("there are no data of this account")]
    Missing,
    /// M24: the person or entity is who they are.
    #[error("the IIN or BIN cannot be changed")]
    OtherNumber,
    /// It does not fit on letters.
    #[error("the name is too long for a mailbox")]
    Name,
    /// M22: between showing and signing, the data were changed.
    #[error("the data were changed in the meantime; look at them again")]
    Changed,
    /// Others changed it again and again.
    #[error("the data are being changed by others; try again")]
    Busy,
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Profile {
    /// M22: what is signed to confirm the data: every field, a line each, and the address they belong to.
    #[must_use]
    pub fn statement(&self, address: &str) -> String {
        let mut text = format!("poshta-profile: 2\naddress: {address}\napplicant: {}\n", self.form.sort().name());
        for (field, value) in self.form.values() {
            text.push_str(&format!("{}: {value}\n", field.name()));
        }
        text
    }

    /// The fields in which another form says something else.
    #[must_use]
    pub fn changes(&self, new: &Form) -> Vec<Field> {
        new.values().filter(|(field, value)| self.form.value(*field) != *value).map(|(field, _)| field).collect()
    }

    /// SHA-256 of [`Profile::statement`].
    #[must_use]
    pub fn snapshot(&self, address: &str) -> [u8; 32] {
        Sha256::digest(self.statement(address)).into()
    }
}

impl People {
    /// The service over a store.
    #[must_use]
    pub fn new(store: Store, world: World) -> Self {
        People { store, world }
    }

    /// The profile of an account; accounts that were made by command have none.
    ///
    /// # Errors
    /// Store; the account's key was destroyed.
    pub async fn profile(&self, account: AccountId) -> store::Result<Option<Profile>> {
        let (store, found) = (self.store.clone(), self.stored(account).await?);
        found.map(|stored| open(&store, &stored)).transpose()
    }

    /// Puts the form in the place of the data; a confirmation is gone with that (M22). Whether a state register knows
    /// the user so is the caller's question ([`Cabinet::change_profile`](super::Cabinet::change_profile)).
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub async fn change_profile(&self, account: AccountId, change: Change<'_>) -> Result<Profile, ProfileError> {
        let Change { form, actor, proof } = change;
        crate::accounts::check_name(&form.display_name()).map_err(|_| ProfileError::Name)?;
        for _ in 0..MAX_TRIES {
            let stored = self.stored(account).await?.ok_or(ProfileError::Missing)?;
            let old = open(&self.store, &stored)?;
            if old.form.number() != form.number() {
                return Err(ProfileError::OtherNumber);
            }
            if old.form == *form {
                return Ok(old);
            }
            let changed_us = self.world.now().as_microsecond();
            let row = ProfileRow { data: seal(&self.store, account, form).await?, changed_us, confirmed: None };
            let details = told(&old.changes(form), proof);
            let entry = Entry { action: "profile.change", actor, details: &details };
            if self.write(Batch::new(), &stored, (&row, form), entry).await? {
                return Ok(Profile { form: form.clone(), changed_at: instant(changed_us), confirmed: None });
            }
        }
        Err(ProfileError::Busy)
    }

    /// M22: notes that the data were confirmed as they were signed, and keeps what proves it: `snapshot` is of what the
    /// user saw.
    ///
    /// # Errors
    /// The data are others by now; see [`ProfileError`].
    pub async fn confirm(
        &self,
        account: AccountId,
        snapshot: [u8; 32],
        certificate: &str,
        signed: &SignedText,
    ) -> Result<Confirmed, ProfileError> {
        for _ in 0..MAX_TRIES {
            let stored = self.stored(account).await?.ok_or(ProfileError::Missing)?;
            let address = self.store.read(move |view| view.account(account)).await?;
            let address = address.filter(account_rows::Account::is_active).ok_or(ProfileError::Missing)?.address;
            let profile = open(&self.store, &stored)?;
            if profile.snapshot(&address.to_string()) != snapshot {
                return Err(ProfileError::Changed);
            }
            let at_us = self.world.now().as_microsecond();
            let confirmed = ConfirmedRow { at_us, certificate: certificate.to_owned(), snapshot };
            let row = ProfileRow { confirmed: Some(confirmed.clone()), ..stored.profile.clone() };
            let actor = format!("account {}", account.0);
            let mut batch = Batch::new();
            confirmations::add(&mut batch, account, self.proof(account, at_us, signed).await?)?;
            let entry = Entry { action: "profile.confirm", actor: &actor, details: certificate };
            if self.write(batch, &stored, (&row, &profile.form), entry).await? {
                return Ok(Confirmed::from(confirmed));
            }
        }
        Err(ProfileError::Busy)
    }

    /// Named by its instant too: the same signature, taken twice, is two documents with two keys.
    async fn proof(&self, account: AccountId, at_us: i64, signed: &SignedText) -> store::Result<NewProof> {
        let (owner, told_by) = (Owner::Account(account), at_us.to_be_bytes());
        let signed = self.store.new_document(owner, &told_by, signed.encode()?).await?;
        Ok(NewProof { at_us, signed })
    }

    async fn stored(&self, account: AccountId) -> store::Result<Option<StoredProfile>> {
        self.store.read(move |view| view.profile(account)).await
    }

    /// The profile, what the account says of it, and the audit, in one batch with what the caller put into it; `false` when somebody was faster.
    async fn write(
        &self,
        mut batch: Batch,
        stored: &StoredProfile,
        (row, form): (&ProfileRow, &Form),
        Entry { action, actor, details }: Entry<'_>,
    ) -> Result<bool, ProfileError> {
        let id = stored.account;
        let account = self.store.read(move |view| view.account(id)).await?;
        let account = account.filter(account_rows::Account::is_active).ok_or(ProfileError::Missing)?;
        stored.replace(&mut batch, row)?;
        let mut changed = account.clone();
        changed.eds_confirmed = row.confirmed.is_some();
        changed.postal_index = form.postal_index().map(ToString::to_string);
        // M22: the name on letters is the one that was confirmed last; what was only typed is nobody's name yet.
        if row.confirmed.is_some() {
            changed.display_name = form.display_name();
        }
        account_rows::replace(&mut batch, &account, &changed)?;
        let entry = AuditEntry {
            at_us: self.world.now().as_microsecond(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: format!("account {}", id.0),
            details: Some(details.to_owned()),
        };
        add_audit(&mut batch, &entry)?;
        match self.store.commit(batch).await {
            Ok(_) => Ok(true),
            Err(store::Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<ConfirmedRow> for Confirmed {
    fn from(row: ConfirmedRow) -> Self {
        Confirmed { at: instant(row.at_us), certificate: row.certificate, snapshot: row.snapshot }
    }
}

/// Which fields changed, and what proves it: names of fields and numbers of messages, nothing of the user.
fn told(fields: &[Field], proof: Option<&Proof>) -> String {
    let fields = fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
    match proof {
        Some(proof) => format!("{fields}; {} knows it so, answer {}", proof.source, proof.answer_id),
        None => fields,
    }
}

/// A form as the profile of an account keeps it.
pub(super) async fn seal(store: &Store, account: AccountId, form: &Form) -> store::Result<store::vault::Personal> {
    store.ready_keys(vec![account]).await?;
    store.seal_personal(Owner::Account(account), super::registration::encode(form)?)
}

fn open(store: &Store, stored: &StoredProfile) -> store::Result<Profile> {
    let data = store.open_personal(&stored.profile.data)?;
    let (form, _) = super::registration::decode(&data)?;
    Ok(Profile {
        form,
        changed_at: instant(stored.profile.changed_us),
        confirmed: stored.profile.confirmed.clone().map(Confirmed::from),
    })
}

#[cfg(test)]
mod tests;
