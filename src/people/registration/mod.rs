//! From an application to a mailbox (M12-M15): online with an electronic signature, or at a counter on paper.
//!
//! The invariant: a mailbox, its user's data, the consent, the record of the application and the audit come into being
//! in one batch, or not at all. Nothing passes silently: what a state register cannot say now lets the application
//! wait (M24).
//!
//! An application is first filled in, which stores it for a while; nothing is reserved by that, so of a hundred who ask
//! for one login the first whose mailbox is created has it (M21).

mod accept;
mod confirmation;
mod correct;
mod error;
mod pace;
mod prepare;
mod registers;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod welcome;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::civil::Date;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;
use crate::address::Address;
use crate::auth::{Authenticator, Secret};
use crate::clock::{Timestamp, World};
use crate::hybrid::workers::Workers;
use crate::identity::agreement::VersionHash;
use crate::identity::application::{ApplicationNumber, Form, IdentityDocument};
use crate::ids::AccountId;
use crate::intake::Intake;
use crate::locale::Lang;
use crate::postal::{FacilityId, Registry, Zone};
use crate::registers::{ConsentToken, Registers};
use crate::store::applications::{State, StoredApplication};
use crate::store::{self, Owner, Store};

use super::Agreements;
use super::signatures::Signatures;

pub use confirmation::Confirmation;
pub use correct::Corrected;
pub use error::{ApplyError, Mismatch, refusal_text};
pub use settings::Settings;

pub use super::meter::TooFast;

