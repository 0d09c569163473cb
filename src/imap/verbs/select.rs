//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3).

use crate::imap::desk::{Answer, Desk};
use crate::imap::proto::command::{Access, Select};
use crate::imap::proto::response::{Code, Status, write_exists, write_recent};
use crate::imap::view::Selected;

use super::list;

/// Opens a folder; the one that was open before is closed first, even if this fails (RFC 9051 §6.3.2).
pub(crate) async fn select(desk: &mut Desk, command: &Select) -> Answer {
    if desk.selected.take().is_some() && desk.dialect.rev2 {
        let closed = Status::ok("the folder selected before is closed").with(Code::Closed);
        closed.write_untagged(desk.output.buffer());
    }
    let folder = desk.folder(&command.mailbox).await?;
    let name = folder.name.clone();
    let account = desk.identity.account;
    let (selected, opening) = Selected::open(&desk.services.store, account, folder, command.access).await?;
    let out = desk.output.buffer();
    selected.write_folder_flags(out);
    write_exists(selected.exists(), out);
    // Nothing is ever recent here: the flag of RFC 3501 is for one session out of several, and rev2 dropped it.
    write_recent(0, desk.dialect, out);
    if let Some(first) = opening.first_unseen.filter(|_| !desk.dialect.rev2) {
        Status::ok("first unseen message").with(Code::Unseen(first)).write_untagged(out);
    }
    let uid_validity = selected.uid_validity.0.get();
    Status::ok("UIDs are valid").with(Code::UidValidity(uid_validity)).write_untagged(out);
    Status::ok("predicted next UID").with(Code::UidNext(opening.uid_next)).write_untagged(out);
    if desk.dialect.rev2 {
        list::tell_selected(desk, &name).await?;
    }
    // Last of all: a SELECT that fails leaves nothing selected.
    desk.selected = Some(selected);
    Ok(match command.access {
        Access::ReadWrite => Status::ok("selected").with(Code::ReadWrite),
        Access::ReadOnly => Status::ok("examined").with(Code::ReadOnly),
    })
}
