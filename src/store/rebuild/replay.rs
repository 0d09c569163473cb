//! What the packs tell of rows, in the order in which it happened, and what a backup adds.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

use super::super::bodies::BodyRow;
use super::super::commit::{Remembered, counter};
use super::super::keys::{AccountCounter, FolderCounter, Memory};
use super::super::packs::{Birthplace, Kind, RecordRef};
use super::super::{Error, Result, fresh, journal, keys, mailboxes, restore, rows};
use super::Rebuilding;
use crate::ids::{AccountId, BodyId, FolderId};

/// Classes that are made anew from the others, so that those of the backup are of no use: indices, sets, counters
/// and bodies.
const DERIVED: &[u8] = b"xNUQPCFAb45";

/// The greatest numbers that were seen anywhere, also of what is gone again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) uids: HashMap<(AccountId, FolderId), i64>,
    pub(super) modseqs: HashMap<(AccountId, FolderId), i64>,
    pub(super) folders: HashMap<AccountId, i64>,
    pub(super) uid_validities: HashMap<AccountId, i64>,
}

impl Seen {
    fn note(&mut self, key: &[u8], row: &[u8]) {
        let Some(account) = fresh::account_of(key) else { return };
        match (key.first(), folder_of(key)) {
            (Some(b'm'), Some(folder)) => {
                if let Some(uid) = key.last_chunk() {
                    greatest(&mut self.uids, (account, folder), i64::from(u32::from_be_bytes(*uid)));
                }
                if let Some(modseq) = row.get(1..).and_then(|rest| rest.first_chunk()) {
                    greatest(&mut self.modseqs, (account, folder), i64::from_be_bytes(*modseq));
                }
                greatest(&mut self.folders, account, i64::from(folder.0));
            }
            (Some(b'f'), Some(folder)) => {
                greatest(&mut self.folders, account, i64::from(folder.0));
                if let Ok(folder) = mailboxes::decode_folder(key, row) {
                    greatest(&mut self.uid_validities, account, i64::from(folder.uid_validity.0.get()));
                }
            }
            (Some(b'F'), Some(folder)) => match (key.last(), counter(Some(row))) {
                (Some(kind), Ok(number)) if *kind == FolderCounter::Uids as u8 => {
                    greatest(&mut self.uids, (account, folder), number);
                }
                (Some(kind), Ok(number)) if *kind == FolderCounter::ModSeqs as u8 => {
                    greatest(&mut self.modseqs, (account, folder), number);
                }
                _ => {}
            },
            (Some(b'A'), _) => match (key.last(), counter(Some(row))) {
                (Some(kind), Ok(number)) if *kind == AccountCounter::Folders as u8 => {
                    greatest(&mut self.folders, account, number);
                }
                (Some(kind), Ok(number)) if *kind == AccountCounter::UidValidity as u8 => {
                    greatest(&mut self.uid_validities, account, number);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn greatest<K: std::hash::Hash + Eq>(of: &mut HashMap<K, i64>, key: K, number: i64) {
    let known = of.entry(key).or_default();
    *known = number.max(*known);
}

fn folder_of(key: &[u8]) -> Option<FolderId> {
    key.get(9..)?.first_chunk().map(|folder| FolderId(u32::from_be_bytes(*folder)))
}

impl Rebuilding<'_> {
    /// Finds all bodies, and has the remembered rows come and go again.
    pub(super) fn replay_packs(&mut self) -> Result<()> {
        let mut remembered = Vec::new();
        for pack in self.packs.numbers()? {
            self.found.packs += 1;
            self.survey(pack, &mut remembered)?;
            super::super::backup::tell(self.progress, self.done)?;
        }
        // Of two copies of a record, which a crash during compaction leaves, the later one says less.
        remembered.sort_unstable_by_key(|(birthplace, place)| (*birthplace, place.pack, place.offset));
        for (_, place) in remembered {
            match self.packs.read_whole(place, None).and_then(|content| rows::decode(Remembered::VERSION, &content)) {
                Ok(Remembered { rows }) => rows.into_iter().try_for_each(|(key, row)| self.replay(key, row))?,
                Err(Error::Damaged(what)) => self.lost(format!("rows that a pack remembers: {what}")),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn survey(&mut self, pack: u32, remembered: &mut Vec<(Birthplace, RecordRef)>) -> Result<()> {
        let mut bodies = Vec::new();
        let mut kept = Ok(());
        let packs = std::sync::Arc::clone(&self.packs);
        let gaps = packs.walk_past_damage(pack, |place, header| {
            match header.kind {
                Kind::Bytes => {}
                Kind::Rows => remembered.push((header.birthplace, place)),
                Kind::Body => bodies.push((BodyId(header.id), place)),
            }
            if bodies.len() >= BODIES_A_TIME {
                kept = self.put_bodies(&mut bodies);
            }
            if kept.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        kept?;
        self.put_bodies(&mut bodies)?;
        let length = packs.length(pack)?;
        for (offset, bytes) in gaps {
            if offset + bytes == length {
                self.found.left_over_bytes += bytes;
            } else {
                self.lost(format!("{bytes} bytes at {offset} of pack {pack} are no records"));
            }
        }
        Ok(())
    }

    fn put_bodies(&mut self, bodies: &mut Vec<(BodyId, RecordRef)>) -> Result<()> {
        for (id, place) in bodies.drain(..) {
            let is_known = self.place_of(id)?.is_some();
            // A body that is there twice was being moved when the server ended: any whole copy will do.
            if is_known && self.packs.verify(place, Kind::Body).is_err() {
                continue;
            }
            self.found.bodies += u64::from(!is_known);
            self.fresh.put(keys::body(id), BodyRow { place, references: 0 }.encode())?;
        }
        Ok(())
    }

    fn replay(&mut self, key: Vec<u8>, row: Option<Vec<u8>>) -> Result<()> {
        self.found.remembered_rows += 1;
        self.seen.note(&key, row.as_deref().unwrap_or_default());
        if keys::memory_of(&key) == Memory::None {
            return Ok(());
        }
        if self.notes_what_went {
            let went = [&[WENT], &key[..]].concat();
            match row {
                Some(_) => self.fresh.delete(went)?,
                None => self.fresh.put(went, Vec::new())?,
            }
        }
        match row {
            Some(row) => self.fresh.put(key, row),
            None => self.fresh.delete(key),
        }
    }

    /// What a backup knows better: rows that the packs do not remember, and what changed of those whose coming
    /// and going they do. What is only in the backup went since, unless something of the packs was lost.
    pub(super) fn merge_backup(&mut self, backup: &Path) -> Result<()> {
        let manifest = restore::whole_manifest(backup)?;
        let packs_know_all = self.found.lost_count == 0;
        restore::load(backup, &manifest, |rows| {
            for (key, row) in rows {
                self.seen.note(&key, &row);
                if let Some(row) = self.of_use(&key, row, packs_know_all)? {
                    self.found.backup_rows += 1;
                    self.fresh.put(key, row)?;
                }
            }
            Ok(())
        })?;
        self.fresh.each(&[WENT], |fresh, key, _| fresh.delete(key.to_vec()))
    }

    fn of_use(&self, key: &[u8], row: Vec<u8>, packs_know_all: bool) -> Result<Option<Vec<u8>>> {
        if key.first().is_none_or(|class| DERIVED.contains(class)) || key.starts_with(&keys::fact(journal::PREFIX)) {
            return Ok(None);
        }
        let memory = keys::memory_of(key);
        if memory == Memory::None {
            return Ok(Some(row));
        }
        match self.fresh.get(key)? {
            Some(known) if memory == Memory::ComingAndGoing && is_same_thing(key, &known, &row) => {
                Ok(Some(keys::with_places_of(key, row, &known)))
            }
            Some(_) => Ok(None),
            None if packs_know_all || self.fresh.get(&[&[WENT], key].concat())?.is_some() => Ok(None),
            None => Ok(Some(row)),
        }
    }
}

/// UIDs begin anew after a restore: a row of a backup from before it may be of another message.
fn is_same_thing(key: &[u8], one: &[u8], other: &[u8]) -> bool {
    if key.first() != Some(&b'm') {
        return true;
    }
    let decoded = mailboxes::decode_message(key, one).ok().zip(mailboxes::decode_message(key, other).ok());
    decoded.is_some_and(|(one, other)| one.email == other.email && one.body == other.body)
}

/// The class, in the fresh rows only, of keys of rows that went.
const WENT: u8 = 0;

/// Bodies noted before their rows are put.
const BODIES_A_TIME: usize = 10_000;
