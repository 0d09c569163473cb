//! Was a certificate revoked? Answers of OCSP responders (RFC 6960).

use super::algorithm::SignatureAlgorithm;
use super::asn1::{Element, Malformed, Reader, Result, oid, sequence, tag, write};
use super::ber;
use super::certificate::{Certificate, OCSP_SIGNING, Usage};
use super::chain::{Path, Trust};
use super::cms::read_certificates;
use super::digest::{self, Digest};
use super::refusal::{Kind, Refusal};
use super::require_fresh;
use crate::clock::Timestamp;

/// An answer that was read; nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct Response {
    /// What the responder signed.
    signed: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
    certificates: Vec<Certificate>,
    responder: Responder,
    produced: Timestamp,
    nonce: Option<Vec<u8>>,
    answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
enum Responder {
    Name(Vec<u8>),
    /// SHA-1 of the key.
    Key(Vec<u8>),
}

/// What it says of one certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    digest: String,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    /// Serial number of the certificate, big-endian.
    pub serial: Vec<u8>,
    /// What became of it.
    pub status: Status,
    /// It was so at this time.
    pub updated: Timestamp,
    /// There will be news by then.
    pub next: Option<Timestamp>,
}

/// What became of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked at this time.
    Revoked(Timestamp),
    /// The responder does not know it.
    Unknown,
}

/// Which certificate is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Who issued it.
    pub issuer: &'a Certificate,
    /// What was sent along; `None` when the answer was not asked for just now.
    pub nonce: Option<&'a [u8]>,
}

/// An answer whose signature holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who answered.
    pub responder: Certificate,
    /// From there to an authority that is trusted.
    pub path: Path,
}

const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";

const MAX_ANSWERS: usize = 64;
const MAX_EXTENSIONS: usize = 16;

impl Question<'_> {
    /// OCSPRequest (RFC 6960 §4.1), in DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let name = digest::of(Digest::Sha1, self.certificate.issuer());
        let key = digest::of(Digest::Sha1, self.issuer.key_bits());
        let algorithm = sequence(&[&oid(Digest::Sha1.oid()), &write(tag::NULL, &[])]);
        let [name, key] = [name, key].map(|hash| write(tag::OCTET_STRING, &hash));
        let id = sequence(&[&algorithm, &name, &key, &write(tag::INTEGER, self.certificate.serial())]);
        let extensions = self.nonce.map(|nonce| {
            let value = write(tag::OCTET_STRING, &write(tag::OCTET_STRING, nonce));
            write(tag::constructed(2), &sequence(&[&sequence(&[&oid(NONCE), &value])]))
        });
        sequence(&[&sequence(&[&sequence(&[&sequence(&[&id])]), &extensions.unwrap_or_default()])])
    }
}

impl Response {
    /// Reads an OCSPResponse.
    ///
    /// # Errors
    /// It is none; the responder gave no answer.
    pub fn read(bytes: &[u8]) -> std::result::Result<Self, Refusal> {
        let malformed = |Malformed| Refusal::Malformed(Kind::OcspResponse);
        let der = ber::to_der(bytes).map_err(malformed)?;
        let mut response = Reader::only(&der, tag::SEQUENCE).map_err(malformed)?.inside();
        let status = response.take(tag::ENUMERATED).and_then(|status| status.small()).map_err(malformed)?;
        if status != 0 {
            return Err(Refusal::OcspStatus { status });
        }
        Self::read_basic(response).map_err(malformed)
    }

    fn read_basic(mut response: Reader<'_>) -> Result<Self> {
        let bytes = response.take(tag::constructed(0))?;
        response.end()?;
        let mut bytes = Reader::only(bytes.content, tag::SEQUENCE)?.inside();
        if bytes.oid()? != BASIC {
            return Err(Malformed);
        }
        let basic = bytes.take(tag::OCTET_STRING)?.content;
        let mut basic = Reader::only(basic, tag::SEQUENCE)?.inside();
        let signed = basic.take(tag::SEQUENCE)?;
        let algorithm = basic.algorithm()?;
        let signature = basic.take(tag::BIT_STRING)?.bits()?.to_vec();
        let certificates = match basic.optional(tag::constructed(0))? {
            Some(list) => read_certificates(Reader::only(list.content, tag::SEQUENCE)?.inside())?,
            None => Vec::new(),
        };
        basic.end()?;
        let mut data = signed.inside();
        data.optional(tag::constructed(0))?;
        let responder = Responder::read(data.next()?)?;
        let produced = data.take(tag::GENERALIZED_TIME)?.time()?;
        let answers = data.take(tag::SEQUENCE)?.inside().all(MAX_ANSWERS)?;
        let answers = answers.iter().map(Answer::read).collect::<Result<_>>()?;
        let nonce = match data.optional(tag::constructed(1))? {
            Some(extensions) => nonce_of(Reader::only(extensions.content, tag::SEQUENCE)?.inside())?,
            None => None,
        };
        data.end()?;
        let signed = signed.whole.to_vec();
        Ok(Response { signed, algorithm, signature, certificates, responder, produced, nonce, answers })
    }

    /// All that it says; not verified.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// When it was signed; not verified.
    #[must_use]
    pub fn produced(&self) -> Timestamp {
        self.produced
    }

