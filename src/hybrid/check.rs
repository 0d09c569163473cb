//! The check of a letter on paper, while its sender is still on the line: addressee, content, documents, quota
//! and a print centre that can make it. What passes gets its S10 number and, at the commit, its print job.

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, ItemId};
use crate::intake::{Envelope, Origin, Refusal, Sender};
use crate::locale::{self, Lang};
use crate::message::headers::{self, fields};
use crate::message::{AddressEntry, Envelope as MessageEnvelope, Structure};
use crate::payment::{Bill, LetterName, Payer, PaymentError, Settlement};
use crate::postal::{
    self, Class, Colour, Form, Impression, LetterOptions, PostalAddress, PostalIndex, RoundPostmark, S10, SignHash,
    Stamp,
};
use crate::store::items::add_event;
use crate::store::payments::ReceiptMark;
use crate::store::print_jobs::{PrintJob, State, add_job, add_notice};
use crate::store::vault::RowText;
use crate::store::{Batch, StagedBody};

use super::Paper;
use super::content::{ContentError, Enclosure, Limits, enclosure_bytes, gather};
use super::draft::Draft;
use super::letter::{Block, Carrier, CheckFailure, Format, Sides, blocks};
use super::paper_marks::acceptance;
use super::queue::{event, milliseconds};
use super::s10_numbers::S10Exhausted;
use super::worker::protocol::{Answer, Document, Request};
use super::workers::WorkerError;

/// A letter that asks to become paper.
#[derive(Clone, Copy, Debug)]
pub struct PaperLetter<'a> {
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Its envelope.
    pub envelope: &'a Envelope,
    /// The recipient in the hybrid domain.
    pub recipient: &'a Address,
    /// Its bytes, after the edits of intake.
    pub body: &'a StagedBody,
    /// Their structure.
    pub structure: &'a Structure,
    /// Their top header block.
    pub header: &'a Bytes,
    /// What is given for it.
    pub payment: Given<'a>,
}

/// What a sender gives for a letter.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The item that the letter becomes.
    pub item: ItemId,
    /// The signs that it names.
    pub signs: &'a [SignHash],
    /// See [`LetterName`].
    pub letter: LetterName,
}

/// A letter that was found good: all that its print job needs.
#[derive(Clone, Debug)]
pub struct PaperPlan {
    s10: S10,
    options: LetterOptions,
    addressee: PostalAddress,
    sender: Vec<String>,
    account: Option<AccountId>,
    report_to: Option<Address>,
    message_id: Option<String>,
    subject: String,
    text: Vec<Block>,
    enclosures: Vec<Enclosure>,
    header_bytes: u64,
    centre: Option<String>,
    settlement: Settlement,
}

/// What intake knows of the item when it composes the commit.
#[derive(Clone, Debug)]
pub struct PaperItem {
    /// Its id.
    pub item: ItemId,
    /// When it was accepted.
    pub instant: Timestamp,
    /// The bytes of its prefix: the acceptance, under the marks of what was paid.
    pub item_prefix: Vec<u8>,
    /// Its body, in the same batch.
    pub body: BodyId,
    /// Length of the body.
    pub body_bytes: u64,
    /// The accept mark.
    pub accept: Impression,
    /// P7: the mark of what is still to be paid.
    pub surcharge: Option<Impression>,
    /// P24: the mark for its receipt, where it is not that of the item.
    pub receipt: Option<ReceiptMark>,
    /// How its sender hears of it.
    pub telling: Telling,
}

/// How the sender of a letter on paper hears of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// By a message for each step.
    ByStatus,
    /// As by status, but the acceptance has a receipt (P18).
    ByReceipt,
    /// Not at all (RFC 3461 §4.1, `NOTIFY=NEVER`).
    Nothing,
}

