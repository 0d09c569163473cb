//! Named devices at work (DESIGN 12): who has which key, which number comes next, and what the clock says.
//!
//! The invariant: a number and its instant are taken together while nobody else has the device, so instants never
//! go back in the order of numbers, and no number is used twice, whatever happens to the process. Numbers come in
//! blocks that are on stable storage before the first of a block is used. A stop gives back what is left of a block;
//! each start opens a new one, and the journal has a line for both. After a crash a number below the new block that has
//! no line of its own was never used.

mod clock;
mod issue;
pub(crate) mod key_file;
mod keys;
mod pages;
mod published;
mod reserve;
mod settings;
mod strikes;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::{Timestamp, World};
use crate::postal::{Device, DeviceId, Facility, KeyError, MarksFile, NotStamped, Registry, Signer, SigningKey};
use crate::store::device_keys::DeviceKey;
use crate::store::{self, Store};

pub use self::clock::{ClockLock, NtpServers, Reading, Settings as ClockSettings, TimeSource};
pub use self::issue::Handling;
pub use self::published::SentMarks;
pub use self::settings::Settings;
pub use self::strikes::Strikes;

use self::clock::{ClockWatch, Occasion};
use self::issue::Whereabouts;
use self::published::Published;

/// Where private keys lie in the data directory.
pub const DIR: &str = "devices";

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[devices]`.
    pub settings: Settings,
    /// `[clock]`.
    pub clock: ClockSettings,
    /// Where the true time comes from; without it the clock is not checked.
    pub time_source: Option<Arc<dyn TimeSource>>,
    /// The name of this node, to which devices are issued.
    pub node: String,
    /// Where the private keys lie: `<dir>/devices`.
    pub dir: PathBuf,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// What other operators publish of themselves.
    pub operators: Vec<MarksFile>,
    /// Name of the transparency log (tag `lg`).
    pub log_origin: String,
    /// Numbers, public keys, the journal.
    pub store: Store,
    /// The clock.
    pub world: World,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Devices {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    clock: ClockWatch,
    node: Arc<str>,
    dir: PathBuf,
    registry: Arc<Registry>,
    operators: Vec<MarksFile>,
    log_origin: Arc<str>,
    store: Store,
    world: World,
    /// Devices that were used since the start.
    in_use: RwLock<HashMap<DeviceId, Arc<InUse>>>,
    published: Published,
    /// The newest instant in the journal when this process began; no device stamps an earlier one.
    floor: tokio::sync::OnceCell<Option<Timestamp>>,
    /// Where devices are that were issued, returned or revoked by a command.
    whereabouts: RwLock<HashMap<DeviceId, Whereabouts>>,
    /// Devices that stamp nothing here: returned, revoked, or at another node.
    withdrawn: RwLock<HashSet<DeviceId>>,
    /// The end of the last day that was closed for a device; it stamps nothing before that.
    closed_until: RwLock<HashMap<DeviceId, Timestamp>>,
    /// Held by who opens a device, gives it numbers or changes its key.
    changing: tokio::sync::Mutex<()>,
    /// Numbers that were taken and not used, until the journal says so.
    unused: Mutex<Vec<Unused>>,
}

/// Why a device does nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such device now.
    #[error(transparent)]
    NotStamped(#[from] NotStamped),
    /// The registry does not know it.
    #[error("there is no device {0:?}; `poshta facility show` shows those of a facility")]
    UnknownDevice(String),
    /// Marks are signed in the name of a domain.
    #[error("the operator {0} has no mail domain in the facilities file; write `domains = [\"…\"]` there")]
    NoDomain(String),
    /// P31: the clock shows an earlier time than the device's last impression.
    #[error("the clock went back behind the last impression of device {device}, which was made at {last} (P31)")]
    ClockWentBack {
        /// Which device.
        device: String,
        /// Its last impression.
        last: Timestamp,
    },
    /// P31: the clock is not right.
    #[error("device {device} is locked: {why}; or unlock it for some time with `poshta facility device unlock`")]
    Locked {
        /// Which device.
        device: String,
        /// What is wrong with the clock.
        why: String,
    },
    /// P31: it was returned or revoked, or is at another node.
    #[error("device {0} is not issued to this node; `poshta facility show` says where it is (P31)")]
    NotIssued(String),
    /// There is nothing to unlock.
    #[error("device {0} is not locked")]
    NotLocked(String),
    /// The device is not where it would have to be.
    #[error("device {device}: {what}")]
    NotPossible {
        /// Which device.
        device: String,
        /// Why not.
        what: &'static str,
    },
    /// A private key cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    NoRandomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Work in another thread failed.
    #[error("temporary failure: {0}")]
    Failed(String),
}

