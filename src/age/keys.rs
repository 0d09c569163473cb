//! The keys of readers: a public one to encrypt for, a secret one to open with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use super::bech32;
use crate::clock::{Entropy as _, SystemEntropy};

const PUBLIC: &str = "age";
const SECRET: &str = "age-secret-key-";

/// A public key: `age1…`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(pub(super) [u8; 32]);

/// A secret key: `AGE-SECRET-KEY-1…`. Not shown by `Debug`, wiped when it is dropped.
pub struct Identity(Zeroizing<[u8; 32]>);

/// A text that is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAKey {
    /// Not public.
    #[error("this is no public key; one begins with age1 and is what `poshta print new-key` or age-keygen prints")]
    Public,
    /// Not secret.
    #[error("this is no secret key; one begins with AGE-SECRET-KEY-1")]
    Secret,
}

impl Identity {
    /// A new key, from the randomness of the operating system.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemEntropy.fill(&mut bytes[..]);
        Identity(bytes)
    }

    /// Its public part.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient(x25519(*self.0, X25519_BASEPOINT_BYTES))
    }

    /// As it is kept: whoever has it opens what is encrypted for it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let small = Zeroizing::new(bech32::encode(SECRET, &self.0[..]));
        Zeroizing::new(small.to_ascii_uppercase())
    }

    /// Finds a key in a file of them: empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that says something is no secret key, or there is none.
    pub fn from_file(text: &str) -> Result<Self, NotAKey> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        line.ok_or(NotAKey::Secret)?.parse()
    }

    /// The secret that both sides get (RFC 7748 §6.1); `None` where the other key is one that leaves nothing secret.
    pub(super) fn agree(&self, other: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = Zeroizing::new(x25519(*self.0, *other));
        let is_secret = !bool::from(shared.ct_eq(&[0; 32]));
        is_secret.then_some(shared)
    }
}

impl FromStr for Identity {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = bech32::decode(SECRET, text).map(Zeroizing::new).ok_or(NotAKey::Secret)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| NotAKey::Secret)?;
        Ok(Identity(bytes))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity of {}", self.recipient())
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(PUBLIC, &self.0))
    }
}

impl FromStr for Recipient {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = bech32::decode(PUBLIC, text).ok_or(NotAKey::Public)?;
        bytes.try_into().map(Recipient).map_err(|_| NotAKey::Public)
    }
}

impl TryFrom<String> for Recipient {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<Self, NotAKey> {
        text.parse()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> String {
        recipient.to_string()
    }
}
