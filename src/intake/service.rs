//! The service: from a submission to one durable commit.

use std::sync::Arc;

use jiff::tz::Offset;
use tokio::sync::Semaphore;

use crate::accounts::Accounts;
use crate::address::{Address, ReversePath};
use crate::clock::World;
use crate::devices::Devices;
use crate::hybrid::{Given, Paper, PaperItem, PaperPlan, Telling};
use crate::ids::{EmailId, ItemId};
use crate::message::{Caps, Summary, ids};
use crate::postal::{self, Contents, HeaderInput, LetterBox, Registry, SignHash, SignedImpression};
use crate::quota;
use crate::store::mailboxes::Prefix;
use crate::store::{Batch, BodyWriter, StagedBody, Store};
use crate::trust::{Assessment, Incoming, Verifier};

use super::arriving::ArrivingMarks;
use super::content::{self, Content, Editor};
use super::item::{Bound, Item};
use super::marking::{self, Marking, Stroke, Strokes};
use super::paying::{self, Accepted, PaymentStrokes};
use super::policy::{Policy, Routing};
use super::prefix::{ItemPrefix, fields_of};
use super::receipts::{Parts, Receipts};
use super::room::{Answer, Arrival, Mailboxes, Room};
use super::{
    BodyType, Entrance, Envelope, Origin, Receipt, Recipient, Refusal, ReportWishes, Route, Sender, Settings,
    Submission,
};

/// What intake is built from.
#[derive(Debug)]
pub struct Services {
    /// `[intake]`.
    pub settings: Settings,
    /// The domain of letters on paper.
    pub hybrid_domain: String,
    /// How much of a message is looked into.
    pub caps: Caps,
    /// `[postal]`: which facility makes which mark.
    pub facilities: postal::Settings,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// The devices that mark letters.
    pub devices: Devices,
    /// Where everything goes.
    pub store: Store,
    /// Who has which address.
    pub accounts: Accounts,
    /// SPF, DKIM, ARC, DMARC.
    pub verifier: Verifier,
    /// Letters that become paper.
    pub paper: Paper,
    /// Our name in `Received` and `Authentication-Results`.
    pub host_name: String,
    /// What a mailbox may hold.
    pub quota: quota::Settings,
    /// Time and randomness.
    pub world: World,
}

/// The one way in. Clones share it.
#[derive(Clone, Debug)]
pub struct Intake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    policy: Policy,
    caps: Caps,
    marking: Marking,
    verifier: Verifier,
    paper: Paper,
    room: Room,
    host_name: String,
    world: World,
    /// Turns of letters to many mailboxes.
    composing: Arc<Semaphore>,
}

