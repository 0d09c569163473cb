//! FETCH (RFC 9051 §6.4.5).
//!
//! What stands in rows is rendered on the pool of readers, a page of messages at a time, into one buffer;
//! what stands in the packs is read by range and goes out in pieces of 64 KiB. A whole message is never in
//! memory.

pub(super) mod bytes;
mod rows;

use std::collections::HashSet;
use std::sync::Arc;

use crate::ids::Uid;
use crate::imap::chosen::Chosen;
use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{Access, Fetch, FetchItem, NumberedBy, Peek, Section, SectionText};
use crate::imap::proto::response::Status;
use crate::imap::rows::{Need, Row, read};
use crate::imap::view::{PAGE, Place};
use crate::store;
use crate::store::mailboxes::{FlagChange, Flags};

use self::rows::Rendering;

/// Messages whose bytes are fetched with one read of their rows and one commit of `\Seen`.
const BODIES_A_PAGE: usize = 100;

/// What a FETCH needs, worked out once.
#[derive(Clone, Debug)]
struct Plan {
    /// What is asked; UID is among it when the answer must carry it.
    items: Arc<[FetchItem]>,
    need: Need,
    /// Something comes from the packs.
    bytes: bool,
    /// `\Seen` is set on the way.
    marks_seen: bool,
    /// P6: what is fetched is handed over to the addressee.
    hands_over: bool,
}

/// FETCH and UID FETCH.
pub(crate) async fn fetch(desk: &mut Desk, command: &Fetch) -> Answer {
    let chosen = desk.choose(&command.set, command.by)?;
    let asked = chosen.len();
    let plan = Plan::of(command, desk.selected()?.access);
    let Fetched { found, damaged } =
        if plan.bytes { fetch_bytes(desk, &plan, chosen).await? } else { fetch_rows(desk, &plan, chosen).await? };
    match command.by {
        _ if !damaged.is_empty() => Err(Fault::Damaged(damaged)),
        NumberedBy::Sequence if found < asked => Err(Fault::ExpungedElsewhere),
        _ => Ok(Status::ok("fetched")),
    }
}

impl Plan {
    fn of(command: &Fetch, access: Access) -> Self {
        let mut items: Vec<FetchItem> = Vec::new();
        for item in &command.items {
            // Whoever asks twice is answered once: the answer must not grow with the repetition.
            if !items.contains(item) {
                items.push(item.clone());
            }
        }
        if command.by == NumberedBy::Uid && !items.contains(&FetchItem::Uid) {
            // RFC 9051 §6.4.9: UID is part of every answer to a UID command.
            items.insert(0, FetchItem::Uid);
        }
        let summaries = items.iter().any(needs_summary);
        Plan {
            need: if summaries { Need::Summaries } else { Need::Hot },
            bytes: items.iter().any(needs_bytes),
            marks_seen: access == Access::ReadWrite && items.iter().any(marks_seen),
            hands_over: access == Access::ReadWrite && items.iter().any(hands_over),
            items: items.into(),
        }
    }
}

fn needs_summary(item: &FetchItem) -> bool {
    match item {
        FetchItem::Uid | FetchItem::Flags | FetchItem::InternalDate | FetchItem::Size | FetchItem::Rfc822 => false,
        FetchItem::Section { section, .. } => *section != Section::default(),
        _ => true,
    }
}

fn needs_bytes(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::Rfc822
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Section { .. }
            | FetchItem::Binary { .. }
            | FetchItem::BinarySize(_)
    )
}

fn marks_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        FetchItem::Section { peek, .. } | FetchItem::Binary { peek, .. } => *peek == Peek::MarkSeen,
        _ => false,
    }
}

/// P6: who takes something of the body, and not only to look, has the letter in hand.
fn hands_over(item: &FetchItem) -> bool {
    match item {
        FetchItem::Section { section, .. } => {
            marks_seen(item) && matches!(section.text, None | Some(SectionText::Text))
        }
        other => marks_seen(other),
    }
}

