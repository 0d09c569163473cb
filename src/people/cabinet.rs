//! What the personal cabinet is made of: the services behind its pages, and `[cabinet]` of the configuration.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::accounts::{AccountError, Accounts};
use crate::clock::Timestamp;
use crate::identity::application::{Field, Form};
use crate::ids::AccountId;
use crate::registers::ConsentToken;
use crate::{mailfiles, quota, store};

use super::meter::{Meter, TooFast};
use super::profile::{Change, Profile, ProfileError};
use super::registration::ApplyError;
use super::{Agreements, Confirmations, MailServers, People, Registration};

/// Accounts whose proofs are counted at one time; the oldest are forgotten beyond it.
const COUNTED: usize = 100_000;

/// Keys of `[cabinet]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long the text that confirms the data can be signed after it was shown, seconds (M22).
    pub sign_within_s: u32,
    /// How often one account may send what has to be proved, in an hour: signatures under its data (M22), and data
    /// about which a state register is asked (M24).
    pub proofs_per_hour: u32,
    /// The host that mail programs connect to; empty: `server.hostname`.
    pub mail_host: String,
    /// The port of IMAP with TLS as it is seen from outside; 0: the one that `imap.listen_tls` opens.
    pub imaps_port: u16,
    /// The port of submission with TLS as it is seen from outside; 0: the one that `smtp.submissions_listen` opens.
    pub submissions_port: u16,
    /// Users who take everything with them at one time.
    pub max_exports: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sign_within_s: 900,
            proofs_per_hour: 30,
            mail_host: String::new(),
            imaps_port: 0,
            submissions_port: 0,
            max_exports: 4,
        }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, what to do.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        if self.sign_within_s == 0 {
            let what = "it is 0, and nobody could confirm their data".to_owned();
            problems.push(("sign_within_s", what, "write seconds such as 900"));
        }
        if self.proofs_per_hour == 0 {
            let what = "it is 0, and nobody could confirm their data".to_owned();
            problems.push(("proofs_per_hour", what, "write at least 1"));
        }
        if !self.mail_host.is_empty() && crate::address::Domain::new(&self.mail_host).is_err() {
            let what = format!("{:?} is no name of a host", self.mail_host);
            problems.push(("mail_host", what, "write one such as \"mail.poshta.example\""));
        }
        problems
    }

    /// How often accounts may cause a question to a state register.
    #[must_use]
    pub fn questions(&self) -> Questions {
        Questions(self.proofs())
    }

    /// Counts what has to be proved.
    pub(super) fn proofs(&self) -> Meter<AccountId> {
        Meter::new(self.proofs_per_hour, 3_600, COUNTED)
    }
}

/// How often accounts cause a question to a state register.
#[derive(Debug)]
pub struct Questions(Meter<AccountId>);

/// Why data are not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// They cannot be changed so.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// M24: a state register knows the user otherwise, or does not answer.
    #[error(transparent)]
    Register(#[from] ApplyError),
    /// Too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
}

impl From<store::Error> for ChangeError {
    fn from(error: store::Error) -> Self {
        ChangeError::Profile(error.into())
    }
}

/// What a state register is asked about again when it changes, as it was at registration: who somebody is.
const ASKED_ABOUT: &[Field] =
    &[Field::Surname, Field::GivenName, Field::Patronymic, Field::DocumentNumber, Field::EntityName];

/// The services. Clones share them.
#[derive(Clone, Debug)]
pub struct Cabinet {
    /// The user agreement and who consented to it (M10).
    pub agreements: Agreements,
    /// The data (M22).
    pub people: People,
    /// Their confirmation (M22).
    pub confirmations: Confirmations,
    /// The accounts, for closing one (M8).
    pub accounts: Accounts,
    /// It knows the operator's calendar.
    pub registration: Registration,
    /// Questions to a state register that accounts cause by changes of their data.
    pub questions: Arc<Questions>,
    /// What a mailbox may hold.
    pub quota: quota::Settings,
    /// Days that letters of a closed mailbox are kept.
    pub closed_days: u32,
    /// Where mail programs connect.
    pub mail: MailServers,
    /// What exports work with.
    pub mail_files: mailfiles::Services,
    /// Turns of those who take everything with them: each holds a thread while it lasts.
    pub exports: Arc<Semaphore>,
}

impl Cabinet {
    /// An instant on the clock of the operator.
    #[must_use]
    pub fn shown(&self, at: Timestamp) -> String {
        self.registration.shown(at)
    }

    /// The day on the operator's calendar.
    #[must_use]
    pub fn today(&self) -> Date {
        self.registration.today()
    }

    /// The user changes the data. Whoever is called otherwise from now on, or has another identity document, is asked
    /// about as at registration (M24), where there is a register; while it does not answer nothing changes.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn change_profile(
        &self,
        account: AccountId,
        form: &Form,
        consent: Option<&ConsentToken>,
    ) -> Result<Profile, ChangeError> {
        let old = self.people.profile(account).await?.ok_or(ProfileError::Missing)?;
        if old.form.number() != form.number() {
            return Err(ProfileError::OtherNumber.into());
        }
        let mut proof = None;
        if old.changes(form).iter().any(|field| ASKED_ABOUT.contains(field)) {
            self.questions.0.count(account, self.accounts.now())?;
            proof = self.registration.ask_about_user(account, form, consent).await?;
        }
        let actor = format!("account {}", account.0);
        let change = Change { form, actor: &actor, proof: proof.as_ref() };
        Ok(self.people.change_profile(account, change).await?)
    }

    /// The user closes the mailbox. Its letters stay as long as `[retention]` says, which may be no longer than now.
    ///
    /// # Errors
    /// It is closed already; store.
    pub async fn close(&self, account: AccountId) -> Result<(), AccountError> {
        let login = self.accounts.get(account).await?.ok_or(AccountError::Missing)?.login;
        self.accounts.close_as(account, &format!("account {}", account.0)).await?;
        if self.closed_days == 0 {
            self.accounts.destroy(&login).await?;
        }
        Ok(())
    }
}