impl Intake {
    /// Builds the service.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let Services { settings, hybrid_domain, caps, facilities, registry, store, accounts, verifier, .. } = services;
        let Services { devices, paper, host_name, quota, world, .. } = services;
        let room = Room { settings: quota };
        let policy = Policy { settings, hybrid_domain, accounts, store };
        let marking = Marking { registry, facilities, devices, world: world.clone() };
        let composing = Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));
        Intake { inner: Arc::new(Inner { policy, caps, marking, verifier, paper, room, host_name, world, composing }) }
    }

    /// MAIL: may this sender use this reverse-path?
    ///
    /// # Errors
    /// `SenderNotYours`, `Store(Full)`.
    pub async fn check_sender(&self, origin: &Origin, reverse_path: &ReversePath) -> Result<(), Refusal> {
        self.inner.policy.check_sender(origin, reverse_path)
    }

    /// RCPT: where would this recipient's copy go? `accepted` are the recipients so far.
    ///
    /// # Errors
    /// `NoSuchMailbox`, `RelayDenied`, `PaperDenied`, `OnePaperRecipient`, `Store`.
    pub async fn check_recipient(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
    ) -> Result<Route, Refusal> {
        Ok(self.inner.policy.check_recipient(origin, accepted, recipient).await?.0)
    }

    /// RCPT, as [`Intake::check_recipient`]: and has the mailbox room? `announced_bytes` is the size that MAIL gave, if
    /// it gave one (RFC 1870 §6.1).
    ///
    /// # Errors
    /// As [`Intake::check_recipient`]; `MailboxFull`.
    pub async fn check_room(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
        announced_bytes: Option<u64>,
    ) -> Result<Route, Refusal> {
        let (route, held) = self.inner.policy.check_recipient(origin, accepted, recipient).await?;
        if let Route::Mailbox(account) = &route {
            self.inner.room.check(&Arrival { origin, recipient, account, announced_bytes }, held)?;
        }
        Ok(route)
    }

    /// A place for the bytes of an arriving message.
    #[must_use]
    pub fn stage(&self) -> BodyWriter {
        self.inner.policy.store.stage()
    }

    /// Accepts the letter: checks, marks, routes and commits it.
    ///
    /// # Errors
    /// Any [`Refusal`]; then nothing of the letter exists.
    pub async fn accept(&self, submission: Submission) -> Result<Receipt, Refusal> {
        self.accept_with(submission, Batch::new()).await
    }

    /// Accepts a letter of this system itself (a report, a status message) for one recipient, in the same commit
    /// as `batch`: what the letter tells of and the letter exist together or not at all.
    ///
    /// # Errors
    /// As [`Intake::accept`]; `Store(Conflict)` when a precondition of `batch` fails.
    pub async fn accept_system(&self, to: &Address, message: Vec<u8>, batch: Batch) -> Result<Receipt, Refusal> {
        let mut writer = self.stage();
        writer.write(&message)?;
        let body = writer.finish()?;
        let structure = content::scan(&body, &self.inner.caps)?;
        let envelope = Envelope {
            // RFC 3834 §3.3, RFC 3461 §6.1: nobody answers to an automatic message.
            reverse_path: ReversePath::Null,
            recipients: vec![Recipient::new(to.clone())],
            body: BodyType::EightBitMime,
            smtputf8: to.is_internationalized(),
            wishes: ReportWishes::default(),
        };
        let origin = Origin { entrance: Entrance::System, sender: Sender::Operator, connection: None };
        self.accept_with(Submission { origin, envelope, body, structure }, batch).await
    }

    /// As [`Intake::accept`], in one commit with `batch`.
    ///
    /// # Errors
    /// As [`Intake::accept`]; `Store(Conflict)` when a precondition of `batch` fails.
    pub async fn accept_with(&self, submission: Submission, batch: Batch) -> Result<Receipt, Refusal> {
        let inner = &*self.inner;
        let Submission { origin, envelope, body, structure } = submission;
        inner.policy.store.check_space()?;
        content::check(&inner.policy.settings, &structure, &body)?;
        let header = content::header_of(&body, &structure)?;
        let routing = inner.policy.routing(&origin, &envelope, ids::reference_hashes(&header)).await?;
        let name = paying::name_of(&origin, &envelope, &body);
        let signs = inner.signs(&routing.routes, &header)?;
        if let Some(item) = inner.paper.payments().accepted_before(&signs, name).await? {
            return Ok(Receipt { item });
        }
        let incoming = Arrived { origin: &origin, envelope: &envelope, body: &body, header: &header };
        let assessment = inner.assess(&incoming).await?;
        let hashed = content::hash(body, &structure).await?;
        let keys = || inner.marking.devices.marks();
        let arriving = ArrivingMarks::judge(&origin, &header, hashed.hash, keys).await?;
        let (entrance, authserv_id) = (&origin.entrance, inner.host_name.as_str());
        let editor = Editor { entrance, authserv_id, caps: &inner.caps, genuine: &arriving.genuine };
        let content = content::edit(hashed, structure, header, &editor).await?;
        if origin.entrance == Entrance::Submission {
            inner.policy.check_author(&origin, &content.header)?;
        }
        let item = ItemId::generate(&inner.world);
        let given = Given { item, signs: &signs, letter: name };
        let paper = inner.plan_paper(&origin, &envelope, &routing.routes, &content, given).await?;
        let letter = Letter { item, origin, envelope, routing, assessment, arriving, content, paper };
        let accounts = letter.routing.mailboxes.iter().map(|mailbox| mailbox.account.id).collect();
        inner.policy.store.ready_keys(accounts).await?;
        let mailboxes = Mailboxes::of(&letter.origin, &letter.routing.routes);
        let mut strikes = inner.marking.devices.begin();
        let counter = inner.marking.counter(inner.accepting_facility(&letter)?, &letter.routing, letter.paper.as_ref());
        let strokes = inner.marking.strike(&mut strikes, counter.facility.clone(), &letter.routing).await?;
        let payment = inner.marking.strike_payment(&mut strikes, &counter, letter.paper.as_ref()).await?;
        let marked = Marked { letter, strokes, payment, letter_box: counter.letter_box, answer: mailboxes.answer };
        let batch = self.compose(marked, batch).await?;
        strikes.commit(batch).await.map_err(|error| inner.room.refusal(error, mailboxes))?;
        metrics::counter!("poshta_letters_accepted_total").increment(1);
        Ok(Receipt { item })
    }

    /// The commit of a letter; with many marks to sign made off the threads that serve others.
    async fn compose(&self, marked: Marked, batch: Batch) -> Result<Batch, Refusal> {
        if marked.letter.routing.mailboxes.len() <= PASSING_MAILBOXES {
            return self.inner.compose(marked, batch);
        }
        // As many at once as there are processors: more would only keep the committer from its own.
        let turn = Arc::clone(&self.inner.composing).acquire_owned().await;
        let turn = turn.map_err(|error| Refusal::Temporary(error.to_string()))?;
        let inner = Arc::clone(&self.inner);
        let composed = tokio::task::spawn_blocking(move || {
            let batch = inner.compose(marked, batch);
            drop(turn);
            batch
        });
        composed.await.map_err(|error| Refusal::Temporary(error.to_string()))?
    }
}

