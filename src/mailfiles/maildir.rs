//! Maildir and its folders (Maildir++): one file a message, flags in its name, the day it came as the file's time.
//!
//! An export names a file `<seconds>.M<microseconds>P<process>Q<number>.poshta,S=<size>`; a message that cannot
//! be written with LF (see `line_ends`) has `,L=asis` behind it, and one with proofs on top of it (see `proofs`)
//! `,P=<their bytes in the file>`. Names sort in the order of UIDs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::labels::{Labels, Letters};
use super::line_ends::{Form, ToWire};
use super::{names, proofs};
use crate::clock::Timestamp;
use crate::store::mailboxes::INBOX;

/// Names of the keywords of a folder, as Dovecot keeps them.
const KEYWORDS_FILE: &str = "dovecot-keywords";

/// The largest of these files that is read, bytes.
const MAX_KEYWORDS_FILE_BYTES: u64 = 64 << 10;

/// Field of a file name: its bytes are the message's.
const AS_IS: &str = "L=asis";

/// Field of a file name: so many bytes at its beginning are proofs, and not the message's.
const PROOF_BYTES: &str = "P=";

/// Only the owner reads what is exported.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A folder of a Maildir that is read.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name among the folders of an account.
    pub(super) folder: String,
    path: PathBuf,
}

/// A message file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    info: Option<String>,
    is_as_is: bool,
    proof_bytes: usize,
}

/// An open message file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) date: Timestamp,
    pub(super) lines: ToWire,
}

/// Something in a Maildir that is left alone, and why.
pub(super) type LeftAlone = (PathBuf, &'static str);

/// The folders of a Maildir, the inbox first, and what is left alone; no folders when it is none.
pub(super) fn sources(dir: &Path) -> io::Result<(Vec<Source>, Vec<LeftAlone>)> {
    let (mut sources, mut left_alone) = (Vec::new(), Vec::new());
    if is_maildir(dir) {
        sources.push(Source { folder: INBOX.to_owned(), path: dir.to_owned() });
    }
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path, kind) = (entry.file_name(), entry.path(), entry.file_type()?);
        let Some(name) = name.as_bytes().strip_prefix(b".") else {
            if kind.is_dir() && is_maildir(&path) {
                left_alone.push((path, "a Maildir folder's name begins with a dot; import this one by itself"));
            }
            continue;
        };
        if kind.is_symlink() && path.is_dir() {
            left_alone.push((path, "symbolic links are not followed"));
        } else if kind.is_dir() && is_maildir(&path) {
            match names::of_maildir(name) {
                Some(folder) => sources.push(Source { folder, path }),
                None => left_alone.push((path, "its name is neither modified UTF-7 nor UTF-8")),
            }
        }
    }
    Ok((sources, left_alone))
}

/// Looks like a Maildir; what a symbolic link leads to does not count.
fn is_maildir(dir: &Path) -> bool {
    ["cur", "new"].iter().any(|part| fs::symlink_metadata(dir.join(part)).is_ok_and(|found| found.is_dir()))
}

impl Source {
    /// The bytes of its messages.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        self.each_file(|_, entry| {
            // A file that vanishes in between is not there when it is read either.
            bytes += entry.metadata().map_or(0, |found| found.len());
        })?;
        Ok(bytes)
    }

    /// Its message files in the order of their names, which begin with the time of delivery.
    pub(super) fn entries(&self) -> io::Result<(Vec<Entry>, Vec<LeftAlone>)> {
        let (mut names, mut left_alone) = (Vec::new(), Vec::new());
        self.each_file(|part, entry| match entry.file_type() {
            Ok(kind) if kind.is_file() => names.push((entry.file_name(), part)),
            Ok(kind) if kind.is_symlink() => left_alone.push((entry.path(), "symbolic links are not followed")),
            _ => left_alone.push((entry.path(), "it is no file")),
        })?;
        names.sort_unstable();
        Ok((names.into_iter().map(|(name, part)| self.entry(name, part)).collect(), left_alone))
    }

    fn entry(&self, name: OsString, part: &'static str) -> Entry {
        let path = self.path.join(part).join(&name);
        let text = name.to_string_lossy();
        let (unique, info) = text.split_once(':').map_or((&*text, None), |(unique, info)| (unique, Some(info)));
        Entry {
            // Whatever lies in `new` has not been seen by anybody.
            info: info.filter(|_| part == "cur").map(str::to_owned),
            is_as_is: unique.split(',').any(|field| field == AS_IS),
            proof_bytes: unique.split(',').find_map(|field| field.strip_prefix(PROOF_BYTES)?.parse().ok()).unwrap_or(0),
            path,
        }
    }

    /// Names that begin with a dot are none of messages, by the rules of Maildir.
    fn each_file(&self, mut look: impl FnMut(&'static str, &fs::DirEntry)) -> io::Result<()> {
        for part in ["cur", "new"] {
            let path = self.path.join(part);
            if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                continue;
            }
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                if !entry.file_name().as_bytes().starts_with(b".") {
                    look(part, &entry);
                }
            }
        }
        Ok(())
    }

    /// What its letters a to z mean.
    pub(super) fn keywords(&self) -> Vec<Option<String>> {
        let read = |path: &Path| -> io::Result<String> {
            let mut text = String::new();
            open_plain(path)?.take(MAX_KEYWORDS_FILE_BYTES).read_to_string(&mut text)?;
            Ok(text)
        };
        // Without this file, letters mean nothing.
        Letters::parse(&read(&self.path.join(KEYWORDS_FILE)).unwrap_or_default())
    }
}

