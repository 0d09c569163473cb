//! Time stamps (RFC 3161): the question to an authority, its answer, and whether a stamp holds.

use super::asn1::{Malformed, Reader, Result, integer, oid, sequence, tag, write};
use super::ber;
use super::certificate::{Certificate, TIME_STAMPING};
use super::chain::{Path, Trust};
use super::cms::SignedData;
use super::digest::{self, Digest};
use super::refusal::{Kind, Refusal};
use crate::clock::Timestamp;

/// A time stamp token that was read; nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct Token {
    signed: SignedData,
    content: Vec<u8>,
    info: Info,
}

/// What a token says (RFC 3161 §2.4.2, TSTInfo).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// The policy that it was issued under.
    pub policy: String,
    /// The identifier of the hash function.
    pub digest: String,
    /// The hash of what is stamped.
    pub imprint: Vec<u8>,
    /// Its number, big-endian.
    pub serial: Vec<u8>,
    /// When it was issued; parts of a second are cut off.
    pub time: Timestamp,
    /// What the question had, big-endian without leading zeros.
    pub nonce: Option<Vec<u8>>,
}

/// A token whose signature holds.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    /// What it says.
    pub info: &'a Info,
    /// The authority's certificate.
    pub signer: &'a Certificate,
    /// From there to one that is trusted.
    pub path: Path,
}

/// What is asked of an authority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The hash function.
    pub digest: Digest,
    /// The hash of what is to be stamped.
    pub imprint: Vec<u8>,
    /// Random, so that an old answer is told from a new one.
    pub nonce: [u8; 16],
    /// The policy that is wanted; `None`: whichever the authority has.
    pub policy: Option<String>,
}

/// What a token must say besides.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What was stamped.
    pub content: &'a [u8],
    /// The nonce of the question, where there was one.
    pub nonce: Option<&'a [u8]>,
    /// The policy, where a certain one is wanted.
    pub policy: Option<&'a str>,
}

const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// PKIStatus (RFC 3161 §2.4.2): granted, and granted with changes.
const GRANTED: u8 = 0;
const GRANTED_WITH_MODS: u8 = 1;

impl Request {
    /// TimeStampReq (RFC 3161 §2.4.1), in DER; the authority is asked to send its certificate.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = sequence(&[&oid(self.digest.oid()), &write(tag::NULL, &[])]);
        let imprint = sequence(&[&algorithm, &write(tag::OCTET_STRING, &self.imprint)]);
        let policy = self.policy.as_deref().map(oid).unwrap_or_default();
        let wants_certificate = write(tag::BOOLEAN, &[0xff]);
        sequence(&[&integer(&[1]), &imprint, &policy, &integer(&self.nonce), &wants_certificate])
    }
}

/// The token in an answer of an authority (RFC 3161 §2.4.2, TimeStampResp), as it came.
///
/// # Errors
/// It is no answer; the authority says no.
pub fn token_of_response(bytes: &[u8]) -> std::result::Result<Vec<u8>, Refusal> {
    let malformed = |Malformed| Refusal::Malformed(Kind::TimeStamp);
    let der = ber::to_der(bytes).map_err(malformed)?;
    let mut response = Reader::only(&der, tag::SEQUENCE).map_err(malformed)?.inside();
    let status = response.take(tag::SEQUENCE).and_then(|status| status.inside().small_integer()).map_err(malformed)?;
    if ![GRANTED, GRANTED_WITH_MODS].map(u32::from).contains(&status) {
        return Err(Refusal::NotGranted { status });
    }
    let token = response.take(tag::SEQUENCE).map_err(malformed)?;
    response.end().map_err(malformed)?;
    Ok(token.whole.to_vec())
}

