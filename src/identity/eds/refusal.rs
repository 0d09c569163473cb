//! Why something that was signed is not accepted: which check failed, in words that a person understands.

use std::fmt;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::identity::number::NumberError;
use crate::locale::{self, Lang};

/// What can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An X.509 certificate (RFC 5280).
    Certificate,
    /// A signature (RFC 5652).
    Signature,
    /// An answer of an OCSP responder (RFC 6960).
    OcspResponse,
    /// A time stamp (RFC 3161).
    TimeStamp,
    /// A list of revoked certificates (RFC 5280 §5).
    RevocationList,
}

/// Why something is not accepted.
#[allow(missing_docs, reason = "subject, time and the like are what the sentence says of them")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nothing that is read here.
    NotRecognised,
    /// The bytes are not what they begin like.
    Malformed(Kind),
    /// An algorithm or a curve that is not accepted.
    UnknownAlgorithm { oid: String },
    /// Too short.
    WeakKey { bits: usize },
    /// A hash function that is not safe for signatures.
    WeakDigest,
    /// Hash and signature are of different algorithms.
    DigestMismatch,
    /// There is no way to an authority that is trusted.
    NoIssuer { subject: String, issuer: String },
    /// The issuer did not sign it.
    CertificateSignature { subject: String },
    /// Too early.
    NotYetValid { subject: String, from: Timestamp },
    /// Too late.
    Expired { subject: String, until: Timestamp },
    /// An extension that must be understood, and is not.
    CriticalExtension { subject: String, oid: String },
    /// Its certificate does not allow it to issue others, or not so many below each other.
    NotAuthority { subject: String },
    /// The key is for something else.
    KeyUsage { subject: String },
    /// The IIN is none.
    Iin(NumberError),
    /// The BIN is none.
    Bin(NumberError),
    /// A detached signature without its document.
    NoContent,
    /// The document that was handed in is not the one inside.
    OtherContent,
    /// Nobody signed.
    NoSigner,
    /// The signer's certificate is not there.
    NoSignerCertificate,
    /// A signed attribute is missing, or there twice.
    Attribute { name: &'static str },
    /// The document was changed, or it is another one.
    MessageDigest,
    /// The signature names another certificate than the one it is checked with.
    SigningCertificate,
    /// The signature is not of this key.
    Signature { subject: String },
    /// The moment of signing that the signer names is in the future, or outside of the certificate's validity.
    SigningTime { claimed: Timestamp },
    /// The time stamp is over something else.
    Imprint,
    /// The answer is to another question.
    Nonce,
    /// The stamp follows another policy.
    Policy { found: String },
    /// The certificate is not of a time-stamping authority.
    NotTimeStamping { subject: String },
    /// The time-stamping authority said no.
    NotGranted { status: u32 },
    /// The time is later than now.
    Future { time: Timestamp },
    /// The responder gave no answer.
    OcspStatus { status: u32 },
    /// The answer is about other certificates.
    NoAnswer,
    /// The certificate may not answer for its issuer.
    NotResponder { subject: String },
    /// Too old to rely on.
    Stale { updated: Timestamp },
    /// The certificate was revoked.
    Revoked { since: Timestamp },
    /// The responder does not know the certificate.
    UnknownCertificate,
    /// The list is of another issuer, or covers only some of the certificates.
    OtherList,
}

