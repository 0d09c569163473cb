//! What does a session know of the folder it has selected?
//!
//! A [`Selected`] holds the UIDs that the client was told of (their places are the sequence numbers) and the
//! MODSEQ up to which the session has taken in what happened. It changes only by [`Selected::refresh`], which
//! reads the change index of the store; nothing is told to the client before [`Selected::take_expunged`] and
//! [`Selected::take_flagged`] hand it out, so that the caller decides when an EXPUNGE is legal
//! (RFC 9051 §7.5.1).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::ids::{AccountId, FolderId, ModSeq, Uid, UidValidity};
use crate::store::keys::FolderSet;
use crate::store::mailboxes::{Change, Flags, Folder, Message};
use crate::store::{self, Store, Topic, View, Watcher};
use crate::uid_set::UidSet;

use super::chosen::Chosen;
use super::proto::command::{Access, Flag};
use super::proto::response::{Code, Dialect, FetchWriter, NewKeywords, Status, write_flags};
use super::proto::sequence::NumberSet;

/// Rows that one read asks for (DESIGN 3: ranges in chunks).
pub(super) const PAGE: usize = 500;

/// Changes that a session made itself and answered already.
pub(super) type Own = BTreeMap<ModSeq, UidSet>;

/// Which messages a command names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    /// Its sequence number.
    pub(super) seq: u32,
    /// Its UID.
    pub(super) uid: Uid,
}

/// Whether an answer carries the UID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TellUid {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// The session's view of its folder.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) account: AccountId,
    pub(super) folder: FolderId,
    pub(super) uid_validity: UidValidity,
    pub(super) access: Access,
    /// Keywords of the folder as the client was told.
    pub(super) keywords: Arc<[String]>,
    /// The result of the last SEARCH with RETURN SAVE (RFC 9051 §6.4.4.1).
    pub(super) saved: UidSet,
    /// Shared with other sessions until it changes.
    uids: Arc<UidSet>,
    /// The first so many of `uids` were told with EXISTS.
    told: usize,
    modseq: ModSeq,
    expunged: UidSet,
    flagged: UidSet,
    new_keywords: Option<Vec<String>>,
    watcher: Watcher,
}

/// What a refresh found, apart from the messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// The folder is there.
    Present,
    /// Somebody deleted the folder.
    Deleted,
}

/// What SELECT answers besides the list of messages.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// UIDNEXT.
    pub(super) uid_next: u32,
    /// Sequence number of the first message without `\Seen`.
    pub(super) first_unseen: Option<u32>,
}

/// One read of the change index.
struct News {
    changes: Vec<(ModSeq, Change)>,
    folder: Option<Folder>,
    more: bool,
}

impl Selected {
    /// Opens a folder: reads its counters and the sets of its UIDs, all of one moment, and no message. What
    /// happens after that moment is found by the next refresh.
    pub(super) async fn open(
        store: &Store,
        account: AccountId,
        folder: Folder,
        access: Access,
    ) -> store::Result<(Selected, Opening)> {
        let watcher = store.watch(Topic::Folder(account, folder.id));
        let id = folder.id;
        let read = store.read(move |view| {
            let unseen = view.first_in_set(account, id, FolderSet::Unseen)?;
            Ok((view.folder_state(account, id)?, view.uids(account, id)?, unseen))
        });
        let (state, uids, unseen) = read.await?;
        let selected = Selected {
            account,
            folder: id,
            uid_validity: folder.uid_validity,
            access,
            keywords: folder.keywords.into(),
            saved: UidSet::new(),
            told: uids.len(),
            uids,
            modseq: state.highest_modseq,
            expunged: UidSet::new(),
            flagged: UidSet::new(),
            new_keywords: None,
            watcher,
        };
        let first_unseen = unseen.and_then(|uid| selected.seq_of(uid));
        Ok((selected, Opening { uid_next: state.uid_next, first_unseen }))
    }