impl PaperPlan {
    /// How it is paid.
    #[must_use]
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// P23: an ordinary letter, as they come from letter boxes.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.options.class == Class::Ordinary
    }

    /// The print centre that is offered the letter first.
    #[must_use]
    pub fn centre(&self) -> Option<&str> {
        self.centre.as_deref()
    }

    /// The number that the item has on paper.
    #[must_use]
    pub fn s10(&self) -> S10 {
        self.s10
    }

    /// Where it goes, as a receipt says it; the full address is for the carrier alone (M7).
    #[must_use]
    pub fn index(&self) -> &PostalIndex {
        &self.addressee.index
    }
}

impl Paper {
    /// Checks a letter; takes well under a second.
    ///
    /// # Errors
    /// `BadPaperAddress`, `BadPaperContent`, `TooLarge`, `OverQuota`; `Temporary` when no worker can look.
    pub async fn check(&self, letter: &PaperLetter<'_>) -> Result<PaperPlan, Refusal> {
        let options: LetterOptions = letter
            .recipient
            .local()
            .parse()
            .map_err(|error: postal::ClassError| Refusal::BadPaperAddress(error.to_string()))?;
        let limit = self.settings().max_message_bytes;
        if letter.body.len() > limit {
            return Err(Refusal::TooLarge { size: letter.body.len(), limit });
        }
        let account = match &letter.origin.sender {
            Sender::Account { id, .. } => Some(*id),
            _ => None,
        };
        self.check_quota(account).await?;
        let read = |offset: u64, len: usize| letter.body.read_at(offset, len);
        let limits =
            Limits { max_text_bytes: self.settings().max_text_bytes, max_documents: self.settings().max_attachments };
        let mut content = gather(letter.structure, &read, limits).map_err(content_refusal)?;
        let addressee = addressee(letter.header, &mut content.text)?;
        let centre = self.check_centre(&addressee, options)?;
        let header_bytes = letter.structure.root.body.start;
        for enclosure in &mut content.documents {
            let bytes = enclosure_bytes(enclosure, header_bytes, &read)?;
            enclosure.pages = self.pages_of(enclosure, bytes).await?;
        }
        let text = blocks(&content.text);
        check_size(options, &text, &content.documents, self.settings().max_sheets).map_err(bad_content)?;
        let envelope = MessageEnvelope::parse(letter.header);
        let range = match options.class {
            Class::Ordinary => &self.facilities().s10_ordinary,
            Class::Registered | Class::Valued => &self.facilities().s10_registered,
        };
        let settlement = self.settle(letter, options, sheets_of(options, &text, &content.documents)).await?;
        if let Some(account) = account {
            self.take_from_quota(account).await?;
        }
        let s10 = self.numbers().take(range).await.map_err(number_refusal)?;
        Ok(PaperPlan {
            s10,
            options,
            addressee,
            sender: sender_lines(letter, &envelope),
            account,
            report_to: letter.envelope.reverse_path.address().cloned(),
            subject: subject_of(&envelope),
            message_id: envelope.message_id,
            text,
            enclosures: content.documents,
            header_bytes,
            centre,
            settlement,
        })
    }

