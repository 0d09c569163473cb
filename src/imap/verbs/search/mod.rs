//! SEARCH (RFC 9051 §6.4.4), with ESEARCH (RFC 4731) and saved results (RFC 5182).
//!
//! The sets of the folder come first: they decide ALL, SEEN, DELETED, numbers and what is put together from those
//! without a look at any message, and narrow down everything else. Then rows decide on the pool of readers, a page
//! of messages at a time. Only the messages that rows cannot decide have their header or texts read.

mod content;
mod facts;
mod needles;

use std::sync::Arc;

use tokio::time::Instant;

use crate::ids::{AccountId, FolderId, Uid};
use crate::imap::chosen::Chosen;
use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{NumberedBy, Search, SearchKey, SearchReturn, Tag};
use crate::imap::proto::response::{Esearch, Status, write_esearch, write_search};
use crate::imap::proto::search::{Narrowed, Numbers, Program, Sets};
use crate::imap::proto::sequence::NumberSet;
use crate::imap::rows::{Need, Row, read};
use crate::imap::view::{PAGE, Place};
use crate::message::Summary;
use crate::store;
use crate::store::keys::FolderSet;
use crate::uid_set::UidSet;

use self::content::{Reading, Wanted};
use self::facts::{Known, Missing};
use super::fetch::bytes::scan_again;

/// SEARCH and UID SEARCH.
pub(crate) async fn search(desk: &mut Desk, tag: &Tag, command: &Search) -> Answer {
    let saves = command.returns.as_ref().is_some_and(|returns| returns.contains(&SearchReturn::Save));
    let hits = match find(desk, &command.key).await {
        Ok(hits) => hits,
        Err(fault) => {
            if saves {
                // RFC 9051 §6.4.4.1: a search that fails empties the saved result.
                desk.selected_mut()?.saved = UidSet::new();
            }
            return Err(fault);
        }
    };
    let numbers: NumberSet = match command.by {
        NumberedBy::Sequence => desk.selected()?.seqs_of(hits.ranges()),
        NumberedBy::Uid => hits.ranges().collect(),
    };
    match &command.returns {
        None if !desk.dialect.rev2 => write_search(&numbers, desk.output.buffer()),
        None => tell_extended(desk, tag, command.by, (&numbers, &[])),
        Some(returns) => tell_extended(desk, tag, command.by, (&numbers, returns)),
    }
    if saves {
        let returns = command.returns.as_deref().unwrap_or_default();
        desk.selected_mut()?.saved = saved(hits, returns);
    }
    Ok(Status::ok("searched"))
}

/// Writes ESEARCH, unless only SAVE was asked for (RFC 9051 §6.4.4.2).
fn tell_extended(desk: &mut Desk, tag: &Tag, by: NumberedBy, (numbers, returns): (&NumberSet, &[SearchReturn])) {
    if returns == [SearchReturn::Save] {
        return;
    }
    let asked = |option| returns.contains(&option);
    let result = Esearch {
        min: numbers.first().filter(|_| asked(SearchReturn::Min)),
        max: numbers.last().filter(|_| asked(SearchReturn::Max)),
        // RFC 9051 §6.4.4: no option at all means ALL.
        all: Some(numbers).filter(|_| returns.is_empty() || asked(SearchReturn::All)),
        count: Some(numbers.count()).filter(|_| asked(SearchReturn::Count)),
    };
    write_esearch(tag, by, &result, desk.output.buffer());
}

/// What `$` means from now on. RFC 5182 §2.4: with only MIN or MAX beside SAVE, just these messages.
fn saved(hits: UidSet, returns: &[SearchReturn]) -> UidSet {
    let asked = |option| returns.contains(&option);
    let (min, max) = (asked(SearchReturn::Min), asked(SearchReturn::Max));
    if (min || max) && !asked(SearchReturn::All) && !asked(SearchReturn::Count) {
        let first = hits.first().filter(|_| min);
        let last = hits.last().filter(|_| max);
        return first.into_iter().chain(last).collect();
    }
    hits
}

/// One search on its way.
struct Hunt {
    at: (AccountId, FolderId),
    program: Arc<Program>,
    keywords: Arc<[String]>,
    wanted: Wanted,
    deadline: Instant,
}

/// The messages that fit, ascending.
async fn find(desk: &Desk, key: &SearchKey) -> Result<UidSet, Fault> {
    let selected = desk.selected()?;
    let saved_uids: NumberSet = selected.saved.ranges().collect();
    let numbers = Numbers {
        messages: selected.exists(),
        largest_uid: selected.uids().last().map_or(0, Uid::get),
        saved_uids: &saved_uids,
    };
    let mut wanted = Wanted::default();
    collect(key, &mut wanted);
    let hunt = Hunt {
        at: (selected.account, selected.folder),
        program: Arc::new(Program::new(key, numbers)),
        keywords: Arc::clone(&selected.keywords),
        wanted,
        deadline: Instant::now() + desk.services.settings.search_time(),
    };
    let narrowed = hunt.narrow(desk, selected.uids().clone()).await?;
    if narrowed.is_decided {
        return Ok(narrowed.uids);
    }
    let mut candidates = Chosen::of(&selected.seqs_of(narrowed.uids.ranges()), selected);
    let mut hits = UidSet::new();
    loop {
        let places = candidates.next_page(selected, PAGE);
        if places.is_empty() {
            return Ok(hits);
        }
        hunt.check_time()?;
        hunt.page(desk, places, &mut hits).await?;
    }
}

