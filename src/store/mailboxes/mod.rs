//! Folders and the messages in them: at most three rows a message, the hot one under 200 bytes (DESIGN 5, 9).
//!
//! Every change of a folder takes one MODSEQ and leaves an entry in the change index, so that a session (or a
//! client with CONDSTORE) finds out what happened since a MODSEQ without a scan.

mod add;
mod bytes;
mod copy;
mod delete;
mod flags;
mod folders;
mod names;
mod row;
mod sets;
mod summary;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use smallvec::SmallVec;

pub use self::bytes::MessageBytes;
pub use add::{Added, add_message};
pub use copy::Destination;
pub use delete::{Condemned, Destroyed};
pub use folders::{CreatedFolder, add_standard_folders, create_folder_in, implied_parents};
pub use names::{INBOX, SEPARATOR, canonical};

pub(super) use add::{CHANGED, thread_row};
pub(super) use delete::{DOOMED, resume_deletions};
pub(super) use folders::{
    decode as decode_folder, decode_name as decode_folder_name, encode as encode_folder, inspect_subscription, name_row,
};
pub(super) use row::{PLACES, decode as decode_message, hint_in, place_of as message_place};
pub(super) use sets::{FolderSets, KnownUids, block_from, block_number, decode_block};
pub(super) use summary::{Found as FoundSummary, SummaryRow, find as find_summary, has_place as summary_has_place};
pub use view::MessagePage;
pub(super) use view::{decode_change, decode_thread};

use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, EmailId, FolderId, ItemId, ModSeq, ThreadId, Uid, UidValidity};

use super::{RecordRef, RecordSlot, WrappedKey};

/// System flags of RFC 9051 §2.3.2, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// `\Seen`
    pub const SEEN: Flags = Flags(1);
    /// `\Answered`
    pub const ANSWERED: Flags = Flags(2);
    /// `\Flagged`
    pub const FLAGGED: Flags = Flags(4);
    /// `\Deleted`
    pub const DELETED: Flags = Flags(8);
    /// `\Draft`
    pub const DRAFT: Flags = Flags(16);

    /// All flags of `other` are set here.
    #[must_use]
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

