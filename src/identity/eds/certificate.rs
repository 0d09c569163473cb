//! X.509 certificates (RFC 5280), as far as signatures of persons and services need them.

use std::sync::Arc;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::algorithm::{Key, SignatureAlgorithm};
use super::asn1::{Malformed, Reader, tag};
use super::refusal::{Kind, Refusal};
use super::subject::Subject;
use crate::clock::Timestamp;

/// A certificate that was read; nothing of it is verified yet. Copies share it.
#[derive(Clone)]
pub struct Certificate {
    facts: Arc<Facts>,
}

struct Facts {
    der: Vec<u8>,
    /// What the issuer signed.
    signed: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    names: Subject,
    issuer_names: Subject,
    not_before: Timestamp,
    not_after: Timestamp,
    key: Key,
    /// The bits of the key, which OCSP names an issuer by.
    key_bits: Vec<u8>,
    extensions: Extensions,
}

/// What the extensions say that are read.
#[derive(Default)]
struct Extensions {
    is_authority: bool,
    path_length: Option<u32>,
    /// Bits of RFC 5280 §4.2.1.3, the first one lowest.
    key_usage: Option<u16>,
    purposes: Vec<String>,
    are_purposes_critical: bool,
    key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// One that must be understood, and is not.
    not_understood: Option<String>,
}

/// What a key may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// Signing what is neither a certificate nor a list of revoked ones.
    Signature,
    /// Signatures that their maker is to be held to.
    NonRepudiation,
    /// Certificates.
    Certificates,
    /// Lists of revoked certificates.
    RevocationLists,
}

/// A longer one is none: it is hashed and compared for everybody who sends it. Bytes.
const MAX_BYTES: usize = 64 << 10;

/// The purpose of a key that signs documents.
pub(super) const EMAIL_PROTECTION: &str = "1.3.6.1.5.5.7.3.4";

/// The purpose of a key that only proves who somebody is.
pub(super) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// Purposes of services (RFC 5280 §4.2.1.12).
pub(super) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub(super) const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// It is none.
    pub fn read(der: &[u8]) -> Result<Self, Refusal> {
        if der.len() > MAX_BYTES {
            return Err(Refusal::Malformed(Kind::Certificate));
        }
        let facts = Facts::read(der).ok_or(Refusal::Malformed(Kind::Certificate))?;
        Ok(Certificate { facts: Arc::new(facts) })
    }

    /// Its bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.facts.der
    }

    /// Whose it is.
    #[must_use]
    pub fn names(&self) -> &Subject {
        &self.facts.names
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer_names(&self) -> &Subject {
        &self.facts.issuer_names
    }

    /// The first moment at which it is valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.facts.not_before
    }

    /// The last moment at which it is valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.facts.not_after
    }

    /// The algorithm of its key, in the words of its standard.
    #[must_use]
    pub fn algorithm(&self) -> String {
        self.facts.key.name()
    }

    /// Its serial number, big-endian.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.facts.serial
    }

    /// Its purposes (EKU), numbers with points between.
    #[must_use]
    pub fn purposes(&self) -> &[String] {
        &self.facts.extensions.purposes
    }

    /// Whether the purposes are a critical extension.
    #[must_use]
    pub fn are_purposes_critical(&self) -> bool {
        self.facts.extensions.are_purposes_critical
    }

    pub(super) fn issuer(&self) -> &[u8] {
        &self.facts.issuer
    }

    pub(super) fn subject(&self) -> &[u8] {
        &self.facts.subject
    }

    pub(super) fn key(&self) -> &Key {
        &self.facts.key
    }

    pub(super) fn key_bits(&self) -> &[u8] {
        &self.facts.key_bits
    }

    pub(super) fn key_id(&self) -> Option<&[u8]> {
        self.facts.extensions.key_id.as_deref()
    }

    pub(super) fn is_authority(&self) -> bool {
        self.facts.extensions.is_authority
    }

    pub(super) fn path_length(&self) -> Option<u32> {
        self.facts.extensions.path_length
    }

    /// Whether the issuer's name, and where both have it the issuer's key id, are those of `issuer`.
    pub(super) fn names_as_issuer(&self, issuer: &Certificate) -> bool {
        let is_key_right = match (&self.facts.extensions.authority_key_id, issuer.key_id()) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        self.facts.issuer == issuer.facts.subject && is_key_right
    }

    /// Whether the key may be used like that; a certificate that does not say allows all.
    #[must_use]
    pub fn allows(&self, usage: Usage) -> bool {
        let bits = match usage {
            Usage::Signature => 0b11,
            Usage::NonRepudiation => 0b10,
            Usage::Certificates => 1 << 5,
            Usage::RevocationLists => 1 << 6,
        };
        self.facts.extensions.key_usage.is_none_or(|allowed| allowed & bits != 0)
    }

    /// Whether `issuer` signed it.
    pub(super) fn is_signed_by(&self, issuer: &Certificate) -> Result<bool, Refusal> {
        let algorithm = SignatureAlgorithm::named(&self.facts.algorithm, None)?;
        algorithm.verifies(issuer.key(), &self.facts.signed, &self.facts.signature)
    }

    /// That it is valid at a moment, and that everything that must be understood of it is.
    pub(super) fn require_valid_at(&self, at: Timestamp) -> Result<(), Refusal> {
        let whose = || self.names().shown();
        if let Some(oid) = &self.facts.extensions.not_understood {
            return Err(Refusal::CriticalExtension { subject: whose(), oid: oid.clone() });
        }
        if at < self.not_before() {
            return Err(Refusal::NotYetValid { subject: whose(), from: self.not_before() });
        }
        if at > self.not_after() {
            return Err(Refusal::Expired { subject: whose(), until: self.not_after() });
        }
        Ok(())
    }
}

