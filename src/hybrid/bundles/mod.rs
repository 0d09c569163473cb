//! Bundles of letters for print centres: what one lease gives is closed with a plomb whose letters and digits are those
//! of the centre's sealing pliers, and whose number is used once (P10). Its manifest says what must be in it, bears the
//! mark of the day (P18), and is sealed where the centre has the «Сақтандыру» seal (P9).

mod file;
mod manifest;
mod open;
mod sheet;
mod tar;
#[cfg(test)]
mod tests;

use tokio_util::sync::CancellationToken;

use crate::devices::{Error as DeviceError, Strikes};
use crate::ids::{ImpressionId, ItemId};
use crate::postal::{
    Details, DeviceKind, FacilityId, Impression, Kind, NotStamped, Occasion, SignedImpression, Workplace, engraving,
};
use crate::store::Batch;
use crate::store::print_batches::{
    BatchHead, BatchLetter, InsuranceSeal, PrintBatch, add_print_batch, take_batch_number,
};
use crate::store::print_jobs::PrintJob;

use super::paper_marks::unfolded;
use super::queue::{LeaseRequest, PrintQueue, QueueError};

pub use file::{BundleFile, SealedBundle, document_piece};
pub use manifest::{Manifest, NotAManifest};
pub use open::{NotSound, Opened, unseal};
pub use sheet::sheet;

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
    /// P9: it can be fetched as one file that bears the «Сақтандыру» seal.
    pub is_sealed: bool,
}

impl Bundle {
    /// As it stands on the manifest: `АБО010003-17`.
    #[must_use]
    pub fn seal(&self) -> String {
        seal_text(&self.plomb, self.number)
    }
}

fn seal_text(plomb: &str, number: u64) -> String {
    format!("{plomb}-{number}")
}

impl PrintQueue {
    /// As [`PrintQueue::lease`]; what was leased is one bundle, closed with the centre's plomb (P10).
    ///
    /// # Errors
    /// `Device` while no device may stamp, then nothing is leased; `NotStamped`, `NotSigned`, `Store`.
    pub async fn lease_bundle(
        &self,
        centre: &str,
        request: LeaseRequest,
        stop: &CancellationToken,
    ) -> Result<Leased, QueueError> {
        // P31: a bundle that could not get its marks is not begun.
        if let Some(why) = self.devices().clock_problem() {
            return Err(QueueError::Device(DeviceError::Locked { device: centre.to_owned(), why: why.to_string() }));
        }
        let jobs = self.lease(centre, request, stop).await?;
        let bundle = self.close_bundle(centre, &jobs).await?;
        Ok(Leased { jobs, bundle })
    }

    /// P10: order 57 cl. 4 ¶6. Closes what was leased. A centre without sealing pliers gets its letters unsealed.
    async fn close_bundle(&self, centre: &str, jobs: &[PrintJob]) -> Result<Option<Bundle>, QueueError> {
        let now = self.world().now();
        let facility = centre.parse::<FacilityId>().ok().and_then(|id| self.registry().facility(&id, now));
        let Some(facility) = facility.filter(|_| !jobs.is_empty()) else { return Ok(None) };
        let pliers = facility.device(DeviceKind::Plomb, now);
        let Some((device, plomb)) = pliers.and_then(|device| Some((device, device.plomb.as_ref()?))) else {
            return Ok(None);
        };
        let mut batch = Batch::new();
        let number = take_batch_number(&mut batch, centre);
        let number = self.store().commit(batch).await?.number(number);
        let head = BatchHead {
            centre: centre.to_owned(),
            number,
            id: None,
            plomb: format!("{}{}", plomb.letters, plomb.digits),
            device: device.id.to_string(),
            insurance: None,
            sealed_us: now.as_microsecond(),
            marks: Vec::new(),
            letters: u32::try_from(jobs.len()).unwrap_or(u32::MAX),
        };
        let mut bundle = PrintBatch { head, letters: jobs.iter().map(letter_of).collect() };
        let (mut batch, mut strikes) = (Batch::new(), self.devices().begin());
        self.mark(&mut batch, &mut strikes, &facility.id, &mut bundle).await?;
        add_print_batch(&mut batch, &bundle)?;
        strikes.commit(batch).await?;
        let BatchHead { plomb, insurance, .. } = bundle.head;
        let is_sealed =
            insurance.is_some() && self.settings().bundle_keys.get(centre).is_some_and(|keys| !keys.is_empty());
        Ok(Some(Bundle { plomb, number, is_sealed }))
    }

    /// P18: order 57 cl. 7 ¶1 (3). The manifest is a production document, so it bears the postmark of the facility. P9:
    /// and the seal, which points to that mark.
    async fn mark(
        &self,
        batch: &mut Batch,
        strikes: &mut Strikes,
        facility: &FacilityId,
        bundle: &mut PrintBatch,
    ) -> Result<(), QueueError> {
        let id = ItemId::generate(self.world());
        bundle.head.id = Some(id);
        let accept = strikes.strike(facility, Kind::Accept).await?;
        bundle.head.sealed_us = accept.instant().as_microsecond();
        let seal = match strikes.has(facility, DeviceKind::Insurance) {
            true => Some(strikes.strike(facility, Kind::Seal).await?),
            false => None,
        };
        let make = |kind, strike: &crate::devices::Strike| {
            let workplace = self.registry().workplace_with(facility, strike.device(), strike.instant())?;
            let occasion =
                Occasion { id: ImpressionId::generate(self.world()), item: id, kind, instant: strike.instant() };
            let impression = Impression::make(workplace, occasion, Details::default())?;
            Ok::<_, NotStamped>((impression, seal_of(workplace, strike)))
        };
        let (accepted, _) = make(Kind::Accept, &accept)?;
        let sealed = seal.as_ref().map(|strike| make(Kind::Seal, strike)).transpose()?;
        bundle.head.insurance = sealed.as_ref().map(|(_, seal)| seal.clone());
        let contents = Manifest::of(bundle).contents();
        let accepted = accepted.sign(&contents, &accept.signer(), None)?;
        let sealed = sealed
            .zip(seal)
            .map(|((impression, _), strike)| impression.sign(&contents, &strike.signer(), Some(accepted.digest())));
        let marks: Vec<SignedImpression> = sealed.transpose()?.into_iter().chain([accepted]).collect();
        // The order of the journal is that in which they were made.
        marks.iter().rev().for_each(|mark| batch.journal_with(|line| mark.write_journal_line(line)));
        bundle.head.marks = marks.iter().map(|mark| unfolded(&mark.header())).collect();
        Ok(())
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

fn seal_of(workplace: Workplace<'_>, strike: &crate::devices::Strike) -> InsuranceSeal {
    let (operator, facility, device) = (workplace.operator(), workplace.facility(), workplace.device());
    InsuranceSeal {
        device: device.id.to_string(),
        engraving: engraving(facility, operator, device, strike.instant()),
        number: Some(strike.number()),
    }
}

fn letter_of(job: &PrintJob) -> BatchLetter {
    let document = job.document.as_ref();
    BatchLetter {
        item: job.item,
        s10: job.s10.clone(),
        class: job.class.clone(),
        sha256: document.map(|document| document.sha256).unwrap_or_default(),
        bytes: document.map_or(0, |document| document.bytes),
        sheets: document.map_or(0, |document| document.sheets),
        fence: job.fence,
    }
}
