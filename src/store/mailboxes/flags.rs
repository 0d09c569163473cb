//! STORE: flags and keywords change by compare-and-swap of the message's row.

use smallvec::SmallVec;

use super::add::{CHANGED, Tally};
use super::folders::{self, MAX_ATTEMPTS, busy};
use super::row::{self, MAX_MESSAGE_KEYWORDS, Places};
use super::sets;
use super::{FlagChange, Flags, Folder, FolderError, Message};
use crate::ids::{AccountId, FolderId, ModSeq, Uid};
use crate::store::keys::{self, FolderCounter, Key};
use crate::store::{Batch, Error, Hole, Precondition, Result, Slot, Store, Topic, View};

/// Messages changed by one batch.
pub(super) const CHUNK: usize = 500;

type Keywords = SmallVec<[u16; 4]>;

/// A message's row, decoded and as it stands.
pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) row: Vec<u8>,
}

impl View<'_> {
    /// Those of `uids` that are there, in the given order. Messages whose rows are damaged are left as they are:
    /// what else was asked for is done.
    pub(super) fn stored(&self, account: AccountId, folder: FolderId, uids: &[Uid]) -> Result<Vec<Stored>> {
        let mut found = Vec::with_capacity(uids.len());
        for uid in uids {
            let key = keys::message(account, folder, *uid);
            if let Some(row) = self.get(&key)? {
                match row::decode(&key, &row) {
                    Ok(message) => found.push(Stored { message, row }),
                    Err(Error::Damaged(what)) => {
                        tracing::error!(account = account.0, folder = folder.0, what, "set aside");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }
}

/// A flag change with its keywords as indices.
struct Change {
    kind: FlagChange,
    keywords: Keywords,
    unchanged_since: Option<ModSeq>,
}

/// What one chunk came to.
enum Outcome {
    Done(Vec<Message>, Vec<Uid>),
    Again,
}

impl Store {
    /// STORE: changes flags of those of `uids` that exist and have no MODSEQ above `unchanged_since`; gives
    /// the rows as they are now, and the UIDs that were left alone because of `unchanged_since`.
    ///
    /// # Errors
    /// The folder is gone; too many keywords; store.
    pub async fn store_flags(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> std::result::Result<(Vec<Message>, Vec<Uid>), FolderError> {
        let keywords = match &change {
            FlagChange::Replace(_, names) | FlagChange::Add(_, names) => {
                self.with_keywords(account, folder, names.clone()).await?.1
            }
            FlagChange::Remove(_, names) => {
                let found = self.read(move |view| view.folder(account, folder)).await?;
                let found = found.ok_or_else(|| missing(folder))?;
                names.iter().filter_map(|name| keyword_index(&found, name)).collect()
            }
        };
        let change = Change { kind: change, keywords, unchanged_since };
        let uids = sorted(uids);
        let (mut changed, mut left) = (Vec::with_capacity(uids.len()), Vec::new());
        for chunk in uids.chunks(CHUNK) {
            let (rows, unchanged) = self.change_chunk(account, folder, chunk, &change).await?;
            changed.extend(rows);
            left.extend(unchanged);
        }
        Ok((changed, left))
    }

    async fn change_chunk(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: &[Uid],
        change: &Change,
    ) -> std::result::Result<(Vec<Message>, Vec<Uid>), FolderError> {
        for _ in 0..MAX_ATTEMPTS {
            if let Outcome::Done(rows, left) = self.try_change(account, folder, uids.to_vec(), change).await? {
                return Ok((rows, left));
            }
        }
        Err(busy().into())
    }

    async fn try_change(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: Vec<Uid>,
        change: &Change,
    ) -> std::result::Result<Outcome, FolderError> {
        let stored = self.read(move |view| view.stored(account, folder, &uids)).await?;
        let mut changing = Changing::new(account, folder);
        let (mut rows, mut left) = (Vec::with_capacity(stored.len()), Vec::new());
        for Stored { message, row } in stored {
            if change.unchanged_since.is_some_and(|since| message.modseq > since) {
                left.push(message.uid);
                continue;
            }
            let (flags, keywords) = change.applied_to(&message);
            if keywords.len() > MAX_MESSAGE_KEYWORDS {
                return Err(FolderError::NotAllowed("too many keywords on one message"));
            }
            let mut next = Message { flags, keywords, ..message.clone() };
            if next != message {
                changing.change(&message, row, &next);
                // Filled in below, when the number is known.
                next.modseq = ModSeq::default();
            }
            rows.push(next);
        }
        let Some((batch, modseq)) = changing.finish() else { return Ok(Outcome::Done(rows, left)) };
        match self.commit(batch).await {
            Err(Error::Conflict(_)) => Ok(Outcome::Again),
            Err(error) => Err(error.into()),
            Ok(committed) => {
                let now = ModSeq(committed.number(modseq));
                rows.iter_mut().filter(|row| row.modseq == ModSeq::default()).for_each(|row| row.modseq = now);
                Ok(Outcome::Done(rows, left))
            }
        }
    }

    /// The folder, and the index of each keyword in it; keywords that it does not know yet are added.
    ///
    /// # Errors
    /// The folder is gone; too many keywords, or too long; store.
    pub async fn with_keywords(
        &self,
        account: AccountId,
        id: FolderId,
        names: Vec<String>,
    ) -> std::result::Result<(Folder, SmallVec<[u16; 4]>), FolderError> {
        for _ in 0..MAX_ATTEMPTS {
            let folder = self.read(move |view| view.folder(account, id)).await?.ok_or_else(|| missing(id))?;
            let mut wider = folder.clone();
            let mut indices = Keywords::new();
            for name in &names {
                let index = match keyword_index(&wider, name) {
                    Some(index) => index,
                    None => self.add_keyword(&mut wider, name)?,
                };
                indices.push(index);
            }
            indices.sort_unstable();
            indices.dedup();
            if wider == folder {
                return Ok((folder, indices));
            }
            let key = keys::folder(account, id);
            let mut batch = Batch::new();
            batch.require(Precondition::Equals(key.clone(), folders::encode(&folder)?));
            batch.put(key, folders::encode(&wider)?);
            batch.publish(Topic::Folder(account, id));
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok((wider, indices)),
            }
        }
        Err(busy().into())
    }

    fn add_keyword(&self, folder: &mut Folder, name: &str) -> std::result::Result<u16, FolderError> {
        if folder.keywords.len() >= self.settings().max_keywords {
            return Err(FolderError::NotAllowed("too many keywords in this folder"));
        }
        if name.is_empty() || name.len() > self.settings().max_keyword_bytes {
            return Err(FolderError::NotAllowed("the keyword is too long"));
        }
        let index = u16::try_from(folder.keywords.len())
            .map_err(|_| FolderError::NotAllowed("too many keywords in this folder"))?;
        folder.keywords.push(name.into());
        Ok(index)
    }
}

/// Ascending and each once: a row can only be swapped once in a batch.
pub(super) fn sorted(mut uids: Vec<Uid>) -> Vec<Uid> {
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// RFC 9051 §2.3.2: keywords are compared without case.
pub(super) fn keyword_index(folder: &Folder, name: &str) -> Option<u16> {
    let position = folder.keywords.iter().position(|keyword| keyword.eq_ignore_ascii_case(name));
    position.and_then(|position| u16::try_from(position).ok())
}

pub(super) fn missing(folder: FolderId) -> FolderError {
    FolderError::Missing(format!("number {}", folder.0))
}

impl Change {
    fn applied_to(&self, message: &Message) -> (Flags, Keywords) {
        match &self.kind {
            FlagChange::Replace(flags, _) => (*flags, self.keywords.clone()),
            FlagChange::Add(flags, _) => {
                let mut keywords = message.keywords.clone();
                keywords.extend(self.keywords.iter().copied());
                keywords.sort_unstable();
                keywords.dedup();
                (message.flags.with(*flags), keywords)
            }
            FlagChange::Remove(flags, _) => {
                let mut keywords = message.keywords.clone();
                keywords.retain(|keyword| !self.keywords.contains(keyword));
                (message.flags.without(*flags), keywords)
            }
        }
    }
}

/// A batch that changes rows of one folder under one new MODSEQ.
struct Changing {
    account: AccountId,
    folder: FolderId,
    batch: Batch,
    modseq: Slot,
    tally: Tally,
    changes: usize,
}

impl Changing {
    fn new(account: AccountId, folder: FolderId) -> Self {
        let mut batch = Batch::new();
        let modseq = batch.allocate(keys::folder_counter(account, folder, FolderCounter::ModSeqs), 1);
        Changing { account, folder, batch, modseq, tally: Tally::default(), changes: 0 }
    }

    fn change(&mut self, old: &Message, old_row: Vec<u8>, new: &Message) {
        let key = keys::message(self.account, self.folder, old.uid);
        self.batch.require(Precondition::Equals(key.clone(), old_row));
        let modseq = Hole::U64(self.modseq, 0);
        self.batch.put(key, row::template(new, modseq, Places::of(new)));
        self.batch.delete(keys::change(self.account, self.folder, old.modseq, old.uid));
        let change = Key::of(b'x').u64(self.account.0).u32(self.folder.0).hole(modseq);
        self.batch.put(change.bytes(&old.uid.get().to_be_bytes()), CHANGED.to_vec());
        sets::change(&mut self.batch, (self.account, self.folder), old.uid, old.flags, new.flags);
        self.tally.count_flags(old.flags, old.size(), -1);
        self.tally.count_flags(new.flags, new.size(), 1);
        self.changes += 1;
    }

    /// `None` when nothing changes: then no MODSEQ is used up either.
    fn finish(mut self) -> Option<(Batch, Slot)> {
        if self.changes == 0 {
            return None;
        }
        self.tally.add_to_folder(&mut self.batch, self.account, self.folder);
        self.batch.publish(Topic::Folder(self.account, self.folder));
        Some((self.batch, self.modseq))
    }
}
