//! Bytes that only the holder of a key can read: one chunk at a time, so that a range of a record can be opened
//! alone.
//!
//! A [`DataKey`] never seals anything itself. Each record, and each staging file, gets a key of its own, which
//! BLAKE3 derives from the data key, 24 random bytes that stand in the record and all that its header says of the
//! content: so no two records share a key, whatever data key they have, and the number of a chunk can be its nonce.
//! A chunk at another place, in another record, or in a record whose header was changed does not open.
//!
//! The cipher is AES-256-GCM of ring, which is in the program for TLS already.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::{Error, Result};

/// Random bytes at the beginning of a sealed record.
pub(super) const SALT_BYTES: usize = 24;

/// Bytes that sealing adds to a chunk.
pub(super) const TAG_BYTES: usize = 16;

/// What a key is derived for; goes into the derivation, so that no two uses ever share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// A record of a pack.
    Record,
    /// A staging file.
    Staging,
}

/// Seals the records of a message: 32 random bytes, or bytes derived from a secret (see [`Seal`]). Wiped when it
/// is dropped.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; DataKey::BYTES]>);

impl DataKey {
    /// Length of a key.
    pub const BYTES: usize = 32;

    /// The key with these bytes, which must be secret and as good as random.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        DataKey(Zeroizing::new(bytes))
    }

    /// A new key from the operating system.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut key = DataKey(Zeroizing::default());
        fill_random(&mut key.0[..])?;
        Ok(key)
    }

    /// The bytes of the key, to be wrapped by another one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// How a record is sealed, and what it is called.
///
/// The hash of the content would tell everybody who has the pack whether a known letter is in it, so a sealed record
/// bears a name that only the holder of a secret can work out. The same name must always come with the same key: of
/// two bodies with one name only the first is written.
#[derive(Clone, Debug)]
pub struct Seal {
    /// Stands in the header of the record; of a body it is the `BodyId`.
    pub name: [u8; 32],
    /// Opens the record.
    pub key: DataKey,
}

/// Seals and opens the chunks of one record or file.
#[derive(Debug)]
pub(super) struct ChunkKey(LessSafeKey);

impl ChunkKey {
    /// The key for what `context` describes; its parts must have fixed lengths.
    pub(super) fn derive(key: &DataKey, what: Use, context: &[&[u8]]) -> Result<Self> {
        let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
        hasher.update(match what {
            Use::Record => b"poshta: record of a pack, 1",
            Use::Staging => b"poshta: staging file, 1",
        });
        for part in context {
            hasher.update(part);
        }
        let derived = Zeroizing::new(*hasher.finalize().as_bytes());
        let unbound = UnboundKey::new(&AES_256_GCM, &derived[..]);
        Ok(ChunkKey(LessSafeKey::new(unbound.map_err(|_| Error::Engine("a key of the wrong length".into()))?)))
    }

    /// Seals the bytes of a chunk where they stand; the tag goes behind them.
    pub(super) fn seal(&self, index: u64, bytes: &mut [u8]) -> Result<[u8; TAG_BYTES]> {
        let sealed = self.0.seal_in_place_separate_tag(nonce(index), Aad::empty(), bytes);
        let tag = sealed.map_err(|_| Error::Engine("a chunk is too large to be sealed".into()))?;
        tag.as_ref().try_into().map_err(|_| Error::Engine("a tag of another length".into()))
    }

    /// Opens a chunk, tag included, where it stands; `None` when it is not what was sealed.
    pub(super) fn open<'a>(&self, index: u64, sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        self.0.open_in_place(nonce(index), Aad::empty(), sealed).ok().map(|bytes| &*bytes)
    }
}

/// No chunk has the same number as another one under its key.
fn nonce(index: u64) -> Nonce {
    let mut bytes = [0; ring::aead::NONCE_LEN];
    if let Some(number) = bytes.last_chunk_mut() {
        *number = index.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

/// The bytes that make the key of a record unlike any other. Not from the injected source of randomness, which
/// repeats itself in tests: two records under one key would give both away.
pub(super) fn random_salt() -> Result<[u8; SALT_BYTES]> {
    let mut salt = [0; SALT_BYTES];
    fill_random(&mut salt)?;
    Ok(salt)
}

fn fill_random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::Engine("the system gives no random bytes".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_for(context: &[&[u8]]) -> ChunkKey {
        ChunkKey::derive(&DataKey::from_bytes([7; 32]), Use::Record, context).unwrap()
    }

    fn sealed(key: &ChunkKey, index: u64, text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        let tag = key.seal(index, &mut bytes).unwrap();
        [bytes, tag.to_vec()].concat()
    }

    #[test]
    fn a_chunk_opens_only_under_its_number_and_the_key_of_its_record() {
        let key = key_for(&[b"one"]);
        let stored = sealed(&key, 3, b"a letter");
        assert!(!stored.windows(6).any(|window| window == b"letter"));
        assert_eq!(key.open(3, &mut stored.clone()), Some(&b"a letter"[..]));
        assert_eq!(key.open(4, &mut stored.clone()), None);
        assert_eq!(key_for(&[b"two"]).open(3, &mut stored.clone()), None);
        let staging = ChunkKey::derive(&DataKey::from_bytes([7; 32]), Use::Staging, &[b"one"]).unwrap();
        assert_eq!(staging.open(3, &mut stored.clone()), None);
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 1;
            assert_eq!(key.open(3, &mut flipped), None, "byte {at}");
        }
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let key = DataKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "DataKey(..)");
        assert_eq!(format!("{:?}", Seal { name: [0; 32], key }).matches("ab").count(), 0);
        assert_ne!(DataKey::random().unwrap().as_bytes(), DataKey::random().unwrap().as_bytes());
    }
}
