//! The UIDs of large folders that were read lately, so that one that is opened again is not read again.
//!
//! They are kept with the MODSEQ as of which they were read. A message that comes or goes gives its folder a higher
//! one in the same batch: UIDs with the folder's MODSEQ are those of the folder, and from a lower one the change
//! index leads there. A reader looks for the MODSEQ of its own moment, so it finds what it would have read.

use std::sync::Arc;

use crate::ids::{AccountId, FolderId, ModSeq};
use crate::store::keys::{self, FolderCounter, FolderSet};
use crate::store::lately::Lately;
use crate::store::mailboxes::Change;
use crate::store::mailboxes::view::number;
use crate::store::{Result, View};
use crate::uid_set::UidSet;

/// Sets of fewer blocks are read as fast as they are found here.
const FEWEST_BLOCKS: usize = 4;

/// By folder; the weight is in bytes.
pub(in crate::store) type KnownUids = Lately<(AccountId, FolderId), Known>;

/// The UIDs of a folder as of a MODSEQ.
#[derive(Clone, Debug)]
pub(in crate::store) struct Known {
    modseq: ModSeq,
    uids: Arc<UidSet>,
}

impl View<'_> {
    /// The UIDs in a folder.
    ///
    /// # Errors
    /// Engine.
    pub fn uids(&self, account: AccountId, folder: FolderId) -> Result<Arc<UidSet>> {
        let modseq = self.counter(&keys::folder_counter(account, folder, FolderCounter::ModSeqs))?;
        let modseq = ModSeq(number(modseq)?);
        let known = self.store.inner.known_uids.lock().get((account, folder));
        let is_newer = known.as_ref().is_some_and(|known| known.modseq > modseq);
        let uids = match known {
            Some(known) if known.modseq == modseq => return Ok(known.uids),
            Some(known) if known.modseq < modseq => self.lead_on(account, folder, known)?,
            _ => None,
        };
        let uids = match uids {
            Some(uids) => uids,
            None => Arc::new(self.uid_set(account, folder, FolderSet::All)?),
        };
        if !is_newer && uids.blocks().count() >= FEWEST_BLOCKS {
            let known = Known { modseq, uids: Arc::clone(&uids) };
            self.store.inner.known_uids.lock().put((account, folder), known, uids.memory_bytes());
        }
        Ok(uids)
    }

    /// The UIDs after the changes since then; `None` where those are more rows than the set has.
    fn lead_on(&self, account: AccountId, folder: FolderId, mut known: Known) -> Result<Option<Arc<UidSet>>> {
        let most = known.uids.blocks().count();
        let changes = self.changes_since(account, folder, known.modseq, most + 1)?;
        if changes.len() > most {
            return Ok(None);
        }
        for (_, change) in changes {
            match change {
                Change::Changed(uid) if known.uids.contains(uid) => {}
                Change::Changed(uid) => drop(Arc::make_mut(&mut known.uids).insert(uid)),
                Change::Expunged(uid) => drop(Arc::make_mut(&mut known.uids).remove(uid)),
            }
        }
        Ok(Some(known.uids))
    }
}
