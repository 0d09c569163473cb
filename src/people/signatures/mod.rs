//! Who signed this? Signatures of persons over texts of ours, judged with the operator's anchors and with what the
//! configured responders and lists say of revocation (FACTS B6).
//!
//! The invariant: a signature passes only if every check that the configuration asks for was made and held; what could
//! not be found out is never taken for good. Nothing is fetched from a host that a certificate names.

mod revocation;
mod settings;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::{Timestamp, World};
use crate::identity::PersonalNumber;
use crate::identity::eds::{self, CheckDigits, Evidence, Policy, Refusal, Report, Role, Signed, Trust, Use};

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
        let ([certificate], [path]) = (signed.certificates.as_slice(), signed.paths.as_slice()) else {
            return Err(SignatureError::Several);
        };
        let signer = Signer::of(&report);
        wanted.require(&signer)?;
        let inner = &self.inner;
        inner.revocations.require_good(certificate, path, inner.trust.trust(), at).await?;
        Ok(signer)
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
        let policy = Policy {
            trust: self.trust.trust(),
            at,
            digits: self.digits,
            // Asked for afterwards, once it is known about whom.
            evidence: Evidence::None,
            max_age_s: 0,
            usage,
        };
        let mut report = Report::default();
        match eds::verify(cms, Some(document), &policy, &mut report) {
            Ok(signed) => Ok((signed, report)),
            // Who signs with a key whose time is over is to hear that, and not that the time of signing cannot be.
            Err(Refusal::SigningTime { claimed }) => {
                Err(expired(&report, at).unwrap_or(Refusal::SigningTime { claimed }))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// That the certificate in the report is not valid any more.
fn expired(report: &Report, at: Timestamp) -> Option<Refusal> {
    let until: Timestamp = report.not_after.as_ref()?.parse().ok()?;
    (at > until).then(|| Refusal::Expired { subject: report.subject.clone().unwrap_or_default(), until })
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
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Signer {
            name: text(&report.subject),
            organization: report.organization.clone(),
            iin: report.iin.clone(),
            bin: report.bin.clone(),
            roles: report.roles.clone(),
            serial: text(&report.serial),
            issuer: text(&report.issuer),
            algorithm: text(&report.algorithm),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.serial)
    }
}
