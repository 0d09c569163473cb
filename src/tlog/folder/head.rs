//! The head of a log: what it has published last, and how far it has read. One file, replaced as a whole, so that
//! the checkpoint and the place in the journal always belong together.

use std::path::Path;
use std::{fs, io};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Error, Result, damaged, replace};

/// The file.
pub(super) const HEAD: &str = "head";

/// The form that this program writes.
const VERSION: u8 = 1;

/// A place in the device journal: behind so many bytes of one of its files. The default is its beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Number of the file.
    pub file: u32,
    /// Bytes of it that are read.
    pub bytes: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) version: u8,
    /// How far the journal is read; `None` when the journal may have changed behind the log's back.
    pub(super) journal: Option<Place>,
    /// The moment of the backup that the log was restored from: nothing may be published now.
    pub(super) paused: Option<String>,
    /// The day of the checkpoint (UTC), `YYYY-MM-DD`.
    pub(super) day: String,
    /// The signed note.
    pub(super) checkpoint: String,
}

impl Head {
    pub(super) fn new(journal: Option<Place>, day: Date, checkpoint: String) -> Self {
        Head { version: VERSION, journal, paused: None, day: day.to_string(), checkpoint }
    }

    pub(super) fn day(&self) -> Option<Date> {
        self.day.parse().ok()
    }

    /// Reads it; `None` when there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        let file = dir.join(HEAD);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| Error::Io { path: file, error })?,
        };
        let head: Head = serde_json::from_slice(&text).map_err(|error| damaged(dir, format!("its head: {error}")))?;
        if head.version != VERSION || head.day().is_none() {
            return Err(damaged(dir, "its head has a form that this program does not know".into()));
        }
        Ok(Some(head))
    }

    /// Writes it in the place of the one before.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Io { path: dir.join(HEAD), error: error.into() })?;
        replace(&dir.join(HEAD), &text)
    }
}
