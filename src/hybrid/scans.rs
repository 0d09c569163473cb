//! Paper in (M2): a scanned letter finds its recipient, or waits at the review desk for a person who does.
//!
//! Nothing is kept of a document that no worker can open. What is kept is in one commit: document, scan and
//! audit entry; the letter itself goes the way of every letter, through intake.

use std::sync::Arc;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as MailAddress;
use mail_builder::headers::raw::Raw;

use crate::accounts::{Account, Accounts};
use crate::address::{Address, ReversePath};
use crate::clock::World;
use crate::ids::{BodyId, ItemId};
use crate::intake::{
    BodyType, Entrance, Envelope, Intake, Origin, Recipient, Refusal, ReportWishes, Sender, Submission,
};
use crate::locale::{self, Lang};
use crate::message::{Caps, Scanner, Structure};
use crate::postal::{FacilityId, Registry, S10};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::scans::{Scan, ScanState, StoredScan, add_scan};
use crate::store::vault::Sharing;
use crate::store::{self, Batch, Owner, StagedBody, Store, View, papers};

use super::Settings;
use super::documents::{DocumentFacts, DocumentKind};
use super::letter::CheckFailure;
use super::worker::protocol::{Answer, Document, Request};
use super::workers::{WorkerError, Workers};

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct ScanDesk {
    store: Store,
    world: World,
    registry: Arc<Registry>,
    workers: Workers,
    accounts: Accounts,
    intake: Intake,
    settings: Arc<Settings>,
    /// The domain of the operator's own messages.
    domain: String,
}

/// What [`ScanDesk`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where scans are kept.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
    /// The facilities.
    pub registry: Arc<Registry>,
    /// Who opens documents.
    pub workers: Workers,
    /// Who finds them again in the cabinet.
    pub accounts: Accounts,
    /// Where letters go.
    pub intake: Intake,
    /// Limits.
    pub settings: Arc<Settings>,
    /// The domain of the operator's own messages.
    pub domain: String,
}

/// A scanned letter as a scan centre hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewScan {
    /// The scan centre.
    pub facility: String,
    /// The document.
    pub bytes: Vec<u8>,
    /// To whom it goes, if the centre knows.
    pub recipient: Option<Address>,
    /// The item that it answers or belongs to, if the centre knows: its sender gets it.
    pub item: Option<String>,
    /// Whom the paper names as its sender.
    pub sender: Option<String>,
}

