//! At the counter (M14): a facility's employee registers somebody who has signed the application on paper.
//!
//! The clerk looks at the identity document and writes down what is on it; it must be the one in the application. The
//! scan of the signed paper is evidence, and is opened by a worker process before it is kept. Where the operator wants
//! four eyes, what one clerk has seen to is confirmed by another one of the same facility, never by the same.
//!
//! Whoever did something with an application, or only looked at it, stands in the audit. Clerks see applications, never
//! letters, and no password: who has none yet gets a code, and chooses it with that (see [`activation`]).

pub mod activation;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;
use crate::auth::network::Network;
use crate::auth::{Authenticator, Secret};
use crate::clock::World;
use crate::hybrid::documents::DocumentKind as FileKind;
use crate::hybrid::worker::protocol::{Answer, Document, Request};
use crate::hybrid::workers::{WorkerError, Workers};
use crate::identity::PersonalNumber;
use crate::identity::application::{ApplicationNumber, IdentityDocument};
use crate::ids::AccountId;
use crate::postal::FacilityId;
use crate::registers::ConsentToken;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::desk::{self as rows, Case};
use crate::store::{self, Batch, Owner, Store};

use super::meter::Meter;
use super::registration::{
    Application, Applied, ApplyError, Corrected, DocumentCheck, Evidence, EvidenceKind, Filed, Registration, Way,
};

