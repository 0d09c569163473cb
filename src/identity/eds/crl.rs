//! Was a certificate revoked? Lists of revoked certificates (RFC 5280 §5), where no responder can be asked.

use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::algorithm::SignatureAlgorithm;
use super::asn1::{Malformed, Reader, tag};
use super::certificate::{Certificate, Usage};
use super::ocsp::Status;
use super::refusal::{Kind, Refusal};
use super::{ber, require_fresh};
use crate::clock::Timestamp;

/// A list that was read; nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct RevocationList {
    signed: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    updated: Timestamp,
    next: Option<Timestamp>,
    is_partial: bool,
    /// Serial numbers, and since when.
    revoked: Vec<(Vec<u8>, Timestamp)>,
}

impl RevocationList {
    /// Reads a CertificateList in DER.
    ///
    /// # Errors
    /// It is none.
    pub fn read(der: &[u8]) -> Result<Self, Refusal> {
        if der.len() > ber::MAX_BYTES {
            return Err(Refusal::Malformed(Kind::RevocationList));
        }
        Self::parse(der).ok_or(Refusal::Malformed(Kind::RevocationList))
    }

    fn parse(der: &[u8]) -> Option<Self> {
        let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
        let (signed, algorithm, signature) = outline(der).ok().filter(|_| rest.is_empty())?;
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let revoked = list.iter_revoked_certificates();
        let revoked = revoked.map(|one| Some((one.raw_serial().to_vec(), at(one.revocation_date)?)));
        Some(RevocationList {
            signed,
            algorithm,
            signature,
            issuer: list.issuer().as_raw().to_vec(),
            updated: at(list.last_update())?,
            next: match list.next_update() {
                Some(next) => Some(at(next)?),
                None => None,
            },
            // RFC 5280 §5.2.4, §5.2.5: a delta, or a list of some certificates, says so critically.
            is_partial: list.extensions().iter().any(|extension| extension.critical),
            revoked: revoked.collect::<Option<_>>()?,
        })
    }

    /// Whether it names this authority as its issuer.
    pub(super) fn is_of(&self, issuer: &Certificate) -> bool {
        self.issuer == issuer.subject()
    }

    /// That `issuer`, an authority, signed it, and that it was new at `at`.
    pub(super) fn require(&self, issuer: &Certificate, at: Timestamp, max_age_s: i64) -> Result<(), Refusal> {
        if !self.is_of(issuer) || self.is_partial {
            return Err(Refusal::OtherList);
        }
        let subject = || issuer.names().shown();
        // A certificate that says nothing of its key's use allows all: that must not make a person's one issue lists.
        if !issuer.is_authority() {
            return Err(Refusal::NotAuthority { subject: subject() });
        }
        if !issuer.allows(Usage::RevocationLists) {
            return Err(Refusal::KeyUsage { subject: subject() });
        }
        let algorithm = SignatureAlgorithm::named(&self.algorithm, None)?;
        if !algorithm.verifies(issuer.key(), &self.signed, &self.signature)? {
            return Err(Refusal::Signature { subject: subject() });
        }
        require_fresh(self.updated, self.next, at, max_age_s)
    }

    /// What it says of a certificate of `issuer`, who must have signed it.
    ///
    /// # Errors
    /// It is of another issuer, not signed by it, or not new at `at`.
    pub fn status(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: Timestamp,
        max_age_s: i64,
    ) -> Result<Status, Refusal> {
        if self.issuer != certificate.issuer() {
            return Err(Refusal::OtherList);
        }
        self.require(issuer, at, max_age_s)?;
        let entry = self.revoked.iter().find(|(serial, _)| serial == certificate.serial());
        Ok(entry.map_or(Status::Good, |(_, since)| Status::Revoked(*since)))
    }
}

/// What is signed, with what, and the signature.
fn outline(der: &[u8]) -> Result<(Vec<u8>, String, Vec<u8>), Malformed> {
    let mut list = Reader::only(der, tag::SEQUENCE)?.inside();
    let signed = list.take(tag::SEQUENCE)?.whole.to_vec();
    let algorithm = list.algorithm()?;
    let signature = list.take(tag::BIT_STRING)?.bits()?.to_vec();
    list.end()?;
    Ok((signed, algorithm, signature))
}
