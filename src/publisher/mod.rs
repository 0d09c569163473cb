//! Publishes the device journal as a transparency log.
//!
//! The journal (P31) is durable before a letter is acknowledged, and it is all that this service reads, from memory what
//! was written lately: nothing is done for the log while a letter waits. A round reads what is new in the journal, writes
//! its leaves, syncs them, and publishes a checkpoint that also says how far the journal was read, so that a round that
//! was interrupted anywhere is simply done again.
//!
//! A journal that was restored or rebuilt may have lost lines that are published, or have lines that were not seen
//! before. The log never loses what it has published: the journal is then compared with it line by line, by the ids
//! of the impressions, and what is not in the log yet is added.

mod cover;
mod inspect;
mod line;
mod settings;
mod stamps;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::clock::World;
use crate::ids::ImpressionId;
use crate::store::{self, Store};
use crate::tlog::Entry;
use crate::tlog::folder::{self, DIR, Log, Place, View};

pub use inspect::{Checked, Shown};
pub use settings::Settings;
pub use stamps::{Hash, Settings as StampSettings};

use cover::covered;
use line::{leaf_at_sight, leaf_of};

/// What the publisher is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[tlog]`.
    pub settings: Settings,
    /// The name of the log.
    pub origin: String,
    /// The data directory.
    pub dir: PathBuf,
    /// Where the journal is.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
}

/// Publishes the log. Clones share it.
#[derive(Clone, Debug)]
pub struct Publisher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    log: Mutex<Option<Open>>,
    view: RwLock<Option<View>>,
}

/// The log, and how far the journal is read; a line that is no leaf moves that on without a checkpoint.
#[derive(Debug)]
struct Open {
    log: Log,
    place: Place,
    /// The journal is read from its beginning, and only what is not in the log is added.
    is_comparing: bool,
}

/// Why the log does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log itself.
    #[error(transparent)]
    Log(#[from] folder::Error),
    /// The journal.
    #[error("the journal: {0}")]
    Store(#[from] store::Error),
    /// A line of the journal.
    #[error("{0}")]
    Line(String),
    /// The journal has another mark than the log.
    #[error("the journal has another mark for the impression {0} than the log has published; one of them was changed")]
    Contradiction(ImpressionId),
    /// It was restored from a backup.
    #[error(
        "the log was restored from the backup of {0}, and more may have been published since: say with `poshta log \
         resume` how far it had come"
    )]
    Paused(String),
    /// No log was begun.
    #[error("there is no log yet; the server begins it")]
    None,
    /// A day got no time stamp.
    #[error("{0}")]
    Stamp(String),
    /// What the operator says does not fit.
    #[error("{0}")]
    NotPossible(String),
}

/// What can go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// New leaves, and how far the journal is read then.
struct News {
    leaves: Vec<(ImpressionId, Entry)>,
    place: Place,
    is_all: bool,
}

