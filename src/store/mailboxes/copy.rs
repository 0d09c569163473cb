//! COPY and MOVE: one batch each, all or nothing (RFC 9051 §6.4.7, RFC 6851).

use super::add::{NewRows, Tally};
use super::delete::{Body, remove};
use super::flags::{Stored, missing, sorted};
use super::folders::{MAX_ATTEMPTS, busy};
use super::row::{self, Place, Places};
use super::{Copied, Folder, FolderError, Message};
use crate::clock::Timestamp;
use crate::ids::{AccountId, FolderId, Uid};
use crate::store::keys::{self, FolderCounter};
use crate::store::quota::Allowance;
use crate::store::{Batch, Error, Hole, Precondition, Result, Store, Template, Topic};

/// What happens to the messages in the folder they come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Stays,
    Goes,
}

/// Where copies go.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// The folder.
    pub folder: FolderId,
    /// What the account may hold with the copies.
    pub allowance: Allowance,
}

impl From<FolderId> for Destination {
    /// Without a limit of the account.
    fn from(folder: FolderId) -> Self {
        Destination { folder, allowance: Allowance::default() }
    }
}

/// Which messages go where.
struct Transfer {
    account: AccountId,
    from: FolderId,
    to: FolderId,
    /// Only copies are bound: what is moved takes no more room than before.
    allowance: Allowance,
    source: Source,
    now: Timestamp,
}

/// A message to be copied, with its summary row.
struct Original {
    stored: Stored,
    summary: Vec<u8>,
}

impl Store {
    /// COPY: all or nothing (RFC 9051 §6.4.7). Flags, INTERNALDATE and EMAILID stay.
    ///
    /// # Errors
    /// A folder is gone; `OverQuota`, `Full`; store.
    pub async fn copy(
        &self,
        account: AccountId,
        from: FolderId,
        uids: Vec<Uid>,
        to: impl Into<Destination>,
        now: Timestamp,
    ) -> std::result::Result<Copied, FolderError> {
        // Rows without bytes, but they stay; what is moved only makes room elsewhere.
        self.check_space()?;
        let Destination { folder: to, allowance } = to.into();
        self.transfer(Transfer { account, from, to, allowance, source: Source::Stays, now }, uids).await
    }

    /// MOVE (RFC 6851): copy and expunge in one commit.
    ///
    /// # Errors
    /// As [`Store::copy`].
    pub async fn move_messages(
        &self,
        account: AccountId,
        from: FolderId,
        uids: Vec<Uid>,
        to: FolderId,
        now: Timestamp,
    ) -> std::result::Result<Copied, FolderError> {
        let allowance = Allowance::default();
        self.transfer(Transfer { account, from, to, allowance, source: Source::Goes, now }, uids).await
    }

    async fn transfer(&self, transfer: Transfer, uids: Vec<Uid>) -> std::result::Result<Copied, FolderError> {
        let uids = sorted(uids);
        if uids.len() > self.settings().max_copy_messages {
            return Err(FolderError::NotAllowed("too many messages at once"));
        }
        for _ in 0..MAX_ATTEMPTS {
            let (account, from) = (transfer.account, transfer.from);
            let wanted = uids.clone();
            let (source, originals) = self.read(move |view| originals(view, account, from, &wanted)).await?;
            let source = source.ok_or_else(|| missing(from))?;
            let (target, originals) = self.translated(&transfer, &source, originals).await?;
            if originals.is_empty() {
                return Ok(Copied { uid_validity: target.uid_validity, pairs: Vec::new() });
            }
            let (batch, first) = transfer.batch(&originals);
            match self.commit(batch).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    let first = committed.number(first);
                    let targets = (first..).map_while(|number| Uid::new(u32::try_from(number).ok()?));
                    let pairs = originals.iter().map(|original| original.stored.message.uid).zip(targets).collect();
                    return Ok(Copied { uid_validity: target.uid_validity, pairs });
                }
            }
        }
        Err(busy().into())
    }

    /// The target folder, and the messages with their keywords as the target numbers them.
    async fn translated(
        &self,
        transfer: &Transfer,
        source: &Folder,
        mut originals: Vec<Original>,
    ) -> std::result::Result<(Folder, Vec<Original>), FolderError> {
        let mut used: Vec<u16> =
            originals.iter().flat_map(|original| original.stored.message.keywords.iter().copied()).collect();
        used.sort_unstable();
        used.dedup();
        let names = used.iter().filter_map(|index| source.keywords.get(usize::from(*index)).cloned()).collect();
        let (target, _) = self.with_keywords(transfer.account, transfer.to, names).await?;
        for original in &mut originals {
            let message = &mut original.stored.message;
            let names = message.keywords.iter().filter_map(|index| source.keywords.get(usize::from(*index)));
            message.keywords = names.filter_map(|name| super::flags::keyword_index(&target, name)).collect();
            message.keywords.sort_unstable();
        }
        Ok((target, originals))
    }
}