/// Copies whose marks are signed on a thread that serves others: some 100 µs each.
const PASSING_MAILBOXES: usize = 16;

/// A letter as it came, for the checks on untouched bytes.
struct Arrived<'a> {
    origin: &'a Origin,
    envelope: &'a Envelope,
    body: &'a StagedBody,
    header: &'a [u8],
}

/// A letter that was found good.
struct Letter {
    item: ItemId,
    origin: Origin,
    envelope: Envelope,
    routing: Routing,
    assessment: Option<Assessment>,
    arriving: ArrivingMarks,
    content: Content,
    paper: Option<PaperPlan>,
}

/// A letter with the strokes of its stamps.
struct Marked {
    letter: Letter,
    strokes: Strokes,
    payment: PaymentStrokes,
    /// P23: the box that the letter was dropped into.
    letter_box: Option<LetterBox>,
    answer: Answer,
}

impl Inner {
    fn accepting_facility(&self, letter: &Letter) -> Result<postal::FacilityId, Refusal> {
        self.marking.accepting_facility(&self.policy, &letter.origin, &letter.envelope, &letter.routing.routes)
    }

    /// Strangers are judged by what their domains say; users and peers are known.
    async fn assess(&self, arrived: &Arrived<'_>) -> Result<Option<Assessment>, Refusal> {
        let (Sender::Stranger, Some(connection)) = (&arrived.origin.sender, &arrived.origin.connection) else {
            return Ok(None);
        };
        let incoming = Incoming {
            ip: connection.ip,
            helo: &connection.helo,
            reverse_path: &arrived.envelope.reverse_path,
            body: arrived.body,
            header: arrived.header,
        };
        let assessment = self.verifier.assess(&incoming).await?;
        match assessment.as_ref().and_then(|assessment| assessment.refuse.clone()) {
            Some(reason) => Err(Refusal::Policy(reason)),
            None => Ok(assessment),
        }
    }

    async fn plan_paper(
        &self,
        origin: &Origin,
        envelope: &Envelope,
        routes: &[(Recipient, Route)],
        content: &Content,
        payment: Given<'_>,
    ) -> Result<Option<PaperPlan>, Refusal> {
        let Some((recipient, _)) = routes.iter().find(|(_, route)| *route == Route::Paper) else { return Ok(None) };
        let letter = crate::hybrid::PaperLetter {
            origin,
            envelope,
            recipient: &recipient.address,
            body: &content.body,
            structure: &content.structure,
            header: &content.header,
            payment,
        };
        self.paper.check(&letter).await.map(Some)
    }

    /// What is named to pay a letter on paper; nothing else is to be paid for.
    fn signs(&self, routes: &[(Recipient, Route)], header: &[u8]) -> Result<Vec<SignHash>, Refusal> {
        match routes.iter().any(|(_, route)| *route == Route::Paper) {
            true => paying::claimed(header).map_err(|error| Refusal::NotPaid(error.to_string())),
            false => Ok(Vec::new()),
        }
    }

