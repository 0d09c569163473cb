//! Append-only files for bytes that are too big for rows (DESIGN 5).
//!
//! A pack is never changed, only added to; a record is written once and synced before a row names it. What a
//! crash leaves behind a pack's last good record is never read, never overwritten and never cut off: the pack
//! is sealed as it is and the next record goes to a new one.

mod coding;
mod contexts;
mod damage;
mod format;
mod moving;
mod phrases;
mod reading;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub(super) use coding::{Compression, Encoded};
pub(super) use damage::OnDamage;
pub(super) use format::{Birthplace, Header, Kind, PACK_HEADER_BYTES};
pub(super) use writer::{Content, PackWriter, Planned, Span};

use super::{Error, Result};
use format::HEADER_BYTES;

/// Damaged records that are remembered until the store is closed.
const MAX_SUSPECTS: usize = 10_000;

/// Packs that stay open for reading.
const MAX_OPEN_PACKS: usize = 256;

/// The place of a record in the packs: 16 bytes in a row. Opaque outside the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct RecordRef {
    pub(super) pack: u32,
    /// Less than 4 GiB (see [`PackWriter`]).
    pub(super) offset: u64,
    pub(super) len: u32,
    /// What it takes in the pack behind its header, bytes.
    pub(super) stored: u32,
}

impl RecordRef {
    /// Bytes that a place takes in a row.
    pub const BYTES: usize = 16;

    /// Length of the record's content, bytes; zero for "no record".
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Bytes that the record takes in its pack.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        HEADER_BYTES + u64::from(self.stored)
    }

    /// There is no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// As `Hole::Record` writes it: pack, offset, length, stored length, each four bytes, big-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.pack.to_be_bytes());
        // No record begins so far behind that this would cut something off.
        bytes[4..8].copy_from_slice(&(self.offset as u32).to_be_bytes());
        bytes[8..12].copy_from_slice(&self.len.to_be_bytes());
        bytes[12..].copy_from_slice(&self.stored.to_be_bytes());
        bytes
    }

    /// Reads what [`RecordRef::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let number = u128::from_be_bytes(bytes);
        // Truncation picks the field out of the sixteen bytes.
        let field = |index: u32| (number >> (96 - 32 * index)) as u32;
        RecordRef { pack: field(0), offset: u64::from(field(1)), len: field(2), stored: field(3) }
    }
}

/// The directory of packs.
#[derive(Debug)]
pub(super) struct Packs {
    dir: PathBuf,
    open: Mutex<HashMap<u32, Arc<File>>>,
    /// Packs that have no name any more and are kept for those who read a row before their records moved.
    retired: Mutex<HashMap<u32, (Arc<File>, Instant)>>,
    next: AtomicU32,
    /// Records that were found damaged when somebody read them.
    suspects: Mutex<HashSet<RecordRef>>,
}

