//! What was found out about something that was signed, for programs and for people.

use serde::Serialize;

use super::refusal::{Kind, Refusal};
use super::roles::Role;
use crate::locale::{self, Lang};

/// A check, in the order in which they are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The bytes are what they begin like.
    Form,
    /// The signature is of the key in the certificate, over this document.
    Signature,
    /// What is stamped is this document.
    Imprint,
    /// The time stamp over the signature.
    TimeStamp,
    /// The moment that the signer names.
    SigningTime,
    /// The way to an authority that is trusted, valid at the time of signing.
    Chain,
    /// What the key may be used for.
    KeyUsage,
    /// IIN and BIN.
    Numbers,
    /// Whether the certificate was revoked.
    Revocation,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Well.
    Passed,
    /// Not well: nothing was checked after it.
    Failed,
    /// There was nothing to check it with.
    NotChecked,
}

/// A check and how it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// The check.
    pub step: Step,
    /// Its end.
    pub outcome: Outcome,
    /// About which of the holders it is; none where it is about the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<usize>,
}

/// What was found out.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What it is; `None` when that cannot be told.
    pub kind: Option<Kind>,
    /// Every check that was made.
    pub checks: Vec<Check>,
    /// Why it is not accepted.
    pub refusal: Option<Refusal>,
    /// Whose certificates it is about: of a signature everybody who signed, in the order of the file; who signed twice
    /// stands there twice. After a refusal the last one is who it is about.
    pub holders: Vec<Holder>,
    /// What a responder says, certificate by certificate.
    pub answers: Vec<Revocation>,
}

/// Whose a certificate is, and what came with a signature of its key.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Holder {
    /// Name.
    pub subject: String,
    /// Legal entity.
    pub organization: Option<String>,
    /// The IIN. It is the answer to the question, and never for logs.
    pub iin: Option<String>,
    /// The BIN.
    pub bin: Option<String>,
    /// Capacities.
    pub roles: Vec<Role>,
    /// Of the key.
    pub algorithm: String,
    /// Who issued the certificate.
    pub issuer: String,
    /// Serial number of the certificate, hexadecimal.
    pub serial: String,
    /// The certificate is valid from here
    pub not_before: String,
    /// to here.
    pub not_after: String,
    /// The moment of signing that the signer names.
    pub signing_time: Option<String>,
    /// The time stamp.
    pub time_stamp: Option<Stamp>,
}

/// A time stamp.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stamp {
    /// When.
    pub time: String,
    /// Whose.
    pub authority: String,
    /// Under which policy.
    pub policy: String,
    /// Its number, hexadecimal.
    pub serial: String,
    /// The hash function.
    pub digest: String,
    /// The hash of what is stamped, hexadecimal.
    pub imprint: String,
}

/// What became of a certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Revocation {
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// `good`, `revoked` or `unknown`.
    pub status: &'static str,
    /// Since when it is revoked.
    pub since: Option<String>,
    /// It was so at this time.
    pub updated: String,
}

/// Hides the numbers (DESIGN 18).
impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { kind, checks, refusal, holders, answers: _ } = self;
        f.debug_struct("Report")
            .field("kind", kind)
            .field("checks", checks)
            .field("refusal", refusal)
            .field("holders", holders)
            .finish_non_exhaustive()
    }
}

/// As above.
impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Holder({})", self.subject)
    }
}

impl Report {
    /// Whether every check passed.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.refusal.is_none()
    }

    /// The checks about one of the holders.
    pub fn checks_of(&self, holder: usize) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.holder == Some(holder))
    }

    /// Notes what was found out afterwards about the revocation of a holder's certificate.
    pub fn settle_revocation(&mut self, holder: usize, outcome: Outcome) {
        let is_it = |check: &&mut Check| check.step == Step::Revocation && check.holder == Some(holder);
        if let Some(check) = self.checks.iter_mut().find(is_it) {
            check.outcome = outcome;
        }
    }

    /// Notes how a check ended.
    pub(super) fn check<T>(&mut self, step: Step, result: Result<T, Refusal>) -> Result<T, Refusal> {
        self.note(step, if result.is_ok() { Outcome::Passed } else { Outcome::Failed });
        result
    }

    /// Notes that something was not checked.
    pub(super) fn skip(&mut self, step: Step) {
        self.note(step, Outcome::NotChecked);
    }

    fn note(&mut self, step: Step, outcome: Outcome) {
        self.checks.push(Check { step, outcome, holder: self.holders.len().checked_sub(1) });
    }
}

impl Outcome {
    /// Its name in this language.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        let key = match self {
            Outcome::Passed => "eds-outcome-passed",
            Outcome::Failed => "eds-outcome-failed",
            Outcome::NotChecked => "eds-outcome-not-checked",
        };
        locale::text(lang, key, &[])
    }
}

impl Step {
    /// Its name in this language.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        let key = match self {
            Step::Form => "eds-step-form",
            Step::Signature => "eds-step-signature",
            Step::Imprint => "eds-step-imprint",
            Step::TimeStamp => "eds-step-time-stamp",
            Step::SigningTime => "eds-step-signing-time",
            Step::Chain => "eds-step-chain",
            Step::KeyUsage => "eds-step-key-usage",
            Step::Numbers => "eds-step-numbers",
            Step::Revocation => "eds-step-revocation",
        };
        locale::text(lang, key, &[])
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
