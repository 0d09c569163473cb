//! Issue and return (P31: order 57 cl. 14, "daily accounting of issuing stamps to workplaces"): who has which device.
//!
//! A device without any act is at the node that uses it, since its first opening. One that was returned stamps nothing
//! until it is issued again; one that was revoked never stamps again.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Timestamp;
use crate::postal::{DeviceId, Issued};
use crate::store::Batch;
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::device_acts::{Act, DeviceAct, add_device_act};
use crate::store::device_keys::{DeviceKey, put_device_key};

use super::keys::{blocking, find_or_make, key_line};
use super::{Devices, Error};

/// What is done with a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// It is given to a workplace.
    Issue {
        /// Which node; without it this one.
        node: Option<String>,
        /// To whom.
        holder: String,
        /// As what.
        role: Option<String>,
        /// Why, if there is more to say.
        #[serde(default)]
        reason: Option<String>,
    },
    /// It comes back.
    Return {
        /// Why, if there is more to say.
        reason: Option<String>,
    },
    /// It was lost or compromised.
    Revoke {
        /// What happened.
        reason: String,
    },
}

/// Where a device is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Whereabouts {
    /// At a workplace.
    Issued(Issued),
    /// In the safe.
    Returned,
    /// Nowhere where it could be used.
    Revoked(Timestamp),
}

impl Whereabouts {
    pub(super) fn of(act: &DeviceAct) -> Self {
        let at = Timestamp::from_microsecond(act.at_us).unwrap_or(Timestamp::MAX);
        match act.act {
            Act::Returned => Whereabouts::Returned,
            Act::Revoked => Whereabouts::Revoked(at),
            Act::Issued => Whereabouts::Issued(Issued {
                node: act.node.clone().unwrap_or_default(),
                holder: act.holder.clone(),
                role: act.role.clone(),
                since: Some(at.to_string()),
            }),
        }
    }
}

impl Devices {
    /// Issues, returns or revokes a device; `by` is who does that.
    ///
    /// # Errors
    /// There is no such device, or it is not where it would have to be; see [`Error`].
    pub async fn handle(&self, device: &str, handling: Handling, by: &str) -> Result<DeviceAct, Error> {
        let device = self.known(device)?;
        let _changing = self.inner.changing.lock().await;
        self.require_possible(&device, &handling)?;
        // Before the instant at which it came back, it stamps nothing any more; after it is written down that it was
        // issued, it does.
        if !self.brings_here(&handling) {
            self.withdraw(&device);
        }
        let written = self.write_down(&device, handling, by).await;
        // Whatever became of it: a device that is still here goes on.
        if self.is_here(&device) {
            self.give_back(&device);
        }
        written
    }

    /// Writes down what is done with a device, now.
    async fn write_down(&self, device: &DeviceId, handling: Handling, by: &str) -> Result<DeviceAct, Error> {
        let act = self.act(device, handling, by);
        let mut batch = Batch::new();
        // What is handed about is accounted for every day, and the account is signed: seals and plates get a key too.
        let keys = self.add_key(device, &mut batch).await?;
        add_device_act(&mut batch, &act)?;
        add_audit(&mut batch, &audit(&act))?;
        batch.journal(&line(&act));
        self.inner.store.commit(batch).await?;
        self.publish_place(device, Whereabouts::of(&act));
        if let Some(keys) = keys {
            self.publish(device, keys);
        }
        Ok(act)
    }

    /// After this the device may stamp at this node.
    fn brings_here(&self, handling: &Handling) -> bool {
        match handling {
            Handling::Issue { node, .. } => node.as_deref().is_none_or(|node| *node == *self.inner.node),
            Handling::Return { .. } | Handling::Revoke { .. } => false,
        }
    }

    /// Makes a key for a device that has none; all its keys then.
    async fn add_key(&self, device: &DeviceId, batch: &mut Batch) -> Result<Option<Vec<DeviceKey>>, Error> {
        if self.inner.published.keys.read().contains_key(device.as_str()) {
            return Ok(None);
        }
        let (dir, name, now) = (self.inner.dir.clone(), device.clone(), self.inner.world.now());
        let found = blocking(move || find_or_make(&dir, &name, Vec::new(), now)).await?;
        let keys = found.changed.unwrap_or_default();
        keys.iter().try_for_each(|key| put_device_key(batch, key))?;
        batch.journal(&key_line(device, &found.key.selector, now));
        Ok(Some(keys))
    }