    /// Everything that must exist when the client sees `250`.
    fn compose(&self, marked: Marked, mut batch: Batch) -> Result<Batch, Refusal> {
        let Marked { letter, strokes, payment, letter_box, answer } = marked;
        let instant = strokes.accept.strike.instant();
        let s10 = letter.paper.as_ref().map(PaperPlan::s10);
        let below = self.prefix(&letter, &strokes.accept);
        let added_id = self.missing_message_id(&letter);
        let contents = Contents {
            header: HeaderInput::to_sign(&[below.as_bytes(), &letter.content.header]),
            body: letter.content.hash,
        };
        let accept = self.marking.accept(letter.item, &strokes.accept, &letter.origin, s10, letter_box)?;
        let accept = marking::sign(accept, &strokes.accept, &contents, None)?;
        batch.journal(accept.journal_line());
        let (origin, item) = (&letter.origin, letter.item);
        let accepted = Accepted { item, origin, s10, contents: &contents, accept: accept.digest() };
        let payment = self.marking.mark_payment(&payment, &accepted, &mut batch)?;

        let prefix = [payment.fields(), fields_of(&accept), below].concat().into_bytes();
        let Letter { item: id, origin, envelope, routing, content, paper, .. } = letter;
        let summary = Summary::of(&prefix, &content.structure, &content.header);
        let message_id = ids::message_id_hash(&prefix).or_else(|| ids::message_id_hash(&content.header));
        let len = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
        let (body_bytes, structure) = (content.body.len(), content.structure);
        let key = self.policy.store.letter_key(&content.body, routing.sharing())?;
        let body = batch.letter(content.body, key);
        let paper = paper.map(|plan| (plan, prefix.clone()));
        let record = batch.record_for(body, prefix);
        let item = Item {
            id,
            instant,
            envelope,
            prefix: Prefix { record: Some(record), len },
            body,
            body_bytes,
            summary,
            message_id,
            email: EmailId(id.0),
        };
        let receipts = Receipts::of(&origin, &item.envelope, &content.header, added_id);
        let mut copies = Vec::new();
        for (mailbox, strokes) in routing.mailboxes.iter().zip(&strokes.arrivals) {
            let recipient = &mailbox.recipient;
            let arrival =
                marking::Arrival { item: id, recipient, strokes, contents: &contents, accept: accept.digest() };
            let arrival = self.marking.arrive(&arrival)?;
            let allowance = self.room.allowance(&origin, &mailbox.account);
            let prefix = item.deliver(&mut batch, mailbox, &arrival, Bound { allowance, answer })?;
            copies.push((mailbox, prefix));
        }
        for (number, (recipient, route)) in routing.routes.iter().enumerate() {
            if let Route::Remote(_) = route {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                let wanted = receipts.as_ref().map(|receipts| receipts.wanted(recipient, route));
                item.send_on(&mut batch, number, (recipient, wanted), record, &structure)?;
            }
        }
        if let Some(receipts) = &receipts {
            let (header, paper) = (content.header.as_ref(), paper.as_ref().map(|(plan, _)| plan));
            // P24: the receipt of a letter from a box shows its actual acceptance.
            let own = payment.receipt.as_ref().map(|mark| mark.header.clone().into_bytes());
            let own_mark = own.map(|fields| batch.record_for(body, fields));
            let parts = Parts { item: id, instant, body, item_prefix: record, header, own_mark, paper };
            receipts.add_to_batch(&mut batch, parts, &routing.routes, &copies)?;
        }
        if let Some((plan, item_prefix)) = paper {
            let telling = receipts.as_ref().map_or(Telling::ByStatus, |receipts| receipts.of_paper(&routing.routes));
            let place = PaperItem {
                item: id,
                instant,
                item_prefix,
                body,
                body_bytes,
                accept: accept.into_impression(),
                surcharge: payment.surcharge.map(SignedImpression::into_impression),
                receipt: payment.receipt,
                telling,
            };
            self.paper.add_to_batch(&mut batch, plan, place)?;
        }
        Ok(batch)
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
            only_recipient: letter.only_recipient(),
            instant,
            offset: self.offset(accept),
            add_date: letter.adds_fields() && !letter.content.has("Date"),
            add_message_id: self.missing_message_id(letter),
            hide_address: self.policy.settings.hide_user_address,
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

impl Letter {
    /// With one recipient, `Received` may name it.
    fn only_recipient(&self) -> Option<&Address> {
        match self.envelope.recipients.as_slice() {
            [recipient] => Some(&recipient.address),
            _ => None,
        }
    }

    fn adds_fields(&self) -> bool {
        matches!(self.origin.entrance, Entrance::Submission)
    }

    fn sender_domain(&self) -> Option<&str> {
        self.envelope.reverse_path.address().map(|address| address.domain().as_str())
    }
}