fn originals(
    view: &crate::store::View<'_>,
    account: AccountId,
    from: FolderId,
    uids: &[Uid],
) -> Result<(Option<Folder>, Vec<Original>)> {
    let mut originals = Vec::with_capacity(uids.len());
    for stored in view.stored(account, from, uids)? {
        let uid = stored.message.uid;
        let summary = view.get(&keys::summary(account, from, uid))?;
        let summary = summary.ok_or_else(|| Error::Damaged(format!("message {} has no summary", uid.get())))?;
        originals.push(Original { stored, summary });
    }
    Ok((view.folder(account, from)?, originals))
}

impl Transfer {
    /// The batch, and the slot of the first new UID.
    fn batch(&self, originals: &[Original]) -> (Batch, crate::store::Slot) {
        let mut batch = Batch::new();
        let count = u32::try_from(originals.len()).unwrap_or(u32::MAX);
        batch.require(Precondition::Present(keys::folder(self.account, self.to)));
        let uid = batch.allocate(keys::folder_counter(self.account, self.to, FolderCounter::Uids), count);
        let modseq = batch.allocate(keys::folder_counter(self.account, self.to, FolderCounter::ModSeqs), 1);
        let mut tally = Tally::default();
        for (offset, Original { stored, summary }) in (0..).zip(originals) {
            let message = &stored.message;
            let copy = Message { save_date: self.now, ..message.clone() };
            let mut places = Places::of(message);
            if self.source == Source::Stays {
                // Its row is read anyway, to be referenced once more.
                places.body = Place::OfBody(message.body);
            }
            let row = row::template(&copy, Hole::U64(modseq, 0), places);
            let (uid, modseq) = ((uid, offset), Hole::U64(modseq, 0));
            let new = NewRows { account: self.account, folder: self.to, uid, modseq, flags: message.flags };
            new.put(&mut batch, row, Template::from(summary.clone()));
            tally.count(message.flags, message.size(), 1);
            if self.source == Source::Stays {
                batch.reference(message.body);
            }
        }
        tally.add_to_folder(&mut batch, self.account, self.to);
        batch.publish(Topic::Folder(self.account, self.to));
        match self.source {
            Source::Stays => {
                tally.add_to_account(&mut batch, self.account);
                self.allowance.bound(&mut batch, self.account);
            }
            Source::Goes => self.take_away(&mut batch, originals),
        }
        (batch, uid)
    }

    /// The other half of MOVE.
    fn take_away(&self, batch: &mut Batch, originals: &[Original]) {
        let modseq = batch.allocate(keys::folder_counter(self.account, self.from, FolderCounter::ModSeqs), 1);
        let mut tally = Tally::default();
        for Original { stored, .. } in originals {
            remove(batch, self.account, self.from, stored, modseq, Body::Kept);
            tally.count(stored.message.flags, stored.message.size(), -1);
        }
        tally.add_to_folder(batch, self.account, self.from);
        batch.publish(Topic::Folder(self.account, self.from));
    }
}
