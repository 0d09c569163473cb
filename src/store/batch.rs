//! One atomic change, described as data (DESIGN 3).
//!
//! A batch says what must be there afterwards, not how: puts and deletes, preconditions, counters to add to,
//! numbers to allocate, records for the packs, lines for the device journal, topics to wake. The committer
//! resolves it in queue order, so numbers that are only known then (UIDs, MODSEQs, places in a pack) stand in
//! keys and values as [`Hole`]s.
//!
//! A row that names a record of the same batch keeps the place in sixteen bytes right behind its version byte,
//! before the postcard part, so that the place does not depend on what comes after:
//!
//! ```
//! use poshta::store::{Batch, Hole, RecordRef, Template, rows};
//!
//! let mut batch = Batch::new();
//! let prefix = batch.record(b"Received: by poshta.example\r\n".to_vec());
//! let rest = rows::encode(1, &("other", "fields"))?;
//! batch.put(b"key".to_vec(), Template::from(vec![1]).hole(Hole::Record(prefix)).bytes(&rest));
//!
//! // Reading it: version, place, then the rest.
//! # let row = [vec![1], RecordRef::default().to_bytes().to_vec(), rest].concat();
//! let (place, rest) = rows::split_place(1, &row)?;
//! let fields: (String, String) = rows::decode(1, rest)?;
//! # assert_eq!((place, fields), (RecordRef::default(), ("other".into(), "fields".into())));
//! # Ok::<(), poshta::store::Error>(())
//! ```

use super::RecordRef;
use super::audit::About;
use super::bodies::StagedBody;
use super::journal::Lines;
use super::keys::FolderSet;
use super::quota::Watched;
use super::sealing::Seal;
use super::vault::LetterKey;
use super::watch::Topic;
use crate::ids::{AccountId, BodyId, FolderId, Uid};

/// Bytes with holes that the committer fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pub(super) bytes: Vec<u8>,
    pub(super) holes: Vec<(usize, Hole)>,
}

/// A number or place that is only known when the batch is committed; always written big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// Four bytes: the first allocated number plus an offset.
    U32(Slot, u32),
    /// Eight bytes: the first allocated number plus an offset.
    U64(Slot, u64),
    /// Sixteen bytes: where a record was written ([`super::RecordRef`]).
    Record(RecordSlot),
    /// The same of a body that is there or comes with this batch; zero when it is neither.
    Body(BodyId),
}

/// Stands for a range of numbers that this batch allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub(super) usize);

/// Stands for the place of a record that this batch writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSlot(pub(super) usize);

/// What must hold, or the whole batch fails with `Error::Conflict`. Only for uniqueness, leases and
/// compare-and-swap of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// No row stands under the key.
    Absent(Vec<u8>),
    /// A row stands under the key.
    Present(Vec<u8>),
    /// The row under the key is exactly this.
    Equals(Vec<u8>, Vec<u8>),
}

/// A UID that is known, or that this batch allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A message that is there.
    Known(Uid),
    /// The first allocated number plus an offset.
    Allocated(Slot, u32),
}

/// A set of UIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetOf {
    pub(super) account: AccountId,
    pub(super) folder: FolderId,
    pub(super) set: FolderSet,
}

/// One step; steps see the effect of the steps before them.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(Template, Template),
    Delete(Template),
    Require(Precondition),
    /// A counter row (eight bytes, big-endian i64); absent counts as zero.
    Add(Vec<u8>, i64),
    /// Takes `count` numbers from the counter row under the key; the first number ever given is 1.
    Allocate(Vec<u8>, u32, Slot),
    /// Puts a UID into a set; nothing when it is there.
    Insert(SetOf, Member),
    /// Takes a UID out of a set; nothing when it is not there.
    Remove(SetOf, Member),
    /// Adds to the references of a body that is there or comes with this batch.
    Reference(BodyId, i64),
    /// In the row under the key, the second place stands for the first; no step when it does not name it.
    Rename(Vec<u8>, RecordRef, RecordRef),
    /// In the row of a message under the key, the second place stands for the first as the one where its body may lie.
    RenameHint(Vec<u8>, RecordRef, RecordRef),
    /// Removes the row of a body that nothing references.
    Collect(BodyId),
    /// What an account holds now is within its limit; else the batch fails with `OverQuota`.
    Watch(Watched),
    /// What an account holds has become less.
    Calm(AccountId),
    /// An entry of the audit, with the time in its key and what it is about: it gets its number, its link to the entry
    /// before, and its place in the index.
    Audit(u64, Vec<u8>, Option<About>),
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) steps: Vec<Step>,
    pub(super) records: Vec<(Vec<u8>, Option<Seal>)>,
    pub(super) bodies: Vec<NewBody>,
    /// Of those bodies that came with `letter`.
    pub(super) letter_keys: Vec<LetterKey>,
    pub(super) journal: Lines,
    pub(super) topics: Vec<Topic>,
    pub(super) slots: usize,
}

/// A body that comes with a batch.
#[derive(Debug)]
pub(super) struct NewBody {
    pub(super) staged: StagedBody,
    pub(super) seal: Option<Seal>,
}

impl NewBody {
    /// What it is called in the store.
    pub(super) fn id(&self) -> BodyId {
        self.seal.as_ref().map_or(self.staged.id(), |seal| BodyId(seal.name))
    }
}

/// What the committer filled the holes with.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    pub(super) numbers: Vec<u64>,
    pub(super) places: Vec<RecordRef>,
}

impl Committed {
    /// The first number that was allocated for `slot`.
    #[must_use]
    pub fn number(&self, slot: Slot) -> u64 {
        self.numbers.get(slot.0).copied().unwrap_or_default()
    }