impl Refusal {
    /// What programs know it by; texts for people are under `eds-` and this.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotRecognised => "not-recognised",
            Refusal::Malformed(_) => "malformed",
            Refusal::UnknownAlgorithm { .. } => "unknown-algorithm",
            Refusal::WeakKey { .. } => "weak-key",
            Refusal::WeakDigest => "weak-digest",
            Refusal::DigestMismatch => "digest-mismatch",
            Refusal::NoIssuer { .. } => "no-issuer",
            Refusal::CertificateSignature { .. } => "certificate-signature",
            Refusal::NotYetValid { .. } => "not-yet-valid",
            Refusal::Expired { .. } => "expired",
            Refusal::CriticalExtension { .. } => "critical-extension",
            Refusal::NotAuthority { .. } => "not-authority",
            Refusal::KeyUsage { .. } => "key-usage",
            Refusal::Iin(_) => "iin",
            Refusal::Bin(_) => "bin",
            Refusal::NoContent => "no-content",
            Refusal::OtherContent => "other-content",
            Refusal::NoSigner => "no-signer",
            Refusal::NoSignerCertificate => "no-signer-certificate",
            Refusal::Attribute { .. } => "attribute",
            Refusal::MessageDigest => "message-digest",
            Refusal::SigningCertificate => "signing-certificate",
            Refusal::Signature { .. } => "signature",
            Refusal::SigningTime { .. } => "signing-time",
            Refusal::Imprint => "imprint",
            Refusal::Nonce => "nonce",
            Refusal::Policy { .. } => "policy",
            Refusal::NotTimeStamping { .. } => "not-time-stamping",
            Refusal::NotGranted { .. } => "not-granted",
            Refusal::Future { .. } => "future",
            Refusal::OcspStatus { .. } => "ocsp-status",
            Refusal::NoAnswer => "no-answer",
            Refusal::NotResponder { .. } => "not-responder",
            Refusal::Stale { .. } => "stale",
            Refusal::Revoked { .. } => "revoked",
            Refusal::UnknownCertificate => "unknown-certificate",
            Refusal::OtherList => "other-list",
        }
    }

    /// The sentence in this language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let args = self.arguments(lang);
        let args: Vec<(&str, &str)> = args.iter().map(|(name, value)| (*name, value.as_str())).collect();
        locale::text(lang, &format!("eds-{}", self.code()), &args)
    }

    fn arguments(&self, lang: Lang) -> Vec<(&'static str, String)> {
        match self {
            Refusal::Malformed(kind) => vec![("kind", kind.text(lang))],
            Refusal::UnknownAlgorithm { oid } => vec![("oid", oid.clone())],
            Refusal::WeakKey { bits } => vec![("bits", bits.to_string())],
            Refusal::NoIssuer { subject, issuer } => vec![("subject", subject.clone()), ("issuer", issuer.clone())],
            Refusal::CriticalExtension { subject, oid } => vec![("subject", subject.clone()), ("oid", oid.clone())],
            Refusal::NotYetValid { subject, from } => vec![("subject", subject.clone()), ("time", from.to_string())],
            Refusal::Expired { subject, until } => vec![("subject", subject.clone()), ("time", until.to_string())],
            Refusal::CertificateSignature { subject }
            | Refusal::NotAuthority { subject }
            | Refusal::KeyUsage { subject }
            | Refusal::Signature { subject }
            | Refusal::NotTimeStamping { subject }
            | Refusal::NotResponder { subject } => vec![("subject", subject.clone())],
            Refusal::Iin(error) | Refusal::Bin(error) => vec![("why", locale::text(lang, number_key(*error), &[]))],
            Refusal::Attribute { name } => vec![("name", (*name).to_owned())],
            Refusal::Policy { found } => vec![("found", found.clone())],
            Refusal::NotGranted { status } | Refusal::OcspStatus { status } => vec![("status", status.to_string())],
            Refusal::SigningTime { claimed: time }
            | Refusal::Future { time }
            | Refusal::Stale { updated: time }
            | Refusal::Revoked { since: time } => vec![("time", time.to_string())],
            _ => Vec::new(),
        }
    }

    /// One of each, for tests of the texts.
    #[cfg(test)]
    pub(crate) fn one_of_each() -> Vec<Refusal> {
        let (subject, oid, time) = (|| "Тестов".to_owned(), || "1.2.3".to_owned(), Timestamp::UNIX_EPOCH);
        vec![
            Refusal::NotRecognised,
            Refusal::Malformed(Kind::Certificate),
            Refusal::Malformed(Kind::Signature),
            Refusal::Malformed(Kind::OcspResponse),
            Refusal::Malformed(Kind::TimeStamp),
            Refusal::Malformed(Kind::RevocationList),
            Refusal::UnknownAlgorithm { oid: oid() },
            Refusal::WeakKey { bits: 1024 },
            Refusal::WeakDigest,
            Refusal::DigestMismatch,
            Refusal::NoIssuer { subject: subject(), issuer: subject() },
            Refusal::CertificateSignature { subject: subject() },
            Refusal::NotYetValid { subject: subject(), from: time },
            Refusal::Expired { subject: subject(), until: time },
            Refusal::CriticalExtension { subject: subject(), oid: oid() },
            Refusal::NotAuthority { subject: subject() },
            Refusal::KeyUsage { subject: subject() },
            Refusal::Iin(NumberError::NotTwelveDigits),
            Refusal::Iin(NumberError::CheckDigit),
            Refusal::Iin(NumberError::Impossible),
            Refusal::Iin(NumberError::IsBin),
            Refusal::Bin(NumberError::IsIin),
            Refusal::NoContent,
            Refusal::OtherContent,
            Refusal::NoSigner,
            Refusal::NoSignerCertificate,
            Refusal::Attribute { name: "contentType" },
            Refusal::MessageDigest,
            Refusal::SigningCertificate,
            Refusal::Signature { subject: subject() },
            Refusal::SigningTime { claimed: time },
            Refusal::Imprint,
            Refusal::Nonce,
            Refusal::Policy { found: oid() },
            Refusal::NotTimeStamping { subject: subject() },
            Refusal::NotGranted { status: 2 },
            Refusal::Future { time },
            Refusal::OcspStatus { status: 6 },
            Refusal::NoAnswer,
            Refusal::NotResponder { subject: subject() },
            Refusal::Stale { updated: time },
            Refusal::Revoked { since: time },
            Refusal::UnknownCertificate,
            Refusal::OtherList,
        ]
    }
}

impl Kind {
    /// Its name in this language.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        let key = match self {
            Kind::Certificate => "eds-kind-certificate",
            Kind::Signature => "eds-kind-signature",
            Kind::OcspResponse => "eds-kind-ocsp-response",
            Kind::TimeStamp => "eds-kind-time-stamp",
            Kind::RevocationList => "eds-kind-revocation-list",
        };
        locale::text(lang, key, &[])
    }
}

fn number_key(error: NumberError) -> &'static str {
    match error {
        NumberError::NotTwelveDigits => "eds-number-not-twelve-digits",
        NumberError::CheckDigit => "eds-number-check-digit",
        NumberError::Impossible => "eds-number-impossible",
        NumberError::IsBin => "eds-number-is-bin",
        NumberError::IsIin => "eds-number-is-iin",
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_sentence_in_three_languages() {
        for refusal in Refusal::one_of_each() {
            for lang in Lang::ALL {
                let text = refusal.text(lang);
                assert!(text.len() > 20 && !text.starts_with("eds-"), "{lang:?} {refusal:?}: {text}");
                assert!(!text.contains('{') && !text.contains("eds-"), "{lang:?} {refusal:?}: {text}");
            }
        }
    }
}