impl Publisher {
    /// The publisher of the log in a data directory; nothing is opened yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Publisher { inner: Arc::new(Inner { parts, log: Mutex::new(None), view: RwLock::new(None) }) }
    }

    /// Publishes what is new, again and again, until told to stop; never where the interval is zero.
    pub async fn run(self, stop: CancellationToken) {
        let every = self.inner.parts.settings.checkpoint_interval_s;
        if every == 0 {
            return;
        }
        let mut told = None;
        loop {
            let publisher = self.clone();
            let going_on = stop.clone();
            let done = tokio::task::spawn_blocking(move || publisher.publish(|| !going_on.is_cancelled())).await;
            let problem = match done {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            metrics::gauge!("poshta_log_failing").set(if problem.is_some() { 1.0 } else { 0.0 });
            // Once, not every second.
            if problem != told {
                match &problem {
                    Some(error) => tracing::error!(%error, "the transparency log does not go on; letters do"),
                    None if told.is_some() => tracing::info!("the transparency log goes on"),
                    None => {}
                }
                told = problem;
            }
            if tokio::time::timeout(Duration::from_secs(every), stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Publishes everything that is new in the journal, as long as `going_on` says so. Blocks.
    ///
    /// # Errors
    /// See [`Error`]; the next call begins anew.
    pub fn publish(&self, going_on: impl Fn() -> bool) -> Result<()> {
        let mut held = self.inner.log.lock();
        let mut open = match held.take() {
            Some(open) => open,
            None => self.open()?,
        };
        self.show(open.log.view());
        if let Some(made) = open.log.paused() {
            return Err(Error::Paused(made.to_owned()));
        }
        // After an error the log is opened anew: what was written is not trusted.
        while going_on() && self.round(&mut open)?.is_continue() {}
        *held = Some(open);
        Ok(())
    }

    /// As [`Publisher::publish`], unless the configuration wants no log to be published. Blocks.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish_if_wanted(&self) -> Result<()> {
        if self.inner.parts.settings.checkpoint_interval_s == 0 { Ok(()) } else { self.publish(|| true) }
    }

    /// What is published; `None` when that cannot be told now.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        if let Some(view) = self.inner.view.read().clone() {
            return Some(view);
        }
        let view = folder::view(&self.dir()).ok()??;
        self.show(view.clone());
        Some(view)
    }

    fn open(&self) -> Result<Open> {
        let Parts { origin, world, store, .. } = &self.inner.parts;
        let dir = self.dir();
        let log = match Log::open_as(&dir, origin)? {
            Some(log) => log,
            None => Log::create(&dir, origin, world.random(), self.today())?,
        };
        let place = match log.place() {
            Some(place) if store.read_blocking(|view| view.is_in_journal(place))? => Some(place),
            _ => None,
        };
        Ok(Open { log, place: place.unwrap_or_default(), is_comparing: place.is_none() })
    }

    /// One checkpoint; `Continue` when there is more to read.
    fn round(&self, open: &mut Open) -> Result<ControlFlow<()>> {
        let Open { log, place, is_comparing } = open;
        let mut news = self.read(*place)?;
        if *is_comparing {
            news.leaves = unpublished(log, news.leaves)?;
        }
        let Parts { settings, world, .. } = &self.inner.parts;
        news.leaves = covered(news.leaves, settings.round_leaves_to, world);
        log.append(&news.leaves)?;
        *place = news.place;
        let today = self.today();
        let is_compared = *is_comparing && news.is_all;
        *is_comparing &= !is_compared;
        if !news.leaves.is_empty() || is_compared || log.day().is_none_or(|day| day < today) {
            log.publish((!*is_comparing).then_some(news.place), today)?;
            self.show(log.view());
            metrics::counter!("poshta_log_checkpoints_total").increment(1);
        }
        self.inner.parts.store.forget_journal_before(*place);
        Ok(if news.is_all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// What stands in the journal behind this place, as much as one checkpoint takes.
    fn read(&self, after: Place) -> Result<News> {
        let most = self.inner.parts.settings.max_leaves_at_once;
        let (mut leaves, mut wrong, mut lines) = (Vec::new(), None, 0);
        let place = self.inner.parts.store.read_blocking(|view| {
            view.journal_lines_after(after, |line, _| {
                match leaf_at_sight(line).map_or_else(|| leaf_of(line), |leaf| Ok(Some(leaf))) {
                    Ok(leaf) => leaves.extend(leaf),
                    Err(error) => wrong = Some(error),
                }
                lines += 1;
                if wrong.is_some() || lines == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        match wrong {
            Some(error) => Err(Error::Line(error)),
            None => Ok(News { leaves, place, is_all: lines < most }),
        }
    }

    fn stamp_settings(&self) -> &StampSettings {
        &self.inner.parts.settings.timestamps
    }

    fn world(&self) -> &World {
        &self.inner.parts.world
    }

    fn show(&self, view: View) {
        metrics::gauge!("poshta_log_leaves").set(view.size() as f64);
        *self.inner.view.write() = Some(view);
    }

    fn dir(&self) -> PathBuf {
        Path::new(&self.inner.parts.dir).join(DIR)
    }

    /// The day of the checkpoints is that of UTC: a log is read in all zones.
    fn today(&self) -> Date {
        self.inner.parts.world.now().to_zoned(TimeZone::UTC).date()
    }
}

/// Those that are not in the log.
fn unpublished(log: &Log, leaves: Vec<(ImpressionId, Entry)>) -> Result<Vec<(ImpressionId, Entry)>> {
    let mut new = Vec::new();
    for (id, entry) in leaves {
        match log.find(id)? {
            None => new.push((id, entry)),
            Some(index) if log.leaf(index)?.entry == entry => {}
            Some(_) => return Err(Error::Contradiction(id)),
        }
    }
    Ok(new)
}
