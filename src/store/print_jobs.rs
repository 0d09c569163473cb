//! Letters on their way to paper: one row a letter, and indices of what waits for whom.
//!
//! | class | key | value |
//! |---|---|---|
//! | `p` | item | the job, behind the place of its draft |
//! | `P` | centre, due time, item | nothing: what a centre may lease from that time on |
//! | `P` | (no centre), due time, item | nothing: what waits to be rendered |
//! | `I` | S10 number | the item |
//! | `1` | account, item | nothing: a letter that the account sent, by time |
//! | `4` | state, item | nothing: a letter that stands so, by time |
//! | `o` | item, event number | a message that its sender is still to get |
//! | `h` | account, day | letters that the account sent to paper on that day |
//!
//! Every change of a job requires that its row is still as it was read, so of two centres that claim one job
//! only one succeeds (FACTS F 11).

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, BodyId, ItemId};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::rebuild::Follows;
use super::vault::RowText;
use super::{Batch, Hole, Owner, Precondition, RecordRef, RecordSlot, Result, Template, Topic, View, WrappedKey, rows};

const VERSION: u8 = 1;

/// Class of the index of letters by the account that sent them.
const SENT: u8 = b'1';

/// Class of the index of letters by state.
pub(super) const BY_STATE: u8 = b'4';

/// The index name of letters that wait to be rendered: no centre is called so.
pub const TO_RENDER: &str = "";

/// The topic name that wakes the writer of messages to senders: no centre is called so.
pub const NOTICES: &str = " notices";

/// Where a letter stands (FACTS C5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Taken in and marked; to be rendered.
    Accepted,
    /// It cannot become paper. Final.
    CheckFailed,
    /// Open to print centres.
    Queued,
    /// Taken back before it was claimed. Final.
    Cancelled,
    /// Leased by a centre.
    Claimed,
    /// On paper.
    Printed,
    /// In its envelope.
    Inserted,
    /// Given to the postal network; the document is gone from the API.
    HandedToPost,
    /// The centre could not make it. Final.
    Failed,
    /// Between facilities.
    InTransit,
    /// At the office that delivers it.
    AtDeliveryOffice,
    /// Delivery was tried.
    Attempted,
    /// Delivered. Final.
    Delivered,
    /// On its way back to the sender. Final.
    Returned,
    /// Nowhere to be found. Final.
    Lost,
}

impl State {
    /// Every state, in the order of a letter's way.
    pub const ALL: [Self; 15] = [
        Self::Accepted,
        Self::CheckFailed,
        Self::Queued,
        Self::Cancelled,
        Self::Claimed,
        Self::Printed,
        Self::Inserted,
        Self::HandedToPost,
        Self::Failed,
        Self::InTransit,
        Self::AtDeliveryOffice,
        Self::Attempted,
        Self::Delivered,
        Self::Returned,
        Self::Lost,
    ];

    /// It ended before it was on paper.
    #[must_use]
    pub fn is_never_printed(self) -> bool {
        matches!(self, State::CheckFailed | State::Cancelled | State::Failed)
    }
}

/// From when on a centre may lease a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The print centre.
    pub centre: String,
    /// Its key in the index: milliseconds since 1970.
    pub due_ms: u64,
}

/// A centre's hold on a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The print centre.
    pub centre: String,
    /// When it ends unless extended, milliseconds since 1970.
    pub expires_ms: u64,
}

/// The PDF of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintDocument {
    /// Where it lies.
    pub body: BodyId,
    /// Opens it, if it is sealed.
    pub data_key: Option<WrappedKey>,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Pages.
    pub pages: u32,
    /// Sheets of paper.
    pub sheets: u32,
}