/// Its bytes have the numbers of a person in them (DESIGN 18).
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Certificate").field(&self.names().shown()).finish()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.facts.der == other.facts.der
    }
}

impl Eq for Certificate {}

impl Facts {
    fn read(der: &[u8]) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        let (algorithm, key, signature) = outline(der).ok()?;
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        // RFC 5280 §4.2: no extension comes twice.
        parsed.extensions_map().ok()?;
        if !rest.is_empty() {
            return None;
        }
        let signed: &[u8] = parsed.tbs_certificate.as_ref();
        Some(Facts {
            signed: signed.to_vec(),
            algorithm,
            signature,
            serial: parsed.raw_serial().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            subject: parsed.subject().as_raw().to_vec(),
            names: Subject::read(parsed.subject()),
            issuer_names: Subject::read(parsed.issuer()),
            not_before: at(parsed.validity().not_before)?,
            not_after: at(parsed.validity().not_after)?,
            key,
            key_bits: parsed.public_key().subject_public_key.data.to_vec(),
            extensions: Extensions::read(&parsed)?,
            der: der.to_vec(),
        })
    }
}

/// Algorithm of the signature, key, and signature (RFC 5280 §4.1).
fn outline(der: &[u8]) -> Result<(String, Key, Vec<u8>), Malformed> {
    let mut certificate = Reader::only(der, tag::SEQUENCE)?.inside();
    let mut signed = certificate.take(tag::SEQUENCE)?.inside();
    let outer = certificate.take(tag::SEQUENCE)?;
    let signature = certificate.take(tag::BIT_STRING)?.bits()?.to_vec();
    signed.optional(tag::constructed(0))?;
    signed.take(tag::INTEGER)?;
    // RFC 5280 §4.1.1.2: the same algorithm inside and outside of what is signed.
    if signed.take(tag::SEQUENCE)?.whole != outer.whole {
        return Err(Malformed);
    }
    for _ in ["issuer", "validity", "subject"] {
        signed.take(tag::SEQUENCE)?;
    }
    let key = Key::read(&signed.take(tag::SEQUENCE)?)?;
    Ok((outer.inside().oid()?, key, signature))
}

impl Extensions {
    fn read(parsed: &X509Certificate<'_>) -> Option<Self> {
        let mut found = Extensions::default();
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => {
                    found.is_authority = constraints.ca;
                    found.path_length = constraints.path_len_constraint;
                }
                ParsedExtension::KeyUsage(usage) => found.key_usage = Some(usage.flags),
                ParsedExtension::ExtendedKeyUsage(_) => {
                    found.purposes = purposes(extension.value).ok()?;
                    found.are_purposes_critical = extension.critical;
                }
                ParsedExtension::SubjectKeyIdentifier(id) => found.key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    found.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                // Every policy is accepted, and no name is looked up: both are understood.
                ParsedExtension::CertificatePolicies(_) | ParsedExtension::SubjectAlternativeName(_) => {}
                ParsedExtension::ParseError { .. } => return None,
                _ if extension.critical => found.not_understood = Some(extension.oid.to_id_string()),
                _ => {}
            }
        }
        Some(found)
    }
}

fn purposes(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let purposes = Reader::only(value, tag::SEQUENCE)?.inside().all(64)?;
    purposes.iter().map(super::asn1::Element::oid).collect()
}
