//! Receipts for senders (P18, P24, RFC 3461), and the note that a letter was handed over (P6).
//!
//! A receipt is owed by a row that stands in the commit of what it tells of, and goes in the commit that accepts the
//! receipt as a letter: a crash neither loses nor doubles one. What it shows, the marks, stands in records that the row
//! names; nothing of it depends on what becomes of the letter meanwhile.

mod handing;
mod kept;
mod letter;
mod material;
mod settings;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Account, Accounts};
use crate::clock::World;
use crate::devices::Devices;
use crate::hybrid::receipt::ReceiptPage;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::hybrid::workers::{WorkerError, Workers};
use crate::intake::{Intake, Refusal};
use crate::postal::{self, Registry};
use crate::publisher::Publisher;
use crate::store::queue::milliseconds;
use crate::store::receipts::Owed;
use crate::store::{self, Batch, Store, Topic};

pub use handing::{Fetches, FetchesQueue};
pub use kept::{KeptReceipt, kept, kept_one, name, named};
pub use letter::stage_name;
pub use settings::Settings;

use handing::Fetched;
use letter::Composer;
use material::Material;

/// Receipts that are looked up at once.
const PAGE: usize = 100;

/// What waits for the log is looked at again after this time.
const GLANCE: Duration = Duration::from_secs(1);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[receipts]`.
    pub settings: Settings,
    /// `[postal]`: the facility of mailboxes without one.
    pub facilities: postal::Settings,
    /// Where the queue is.
    pub store: Store,
    /// Whose receipts are found again in the cabinet.
    pub accounts: Accounts,
    /// The way in for letters.
    pub intake: Intake,
    /// The transparency log.
    pub publisher: Publisher,
    /// Whether there ever is a new checkpoint.
    pub publishes: bool,
    /// The devices, and what is published of them.
    pub devices: Devices,
    /// The facilities.
    pub registry: Arc<Registry>,
    /// Who draws.
    pub workers: Workers,
    /// What IMAP sessions say.
    pub fetched: FetchesQueue,
    /// Time and randomness.
    pub world: World,
    /// The name of this server.
    pub host_name: String,
    /// Whose postmaster writes.
    pub mail_domain: String,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Receipts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    url: String,
    /// What could not be noted yet, the oldest first.
    unnoted: Mutex<VecDeque<Fetched>>,
}

/// What came of a receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// It was written, or nobody is there to get it.
    Settled,
    /// Its marks are in no checkpoint yet.
    Waits,
}

impl Receipts {
    /// Builds the service; nothing runs before [`Receipts::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let url = parts.settings.public_url(&parts.host_name);
        Receipts { inner: Arc::new(Inner { parts, url, unnoted: Mutex::default() }) }
    }

    /// Writes receipts and notes what was handed over until the token is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.write_until(&stop), self.note_until(&stop));
    }

    async fn write_until(&self, stop: &CancellationToken) {
        loop {
            let mut watcher = self.inner.parts.store.watch(Topic::Receipts);
            let written = tokio::select! {
                () = stop.cancelled() => return,
                written = self.write_due() => written,
            };
            let pause = written.unwrap_or_else(|error| {
                tracing::warn!(%error, "receipts cannot be written now");
                Duration::from_secs(self.inner.parts.settings.retry_s)
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Writes every receipt that is due; says how long nothing else is to be done.
    ///
    /// # Errors
    /// The queue cannot be read. The receipts before that are written all the same.
    pub async fn write_due(&self) -> store::Result<Duration> {
        let parts = &self.inner.parts;
        let now_ms = milliseconds(parts.world.now());
        let (mut last, mut some_wait): (Option<Owed>, bool) = (None, false);
        loop {
            let after = last.take();
            let page = parts.store.read(move |view| view.owed_receipts(now_ms, after.as_ref(), PAGE)).await?;
            for some in page.chunks(parts.settings.max_at_once.max(1)) {
                let outcomes = futures_util::future::join_all(some.iter().map(|owed| self.settle(owed))).await;
                some_wait |= outcomes.into_iter().collect::<store::Result<Vec<_>>>()?.contains(&Outcome::Waits);
            }
            last = page.last().cloned();
            if page.len() < PAGE {
                break;
            }
        }
        if some_wait {
            return Ok(GLANCE);
        }
        let next = parts.store.read(move |view| view.next_owed_receipt(now_ms)).await?;
        let pause = next.map(|next| Duration::from_millis(next.saturating_sub(now_ms)));
        Ok(pause.map_or(LONGEST_PAUSE, |pause| pause.clamp(GLANCE, LONGEST_PAUSE)))
    }

    /// Writes one receipt; what is in its way for now puts it off.
    async fn settle(&self, owed: &Owed) -> store::Result<Outcome> {
        let refusal = match self.write(owed).await {
            Ok(outcome) => return Ok(outcome),
            // Somebody else wrote it.
            Err(Refusal::Store(store::Error::Conflict(_))) => return Ok(Outcome::Settled),
            Err(refusal) => refusal,
        };
        let parts = &self.inner.parts;
        let mut batch = Batch::new();
        match &refusal {
            Refusal::Store(error @ (store::Error::Closed | store::Error::Full { .. })) => {
                tracing::debug!(%error, "a receipt waits for the store");
                return Err(store::Error::Closed);
            }
            Refusal::Store(_) | Refusal::Temporary(_) | Refusal::MailboxFull { .. } => {
                tracing::warn!(item = %owed.id.item, %refusal, "a receipt is put off");
                let now_ms = milliseconds(parts.world.now());
                let pause_ms = pause_ms(&parts.settings, now_ms.saturating_sub(owed.details.happened_ms));
                owed.postpone(&mut batch, now_ms.saturating_add(pause_ms));
            }
            _ => {
                tracing::info!(item = %owed.id.item, %refusal, "nobody is there to get a receipt");
                owed.settle(&mut batch);
            }
        }
        match parts.store.commit(batch).await {
            Ok(_) | Err(store::Error::Conflict(_)) => Ok(Outcome::Settled),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, owed: &Owed) -> Result<Outcome, Refusal> {
        let parts = &self.inner.parts;
        let mut material = self.material(owed).await?;
        if !self.prove(&mut material).await && self.waits_for_proof(owed) {
            return Ok(Outcome::Waits);
        }
        let composer = Composer { owed, material: &material, parts, url: &self.inner.url };
        let page = composer.page();
        let mut batch = Batch::new();
        if let Some(account) = parts.accounts.find_address(&owed.details.to).await?.filter(Account::is_active) {
            KeptReceipt::of(owed, page.clone()).keep(&parts.store, &mut batch, account.id, owed.id).await?;
        }
        let document = self.draw(page).await?;
        let message = composer.message(document);
        owed.settle(&mut batch);
        let receipt = parts.intake.accept_system(&owed.details.to, message, batch).await?;
        tracing::info!(item = %owed.id.item, stage = ?owed.id.stage, receipt = %receipt.item, "a receipt was written");
        metrics::counter!("poshta_receipts_total", "stage" => letter::stage_name(owed.id.stage)).increment(1);
        Ok(Outcome::Settled)
    }

    /// What the receipt is written from. A record that cannot be read any more is no reason to be silent: then what
    /// stood in it is left out.
    async fn material(&self, owed: &Owed) -> Result<Material, Refusal> {
        let ([recipient, item, header, mark], opener) = (owed.records, owed.opener);
        let read = move |view: &store::View<'_>| {
            let key = view.data_key(opener.body, opener.key.as_ref())?;
            let read = |place: store::RecordRef| match place.is_empty() {
                true => Ok(Vec::new()),
                false => view.record(place, key.as_ref()).map(|bytes| bytes.to_vec()),
            };
            Ok([read(recipient)?, read(item)?, read(header)?, read(mark)?])
        };
        match self.inner.parts.store.read(read).await {
            Ok(records) => Ok(Material::of(owed.id.stage, records)),
            Err(error @ (store::Error::Damaged(_) | store::Error::Sealed(_))) => {
                tracing::error!(item = %owed.id.item, %error, "the marks for a receipt cannot be read");
                Ok(Material::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Finds the proofs of the marks; tells whether all are there.
    async fn prove(&self, material: &mut Material) -> bool {
        let publisher = self.inner.parts.publisher.clone();
        let ids: Vec<_> = material.marks().map(|shown| shown.mark.id).collect();
        let find = move || {
            let view = publisher.view()?;
            let prove = |id| view.find(id).ok()?.and_then(|index| view.prove(index).ok());
            Some(ids.into_iter().map(prove).collect::<Vec<_>>())
        };
        let Ok(Some(proofs)) = tokio::task::spawn_blocking(find).await else { return material.marks().count() == 0 };
        let all = proofs.iter().all(Option::is_some);
        for (shown, proof) in material.marks_mut().zip(proofs) {
            shown.proof = proof.map(|proof| proof.to_string());
        }
        all
    }

    fn waits_for_proof(&self, owed: &Owed) -> bool {
        let parts = &self.inner.parts;
        let until_ms = owed.details.happened_ms.saturating_add(parts.settings.wait_for_proof_s.saturating_mul(1000));
        parts.publishes && milliseconds(parts.world.now()) < until_ms
    }

    /// The page as PDF; `None` where it cannot be drawn at all, which is no reason to have no receipt.
    async fn draw(&self, page: ReceiptPage) -> Result<Option<Vec<u8>>, Refusal> {
        match self.inner.parts.workers.perform(&Request::Receipt(Box::new(page))).await {
            Ok(Answer::Pdf(pdf)) => Ok(Some(pdf)),
            Ok(Answer::Failed(failure)) => {
                tracing::error!(%failure, "a receipt goes without its page");
                Ok(None)
            }
            Err(error @ (WorkerError::Busy | WorkerError::Start(_))) => Err(Refusal::Temporary(error.to_string())),
            // This build cannot draw.
            Err(WorkerError::NotBuilt(_)) => Ok(None),
            Ok(_) | Err(_) => {
                tracing::error!("a receipt goes without its page: the worker failed");
                Ok(None)
            }
        }
    }
}

/// How long a receipt is put off that has waited so long already: as long again, so that the pauses double, within what is
/// set.
fn pause_ms(settings: &Settings, waited_ms: u64) -> u64 {
    let [least, most] = [settings.retry_s, settings.max_retry_s].map(|seconds| seconds.saturating_mul(1000));
    waited_ms.min(most).max(least)
}

#[cfg(test)]
mod tests;
