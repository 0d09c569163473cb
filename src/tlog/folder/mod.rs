//! A log in a directory: what it is kept in, how it grows, and what it may say.
//!
//! | file | |
//! |---|---|
//! | `leaves` | 56 bytes a leaf: the newest id so far (its milliseconds), the id, the entry |
//! | `late` | ids that came out of their order ([`ids`]) |
//! | `level-1` … `level-7` | the hashes of complete tiles, 32 bytes each; level 0 follows from the entries |
//! | `head` | the published checkpoint, and how far the journal is read; replaced as a whole |
//! | `daily/` | the last checkpoint of each day, and its time stamp |
//! | `key` | the key that signs the checkpoints |
//!
//! The invariant: what a published checkpoint covers is on stable storage before the checkpoint is, and is never
//! written again. What stands in the files beyond the checkpoint was never published; it is cut off when the log
//! is opened. Tiles are parts of the files, so none of them is ever there in two forms.

mod copy;
mod files;
mod head;
mod ids;
mod stamps;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use super::Entry;
use super::checkpoint::{BadCheckpoint, Checkpoint, Signed};
use super::note::{BadKey, Signer};
use super::tree::{Hash, TreeHead, root};
use crate::ids::ImpressionId;

pub use copy::{back_up, forget_place, restore};
pub use files::Leaf;
pub use head::Place;
pub use ids::{cover_id, is_cover, milliseconds};
pub use view::View;

use files::Files;
use head::Head;

/// The directory of the log in a data directory.
pub const DIR: &str = "log";

/// Last checkpoints of days.
const DAILY: &str = "daily";

/// The key.
const KEY: &str = "key";

/// The key signs for the operator: only its owner reads it.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not what it was: says what does not fit.
    #[error("{}: the log is damaged: {what}; bring the directory back from a backup", dir.display())]
    Damaged {
        /// The log.
        dir: PathBuf,
        /// In words.
        what: String,
    },
    /// The key cannot be read.
    #[error("{}: {error}", file.display())]
    Key {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        error: BadKey,
    },
    /// The configuration asks for another log than there is.
    #[error(
        "{}: this is the log {found}, and the configuration names {wanted}: put tlog.origin back, or move the \
         directory away to begin another log",
        dir.display()
    )]
    OtherOrigin {
        /// The log.
        dir: PathBuf,
        /// Its origin.
        found: String,
        /// The configured one.
        wanted: String,
    },
    /// Reading or writing failed.
    #[error("{}: {error}", path.display())]
    Io {
        /// Of the log, or the file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// What can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// A log to which leaves are added; one at a time has it.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    files: Arc<Files>,
    signer: Signer,
    head: Head,
    published: Arc<Signed>,
    /// Leaves written, those that no checkpoint covers yet included.
    size: u64,
    newest_ms: u64,
}

