//! The print queue: centres pull, each job is held by one of them at a time, and what a centre no longer holds
//! it can no longer change (FACTS C3).
//!
//! A lease is a row change that requires the row as it was read; its fence grows with every lease. A lease that
//! ends without news puts the job back by itself, because the index entry of a held job lies at the end of its
//! lease. No sweeper is needed, and none can be late.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};
use crate::devices::{self, Devices};
use crate::ids::ItemId;
use crate::postal::{Class, Facility, Handover, KeyError, Kind, NotStamped, PostalIndex, PrintCapabilities, Registry};
use crate::store::items::{ItemEvent, add_event};
use crate::store::print_jobs::{Lease, Offer, PrintDocument, PrintJob, State, StoredJob};
use crate::store::{self, Batch, Committed, Store, Topic, View};

use super::Settings;
use super::news::{self, News};

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct PrintQueue {
    store: Store,
    world: World,
    registry: Arc<Registry>,
    devices: Devices,
    settings: Arc<Settings>,
}

/// What a centre asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Most jobs.
    pub max: usize,
    /// How long to wait for the first one.
    pub wait: Duration,
    /// It can print in colour now.
    pub colour: bool,
    /// It can print on both sides now.
    pub duplex: bool,
}

/// What a centre says about a job that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CentreEvent {
    /// On paper.
    Printed {
        /// Sheets that it took.
        sheets: u32,
    },
    /// In its envelope.
    Inserted,
    /// Given to the postal network.
    HandedToPost,
    /// It cannot be made. Final: the sender is told.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a facility says about a letter on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FacilityEvent {
    /// Between facilities.
    InTransit,
    /// At the office that delivers it.
    AtDeliveryOffice,
    /// Delivery was tried.
    Attempted,
    /// P6: delivered, handed over, or both; where the facility does not say which, it follows from the class of the
    /// letter ([`usual_handover`]).
    Delivered(Option<Handover>),
    /// On its way back.
    Returned {
        /// Why.
        reason: String,
    },
    /// Nowhere to be found.
    Lost,
}

/// Why the queue does not do it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No such job, or it is somebody else's.
    #[error("there is no such item")]
    NotFound,
    /// The document is no longer given out.
    #[error("the letter was handed to the post; its document is gone")]
    Gone,
    /// The fence is not that of the current lease.
    #[error("the lease has ended or was taken over; nothing was changed")]
    StaleLease,
    /// Not in this state.
    #[error("a letter that is {state} cannot become {event}")]
    WrongState {
        /// The state it is in.
        state: &'static str,
        /// The event.
        event: &'static str,
    },
    /// The facility could not stamp.
    #[error("no postmark: {0}")]
    NotStamped(#[from] NotStamped),
    /// Its device cannot be used.
    #[error("no postmark: {0}")]
    Device(devices::Error),
    /// P9: it cannot be had as one sealed file.
    #[error("this bundle cannot be sealed: {0}")]
    NotSealed(&'static str),
    /// Its key cannot sign.
    #[error("no postmark: {0}")]
    NotSigned(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<devices::Error> for QueueError {
    fn from(error: devices::Error) -> Self {
        match error {
            devices::Error::NotStamped(error) => QueueError::NotStamped(error),
            devices::Error::Store(error) => QueueError::Store(error),
            other => QueueError::Device(other),
        }
    }
}

/// States in which the postal network has the letter.
const IN_THE_POST: &[State] = &[State::HandedToPost, State::InTransit, State::AtDeliveryOffice, State::Attempted];

impl CentreEvent {
    /// The state it leads to.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            CentreEvent::Printed { .. } => State::Printed,
            CentreEvent::Inserted => State::Inserted,
            CentreEvent::HandedToPost => State::HandedToPost,
            CentreEvent::Failed { .. } => State::Failed,
        }
    }

    /// The states it may follow. A post card needs no envelope, and some machines print and insert in one step.
    #[must_use]
    pub fn predecessors(state: State) -> &'static [State] {
        match state {
            State::Printed => &[State::Claimed],
            State::Inserted => &[State::Printed],
            State::HandedToPost => &[State::Printed, State::Inserted],
            State::Failed => &[State::Claimed, State::Printed, State::Inserted],
            _ => &[],
        }
    }
}

