//! Thirty-two bytes that must not be seen, and the few things done with them.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::super::{Error, Result};
use crate::clock::{Entropy as _, SystemEntropy};

/// Bytes of a secret.
pub(super) const SECRET_BYTES: usize = 32;

/// Bytes of a nonce: enough to be chosen at random.
pub(super) const NONCE_BYTES: usize = 24;

/// Bytes by which something sealed is longer.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of a sealed secret.
pub(super) const WRAPPED_BYTES: usize = SECRET_BYTES + TAG_BYTES;

/// A secret. It is wiped when it is dropped, and not shown by `Debug`.
pub(super) struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    pub(super) fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Secret(Zeroizing::new(bytes))
    }

    /// A new one. Keys are what must not be fixed (`clock`): they come from the operating system.
    pub(super) fn random() -> Self {
        let mut secret = Secret(Zeroizing::default());
        SystemEntropy.fill(&mut secret.0[..]);
        secret
    }

    pub(super) fn expose(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// A name by which a key is known without being told.
    pub(super) fn fingerprint(&self) -> u32 {
        let hash = self.derive("fingerprint", &[]);
        hash.first_chunk().map_or(0, |short| u32::from_be_bytes(*short))
    }

    /// Thirty-two bytes that nobody without the secret can tell, another for each purpose and input. The parts
    /// have lengths that follow from the purpose.
    pub(super) fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; SECRET_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(self.expose());
        hasher.update(purpose.as_bytes()).update(&[0]);
        for part in parts {
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// Seals bytes; `context` must be the same when they are opened.
    ///
    /// # Errors
    /// There are more bytes than the cipher takes.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_BYTES], context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = plain.to_vec();
        let sealed = self
            .cipher(nonce)
            .and_then(|cipher| cipher.seal_in_place_append_tag(only_nonce(), Aad::from(context), &mut bytes).ok());
        sealed.map(|()| bytes).ok_or_else(|| Error::Engine("it is too large to be sealed".into()))
    }

    /// What was sealed, if it was sealed by this secret with this nonce and context.
    pub(super) fn open(&self, nonce: &[u8; NONCE_BYTES], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let cipher = self.cipher(nonce)?;
        let len = cipher.open_in_place(only_nonce(), Aad::from(context), &mut bytes).ok()?.len();
        bytes.truncate(len);
        Some(bytes)
    }

    /// Every nonce makes a key of its own: those of AES-GCM itself are too short to be chosen at random.
    fn cipher(&self, nonce: &[u8; NONCE_BYTES]) -> Option<LessSafeKey> {
        let key = Zeroizing::new(self.derive("seal", &[nonce]));
        UnboundKey::new(&AES_256_GCM, &key[..]).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The key is used for nothing else.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Bytes that nobody can guess, and nobody has to hide.
pub(super) fn random_scope() -> [u8; SECRET_BYTES] {
    *Secret::random().expose()
}

/// A nonce for one sealing.
pub(super) fn random_nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    SystemEntropy.fill(&mut nonce);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_nonce_and_context_open_what_was_sealed() {
        let (secret, nonce) = (Secret::random(), random_nonce());
        let sealed = secret.seal(&nonce, b"context", b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + TAG_BYTES);
        assert_eq!(secret.open(&nonce, b"context", &sealed).unwrap()[..], b"plain"[..]);
        assert_eq!(secret.open(&nonce, b"another", &sealed), None);
        assert_eq!(secret.open(&random_nonce(), b"context", &sealed), None);
        assert_eq!(Secret::random().open(&nonce, b"context", &sealed), None);
        assert_eq!(secret.open(&nonce, b"context", &sealed[1..]), None);
    }

    #[test]
    fn a_secret_shows_nowhere() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret(…)");
    }
}