/// A letter on its way to paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintJob {
    /// The item.
    pub item: ItemId,
    /// Its S10 number.
    pub s10: String,
    /// Where it stands.
    pub state: State,
    /// `letter` or `postcard`.
    pub format: String,
    /// `ordinary`, `registered`…
    pub class: String,
    /// Print in colour.
    pub colour: bool,
    /// Print on both sides.
    pub duplex: bool,
    /// Of the addressee.
    pub postal_index: String,
    /// The account that sent it; `None` for peers.
    pub account: Option<AccountId>,
    /// Where messages about it go.
    pub report_to: Option<String>,
    /// Message-ID of the letter, with its angle brackets.
    pub message_id: Option<String>,
    /// Subject of the letter.
    pub subject: RowText,
    /// The message that was sent, without prefixes.
    pub body: BodyId,
    /// Opens the message and the draft, if they are sealed.
    pub data_key: Option<WrappedKey>,
    /// Its length.
    pub body_bytes: u64,
    /// When it was accepted, microseconds since 1970.
    pub accepted_us: i64,
    /// Where it stands in the index.
    pub offers: Vec<Offer>,
    /// Who holds it.
    pub lease: Option<Lease>,
    /// Grows with every lease.
    pub fence: u64,
    /// Times rendering was tried.
    pub attempts: u32,
    /// Once rendered.
    pub document: Option<PrintDocument>,
}

impl State {
    /// As the API and the events name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Accepted => "accepted",
            State::CheckFailed => "check_failed",
            State::Queued => "queued",
            State::Cancelled => "cancelled",
            State::Claimed => "claimed",
            State::Printed => "printed",
            State::Inserted => "inserted",
            State::HandedToPost => "handed_to_post",
            State::Failed => "failed",
            State::InTransit => "in_transit",
            State::AtDeliveryOffice => "at_delivery_office",
            State::Attempted => "attempted",
            State::Delivered => "delivered",
            State::Returned => "returned",
            State::Lost => "lost",
        }
    }

    /// The states of a job in a centre's hands: when the lease ends, it goes back to the queue.
    #[must_use]
    pub fn is_leased(self) -> bool {
        matches!(self, State::Claimed | State::Printed | State::Inserted)
    }
}

/// A job as it was read: what a change is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    /// The job.
    pub job: PrintJob,
    /// Where the draft of the letter lies: what the renderer needs besides the body.
    pub draft: RecordRef,
    row: Vec<u8>,
}

/// Adds a new job to the batch; it waits to be rendered. Its item and S10 number must be new. If its letter is
/// sealed ([`Batch::letter`]), the key and the subject are wrapped for the system.
///
/// # Errors
/// The job cannot be written as a row, the key cannot be wrapped.
pub fn add_job(batch: &mut Batch, job: &mut PrintJob, draft: RecordSlot, due_ms: u64) -> Result<()> {
    if let Some(key) = batch.letter_key(job.body) {
        job.subject = key.seal_text(&job.subject)?;
        job.data_key = Some(key.wrap(Owner::System)?);
    }
    job.offers = vec![Offer { centre: TO_RENDER.to_owned(), due_ms }];
    batch.require(Precondition::Absent(keys::print_job(job.item)));
    batch.require(Precondition::Absent(keys::s10(&job.s10)));
    batch.put(keys::s10(&job.s10), job.item.to_bytes().to_vec());
    let row = Template::from(vec![VERSION]).hole(Hole::Record(draft)).bytes(&rows::encode(VERSION, job)?);
    batch.put(keys::print_job(job.item), row);
    batch.reference(job.body);
    put_offers(batch, job);
    if let Some(key) = sent_key(job) {
        batch.put(key, Vec::new());
    }
    batch.put(state_key(job.state, job.item), Vec::new());
    batch.publish(Topic::Print(TO_RENDER.to_owned()));
    Ok(())
}

/// The entry of a letter among those that its account sent. Ids of items begin with their time, so that they stand in
/// its order.
pub(super) fn sent_key(job: &PrintJob) -> Option<Vec<u8>> {
    job.account.map(|account| Key::of(SENT).u64(account.0).item(job.item).done())
}

/// The entry of a letter among those that stand so.
pub(super) fn state_key(state: State, item: ItemId) -> Vec<u8> {
    in_state(state).item(item).done()
}

/// Rows number the states in the order in which they are declared; a new one is declared behind the others.
fn in_state(state: State) -> Key {
    Key::of(BY_STATE).u8(state as u8)
}