/// Why a scan is not taken or changed.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No PDF, TIFF, PNG or JPEG.
    #[error("the document is no PDF, TIFF, PNG or JPEG")]
    Unsupported,
    /// It is one, but cannot be opened.
    #[error("{0}")]
    Unreadable(CheckFailure),
    /// Above a limit.
    #[error("the document has {found} {what}; the limit is {limit}")]
    TooLarge {
        /// Bytes or pages.
        what: &'static str,
        /// How many it has.
        found: u64,
        /// How many it may have.
        limit: u64,
    },
    /// There is no such scan, or it waits no more.
    #[error("there is no scan with this number waiting for review")]
    NotFound,
    /// Intake does not take the letter.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No worker can open documents now.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl ScanDesk {
    /// The desk.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, world, registry, workers, accounts, intake, settings, domain } = parts;
        ScanDesk { store, world, registry, workers, accounts, intake, settings, domain }
    }

    /// Takes a scanned letter: delivered at once if its recipient is given or can be read, else up for review.
    ///
    /// # Errors
    /// See [`ScanError`]; then nothing of the scan exists.
    pub async fn take(&self, new: NewScan) -> Result<Scan, ScanError> {
        let (document, facts) = self.open(new.bytes).await?;
        let (recipient, codes) = match (&new.recipient, &new.item) {
            (Some(address), _) => (Some(address.clone()), Vec::new()),
            (None, Some(item)) => (self.sender_of(item).await?, Vec::new()),
            (None, None) => self.read_recipient(&document).await?,
        };
        let waiting = Scan {
            id: ItemId::generate(&self.world),
            facility: new.facility,
            state: ScanState::Review,
            received_us: self.world.now().as_microsecond(),
            document: BodyId([0; 32]),
            data_key: None,
            bytes: document.bytes.len() as u64,
            media_type: document.kind.media_type().to_owned(),
            pages: facts.pages,
            codes,
            sender: new.sender,
            recipient: None,
            item: None,
            reason: None,
            decided_by: None,
        };
        let scan = match recipient {
            Some(recipient) => match self.take_delivered(&waiting, recipient, &document).await {
                // An address that the centre gave must be right; one that was read goes to a person.
                Err(ScanError::Refused(
                    Refusal::NoSuchMailbox(_) | Refusal::RelayDenied(_) | Refusal::AddressLiteral(_),
                )) if new.recipient.is_none() => self.take_waiting(waiting, &document).await?,
                outcome => outcome?,
            },
            None => self.take_waiting(waiting, &document).await?,
        };
        metrics::counter!("poshta_scans_total", "state" => state_name(scan.state)).increment(1);
        Ok(scan)
    }

    /// Scan and letter are one commit.
    async fn take_delivered(&self, scan: &Scan, to: Address, document: &Document) -> Result<Scan, ScanError> {
        let mut batch = Batch::new();
        let mut done = Scan { state: ScanState::Delivered, recipient: Some(to.to_string()), ..scan.clone() };
        self.keep(&mut batch, &mut done, document)?;
        self.show_in_cabinet(&mut batch, &done, &to).await?;
        let item = self.deliver(&done, to, document, batch).await?;
        Ok(self.note_item(done, item).await)
    }

    async fn take_waiting(&self, mut scan: Scan, document: &Document) -> Result<Scan, ScanError> {
        let mut batch = Batch::new();
        self.keep(&mut batch, &mut scan, document)?;
        self.store.commit(batch).await?;
        Ok(scan)
    }

    /// Scans that wait for a person, oldest first, those behind `after`.
    ///
    /// # Errors
    /// Store.
    pub async fn to_review(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<Scan>, ScanError> {
        let scans = self.store.read(move |view| view.scans_to_review_behind(after, limit)).await?;
        Ok(scans.into_iter().map(|stored| stored.scan).collect())
    }

    /// Those of one scan centre, however many others of other centres wait before them.
    ///
    /// # Errors
    /// Store.
    pub async fn to_review_of(&self, facility: &str, limit: usize) -> Result<Vec<Scan>, ScanError> {
        let facility = facility.to_owned();
        let scans = self
            .store
            .read(move |view| {
                let mut looked_at = limit.max(1);
                loop {
                    let waiting = view.scans_to_review(looked_at)?;
                    let is_all = waiting.len() < looked_at;
                    let own: Vec<Scan> = waiting
                        .into_iter()
                        .map(|stored| stored.scan)
                        .filter(|scan| scan.facility == facility)
                        .collect();
                    if is_all || own.len() >= limit {
                        return Ok(own);
                    }
                    looked_at = looked_at.saturating_mul(4);
                }
            })
            .await?;
        Ok(scans.into_iter().take(limit).collect())
    }

    /// One scan, whatever its state.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn scan(&self, id: ItemId) -> Result<Scan, ScanError> {
        let stored = self.store.read(move |view| view.scan(id)).await?;
        stored.map(|stored| stored.scan).ok_or(ScanError::NotFound)
    }

    /// A person names the recipient. Decision, audit entry and letter are one commit: of two people who decide
    /// at once, one is too late.
    ///
    /// # Errors
    /// `NotFound`, `Refused`, `Store`.
    pub async fn assign(&self, id: ItemId, recipient: Address, by: &str, why: Option<&str>) -> Result<Scan, ScanError> {
        let stored = self.waiting(id).await?;
        let document = self.document_of(&stored.scan).await?;
        let done = Scan {
            state: ScanState::Delivered,
            recipient: Some(recipient.to_string()),
            decided_by: Some(by.to_owned()),
            ..stored.scan.clone()
        };
        let mut batch = self.decision(&stored, &done, by, ("assign", why))?;
        self.show_in_cabinet(&mut batch, &done, &recipient).await?;
        let item = self.deliver(&done, recipient, &document, batch).await?;
        Ok(self.note_item(done, item).await)
    }

    /// A person decides that it is not delivered.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn reject(&self, id: ItemId, reason: &str, by: &str) -> Result<Scan, ScanError> {
        let stored = self.waiting(id).await?;
        let rejected = Scan {
            state: ScanState::Rejected,
            reason: Some(reason.to_owned()),
            decided_by: Some(by.to_owned()),
            ..stored.scan.clone()
        };
        match self.store.commit(self.decision(&stored, &rejected, by, ("reject", Some(reason)))?).await {
            Ok(_) => Ok(rejected),
            Err(error) => Err(too_late(error)),
        }
    }

    /// Opens the document in a worker: what cannot be opened leaves nothing behind.
    async fn open(&self, bytes: Vec<u8>) -> Result<(Document, DocumentFacts), ScanError> {
        let limit = self.settings.max_scan_bytes;
        if bytes.len() as u64 > limit {
            return Err(ScanError::TooLarge { what: "bytes", found: bytes.len() as u64, limit });
        }
        let kind = DocumentKind::sniff(&bytes).ok_or(ScanError::Unsupported)?;
        let document = Document { kind, bytes };
        let facts = match self.workers.perform(&Request::Inspect(document.clone())).await? {
            Answer::Facts(facts) => facts,
            Answer::Failed(failure) => return Err(ScanError::Unreadable(failure)),
            _ => return Err(WorkerError::Crashed.into()),
        };
        let limit = u64::from(self.settings.max_scan_pages);
        if u64::from(facts.pages) > limit {
            return Err(ScanError::TooLarge { what: "pages", found: u64::from(facts.pages), limit });
        }
        Ok((document, facts))
    }

    /// The recipient that a bar code on the first page names, and what the codes say, as far as a row has room.
    async fn read_recipient(&self, document: &Document) -> Result<(Option<Address>, Vec<String>), ScanError> {
        const SHOWN: usize = 200;
        let codes = match self.workers.perform(&Request::ReadCodes(document.clone())).await {
            Ok(Answer::Codes(codes)) => codes,
            // A page that can be opened but not searched is one for a person.
            Ok(_) | Err(WorkerError::Crashed | WorkerError::Timeout(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut recipient = None;
        for code in &codes {
            recipient = self.recipient_of_code(code).await?;
            if recipient.is_some() {
                break;
            }
        }
        Ok((recipient, codes.iter().map(|code| code.chars().take(SHOWN).collect()).collect()))
    }

    /// A code names an item (by id or S10), whose sender gets the letter, or an address.
    async fn recipient_of_code(&self, code: &str) -> Result<Option<Address>, ScanError> {
        for word in code.split_whitespace() {
            let word = word.strip_prefix("mailto:").unwrap_or(word);
            // A code may come from anybody: only a person sends somebody's letter to an address elsewhere (M7).
            if let Ok(address) = word.parse::<Address>()
                && self.accounts.lookup(&address).is_some()
            {
                return Ok(Some(address));
            }
            if let Some(address) = self.sender_of(word).await? {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    /// The sender of the letter with this item id or S10 number: a paper answer to it is for that sender.
    async fn sender_of(&self, name: &str) -> Result<Option<Address>, ScanError> {
        let by_id = name.parse::<ItemId>().ok();
        let by_s10 = name.parse::<S10>().ok().map(|number| number.to_string());
        let job = self
            .store
            .read(move |view| {
                let item = match (by_id, by_s10) {
                    (Some(item), _) => Some(item),
                    (None, Some(number)) => view.item_of_s10(&number)?,
                    (None, None) => None,
                };
                item.map_or(Ok(None), |item| view.print_job(item))
            })
            .await?;
        Ok(job.and_then(|stored| stored.job.report_to?.parse().ok()))
    }

    /// Hands the letter to intake, in one commit with `batch`; it is marked as every letter, by the scan centre's
    /// facility.
    async fn deliver(
        &self,
        scan: &Scan,
        recipient: Address,
        document: &Document,
        batch: Batch,
    ) -> Result<ItemId, ScanError> {
        let readable_copy = match document.kind {
            // Mail programs show no TIFF. One that is too large to be converted still reaches its recipient.
            DocumentKind::Tiff => match self.workers.perform(&Request::ToPdf(document.clone())).await {
                Ok(Answer::Pdf(pdf)) => Some(pdf),
                Ok(_) | Err(WorkerError::Crashed | WorkerError::TooLarge) => None,
                Err(error) => return Err(error.into()),
            },
            _ => None,
        };
        let message = self.letter(scan, &recipient, document, readable_copy);
        let (body, structure) = self.stage(&message)?;
        let submission = Submission {
            origin: Origin {
                entrance: Entrance::Scan { facility: scan.facility.clone() },
                sender: Sender::Operator,
                connection: None,
            },
            envelope: Envelope {
                reverse_path: self.reverse_path(&recipient),
                smtputf8: recipient.is_internationalized(),
                recipients: vec![Recipient::new(recipient)],
                body: BodyType::EightBitMime,
                wishes: ReportWishes::default(),
            },
            body,
            structure,
        };
        match self.intake.accept_with(submission, batch).await {
            Ok(receipt) => Ok(receipt.item),
            Err(Refusal::Store(error)) => Err(too_late(error)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// RFC 3834 §3.3: what is sent automatically must not be answered automatically. But a letter that does not get to
    /// an address elsewhere comes back to a person: nobody else would know that it was lost.
    fn reverse_path(&self, recipient: &Address) -> ReversePath {
        match self.accounts.lookup(recipient) {
            Some(_) => ReversePath::Null,
            None => Address::new("postmaster", &self.domain).map_or(ReversePath::Null, ReversePath::Address),
        }
    }

    fn stage(&self, message: &[u8]) -> store::Result<(StagedBody, Structure)> {
        let mut writer = self.store.stage();
        let mut scanner = Scanner::new(Caps::default());
        for piece in message.chunks(64 << 10) {
            writer.write(piece)?;
            scanner.push(piece);
        }
        Ok((writer.finish()?, scanner.finish()))
    }

    /// The item's number is known only after its commit. A crash or a failure in between loses nothing but this
    /// cross-reference, so it must not make the scan centre send the letter again.
    async fn note_item(&self, mut scan: Scan, item: ItemId) -> Scan {
        scan.item = Some(item);
        if let Err(error) = self.write_item(&scan).await {
            tracing::warn!(scan = %scan.id, %item, %error, "the scan does not name its item");
        }
        scan
    }

    async fn write_item(&self, scan: &Scan) -> store::Result<()> {
        let id = scan.id;
        let mut batch = Batch::new();
        if let Some(stored) = self.store.read(move |view| view.scan(id)).await? {
            stored.change(&mut batch, scan)?;
            self.store.commit(batch).await?;
        }
        Ok(())
    }

    /// The message that brings the scan.
    fn letter(&self, scan: &Scan, recipient: &Address, document: &Document, copy: Option<Vec<u8>>) -> Vec<u8> {
        let pages = scan.pages.to_string();
        let facility = self.facility_name(&scan.facility);
        let args =
            [("facility", facility.as_str()), ("pages", &pages), ("sender", scan.sender.as_deref().unwrap_or(""))];
        let subject_key = if scan.sender.is_some() { "scan-subject-from" } else { "scan-subject" };
        let subject = locale::in_all(subject_key, &args, &[Lang::Kk, Lang::Ru], " · ");
        let body = locale::in_all("scan-body", &args, &Lang::ALL, "\r\n\r\n");
        let name = format!("letter-{}", scan.id);
        let mut message = MessageBuilder::new()
            .from(MailAddress::new_address(Some(facility.clone()), format!("postmaster@{}", self.domain)))
            .to(recipient.to_string())
            .subject(subject)
            .date(scan.received_us.div_euclid(1_000_000))
            .message_id(format!("scan.{}@{}", scan.id, self.domain))
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .text_body(format!("{body}\r\n"));
        if let Some(pdf) = copy {
            message = message.attachment("application/pdf", format!("{name}.pdf"), pdf);
        }
        message
            .attachment(
                document.kind.media_type(),
                format!("{name}.{}", document.kind.extension()),
                document.bytes.clone(),
            )
            .write_to_vec()
            .unwrap_or_default()
    }

    /// The name of a scan centre, for people.
    pub(crate) fn facility_name(&self, id: &str) -> String {
        let facility = id.parse::<FacilityId>().ok().and_then(|id| self.registry.facility(&id, self.world.now()));
        facility.map_or_else(|| id.to_owned(), |facility| facility.name_kk.clone())
    }

    /// A recipient whose mailbox is here finds the paper in the cabinet too, also when the letter is deleted.
    async fn show_in_cabinet(&self, batch: &mut Batch, scan: &Scan, to: &Address) -> store::Result<()> {
        if let Some(account) = self.accounts.find_address(to).await?.filter(Account::is_active) {
            papers::add_scan(batch, account.id, scan.id);
        }
        Ok(())
    }

    /// Document and row, in the batch.
    fn keep(&self, batch: &mut Batch, scan: &mut Scan, document: &Document) -> Result<(), ScanError> {
        let mut writer = self.store.stage();
        for piece in document.bytes.chunks(64 << 10) {
            writer.write(piece)?;
        }
        let document = writer.finish()?;
        let key = self.store.letter_key(&document, Sharing::Many)?;
        scan.document = batch.letter(document, key);
        scan.data_key = batch.wrapped_key(scan.document, Owner::System)?;
        Ok(add_scan(batch, scan)?)
    }

    async fn waiting(&self, id: ItemId) -> Result<StoredScan, ScanError> {
        let stored = self.store.read(move |view| view.scan(id)).await?.ok_or(ScanError::NotFound)?;
        if stored.scan.state == ScanState::Review { Ok(stored) } else { Err(ScanError::NotFound) }
    }

    /// A decision of the review desk with its audit entry.
    fn decision(
        &self,
        stored: &StoredScan,
        new: &Scan,
        by: &str,
        (action, why): (&str, Option<&str>),
    ) -> Result<Batch, ScanError> {
        let mut batch = Batch::new();
        stored.change(&mut batch, new)?;
        let details: Vec<&str> = new.recipient.as_deref().into_iter().chain(why).collect();
        let details = details.join("; ");
        let entry = AuditEntry {
            at_us: self.world.now().as_microsecond(),
            actor: by.to_owned(),
            action: format!("scan.{action}"),
            object: new.id.to_string(),
            details: (!details.is_empty()).then_some(details),
        };
        add_audit(&mut batch, &entry)?;
        Ok(batch)
    }

    /// The document of a scan, as it came.
    pub(crate) async fn document_of(&self, scan: &Scan) -> Result<Document, ScanError> {
        let (body, data_key, bytes) = (scan.document, scan.data_key, usize::try_from(scan.bytes).unwrap_or(usize::MAX));
        let read = move |view: &View<'_>| {
            let key = view.data_key(body, data_key.as_ref())?;
            view.body(body, 0, bytes, key.as_ref())
        };
        let bytes = self.store.read(read).await?.to_vec();
        let kind = DocumentKind::sniff(&bytes).ok_or(ScanError::Unsupported)?;
        Ok(Document { kind, bytes })
    }
}

/// A row that changed under a decision: somebody else has decided.
fn too_late(error: store::Error) -> ScanError {
    match error {
        store::Error::Conflict(_) => ScanError::NotFound,
        other => ScanError::Store(other),
    }
}

/// As the API names a state.
#[must_use]
pub fn state_name(state: ScanState) -> &'static str {
    match state {
        ScanState::Review => "review",
        ScanState::Delivered => "delivered",
        ScanState::Rejected => "rejected",
    }
}