/// What became of the messages that were asked for.
#[derive(Debug, Default)]
struct Fetched {
    /// How many were there.
    found: usize,
    /// Those of them that cannot be read: an answer about one is not possible, and the others have theirs.
    damaged: Vec<Uid>,
}

impl Fetched {
    /// Counts messages whose rows are damaged.
    fn count_damaged(&mut self, uids: Vec<Uid>) {
        self.found += uids.len();
        self.damaged.extend(uids);
    }

    /// Counts a message, and sets it aside if it is damaged. Nothing of its answer was written then.
    fn count(&mut self, uid: Uid, answered: Result<(), Fault>) -> Result<(), Fault> {
        self.found += 1;
        match answered {
            Err(Fault::Store(store::Error::Damaged(what) | store::Error::Sealed(what))) => {
                tracing::error!(uid = uid.get(), what, "a damaged message is set aside");
                self.damaged.push(uid);
                Ok(())
            }
            other => other,
        }
    }
}

/// Answers from rows only.
async fn fetch_rows(desk: &mut Desk, plan: &Plan, mut chosen: Chosen) -> Result<Fetched, Fault> {
    let mut fetched = Fetched::default();
    let mut text = Vec::new();
    loop {
        let mut todo = chosen.next_page(desk.selected()?, PAGE);
        if todo.is_empty() {
            return Ok(fetched);
        }
        while !todo.is_empty() {
            let job = rows::Job::new(desk, plan, todo, text)?;
            let page = desk.services.store.read(move |view| job.run(view)).await?;
            fetched.found += page.found;
            fetched.count_damaged(page.damaged);
            desk.output.send(&page.text).await?;
            if let Some(row) = &page.unreadable {
                let answered = answer_scanned_again(desk, plan, row).await;
                fetched.count(row.place.uid, answered)?;
            }
            (text, todo) = (page.text, page.rest);
            text.clear();
        }
    }
}

async fn answer_scanned_again(desk: &mut Desk, plan: &Plan, row: &Row) -> Result<(), Fault> {
    let summary = bytes::scan_again(desk, row).await?;
    Rendering::new(desk, plan)?.write(row, &summary, desk.output.buffer());
    Ok(())
}

/// Answers with bytes from the packs.
async fn fetch_bytes(desk: &mut Desk, plan: &Plan, mut chosen: Chosen) -> Result<Fetched, Fault> {
    let mut fetched = Fetched::default();
    loop {
        let places = chosen.next_page(desk.selected()?, BODIES_A_PAGE);
        if places.is_empty() {
            return Ok(fetched);
        }
        let changed = if plan.marks_seen { mark_seen(desk, &places).await? } else { HashSet::new() };
        let selected = desk.selected()?;
        let (at, need) = ((selected.account, selected.folder), plan.need);
        let page = desk.services.store.read(move |view| read(view, at, &places, need)).await?;
        fetched.count_damaged(page.damaged);
        for row in page.rows {
            let tell_flags = changed.contains(&row.place.uid) && !plan.items.contains(&FetchItem::Flags);
            let answered = bytes::answer(desk, plan, &row, tell_flags).await;
            if plan.hands_over && answered.is_ok() {
                desk.services.fetches.note(at.0, &row.message);
            }
            fetched.count(row.place.uid, answered)?;
            desk.output.ease().await?;
        }
    }
}

/// Sets `\Seen` where it is not set, in one commit; gives the messages that changed.
async fn mark_seen(desk: &mut Desk, places: &[Place]) -> Result<HashSet<Uid>, Fault> {
    let selected = desk.selected()?;
    let (at, places) = ((selected.account, selected.folder), places.to_vec());
    let rows = desk.services.store.read(move |view| read(view, at, &places, Need::Hot)).await?;
    let unseen = |row: &Row| (!row.message.flags.contains(Flags::SEEN)).then_some(row.place.uid);
    let uids: Vec<Uid> = rows.rows.iter().filter_map(unseen).collect();
    if uids.is_empty() {
        return Ok(HashSet::new());
    }
    let messages = desk.change_flags(uids, FlagChange::Add(Flags::SEEN, Vec::new())).await?;
    Ok(messages.into_iter().map(|message| message.uid).collect())
}