impl StoredJob {
    /// Replaces the row and its index entries; the batch fails with `Conflict` if the row has changed since it
    /// was read.
    ///
    /// # Errors
    /// The job cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, new: &PrintJob) -> Result<()> {
        batch.require(Precondition::Equals(keys::print_job(self.job.item), self.row.clone()));
        for offer in &self.job.offers {
            batch.delete(keys::print_due(&offer.centre, offer.due_ms, self.job.item));
        }
        let mut row = vec![VERSION];
        row.extend_from_slice(&self.draft.to_bytes());
        row.extend_from_slice(&rows::encode(VERSION, new)?);
        batch.put(keys::print_job(new.item), row);
        put_offers(batch, new);
        if new.state != self.job.state {
            batch.delete(state_key(self.job.state, self.job.item));
            batch.put(state_key(new.state, new.item), Vec::new());
        }
        Ok(())
    }
}

impl PrintJob {
    /// The offers with an entry in the index: they stand only while somebody may take the job up, to render it
    /// or to lease it.
    fn open_offers(&self) -> &[Offer] {
        match self.state {
            State::Accepted | State::Queued => &self.offers,
            state if state.is_leased() => &self.offers,
            _ => &[],
        }
    }

    /// The document, if this row counts as a reference to it: what is on paper, or never will be, is erased.
    fn kept_document(&self) -> Option<&PrintDocument> {
        self.document.as_ref().filter(|_| self.state == State::Queued || self.state.is_leased())
    }
}

fn put_offers(batch: &mut Batch, job: &PrintJob) {
    for offer in job.open_offers() {
        batch.put(keys::print_due(&offer.centre, offer.due_ms, job.item), Vec::new());
    }
}

/// Letters on paper, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPage {
    /// The letters.
    pub jobs: Vec<StoredJob>,
    /// Where it was stopped: older ones are before this item. `None` when there are none.
    pub next: Option<ItemId>,
}

/// What waits for a centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Due now, oldest first.
    pub due: Vec<ItemId>,
    /// When the next one becomes due, milliseconds since 1970.
    pub next_ms: Option<u64>,
}

impl View<'_> {
    /// A job.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_job(&self, item: ItemId) -> Result<Option<StoredJob>> {
        self.get(&keys::print_job(item))?.map(decode).transpose()
    }

    /// The item with this S10 number.
    ///
    /// # Errors
    /// Engine.
    pub fn item_of_s10(&self, number: &str) -> Result<Option<ItemId>> {
        Ok(self.get(&keys::s10(number))?.and_then(|row| item_at_end(&row)))
    }

    /// Up to `limit` jobs that this centre may lease at `now_ms`.
    ///
    /// # Errors
    /// Engine.
    pub fn jobs_for_centre(&self, centre: &str, now_ms: u64, limit: usize) -> Result<Waiting> {
        let begin = Key::of(b'P').text(centre).done();
        let rows = self.range(&begin, &keys::after(&begin), limit)?;
        let mut waiting = Waiting::default();
        for (key, _) in rows {
            let Some((due_ms, item)) = due_and_item(&key) else { continue };
            if due_ms <= now_ms {
                waiting.due.push(item);
            } else {
                waiting.next_ms = Some(due_ms);
                break;
            }
        }
        Ok(waiting)
    }

    /// Up to `limit` letters that wait to be rendered at `now_ms`.
    ///
    /// # Errors
    /// Engine.
    pub fn jobs_to_render(&self, now_ms: u64, limit: usize) -> Result<Waiting> {
        self.jobs_for_centre(TO_RENDER, now_ms, limit)
    }

    /// Up to `limit` letters that an account sent to paper before the item `before`, or the last ones, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn letters_of(&self, account: AccountId, before: Option<ItemId>, limit: usize) -> Result<Vec<StoredJob>> {
        let prefix = Key::of(SENT).u64(account.0).done();
        let end = match before {
            Some(item) => Key::of(SENT).u64(account.0).item(item).done(),
            None => keys::after(&prefix),
        };
        self.jobs_in(&self.range_back(&prefix, &end, limit)?)
    }

    /// Up to `limit` letters on paper before the item `before`, or the last ones, the newest first; with a state only
    /// those that stand so. No others are looked at.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_jobs_back(&self, state: Option<State>, before: Option<ItemId>, limit: usize) -> Result<JobPage> {
        let jobs: Vec<StoredJob> = match state {
            Some(state) => {
                let begin = in_state(state).done();
                let end = before.map_or_else(|| keys::after(&begin), |item| state_key(state, item));
                self.jobs_in(&self.range_back(&begin, &end, limit)?)?
            }
            None => {
                let end = before.map_or_else(|| keys::after(b"p"), keys::print_job);
                let rows = self.range_back(b"p", &end, limit)?;
                rows.into_iter().map(|(_, row)| decode(row)).collect::<Result<_>>()?
            }
        };
        let next = jobs.last().filter(|_| jobs.len() == limit).map(|last| last.job.item);
        Ok(JobPage { jobs, next })
    }

    /// Up to `limit` letters on paper from the item `from` on, the oldest first; with a state only those that stand so.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_jobs_from(&self, state: Option<State>, from: ItemId, limit: usize) -> Result<Vec<StoredJob>> {
        let Some(state) = state else { return self.print_jobs(from, limit) };
        let rows = self.range(&state_key(state, from), &keys::after(&in_state(state).done()), limit)?;
        self.jobs_in(&rows)
    }

    /// The letters to which entries of an index lead.
    fn jobs_in(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<StoredJob>> {
        let items = entries.iter().filter_map(|(key, _)| item_at_end(key));
        items.filter_map(|item| self.print_job(item).transpose()).collect()
    }

    /// Up to `limit` jobs from `from` on, by item id, that is by time.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_jobs(&self, from: ItemId, limit: usize) -> Result<Vec<StoredJob>> {
        let rows = self.range(&keys::print_job(from), &keys::after(b"p"), limit)?;
        rows.into_iter().map(|(_, row)| decode(row)).collect()
    }
}

