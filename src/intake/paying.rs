//! What payment leaves on a letter: the marks of cancelled payment signs (P2, P8), of a surcharge (P7), and, for a letter
//! from a letter box (P23), the acceptance that its receipt bears (P24).

use crate::devices::Strikes;
use crate::hybrid::PaperPlan;
use crate::ids::ItemId;
use crate::message::headers;
use crate::payment::LetterName;
use crate::postal::{
    ClaimError, Contents, Details, DeviceKind, Facility, FacilityId, Kind, LetterBox, MarkDigest, NotStamped, S10,
    SignHash, SignedImpression,
};
use crate::store::payments::ReceiptMark;
use crate::store::{Batch, StagedBody};

use super::marking::{self, Marking, Stroke};
use super::policy::Routing;
use super::{Envelope, Origin, Refusal, Route, Sender};

/// Where a letter is accepted.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    pub(super) facility: FacilityId,
    /// P23: the box that it was dropped into.
    pub(super) letter_box: Option<LetterBox>,
}

/// Strokes beside those of acceptance, receipt and delivery.
#[derive(Debug, Default)]
pub(super) struct PaymentStrokes {
    cancellations: Vec<(SignHash, Stroke)>,
    surcharge: Option<(u64, Stroke)>,
    receipt: Option<Stroke>,
}

/// What is made of them.
#[derive(Debug, Default)]
pub(super) struct PaymentMarks {
    /// In the order in which they were made.
    cancellations: Vec<SignedImpression>,
    pub(super) surcharge: Option<SignedImpression>,
    pub(super) receipt: Option<ReceiptMark>,
}

/// What the marks of payment are made on.
#[derive(Debug)]
pub(super) struct Accepted<'a> {
    pub(super) item: ItemId,
    pub(super) origin: &'a Origin,
    pub(super) s10: Option<S10>,
    pub(super) contents: &'a Contents,
    /// The acceptance.
    pub(super) accept: MarkDigest,
}

impl Marking {
    /// P23: order 57 cl. 9. Ordinary letters for paper, and for nobody else that they name, go through the virtual letter
    /// box of the facility that accepts them, or of the print centre that is offered them first, where there is one:
    /// whoever empties the box accepts them. All others are accepted at the door they came through.
    pub(super) fn counter(
        &self,
        strikes: &Strikes,
        door: FacilityId,
        routing: &Routing,
        header: &[u8],
        paper: Option<&PaperPlan>,
    ) -> Counter {
        // The page shows who accepted it: of blind copies by mail it tells nothing.
        let is_paper = |(_, route): &(_, Route)| *route == Route::Paper;
        let plan = paper.filter(|plan| plan.is_ordinary() && routing.shown(header).all(is_paper));
        let centre = plan.and_then(PaperPlan::centre).and_then(|centre| centre.parse().ok());
        let candidates = plan.map(|_| door.clone()).into_iter().chain(centre);
        // P31: where the postmark was returned nobody empties the box.
        let candidates = candidates.filter(|id| strikes.has(id, DeviceKind::Postmark));
        let boxes = candidates.filter_map(|id: FacilityId| {
            let letter_box = self.facility_now(&id)?.virtual_letter_box()?.clone();
            Some(Counter { facility: id, letter_box: Some(letter_box) })
        });
        boxes.into_iter().next().unwrap_or(Counter { facility: door, letter_box: None })
    }

    /// Brings down the stamps that payment needs.
    pub(super) async fn strike_payment(
        &self,
        strikes: &mut Strikes,
        counter: &Counter,
        paper: Option<&PaperPlan>,
    ) -> Result<PaymentStrokes, Refusal> {
        let mut made = PaymentStrokes::default();
        let Some(settlement) = paper.map(PaperPlan::settlement) else { return Ok(made) };
        let id = &counter.facility;
        // P2: no sign is cancelled without its impression.
        let facility =
            self.facility_now(id).ok_or_else(|| marking::no_mark(&NotStamped::NoFacility(id.to_string())))?;
        for (sign, device) in settlement.cancellations(facility, self.world.now()) {
            // P31: a special stamp that was returned cancels nothing.
            let device = if strikes.has(id, device) { device } else { DeviceKind::Postmark };
            made.cancellations.push((sign, marking::stroke_with(strikes, id.clone(), device).await?));
        }
        if settlement.due().0 > 0 {
            let id = self.surcharging_facility(strikes, id)?;
            let stroke = marking::stroke_with(strikes, id, DeviceKind::Surcharge).await?;
            made.surcharge = Some((settlement.due().0, stroke));
        }
        // P24: the date of the box is for the item alone.
        if counter.letter_box.is_some() {
            made.receipt = Some(marking::stroke_with(strikes, id.clone(), DeviceKind::Postmark).await?);
        }
        Ok(made)
    }

