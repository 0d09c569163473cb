//! The strokes for one letter: either they all count, or their numbers are void.

use serde_json::json;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::Timestamp;
use crate::postal::{Device, DeviceId, DeviceKind, FacilityId, Kind};
use crate::store::{self, Batch, Committed};

use super::{Devices, Error, Strike, Unused};

/// A number that is void unless the letter is committed.
#[derive(Debug)]
struct Taken {
    number: Unused,
    /// Holds up the end of the day.
    _under_way: TaskTrackerToken,
}

/// Void numbers that are kept until the journal can have them. What is beyond is void by the next opening of the
/// device.
const MAX_UNUSED: usize = 100_000;

/// Void numbers that one letter takes to the journal.
const MAX_LINES: usize = 1000;

/// See the module's text. Dropping it makes its numbers void.
#[derive(Debug)]
pub struct Strikes {
    devices: Devices,
    /// Numbers that are void unless the letter is committed.
    taken: Vec<Taken>,
    /// Void numbers of others that this letter takes to the journal.
    void: Vec<Unused>,
    /// When the first stamp came down. Those that follow say the same where their devices can: how long the work took
    /// tells how many copies there are, blind ones included (FACTS E).
    begun: Option<Timestamp>,
}

impl Strikes {
    pub(super) fn new(devices: Devices) -> Self {
        Strikes { devices, taken: Vec::new(), void: Vec::new(), begun: None }
    }

    /// A stroke of the facility's device for impressions of this kind. Waits only when the device is used for the
    /// first time, or its numbers are used up.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn strike(&mut self, facility: &FacilityId, kind: Kind) -> Result<Strike, Error> {
        self.strike_with(facility, kind.device()).await
    }

    /// As [`Strikes::strike`], with the facility's device of this kind.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn strike_with(&mut self, facility: &FacilityId, device: DeviceKind) -> Result<Strike, Error> {
        let inner = &self.devices.inner;
        let at = self.begun.unwrap_or_else(|| inner.world.now());
        let device = self.devices.device_for(facility, device, at)?;
        // P31: the clock is checked before the first impression; what it shows may lock the device.
        inner.clock.ensure_asked().await;
        if let Some(why) = inner.clock.lock_of(&device) {
            return Err(Error::Locked { device: device.to_string(), why: why.to_string() });
        }
        let tolerance_s = i64::from(inner.settings.max_clock_back_s);
        let (strike, under_way) = loop {
            let in_use = inner.in_use.read().get(&device).cloned();
            if let Some(in_use) = in_use
                && let Some(struck) = in_use.strike(&inner.world, tolerance_s, self.begun)?
            {
                break struck;
            }
            self.devices.reserve(std::slice::from_ref(&device)).await?;
        };
        self.begun.get_or_insert(strike.instant);
        self.taken.push(Taken { number: Unused { device, number: strike.number }, _under_way: under_way });
        Ok(strike)
    }

    /// P4, P31: the facility has a device of this kind, and it is issued to this node.
    #[must_use]
    pub fn has(&self, facility: &FacilityId, device: DeviceKind) -> bool {
        self.devices.device_for(facility, device, self.devices.inner.world.now()).is_ok()
    }

    /// Commits the letter, and tells the journal of numbers that earlier ones left unused.
    ///
    /// # Errors
    /// As [`store::Store::commit`]; then the numbers are void.
    pub async fn commit(mut self, mut batch: Batch) -> store::Result<Committed> {
        self.take_void(&mut batch);
        let store = self.devices.inner.store.clone();
        // A letter is committed even if nobody waits for the answer: from here on nobody may call its numbers void
        // but who hears that it failed.
        let (taken, void) = (std::mem::take(&mut self.taken), std::mem::take(&mut self.void));
        let outcome = store.commit(batch).await;
        // After `Closed` nobody knows; the next opening tells. What was taken holds up the end of the day until here.
        if outcome.as_ref().is_err_and(|error| !matches!(error, store::Error::Closed)) {
            (self.taken, self.void) = (taken, void);
        }
        outcome
    }

    /// Takes void numbers to the journal; false when there are none left.
    pub(super) fn take_void(&mut self, batch: &mut Batch) -> bool {
        let mut unused = self.devices.inner.unused.lock();
        let count = unused.len().min(MAX_LINES);
        let begin = self.void.len();
        self.void.extend(unused.drain(..count));
        drop(unused);
        for Unused { device, number } in self.void.iter().skip(begin) {
            batch.journal(&json!({ "device": device.as_str(), "event": "void", "seq": number }).to_string());
        }
        count > 0
    }
}

impl Devices {
    /// P4, P31: the facility's first device of this kind at this instant that is issued to this node.
    fn device_for(&self, facility: &FacilityId, kind: DeviceKind, at: Timestamp) -> Result<DeviceId, Error> {
        let registry = &self.inner.registry;
        let first = registry.workplace_of(facility, kind, at)?.device().id.clone();
        let withdrawn = self.inner.withdrawn.read();
        if !withdrawn.contains(&first) {
            return Ok(first);
        }
        let other = registry.facility(facility, at).and_then(|facility| {
            let today = facility.date_at(at);
            let fits = |device: &&Device| device.kind == kind && device.is_usable(today, at);
            facility.devices.iter().filter(fits).find(|device| !withdrawn.contains(&device.id))
        });
        other.map(|device| device.id.clone()).ok_or_else(|| Error::NotIssued(first.to_string()))
    }
}

impl Drop for Strikes {
    fn drop(&mut self) {
        if self.taken.is_empty() && self.void.is_empty() {
            return;
        }
        let mut unused = self.devices.inner.unused.lock();
        let room = MAX_UNUSED.saturating_sub(unused.len());
        let taken = self.taken.drain(..).map(|taken| taken.number);
        unused.extend(self.void.drain(..).chain(taken).take(room));
    }
}
