//! Applications for mailboxes (M12), from the moment when somebody filled one in to the confirmation that answers it.
//!
//! | class | key | value |
//! |---|---|---|
//! | `J` | serial | the application |
//! | `L` | 1, until, serial | nothing: it is removed then, if nothing has become of it |
//! | `L` | 2, time, serial | nothing: the registers are asked again then |
//! | `L` | 3, keyed hash of IIN or BIN, serial | nothing: it is open, and of this person |
//! | `L` | 4, serial | nothing: the letter with the confirmation is still to be written |
//! | `H` | serial, number | a document that proves it: a signature, a scan |
//!
//! Every change requires that the row is as it was read, so of two acts on one application only one counts.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::desk;
use super::keys::{self, Key};
use super::vault::{DocumentKey, Personal};
use super::{Batch, Error, Hole, Precondition, RecordRef, Result, Slot, Template, Topic, View, WrappedKey, rows};
use crate::identity::agreement::VersionHash;
use crate::identity::application::ApplicationNumber;
use crate::ids::{AccountId, BodyId};
use crate::store::accounts::PasswordHash;

const VERSION: u8 = 1;
const EVIDENCE_VERSION: u8 = 1;

const CLASS: u8 = b'J';
const WAITING: u8 = b'L';
const EVIDENCE: u8 = b'H';

const UNTIL: u8 = 1;
const ASK_AGAIN: u8 = 2;
const OF_PERSON: u8 = 3;
const WELCOME: u8 = 4;

/// Where in a row of evidence its record stands.
pub(super) const EVIDENCE_PLACE: [usize; 1] = [1];

/// An application.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Application {
    /// The year of its number.
    pub year: u16,
    /// The form, sealed.
    pub form: Personal,
    /// The login that was asked for.
    pub login: String,
    /// The hash of the password, until there is an account.
    pub password: Option<PasswordHash>,
    /// The version of the agreement that is joined.
    pub agreement: VersionHash,
    /// The tag of the language in which the applicant reads.
    pub lang: String,
    /// Makes what is signed differ from every other text.
    pub nonce: [u8; 16],
    /// The hash of what the applicant's browser holds.
    pub secret: [u8; 32],
    /// The keyed hash of the IIN or BIN.
    pub person: [u8; 32],
    /// When it was filled in, microseconds since 1970.
    pub applied_us: i64,
    /// What has become of it.
    pub state: State,
}

/// What has become of an application.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    /// Filled in; it is signed online, or at a counter, before this time.
    Open {
        /// Microseconds since 1970.
        until_us: i64,
        /// Somebody means to come to a counter.
        is_announced: bool,
    },
    /// Signed or filed at a counter; a state register does not answer (M24: it does not pass silently).
    Waiting {
        /// How it was filed.
        act: Act,
        /// Since when, microseconds since 1970.
        since_us: i64,
        /// When the registers are asked again.
        again_us: i64,
        /// How often they were.
        tries: u32,
    },
    /// It waited, and cannot be accepted; kept for its applicant until then.
    Refused {
        /// Why: as the service names it.
        code: String,
        /// What a register knows otherwise: the key of its text; or the reason that the operator gave.
        field: Option<String>,
        /// Microseconds since 1970.
        until_us: i64,
    },
    /// There is a mailbox.
    Registered {
        /// How it was filed.
        act: Act,
        /// Whose.
        account: AccountId,
        /// When it was accepted, microseconds since 1970.
        accepted_us: i64,
        /// When the mailbox was created (M15: at once).
        created_us: i64,
        /// What the registers confirmed, if they were asked: sealed as the form is.
        proof: Option<Personal>,
    },
}

/// How an application was filed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Act {
    /// M13: online, with a signature.
    Online {
        /// From which address.
        from: String,
        /// Serial number of the certificate, hexadecimal.
        certificate: String,
        /// Who issued it.
        issuer: String,
    },
    /// M14: on paper, at a facility.
    Counter {
        /// The clerk.
        clerk: AccountId,
        /// Where.
        facility: String,
        /// The number of the identity document that was looked at, sealed.
        document: Personal,
        /// The second person, where two are asked for.
        second: Option<AccountId>,
    },
}

/// An application as it was read: what a change is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredApplication {
    /// Its number.
    pub number: ApplicationNumber,
    /// What it is.
    pub application: Application,
    row: Vec<u8>,
}

