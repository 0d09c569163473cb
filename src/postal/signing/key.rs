//! Private keys that sign marks and public keys that check them.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::header::relaxed;
use super::{Algorithm, HeaderInput, ed25519};

/// `rsaEncryption` with NULL parameters (RFC 3279 §2.3.1).
const RSA_ENCRYPTION: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A private key.
pub struct SigningKey(Private);

enum Private {
    Ed25519(Box<ed25519::PrivateKey>),
    Rsa(Box<rsa::KeyPair>),
}

/// The public part of a key, as it is published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// Ed25519: its 32 bytes (RFC 8463 §4). RSA: the SubjectPublicKeyInfo (RFC 6376 §3.6.1).
    bytes: Vec<u8>,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PKCS#8, or of a kind that marks are not signed with.
    #[error("this is no private key for marks; give an Ed25519 key or an RSA key of 2048 to 8192 bits in PKCS#8")]
    NotAKey,
    /// Not what the algorithm's public keys look like.
    #[error("this is no public key of the algorithm")]
    NotAPublicKey,
    /// The operation failed; with a whole key it does not.
    #[error("the key cannot sign")]
    CannotSign,
}

impl SigningKey {
    /// Reads a key in PKCS#8 (DER), Ed25519 or RSA.
    ///
    /// # Errors
    /// `NotAKey`.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(key) = ed25519::PrivateKey::from_pkcs8(der) {
            return Ok(SigningKey(Private::Ed25519(Box::new(key))));
        }
        let pair = rsa::KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotAKey)?;
        Ok(SigningKey(Private::Rsa(Box::new(pair))))
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Private::Ed25519(_) => Algorithm::Ed25519Sha256,
            Private::Rsa(_) => Algorithm::RsaSha256,
        }
    }

    /// What is published of it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let bytes = match &self.0 {
            Private::Ed25519(key) => key.public().to_vec(),
            Private::Rsa(pair) => subject_public_key_info(pair.public().as_ref()),
        };
        PublicKey { algorithm: self.algorithm(), bytes }
    }

    /// Signs a header and the mark behind it.
    pub(super) fn sign(&self, header: &HeaderInput, mark: &str) -> Result<Signature, KeyError> {
        match &self.0 {
            Private::Ed25519(key) => Ok(Signature::Ed25519(key.sign(&header.digest_with(mark)))),
            Private::Rsa(pair) => sign_with_rsa(pair, &header.bytes_with(mark)),
        }
    }
}

/// A signature of the length that its algorithm has.
pub(super) enum Signature {
    Ed25519([u8; ed25519::SIGNATURE_BYTES]),
    Rsa(Vec<u8>),
}

impl Deref for Signature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Signature::Ed25519(bytes) => bytes,
            Signature::Rsa(bytes) => bytes,
        }
    }
}

impl SigningKey {
    /// Signs a header and the field that is to hold the signature, in the relaxed form and without its line end. The
    /// field ends with a `b=` that is empty (RFC 6376 §3.7).
    pub(crate) fn sign_field(&self, header: &HeaderInput, field: &str) -> Result<Vec<u8>, KeyError> {
        self.sign(header, &relaxed(field)).map(|signature| signature.to_vec())
    }

    /// Signs a document of its own, in the way of the algorithm: Ed25519 over the SHA-256 hash (RFC 8463 §3), RSA over
    /// the bytes. The document begins with a line that says what it is, so that it is never taken for a mark.
    pub(in crate::postal) fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = match &self.0 {
            Private::Ed25519(key) => Signature::Ed25519(key.sign(&Sha256::digest(bytes))),
            Private::Rsa(pair) => sign_with_rsa(pair, bytes)?,
        };
        Ok(signature.to_vec())
    }
}

fn sign_with_rsa(pair: &rsa::KeyPair, bytes: &[u8]) -> Result<Signature, KeyError> {
    let mut signature = vec![0; pair.public().modulus_len()];
    // PKCS#1 v1.5 has no randomness in the signature; ring blinds the computation with it.
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).map_err(|_| KeyError::CannotSign)?;
    Ok(Signature::Rsa(signature))
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

impl PublicKey {
    /// Reads a published key.
    ///
    /// # Errors
    /// `NotAPublicKey`.
    pub fn parse(algorithm: Algorithm, base64: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(base64).map_err(|_| KeyError::NotAPublicKey)?;
        let is_whole = match algorithm {
            Algorithm::Ed25519Sha256 => bytes.len() == 32,
            Algorithm::RsaSha256 => rsa_key(&bytes).is_some(),
            Algorithm::Gost2015 => true,
        };
        if is_whole { Ok(PublicKey { algorithm, bytes }) } else { Err(KeyError::NotAPublicKey) }
    }

    /// How it checks.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// As it is published.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// True when a DKIM record publishes this key. Of RSA both forms are in use: the bare RSAPublicKey that RFC 6376
    /// §3.6.1 names, and the SubjectPublicKeyInfo of its appendix C, which we write.
    #[must_use]
    pub fn is_published_as(&self, base64: &str) -> bool {
        let Ok(published) = STANDARD.decode(base64) else { return false };
        published == self.bytes
            || (self.algorithm == Algorithm::RsaSha256 && rsa_key(&self.bytes).is_some_and(|key| key == published))
    }

    /// Its bytes, as they are published in base64.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text of the key in the DNS, as that of a DKIM key (RFC 6376 §3.6.1).
    #[must_use]
    pub fn dns_text(&self) -> String {
        format!("v=PM1; k={}; p={}", self.algorithm.key_type(), self.base64())
    }

    /// True when the signature is this key's, over the header and the mark behind it. Never for an algorithm that
    /// cannot be judged here.
    pub(in crate::postal) fn verifies(&self, header: &HeaderInput, mark: &str, signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519Sha256 => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(&header.digest_with(mark), signature).is_ok()
            }
            Algorithm::RsaSha256 => rsa_key(&self.bytes).is_some_and(|key| {
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                key.verify(&header.bytes_with(mark), signature).is_ok()
            }),
            Algorithm::Gost2015 => false,
        }
    }
}

impl PublicKey {
    /// True when the signature is this key's over a document; see [`SigningKey::sign_bytes`].
    pub(in crate::postal) fn verifies_bytes(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519Sha256 => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(&Sha256::digest(bytes), signature).is_ok()
            }
            Algorithm::RsaSha256 => rsa_key(&self.bytes).is_some_and(|key| {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(bytes, signature).is_ok()
            }),
            Algorithm::Gost2015 => false,
        }
    }
}

/// The RSAPublicKey inside a SubjectPublicKeyInfo.
fn rsa_key(info: &[u8]) -> Option<Vec<u8>> {
    let (rest, info) = SubjectPublicKeyInfo::from_der(info).ok()?;
    let is_rsa = info.algorithm.algorithm == x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION;
    (rest.is_empty() && is_rsa).then(|| info.subject_public_key.data.into_owned())
}

/// RFC 5280 §4.1: algorithm, then the key as a bit string without unused bits.
fn subject_public_key_info(key: &[u8]) -> Vec<u8> {
    let bits = der(0x03, &[&[0], key].concat());
    der(0x30, &[&RSA_ENCRYPTION, bits.as_slice()].concat())
}

/// One DER value (X.690 §8.1): tag, length, contents.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut value = vec![tag];
    match significant.as_slice() {
        [] => value.push(0),
        [short @ 0..=127] => value.push(*short),
        long => {
            value.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            value.extend_from_slice(long);
        }
    }
    value.extend_from_slice(contents);
    value
}