impl Log {
    /// Begins the log of this name in `dir`, with a key from `seed`, and publishes that it is empty. A beginning
    /// that was interrupted is gone on with, and keeps its key.
    ///
    /// # Errors
    /// I/O; the name cannot be that of a log; there are leaves already.
    pub fn create(dir: &Path, origin: &str, seed: [u8; 32], today: Date) -> Result<Self> {
        let at = |error| Error::Io { path: dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir.join(DAILY)).map_err(at)?;
        sync_dir(dir.parent().unwrap_or(dir)).map_err(at)?;
        let key = dir.join(KEY);
        let signer = match read_key(dir) {
            Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                let signer = Signer::new(origin, seed).map_err(|error| Error::Key { file: key.clone(), error })?;
                replace(&key, format!("{}\n", *signer.secret()).as_bytes())?;
                signer
            }
            other => other?,
        };
        let files = Files::open(dir).map_err(at)?;
        sync_dir(dir).map_err(at)?;
        if files.leaves_there().map_err(at)? > 0 {
            return Err(damaged(dir, "there are leaves and no checkpoint".into()));
        }
        let empty = TreeHead { size: 0, root: Hash::of_nothing() };
        let published = Checkpoint { origin: signer.verifier().name().to_owned(), head: empty }.sign(&signer);
        let head = Head::new(Some(Place::default()), today, published.note.clone());
        head.write(dir)?;
        Log::open_as(dir, origin)?.ok_or_else(|| damaged(dir, "the head was not kept".into()))
    }

    /// Opens the log in `dir`, if one was begun there, and cuts off what was never published.
    ///
    /// # Errors
    /// `Damaged` when it is not what its checkpoint says; another log; I/O.
    pub fn open_as(dir: &Path, origin: &str) -> Result<Option<Self>> {
        let Some(opened) = Opened::at(dir)? else { return Ok(None) };
        let found = &opened.published.checkpoint.origin;
        if found != origin {
            let (found, wanted) = (found.clone(), origin.to_owned());
            return Err(Error::OtherOrigin { dir: dir.to_owned(), found, wanted });
        }
        let Opened { files, signer, head, published } = opened;
        let size = published.checkpoint.head.size;
        let at = |error| Error::Io { path: dir.to_owned(), error };
        files.cut(size).map_err(at)?;
        let newest_ms = match size.checked_sub(1) {
            Some(last) => files.leaf(last).map_err(at)?.newest_ms,
            None => 0,
        };
        let published = Arc::new(published);
        Ok(Some(Log { dir: dir.to_owned(), files: Arc::new(files), signer, head, published, size, newest_ms }))
    }

    /// Writes leaves behind the last one. They are nobody's business before [`Log::publish`].
    ///
    /// # Errors
    /// I/O; then the log must be opened anew.
    pub fn append(&mut self, leaves: &[(ImpressionId, Entry)]) -> Result<()> {
        if leaves.is_empty() {
            return Ok(());
        }
        let mut newest_ms = self.newest_ms;
        let (mut written, mut late) = (Vec::with_capacity(leaves.len()), Vec::new());
        for (index, (id, entry)) in (self.size..).zip(leaves) {
            if ids::is_late(*id, newest_ms) {
                late.push((index, *id));
            }
            newest_ms = newest_ms.max(ids::milliseconds(*id));
            written.push(Leaf { newest_ms, id: *id, entry: *entry });
        }
        self.files.write(self.size, &written, &late).map_err(|error| self.io(error))?;
        self.size += leaves.len() as u64;
        self.newest_ms = newest_ms;
        Ok(())
    }

    /// Publishes a checkpoint over all leaves, and notes how far the journal was read for it; `None` where that has
    /// to be found out anew. With the first checkpoint of a new day the last one of the day before is put aside.
    ///
    /// # Errors
    /// I/O; then the log must be opened anew.
    pub fn publish(&mut self, journal: Option<Place>, today: Date) -> Result<()> {
        self.files.sync().map_err(|error| self.io(error))?;
        let root = root(&*self.files, self.size).map_err(|error| self.io(error))?;
        let origin = self.published.checkpoint.origin.clone();
        let signed = Checkpoint { origin, head: TreeHead { size: self.size, root } }.sign(&self.signer);
        // A clock that is set back does not reopen a day that is over.
        let today = self.head.day().map_or(today, |day| day.max(today));
        if let Some(yesterday) = self.head.day().filter(|day| *day < today) {
            let daily = self.dir.join(DAILY).join(yesterday.to_string());
            replace(&daily, self.published.note.as_bytes())?;
        }
        let head = Head { paused: self.head.paused.clone(), ..Head::new(journal, today, signed.note.clone()) };
        head.write(&self.dir)?;
        self.head = head;
        self.published = Arc::new(signed);
        Ok(())
    }

    /// Goes on after a restore.
    ///
    /// # Errors
    /// I/O.
    pub fn resume(&mut self) -> Result<()> {
        let head = Head { paused: None, ..self.head.clone() };
        head.write(&self.dir)?;
        self.head = head;
        Ok(())
    }

    /// What may be read: what the last checkpoint covers.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(
            self.dir.clone(),
            Arc::clone(&self.files),
            Arc::clone(&self.published),
            self.signer.verifier().clone(),
        )
    }

    /// As [`Log::view`], but over all leaves that are written.
    ///
    /// # Errors
    /// I/O.
    pub fn find(&self, id: ImpressionId) -> Result<Option<u64>> {
        // Newer than all: most of what is looked for while the log grows.
        if ids::milliseconds(id) > self.newest_ms {
            return Ok(None);
        }
        ids::find(&self.files, id, self.size).map_err(|error| self.io(error))
    }

    /// A leaf that is written.
    ///
    /// # Errors
    /// I/O, and when there is none.
    pub fn leaf(&self, index: u64) -> Result<Leaf> {
        self.files.leaf(index).map_err(|error| self.io(error))
    }

    /// How far the journal was read for the published checkpoint.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.head.journal
    }

    /// The day of the published checkpoint.
    #[must_use]
    pub fn day(&self) -> Option<Date> {
        self.head.day()
    }

    /// Nothing is published until the operator says how far the log had come: it was restored from a backup of this
    /// moment, after which more may have been published.
    #[must_use]
    pub fn paused(&self) -> Option<&str> {
        self.head.paused.as_deref()
    }

    /// Leaves written.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    fn io(&self, error: io::Error) -> Error {
        Error::Io { path: self.dir.clone(), error }
    }
}