    /// Messages, as the client counts them.
    pub(super) fn exists(&self) -> u32 {
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    /// The UIDs; the place of one in their order, counted from one, is its sequence number.
    pub(super) fn uids(&self) -> &UidSet {
        &self.uids
    }

    /// The sequence number of a UID.
    pub(super) fn seq_of(&self, uid: Uid) -> Option<u32> {
        let below = self.uids.contains(uid).then(|| self.uids.rank(uid))?;
        u32::try_from(below + 1).ok()
    }

    /// The sequence numbers of the messages whose UIDs are in these ranges.
    pub(super) fn seqs_of(&self, uids: impl Iterator<Item = RangeInclusive<u32>>) -> NumberSet {
        let below = |uid| u32::try_from(self.uids.rank(uid)).unwrap_or(u32::MAX);
        uids.filter_map(|range| {
            let first = Uid::new((*range.start()).max(1))?;
            let last = Uid::new(*range.end())?;
            Some(below(first) + 1..=below(last) + u32::from(self.uids.contains(last)))
        })
        .collect()
    }

    /// The messages with sequence numbers from `first` to `last`.
    pub(super) fn by_seq(&self, first: u32, last: u32) -> impl Iterator<Item = Place> + '_ {
        let first = first.max(1);
        let uids = self.uids.nth(first as usize - 1).into_iter().flat_map(|uid| self.uids.ranges_from(uid)).flatten();
        (first..=last).zip(uids).filter_map(|(seq, uid)| Some(Place { seq, uid: Uid::new(uid)? }))
    }

    /// Waits until something happened in the folder.
    pub(super) async fn changed(&mut self) {
        self.watcher.changed().await;
    }

    /// Is there something to take in or to tell? Never waits.
    pub(super) fn has_news(&mut self) -> bool {
        let pending = !self.expunged.is_empty() || !self.flagged.is_empty() || self.told != self.uids.len();
        self.watcher.changed().now_or_never().is_some() || pending
    }

    /// Takes in what happened since the last refresh.
    pub(super) async fn refresh(&mut self, store: &Store, own: &Own) -> store::Result<Standing> {
        loop {
            let (account, folder, since) = (self.account, self.folder, self.modseq);
            let news = store.read(move |view| read_changes(view, account, folder, since)).await?;
            let Some(folder) = news.folder else { return Ok(Standing::Deleted) };
            if folder.uid_validity != self.uid_validity {
                // A new epoch of UIDs: nothing this session knows is true any more (RFC 9051 §2.3.1.1).
                return Ok(Standing::Deleted);
            }
            if *folder.keywords != *self.keywords {
                self.new_keywords = Some(folder.keywords);
            }
            for (modseq, change) in news.changes {
                self.modseq = self.modseq.max(modseq);
                self.take_in(modseq, change, own);
            }
            if !news.more {
                return Ok(Standing::Present);
            }
        }
    }

    fn take_in(&mut self, modseq: ModSeq, change: Change, own: &Own) {
        match change {
            Change::Changed(uid) => {
                // New, or else its flags changed. The flags of a new one may have changed since it came, so messages
                // that came after it may stand before it in the change index. UIDs only grow: its place is behind
                // all that the client was told of.
                let is_own = || own.get(&modseq).is_some_and(|uids| uids.contains(uid));
                if !Arc::make_mut(&mut self.uids).insert(uid) && !is_own() {
                    self.flagged.insert(uid);
                }
            }
            Change::Expunged(uid) => {
                self.flagged.remove(uid);
                if !self.uids.contains(uid) {
                    return;
                }
                if self.uids.rank(uid) >= self.told {
                    // Came and went before the client heard of it.
                    Arc::make_mut(&mut self.uids).remove(uid);
                } else {
                    self.expunged.insert(uid);
                }
            }
        }
    }

    /// Drops the messages that are gone; gives the numbers for EXPUNGE in the order of sending: from the
    /// highest down, so that each is right when it is sent.
    pub(super) fn take_expunged(&mut self) -> impl Iterator<Item = u32> + use<> {
        let gone = std::mem::take(&mut self.expunged);
        let numbers = self.seqs_of(gone.ranges());
        if !gone.is_empty() {
            self.told -= gone.len().min(self.told);
            Arc::make_mut(&mut self.uids).subtract(&gone);
            self.saved.subtract(&gone);
        }
        numbers.ranges().to_vec().into_iter().rev().flat_map(Iterator::rev)
    }