impl Error {
    /// A private key is gone for good; anything else may be otherwise at the next attempt.
    fn is_loss(&self) -> bool {
        match self {
            Error::File { error, .. } => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData),
            Error::Key(_) => true,
            _ => false,
        }
    }
}

/// A device that this process uses.
#[derive(Debug)]
struct InUse {
    id: DeviceId,
    /// Tag `d`.
    domain: Arc<str>,
    /// Tag `lg`.
    log: Arc<str>,
    state: Mutex<State>,
}

/// What changes with every impression.
#[derive(Debug)]
struct State {
    next: u64,
    /// The first number that is not its own.
    end: u64,
    last: Timestamp,
    key: Arc<PrivateKey>,
    /// P31: it makes no stroke.
    is_withdrawn: bool,
    /// Letters whose strokes are neither in the journal nor void yet.
    under_way: TaskTracker,
}

/// A private key with its name.
#[derive(Debug)]
struct PrivateKey {
    selector: String,
    key: SigningKey,
}

/// A number that no mark has.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Unused {
    device: DeviceId,
    number: u64,
}

/// One stroke of a device: what an impression needs of it.
#[derive(Clone, Debug)]
pub struct Strike {
    device: Arc<InUse>,
    instant: Timestamp,
    number: u64,
    key: Arc<PrivateKey>,
}

impl Devices {
    /// Builds the service; no device is opened yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn new(parts: Parts) -> Result<Self, store::Error> {
        let Parts { settings, clock, time_source, node, dir, registry, operators, log_origin, store, world } = parts;
        let mut published: BTreeMap<String, Vec<DeviceKey>> = BTreeMap::new();
        for key in store.read_blocking(|view| view.device_keys())? {
            published.entry(key.device.clone()).or_default().push(key);
        }
        let (whereabouts, closed_until) = remembered(&store, &published)?;
        let is_elsewhere = |place: &Whereabouts| !matches!(place, Whereabouts::Issued(issued) if issued.node == node);
        let withdrawn = whereabouts.iter().filter(|(_, place)| is_elsewhere(place)).map(|(device, _)| device.clone());
        let withdrawn: HashSet<DeviceId> = withdrawn.collect();
        let clock = ClockWatch::new(clock, time_source, store.clone(), world.clone());
        let inner = Inner {
            settings,
            clock,
            node: node.into(),
            whereabouts: RwLock::new(whereabouts),
            withdrawn: RwLock::new(withdrawn),
            closed_until: RwLock::new(closed_until),
            dir,
            registry,
            operators,
            log_origin: log_origin.into(),
            store,
            world,
            in_use: RwLock::default(),
            published: Published::new(published),
            floor: tokio::sync::OnceCell::new(),
            changing: tokio::sync::Mutex::default(),
            unused: Mutex::default(),
        };
        Ok(Devices { inner: Arc::new(inner) })
    }

    /// The strokes for one letter. Those that are not committed are journalled as void.
    #[must_use]
    pub fn begin(&self) -> Strikes {
        Strikes::new(self.clone())
    }

    /// Checks the clock before the first impression, then again and again until told to stop.
    pub async fn run_clock(self, stop: CancellationToken) {
        self.inner.clock.run(stop).await;
    }

    /// Checks the clock, if that was not done yet.
    pub async fn check_clock(&self) {
        self.inner.clock.check(Occasion::Opening).await;
    }

    /// Why devices of this node may not stamp; `None` when all that are issued may.
    #[must_use]
    pub fn clock_problem(&self) -> Option<ClockLock> {
        let in_use: Vec<DeviceId> = self.inner.in_use.read().keys().cloned().collect();
        let locked = in_use.iter().find_map(|device| self.inner.clock.lock_of(device));
        if in_use.is_empty() { self.inner.clock.lock_reason() } else { locked }
    }

    /// Why devices are locked, whichever were unlocked.
    #[must_use]
    pub fn clock_lock(&self) -> Option<ClockLock> {
        self.inner.clock.lock_reason()
    }

    /// The state of the clock and of every device, for people and scripts.
    #[must_use]
    pub fn shown(&self) -> Value {
        let devices: serde_json::Map<_, _> = self.shown_behind(None, usize::MAX).into_iter().collect();
        json!({ "clock": self.shown_clock(), "devices": devices })
    }

    /// The state of the clock.
    #[must_use]
    pub fn shown_clock(&self) -> Value {
        self.inner.clock.shown()
    }

    /// The states of up to `limit` devices whose names are behind `after`, by name.
    #[must_use]
    pub fn shown_behind(&self, after: Option<&str>, limit: usize) -> Vec<(String, Value)> {
        let now = self.inner.world.now();
        let all = self.inner.registry.facilities(now).flat_map(|facility| {
            let behind = facility.devices.iter().filter(|device| after.is_none_or(|after| device.id.as_str() > after));
            behind.map(move |device| (facility, device))
        });
        let mut found: Vec<_> = all.collect();
        found.sort_by(|(_, one), (_, other)| one.id.as_str().cmp(other.id.as_str()));
        let shown = found.into_iter().take(limit);
        shown.map(|(facility, device)| (device.id.to_string(), self.state_of(facility, device, now))).collect()
    }

    /// The state of one device; `None` when there is none of this name now.
    #[must_use]
    pub fn shown_device(&self, name: &str) -> Option<Value> {
        let now = self.inner.world.now();
        let mut facilities = self.inner.registry.facilities(now);
        facilities.find_map(|facility| {
            let device = facility.devices.iter().find(|device| device.id.as_str() == name)?;
            Some(self.state_of(facility, device, now))
        })
    }

    fn state_of(&self, facility: &Facility, device: &Device, now: Timestamp) -> Value {
        let operator = self.inner.registry.operator(&facility.operator);
        json!({
            "engraving": operator.map(|operator| crate::postal::engraving(facility, operator, device, now)),
            "issued": self.issued(&device.id),
            "revoked_at": self.revoked(&device.id).or(device.revoked_at).map(|at| at.to_string()),
            "locked": self.inner.clock.lock_of(&device.id).map(|lock| lock.to_string()),
        })
    }
}

