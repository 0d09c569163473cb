//! Is the clock right (P31: order 57 cl. 14, "control that set dates and times are right")? When it is not, every
//! device of the node is locked, until a later check is good, or a person decides otherwise for some time.

mod settings;
mod sntp;
mod source;
mod standing;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};
use crate::postal::{ClockNote, DeviceId};
use crate::store::clock_checks::{ClockCheck, add_clock_check};
use crate::store::{self, Batch, Store};

pub use settings::Settings;
pub use source::{NtpServers, Reading, TimeSource};
pub use standing::ClockLock;

use standing::Standing;

/// Why a check is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Occasion {
    /// Before the first impression of this process.
    Opening,
    /// It is time again.
    Routine,
    /// Before a day is closed.
    Closing,
}

/// Watches the clock for all devices of the node.
#[derive(Debug)]
pub(super) struct ClockWatch {
    settings: Settings,
    source: Option<Arc<dyn TimeSource>>,
    store: Store,
    world: World,
    standing: RwLock<Standing>,
    /// The standing, as the devices ask for it.
    is_locked: AtomicBool,
    /// The source was asked since this process began, or there is none.
    is_asked: AtomicBool,
    /// Devices that a person unlocked, and until when.
    unlocked: RwLock<HashMap<DeviceId, Timestamp>>,
    checking: tokio::sync::Mutex<()>,
}

impl ClockWatch {
    pub(super) fn new(settings: Settings, source: Option<Arc<dyn TimeSource>>, store: Store, world: World) -> Self {
        // A restart makes no clock right: what was found wrong is wrong until the source says otherwise.
        let found_before = store.read_blocking(|view| view.clock_checks(1)).unwrap_or_else(|error| {
            tracing::warn!(%error, "what was found of the clock before cannot be read; it is checked anew");
            Vec::new()
        });
        let found_before = found_before.first().and_then(Standing::remembered);
        let standing = match &source {
            Some(_) => found_before.unwrap_or(Standing::Pending),
            None => Standing::Unchecked,
        };
        ClockWatch {
            is_locked: AtomicBool::new(standing.lock_reason(&settings).is_some()),
            is_asked: AtomicBool::new(source.is_none()),
            settings,
            source,
            store,
            world,
            standing: RwLock::new(standing),
            unlocked: RwLock::default(),
            checking: tokio::sync::Mutex::default(),
        }
    }

