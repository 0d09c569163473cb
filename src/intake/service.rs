//! The service: from a submission to one durable commit.

mod compose;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::accounts::Accounts;
use crate::address::{Address, ReversePath};
use crate::clock::World;
use crate::devices::{Devices, Strikes};
use crate::hybrid::{Given, Paper, PaperPlan};
use crate::ids::ItemId;
use crate::message::{Caps, ids};
use crate::payment::LetterName;
use crate::postal::{self, LetterBox, Registry, SignHash};
use crate::quota;
use crate::store::{Batch, BodyWriter, StagedBody, Store};
use crate::trust::{Assessment, Incoming, Verifier};

use super::arriving::ArrivingMarks;
use super::content::{self, Content, Editor};
use super::marking::{Marking, Strokes};
use super::paying::{self, Counter, PaymentStrokes};
use super::policy::{Policy, Routing};
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
    /// Where users confirm their data (M22): an address for people.
    pub confirm_page: String,
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
        let Services { devices, paper, confirm_page, host_name, quota, world, .. } = services;
        let room = Room { settings: quota };
        let policy = Policy { settings, hybrid_domain, confirm_page, accounts, store };
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
        if let Some(item) = inner.accepted_before(&signs, name).await? {
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
        // Before the letter has its name, which says when: how long this takes tells of the recipients.
        inner.policy.store.ready_keys(routing.mailboxes.iter().map(|mailbox| mailbox.account.id).collect()).await?;
        let item = ItemId::generate(&inner.world);
        let given = Given { item, signs: &signs, letter: name };
        let paper = inner.plan_paper(&origin, &envelope, &routing, &content, given).await?;
        let letter = Letter { item, origin, envelope, routing, assessment, arriving, content, paper };
        let mailboxes = Mailboxes::of(&letter.origin, &letter.routing.routes);
        let mut strikes = inner.marking.devices.begin();
        let counter = inner.counter(&strikes, &letter)?;
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
    fn counter(&self, strikes: &Strikes, letter: &Letter) -> Result<Counter, Refusal> {
        let Letter { origin, envelope, routing, content, paper, .. } = letter;
        let door = self.marking.accepting_facility(&self.policy, origin, envelope, routing, &content.header)?;
        Ok(self.marking.counter(strikes, door, routing, &content.header, paper.as_ref()))
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
        routing: &Routing,
        content: &Content,
        payment: Given<'_>,
    ) -> Result<Option<PaperPlan>, Refusal> {
        let Some((recipient, _)) = routing.routes.iter().find(|(_, route)| *route == Route::Paper) else {
            return Ok(None);
        };
        // FACTS E: nothing reveals blind copies.
        let is_named = || routing.shown(&content.header).any(|(_, route)| *route == Route::Paper);
        if routing.routes.len() > 1 && !content.has("Postal-To") && !is_named() {
            return Err(blind_paper(&recipient.address));
        }
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

    /// P20: the item that this very letter has become already, so that its signs are not asked for again.
    async fn accepted_before(&self, signs: &[SignHash], name: LetterName) -> Result<Option<ItemId>, Refusal> {
        let Some(item) = self.paper.payments().accepted_before(signs, name).await? else { return Ok(None) };
        let job = self.paper.queue().job(item).await?;
        if job.is_some_and(|stored| stored.job.state.is_never_printed()) {
            let text = format!("this letter was {item}, which is not printed; pay for it anew with other signs");
            return Err(Refusal::NotPaid(text));
        }
        Ok(Some(item))
    }

    /// What is named to pay a letter on paper; nothing else is to be paid for.
    fn signs(&self, routes: &[(Recipient, Route)], header: &[u8]) -> Result<Vec<SignHash>, Refusal> {
        match routes.iter().any(|(_, route)| *route == Route::Paper) {
            true => paying::claimed(header, self.paper.payments().max_signs())
                .map_err(|error| Refusal::NotPaid(error.to_string())),
            false => Ok(Vec::new()),
        }
    }
}

fn blind_paper(address: &Address) -> Refusal {
    Refusal::BadPaperAddress(format!(
        "a letter on paper cannot be a blind copy, for its number and its address stand in every copy; name {address} in To \
         or Cc, or send it by itself"
    ))
}

impl Letter {
    fn adds_fields(&self) -> bool {
        matches!(self.origin.entrance, Entrance::Submission)
    }

    /// What everybody sees of it, and what its sender is called, needs RFC 6531.
    fn is_internationalized(&self) -> bool {
        let sender = self.envelope.reverse_path.address();
        self.content.structure.facts.eight_bit_header || sender.is_some_and(Address::is_internationalized)
    }

    fn sender_domain(&self) -> Option<&str> {
        self.envelope.reverse_path.address().map(|address| address.domain().as_str())
    }
}
