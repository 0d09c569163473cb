//! STATUS (RFC 9051 §6.3.11), also for LIST RETURN (STATUS) (RFC 5819).

use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{MailboxName, StatusItem};
use crate::imap::proto::response::{Status, StatusData, write_status};
use crate::store::mailboxes::{Folder, FolderState};

/// STATUS of one folder: counters, no message is looked at.
pub(crate) async fn status(desk: &mut Desk, mailbox: &MailboxName, items: &[StatusItem]) -> Answer {
    let folder = desk.folder(mailbox).await?;
    tell(desk, &folder, items).await?;
    Ok(Status::ok("status told"))
}

/// Writes the STATUS response.
pub(super) async fn tell(desk: &mut Desk, folder: &Folder, items: &[StatusItem]) -> Result<(), Fault> {
    let (account, id) = (desk.identity.account, folder.id);
    let state = desk.services.store.read(move |view| view.folder_state(account, id)).await?;
    let data: Vec<StatusData> =
        items.iter().map(|item| StatusData { item: *item, value: value(*item, folder, &state) }).collect();
    write_status(&folder.name, &data, desk.dialect, desk.output.buffer());
    Ok(())
}

fn value(item: StatusItem, folder: &Folder, state: &FolderState) -> u64 {
    match item {
        StatusItem::Messages => state.messages.into(),
        // See SELECT: nothing is ever recent here.
        StatusItem::Recent => 0,
        StatusItem::UidNext => state.uid_next.into(),
        StatusItem::UidValidity => folder.uid_validity.0.get().into(),
        StatusItem::Unseen => state.unseen.into(),
        StatusItem::Deleted => state.deleted.into(),
        // RFC 9208 §4.1.4: the sum of RFC822.SIZE, which is what an EXPUNGE takes off the quota.
        StatusItem::DeletedStorage => state.deleted_bytes,
        StatusItem::Size => state.bytes,
    }
}
