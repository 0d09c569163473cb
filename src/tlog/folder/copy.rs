//! A log in a backup, and back again. The files only grow, so a backup adds what is new.
//!
//! A log must never be published shorter than it was, or with other leaves. A backup does not know what was
//! published after it; a log that comes from one is paused until the operator says how far it had come. A log that
//! survived in its directory is kept instead. Either way the journal is compared with it when it goes on.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::super::checkpoint::Signed;
use super::super::tree::root;
use super::files::{Files, LATE, LATE_BYTES, lengths};
use super::head::Head;
use super::stamps::EXTENSION;
use super::{DAILY, DIR_MODE, Error, FILE_MODE, KEY, Opened, Result, damaged, read_key, replace};

/// Bytes copied at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Brings the copy of the log in the directory `to` up to this moment; gives the bytes that were new. The log may
/// grow meanwhile. Without a log nothing is done.
///
/// # Errors
/// I/O; the log is damaged.
pub fn back_up(from: &Path, to: &Path) -> Result<u64> {
    // First: what it covers is in the files and stays as it is.
    let Some(head) = Head::read(from)? else { return Ok(0) };
    let copied = copy(from, to, &head)?;
    head.write(to)?;
    Ok(copied)
}

/// Puts the log of a backup, which was made at `made`, into a data directory; a log that is there already stays.
///
/// # Errors
/// I/O; the log in the backup is damaged.
pub fn restore(backup: &Path, dir: &Path, made: &str) -> Result<()> {
    if Head::read(dir)?.is_some() {
        return forget_place(dir);
    }
    let Some(head) = Head::read(backup)? else { return Ok(()) };
    copy(backup, dir, &head)?;
    // The head comes last, and is paused: there is no moment at which the log could be gone on with.
    Head { journal: None, paused: Some(made.to_owned()), ..head }.write(dir)
}

/// The journal may have changed: what of it is in the log is found out anew.
///
/// # Errors
/// I/O.
pub fn forget_place(dir: &Path) -> Result<()> {
    match Head::read(dir)? {
        Some(head) => Head { journal: None, ..head }.write(dir),
        None => Ok(()),
    }
}

/// Copies all that this head covers, and not the head.
fn copy(from: &Path, to: &Path, head: &Head) -> Result<u64> {
    let signer = read_key(from)?;
    let signed = Signed::open(&head.checkpoint, signer.verifier());
    let size = signed.map_err(|error| damaged(from, format!("its checkpoint: {error}")))?.checkpoint.head.size;
    let at = |error| Error::Io { path: to.to_owned(), error };
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(to.join(DAILY)).map_err(at)?;
    let known = copied_already(from, to, size)?;
    let mut copied = 0;
    for ((name, length), (_, known)) in lengths(size).zip(lengths(known)) {
        copied += grow(&from.join(&name), &to.join(&name), known, length).map_err(at)?;
    }
    let late = fs::metadata(from.join(LATE)).map_or(0, |file| file.len() / LATE_BYTES * LATE_BYTES);
    copied += grow(&from.join(LATE), &to.join(LATE), 0, late).map_err(at)?;
    for entry in fs::read_dir(from.join(DAILY)).map_err(at)? {
        let name = entry.map_err(at)?.file_name();
        let (from, to) = (from.join(DAILY).join(&name), to.join(DAILY).join(&name));
        // Neither ever changes; what a write is not done with has another extension.
        let is_whole = from.extension().is_none_or(|extension| extension == EXTENSION);
        if is_whole && !to.exists() {
            replace(&to, &fs::read(&from).map_err(at)?)?;
        }
    }
    replace(&to.join(KEY), &fs::read(from.join(KEY)).map_err(at)?)?;
    Ok(copied)
}

/// How many leaves of the copy are those of the log and need not be copied again.
fn copied_already(from: &Path, to: &Path, size: u64) -> Result<u64> {
    // What an attempt left, or what is damaged, is written anew.
    let Ok(Some(there)) = Opened::at(to) else { return Ok(0) };
    let head = there.published.checkpoint.head;
    let at = |error| Error::Io { path: from.to_owned(), error };
    let is_beginning = head.size <= size && root(&Files::open(from).map_err(at)?, head.size).map_err(at)? == head.root;
    Ok(if is_beginning { head.size } else { 0 })
}

/// Brings a copy, of which so many bytes are known to be right, to the length that counts; gives the bytes copied.
fn grow(from: &Path, to: &Path, known: u64, length: u64) -> io::Result<u64> {
    let source = File::open(from)?;
    let target = File::options().write(true).create(true).truncate(false).mode(FILE_MODE).open(to)?;
    target.set_len(known)?;
    let (mut at, mut piece) = (known, Vec::new());
    while at < length {
        let bytes = PIECE_BYTES.min(length - at);
        piece.resize(usize::try_from(bytes).map_err(io::Error::other)?, 0);
        source.read_exact_at(&mut piece, at)?;
        target.write_all_at(&piece, at)?;
        at += bytes;
    }
    target.sync_all()?;
    Ok(length.saturating_sub(known))
}
