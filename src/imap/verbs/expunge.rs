//! EXPUNGE, UID EXPUNGE, CLOSE and UNSELECT (RFC 9051 §6.4.1 to §6.4.3, §6.4.9).

use crate::imap::desk::{Answer, Desk};
use crate::imap::proto::command::{Access, NumberedBy, SequenceSet};
use crate::imap::proto::response::Status;

/// EXPUNGE, or UID EXPUNGE with a set; the numbers are told with the other news at the end of the command.
pub(crate) async fn expunge(desk: &mut Desk, among: Option<&SequenceSet>) -> Answer {
    let selected = desk.writable()?;
    let (account, folder) = (selected.account, selected.folder);
    let among = match among {
        Some(set) => {
            let named = desk.choose(set, NumberedBy::Uid)?.all(selected);
            Some(named.into_iter().map(|place| place.uid).collect())
        }
        None => None,
    };
    let gone = desk.services.store.expunge(account, folder, among).await?;
    desk.selected_mut()?.expunged_here(&gone);
    Ok(Status::ok("expunged"))
}

/// CLOSE: expunges without telling, then nothing is selected. After EXAMINE nothing is expunged.
pub(crate) async fn close(desk: &mut Desk) -> Answer {
    let selected = desk.selected()?;
    let (account, folder, access) = (selected.account, selected.folder, selected.access);
    if access == Access::ReadWrite {
        desk.services.store.expunge(account, folder, None).await?;
    }
    desk.selected = None;
    Ok(Status::ok("closed"))
}

/// UNSELECT: nothing is selected, nothing is expunged.
pub(crate) fn unselect(desk: &mut Desk) -> Answer {
    desk.selected()?;
    desk.selected = None;
    Ok(Status::ok("unselected"))
}
