//! What the state registers say of an applicant (M24).

use crate::identity::application::{ApplicationNumber, Form};

use super::Inner;
use super::error::ApplyError;

/// What came of the question.
pub(super) enum Checked {
    /// They know the applicant so, and this proves it; or there are none, and the configuration lets everybody pass.
    Confirmed(Option<Vec<u8>>),
    /// They do not answer.
    #[allow(dead_code, reason = "said by the registers")]
    Unavailable,
}

impl Inner {
    /// Asks them.
    pub(super) async fn ask_registers(
        &self,
        _form: &Form,
        _number: ApplicationNumber,
        _actor: &str,
    ) -> Result<Checked, ApplyError> {
        if self.parts.settings.without_registers { Ok(Checked::Confirmed(None)) } else { Err(ApplyError::NoRegister) }
    }
}
