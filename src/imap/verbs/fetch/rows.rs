//! What FETCH answers from rows: rendered on the pool of readers, one page in one buffer.

use std::sync::Arc;

use crate::ids::{AccountId, FolderId, Uid};
use crate::imap::desk::Desk;
use crate::imap::fault::Fault;
use crate::imap::proto::command::FetchItem;
use crate::imap::proto::response::{Dialect, FetchWriter};
use crate::imap::rows::{Need, Row, read};
use crate::imap::view::{Place, flags_of};
use crate::message::Summary;
use crate::store::{self, View};

use super::Plan;

/// Bytes of answers after which a page ends early: structures can be large, and a page is in memory as a whole.
const PAGE_BYTES: usize = 1 << 20;

/// What it takes to write one message's answer from its rows.
#[derive(Clone, Debug)]
pub(super) struct Rendering {
    pub(super) items: Arc<[FetchItem]>,
    pub(super) keywords: Arc<[String]>,
    pub(super) dialect: Dialect,
}

/// One page of answers to make.
#[derive(Debug)]
pub(super) struct Job {
    at: (AccountId, FolderId),
    places: Vec<Place>,
    need: Need,
    rendering: Rendering,
    text: Vec<u8>,
}

/// A page of answers.
#[derive(Debug)]
pub(super) struct Page {
    /// The responses, ready to be sent.
    pub(super) text: Vec<u8>,
    /// Messages that were there and are in `text`.
    pub(super) found: usize,
    /// Messages whose rows are damaged; they are not in `text`.
    pub(super) damaged: Vec<Uid>,
    /// A message whose summary cannot be read; it comes after `text` and before `rest`.
    pub(super) unreadable: Option<Row>,
    /// What this page did not get to.
    pub(super) rest: Vec<Place>,
}

impl Rendering {
    pub(super) fn new(desk: &Desk, plan: &Plan) -> Result<Self, Fault> {
        let keywords = Arc::clone(&desk.selected()?.keywords);
        Ok(Rendering { items: Arc::clone(&plan.items), keywords, dialect: desk.dialect })
    }

    /// Appends the whole answer for one message.
    pub(super) fn write(&self, row: &Row, summary: &Summary, out: &mut Vec<u8>) {
        let mut writer = FetchWriter::new(row.place.seq, self.dialect);
        for item in self.items.iter() {
            self.write_item(item, row, summary, &mut writer);
        }
        out.extend_from_slice(&writer.finish());
    }

    /// Writes one item that rows answer; the others come from the packs.
    pub(super) fn write_item(&self, item: &FetchItem, row: &Row, summary: &Summary, writer: &mut FetchWriter) {
        match item {
            FetchItem::Uid => writer.uid(row.place.uid.get()),
            FetchItem::Flags => writer.flags(&flags_of(&row.message, &self.keywords)),
            FetchItem::InternalDate => writer.internal_date(row.message.internal_date),
            FetchItem::Size => writer.size(row.message.size()),
            FetchItem::Envelope => writer.envelope(&summary.envelope),
            FetchItem::Body => writer.body(&summary.structure.root),
            FetchItem::BodyStructure => writer.body_structure(&summary.structure.root),
            FetchItem::Rfc822
            | FetchItem::Rfc822Header
            | FetchItem::Rfc822Text
            | FetchItem::Section { .. }
            | FetchItem::Binary { .. }
            | FetchItem::BinarySize(_) => {}
        }
    }
}

impl Job {
    /// The page of these messages; `text` is an empty buffer that is used again and again.
    pub(super) fn new(desk: &Desk, plan: &Plan, places: Vec<Place>, text: Vec<u8>) -> Result<Self, Fault> {
        let selected = desk.selected()?;
        let at = (selected.account, selected.folder);
        Ok(Job { at, places, need: plan.need, rendering: Rendering::new(desk, plan)?, text })
    }

    /// Reads and renders.
    pub(super) fn run(self, view: &View<'_>) -> store::Result<Page> {
        let read = read(view, self.at, &self.places, self.need)?;
        let mut page = Page { text: self.text, found: 0, damaged: read.damaged, unreadable: None, rest: Vec::new() };
        for row in read.rows {
            let summary = match self.need {
                Need::Hot => Ok(Summary::default()),
                Need::Summaries => Summary::decode(&row.summary),
            };
            let Ok(summary) = summary else {
                page.end_behind(&self.places, row.place);
                page.unreadable = Some(row);
                return Ok(page);
            };
            self.rendering.write(&row, &summary, &mut page.text);
            page.found += 1;
            if page.text.len() >= PAGE_BYTES {
                page.end_behind(&self.places, row.place);
                return Ok(page);
            }
        }
        Ok(page)
    }
}

impl Page {
    /// What comes after `last` is left to the next page.
    fn end_behind(&mut self, places: &[Place], last: Place) {
        self.rest = places.iter().copied().filter(|place| *place > last).collect();
        self.damaged.retain(|uid| *uid < last.uid);
    }
}
