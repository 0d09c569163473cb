//! Ed25519 (RFC 8032). Three signatures a letter are the largest part of what marks cost, and graviola makes one in a
//! third of ring's time, on processors that have what it needs. There is only one right signature (§5.1.6), so that it
//! does not matter who makes it.

use graviola::signing::eddsa::Ed25519SigningKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::processor;

/// Bytes of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// A private key.
pub(super) struct PrivateKey {
    pair: Ed25519KeyPair,
    /// The same key.
    quick: Option<Ed25519SigningKey>,
}

impl PrivateKey {
    /// Reads a key in PKCS#8, also without its public part, as other programs write it; `None` for anything else.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
        let quick = processor::has_graviola().then(|| Ed25519SigningKey::from_pkcs8_der(der).ok()).flatten();
        // Both libraries must see the same key in it.
        let quick = quick.filter(|quick| quick.public_key().as_bytes() == pair.public_key().as_ref());
        Some(PrivateKey { pair, quick })
    }

    /// Its public part.
    pub(super) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The signature of a message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        match &self.quick {
            Some(key) => key.sign(message),
            None => {
                let (mut bytes, signature) = ([0; SIGNATURE_BYTES], self.pair.sign(message));
                bytes.copy_from_slice(signature.as_ref());
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// As `openssl genpkey -algorithm ED25519` writes the key of RFC 8032 §7.1 test 2: without its public part.
    const WITHOUT_PUBLIC_PART: &str =
        "302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn rfc8032_7_1_test_2() {
        let key = PrivateKey::from_pkcs8(&hex(WITHOUT_PUBLIC_PART)).unwrap();
        assert_eq!(key.public(), hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(key.sign(&[0x72]), hex(signature)[..]);
        assert_eq!(PrivateKey { quick: None, ..key }.sign(&[0x72]), hex(signature)[..]);
    }

    /// Keys in other forms that ring reads are signed with by ring.
    #[test]
    fn where_the_processor_allows_it_keys_of_ring_and_of_openssl_sign_quickly() {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        for der in [made.as_ref(), &hex(WITHOUT_PUBLIC_PART)] {
            assert_eq!(PrivateKey::from_pkcs8(der).unwrap().quick.is_some(), processor::has_graviola());
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let key = hex(WITHOUT_PUBLIC_PART);
        for len in 0..key.len() {
            assert!(PrivateKey::from_pkcs8(&key[..len]).is_none(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn rfc8032_5_1_6_both_libraries_make_the_same_signature(message in prop::collection::vec(any::<u8>(), 0..300)) {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
            let key = PrivateKey::from_pkcs8(made.as_ref()).unwrap();
            let signature = key.sign(&message);
            UnparsedPublicKey::new(&ED25519, key.public()).verify(&message, &signature).unwrap();
            prop_assert_eq!(PrivateKey { quick: None, ..key }.sign(&message), signature);
        }
    }
}
