//! Bundles of letters for print centres (P10): what one lease gives is closed with a plomb whose letters and digits are
//! those of the centre's sealing pliers, and whose number is used once. The manifest says what must be in it.

use tokio_util::sync::CancellationToken;

use crate::postal::{Class, DeviceKind, FacilityId};
use crate::store::Batch;
use crate::store::print_batches::{BatchLetter, PrintBatch, add_print_batch};
use crate::store::print_jobs::PrintJob;

use super::queue::{LeaseRequest, PrintQueue, QueueError};

/// What a centre was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The jobs.
    pub jobs: Vec<PrintJob>,
    /// What they are closed with; `None` without jobs, or where the centre has no sealing pliers.
    pub bundle: Option<Bundle>,
}

/// A plomb with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// What the pliers show, letters before digits.
    pub plomb: String,
    /// Which of its plombs, counted from one.
    pub number: u64,
}

impl Bundle {
    /// As it stands on the manifest: `АБО010003-17`.
    #[must_use]
    pub fn seal(&self) -> String {
        format!("{}-{}", self.plomb, self.number)
    }
}

impl PrintQueue {
    /// As [`PrintQueue::lease`]; what was leased is one bundle, closed with the centre's plomb (P10).
    ///
    /// # Errors
    /// Store.
    pub async fn lease_bundle(
        &self,
        centre: &str,
        request: LeaseRequest,
        stop: &CancellationToken,
    ) -> Result<Leased, QueueError> {
        let jobs = self.lease(centre, request, stop).await?;
        let bundle = self.close_bundle(centre, &jobs).await?;
        Ok(Leased { jobs, bundle })
    }

    /// P10: order 57 cl. 4 ¶6. Closes what was leased. A centre without sealing pliers gets its letters unsealed.
    async fn close_bundle(&self, centre: &str, jobs: &[PrintJob]) -> Result<Option<Bundle>, QueueError> {
        if jobs.is_empty() {
            return Ok(None);
        }
        let now = self.world().now();
        let facility = centre.parse::<FacilityId>().ok().and_then(|id| self.registry().facility(&id, now));
        let Some(facility) = facility else { return Ok(None) };
        let pliers = facility.device(DeviceKind::Plomb, now);
        let Some((device, plomb)) = pliers.and_then(|device| Some((device, device.plomb.as_ref()?))) else {
            return Ok(None);
        };
        // P9: order 57 cl. 4 ¶5. Where declared value is in it, the bundle has the insurance seal as well.
        let is_valued = jobs.iter().any(|job| job.class == Class::Valued.name());
        let insurance = facility.device(DeviceKind::Insurance, now).filter(|_| is_valued);
        let plomb = format!("{}{}", plomb.letters, plomb.digits);
        let bundle = PrintBatch {
            centre: centre.to_owned(),
            plomb: plomb.clone(),
            device: device.id.to_string(),
            insurance_seal: insurance.map(|device| device.id.to_string()),
            sealed_us: now.as_microsecond(),
            letters: jobs.iter().map(letter_of).collect(),
        };
        let mut batch = Batch::new();
        let number = add_print_batch(&mut batch, &bundle)?;
        let number = self.store().commit(batch).await?.number(number);
        Ok(Some(Bundle { plomb, number }))
    }

    /// A bundle that this centre was given.
    ///
    /// # Errors
    /// `NotFound`, `Store`.
    pub async fn bundle(&self, centre: &str, number: u64) -> Result<PrintBatch, QueueError> {
        let centre = centre.to_owned();
        let found = self.store().read(move |view| view.print_batch(&centre, number)).await?;
        found.ok_or(QueueError::NotFound)
    }
}

fn letter_of(job: &PrintJob) -> BatchLetter {
    let document = job.document.as_ref();
    BatchLetter {
        item: job.item,
        s10: job.s10.clone(),
        class: job.class.clone(),
        sha256: document.map(|document| document.sha256).unwrap_or_default(),
        sheets: document.map_or(0, |document| document.sheets),
        fence: job.fence,
    }
}
