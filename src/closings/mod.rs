//! Closes the day of every named device (P31: order 57 cl. 14): after its facility's midnight a signed report says who
//! had it, what it stamped and what the clock showed.
//!
//! The invariant: after the closing of a day no impression of that day can come into being. First the device is told
//! that the day is over, so that it stamps no instant before its end; then everything that it stamped before is waited
//! for; then the journal is read; and the closing is one batch. A process that ends anywhere in between has closed
//! nothing, and the next one begins anew; days that were missed are closed in their order.

mod calendar;
mod journal;
mod settings;
mod sheet;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde_json::json;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};
use crate::devices::{self, Devices};
use crate::ids::ImpressionId;
use crate::postal::{
    CLOSING_VERSION, ClockNote, Closing, Contradiction, DayBook, DeviceId, Issued, LogSpan, NotAClosing, Registry,
    engraving,
};
use crate::publisher::Publisher;
use crate::store::closings::{StoredClosing, add_closing};
use crate::store::device_acts::{Act, DeviceAct};
use crate::store::{self, Batch, Store};

pub use settings::Settings;
pub use sheet::{Section, Sheet};

use calendar::{Span, facility_on};
use journal::Journal;

/// Closings that are made in one commit.
const AT_ONCE: usize = 200;

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[closings]`.
    pub settings: Settings,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// The devices.
    pub devices: Devices,
    /// The transparency log.
    pub publisher: Publisher,
    /// Where journal and closings are.
    pub store: Store,
    /// The clock.
    pub world: World,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Closings {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// One closes at a time; what it has read of the journal.
    journal: Mutex<Option<Journal>>,
    /// Devices that cannot be closed, and why, as the log was told.
    told: parking_lot::Mutex<BTreeMap<String, String>>,
}

/// Why a day is not closed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The devices.
    #[error(transparent)]
    Devices(#[from] devices::Error),
    /// A line of the journal.
    #[error("{0}")]
    Line(String),
    /// The journal contradicts itself, or a closing.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// A closing that was made cannot be read.
    #[error(transparent)]
    NotAClosing(#[from] NotAClosing),
    /// The clock is not right: nobody knows that the day is over.
    #[error("the clock is not to be trusted; the day is closed when it is right")]
    Clock,
    /// Work in another thread failed.
    #[error("temporary failure: {0}")]
    Failed(String),
}

/// What can go wrong.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which closings are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Of this device only.
    pub device: Option<String>,
    /// Of devices of this facility only.
    pub facility: Option<String>,
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// Only those behind this one, by device and day.
    pub after: Option<(String, Date)>,
}

/// As many closings as are shown at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// By device and day.
    pub closings: Vec<Closing>,
    /// There are others behind the last one.
    pub more: bool,
}

impl Closings {
    /// Builds the service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Closings { inner: Arc::new(Inner { parts, journal: Mutex::new(None), told: parking_lot::Mutex::default() }) }
    }

    /// Closes days as they end, until told to stop; never where the interval is zero.
    pub async fn run(self, stop: CancellationToken) {
        let every = self.inner.parts.settings.check_every_s;
        if every == 0 {
            return;
        }
        let mut told = None;
        loop {
            let problem = tokio::select! {
                closed = self.close_due() => closed.err().map(|error| error.to_string()),
                () = stop.cancelled() => return,
            };
            metrics::gauge!("poshta_closings_failing").set(if problem.is_some() { 1.0 } else { 0.0 });
            // Once, not every half minute.
            if problem != told {
                if let Some(problem) = &problem {
                    tracing::error!(problem, "a day cannot be closed now; it is tried again");
                }
                told = problem;
            }
            if tokio::time::timeout(Duration::from_secs(every), stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Closes every day that is over; answers how many closings were made. What was closed stays so when a later one
    /// fails, and a device that cannot be closed holds up no other one.
    ///
    /// # Errors
    /// See [`Error`]; of several devices that cannot be closed that of the first one.
    pub async fn close_due(&self) -> Result<usize> {
        let mut held = self.inner.journal.lock().await;
        // After an error the journal is read anew: what was read is not trusted.
        let journal = match held.take() {
            Some(journal) if journal.can_wait(self.inner.parts.world.now()) => {
                *held = Some(journal);
                return Ok(0);
            }
            Some(journal) => journal,
            None => self.open().await?,
        };
        let (mut journal, closed) = self.close_all(journal).await?;
        let failures = journal.take_failures();
        self.tell(&failures);
        if let Some((_, error)) = failures.into_iter().next() {
            return Err(error);
        }
        *held = Some(journal);
        closed
    }

    /// Tells the log which devices cannot be closed: once, not at every attempt.
    fn tell(&self, failures: &[(String, Error)]) {
        let failures: BTreeMap<String, String> =
            failures.iter().map(|(device, error)| (device.clone(), error.to_string())).collect();
        let mut told = self.inner.told.lock();
        for (device, problem) in failures.iter().filter(|(device, problem)| told.get(*device) != Some(*problem)) {
            tracing::error!(device, problem, "the days of this device cannot be closed now; those of others are");
        }
        *told = failures;
    }

    /// Closes what can be closed. A clock that is not right ends that, but leaves the journal to be trusted.
    async fn close_all(&self, journal: Journal) -> Result<(Journal, Result<usize>)> {
        let mut journal = self.read(journal).await?;
        let mut checked: Option<ClockNote> = None;
        let mut closed = 0;
        while let Some((end, devices)) = self.due(&journal) {
            let check = match checked.take().filter(|check| is_behind(check, end)) {
                Some(check) => Some(check),
                None => self.inner.parts.devices.check_clock_for_closing().await,
            };
            // P31: what made the day look over may have been a clock that ran ahead and was set right meanwhile.
            let Some(check) = check.filter(|check| is_behind(check, end)) else {
                return Ok((journal, Err(Error::Clock)));
            };
            // P31: from here on nobody stamps that day, and who did is in the journal.
            self.inner.parts.devices.end_day(&devices, end).await?;
            journal = self.read(journal).await?;
            self.publish().await;
            for some in devices.chunks(AT_ONCE) {
                closed += self.close(&mut journal, some, &check).await?;
            }
            checked = Some(check);
        }
        Ok((journal, Ok(closed)))
    }

    /// The earliest end of an open day that is over, and the devices whose day ends then.
    fn due(&self, journal: &Journal) -> Option<(Timestamp, Vec<DeviceId>)> {
        let now = self.inner.parts.world.now();
        let Parts { devices, registry, .. } = &self.inner.parts;
        let filed = registry.versions().iter().flat_map(|facility| &facility.devices);
        let filed: Vec<(&DeviceId, Timestamp)> = filed.filter_map(|one| Some((&one.id, one.revoked_at?))).collect();
        // By a command or by the facilities file, whichever was first.
        let revoked = |device: &DeviceId| {
            let filed = filed.iter().filter(|(other, _)| *other == device).map(|(_, at)| *at);
            filed.chain(devices.revoked(device)).min()
        };
        let is_due = |(device, span): &(&DeviceId, Span)| {
            // The last closing of a device that was revoked is that of the day on which it was.
            span.to <= now && revoked(device).is_none_or(|revoked| span.from <= revoked)
        };
        // Without a key there was neither an impression nor anybody who signs.
        let with_keys: HashSet<DeviceId> = devices.with_keys().into_iter().collect();
        let open = journal.next().filter(|(device, _)| with_keys.contains(*device));
        let due: Vec<(&DeviceId, Span)> = open.filter(is_due).collect();
        let end = due.iter().map(|(_, span)| span.to).min()?;
        let mut devices: Vec<DeviceId> =
            due.into_iter().filter(|(_, span)| span.to == end).map(|(device, _)| device.clone()).collect();
        devices.sort();
        Some((end, devices))
    }

    /// Closes the first open day of some devices, in one batch. Those that cannot be closed are set aside.
    async fn close(&self, journal: &mut Journal, devices: &[DeviceId], check: &ClockNote) -> Result<usize> {
        let mut batch = Batch::new();
        let mut made = Vec::new();
        for device in devices {
            let closing = match self.make(journal, device, check).await {
                Ok(Some(closing)) => closing,
                // There is nothing to say of a device that no facility has any more.
                Ok(None) => {
                    journal.set_aside(device.as_str(), None);
                    continue;
                }
                Err(error @ (Error::Devices(_) | Error::Contradiction(_))) => {
                    journal.set_aside(device.as_str(), Some(error));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let to: Timestamp = closing.to.parse().unwrap_or(Timestamp::MAX);
            let place = journal.place_from(to);
            let stored = StoredClosing {
                device: closing.device.clone(),
                day: closing.day.clone(),
                until_s: to.as_second(),
                journal: (place.file, place.bytes),
                document: closing.document(),
            };
            add_closing(&mut batch, &stored)?;
            // Also the numbers that a crash left, of which nobody else could tell the journal.
            let line = json!({
                "device": closing.device, "event": "closed", "day": closing.day, "instant": closing.closed,
                "void": closing.void, "sha256": closing.digest(),
            });
            batch.journal(&line.to_string());
            made.push((device, closing));
        }
        if made.is_empty() {
            return Ok(0);
        }
        self.inner.parts.store.commit(batch).await?;
        for (device, closing) in &made {
            journal.turn(device, &self.inner.parts.registry, closing);
        }
        Ok(made.len())
    }

    /// The closing of a device's first open day; `None` for a device that no facility has any more, or that was set
    /// aside.
    async fn make(&self, journal: &Journal, device: &DeviceId, check: &ClockNote) -> Result<Option<Closing>> {
        let parts = &self.inner.parts;
        let Some((span, book, head)) = journal.page(device) else { return Ok(None) };
        let Some(facility) = facility_on(&parts.registry, device, Some(span.day)) else { return Ok(None) };
        let operator = parts.registry.operator(&facility.operator);
        let engraved = facility.devices.iter().find(|other| other.id == *device);
        let Some((operator, engraved)) = operator.zip(engraved) else { return Ok(None) };
        let before = head.map_or(0, |head| head.upto);
        let tally = book.tally(device.as_str(), before)?;
        let mut clock = journal.clock(span);
        clock.push(check.clone());
        let name = device.to_string();
        let acts = parts.store.read(move |view| view.acts_of(&name)).await?;
        let closing = Closing {
            v: CLOSING_VERSION,
            operator: operator.id.to_string(),
            facility: facility.id.to_string(),
            device: device.to_string(),
            kind: engraved.kind,
            letter: engraved.mark.as_ref().map(ToString::to_string),
            engraving: engraving(facility, operator, engraved, span.from),
            day: span.day.to_string(),
            zone: facility.zone.to_string(),
            from: span.from.to_string(),
            to: span.to.to_string(),
            issued: issued_at(span.to, &acts, parts.devices.node()),
            acts: book.acts().to_vec(),
            opened: book.opened().iter().map(ToString::to_string).collect(),
            closed: parts.world.now().max(span.to).to_string(),
            impressions: tally.impressions,
            total: tally.total,
            before,
            first: tally.first,
            last: tally.last,
            void: tally.void,
            marks_sha256: tally.marks_sha256,
            clock,
            log: self.leaves(&book).await,
            previous: head.map(|head| head.digest.clone()),
            selector: String::new(),
            algorithm: String::new(),
            signature: String::new(),
        };
        Ok(Some(parts.devices.sign(device, closing).await?))
    }

    /// Where in the published log the day's marks are; `None` when there is no log, or it does not go on.
    async fn leaves(&self, book: &DayBook) -> Option<LogSpan> {
        let (publisher, ends) = (self.inner.parts.publisher.clone(), book.ends());
        let look = move || {
            let view = publisher.view()?;
            let find = |id: ImpressionId| view.find(id).ok().flatten();
            let (first, last) = match ends {
                Some((first, last)) => (Some(find(first)?), Some(find(last)?)),
                None => (None, None),
            };
            Some(LogSpan { origin: view.checkpoint().origin.clone(), first, last, size: view.size() })
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Has the log published as far as the journal goes. A log that does not go on keeps no day from being closed.
    async fn publish(&self) {
        let publisher = self.inner.parts.publisher.clone();
        let done = tokio::task::spawn_blocking(move || publisher.publish_if_wanted()).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "a day is closed without its leaves of the transparency log");
        }
    }

    async fn open(&self) -> Result<Journal> {
        let inner = Arc::clone(&self.inner);
        let resume = move || {
            let Parts { store, registry, devices, .. } = &inner.parts;
            let known = devices.with_keys().into_iter();
            let known: Vec<_> = known.map(|device| (devices.first_key_from(&device), device)).collect();
            Journal::resume(store, registry, &known)
        };
        blocking(resume).await
    }

    async fn read(&self, mut journal: Journal) -> Result<Journal> {
        let inner = Arc::clone(&self.inner);
        let read = move || {
            journal.read(&inner.parts.store, &inner.parts.registry, inner.parts.world.now())?;
            Ok(journal)
        };
        blocking(read).await
    }

    /// The closings that are asked for, by device and day, as they were signed: at most `max_listed`, and whether there
    /// are more.
    ///
    /// # Errors
    /// The store.
    pub async fn list(&self, wanted: Wanted) -> Result<Listed> {
        let limit = self.inner.parts.settings.max_listed;
        let devices: Vec<String> = self.devices_of(&wanted);
        let (from, to) = (wanted.from.unwrap_or(Date::ZERO), wanted.to.unwrap_or(Date::MAX));
        let after = wanted.after;
        let read = self.inner.parts.store.read(move |view| {
            let mut found = Vec::new();
            for device in &devices {
                let first = match &after {
                    Some((last, _)) if device < last => continue,
                    Some((last, day)) if device == last => day.tomorrow().unwrap_or(Date::MAX).max(from),
                    _ => from,
                };
                // One more than is shown says whether there are others.
                found.extend(view.closings(device, (first, to), (limit + 1).saturating_sub(found.len()))?);
            }
            Ok(found)
        });
        let mut found = read.await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let closings = found.iter().map(|stored| Ok(Closing::parse(&stored.document)?)).collect::<Result<_>>()?;
        Ok(Listed { closings, more })
    }

    /// The closing of a device on a day.
    ///
    /// # Errors
    /// The store.
    pub async fn find(&self, device: &str, day: Date) -> Result<Option<Closing>> {
        let device = device.to_owned();
        let found = self.inner.parts.store.read(move |view| view.closing(&device, day)).await?;
        Ok(found.map(|stored| Closing::parse(&stored.document)).transpose()?)
    }

    /// Whether a device belongs to a facility.
    #[must_use]
    pub fn is_of(&self, device: &str, facility: &str) -> bool {
        let mut versions = self.inner.parts.registry.versions().iter();
        versions.any(|version| {
            version.id.as_str() == facility && version.devices.iter().any(|other| other.id.as_str() == device)
        })
    }

    fn devices_of(&self, wanted: &Wanted) -> Vec<String> {
        let fits = |device: &String| {
            wanted.device.as_ref().is_none_or(|only| only == device)
                && wanted.facility.as_ref().is_none_or(|facility| self.is_of(device, facility))
        };
        self.inner.parts.devices.with_keys().iter().map(ToString::to_string).filter(fits).collect()
    }
}

/// The check was made when the day was over.
fn is_behind(check: &ClockNote, end: Timestamp) -> bool {
    check.at.parse::<Timestamp>().is_ok_and(|at| at >= end)
}

/// Who had the device at an instant.
fn issued_at(instant: Timestamp, acts: &[DeviceAct], node: &str) -> Option<Issued> {
    let act = acts.iter().rfind(|act| act.at_us < instant.as_microsecond());
    match act.map(|act| (act.act, act)) {
        None => Some(Issued { node: node.to_owned(), holder: None, role: None, since: None }),
        Some((Act::Issued, act)) => Some(Issued {
            node: act.node.clone().unwrap_or_default(),
            holder: act.holder.clone(),
            role: act.role.clone(),
            since: Timestamp::from_microsecond(act.at_us).ok().map(|at| at.to_string()),
        }),
        Some((Act::Returned | Act::Revoked, _)) => None,
    }
}

/// Reads off the threads that serve everybody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Failed(error.to_string()))?
}
