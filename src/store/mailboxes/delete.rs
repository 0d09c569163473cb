//! Messages and folders go: EXPUNGE and DELETE.

use serde::Serialize;

use super::add::{EXPUNGED, Tally};
use super::flags::{CHUNK, Stored, missing};
use super::folders::{self, MAX_ATTEMPTS, busy};
use super::names::{self, INBOX};
use super::row;
use super::sets::sets_of;
use super::{Flags, Folder, FolderError, Message};
use crate::clock::Timestamp;
use crate::ids::{AccountId, FolderId, Uid};
use crate::store::keys::{self, FolderCounter, FolderSet, Key};
use crate::store::{Batch, Error, Hole, Member, Precondition, Result, Slot, Store, Topic, View};
use crate::store::{confirmations, profiles};

/// Facts that name folders whose messages are still to be removed: account, folder.
pub(in crate::store) const DOOMED: &str = "doomed/";

/// What was destroyed of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Destroyed {
    /// Its number.
    pub account: AccountId,
    /// Its letters were encrypted, and nobody has their key any more.
    pub key: bool,
    /// Folders that were removed with their letters; the disk has their space back after `poshta store compact`.
    pub folders: usize,
}

/// What becomes of the body of a message that leaves its folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Released,
    /// It stays with the copy that the same batch makes.
    Kept,
}

/// Puts into a batch that a message leaves its folder. The change entry's MODSEQ is `modseq`.
pub(super) fn remove(
    batch: &mut Batch,
    account: AccountId,
    folder: FolderId,
    stored: &Stored,
    modseq: Slot,
    body: Body,
) {
    let message = &stored.message;
    let key = keys::message(account, folder, message.uid);
    batch.require(Precondition::Equals(key.clone(), stored.row.clone()));
    batch.delete(key);
    batch.delete(keys::summary(account, folder, message.uid));
    batch.delete(keys::change(account, folder, message.modseq, message.uid));
    let change = Key::of(b'x').u64(account.0).u32(folder.0).hole(Hole::U64(modseq, 0));
    batch.put(change.bytes(&message.uid.get().to_be_bytes()), EXPUNGED.to_vec());
    for set in sets_of(message.flags) {
        batch.remove(account, folder, set, Member::Known(message.uid));
    }
    if body == Body::Released {
        batch.release(message.body);
    }
}

/// Which of the messages that were chosen still go when their turn has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condemned {
    /// Those with `\Deleted`: another session may have taken the flag away meanwhile.
    Flagged,
    /// Those that came into the folder before this.
    SavedBefore(Timestamp),
}

impl Condemned {
    fn takes(self, message: &Message) -> bool {
        match self {
            Condemned::Flagged => message.flags.contains(Flags::DELETED),
            Condemned::SavedBefore(end) => message.save_date < end,
        }
    }
}

impl Store {
    /// EXPUNGE: removes the messages with `\Deleted`, only those of `among` if given; gives their UIDs.
    ///
    /// # Errors
    /// The folder is gone; store.
    pub async fn expunge(
        &self,
        account: AccountId,
        folder: FolderId,
        among: Option<Vec<Uid>>,
    ) -> std::result::Result<Vec<Uid>, FolderError> {
        let uids = self
            .read(move |view| {
                if view.folder(account, folder)?.is_none() {
                    return Ok(None);
                }
                view.deleted_uids(account, folder, among).map(Some)
            })
            .await?
            .ok_or_else(|| missing(folder))?;
        let mut expunged = Vec::with_capacity(uids.len());
        for chunk in uids.chunks(CHUNK) {
            expunged.extend(self.remove_condemned(account, folder, chunk, Condemned::Flagged).await?);
        }
        Ok(expunged)
    }

