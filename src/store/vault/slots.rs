//! Files of wrapped keys, in slots of fixed size at fixed places: a key can be destroyed where it lies, and what
//! was overwritten is in no log and no pack.
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 4 | magic |
//! | 4 | 1 | 1: a key, 2: destroyed |
//! | 5 | 3 | zero |
//! | 8 | 8 | whose: the account, or which of the vault's own keys |
//! | 16 | 4 | id of the operator key that wraps it |
//! | 20 | 4 | fingerprint of the key |
//! | 24 | 24 | nonce |
//! | 48 | 48 | the wrapped key |
//! | 96 | 24 | zero |
//! | 120 | 8 | check of the bytes before |
//!
//! A slot of zeros is empty. No slot lies across two sectors of a disk, so a write is there or is not; one that
//! was torn all the same, or damaged later, is found by its check. Files are rewritten as a whole only beside
//! the old ones, which they then replace.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::super::{Error, Result};
use super::operator::OperatorKeyId;
use super::secret::{NONCE_BYTES, WRAPPED_BYTES};

/// Bytes of a slot.
pub(super) const SLOT_BYTES: usize = 128;

/// Slots read at a time.
const SLOTS_A_PIECE: u64 = 4096;

const MAGIC: [u8; 4] = *b"PKY1";
const KEY: u8 = 1;
const DESTROYED: u8 = 2;
const CHECKED: usize = 120;
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// What is in a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Empty,
    Key(Wrapped),
    /// There was a key, and there will never be one again.
    Destroyed,
}

/// A wrapped key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrapped {
    pub(super) operator: OperatorKeyId,
    pub(super) fingerprint: u32,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) sealed: [u8; WRAPPED_BYTES],
}

/// One file.
#[derive(Debug)]
pub(super) struct SlotFile {
    path: PathBuf,
    file: File,
}

/// How many slots of a file were written anew.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) keys: u64,
    pub(super) damaged: u64,
}

impl SlotFile {
    /// The file, if it is there.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>> {
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok(Some(SlotFile { path, file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A new file with these slots, on stable storage under its name.
    pub(super) fn create(path: PathBuf, slots: &[(u64, Slot)]) -> Result<Self> {
        let (next, file) = begin(&path)?;
        for (at, (owner, slot)) in (0..).zip(slots) {
            file.write_all_at(&encode(*owner, slot), at * SLOT_BYTES as u64)?;
        }
        finish(&next, &file, &path)?;
        Ok(SlotFile { path, file })
    }

    /// The slot at `index`, which must be of `owner`.
    ///
    /// # Errors
    /// `Damaged`, I/O.
    pub(super) fn read(&self, index: u64, owner: u64) -> Result<Slot> {
        let mut bytes = [0; SLOT_BYTES];
        match self.file.read_exact_at(&mut bytes, position(index)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Slot::Empty),
            other => other?,
        }
        match decode(&bytes) {
            Some((_, Slot::Empty)) => Ok(Slot::Empty),
            Some((found, slot)) if found == owner => Ok(slot),
            _ => Err(Error::Damaged(format!(
                "{}: slot {index} is damaged; stop the server and bring this file back from a backup",
                self.path.display()
            ))),
        }
    }

    /// Puts a slot on stable storage.
    pub(super) fn write(&self, index: u64, owner: u64, slot: &Slot) -> Result<()> {
        self.file.write_all_at(&encode(owner, slot), position(index))?;
        Ok(self.file.sync_data()?)
    }

    /// Replaces the file by one in which each key is what `rewrap` makes of it.
    ///
    /// # Errors
    /// What `rewrap` answers; I/O. Then the file is as it was.
    pub(super) fn rewrite(&mut self, mut rewrap: impl FnMut(u64, &Wrapped) -> Result<Wrapped>) -> Result<Rewritten> {
        let (next, file) = begin(&self.path)?;
        let length = self.file.metadata()?.len();
        file.set_len(length)?;
        let mut rewritten = Rewritten::default();
        let mut at = 0;
        while at < length {
            let len = (SLOTS_A_PIECE * SLOT_BYTES as u64).min(length - at);
            let mut piece = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut piece, at)?;
            for bytes in piece.chunks_exact_mut(SLOT_BYTES) {
                let found = bytes.first_chunk().and_then(decode);
                match found {
                    Some((owner, Slot::Key(wrapped))) => {
                        bytes.copy_from_slice(&encode(owner, &Slot::Key(rewrap(owner, &wrapped)?)));
                        rewritten.keys += 1;
                    }
                    Some(_) => {}
                    None => rewritten.damaged += 1,
                }
            }
            // What is empty stays a hole.
            if piece.iter().any(|byte| *byte != 0) {
                file.write_all_at(&piece, at)?;
            }
            at += len;
        }
        finish(&next, &file, &self.path)?;
        self.file = file;
        Ok(rewritten)
    }

    /// Copies the file into another directory, on stable storage under the same name.
    pub(super) fn copy_to(&self, dir: &Path) -> Result<()> {
        copy(&self.path, dir)
    }
}

/// Copies a file of keys into `dir`, on stable storage under the same name. What is empty stays a hole.
pub(super) fn copy(from: &Path, dir: &Path) -> Result<()> {
    let Some(name) = from.file_name() else { return Ok(()) };
    make_dir(dir)?;
    let mut source = SlotFile { path: dir.join(name), file: File::open(from)? };
    source.rewrite(|_, wrapped| Ok(wrapped.clone())).map(drop)
}

/// A directory that only its owner sees, on stable storage.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    match fs::DirBuilder::new().mode(DIR_MODE).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        Err(_) => {}
        Ok(()) => sync_parent(dir)?,
    }
    Ok(())
}

