//! The marks of the paper way (P6): made when a letter is handed to the post and when it is delivered, signed over the
//! same header and body as its acceptance, each pointing to the one before it.
//!
//! They stand on no letter, for what is stored never changes. They are kept with the item's events, told to the sender,
//! and are in the log like all others; with the sender's own copy of the letter anybody can check them.

use crate::ids::{ImpressionId, ItemId};
use crate::message::headers;
use crate::postal::{
    BodyHash, Contents, Details, FacilityId, HeaderInput, Impression, Kind, Mark, MarkDigest, NotStamped, Occasion,
};
use crate::store::items::ItemEvent;
use crate::store::print_jobs::{PrintJob, StoredJob};
use crate::store::{self, View};

use super::draft::Draft;
use super::queue::{PrintQueue, QueueError};
use crate::devices::Strikes;

/// A mark on its way into the store.
pub(super) struct Made {
    /// P31: for the device's journal.
    pub(super) line: String,
    /// The field, unfolded; `None` for a letter that was accepted before such marks were signed.
    pub(super) mark: Option<String>,
}

/// What the marks of a letter are made over, and the newest of them.
struct Chain {
    contents: Contents,
    /// What the next one points to.
    previous: MarkDigest,
}

impl PrintQueue {
    /// P6: the impression for a step of the paper way.
    pub(super) async fn stamp(
        &self,
        strikes: &mut Strikes,
        facility: &str,
        kind: Kind,
        stored: &StoredJob,
    ) -> Result<Made, QueueError> {
        let id: FacilityId = facility.parse().map_err(|_| NotStamped::NoFacility(facility.to_owned()))?;
        let strike = strikes.strike(&id, kind).await?;
        let instant = strike.instant();
        let workplace = self.registry().workplace_with(&id, strike.device(), instant)?;
        let occasion = Occasion { id: ImpressionId::generate(self.world()), item: stored.job.item, kind, instant };
        let details = Details { s10: stored.job.s10.parse().ok(), ..Details::default() };
        let impression = Impression::make(workplace, occasion, details)?;
        let Some(chain) = self.chain(stored, kind).await? else {
            return Ok(Made { line: impression.journal_line(strike.number(), impression.digest()), mark: None });
        };
        let signed = impression.sign(&chain.contents, &strike.signer(), Some(chain.previous))?;
        let mut line = String::new();
        signed.write_journal_line(&mut line);
        Ok(Made { line, mark: Some(unfolded(&signed.header())) })
    }

    /// What a mark of this kind continues: a receipt the acceptance, a delivery the receipt.
    async fn chain(&self, stored: &StoredJob, kind: Kind) -> Result<Option<Chain>, store::Error> {
        let (job, place) = (stored.job.clone(), stored.draft);
        self.store()
            .read(move |view| {
                let key = view.data_key(job.body, job.data_key.as_ref())?;
                let draft = Draft::decode(&view.record(place, key.as_ref())?)?;
                let length = usize::try_from(draft.header_bytes).unwrap_or(usize::MAX);
                let header = view.body(job.body, 0, length, key.as_ref())?;
                let previous = match kind {
                    Kind::Receive => accept_mark(&draft.item_prefix),
                    _ => newest_receipt(view, job.item)?,
                };
                let accept = accept_mark(&draft.item_prefix).and_then(|mark| mark.signature);
                let (Some(accept), Some(previous)) = (accept, previous) else { return Ok(None) };
                let Ok(body) = <[u8; 32]>::try_from(accept.body_hash) else { return Ok(None) };
                let whole = [draft.item_prefix.as_slice(), &header].concat();
                let contents = Contents::new(HeaderInput::named(&whole, &accept.fields), BodyHash(body));
                Ok(Some(Chain { contents, previous: previous.digest() }))
            })
            .await
    }
}

/// The acceptance; marks of what was paid may stand above it.
fn accept_mark(header: &[u8]) -> Option<Mark> {
    mark_of(header, Kind::Accept).map(|(_, mark)| mark)
}

fn newest_receipt(view: &View<'_>, item: ItemId) -> store::Result<Option<Mark>> {
    let events = view.item_events(item)?;
    let marks = events.iter().rev().filter_map(|(_, event)| Mark::parse(event.mark.as_deref()?).ok());
    Ok(marks.into_iter().find(|mark| mark.kind == Kind::Receive))
}

/// The value of a mark's field on one line.
pub(super) fn unfolded(field: &str) -> String {
    headers::fields(field.as_bytes()).next().map(|field| field.text()).unwrap_or_default()
}

/// The acceptance of a letter that goes to paper, as its events keep it.
pub(super) fn acceptance(item_prefix: &[u8]) -> Option<String> {
    mark_of(item_prefix, Kind::Accept).map(|(text, _)| text)
}

/// P7: the mark of what the addressee of a letter is to pay.
pub(super) fn surcharge_mark(item_prefix: &[u8]) -> Option<Mark> {
    mark_of(item_prefix, Kind::Surcharge).map(|(_, mark)| mark)
}

fn mark_of(item_prefix: &[u8], kind: Kind) -> Option<(String, Mark)> {
    let fields = headers::fields(item_prefix).filter(|field| field.is("Postal-Mark")).map(|field| field.text());
    let mut marks = fields.filter_map(|text| Mark::parse(&text).ok().map(|mark| (text, mark)));
    marks.find(|(_, mark)| mark.kind == kind)
}

/// The marks of a letter up to an event, the newest first, as they stand above a letter.
pub(super) fn marks_until(events: &[(u32, ItemEvent)], number: u32) -> Vec<String> {
    let until = events.iter().filter(|(at, _)| *at <= number);
    let mut marks: Vec<String> = until.filter_map(|(_, event)| event.mark.clone()).collect();
    marks.reverse();
    marks
}

/// The type of what names a recipient on paper (RFC 3464 §2.3.2).
pub(super) const PAPER: &str = "x-postal";

/// The S10 number and the index, which is all that a report says of the addressee.
pub(super) fn recipient(job: &PrintJob) -> String {
    format!("{} {}", job.postal_index, job.s10)
}