    /// Adds the print job to the commit that accepts the letter.
    ///
    /// # Errors
    /// A row cannot be written.
    pub fn add_to_batch(&self, batch: &mut Batch, plan: PaperPlan, place: PaperItem) -> Result<(), Refusal> {
        let draft = Draft {
            format: format_of(plan.options),
            sides: match plan.options.sides {
                postal::Sides::Simplex => Sides::One,
                postal::Sides::Duplex => Sides::Two,
            },
            carrier: self.carrier(&plan, &place),
            text: plan.text,
            enclosures: plan.enclosures,
            header_bytes: plan.header_bytes,
            item_prefix: place.item_prefix,
            surcharge_svg: place.surcharge.as_ref().map(|surcharge| Stamp::of(surcharge).svg()),
        };
        let mut accepted = event(place.instant, State::Accepted.name(), "server", None);
        accepted.mark = acceptance(&draft.item_prefix);
        let record = batch.record_for(place.body, draft.encode()?);
        let fallback_id = || {
            let domain = plan.report_to.as_ref().map_or(self.mail_domain(), |address| address.domain().as_str());
            // As intake writes it into the prefix of a letter without one.
            format!("<{}@{domain}>", place.item)
        };
        let mut job = PrintJob {
            item: place.item,
            s10: plan.s10.to_string(),
            state: State::Accepted,
            format: plan.options.form.name().to_owned(),
            class: plan.options.class.name().to_owned(),
            colour: plan.options.colour == Colour::Colour,
            duplex: needs_duplex(plan.options),
            postal_index: plan.addressee.index.to_string(),
            account: plan.account,
            message_id: Some(plan.message_id.clone().unwrap_or_else(fallback_id)),
            report_to: plan.report_to.as_ref().filter(|_| place.telling != Telling::Nothing).map(Address::to_string),
            subject: RowText::Plain(plan.subject),
            body: place.body,
            data_key: None,
            body_bytes: place.body_bytes,
            accepted_us: place.instant.as_microsecond(),
            offers: Vec::new(),
            lease: None,
            fence: 0,
            attempts: 0,
            document: None,
        };
        plan.settlement.add_to_batch(batch, place.item, place.instant, place.receipt)?;
        add_job(batch, &mut job, record, milliseconds(place.instant))?;
        let number = add_event(batch, place.item, &accepted)?;
        if place.telling == Telling::ByStatus {
            add_notice(batch, place.item, number);
        }
        Ok(())
    }

    /// Refuses early what [`Paper::take_from_quota`] would refuse in the end.
    async fn check_quota(&self, account: Option<AccountId>) -> Result<(), Refusal> {
        let Some(account) = account else { return Ok(()) };
        let key = quota_key(account, self.now());
        let sent = self.store().read(move |view| view.counter(&key)).await?;
        if sent >= i64::from(self.settings().max_letters_per_day) { Err(self.over_quota()) } else { Ok(()) }
    }

    /// Counts a good letter. Each gets its own number of the day, so letters that are checked at the same time
    /// cannot share the last place.
    async fn take_from_quota(&self, account: AccountId) -> Result<(), Refusal> {
        let mut batch = Batch::new();
        let slot = batch.allocate(quota_key(account, self.now()), 1);
        let number = self.store().commit(batch).await?.number(slot);
        if number > u64::from(self.settings().max_letters_per_day) { Err(self.over_quota()) } else { Ok(()) }
    }

    fn over_quota(&self) -> Refusal {
        let limit = self.settings().max_letters_per_day;
        Refusal::OverQuota(format!("{limit} letters on paper a day; try again tomorrow"))
    }

    /// P7: how the letter is paid, before anything is taken for it.
    async fn settle(
        &self,
        letter: &PaperLetter<'_>,
        options: LetterOptions,
        sheets: u32,
    ) -> Result<Settlement, Refusal> {
        let payer = match &letter.origin.sender {
            Sender::Account { id, .. } => Payer::Account(*id),
            _ => Payer::Peer,
        };
        let Given { item, signs, letter } = letter.payment;
        let settled = self.payments().settle(&Bill { item, payer, options, sheets, signs, letter }).await;
        settled.map_err(|error| match error {
            PaymentError::Store(error) => Refusal::Store(error),
            PaymentError::NoFacility(_) | PaymentError::SameLetter => Refusal::Temporary(error.to_string()),
            PaymentError::Missing(_) => Refusal::NotPaid(error.to_string()),
        })
    }

    /// The print centre that is offered the letter first.
    fn check_centre(&self, addressee: &PostalAddress, options: LetterOptions) -> Result<Option<String>, Refusal> {
        let (colour, duplex) = (options.colour == Colour::Colour, needs_duplex(options));
        if let Some(first) = self.queue().offers(&addressee.index, colour, duplex).into_iter().next() {
            return Ok(Some(first.centre));
        }
        if self.queue().is_served(&addressee.index, colour, duplex) {
            return Err(Refusal::Temporary("every print centre for this letter is disabled".into()));
        }
        Err(Refusal::BadPaperAddress(format!("no print centre serves {} with these options", addressee.index)))
    }