fn begin(path: &Path) -> Result<(PathBuf, File)> {
    let next = path.with_extension("keys.next");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).mode(FILE_MODE).open(&next)?;
    Ok((next, file))
}

fn finish(next: &Path, file: &File, path: &Path) -> Result<()> {
    file.sync_all()?;
    fs::rename(next, path)?;
    sync_parent(path)
}

fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(dir) => Ok(File::open(dir)?.sync_all()?),
        None => Ok(()),
    }
}

fn position(index: u64) -> u64 {
    index.saturating_mul(SLOT_BYTES as u64)
}

fn encode(owner: u64, slot: &Slot) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    if *slot == Slot::Empty {
        return bytes;
    }
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = DESTROYED;
    bytes[8..16].copy_from_slice(&owner.to_be_bytes());
    if let Slot::Key(wrapped) = slot {
        bytes[4] = KEY;
        bytes[16..20].copy_from_slice(&wrapped.operator.0.to_be_bytes());
        bytes[20..24].copy_from_slice(&wrapped.fingerprint.to_be_bytes());
        bytes[24..48].copy_from_slice(&wrapped.nonce);
        bytes[48..96].copy_from_slice(&wrapped.sealed);
    }
    let check = check_of(&bytes[..CHECKED]);
    bytes[CHECKED..].copy_from_slice(&check);
    bytes
}

/// Whose slot it is and what is in it; `None` for a damaged one.
fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, Slot)> {
    if *bytes == [0; SLOT_BYTES] {
        return Some((0, Slot::Empty));
    }
    let (checked, check) = bytes.split_at_checked(CHECKED)?;
    if !checked.starts_with(&MAGIC) || check != check_of(checked) {
        return None;
    }
    let owner = u64::from_be_bytes(checked.get(8..16)?.try_into().ok()?);
    let number = |at: usize| Some(u32::from_be_bytes(checked.get(at..at + 4)?.try_into().ok()?));
    let slot = match *checked.get(4)? {
        KEY => Slot::Key(Wrapped {
            operator: OperatorKeyId(number(16)?),
            fingerprint: number(20)?,
            nonce: checked.get(24..48)?.try_into().ok()?,
            sealed: checked.get(48..96)?.try_into().ok()?,
        }),
        DESTROYED => Slot::Destroyed,
        _ => return None,
    };
    Some((owner, slot))
}

