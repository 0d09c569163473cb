//! Which key a device signs with: made at its first use, replaced when it is rotated or lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::postal::{DeviceId, PublicKey, SigningKey};
use crate::store::Batch;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::device_keys::{DeviceKey, put_device_key};

use super::{Devices, Error, InUse, PrivateKey, key_file};

/// Who has keys changed, in the audit.
const ACTOR: &str = "command line";

/// A device's key, and the rows that must exist before it signs.
pub(super) struct Found {
    pub(super) key: PrivateKey,
    /// All keys of the device, if one is new or has ended.
    pub(super) changed: Option<Vec<DeviceKey>>,
}

impl Devices {
    /// Gives a device a new key; the old one stays published with its last second. `file` holds one that was made
    /// elsewhere, in PKCS#8; without it an Ed25519 key is made here. Answers the new key.
    ///
    /// # Errors
    /// See [`Error`]; the old key goes on signing then.
    pub async fn rotate(&self, device: &str, file: Option<PathBuf>) -> Result<DeviceKey, Error> {
        let device = self.known(device)?;
        self.reserve(std::slice::from_ref(&device)).await?;
        let _changing = self.inner.changing.lock().await;
        let unknown = || Error::UnknownDevice(device.to_string());
        let in_use = self.inner.in_use.read().get(&device).cloned().ok_or_else(unknown)?;
        let mut keys = self.inner.published.keys.read().get(device.as_str()).cloned().unwrap_or_default();
        let (dir, name, now) = (self.inner.dir.clone(), device.clone(), self.inner.world.now());
        let made = blocking(move || match file {
            Some(file) => bring(&dir, &name, &file, now),
            None => make(&dir, &name, now),
        });
        let (key, row) = made.await?;
        // Known to everybody before it signs.
        let mut batch = Batch::new();
        put_device_key(&mut batch, &row)?;
        self.inner.store.commit(batch).await?;
        keys.push(row.clone());
        self.publish(&device, keys.clone());
        let last = in_use.replace(key, self.inner.world.now());
        self.end_others(&device, &mut keys, &row, last).await?;
        Ok(row)
    }

    /// Writes down the last second of the keys that were replaced, and forgets their private parts.
    async fn end_others(
        &self,
        device: &DeviceId,
        keys: &mut [DeviceKey],
        current: &DeviceKey,
        last: Timestamp,
    ) -> Result<(), Error> {
        let mut batch = Batch::new();
        let mut ended = Vec::new();
        for key in keys.iter_mut().filter(|key| key.to_s.is_none() && key.selector != current.selector) {
            key.to_s = Some(last.as_second());
            put_device_key(&mut batch, key)?;
            ended.push(key_file::path(&self.inner.dir, device.as_str(), &key.selector));
        }
        batch.journal(&key_line(device, &current.selector, last));
        add_audit(&mut batch, &audit(device, &current.selector, last))?;
        self.inner.store.commit(batch).await?;
        self.publish(device, keys.to_vec());
        blocking(move || {
            for path in ended {
                // It may have been lost, and that may be why there is a new one.
                if let Err(error) = key_file::remove(&path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    return Err(Error::File { path, error });
                }
            }
            Ok(())
        })
        .await
    }

    /// The device with this name.
    pub(super) fn known(&self, name: &str) -> Result<DeviceId, Error> {
        let unknown = || Error::UnknownDevice(name.to_owned());
        let id: DeviceId = name.parse().map_err(|_| unknown())?;
        let mut devices = self.inner.registry.versions().iter().flat_map(|facility| &facility.devices);
        devices.any(|device| device.id == id).then_some(id).ok_or_else(unknown)
    }
}

impl InUse {
    /// Signs with another key from now on; answers the last instant at which the old one may have signed.
    fn replace(&self, key: PrivateKey, now: Timestamp) -> Timestamp {
        let mut state = self.state.lock();
        state.key = Arc::new(key);
        state.last = state.last.max(now);
        state.last
    }
}

