//! How much a start has to read again: sled writes down where its pages lie only when it is opened, and whatever it
//! wrote since then is read at the next start.
//!
//! So it is closed and opened again, with everybody waiting: behind a group after which that would be too much
//! (`Settings::max_replay_bytes`), and earlier when nothing else is going on.

use std::sync::atomic::Ordering;

use super::space::Space;
use super::versions::Versions;
use super::{Result, Store};

/// While the store is quiet a start has to read no more than what it may have to, divided by this.
const QUIET_DIVISOR: u64 = 16;

impl Store {
    /// Opens the row engine anew if a start would have much to read and nothing was committed since this was last
    /// asked. Blocks.
    ///
    /// # Errors
    /// `Closed`; engine.
    pub fn shorten_replay_when_quiet(&self) -> Result<()> {
        let versions = &self.inner.versions;
        let last = versions.last_turn();
        let is_quiet = self.inner.seen.swap(last, Ordering::Relaxed) == last;
        let max_bytes = self.settings().max_replay_bytes / QUIET_DIVISOR;
        if is_quiet && versions.replay_bytes()? > max_bytes {
            self.between_groups(move |committer| bound_replay(&committer.versions, &committer.space, max_bytes))?;
        }
        Ok(())
    }
}

/// Opens the row engine anew if a start would have to read more than this. That writes, too: on a disk that is nearly
/// full it is left for later. Called while no rows are being written.
pub(super) fn bound_replay(versions: &Versions, space: &Space, max_bytes: u64) {
    let is_long = versions.replay_bytes().is_ok_and(|bytes| bytes > max_bytes);
    if is_long && space.check().is_ok() {
        versions.shorten_replay();
    }
}
