//! Signed messages (RFC 5652) with the attributes of CAdES, and that a signature is of the certificate it names.
//!
//! Whether that certificate is to be believed is another question: [`super::chain`].

use super::algorithm::SignatureAlgorithm;
use super::asn1::{Element, Malformed, Reader, Result, tag, write};
use super::ber;
use super::certificate::{Certificate, Usage};
use super::digest::{self, Digest};
use super::refusal::{Kind, Refusal};
use crate::clock::Timestamp;

/// A signed message that was read.
#[derive(Clone, Debug)]
pub(super) struct SignedData {
    pub(super) content_type: String,
    /// `None` when the signature is detached.
    pub(super) content: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) signers: Vec<Signer>,
}

/// One of those who signed.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    id: SignerId,
    digest: std::result::Result<Digest, String>,
    /// The attributes as they are signed.
    signed: Vec<u8>,
    algorithm: String,
    pub(super) signature: Vec<u8>,
    content_type: Option<String>,
    message_digest: Option<Vec<u8>>,
    pub(super) signing_time: Option<Timestamp>,
    certificate: Option<CertificateHash>,
    /// Time stamps over the signature, as they came.
    pub(super) time_stamps: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum SignerId {
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    KeyId(Vec<u8>),
}

/// RFC 5035: the certificate that a signature is to be checked with.
#[derive(Clone, Debug)]
struct CertificateHash {
    digest: std::result::Result<Digest, String>,
    hash: Vec<u8>,
}

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
const TIME_STAMP: &str = "1.2.840.113549.1.9.16.2.14";

const MAX_CERTIFICATES: usize = 32;
const MAX_SIGNERS: usize = 16;
const MAX_ATTRIBUTES: usize = 64;

impl SignedData {
    /// Reads a ContentInfo in BER.
    pub(super) fn read(bytes: &[u8], kind: Kind) -> std::result::Result<Self, Refusal> {
        let der = ber::to_der(bytes).map_err(|Malformed| Refusal::Malformed(kind))?;
        Self::parse(&der).map_err(|Malformed| Refusal::Malformed(kind))
    }

    fn parse(der: &[u8]) -> Result<Self> {
        let mut info = Reader::only(der, tag::SEQUENCE)?.inside();
        if info.oid()? != SIGNED_DATA {
            return Err(Malformed);
        }
        let inside = info.take(tag::constructed(0))?;
        info.end()?;
        let mut data = Reader::only(inside.content, tag::SEQUENCE)?.inside();
        data.take(tag::INTEGER)?;
        data.take(tag::SET)?;
        let mut content = data.take(tag::SEQUENCE)?.inside();
        let content_type = content.oid()?;
        let octets = content.optional(tag::constructed(0))?;
        let octets = octets.map(|octets| Reader::only(octets.content, tag::OCTET_STRING)).transpose()?;
        let certificates = data.optional(tag::constructed(0))?;
        data.optional(tag::constructed(1))?;
        let signers = data.take(tag::SET)?.inside().all(MAX_SIGNERS)?;
        data.end()?;
        Ok(SignedData {
            content_type,
            content: octets.map(|octets| octets.content.to_vec()),
            certificates: certificates.map_or_else(|| Ok(Vec::new()), |set| read_certificates(set.inside()))?,
            signers: signers.iter().map(Signer::read).collect::<Result<_>>()?,
        })
    }

    /// The certificate of a signer, among those that came along and `others`.
    pub(super) fn certificate_of<'a>(&'a self, signer: &Signer, others: &'a [Certificate]) -> Option<&'a Certificate> {
        self.certificates.iter().chain(others).find(|certificate| match &signer.id {
            SignerId::IssuerAndSerial { issuer, serial } => {
                certificate.issuer() == issuer && certificate.serial() == serial
            }
            SignerId::KeyId(id) => certificate.key_id() == Some(id),
        })
    }
}

/// Certificates one after the other; what is not read can be of no use, so it is left out.
pub(super) fn read_certificates(certificates: Reader<'_>) -> Result<Vec<Certificate>> {
    let all = certificates.all(MAX_CERTIFICATES)?;
    Ok(all.iter().filter_map(|element| Certificate::read(element.whole).ok()).collect())
}

impl Signer {
    fn read(element: &Element<'_>) -> Result<Self> {
        let mut info = match element.tag {
            tag::SEQUENCE => element.inside(),
            _ => return Err(Malformed),
        };
        info.take(tag::INTEGER)?;
        let id = SignerId::read(info.next()?)?;
        let digest = named(info.algorithm()?);
        let attributes = info.optional(tag::constructed(0))?;
        let algorithm = info.algorithm()?;
        let signature = info.take(tag::OCTET_STRING)?.content.to_vec();
        let unsigned = info.optional(tag::constructed(1))?;
        info.end()?;
        let attributes = attributes.map_or(&[][..], |attributes| attributes.content);
        let mut signer = Signer {
            id,
            digest,
            // RFC 5652 §5.4: signed as a SET, whatever tag they have in the message.
            signed: write(tag::SET, attributes),
            algorithm,
            signature,
            content_type: None,
            message_digest: None,
            signing_time: None,
            certificate: None,
            time_stamps: Vec::new(),
        };
        signer.read_signed(Reader::new(attributes))?;
        if let Some(unsigned) = unsigned {
            for attribute in unsigned.inside().all(MAX_ATTRIBUTES)? {
                let (name, values) = attribute_of(&attribute)?;
                if name == TIME_STAMP {
                    signer.time_stamps.extend(values.iter().map(|value| value.whole.to_vec()));
                }
            }
        }
        Ok(signer)
    }