impl Entry {
    pub(super) fn labels(&self, keywords: &[Option<String>]) -> Labels {
        self.info.as_deref().map(|info| Labels::of_maildir(info, keywords)).unwrap_or_default()
    }

    pub(super) fn open(&self) -> io::Result<Opened> {
        let mut file = open_plain(&self.path)?;
        let found = file.metadata()?;
        let date = Timestamp::try_from(found.modified()?).map_err(io::Error::other)?;
        let lines = if self.is_as_is { ToWire::from(Form::AsIs) } else { ToWire::by_first_line() };
        pass_over_proofs(&mut file, self.proof_bytes)?;
        Ok(Opened { bytes: found.len(), date, lines, file })
    }
}

/// Passes over the proofs that an export put on top. Where the name promises them and something else is there, that
/// belongs to the message.
fn pass_over_proofs(file: &mut File, bytes: usize) -> io::Result<()> {
    if bytes == 0 || bytes > proofs::MAX_BYTES {
        return Ok(());
    }
    let mut block = Vec::with_capacity(bytes);
    (&*file).take(bytes as u64).read_to_end(&mut block)?;
    if block.len() == bytes && proofs::is_all_proofs(&block) { Ok(()) } else { file.rewind() }
}

/// Opens a file that is one: neither a symbolic link nor something that would never answer.
fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// A folder of a Maildir that is written.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    letters: Letters,
    /// Keywords that found no letter.
    pub(super) left_out: BTreeSet<String>,
}

/// What the name and the time of a new file say.
#[derive(Debug)]
pub(super) struct NewFile<'a> {
    pub(super) number: u64,
    pub(super) now: Timestamp,
    pub(super) date: Timestamp,
    pub(super) form: Form,
    /// So many bytes of the file are proofs on top of the message.
    pub(super) proof_bytes: usize,
    pub(super) labels: &'a Labels,
}

impl Target {
    /// The folder of this name in the Maildir `dir`; without a name the Maildir itself.
    pub(super) fn create(dir: &Path, name: Option<&str>) -> io::Result<Target> {
        let path = name.map_or_else(|| dir.to_owned(), |name| dir.join(name));
        for part in ["cur", "new", "tmp"] {
            create_dir(&path.join(part))?;
        }
        if name.is_some() {
            // Maildir++: this file says that the directory is a folder and no Maildir of a user.
            create_file(&path.join("maildirfolder"))?;
        }
        Ok(Target { path, letters: Letters::default(), left_out: BTreeSet::new() })
    }

    /// Writes a message to `tmp` and gives it its name in `cur` when it is complete.
    pub(super) fn add<E: From<io::Error>>(
        &mut self,
        new: &NewFile<'_>,
        write: impl FnOnce(&File) -> Result<(), E>,
    ) -> Result<(), E> {
        let seconds = new.now.as_second();
        let micros = new.now.subsec_microsecond();
        let unique = format!("{seconds}.M{micros:06}P{}Q{:010}.poshta", std::process::id(), new.number);
        let tmp = self.path.join("tmp").join(&unique);
        let file = create_file(&tmp)?;
        let written = write(&file).and_then(|()| {
            file.set_modified(new.date.into())?;
            let size = file.metadata()?.len();
            let mut fields = if new.form == Form::AsIs { format!(",{AS_IS}") } else { String::new() };
            if new.proof_bytes > 0 {
                fields.push_str(&format!(",{PROOF_BYTES}{}", new.proof_bytes));
            }
            let (info, left_out) = new.labels.to_maildir(&mut self.letters);
            self.left_out.extend(left_out.into_iter().map(str::to_owned));
            let name = format!("{unique},S={size}{fields}:{info}");
            Ok(fs::rename(&tmp, self.path.join("cur").join(name))?)
        });
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&tmp);
        }
        written
    }

    /// Writes what the letters mean.
    pub(super) fn finish(&self) -> io::Result<()> {
        match self.letters.file() {
            Some(text) => io::Write::write_all(&mut create_file(&self.path.join(KEYWORDS_FILE))?, text.as_bytes()),
            None => Ok(()),
        }
    }
}

/// With those above it.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(path)
}

pub(super) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}
