//! Public keys and signatures by the identifiers of their algorithms, and whether a signature holds.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::asn1::{Element, Reader, Result, tag};
use super::digest::{self, Digest};
use super::gost::{ParameterSet, PublicKey};
use super::refusal::Refusal;

/// A public key of a certificate.
#[derive(Clone, Debug)]
pub(super) enum Key {
    /// Its RSAPublicKey (RFC 8017), and how many bits its modulus has.
    Rsa { key: Vec<u8>, bits: usize },
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
    /// A point of P-384, uncompressed.
    P384(Vec<u8>),
    /// A point of a GOST curve.
    Gost { key: PublicKey, set: ParameterSet },
    /// Another algorithm, or a key that is none.
    Unknown(String),
}

/// What a signature was made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SignatureAlgorithm {
    family: Family,
    digest: Digest,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Rsa,
    Ecdsa,
    /// GOST 34.310-2004.
    GostOld,
    /// GOST 34.10-2015, in Kazakhstan's order of bytes.
    Gost,
    /// GOST R 34.10-2012 as RFC 9215 §2 has it: the bytes the other way round.
    GostReversed,
}

/// The digest stands in the identifier, or is named beside it.
const SIGNATURES: &[(&str, Family, Option<Digest>)] = &[
    ("1.2.840.113549.1.1.1", Family::Rsa, None),
    ("1.2.840.113549.1.1.11", Family::Rsa, Some(Digest::Sha256)),
    ("1.2.840.113549.1.1.12", Family::Rsa, Some(Digest::Sha384)),
    ("1.2.840.113549.1.1.13", Family::Rsa, Some(Digest::Sha512)),
    ("1.2.840.10045.2.1", Family::Ecdsa, None),
    ("1.2.840.10045.4.3.2", Family::Ecdsa, Some(Digest::Sha256)),
    ("1.2.840.10045.4.3.3", Family::Ecdsa, Some(Digest::Sha384)),
    ("1.2.398.3.10.1.1.1.1", Family::GostOld, Some(Digest::Gost94)),
    ("1.2.398.3.10.1.1.1.2", Family::GostOld, Some(Digest::Gost94)),
    ("1.2.398.3.10.1.1.2.1", Family::Gost, Some(Digest::Streebog256)),
    ("1.2.398.3.10.1.1.2.2", Family::Gost, Some(Digest::Streebog512)),
    ("1.2.398.3.10.1.1.2.3.1", Family::Gost, Some(Digest::Streebog256)),
    ("1.2.398.3.10.1.1.2.3.2", Family::Gost, Some(Digest::Streebog512)),
    ("1.2.643.7.1.1.1.1", Family::GostReversed, Some(Digest::Streebog256)),
    ("1.2.643.7.1.1.1.2", Family::GostReversed, Some(Digest::Streebog512)),
    ("1.2.643.7.1.1.3.2", Family::GostReversed, Some(Digest::Streebog256)),
    ("1.2.643.7.1.1.3.3", Family::GostReversed, Some(Digest::Streebog512)),
];

/// Curves by the identifiers that certificates have in the parameters of a key.
const PARAMETER_SETS: &[(&str, ParameterSet)] = &[
    ("1.2.398.3.10.1.1.1.1.1", ParameterSet::CryptoProA),
    ("1.2.398.3.10.1.1.2.1.1", ParameterSet::Tc26A256),
    ("1.2.398.3.10.1.1.2.2.1", ParameterSet::Tc26A512),
    ("1.2.643.2.2.35.1", ParameterSet::CryptoProA),
    ("1.2.643.7.1.2.1.1.1", ParameterSet::Tc26A256),
    ("1.2.643.7.1.2.1.1.2", ParameterSet::CryptoProA),
    ("1.2.643.7.1.2.1.2.1", ParameterSet::Tc26A512),
];

/// Keys of GOST algorithms.
const GOST_KEYS: &[&str] =
    &["1.2.398.3.10.1.1.1.1", "1.2.398.3.10.1.1.2.1", "1.2.398.3.10.1.1.2.2", "1.2.643.7.1.1.1.1", "1.2.643.7.1.1.1.2"];

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

/// Shorter moduli are not accepted.
const MIN_RSA_BITS: usize = 2048;

impl Key {
    /// Reads a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). An unknown algorithm is no error yet: the certificate may
    /// be one that nobody asks for.
    pub(super) fn read(info: &Element<'_>) -> Result<Self> {
        let mut info = info.inside();
        let mut algorithm = info.take(tag::SEQUENCE)?.inside();
        let bits = info.take(tag::BIT_STRING)?.bits()?;
        let name = algorithm.oid()?;
        let key = match name.as_str() {
            RSA => rsa_bits(bits).ok().map(|length| Key::Rsa { key: bits.to_vec(), bits: length }),
            EC => match algorithm.oid()?.as_str() {
                P256 => Some(Key::P256(bits.to_vec())),
                P384 => Some(Key::P384(bits.to_vec())),
                _ => None,
            },
            gost if GOST_KEYS.contains(&gost) => gost_key(algorithm, bits),
            _ => None,
        };
        Ok(key.unwrap_or(Key::Unknown(name)))
    }