    /// Checks again and again, until told to stop.
    pub(super) async fn run(&self, stop: CancellationToken) {
        if self.source.is_none() {
            return;
        }
        let every = Duration::from_secs(self.settings.interval_s.max(1));
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            self.check(Occasion::Routine).await;
        }
    }

    /// Before the first impression of this process the clock is checked.
    pub(super) async fn ensure_asked(&self) {
        if !self.is_asked.load(Ordering::Acquire) {
            self.check(Occasion::Opening).await;
        }
    }

    /// Asks the source, and tells store, journal and log what matters: the first answer, a change, and what a closing
    /// stands on.
    pub(super) async fn check(&self, occasion: Occasion) -> ClockNote {
        let _one_at_a_time = self.checking.lock().await;
        let was_asked = self.is_asked.load(Ordering::Acquire);
        let said = match &self.source {
            Some(source) => Some(source.read().await),
            None => None,
        };
        let now = self.world.now();
        let before = self.standing.read().clone();
        let after = said.map_or(Standing::Unchecked, |said| before.after(said, &self.settings, now));
        let (was_locked, reason) = (self.is_locked.load(Ordering::Acquire), after.lock_reason(&self.settings));
        let is_change = before.name() != after.name() || was_locked != reason.is_some();
        let occasion = match occasion {
            // A closing that has to wait is tried again and again, and stands on nothing.
            Occasion::Closing if after.may_close(&self.settings) => "closing",
            _ if !was_asked => "opening",
            Occasion::Opening => "opening",
            Occasion::Closing | Occasion::Routine => "change",
        };
        let note = note(&after, occasion, now);
        self.is_locked.store(reason.is_some(), Ordering::Release);
        tell(&after, was_locked, reason.as_ref());
        if let Some(problem) = after.problem().filter(|_| is_change) {
            tracing::warn!(problem, "the clock cannot be checked");
        }
        if reason.is_none() {
            self.unlocked.write().clear();
        }
        *self.standing.write() = after.clone();
        if occasion != "change" || is_change {
            self.record(&after, &note, now).await;
        }
        // Who waits for the first check goes on only now.
        self.is_asked.store(true, Ordering::Release);
        note
    }

    /// Why this device may not stamp.
    pub(super) fn lock_of(&self, device: &DeviceId) -> Option<ClockLock> {
        if !self.is_locked.load(Ordering::Acquire) {
            return None;
        }
        let now = self.world.now();
        if self.unlocked.read().get(device).is_some_and(|until| now < *until) {
            return None;
        }
        self.standing.read().lock_reason(&self.settings)
    }

    /// Why devices are locked, whichever were unlocked.
    pub(super) fn lock_reason(&self) -> Option<ClockLock> {
        self.standing.read().lock_reason(&self.settings)
    }

    /// Whether a day may be closed.
    pub(super) fn may_close(&self) -> bool {
        self.standing.read().may_close(&self.settings)
    }

    /// Lets a device stamp for some time in spite of the lock; answers until when.
    pub(super) fn unlock(&self, device: &DeviceId) -> Timestamp {
        let seconds = i64::try_from(self.settings.unlock_s).unwrap_or(i64::MAX);
        let until = self.world.now().saturating_add(jiff::SignedDuration::from_secs(seconds));
        let until = until.unwrap_or(Timestamp::MAX);
        self.unlocked.write().insert(device.clone(), until);
        until
    }

    pub(super) fn shown(&self) -> Value {
        self.standing.read().shown(&self.settings)
    }

    async fn record(&self, standing: &Standing, note: &ClockNote, now: Timestamp) {
        if let Err(error) = self.write(standing, note, now).await {
            tracing::error!(%error, "a check of the clock cannot be written down");
        }
    }

    async fn write(&self, standing: &Standing, note: &ClockNote, now: Timestamp) -> store::Result<()> {
        let mut batch = Batch::new();
        let check = ClockCheck {
            at_us: now.as_microsecond(),
            occasion: note.occasion.clone(),
            state: note.state.clone(),
            drift_ms: note.drift_ms,
            server: note.server.clone(),
            problem: standing.problem().map(str::to_owned),
        };
        add_clock_check(&mut batch, &check)?;
        let line = json!({
            "event": "clock", "instant": note.at, "occasion": note.occasion, "state": note.state,
            "drift_ms": note.drift_ms, "server": note.server, "problem": check.problem,
        });
        batch.journal(&line.to_string());
        self.store.commit(batch).await.map(drop)
    }
}

fn note(standing: &Standing, occasion: &str, now: Timestamp) -> ClockNote {
    ClockNote {
        at: now.to_string(),
        occasion: occasion.to_owned(),
        state: standing.name().to_owned(),
        drift_ms: standing.reading().map(|reading| reading.drift_ms),
        server: standing.reading().map(|reading| reading.server.clone()),
    }
}

/// The log and the metrics.
fn tell(standing: &Standing, was_locked: bool, reason: Option<&ClockLock>) {
    if let Some(reading) = standing.reading() {
        metrics::gauge!("poshta_clock_drift_ms").set(reading.drift_ms as f64);
    }
    metrics::gauge!("poshta_clock_locked").set(if reason.is_some() { 1.0 } else { 0.0 });
    match reason {
        Some(reason) if !was_locked => tracing::error!("every device is locked: {reason}"),
        None if was_locked => tracing::info!("the clock is right again; every device may stamp"),
        _ => {}
    }
}