impl InUse {
    /// The next number with its instant, and what holds up the end of the day until it is in the journal or void;
    /// `None` when the numbers are used up. The instant is that of `begun`, if there is one, and else of the clock.
    fn strike(
        self: Arc<Self>,
        world: &World,
        tolerance_s: i64,
        begun: Option<Timestamp>,
    ) -> Result<Option<(Strike, TaskTrackerToken)>, Error> {
        let mut state = self.state.lock();
        if state.is_withdrawn {
            return Err(Error::NotIssued(self.id.to_string()));
        }
        if state.next >= state.end {
            return Ok(None);
        }
        // Read under the lock: the order of numbers is the order of instants.
        let now = not_before(world.now(), state.last, tolerance_s).ok_or_else(|| self.went_back(state.last))?;
        let instant = begun.map_or(now, |begun| begun.max(state.last));
        let number = state.next;
        state.next += 1;
        state.last = instant;
        let (key, under_way) = (Arc::clone(&state.key), state.under_way.token());
        drop(state);
        Ok(Some((Strike { device: self, instant, number, key }, under_way)))
    }

    fn went_back(&self, last: Timestamp) -> Error {
        Error::ClockWentBack { device: self.id.to_string(), last }
    }
}

/// The clock's instant; the last one while the clock, which is being set right, is behind it by no more than the
/// tolerance.
fn not_before(now: Timestamp, last: Timestamp, tolerance_s: i64) -> Option<Timestamp> {
    let is_tolerable = last.duration_since(now) <= SignedDuration::from_secs(tolerance_s);
    is_tolerable.then_some(now.max(last))
}

impl Strike {
    /// The device.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        &self.device.id
    }

    /// P3: when it came down, by the clock.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The number of the impression.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Who signs the mark.
    #[must_use]
    pub fn signer(&self) -> Signer<'_> {
        Signer {
            domain: &self.device.domain,
            selector: &self.key.selector,
            key: &self.key.key,
            log: &self.device.log,
            number: self.number,
        }
    }
}

/// Where devices are, and until when their days are closed.
#[expect(clippy::type_complexity, reason = "two maps that are read together")]
fn remembered(
    store: &Store,
    published: &BTreeMap<String, Vec<DeviceKey>>,
) -> Result<(HashMap<DeviceId, Whereabouts>, HashMap<DeviceId, Timestamp>), store::Error> {
    store.read_blocking(|view| {
        let mut whereabouts = HashMap::new();
        for act in view.device_acts()? {
            if let Ok(device) = act.device.parse() {
                whereabouts.insert(device, Whereabouts::of(&act));
            }
        }
        let mut closed = HashMap::new();
        for device in published.keys() {
            if let (Some(last), Ok(id)) = (view.last_closing(device)?, device.parse()) {
                closed.insert(id, Timestamp::from_second(last.until_s).unwrap_or(Timestamp::MIN));
            }
        }
        Ok((whereabouts, closed))
    })
}

#[cfg(test)]
pub(crate) mod tests;
