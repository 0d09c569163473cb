//! The strokes for one letter: either they all count, or their numbers are void.

use serde_json::json;

use crate::postal::{DeviceKind, FacilityId, Kind};
use crate::store::{self, Batch, Committed};

use super::{Devices, Error, Strike, Unused};

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
    taken: Vec<Unused>,
    /// Void numbers of others that this letter takes to the journal.
    void: Vec<Unused>,
}

impl Strikes {
    pub(super) fn new(devices: Devices) -> Self {
        Strikes { devices, taken: Vec::new(), void: Vec::new() }
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
        let device = inner.registry.workplace_of(facility, device, inner.world.now())?.device.id.clone();
        let strike = loop {
            let in_use = inner.in_use.read().get(&device).cloned();
            if let Some(in_use) = in_use
                && let Some(strike) = in_use.strike(&inner.world, i64::from(inner.settings.max_clock_back_s))?
            {
                break strike;
            }
            self.devices.reserve(std::slice::from_ref(&device)).await?;
        };
        self.taken.push(Unused { device, number: strike.number });
        Ok(strike)
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
        // After `Closed` nobody knows; the next opening tells.
        if outcome.as_ref().is_err_and(|error| !matches!(error, store::Error::Closed)) {
            (self.taken, self.void) = (taken, void);
        }
        outcome
    }

    fn take_void(&mut self, batch: &mut Batch) {
        let mut unused = self.devices.inner.unused.lock();
        let count = unused.len().min(MAX_LINES);
        self.void = unused.drain(..count).collect();
        drop(unused);
        for Unused { device, number } in &self.void {
            batch.journal(json!({ "device": device.as_str(), "event": "void", "seq": number }).to_string());
        }
    }
}

impl Drop for Strikes {
    fn drop(&mut self) {
        if self.taken.is_empty() && self.void.is_empty() {
            return;
        }
        let mut unused = self.devices.inner.unused.lock();
        let room = MAX_UNUSED.saturating_sub(unused.len());
        unused.extend(self.void.drain(..).chain(self.taken.drain(..)).take(room));
    }
}
