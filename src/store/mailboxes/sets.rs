//! The sets of UIDs of a folder, as rows: which messages there are, and which of them are unseen or deleted.
//!
//! SELECT, EXPUNGE and SEARCH by these flags read them instead of the messages, so they cost the same in a folder of
//! a thousand messages and of a million. They change in the same batch as the message (`Batch::insert` and
//! `Batch::remove`), so they are as durable and as consistent as its row. Everything in them follows from the rows:
//! a block that is damaged is made anew from those.
//!
//! A message whose row is damaged stays in the sets that it was in. Its sequence number is its own until it is
//! expunged or comes back with `rebuild`, whatever becomes of its row, so no session counts differently from
//! another or from STATUS.

mod known;
#[cfg(test)]
mod tests;

use super::{Flags, row};
use crate::ids::{AccountId, FolderId, Uid};
use crate::store::keys::{self, FolderSet};
use crate::store::{Batch, Error, Member, Result, Rows, View};
use crate::uid_set::{BLOCK_UIDS, Block, UidSet};

pub(in crate::store) use known::KnownUids;

/// The sets that a message with these flags is in.
pub(super) fn sets_of(flags: Flags) -> impl Iterator<Item = FolderSet> {
    FolderSet::ALL.into_iter().filter(move |set| is_in(*set, flags))
}

fn is_in(set: FolderSet, flags: Flags) -> bool {
    match set {
        FolderSet::All => true,
        FolderSet::Unseen => !flags.contains(Flags::SEEN),
        FolderSet::Deleted => flags.contains(Flags::DELETED),
    }
}

/// Puts into a batch that a message's flags changed.
pub(super) fn change(batch: &mut Batch, (account, folder): (AccountId, FolderId), uid: Uid, old: Flags, new: Flags) {
    for set in FolderSet::ALL {
        match (is_in(set, old), is_in(set, new)) {
            (false, true) => batch.insert(account, folder, set, Member::Known(uid)),
            (true, false) => batch.remove(account, folder, set, Member::Known(uid)),
            _ => {}
        }
    }
}

/// The block in a row of a set; no row is an empty block.
pub(in crate::store) fn decode_block(number: u32, row: Option<&[u8]>) -> Result<Block> {
    let Some(row) = row else { return Ok(Block::default()) };
    // No message has the UID zero (RFC 9051 §2.3.1.1).
    Block::decode(row)
        .filter(|block| number > 0 || !block.contains(0))
        .ok_or_else(|| Error::Damaged(format!("row of UIDs from {} on", u64::from(number) * u64::from(BLOCK_UIDS))))
}

/// A block of a set as it follows from the messages; `get` gives the row of one.
pub(in crate::store) fn block_from(
    set: FolderSet,
    number: u32,
    get: impl Fn(Uid) -> Result<Option<Vec<u8>>>,
) -> Result<Block> {
    let mut block = Block::default();
    let uids = (0..BLOCK_UIDS).filter_map(|offset| Uid::new(number.checked_mul(BLOCK_UIDS)?.checked_add(offset)?));
    for uid in uids {
        if get(uid)?.is_some_and(|row| row_is_in(set, uid, &row)) {
            block.insert(crate::uid_set::split(uid).1);
        }
    }
    Ok(block)
}

/// A row that is damaged tells no flags; that it is there is all that is known.
fn row_is_in(set: FolderSet, uid: Uid, row: &[u8]) -> bool {
    match row::flags(uid, row) {
        Some(flags) => is_in(set, flags),
        None => set == FolderSet::All,
    }
}

/// The sets of one folder while they are made anew.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct FolderSets {
    all: UidSet,
    unseen: UidSet,
    deleted: UidSet,
}

impl FolderSets {
    /// Counts a message.
    pub(in crate::store) fn add(&mut self, uid: Uid, flags: Flags) {
        for set in sets_of(flags) {
            self.of_mut(set).insert(uid);
        }
    }

    /// Counts a message whose row is damaged.
    pub(in crate::store) fn add_damaged(&mut self, uid: Uid) {
        self.all.insert(uid);
    }

    /// One of the sets.
    pub(in crate::store) fn of(&self, set: FolderSet) -> &UidSet {
        match set {
            FolderSet::All => &self.all,
            FolderSet::Unseen => &self.unseen,
            FolderSet::Deleted => &self.deleted,
        }
    }

    fn of_mut(&mut self, set: FolderSet) -> &mut UidSet {
        match set {
            FolderSet::All => &mut self.all,
            FolderSet::Unseen => &mut self.unseen,
            FolderSet::Deleted => &mut self.deleted,
        }
    }

    /// The rows that hold them.
    pub(in crate::store) fn rows(&self, account: AccountId, folder: FolderId) -> Rows {
        let blocks = FolderSet::ALL.into_iter().flat_map(|set| self.of(set).blocks().map(move |block| (set, block)));
        let row = |(set, (number, block)): (FolderSet, (u32, &Block))| {
            Some((keys::uid_block(account, folder, set, number), block.encode()?))
        };
        blocks.filter_map(row).collect()
    }
}

impl View<'_> {
    /// A set of UIDs of a folder.
    ///
    /// # Errors
    /// Engine.
    pub fn uid_set(&self, account: AccountId, folder: FolderId, set: FolderSet) -> Result<UidSet> {
        self.blocks(account, folder, set, usize::MAX)
    }

    /// The first UID of a set of a folder.
    ///
    /// # Errors
    /// Engine.
    pub fn first_in_set(&self, account: AccountId, folder: FolderId, set: FolderSet) -> Result<Option<Uid>> {
        match self.blocks(account, folder, set, 1)?.first() {
            Some(first) => Ok(Some(first)),
            // None at all, unless the first block is damaged and nothing of it is left.
            None => Ok(self.uid_set(account, folder, set)?.first()),
        }
    }

    fn blocks(&self, account: AccountId, folder: FolderId, set: FolderSet, limit: usize) -> Result<UidSet> {
        let prefix = keys::folder_set(account, folder, set);
        let mut found = UidSet::new();
        for (key, row) in self.range(&prefix, &keys::after(&prefix), limit)? {
            let number = match block_number(&key) {
                Ok(number) => number,
                Err(error) => {
                    tracing::error!(%error, account = account.0, folder = folder.0, "set aside");
                    continue;
                }
            };
            let block = match decode_block(number, Some(&row)) {
                Ok(block) => block,
                Err(error) => {
                    tracing::error!(%error, account = account.0, folder = folder.0, "the messages are read instead");
                    block_from(set, number, |uid| self.get(&keys::message(account, folder, uid)))?
                }
            };
            found.push_block(number, block);
        }
        Ok(found)
    }
}

/// The number of the block at the end of a key.
pub(in crate::store) fn block_number(key: &[u8]) -> Result<u32> {
    let number = key.last_chunk().map(|number| u32::from_be_bytes(*number));
    number.filter(|_| key.len() == KEY_BYTES).ok_or_else(|| Error::Damaged("key of a set of UIDs".into()))
}

/// Class, account, folder, set, block.
const KEY_BYTES: usize = 1 + 8 + 4 + 1 + 4;
