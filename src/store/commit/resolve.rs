//! From a batch to plain rows and records: preconditions, counters, holes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::batch::{Batch, Committed, Hole, Member, Precondition, SetOf, Step, Template};
use super::super::bodies::BodyRow;
use super::super::engine::Changes;
use super::super::journal::Lines;
use super::super::packs::{Compression, Content, Encoded, Planned, RecordRef, Span};
use super::super::vault::{Vault, row};
use super::super::versions::{Before, Versions};
use super::super::watch::Topic;
use super::super::{Error, Result, keys, mailboxes, rows};
use super::moving::Moving;
use super::prepare::{Ready, ReadyBody};
use crate::ids::{BodyId, Uid};
use crate::uid_set::{self, Block};

/// Largest row the engine takes, bytes; larger things are records.
const MAX_ROW_BYTES: usize = super::super::engine::MAX_ROW_BYTES;

/// A batch without holes.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) changes: Changes,
    pub(super) records: Vec<Planned>,
    pub(super) journal: Lines,
    /// What is to be woken besides the batch's own topics.
    pub(super) topics: Vec<Topic>,
    pub(super) committed: Committed,
}

/// What a pack remembers of the rows of one batch: those that came and those that went, of the classes that
/// `rebuild` needs (DESIGN 9). Changed flags are not remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(in crate::store) struct Remembered {
    /// Key and new value; `None` for a row that went.
    pub(in crate::store) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Remembered {
    pub(in crate::store) const VERSION: u8 = 1;
}

/// What a batch meets when its turn has come.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) versions: &'a Versions,
    /// The changes of the group so far.
    pub(super) group: &'a Changes,
    /// What was read for the group.
    pub(super) before: &'a mut Before,
    pub(super) moving: &'a mut Moving,
    /// For the rows that the packs remember.
    pub(super) compression: Compression,
    /// Seals rows that tell of people.
    pub(super) vault: Option<&'a Vault>,
}

impl Ground<'_> {
    /// The row as the batches before this one leave it.
    fn get(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        if let Some(change) = self.group.get(key) {
            return Ok(change.as_deref());
        }
        if !self.before.contains_key(key) {
            self.before.insert(key.to_vec(), self.versions.newest(key)?);
        }
        Ok(self.before.get(key).and_then(Option::as_deref))
    }
}

/// Resolves a batch against the rows and the changes of the group so far. The span moves on only when the
/// batch succeeds.
pub(super) fn resolve(ground: Ground<'_>, batch: Batch, ready: Ready, span: &mut Span) -> Result<Resolved> {
    if batch.journal.is_torn() {
        return Err(Error::Engine("a journal line with a line end in it".into()));
    }
    let mut resolver = Resolver {
        ground,
        changes: Changes::new(),
        blocks: BTreeMap::new(),
        renamed: BTreeSet::new(),
        records: Vec::new(),
        places: Vec::new(),
        topics: Vec::new(),
        numbers: vec![0; batch.slots],
        span: *span,
    };
    for record in ready.records {
        let place = resolver.write(Content::Encoded(record))?;
        resolver.places.push(place);
    }
    for body in ready.bodies {
        resolver.body(body)?;
    }
    for step in batch.steps {
        resolver.step(step)?;
    }
    resolver.put_blocks()?;
    resolver.remember()?;
    *span = resolver.span;
    let Resolver { changes, records, places, topics, numbers, .. } = resolver;
    let committed = Committed { numbers, places };
    Ok(Resolved { changes, records, journal: batch.journal, topics, committed })
}

pub(super) struct Resolver<'a> {
    ground: Ground<'a>,
    changes: Changes,
    /// Blocks of sets that the batch changed: written once, however many of their UIDs come and go.
    blocks: BTreeMap<(SetOf, u32), Block>,
    /// Rows that name a record at its new place.
    renamed: BTreeSet<Vec<u8>>,
    records: Vec<Planned>,
    places: Vec<RecordRef>,
    pub(super) topics: Vec<Topic>,
    numbers: Vec<u64>,
    span: Span,
}

