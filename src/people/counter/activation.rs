//! The code with which somebody who registered at a counter chooses a password (M21: chosen by the user; no clerk ever
//! knows it).
//!
//! A code is printed once, on the paper that the applicant takes home, and only its hash is kept. It counts once, for a
//! time, together with the login; a new one makes the old one void. Until there is a mailbox it tells how the
//! application stands.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use crate::accounts::AccountError;
use crate::auth::Secret;
use crate::auth::network::Network;
use crate::identity::application::ApplicationNumber;
use crate::people::passwords;
use crate::people::registration::{ApplyError, TooFast};
use crate::store::applications::State;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::desk::Activation;
use crate::store::{self, Batch};

use super::{Clerk, Counter, CounterError, Inner};

/// Characters of a code: 60 random bits.
const CHARACTERS: usize = 12;

/// A code as it is printed: `XXXX-XXXX-XXXX`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl Code {
    /// For the paper that is handed over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What somebody typed, with or without hyphens, in small letters or large ones.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let letters: Vec<char> =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        Code(groups.join("-"))
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

/// How it stands with whoever has a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Activated {
    /// The password is chosen.
    Chosen,
    /// There is no mailbox yet: a state register does not answer.
    Waiting,
    /// There is none and there will be none: code and field as the registration names them.
    Refused {
        /// Why.
        code: String,
        /// What a register knows otherwise: the key of its text.
        field: Option<String>,
    },
}

/// Why a password was not chosen.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// No such code, not for this login, used already, or too old: which of them is not told.
    #[error("login or code is wrong, or the code is too old")]
    Wrong,
    /// The password cannot be chosen.
    #[error(transparent)]
    Password(#[from] passwords::BadPassword),
    /// Too many tries.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// Not now.
    #[error("it cannot be done now: {0}")]
    Unavailable(String),
}

impl From<store::Error> for ActivationError {
    fn from(error: store::Error) -> Self {
        ActivationError::Unavailable(error.to_string())
    }
}

impl Counter {
    /// Another code for somebody who stands at the counter and whose identity document the clerk has seen.
    ///
    /// # Errors
    /// The applicant has a password; store.
    pub async fn new_code(&self, clerk: &Clerk, number: ApplicationNumber) -> Result<Code, CounterError> {
        self.inner.give_code(clerk, number).await?.ok_or(CounterError::HasPassword)
    }

    /// Chooses the password with the code.
    ///
    /// # Errors
    /// See [`ActivationError`].
    pub async fn activate(
        &self,
        login: &str,
        code: &Code,
        password: &Secret,
        ip: IpAddr,
    ) -> Result<Activated, ActivationError> {
        let inner = &*self.inner;
        let parts = &inner.parts;
        let now = parts.accounts.now();
        inner.codes.count(Network::of(ip), now)?;
        let hash = code.hash();
        let found = parts.store.read(move |view| view.activation_by_code(&hash)).await?;
        let found = found.filter(|found| found.activation.until_us > now.as_microsecond());
        let found = found.ok_or(ActivationError::Wrong)?;
        let filed = parts.registration.find(found.number).await?.ok_or(ActivationError::Wrong)?;
        if parts.accounts.login_key(login.trim()) != parts.accounts.login_key(&filed.login) {
            return Err(ActivationError::Wrong);
        }
        let account = match filed.state {
            State::Registered { account, .. } => account,
            State::Open { .. } | State::Waiting { .. } => return Ok(Activated::Waiting),
            State::Refused { code, field, .. } => return Ok(Activated::Refused { code, field }),
        };
        passwords::check(&parts.authenticator, password, &filed.login)?;
        let hash = parts.authenticator.hash(password, ip).await;
        let hash = hash.map_err(|error| ActivationError::Unavailable(error.to_string()))?;
        let entry = AuditEntry {
            at_us: now.as_microsecond(),
            actor: format!("account {}", account.0),
            action: "account.activate".to_owned(),
            object: format!("account {}", account.0),
            details: Some(format!("application {}", found.number)),
        };
        let also = |batch: &mut Batch| {
            found.finish(batch);
            add_audit(batch, &entry)
        };
        match parts.accounts.set_password_with(account, hash, also).await {
            Ok(()) => Ok(Activated::Chosen),
            // Somebody else was faster with the same code.
            Err(AccountError::Busy | AccountError::Missing) => Err(ActivationError::Wrong),
            Err(error) => Err(ActivationError::Unavailable(error.to_string())),
        }
    }
}

impl Inner {
    /// A code for an applicant who has no password; the one before is void.
    pub(super) async fn give_code(
        &self,
        clerk: &Clerk,
        number: ApplicationNumber,
    ) -> Result<Option<Code>, CounterError> {
        let parts = &self.parts;
        let Some(old) = parts.store.read(move |view| view.activation(number)).await? else { return Ok(None) };
        let code = Code::read(&self.random_text(CHARACTERS));
        let lasts_us = i64::from(parts.settings.code_days) * 86_400 * 1_000_000;
        let until_us = parts.accounts.now().as_microsecond().saturating_add(lasts_us);
        let mut batch = Batch::new();
        old.change(&mut batch, &Activation { code: Some(code.hash()), until_us })?;
        self.note(&mut batch, clerk, "desk.code", number, "")?;
        match parts.store.commit(batch).await {
            Ok(_) => Ok(Some(code)),
            Err(store::Error::Conflict(_)) => Err(CounterError::Busy),
            Err(error) => Err(ApplyError::from(error).into()),
        }
    }
}