fn check_of(bytes: &[u8]) -> [u8; SLOT_BYTES - CHECKED] {
    let mut check = [0; SLOT_BYTES - CHECKED];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut check);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Slot {
        Slot::Key(Wrapped {
            operator: OperatorKeyId(u32::from(number)),
            fingerprint: 7,
            nonce: [number; NONCE_BYTES],
            sealed: [number; WRAPPED_BYTES],
        })
    }

    #[test]
    fn a_slot_is_empty_until_it_is_written_and_says_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = SlotFile::create(dir.path().join("a.keys"), &[]).unwrap();
        assert_eq!(file.read(5, 500).unwrap(), Slot::Empty);
        file.write(5, 500, &key(1)).unwrap();
        file.write(6, 600, &Slot::Destroyed).unwrap();
        let file = SlotFile::open(dir.path().join("a.keys")).unwrap().unwrap();
        assert_eq!(file.read(4, 400).unwrap(), Slot::Empty);
        assert_eq!(file.read(5, 500).unwrap(), key(1));
        assert_eq!(file.read(6, 600).unwrap(), Slot::Destroyed);
        assert!(SlotFile::open(dir.path().join("b.keys")).unwrap().is_none());
    }

    #[test]
    fn a_torn_slot_and_one_of_somebody_else_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = SlotFile::create(dir.path().join("a.keys"), &[]).unwrap();
        file.write(1, 1, &key(1)).unwrap();
        file.write(1, 1, &key(2)).unwrap();
        let (old, new) = (encode(1, &key(1)), encode(1, &key(2)));
        for torn_at in 1..SLOT_BYTES {
            let torn = [&new[..torn_at], &old[torn_at..]].concat();
            if torn != new && torn != old {
                file.file.write_all_at(&torn, SLOT_BYTES as u64).unwrap();
                assert!(matches!(file.read(1, 1), Err(Error::Damaged(_))), "torn at {torn_at}");
            }
        }
        file.write(1, 1, &key(1)).unwrap();
        assert!(matches!(file.read(1, 2), Err(Error::Damaged(_))));
    }

    #[test]
    fn rewriting_changes_every_key_and_leaves_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = SlotFile::create(dir.path().join("a.keys"), &[]).unwrap();
        file.write(1, 1, &key(1)).unwrap();
        file.write(9_000, 9_000, &key(1)).unwrap();
        file.write(9_001, 9_001, &Slot::Destroyed).unwrap();
        file.file.write_all_at(&[1; SLOT_BYTES], position(20)).unwrap();
        let rewritten = file.rewrite(|_, old| Ok(Wrapped { operator: OperatorKeyId(9), ..old.clone() })).unwrap();
        assert_eq!(rewritten, Rewritten { keys: 2, damaged: 1 });
        for file in [file, SlotFile::open(dir.path().join("a.keys")).unwrap().unwrap()] {
            for index in [1, 9_000] {
                let Slot::Key(found) = file.read(index, index).unwrap() else { panic!("no key") };
                assert_eq!((found.operator, found.nonce[0]), (OperatorKeyId(9), 1));
            }
            assert_eq!(file.read(9_001, 9_001).unwrap(), Slot::Destroyed);
            assert!(file.read(20, 20).is_err());
        }
    }

    #[test]
    fn a_rewriting_that_fails_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = SlotFile::create(dir.path().join("a.keys"), &[(0, key(1)), (1, key(2))]).unwrap();
        let refused = file.rewrite(|owner, old| match owner {
            0 => Ok(Wrapped { nonce: [9; NONCE_BYTES], ..old.clone() }),
            _ => Err(Error::Closed),
        });
        assert!(refused.is_err());
        assert_eq!(file.read(0, 0).unwrap(), key(1));
        assert_eq!(SlotFile::open(dir.path().join("a.keys")).unwrap().unwrap().read(1, 1).unwrap(), key(2));
    }
}