    /// Lets a device stamp although the clock is not right, for as long as the configuration says; answers until when.
    ///
    /// # Errors
    /// There is no such device, or nothing is locked.
    pub async fn unlock(&self, device: &str, reason: &str, by: &str) -> Result<Timestamp, Error> {
        let device = self.known(device)?;
        let why = self.inner.clock.lock_reason().ok_or_else(|| Error::NotLocked(device.to_string()))?;
        let now = self.inner.world.now();
        let mut batch = Batch::new();
        let entry = AuditEntry {
            at_us: now.as_microsecond(),
            actor: by.to_owned(),
            action: "device.unlock".to_owned(),
            object: device.to_string(),
            details: Some(format!("{reason}; {why}")),
        };
        add_audit(&mut batch, &entry)?;
        let line =
            json!({ "device": device.as_str(), "event": "unlocked", "instant": now.to_string(), "reason": reason });
        batch.journal(&line.to_string());
        self.inner.store.commit(batch).await?;
        tracing::warn!(%device, reason, "unlocked by a person");
        Ok(self.inner.clock.unlock(&device))
    }

    /// Who has a device; `None` when it was returned or revoked.
    #[must_use]
    pub fn issued(&self, device: &DeviceId) -> Option<Issued> {
        match self.inner.whereabouts.read().get(device) {
            Some(Whereabouts::Issued(issued)) => Some(issued.clone()),
            Some(_) => None,
            None => Some(Issued { node: self.inner.node.to_string(), holder: None, role: None, since: None }),
        }
    }

    /// When a device was revoked by a command, if it was.
    #[must_use]
    pub fn revoked(&self, device: &DeviceId) -> Option<Timestamp> {
        match self.inner.whereabouts.read().get(device) {
            Some(Whereabouts::Revoked(at)) => Some(*at),
            _ => None,
        }
    }

    /// True when the device may stamp at this node.
    pub(super) fn is_here(&self, device: &DeviceId) -> bool {
        match self.inner.whereabouts.read().get(device) {
            None => true,
            Some(Whereabouts::Issued(issued)) => issued.node == *self.inner.node,
            Some(_) => false,
        }
    }

    fn require_possible(&self, device: &DeviceId, handling: &Handling) -> Result<(), Error> {
        let refuse = |what| Err(Error::NotPossible { device: device.to_string(), what });
        match (self.inner.whereabouts.read().get(device), handling) {
            (Some(Whereabouts::Revoked(_)), _) => refuse("it was revoked; that is for ever"),
            (Some(Whereabouts::Issued(_)), Handling::Issue { .. }) => {
                refuse("somebody has it; return it first (`poshta facility device return`)")
            }
            (Some(Whereabouts::Returned), Handling::Return { .. }) => refuse("it was returned already"),
            _ => Ok(()),
        }
    }

    fn act(&self, device: &DeviceId, handling: Handling, by: &str) -> DeviceAct {
        let mut act = DeviceAct {
            device: device.to_string(),
            at_us: self.inner.world.now().as_microsecond(),
            act: Act::Returned,
            node: None,
            holder: None,
            role: None,
            reason: None,
            by: by.to_owned(),
        };
        match handling {
            Handling::Issue { node, holder, role, reason } => {
                let node = node.unwrap_or_else(|| self.inner.node.to_string());
                (act.act, act.node, act.holder, act.role) = (Act::Issued, Some(node), Some(holder), role);
                act.reason = reason;
            }
            Handling::Return { reason } => act.reason = reason,
            Handling::Revoke { reason } => (act.act, act.reason) = (Act::Revoked, Some(reason)),
        }
        act
    }

    /// From here on the device makes no stroke.
    fn withdraw(&self, device: &DeviceId) {
        self.inner.withdrawn.write().insert(device.clone());
        if let Some(in_use) = self.inner.in_use.read().get(device) {
            in_use.state.lock().is_withdrawn = true;
        }
    }

    fn give_back(&self, device: &DeviceId) {
        if let Some(in_use) = self.inner.in_use.read().get(device) {
            in_use.state.lock().is_withdrawn = false;
        }
        self.inner.withdrawn.write().remove(device);
    }
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Issued => "issued",
        Act::Returned => "returned",
        Act::Revoked => "revoked",
    }
}

fn line(act: &DeviceAct) -> String {
    let instant = Timestamp::from_microsecond(act.at_us).unwrap_or_default();
    let line = json!({
        "device": act.device, "event": name(act.act), "instant": instant.to_string(), "node": act.node,
        "holder": act.holder, "role": act.role, "reason": act.reason,
    });
    line.to_string()
}

fn audit(act: &DeviceAct) -> AuditEntry {
    let details: Vec<&str> =
        [&act.node, &act.holder, &act.role, &act.reason].into_iter().flatten().map(String::as_str).collect();
    AuditEntry {
        at_us: act.at_us,
        actor: act.by.clone(),
        action: format!("device.{}", name(act.act)),
        object: act.device.clone(),
        details: (!details.is_empty()).then(|| details.join("; ")),
    }
}
