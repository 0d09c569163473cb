//! Opening devices, giving them numbers, and putting them away: what is durable before a device comes down.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Timestamp;
use crate::postal::{Device, DeviceId, DeviceKind, FacilityId};
use crate::store::device_keys::{DeviceKey, device_numbers, put_device_key};
use crate::store::{self, Batch, Precondition, View};

use super::keys::{Found, blocking, find_or_make, key_line};
use super::{Devices, Error, InUse, PrivateKey, State};

/// How much of the journal's end is looked at: the last impressions of a busy second.
const TAIL_BYTES: u64 = 1 << 20;

/// Devices that are opened in one commit.
const AT_ONCE: usize = 500;

/// As [`AT_ONCE`], while letters are served.
const AT_ONCE_BESIDE_LETTERS: usize = 16;

/// A device on its way to its numbers.
struct Wanted {
    id: DeviceId,
    in_use: Option<Arc<InUse>>,
    key: Option<PrivateKey>,
    keys: Option<Vec<DeviceKey>>,
    /// The row of its numbers, as it stands.
    given: Option<Vec<u8>>,
    first: u64,
}

impl Devices {
    /// Opens every postmark of the operators whose facilities are named, so that their keys are known before
    /// their first impression.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open_postmarks(&self, facilities: &[FacilityId]) -> Result<(), Error> {
        for some in self.usable(facilities, |kind| kind == DeviceKind::Postmark).chunks(AT_ONCE) {
            self.reserve(some).await?;
        }
        Ok(())
    }

    /// Opens the other devices of these operators, until told to stop. P31: what stamps no letter (plates, pliers) has a
    /// key too, for each of its days is accounted for, and the account is signed.
    pub async fn open_others(self, facilities: Vec<FacilityId>, stop: CancellationToken) {
        let devices = self.usable(&facilities, |kind| kind != DeviceKind::Postmark);
        // Few at once: a postmark that needs numbers waits for them.
        for some in devices.chunks(AT_ONCE_BESIDE_LETTERS) {
            if stop.is_cancelled() {
                return;
            }
            if let Err(error) = self.reserve(some).await {
                let first = some.first().map(DeviceId::as_str);
                tracing::error!(first, %error, "this device or one of the next fifteen is not opened before it is used");
            }
        }
    }

    /// The devices of some kinds of the operators whose facilities are named that may be used here now.
    fn usable(&self, facilities: &[FacilityId], wanted: impl Fn(DeviceKind) -> bool) -> Vec<DeviceId> {
        let (registry, now) = (&self.inner.registry, self.inner.world.now());
        let ours: Vec<_> =
            facilities.iter().filter_map(|id| registry.facility(id, now)).map(|it| &it.operator).collect();
        let mut devices = Vec::new();
        for facility in registry.facilities(now).filter(|facility| ours.contains(&&facility.operator)) {
            let today = facility.date_at(now);
            let is_meant = |device: &&Device| {
                wanted(device.kind) && device.is_usable(today, now) && self.may_be_opened(&device.id)
            };
            devices.extend(facility.devices.iter().filter(is_meant).map(|device| device.id.clone()));
        }
        devices
    }

    /// A device that is at another node from the beginning gets its key there.
    fn may_be_opened(&self, device: &DeviceId) -> bool {
        self.is_here(device) || self.inner.published.keys.read().contains_key(device.as_str())
    }

    /// P31: puts the open devices away for the night. The numbers that they have left are given back, so that their next
    /// impression goes on where they stopped, and the journal is told of those that were taken and not used. A device
    /// that stamps all the same is given numbers anew, as at any other time.
    ///
    /// # Errors
    /// The store failed; then what was not given back is void by the next opening.
    pub async fn put_away(&self) -> Result<(), Error> {
        let _changing = self.inner.changing.lock().await;
        let open: Vec<Arc<InUse>> = self.inner.in_use.read().values().cloned().collect();
        for some in open.chunks(AT_ONCE) {
            let (mut batch, mut strikes) = (Batch::new(), self.begin());
            while strikes.take_void(&mut batch) {}
            for device in some {
                let mut state = device.state.lock();
                let (next, end, last) = (state.next, state.end, state.last);
                // Letters under way are not waited for: they may wait for numbers.
                state.end = next;
                drop(state);
                return_numbers(&mut batch, &device.id, (next, end), last);
            }
            strikes.commit(batch).await?;
        }
        Ok(())
    }

    /// Opens those of the devices that are not open, and gives numbers to those that have none left. When this
    /// answers, keys and numbers are on stable storage.
    ///
    /// # Errors
    /// See [`Error`].
    pub(super) async fn reserve(&self, devices: &[DeviceId]) -> Result<(), Error> {
        let _changing = self.inner.changing.lock().await;
        let mut wanted = self.wanted(devices).await?;
        if wanted.is_empty() {
            return Ok(());
        }
        let now = self.inner.world.now();
        let floor = self.floor().await?;
        let mut batch = Batch::new();
        for device in &mut wanted {
            self.add_to_batch(&mut batch, device, now)?;
        }
        self.inner.store.commit(batch).await?;
        for device in wanted {
            self.hand_out(device, floor.map_or(now, |floor| floor.max(now)))?;
        }
        Ok(())
    }

    /// The newest instant that the journal had when the first device was opened.
    async fn floor(&self) -> Result<Option<Timestamp>, Error> {
        let store = &self.inner.store;
        let read = || async {
            let lines = store.read(|view| view.newest_journal_lines(TAIL_BYTES)).await?;
            let instant = |line: &String| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                // What a clock showed that may have been found wrong.
                if line.get("event").is_some_and(|event| event == "clock") {
                    return None;
                }
                line.get("instant")?.as_str()?.parse::<Timestamp>().ok()
            };
            Ok::<_, Error>(lines.iter().filter_map(instant).max())
        };
        self.inner.floor.get_or_try_init(read).await.copied()
    }

    /// Those of the devices that need something, with what it is.
    async fn wanted(&self, devices: &[DeviceId]) -> Result<Vec<Wanted>, Error> {
        let mut wanted = Vec::new();
        for id in devices {
            let in_use = self.inner.in_use.read().get(id).cloned();
            if in_use.as_ref().is_some_and(|in_use| in_use.has_numbers()) {
                continue;
            }
            let mut device = Wanted { id: id.clone(), in_use, key: None, keys: None, given: None, first: 0 };
            if device.in_use.is_none() {
                let rows = self.inner.published.keys.read().get(id.as_str()).cloned().unwrap_or_default();
                let (dir, name, now) = (self.inner.dir.clone(), id.clone(), self.inner.world.now());
                let Found { key, changed } = blocking(move || find_or_make(&dir, &name, rows, now)).await?;
                (device.key, device.keys) = (Some(key), changed);
            }
            wanted.push(device);
        }
        let keys: Vec<Vec<u8>> = wanted.iter().map(|device| device_numbers(device.id.as_str())).collect();
        let read = move |view: &View<'_>| keys.iter().map(|key| Ok((view.get(key)?, view.counter(key)?))).collect();
        let rows: Vec<(Option<Vec<u8>>, i64)> = self.inner.store.read(read).await?;
        for (device, (row, given)) in wanted.iter_mut().zip(rows) {
            let given = u64::try_from(given).map_err(|_| store::Error::Damaged("a counter below zero".into()))?;
            (device.given, device.first) = (row, given + 1);
        }
        Ok(wanted)
    }

    fn add_to_batch(&self, batch: &mut Batch, device: &mut Wanted, now: Timestamp) -> Result<(), Error> {
        let counter = device_numbers(device.id.as_str());
        // Whoever else gave out numbers meanwhile would have used them.
        batch.require(match device.given.take() {
            None => Precondition::Absent(counter.clone()),
            Some(row) => Precondition::Equals(counter.clone(), row),
        });
        batch.add(counter, i64::from(self.block()));
        for key in device.keys.iter().flatten() {
            put_device_key(batch, key)?;
        }
        if let Some(key) = &device.key {
            if device.keys.is_some() {
                batch.journal(&key_line(&device.id, &key.selector, now));
            }
            // P31: issued to this workplace.
            let line = json!({
                "device": device.id.as_str(), "event": "opened", "seq": device.first, "instant": now.to_string(),
                "selector": key.selector,
            });
            batch.journal(&line.to_string());
        }
        Ok(())
    }

    fn hand_out(&self, device: Wanted, not_before: Timestamp) -> Result<(), Error> {
        let end = device.first + u64::from(self.block());
        if let Some(keys) = device.keys {
            self.publish(&device.id, keys);
        }
        match (device.in_use, device.key) {
            (Some(in_use), _) => {
                let mut state = in_use.state.lock();
                (state.next, state.end) = (device.first, end);
            }
            (None, Some(key)) => {
                let (domain, log) = self.signing_names(&device.id)?;
                // Held while the end of the last closed day is read: whoever closes one meanwhile finds the device.
                let mut all = self.inner.in_use.write();
                // Neither before the key's own beginning, if the clock went back meanwhile.
                let begun = self.begun(&device.id).unwrap_or(not_before);
                let closed = self.inner.closed_until.read().get(&device.id).copied().unwrap_or(not_before);
                let state = State {
                    next: device.first,
                    end,
                    last: not_before.max(begun).max(closed),
                    key: Arc::new(key),
                    is_withdrawn: !self.is_here(&device.id),
                    under_way: TaskTracker::new(),
                };
                let in_use = InUse { id: device.id.clone(), domain, log, state: Mutex::new(state) };
                all.insert(device.id, Arc::new(in_use));
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// The first second of the key that a device signs with.
    fn begun(&self, device: &DeviceId) -> Option<Timestamp> {
        let published = self.inner.published.keys.read();
        Timestamp::from_second(published.get(device.as_str())?.last()?.from_s).ok()
    }

    /// Tags `d` and `lg` of a device's marks.
    fn signing_names(&self, device: &DeviceId) -> Result<(Arc<str>, Arc<str>), Error> {
        let registry = &self.inner.registry;
        let has = |facility: &&crate::postal::Facility| facility.devices.iter().any(|other| other.id == *device);
        let facility = registry.versions().iter().find(has);
        let operator = facility.and_then(|facility| registry.operator(&facility.operator));
        let operator = operator.ok_or_else(|| Error::UnknownDevice(device.to_string()))?;
        let domain = operator.domains.first().ok_or_else(|| Error::NoDomain(operator.id.to_string()))?;
        Ok((domain.as_str().into(), Arc::clone(&self.inner.log_origin)))
    }

    fn block(&self) -> u32 {
        self.inner.settings.numbers_at_a_time.max(1)
    }
}

/// Gives back the numbers from `next` to before `end`. The line says when the device came down last: what the clock shows at
/// a stop may be wrong, and no device stamps before the newest instant of the journal.
fn return_numbers(batch: &mut Batch, device: &DeviceId, (next, end): (u64, u64), last: Timestamp) {
    let left = i64::try_from(end.saturating_sub(next)).unwrap_or(0);
    if left > 0 {
        let counter = device_numbers(device.as_str());
        // Whoever gave out numbers meanwhile, as a restore does, did so behind these.
        batch.require(Precondition::Equals(counter.clone(), (end - 1).to_be_bytes().to_vec()));
        // The row stays, also where the device never came down: a restore counts on from it.
        batch.add(counter, -left);
    }
    let line = json!({
        "device": device.as_str(), "event": "put_away", "seq": next, "instant": last.to_string(),
    });
    batch.journal(&line.to_string());
}

impl InUse {
    fn has_numbers(&self) -> bool {
        let state = self.state.lock();
        state.next < state.end
    }
}
