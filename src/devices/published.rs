//! What everybody may know of the devices. A national operator has thousands of them, and whoever asks for the file, or
//! sends a letter with a mark, has all of it read: it is put together once, and anew when something has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard, RwLock};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::postal::{DeviceId, MarksFile, MarksKey};
use crate::store::device_keys::DeviceKey;

use super::issue::Whereabouts;
use super::{Devices, Inner};

/// The public keys of all devices, and the file that has them.
#[derive(Debug)]
pub(super) struct Published {
    /// By device, the oldest first.
    pub(super) keys: RwLock<BTreeMap<String, Vec<DeviceKey>>>,
    /// Whoever holds this may read keys and whereabouts, never the other way round.
    file: Mutex<Option<File>>,
}

#[derive(Debug)]
struct File {
    marks: Arc<MarksFile>,
    sent: Option<SentMarks>,
}

/// The file as it is sent.
#[derive(Clone, Debug)]
pub struct SentMarks {
    /// The JSON.
    pub json: Bytes,
    /// SHA-256 of it: whoever has this one has the newest file.
    pub sha256: [u8; 32],
}

impl Published {
    pub(super) fn new(keys: BTreeMap<String, Vec<DeviceKey>>) -> Self {
        Published { keys: RwLock::new(keys), file: Mutex::default() }
    }

    /// What the file says is no longer so.
    pub(super) fn changed(&self) {
        *self.file.lock() = None;
    }
}

impl Devices {
    /// What everybody may know: the facilities, their devices and all keys that ever signed, and what other
    /// operators publish.
    #[must_use]
    pub fn marks(&self) -> Arc<MarksFile> {
        Arc::clone(&self.file().marks)
    }

    /// The same as it is sent.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn sent_marks(&self) -> serde_json::Result<SentMarks> {
        let mut file = self.file();
        if let Some(sent) = &file.sent {
            return Ok(sent.clone());
        }
        let json = Bytes::from(serde_json::to_vec(&*file.marks)?);
        let sent = SentMarks { sha256: Sha256::digest(&json).into(), json };
        file.sent = Some(sent.clone());
        Ok(sent)
    }

    fn file(&self) -> MappedMutexGuard<'_, File> {
        MutexGuard::map(self.inner.published.file.lock(), |file| {
            file.get_or_insert_with(|| File { marks: Arc::new(put_together(&self.inner)), sent: None })
        })
    }

    /// Makes known the keys of a device, the oldest first.
    pub(super) fn publish(&self, device: &DeviceId, keys: Vec<DeviceKey>) {
        self.inner.published.keys.write().insert(device.to_string(), keys);
        self.inner.published.changed();
    }

    /// Makes known where a device is.
    pub(super) fn publish_place(&self, device: &DeviceId, place: Whereabouts) {
        self.inner.whereabouts.write().insert(device.clone(), place);
        self.inner.published.changed();
    }
}

fn put_together(inner: &Inner) -> MarksFile {
    let mut marks = MarksFile::of(&inner.registry);
    let (keys, places) = (inner.published.keys.read(), inner.whereabouts.read());
    let revoked: HashMap<&str, Timestamp> = places
        .iter()
        .filter_map(|(device, place)| match place {
            Whereabouts::Revoked(at) => Some((device.as_str(), *at)),
            _ => None,
        })
        .collect();
    for device in marks.devices_mut() {
        if let Some(keys) = keys.get(&device.id) {
            device.set_keys(keys.iter().map(published).collect());
        }
        if let Some(at) = revoked.get(device.id.as_str()) {
            device.revoke(*at);
        }
    }
    inner.operators.iter().for_each(|operator| marks.add_operators(operator.clone()));
    marks
}

fn published(key: &DeviceKey) -> MarksKey {
    let shown = |second| Timestamp::from_second(second).map(|instant| instant.to_string()).ok();
    MarksKey {
        selector: key.selector.clone(),
        algorithm: key.algorithm.clone(),
        public_key: key.public_key.clone(),
        from: shown(key.from_s),
        to: key.to_s.and_then(shown),
    }
}
