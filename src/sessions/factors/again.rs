//! Between the password and the second factor of somebody who is signed in and proves once more who it is. The session
//! stays what it was until both were right; what says that the password was is a challenge of this session, which takes
//! one try, so nothing is kept for it.

use crate::store::sessions::SessionId;

use super::super::Sessions;
use super::{MAX_FAILURES, StaleChallenge};

/// The password was right a short while ago, and so many second factors were wrong since: good for one more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasswordGiven {
    failures: u8,
    challenge: String,
}

impl Sessions {
    /// Notes that whoever is signed in gave the right password again.
    #[must_use]
    pub fn password_given(&self, session: SessionId) -> PasswordGiven {
        self.given(session, 0)
    }

    /// What a form carried back, if it counts yet.
    ///
    /// # Errors
    /// It is too old, was used for a try, or is of another session.
    pub fn read_given(&self, session: SessionId, text: &str) -> Result<PasswordGiven, StaleChallenge> {
        let (failures, challenge) = text.split_once('.').ok_or(StaleChallenge)?;
        let given =
            PasswordGiven { failures: failures.parse().map_err(|_| StaleChallenge)?, challenge: challenge.to_owned() };
        let is_open = self.is_open(&given.challenge, &what(session, given.failures));
        if is_open { Ok(given) } else { Err(StaleChallenge) }
    }

    /// Takes the one try: of two who come with the same, one may.
    ///
    /// # Errors
    /// Somebody took it.
    pub fn take_try(&self, session: SessionId, given: &PasswordGiven) -> Result<(), StaleChallenge> {
        self.redeem(&given.challenge, &what(session, given.failures))
    }

    /// What is left after a wrong second factor; nothing when the password is needed again, as at sign-in.
    #[must_use]
    pub fn after_wrong(&self, session: SessionId, given: &PasswordGiven) -> Option<PasswordGiven> {
        let failures = given.failures.saturating_add(1);
        (failures < MAX_FAILURES).then(|| self.given(session, failures))
    }

    fn given(&self, session: SessionId, failures: u8) -> PasswordGiven {
        PasswordGiven { failures, challenge: self.challenge(&what(session, failures)) }
    }
}

/// As a form carries it.
impl std::fmt::Display for PasswordGiven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.failures, self.challenge)
    }
}

/// Nobody can say that fewer were wrong: the number is part of what the challenge is for.
fn what(session: SessionId, failures: u8) -> String {
    format!("password given again {session} {failures}")
}
