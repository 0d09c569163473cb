//! The file `BACKUP`: what belongs to a backup. It is written last, and replaced as a whole, so that a directory
//! holds one whole backup at every moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::{Error, Result};
use super::FILE_MODE;

const NAME: &str = "BACKUP";
const FORMAT: u32 = 1;

/// What belongs to a backup: a line of JSON, and a line with the BLAKE3 of that one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::store) struct Manifest {
    format: u32,
    /// Schema of the rows.
    pub(in crate::store) schema: u32,
    /// When it was made, RFC 3339.
    pub(in crate::store) made: String,
    /// The export of the rows.
    pub(in crate::store) rows: RowsFile,
    /// Packs, ascending.
    pub(in crate::store) packs: Vec<Part>,
    /// Files of the device journal, ascending.
    pub(in crate::store) journal: Vec<Part>,
}

/// The file `rows/NNNN.rows`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(in crate::store) struct RowsFile {
    /// Its number.
    pub(in crate::store) number: u32,
    /// Rows in it.
    pub(in crate::store) count: u64,
    /// Its length, bytes.
    pub(in crate::store) bytes: u64,
    /// BLAKE3 of keys and values.
    pub(in crate::store) hash: String,
}

/// How much of a file belongs to the backup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::store) struct Part {
    /// Number of the file.
    pub(in crate::store) number: u32,
    /// Its beginning of this length, bytes.
    pub(in crate::store) bytes: u64,
}

/// What a manifest is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) schema: u32,
    pub(super) made: String,
    pub(super) rows: RowsFile,
    pub(super) packs: Vec<Part>,
    pub(super) journal: Vec<Part>,
}

impl Manifest {
    pub(super) fn of(parts: Parts) -> Self {
        let Parts { schema, made, rows, packs, journal } = parts;
        Manifest { format: FORMAT, schema, made, rows, packs, journal }
    }

    /// The manifest of the backup in `dir`; `None` when there is none yet.
    ///
    /// # Errors
    /// `Damaged` when it cannot be read; I/O.
    pub(in crate::store) fn read(dir: &Path) -> Result<Option<Self>> {
        let text = match fs::read(dir.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let damaged = |why: &str| Error::Damaged(format!("{}: {why}", dir.join(NAME).display()));
        let text = String::from_utf8(text).map_err(|_| damaged("no text"))?;
        let (json, hash) = text.split_once('\n').ok_or_else(|| damaged("cut short"))?;
        if blake3::hash(json.as_bytes()).to_hex().as_str() != hash.trim_end() {
            return Err(damaged("its hash differs"));
        }
        let manifest: Manifest = serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
        if manifest.format != FORMAT {
            let text = format!("it has format {}, this program knows format {FORMAT}", manifest.format);
            return Err(damaged(&text));
        }
        Ok(Some(manifest))
    }

    /// Puts it in place of the one before.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let json = serde_json::to_string(self).map_err(io::Error::from)?;
        let next = dir.join(format!("{NAME}.next"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&next)?;
        writeln!(file, "{json}\n{}", blake3::hash(json.as_bytes()).to_hex())?;
        file.sync_all()?;
        fs::rename(next, dir.join(NAME))?;
        Ok(File::open(dir)?.sync_all()?)
    }

    /// How much of this pack belongs to the backup.
    pub(in crate::store) fn pack_bytes(&self, number: u32) -> u64 {
        length_in(&self.packs, number)
    }

    /// How much of this file of the journal belongs to the backup.
    pub(in crate::store) fn journal_bytes(&self, number: u32) -> u64 {
        length_in(&self.journal, number)
    }

    /// Everything, bytes.
    pub(in crate::store) fn bytes(&self) -> u64 {
        self.rows.bytes + self.file_bytes()
    }

    /// Packs and journal, bytes.
    pub(in crate::store) fn file_bytes(&self) -> u64 {
        self.packs.iter().chain(&self.journal).map(|part| part.bytes).sum()
    }
}

fn length_in(parts: &[Part], number: u32) -> u64 {
    parts.iter().find(|part| part.number == number).map_or(0, |part| part.bytes)
}