fn decode(row: Vec<u8>) -> Result<StoredJob> {
    let (draft, rest) = rows::split_place(VERSION, &row)?;
    Ok(StoredJob { job: rows::decode(VERSION, rest)?, draft, row })
}

fn item_at_end(key: &[u8]) -> Option<ItemId> {
    key.last_chunk().map(|item| ItemId(u128::from_be_bytes(*item)))
}

/// The last fields of an index key.
fn due_and_item(key: &[u8]) -> Option<(u64, ItemId)> {
    let (rest, item) = key.split_last_chunk::<16>()?;
    let due = rest.last_chunk::<8>()?;
    Some((u64::from_be_bytes(*due), ItemId(u128::from_be_bytes(*item))))
}

/// A message that a sender is still to get about a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The letter.
    pub item: ItemId,
    /// The event it is about.
    pub event: u32,
}

/// Notes that the sender is to be told of the event whose number is in `event`.
pub fn add_notice(batch: &mut Batch, item: ItemId, event: super::Slot) {
    batch.put(Key::of(b'o').item(item).hole(Hole::U32(event, 0)), Vec::new());
    batch.publish(Topic::Print(NOTICES.to_owned()));
}

/// The sender was told.
pub fn remove_notice(batch: &mut Batch, notice: Notice) {
    batch.delete(Key::of(b'o').item(notice.item).u32(notice.event).done());
}

