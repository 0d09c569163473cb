//! The HTTP front door (INTERFACE, "HTTP API, version 1") and the operator's own listener.
//!
//! Handlers only translate: what happens is decided by `hybrid`, and what goes wrong becomes a status in
//! [`problem`].

pub mod access;
mod audit;
mod audited;
mod base;
mod closings;
mod guard;
mod items;
mod log;
pub mod operator;
mod pages;
mod print;
pub mod problem;
mod routes;
mod scan;
mod serve;
mod settings;
mod tagged;
#[cfg(test)]
mod tests;
mod wellknown;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::administration::Administration;
use crate::announcements::Announcements;
use crate::audit::Audit;
use crate::auth::Authenticator;
use crate::clock::{Timestamp, World};
use crate::closings::Closings;
use crate::devices::Devices;
use crate::hybrid::queue::PrintQueue;
use crate::hybrid::scans::ScanDesk;
use crate::hybrid::workers::Workers;
use crate::ids::ItemId;
use crate::people::lookups::Lookups;
use crate::people::{Cabinet, Counter, Registration, SignatureSignIn, Signatures};
use crate::postal::{FacilityId, FacilityKind, Registry};
use crate::publisher::Publisher;
use crate::pulse::Pulse;
use crate::sessions::Sessions;
use crate::store::Store;

pub use serve::{Transport, serve};
pub use settings::{Settings, Token};

use access::Principals;
use problem::Problem;

/// Characters of a reason.
const LONGEST_REASON: usize = 500;

/// What the API is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[http]`.
    pub settings: Arc<Settings>,
    /// Who may do what.
    pub principals: Principals,
    /// Logins of senders.
    pub authenticator: Authenticator,
    /// Who is signed in to the pages.
    pub sessions: Sessions,
    /// Where everything is.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
    /// The facilities' devices, whose keys are published.
    pub devices: Devices,
    /// The print queue.
    pub queue: PrintQueue,
    /// Scans.
    pub scans: ScanDesk,
    /// The transparency log.
    pub publisher: Publisher,
    /// Daily closings of the devices.
    pub closings: Closings,
    /// They draw reports.
    pub workers: Workers,
    /// The personal cabinet.
    pub cabinet: Cabinet,
    /// How people get mailboxes.
    pub registration: Registration,
    /// And at a counter.
    pub counter: Counter,
    /// Judges electronic signatures.
    pub signatures: Signatures,
    /// Lets in whoever signs.
    pub signature_sign_in: SignatureSignIn,
    /// Who did what.
    pub audit: Audit,
    /// What administrators do with accounts.
    pub administration: Administration,
    /// Planned work.
    pub announcements: Announcements,
    /// The facilities.
    pub registry: Arc<Registry>,
    /// What state systems ask of the unified base.
    pub lookups: Lookups,
    /// How the server does from minute to minute.
    pub pulse: Pulse,
}

/// The API. Clones share it.
#[derive(Clone, Debug)]
pub struct Api {
    parts: Arc<Parts>,
    in_flight: InFlight,
    form_rate: pages::FormRate,
    checks: pages::Checks,
}

