//! Public keys of passkeys, as COSE writes them (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4), and their signatures.

use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::store::second_factors::PasskeyKey;

use super::PasskeyError;
use super::data::entry;

/// Numbers of algorithms in the COSE registry; `passkeys.mjs` offers these.
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Labels of RFC 9052 §7.1 and RFC 9053 §7.1, §7.2, and their values.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_ED25519: i64 = 6;

/// Bytes of an RSA modulus that is taken: 2048 to 4096 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

pub(super) fn read(cose: &Value) -> Result<PasskeyKey, PasskeyError> {
    let number =
        |label: i64| entry(cose, &Value::from(label)).and_then(Value::as_integer).and_then(|n| i64::try_from(n).ok());
    let bytes = |label: i64| entry(cose, &Value::from(label)).and_then(Value::as_bytes);
    let coordinate = |label: i64| bytes(label).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let key = match (number(KEY_TYPE), number(ALGORITHM)) {
        (Some(EC2), Some(ES256)) if number(-1) == Some(P256) => {
            coordinate(-2).zip(coordinate(-3)).map(|(x, y)| PasskeyKey::P256([&[4][..], &x, &y].concat()))
        }
        (Some(OKP), Some(EDDSA)) if number(-1) == Some(CURVE_ED25519) => coordinate(-2).map(PasskeyKey::Ed25519),
        (Some(RSA), Some(RS256)) => bytes(-1)
            .zip(bytes(-2))
            .filter(|(modulus, exponent)| MODULUS_BYTES.contains(&modulus.len()) && (1..=8).contains(&exponent.len()))
            .map(|(modulus, exponent)| PasskeyKey::Rsa { modulus: modulus.clone(), exponent: exponent.clone() }),
        _ => None,
    };
    key.ok_or(PasskeyError::WrongKey)
}

/// §6.5.5: ECDSA signatures are ASN.1, the others plain.
pub(super) fn verify(key: &PasskeyKey, signed: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
    let verified = match key {
        PasskeyKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature),
        PasskeyKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(signed, signature),
        PasskeyKey::Rsa { modulus, exponent } => {
            RsaPublicKeyComponents { n: modulus, e: exponent }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
        }
    };
    verified.map_err(|_| PasskeyError::WrongSignature)
}