/// Numbers of accounts that are taken from the directory at a time: so that a registration is one commit. Those that
/// are not used when the server stops are lost.
const NUMBERS_AT_ONCE: u32 = 32;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[registration]`.
    pub settings: Settings,
    /// Where everything is.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
    /// Where mailboxes come from.
    pub accounts: Accounts,
    /// Hashes passwords.
    pub authenticator: Authenticator,
    /// What is joined.
    pub agreements: Agreements,
    /// Who signed.
    pub signatures: Signatures,
    /// The way in for the letter with the confirmation.
    pub intake: Intake,
    /// They draw.
    pub workers: Workers,
    /// Whose name stands on the confirmation.
    pub registry: Arc<Registry>,
    /// The facility whose calendar counts: the one that accepts what users send.
    pub facility: String,
    /// Whose postmaster writes.
    pub mail_domain: String,
    /// Where people reach the pages of this server.
    pub url: String,
    /// Who says who somebody is.
    pub registers: Registers,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Registration {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    pace: pace::Pace,
    /// The next number of an account, and how many follow it.
    numbers: Mutex<(u64, u32)>,
}

/// An application, filled in (M26, M27, M21, M10).
#[derive(Clone, Debug)]
pub struct Application {
    /// Every field of the annex.
    pub form: Form,
    /// That a state register may be asked about the applicant, where it wants to see that.
    pub consent: Option<ConsentToken>,
    /// The login that is asked for.
    pub login: String,
    /// The password that the person chose.
    pub password: Secret,
    /// The version of the agreement that was shown.
    pub agreement: VersionHash,
    /// In which language the applicant reads.
    pub lang: Lang,
}

/// What a clerk writes down for an applicant: everything but a password, which is the applicant's own affair.
#[derive(Clone, Debug)]
pub struct Written {
    /// Every field of the annex.
    pub form: Form,
    /// The login that is asked for.
    pub login: String,
    /// The version of the agreement that lies on the counter.
    pub agreement: VersionHash,
    /// In which language the applicant reads.
    pub lang: Lang,
}

/// How an application is filed, but for a signature: see [`Registration::sign`].
#[derive(Clone, Debug)]
pub enum Way {
    /// M14: on paper, at a facility, by its employee.
    Counter {
        /// The employee.
        clerk: AccountId,
        /// The facility.
        facility: FacilityId,
        /// What proves it: the scan of the signed application and whatever else was shown.
        evidence: Vec<Evidence>,
        /// The identity document that the clerk looked at.
        document_checked: DocumentCheck,
        /// The second employee, where two look at every application.
        second: Option<AccountId>,
    },
    /// Filled in online by somebody who means to come to a counter.
    Announced {
        /// From where.
        ip: IpAddr,
    },
}

/// A document that proves an application.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it is.
    pub what: EvidenceKind,
    /// Its media type.
    pub media_type: String,
    /// The document.
    pub bytes: Vec<u8>,
}

/// Sort of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvidenceKind {
    /// A CMS over the canonical text.
    Signature,
    /// The scan of the signed application.
    SignedApplication,
    /// A copy of the identity document.
    IdentityDocument,
    /// What gives somebody the right to sign for a legal entity.
    Authority,
}

/// M14: the identity document as the clerk saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentCheck {
    /// The document of the person who stood there; for a legal entity that of its representative.
    pub document: IdentityDocument,
}

/// An application that is stored and can be signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its number.
    pub number: ApplicationNumber,
    /// What the applicant's browser shows to get at it again.
    pub secret: String,
    /// What is signed.
    pub statement: String,
    /// The address that it will be.
    pub address: Address,
    /// Until when.
    pub until: Timestamp,
}

/// What became of an application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// There is a mailbox.
    Registered {
        /// The number of the application and of its confirmation.
        number: ApplicationNumber,
        /// The account.
        account: AccountId,
        /// Its address.
        address: Address,
    },
    /// Not yet.
    Waiting {
        /// The number of the application.
        number: ApplicationNumber,
        /// For what.
        why: WaitingFor,
    },
}

/// What an application waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitingFor {
    /// The applicant comes to a counter before this time.
    Applicant(Timestamp),
    /// A state register answers again; it is asked by itself.
    Register,
}

/// An application as the desk and the applicant see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filed {
    /// Its number.
    pub number: ApplicationNumber,
    /// What was filled in.
    pub form: Form,
    /// The login that is asked for.
    pub login: String,
    /// The version of the agreement.
    pub agreement: VersionHash,
    /// In which language the applicant reads.
    pub lang: Lang,
    /// When it was filled in.
    pub applied: Timestamp,
    /// What has become of it.
    pub state: State,
}

impl EvidenceKind {
    const ALL: [Self; 4] = [Self::Signature, Self::SignedApplication, Self::IdentityDocument, Self::Authority];

    /// The kind that rows have under this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// As rows have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EvidenceKind::Signature => "signature",
            EvidenceKind::SignedApplication => "application",
            EvidenceKind::IdentityDocument => "document",
            EvidenceKind::Authority => "authority",
        }
    }
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Evidence({}, {} bytes)", self.what.name(), self.bytes.len())
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({})", self.number)
    }
}

impl Registration {
    /// The service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let pace = pace::Pace::new(&parts.settings);
        Registration { inner: Arc::new(Inner { parts, pace, numbers: Mutex::new((0, 0)) }) }
    }

    /// Files an application without an electronic signature.
    ///
    /// # Errors
    /// See [`ApplyError`]; then there is nothing of it.
    pub async fn apply(&self, application: Application, way: Way) -> Result<Applied, ApplyError> {
        match way {
            Way::Announced { ip } => {
                let prepared = self.announce(application, ip).await?;
                Ok(Applied::Waiting { number: prepared.number, why: WaitingFor::Applicant(prepared.until) })
            }
            Way::Counter { .. } => {
                // The clerk's own network: the pool is fair per network.
                let local = IpAddr::from([127, 0, 0, 1]);
                let (stored, _) = self.store_application(&application, prepare::Kind::AtCounter, local).await?;
                let result = self.accept(stored.number, way).await;
                if result.is_err() {
                    self.forget(stored.number).await;
                }
                result
            }
        }
    }

    /// M21: whether a login is free, for somebody who is choosing one.
    ///
    /// # Errors
    /// The login has a form that is not allowed; asked too often from one network; store.
    pub async fn is_free(&self, login: &str, ip: IpAddr) -> Result<bool, ApplyError> {
        self.inner.pace.look_up(ip, self.inner.now())?;
        self.inner.parts.accounts.check_chosen(login)?;
        Ok(self.inner.parts.accounts.is_free(login).await?)
    }

    /// The application with this number: for the desk.
    ///
    /// # Errors
    /// Store.
    pub async fn find(&self, number: ApplicationNumber) -> store::Result<Option<Filed>> {
        let stored = self.inner.stored(number).await?;
        stored.map(|stored| self.inner.filed(&stored)).transpose()
    }

    /// The open applications of a person or entity: for the desk.
    ///
    /// # Errors
    /// Store.
    pub async fn find_person(&self, number: &crate::identity::PersonalNumber) -> store::Result<Vec<Filed>> {
        let person = self.inner.parts.accounts.person_key(number).await?;
        let found = self.inner.parts.accounts.store().read(move |view| view.applications_of(&person, 50)).await?;
        found.iter().map(|stored| self.inner.filed(stored)).collect()
    }

    /// The application with this number, for the browser that filled it in.
    ///
    /// # Errors
    /// There is none for it; store.
    pub async fn own(&self, number: ApplicationNumber, secret: &str) -> Result<Filed, ApplyError> {
        let stored = self.inner.own(number, secret).await?;
        Ok(self.inner.filed(&stored)?)
    }

    /// Whether somebody can register online at all.
    #[must_use]
    pub fn takes_signatures(&self) -> bool {
        self.inner.parts.settings.online && self.inner.parts.signatures.is_configured()
    }

    /// The versions of the agreement.
    #[must_use]
    pub fn agreements(&self) -> &Agreements {
        &self.inner.parts.agreements
    }

    /// The domain of the addresses (M9).
    #[must_use]
    pub fn domain(&self) -> String {
        self.inner.parts.mail_domain.clone()
    }

    /// Fewest characters of a password.
    #[must_use]
    pub fn min_password_characters(&self) -> usize {
        self.inner.parts.authenticator.min_password_characters()
    }

    /// An instant on the clock of the operator's facility.
    #[must_use]
    pub fn shown(&self, at: Timestamp) -> String {
        self.inner.shown(at)
    }

    /// Where people reach the pages of this server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.parts.url
    }

    /// `[registration]`.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.parts.settings
    }

    /// The day on the operator's calendar.
    #[must_use]
    pub fn today(&self) -> Date {
        self.inner.date_at(self.inner.now())
    }
}

impl Inner {
    /// The instant as rows keep it.
    fn now(&self) -> Timestamp {
        self.parts.accounts.now()
    }

    fn date_at(&self, instant: Timestamp) -> Date {
        let facility = self.parts.facility.parse().ok();
        let facility = facility.and_then(|id: FacilityId| self.parts.registry.facility(&id, instant));
        let zone = facility.map(|facility| facility.zone.clone());
        zone.map_or_else(
            || instant.to_zoned(jiff::tz::TimeZone::UTC).date(),
            |zone: Zone| zone.civil_at(instant).date(),
        )
    }

    async fn stored(&self, number: ApplicationNumber) -> store::Result<Option<StoredApplication>> {
        self.parts.store.read(move |view| view.application(number)).await
    }

    /// The application of a browser; one with another secret is not told from one that is not there.
    async fn own(&self, number: ApplicationNumber, secret: &str) -> Result<StoredApplication, ApplyError> {
        let stored = self.stored(number).await?.ok_or(ApplyError::Missing)?;
        let given = blake3::hash(secret.as_bytes());
        let is_own = given == blake3::Hash::from_bytes(stored.application.secret);
        if is_own { Ok(stored) } else { Err(ApplyError::Missing) }
    }

    fn filed(&self, stored: &StoredApplication) -> store::Result<Filed> {
        let application = &stored.application;
        Ok(Filed {
            number: stored.number,
            form: self.form(stored)?,
            login: application.login.clone(),
            agreement: application.agreement,
            lang: Lang::ALL.into_iter().find(|lang| lang.tag() == application.lang).unwrap_or(Lang::Kk),
            applied: super::agreements::instant(application.applied_us),
            state: application.state.clone(),
        })
    }

    fn form(&self, stored: &StoredApplication) -> store::Result<Form> {
        Ok(self.filled(stored)?.form)
    }

    fn filled(&self, stored: &StoredApplication) -> store::Result<Filled> {
        Filled::decode(&self.parts.store.open_personal(&stored.application.form)?)
    }

    fn seal(&self, bytes: Vec<u8>) -> store::Result<store::vault::Personal> {
        self.parts.store.seal_personal(Owner::System, bytes)
    }
}

/// What an applicant filled in, as the row of the application keeps it.
#[derive(Clone, Serialize, Deserialize)]
struct Filled {
    form: Form,
    /// M24, FACTS B7: that a state register may be asked about the applicant.
    consent: Option<ConsentToken>,
}

impl Filled {
    /// As rows keep it, before it is sealed.
    fn encode(&self) -> store::Result<Vec<u8>> {
        store::rows::encode(FORM_VERSION, self)
    }

    fn decode(bytes: &[u8]) -> store::Result<Self> {
        let (form, rest) = decode(bytes)?;
        let consent = match rest {
            // Version 1 had none.
            [] => None,
            rest => postcard::from_bytes(rest).map_err(|error| store::Error::Damaged(format!("a consent: {error}")))?,
        };
        Ok(Filled { form, consent })
    }
}

/// A form as the profile of an account keeps it, before it is sealed.
pub(super) fn encode(form: &Form) -> store::Result<Vec<u8>> {
    store::rows::encode(FORM_VERSION, form)
}

/// What [`encode`] wrote, and what stands behind it.
pub(super) fn decode(bytes: &[u8]) -> store::Result<(Form, &[u8])> {
    let damaged = |error| store::Error::Damaged(format!("an application: {error}"));
    match bytes.split_first() {
        // Version 1 ended before the postal index.
        Some((&FIRST_FORM_VERSION, form)) => {
            let form = postcard::from_bytes(&[form, &[NO_INDEX]].concat()).map_err(damaged)?;
            Ok((form, &[]))
        }
        Some((&FORM_VERSION, form)) => postcard::take_from_bytes(form).map_err(damaged),
        _ => Err(store::Error::Damaged("an application of an unknown version".into())),
    }
}

const FORM_VERSION: u8 = 2;
const FIRST_FORM_VERSION: u8 = 1;

/// As postcard writes what is not there.
const NO_INDEX: u8 = 0;
