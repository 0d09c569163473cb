//! The bytes of a pack.
//!
//! A pack begins with `POSHTAPK`, the format (u32) and its own number (u32). Then records, each:
//!
//! | bytes | |
//! |---|---|
//! | 4 | magic |
//! | 1 | kind |
//! | 1 | what was done to the content ([`Coding`]): bit 0 compressed, bits 2 to 4 how, bit 1 sealed, bit 5 how checked |
//! | 2 | zero |
//! | 4 | length of the content |
//! | 4 | bytes that it takes behind this header |
//! | 32 | of a body BLAKE3 of the content, of any other record zero; of what is sealed the name that its seal says |
//! | 8 | where, and so when, it was first written ([`Birthplace`]) |
//! | 8 | check of the 56 bytes before |
//! | … | the content in chunks of 64 KiB, each followed by 8 bytes of check over its index and its bytes ([`Checks`]); |
//! | | how in detail is told by the module `coding` |
//!
//! Chunks have checks of their own so that a piece of a large body can be read, and trusted, alone.

use super::RecordRef;
use super::coding::Coding;
use crate::store::checksum::checksum;

pub(in crate::store) const PACK_HEADER_BYTES: u64 = 16;
pub(super) const HEADER_BYTES: u64 = 64;
pub(super) const CHUNK_BYTES: u64 = 64 << 10;
pub(super) const CHECK_BYTES: u64 = 8;

const PACK_MAGIC: &[u8; 8] = b"POSHTAPK";
const FORMAT: u32 = 2;
pub(super) const RECORD_MAGIC: [u8; 4] = [0xf5, b'r', b'e', b'c'];
const CHECKED: usize = 56;

/// The id of a record that is neither a body nor sealed: its checks say whether it is whole, and behind what was
/// compressed there is one of the content too. Nobody asks for it by name. Once it was BLAKE3 of the content, and of a
/// record that is that old it still is.
pub(super) const NAMELESS: [u8; 32] = [0; 32];

/// What a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::store) enum Kind {
    /// Bytes that a row names: prefixes, large summaries.
    Bytes = 1,
    /// A body.
    Body = 2,
    /// Rows that came and went, for `rebuild` (`commit::resolve::Remembered`).
    Rows = 3,
}

/// The head of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct Header {
    pub(in crate::store) kind: Kind,
    pub(in crate::store) coding: Coding,
    /// Length of the content, bytes.
    pub(in crate::store) len: u32,
    /// What it takes behind the header, bytes.
    pub(in crate::store) stored: u32,
    pub(in crate::store) id: [u8; 32],
    pub(in crate::store) birthplace: Birthplace,
}

/// The place at which a record was first written. It stays when the record is moved, and of two records that
/// the committer wrote the later one has the greater birthplace: so `rebuild` knows which of two rows is newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::store) struct Birthplace(u64);

/// Bits of a birthplace that hold the offset; the others hold the number of the pack.
const OFFSET_BITS: u32 = 40;

impl Birthplace {
    pub(in crate::store) fn at(place: RecordRef) -> Self {
        Birthplace(u64::from(place.pack) << OFFSET_BITS | place.offset)
    }
}

impl Header {
    /// The place of a record that has this header at `offset`.
    pub(in crate::store) fn place(&self, pack: u32, offset: u64) -> RecordRef {
        RecordRef { pack, offset, len: self.len, stored: self.stored }
    }

    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4] = self.kind as u8;
        bytes[5] = self.coding.to_byte();
        bytes[8..12].copy_from_slice(&self.len.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.stored.to_be_bytes());
        bytes[16..48].copy_from_slice(&self.id);
        bytes[48..CHECKED].copy_from_slice(&self.birthplace.0.to_be_bytes());
        let check = check_of(&[&bytes[..CHECKED]]);
        bytes[CHECKED..].copy_from_slice(&check);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES as usize]) -> Option<Self> {
        let (checked, check) = bytes.split_at_checked(CHECKED)?;
        if !checked.starts_with(&RECORD_MAGIC) || check != check_of(&[checked]) {
            return None;
        }
        let kind = match checked.get(4)? {
            1 => Kind::Bytes,
            2 => Kind::Body,
            3 => Kind::Rows,
            _ => return None,
        };
        let coding = Coding::from_byte(*checked.get(5)?)?;
        let len = u32::from_be_bytes(checked.get(8..12)?.try_into().ok()?);
        let stored = u32::from_be_bytes(checked.get(12..16)?.try_into().ok()?);
        let birthplace = Birthplace(u64::from_be_bytes(checked.get(48..)?.try_into().ok()?));
        Some(Header { kind, coding, len, stored, id: checked.get(16..48)?.try_into().ok()?, birthplace })
    }
}

pub(super) fn pack_header(number: u32) -> [u8; PACK_HEADER_BYTES as usize] {
    let mut bytes = [0; PACK_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(PACK_MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// How the parts of a record are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Checks {
    /// By the beginning of the BLAKE3 hash of index and bytes: before schema 13.
    Hashes,
    /// By a checksum.
    Sums,
}

impl Checks {
    /// The check of a chunk, or of another part of a record that has a number of its own.
    pub(super) fn of_part(self, index: u64, bytes: &[u8]) -> [u8; CHECK_BYTES as usize] {
        match self {
            Checks::Hashes => check_of(&[&index.to_be_bytes(), bytes]),
            Checks::Sums => checksum(index, bytes).to_be_bytes(),
        }
    }

    /// The bytes of a part before its check, if that fits.
    pub(super) fn checked_part(self, index: u64, stored: &[u8]) -> Option<&[u8]> {
        let (bytes, check) = stored.split_at_checked(stored.len().checked_sub(CHECK_BYTES as usize)?)?;
        (check == self.of_part(index, bytes)).then_some(bytes)
    }
}

fn check_of(parts: &[&[u8]]) -> [u8; CHECK_BYTES as usize] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut check = [0; CHECK_BYTES as usize];
    hasher.finalize_xof().fill(&mut check);
    check
}
