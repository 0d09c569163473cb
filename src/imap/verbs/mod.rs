//! What the commands do: one file a verb or tight family of verbs.

pub(super) mod append;
mod expunge;
mod fetch;
mod flags;
mod folders;
mod list;
mod quota;
mod search;
mod select;
mod status;
mod transfer;

use crate::store::mailboxes::Subscription;

use super::desk::{Answer, Desk};
use super::fault::Fault;
use super::proto::command::{Command, Tag};
use super::proto::response::Status;

/// Carries out a command; its untagged answers are written, the tagged one is given back.
pub(super) async fn run(desk: &mut Desk, tag: &Tag, command: Command) -> Answer {
    match command {
        Command::Noop | Command::Check => Ok(Status::ok("done")),
        Command::Select(command) => select::select(desk, &command).await,
        Command::Create(command) => folders::create(desk, &command).await,
        Command::Delete(mailbox) => folders::delete(desk, &mailbox).await,
        Command::Rename { from, to } => folders::rename(desk, &from, &to).await,
        Command::Subscribe(mailbox) => folders::subscribe(desk, &mailbox, Subscription::On).await,
        Command::Unsubscribe(mailbox) => folders::subscribe(desk, &mailbox, Subscription::Off).await,
        Command::List(command) => list::list(desk, &command).await,
        Command::Lsub { reference, pattern } => list::lsub(desk, &reference, &pattern).await,
        Command::Namespace => Ok(list::namespace(desk)),
        Command::Status { mailbox, items } => status::status(desk, &mailbox, &items).await,
        Command::GetQuota(root) => quota::get(desk, &root).await,
        Command::GetQuotaRoot(mailbox) => quota::get_root(desk, &mailbox).await,
        Command::SetQuota => Err(Fault::QuotaOfOperator),
        Command::Close => expunge::close(desk).await,
        Command::Unselect => expunge::unselect(desk),
        Command::Expunge(among) => expunge::expunge(desk, among.as_ref()).await,
        Command::Search(command) => search::search(desk, tag, &command).await,
        Command::Fetch(command) => fetch::fetch(desk, &command).await,
        Command::Store(command) => flags::store(desk, &command).await,
        Command::Copy(command) => transfer::copy(desk, &command).await,
        Command::Move(command) => transfer::move_messages(desk, &command).await,
        Command::Capability
        | Command::Logout
        | Command::Id(_)
        | Command::StartTls
        | Command::Authenticate(_)
        | Command::Login(_)
        | Command::Enable(_)
        | Command::Idle => Err(Fault::Bad("the session answers this command itself")),
    }
}

/// The name of a command in metrics.
pub(super) fn name(command: &Command) -> &'static str {
    match command {
        Command::Capability => "capability",
        Command::Noop => "noop",
        Command::Logout => "logout",
        Command::Id(_) => "id",
        Command::StartTls => "starttls",
        Command::Authenticate(_) => "authenticate",
        Command::Login(_) => "login",
        Command::Enable(_) => "enable",
        Command::Select(_) => "select",
        Command::Create(_) => "create",
        Command::Delete(_) => "delete",
        Command::Rename { .. } => "rename",
        Command::Subscribe(_) => "subscribe",
        Command::Unsubscribe(_) => "unsubscribe",
        Command::List(_) => "list",
        Command::Lsub { .. } => "lsub",
        Command::Namespace => "namespace",
        Command::Status { .. } => "status",
        Command::GetQuota(_) => "getquota",
        Command::GetQuotaRoot(_) => "getquotaroot",
        Command::SetQuota => "setquota",
        Command::Idle => "idle",
        Command::Check => "check",
        Command::Close => "close",
        Command::Unselect => "unselect",
        Command::Expunge(_) => "expunge",
        Command::Search(_) => "search",
        Command::Fetch(_) => "fetch",
        Command::Store(_) => "store",
        Command::Copy(_) => "copy",
        Command::Move(_) => "move",
    }
}