    /// That somebody signed it who may answer for the authority that issued the responder's certificate, or for
    /// itself; and that it was new at `at`.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify(&self, trust: Trust<'_>, at: Timestamp, max_age_s: i64) -> std::result::Result<Verified, Refusal> {
        let candidates: Vec<&Certificate> = self.certificates.iter().chain(trust.others).chain(trust.anchors).collect();
        let is_responder = |one: &&&Certificate| match &self.responder {
            Responder::Name(name) => one.subject() == name,
            Responder::Key(hash) => digest::of(Digest::Sha1, one.key_bits()) == *hash,
        };
        let responder = *candidates.iter().find(is_responder).ok_or(Refusal::NoSignerCertificate)?;
        let subject = || responder.names().shown();
        let algorithm = SignatureAlgorithm::named(&self.algorithm, None)?;
        if !algorithm.verifies(responder.key(), &self.signed, &self.signature)? {
            return Err(Refusal::Signature { subject: subject() });
        }
        // RFC 6960 §4.2.2.2: the authority itself, or one whom it names for that.
        let is_named = responder.purposes().iter().any(|purpose| purpose == OCSP_SIGNING);
        let may_answer = responder.is_authority() || (is_named && responder.allows(Usage::Signature));
        if !may_answer {
            return Err(Refusal::NotResponder { subject: subject() });
        }
        // When it signed is the responder's own word, and its certificate is judged at that moment: who stole an old
        // key must not reach back to when it was valid.
        require_fresh(self.produced, None, at, max_age_s)?;
        for answer in &self.answers {
            if answer.updated > self.produced {
                return Err(Refusal::Future { time: answer.updated });
            }
            require_fresh(answer.updated, answer.next, at, max_age_s)?;
        }
        let between: Vec<Certificate> = self.certificates.iter().chain(trust.others).cloned().collect();
        let path = trust.with(&between).path(responder, self.produced)?;
        Ok(Verified { responder: responder.clone(), path })
    }

    /// What it says of the certificate that is asked about, after [`Response::verify`] gave `verified`.
    ///
    /// # Errors
    /// It answers another question, or for another authority.
    pub fn answer(&self, question: &Question<'_>, verified: &Verified) -> std::result::Result<&Answer, Refusal> {
        if let Some(nonce) = question.nonce
            && self.nonce.as_deref() != Some(nonce)
        {
            return Err(Refusal::Nonce);
        }
        let answers_for =
            if verified.responder.is_authority() { Some(&verified.responder) } else { verified.path.issuer() };
        if answers_for.is_none_or(|authority| authority.key_bits() != question.issuer.key_bits()) {
            return Err(Refusal::NotResponder { subject: verified.responder.names().shown() });
        }
        self.answers.iter().find(|answer| answer.is_about(question)).ok_or(Refusal::NoAnswer)
    }
}

impl Answer {
    fn read(element: &Element<'_>) -> Result<Self> {
        let mut answer = Reader::only(element.whole, tag::SEQUENCE)?.inside();
        let mut id = answer.take(tag::SEQUENCE)?.inside();
        let digest = id.algorithm()?;
        let issuer_name = id.take(tag::OCTET_STRING)?.content.to_vec();
        let issuer_key = id.take(tag::OCTET_STRING)?.content.to_vec();
        let serial = id.take(tag::INTEGER)?.content.to_vec();
        let status = Status::read(answer.next()?)?;
        let updated = answer.take(tag::GENERALIZED_TIME)?.time()?;
        let next = match answer.optional(tag::constructed(0))? {
            Some(next) => Some(Reader::only(next.content, tag::GENERALIZED_TIME)?.time()?),
            None => None,
        };
        answer.optional(tag::constructed(1))?;
        answer.end()?;
        Ok(Answer { digest, issuer_name, issuer_key, serial, status, updated, next })
    }

    fn is_about(&self, question: &Question<'_>) -> bool {
        let Some(digest) = Digest::named(&self.digest) else { return false };
        self.serial == question.certificate.serial()
            && self.issuer_name == digest::of(digest, question.certificate.issuer())
            && self.issuer_key == digest::of(digest, question.issuer.key_bits())
    }

    /// That the certificate was not revoked before `at`.
    ///
    /// # Errors
    /// It was; nothing is known of it.
    pub fn require_good(&self, at: Timestamp) -> std::result::Result<(), Refusal> {
        match self.status {
            Status::Good => Ok(()),
            Status::Revoked(since) if since > at => Ok(()),
            Status::Revoked(since) => Err(Refusal::Revoked { since }),
            Status::Unknown => Err(Refusal::UnknownCertificate),
        }
    }
}

impl Status {
    fn read(element: Element<'_>) -> Result<Self> {
        match element.tag {
            other if other == tag::primitive(0) => Ok(Status::Good),
            other if other == tag::constructed(1) => {
                Ok(Status::Revoked(element.inside().take(tag::GENERALIZED_TIME)?.time()?))
            }
            other if other == tag::primitive(2) => Ok(Status::Unknown),
            _ => Err(Malformed),
        }
    }
}

impl Responder {
    fn read(element: Element<'_>) -> Result<Self> {
        match element.tag {
            other if other == tag::constructed(1) => {
                Ok(Responder::Name(Reader::only(element.content, tag::SEQUENCE)?.whole.to_vec()))
            }
            other if other == tag::constructed(2) => {
                Ok(Responder::Key(Reader::only(element.content, tag::OCTET_STRING)?.content.to_vec()))
            }
            _ => Err(Malformed),
        }
    }
}

/// The nonce among extensions; old responders do not wrap it into a string of its own.
fn nonce_of(extensions: Reader<'_>) -> Result<Option<Vec<u8>>> {
    for extension in extensions.all(MAX_EXTENSIONS)? {
        let mut inside = extension.inside();
        let name = inside.oid()?;
        inside.optional(tag::BOOLEAN)?;
        let value = inside.take(tag::OCTET_STRING)?.content;
        if name == NONCE {
            let wrapped = Reader::only(value, tag::OCTET_STRING).map(|string| string.content);
            return Ok(Some(wrapped.unwrap_or(value).to_vec()));
        }
    }
    Ok(None)
}