    /// Opens one document in a worker.
    async fn pages_of(&self, enclosure: &Enclosure, bytes: Vec<u8>) -> Result<u32, Refusal> {
        let document = Document { kind: enclosure.kind, bytes };
        match self.workers().perform(&Request::Inspect(document)).await {
            Ok(Answer::Facts(facts)) => Ok(facts.pages),
            Ok(Answer::Failed(failure)) => Err(bad_content(named(failure, &enclosure.name))),
            Ok(_) => Err(Refusal::Temporary("a document could not be checked".into())),
            // What kills a new worker is the document.
            Err(WorkerError::Crashed) => Err(bad_content(CheckFailure::Unreadable {
                name: enclosure.name.clone(),
                why: "it takes too much memory or time".into(),
            })),
            Err(error) => Err(Refusal::Temporary(error.to_string())),
        }
    }

    fn carrier(&self, plan: &PaperPlan, place: &PaperItem) -> Carrier {
        let accept = &place.accept;
        let class = match plan.options.form {
            Form::Postcard => "format-postcard".to_owned(),
            Form::Letter => format!("class-{}", plan.options.class.name()),
        };
        let names: Vec<&str> = plan.enclosures.iter().map(|enclosure| enclosure.name.as_str()).collect();
        let mut facts = vec![(both("carrier-class"), both(&class)), (both("carrier-accepted"), accept.line())];
        if !plan.subject.is_empty() {
            facts.push((both("carrier-subject"), plan.subject.clone()));
        }
        if !names.is_empty() {
            facts.push((both("carrier-contents"), names.join(", ")));
        }
        facts.push((both("carrier-sheets"), String::new()));
        Carrier {
            operator: self.operator_name(),
            address: plan.addressee.printed_lines(),
            sender: plan.sender.clone(),
            item_id: place.item.to_string(),
            s10: plan.s10.to_string(),
            facts,
            sender_label: both("carrier-sender"),
            footer: both("carrier-footer"),
            postmark_svg: RoundPostmark::of(accept).svg(),
            accepted_unix: place.instant.as_second(),
        }
    }
}

/// P25: the state language first; Russian beside it.
fn both(key: &str) -> String {
    locale::in_all(key, &[], &[Lang::Kk, Lang::Ru], " · ")
}

/// `Postal-To`, exactly one; else the first lines of the text, which are then left out of it.
fn addressee(header: &[u8], text: &mut String) -> Result<PostalAddress, Refusal> {
    let given: Vec<String> =
        fields(header).filter(|field| field.is("Postal-To")).map(|field| field.decoded()).collect();
    match given.as_slice() {
        [] => {
            let found = PostalAddress::from_text(text).map_err(bad_address)?;
            text.replace_range(..found.text_from.min(text.len()), "");
            Ok(found.address)
        }
        [one] => PostalAddress::from_header(one).map_err(bad_address),
        _ => Err(Refusal::BadPaperAddress("more than one Postal-To field; a letter has one addressee".into())),
    }
}

/// The error itself shows how an address is written.
fn bad_address(error: postal::PostalAddressError) -> Refusal {
    Refusal::BadPaperAddress(error.to_string())
}

fn bad_content(failure: CheckFailure) -> Refusal {
    Refusal::BadPaperContent(failure.to_string())
}

fn content_refusal(error: ContentError) -> Refusal {
    match error {
        ContentError::Store(error) => Refusal::Store(error),
        other => Refusal::BadPaperContent(other.to_string()),
    }
}

fn number_refusal(error: S10Exhausted) -> Refusal {
    match error {
        S10Exhausted::Store(error) => Refusal::Store(error),
        other => Refusal::Temporary(other.to_string()),
    }
}

