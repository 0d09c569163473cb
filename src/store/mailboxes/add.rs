//! A message comes into a folder.

use super::folders::busy;
use super::row::{self, Place, Places};
use super::sets::sets_of;
use super::summary::SummaryRow;
use super::{Flags, FolderError, Message, NewMessage, Prefix};
use crate::ids::{AccountId, FolderId, ModSeq, ThreadId, Uid, UidValidity};
use crate::store::keys::{self, AccountCounter, FolderCounter, Key};
use crate::store::quota::Allowance;
use crate::store::vault::Sharing;
use crate::store::{
    Batch, Committed, Error, Hole, Member, Owner, Precondition, RecordRef, Slot, StagedBody, Store, Template, Topic,
    WrappedKey,
};

pub(super) const THREAD_VERSION: u8 = 1;

/// Version, then what happened.
pub(in crate::store) const CHANGED: [u8; 2] = [1, 0];
/// See [`CHANGED`].
pub(super) const EXPUNGED: [u8; 2] = [1, 1];

/// What an added message will be called.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    uid: Slot,
}

impl Added {
    /// Its UID, once committed.
    #[must_use]
    pub fn uid(&self, committed: &Committed) -> Option<Uid> {
        Uid::new(u32::try_from(committed.number(self.uid)).ok()?)
    }
}

/// Adds a message to a folder: rows, counters, reference to the body, topic. The batch must require that the
/// folder exists where that is not certain (`Precondition::Present(keys::folder(…))`). If the body is sealed
/// ([`Batch::letter`]), its key is wrapped for the account and the summary is sealed too.
///
/// # Errors
/// `NotPossible` when the account's key was destroyed; `Damaged`, I/O of the key files.
pub fn add_message(batch: &mut Batch, message: &NewMessage) -> crate::store::Result<Added> {
    let data_key = batch.wrapped_key(message.body, Owner::Account(message.account))?;
    let summary = match batch.letter_key(message.body) {
        Some(key) => SummaryRow::Sealed(key.seal_summary(message.account, &message.summary)?),
        None => SummaryRow::Plain(message.summary.clone()),
    };
    let uid = batch.allocate(keys::folder_counter(message.account, message.folder, FolderCounter::Uids), 1);
    let modseq = batch.allocate(keys::folder_counter(message.account, message.folder, FolderCounter::ModSeqs), 1);
    let row = as_row(message, data_key);
    let places = Places {
        recipient_prefix: place(message.recipient_prefix),
        item_prefix: place(message.item_prefix),
        body: Place::OfBody(message.body),
    };
    let value = row::template(&row, Hole::U64(modseq, 0), places);
    let summary = match summary.in_row() {
        Ok(row) => Template::from(row),
        Err((version, bytes)) => {
            let record = batch.record(bytes);
            Template::from(vec![version]).hole(Hole::Record(record))
        }
    };
    let new = NewRows {
        account: message.account,
        folder: message.folder,
        uid: (uid, 0),
        modseq: Hole::U64(modseq, 0),
        flags: message.flags,
    };
    new.put(batch, value, summary);
    let mut tally = Tally::default();
    let size = u64::from(message.recipient_prefix.len) + u64::from(message.item_prefix.len) + message.body_bytes;
    tally.count(message.flags, size, 1);
    tally.add_to_folder(batch, message.account, message.folder);
    tally.add_to_account(batch, message.account);
    batch.reference(message.body);
    if let Some(hash) = &message.message_id {
        batch.put(keys::thread(message.account, hash), thread_row(message.thread));
    }
    batch.publish(Topic::Folder(message.account, message.folder));
    Ok(Added { uid })
}

/// The three rows of a message whose numbers are not known yet, and the sets that it is in.
pub(super) struct NewRows {
    pub(super) account: AccountId,
    pub(super) folder: FolderId,
    /// The first allocated UID plus an offset.
    pub(super) uid: (Slot, u32),
    pub(super) modseq: Hole,
    pub(super) flags: Flags,
}

impl NewRows {
    pub(super) fn put(&self, batch: &mut Batch, row: Template, summary: Template) {
        let key = |class| Key::of(class).u64(self.account.0).u32(self.folder.0);
        let (slot, offset) = self.uid;
        let uid = Hole::U32(slot, offset);
        batch.put(key(b'm').hole(uid), row);
        batch.put(key(b's').hole(uid), summary);
        batch.put(key(b'x').hole(self.modseq).hole(uid), CHANGED.to_vec());
        for set in sets_of(self.flags) {
            batch.insert(self.account, self.folder, set, Member::Allocated(slot, offset));
        }
    }
}

