//! Reading folders.

use super::add::{CHANGED, EXPUNGED, THREAD_VERSION};
use super::row;
use super::summary::{self, Found};
use super::{Change, FolderState, Message};
use crate::ids::{AccountId, FolderId, ModSeq, ThreadId, Uid};
use crate::store::keys::{self, FolderCounter};
use crate::store::{Error, Result, View};

/// Some messages of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessagePage {
    /// Those that can be read, by UID.
    pub messages: Vec<Message>,
    /// Those whose rows are damaged, by UID.
    pub damaged: Vec<Uid>,
    /// Where to go on; `None` when there are no more.
    pub next: Option<Uid>,
}

impl View<'_> {
    /// A folder's counters.
    ///
    /// # Errors
    /// Engine.
    pub fn folder_state(&self, account: AccountId, folder: FolderId) -> Result<FolderState> {
        let counter = |counter| self.counter(&keys::folder_counter(account, folder, counter));
        Ok(FolderState {
            uid_next: number::<u32>(counter(FolderCounter::Uids)?)?.saturating_add(1),
            highest_modseq: ModSeq(number(counter(FolderCounter::ModSeqs)?)?),
            messages: number(counter(FolderCounter::Messages)?)?,
            unseen: number(counter(FolderCounter::Unseen)?)?,
            deleted: number(counter(FolderCounter::Deleted)?)?,
            bytes: number(counter(FolderCounter::Bytes)?)?,
            deleted_bytes: number(counter(FolderCounter::DeletedBytes)?)?,
        })
    }

    /// Up to `limit` message rows from `from` on, by UID.
    ///
    /// # Errors
    /// Engine.
    pub fn messages(&self, account: AccountId, folder: FolderId, from: Uid, limit: usize) -> Result<Vec<Message>> {
        let end = keys::after(&keys::messages(account, folder));
        let rows = self.range(&keys::message(account, folder, from), &end, limit)?;
        rows.iter().map(|(key, row)| row::decode(key, row)).collect()
    }

    /// As [`View::messages`], with those whose rows are damaged set aside, so that the others can still be had.
    /// They keep their places in the folder (see `sets.rs`). `check` names them.
    ///
    /// # Errors
    /// Engine.
    pub fn readable_messages(
        &self,
        account: AccountId,
        folder: FolderId,
        from: Uid,
        limit: usize,
    ) -> Result<MessagePage> {
        let end = keys::after(&keys::messages(account, folder));
        let rows = self.range(&keys::message(account, folder, from), &end, limit)?;
        let (mut messages, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new());
        let next = match rows.last() {
            Some((last, _)) if rows.len() == limit => Uid::new(row::uid_of(last)?.get().saturating_add(1)),
            _ => None,
        };
        for (key, row) in rows {
            match row::decode(&key, &row) {
                Ok(message) => messages.push(message),
                Err(Error::Damaged(what)) => {
                    tracing::error!(account = account.0, folder = folder.0, what, "set aside");
                    damaged.push(row::uid_of(&key)?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(MessagePage { messages, damaged, next })
    }

    /// One message's row.
    ///
    /// # Errors
    /// Engine.
    pub fn message(&self, account: AccountId, folder: FolderId, uid: Uid) -> Result<Option<Message>> {
        let key = keys::message(account, folder, uid);
        self.get(&key)?.map(|row| row::decode(&key, &row)).transpose()
    }

    /// The encoded summaries (envelope and structure) of up to `limit` messages from `from` on, by UID.
    ///
    /// # Errors
    /// Engine.
    pub fn summaries(
        &self,
        account: AccountId,
        folder: FolderId,
        from: Uid,
        limit: usize,
    ) -> Result<Vec<(Uid, Vec<u8>)>> {
        let last = Uid::new(u32::MAX).unwrap_or(from);
        let end = keys::after(&keys::summary(account, folder, last));
        let rows = self.range(&keys::summary(account, folder, from), &end, limit)?;
        rows.into_iter().map(|(key, row)| Ok((row::uid_of(&key)?, self.decode_summary(account, row)?))).collect()
    }

    pub(in crate::store) fn decode_summary(&self, account: AccountId, row: Vec<u8>) -> Result<Vec<u8>> {
        let found = match summary::find(&row)? {
            Found::Here(bytes) => bytes.to_vec(),
            Found::At(place) => self.record(place, None)?.to_vec(),
        };
        summary::open(self.store.inner.vault.as_deref(), account, &row, found)
    }

    /// The changes with a MODSEQ greater than `since`, in MODSEQ order; a message changed twice stands once.
    ///
    /// # Errors
    /// Engine.
    pub fn changes_since(
        &self,
        account: AccountId,
        folder: FolderId,
        since: ModSeq,
        limit: usize,
    ) -> Result<Vec<(ModSeq, Change)>> {
        let from = keys::changes_from(account, folder, ModSeq(since.0.saturating_add(1)));
        let end = keys::after(&keys::changes_from(account, folder, ModSeq(u64::MAX)));
        self.range(&from, &end, limit)?.iter().map(|(key, row)| decode_change(key, row)).collect()
    }

    /// The thread of the first of these Message-ID hashes that the account knows.
    ///
    /// # Errors
    /// Engine.
    pub fn thread_of(&self, account: AccountId, references: &[[u8; 16]]) -> Result<Option<ThreadId>> {
        for hash in references {
            if let Some(row) = self.get(&keys::thread(account, hash))? {
                return decode_thread(&row).map(Some);
            }
        }
        Ok(None)
    }
}

pub(in crate::store) fn decode_thread(row: &[u8]) -> Result<ThreadId> {
    match row {
        [THREAD_VERSION, id @ ..] => id.try_into().map(u128::from_be_bytes).map(ThreadId).ok(),
        _ => None,
    }
    .ok_or_else(|| Error::Damaged("row of a thread".into()))
}

pub(in crate::store) fn decode_change(key: &[u8], row: &[u8]) -> Result<(ModSeq, Change)> {
    let uid = row::uid_of(key)?;
    let modseq = key
        .len()
        .checked_sub(12)
        .and_then(|at| key.get(at..)?.first_chunk())
        .map(|bytes| ModSeq(u64::from_be_bytes(*bytes)))
        .ok_or_else(|| Error::Damaged("key of a change".into()))?;
    match row {
        row if row == CHANGED => Ok((modseq, Change::Changed(uid))),
        row if row == EXPUNGED => Ok((modseq, Change::Expunged(uid))),
        _ => Err(Error::Damaged("row of a change".into())),
    }
}

/// What a counter says, as the type that it has.
pub(super) fn number<T: TryFrom<i64>>(counter: i64) -> Result<T> {
    T::try_from(counter).map_err(|_| Error::Damaged(format!("a folder counter of {counter}")))
}
