//! What the daily closing needs of the devices: that a day is over for them, that everything they stamped on it is in
//! the journal, and their signature.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::clock::Timestamp;
use crate::postal::{ClockNote, Closing, DeviceId};
use crate::store::Batch;

use super::clock::Occasion;
use super::{Devices, Error, keys};

impl Devices {
    /// Every device that has a key: those that may have stamped.
    #[must_use]
    pub fn with_keys(&self) -> Vec<DeviceId> {
        self.inner.published.keys.read().keys().filter_map(|device| device.parse().ok()).collect()
    }

    /// The first second of a device's first key: it stamped nothing before.
    #[must_use]
    pub fn first_key_from(&self, device: &DeviceId) -> Option<Timestamp> {
        let published = self.inner.published.keys.read();
        Timestamp::from_second(published.get(device.as_str())?.iter().map(|key| key.from_s).min()?).ok()
    }

    /// Ends a day for some devices: from now on none of them stamps an instant before `end`, whatever the clock shows,
    /// and when this answers, what they stamped before is in the journal or void.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_day(&self, devices: &[DeviceId], end: Timestamp) -> Result<(), Error> {
        let mut under_way = Vec::new();
        {
            let mut floors = self.inner.closed_until.write();
            for device in devices {
                let floor = floors.entry(device.clone()).or_insert(end);
                *floor = end.max(*floor);
            }
        }
        for device in devices {
            // A device that is being opened sees the floor, or is here already.
            let Some(in_use) = self.inner.in_use.read().get(device).cloned() else { continue };
            let mut state = in_use.state.lock();
            state.last = state.last.max(end);
            under_way.push(std::mem::replace(&mut state.under_way, TaskTracker::new()));
        }
        for letters in under_way {
            letters.close();
            letters.wait().await;
        }
        // Behind everything that those letters put into the committer's queue, waited for or not.
        let mut strikes = self.begin();
        let mut batch = Batch::new();
        while strikes.take_void(&mut batch) {}
        strikes.commit(batch).await?;
        Ok(())
    }

    /// Signs a closing with the device's key.
    ///
    /// # Errors
    /// It has none that can be read.
    pub async fn sign(&self, device: &DeviceId, closing: Closing) -> Result<Closing, Error> {
        let in_use = self.inner.in_use.read().get(device).cloned();
        let key = match in_use {
            Some(in_use) => Arc::clone(&in_use.state.lock().key),
            None => {
                let rows = self.inner.published.keys.read().get(device.as_str()).cloned().unwrap_or_default();
                let dir = self.inner.dir.clone();
                Arc::new(keys::blocking(move || keys::current(&dir, &rows)).await?)
            }
        };
        Ok(closing.sign(&key.selector, &key.key)?)
    }

    /// Checks the clock before a day is closed; `None` when it is not to be trusted, or a source that is configured
    /// does not answer.
    pub async fn check_clock_for_closing(&self) -> Option<ClockNote> {
        let note = self.inner.clock.check(Occasion::Closing).await;
        self.inner.clock.may_close().then_some(note)
    }

    /// The node that the devices are issued to.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner.node
    }
}