    /// Removes those of a few messages that are still condemned, in one batch, as EXPUNGE does; gives their UIDs.
    ///
    /// # Errors
    /// Store.
    pub async fn remove_condemned(
        &self,
        account: AccountId,
        folder: FolderId,
        uids: &[Uid],
        condemned: Condemned,
    ) -> Result<Vec<Uid>> {
        for _ in 0..MAX_ATTEMPTS {
            let uids = uids.to_vec();
            let mut stored = self.read(move |view| view.stored(account, folder, &uids)).await?;
            stored.retain(|stored| condemned.takes(&stored.message));
            if stored.is_empty() {
                return Ok(Vec::new());
            }
            let mut batch = Batch::new();
            let modseq = batch.allocate(keys::folder_counter(account, folder, FolderCounter::ModSeqs), 1);
            let mut tally = Tally::default();
            for stored in &stored {
                remove(&mut batch, account, folder, stored, modseq, Body::Released);
                tally.count(stored.message.flags, stored.message.size(), -1);
            }
            tally.add_to_folder(&mut batch, account, folder);
            tally.add_to_account(&mut batch, account);
            batch.publish(Topic::Folder(account, folder));
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(stored.iter().map(|stored| stored.message.uid).collect()),
            }
        }
        Err(busy())
    }

    /// DELETE: the folder and its messages; its name stays as a parent while it has children (see
    /// [`super::implied_parents`]).
    ///
    /// # Errors
    /// Missing, the inbox, a name that only has folders below it; store.
    pub async fn delete_folder(&self, account: AccountId, name: &str) -> std::result::Result<(), FolderError> {
        let name = names::canonical(name);
        if name == INBOX {
            return Err(FolderError::NotAllowed("the inbox cannot be deleted"));
        }
        for _ in 0..MAX_ATTEMPTS {
            let folders = self.read(move |view| view.folders(account)).await?;
            let Some(folder) = folders.iter().find(|folder| folder.name == name) else {
                // RFC 9051 §6.3.5: it is an error to delete a name that is only a parent.
                let is_parent = folders.iter().any(|folder| names::is_below(&folder.name, &name));
                return Err(if is_parent {
                    FolderError::NotAllowed("the name has folders below it and is no folder itself")
                } else {
                    FolderError::Missing(name)
                });
            };
            let mut batch = Batch::new();
            doom(&mut batch, account, folder)?;
            batch.publish(Topic::Account(account));
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(self.empty_doomed(account, folder.id).await?),
            }
        }
        Err(busy().into())
    }

    /// Destroys the letters of an account for ever. Its key goes first, so that from then on nobody can read what was
    /// encrypted, wherever it still lies; then its folders.
    ///
    /// # Errors
    /// Store. Then it can be done again: what is destroyed stays so.
    pub async fn destroy_letters(&self, account: AccountId) -> Result<Destroyed> {
        let store = self.clone();
        let destroying = tokio::task::spawn_blocking(move || store.destroy_key(account));
        let key = destroying.await.map_err(|_| Error::Closed)??;
        // Before the folders, by which it is seen whether anything is left to be done.
        self.forget_receipts(account).await?;
        self.forget_papers(account).await?;
        self.forget_user(account).await?;
        Ok(Destroyed { account, key, folders: self.delete_all_folders(account).await? })
    }

    /// Removes all folders of an account with what is in them, the inbox too. How many.
    async fn delete_all_folders(&self, account: AccountId) -> Result<usize> {
        for _ in 0..MAX_ATTEMPTS {
            let folders = self.read(move |view| view.folders(account)).await?;
            let mut batch = Batch::new();
            for folder in &folders {
                doom(&mut batch, account, folder)?;
            }
            batch.publish(Topic::Account(account));
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    for folder in &folders {
                        self.empty_doomed(account, folder.id).await?;
                    }
                    return Ok(folders.len());
                }
            }
        }
        Err(busy())
    }

    /// Removes what the user told of themselves, and what proves it.
    async fn forget_user(&self, account: AccountId) -> Result<()> {
        let confirmed = self.read(move |view| view.confirmations(account)).await?;
        let mut batch = Batch::new();
        profiles::remove(&mut batch, account);
        confirmations::remove(&mut batch, account, &confirmed);
        self.commit(batch).await.map(drop)
    }

    /// Removes what the user found in the cabinet: receipts, and letters on paper with their scans.
    async fn forget_papers(&self, account: AccountId) -> Result<()> {
        while let Some(batch) = self.read(move |view| view.forgetting_papers(account, CHUNK)).await? {
            self.commit(batch).await?;
        }
        Ok(())
    }

    /// Removes what is known of letters that are no more: which were fetched, and who is to hear of it.
    async fn forget_receipts(&self, account: AccountId) -> Result<()> {
        loop {
            let keys = self.read(move |view| view.receipt_rows_of(account, CHUNK)).await?;
            if keys.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new();
            keys.into_iter().for_each(|key| batch.delete(key));
            self.commit(batch).await?;
        }
    }

    /// Removes what a deleted folder held, a chunk at a time. A crash between chunks is caught up with when
    /// the store is opened again.
    async fn empty_doomed(&self, account: AccountId, folder: FolderId) -> Result<()> {
        while let Some(batch) = self.read(move |view| view.emptying(account, folder)).await? {
            self.commit(batch).await?;
        }
        Ok(())
    }
}