/// The key that a device goes on with: the one its rows name, or a new one when there is none or its file is gone.
/// Blocks.
pub(super) fn find_or_make(
    dir: &Path,
    device: &DeviceId,
    mut rows: Vec<DeviceKey>,
    now: Timestamp,
) -> Result<Found, Error> {
    let current = rows.iter().rfind(|row| row.to_s.is_none()).cloned();
    let open = rows.iter().filter(|row| row.to_s.is_none()).count();
    let kept = match &current {
        Some(row) => match load(dir, row) {
            Err(error) if error.is_loss() => {
                tracing::error!(%device, selector = row.selector, %error, "a key is lost; the device gets a new one");
                None
            }
            loaded => Some((row, loaded?)),
        },
        None => None,
    };
    let (key, row) = match kept {
        Some((row, key)) if open == 1 => {
            let selector = row.selector.clone();
            return Ok(Found { key: PrivateKey { selector, key }, changed: None });
        }
        Some((row, key)) => (PrivateKey { selector: row.selector.clone(), key }, row.clone()),
        None => make(dir, device, now)?,
    };
    // A rotation that a crash cut short, or a lost key: what does not sign any more has an end.
    for old in rows.iter_mut().filter(|old| old.to_s.is_none() && old.selector != row.selector) {
        old.to_s = Some(now.as_second());
    }
    rows.retain(|old| old.selector != row.selector);
    rows.push(row);
    Ok(Found { key, changed: Some(rows) })
}

/// The private key that a device signs with, by the rows of its keys. Blocks.
pub(super) fn current(dir: &Path, rows: &[DeviceKey]) -> Result<PrivateKey, Error> {
    let row = rows.iter().rfind(|row| row.to_s.is_none());
    let row = row.ok_or(crate::postal::KeyError::NotAKey)?;
    Ok(PrivateKey { selector: row.selector.clone(), key: load(dir, row)? })
}

fn load(dir: &Path, row: &DeviceKey) -> Result<SigningKey, Error> {
    let path = key_file::path(dir, &row.device, &row.selector);
    let pkcs8 = key_file::read(&path).map_err(|error| Error::File { path, error })?;
    let key = SigningKey::from_pkcs8(&pkcs8)?;
    if key.public().base64() == row.public_key { Ok(key) } else { Err(crate::postal::KeyError::NotAKey.into()) }
}

/// Makes an Ed25519 key with the randomness of the operating system and writes it to its file.
fn make(dir: &Path, device: &DeviceId, now: Timestamp) -> Result<(PrivateKey, DeviceKey), Error> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| Error::NoRandomness)?;
    keep(dir, device, Zeroizing::new(pkcs8.as_ref().to_vec()), now)
}

/// Takes a key that was made elsewhere.
fn bring(dir: &Path, device: &DeviceId, file: &Path, now: Timestamp) -> Result<(PrivateKey, DeviceKey), Error> {
    let pkcs8 = key_file::read(file).map_err(|error| Error::File { path: file.to_owned(), error })?;
    keep(dir, device, pkcs8, now)
}

fn keep(
    dir: &Path,
    device: &DeviceId,
    pkcs8: Zeroizing<Vec<u8>>,
    now: Timestamp,
) -> Result<(PrivateKey, DeviceKey), Error> {
    let key = SigningKey::from_pkcs8(&pkcs8)?;
    let public = key.public();
    let selector = selector(device, &public);
    let path = key_file::path(dir, device.as_str(), &selector);
    key_file::write(&path, &pkcs8).map_err(|error| Error::File { path, error })?;
    let row = DeviceKey {
        device: device.to_string(),
        selector: selector.clone(),
        algorithm: public.algorithm().tag().to_owned(),
        public_key: public.base64(),
        from_s: now.as_second(),
        to_s: None,
    };
    Ok((PrivateKey { selector, key }, row))
}

/// The device and the beginning of the key's hash: unlike a count it is never used again, also after a restore.
fn selector(device: &DeviceId, key: &PublicKey) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let short: String = hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("{device}-{short}")
}

/// P31: from now on the device signs with this key.
pub(super) fn key_line(device: &DeviceId, selector: &str, instant: Timestamp) -> String {
    let line = json!({
        "device": device.as_str(), "event": "key", "selector": selector, "instant": instant.to_string(),
    });
    line.to_string()
}

fn audit(device: &DeviceId, selector: &str, now: Timestamp) -> AuditEntry {
    AuditEntry {
        at_us: now.as_microsecond(),
        actor: ACTOR.to_owned(),
        action: "device.rotate".to_owned(),
        object: device.to_string(),
        details: Some(selector.to_owned()),
    }
}

/// Files are read and written off the threads that serve everybody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Failed(error.to_string()))?
}
