//! Space comes back: what no row names any more leaves the packs (`poshta store compact`, and in the background).
//!
//! A pack that is mostly dead is emptied: its live records are copied to a new pack and synced, the rows that
//! name them are renamed by ordinary commits, and when no row names anything in it the pack is taken away. At
//! every moment each row names a record that is there, so a crash leaves at worst copies that nothing names,
//! and they are dead bytes of the next run. Letters go on coming and going meanwhile (see `commit::moving`).

mod emptying;
mod remembered;
mod survey;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use super::pace::Pace;
use super::packs::PackWriter;
use super::{Progress, Result, Store};
use emptying::{Emptying, Heard};

/// Packs that are emptied together, so that what is remembered of their records stays in bounds.
const PACKS_A_PORTION: usize = 8;

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thoroughness {
    /// A pack is emptied when at least this much of it is dead, percent.
    pub dead_percent: u64,
    /// Bytes read and written a second; zero for as fast as it goes.
    pub bytes_per_s: u64,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Compacted {
    /// Packs that were emptied and taken away.
    pub packs: u64,
    /// Bytes of those.
    pub emptied_bytes: u64,
    /// Bytes of what was still alive in them, now in new packs.
    pub kept_bytes: u64,
    /// Bodies that nothing referenced, forgotten.
    pub forgotten_bodies: u64,
    /// Packs that stay because something in them is damaged: what, one sentence each.
    pub damaged: Vec<String>,
}

impl Store {
    /// Empties the packs that are mostly dead and takes them away. Blocks; letters go on coming and going.
    /// `progress` hears the bytes kept so far, and how many there are to keep.
    ///
    /// # Errors
    /// `Stopped`; `Full` when there is no room for the copies; I/O; engine. What was done until then stays done.
    pub fn compact(&self, thoroughness: Thoroughness, progress: Progress<'_>) -> Result<Compacted> {
        let mut writer = self.inner.compacting.lock();
        self.let_go_of_retired_packs()?;
        let mut done = Compacted { forgotten_bodies: survey::forget_bodies(self)?, ..Compacted::default() };
        let survey = survey::survey(self)?;
        let packs = survey.to_empty(thoroughness.dead_percent);
        let mut pace = Pace::new(thoroughness.bytes_per_s);
        let total = survey.live_bytes(&packs);
        for portion in packs.chunks(PACKS_A_PORTION) {
            let is_all = portion.len() == survey.packs();
            let emptying = Emptying::new(
                self,
                portion,
                is_all,
                &mut writer,
                Heard { done: &mut done, total, pace: &mut pace, progress },
            );
            self.empty(portion, emptying)?;
        }
        Ok(done)
    }

    fn empty(&self, packs: &[u32], mut emptying: Emptying<'_>) -> Result<()> {
        seal_if_among(emptying.writer, packs);
        self.begin_emptying(packs)?;
        let emptied = emptying.run();
        if emptied.is_err() {
            // The committer may be gone; then there is nothing to abandon.
            let _ = self.between_groups(|committer| committer.moving.abandon());
        }
        emptied
    }

    /// Bytes of letters that were given up since the last call, about: what a look for dead packs may find.
    ///
    /// # Errors
    /// `Closed`.
    pub fn take_released_bytes(&self) -> Result<u64> {
        self.between_groups(|committer| committer.moving.take_released())
    }

    /// Nothing is added to these packs any more, and rows that name something in them are noted.
    fn begin_emptying(&self, packs: &[u32]) -> Result<()> {
        let emptying = packs.to_vec();
        seal_if_among(&mut self.inner.large.lock(), packs);
        self.between_groups(move |committer| {
            seal_if_among(&mut committer.packs, &emptying);
            committer.moving.begin(&emptying);
        })
    }

    /// Closes packs that were taken away long enough ago (`retired_pack_grace_s`): now the disk has their space back.
    ///
    /// # Errors
    /// `Closed`.
    pub fn let_go_of_retired_packs(&self) -> Result<()> {
        let grace = Duration::from_secs(self.inner.settings.retired_pack_grace_s);
        if self.inner.packs.let_go(grace) {
            self.between_groups(|committer| committer.moving.forget_moves())?;
        }
        Ok(())
    }
}

fn seal_if_among(writer: &mut PackWriter, packs: &[u32]) {
    if writer.current().is_some_and(|current| packs.contains(&current)) {
        writer.seal();
    }
}