impl View<'_> {
    /// Up to `limit` messages that senders are still to get.
    ///
    /// # Errors
    /// Engine.
    pub fn notices(&self, limit: usize) -> Result<Vec<Notice>> {
        let rows = self.range(b"o", &keys::after(b"o"), limit)?;
        let read = |(key, _): (Vec<u8>, _)| {
            let (rest, event) = key.split_last_chunk::<4>()?;
            Some(Notice { item: item_at_end(rest)?, event: u32::from_be_bytes(*event) })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

/// The counter of letters that an account sent to paper on a day, counted from 1970 (class `h`).
#[must_use]
pub fn quota_key(account: AccountId, day: u32) -> Vec<u8> {
    Key::of(b'h').u64(account.0).u32(day).done()
}

/// What stands beside a job because of it; not its number, which is for ever.
pub(super) fn follows(_: &[u8], row: &[u8]) -> Result<Follows> {
    let StoredJob { job, draft, .. } = decode(row.to_vec())?;
    let mut bodies = vec![job.body];
    bodies.extend(job.kept_document().map(|document| document.body));
    let offered = job.open_offers().iter();
    let offers = offered.map(|offer| keys::print_due(&offer.centre, offer.due_ms, job.item));
    let index = offers.chain(sent_key(&job)).chain([state_key(job.state, job.item)]).collect();
    Ok(Follows { bodies, records: vec![draft], index })
}

/// What a job names, and whether its index entries and its number are there.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let StoredJob { job, draft, .. } = decode(row.to_vec())?;
    if keys::print_job(job.item) != key {
        return Err(bad_key("a print job"));
    }
    let mut claims = Claims { bodies: vec![job.body], records: vec![draft], ..Claims::default() };
    claims.bodies.extend(job.kept_document().map(|document| document.body));
    claims.opens(job.body, job.data_key);
    if let Some(document) = job.kept_document() {
        claims.opens(document.body, document.data_key);
    }
    for offer in job.open_offers() {
        let is_there = view.get(&keys::print_due(&offer.centre, offer.due_ms, job.item))?.is_some();
        claims.require(is_there, || {
            format!("print job {:?} is offered to {:?} and is not in its due-time index", job.item, offer.centre)
        });
    }
    if let Some(key) = sent_key(&job) {
        let is_there = view.get(&key)?.is_some();
        claims.require(is_there, || format!("print job {:?} is not among the letters of its account", job.item));
    }
    let is_listed = view.get(&state_key(job.state, job.item))?.is_some();
    claims.require(is_listed, || format!("print job {:?} is not among those that are {}", job.item, job.state.name()));
    let is_numbered = view.item_of_s10(&job.s10)? == Some(job.item);
    claims.require(is_numbered, || format!("print job {:?} is not found by its number {}", job.item, job.s10));
    Ok(claims)
}

/// Whether an entry of an account's letters leads to one that it sent.
pub(super) fn inspect_sent(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let item = item_at_end(key).ok_or_else(|| bad_key("the letters of an account"))?;
    let job = view.print_job(item)?;
    let mut claims = Claims::default();
    let leads = job.and_then(|stored| sent_key(&stored.job)).is_some_and(|sent| sent == key);
    claims.require(leads, || format!("an entry of an account's letters leads to {item:?}, which it did not send"));
    Ok(claims)
}

/// Whether an entry of a state's letters leads to one that stands so.
pub(super) fn inspect_state(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let item = item_at_end(key).ok_or_else(|| bad_key("the letters in a state"))?;
    let job = view.print_job(item)?;
    let mut claims = Claims::default();
    let leads = job.is_some_and(|stored| state_key(stored.job.state, item) == key);
    claims.require(leads, || format!("an entry of the letters in a state leads to {item:?}, which does not stand so"));
    Ok(claims)
}

/// Whether an entry of the index leads to a job that is offered so.
pub(super) fn inspect_due(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let centre = key.get(1..).and_then(|rest| rest.split(|byte| *byte == 0).next());
    let centre = centre.and_then(|centre| std::str::from_utf8(centre).ok());
    let (centre, (due_ms, item)) = centre
        .zip(due_and_item(key))
        .filter(|(centre, (due_ms, item))| keys::print_due(centre, *due_ms, *item) == key)
        .ok_or_else(|| bad_key("the print queue's due-time index"))?;
    let offer = Offer { centre: centre.to_owned(), due_ms };
    let mut claims = Claims::default();
    let fits = view.print_job(item)?.is_some_and(|stored| stored.job.open_offers().contains(&offer));
    claims.require(fits, || {
        format!("the print queue's due-time index names {item:?} for {centre:?}, which is not offered so")
    });
    Ok(claims)
}

/// Whether a number leads to the job that has it.
pub(super) fn inspect_s10(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let item = item_at_end(row).ok_or_else(|| bad_key("the item of an S10 number"))?;
    let mut claims = Claims::default();
    let fits = view.print_job(item)?.is_some_and(|stored| keys::s10(&stored.job.s10) == key);
    claims.require(fits, || format!("an S10 number leads to {item:?}, which does not have it"));
    Ok(claims)
}

/// Whether a message that is still to be sent is about an event that there is.
pub(super) fn inspect_notice(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let event = key.get(1..).and_then(|event| event.split_first_chunk::<16>()).filter(|(_, number)| number.len() == 4);
    let (item, number) = event.ok_or_else(|| bad_key("a message to a sender"))?;
    let item = ItemId(u128::from_be_bytes(*item));
    let mut claims = Claims::default();
    let is_there = view.get(&Key::of(b'i').item(item).raw(number).done())?.is_some();
    claims.require(is_there, || format!("a sender is to be told of an event of {item:?} that is not there"));
    Ok(claims)
}