/// A document that proves something, for a batch.
#[derive(Clone, Debug)]
pub struct NewEvidence {
    /// What it is: `signature`, `application`, `document`, `authority`.
    pub what: String,
    /// Its media type.
    pub media_type: String,
    /// Its name: a SHA-256 over it, its application and the instant.
    pub sha256: [u8; 32],
    /// What seals it.
    pub key: Option<DocumentKey>,
    /// The document.
    pub bytes: Vec<u8>,
}

/// A document that is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub what: String,
    /// Its media type.
    pub media_type: String,
    /// Its name: a SHA-256 over it, its application and the instant.
    pub sha256: [u8; 32],
    /// Its size, bytes.
    pub bytes: u64,
    key: Option<WrappedKey>,
}

/// What waits, of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// Applications whose time is over.
    Over,
    /// Applications about which the registers are to be asked again.
    AskAgain,
}

/// Where an application stands in its queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// When time changes it, microseconds since 1970.
    pub at_us: i64,
    /// Its serial number.
    pub serial: u32,
}

impl Queue {
    fn byte(self) -> u8 {
        match self {
            Queue::Over => UNTIL,
            Queue::AskAgain => ASK_AGAIN,
        }
    }
}

impl State {
    /// The row in `L` that goes with it, if time is to change it.
    fn due(&self) -> Option<(u8, i64)> {
        match self {
            State::Open { until_us, .. } | State::Refused { until_us, .. } => Some((UNTIL, *until_us)),
            State::Waiting { again_us, .. } => Some((ASK_AGAIN, *again_us)),
            State::Registered { .. } => None,
        }
    }
}

/// Adds an application; its serial number is that of the slot once the batch is committed.
///
/// # Errors
/// It cannot be written as a row.
pub fn add(batch: &mut Batch, application: &Application) -> Result<Slot> {
    let serial = batch.allocate(keys::fact("applications"), 1);
    let row = rows::encode(VERSION, application)?;
    batch.put(Key::of(CLASS).hole(Hole::U64(serial, 0)), row);
    if let Some((queue, at)) = application.state.due() {
        batch.put(due_prefix(queue, at).hole(Hole::U64(serial, 0)), Vec::new());
    }
    batch.put(Key::of(WAITING).u8(OF_PERSON).raw(&application.person).hole(Hole::U64(serial, 0)), Vec::new());
    Ok(serial)
}

/// Adds a document to an application.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_evidence(batch: &mut Batch, number: ApplicationNumber, evidence: Vec<NewEvidence>) -> Result<()> {
    for (place, NewEvidence { what, media_type, sha256, key, bytes }) in (1..).zip(evidence) {
        let (key, wrapped) = key.map_or((None, None), |key| (Some(key.key), Some(key.wrapped)));
        let size = bytes.len() as u64;
        let record = batch.record_beside(key.as_ref(), bytes);
        let rest = rows::encode(EVIDENCE_VERSION, &Evidence { what, media_type, sha256, bytes: size, key: wrapped })?;
        let row = Template::from(vec![EVIDENCE_VERSION]).hole(Hole::Record(record)).bytes(&rest);
        batch.put(evidence_key(number, place), row);
    }
    Ok(())
}

/// Removes documents of an application from which nothing came.
pub fn remove_evidence(batch: &mut Batch, number: ApplicationNumber, evidence: &[(u32, Evidence)]) {
    evidence.iter().for_each(|(place, _)| batch.delete(evidence_key(number, *place)));
}

/// The letter with the confirmation was written, in this batch. It fails with `Conflict` when it was already.
pub fn welcomed(batch: &mut Batch, number: ApplicationNumber) {
    let key = welcome_key(number);
    batch.require(Precondition::Present(key.clone()));
    batch.delete(key);
}

impl StoredApplication {
    /// Where it stands in its queue, if it waits for anything.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let (_, at_us) = self.application.state.due()?;
        Some(Place { at_us, serial: self.number.serial() })
    }

    /// The application has come further; the batch fails with `Conflict` if somebody else was faster.
    ///
    /// # Errors
    /// It cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, new: &Application) -> Result<()> {
        self.require(batch);
        batch.put(key(self.number), rows::encode(VERSION, new)?);
        self.leave_queue(batch);
        desk::forget_case(batch, self.number);
        if new.person != self.application.person {
            batch.delete(person_key(&self.application.person, self.number));
            batch.put(person_key(&new.person, self.number), Vec::new());
        }
        if let Some((queue, at)) = new.state.due() {
            batch.put(due_prefix(queue, at).u64(serial(self.number)).done(), Vec::new());
        }
        if matches!(new.state, State::Registered { .. }) {
            batch.delete(person_key(&new.person, self.number));
            batch.put(welcome_key(self.number), Vec::new());
            batch.publish(Topic::Welcome);
        }
        Ok(())
    }

    /// Nothing of it is left; the batch fails with `Conflict` if somebody else was faster. One from which a mailbox came
    /// stays.
    pub fn remove(&self, batch: &mut Batch) {
        self.require(batch);
        batch.delete(key(self.number));
        batch.delete(person_key(&self.application.person, self.number));
        self.leave_queue(batch);
        desk::forget_case(batch, self.number);
    }

    fn require(&self, batch: &mut Batch) {
        batch.require(Precondition::Equals(key(self.number), self.row.clone()));
    }

    fn leave_queue(&self, batch: &mut Batch) {
        if let Some((queue, at)) = self.application.state.due() {
            batch.delete(due_prefix(queue, at).u64(serial(self.number)).done());
        }
    }
}

