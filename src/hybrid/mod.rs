//! Paper out and paper in (M2): letters that become paper at print centres, and paper that becomes letters.
//!
//! Documents of others are never opened in this process, only in [`worker`]s (DESIGN 17).

pub mod bundles;
mod check;
mod content;
pub mod documents;
mod draft;
pub mod letter;
mod news;
mod paper_marks;
pub mod queue;
pub mod receipt;
mod render;
pub mod report;
mod s10_numbers;
pub mod scans;
mod settings;
mod status;
pub mod worker;
pub mod workers;

use std::sync::Arc;

use crate::clock::{Timestamp, World};
use crate::devices::Devices;
use crate::payment::Payments;
use crate::postal::{self, FacilityId, Registry};
use crate::store::Store;

pub use check::{Given, PaperItem, PaperLetter, PaperPlan, Telling};
pub use settings::Settings;

use queue::PrintQueue;
use s10_numbers::S10Numbers;
use workers::Workers;

/// What [`Paper`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[hybrid]`.
    pub settings: Arc<Settings>,
    /// `[postal]`: facilities and S10 ranges.
    pub facilities: Arc<postal::Settings>,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// The devices of facilities on the paper way.
    pub devices: Devices,
    /// What letters cost, and who pays.
    pub payments: Payments,
    /// Where letters are kept.
    pub store: Store,
    /// Who opens documents.
    pub workers: Workers,
    /// Time and randomness.
    pub world: World,
    /// The domain of the operator's own messages.
    pub mail_domain: String,
}

/// Letters on their way to paper. Clones share it.
#[derive(Clone, Debug)]
pub struct Paper {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    queue: PrintQueue,
    numbers: S10Numbers,
}

impl Paper {
    /// Builds the service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (store, world, settings) = (parts.store.clone(), parts.world.clone(), Arc::clone(&parts.settings));
        let queue =
            PrintQueue::new(store.clone(), world, Arc::clone(&parts.registry), parts.devices.clone(), settings.clone());
        let numbers = S10Numbers::new(store, settings.s10_block);
        Paper { inner: Arc::new(Inner { parts, queue, numbers }) }
    }

    /// What letters cost, and who pays.
    #[must_use]
    pub fn payments(&self) -> &Payments {
        &self.inner.parts.payments
    }

    /// The print queue.
    #[must_use]
    pub fn queue(&self) -> &PrintQueue {
        &self.inner.queue
    }

    fn settings(&self) -> &Settings {
        &self.inner.parts.settings
    }

    fn facilities(&self) -> &postal::Settings {
        &self.inner.parts.facilities
    }

    fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    fn workers(&self) -> &Workers {
        &self.inner.parts.workers
    }

    fn numbers(&self) -> &S10Numbers {
        &self.inner.numbers
    }

    fn mail_domain(&self) -> &str {
        &self.inner.parts.mail_domain
    }

    fn now(&self) -> Timestamp {
        self.inner.parts.world.now()
    }

    fn now_ms(&self) -> u64 {
        queue::milliseconds(self.now())
    }

    /// Name of the operator whose facility accepts submissions.
    fn operator_name(&self) -> String {
        let registry = &self.inner.parts.registry;
        let facility = self.facilities().submission_facility.parse::<FacilityId>().ok();
        let facility = facility.and_then(|id| registry.facility(&id, self.now()));
        facility
            .and_then(|facility| registry.operator(&facility.operator))
            .map(|operator| operator.name_kk.clone())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
