//! Copies what is alive in some packs and renames it in the rows, until nothing names the packs any more.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::pace::Pace;
use super::super::packs::{PackWriter, RecordRef};
use super::super::{Batch, Done, Error, Progress, Result, Store, keys};
use super::Compacted;
use super::remembered;
use super::survey::each_row;

/// Bytes copied before a sync and a commit.
const BYTES_A_BATCH: u64 = 8 << 20;

/// Rows renamed by one commit.
const ROWS_A_BATCH: usize = 500;

pub(super) struct Emptying<'a> {
    pub(super) store: &'a Store,
    pub(super) packs: HashSet<u32>,
    /// They are all the packs there are, so what is remembered of rows long gone can be forgotten.
    pub(super) is_all: bool,
    pub(super) writer: &'a mut PackWriter,
    /// Where records went that more than one row may name; `None` for damaged ones.
    copied: HashMap<RecordRef, Option<RecordRef>>,
    /// Pack and offset of bodies, before and now: rows of messages whose prefixes move are told of it. Rows of bodies
    /// come before those of messages.
    bodies: HashMap<(u32, u64), (u32, u64)>,
    pub(super) heard: Heard<'a>,
}

/// How fast it goes, and what is told of it.
pub(super) struct Heard<'a> {
    pub(super) done: &'a mut Compacted,
    pub(super) total: u64,
    pub(super) pace: &'a mut Pace,
    pub(super) progress: Progress<'a>,
}

/// Rows to be renamed once the copies are synced.
#[derive(Default)]
struct Renames {
    rows: Vec<Rename>,
    bytes: u64,
}

/// What a row says of a place, and what it is to say.
struct Rename {
    key: Vec<u8>,
    from: RecordRef,
    to: RecordRef,
    names: Names,
}

/// What a place in a row is to the row.
#[derive(Clone, Copy)]
enum Names {
    /// A record that it needs.
    Record,
    /// Where a body may lie.
    Hint,
}

impl<'a> Emptying<'a> {
    pub(super) fn new(
        store: &'a Store,
        packs: &[u32],
        is_all: bool,
        writer: &'a mut PackWriter,
        heard: Heard<'a>,
    ) -> Self {
        let packs = packs.iter().copied().collect();
        Emptying { store, packs, is_all, writer, copied: HashMap::new(), bodies: HashMap::new(), heard }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let store = self.store;
        let mut renames = Renames::default();
        each_row(store, &[], |rows| {
            for (key, row) in rows {
                self.empty_row(key, row, &mut renames)?;
            }
            Ok(())
        })?;
        self.rename(&mut renames)?;
        self.follow(store.between_groups(|committer| committer.moving.touched())?)?;
        remembered::keep(self)?;
        self.take_away()
    }

    fn empty_row(&mut self, key: &[u8], row: &[u8], renames: &mut Renames) -> Result<()> {
        let mut is_renamed = false;
        for from in keys::records_named(key, row) {
            if self.packs.contains(&from.pack)
                && let Some(to) = self.copy(key, from, renames)?
            {
                renames.rows.push(Rename { key: key.to_vec(), from, to, names: Names::Record });
                is_renamed = true;
            }
        }
        // For the hint alone no row is written.
        if is_renamed
            && let Some(from) = keys::hint(key, row)
            && let Some(&(pack, offset)) = self.bodies.get(&(from.pack, from.offset))
        {
            let to = RecordRef { pack, offset, ..from };
            renames.rows.push(Rename { key: key.to_vec(), from, to, names: Names::Hint });
        }
        if renames.bytes >= BYTES_A_BATCH || renames.rows.len() >= ROWS_A_BATCH {
            self.rename(renames)?;
        }
        Ok(())
    }

    fn copy(&mut self, key: &[u8], place: RecordRef, renames: &mut Renames) -> Result<Option<RecordRef>> {
        if let Some(copied) = self.copied.get(&place) {
            return Ok(*copied);
        }
        let inner = &self.store.inner;
        let copied = match inner.space.check_reserve().and_then(|()| inner.packs.copy(place, self.writer)) {
            Ok(to) => Some(to),
            Err(Error::Damaged(what)) => {
                self.set_aside(place.pack, what);
                None
            }
            Err(error) => return Err(error),
        };
        match copied {
            Some(to) if !keys::may_be_shared(key) => {
                self.bodies.insert((place.pack, place.offset), (to.pack, to.offset));
            }
            _ => {
                self.copied.insert(place, copied);
            }
        }
        let bytes = place.stored_bytes();
        renames.bytes += bytes;
        self.kept(bytes)?;
        Ok(copied)
    }

    /// A pack with something damaged in it stays, so that it can still be looked at and repaired.
    pub(super) fn set_aside(&mut self, pack: u32, what: String) {
        tracing::error!(pack, what, "damaged: the pack is not taken away");
        self.packs.remove(&pack);
        self.heard.done.damaged.push(what);
    }

    pub(super) fn kept(&mut self, bytes: u64) -> Result<()> {
        let heard = &mut self.heard;
        heard.done.kept_bytes += bytes;
        heard.pace.spend(bytes);
        let so_far = Done { bytes: heard.done.kept_bytes.min(heard.total), of: heard.total };
        if (heard.progress)(so_far).is_break() { Err(Error::Stopped) } else { Ok(()) }
    }

    fn rename(&mut self, renames: &mut Renames) -> Result<()> {
        let renames = std::mem::take(renames);
        if renames.rows.is_empty() {
            return Ok(());
        }
        // Records first: a row must never name what a power cut can take away.
        self.writer.sync()?;
        for rows in renames.rows.chunks(ROWS_A_BATCH) {
            let mut batch = Batch::new();
            for Rename { key, from, to, names } in rows {
                match names {
                    Names::Hint => batch.rename_hint(key.clone(), *from, *to),
                    Names::Record => batch.rename(key.clone(), *from, *to),
                }
            }
            self.store.commit_blocking(batch)?;
        }
        Ok(())
    }

    /// Rows that came to name something in the packs after they were looked for.
    fn follow(&mut self, mut touched: BTreeSet<Vec<u8>>) -> Result<()> {
        while !touched.is_empty() {
            let mut renames = Renames::default();
            for key in touched {
                if let Some(row) = self.store.read_blocking(|view| view.get_raw(&key))? {
                    self.empty_row(&key, &row, &mut renames)?;
                }
            }
            self.rename(&mut renames)?;
            touched = self.store.between_groups(|committer| committer.moving.touched())?;
        }
        Ok(())
    }

    fn take_away(&mut self) -> Result<()> {
        self.writer.sync()?;
        let packs: Vec<u32> = self.packs.iter().copied().collect();
        loop {
            let retiring = packs.clone();
            match self.store.between_groups(move |committer| committer.moving.retire(&retiring))? {
                Ok(()) => break,
                Err(touched) => self.follow(touched)?,
            }
        }
        for pack in &packs {
            self.heard.done.emptied_bytes += self.store.inner.packs.length(*pack)?;
        }
        self.keep_the_highest_number(&packs)?;
        self.store.inner.packs.retire(&packs)?;
        self.heard.done.packs += packs.len() as u64;
        Ok(())
    }

    /// The number of a pack is never given out again, also not after the next start: a backup knows packs by it.
    fn keep_the_highest_number(&mut self, retiring: &[u32]) -> Result<()> {
        let highest = self.store.inner.packs.numbers()?.last().copied();
        if highest.is_some_and(|highest| retiring.contains(&highest)) {
            self.writer.seal();
            self.writer.span()?;
        }
        Ok(())
    }
}
