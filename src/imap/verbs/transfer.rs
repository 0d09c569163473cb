//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8), with COPYUID (RFC 4315 §3).

use crate::ids::Uid;
use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{NumberedBy, Transfer};
use crate::imap::proto::response::{Code, Status};
use crate::store::mailboxes::{Copied, Destination};

/// COPY: all that are still there, or nothing. NO would say that the target is as it was (RFC 9051 §6.4.7), so
/// once something was copied the answer is OK, and COPYUID says what.
pub(crate) async fn copy(desk: &mut Desk, command: &Transfer) -> Answer {
    let Some(copied) = transfer(desk, command, How::Copy).await? else {
        return Ok(Status::ok("nothing to copy"));
    };
    match copy_uid(&copied) {
        Some(code) => Ok(Status::ok("copied").with(code)),
        None if command.by == NumberedBy::Sequence => Err(Fault::ExpungedElsewhere),
        None => Ok(Status::ok("nothing to copy")),
    }
}

/// MOVE: the copies are there and the originals are gone, or neither.
pub(crate) async fn move_messages(desk: &mut Desk, command: &Transfer) -> Answer {
    desk.writable()?;
    let Some(copied) = transfer(desk, command, How::Move).await? else {
        return Ok(Status::ok("nothing to move"));
    };
    // RFC 9051 §6.4.8: COPYUID goes into an untagged OK ahead of the EXPUNGEs, so that the client can tell a
    // moved message from a deleted one.
    if let Some(code) = copy_uid(&copied) {
        Status::ok("moved").with(code).write_untagged(desk.output.buffer());
    }
    let gone: Vec<Uid> = copied.pairs.iter().map(|(from, _)| *from).collect();
    desk.selected_mut()?.expunged_here(&gone);
    Ok(Status::ok("moved"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Copy,
    Move,
}

/// Does it; gives what became of the messages that were named, or `None` when none was.
async fn transfer(desk: &Desk, command: &Transfer, how: How) -> Result<Option<Copied>, Fault> {
    let selected = desk.selected()?;
    let places = desk.choose(&command.set, command.by)?.all(selected);
    let target = desk.target(&command.mailbox).await?;
    if places.is_empty() {
        return Ok(None);
    }
    let uids: Vec<Uid> = places.iter().map(|place| place.uid).collect();
    let (account, from, now) = (selected.account, selected.folder, desk.services.world.now());
    let store = &desk.services.store;
    let copied = match how {
        How::Copy => {
            let (allowance, _) = desk.quota().await?;
            store.copy(account, from, uids, Destination { folder: target.id, allowance }, now).await
        }
        How::Move => store.move_messages(account, from, uids, target.id, now).await,
    };
    let copied = copied.map_err(Fault::of_target)?;
    if copied.pairs.is_empty() {
        // Messages that cannot be read are left where they are, as those that are gone; but it must be told why
        // nothing at all happened.
        let damaged = desk.damaged_among(places).await?;
        if !damaged.is_empty() {
            return Err(Fault::Damaged(damaged));
        }
    }
    Ok(Some(copied))
}

fn copy_uid(copied: &Copied) -> Option<Code> {
    if copied.pairs.is_empty() {
        return None;
    }
    let (from, to) = copied.pairs.iter().map(|(from, to)| (from.get(), to.get())).unzip();
    Some(Code::CopyUid { uid_validity: copied.uid_validity.0.get(), from, to })
}