impl Api {
    /// Builds the API.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (form_rate, checks) = (pages::FormRate::default(), pages::Checks::default());
        Api { parts: Arc::new(parts), in_flight: InFlight::default(), form_rate, checks }
    }

    /// All routes of version 1.
    pub fn router(&self) -> Router {
        routes::router()
            // The guard knows the limit of each route.
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(self.clone(), guard::guard))
            // Pages are for people: they have a table and a guard of their own, which also answers for what there is not.
            .merge(pages::router(self))
            .with_state(self.clone())
    }

    /// Forgets answers whose time is over, until the token is cancelled.
    pub async fn run_janitor(self, stop: CancellationToken) {
        const PAUSE: Duration = Duration::from_secs(600);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            if let Err(error) = guard::forget_expired(&self).await {
                tracing::warn!(%error, "old answers cannot be removed now");
            }
        }
    }

    fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    fn principals(&self) -> &Principals {
        &self.parts.principals
    }

    fn authenticator(&self) -> &Authenticator {
        &self.parts.authenticator
    }

    fn sessions(&self) -> &Sessions {
        &self.parts.sessions
    }

    fn store(&self) -> &Store {
        &self.parts.store
    }

    fn devices(&self) -> &Devices {
        &self.parts.devices
    }

    fn queue(&self) -> &PrintQueue {
        &self.parts.queue
    }

    fn scans(&self) -> &ScanDesk {
        &self.parts.scans
    }

    fn publisher(&self) -> &Publisher {
        &self.parts.publisher
    }

    fn closings(&self) -> &Closings {
        &self.parts.closings
    }

    fn cabinet(&self) -> &Cabinet {
        &self.parts.cabinet
    }

    fn registration(&self) -> &Registration {
        &self.parts.registration
    }

    fn counter(&self) -> &Counter {
        &self.parts.counter
    }

    fn signature_sign_in(&self) -> &SignatureSignIn {
        &self.parts.signature_sign_in
    }

    fn signatures(&self) -> &Signatures {
        &self.parts.signatures
    }

    fn checks(&self) -> &pages::Checks {
        &self.checks
    }

    fn workers(&self) -> &Workers {
        &self.parts.workers
    }

    fn form_rate(&self) -> &pages::FormRate {
        &self.form_rate
    }

    fn audit(&self) -> &Audit {
        &self.parts.audit
    }

    fn announcements(&self) -> &Announcements {
        &self.parts.announcements
    }

    fn administration(&self) -> &Administration {
        &self.parts.administration
    }

    /// The facilities of this kind now, by their ids.
    fn facilities_of(&self, kind: FacilityKind) -> Vec<String> {
        self.parts.registry.of_kind(kind, self.now()).map(|facility| facility.id.to_string()).collect()
    }

    /// There is such a facility now.
    fn has_facility(&self, id: &FacilityId) -> bool {
        self.parts.registry.facility(id, self.now()).is_some()
    }

    fn pulse(&self) -> &Pulse {
        &self.parts.pulse
    }

    fn lookups(&self) -> &Lookups {
        &self.parts.lookups
    }

    fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    fn random(&self) -> [u8; 32] {
        self.parts.world.random()
    }

    fn now(&self) -> Timestamp {
        self.parts.world.now()
    }
}

/// Requests with an idempotency key that are being served: a second one does not run beside the first.
#[derive(Clone, Debug, Default)]
struct InFlight {
    keys: Arc<Mutex<HashSet<Vec<u8>>>>,
}

/// A request's turn; over when dropped.
#[derive(Debug)]
struct Turn {
    keys: Arc<Mutex<HashSet<Vec<u8>>>>,
    key: Vec<u8>,
}

impl InFlight {
    /// `None` while another request with this key is being served.
    fn enter(&self, key: Vec<u8>) -> Option<Turn> {
        let is_first = self.keys.lock().insert(key.clone());
        is_first.then(|| Turn { keys: Arc::clone(&self.keys), key })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.keys.lock().remove(&self.key);
    }
}

/// A JSON body.
fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_input(format!("JSON: {error}")))
}

/// A text of a client that people will read: trimmed, `None` when nothing is left.
fn visible(text: Option<String>, longest: usize, what: &str) -> Result<Option<String>, Problem> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.iter().any(|text| text.chars().count() > longest || text.chars().any(char::is_control)) {
        return Err(Problem::bad_input(format!("{what} has at most {longest} visible characters")));
    }
    Ok(text)
}

/// Why something was done; needed with some events.
fn reason_of(reason: Option<String>) -> Result<String, Problem> {
    visible(reason, LONGEST_REASON, "a reason")?.ok_or_else(|| Problem::bad_input("a reason is needed"))
}

/// An id in a path; what is none names nothing.
fn parse_id(text: &str) -> Result<ItemId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// RFC 3339 in UTC.
fn rfc3339_us(microseconds: i64) -> String {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// RFC 3339 in UTC.
fn rfc3339_ms(milliseconds: u64) -> String {
    i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default().to_string()
}
