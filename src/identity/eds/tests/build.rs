//! Builds certificates, signatures, answers and stamps, as wrong as a test wants them.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::super::asn1::{integer, oid, sequence, tag, write};
use super::super::certificate::{OCSP_SIGNING, TIME_STAMPING};
use super::super::digest::{Digest, of};
use super::super::gost::ParameterSet;
use super::super::gost::tests::TestKey;
use super::super::*;
use super::time;

/// A key that signs.
pub(crate) enum Key {
    Gost(TestKey, ParameterSet),
    P256(EcdsaKeyPair),
}

impl Key {
    pub(crate) fn gost(set: ParameterSet, seed: u64) -> Self {
        Key::Gost(TestKey::new(set, seed), set)
    }

    pub(crate) fn p256() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Key::P256(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap())
    }

    pub(crate) fn digest(&self) -> Digest {
        match self {
            Key::Gost(_, ParameterSet::CryptoProA) => Digest::Gost94,
            Key::Gost(_, ParameterSet::Tc26A256) => Digest::Streebog256,
            Key::Gost(_, ParameterSet::Tc26A512) => Digest::Streebog512,
            Key::P256(_) => Digest::Sha256,
        }
    }

    fn algorithm(&self) -> Vec<u8> {
        let name = match self {
            Key::Gost(_, ParameterSet::CryptoProA) => "1.2.398.3.10.1.1.1.2",
            Key::Gost(_, ParameterSet::Tc26A256) => "1.2.398.3.10.1.1.2.3.1",
            Key::Gost(_, ParameterSet::Tc26A512) => "1.2.398.3.10.1.1.2.3.2",
            Key::P256(_) => "1.2.840.10045.4.3.2",
        };
        sequence(&[&oid(name), &write(tag::NULL, &[])])
    }

    fn info(&self) -> Vec<u8> {
        let bits = |bytes: &[u8]| write(tag::BIT_STRING, &[&[0], bytes].concat());
        match self {
            Key::Gost(key, set) => {
                let (name, curve) = match set {
                    ParameterSet::CryptoProA => ("1.2.398.3.10.1.1.1.1", "1.2.398.3.10.1.1.1.1.1"),
                    ParameterSet::Tc26A256 => ("1.2.398.3.10.1.1.2.1", "1.2.398.3.10.1.1.2.1.1"),
                    ParameterSet::Tc26A512 => ("1.2.398.3.10.1.1.2.2", "1.2.398.3.10.1.1.2.2.1"),
                };
                let algorithm = sequence(&[&oid(name), &sequence(&[&oid(curve)])]);
                sequence(&[&algorithm, &bits(&write(tag::OCTET_STRING, &key.public()))])
            }
            Key::P256(key) => {
                let algorithm = sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
                sequence(&[&algorithm, &bits(key.public_key().as_ref())])
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::Gost(key, _) => key.sign(&of(self.digest(), message)),
            Key::P256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }

    /// What is signed, with what, and the signature, as certificates, lists and answers have it.
    fn signed(&self, content: &[u8], behind: &[u8]) -> Vec<u8> {
        let signature = write(tag::BIT_STRING, &[&[0][..], &self.sign(content)].concat());
        sequence(&[content, &self.algorithm(), &signature, behind])
    }
}

/// A certificate to be made.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) serial: u8,
    pub(crate) iin: Option<&'static str>,
    pub(crate) bin: Option<&'static str>,
    pub(crate) until: &'static str,
    /// An authority, with so many others below it.
    pub(crate) authority: Option<Option<u8>>,
    /// Bits of key usage, the first one highest.
    pub(crate) usage: u8,
    pub(crate) purposes: &'static [&'static str],
    pub(crate) are_purposes_critical: bool,
    pub(crate) critical: Option<&'static str>,
}

pub(crate) const SIGNING_USAGE: u8 = 0xc0;
/// Of a key to sign in with: signatures, and encrypting keys.
pub(crate) const SIGN_IN_USAGE: u8 = 0xa0;
pub(crate) const SIGN_IN_PURPOSES: &[&str] = &["1.3.6.1.5.5.7.3.2", "1.2.398.3.3.4.1.1"];
pub(crate) const AUTHORITY_USAGE: u8 = 0x06;

