//! This node's device journal (P31): every impression, one line each, in append-only files beside the packs.
//!
//! How a line stands there is told by the module `lines`. How much of a file counts is written in the rows of the same
//! group (`!journal/NNNNNNNN`), so a line is in the journal exactly if its letter is accepted. What stands behind that
//! length was never acknowledged: it is left as it is and not read.

mod lately;
mod lines;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

pub(super) use lately::Lately;
pub(super) use lines::Lines;

use lines::{checked, unchecked};

use super::packs::numbered_files;
use super::{Error, Result, Store, View, keys};
use crate::tlog::folder::Place;

/// Writes the journal; only the committer has one.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    max_file_bytes: u64,
    next: u32,
    current: Option<Current>,
    syncer: Syncer,
    lately: Arc<Lately>,
}

#[derive(Debug)]
struct Current {
    number: u32,
    file: Arc<File>,
    length: u64,
    is_synced: bool,
}

/// The row that says how much of a file counts.
pub(super) type LengthRow = Option<(Vec<u8>, Option<Vec<u8>>)>;

impl Journal {
    /// Opens the directory, and the last file if all of it counts; `committed` gives what counts of a file. What is
    /// written from now on is also found in `lately`.
    pub(super) fn open(
        dir: PathBuf,
        max_file_bytes: u64,
        lately: Arc<Lately>,
        committed: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
    ) -> Result<Self> {
        fs::create_dir_all(&dir)?;
        let last = numbered_files(&dir, "journal")?.last().copied();
        let syncer = Syncer::spawn()?;
        let mut journal = Journal { dir, max_file_bytes, next: last.unwrap_or(0) + 1, current: None, syncer, lately };
        if let Some(number) = last {
            let file = File::options().append(true).open(path(&journal.dir, number))?;
            let length = file.metadata()?.len();
            if committed(&length_key(number))? == Some(length.to_be_bytes().to_vec()) {
                journal.current = Some(Current { number, file: Arc::new(file), length, is_synced: true });
            }
        }
        Ok(journal)
    }

    /// Appends lines. For them to count they must be synced, and then the row committed.
    ///
    /// # Errors
    /// I/O; then the file is sealed.
    pub(super) fn write(&mut self, lines: Lines) -> Result<LengthRow> {
        if lines.is_empty() {
            return Ok(None);
        }
        let mut current = match self.current.take().filter(|current| current.length < self.max_file_bytes) {
            Some(current) => current,
            None => self.create()?,
        };
        let text = lines.into_text();
        (&*current.file).write_all(text.as_bytes())?;
        let written = Place { file: current.number, bytes: current.length };
        (current.length, current.is_synced) = (current.length + text.len() as u64, false);
        self.lately.add(written, text);
        let row = (length_key(current.number), Some(current.length.to_be_bytes().to_vec()));
        self.current = Some(current);
        Ok(Some(row))
    }

    /// Begins to sync what was written, beside whatever the caller does until [`Syncing::end`].
    ///
    /// # Errors
    /// The thread for it is gone.
    pub(super) fn begin_sync(&mut self) -> Result<Syncing> {
        match &mut self.current {
            Some(current) if !current.is_synced => {
                current.is_synced = true;
                self.syncer.sync(&current.file)
            }
            _ => Ok(Syncing(None)),
        }
    }

    /// Nothing more goes into the current file.
    pub(super) fn seal(&mut self) {
        self.current = None;
    }

    fn create(&mut self) -> Result<Current> {
        let number = self.next;
        self.next += 1;
        let file = File::options().append(true).create_new(true).open(path(&self.dir, number))?;
        file.sync_all()?;
        File::open(&self.dir)?.sync_all()?;
        Ok(Current { number, file: Arc::new(file), length: 0, is_synced: true })
    }
}

/// A thread that syncs files, one after the other. It ends with the journal.
#[derive(Debug)]
struct Syncer(mpsc::Sender<(Arc<File>, mpsc::Sender<io::Result<()>>)>);

/// A sync that was begun.
#[derive(Debug)]
#[must_use = "nothing is synced before it has ended"]
pub(super) struct Syncing(Option<mpsc::Receiver<io::Result<()>>>);

impl Syncer {
    fn spawn() -> Result<Self> {
        let (sender, files) = mpsc::channel::<(Arc<File>, mpsc::Sender<io::Result<()>>)>();
        // Nobody listens when the packs failed first; then nothing of the group is acknowledged anyway.
        let run = move || files.iter().for_each(|(file, done)| drop(done.send(file.sync_data())));
        std::thread::Builder::new().name("journal".into()).spawn(run)?;
        Ok(Syncer(sender))
    }

    fn sync(&self, file: &Arc<File>) -> Result<Syncing> {
        let (done, end) = mpsc::channel();
        self.0.send((Arc::clone(file), done)).map_err(|_| Error::Closed)?;
        Ok(Syncing(Some(end)))
    }
}

impl Syncing {
    /// Waits for its end.
    ///
    /// # Errors
    /// I/O: nothing that was written since the last sync may be counted on.
    pub(super) fn end(self) -> Result<()> {
        match self.0 {
            Some(end) => Ok(end.recv().map_err(|_| Error::Closed)??),
            None => Ok(()),
        }
    }
}

impl Store {
    /// Who follows the journal has read it up to this place: what was written before it need not be kept in memory.
    pub fn forget_journal_before(&self, place: Place) {
        self.inner.lately.forget_before(place);
    }
}

