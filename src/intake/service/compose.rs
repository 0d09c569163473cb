//! Everything that must exist when the client sees `250`, in one batch.

use bytes::Bytes;
use jiff::tz::Offset;

use crate::hybrid::{PaperItem, PaperPlan, Telling};
use crate::ids::EmailId;
use crate::message::{Structure, Summary, ids};
use crate::postal::{Contents, HeaderInput, SignedImpression};
use crate::store::vault::Sharing;
use crate::store::{Batch, RecordSlot};

use super::super::content::Content;
use super::super::item::{Bound, Item, Mailbox, Onward, SharedPrefix};
use super::super::marking::{self, Arrival, Stroke, Strokes};
use super::super::named::Named;
use super::super::paying::{Accepted, PaymentMarks};
use super::super::policy::Routing;
use super::super::prefix::ItemPrefix;
use super::super::receipts::{Parts, Receipts};
use super::super::room::Answer;
use super::super::{Origin, Refusal, Route};
use super::{Inner, Letter, Marked};

/// The acceptance takes about so many bytes, with the line for people.
const MARK_BYTES: usize = 2 << 10;

/// A letter that is accepted: its marks are made, and its bytes have their place in the batch.
struct Placed {
    item: Item,
    origin: Origin,
    routing: Routing,
    header: Bytes,
    structure: Structure,
    contents: Contents,
    accept: SignedImpression,
    payment: PaymentMarks,
    strokes: Strokes,
    answer: Answer,
    /// With the item's prefix.
    paper: Option<(PaperPlan, Vec<u8>)>,
    receipts: Option<Receipts>,
}

/// The copies of the letter, each with the record of its own prefix.
type Copies<'a> = Vec<(&'a Mailbox, RecordSlot)>;

impl Inner {
    /// See the module's text.
    pub(super) fn compose(&self, marked: Marked, mut batch: Batch) -> Result<Batch, Refusal> {
        let placed = self.place(marked, &mut batch)?;
        let copies = self.deliver(&placed, &mut batch)?;
        placed.send_on(&mut batch)?;
        placed.owe_receipts(&mut batch, &copies)?;
        drop(copies);
        self.put_on_paper(placed, &mut batch)?;
        Ok(batch)
    }

    /// The acceptance with the marks of payment, then prefix and body.
    fn place(&self, marked: Marked, batch: &mut Batch) -> Result<Placed, Refusal> {
        let Marked { letter, strokes, payment, letter_box, answer } = marked;
        let s10 = letter.paper.as_ref().map(PaperPlan::s10);
        let below = self.prefix(&letter, &strokes.accept);
        let added_id = self.missing_message_id(&letter);
        let header = HeaderInput::to_sign(&[below.as_bytes(), &letter.content.header]);
        let contents = Contents::new(header, letter.content.hash);
        let accept = self.marking.accept(letter.item, &strokes.accept, &letter.origin, s10, letter_box)?;
        let accept = marking::sign(accept, &strokes.accept, &contents, None)?;
        batch.journal_with(|line| accept.write_journal_line(line));
        let (item, origin) = (letter.item, &letter.origin);
        let accepted = Accepted { item, origin, s10, contents: &contents, accept: accept.digest() };
        let payment = self.marking.mark_payment(&payment, &accepted, batch)?;

        let mut prefix = payment.fields();
        prefix.reserve(MARK_BYTES + below.len());
        accept.write_fields(&mut prefix);
        let marks_len = prefix.len();
        prefix.push_str(&below);
        let prefix = prefix.into_bytes();
        let Letter { item: id, origin, envelope, routing, content, paper, .. } = letter;
        let Content { body, header, structure, .. } = content;
        // Marks say nothing that a summary tells of.
        let summary = Summary::of(below.as_bytes(), &structure, &header).below(marks_len as u64);
        let message_id = ids::message_id_hash(below.as_bytes()).or_else(|| ids::message_id_hash(&header));
        let body_bytes = body.len();
        let sharing = routing.sharing();
        let key = self.policy.store.letter_key(&body, sharing)?;
        let body = batch.letter(body, key);
        let paper = paper.map(|plan| (plan, prefix.clone()));
        let most = self.policy.settings.max_registered_recipients;
        let receipts = Receipts::of(&origin, &envelope, &header, added_id, most);
        let receipts = receipts.filter(|receipts| receipts.are_due(&routing));
        let prefix = match sharing {
            Sharing::One(_) if receipts.is_none() => SharedPrefix::Within(prefix),
            _ => {
                let len = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
                SharedPrefix::Beside(batch.record_for(body, prefix), len)
            }
        };
        let (instant, email) = (strokes.accept.strike.instant(), EmailId(id.0));
        let item = Item { id, instant, envelope, prefix, body, body_bytes, summary, message_id, email };
        Ok(Placed {
            item,
            origin,
            routing,
            header,
            structure,
            contents,
            accept,
            payment,
            strokes,
            answer,
            paper,
            receipts,
        })
    }

