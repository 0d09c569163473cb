//! The files of a log that only grow. They are read and written by position; how much of them counts their owner
//! knows.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::Entry;
use super::super::tile::{Content, HEIGHT, LEVELS, WIDTH, bundle, covering, fold};
use super::super::tree::{Hash, Subtree, Subtrees};
use super::FILE_MODE;
use crate::ids::ImpressionId;

pub(super) const LEAVES: &str = "leaves";
pub(super) const LATE: &str = "late";

/// Bytes of a leaf, of an id that came late, and of a hash.
pub(super) const LEAF_BYTES: u64 = 56;
pub(super) const LATE_BYTES: u64 = 24;
pub(super) const HASH_BYTES: u64 = 32;

/// A leaf as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// The newest id up to this leaf, milliseconds since 1970: it never decreases.
    pub newest_ms: u64,
    /// Whose mark it is.
    pub id: ImpressionId,
    /// Hash of the mark.
    pub entry: Entry,
}

#[derive(Debug)]
pub(super) struct Files {
    leaves: Grown,
    late: Grown,
    /// Level 1 and up.
    levels: Vec<Grown>,
}

/// A file, and whether something in it still has to be synced.
#[derive(Debug)]
struct Grown {
    file: File,
    is_dirty: AtomicBool,
}

/// The name of the file with the hashes of a level.
pub(super) fn level_name(level: u8) -> String {
    format!("level-{level}")
}

/// Names and lengths of the files of a log of `size` leaves, [`LATE`] aside.
pub(super) fn lengths(size: u64) -> impl Iterator<Item = (String, u64)> {
    let levels = (1..LEVELS).map(move |level| (level_name(level), nodes(size, level) * HASH_BYTES));
    std::iter::once((LEAVES.to_owned(), size * LEAF_BYTES)).chain(levels)
}

/// Hashes of a level.
fn nodes(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level) * HEIGHT).unwrap_or(0)
}

