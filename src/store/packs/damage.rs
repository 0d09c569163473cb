//! Packs as they are found after a copy, a crash or a bad disk: how much of one is whole, and what can still be
//! read behind a place where nothing can.

use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use super::format::{HEADER_BYTES, PACK_HEADER_BYTES, RECORD_MAGIC};
use super::{Birthplace, Header, Kind, Packs, RecordRef};
use crate::store::{Error, Result};

/// Bytes searched at a time for the next record.
const PIECE_BYTES: u64 = 1 << 20;

/// How a part of a pack was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct Verified {
    /// Where the last record that was looked at ends.
    pub(in crate::store) end: u64,
    /// Records that are not what their headers say.
    pub(in crate::store) damaged: Vec<String>,
}

/// What to do about a damaged record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum OnDamage {
    /// What is behind it is of no use either.
    Stop,
    /// Its header is good, so the next record can be found.
    GoOn,
}

impl Packs {
    /// Reads the records between `from`, where one begins, and `until`, and compares each with its header.
    ///
    /// # Errors
    /// I/O.
    pub(in crate::store) fn verify_part(
        &self,
        pack: u32,
        from: u64,
        until: u64,
        on_damage: OnDamage,
    ) -> Result<Verified> {
        let mut verified = Verified { end: from.max(PACK_HEADER_BYTES), damaged: Vec::new() };
        while let Some(header) = self.header(pack, verified.end)? {
            let place = header.place(pack, verified.end);
            let end = verified.end + place.stored_bytes();
            if end > until {
                break;
            }
            match self.verify(place, header.kind) {
                Ok(_) => {}
                Err(Error::Damaged(_)) if on_damage == OnDamage::Stop => break,
                Err(Error::Damaged(what)) => verified.damaged.push(what),
                Err(error) => return Err(error),
            }
            verified.end = end;
        }
        Ok(verified)
    }

    /// As [`Packs::walk`], but past places where no record begins: to the next one that does. Gives those
    /// places, each with its length.
    ///
    /// Behind such a place nobody knows what is a record and what is the content of one that has lost its header,
    /// and content comes from strangers. A body from there is only ever found by its hash. Rows are taken only
    /// where they were born: a stranger cannot know at which byte of which pack a letter will lie.
    ///
    /// # Errors
    /// I/O.
    pub(in crate::store) fn walk_past_damage(
        &self,
        pack: u32,
        mut each: impl FnMut(RecordRef, &Header) -> ControlFlow<()>,
    ) -> Result<Vec<(u64, u64)>> {
        let mut gaps = Vec::new();
        let mut position = PACK_HEADER_BYTES;
        let length = self.length(pack)?;
        while position < length {
            let Some(header) = self.header(pack, position)? else {
                let next = self.next_record(pack, position + 1, length)?.unwrap_or(length);
                gaps.push((position, next - position));
                position = next;
                continue;
            };
            let place = header.place(pack, position);
            let end = position + place.stored_bytes();
            if end > length {
                // A crash cut it short before anybody was told of it.
                gaps.push((position, length - position));
                break;
            }
            let is_certain = gaps.is_empty() || header.kind != Kind::Rows || header.birthplace == Birthplace::at(place);
            if is_certain && each(place, &header).is_break() {
                break;
            }
            position = end;
        }
        Ok(gaps)
    }

    fn next_record(&self, pack: u32, from: u64, length: u64) -> Result<Option<u64>> {
        let file = self.file(pack)?;
        let mut begin = from;
        while begin + HEADER_BYTES <= length {
            let mut piece = vec![0; super::usize_of(PIECE_BYTES.min(length - begin))?];
            file.read_exact_at(&mut piece, begin)?;
            for (at, _) in piece.windows(RECORD_MAGIC.len()).enumerate().filter(|(_, bytes)| *bytes == RECORD_MAGIC) {
                let offset = begin + at as u64;
                if self.header(pack, offset)?.is_some() {
                    return Ok(Some(offset));
                }
            }
            // A magic may lie across the border of two pieces.
            begin += piece.len() as u64 - (RECORD_MAGIC.len() as u64 - 1);
        }
        Ok(None)
    }
}
