//! Files that only grow are copied: what is there already is not copied again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt as _};
use std::path::Path;

use super::super::packs::{OnDamage, PACK_HEADER_BYTES, Packs};
use super::super::{Done, Error, Progress, Result};
use super::{FILE_MODE, Part, tell};

/// Bytes copied at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Bytes at the beginning and at the end of what is there already that are compared.
const EDGE_BYTES: u64 = 4 << 10;

/// What to do with a copy that is not the beginning of its original.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum OnDifference {
    /// It belongs to somebody else.
    Refuse,
    /// It is left over from an attempt.
    BeginAnew,
}

/// Copies files and counts.
pub(in crate::store) struct Copier<'a> {
    on_difference: OnDifference,
    progress: Progress<'a>,
    done: Done,
    /// Bytes that were not there before.
    pub(in crate::store) copied_bytes: u64,
    /// Records that are copied as they are and are not what their headers say.
    pub(in crate::store) damaged: Vec<String>,
}

impl<'a> Copier<'a> {
    pub(in crate::store) fn new(on_difference: OnDifference, progress: Progress<'a>) -> Self {
        Copier { on_difference, progress, done: Done::default(), copied_bytes: 0, damaged: Vec::new() }
    }

    /// So many bytes are to be copied, as far as is known.
    pub(in crate::store) fn expect(&mut self, bytes: u64) {
        self.done.of += bytes;
    }

    /// So many bytes were written that nobody expected.
    pub(in crate::store) fn also(&mut self, bytes: u64) -> Result<()> {
        self.done.of += bytes;
        self.step(bytes)
    }

    /// So many of the expected bytes were written.
    pub(in crate::store) fn step(&mut self, bytes: u64) -> Result<()> {
        self.done.bytes += bytes;
        self.done.of = self.done.of.max(self.done.bytes);
        tell(self.progress, self.done)
    }

    /// Brings the copy of a pack to the length in `part`, of which `known` bytes are known to be good already;
    /// what is there beyond them is looked at, and what is new is verified record by record.
    ///
    /// # Errors
    /// `NotPossible`, `Stopped`, I/O.
    pub(in crate::store) fn pack(&mut self, from: &Packs, to: &Packs, part: Part, known: u64) -> Result<()> {
        let Part { number, bytes } = part;
        let (source, target) = (File::open(from.path(number))?, open(&to.path(number))?);
        let there = target.metadata()?.len();
        let mut kept = known.min(there);
        if there > known && there > PACK_HEADER_BYTES && known <= bytes {
            // An interrupted copy: whole records of it can stay.
            kept = to.verify_part(number, known, bytes, OnDamage::Stop)?.end;
        }
        let kept = self.checked_beginning((&source, &target), kept, known, part)?;
        self.rest(&source, &target, kept, bytes)?;
        if kept < bytes {
            let verified = to.verify_part(number, kept, bytes, OnDamage::GoOn)?;
            self.damaged.extend(verified.damaged);
        }
        Ok(())
    }

    /// The same for a file of the journal, whose lines have checks of their own.
    ///
    /// # Errors
    /// As [`Copier::pack`].
    pub(in crate::store) fn journal(&mut self, from: &Path, to: &Path, part: Part, known: u64) -> Result<()> {
        let (source, target) = (File::open(from)?, open(to)?);
        let kept = known.min(target.metadata()?.len());
        let kept = self.checked_beginning((&source, &target), kept, known, part)?;
        self.rest(&source, &target, kept, part.bytes)
    }

    /// How much of the copy stays: all of `kept`, if it is the beginning of the original, else what was known.
    fn checked_beginning(&self, (source, target): (&File, &File), kept: u64, known: u64, part: Part) -> Result<u64> {
        for candidate in [kept, known.min(kept)] {
            if candidate <= part.bytes && is_same(source, target, candidate)? {
                return Ok(candidate);
            }
        }
        match self.on_difference {
            OnDifference::BeginAnew => Ok(0),
            OnDifference::Refuse => Err(Error::NotPossible(format!(
                "file {} in the directory belongs to a backup of another store; name an empty directory",
                part.number
            ))),
        }
    }

    fn rest(&mut self, source: &File, target: &File, kept: u64, length: u64) -> Result<()> {
        if kept == length && target.metadata()?.len() == length {
            return Ok(());
        }
        target.set_len(kept)?;
        let mut position = kept;
        let mut piece = Vec::new();
        while position < length {
            let len = PIECE_BYTES.min(length - position);
            piece.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            source.read_exact_at(&mut piece, position)?;
            target.write_all_at(&piece, position)?;
            position += len;
            self.copied_bytes += len;
            self.step(len)?;
        }
        Ok(target.sync_all()?)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Do two files begin with the same `length` bytes? Looks at the first and the last of them: files that are only
/// added to differ there if they differ at all.
fn is_same(one: &File, other: &File, length: u64) -> Result<bool> {
    if one.metadata()?.len() < length || other.metadata()?.len() < length {
        return Ok(false);
    }
    let len = EDGE_BYTES.min(length);
    for position in [0, length - len] {
        let (mut of_one, mut of_other) = (vec![0; len as usize], vec![0; len as usize]);
        one.read_exact_at(&mut of_one, position)?;
        other.read_exact_at(&mut of_other, position)?;
        if of_one != of_other {
            return Ok(false);
        }
    }
    Ok(true)
}