/// The texts that BODY and TEXT look for, so that one pass over a message finds them all.
fn collect(key: &SearchKey, wanted: &mut Wanted) {
    match key {
        SearchKey::And(keys) => keys.iter().for_each(|key| collect(key, wanted)),
        SearchKey::Or(a, b) => {
            collect(a, wanted);
            collect(b, wanted);
        }
        SearchKey::Not(key) => collect(key, wanted),
        SearchKey::Body(text) => wanted.body.add(text),
        SearchKey::Text(text) => wanted.text.add(text),
        _ => {}
    }
}

impl Hunt {
    fn check_time(&self) -> Result<(), Fault> {
        if Instant::now() >= self.deadline { Err(Fault::SearchTooLong) } else { Ok(()) }
    }

    /// What the sets of the folder say, all of one moment.
    async fn narrow(&self, desk: &Desk, view_uids: UidSet) -> Result<Narrowed, Fault> {
        let ((account, folder), program) = (self.at, Arc::clone(&self.program));
        let narrowed = desk.services.store.read(move |view| {
            let mut there = Arc::unwrap_or_clone(view.uids(account, folder)?);
            there.intersect(&view_uids);
            let unseen = view.uid_set(account, folder, FolderSet::Unseen)?;
            let deleted = view.uid_set(account, folder, FolderSet::Deleted)?;
            Ok(program.narrow(&Sets { view: view_uids, there, unseen, deleted }))
        });
        Ok(narrowed.await?)
    }

    async fn page(&self, desk: &Desk, places: Vec<Place>, hits: &mut UidSet) -> Result<(), Fault> {
        let need = if self.program.needs_no_text() { Need::Hot } else { Need::Summaries };
        let (at, program, keywords) = (self.at, Arc::clone(&self.program), Arc::clone(&self.keywords));
        let decided = desk.services.store.read(move |view| {
            let rows = read(view, at, &places, need)?.rows;
            Ok::<_, store::Error>(rows.into_iter().map(|row| decide(row, &program, &keywords)).collect::<Vec<_>>())
        });
        for verdict in decided.await? {
            match verdict {
                Verdict::Fits(place) => {
                    hits.insert(place.uid);
                }
                Verdict::FitsNot => {}
                Verdict::Open(row) => {
                    self.check_time()?;
                    if self.read_and_decide(desk, &row).await? {
                        hits.insert(row.place.uid);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads what the keys ask for, step by step, until they are decided.
    async fn read_and_decide(&self, desk: &Desk, row: &Row) -> Result<bool, Fault> {
        let content = desk.services.store.message_bytes(&row.message);
        let settings = &desk.services.settings;
        let summary = match Summary::decode(&row.summary) {
            Ok(summary) => summary,
            Err(_) => scan_again(desk, row).await?,
        };
        let mut reading = Reading {
            content: &content,
            structure: &summary.structure,
            max_header_bytes: settings.max_header_bytes as u64,
            left: settings.max_search_bytes_per_message,
        };
        let (mut header, mut texts) = (None, None);
        loop {
            let known = Known {
                row,
                keywords: &self.keywords,
                summary: Some(&summary),
                header: header.as_deref(),
                texts: texts.as_ref(),
            };
            match self.program.matches(&known) {
                Ok(fits) => return Ok(fits),
                Err(Missing::Header) if header.is_none() => header = Some(reading.header().await?),
                Err(Missing::Texts) if texts.is_none() => {
                    let mut wanted = self.wanted.clone();
                    reading.look(&mut wanted).await?;
                    texts = Some(wanted);
                }
                // Everything was read, so nothing can be missing.
                Err(_) => return Ok(false),
            }
        }
    }
}

/// What rows say of a message.
enum Verdict {
    Fits(Place),
    FitsNot,
    Open(Box<Row>),
}

fn decide(row: Row, program: &Program, keywords: &[String]) -> Verdict {
    let summary = if row.summary.is_empty() { None } else { Summary::decode(&row.summary).ok() };
    let known = Known { row: &row, keywords, summary: summary.as_ref(), header: None, texts: None };
    match program.matches(&known) {
        Ok(true) => Verdict::Fits(row.place),
        Ok(false) => Verdict::FitsNot,
        Err(_) => Verdict::Open(Box::new(row)),
    }
}