    /// The algorithm in the words of its standard.
    pub(super) fn name(&self) -> String {
        match self {
            Key::Rsa { bits, .. } => format!("RSA-{bits}"),
            Key::P256(_) => "ECDSA P-256".into(),
            Key::P384(_) => "ECDSA P-384".into(),
            Key::Gost { set: ParameterSet::CryptoProA, .. } => "GOST 34.310-2004".into(),
            Key::Gost { set: ParameterSet::Tc26A256, .. } => "GOST 34.10-2015 (256)".into(),
            Key::Gost { set: ParameterSet::Tc26A512, .. } => "GOST 34.10-2015 (512)".into(),
            Key::Unknown(oid) => oid.clone(),
        }
    }
}

fn rsa_bits(key: &[u8]) -> Result<usize> {
    let mut numbers = Reader::only(key, tag::SEQUENCE)?.inside();
    let modulus = numbers.take(tag::INTEGER)?.content;
    let digits: &[u8] = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    Ok(digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize))
}

/// The parameters are a SEQUENCE whose first member names the curve; the key is in an OCTET STRING of its own.
fn gost_key(mut algorithm: Reader<'_>, bits: &[u8]) -> Option<Key> {
    let curve = algorithm.take(tag::SEQUENCE).ok()?.inside().oid().ok()?;
    let (_, set) = PARAMETER_SETS.iter().find(|(name, _)| *name == curve)?;
    let bytes = Reader::only(bits, tag::OCTET_STRING).ok()?.content;
    Some(Key::Gost { key: PublicKey::read(*set, bytes)?, set: *set })
}

impl SignatureAlgorithm {
    /// The algorithm with this identifier; `beside` is the digest that is named beside it in a CMS, which must be the
    /// one that the identifier itself names.
    pub(super) fn named(oid: &str, beside: Option<Digest>) -> std::result::Result<Self, Refusal> {
        let unknown = || Refusal::UnknownAlgorithm { oid: oid.to_owned() };
        let (_, family, digest) = SIGNATURES.iter().find(|(name, ..)| *name == oid).ok_or_else(unknown)?;
        if let (Some(own), Some(beside)) = (digest, beside)
            && *own != beside
        {
            return Err(Refusal::DigestMismatch);
        }
        let digest = digest.or(beside).ok_or_else(unknown)?;
        Ok(SignatureAlgorithm { family: *family, digest })
    }

    /// Whether the signature is of this key over these bytes.
    pub(super) fn verifies(self, key: &Key, message: &[u8], signature: &[u8]) -> std::result::Result<bool, Refusal> {
        let by_ring = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            Ok(UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok())
        };
        let by_gost =
            |key: &PublicKey, signature: &[u8]| Ok(key.verifies(&digest::of(self.digest, message), signature));
        let mismatch = || Refusal::UnknownAlgorithm { oid: key.name() };
        match (key, self.family) {
            (Key::Rsa { bits, .. }, Family::Rsa) if *bits < MIN_RSA_BITS => Err(Refusal::WeakKey { bits: *bits }),
            (Key::Rsa { key, .. }, Family::Rsa) => match self.digest {
                Digest::Sha256 => by_ring(&RSA_PKCS1_2048_8192_SHA256, key),
                Digest::Sha384 => by_ring(&RSA_PKCS1_2048_8192_SHA384, key),
                Digest::Sha512 => by_ring(&RSA_PKCS1_2048_8192_SHA512, key),
                _ => Err(Refusal::WeakDigest),
            },
            (Key::P256(key), Family::Ecdsa) => match self.digest {
                Digest::Sha256 => by_ring(&ECDSA_P256_SHA256_ASN1, key),
                Digest::Sha384 => by_ring(&ECDSA_P256_SHA384_ASN1, key),
                _ => Err(Refusal::WeakDigest),
            },
            (Key::P384(key), Family::Ecdsa) => match self.digest {
                Digest::Sha256 => by_ring(&ECDSA_P384_SHA256_ASN1, key),
                Digest::Sha384 => by_ring(&ECDSA_P384_SHA384_ASN1, key),
                _ => Err(Refusal::WeakDigest),
            },
            (Key::Gost { key, set: ParameterSet::CryptoProA }, Family::GostOld) => by_gost(key, signature),
            (Key::Gost { key, .. }, Family::Gost) => by_gost(key, signature),
            (Key::Gost { key, .. }, Family::GostReversed) => {
                by_gost(key, &signature.iter().rev().copied().collect::<Vec<_>>())
            }
            _ => Err(mismatch()),
        }
    }
}
