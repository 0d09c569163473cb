//! Which command is allowed in which state (RFC 9051 §6.1 to §6.4).

use crate::imap::proto::command::Command;
use crate::imap::proto::response::Status;

use super::State;

/// The states a command may be given in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Allowed {
    /// RFC 9051 §6.1
    Any,
    /// §6.2
    NotAuthenticated,
    /// §6.3: and in the selected state.
    Authenticated,
    /// §6.4
    Selected,
}

/// Says no to a command in the wrong state.
pub(super) fn check(command: &Command, state: State) -> Result<(), Status> {
    match (allowed(command), state) {
        (Allowed::Any, _)
        | (Allowed::NotAuthenticated, State::NotAuthenticated)
        | (Allowed::Authenticated, State::Authenticated | State::Selected)
        | (Allowed::Selected, State::Selected) => Ok(()),
        (Allowed::NotAuthenticated, _) => Err(Status::bad("you are logged in already")),
        (_, State::NotAuthenticated | State::Logout) => Err(Status::bad("log in first")),
        (Allowed::Selected, State::Authenticated) => Err(Status::bad("select a mailbox first")),
    }
}

fn allowed(command: &Command) -> Allowed {
    match command {
        Command::Capability | Command::Noop | Command::Logout | Command::Id(_) => Allowed::Any,
        Command::StartTls | Command::Authenticate(_) | Command::Login(_) => Allowed::NotAuthenticated,
        Command::Enable(_)
        | Command::Select(_)
        | Command::Create(_)
        | Command::Delete(_)
        | Command::Rename { .. }
        | Command::Subscribe(_)
        | Command::Unsubscribe(_)
        | Command::List(_)
        | Command::Lsub { .. }
        | Command::Namespace
        | Command::Status { .. }
        | Command::GetQuota(_)
        | Command::GetQuotaRoot(_)
        | Command::SetQuota
        | Command::Idle => Allowed::Authenticated,
        Command::Check
        | Command::Close
        | Command::Unselect
        | Command::Expunge(_)
        | Command::Search(_)
        | Command::Fetch(_)
        | Command::Store(_)
        | Command::Copy(_)
        | Command::Move(_) => Allowed::Selected,
    }
}
