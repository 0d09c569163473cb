//! What the state registers say of an applicant (M24), and asking them again about those who wait.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::identity::application::{ApplicationNumber, Form};
use crate::registers::{Answer, Cause, EntityAsked, PersonAsked, Proof};
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
    Confirmed(Option<Vec<u8>>),
    /// They do not answer.
    Unavailable,
}

impl Inner {
    /// Asks them.
    pub(super) async fn ask_registers(
        &self,
        form: &Form,
        number: ApplicationNumber,
        actor: &str,
    ) -> Result<Checked, ApplyError> {
        let object = format!("application {number}");
        let cause = Cause { actor, object: &object };
        let registers = &self.parts.registers;
        let answer = match form {
            Form::Individual(form) => {
                let full_name = form.name.full();
                let document = Some(form.document.number.as_str());
                let asked = PersonAsked { iin: &form.iin, full_name: &full_name, document, consent: None, cause };
                registers.person(asked).await
            }
            Form::Legal(form) => registers.entity(EntityAsked { bin: &form.bin, full_name: &form.name, cause }).await,
        };
        match answer {
            Answer::Match(proof) => Ok(Checked::Confirmed(Some(encode(&proof)?))),
            Answer::Mismatch { field } => Err(ApplyError::Mismatch(Mismatch(field.key().to_owned()))),
            Answer::Unavailable { reason } => {
                tracing::info!(application = %number, reason, "an application waits for a state register");
                Ok(Checked::Unavailable)
            }
            Answer::NotConfigured if self.parts.settings.without_registers => Ok(Checked::Confirmed(None)),
            Answer::NotConfigured => Err(ApplyError::NoRegister),
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

fn encode(proof: &Proof) -> store::Result<Vec<u8>> {
    store::rows::encode(PROOF_VERSION, proof)
}