pub use super::registration::Written;
pub use activation::{Activated, Code};
pub use settings::Settings;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[desk]`.
    pub settings: Settings,
    /// Where everything is.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
    /// Where mailboxes come from.
    pub accounts: Accounts,
    /// Hashes passwords.
    pub authenticator: Authenticator,
    /// What applications lead to.
    pub registration: Registration,
    /// They open scans.
    pub workers: Workers,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Counter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// Codes that are tried.
    codes: Meter<Network>,
}

/// Who stands behind the counter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clerk {
    /// The clerk's own account.
    pub account: AccountId,
    /// Where.
    pub facility: FacilityId,
}

/// What the clerk has seen and scanned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paper {
    /// The identity document of the person who stands there.
    pub document: IdentityDocument,
    /// The last day on which it is valid; not every document has one.
    pub valid_until: Option<Date>,
    /// The scan of the signed application, and whatever else was shown.
    pub scans: Vec<Scan>,
    /// The code with which the register of persons may be asked, where it wants one.
    pub consent: Option<ConsentToken>,
}

/// A scan as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan {
    /// What it shows.
    pub what: EvidenceKind,
    /// The file.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({}, {} bytes)", self.what.name(), self.bytes.len())
    }
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// There is a mailbox, or will be when the registers answer; with a code for those who have no password.
    Filed {
        /// What became of the application.
        applied: Applied,
        /// To be handed over, and never shown again.
        code: Option<Code>,
    },
    /// A second clerk is to confirm it.
    Prepared,
}

/// An application with everything that a clerk may know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The application.
    pub filed: Filed,
    /// What another clerk has seen to, and when.
    pub prepared: Option<Prepared>,
    /// Its applicant has no password yet.
    pub needs_code: bool,
}

/// What the first clerk has seen to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// The clerk.
    pub clerk: AccountId,
    /// Where.
    pub facility: String,
    /// The identity document.
    pub document: IdentityDocument,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// The scans: place and media type.
    pub scans: Vec<(u32, String)>,
}

/// Why nothing came of it. Each has a text for people under `desk-error-` and its code.
#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    /// The service that registers refuses; it has texts of its own.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The identity document is not valid any more.
    #[error("the identity document was valid until {0}")]
    Expired(Date),
    /// No PDF, TIFF, PNG or JPEG.
    #[error("the scan is no PDF, TIFF, PNG or JPEG")]
    NoScan,
    /// It cannot be opened.
    #[error("the scan cannot be opened: {0}")]
    Unreadable(String),
    /// Too large, or too many pages.
    #[error("the scan is too large")]
    TooLarge,
    /// Another clerk was faster.
    #[error("another clerk is seeing to this application")]
    Busy,
    /// M14: who confirms is somebody else than who prepared.
    #[error("somebody else has to confirm what you have prepared")]
    SamePerson,
    /// It was prepared at another facility.
    #[error("this application is seen to at another facility")]
    Elsewhere,
    /// Nobody has prepared it.
    #[error("there is nothing to confirm")]
    NotPrepared,
    /// The applicant chose a password already.
    #[error("the applicant has a password")]
    HasPassword,
}

impl CounterError {
    /// What its text is found by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CounterError::Apply(_) => "apply",
            CounterError::Expired(_) => "expired",
            CounterError::NoScan => "no-scan",
            CounterError::Unreadable(_) => "unreadable",
            CounterError::TooLarge => "too-large",
            CounterError::Busy => "busy",
            CounterError::SamePerson => "same-person",
            CounterError::Elsewhere => "elsewhere",
            CounterError::NotPrepared => "not-prepared",
            CounterError::HasPassword => "has-password",
        }
    }
}

impl From<store::Error> for CounterError {
    fn from(error: store::Error) -> Self {
        CounterError::Apply(error.into())
    }
}

/// What [`Case::document`] holds.
#[derive(Serialize, Deserialize)]
struct Seen {
    document: IdentityDocument,
}

const SEEN_VERSION: u8 = 1;

impl Counter {
    /// The service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let codes = Meter::new(parts.settings.codes_per_hour, 3_600, parts.settings.max_networks);
        Counter { inner: Arc::new(Inner { parts, codes }) }
    }

    /// `[desk]`.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.parts.settings
    }

    /// An application that the clerk writes for somebody who stands there; it is then printed and signed.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn write(&self, clerk: &Clerk, written: Written) -> Result<ApplicationNumber, CounterError> {
        let parts = &self.inner.parts;
        let Written { form, login, agreement, lang } = written;
        // M21: the password is chosen by the user, later; until then nobody knows one.
        let password = Secret::new(self.inner.random_text(32));
        let application = Application { form, consent: None, login, password, agreement, lang };
        let number = parts.registration.write_down(application).await?;
        let mut batch = Batch::new();
        rows::want_activation(&mut batch, number)?;
        self.inner.note(&mut batch, clerk, "desk.write", number, "")?;
        parts.store.commit(batch).await?;
        Ok(number)
    }

    /// Corrects an application that was written for a counter. What was scanned and seen to before counts no more: the
    /// application is printed and signed anew, and four eyes begin anew.
    ///
    /// # Errors
    /// It was accepted already, or is over; it is seen to at another facility; see [`ApplyError`].
    pub async fn correct(
        &self,
        clerk: &Clerk,
        number: ApplicationNumber,
        written: Written,
    ) -> Result<Corrected, CounterError> {
        let parts = &self.inner.parts;
        let case = parts.store.read(move |view| view.desk_case(number)).await?;
        if case.is_some_and(|case| case.case.facility != clerk.facility.to_string()) {
            return Err(CounterError::Elsewhere);
        }
        // What was wrong and what is right are no affair of the audit's readers.
        let note = |batch: &mut Batch, corrected: &Corrected| {
            self.inner.note(batch, clerk, "desk.correct", number, &corrected.0.join(", "))
        };
        Ok(parts.registration.correct(number, written, note).await?)
    }

    /// Applications by their number, or by the IIN or BIN of whose they are; only open ones are found by that.
    ///
    /// # Errors
    /// Store.
    pub async fn find(&self, clerk: &Clerk, text: &str) -> Result<Vec<ApplicationNumber>, CounterError> {
        let parts = &self.inner.parts;
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let found: Vec<Filed> = if let Ok(number) = digits.parse::<ApplicationNumber>() {
            parts.registration.find(number).await?.into_iter().collect()
        } else if let Ok(number) = digits.parse::<PersonalNumber>() {
            parts.registration.find_person(&number).await?
        } else {
            return Ok(Vec::new());
        };
        let numbers: Vec<ApplicationNumber> = found.into_iter().map(|filed| filed.number).collect();
        let mut batch = Batch::new();
        for number in &numbers {
            self.inner.note(&mut batch, clerk, "desk.find", *number, "")?;
        }
        if !numbers.is_empty() {
            parts.store.commit(batch).await?;
        }
        Ok(numbers)
    }

    /// What a second clerk is to confirm at this facility.
    ///
    /// # Errors
    /// Store.
    pub async fn to_confirm(&self, clerk: &Clerk) -> Result<Vec<ApplicationNumber>, CounterError> {
        let (facility, most) = (clerk.facility.to_string(), self.settings().max_listed);
        let read = move |view: &store::View<'_>| {
            let cases = view.desk_cases(&facility, most)?;
            let numbers = cases.iter().map(|case| view.application_number(case.serial));
            Ok(numbers.collect::<store::Result<Vec<_>>>()?.into_iter().flatten().collect())
        };
        Ok(self.inner.parts.store.read(read).await?)
    }

    /// An application, for a clerk who looks at it.
    ///
    /// # Errors
    /// There is none; store.
    pub async fn open(&self, clerk: &Clerk, number: ApplicationNumber) -> Result<Opened, CounterError> {
        let parts = &self.inner.parts;
        let filed = parts.registration.find(number).await?.ok_or(ApplyError::Missing)?;
        let read = move |view: &store::View<'_>| {
            Ok((view.desk_case(number)?, view.activation(number)?, view.evidence(number)?))
        };
        let (case, activation, evidence) = parts.store.read(read).await?;
        let prepared = match case {
            Some(case) => Some(Prepared {
                document: self.inner.seen(&case.case)?,
                clerk: case.case.clerk,
                facility: case.case.facility,
                at_us: case.case.at_us,
                scans: evidence.into_iter().map(|(place, evidence)| (place, evidence.media_type)).collect(),
            }),
            None => None,
        };
        let mut batch = Batch::new();
        self.inner.note(&mut batch, clerk, "desk.view", number, "")?;
        parts.store.commit(batch).await?;
        Ok(Opened { filed, prepared, needs_code: activation.is_some() })
    }

    /// A scan that is to be confirmed: media type and bytes.
    ///
    /// # Errors
    /// There is none, or none that this clerk may see; store.
    pub async fn scan(
        &self,
        clerk: &Clerk,
        number: ApplicationNumber,
        place: u32,
    ) -> Result<(String, Vec<u8>), CounterError> {
        let case = self.inner.case(number).await?;
        if case.case.facility != clerk.facility.to_string() {
            return Err(CounterError::Elsewhere);
        }
        let parts = &self.inner.parts;
        let found =
            parts.store.read(move |view| view.evidence_bytes(number, place)).await?.ok_or(ApplyError::Missing)?;
        let mut batch = Batch::new();
        self.inner.note(&mut batch, clerk, "desk.scan", number, "")?;
        parts.store.commit(batch).await?;
        Ok((found.0.media_type, found.1))
    }

    /// The clerk has seen the document and the signed paper: registers, or lets a second clerk confirm it.
    ///
    /// # Errors
    /// See [`CounterError`]; the application is left as it was.
    pub async fn file(&self, clerk: &Clerk, number: ApplicationNumber, paper: Paper) -> Result<Outcome, CounterError> {
        let today = self.inner.parts.registration.today();
        if let Some(last) = paper.valid_until.filter(|last| *last < today) {
            return Err(CounterError::Expired(last));
        }
        let mut evidence = Vec::new();
        for scan in paper.scans {
            evidence.push(self.inner.opened(scan).await?);
        }
        if let Some(consent) = paper.consent {
            self.inner.parts.registration.keep_consent(number, consent).await?;
        }
        if self.settings().four_eyes {
            return self.prepare(clerk, number, paper.document, evidence).await;
        }
        self.register(clerk, None, number, paper.document, evidence).await
    }

    /// The second clerk confirms what the first has seen to.
    ///
    /// # Errors
    /// See [`CounterError`].
    pub async fn confirm(&self, clerk: &Clerk, number: ApplicationNumber) -> Result<Outcome, CounterError> {
        let parts = &self.inner.parts;
        let case = self.inner.case_for(clerk, number).await?;
        let document = self.inner.seen(&case.case)?;
        let read = move |view: &store::View<'_>| {
            let places = view.evidence(number)?;
            places.into_iter().map(|(place, _)| view.evidence_bytes(number, place)).collect::<store::Result<Vec<_>>>()
        };
        let kept = parts.store.read(read).await?.into_iter().flatten();
        let evidence = kept.filter_map(|(facts, bytes)| {
            let what = EvidenceKind::named(&facts.what)?;
            Some(Evidence { what, media_type: facts.media_type, bytes })
        });
        let first = Clerk { account: case.case.clerk, facility: clerk.facility.clone() };
        self.register(&first, Some(clerk), number, document, evidence.collect()).await
    }

    /// The second clerk does not confirm it: it is as if the first had not seen to it.
    ///
    /// # Errors
    /// See [`CounterError`].
    pub async fn give_back(&self, clerk: &Clerk, number: ApplicationNumber) -> Result<(), CounterError> {
        let parts = &self.inner.parts;
        let case = self.inner.case(number).await?;
        if case.case.facility != clerk.facility.to_string() {
            return Err(CounterError::Elsewhere);
        }
        let evidence = parts.store.read(move |view| view.evidence(number)).await?;
        let mut batch = Batch::new();
        case.remove(&mut batch);
        store::applications::remove_evidence(&mut batch, number, &evidence);
        self.inner.note(&mut batch, clerk, "desk.give_back", number, "")?;
        self.inner.commit(batch).await
    }

    async fn prepare(
        &self,
        clerk: &Clerk,
        number: ApplicationNumber,
        document: IdentityDocument,
        evidence: Vec<Evidence>,
    ) -> Result<Outcome, CounterError> {
        let parts = &self.inner.parts;
        let check = DocumentCheck { document: document.clone() };
        parts.registration.require_acceptable(number, &check, &evidence).await?;
        let seen = store::rows::encode(SEEN_VERSION, &Seen { document })?;
        let case = Case {
            clerk: clerk.account,
            facility: clerk.facility.to_string(),
            document: parts.store.seal_personal(Owner::System, seen)?,
            at_us: parts.accounts.now().as_microsecond(),
        };
        let mut batch = Batch::new();
        rows::add_case(&mut batch, number, &case)?;
        parts.registration.keep(&mut batch, number, evidence)?;
        self.inner.note(&mut batch, clerk, "desk.prepare", number, "")?;
        self.inner.commit(batch).await?;
        Ok(Outcome::Prepared)
    }

    async fn register(
        &self,
        clerk: &Clerk,
        second: Option<&Clerk>,
        number: ApplicationNumber,
        document: IdentityDocument,
        evidence: Vec<Evidence>,
    ) -> Result<Outcome, CounterError> {
        let way = Way::Counter {
            clerk: clerk.account,
            facility: clerk.facility.clone(),
            evidence,
            document_checked: DocumentCheck { document },
            second: second.map(|second| second.account),
        };
        let applied = self.inner.parts.registration.accept(number, way).await?;
        let by = second.unwrap_or(clerk);
        // Without one there would be a mailbox that nobody can open; the clerk can give one out at any time.
        let code = match self.inner.give_code(by, number).await {
            Ok(code) => code,
            Err(error) => {
                tracing::warn!(application = %number, %error, "a code cannot be given out now");
                None
            }
        };
        Ok(Outcome::Filed { applied, code })
    }
}

impl Inner {
    async fn case(&self, number: ApplicationNumber) -> Result<rows::StoredCase, CounterError> {
        let found = self.parts.store.read(move |view| view.desk_case(number)).await?;
        found.ok_or(CounterError::NotPrepared)
    }

    /// What this clerk may confirm.
    async fn case_for(&self, clerk: &Clerk, number: ApplicationNumber) -> Result<rows::StoredCase, CounterError> {
        let case = self.case(number).await?;
        if case.case.facility != clerk.facility.to_string() {
            return Err(CounterError::Elsewhere);
        }
        // Never the same one: not with another grant, and not at another desk.
        if case.case.clerk == clerk.account { Err(CounterError::SamePerson) } else { Ok(case) }
    }

    fn seen(&self, case: &Case) -> Result<IdentityDocument, CounterError> {
        let seen: Seen = store::rows::decode(SEEN_VERSION, &self.parts.store.open_personal(&case.document)?)?;
        Ok(seen.document)
    }

    /// A scan that a worker process could open (DESIGN 17).
    async fn opened(&self, scan: Scan) -> Result<Evidence, CounterError> {
        let settings = &self.parts.settings;
        if scan.bytes.len() > settings.max_scan_bytes {
            return Err(CounterError::TooLarge);
        }
        let kind = FileKind::sniff(&scan.bytes).ok_or(CounterError::NoScan)?;
        let document = Document { kind, bytes: scan.bytes };
        let request = Request::Inspect(document);
        let facts = match self.parts.workers.perform(&request).await {
            Ok(Answer::Facts(facts)) => facts,
            Ok(Answer::Failed(failure)) => return Err(CounterError::Unreadable(failure.to_string())),
            Err(error @ (WorkerError::Crashed | WorkerError::Timeout(_))) => {
                return Err(CounterError::Unreadable(error.to_string()));
            }
            Err(WorkerError::TooLarge) => return Err(CounterError::TooLarge),
            Ok(_) => return Err(ApplyError::Unavailable("a worker answered something else".into()).into()),
            Err(error) => return Err(ApplyError::Unavailable(error.to_string()).into()),
        };
        if facts.pages > settings.max_scan_pages {
            return Err(CounterError::TooLarge);
        }
        let Request::Inspect(Document { bytes, .. }) = request else {
            return Err(ApplyError::Unavailable("a scan was lost".into()).into());
        };
        Ok(Evidence { what: scan.what, media_type: kind.media_type().to_owned(), bytes })
    }

    fn note(
        &self,
        batch: &mut Batch,
        clerk: &Clerk,
        action: &str,
        number: ApplicationNumber,
        details: &str,
    ) -> store::Result<()> {
        let at = format!("at {}", clerk.facility);
        let entry = AuditEntry {
            at_us: self.parts.accounts.now().as_microsecond(),
            actor: format!("account {}", clerk.account.0),
            action: action.to_owned(),
            object: format!("application {number}"),
            details: Some(if details.is_empty() { at } else { format!("{at}: {details}") }),
        };
        add_audit(batch, &entry)
    }

    async fn commit(&self, batch: Batch) -> Result<(), CounterError> {
        match self.parts.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(store::Error::Conflict(_)) => Err(CounterError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// Letters and digits that are not mistaken for each other, five random bits each.
    fn random_text(&self, characters: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).copied().map_or('A', char::from);
        self.parts.world.random::<32>().into_iter().take(characters).map(letter).collect()
    }
}