/// Goes on with deletions that a crash cut short. Blocks.
pub(in crate::store) fn resume_deletions(store: &Store) -> Result<()> {
    let prefix = keys::fact(DOOMED);
    let doomed = store.read_blocking(|view| view.range(&prefix, &keys::after(&prefix), usize::MAX))?;
    for (key, _) in doomed {
        let fields = key.get(prefix.len()..).and_then(|fields| fields.split_first_chunk::<8>());
        let fields = fields.and_then(|(account, folder)| Some((account, folder.try_into().ok()?)));
        let (account, folder) = fields.ok_or_else(|| Error::Damaged("row of a deleted folder".into()))?;
        let (account, folder) = (AccountId(u64::from_be_bytes(*account)), FolderId(u32::from_be_bytes(folder)));
        while let Some(batch) = store.read_blocking(|view| view.emptying(account, folder))? {
            store.commit_blocking(batch)?;
        }
    }
    Ok(())
}

/// Puts into a batch that a folder goes; what it holds is removed afterwards.
fn doom(batch: &mut Batch, account: AccountId, folder: &Folder) -> Result<()> {
    let key = keys::folder(account, folder.id);
    batch.require(Precondition::Equals(key.clone(), folders::encode(folder)?));
    batch.delete(key);
    batch.delete(keys::folder_name(account, &folder.name));
    batch.put(doomed_key(account, folder.id), vec![1]);
    batch.publish(Topic::Folder(account, folder.id));
    Ok(())
}

pub(super) fn doomed_key(account: AccountId, folder: FolderId) -> Vec<u8> {
    [&keys::fact(DOOMED)[..], &account.0.to_be_bytes(), &folder.0.to_be_bytes()].concat()
}

impl View<'_> {
    /// The messages of a folder with `\Deleted`, ascending.
    fn deleted_uids(&self, account: AccountId, folder: FolderId, among: Option<Vec<Uid>>) -> Result<Vec<Uid>> {
        let mut deleted = self.uid_set(account, folder, FolderSet::Deleted)?;
        if let Some(among) = among {
            deleted.intersect(&among.into_iter().collect());
        }
        Ok(deleted.iter().collect())
    }

    /// The next batch that empties a deleted folder; `None` when it is done.
    fn emptying(&self, account: AccountId, folder: FolderId) -> Result<Option<Batch>> {
        let doomed = doomed_key(account, folder);
        if self.get(&doomed)?.is_none() {
            return Ok(None);
        }
        let mut batch = Batch::new();
        batch.require(Precondition::Present(doomed.clone()));
        let mut is_last = self.empty_messages(&mut batch, account, folder)?;
        let changes = keys::changes_from(account, folder, crate::ids::ModSeq(0));
        let changes_end = keys::after(&keys::changes_from(account, folder, crate::ids::ModSeq(u64::MAX)));
        let sets = keys::folder_sets(account, folder);
        for (from, to) in [(changes, changes_end), (sets.clone(), keys::after(&sets))] {
            let rows = self.range(&from, &to, CHUNK)?;
            is_last &= rows.len() < CHUNK;
            rows.into_iter().for_each(|(key, _)| batch.delete(key));
        }
        if is_last {
            for counter in FolderCounter::ALL {
                batch.delete(keys::folder_counter(account, folder, counter));
            }
            batch.delete(doomed);
        }
        Ok(Some(batch))
    }

    /// Puts into a batch that the first messages of a deleted folder go; tells whether those are all.
    fn empty_messages(&self, batch: &mut Batch, account: AccountId, folder: FolderId) -> Result<bool> {
        let messages = keys::messages(account, folder);
        let rows = self.range(&messages, &keys::after(&messages), CHUNK)?;
        let is_all = rows.len() < CHUNK;
        let mut tally = Tally::default();
        for (key, row) in rows {
            batch.require(Precondition::Present(key.clone()));
            match row::decode(&key, &row) {
                Ok(message) => {
                    batch.release(message.body);
                    tally.count(message.flags, message.size(), -1);
                }
                // It must not keep the folder from going; what its body is, `rebuild` finds out.
                Err(Error::Damaged(what)) => {
                    tracing::error!(account = account.0, folder = folder.0, what, "removed with its folder");
                    tally.messages -= 1;
                }
                Err(error) => return Err(error),
            }
            batch.delete(keys::summary(account, folder, row::uid_of(&key)?));
            batch.delete(key);
        }
        tally.add_to_account(batch, account);
        Ok(is_all)
    }
}
