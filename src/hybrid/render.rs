//! The press: takes accepted letters in the order in which they came, has a worker draw each, stores the PDF and
//! opens the job to print centres. What cannot be drawn becomes `check_failed`, and its sender hears why.
//!
//! It can be killed at any instruction: a letter leaves the index only in the commit that opens or fails it.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::ids::ItemId;
use crate::store::items::add_event;
use crate::store::print_jobs::{PrintDocument, PrintJob, State, StoredJob, TO_RENDER};
use crate::store::vault::Sharing;
use crate::store::{self, Batch, Owner, Topic};

use super::Paper;
use super::content::enclosure_bytes;
use super::draft::Draft;
use super::letter::{Attachment, CheckFailure, Letter};
use super::news::{self, News};
use super::queue::{event, milliseconds};
use super::worker::protocol::{Answer, Rendered, Request};
use super::workers::WorkerError;

/// Letters that are looked up at once.
const BATCH: usize = 64;

/// Why a letter is not drawn now.
#[derive(Debug, thiserror::Error)]
enum RenderError {
    #[error(transparent)]
    Failure(#[from] CheckFailure),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Paper {
    /// Draws letters until the token is cancelled.
    pub async fn run_press(self, stop: CancellationToken) {
        // An error of the store is logged and tried again after this time.
        const PAUSE: Duration = Duration::from_secs(1);
        if let Err(error) = self.queue().release_disabled().await {
            tracing::warn!(%error, "letters of disabled print centres stay where they are");
        }
        loop {
            let mut watcher = self.store().watch(Topic::Print(TO_RENDER.to_owned()));
            let drawn = tokio::select! {
                () = stop.cancelled() => return,
                drawn = self.draw_due() => drawn,
            };
            let next_ms = match drawn {
                Ok(next_ms) => next_ms,
                Err(error) => {
                    tracing::warn!(%error, "letters cannot be drawn now");
                    Some(self.now_ms() + u64::try_from(PAUSE.as_millis()).unwrap_or(1000))
                }
            };
            let pause = next_ms.map(|next| Duration::from_millis(next.saturating_sub(self.now_ms()).max(1)));
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = async { match pause { Some(pause) => tokio::time::sleep(pause).await, None => std::future::pending().await } } => {}
            }
        }
    }

