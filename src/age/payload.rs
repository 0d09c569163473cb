//! The content: pieces of 64 KiB, each with its number, the last one known as such.

use std::io::{BufRead, Read as _};

use ring::aead::NONCE_LEN;
use zeroize::Zeroizing;

use super::{NotOpened, seal, unseal};

/// Random bytes before the content.
pub(super) const NONCE_BYTES: usize = 16;

const PIECE_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;

/// Bytes that content of this length becomes.
#[must_use]
pub fn sealed_bytes(length: u64) -> u64 {
    let pieces = length.div_ceil(PIECE_BYTES as u64).max(1);
    length + pieces * TAG_BYTES as u64
}

/// The number of a piece, and whether it is the last.
#[derive(Debug, Default)]
struct Place(u64);

impl Place {
    fn nonce(&self, is_last: bool) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        if let Some((last, number)) = nonce.split_last_mut() {
            *last = u8::from(is_last);
            number.iter_mut().rev().zip(self.0.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
        nonce
    }
}

/// Makes pieces.
pub(super) struct Sealer {
    key: Zeroizing<[u8; 32]>,
    place: Place,
    waiting: Vec<u8>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer at piece {}", self.place.0)
    }
}

impl Sealer {
    pub(super) fn new(key: &Zeroizing<[u8; 32]>) -> Self {
        Sealer { key: key.clone(), place: Place::default(), waiting: Vec::new() }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(bytes);
        let mut sealed = Vec::new();
        // A full piece waits until something follows it: it may be the last.
        while self.waiting.len() > PIECE_BYTES {
            let rest = self.waiting.split_off(PIECE_BYTES);
            let piece = std::mem::replace(&mut self.waiting, rest);
            sealed.extend(seal(&self.key, self.place.nonce(false), piece));
            self.place.0 += 1;
        }
        sealed
    }

    pub(super) fn finish(self) -> Vec<u8> {
        seal(&self.key, self.place.nonce(true), self.waiting)
    }
}

/// Opens pieces.
pub(super) struct Opener<R> {
    source: R,
    key: Zeroizing<[u8; 32]>,
    place: Place,
    is_done: bool,
}

impl<R> std::fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener at piece {}", self.place.0)
    }
}

impl<R: BufRead> Opener<R> {
    pub(super) fn new(source: R, key: &Zeroizing<[u8; 32]>) -> Self {
        Opener { source, key: key.clone(), place: Place::default(), is_done: false }
    }

    /// The next piece; `None` behind the last one.
    pub(super) fn next_piece(&mut self) -> Result<Option<Vec<u8>>, NotOpened> {
        if self.is_done {
            return Ok(None);
        }
        let mut piece = Vec::new();
        let most = (PIECE_BYTES + TAG_BYTES) as u64;
        (&mut self.source).take(most).read_to_end(&mut piece)?;
        let is_last = self.source.fill_buf()?.is_empty();
        let opened = unseal(&self.key, self.place.nonce(is_last), piece).ok_or(NotOpened::Altered)?;
        // Only a file without content has an empty piece.
        if opened.is_empty() && self.place.0 > 0 {
            return Err(NotOpened::Altered);
        }
        self.place.0 += 1;
        self.is_done = is_last;
        Ok(Some(opened))
    }
}