    /// The new number of messages, if the client was not told yet.
    pub(super) fn take_exists(&mut self) -> Option<u32> {
        if self.told == self.uids.len() {
            return None;
        }
        self.told = self.uids.len();
        Some(self.exists())
    }

    /// Whether the keywords of the folder grew; then they are in [`Selected::keywords`] now.
    pub(super) fn take_keywords(&mut self) -> bool {
        let Some(keywords) = self.new_keywords.take() else { return false };
        self.keywords = keywords.into();
        true
    }

    /// The messages whose flags changed, in order.
    pub(super) fn take_flagged(&mut self) -> Chosen {
        let mut flagged = std::mem::take(&mut self.flagged);
        flagged.subtract(&self.expunged);
        Chosen::of(&self.seqs_of(flagged.ranges()), self)
    }

    /// Appends FLAGS and PERMANENTFLAGS of the folder.
    pub(super) fn write_folder_flags(&self, out: &mut Vec<u8>) {
        let keywords = self.keywords.iter().cloned().map(Flag::Keyword);
        let flags: Vec<Flag> = SYSTEM_FLAGS.iter().map(|(flag, _)| flag.clone()).chain(keywords).collect();
        write_flags(&flags, out);
        let (flags, new) = match self.access {
            Access::ReadWrite => (flags, NewKeywords::Allowed),
            Access::ReadOnly => (Vec::new(), NewKeywords::Refused),
        };
        Status::ok("flags that can be changed").with(Code::PermanentFlags(flags, new)).write_untagged(out);
    }

    /// Appends `* n FETCH (FLAGS (…))`.
    pub(super) fn write_flags(
        &self,
        out: &mut Vec<u8>,
        Place { seq, uid }: Place,
        tell_uid: TellUid,
        message: &Message,
    ) {
        let mut writer = FetchWriter::new(seq, Dialect::REV1);
        if tell_uid == TellUid::Yes {
            writer.uid(uid.get());
        }
        writer.flags(&flags_of(message, &self.keywords));
        out.extend_from_slice(&writer.finish());
    }

    /// Marks messages as gone that this session expunged or moved away itself.
    pub(super) fn expunged_here(&mut self, uids: &[Uid]) {
        for uid in uids {
            self.flagged.remove(*uid);
            if self.uids.contains(*uid) {
                self.expunged.insert(*uid);
            }
        }
    }
}

/// System flags as the wire and the store name them, in the order in which they are shown.
const SYSTEM_FLAGS: [(Flag, Flags); 5] = [
    (Flag::Answered, Flags::ANSWERED),
    (Flag::Flagged, Flags::FLAGGED),
    (Flag::Deleted, Flags::DELETED),
    (Flag::Seen, Flags::SEEN),
    (Flag::Draft, Flags::DRAFT),
];

/// The flags of a message; a keyword that is newer than `keywords` is left out, it will be told with the news.
pub(super) fn flags_of(message: &Message, keywords: &[String]) -> Vec<Flag> {
    let system = SYSTEM_FLAGS.iter().filter(|(_, bit)| message.flags.contains(*bit)).map(|(flag, _)| flag.clone());
    let keywords = message.keywords.iter().filter_map(|index| keywords.get(usize::from(*index)));
    system.chain(keywords.cloned().map(Flag::Keyword)).collect()
}

/// The next changes after `since`. A page may end among several changes with one MODSEQ; asking again after
/// that MODSEQ would lose the rest, so the page grows until it ends between two MODSEQs.
fn read_changes(view: &View<'_>, account: AccountId, folder: FolderId, since: ModSeq) -> store::Result<News> {
    let row = view.folder(account, folder)?;
    if row.is_none() {
        return Ok(News { changes: Vec::new(), folder: None, more: false });
    }
    let mut limit = PAGE;
    loop {
        let mut changes = view.changes_since(account, folder, since, limit)?;
        if changes.len() < limit {
            return Ok(News { changes, folder: row, more: false });
        }
        let last = changes.last().map(|(modseq, _)| *modseq).unwrap_or_default();
        let whole = changes.partition_point(|(modseq, _)| *modseq < last);
        if whole > 0 {
            changes.truncate(whole);
            return Ok(News { changes, folder: row, more: true });
        }
        limit = limit.saturating_mul(4);
    }
}

#[cfg(test)]
mod tests;