    /// A copy for each mailbox, with its receipt and delivery.
    fn deliver<'a>(&self, placed: &'a Placed, batch: &mut Batch) -> Result<Copies<'a>, Refusal> {
        let Placed { item, origin, contents, accept, answer, .. } = placed;
        let mut copies = Vec::new();
        for (mailbox, strokes) in placed.routing.mailboxes.iter().zip(&placed.strokes.arrivals) {
            let recipient = &mailbox.recipient;
            let arrival = Arrival { item: item.id, recipient, strokes, contents, accept: accept.digest() };
            let arrival = self.marking.arrive(&arrival)?;
            let allowance = self.room.allowance(origin, &mailbox.account);
            let prefix = item.deliver(batch, mailbox, &arrival, Bound { allowance, answer: *answer })?;
            copies.push((mailbox, prefix));
        }
        Ok(copies)
    }

    fn put_on_paper(&self, placed: Placed, batch: &mut Batch) -> Result<(), Refusal> {
        let Placed { item, routing, accept, payment, paper, receipts, .. } = placed;
        let Some((plan, item_prefix)) = paper else { return Ok(()) };
        let telling = receipts.map_or(Telling::ByStatus, |receipts| receipts.of_paper(&routing.routes));
        let place = PaperItem {
            item: item.id,
            instant: item.instant,
            item_prefix,
            body: item.body,
            body_bytes: item.body_bytes,
            accept: accept.into_impression(),
            surcharge: payment.surcharge.map(SignedImpression::into_impression),
            receipt: payment.receipt,
            telling,
        };
        self.paper.add_to_batch(batch, plan, place)
    }

    /// The headers that all copies begin with, below the acceptance.
    fn prefix(&self, letter: &Letter, accept: &Stroke) -> String {
        let instant = accept.strike.instant();
        ItemPrefix {
            item: letter.item,
            authentication: letter.assessment.as_ref().map(|assessment| assessment.header.as_str()),
            arriving: &letter.arriving,
            origin: &letter.origin,
            host_name: &self.host_name,
            instant,
            offset: self.offset(accept),
            add_date: letter.adds_fields() && !letter.content.has("Date"),
            add_message_id: self.missing_message_id(letter),
            hide_address: self.policy.settings.hide_user_address,
            is_internationalized: letter.is_internationalized(),
        }
        .render()
    }

    fn offset(&self, accept: &Stroke) -> Offset {
        let instant = accept.strike.instant();
        let facility = self.marking.registry.facility(&accept.facility, instant);
        facility.map_or(Offset::UTC, |facility| facility.zone.offset_at(instant))
    }

    /// RFC 6409 §8.3: a submission without Message-ID gets one.
    fn missing_message_id(&self, letter: &Letter) -> Option<String> {
        let missing = letter.adds_fields() && !letter.content.has("Message-ID");
        missing.then(|| format!("{}@{}", letter.item, letter.sender_domain().unwrap_or(&self.host_name)))
    }
}

impl Placed {
    /// A row of the outbound queue for each recipient elsewhere.
    fn send_on(&self, batch: &mut Batch) -> Result<(), Refusal> {
        if !self.routing.routes.iter().any(|(_, route)| matches!(route, Route::Remote(_))) {
            return Ok(());
        }
        let named = Named::in_header(&self.header);
        for (number, (recipient, route)) in self.routing.routes.iter().enumerate() {
            if let Route::Remote(_) = route {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                let wanted = self.receipts.as_ref().map(|receipts| receipts.wanted(recipient, route));
                let is_blind = !named.has(&recipient.address);
                self.item.send_on(batch, &Onward { number, recipient, wanted, is_blind }, &self.structure)?;
            }
        }
        Ok(())
    }

    fn owe_receipts(&self, batch: &mut Batch, copies: &Copies<'_>) -> Result<(), Refusal> {
        let Some(receipts) = &self.receipts else { return Ok(()) };
        let Item { id: item, instant, body, ref prefix, .. } = self.item;
        let item_prefix = prefix.record(batch, body);
        // P24: the receipt of a letter from a box shows its actual acceptance.
        let own = self.payment.receipt.as_ref().map(|mark| mark.header.clone().into_bytes());
        let own_mark = own.map(|fields| batch.record_for(body, fields));
        let paper = self.paper.as_ref().map(|(plan, _)| plan);
        let parts = Parts { item, instant, body, item_prefix, header: &self.header, own_mark, paper };
        receipts.add_to_batch(batch, parts, &self.routing.routes, copies)
    }
}
