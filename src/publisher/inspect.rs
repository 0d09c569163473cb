//! What the operator asks of the log: what it is, a proof, whether it is whole, and to go on after a restore.

use std::ops::ControlFlow;

use serde::Serialize;

use super::line::leaf_of;
use super::{Error, Publisher, Result};
use crate::ids::ImpressionId;
use crate::tlog::checkpoint::Signed;
use crate::tlog::folder::{self, Leaf, Place, View, is_cover};
use crate::tlog::proof::Proof;

/// Lines of the journal compared at a time.
const CHUNK: usize = 10_000;

/// What a log is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Shown {
    /// Its name.
    pub origin: String,
    /// Its public key, for monitors.
    pub key: String,
    /// Leaves of the published tree.
    pub leaves: u64,
    /// Its root, base64.
    pub root: String,
    /// Days that have a last checkpoint.
    pub days: usize,
    /// The moment of the backup that it was restored from, while it waits for `poshta log resume`.
    pub paused: Option<String>,
    /// The published checkpoint, a signed note.
    pub checkpoint: String,
}

/// What reading all of a log came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Checked {
    /// Leaves read, and hashed anew.
    pub leaves: u64,
    /// Of them: in the journal too.
    pub in_journal: u64,
    /// Of them: cover leaves, which no impression has.
    pub cover: u64,
    /// Of them: not in the journal, which was restored from a backup.
    pub lost_letters: u64,
    /// Impressions of the journal that the next checkpoint will cover.
    pub waiting: u64,
    /// Days that are over.
    pub days: u64,
    /// Of them: with a time stamp.
    pub stamped_days: u64,
    /// What does not fit, one sentence each; at most a thousand, none when all is well.
    pub problems: Vec<String>,
}

/// Problems that are told.
const MAX_PROBLEMS: usize = 1_000;

impl Checked {
    pub(super) fn problem(&mut self, text: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(text);
        }
    }
}

impl Publisher {
    /// What the log is.
    ///
    /// # Errors
    /// There is none; it is damaged; I/O.
    pub fn shown(&self) -> Result<Shown> {
        let view = self.published()?;
        let checkpoint = view.checkpoint();
        Ok(Shown {
            origin: checkpoint.origin.clone(),
            key: view.verifier().to_string(),
            leaves: view.size(),
            root: checkpoint.head.root.to_string(),
            days: view.days()?.len(),
            paused: folder::paused(&self.dir())?,
            checkpoint: view.note().to_owned(),
        })
    }

    /// The proof that an impression is in the log; `None` when it is not, or not yet.
    ///
    /// # Errors
    /// As [`Publisher::shown`].
    pub fn prove(&self, id: ImpressionId) -> Result<Option<Proof>> {
        let view = self.published()?;
        let index = view.find(id)?;
        Ok(index.map(|index| view.prove(index)).transpose()?)
    }

    /// Reads all of the log and all of the journal, and compares them. Blocks. A directory without a log, and one
    /// that is not to have one, is well.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn check(&self) -> Result<Checked> {
        let mut checked = Checked::default();
        let view = match folder::view(&self.dir()) {
            Ok(Some(view)) => view,
            Ok(None) => return Ok(checked),
            Err(error) => {
                checked.problems.push(error.to_string());
                return Ok(checked);
            }
        };
        let count = |_, leaf: &Leaf| {
            checked.leaves += 1;
            checked.cover += u64::from(is_cover(leaf.id));
        };
        if let Err(error) = view.check(count) {
            checked.problems.push(error.to_string());
        }
        self.check_stamps(&view, &mut checked)?;
        self.compare(&view, &mut checked)?;
        checked.lost_letters = checked.leaves.saturating_sub(checked.in_journal + checked.cover);
        Ok(checked)
    }

    /// Goes on publishing after a restore. `last` is the newest checkpoint that anybody has seen; without one
    /// nothing was published after the backup.
    ///
    /// # Errors
    /// The checkpoint is not this log's, or of a tree that the log has lost.
    pub fn resume(&self, last: Option<&str>) -> Result<Shown> {
        if folder::view(&self.dir())?.is_none() {
            return Err(Error::None);
        }
        let mut held = self.inner.log.lock();
        let mut open = match held.take() {
            Some(open) => open,
            None => self.open()?,
        };
        if let Some(note) = last {
            require_covered(&open.log.view(), note)?;
        }
        open.log.resume()?;
        *held = Some(open);
        drop(held);
        self.shown()
    }

    fn published(&self) -> Result<View> {
        match self.view() {
            Some(view) => Ok(view),
            None => folder::view(&self.dir())?.ok_or(Error::None),
        }
    }

    /// Every impression of the journal is in the log with its mark, or is not in it yet.
    fn compare(&self, view: &View, checked: &mut Checked) -> Result<()> {
        let mut place = Place::default();
        loop {
            let (mut leaves, mut lines) = (Vec::new(), 0);
            place = self.inner.parts.store.read_blocking(|rows| {
                rows.journal_lines_after(place, |line, _| {
                    match leaf_of(line) {
                        Ok(leaf) => leaves.extend(leaf),
                        Err(error) => checked.problem(error),
                    }
                    lines += 1;
                    if lines == CHUNK { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
            })?;
            for (id, entry) in leaves {
                match view.find(id)? {
                    Some(index) if view.leaf(index)?.entry == entry => checked.in_journal += 1,
                    Some(_) => checked.problem(Error::Contradiction(id).to_string()),
                    None => checked.waiting += 1,
                }
            }
            if lines < CHUNK {
                break;
            }
        }
        Ok(())
    }
}

/// The log has everything that this checkpoint covers.
fn require_covered(view: &View, note: &str) -> Result<()> {
    let signed = Signed::open(note, view.verifier());
    let head = signed.map_err(|error| Error::NotPossible(format!("the checkpoint: {error}")))?.checkpoint.head;
    if head.size > view.size() {
        return Err(Error::NotPossible(format!(
            "the log had {} leaves when that checkpoint was published, and has {} here: bring back the directory log/ \
             from where it had them, or move it away and begin a log with another tlog.origin",
            head.size,
            view.size()
        )));
    }
    if view.root(head.size)? != head.root {
        return Err(Error::NotPossible("the log does not begin with the tree of that checkpoint".into()));
    }
    Ok(())
}