impl Files {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let open = |name: &str| Grown::open(&dir.join(name));
        let levels = (1..LEVELS).map(|level| open(&level_name(level))).collect::<io::Result<_>>()?;
        Ok(Files { leaves: open(LEAVES)?, late: open(LATE)?, levels })
    }

    /// What there is too little of for a log of `size` leaves, in words.
    pub(super) fn lacks(&self, size: u64) -> io::Result<Option<String>> {
        let files = std::iter::once(&self.leaves).chain(&self.levels);
        for (file, (name, length)) in files.zip(lengths(size)) {
            let there = file.length()?;
            if there < length {
                return Ok(Some(format!("{name} has {there} bytes, and {length} are published")));
            }
        }
        Ok(None)
    }

    /// Whole leaves in the file, published or not.
    pub(super) fn leaves_there(&self) -> io::Result<u64> {
        Ok(self.leaves.length()? / LEAF_BYTES)
    }

    /// Cuts off what is beyond `size` leaves.
    pub(super) fn cut(&self, size: u64) -> io::Result<()> {
        let files = std::iter::once(&self.leaves).chain(&self.levels);
        for (file, (_, length)) in files.zip(lengths(size)) {
            file.cut(length)?;
        }
        let mut late = self.late.length()? / LATE_BYTES;
        while let Some(last) = late.checked_sub(1).filter(|last| self.late(*last).is_ok_and(|(index, _)| index >= size))
        {
            late = last;
        }
        self.late.cut(late * LATE_BYTES)
    }

    /// Writes leaves from the index `at` on, the hashes of the tiles that they complete, and which of them are
    /// late.
    pub(super) fn write(&self, at: u64, leaves: &[Leaf], late: &[(u64, ImpressionId)]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(leaves.len() * LEAF_BYTES as usize);
        leaves.iter().for_each(|leaf| bytes.extend_from_slice(&leaf.to_bytes()));
        self.leaves.write(&bytes, at * LEAF_BYTES)?;
        let size = at + leaves.len() as u64;
        for (level, file) in (1..).zip(&self.levels) {
            let (from, to) = (nodes(at, level), nodes(size, level));
            let mut hashes = Vec::new();
            for index in from..to {
                let tile = self.hashes(level - 1, index * WIDTH..(index + 1) * WIDTH)?;
                hashes.extend(fold(tile).ok_or(io::ErrorKind::UnexpectedEof)?.0);
            }
            file.write(&hashes, from * HASH_BYTES)?;
        }
        let bytes: Vec<u8> =
            late.iter().flat_map(|(index, id)| [&index.to_be_bytes()[..], &id.to_bytes()].concat()).collect();
        self.late.write(&bytes, self.late.length()? / LATE_BYTES * LATE_BYTES)
    }

    /// All that was written is on stable storage afterwards.
    pub(super) fn sync(&self) -> io::Result<()> {
        [&self.leaves, &self.late].into_iter().chain(&self.levels).try_for_each(Grown::sync)
    }

    pub(super) fn leaf(&self, index: u64) -> io::Result<Leaf> {
        let bytes: [u8; LEAF_BYTES as usize] = self.leaves.array(index * LEAF_BYTES)?;
        Leaf::from_bytes(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Leaves one after the other.
    pub(super) fn leaves(&self, range: std::ops::Range<u64>) -> io::Result<Vec<Leaf>> {
        let bytes = self.leaves.read(range.start * LEAF_BYTES..range.end * LEAF_BYTES)?;
        let (leaves, _) = bytes.as_chunks::<{ LEAF_BYTES as usize }>();
        leaves.iter().map(|leaf| Leaf::from_bytes(leaf).ok_or_else(|| io::ErrorKind::InvalidData.into())).collect()
    }

    /// Hashes of a level, one after the other.
    pub(super) fn hashes(&self, level: u8, range: std::ops::Range<u64>) -> io::Result<Vec<Hash>> {
        let Some(above) = level.checked_sub(1) else {
            return Ok(self.leaves(range)?.iter().map(|leaf| leaf.entry.leaf()).collect());
        };
        let file = self.levels.get(usize::from(above)).ok_or(io::ErrorKind::NotFound)?;
        let bytes = file.read(range.start * HASH_BYTES..range.end * HASH_BYTES)?;
        let (hashes, _) = bytes.as_chunks::<{ HASH_BYTES as usize }>();
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    /// The bytes of a tile or bundle as it is served.
    pub(super) fn tile(&self, content: Content, range: std::ops::Range<u64>) -> io::Result<Vec<u8>> {
        match content {
            Content::Entries => {
                let leaves = self.leaves(range)?;
                Ok(bundle(leaves.iter().map(|leaf| leaf.entry.0.as_slice())))
            }
            Content::Hashes(level) => Ok(self.hashes(level, range)?.iter().flat_map(|hash| hash.0).collect()),
        }
    }

    /// Ids that came late.
    pub(super) fn late_there(&self) -> io::Result<u64> {
        Ok(self.late.length()? / LATE_BYTES)
    }

    /// One of them: its leaf, and it.
    pub(super) fn late(&self, number: u64) -> io::Result<(u64, ImpressionId)> {
        self.lates(number..number + 1)?.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Several of them.
    pub(super) fn lates(&self, range: std::ops::Range<u64>) -> io::Result<Vec<(u64, ImpressionId)>> {
        let bytes = self.late.read(range.start * LATE_BYTES..range.end * LATE_BYTES)?;
        let (records, _) = bytes.as_chunks::<{ LATE_BYTES as usize }>();
        let read = |record: &[u8; LATE_BYTES as usize]| {
            let (index, id) = record.split_first_chunk()?;
            Some((u64::from_be_bytes(*index), ImpressionId(u128::from_be_bytes(id.try_into().ok()?))))
        };
        records.iter().map(|record| read(record).ok_or_else(|| io::ErrorKind::InvalidData.into())).collect()
    }
}

impl Subtrees for Files {
    type Error = io::Error;

    fn hash(&self, subtree: Subtree) -> io::Result<Hash> {
        let (level, tile, places) = covering(subtree);
        let first = tile * WIDTH;
        let hashes = self.hashes(level, first + places.start..first + places.end)?;
        fold(hashes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Leaf {
    fn to_bytes(self) -> Vec<u8> {
        [&self.newest_ms.to_be_bytes()[..], &self.id.to_bytes(), &self.entry.0].concat()
    }

    fn from_bytes(bytes: &[u8; LEAF_BYTES as usize]) -> Option<Self> {
        let (newest_ms, rest) = bytes.split_first_chunk()?;
        let (id, entry) = rest.split_first_chunk()?;
        Some(Leaf {
            newest_ms: u64::from_be_bytes(*newest_ms),
            id: ImpressionId(u128::from_be_bytes(*id)),
            entry: Entry(entry.try_into().ok()?),
        })
    }
}

impl Grown {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
        Ok(Grown { file, is_dirty: AtomicBool::new(false) })
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        if self.length()? > length {
            self.file.set_len(length)?;
            self.file.sync_all()?;
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.is_dirty.store(true, Ordering::Relaxed);
        self.file.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        if self.is_dirty.load(Ordering::Relaxed) {
            self.file.sync_data()?;
            self.is_dirty.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    fn array<const N: usize>(&self, at: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn read(&self, range: std::ops::Range<u64>) -> io::Result<Vec<u8>> {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}
