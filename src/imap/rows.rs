//! The rows of the messages that a command names, read page by page.

use crate::ids::{AccountId, FolderId, Uid};
use crate::store::mailboxes::Message;
use crate::store::{Result, View};

use super::view::Place;

/// Whether the rows with envelope and structure are read too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    /// Only the hot rows.
    Hot,
    /// Both.
    Summaries,
}

/// One message that is still there.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) message: Message,
    /// The encoded `message::Summary`; empty if it was not asked for.
    pub(super) summary: Vec<u8>,
}

/// The rows of `places`, which must ascend; those of messages that are gone are left out.
///
/// Places that lie close together are read with one range, others one by one.
pub(super) fn read(
    view: &View<'_>,
    (account, folder): (AccountId, FolderId),
    places: &[Place],
    need: Need,
) -> Result<Vec<Row>> {
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(Vec::new()) };
    let span = usize::try_from(last.seq - first.seq).unwrap_or(usize::MAX).saturating_add(1);
    if span > places.len().saturating_mul(2) {
        return places.iter().filter_map(|place| read_one(view, (account, folder), *place, need).transpose()).collect();
    }
    let mut messages = view.readable_messages(account, folder, first.uid, span)?.messages.into_iter().peekable();
    let summaries = match need {
        Need::Hot => Vec::new(),
        Need::Summaries => view.summaries(account, folder, first.uid, span)?,
    };
    let mut summaries = summaries.into_iter().peekable();
    let mut rows = Vec::with_capacity(places.len());
    for place in places {
        while messages.next_if(|message| message.uid < place.uid).is_some() {}
        while summaries.next_if(|(uid, _)| *uid < place.uid).is_some() {}
        let Some(message) = messages.next_if(|message| message.uid == place.uid) else { continue };
        let summary = summaries.next_if(|(uid, _)| *uid == place.uid).map(|(_, bytes)| bytes).unwrap_or_default();
        rows.push(Row { place: *place, message, summary });
    }
    Ok(rows)
}

fn read_one(
    view: &View<'_>,
    (account, folder): (AccountId, FolderId),
    place: Place,
    need: Need,
) -> Result<Option<Row>> {
    let found = view.readable_messages(account, folder, place.uid, 1)?.messages.pop();
    let Some(message) = found.filter(|message| message.uid == place.uid) else { return Ok(None) };
    let summary = match need {
        Need::Hot => Vec::new(),
        Need::Summaries => summary_of(view, (account, folder), place.uid)?,
    };
    Ok(Some(Row { place, message, summary }))
}

fn summary_of(view: &View<'_>, (account, folder): (AccountId, FolderId), uid: Uid) -> Result<Vec<u8>> {
    let found = view.summaries(account, folder, uid, 1)?;
    Ok(found.into_iter().find(|(found, _)| *found == uid).map(|(_, bytes)| bytes).unwrap_or_default())
}