impl Plan {
    pub(crate) fn authority(name: &'static str, issuer: &'static str) -> Self {
        let (authority, usage) = (Some(None), AUTHORITY_USAGE);
        Plan { serial: 1, iin: None, authority, usage, purposes: &[], ..Plan::person(name, issuer) }
    }

    pub(crate) fn person(name: &'static str, issuer: &'static str) -> Self {
        Plan {
            name,
            issuer,
            serial: 77,
            iin: Some("061211600012"),
            bin: None,
            until: "2026-12-31T00:00:00Z",
            authority: None,
            usage: SIGNING_USAGE,
            purposes: &["1.3.6.1.5.5.7.3.4", "1.2.398.3.3.4.1.1"],
            are_purposes_critical: false,
            critical: None,
        }
    }

    pub(crate) fn stamper(issuer: &'static str) -> Self {
        let purposes = &[TIME_STAMPING];
        Plan { serial: 5, purposes, are_purposes_critical: true, iin: None, ..Plan::person("Time", issuer) }
    }

    pub(crate) fn responder(issuer: &'static str) -> Self {
        Plan { serial: 6, purposes: &[OCSP_SIGNING], iin: None, ..Plan::person("Responder", issuer) }
    }

    pub(crate) fn issue(&self, key: &Key, issuer: &Key) -> Certificate {
        Certificate::read(&self.to_der(key, issuer)).unwrap()
    }

    pub(crate) fn to_der(&self, key: &Key, issuer: &Key) -> Vec<u8> {
        let validity = sequence(&[&generalized("2025-01-01T00:00:00Z"), &generalized(self.until)]);
        let extensions = write(tag::constructed(3), &write(tag::SEQUENCE, &self.extensions().concat()));
        let signed = sequence(&[
            &write(tag::constructed(0), &integer(&[2])),
            &integer(&[self.serial]),
            &issuer.algorithm(),
            &name(self.issuer, None, None),
            &validity,
            &name(self.name, self.iin, self.bin),
            &key.info(),
            &extensions,
        ]);
        issuer.signed(&signed, &[])
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let extension = |name: &str, is_critical: bool, value: &[u8]| {
            let critical = if is_critical { write(tag::BOOLEAN, &[0xff]) } else { Vec::new() };
            sequence(&[&oid(name), &critical, &write(tag::OCTET_STRING, value)])
        };
        let mut all = vec![extension("2.5.29.15", true, &write(tag::BIT_STRING, &[0, self.usage]))];
        if let Some(length) = self.authority {
            let length = length.map(|length| integer(&[length])).unwrap_or_default();
            all.push(extension("2.5.29.19", true, &sequence(&[&write(tag::BOOLEAN, &[0xff]), &length])));
        }
        if !self.purposes.is_empty() {
            let purposes: Vec<u8> = self.purposes.iter().flat_map(|purpose| oid(purpose)).collect();
            all.push(extension("2.5.29.37", self.are_purposes_critical, &write(tag::SEQUENCE, &purposes)));
        }
        all.extend(self.critical.map(|name| extension(name, true, &[5, 0])));
        all
    }
}

fn name(common: &str, iin: Option<&str>, bin: Option<&str>) -> Vec<u8> {
    let part = |kind: &str, value: &str| write(tag::SET, &sequence(&[&oid(kind), &write(0x0c, value.as_bytes())]));
    let iin = iin.map(|iin| part("2.5.4.5", &format!("IIN{iin}"))).unwrap_or_default();
    let bin = bin.map(|bin| part("2.5.4.11", &format!("BIN{bin}"))).unwrap_or_default();
    sequence(&[&part("2.5.4.3", common), &iin, &bin])
}

pub(crate) fn generalized(text: &str) -> Vec<u8> {
    let digits = time(text).strftime("%Y%m%d%H%M%SZ").to_string();
    write(tag::GENERALIZED_TIME, digits.as_bytes())
}

