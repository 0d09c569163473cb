//! Opens a sealed bundle, as the print centre does: nothing stays on the disk unless all of it is sound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::age::{Identity, NotOpened, Reader};
use crate::postal::{Language, MarksFile, Report, Verdict, verify};

use super::file::MANIFEST;
use super::manifest::{ManifestLetter, NotAManifest, hex};
use super::{Manifest, tar};

/// A manifest has some two hundred bytes for each letter.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// Bytes of a document that are written at once.
const PIECE: usize = 64 << 10;

/// A bundle that is sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// What is in it.
    pub manifest: Manifest,
    /// What was found of its marks.
    pub report: Report,
    /// Where the manifest and the documents are now.
    pub files: Vec<PathBuf>,
}

/// Why a bundle is not to be printed from.
#[derive(Debug, thiserror::Error)]
pub enum NotSound {
    /// It does not open with this key, or was altered on the way.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// It cannot be read or written, or the archive is none.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The seal is broken, is nobody's, or is not there.
    #[error("the seal does not hold: {0}")]
    Seal(String),
    /// Its manifest is none.
    #[error(transparent)]
    Manifest(#[from] NotAManifest),
    /// It is not what the manifest says.
    #[error("{file}: {what}; the bundle is not what was sealed")]
    Contents {
        /// Which file of it.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// Opens a bundle into a directory, with the centre's key and what the operator publishes of its devices.
///
/// # Errors
/// See [`NotSound`]; then nothing of it is left in the directory.
pub fn unseal(source: impl BufRead, identity: &Identity, keys: &MarksFile, into: &Path) -> Result<Opened, NotSound> {
    let mut archive = Reader::open(source, identity)?;
    let marked = manifest_of(&mut archive)?;
    let (manifest, report) = judge(&marked, keys)?;
    fs::create_dir_all(into)?;
    let mut unpacked = Unpacked { into, names: Vec::new() };
    unpacked.create(MANIFEST)?.write_all(&marked)?;
    for letter in &manifest.letters {
        unpack(&mut archive, letter, &mut unpacked)?;
    }
    end(&mut archive)?;
    Ok(Opened { manifest, report, files: unpacked.keep()? })
}

fn manifest_of(archive: &mut impl Read) -> Result<Vec<u8>, NotSound> {
    let wrong = |what| NotSound::Contents { file: MANIFEST.to_owned(), what };
    let Some((name, bytes)) = tar::next(archive)? else { return Err(wrong("it is not there")) };
    if name != MANIFEST || bytes > MAX_MANIFEST_BYTES {
        return Err(wrong("it is not the first file, or too large"));
    }
    let mut marked = Vec::new();
    archive.by_ref().take(bytes).read_to_end(&mut marked)?;
    tar::skip_padding(archive, bytes)?;
    Ok(marked)
}

/// P9: the marks hold, one of them is the seal, and the centre that it names is that of the manifest.
fn judge(marked: &[u8], keys: &MarksFile) -> Result<(Manifest, Report), NotSound> {
    let report = verify(marked, Some(keys));
    if report.verdict != Verdict::Valid {
        return Err(NotSound::Seal(report.text(Language::En)));
    }
    if !report.marks.iter().any(|mark| mark.kind == Some("seal")) {
        return Err(NotSound::Seal("the manifest is marked and not sealed".to_owned()));
    }
    let manifest = Manifest::parse_marked(marked)?;
    if report.marks.iter().any(|mark| mark.facility.as_deref() != Some(manifest.centre.as_str())) {
        return Err(NotSound::Seal("it was made at another facility than the manifest is for".to_owned()));
    }
    Ok((manifest, report))
}

fn unpack(archive: &mut impl Read, letter: &ManifestLetter, unpacked: &mut Unpacked<'_>) -> Result<(), NotSound> {
    let wrong = |what| NotSound::Contents { file: letter.file.clone(), what };
    let Some((name, bytes)) = tar::next(archive)? else { return Err(wrong("it is not there")) };
    if name != letter.file || bytes != letter.bytes {
        return Err(wrong("another file, or one of another size, is in its place"));
    }
    let mut file = unpacked.create(&name)?;
    let (mut hash, mut left, mut piece) = (Sha256::new(), bytes, vec![0; PIECE]);
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let piece = piece.get_mut(..wanted).unwrap_or_default();
        archive.read_exact(piece)?;
        hash.update(&*piece);
        file.write_all(piece)?;
        left -= wanted as u64;
    }
    file.sync_all()?;
    tar::skip_padding(archive, bytes)?;
    let is_same = hex(&hash.finalize()) == letter.sha256;
    is_same.then_some(()).ok_or_else(|| wrong("its SHA-256 is another one"))
}

/// Nothing comes behind the last document; only then the whole file is known to be authentic.
fn end(archive: &mut impl Read) -> Result<(), NotSound> {
    let more = |what| NotSound::Contents { file: "the archive".to_owned(), what };
    if tar::next(archive)?.is_some() {
        return Err(more("there is a file in it that the manifest does not name"));
    }
    let mut rest = Vec::new();
    archive.by_ref().take(1 << 20).read_to_end(&mut rest)?;
    let is_end = rest.len() + 512 == tar::END.len() && rest.iter().all(|byte| *byte == 0);
    is_end.then_some(()).ok_or_else(|| more("it does not end where it should"))
}

/// Files under names that nobody prints from, until all are sound; removed if they are not kept.
struct Unpacked<'a> {
    into: &'a Path,
    names: Vec<String>,
}

impl Unpacked<'_> {
    fn create(&mut self, name: &str) -> io::Result<File> {
        if self.into.join(name).exists() {
            let what = format!("{} is there already", self.into.join(name).display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(self.part(name))?;
        self.names.push(name.to_owned());
        Ok(file)
    }

    fn part(&self, name: &str) -> PathBuf {
        self.into.join(format!("{name}.part"))
    }

    fn keep(mut self) -> io::Result<Vec<PathBuf>> {
        let mut kept = Vec::new();
        for name in std::mem::take(&mut self.names) {
            let path = self.into.join(&name);
            fs::rename(self.part(&name), &path)?;
            kept.push(path);
        }
        Ok(kept)
    }
}

impl Drop for Unpacked<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = fs::remove_file(self.part(name));
        }
    }
}
