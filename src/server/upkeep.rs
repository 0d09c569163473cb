//! What keeps the data directory small while the server runs.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;
use crate::store::compact::Thoroughness;

/// Looks for packs that are mostly dead, as often as `[store]` says, until told to stop.
pub(super) async fn compact(store: Store, stop: CancellationToken) {
    let settings = store.settings().clone();
    if settings.compact_every_s == 0 {
        return;
    }
    let every = Duration::from_secs(settings.compact_every_s);
    let thoroughness =
        Thoroughness { dead_percent: settings.compact_dead_percent, bytes_per_s: settings.compact_bytes_per_s };
    while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
        let (store, stop) = (store.clone(), stop.clone());
        let go_on = move |_| if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let done = tokio::task::spawn_blocking(move || store.compact(thoroughness, &mut { go_on })).await;
        match done {
            Ok(Ok(done)) if done.packs == 0 && done.damaged.is_empty() => {}
            Ok(Ok(done)) => tracing::info!(
                packs = done.packs,
                emptied_bytes = done.emptied_bytes,
                kept_bytes = done.kept_bytes,
                damaged = done.damaged.len(),
                "packs were emptied"
            ),
            Ok(Err(error)) => tracing::warn!(%error, "packs cannot be emptied now; trying again later"),
            Err(error) => tracing::error!(%error, "emptying packs failed"),
        }
    }
}
