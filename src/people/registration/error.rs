//! Why an application is not accepted. Each has a text for people under `apply-` and its code.

use crate::accounts::AccountError;
use crate::auth::AuthError;
use crate::identity::LoginError;
use crate::identity::agreement::VersionHash;
use crate::locale::{self, Lang};
use crate::people::passwords::BadPassword;
use crate::people::signatures::SignatureError;
use crate::store;

use super::TooFast;

/// Why an application is not accepted; there is nothing of it then, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The login has a form that is not allowed.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// M21: somebody has or had a login that is the same or looks the same.
    #[error("the login {0:?} is taken, or looks like one that is; choose another")]
    LoginTaken(String),
    /// The password cannot be chosen.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// M10: another version of the agreement is in force by now.
    #[error("the agreement has a new version; read it and agree again")]
    OldAgreement {
        /// The version in force.
        current: VersionHash,
    },
    /// M8: one mailbox a person.
    #[error("this IIN or BIN has a mailbox already")]
    PersonTaken,
    /// The signature does not hold, or is not of who it should be. The application is still there.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// What was signed is not what is shown. The application is still there.
    #[error("what was signed is not this application; it was altered")]
    Altered,
    /// The signature of another application. This one is still there.
    #[error("this is the signature of another application")]
    Replayed,
    /// M24: a state register knows this person or entity otherwise.
    #[error("the state register says otherwise: {0}")]
    Mismatch(Mismatch),
    /// M24: no register has answered for so long that the application is refused.
    #[error("no state register has answered; apply again")]
    RegisterSilent,
    /// M24: there is no register, and the configuration does not let anybody pass without.
    #[error("no state register is configured; applications cannot be accepted")]
    NoRegister,
    /// FACTS B7: the register tells of nobody without that person's consent.
    #[error("the state register is asked only with your consent; type the code")]
    NoConsent,
    /// M14: the document that the clerk saw is not the one in the form.
    #[error("the identity document is not the one in the application")]
    OtherDocument,
    /// M14: nothing signed was scanned.
    #[error("the scan of the signed application is missing")]
    NoEvidence,
    /// There is no such application, or it is somebody else's.
    #[error("there is no such application")]
    Missing,
    /// Its time is over.
    #[error("the time for this application is over; fill it in again")]
    Over,
    /// It led to a mailbox already.
    #[error("this application was accepted already")]
    Accepted,
    /// It waits, or was refused: nothing can be done with it.
    #[error("this application is being dealt with already")]
    Busy,
    /// Online registration is switched off.
    #[error("applications are not signed online here")]
    NotOnline,
    /// The name does not fit into an account.
    #[error("the name is too long for a mailbox")]
    Name,
    /// Too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// Something here does not work now.
    #[error("the service is not available now: {0}")]
    Unavailable(String),
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a register knows otherwise; its text for people has this key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch(pub String);

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&locale::text(Lang::En, &self.0, &[]))
    }
}

impl ApplyError {
    /// What programs know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ApplyError::Login(error) => login_code(*error),
            ApplyError::LoginTaken(_) => "login-taken",
            ApplyError::Password(error) => match error.code() {
                "short" => "password-short",
                "long" => "password-long",
                "control" => "password-control",
                "common" => "password-common",
                _ => "password-login",
            },
            ApplyError::OldAgreement { .. } => "old-agreement",
            ApplyError::PersonTaken => "person-taken",
            ApplyError::Signature(error) => signature_code(error),
            ApplyError::Altered => "altered",
            ApplyError::Replayed => "replayed",
            ApplyError::Mismatch(_) => "mismatch",
            ApplyError::RegisterSilent => "register-silent",
            ApplyError::NoRegister => "no-register",
            ApplyError::NoConsent => "no-consent",
            ApplyError::OtherDocument => "other-document",
            ApplyError::NoEvidence => "no-evidence",
            ApplyError::Missing => "missing",
            ApplyError::Over => "over",
            ApplyError::Accepted => "accepted",
            ApplyError::Busy => "busy",
            ApplyError::NotOnline => "not-online",
            ApplyError::Name => "name",
            ApplyError::TooFast(_) => "too-fast",
            ApplyError::Unavailable(_) | ApplyError::Store(_) => "unavailable",
        }
    }

    /// The sentence in this language, for the applicant.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            ApplyError::Signature(SignatureError::Refused(refusal)) => refusal.text(lang),
            ApplyError::Mismatch(Mismatch(field)) => {
                let field = locale::text(lang, field, &[]);
                locale::text(lang, "apply-mismatch", &[("field", &field)])
            }
            ApplyError::TooFast(TooFast { seconds }) => {
                locale::text(lang, "apply-too-fast", &[("seconds", &seconds.to_string())])
            }
            ApplyError::Password(error) => {
                let number = match error {
                    BadPassword::Weak(
                        crate::auth::WeakPassword::Short(number) | crate::auth::WeakPassword::Long(number),
                    ) => number.to_string(),
                    _ => String::new(),
                };
                locale::text(lang, &format!("apply-{}", self.code()), &[("number", &number)])
            }
            other => locale::text(lang, &format!("apply-{}", other.code()), &[]),
        }
    }

    /// Whether it may go away by itself.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let is_unknown = matches!(self, ApplyError::Signature(SignatureError::RevocationUnknown(_)));
        is_unknown || matches!(self, ApplyError::Unavailable(_) | ApplyError::Store(_) | ApplyError::TooFast(_))
    }
}

/// Under which code an application stands that the operator refused.
pub(super) const DECLINED: &str = "declined";

/// Why an application was refused, for its applicant, from what its row says.
#[must_use]
pub fn refusal_text(lang: Lang, code: &str, field: Option<&str>) -> String {
    match field {
        // The operator's reason is told as it was written.
        Some(reason) if code == DECLINED => locale::text(lang, "apply-declined", &[("reason", reason)]),
        Some(field) => ApplyError::Mismatch(Mismatch(field.to_owned())).text(lang),
        None => locale::text(lang, &format!("apply-{code}"), &[]),
    }
}

fn login_code(error: LoginError) -> &'static str {
    match error {
        LoginError::TooShort => "login-short",
        LoginError::TooLong => "login-long",
        LoginError::Character => "login-character",
        LoginError::Beginning => "login-beginning",
        LoginError::MixedScripts => "login-mixed",
        LoginError::PersonalNumber => "login-number",
        LoginError::Reserved => "login-reserved",
    }
}

fn signature_code(error: &SignatureError) -> &'static str {
    match error {
        SignatureError::NotConfigured => "not-online",
        SignatureError::Refused(_) => "signature",
        SignatureError::Several => "several",
        SignatureError::OtherPerson => "other-person",
        SignatureError::OtherEntity => "other-entity",
        SignatureError::NoEntity => "no-entity",
        SignatureError::Role => "role",
        SignatureError::RevocationUnknown(_) => "revocation-unknown",
    }
}

impl From<AccountError> for ApplyError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::LoginTaken(login) => ApplyError::LoginTaken(login),
            AccountError::AddressTaken(address) => ApplyError::LoginTaken(address.local().to_owned()),
            AccountError::PersonTaken => ApplyError::PersonTaken,
            AccountError::BadLogin(error) => ApplyError::Login(error),
            AccountError::BadName => ApplyError::Name,
            AccountError::Store(error) => ApplyError::Store(error),
            other => ApplyError::Unavailable(other.to_string()),
        }
    }
}

impl From<AuthError> for ApplyError {
    fn from(error: AuthError) -> Self {
        ApplyError::Unavailable(error.to_string())
    }
}
