//! STORE (RFC 9051 §6.4.6).

use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{Flag, NumberedBy, StoreAction, StoreAnswer, StoreFlags};
use crate::imap::proto::response::Status;
use crate::imap::view::{Place, TellUid};
use crate::store::mailboxes::{FlagChange, Flags};

/// Messages of one commit: a STORE of a whole large folder must not hold up everybody else's commits.
const MESSAGES_A_COMMIT: usize = 1000;

/// STORE and UID STORE.
pub(crate) async fn store(desk: &mut Desk, command: &StoreFlags) -> Answer {
    desk.writable()?;
    let mut chosen = desk.choose(&command.set, command.by)?;
    // What others changed until now is told first: after .SILENT the client believes that nothing else changed.
    desk.take_in().await?;
    let (flags, keywords) = split(&command.flags);
    let change = match command.action {
        StoreAction::Replace => FlagChange::Replace(flags, keywords),
        StoreAction::Add => FlagChange::Add(flags, keywords),
        StoreAction::Remove => FlagChange::Remove(flags, keywords),
    };
    let tell_uid = match command.by {
        NumberedBy::Uid => TellUid::Yes,
        NumberedBy::Sequence => TellUid::No,
    };
    let (mut gone, mut damaged) = (false, Vec::new());
    loop {
        let mut places = chosen.next_page(desk.selected()?, MESSAGES_A_COMMIT);
        if places.is_empty() {
            break;
        }
        let uids = places.iter().map(|place| place.uid).collect();
        let messages = desk.change_flags(uids, change.clone()).await?;
        if messages.len() < places.len() {
            places.retain(|place| messages.binary_search_by_key(&place.uid, |message| message.uid).is_err());
            let missing = places.len();
            let found = desk.damaged_among(places).await?;
            gone |= found.len() < missing;
            damaged.extend(found);
        }
        if command.answer == StoreAnswer::Silent {
            continue;
        }
        let selected = desk.selected.as_ref().ok_or(Fault::NothingSelected)?;
        for message in messages {
            let Some(seq) = selected.seq_of(message.uid) else { continue };
            selected.write_flags(desk.output.buffer(), Place { seq, uid: message.uid }, tell_uid, &message);
            desk.output.ease().await?;
        }
    }
    match command.by {
        _ if !damaged.is_empty() => Err(Fault::Damaged(damaged)),
        NumberedBy::Sequence if gone => Err(Fault::ExpungedElsewhere),
        _ => Ok(Status::ok("flags stored")),
    }
}

/// System flags as bits, keywords by name.
pub(crate) fn split(flags: &[Flag]) -> (Flags, Vec<String>) {
    let mut bits = Flags::default();
    let mut keywords: Vec<String> = Vec::new();
    for flag in flags {
        match flag {
            Flag::Seen => bits = bits.with(Flags::SEEN),
            Flag::Answered => bits = bits.with(Flags::ANSWERED),
            Flag::Flagged => bits = bits.with(Flags::FLAGGED),
            Flag::Deleted => bits = bits.with(Flags::DELETED),
            Flag::Draft => bits = bits.with(Flags::DRAFT),
            Flag::Keyword(keyword) => {
                if !keywords.iter().any(|known| known.eq_ignore_ascii_case(keyword)) {
                    keywords.push(keyword.clone());
                }
            }
        }
    }
    (bits, keywords)
}