impl Packs {
    pub(super) fn open(dir: PathBuf) -> Result<Self> {
        fs::create_dir_all(&dir)?;
        let last = numbered_files(&dir, "pack")?.last().copied().unwrap_or(0);
        let (open, retired, suspects) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Packs { dir, open, retired, next: AtomicU32::new(last + 1), suspects })
    }

    /// The numbers of all packs, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<u32>> {
        numbered_files(&self.dir, "pack")
    }

    pub(super) fn path(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number:08}.pack"))
    }

    /// A new pack, synced together with its directory, so that rows may name it.
    fn create(&self) -> Result<(u32, Arc<File>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(number))?;
        file.write_all_at(&format::pack_header(number), 0)?;
        file.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        let file = Arc::new(file);
        self.open.lock().insert(number, Arc::clone(&file));
        Ok((number, file))
    }

    fn file(&self, number: u32) -> Result<Arc<File>> {
        let mut open = self.open.lock();
        if let Some(file) = open.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = match File::open(self.path(number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some((file, _)) = self.retired.lock().get(&number) {
                    return Ok(Arc::clone(file));
                }
                return Err(Error::Damaged(format!("pack {number} is missing")));
            }
            other => Arc::new(other?),
        };
        if open.len() >= MAX_OPEN_PACKS {
            // Readers that hold a file keep it; the map only spares re-opening.
            open.clear();
        }
        open.insert(number, Arc::clone(&file));
        Ok(file)
    }

    fn suspect(&self, place: RecordRef) {
        let mut suspects = self.suspects.lock();
        if suspects.len() < MAX_SUSPECTS {
            suspects.insert(place);
        }
    }

    /// Anything at all could not be read before.
    pub(super) fn has_suspects(&self) -> bool {
        !self.suspects.lock().is_empty()
    }

    /// Something of this record could not be read before.
    pub(super) fn is_suspect(&self, place: RecordRef) -> bool {
        self.suspects.lock().contains(&place)
    }

    /// The header of the record at `offset`; `None` when there is none, or a damaged one.
    pub(super) fn header(&self, pack: u32, offset: u64) -> Result<Option<Header>> {
        let mut bytes = [0; HEADER_BYTES as usize];
        match self.file(pack)?.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(Header::from_bytes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The records of a pack in order, up to the first place where none begins; then that place.
    pub(super) fn walk(&self, pack: u32, mut each: impl FnMut(RecordRef, &Header)) -> Result<Walked> {
        let mut headers = Headers::of(self.file(pack)?);
        let mut position = format::PACK_HEADER_BYTES;
        while let Some(header) = headers.at(position)? {
            let place = header.place(pack, position);
            each(place, &header);
            position += place.stored_bytes();
        }
        Ok(Walked { end: position, length: headers.file.metadata()?.len() })
    }

    /// Bytes of all packs.
    pub(super) fn disk_bytes(&self) -> Result<u64> {
        self.numbers()?.into_iter().try_fold(0, |sum, number| Ok(sum + fs::metadata(self.path(number))?.len()))
    }
}

/// Headers of a pack one after the other: of short records many are read at once.
struct Headers {
    file: Arc<File>,
    /// What was read, and from where on.
    window: Vec<u8>,
    begin: u64,
}

/// Bytes that are read at once where records are short.
const WINDOW_BYTES: usize = 128 << 10;

/// Records that are at least so far apart are not short, bytes.
const FAR_BYTES: u64 = WINDOW_BYTES as u64 / 4;

impl Headers {
    fn of(file: Arc<File>) -> Self {
        Headers { file, window: Vec::new(), begin: 0 }
    }

    /// The header of the record at `offset`; `None` when there is none, or a damaged one.
    fn at(&mut self, offset: u64) -> Result<Option<Header>> {
        if self.read(offset).is_none() {
            let is_far = offset - self.begin > self.window.len() as u64 + FAR_BYTES;
            self.fill(offset, if is_far { HEADER_BYTES as usize } else { WINDOW_BYTES })?;
        }
        Ok(self.read(offset).and_then(Header::from_bytes))
    }

    /// The bytes of a header, if they were read already.
    fn read(&self, offset: u64) -> Option<&[u8; HEADER_BYTES as usize]> {
        let from = usize::try_from(offset.checked_sub(self.begin)?).ok()?;
        self.window.get(from..)?.first_chunk()
    }

    /// Reads up to so many bytes; fewer only at the end of the file.
    fn fill(&mut self, offset: u64, most: usize) -> Result<()> {
        self.begin = offset;
        self.window.resize(most, 0);
        let mut filled = 0;
        while let Some(rest) = self.window.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}

/// How far a pack could be walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// Where the last record ends.
    pub(super) end: u64,
    /// Length of the file.
    pub(super) length: u64,
}

fn damaged(place: RecordRef, why: &str) -> Error {
    Error::Damaged(format!("record at {} of pack {}: {why}", place.offset, place.pack))
}

fn usize_of(number: u64) -> Result<usize> {
    usize::try_from(number).map_err(|_| Error::Damaged(format!("a length of {number} bytes")))
}

/// The numbers of the files `NNNNNNNN.<extension>` in `dir`, ascending.
pub(super) fn numbered_files(dir: &Path, extension: &str) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|found| found == extension)) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests;
