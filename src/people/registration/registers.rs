//! What the state registers say of an applicant (M24), and asking them again about those who wait.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::identity::application::{Form, Sort};
use crate::ids::AccountId;
use crate::registers::{Answer, Cause, ConsentToken, EntityAsked, Field, PersonAsked, Proof};
use crate::store::applications::Queue;
use crate::store::{self, View};

use super::error::{ApplyError, Mismatch};
use super::{Inner, Registration};

/// Applications that are asked about at once.
const AT_ONCE: usize = 20;

/// How often it is looked whether somebody's time to be asked about has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const PROOF_VERSION: u8 = 1;

/// What came of the question.
pub(super) enum Checked {
    /// They know the applicant so, and this proves it; or there are none, and the configuration lets everybody pass.
    Confirmed(Option<Proof>),
    /// They do not answer.
    Unavailable,
}

impl Inner {
    /// Asks them about whoever is in this form.
    pub(super) async fn ask_registers(
        &self,
        form: &Form,
        consent: Option<&ConsentToken>,
        cause: Cause<'_>,
    ) -> Result<Checked, ApplyError> {
        let registers = &self.parts.registers;
        let answer = match form {
            Form::Individual(form) => {
                let full_name = form.name.full();
                let document = Some(form.document.number.as_str());
                registers.person(PersonAsked { iin: &form.iin, full_name: &full_name, document, consent, cause }).await
            }
            Form::Legal(form) => registers.entity(EntityAsked { bin: &form.bin, full_name: &form.name, cause }).await,
        };
        match answer {
            Answer::Match(proof) => Ok(Checked::Confirmed(Some(proof))),
            // Nothing is wrong with what was written: another code, and it can be asked again.
            Answer::Mismatch { field: Field::Consent } => Err(ApplyError::NoConsent),
            Answer::Mismatch { field } => Err(ApplyError::Mismatch(Mismatch(field.key().to_owned()))),
            Answer::Unavailable { reason } => {
                tracing::info!(about = cause.object, reason, "a state register does not answer");
                Ok(Checked::Unavailable)
            }
            Answer::NotConfigured if self.parts.settings.without_registers => Ok(Checked::Confirmed(None)),
            Answer::NotConfigured => Err(ApplyError::NoRegister),
        }
    }

    /// FACTS B7: some registers tell of a person only with the person's own consent. What is asked without is not
    /// answered, so nothing is begun without.
    pub(super) fn require_consent(&self, form: &Form, consent: Option<&ConsentToken>) -> Result<(), ApplyError> {
        let is_needed = self.parts.registers.wants_consent() && form.sort() == Sort::Individual;
        if is_needed && consent.is_none() { Err(ApplyError::NoConsent) } else { Ok(()) }
    }
}

impl Registration {
    /// Whether, and from where, a person gets a code for the consent to questions about the person (FACTS B7).
    #[must_use]
    pub fn consent_sender(&self, sort: Sort) -> Option<&str> {
        let registers = &self.inner.parts.registers;
        (registers.wants_consent() && sort == Sort::Individual).then(|| registers.consent_sender())
    }

    /// M24: asks the registers about a user who is called otherwise now, or has another identity document; what proves
    /// it, where there is a register.
    ///
    /// # Errors
    /// They know the user otherwise; they do not answer now, or not without a consent.
    pub async fn ask_about_user(
        &self,
        account: AccountId,
        form: &Form,
        consent: Option<&ConsentToken>,
    ) -> Result<Option<Proof>, ApplyError> {
        let inner = &*self.inner;
        if !inner.parts.registers.is_configured() {
            return Ok(None);
        }
        inner.require_consent(form, consent)?;
        let object = format!("account {}", account.0);
        match inner.ask_registers(form, consent, Cause { actor: &object, object: &object }).await? {
            Checked::Confirmed(proof) => Ok(proof),
            Checked::Unavailable => Err(ApplyError::Unavailable("a state register does not answer".into())),
        }
    }
}

impl Registration {
    /// Asks the registers again about applications that wait for them, each when its time has come, until the token is
    /// cancelled. When they answer, the mailbox is there at once, or the application is refused.
    pub(super) async fn ask_again(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.retry_due().await {
                tracing::warn!(%error, "applications that wait cannot be read now");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Asks about every application whose time has come; tells about how many.
    ///
    /// # Errors
    /// Store.
    pub async fn retry_due(&self) -> store::Result<usize> {
        let now_us = self.inner.now().as_microsecond();
        let read = move |view: &View<'_>| view.applications_due(Queue::AskAgain, now_us, AT_ONCE);
        let due = self.inner.parts.store.read(read).await?;
        let retries = due.iter().map(|stored| async move {
            match self.retry(stored.number).await {
                Ok(_) => {}
                Err(error) if error.is_temporary() => {
                    tracing::warn!(application = %stored.number, %error, "an application that waits is tried again");
                }
                Err(error) => {
                    tracing::info!(application = %stored.number, code = error.code(), "an application was refused");
                }
            }
        });
        futures_util::future::join_all(retries).await;
        Ok(due.len())
    }
}

/// A proof as rows keep it, before it is sealed.
pub(super) fn encode(proof: &Proof) -> store::Result<Vec<u8>> {
    store::rows::encode(PROOF_VERSION, proof)
}