/// Changes of the counters, added up.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub(super) messages: i64,
    pub(super) unseen: i64,
    pub(super) deleted: i64,
    pub(super) bytes: i64,
    pub(super) deleted_bytes: i64,
}

impl Tally {
    /// Counts a message with these flags `sign` times: 1 when it comes, -1 when it goes.
    pub(super) fn count(&mut self, flags: Flags, size: u64, sign: i64) {
        self.messages += sign;
        self.bytes += sign * i64::try_from(size).unwrap_or(i64::MAX);
        self.count_flags(flags, size, sign);
    }

    /// Counts only what its flags say.
    pub(super) fn count_flags(&mut self, flags: Flags, size: u64, sign: i64) {
        self.unseen += if flags.contains(Flags::SEEN) { 0 } else { sign };
        if flags.contains(Flags::DELETED) {
            self.deleted += sign;
            self.deleted_bytes += sign * i64::try_from(size).unwrap_or(i64::MAX);
        }
    }

    pub(super) fn add_to_folder(&self, batch: &mut Batch, account: AccountId, folder: FolderId) {
        let counters = [
            (FolderCounter::Messages, self.messages),
            (FolderCounter::Unseen, self.unseen),
            (FolderCounter::Deleted, self.deleted),
            (FolderCounter::Bytes, self.bytes),
            (FolderCounter::DeletedBytes, self.deleted_bytes),
        ];
        for (counter, delta) in counters.into_iter().filter(|(_, delta)| *delta != 0) {
            batch.add(keys::folder_counter(account, folder, counter), delta);
        }
    }

    pub(super) fn add_to_account(&self, batch: &mut Batch, account: AccountId) {
        let counters = [(AccountCounter::Messages, self.messages), (AccountCounter::Bytes, self.bytes)];
        for (counter, delta) in counters.into_iter().filter(|(_, delta)| *delta != 0) {
            batch.add(keys::account_counter(account, counter), delta);
        }
        if self.messages < 0 || self.bytes < 0 {
            batch.calm(account);
        }
    }
}

/// A row of the thread index.
pub(in crate::store) fn thread_row(thread: ThreadId) -> Vec<u8> {
    [&[THREAD_VERSION], &thread.to_bytes()[..]].concat()
}

fn place(prefix: Prefix) -> Place {
    prefix.record.map_or(Place::At(RecordRef::default()), Place::Written)
}

/// The fields of the row; numbers and places are filled in by the committer.
fn as_row(message: &NewMessage, data_key: Option<WrappedKey>) -> Message {
    Message {
        uid: Uid(std::num::NonZeroU32::MIN),
        modseq: ModSeq::default(),
        flags: message.flags,
        keywords: message.keywords.clone(),
        internal_date: message.internal_date,
        save_date: message.save_date,
        item: message.item,
        email: message.email,
        thread: message.thread,
        origin: message.origin,
        recipient_prefix: RecordRef::default(),
        item_prefix: RecordRef::default(),
        body: message.body,
        body_bytes: message.body_bytes,
        body_hint: RecordRef::default(),
        data_key,
    }
}

impl Store {
    /// APPEND: stages nothing, marks nothing; keywords are given by name. `body` and `body_bytes` of the
    /// message are taken from the staged body.
    ///
    /// # Errors
    /// The folder is gone; too many keywords; `OverQuota`; store.
    pub async fn append(
        &self,
        mut message: NewMessage,
        body: StagedBody,
        keywords: Vec<String>,
        allowance: &Allowance,
    ) -> Result<(UidValidity, Uid), FolderError> {
        let (account, id) = (message.account, message.folder);
        let (folder, keywords) = self.with_keywords(account, id, keywords).await?;
        message.keywords = keywords.into_iter().collect();
        message.body_bytes = body.len();
        self.ready_keys(vec![account]).await?;
        let key = self.letter_key(&body, Sharing::One(account))?;
        let mut batch = Batch::new();
        message.body = batch.letter(body, key);
        batch.require(Precondition::Present(keys::folder(account, id)));
        let added = add_message(&mut batch, &message)?;
        allowance.bound(&mut batch, account);
        match self.commit(batch).await {
            Err(Error::Conflict(_)) => Err(FolderError::Missing(folder.name)),
            Err(error) => Err(error.into()),
            Ok(committed) => added.uid(&committed).map(|uid| (folder.uid_validity, uid)).ok_or_else(|| busy().into()),
        }
    }
}