/// The log in `dir` as it may be read, without changing anything; `None` when none was begun.
///
/// # Errors
/// As [`Log::open_as`].
pub fn view(dir: &Path) -> Result<Option<View>> {
    let opened = Opened::at(dir)?;
    Ok(opened.map(|Opened { files, signer, published, .. }| {
        View::new(dir.to_owned(), Arc::new(files), Arc::new(published), signer.verifier().clone())
    }))
}

/// The moment of the backup that the log in `dir` was restored from, while it is paused.
///
/// # Errors
/// I/O; the head cannot be read.
pub fn paused(dir: &Path) -> Result<Option<String>> {
    Ok(Head::read(dir)?.and_then(|head| head.paused))
}

/// A log whose right edge agrees with its checkpoint.
struct Opened {
    files: Files,
    signer: Signer,
    head: Head,
    published: Signed,
}

impl Opened {
    fn at(dir: &Path) -> Result<Option<Self>> {
        let Some(head) = Head::read(dir)? else { return Ok(None) };
        let signer = read_key(dir)?;
        let published = Signed::open(&head.checkpoint, signer.verifier());
        let published = published.map_err(|error: BadCheckpoint| damaged(dir, format!("its checkpoint: {error}")))?;
        let at = |error| Error::Io { path: dir.to_owned(), error };
        let files = Files::open(dir).map_err(at)?;
        let TreeHead { size, root: expected } = published.checkpoint.head;
        if let Some(what) = files.lacks(size).map_err(at)? {
            return Err(damaged(dir, what));
        }
        if root(&files, size).map_err(at)? != expected {
            return Err(damaged(dir, format!("its {size} leaves have another root than its checkpoint")));
        }
        Ok(Some(Opened { files, signer, head, published }))
    }
}

fn read_key(dir: &Path) -> Result<Signer> {
    let file = dir.join(KEY);
    let secret = fs::read_to_string(&file).map(zeroize::Zeroizing::new);
    let secret = secret.map_err(|error| Error::Io { path: file.clone(), error })?;
    Signer::parse(secret.trim_end()).map_err(|error| Error::Key { file, error })
}

fn damaged(dir: &Path, what: String) -> Error {
    Error::Damaged { dir: dir.to_owned(), what }
}

/// Puts a file in the place of another: afterwards the whole new one is there, or the whole old one.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let at = |error| Error::Io { path: file.to_owned(), error };
    let fresh = file.with_extension("new");
    let write = || {
        let mut file = File::options().write(true).create(true).truncate(true).mode(FILE_MODE).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(at)?;
    fs::rename(&fresh, file).map_err(at)?;
    sync_dir(file.parent().unwrap_or(Path::new("."))).map_err(at)
}

/// The names in a directory are there for good.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
