//! Files that one reader can open: the format age, version 1 (c2sp.org/age), with X25519 recipients.
//!
//! A file is encrypted under a key of its own, in pieces that each are authentic and in their place: what was altered,
//! cut off or put together anew is not opened. Whoever makes one needs the reader's public key alone, so nothing here
//! says who made it; what is sealed so carries a signature inside. Any program that knows the format opens it too.

mod bech32;
mod header;
mod keys;
mod payload;

use std::io::BufRead;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::clock::{Entropy as _, SystemEntropy};

pub use keys::{Identity, NotAKey, Recipient};
pub use payload::sealed_bytes as payload_bytes;

use payload::{Opener, Sealer};

/// The key of one file.
type FileKey = Zeroizing<[u8; 16]>;

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// It is no such file, or its header was altered.
    #[error("this is no file of the format age, version 1: {0}")]
    Form(&'static str),
    /// It is for somebody else.
    #[error("the file is not for this key")]
    OtherReader,
    /// It was altered or cut off behind its header.
    #[error("the file was altered or cut off; what came before is to be thrown away")]
    Altered,
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
}

/// Encrypts a file in pieces.
#[derive(Debug)]
pub struct Writer {
    sealer: Sealer,
}

impl Writer {
    /// A new file for these readers, of which each can open it, and its beginning.
    ///
    /// # Errors
    /// A key that no reader has.
    pub fn new(readers: &[Recipient]) -> Result<(Self, Vec<u8>), NotAKey> {
        let mut file_key = FileKey::default();
        SystemEntropy.fill(&mut file_key[..]);
        let mut nonce = [0; payload::NONCE_BYTES];
        SystemEntropy.fill(&mut nonce);
        let mut beginning = header::write(readers, &file_key)?;
        beginning.extend_from_slice(&nonce);
        Ok((Writer { sealer: Sealer::new(&payload_key(&file_key, &nonce)) }, beginning))
    }

    /// Goes on with the next bytes; gives what is to be written of them.
    #[must_use]
    pub fn update(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.sealer.update(bytes)
    }

    /// The end of the file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.sealer.finish()
    }
}

/// Bytes of a whole file for so many readers whose content has `length` bytes.
#[must_use]
pub fn file_bytes(readers: usize, length: u64) -> u64 {
    header::bytes(readers) as u64 + payload::NONCE_BYTES as u64 + payload_bytes(length)
}

/// Reads a file: its content, as far as it was found to be authentic.
#[derive(Debug)]
pub struct Reader<R> {
    opener: Opener<R>,
    ready: Vec<u8>,
    at: usize,
}

impl<R: BufRead> Reader<R> {
    /// Opens a file.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub fn open(mut source: R, identity: &Identity) -> Result<Self, NotOpened> {
        let file_key = header::read(&mut source, identity)?;
        let mut nonce = [0; payload::NONCE_BYTES];
        source.read_exact(&mut nonce).map_err(|_| NotOpened::Form("it ends behind its header"))?;
        let opener = Opener::new(source, &payload_key(&file_key, &nonce));
        Ok(Reader { opener, ready: Vec::new(), at: 0 })
    }
}

impl<R: BufRead> std::io::Read for Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.ready.len() {
            let next = self.opener.next_piece().map_err(|error| match error {
                NotOpened::Read(error) => error,
                other => std::io::Error::new(std::io::ErrorKind::InvalidData, other),
            })?;
            (self.ready, self.at) = (next.unwrap_or_default(), 0);
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(from), Some(to)) = (rest.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

fn payload_key(file_key: &FileKey, nonce: &[u8]) -> Zeroizing<[u8; 32]> {
    derive(&file_key[..], nonce, b"payload")
}

/// HKDF-SHA-256 (RFC 5869), 32 bytes.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let filled = extracted.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut derived[..]));
    // As many bytes as the hash has are always there.
    debug_assert!(filled.is_ok());
    derived
}

fn header_mac_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &derive(&file_key[..], &[], b"header")[..])
}

/// ChaCha20-Poly1305 (RFC 8439); `None` for a key of another length, which there is not.
fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new)
}

/// Encrypts in place and adds the tag.
fn seal(key: &[u8; 32], nonce: [u8; NONCE_LEN], mut bytes: Vec<u8>) -> Vec<u8> {
    let sealed = cipher(key)
        .map(|key| key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes));
    debug_assert!(matches!(sealed, Some(Ok(()))));
    bytes
}

/// Decrypts what [`seal`] made.
fn unseal(key: &[u8; 32], nonce: [u8; NONCE_LEN], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests;
