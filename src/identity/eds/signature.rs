//! Signatures of persons: a CMS with the attributes of CAdES, with or without the document inside.

use super::certificate::{CLIENT_AUTH, Certificate, EMAIL_PROTECTION, Usage};
use super::chain::{Path, Trust};
use super::cms::{SignedData, Signer};
use super::crl::RevocationList;
use super::ocsp::{Question, Response, Status};
use super::refusal::{Kind, Refusal};
use super::report::{Holder, Report, Step, hex};
use super::roles::roles;
use super::subject::CheckDigits;
use super::timestamp::{Expected, Token};
use super::{require_not_later, timestamp};
use crate::clock::Timestamp;

/// What counts when a signature is judged.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Authorities that are trusted.
    pub trust: Trust<'a>,
    /// The moment of the verification.
    pub at: Timestamp,
    /// Whether IIN and BIN must be right to their last digit.
    pub digits: CheckDigits,
    /// What is known about revocation.
    pub evidence: Evidence<'a>,
    /// News about revocation may be so old, seconds.
    pub max_age_s: i64,
    /// What is signed: not every key signs everything.
    pub usage: Use,
}

/// What is known about revocation.
#[derive(Clone, Copy, Debug, Default)]
pub enum Evidence<'a> {
    /// Nothing: it is not checked, and the report says so.
    #[default]
    None,
    /// The answer of a responder, and the nonce that was sent to it.
    Ocsp(&'a Response, Option<&'a [u8]>),
    /// A list.
    List(&'a RevocationList),
}

/// A signature that holds.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What was signed.
    pub content: Vec<u8>,
    /// Who signed, as the report names them: whoever signed twice stands here twice.
    pub signers: Vec<SignedBy>,
}

/// One of those who signed.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The certificate.
    pub certificate: Certificate,
    /// Its way to an authority that is trusted.
    pub path: Path,
    /// The signature was there at this time for certain: that of its time stamp, or of the verification.
    pub at: Timestamp,
}

impl Signed {
    /// The certificates of those who signed, each of them once.
    #[must_use]
    pub fn certificates(&self) -> Vec<&Certificate> {
        let mut distinct: Vec<&Certificate> = Vec::new();
        for SignedBy { certificate, .. } in &self.signers {
            if !distinct.contains(&certificate) {
                distinct.push(certificate);
            }
        }
        distinct
    }
}

/// Judges a signature; `document` is what a detached one is over. What is found out is noted in the report.
///
/// # Errors
/// The first check that failed.
pub fn verify(
    bytes: &[u8],
    document: Option<&[u8]>,
    policy: &Policy<'_>,
    report: &mut Report,
) -> Result<Signed, Refusal> {
    report.kind = Some(Kind::Signature);
    match SignedData::read(bytes, Kind::Signature) {
        Ok(data) => verify_data(&data, document, policy, report),
        Err(refusal) => report.check(Step::Form, Err(refusal)),
    }
}

/// What a signature has inside it, not judged; nothing when it is detached, or none.
#[must_use]
pub fn attached_content(bytes: &[u8]) -> Option<Vec<u8>> {
    SignedData::read(bytes, Kind::Signature).ok()?.content
}

/// The same for what was read already.
pub(super) fn verify_data(
    data: &SignedData,
    document: Option<&[u8]>,
    policy: &Policy<'_>,
    report: &mut Report,
) -> Result<Signed, Refusal> {
    let content = report.check(Step::Form, content(data, document))?.to_vec();
    // Everybody who signed must have signed rightly.
    let signers = data.signers.iter().map(|signer| verify_signer(data, signer, &content, policy, report));
    let signers = signers.collect::<Result<Vec<_>, _>>()?;
    if signers.is_empty() {
        return report.check(Step::Signature, Err(Refusal::NoSigner));
    }
    Ok(Signed { content, signers })
}

fn content<'a>(data: &'a SignedData, document: Option<&'a [u8]>) -> Result<&'a [u8], Refusal> {
    match (data.content.as_deref(), document) {
        (None, None) => Err(Refusal::NoContent),
        (Some(inside), Some(document)) if inside != document => Err(Refusal::OtherContent),
        (Some(content), _) | (None, Some(content)) => Ok(content),
    }
}

fn verify_signer(
    data: &SignedData,
    signer: &Signer,
    content: &[u8],
    policy: &Policy<'_>,
    report: &mut Report,
) -> Result<SignedBy, Refusal> {
    let others: Vec<Certificate> = policy.trust.anchors.iter().chain(policy.trust.others).cloned().collect();
    let Some(certificate) = data.certificate_of(signer, &others).cloned() else {
        return report.check(Step::Signature, Err(Refusal::NoSignerCertificate));
    };
    let signing_time = signer.signing_time.map(|time| time.to_string());
    report.holders.push(Holder { signing_time, ..Holder::of(&certificate) });
    report.check(Step::Signature, signer.verify(&certificate, &data.content_type, content))?;
    let others: Vec<Certificate> = data.certificates.iter().chain(policy.trust.others).cloned().collect();
    let trust = policy.trust.with(&others);
    let stamped = time_stamp(signer, trust, policy.at, report)?;
    let at = stamped.unwrap_or(policy.at);
    let claimed = require_signing_time(signer.signing_time, &certificate, at);
    report.check(Step::SigningTime, claimed)?;
    let path = judge_certificate(&certificate, &Policy { trust, at, ..*policy }, policy.at, report)?;
    Ok(SignedBy { certificate, path, at })
}