/// What a folder is for (RFC 6154).
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum SpecialUse {
    /// `\Sent`
    Sent,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Trash`
    Trash,
    /// `\Archive`
    Archive,
}

/// A folder's own facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder {
    /// Its id, never used again.
    pub id: FolderId,
    /// Full name in UTF-8, levels separated by `/`; the inbox is `INBOX`.
    pub name: String,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// RFC 6154 use.
    pub special_use: Option<SpecialUse>,
    /// The keywords ever used in this folder; a message names them by index.
    pub keywords: Vec<String>,
    /// When it was renamed last, alone or with a folder above it: since then it stands where it stands. To the
    /// microsecond.
    pub moved: Option<Timestamp>,
}

impl Folder {
    /// The index of a keyword, in any case; `None` when the folder does not know it.
    #[must_use]
    pub fn keyword(&self, name: &str) -> Option<u16> {
        flags::keyword_index(self, name)
    }

    /// What it is for: its own use, or that of the nearest of `folders` above it that has one.
    #[must_use]
    pub fn purpose(&self, folders: &[Folder]) -> Option<SpecialUse> {
        let above =
            folders.iter().filter(|other| other.special_use.is_some() && names::is_below(&self.name, &other.name));
        self.special_use.or_else(|| above.max_by_key(|other| other.name.len()).and_then(|nearest| nearest.special_use))
    }
}

/// A folder's counters, read in one view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FolderState {
    /// UIDNEXT.
    pub uid_next: u32,
    /// HIGHESTMODSEQ; zero for a folder that never changed.
    pub highest_modseq: ModSeq,
    /// Messages.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Sum of RFC822.SIZE.
    pub bytes: u64,
    /// Sum of RFC822.SIZE of those with `\Deleted`.
    pub deleted_bytes: u64,
}

/// How a message came here (DESIGN 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// SMTP, scan or system mail: marked.
    Transmitted,
    /// APPEND, import, restore: bytes as given, unmarked.
    Deposited,
}

/// The hot row of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// UID in its folder.
    pub uid: Uid,
    /// The folder's MODSEQ when the row last changed.
    pub modseq: ModSeq,
    /// System flags.
    pub flags: Flags,
    /// Indices into [`Folder::keywords`], ascending.
    pub keywords: SmallVec<[u16; 4]>,
    /// INTERNALDATE, microseconds exact.
    pub internal_date: Timestamp,
    /// SAVEDATE (RFC 8514): when it came into this folder.
    pub save_date: Timestamp,
    /// The item, for transmitted messages.
    pub item: Option<ItemId>,
    /// EMAILID, kept by COPY and MOVE.
    pub email: EmailId,
    /// THREADID.
    pub thread: ThreadId,
    /// See [`Origin`].
    pub origin: Origin,
    /// Return-Path, Delivered-To, deliver and receive marks; and the item's prefix behind them where nobody else needs
    /// that.
    pub recipient_prefix: RecordRef,
    /// Accept mark, Received and the like, shared by all recipients; or nothing.
    pub item_prefix: RecordRef,
    /// The body.
    pub body: BodyId,
    /// Its length.
    pub body_bytes: u64,
    /// Where it lay when the row was made; it may have moved since. Default where that is not known.
    pub body_hint: RecordRef,
    /// Opens its records, if they are sealed.
    pub data_key: Option<WrappedKey>,
}

impl Message {
    /// RFC822.SIZE: both prefixes and the body.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::from(self.prefix_len()) + self.body_bytes
    }

    /// Length of both prefixes together.
    #[must_use]
    pub fn prefix_len(&self) -> u32 {
        self.recipient_prefix.len + self.item_prefix.len
    }
}

/// Where a prefix's bytes come from when a message is added.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    /// The record, written by the same batch with [`Batch::record`]; `None` when there is no prefix.
    pub record: Option<RecordSlot>,
    /// Its length.
    pub len: u32,
}

/// A message to add to a folder, its body already in the batch.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub folder: FolderId,
    /// System flags at first.
    pub flags: Flags,
    /// Keyword indices at first.
    pub keywords: SmallVec<[u16; 4]>,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// SAVEDATE.
    pub save_date: Timestamp,
    /// The item, for transmitted messages.
    pub item: Option<ItemId>,
    /// EMAILID.
    pub email: EmailId,
    /// THREADID (see [`View::thread_of`]).
    pub thread: ThreadId,
    /// Hash of its Message-ID, to be put into the thread index.
    pub message_id: Option<[u8; 16]>,
    /// See [`Origin`].
    pub origin: Origin,
    /// Prefix of this recipient, with that of the item where nobody else needs it.
    pub recipient_prefix: Prefix,
    /// Prefix of the item, or nothing.
    pub item_prefix: Prefix,
    /// From [`Batch::letter`] or [`Batch::body`].
    pub body: BodyId,
    /// Its length.
    pub body_bytes: u64,
    /// The encoded `message::Summary` of the whole message.
    pub summary: Vec<u8>,
}

/// One entry of the change index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// New, or flags changed: read its row.
    Changed(Uid),
    /// Gone.
    Expunged(Uid),
}

/// What STORE does to flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `FLAGS`: exactly these.
    Replace(Flags, Vec<String>),
    /// `+FLAGS`.
    Add(Flags, Vec<String>),
    /// `-FLAGS`.
    Remove(Flags, Vec<String>),
}

/// Outcome of COPY and MOVE (RFC 4315 COPYUID).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uid_validity: UidValidity,
    /// Source and target UIDs, in order; sources that were gone are left out.
    pub pairs: Vec<(Uid, Uid)>,
}

/// A change of the folder tree that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is none with this name.
    #[error("there is no folder {0:?}")]
    Missing(String),
    /// The name is taken.
    #[error("a folder {0:?} is there already")]
    Exists(String),
    /// Not allowed (the inbox, a bad name, too many folders or keywords); says why.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// Whether an account is subscribed to a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subscription {
    /// It is.
    On,
    /// It is not.
    Off,
}
