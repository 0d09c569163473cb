//! Mailboxes as files of other programs: Maildir and mbox, in and out, one message at a time.
//!
//! The invariant: what an export writes, an import reads back byte for byte, with flags, keywords and dates (to
//! the microsecond in a Maildir, to the second in an mbox); what an export puts on top of a letter it says so
//! exactly that an import takes it off again, and nothing of the letter. Import is a deposit (DESIGN 8): bytes as
//! given, never marked. Neither holds more than one batch of messages in memory, and a large message never as a whole.

mod deposit;
mod export;
mod import;
mod labels;
mod line_ends;
mod maildir;
pub mod mbox;
mod names;
mod proofs;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use export::{Archive, Exported, Proving, export, export_into};
pub use import::{Imported, import};
pub use labels::Labels;
pub use line_ends::{Form, Shape};

use crate::clock::World;
use crate::ids::AccountId;
use crate::message::Caps;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::mailboxes::FolderError;
use crate::store::{self, Batch, Store};
use crate::tlog::folder::View;

/// Problems that an answer tells one by one; the rest is only counted.
const MAX_PROBLEMS: usize = 100;

/// A kind of mailbox files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A directory with a file for each message, and directories for its folders.
    Maildir,
    /// A file for each folder.
    Mbox,
}

/// What importing and exporting works with.
#[derive(Clone, Debug)]
pub struct Services {
    /// The data directory.
    pub store: Store,
    /// Clock and randomness.
    pub world: World,
    /// How much of a message is looked into.
    pub caps: Caps,
    /// The largest message, bytes: as for APPEND.
    pub max_message_bytes: u64,
    /// What a mailbox may hold.
    pub quota: crate::quota::Settings,
    /// The transparency log, where proofs are to go with an export.
    pub log: Option<View>,
    /// Where people reach the pages of this server: a proof names them.
    pub pages: String,
    /// Where the few things run that are async; the caller is on a blocking thread.
    pub runtime: tokio::runtime::Handle,
}

/// One import or export.
#[derive(Clone, Debug)]
pub struct Job {
    /// What kind of files.
    pub format: Format,
    /// Where they are, or shall be.
    pub path: PathBuf,
    /// Whose mailbox.
    pub account: AccountId,
    /// Only this folder; what that means is said at [`import`] and [`export`].
    pub folder: Option<String>,
    /// Who wants it, for the audit.
    pub actor: String,
}

/// Why it cannot be done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory has neither `cur` nor `new`, nor folders that have.
    #[error("{}: no Maildir: there is neither cur nor new, nor a folder .NAME with them", .0.display())]
    NotMaildir(PathBuf),
    /// An export never mixes with what is there.
    #[error("{}: is not empty; name a directory that is empty or not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// The account has no such folder.
    #[error("there is no folder {0:?}")]
    NoFolder(String),
    /// An mbox has no name of a folder in it.
    #[error("an mbox needs the name of the folder for its messages (--folder)")]
    NeedsFolder,
    /// The file is no mbox.
    #[error("{}: {why}", .path.display())]
    BadMbox {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: mbox::BadMbox,
    },
    /// A folder cannot be made.
    #[error("folder {name:?}: {why}")]
    Folder {
        /// Its name.
        name: String,
        /// What is wrong.
        why: FolderError,
    },
    /// A file cannot be read or written.
    #[error("{}: {why}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It began well.
    #[error("stopped at {at}: {why}; {done} messages {are}")]
    Stopped {
        /// Where.
        at: String,
        /// Messages that are done.
        done: u64,
        /// What has become of them.
        are: &'static str,
        /// Why.
        why: Box<Error>,
    },
}

type Result<T> = std::result::Result<T, Error>;

/// What was left out, and why: one line each, up to [`MAX_PROBLEMS`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Problems {
    /// How many.
    #[serde(rename = "problem_count")]
    pub count: u64,
    /// The first of them.
    #[serde(rename = "problems")]
    pub lines: Vec<String>,
}

impl Problems {
    fn add(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < MAX_PROBLEMS {
            self.lines.push(line);
        }
    }
}

/// An I/O error with the file it is about.
fn about(path: &Path) -> impl Fn(io::Error) -> Error {
    move |why| Error::File { path: path.to_owned(), why }
}

impl Job {
    /// Who did what to whose mailbox is written down before the first letter is read or stored, and again with what
    /// came of it.
    fn audit(&self, services: &Services, action: &str, details: &str) -> Result<()> {
        let mut batch = Batch::new();
        let entry = AuditEntry {
            at_us: services.world.now().as_microsecond(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            object: format!("account {}", self.account.0),
            details: Some(details.to_owned()),
        };
        add_audit(&mut batch, &entry)?;
        services.store.commit_blocking(batch)?;
        Ok(())
    }

    fn place(&self) -> String {
        let folder = self.folder.as_ref().map(|folder| format!(", folder {folder:?}")).unwrap_or_default();
        let format = match self.format {
            Format::Maildir => "Maildir",
            Format::Mbox => "mbox",
        };
        format!("{format} {}{folder}", self.path.display())
    }
}
