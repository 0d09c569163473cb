//! Hash functions by their object identifiers.

use gost94::{Digest as _, Gost94CryptoPro, Gost94Test};
use ring::digest;
use streebog::{Streebog256, Streebog512};

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digest {
    /// Too weak for signatures; certificates are named with it (RFC 2634 §5.4), and old time stamps are over it.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// GOST 34.311-95 with the substitutions of its standard's example, which Kazakhstan uses.
    Gost94,
    /// The same with those of CryptoPro (RFC 4357 §11.2).
    Gost94CryptoPro,
    /// Streebog with 256 bits: GOST 34.11-2015.
    Streebog256,
    /// Streebog with 512 bits: GOST 34.11-2015.
    Streebog512,
}

/// Identifiers of Kazakhstan's national authority (1.2.398) and of Russia's TC26 (1.2.643).
const DIGESTS: &[(&str, Digest)] = &[
    ("1.3.14.3.2.26", Digest::Sha1),
    ("2.16.840.1.101.3.4.2.1", Digest::Sha256),
    ("2.16.840.1.101.3.4.2.2", Digest::Sha384),
    ("2.16.840.1.101.3.4.2.3", Digest::Sha512),
    ("1.2.398.3.10.1.3.1", Digest::Gost94),
    ("1.2.398.3.10.1.3.2", Digest::Streebog256),
    ("1.2.398.3.10.1.3.3", Digest::Streebog512),
    ("1.2.643.2.2.9", Digest::Gost94CryptoPro),
    ("1.2.643.7.1.1.2.2", Digest::Streebog256),
    ("1.2.643.7.1.1.2.3", Digest::Streebog512),
];

impl Digest {
    /// The function with this identifier.
    #[must_use]
    pub fn named(oid: &str) -> Option<Self> {
        DIGESTS.iter().find(|(name, _)| *name == oid).map(|(_, digest)| *digest)
    }

    /// Its identifier, the first where it has two.
    #[must_use]
    pub fn oid(self) -> &'static str {
        DIGESTS.iter().find(|(_, digest)| *digest == self).map_or("", |(name, _)| name)
    }
}

/// The hash of these bytes.
#[must_use]
pub fn of(digest: Digest, bytes: &[u8]) -> Vec<u8> {
    let by_ring = |algorithm| digest::digest(algorithm, bytes).as_ref().to_vec();
    match digest {
        Digest::Sha1 => by_ring(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        Digest::Sha256 => by_ring(&digest::SHA256),
        Digest::Sha384 => by_ring(&digest::SHA384),
        Digest::Sha512 => by_ring(&digest::SHA512),
        Digest::Gost94 => Gost94Test::digest(bytes).to_vec(),
        Digest::Gost94CryptoPro => Gost94CryptoPro::digest(bytes).to_vec(),
        Digest::Streebog256 => Streebog256::digest(bytes).to_vec(),
        Digest::Streebog512 => Streebog512::digest(bytes).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(Digest::Sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709")]
    #[test_case(Digest::Sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    #[test_case(Digest::Gost94, "", "ce85b99cc46752fffee35cab9a7b0278abb4c2d2055cff685af4912c49490f8d")]
    #[test_case(Digest::Gost94, "message digest", "ad4434ecb18f2c99b60cbe59ec3d2469582b65273f48de72db2fde16a4889a4d")]
    #[test_case(Digest::Gost94CryptoPro, "", "981e5f3ca30c841487830f84fb433e13ac1101569b9c13584ac483234cd656c0")]
    #[test_case(
        Digest::Gost94CryptoPro,
        "message digest",
        "bc6041dd2aa401ebfa6e9886734174febdb4729aa972d60f549ac39b29721ba0"
    )]
    #[test_case(Digest::Streebog256, "012345678901234567890123456789012345678901234567890123456789012", "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500"; "rfc6986 10.1.2")]
    fn published_examples(digest: Digest, message: &str, expected: &str) {
        let found: String = of(digest, message.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
        assert_eq!(Digest::named(digest.oid()), Some(digest));
    }
}