    /// Signs what was struck and journals it. Each mark points to the acceptance.
    pub(super) fn mark_payment(
        &self,
        strokes: &PaymentStrokes,
        letter: &Accepted<'_>,
        batch: &mut Batch,
    ) -> Result<PaymentMarks, Refusal> {
        let mut sign = |stroke: &Stroke, kind, details| {
            let impression = self.make(letter.item, stroke, kind, details)?;
            let mark = marking::sign(impression, stroke, letter.contents, Some(letter.accept))?;
            batch.journal_with(|line| mark.write_journal_line(line));
            Ok::<_, Refusal>(mark)
        };
        let mut marks = PaymentMarks::default();
        for (hash, stroke) in &strokes.cancellations {
            let details = Details { s10: letter.s10, payment_sign: Some(hash.0), ..Details::default() };
            marks.cancellations.push(sign(stroke, Kind::Cancel, details)?);
        }
        if let Some((due, stroke)) = &strokes.surcharge {
            let details = Details { s10: letter.s10, amount_due: Some(*due), ..Details::default() };
            marks.surcharge = Some(sign(stroke, Kind::Surcharge, details)?);
        }
        if let Some(stroke) = &strokes.receipt {
            let details = marking::acceptance_details(letter.origin, letter.s10);
            marks.receipt = Some(receipt_of(&sign(stroke, Kind::Accept, details)?, stroke));
        }
        Ok(marks)
    }

    /// The accepting facility, or, where it has no surcharge stamp, the one that checks what submissions are paid with.
    fn surcharging_facility(&self, strikes: &Strikes, accepting: &FacilityId) -> Result<FacilityId, Refusal> {
        if strikes.has(accepting, DeviceKind::Surcharge) {
            return Ok(accepting.clone());
        }
        marking::facility_id(&self.facilities.submission_facility)
    }

    fn facility_now(&self, id: &FacilityId) -> Option<&Facility> {
        self.registry.facility(id, self.world.now())
    }
}

fn receipt_of(mark: &SignedImpression, stroke: &Stroke) -> ReceiptMark {
    let impression = mark.impression();
    ReceiptMark {
        header: mark.fields(),
        line: impression.line(),
        facility: stroke.facility.to_string(),
        device: stroke.strike.device().to_string(),
        impression: impression.id(),
        instant_s: impression.instant().as_second(),
    }
}

impl PaymentMarks {
    /// The fields for the letter's header, the newest on top.
    pub(super) fn fields(&self) -> String {
        let marks = self.cancellations.iter().chain(&self.surcharge).rev();
        marks.map(SignedImpression::fields).collect()
    }
}

/// The signs that a letter names, `most` at most. Read before the field is taken out; what it says is repeated nowhere.
pub(super) fn claimed(header: &[u8], most: usize) -> Result<Vec<SignHash>, ClaimError> {
    let mut given = headers::fields(header).filter(|field| field.is("Postal-Payment"));
    match (given.next(), given.next()) {
        (None, _) => Ok(Vec::new()),
        (Some(only), None) => SignHash::claimed(&only.text(), most),
        (Some(_), Some(_)) => Err(ClaimError::Form),
    }
}

/// Names the letter as it came.
pub(super) fn name_of(origin: &Origin, envelope: &Envelope, body: &StagedBody) -> LetterName {
    let sender = match &origin.sender {
        Sender::Account { id, .. } => format!("account {}", id.0),
        Sender::Peer { name, .. } => format!("peer {name}"),
        Sender::Stranger | Sender::Operator => String::new(),
    };
    let mut recipients: Vec<String> =
        envelope.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
    // Whoever sends it again may name them in another order.
    recipients.sort_unstable();
    recipients.dedup();
    LetterName::of(&sender, recipients.iter().map(String::as_str), body.id())
}