impl FacilityEvent {
    /// The state it leads to.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            FacilityEvent::InTransit => State::InTransit,
            FacilityEvent::AtDeliveryOffice => State::AtDeliveryOffice,
            FacilityEvent::Attempted => State::Attempted,
            FacilityEvent::Delivered(_) => State::Delivered,
            FacilityEvent::Returned { .. } => State::Returned,
            FacilityEvent::Lost => State::Lost,
        }
    }

    /// The states it may follow.
    #[must_use]
    pub fn predecessors() -> &'static [State] {
        IN_THE_POST
    }
}

/// P6: an ordinary letter is laid into a letter box; the others are given to somebody who signs for them.
fn usual_handover(job: &PrintJob) -> Handover {
    if job.class == Class::Ordinary.name() { Handover::Delivered } else { Handover::Handed }
}

impl PrintQueue {
    /// The queue over a store.
    #[must_use]
    pub fn new(store: Store, world: World, registry: Arc<Registry>, devices: Devices, settings: Arc<Settings>) -> Self {
        PrintQueue { store, world, registry, devices, settings }
    }

    /// Leases jobs to a centre, waiting for work if there is none, until the token is cancelled.
    ///
    /// # Errors
    /// Store.
    pub async fn lease(
        &self,
        centre: &str,
        request: LeaseRequest,
        stop: &CancellationToken,
    ) -> Result<Vec<PrintJob>, QueueError> {
        let wait = request.wait.min(Duration::from_secs(self.settings.max_wait_s));
        let deadline = tokio::time::Instant::now() + wait;
        if self.is_disabled(centre) {
            let _ = tokio::time::timeout_at(deadline, stop.cancelled()).await;
            return Ok(Vec::new());
        }
        // Made before the first look, so that nothing slips in between.
        let mut watcher = self.store.watch(Topic::Print(centre.to_owned()));
        loop {
            let (jobs, next_ms) = self.claim_due(centre, request).await?;
            if !jobs.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(jobs);
            }
            let until_next = next_ms.map(|next| Duration::from_millis(next.saturating_sub(self.now_ms()).max(1)));
            let wake = until_next.map_or(deadline, |after| deadline.min(tokio::time::Instant::now() + after));
            tokio::select! {
                () = stop.cancelled() => return Ok(Vec::new()),
                () = watcher.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    async fn claim_due(&self, centre: &str, request: LeaseRequest) -> Result<(Vec<PrintJob>, Option<u64>), QueueError> {
        const LOOKED_AT: usize = 500;
        let max = request.max.clamp(1, self.settings.max_lease_jobs.max(1));
        let (name, now_ms) = (centre.to_owned(), self.now_ms());
        let (due, next_ms) = self
            .store
            .read(move |view| {
                let mut looked_at = LOOKED_AT.max(max);
                loop {
                    let waiting = view.jobs_for_centre(&name, now_ms, looked_at)?;
                    let is_all = waiting.due.len() < looked_at;
                    let jobs = able_jobs(view, waiting.due, request)?;
                    // Who has no colour today must not starve behind letters in colour.
                    if is_all || !jobs.is_empty() {
                        return Ok((jobs, waiting.next_ms));
                    }
                    looked_at = looked_at.saturating_mul(4);
                }
            })
            .await?;
        let mut taken = Vec::new();
        for stored in due {
            if taken.len() == max {
                break;
            }
            taken.extend(self.claim(centre, &stored).await?);
        }
        Ok((taken, next_ms))
    }

    /// Takes one job; `None` when somebody else was faster.
    async fn claim(&self, centre: &str, stored: &StoredJob) -> Result<Option<PrintJob>, QueueError> {
        let mut batch = Batch::new();
        let job = &stored.job;
        if job.state.is_leased() {
            let back = self.event(State::Queued.name(), "server", Some("lease_expired"));
            add_event(&mut batch, job.item, &back)?;
        } else if job.state != State::Queued {
            return Ok(None);
        }
        let mut new = job.clone();
        new.state = State::Claimed;
        new.fence += 1;
        self.hold(&mut new, centre);
        stored.change(&mut batch, &new)?;
        add_event(&mut batch, job.item, &self.event(State::Claimed.name(), centre, None))?;
        match self.store.commit(batch).await {
            Ok(_) => Ok(Some(new)),
            Err(store::Error::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts or renews the lease: nobody else may have the job before it ends.
    fn hold(&self, job: &mut PrintJob, centre: &str) {
        let expires_ms = self.now_ms() + self.settings.lease_s * 1000;
        job.lease = Some(Lease { centre: centre.to_owned(), expires_ms });
        for offer in &mut job.offers {
            offer.due_ms = offer.due_ms.max(expires_ms);
        }
    }

    /// A longer lease.
    ///
    /// # Errors
    /// `NotFound`, `StaleLease`, `Store`.
    pub async fn extend(&self, centre: &str, item: ItemId, fence: u64) -> Result<PrintJob, QueueError> {
        let stored = self.held(centre, item, fence).await?;
        let mut new = stored.job.clone();
        self.hold(&mut new, centre);
        let mut batch = Batch::new();
        stored.change(&mut batch, &new)?;
        self.commit_held(batch).await?;
        Ok(new)
    }

    /// What a centre says about a job that it holds. Good news renews the lease.
    ///
    /// # Errors
    /// `NotFound`, `StaleLease`, `WrongState`, `NotStamped`, `Store`.
    pub async fn report(
        &self,
        centre: &str,
        item: ItemId,
        fence: u64,
        event: CentreEvent,
    ) -> Result<PrintJob, QueueError> {
        let stored = self.held(centre, item, fence).await?;
        let expected = news::expected(&self.store, item).await?;
        let state = event.state();
        check_order(&stored.job, state, CentreEvent::predecessors(state))?;
        let mut new = stored.job.clone();
        new.state = state;
        self.hold(&mut new, centre);
        let (mut batch, mut strikes) = (Batch::new(), self.devices.begin());
        let mut row = self.event(state.name(), centre, None);
        match &event {
            CentreEvent::Printed { sheets } => {
                row.reason = sheets_alarm(&stored.job, *sheets);
                row.sheets = Some(*sheets);
            }
            CentreEvent::Inserted => {}
            CentreEvent::HandedToPost => {
                let made = self.stamp(&mut strikes, centre, Kind::Receive, &stored).await?;
                batch.journal(&made.line);
                row.mark = made.mark;
                forget_document(&mut batch, &mut new);
            }
            CentreEvent::Failed { reason } => {
                row.reason = Some(reason.clone());
                forget_document(&mut batch, &mut new);
            }
        }
        stored.change(&mut batch, &new)?;
        let number = add_event(&mut batch, item, &row)?;
        News { job: &new, state, event: &row, number }.tell(&mut batch, expected.as_ref())?;
        held_by(strikes.commit(batch).await)?;
        Ok(new)
    }

    /// What a facility says about a letter on its way.
    ///
    /// # Errors
    /// `NotFound`, `WrongState`, `NotStamped`, `Store`.
    pub async fn track(&self, facility: &str, item: ItemId, event: FacilityEvent) -> Result<PrintJob, QueueError> {
        let stored = self.job(item).await?.ok_or(QueueError::NotFound)?;
        let expected = news::expected(&self.store, item).await?;
        let state = event.state();
        check_order(&stored.job, state, FacilityEvent::predecessors())?;
        let mut new = stored.job.clone();
        new.state = state;
        let (mut batch, mut strikes) = (Batch::new(), self.devices.begin());
        let mut row = self.event(state.name(), facility, None);
        match &event {
            FacilityEvent::Delivered(handover) => {
                let handover = handover.unwrap_or_else(|| usual_handover(&stored.job));
                let made = self.stamp(&mut strikes, facility, Kind::Deliver(handover), &stored).await?;
                batch.journal(&made.line);
                row.mark = made.mark;
            }
            FacilityEvent::Returned { reason } => row.reason = Some(reason.clone()),
            _ => {}
        }
        stored.change(&mut batch, &new)?;
        let number = add_event(&mut batch, item, &row)?;
        News { job: &new, state, event: &row, number }.tell(&mut batch, expected.as_ref())?;
        held_by(strikes.commit(batch).await)?;
        Ok(new)
    }

    /// Takes a letter back before a centre has claimed it.
    ///
    /// # Errors
    /// `NotFound`, `WrongState`, `Store`.
    pub async fn cancel(&self, item: ItemId, actor: &str) -> Result<PrintJob, QueueError> {
        let stored = self.job(item).await?.ok_or(QueueError::NotFound)?;
        check_order(&stored.job, State::Cancelled, &[State::Accepted, State::Queued])?;
        let expected = news::expected(&self.store, item).await?;
        let mut new = stored.job.clone();
        new.state = State::Cancelled;
        let mut batch = Batch::new();
        forget_document(&mut batch, &mut new);
        stored.change(&mut batch, &new)?;
        add_event(&mut batch, item, &self.event(State::Cancelled.name(), actor, None))?;
        expected.iter().for_each(|expected| expected.end(&mut batch));
        self.commit_held(batch).await?;
        Ok(new)
    }

    /// The document of a job, for the centre that holds it.
    ///
    /// # Errors
    /// `NotFound`, `Gone`, `Store`.
    pub async fn document(&self, centre: &str, item: ItemId) -> Result<PrintDocument, QueueError> {
        let job = self.job(item).await?.ok_or(QueueError::NotFound)?.job;
        let lease = job.lease.as_ref().filter(|lease| lease.centre == centre).ok_or(QueueError::NotFound)?;
        if !job.state.is_leased() {
            return Err(if job.state == State::Queued { QueueError::NotFound } else { QueueError::Gone });
        }
        if lease.expires_ms <= self.now_ms() {
            return Err(QueueError::NotFound);
        }
        job.document.ok_or(QueueError::NotFound)
    }

    /// A job as it stands.
    ///
    /// # Errors
    /// Store.
    pub async fn job(&self, item: ItemId) -> Result<Option<StoredJob>, store::Error> {
        self.store.read(move |view| view.print_job(item)).await
    }

    /// To whom a letter with this index is offered, and from when on: the centre with the longest matching
    /// prefix at once, each further one `reassign_after_s` later. Disabled centres and those that cannot print
    /// it are left out.
    #[must_use]
    pub fn offers(&self, index: &PostalIndex, colour: bool, duplex: bool) -> Vec<Offer> {
        let centres = self.centres(index, colour, duplex);
        let centres = centres.into_iter().filter(|centre| !self.is_disabled(centre.id.as_str()));
        let step_ms = self.settings.reassign_after_s * 1000;
        centres
            .zip(0u64..)
            .map(|(centre, place)| Offer { centre: centre.id.to_string(), due_ms: self.now_ms() + place * step_ms })
            .collect()
    }

    /// True when a centre could print such a letter, if only it were not disabled.
    pub(super) fn is_served(&self, index: &PostalIndex, colour: bool, duplex: bool) -> bool {
        !self.centres(index, colour, duplex).is_empty()
    }

    fn centres(&self, index: &PostalIndex, colour: bool, duplex: bool) -> Vec<&Facility> {
        let able = |print: &PrintCapabilities| (print.colour || !colour) && (print.duplex || !duplex);
        let mut centres = self.registry.print_centres(index, self.world.now());
        centres.retain(|centre| centre.print.as_ref().is_some_and(able));
        centres
    }

    /// Opens what waits for a disabled centre to the others at once. Jobs that such a centre still holds stay with
    /// it until their lease ends.
    ///
    /// # Errors
    /// Store.
    pub async fn release_disabled(&self) -> Result<(), store::Error> {
        const ALL: usize = 100_000;
        for centre in &self.settings.disabled_centres {
            let name = centre.clone();
            let waiting = self.store.read(move |view| view.jobs_for_centre(&name, u64::MAX, ALL)).await?;
            for item in waiting.due {
                let Some(stored) = self.job(item).await? else { continue };
                let Ok(index) = stored.job.postal_index.parse() else { continue };
                let mut new = stored.job.clone();
                if stored.job.state.is_leased() {
                    new.offers.retain(|offer| offer.centre != *centre);
                } else {
                    new.offers = self.offers(&index, new.colour, new.duplex);
                }
                if new.offers.is_empty() {
                    tracing::warn!(%item, centre, "no other print centre can make this letter");
                    continue;
                }
                let mut batch = Batch::new();
                stored.change(&mut batch, &new)?;
                new.offers.iter().for_each(|offer| batch.publish(Topic::Print(offer.centre.clone())));
                match self.store.commit(batch).await {
                    Ok(_) | Err(store::Error::Conflict(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn is_disabled(&self, centre: &str) -> bool {
        self.settings.disabled_centres.iter().any(|disabled| disabled == centre)
    }

    /// The job, if this centre holds its current lease with this fence.
    async fn held(&self, centre: &str, item: ItemId, fence: u64) -> Result<StoredJob, QueueError> {
        let stored = self.job(item).await?.ok_or(QueueError::NotFound)?;
        let job = &stored.job;
        let is_known = job.offers.iter().any(|offer| offer.centre == centre)
            || job.lease.as_ref().is_some_and(|lease| lease.centre == centre);
        if !is_known {
            return Err(QueueError::NotFound);
        }
        let now_ms = self.now_ms();
        let is_current = job.state.is_leased()
            && job.fence == fence
            && job.lease.as_ref().is_some_and(|lease| lease.centre == centre && lease.expires_ms > now_ms);
        if is_current { Ok(stored) } else { Err(QueueError::StaleLease) }
    }

    async fn commit_held(&self, batch: Batch) -> Result<(), QueueError> {
        held_by(self.store.commit(batch).await)
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn devices(&self) -> &Devices {
        &self.devices
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    fn event(&self, name: &str, actor: &str, reason: Option<&str>) -> ItemEvent {
        event(self.world.now(), name, actor, reason)
    }

    fn now_ms(&self) -> u64 {
        milliseconds(self.world.now())
    }
}

/// A row that changed under us belongs to somebody else now.
fn held_by(outcome: store::Result<Committed>) -> Result<(), QueueError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(store::Error::Conflict(_)) => Err(QueueError::StaleLease),
        Err(error) => Err(error.into()),
    }
}

/// Those of the jobs that can be made by who asks.
fn able_jobs(view: &View<'_>, items: Vec<ItemId>, request: LeaseRequest) -> store::Result<Vec<StoredJob>> {
    let able = |stored: &StoredJob| (request.colour || !stored.job.colour) && (request.duplex || !stored.job.duplex);
    let mut jobs = Vec::new();
    for item in items {
        jobs.extend(view.print_job(item)?.filter(able));
    }
    Ok(jobs)
}

/// An event that happens now.
pub(super) fn event(now: Timestamp, name: &str, actor: &str, reason: Option<&str>) -> ItemEvent {
    ItemEvent {
        at_us: now.as_microsecond(),
        name: name.to_owned(),
        actor: actor.to_owned(),
        reason: reason.map(str::to_owned),
        sheets: None,
        mark: None,
    }
}

/// Milliseconds since 1970, as the index counts.
pub(super) fn milliseconds(instant: Timestamp) -> u64 {
    u64::try_from(instant.as_millisecond()).unwrap_or(0)
}

fn check_order(job: &PrintJob, state: State, predecessors: &[State]) -> Result<(), QueueError> {
    if predecessors.contains(&job.state) {
        Ok(())
    } else {
        Err(QueueError::WrongState { state: job.state.name(), event: state.name() })
    }
}

/// Another number of sheets than the document has is an alarm for the operator, not a reason to keep the letter
/// from the post: only the centre can see what lies in its tray.
fn sheets_alarm(job: &PrintJob, reported: u32) -> Option<String> {
    let expected = job.document.as_ref().map(|document| document.sheets)?;
    if expected == reported {
        return None;
    }
    tracing::warn!(item = %job.item, expected, reported, "a print centre reports another number of sheets");
    metrics::counter!("poshta_print_sheets_mismatch_total").increment(1);
    Some(format!("{expected} sheets expected"))
}

/// What is on paper, or never will be, need not lie here as a PDF (FACTS B8: erase after print).
fn forget_document(batch: &mut Batch, job: &mut PrintJob) {
    if let Some(document) = &job.document {
        batch.release(document.body);
    }
    job.offers.clear();
}