/// Makes a time stamp over a signature.
pub(crate) type Stamping<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// A signature to be made.
pub(crate) struct Message<'a> {
    pub(crate) key: &'a Key,
    pub(crate) certificate: &'a Certificate,
    pub(crate) chain: &'a [Certificate],
    pub(crate) content: &'a [u8],
    pub(crate) is_detached: bool,
    pub(crate) content_type: &'a str,
    /// What the attributes say; `None` leaves one out.
    pub(crate) says_type: Option<&'a str>,
    pub(crate) says_digest_of: Option<&'a [u8]>,
    pub(crate) says_certificate: Option<&'a Certificate>,
    pub(crate) signing_time: Option<&'a str>,
    pub(crate) digest: Digest,
    pub(crate) is_damaged: bool,
    /// The signer signs so often.
    pub(crate) times: usize,
    pub(crate) stamp: Option<&'a Stamping<'a>>,
}

const DATA: &str = "1.2.840.113549.1.7.1";

impl<'a> Message<'a> {
    pub(crate) fn new(key: &'a Key, certificate: &'a Certificate, chain: &'a [Certificate], content: &'a [u8]) -> Self {
        Message {
            key,
            certificate,
            chain,
            content,
            is_detached: false,
            content_type: DATA,
            says_type: Some(DATA),
            says_digest_of: Some(content),
            says_certificate: Some(certificate),
            signing_time: Some("2026-11-20T10:00:00Z"),
            digest: key.digest(),
            is_damaged: false,
            times: 1,
            stamp: None,
        }
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        self.signed_with(&[])
    }

    /// The same message with the signatures of `others` over it behind this one.
    pub(crate) fn signed_with(&self, others: &[&Message<'_>]) -> Vec<u8> {
        let algorithm = self.digest_algorithm();
        let octets = write(tag::constructed(0), &write(tag::OCTET_STRING, self.content));
        let content = sequence(&[&oid(self.content_type), if self.is_detached { &[] } else { &octets }]);
        let all = || [self].into_iter().chain(others.iter().copied());
        let certificates: Vec<u8> = all()
            .map(|one| one.certificate)
            .chain(self.chain)
            .flat_map(|certificate| certificate.der().to_vec())
            .collect();
        let signers: Vec<u8> = all().flat_map(|one| one.signer().repeat(one.times)).collect();
        let data = sequence(&[
            &integer(&[3]),
            &write(tag::SET, &algorithm),
            &content,
            &write(tag::constructed(0), &certificates),
            &write(tag::SET, &signers),
        ]);
        sequence(&[&oid("1.2.840.113549.1.7.2"), &write(tag::constructed(0), &data)])
    }

    fn digest_algorithm(&self) -> Vec<u8> {
        sequence(&[&oid(self.digest.oid()), &write(tag::NULL, &[])])
    }

    fn signer(&self) -> Vec<u8> {
        let attributes = self.attributes().concat();
        let mut signature = self.key.sign(&write(tag::SET, &attributes));
        let stamp = self.stamp.map(|stamp| stamp(&signature));
        let stamp = stamp.map(|stamp| attribute("1.2.840.113549.1.9.16.2.14", &stamp));
        if self.is_damaged {
            let last = signature.len() - 1;
            signature[last] ^= 1;
        }
        sequence(&[
            &integer(&[1]),
            &sequence(&[self.certificate.issuer(), &write(tag::INTEGER, self.certificate.serial())]),
            &self.digest_algorithm(),
            &write(tag::constructed(0), &attributes),
            &self.key.algorithm(),
            &write(tag::OCTET_STRING, &signature),
            &stamp.map(|stamp| write(tag::constructed(1), &stamp)).unwrap_or_default(),
        ])
    }

    fn attributes(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        all.extend(self.says_type.map(|name| attribute("1.2.840.113549.1.9.3", &oid(name))));
        all.extend(self.signing_time.map(|time| attribute("1.2.840.113549.1.9.5", &generalized(time))));
        all.extend(
            self.says_digest_of
                .map(|content| attribute("1.2.840.113549.1.9.4", &write(tag::OCTET_STRING, &of(self.digest, content)))),
        );
        all.extend(self.says_certificate.map(|certificate| {
            let hash = write(tag::OCTET_STRING, &of(Digest::Sha256, certificate.der()));
            attribute("1.2.840.113549.1.9.16.2.47", &sequence(&[&sequence(&[&sequence(&[&hash])])]))
        }));
        all
    }
}

fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(name), &write(tag::SET, value)])
}

