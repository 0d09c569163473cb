//! From a certificate to an authority that is trusted (RFC 5280 §6, without policies and name constraints: a
//! certificate in which either is critical is refused).

use super::certificate::{Certificate, Usage};
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// Whom to believe, and what may stand between.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust<'a> {
    /// Certificates of authorities that are trusted, roots or not.
    pub anchors: &'a [Certificate],
    /// Certificates that came with what is verified; nothing is believed of them.
    pub others: &'a [Certificate],
}

/// The certificate, its issuer, that one's issuer and so on, up to one that is trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path(Vec<Certificate>);

/// The longest way, certificates.
const MAX_LENGTH: usize = 8;

/// Signatures of certificates that are verified for one way: whoever sends many certificates gets no more work done.
const MAX_ATTEMPTS: usize = 32;

impl Path {
    /// The issuer of the certificate; itself when it is trusted itself.
    #[must_use]
    pub fn issuer(&self) -> Option<&Certificate> {
        self.0.get(1).or_else(|| self.0.first())
    }

    /// All of it.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }
}

impl<'a> Trust<'a> {
    /// The same authorities, and certificates that came along.
    #[must_use]
    pub fn with(self, others: &'a [Certificate]) -> Self {
        Trust { others, ..self }
    }

    /// The way from a certificate to an anchor, every certificate of which is valid at `at`.
    ///
    /// # Errors
    /// There is none; says what is wrong with the one that came farthest.
    pub fn path(&self, certificate: &Certificate, at: Timestamp) -> Result<Path, Refusal> {
        certificate.require_valid_at(at)?;
        let mut search = Search { trust: *self, at, attempts: MAX_ATTEMPTS, path: vec![certificate.clone()] };
        search.extend()?;
        Ok(Path(search.path))
    }
}

struct Search<'a> {
    trust: Trust<'a>,
    at: Timestamp,
    attempts: usize,
    path: Vec<Certificate>,
}

impl Search<'_> {
    /// Goes on from the last certificate; deeper than [`MAX_LENGTH`] it does not call itself.
    fn extend(&mut self) -> Result<(), Refusal> {
        let Some(last) = self.path.last().cloned() else { return Err(Refusal::NoSignerCertificate) };
        if self.trust.anchors.contains(&last) {
            return Ok(());
        }
        let subject = last.names().shown();
        let mut worst = Refusal::NoIssuer { subject, issuer: last.issuer_names().shown() };
        if self.path.len() == MAX_LENGTH {
            return Err(worst);
        }
        let (anchors, others) = (self.trust.anchors, self.trust.others);
        for issuer in anchors.iter().chain(others).filter(|issuer| last.names_as_issuer(issuer)) {
            // One that signs itself, or each other, leads nowhere.
            if self.path.contains(issuer) {
                continue;
            }
            if self.attempts == 0 {
                break;
            }
            self.attempts -= 1;
            if let Err(refusal) = self.require_issuer(&last, issuer) {
                worst = refusal;
                continue;
            }
            self.path.push(issuer.clone());
            match self.extend() {
                Ok(()) => return Ok(()),
                Err(refusal) => worst = refusal,
            }
            self.path.pop();
        }
        Err(worst)
    }

    fn require_issuer(&self, certificate: &Certificate, issuer: &Certificate) -> Result<(), Refusal> {
        if !certificate.is_signed_by(issuer)? {
            return Err(Refusal::CertificateSignature { subject: certificate.names().shown() });
        }
        issuer.require_valid_at(self.at)?;
        let subject = || issuer.names().shown();
        // RFC 5280 §4.2.1.9: authorities between this one and the certificate at the end.
        let between = self.path.len().saturating_sub(1);
        let is_too_long = issuer.path_length().is_some_and(|most| between > most as usize);
        if !issuer.is_authority() || is_too_long {
            return Err(Refusal::NotAuthority { subject: subject() });
        }
        if !issuer.allows(Usage::Certificates) {
            return Err(Refusal::KeyUsage { subject: subject() });
        }
        Ok(())
    }
}
