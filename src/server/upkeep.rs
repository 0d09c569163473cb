//! What keeps the data directory small while the server runs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::compact::{Compacted, Thoroughness};
use crate::store::rewrite::Rewritten;
use crate::store::{Error, Result, Store};

/// How often emptied packs are looked at; it costs next to nothing.
const LET_GO_EVERY_S: u64 = 60;

/// A store to which nothing was written for so long is quiet, seconds.
const QUIET_S: u64 = 5;

/// Empties packs that are mostly dead, as often as `[store]` says, until told to stop.
pub(super) async fn compact(store: Store, stop: CancellationToken) {
    let settings = store.settings();
    let every = settings.compact_every_s;
    let thoroughness =
        Thoroughness { dead_percent: settings.compact_dead_percent, bytes_per_s: settings.compact_bytes_per_s };
    let floor = settings.compact_floor_bytes;
    // What went before the start is not known, so the first look always happens.
    let released = Arc::new(AtomicU64::new(floor));
    let empty = move |store: &Store, go_on: &GoOn| {
        let since = store.take_released_bytes()?;
        if released.fetch_add(since, Ordering::Relaxed).saturating_add(since) < floor {
            return Ok(());
        }
        tell_emptied(&store.compact(thoroughness, &mut |_| go_on.flow())?);
        released.store(0, Ordering::Relaxed);
        Ok(())
    };
    again_and_again(store, every, stop, "emptying packs", empty).await;
}

/// Gives the space of emptied packs back to the disk when nobody reads them any more, until told to stop.
pub(super) async fn let_go(store: Store, stop: CancellationToken) {
    let let_go = |store: &Store, _: &GoOn| store.let_go_of_retired_packs();
    again_and_again(store, LET_GO_EVERY_S, stop, "closing emptied packs", let_go).await;
}

/// Rewrites the rows when their files have grown far beyond them, until told to stop.
pub(super) async fn rewrite(store: Store, stop: CancellationToken) {
    let (every, bytes_per_s) = (store.settings().rewrite_check_s, store.settings().rewrite_bytes_per_s);
    let rewrite = move |store: &Store, go_on: &GoOn| {
        if store.rows_want_rewrite()? {
            tell_rewritten(&store.rewrite_rows(bytes_per_s, &mut |_| go_on.flow())?);
        }
        Ok(())
    };
    again_and_again(store, every, stop, "rewriting the rows", rewrite).await;
}

/// Keeps short what a start has to read, whenever nothing else is going on, until told to stop.
pub(super) async fn shorten_replay(store: Store, stop: CancellationToken) {
    let shorten = |store: &Store, _: &GoOn| store.shorten_replay_when_quiet();
    again_and_again(store, QUIET_S, stop, "opening the row engine anew", shorten).await;
}

/// Whether the server still runs.
struct GoOn(CancellationToken);

impl GoOn {
    fn flow(&self) -> ControlFlow<()> {
        if self.0.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Does it every so many seconds on a blocking thread; never where that is zero.
async fn again_and_again<F>(store: Store, every_s: u64, stop: CancellationToken, what: &'static str, work: F)
where
    F: Fn(&Store, &GoOn) -> Result<()> + Clone + Send + 'static,
{
    if every_s == 0 {
        return;
    }
    let every = Duration::from_secs(every_s);
    while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
        let (store, go_on, work) = (store.clone(), GoOn(stop.clone()), work.clone());
        match tokio::task::spawn_blocking(move || work(&store, &go_on)).await {
            // Somebody else is at it, or the server stops.
            Ok(Ok(()) | Err(Error::Busy(_) | Error::Stopped)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "{what} is not possible now; it is tried again later"),
            Err(error) => tracing::error!(%error, "{what} failed"),
        }
    }
}

fn tell_emptied(done: &Compacted) {
    if done.packs > 0 || !done.damaged.is_empty() {
        tracing::info!(
            packs = done.packs,
            emptied_bytes = done.emptied_bytes,
            kept_bytes = done.kept_bytes,
            damaged = done.damaged.len(),
            "packs were emptied"
        );
    }
}

fn tell_rewritten(done: &Rewritten) {
    tracing::info!(
        before = done.disk_bytes_before,
        after = done.disk_bytes_after,
        took_ms = done.took_ms,
        paused_ms = done.paused_ms,
        "the rows were rewritten"
    );
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::store::{Batch, Settings};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn rows_are_rewritten_when_it_is_time_until_told_to_stop() {
        let dir = tempfile::tempdir().unwrap();
        let settings =
            Settings { rewrite_floor_bytes: 0, rewrite_percent: 0, rewrite_check_s: 1, ..Settings::default() };
        let store = Store::open(dir.path(), &settings).unwrap();
        while !store.rows_want_rewrite().unwrap() {
            let mut batch = Batch::new();
            (0..200_u8).for_each(|number| batch.put(vec![b'z', number], vec![number; 1 << 10]));
            store.commit(batch).await.unwrap();
        }
        let stop = CancellationToken::new();
        let worker = tokio::spawn(rewrite(store.clone(), stop.clone()));
        let begun = Instant::now();
        while store.rows_want_rewrite().unwrap() && begun.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(!store.rows_want_rewrite().unwrap());
        stop.cancel();
        worker.await.unwrap();
    }
}
