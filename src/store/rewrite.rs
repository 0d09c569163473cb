//! Rewriting all rows into a fresh engine: the only way in which sled gives space back, and how a directory comes
//! from one engine to another.
//!
//! The rows are copied range by range while the committer goes on, each range as it is durable at that moment; the
//! keys that groups change meanwhile are collected and copied again in rounds, until few are left. For those the
//! committer gives one turn, in which nothing else is written: they are copied, the fresh engine is synced and
//! becomes the live one. Readers go on through all of it: what they began with is in the notes, by key.
//!
//! Whatever goes wrong before that turn ends leaves the live engine as it is, and the fresh one is removed.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::engine::{Changes, Engine};
use super::pace::Pace;
use super::versions::{Heir, Snapshot, Versions, live_bytes_key, row_bytes};
use super::{Done, Error, Progress, Result, Rows, Store, keys};

/// Rows read and written at a time.
const CHUNK: usize = 500;

/// Copied rows are synced whenever they are so many bytes, so that the last sync has little to do.
const SYNC_EVERY_BYTES: i64 = 8 << 20;

/// As many touched keys are left to the committer's turn; they take it a few milliseconds.
const FEW_KEYS: usize = 500;

/// Touched keys that are kept while ranges are still copied.
const MANY_KEYS: usize = 50_000;

/// Rounds over touched keys, after which the rest is left to the committer's turn however many they are: on a
/// server that changes rows faster than they are copied it would never be few.
const MAX_ROUNDS: usize = 20;

/// What a rewrite did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rewritten {
    /// Rows that were copied, some of them more than once.
    pub rows: u64,
    /// Keys and values of all rows, bytes.
    pub live_bytes: u64,
    /// Size of the engine's files before, bytes.
    pub disk_bytes_before: u64,
    /// Size of the engine's files afterwards, bytes.
    pub disk_bytes_after: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// How long the committer wrote nothing else, milliseconds.
    pub paused_ms: u64,
}

/// What the committer answers.
#[derive(Debug)]
struct Adopted {
    old: Option<Box<dyn Engine>>,
    rows: u64,
    live_bytes: i64,
    paused: Duration,
}

impl Store {
    /// Copies all rows into a fresh engine and goes on with that one; the files of the old one are removed. Blocks
    /// for as long as it takes, at `bytes_per_s` (zero for as fast as it goes), while the store is in use. `progress`
    /// hears how far it is and may break it off.
    ///
    /// # Errors
    /// `Busy` while another one is under way; `Stopped` when broken off; `Full` at the watermark; `Closed`, engine,
    /// I/O. Then the rows are where they were.
    pub fn rewrite_rows(&self, bytes_per_s: u64, progress: Progress<'_>) -> Result<Rewritten> {
        let _alone = self.inner.rewriting.try_lock().ok_or(Error::Busy("the rows are being rewritten"))?;
        let begun = Instant::now();
        let versions = &self.inner.versions;
        let disk_bytes_before = versions.disk_bytes()?;
        let touching = versions.touching();
        let adopted = self.copy_rows(Pace::new(bytes_per_s), progress).and_then(|copy| self.hand_over(copy));
        drop(touching);
        // Only the one that goes on is open now.
        let adopted = adopted.inspect_err(|_| self.sweep_rows())?;
        drop(adopted.old);
        self.sweep_rows();
        Ok(Rewritten {
            rows: adopted.rows,
            live_bytes: u64::try_from(adopted.live_bytes).unwrap_or(0),
            disk_bytes_before,
            disk_bytes_after: versions.disk_bytes()?,
            took_ms: millis(begun.elapsed()),
            paused_ms: millis(adopted.paused),
        })
    }

    /// Whether the files of the rows are so much larger than the rows that a rewrite is worth its while.
    ///
    /// # Errors
    /// Engine, I/O.
    pub fn rows_want_rewrite(&self) -> Result<bool> {
        let versions = &self.inner.versions;
        let settings = self.settings();
        let disk = versions.disk_bytes()?;
        // What is in use is seldom in the files without some room around it: rows that were just rewritten and
        // did not grow since are left alone whatever the setting says.
        let grown = disk > versions.opener().adopted_bytes()?.saturating_mul(3) / 2;
        let allowed = versions.live_bytes().saturating_mul(settings.rewrite_percent) / 100;
        Ok(disk > settings.rewrite_floor_bytes && disk > allowed && grown)
    }

    /// Rewrites the rows when they are in another engine than the configured one.
    pub(super) fn convert_rows(&self) -> Result<()> {
        if self.inner.versions.opener().is_of_the_chosen_kind()? {
            return Ok(());
        }
        let engine = self.settings().engine.name();
        tracing::info!(engine, "converting the rows to the configured engine");
        let rewritten = self.rewrite_rows(0, &mut |_| ControlFlow::Continue(()))?;
        tracing::info!(engine, rows = rewritten.rows, took_ms = rewritten.took_ms, "the rows were converted");
        Ok(())
    }