impl View<'_> {
    /// The application with this number.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn application(&self, number: ApplicationNumber) -> Result<Option<StoredApplication>> {
        let found = self.application_of(serial(number))?;
        Ok(found.filter(|found| found.number == number))
    }

    fn application_of(&self, serial: u64) -> Result<Option<StoredApplication>> {
        let Some(row) = self.get(&Key::of(CLASS).u64(serial).done())? else { return Ok(None) };
        decode(serial, row).map(Some)
    }

    /// The number of the application with this serial number.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn application_number(&self, serial: u32) -> Result<Option<ApplicationNumber>> {
        Ok(self.application_of(serial.into())?.map(|found| found.number))
    }

    /// The open applications of a person, the oldest first; at most `limit`.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn applications_of(&self, person: &[u8; 32], limit: usize) -> Result<Vec<StoredApplication>> {
        let prefix = Key::of(WAITING).u8(OF_PERSON).raw(person).done();
        let rows = self.range(&prefix, &keys::after(&prefix), limit)?;
        let found = rows.iter().map(|(key, _)| self.application_of(last_serial(key)?));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Up to `limit` applications that were due before `now_us`, the longest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn applications_due(&self, queue: Queue, now_us: i64, limit: usize) -> Result<Vec<StoredApplication>> {
        let queue = queue.byte();
        let rows = self.range(&[WAITING, queue], &due_prefix(queue, now_us).done(), limit)?;
        let found = rows.iter().map(|(key, _)| self.application_of(last_serial(key)?));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Up to `limit` applications of a queue behind `after`, by the time that changes them.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn applications_behind(
        &self,
        queue: Queue,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<StoredApplication>> {
        let prefix = [WAITING, queue.byte()];
        let place = |place: Place| due_prefix(queue.byte(), place.at_us).u64(place.serial.into()).done();
        let from = after.map_or_else(|| prefix.to_vec(), |after| keys::after(&place(after)));
        let rows = self.range(&from, &keys::after(&prefix), limit)?;
        let found = rows.iter().map(|(key, _)| self.application_of(last_serial(key)?));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Up to `limit` applications whose confirmation is still to be sent.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn unwelcomed(&self, limit: usize) -> Result<Vec<StoredApplication>> {
        let prefix = [WAITING, WELCOME];
        let rows = self.range(&prefix, &keys::after(&prefix), limit)?;
        let found = rows.iter().map(|(key, _)| self.application_of(last_serial(key)?));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The documents of an application, without their bytes.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn evidence(&self, number: ApplicationNumber) -> Result<Vec<(u32, Evidence)>> {
        let prefix = Key::of(EVIDENCE).u64(serial(number)).done();
        let rows = self.range(&prefix, &keys::after(&prefix), 100)?;
        rows.iter().map(|(key, row)| Ok((last_place(key)?, split_evidence(row)?.1))).collect()
    }

    /// One document with its bytes.
    ///
    /// # Errors
    /// Engine, `Damaged`; its key was destroyed.
    pub fn evidence_bytes(&self, number: ApplicationNumber, place: u32) -> Result<Option<(Evidence, Vec<u8>)>> {
        let Some(row) = self.get(&evidence_key(number, place))? else { return Ok(None) };
        let (record, evidence) = split_evidence(&row)?;
        let key = self.data_key(BodyId(evidence.sha256), evidence.key.as_ref())?;
        let bytes = self.record(record, key.as_ref())?.to_vec();
        Ok(Some((evidence, bytes)))
    }
}

fn serial(number: ApplicationNumber) -> u64 {
    u64::from(number.serial())
}

fn key(number: ApplicationNumber) -> Vec<u8> {
    Key::of(CLASS).u64(serial(number)).done()
}

fn person_key(person: &[u8; 32], number: ApplicationNumber) -> Vec<u8> {
    Key::of(WAITING).u8(OF_PERSON).raw(person).u64(serial(number)).done()
}

fn welcome_key(number: ApplicationNumber) -> Vec<u8> {
    Key::of(WAITING).u8(WELCOME).u64(serial(number)).done()
}

fn evidence_key(number: ApplicationNumber, place: u32) -> Vec<u8> {
    Key::of(EVIDENCE).u64(serial(number)).u32(place).done()
}

fn due_prefix(queue: u8, at_us: i64) -> Key {
    Key::of(WAITING).u8(queue).u64(u64::try_from(at_us).unwrap_or(0))
}

fn decode(serial: u64, row: Vec<u8>) -> Result<StoredApplication> {
    let application: Application = rows::decode(VERSION, &row)?;
    let serial = u32::try_from(serial).map_err(|_| bad_key("an application"))?;
    Ok(StoredApplication { number: ApplicationNumber::new(application.year, serial), application, row })
}

fn last_serial(key: &[u8]) -> Result<u64> {
    let serial = key.last_chunk().copied().map(u64::from_be_bytes);
    serial.ok_or_else(|| bad_key("what waits"))
}

fn last_place(key: &[u8]) -> Result<u32> {
    let place = key.last_chunk().copied().map(u32::from_be_bytes);
    place.ok_or_else(|| bad_key("evidence"))
}

fn split_evidence(row: &[u8]) -> Result<(RecordRef, Evidence)> {
    let (place, rest) = rows::split_place(EVIDENCE_VERSION, row)?;
    Ok((place, rows::decode(EVIDENCE_VERSION, rest)?))
}

/// Whether an application can be read, is found by what it waits for, and led to the account that it names.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let serial = last_serial(key)?;
    let StoredApplication { number, application, .. } = decode(serial, row.to_vec())?;
    let mut claims = Claims::default();
    let was_given = i64::try_from(serial).is_ok_and(|serial| serial > 0) && {
        let counted = view.counter(&keys::fact("applications"))?;
        u64::try_from(counted).is_ok_and(|counted| serial <= counted)
    };
    claims.require(was_given, || format!("application {number} is beyond the counter of applications"));
    if let Some((queue, at)) = application.state.due() {
        let is_there = view.get(&due_prefix(queue, at).u64(serial).done())?.is_some();
        claims.require(is_there, || format!("application {number} waits and stands in no queue"));
        let is_there = view.get(&person_key(&application.person, number))?.is_some();
        claims.require(is_there, || format!("application {number} is not found by its person"));
    }
    if let State::Registered { account, .. } = application.state {
        let is_there = view.account(account)?.is_some();
        claims.require(is_there, || format!("application {number} led to {account:?}, which is not there"));
    }
    Ok(claims)
}

/// Whether what waits is an application that says so.
pub(super) fn inspect_waiting(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let serial = last_serial(key)?;
    let found = view.application_of(serial)?;
    let mut claims = Claims::default();
    let holds = match (key.get(1).copied(), &found) {
        (Some(queue @ (UNTIL | ASK_AGAIN)), Some(found)) => {
            let expected = found.application.state.due().map(|(queue, at)| due_prefix(queue, at).u64(serial).done());
            queue == key.get(1).copied().unwrap_or_default() && expected.as_deref() == Some(key)
        }
        (Some(OF_PERSON), Some(found)) => {
            person_key(&found.application.person, found.number) == key && found.application.state.due().is_some()
        }
        (Some(WELCOME), Some(found)) => matches!(found.application.state, State::Registered { .. }),
        (Some(UNTIL | ASK_AGAIN | OF_PERSON | WELCOME), None) => false,
        _ => return Err(bad_key("what waits")),
    };
    claims.require(holds, || format!("application {serial} stands in a queue and does not say so"));
    Ok(claims)
}

/// Whether a document can be read and is of an application.
pub(super) fn inspect_evidence(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let (record, evidence) = split_evidence(row)?;
    let serial = key.get(1..9).and_then(|serial| serial.try_into().ok()).map(u64::from_be_bytes);
    let serial = serial.ok_or_else(|| bad_key("evidence"))?;
    let mut claims = Claims::default();
    claims.records.push(record);
    claims.opens(BodyId(evidence.sha256), evidence.key);
    let is_there = view.application_of(serial)?.is_some();
    claims.require(is_there, || format!("evidence of application {serial}, which is not there"));
    if key.len() == 13 { Ok(claims) } else { Err(Error::Damaged("key of evidence".into())) }
}