/// A time stamp over `content`.
pub(crate) fn stamp(key: &Key, certificate: &Certificate, content: &[u8], at: &str, nonce: Option<&[u8]>) -> Vec<u8> {
    let algorithm = sequence(&[&oid(Digest::Sha256.oid()), &write(tag::NULL, &[])]);
    let imprint = sequence(&[&algorithm, &write(tag::OCTET_STRING, &of(Digest::Sha256, content))]);
    let nonce = nonce.map(integer).unwrap_or_default();
    let info = sequence(&[&integer(&[1]), &oid("1.2.3.4.1"), &imprint, &integer(&[9]), &generalized(at), &nonce]);
    let kind = "1.2.840.113549.1.9.16.1.4";
    let message = Message::new(key, certificate, &[], &info);
    Message { content_type: kind, says_type: Some(kind), signing_time: Some(at), ..message }.to_der()
}

/// The answer of a responder about one certificate; `status` is its element.
pub(crate) fn ocsp(
    responder: (&Key, &Certificate),
    about: (&Certificate, &Certificate),
    status: &[u8],
    at: &str,
    nonce: Option<&[u8]>,
) -> Vec<u8> {
    ocsp_dated(responder, about, status, (at, at), nonce)
}

/// The same, known at one time and signed at another.
pub(crate) fn ocsp_dated(
    (key, responder): (&Key, &Certificate),
    (certificate, issuer): (&Certificate, &Certificate),
    status: &[u8],
    (updated, produced): (&str, &str),
    nonce: Option<&[u8]>,
) -> Vec<u8> {
    let hash = |bytes: &[u8]| write(tag::OCTET_STRING, &of(Digest::Sha1, bytes));
    let algorithm = sequence(&[&oid(Digest::Sha1.oid()), &write(tag::NULL, &[])]);
    let serial = write(tag::INTEGER, certificate.serial());
    let id = sequence(&[&algorithm, &hash(certificate.issuer()), &hash(issuer.key_bits()), &serial]);
    let answer = sequence(&[&id, status, &generalized(updated)]);
    let nonce = nonce.map(|nonce| {
        let value = write(tag::OCTET_STRING, &write(tag::OCTET_STRING, nonce));
        write(tag::constructed(1), &sequence(&[&sequence(&[&oid("1.3.6.1.5.5.7.48.1.2"), &value])]))
    });
    let data = sequence(&[
        &write(tag::constructed(1), responder.subject()),
        &generalized(produced),
        &sequence(&[&answer]),
        &nonce.unwrap_or_default(),
    ]);
    let basic = key.signed(&data, &write(tag::constructed(0), &sequence(&[responder.der()])));
    let bytes = sequence(&[&oid("1.3.6.1.5.5.7.48.1.1"), &write(tag::OCTET_STRING, &basic)]);
    sequence(&[&write(tag::ENUMERATED, &[0]), &write(tag::constructed(0), &bytes)])
}

/// A list of revoked certificates.
pub(crate) fn list(key: &Key, issuer: &'static str, revoked: &[(u8, &str)], at: &str) -> Vec<u8> {
    let entries: Vec<u8> =
        revoked.iter().flat_map(|(serial, since)| sequence(&[&integer(&[*serial]), &generalized(since)])).collect();
    let entries = if entries.is_empty() { entries } else { write(tag::SEQUENCE, &entries) };
    let signed = sequence(&[&integer(&[1]), &key.algorithm(), &name(issuer, None, None), &generalized(at), &entries]);
    key.signed(&signed, &[])
}