    /// Everything but the last few keys.
    fn copy_rows(&self, mut pace: Pace, progress: Progress<'_>) -> Result<Copy> {
        let versions = &self.inner.versions;
        let mut copy = Copy { fresh: versions.opener().fresh()?, rows: 0, live_bytes: 0, unsynced_bytes: 0 };
        let of = versions.live_bytes();
        let mut tell = |copy: &Copy| {
            let bytes = u64::try_from(copy.live_bytes).unwrap_or(0);
            let told = progress(Done { bytes: bytes.min(of), of });
            if told.is_break() { Err(Error::Stopped) } else { self.check_space() }
        };
        let (mut from, end) = (Vec::new(), keys::after(&[]));
        loop {
            // A picture for each range, so that no notes are kept for all of the time it takes.
            let rows = versions.snapshot().range(&from, &end, CHUNK)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            let before = copy.live_bytes;
            copy.load(rows)?;
            if versions.count_touched() > MANY_KEYS {
                // What lies further on is still to be copied anyway.
                let (snapshot, mut touched) = versions.take_touched();
                drop(touched.split_off(&from));
                copy.update(&snapshot, touched)?;
            }
            tell(&copy)?;
            pace.spend(u64::try_from(copy.live_bytes - before).unwrap_or(0));
        }
        copy.sync()?;
        copy.fresh = versions.opener().reopen_fresh(copy.fresh)?;
        for _ in 0..MAX_ROUNDS {
            let (snapshot, touched) = versions.take_touched();
            copy.update(&snapshot, touched)?;
            copy.sync()?;
            tell(&copy)?;
            if versions.count_touched() <= FEW_KEYS {
                break;
            }
        }
        Ok(copy)
    }

    fn hand_over(&self, copy: Copy) -> Result<Adopted> {
        self.between_groups(move |committer| adopt(copy, &committer.versions))?
    }

    /// What cannot be removed now is removed at the next start.
    fn sweep_rows(&self) {
        if let Err(error) = self.inner.versions.opener().sweep() {
            tracing::warn!(%error, "rows that are not in use cannot be removed now");
        }
    }
}

/// The committer's turn: the last keys, the last sync, the flip.
fn adopt(copy: Copy, versions: &Versions) -> Result<Adopted> {
    let begun = Instant::now();
    let rows = copy.rows;
    let heir = copy.finish(versions)?;
    let live_bytes = heir.live_bytes;
    let old = versions.adopt(heir)?;
    Ok(Adopted { old, rows, live_bytes, paused: begun.elapsed() })
}

/// A fresh engine that is being filled.
#[derive(Debug)]
struct Copy {
    fresh: Box<dyn Engine>,
    rows: u64,
    /// Keys and values of what it holds, bytes.
    live_bytes: i64,
    unsynced_bytes: i64,
}

impl Copy {
    /// Adds rows that it does not hold yet.
    fn load(&mut self, rows: Rows) -> Result<()> {
        let bytes: i64 = rows.iter().map(|(key, value)| row_bytes(key, Some(value))).sum();
        self.rows += rows.len() as u64;
        self.live_bytes += bytes;
        self.unsynced_bytes += bytes;
        self.fresh.load(rows)?;
        if self.unsynced_bytes >= SYNC_EVERY_BYTES { self.sync() } else { Ok(()) }
    }

    /// Makes these keys what they are in the snapshot.
    fn update(&mut self, snapshot: &Snapshot<'_>, keys: BTreeSet<Vec<u8>>) -> Result<()> {
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let mut changes = Changes::new();
            for key in keys.by_ref().take(CHUNK) {
                let (new, old) = (snapshot.get(&key)?, self.fresh.get(&key)?);
                let bytes = row_bytes(&key, new.as_deref());
                self.live_bytes += bytes - row_bytes(&key, old.as_deref());
                self.unsynced_bytes += bytes;
                changes.insert(key, new);
            }
            self.rows += changes.len() as u64;
            self.fresh.apply(&changes)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.unsynced_bytes = 0;
        self.fresh.sync()
    }

    /// Copies what is left and writes down how much it is.
    fn finish(mut self, versions: &Versions) -> Result<Heir> {
        let (snapshot, touched) = versions.take_touched();
        self.update(&snapshot, touched)?;
        let key = live_bytes_key();
        let old = self.fresh.get(&key)?;
        self.live_bytes -= row_bytes(&key, old.as_deref());
        self.live_bytes += row_bytes(&key, Some(&self.live_bytes.to_be_bytes()));
        self.fresh.apply(&Changes::from([(key, Some(self.live_bytes.to_be_bytes().to_vec()))]))?;
        self.sync()?;
        Ok(Heir { engine: self.fresh, live_bytes: self.live_bytes })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