/// Workers know documents by kind only; people know them by name.
fn named(failure: CheckFailure, name: &str) -> CheckFailure {
    match failure {
        CheckFailure::Encrypted(_) => CheckFailure::Encrypted(name.to_owned()),
        CheckFailure::Unreadable { why, .. } => CheckFailure::Unreadable { name: name.to_owned(), why },
        other => other,
    }
}

/// An estimate that never says "too long" to a letter that fits: the press counts exactly.
fn check_size(
    options: LetterOptions,
    text: &[Block],
    documents: &[Enclosure],
    max_sheets: u32,
) -> Result<(), CheckFailure> {
    if text.is_empty() && documents.is_empty() {
        return Err(CheckFailure::Empty);
    }
    if options.form == Form::Postcard {
        return if documents.is_empty() { Ok(()) } else { Err(CheckFailure::PostcardAttachment) };
    }
    let text_pages = u32::try_from(lines_of(text) / LINES_A_PAGE).unwrap_or(u32::MAX);
    let pages = documents.iter().fold(text_pages, |sum, document| sum.saturating_add(document.pages));
    let sheets = if options.sides == postal::Sides::Duplex { pages / 2 } else { pages };
    if sheets > max_sheets { Err(CheckFailure::TooManySheets { sheets, limit: max_sheets }) } else { Ok(()) }
}

/// Lines that certainly fill a page.
const LINES_A_PAGE: usize = 60;

fn lines_of(text: &[Block]) -> usize {
    let lines = text.iter().map(|block| match block {
        Block::Paragraph { lines } | Block::Quote { lines } => lines.len(),
    });
    lines.sum()
}

/// The sheets that are paid for, without the carrier sheet: a sender can count them before the letter is drawn. The
/// layout may take more, for long lines, at the operator's cost.
fn sheets_of(options: LetterOptions, text: &[Block], documents: &[Enclosure]) -> u32 {
    let text_pages = u32::try_from(lines_of(text).div_ceil(LINES_A_PAGE)).unwrap_or(u32::MAX);
    let pages = documents.iter().fold(text_pages, |sum, document| sum.saturating_add(document.pages));
    if options.sides == postal::Sides::Duplex { pages.div_ceil(2) } else { pages }
}

/// The operator knows who sends (FACTS B8): the author's name and the address of the account or peer.
fn sender_lines(letter: &PaperLetter<'_>, envelope: &MessageEnvelope) -> Vec<String> {
    // A longer name would push the address, which the operator vouches for, off its field on the carrier.
    const LONGEST_NAME: usize = 100;
    let name = envelope.from.iter().find_map(|entry| match entry {
        AddressEntry::Mailbox { name: Some(name), .. } => {
            Some(headers::decode_words(name).chars().take(LONGEST_NAME).collect::<String>())
        }
        _ => None,
    });
    let address = match &letter.origin.sender {
        Sender::Account { address, .. } => address.to_string(),
        _ => letter.envelope.reverse_path.address().map(Address::to_string).unwrap_or_default(),
    };
    name.into_iter().chain([address]).map(|line| super::letter::printable(&line)).collect()
}

fn subject_of(envelope: &MessageEnvelope) -> String {
    const LONGEST: usize = 200;
    let subject = envelope.subject.as_deref().map(headers::decode_words).unwrap_or_default();
    super::letter::printable(&subject).chars().take(LONGEST).collect()
}

/// Letters of an account in a day (UTC).
fn quota_key(account: AccountId, now: Timestamp) -> Vec<u8> {
    let day = u32::try_from(now.as_second().div_euclid(86_400)).unwrap_or(0);
    crate::store::print_jobs::quota_key(account, day)
}

/// A post card has text on its back.
fn needs_duplex(options: LetterOptions) -> bool {
    options.sides == postal::Sides::Duplex || options.form == Form::Postcard
}

fn format_of(options: LetterOptions) -> Format {
    match options.form {
        Form::Letter => Format::Letter,
        Form::Postcard => Format::Postcard,
    }
}