    /// Where the record was written.
    #[must_use]
    pub fn record(&self, slot: RecordSlot) -> RecordRef {
        self.places.get(slot.0).copied().unwrap_or_default()
    }
}

impl Template {
    /// Appends bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends a hole.
    #[must_use]
    pub fn hole(mut self, hole: Hole) -> Self {
        let width = match hole {
            Hole::U32(..) => 4,
            Hole::U64(..) => 8,
            Hole::Record(..) | Hole::Body(..) => RecordRef::BYTES,
        };
        self.holes.push((self.bytes.len(), hole));
        self.bytes.resize(self.bytes.len() + width, 0);
        self
    }
}

impl From<Vec<u8>> for Template {
    fn from(bytes: Vec<u8>) -> Self {
        Template { bytes, holes: Vec::new() }
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Batch::default()
    }

    /// Sets a row.
    pub fn put(&mut self, key: impl Into<Template>, value: impl Into<Template>) {
        self.steps.push(Step::Put(key.into(), value.into()));
    }

    /// Removes a row, if it is there.
    pub fn delete(&mut self, key: impl Into<Template>) {
        self.steps.push(Step::Delete(key.into()));
    }

    /// Makes the whole batch depend on what is there now.
    pub fn require(&mut self, precondition: Precondition) {
        self.steps.push(Step::Require(precondition));
    }

    /// Adds to a counter row.
    pub fn add(&mut self, key: Vec<u8>, delta: i64) {
        self.steps.push(Step::Add(key, delta));
    }

    /// Takes `count` consecutive numbers from a counter row; numbers start at 1 and never come back.
    pub fn allocate(&mut self, key: Vec<u8>, count: u32) -> Slot {
        let slot = Slot(self.slots);
        self.slots += 1;
        self.steps.push(Step::Allocate(key, count, slot));
        slot
    }

    /// Puts a UID into a set of its folder.
    pub fn insert(&mut self, account: AccountId, folder: FolderId, set: FolderSet, member: Member) {
        self.steps.push(Step::Insert(SetOf { account, folder, set }, member));
    }

    /// Takes a UID out of a set of its folder.
    pub fn remove(&mut self, account: AccountId, folder: FolderId, set: FolderSet, member: Member) {
        self.steps.push(Step::Remove(SetOf { account, folder, set }, member));
    }

    /// Writes bytes to the packs; the row that names the record uses `Hole::Record`.
    pub fn record(&mut self, bytes: Vec<u8>) -> RecordSlot {
        self.push_record(bytes, None)
    }

    /// As [`Batch::record`], sealed: it is read with the same key.
    pub fn record_sealed(&mut self, bytes: Vec<u8>, seal: Seal) -> RecordSlot {
        self.push_record(bytes, Some(seal))
    }

    fn push_record(&mut self, bytes: Vec<u8>, seal: Option<Seal>) -> RecordSlot {
        self.records.push((bytes, seal));
        RecordSlot(self.records.len() - 1)
    }

    /// Writes a body to the packs, unless the same body is there already (single instance).
    pub fn body(&mut self, body: StagedBody) -> BodyId {
        self.push_body(NewBody { staged: body, seal: None })
    }

    /// As [`Batch::body`], sealed; its id is the name that the seal gives it.
    pub fn body_sealed(&mut self, body: StagedBody, seal: Seal) -> BodyId {
        self.push_body(NewBody { staged: body, seal: Some(seal) })
    }

    fn push_body(&mut self, body: NewBody) -> BodyId {
        let id = body.id();
        self.bodies.push(body);
        id
    }

    /// One more row names this body.
    pub fn reference(&mut self, body: BodyId) {
        self.steps.push(Step::Reference(body, 1));
    }

    /// One row fewer names this body; with the last one the body may be collected.
    pub fn release(&mut self, body: BodyId) {
        self.steps.push(Step::Reference(body, -1));
    }

    /// The record was copied: the row under the key names it at its new place, if it still names it at all.
    pub(super) fn rename(&mut self, key: Vec<u8>, from: RecordRef, to: RecordRef) {
        self.steps.push(Step::Rename(key, from, to));
    }

    /// The body was copied: the row of a message under the key says so, if it still says where the body was.
    pub(super) fn rename_hint(&mut self, key: Vec<u8>, from: RecordRef, to: RecordRef) {
        self.steps.push(Step::RenameHint(key, from, to));
    }

    /// Forgets a body, if still nothing references it.
    pub(super) fn collect(&mut self, body: BodyId) {
        self.steps.push(Step::Collect(body));
    }

    /// What an account holds after the steps so far is looked at; see [`super::quota::Allowance::bound`].
    pub(super) fn watch_counter(&mut self, watched: Watched) {
        self.steps.push(Step::Watch(watched));
    }

    /// Adds an entry to the audit and to the chain over it.
    pub(super) fn audit(&mut self, at_us: u64, entry: Vec<u8>, about: Option<About>) {
        self.steps.push(Step::Audit(at_us, entry, about));
    }

    /// What an account holds after the steps so far is less than before.
    pub(super) fn calm(&mut self, account: AccountId) {
        self.steps.push(Step::Calm(account));
    }

    /// Appends one line (JSON, without line end) to this node's device journal (P31), in the same group.
    pub fn journal(&mut self, line: &str) {
        self.journal_with(|to| to.push_str(line));
    }

    /// As [`Batch::journal`], the line that `write` appends.
    pub fn journal_with(&mut self, write: impl FnOnce(&mut String)) {
        self.journal.push_with(write);
    }

    /// Wakes the watchers of a topic once the batch is durable.
    pub fn publish(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }
}