    fn read_signed(&mut self, attributes: Reader<'_>) -> Result<()> {
        let mut seen = Vec::new();
        for attribute in attributes.all(MAX_ATTRIBUTES)? {
            let (name, values) = attribute_of(&attribute)?;
            // RFC 5652 §5.3: none comes twice; §11: each of these has one value.
            if seen.contains(&name) {
                return Err(Malformed);
            }
            let value = || match values.as_slice() {
                [value] => Ok(*value),
                _ => Err(Malformed),
            };
            match name.as_str() {
                CONTENT_TYPE => self.content_type = Some(value()?.oid()?),
                MESSAGE_DIGEST => {
                    self.message_digest = Some(Reader::only(value()?.whole, tag::OCTET_STRING)?.content.to_vec());
                }
                SIGNING_TIME => self.signing_time = Some(value()?.time()?),
                SIGNING_CERTIFICATE if self.certificate.is_none() => {
                    self.certificate = Some(CertificateHash::read(value()?, Version::One)?);
                }
                SIGNING_CERTIFICATE_V2 => self.certificate = Some(CertificateHash::read(value()?, Version::Two)?),
                _ => {}
            }
            seen.push(name);
        }
        Ok(())
    }

    /// That this signature over `content` is of `certificate`, and that it says so itself.
    pub(super) fn verify(
        &self,
        certificate: &Certificate,
        content_type: &str,
        content: &[u8],
    ) -> std::result::Result<(), Refusal> {
        let named = self.content_type.as_deref().ok_or(Refusal::Attribute { name: "contentType" })?;
        if named != content_type {
            return Err(Refusal::Attribute { name: "contentType" });
        }
        let digest = known(&self.digest)?;
        if digest == Digest::Sha1 {
            return Err(Refusal::WeakDigest);
        }
        let expected = self.message_digest.as_ref().ok_or(Refusal::Attribute { name: "messageDigest" })?;
        if digest::of(digest, content) != *expected {
            return Err(Refusal::MessageDigest);
        }
        // CAdES (RFC 5126 §5.7.3): otherwise another certificate of the same key could be put in its place.
        let hash = self.certificate.as_ref().ok_or(Refusal::Attribute { name: "signingCertificateV2" })?;
        if digest::of(known(&hash.digest)?, certificate.der()) != hash.hash {
            return Err(Refusal::SigningCertificate);
        }
        let subject = || certificate.names().shown();
        let algorithm = SignatureAlgorithm::named(&self.algorithm, Some(digest))?;
        if !algorithm.verifies(certificate.key(), &self.signed, &self.signature)? {
            return Err(Refusal::Signature { subject: subject() });
        }
        if !certificate.allows(Usage::Signature) {
            return Err(Refusal::KeyUsage { subject: subject() });
        }
        Ok(())
    }
}

impl SignerId {
    fn read(element: Element<'_>) -> Result<Self> {
        match element.tag {
            tag::SEQUENCE => {
                let mut inside = element.inside();
                let issuer = inside.take(tag::SEQUENCE)?.whole.to_vec();
                let serial = inside.take(tag::INTEGER)?.content.to_vec();
                Ok(SignerId::IssuerAndSerial { issuer, serial })
            }
            other if other == tag::primitive(0) => Ok(SignerId::KeyId(element.content.to_vec())),
            _ => Err(Malformed),
        }
    }
}

/// Of the attribute that names the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// RFC 2634 §5.4: always SHA-1.
    One,
    /// RFC 5035 §3: SHA-256 unless it says otherwise.
    Two,
}

impl CertificateHash {
    fn read(value: Element<'_>, version: Version) -> Result<Self> {
        let certificates = Reader::only(value.whole, tag::SEQUENCE)?.inside().take(tag::SEQUENCE)?;
        // The first one is the signer's.
        let mut first = certificates.inside().take(tag::SEQUENCE)?.inside();
        let named_digest = match (version, first.peek()) {
            (Version::One, _) => Ok(Digest::Sha1),
            (Version::Two, Some(tag::SEQUENCE)) => named(first.algorithm()?),
            (Version::Two, _) => Ok(Digest::Sha256),
        };
        Ok(CertificateHash { digest: named_digest, hash: first.take(tag::OCTET_STRING)?.content.to_vec() })
    }
}

fn named(oid: String) -> std::result::Result<Digest, String> {
    Digest::named(&oid).ok_or(oid)
}

fn known(digest: &std::result::Result<Digest, String>) -> std::result::Result<Digest, Refusal> {
    digest.clone().map_err(|oid| Refusal::UnknownAlgorithm { oid })
}

fn attribute_of<'a>(attribute: &Element<'a>) -> Result<(String, Vec<Element<'a>>)> {
    let mut inside = Reader::only(attribute.whole, tag::SEQUENCE)?.inside();
    let name = inside.oid()?;
    let values = inside.take(tag::SET)?.inside().all(MAX_ATTRIBUTES)?;
    inside.end()?;
    Ok((name, values))
}