/// An answer that grants this token, as programs for time stamps expect it in a file.
#[must_use]
pub fn response_with(token: &[u8]) -> Vec<u8> {
    sequence(&[&sequence(&[&integer(&[GRANTED])]), token])
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// It is none.
    pub fn read(bytes: &[u8]) -> std::result::Result<Self, Refusal> {
        let signed = SignedData::read(bytes, Kind::TimeStamp)?;
        let malformed = Refusal::Malformed(Kind::TimeStamp);
        let content = signed.content.clone().filter(|_| signed.content_type == TST_INFO).ok_or(malformed.clone())?;
        let info = Info::read(&content).map_err(|Malformed| malformed)?;
        Ok(Token { signed, content, info })
    }

    /// Whether these bytes are a token, rather than another signed message.
    pub(super) fn is_one(signed: &SignedData) -> bool {
        signed.content_type == TST_INFO
    }

    /// What it says; not verified.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// That an authority with a way to one that is trusted issued it, before `now`.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify<'a>(&'a self, trust: Trust<'a>, now: Timestamp) -> std::result::Result<Verified<'a>, Refusal> {
        // RFC 3161 §2.4.2: the token has no signature but the authority's.
        let [signer] = self.signed.signers.as_slice() else { return Err(Refusal::NoSigner) };
        let others: Vec<Certificate> = trust.anchors.iter().chain(trust.others).cloned().collect();
        let named = self.signed.certificate_of(signer, &others).cloned();
        let own = self.signed.certificate_of(signer, &[]);
        let known = || trust.anchors.iter().chain(trust.others).find(|one| Some(*one) == named.as_ref());
        let certificate = own.or_else(known).ok_or(Refusal::NoSignerCertificate)?;
        signer.verify(certificate, TST_INFO, &self.content)?;
        require_time_stamping(certificate)?;
        super::require_not_later(self.info.time, now)?;
        let between: Vec<Certificate> = self.signed.certificates.iter().chain(trust.others).cloned().collect();
        let path = trust.with(&between).path(certificate, self.info.time)?;
        Ok(Verified { info: &self.info, signer: certificate, path })
    }

    /// That it is the answer to what was asked.
    ///
    /// # Errors
    /// It is over something else, to another question, or under another policy.
    pub fn require(&self, expected: &Expected<'_>) -> std::result::Result<(), Refusal> {
        let unknown = || Refusal::UnknownAlgorithm { oid: self.info.digest.clone() };
        let digest = Digest::named(&self.info.digest).ok_or_else(unknown)?;
        // Two documents with one SHA-1 can be made.
        if digest == Digest::Sha1 {
            return Err(Refusal::WeakDigest);
        }
        if digest::of(digest, expected.content) != self.info.imprint {
            return Err(Refusal::Imprint);
        }
        if let Some(nonce) = expected.nonce
            && self.info.nonce.as_deref() != Some(without_zeros(nonce))
        {
            return Err(Refusal::Nonce);
        }
        match expected.policy {
            Some(wanted) if wanted != self.info.policy => Err(Refusal::Policy { found: self.info.policy.clone() }),
            _ => Ok(()),
        }
    }
}

/// RFC 3161 §2.3: the one purpose of the key, and critical.
fn require_time_stamping(certificate: &Certificate) -> std::result::Result<(), Refusal> {
    match certificate.purposes() {
        [only] if only == TIME_STAMPING && certificate.are_purposes_critical() => Ok(()),
        _ => Err(Refusal::NotTimeStamping { subject: certificate.names().shown() }),
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

impl Info {
    fn read(der: &[u8]) -> Result<Self> {
        let mut info = Reader::only(der, tag::SEQUENCE)?.inside();
        if info.small_integer()? != 1 {
            return Err(Malformed);
        }
        let policy = info.oid()?;
        let mut imprint = info.take(tag::SEQUENCE)?.inside();
        let digest = imprint.algorithm()?;
        let hash = imprint.take(tag::OCTET_STRING)?.content.to_vec();
        let serial = info.take(tag::INTEGER)?.content.to_vec();
        let time = info.take(tag::GENERALIZED_TIME)?.time()?;
        // Accuracy, and whether stamps are ordered.
        info.optional(tag::SEQUENCE)?;
        info.optional(tag::BOOLEAN)?;
        let nonce = info.optional(tag::INTEGER)?.map(|nonce| without_zeros(nonce.content).to_vec());
        info.optional(tag::constructed(0))?;
        // RFC 3161 §2.4.2: extensions; none is known.
        info.optional(tag::constructed(1))?;
        info.end()?;
        Ok(Info { policy, digest, imprint: hash, serial, time, nonce })
    }
}