    /// Draws everything that is due; gives the time at which the next letter becomes due.
    ///
    /// As many at once as there are workers: each letter lies in memory with its documents while it is drawn, and
    /// the places in the pool's queue are for those who wait on the line.
    ///
    /// # Errors
    /// Store; the letters behind one that cannot be read are drawn all the same.
    pub async fn draw_due(&self) -> Result<Option<u64>, store::Error> {
        let at_once = self.settings().workers.processes.max(1);
        loop {
            let now_ms = self.now_ms();
            let waiting = self.store().read(move |view| view.jobs_to_render(now_ms, BATCH)).await?;
            if waiting.due.is_empty() {
                return Ok(waiting.next_ms);
            }
            let mut failed = None;
            for items in waiting.due.chunks(at_once) {
                let draws = items.iter().map(|item| self.draw(*item));
                for outcome in futures_util::future::join_all(draws).await {
                    match outcome {
                        // Taken back, or drawn by somebody else, in the meantime.
                        Ok(()) | Err(store::Error::Conflict(_)) => {}
                        Err(error) => failed = Some(error),
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }

    async fn draw(&self, item: ItemId) -> Result<(), store::Error> {
        let Some(stored) = self.store().read(move |view| view.print_job(item)).await? else { return Ok(()) };
        if stored.job.state != State::Accepted {
            return Ok(());
        }
        match self.try_draw(&stored).await {
            Ok(rendered) => self.open(&stored, rendered).await,
            Err(RenderError::Failure(failure)) => self.fail(&stored, failure.code(), &failure.to_string()).await,
            Err(RenderError::Worker(error)) => self.postpone(&stored, &error).await,
            Err(RenderError::Store(error)) => Err(error),
        }
    }

    async fn try_draw(&self, stored: &StoredJob) -> Result<Rendered, RenderError> {
        let letter = self.letter_of(stored).await?;
        let request = Request::Render { letter: Box::new(letter), max_sheets: self.settings().max_sheets };
        match self.workers().perform(&request).await? {
            Answer::Letter(rendered) => Ok(rendered),
            Answer::Failed(failure) => Err(failure.into()),
            _ => Err(WorkerError::Crashed.into()),
        }
    }

    /// The draft with its documents, read from the message.
    async fn letter_of(&self, stored: &StoredJob) -> Result<Letter, store::Error> {
        let (place, body, data_key) = (stored.draft, stored.job.body, stored.job.data_key);
        self.store()
            .read(move |view| {
                let key = view.data_key(body, data_key.as_ref())?;
                let draft = Draft::decode(&view.record(place, key.as_ref())?)?;
                let read = |offset: u64, len: usize| view.body(body, offset, len, key.as_ref());
                let mut attachments = Vec::new();
                for enclosure in &draft.enclosures {
                    attachments.push(Attachment {
                        name: enclosure.name.clone(),
                        kind: enclosure.kind,
                        pages: enclosure.pages,
                        bytes: enclosure_bytes(enclosure, draft.header_bytes, &read)?,
                    });
                }
                Ok(draft.into_letter(attachments))
            })
            .await
    }

    /// Stores the PDF and opens the job to its centres.
    async fn open(&self, stored: &StoredJob, rendered: Rendered) -> Result<(), store::Error> {
        let mut writer = self.store().stage();
        let sha256: [u8; 32] = Sha256::digest(&rendered.pdf).into();
        for piece in rendered.pdf.chunks(64 << 10) {
            writer.write(piece)?;
        }
        let staged = writer.finish()?;
        let mut batch = Batch::new();
        let bytes = staged.len();
        let key = self.store().letter_key(&staged, Sharing::Many)?;
        let body = batch.letter(staged, key);
        let data_key = batch.wrapped_key(body, Owner::System)?;
        batch.reference(body);
        let mut new = stored.job.clone();
        new.state = State::Queued;
        new.document =
            Some(PrintDocument { body, data_key, bytes, sha256, pages: rendered.pages, sheets: rendered.sheets });
        new.offers = match stored.job.postal_index.parse() {
            Ok(index) => self.queue().offers(&index, new.colour, new.duplex),
            Err(_) => Vec::new(),
        };
        if new.offers.is_empty() {
            return self.fail(stored, "no-print-centre", "no print centre can make this letter").await;
        }
        stored.change(&mut batch, &new)?;
        add_event(&mut batch, new.item, &event(self.now(), State::Queued.name(), "server", None))?;
        for offer in &new.offers {
            batch.publish(Topic::Print(offer.centre.clone()));
        }
        self.store().commit(batch).await?;
        metrics::counter!("poshta_letters_rendered_total").increment(1);
        Ok(())
    }

    async fn fail(&self, stored: &StoredJob, code: &str, why: &str) -> Result<(), store::Error> {
        tracing::info!(item = %stored.job.item, code, "a letter cannot be printed");
        metrics::counter!("poshta_letters_check_failed_total").increment(1);
        let expected = news::expected(self.store(), stored.job.item).await?;
        let mut new = stored.job.clone();
        new.state = State::CheckFailed;
        new.offers.clear();
        let mut batch = Batch::new();
        stored.change(&mut batch, &new)?;
        let row = event(self.now(), State::CheckFailed.name(), "server", Some(&format!("{code}: {why}")));
        let number = add_event(&mut batch, new.item, &row)?;
        let news = News { job: &new, state: State::CheckFailed, event: &row, number };
        news.tell(&mut batch, expected.as_ref())?;
        self.store().commit(batch).await.map(|_| ())
    }

    /// No worker could do it now: later again, but not for ever, for the letter itself may be what kills them.
    /// That nobody had time for it is no attempt.
    async fn postpone(&self, stored: &StoredJob, error: &WorkerError) -> Result<(), store::Error> {
        tracing::warn!(item = %stored.job.item, %error, attempt = stored.job.attempts, "drawing a letter failed");
        let mut new: PrintJob = stored.job.clone();
        if !matches!(error, WorkerError::Busy | WorkerError::Start(_)) {
            new.attempts += 1;
        }
        if new.attempts >= self.settings().max_render_attempts {
            return self.fail(stored, "render-failed", &error.to_string()).await;
        }
        let due_ms = milliseconds(self.now()) + self.settings().render_retry_s * 1000;
        new.offers.iter_mut().for_each(|offer| offer.due_ms = due_ms);
        let mut batch = Batch::new();
        stored.change(&mut batch, &new)?;
        self.store().commit(batch).await.map(|_| ())
    }
}
