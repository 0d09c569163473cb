//! The rows of the messages that a command names, read page by page.
//!
//! A message whose row is damaged is there: it has its sequence number, and it is not gone. Commands do what they
//! can for the others and then answer `NO [CORRUPTION]` with its UID (RFC 5530 §3); SEARCH finds it by what is known
//! of it without its row, its numbers and the sets of the folder.

use crate::ids::{AccountId, FolderId, Uid};
use crate::store::mailboxes::{Message, MessagePage};
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

/// What was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Messages that are there, ascending.
    pub(super) rows: Vec<Row>,
    /// Messages that are there and whose rows cannot be read, ascending.
    pub(super) damaged: Vec<Uid>,
}

/// The rows of `places`, which must ascend; those of messages that are gone are left out.
///
/// Places that lie close together are read with one range, others one by one.
pub(super) fn read(
    view: &View<'_>,
    (account, folder): (AccountId, FolderId),
    places: &[Place],
    need: Need,
) -> Result<Page> {
    let mut page = Page::default();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(page) };
    let span = usize::try_from(last.seq - first.seq).unwrap_or(usize::MAX).saturating_add(1);
    if span > places.len().saturating_mul(2) {
        places.iter().try_for_each(|place| read_one(view, (account, folder), *place, need, &mut page))?;
        return Ok(page);
    }
    let MessagePage { messages, damaged, .. } = view.readable_messages(account, folder, first.uid, span)?;
    page.damaged = damaged;
    page.damaged.retain(|uid| places.binary_search_by_key(uid, |place| place.uid).is_ok());
    let mut messages = messages.into_iter().peekable();
    let summaries = match need {
        Need::Hot => Vec::new(),
        Need::Summaries => view.summaries(account, folder, first.uid, span)?,
    };
    let mut summaries = summaries.into_iter().peekable();
    page.rows.reserve(places.len());
    for place in places {
        while messages.next_if(|message| message.uid < place.uid).is_some() {}
        while summaries.next_if(|(uid, _)| *uid < place.uid).is_some() {}
        let Some(message) = messages.next_if(|message| message.uid == place.uid) else { continue };
        let summary = summaries.next_if(|(uid, _)| *uid == place.uid).map(|(_, bytes)| bytes).unwrap_or_default();
        page.rows.push(Row { place: *place, message, summary });
    }
    Ok(page)
}

fn read_one(
    view: &View<'_>,
    (account, folder): (AccountId, FolderId),
    place: Place,
    need: Need,
    page: &mut Page,
) -> Result<()> {
    let MessagePage { messages, damaged, .. } = view.readable_messages(account, folder, place.uid, 1)?;
    page.damaged.extend(damaged.into_iter().filter(|uid| *uid == place.uid));
    let Some(message) = messages.into_iter().find(|message| message.uid == place.uid) else { return Ok(()) };
    let summary = match need {
        Need::Hot => Vec::new(),
        Need::Summaries => summary_of(view, (account, folder), place.uid)?,
    };
    page.rows.push(Row { place, message, summary });
    Ok(())
}

fn summary_of(view: &View<'_>, (account, folder): (AccountId, FolderId), uid: Uid) -> Result<Vec<u8>> {
    let found = view.summaries(account, folder, uid, 1)?;
    Ok(found.into_iter().find(|(found, _)| *found == uid).map(|(_, bytes)| bytes).unwrap_or_default())
}
