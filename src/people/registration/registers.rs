//! What the state registers say of an applicant (M24).

use crate::identity::application::{ApplicationNumber, Form};
use crate::registers::{Answer, Cause, EntityAsked, PersonAsked, Proof};
use crate::store::{self, rows};

use super::Inner;
use super::error::{ApplyError, Mismatch};

/// Of the proof in the record of an application.
const PROOF_VERSION: u8 = 1;

/// What came of the question.
pub(super) enum Checked {
    /// They know the applicant so, and this proves it; or there are none, and the configuration lets everybody pass.
    Confirmed(Option<Vec<u8>>),
    /// They do not answer.
    Unavailable,
}

impl Inner {
    /// Asks them. An answer that contradicts is an error which says what differs.
    pub(super) async fn ask_registers(
        &self,
        form: &Form,
        number: ApplicationNumber,
        actor: &str,
    ) -> Result<Checked, ApplyError> {
        let (registers, object) = (&self.parts.registers, format!("application {number}"));
        let cause = Cause { actor, object: &object };
        let answer = match form {
            Form::Individual(form) => {
                let (full_name, document) = (form.name.full(), Some(form.document.number.as_str()));
                let asked = PersonAsked { iin: &form.iin, full_name: &full_name, document, consent: None, cause };
                registers.person(asked).await
            }
            Form::Legal(form) => registers.entity(EntityAsked { bin: &form.bin, full_name: &form.name, cause }).await,
        };
        match answer {
            Answer::Match(proof) => Ok(Checked::Confirmed(Some(encode(&proof)?))),
            Answer::Mismatch { field } => Err(ApplyError::Mismatch(Mismatch(field.key().to_owned()))),
            Answer::Unavailable { reason } => {
                tracing::warn!(application = %number, reason, "a state register does not answer; the application waits");
                Ok(Checked::Unavailable)
            }
            Answer::NotConfigured if self.parts.settings.without_registers => Ok(Checked::Confirmed(None)),
            Answer::NotConfigured => Err(ApplyError::NoRegister),
        }
    }
}

fn encode(proof: &Proof) -> store::Result<Vec<u8>> {
    rows::encode(PROOF_VERSION, proof)
}
