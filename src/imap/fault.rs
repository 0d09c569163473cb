//! Why a command failed, and the one place where that becomes a tagged answer (DESIGN 13).

use std::io;

use crate::auth::AuthError;
use crate::ids::Uid;
use crate::store::{self, mailboxes::FolderError};

use super::proto::response::{Code, Status};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The command was understood, but means nothing here; the client is wrong.
    #[error("{0}")]
    Bad(&'static str),
    /// No folder is selected.
    #[error("select a folder first")]
    NothingSelected,
    /// The folder was opened with EXAMINE.
    #[error("the folder is open for reading only")]
    ReadOnly,
    /// There is no folder of this name.
    #[error("there is no folder of this name")]
    NoSuchFolder,
    /// There is no folder of this name, and messages were to go into it.
    #[error("there is no folder of this name; create it first")]
    TryCreate,
    /// Some of the messages were expunged by another session.
    #[error("some of the messages are no longer there")]
    ExpungedElsewhere,
    /// Messages that cannot be read; all others were answered.
    #[error("{}", damaged(.0))]
    Damaged(Vec<Uid>),
    /// The transfer encoding of a part is unknown or broken (RFC 3516 §4.3).
    #[error("the part's encoding cannot be undone")]
    UnknownEncoding,
    /// CREATE asked for a use that no folder here can have (RFC 6154 §3).
    #[error("a folder cannot have this use")]
    UnknownUse,
    /// The message is larger than APPEND takes.
    #[error("the message is larger than {0} bytes")]
    TooBig(u64),
    /// SEARCH took longer than it may.
    #[error("the search takes too long; ask for less")]
    SearchTooLong,
    /// A name that cannot be; says why.
    #[error("{0}")]
    BadName(&'static str),
    /// The user's mailboxes have no quota root of this name (RFC 9208).
    #[error("there is no quota root of this name")]
    NoSuchQuotaRoot,
    /// SETQUOTA.
    #[error("the operator sets the quota")]
    QuotaOfOperator,
    /// The login failed.
    #[error(transparent)]
    Login(#[from] AuthError),
    /// A change of the folder tree that cannot be.
    #[error("{0}")]
    Folder(FolderError),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The selected folder is gone: the session ends.
    #[error("the selected folder was deleted")]
    FolderGone,
    /// The connection failed, or an answer broke off inside a literal: the session ends without a word.
    #[error("connection: {0}")]
    Lost(#[from] io::Error),
}

impl From<FolderError> for Fault {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Store(error) => Fault::Store(error),
            FolderError::Missing(_) => Fault::NoSuchFolder,
            other => Fault::Folder(other),
        }
    }
}

impl Fault {
    /// For a command that puts messages into the folder: a missing one is a reason to try CREATE.
    pub(super) fn of_target(error: FolderError) -> Self {
        match Fault::from(error) {
            Fault::NoSuchFolder => Fault::TryCreate,
            other => other,
        }
    }

    /// The tagged answer; `None` when the session has to end instead.
    pub(super) fn answer(&self) -> Option<Status> {
        let code = match self {
            Fault::Bad(_) | Fault::NothingSelected => return Some(Status::bad(self.to_string())),
            Fault::FolderGone | Fault::Lost(_) => return None,
            // RFC 9208 §4.3.1
            Fault::Store(store::Error::OverQuota(_)) => {
                metrics::counter!("poshta_over_quota_total", "door" => "imap").increment(1);
                return Some(Status::no("the mailbox is full; delete letters and empty Trash").with(Code::OverQuota));
            }
            Fault::Store(error) => return Some(unavailable(error)),
            Fault::ReadOnly | Fault::QuotaOfOperator => Code::NoPerm,
            Fault::NoSuchFolder | Fault::NoSuchQuotaRoot => Code::NonExistent,
            Fault::TryCreate => Code::TryCreate,
            Fault::ExpungedElsewhere => Code::ExpungeIssued,
            Fault::Damaged(_) => Code::Corruption,
            Fault::UnknownEncoding => Code::UnknownCte,
            Fault::UnknownUse => Code::UseAttr,
            Fault::TooBig(_) => Code::TooBig,
            Fault::SearchTooLong => Code::Limit,
            Fault::BadName(_) => Code::Cannot,
            Fault::Login(AuthError::Wrong | AuthError::WrongAppPassword) => Code::AuthenticationFailed,
            Fault::Login(AuthError::Throttled { .. } | AuthError::Busy) => Code::Unavailable,
            Fault::Folder(FolderError::Exists(_)) => Code::AlreadyExists,
            Fault::Folder(_) => Code::Cannot,
        };
        Some(Status::no(self.to_string()).with(code))
    }
}

/// What the user can tell the operator.
fn damaged(uids: &[Uid]) -> String {
    let uids: Vec<_> = uids.iter().map(|uid| uid.get().to_string()).collect();
    let (what, which) = if uids.len() == 1 { ("the message", "UID") } else { ("some messages", "UIDs") };
    format!("{what} cannot be read, the rest was sent; tell your post office: {which} {}", uids.join(" "))
}

/// A failure of the store is temporary; its cause is logged and not told.
fn unavailable(error: &store::Error) -> Status {
    tracing::error!(%error, "the store failed a command");
    let text = match error {
        store::Error::Full { .. } => "the disk is full, try again later",
        _ => "the store cannot do this now, try again later",
    };
    Status::no(text).with(Code::Unavailable)
}
