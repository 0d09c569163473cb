//! Who signed this? Signatures of persons over texts of ours, judged with the operator's anchors and with what the
//! configured responders and lists say of revocation (FACTS B6).
//!
//! The invariant: a signature passes only if every check that the configuration asks for was made and held; what could
//! not be found out is never taken for good. Nothing is fetched from a host that a certificate names.

mod revocation;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::{Timestamp, World};
use crate::identity::PersonalNumber;
use crate::identity::eds::{
    self, CheckDigits, Evidence, Given, Outcome, Policy, Refusal, Report, Role, Signed, Trust, Use,
};

use revocation::Revocations;

pub use settings::{LoadError, RevocationCheck, Settings};

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Signatures {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    trust: settings::Authorities,
    digits: CheckDigits,
    revocations: Revocations,
}

/// Whose signature is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignerRules<'a> {
    /// The IIN in the certificate, or the BIN; `None` takes everybody who can be named.
    pub number: Option<PersonalNumber>,
    /// One of these must be in the certificate; empty asks for none.
    pub roles: &'a [Role],
    /// What is signed.
    pub usage: Use,
}

/// Somebody who signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name in the certificate.
    pub name: String,
    /// The legal entity, if the certificate names one.
    pub organization: Option<String>,
    /// The IIN.
    pub iin: Option<String>,
    /// The BIN.
    pub bin: Option<String>,
    /// In which capacities.
    pub roles: Vec<Role>,
    /// Serial number of the certificate, hexadecimal.
    pub serial: String,
    /// Who issued it.
    pub issuer: String,
    /// The algorithm of its key.
    pub algorithm: String,
}

/// Why a signature is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// `[eds]` names no authority.
    #[error("electronic signatures are not set up here: eds.anchor_files is empty")]
    NotConfigured,
    /// A check failed.
    #[error("{}", .0.text(crate::locale::Lang::En))]
    Refused(Refusal),
    /// More than one certificate.
    #[error("exactly one person signs")]
    Several,
    /// M26: the certificate is somebody else's.
    #[error("the IIN in the certificate is not the one in the form")]
    OtherPerson,
    /// M27: the certificate is another entity's.
    #[error("the BIN in the certificate is not the one in the form")]
    OtherEntity,
    /// M27: a person's certificate, where one of an entity is wanted.
    #[error("the certificate is one of a person; one of the legal entity is wanted")]
    NoEntity,
    /// M27: neither its head nor one with the right to sign.
    #[error("the certificate gives no right to sign for the legal entity")]
    Role,
    /// Whether the certificate was revoked cannot be found out now.
    #[error("whether the certificate was revoked cannot be found out now: {0}")]
    RevocationUnknown(String),
}

/// What became of a signature that somebody asks about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// What was found out.
    pub report: Report,
    /// What it comes to.
    pub verdict: Verdict,
}

/// What the checks come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All that the configuration asks for was checked, and holds.
    Valid,
    /// A check failed.
    Refused(Refusal),
    /// All else holds, but whether a certificate was revoked cannot be found out now.
    RevocationUnknown,
}

/// M27: who may sign for a legal entity.
pub const MAY_SIGN: &[Role] = &[Role::FirstHead, Role::RightToSign];

impl Signatures {
    /// Reads the certificates that the settings name.
    ///
    /// # Errors
    /// A file cannot be read or is none; an address is none.
    pub fn new(settings: &Settings, world: World) -> Result<Self, LoadError> {
        let trust = settings.load()?;
        let digits = if settings.check_digits { CheckDigits::Required } else { CheckDigits::NotChecked };
        let revocations = Revocations::new(settings, world)?;
        Ok(Signatures { inner: Arc::new(Inner { trust, digits, revocations }) })
    }