impl View<'_> {
    /// The lines of the device journal in the order they were written, as JSON, to `each`; stops when `each`
    /// answers `Break`.
    ///
    /// # Errors
    /// I/O; `Damaged` when a line's check does not fit.
    pub fn journal_lines(&self, mut each: impl FnMut(&str) -> ControlFlow<()>) -> Result<()> {
        self.journal_lines_after(Place::default(), |line, _| each(line)).map(drop)
    }

    /// As [`View::journal_lines`], only what is behind a place that [`View::is_in_journal`]; `each` also gets the
    /// place behind the line. Gives the place behind the last line that `each` got.
    ///
    /// # Errors
    /// As [`View::journal_lines`].
    pub fn journal_lines_after(
        &self,
        after: Place,
        mut each: impl FnMut(&str, Place) -> ControlFlow<()>,
    ) -> Result<Place> {
        let mut place = after;
        for (number, length) in self.journal_lengths(after.file)? {
            if place.file != number {
                place = Place { file: number, bytes: 0 };
            }
            // What is not in memory any more, then what still is.
            let lately = self.store.inner.lately.from(place, length);
            let from_file = lately.first().map_or(length, |piece| piece.begin().max(place.bytes));
            if from_file > place.bytes {
                let mut file = File::open(path(&self.journal_dir(), number))?;
                file.seek(SeekFrom::Start(place.bytes))?;
                let lines = BufReader::new(file).take(from_file - place.bytes);
                if pass_on(&mut place, lines, &mut each)?.is_break() {
                    return Ok(place);
                }
            }
            for piece in &lately {
                if piece.begin() > place.bytes {
                    return Err(damaged(place));
                }
                for line in piece.between(place.bytes, length).split_inclusive('\n') {
                    place.bytes += line.len() as u64;
                    if each(unchecked(line).ok_or_else(|| damaged(place))?, place).is_break() {
                        return Ok(place);
                    }
                }
            }
            if place.bytes != length {
                return Err(damaged(place));
            }
        }
        Ok(place)
    }

    /// Whether the journal reaches to this place. One that was restored or rebuilt may not.
    ///
    /// # Errors
    /// The engine failed.
    pub fn is_in_journal(&self, place: Place) -> Result<bool> {
        let lengths = self.journal_lengths(place.file)?;
        let is_reached = |(number, length): &(u32, u64)| *number == place.file && *length >= place.bytes;
        Ok(place == Place::default() || lengths.first().is_some_and(is_reached))
    }

    /// How much counts of the files from this number on.
    fn journal_lengths(&self, from: u32) -> Result<Vec<(u32, u64)>> {
        let prefix = keys::fact(PREFIX);
        let rows = self.range(&length_key(from), &keys::after(&prefix), usize::MAX)?;
        let length = |(key, length): (Vec<u8>, Vec<u8>)| {
            let name = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
            let number = name.parse().ok();
            let length = <[u8; 8]>::try_from(length).map(u64::from_be_bytes).ok();
            number.zip(length).ok_or_else(|| Error::Damaged(format!("length of journal {name}")))
        };
        rows.into_iter().map(length).collect()
    }
}

impl View<'_> {
    /// The newest lines of the device journal, as JSON, newest first: those in the last `bytes` of its last two files.
    ///
    /// # Errors
    /// I/O.
    pub fn newest_journal_lines(&self, bytes: u64) -> Result<Vec<String>> {
        let prefix = keys::fact(PREFIX);
        let mut lines = Vec::new();
        for (key, length) in self.range_back(&prefix, &keys::after(&prefix), 2)? {
            let name = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
            let length = <[u8; 8]>::try_from(length).map(u64::from_be_bytes).unwrap_or(0);
            let mut file = File::open(self.journal_dir().join(format!("{name}.journal")))?;
            let from = length.saturating_sub(bytes);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            file.take(length - from).read_to_end(&mut tail)?;
            let tail = String::from_utf8_lossy(&tail);
            // The first one may have lost its beginning; its check tells.
            lines.extend(tail.lines().rev().filter_map(checked).map(str::to_owned));
        }
        Ok(lines)
    }
}

pub(super) const PREFIX: &str = "journal/";

/// How much of a file of the journal counts when nobody remembers it: its beginning, up to the first line that is
/// damaged or not ended. The row for it, and how many bytes are left out.
///
/// # Errors
/// I/O.
pub(super) fn rebuilt_length(dir: &Path, number: u32) -> Result<(Vec<u8>, u64, u64)> {
    let mut file = BufReader::new(File::open(path(dir, number))?);
    let (mut length, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = file.read_until(b'\n', &mut line)?;
        let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        if text.and_then(checked).is_none() {
            break;
        }
        length += read as u64;
    }
    let left_out = file.get_ref().metadata()?.len().saturating_sub(length);
    Ok((length_key(number), length, left_out))
}

fn damaged(place: Place) -> Error {
    Error::Damaged(format!("journal {:08} before byte {}", place.file, place.bytes))
}

fn length_key(number: u32) -> Vec<u8> {
    keys::fact(&format!("{PREFIX}{number:08}"))
}

pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.journal"))
}

/// Hands lines of a file to `each` and goes on with the place; `Break` when `each` says so.
fn pass_on(
    place: &mut Place,
    mut lines: impl BufRead,
    each: &mut impl FnMut(&str, Place) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        place.bytes += line.len() as u64;
        let json = line.strip_suffix('\n').and_then(checked).ok_or_else(|| damaged(*place))?;
        if each(json, *place).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        line.clear();
    }
    Ok(ControlFlow::Continue(()))
}