/// The time at which the signature was there for certain: that of its time stamp.
fn time_stamp(
    signer: &Signer,
    trust: Trust<'_>,
    now: Timestamp,
    report: &mut Report,
) -> Result<Option<Timestamp>, Refusal> {
    let Some(bytes) = signer.time_stamps.first() else {
        report.skip(Step::TimeStamp);
        return Ok(None);
    };
    let token = match Token::read(bytes) {
        Ok(token) => token,
        Err(refusal) => return report.check(Step::TimeStamp, Err(refusal)),
    };
    let expected = Expected { content: &signer.signature, nonce: None, policy: None };
    let verified = token.require(&expected).and_then(|()| token.verify(trust, now));
    let verified = report.check(Step::TimeStamp, verified)?;
    if let Some(holder) = report.holders.last_mut() {
        holder.time_stamp = Some(stamp(&verified));
    }
    Ok(Some(verified.info.time))
}

/// What a time stamp says.
pub(super) fn stamp(verified: &timestamp::Verified<'_>) -> super::report::Stamp {
    super::report::Stamp {
        time: verified.info.time.to_string(),
        authority: verified.signer.names().shown(),
        policy: verified.info.policy.clone(),
        serial: hex(&verified.info.serial),
        digest: verified.info.digest.clone(),
        imprint: hex(&verified.info.imprint),
    }
}

/// Nobody but the signer vouches for it, so it only must not be impossible.
fn require_signing_time(claimed: Option<Timestamp>, certificate: &Certificate, at: Timestamp) -> Result<(), Refusal> {
    let Some(claimed) = claimed else { return Ok(()) };
    let is_future = require_not_later(claimed, at).is_err();
    if is_future || claimed < certificate.not_before() || claimed > certificate.not_after() {
        return Err(Refusal::SigningTime { claimed });
    }
    Ok(())
}

/// What somebody does with the key of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Use {
    /// Nothing yet: the certificate alone is judged, one for signing in as well.
    Any,
    /// Signs a document, and is held to it.
    #[default]
    Document,
    /// Proves who somebody is. Whoever can be held to documents can do that too.
    SignIn,
}

impl Use {
    /// The national authority gives a person two keys, and only one of them signs documents (FACTS B6).
    fn require(self, certificate: &Certificate) -> Result<(), Refusal> {
        let purposes = certificate.purposes();
        let is_purpose = purposes.is_empty() || purposes.iter().any(|purpose| purpose == EMAIL_PROTECTION);
        let is_for_documents = certificate.allows(Usage::NonRepudiation) && is_purpose;
        let is_meant_for_it = match self {
            Use::Any => certificate.allows(Usage::Signature) || certificate.is_authority(),
            Use::Document => is_for_documents,
            Use::SignIn => {
                let is_purpose = purposes.iter().any(|purpose| purpose == CLIENT_AUTH);
                is_for_documents || (certificate.allows(Usage::Signature) && is_purpose)
            }
        };
        if is_meant_for_it { Ok(()) } else { Err(Refusal::KeyUsage { subject: certificate.names().shown() }) }
    }
}

/// Judges the certificate of a person: its way to an authority at the policy's time, its use, its numbers, and whether
/// it was revoked, as far as is known `now`.
pub(super) fn judge_certificate(
    certificate: &Certificate,
    policy: &Policy<'_>,
    now: Timestamp,
    report: &mut Report,
) -> Result<Path, Refusal> {
    let path = report.check(Step::Chain, policy.trust.path(certificate, policy.at))?;
    report.check(Step::KeyUsage, policy.usage.require(certificate))?;
    let names = certificate.names();
    let numbers = names.iin(policy.digits).and_then(|iin| Ok((iin, names.bin(policy.digits)?)));
    let numbers = report.check(Step::Numbers, numbers)?;
    if let Some(holder) = report.holders.last_mut() {
        (holder.iin, holder.bin) = numbers;
    }
    match revocation(certificate, &path, policy, now) {
        Some(result) => report.check(Step::Revocation, result)?,
        None => report.skip(Step::Revocation),
    }
    Ok(path)
}

fn revocation(
    certificate: &Certificate,
    path: &Path,
    policy: &Policy<'_>,
    now: Timestamp,
) -> Option<Result<(), Refusal>> {
    let issuer = path.issuer()?;
    match policy.evidence {
        Evidence::None => None,
        Evidence::Ocsp(response, nonce) => {
            let question = Question { certificate, issuer, nonce };
            let verified = response.verify(policy.trust, now, policy.max_age_s);
            Some(verified.and_then(|verified| response.answer(&question, &verified)?.require_good(policy.at)))
        }
        Evidence::List(list) => {
            let status = list.status(certificate, issuer, now, policy.max_age_s);
            Some(status.and_then(|status| match status {
                Status::Revoked(since) if since <= policy.at => Err(Refusal::Revoked { since }),
                _ => Ok(()),
            }))
        }
    }
}

impl Holder {
    /// Whose a certificate is. The numbers come later, once they are checked.
    pub(super) fn of(certificate: &Certificate) -> Self {
        let names = certificate.names();
        Holder {
            subject: names.common_name.clone(),
            organization: Some(names.organization.clone()).filter(|name| !name.is_empty()),
            roles: roles(certificate),
            algorithm: certificate.algorithm(),
            issuer: certificate.issuer_names().shown(),
            serial: hex(certificate.serial()),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            ..Holder::default()
        }
    }
}