    /// Whether signatures can be verified at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.inner.trust.anchors.is_empty()
    }

    /// Judges a signature over `document`, attached or detached, at an instant.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub async fn verify(
        &self,
        cms: &[u8],
        document: &[u8],
        at: Timestamp,
        wanted: SignerRules<'_>,
    ) -> Result<Signer, SignatureError> {
        if !self.is_configured() {
            return Err(SignatureError::NotConfigured);
        }
        let (inner, cms, document) = (Arc::clone(&self.inner), cms.to_vec(), document.to_vec());
        let usage = wanted.usage;
        let judged = tokio::task::spawn_blocking(move || inner.judge(&cms, &document, usage, at)).await;
        let (signed, report) = match judged {
            Ok(judged) => judged.map_err(SignatureError::Refused)?,
            Err(error) => return Err(SignatureError::RevocationUnknown(error.to_string())),
        };
        let (Some(by), 1) = (signed.signers.first(), signed.certificates().len()) else {
            return Err(SignatureError::Several);
        };
        let signer = Signer::of(&report);
        wanted.require(&signer)?;
        let inner = &self.inner;
        inner.revocations.require_good(&by.certificate, &by.path, inner.trust.trust(), at).await?;
        Ok(signer)
    }

    /// Judges what anybody brings, attached or with its document beside it, as `poshta eds verify` does, and asks for
    /// the revocation of every signer's certificate (M5).
    ///
    /// # Errors
    /// [`SignatureError::NotConfigured`]; [`SignatureError::RevocationUnknown`] when the work ends before its time.
    pub async fn judge(
        &self,
        file: Vec<u8>,
        document: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Result<Judged, SignatureError> {
        if !self.is_configured() {
            return Err(SignatureError::NotConfigured);
        }
        let inner = Arc::clone(&self.inner);
        let judged = tokio::task::spawn_blocking(move || {
            let given = Given { file: &file, document: document.as_deref() };
            eds::judge_with_signers(given, &inner.policy(Use::Document, at))
        });
        let (mut report, signed) =
            judged.await.map_err(|error| SignatureError::RevocationUnknown(error.to_string()))?;
        let verdict = match &report.refusal {
            Some(refusal) => Verdict::Refused(truer(refusal.clone(), &report, at)),
            None => self.revocations_of(signed, &mut report).await,
        };
        Ok(Judged { report, verdict })
    }

    /// Until the first signer of whom it is not known that all is well.
    async fn revocations_of(&self, signed: Option<Signed>, report: &mut Report) -> Verdict {
        let Inner { revocations, trust, .. } = &*self.inner;
        if !revocations.are_checked() {
            return Verdict::Valid;
        }
        for (holder, by) in signed.iter().flat_map(|signed| signed.signers.iter().enumerate()) {
            match revocations.require_good(&by.certificate, &by.path, trust.trust(), by.at).await {
                Ok(()) => report.settle_revocation(holder, Outcome::Passed),
                Err(SignatureError::Refused(refusal)) => {
                    report.settle_revocation(holder, Outcome::Failed);
                    return Verdict::Refused(refusal);
                }
                Err(_) => return Verdict::RevocationUnknown,
            }
        }
        Verdict::Valid
    }

    /// The CMS that a form carries: base64 as NCALayer gives it, or a file as other programs write it, DER or PEM.
    #[must_use]
    pub fn read(sent: &[u8]) -> Option<Vec<u8>> {
        // DER and BER begin with a sequence; the base64 of one begins with another byte.
        if sent.first() == Some(&0x30) {
            return Some(sent.to_vec());
        }
        let lines = std::str::from_utf8(sent).ok()?.lines().filter(|line| !line.trim_start().starts_with("-----"));
        let plain: String = lines.flat_map(str::chars).filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(plain).ok().filter(|cms| !cms.is_empty())
    }

    /// What an attached signature is over, without judging it: tells a signature of something else from one over an
    /// altered text.
    #[must_use]
    pub fn content(cms: &[u8]) -> Option<Vec<u8>> {
        eds::attached_content(cms)
    }
}

impl Inner {
    fn judge(&self, cms: &[u8], document: &[u8], usage: Use, at: Timestamp) -> Result<(Signed, Report), Refusal> {
        let mut report = Report::default();
        match eds::verify(cms, Some(document), &self.policy(usage, at), &mut report) {
            Ok(signed) => Ok((signed, report)),
            Err(refusal) => Err(truer(refusal, &report, at)),
        }
    }

    fn policy(&self, usage: Use, at: Timestamp) -> Policy<'_> {
        Policy {
            trust: self.trust.trust(),
            at,
            digits: self.digits,
            // Asked for afterwards, once it is known about whom.
            evidence: Evidence::None,
            max_age_s: 0,
            usage,
        }
    }
}

/// Who signs with a key whose time is over is to hear that, and not that the time of signing cannot be.
fn truer(refusal: Refusal, report: &Report, at: Timestamp) -> Refusal {
    match refusal {
        Refusal::SigningTime { .. } => expired(report, at).unwrap_or(refusal),
        refusal => refusal,
    }
}

/// That the certificate the report ends with is not valid any more.
fn expired(report: &Report, at: Timestamp) -> Option<Refusal> {
    let holder = report.holders.last()?;
    let until: Timestamp = holder.not_after.parse().ok()?;
    (at > until).then(|| Refusal::Expired { subject: holder.subject.clone(), until })
}

impl settings::Authorities {
    fn trust(&self) -> Trust<'_> {
        Trust { anchors: &self.anchors, others: &self.others }
    }
}

impl SignerRules<'_> {
    fn require(&self, signer: &Signer) -> Result<(), SignatureError> {
        match self.number {
            // M26. A person's own key: a key of an entity's employee has an IIN too, and speaks for the entity.
            Some(PersonalNumber::Iin(iin)) => {
                let is_own = signer.iin.as_deref() == Some(iin.expose().as_str()) && signer.bin.is_none();
                if !is_own {
                    return Err(SignatureError::OtherPerson);
                }
            }
            Some(PersonalNumber::Bin(bin)) => match &signer.bin {
                None => return Err(SignatureError::NoEntity),
                Some(found) if *found != bin.expose() => return Err(SignatureError::OtherEntity),
                Some(_) => {}
            },
            None => {}
        }
        let has_role = self.roles.is_empty() || self.roles.iter().any(|role| signer.roles.contains(role));
        if has_role { Ok(()) } else { Err(SignatureError::Role) }
    }
}

impl Signer {
    fn of(report: &Report) -> Self {
        let holder = report.holders.first().cloned().unwrap_or_default();
        Signer {
            name: holder.subject,
            organization: holder.organization,
            iin: holder.iin,
            bin: holder.bin,
            roles: holder.roles,
            serial: holder.serial,
            issuer: holder.issuer,
            algorithm: holder.algorithm,
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.serial)
    }
}