impl Resolver<'_> {
    pub(super) fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let vault = self.ground.vault;
        Ok(self.get_raw(key)?.map(|row| row::opened(vault, key, row)))
    }

    /// As it is written: sealed, where rows of its class are.
    fn get_raw(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => Ok(self.ground.get(key)?.map(<[u8]>::to_vec)),
        }
    }

    /// A row as it is written.
    pub(super) fn sealed(&self, key: &[u8], row: Vec<u8>) -> Result<Vec<u8>> {
        match self.ground.vault {
            Some(vault) => vault.seal_row(key, row),
            None => Ok(row),
        }
    }

    pub(super) fn put(&mut self, key: Vec<u8>, mut value: Vec<u8>) -> Result<()> {
        self.ground.moving.correct(&key, &mut value)?;
        let value = self.sealed(&key, value)?;
        if key.len() + value.len() > MAX_ROW_BYTES {
            let len = key.len() + value.len();
            return Err(Error::Engine(format!("a row of {len} bytes; the limit is {MAX_ROW_BYTES}")));
        }
        self.changes.insert(key, Some(value));
        Ok(())
    }

    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    fn write(&mut self, content: Content) -> Result<RecordRef> {
        let planned = self.span.plan(content)?;
        let place = planned.place;
        self.records.push(planned);
        Ok(place)
    }

    fn body(&mut self, body: ReadyBody) -> Result<()> {
        let key = keys::body(body.id());
        if self.get(&key)?.is_some() {
            return Ok(());
        }
        let place = match body {
            ReadyBody::Written(place, _) if !self.ground.moving.is_retired(place.pack) => place,
            ReadyBody::Written(_, body) | ReadyBody::There(body) => self.write(Content::Body(body))?,
            ReadyBody::Encoded(record) => self.write(Content::Encoded(record))?,
        };
        self.put(key, BodyRow { place, references: 0 }.encode())
    }

    fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Put(key, value) => {
                let (key, value) = (self.fill(key)?, self.fill(value)?);
                self.put(key, value)
            }
            Step::Delete(key) => {
                let key = self.fill(key)?;
                self.delete(key);
                Ok(())
            }
            Step::Require(precondition) => self.require(precondition),
            Step::Add(key, delta) => self.add(key, delta).map(drop),
            Step::Allocate(key, count, slot) => {
                let last = self.add(key, i64::from(count))?;
                let first = last - i64::from(count) + 1;
                if let Some(number) = self.numbers.get_mut(slot.0) {
                    *number = u64::try_from(first).map_err(|_| Error::Damaged("a counter below zero".into()))?;
                }
                Ok(())
            }
            Step::Insert(of, member) => {
                let uid = self.uid(member)?;
                let (block, number) = self.block(of, uid)?;
                block.insert(number);
                Ok(())
            }
            Step::Remove(of, member) => {
                let uid = self.uid(member)?;
                let (block, number) = self.block(of, uid)?;
                block.remove(number);
                Ok(())
            }
            Step::Reference(body, delta) => self.reference(body, delta),
            Step::Rename(key, from, to) => self.rename(key, from, to),
            Step::RenameHint(key, from, to) => self.rename_hint(key, from, to),
            Step::Collect(body) => self.collect(body),
            Step::Watch(watched) => self.watch_counter(watched),
            Step::Calm(account) => self.calm(account),
            Step::Audit(at_us, entry, about) => self.audit(at_us, entry, about),
        }
    }

    fn require(&mut self, precondition: Precondition) -> Result<()> {
        let (holds, key) = match precondition {
            Precondition::Absent(key) => (self.get(&key)?.is_none(), key),
            Precondition::Present(key) => (self.get(&key)?.is_some(), key),
            Precondition::Equals(key, value) => {
                // That a record was moved is no change of the row.
                (self.get(&key)?.is_some_and(|found| keys::is_same_row(&key, &found, &value)), key)
            }
        };
        if holds { Ok(()) } else { Err(Error::Conflict(key)) }
    }

    pub(super) fn add(&mut self, key: Vec<u8>, delta: i64) -> Result<i64> {
        let old = counter(self.get(&key)?.as_deref())?;
        let new = old.checked_add(delta).ok_or_else(|| Error::Engine("a counter is used up".into()))?;
        self.put(key, new.to_be_bytes().to_vec())?;
        Ok(new)
    }

    fn reference(&mut self, body: BodyId, delta: i64) -> Result<()> {
        let key = keys::body(body);
        let Some(row) = self.get(&key)? else { return Err(Error::Conflict(key)) };
        let row = BodyRow::decode(&row)?;
        let references = row.references + delta;
        if delta < 0 {
            self.ground.moving.note_release(row.place.stored_bytes());
        }
        if references < 0 {
            return Err(Error::Damaged(format!("{body:?} is released more often than it was referenced")));
        }
        self.put(key, BodyRow { references, ..row }.encode())
    }

    fn rename(&mut self, key: Vec<u8>, from: RecordRef, to: RecordRef) -> Result<()> {
        if keys::may_be_shared(&key) {
            self.ground.moving.note_move(from, to);
        }
        let Some(mut row) = self.get_raw(&key)? else { return Ok(()) };
        if keys::rename_record(&key, &mut row, from, to) {
            self.renamed.insert(key.clone());
            self.changes.insert(key, Some(row));
        }
        Ok(())
    }

    /// Nobody else needs to know: a hint that is out of date does no harm.
    fn rename_hint(&mut self, key: Vec<u8>, from: RecordRef, to: RecordRef) -> Result<()> {
        let Some(mut row) = self.get_raw(&key)? else { return Ok(()) };
        if keys::rename_hint(&key, &mut row, from, to) {
            self.changes.insert(key, Some(row));
        }
        Ok(())
    }

    fn collect(&mut self, body: BodyId) -> Result<()> {
        let key = keys::body(body);
        if let Some(row) = self.get(&key)?
            && BodyRow::decode(&row)?.references == 0
        {
            self.changes.insert(key, None);
        }
        Ok(())
    }

    /// The block of a set that the UID belongs to, and its number there.
    fn block(&mut self, of: SetOf, uid: Uid) -> Result<(&mut Block, u16)> {
        let (number, offset) = uid_set::split(uid);
        if !self.blocks.contains_key(&(of, number)) {
            let row = self.get(&keys::uid_block(of.account, of.folder, of.set, number))?;
            let block = match mailboxes::decode_block(number, row.as_deref()) {
                Ok(block) => block,
                Err(error) => {
                    // A damaged row must not keep letters from coming: what it said follows from the messages.
                    tracing::error!(%error, ?of, number, "a block of UIDs is made anew from the messages");
                    self.block_from_messages(of, number)?
                }
            };
            self.blocks.insert((of, number), block);
        }
        Ok((self.blocks.entry((of, number)).or_default(), offset))
    }

    fn block_from_messages(&self, of: SetOf, number: u32) -> Result<Block> {
        let Ground { versions, group, .. } = &self.ground;
        mailboxes::block_from(of.set, number, |uid| {
            let key = keys::message(of.account, of.folder, uid);
            match self.changes.get(&key).or_else(|| group.get(&key)) {
                Some(change) => Ok(change.clone()),
                None => versions.newest(&key),
            }
        })
    }

    fn uid(&self, member: Member) -> Result<Uid> {
        match member {
            Member::Known(uid) => Ok(uid),
            Member::Allocated(slot, offset) => {
                let number = u32::try_from(self.number(slot.0)? + u64::from(offset)).ok();
                number.and_then(Uid::new).ok_or_else(|| Error::Engine("a counter is used up".into()))
            }
        }
    }

    fn put_blocks(&mut self) -> Result<()> {
        for ((of, number), block) in std::mem::take(&mut self.blocks) {
            let key = keys::uid_block(of.account, of.folder, of.set, number);
            match block.encode() {
                Some(row) => self.put(key, row)?,
                None => drop(self.changes.insert(key, None)),
            }
        }
        Ok(())
    }

    fn fill(&mut self, template: Template) -> Result<Vec<u8>> {
        let Template { mut bytes, holes } = template;
        for (at, hole) in holes {
            match hole {
                Hole::U32(slot, offset) => {
                    let number = self.number(slot.0)? + u64::from(offset);
                    let number = u32::try_from(number).map_err(|_| Error::Engine("a counter is used up".into()))?;
                    write_at(&mut bytes, at, &number.to_be_bytes())?;
                }
                Hole::U64(slot, offset) => {
                    let number = self.number(slot.0)? + offset;
                    write_at(&mut bytes, at, &number.to_be_bytes())?;
                }
                Hole::Record(slot) => {
                    let place = self.places.get(slot.0).ok_or_else(foreign_slot)?;
                    write_at(&mut bytes, at, &place.to_bytes())?;
                }
                Hole::Body(body) => {
                    // That it is not there is told by the step that references it.
                    if let Some(row) = self.get(&keys::body(body))? {
                        write_at(&mut bytes, at, &BodyRow::decode(&row)?.place.to_bytes())?;
                    }
                }
            }
        }
        Ok(bytes)
    }

    fn number(&self, slot: usize) -> Result<u64> {
        self.numbers.get(slot).copied().filter(|number| *number > 0).ok_or_else(foreign_slot)
    }

    /// Writes the rows that came and went to the pack as well.
    fn remember(&mut self) -> Result<()> {
        let mut remembered = Remembered::default();
        for (key, value) in &self.changes {
            let keep = match keys::memory_of(key) {
                keys::Memory::None => false,
                keys::Memory::Always => true,
                keys::Memory::ComingAndGoing if self.renamed.contains(key) => true,
                keys::Memory::ComingAndGoing => self.ground.get(key)?.is_some() != value.is_some(),
            };
            if keep {
                remembered.rows.push((key.clone(), value.clone()));
            }
        }
        if !remembered.rows.is_empty() {
            let rows = rows::encode(Remembered::VERSION, &remembered)?;
            self.write(Content::Encoded(Encoded::rows(&rows, self.ground.compression)?))?;
        }
        Ok(())
    }
}

fn write_at(bytes: &mut [u8], at: usize, field: &[u8]) -> Result<()> {
    let hole = bytes.get_mut(at..at + field.len()).ok_or_else(foreign_slot)?;
    hole.copy_from_slice(field);
    Ok(())
}

fn foreign_slot() -> Error {
    Error::Engine("a hole names a slot that this batch does not fill before it".into())
}

/// The value of a counter row.
pub(in crate::store) fn counter(row: Option<&[u8]>) -> Result<i64> {
    match row {
        None => Ok(0),
        Some(row) => match row.try_into() {
            Ok(bytes) => Ok(i64::from_be_bytes(bytes)),
            Err(_) => Err(Error::Damaged(format!("a counter of {} bytes", row.len()))),
        },
    }
}
