//! The outbound queue: one row for each remote recipient of an item, and a due-time index over them.
//!
//! A row holds everything an attempt needs. The index has an entry exactly for the rows that are waiting; a row
//! on hold has none. Every change compares the whole old row, so that two workers never take the same one.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::rebuild::Follows;
use super::{Batch, Hole, Owner, Precondition, RecordRef, RecordSlot, Result, Template, Topic, View, WrappedKey, rows};
use crate::address::{Address, ReversePath};
use crate::clock::Timestamp;
use crate::ids::{BodyId, ItemId};

/// Rows of version 2 do not say whether the recipient is a blind one, those of version 1 neither how much of the letter
/// comes back.
const VERSION: u8 = 3;
const WITHOUT_BLIND: u8 = 2;
const WITHOUT_RETURNED: u8 = 1;

/// This node's part of the queue (DESIGN 4).
pub const SHARD: u16 = 0;

/// Names one recipient of one item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueueId {
    /// The item.
    pub item: ItemId,
    /// The recipient's number in its envelope.
    pub recipient: u32,
}

/// What is no name of a recipient in the queue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} names no recipient in the queue: write item.number")]
pub struct BadQueueId(String);

impl std::fmt::Display for QueueId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.item, self.recipient)
    }
}

impl std::str::FromStr for QueueId {
    type Err = BadQueueId;

    fn from_str(text: &str) -> std::result::Result<Self, BadQueueId> {
        let parts = text.split_once('.');
        let id = parts
            .and_then(|(item, number)| Some(QueueId { item: item.parse().ok()?, recipient: number.parse().ok()? }));
        id.ok_or_else(|| BadQueueId(text.to_owned()))
    }
}

/// A row of the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queued {
    /// Its name.
    pub id: QueueId,
    /// The accept mark and what else stands above the body for everybody.
    pub item_prefix: RecordRef,
    /// The body.
    pub body: BodyId,
    /// Its length.
    pub body_bytes: u64,
    /// Opens both, if they are sealed.
    pub data_key: Option<WrappedKey>,
    /// Everything else.
    pub details: Details,
    /// The row as it is stored, for the comparison of the next change.
    stored: Vec<u8>,
}

/// What may change, and the envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Details {
    /// MAIL FROM.
    pub reverse_path: ReversePath,
    /// RCPT TO.
    pub recipient: Address,
    /// The addresses or the header need RFC 6531.
    pub smtputf8: bool,
    /// The content has bytes above 127 (RFC 6152).
    pub eight_bit: bool,
    /// When it was accepted, milliseconds since 1970.
    pub accepted_ms: u64,
    /// When it is next due; `None` while it is on hold.
    pub due_ms: Option<u64>,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Whether the sender was told of the delay.
    pub delay_reported: bool,
    /// What the last attempt ended with.
    pub last_error: Option<String>,
    /// RFC 3461 parameters, kept for the reports.
    pub notify: Notify,
    /// RFC 3461 ENVID.
    pub envelope_id: Option<String>,
    /// RFC 3461 ORCPT.
    pub original_recipient: Option<String>,
    /// RFC 3461 RET; it stands behind the others in the row.
    #[serde(skip)]
    pub returned: Option<Returned>,
    /// Not named in the letter, so that it goes by itself; behind that in the row.
    #[serde(skip)]
    pub is_blind: bool,
}

/// How much of a letter comes back with a report of its failure (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Returned {
    /// `HDRS`: its header.
    Headers,
    /// `FULL`: all of it.
    Full,
}

/// When the sender wants a report (RFC 3461 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notify {
    /// On delivery.
    pub success: bool,
    /// On failure.
    pub failure: bool,
    /// On delay.
    pub delay: bool,
}

impl Notify {
    /// `NEVER`.
    pub const NEVER: Notify = Notify { success: false, failure: false, delay: false };
}

impl Default for Notify {
    /// What holds without the parameter (RFC 3461 §5.2.1).
    fn default() -> Self {
        Notify { success: false, failure: true, delay: true }
    }
}

/// A recipient to put into the queue, its item's prefix and body being in the same batch.
#[derive(Clone, Debug)]
pub struct NewQueued {
    /// Its name.
    pub id: QueueId,
    /// The item's prefix, from [`Batch::record`].
    pub item_prefix: RecordSlot,
    /// From [`Batch::letter`] or [`Batch::body`].
    pub body: BodyId,
    /// Its length.
    pub body_bytes: u64,
    /// Everything else.
    pub details: Details,
}

/// Milliseconds since 1970, as the index has them.
#[must_use]
pub fn milliseconds(instant: Timestamp) -> u64 {
    u64::try_from(instant.as_millisecond()).unwrap_or(0)
}

/// Puts a recipient into the queue.
///
/// # Errors
/// The row cannot be encoded, the key of a sealed letter cannot be wrapped.
pub fn add(batch: &mut Batch, new: &NewQueued) -> Result<()> {
    let key = key(new.id);
    batch.require(Precondition::Absent(key.clone()));
    let key_in_row = batch.wrapped_key(new.body, Owner::System)?;
    let rest = encode_rest(new.body, new.body_bytes, key_in_row, &new.details)?;
    let row = Template::from(vec![VERSION]).hole(Hole::Record(new.item_prefix)).bytes(&rest);
    batch.put(key, row);
    batch.reference(new.body);
    index(batch, new.id, new.details.due_ms);
    batch.publish(Topic::Outbound);
    Ok(())
}

impl Queued {
    /// Changes the row: fails with a conflict when somebody else did so first.
    ///
    /// # Errors
    /// The row cannot be encoded.
    pub fn change(&self, batch: &mut Batch, details: &Details) -> Result<Queued> {
        let rest = encode_rest(self.body, self.body_bytes, self.data_key, details)?;
        let stored = [&[VERSION][..], &self.item_prefix.to_bytes(), &rest].concat();
        batch.require(Precondition::Equals(key(self.id), self.stored.clone()));
        self.forget_due(batch);
        batch.put(key(self.id), stored.clone());
        index(batch, self.id, details.due_ms);
        batch.publish(Topic::Outbound);
        Ok(Queued { details: details.clone(), stored, ..self.clone() })
    }

    /// Takes the row out of the queue: it was delivered, reported as failed, or dropped.
    pub fn remove(&self, batch: &mut Batch) {
        batch.require(Precondition::Equals(key(self.id), self.stored.clone()));
        self.forget_due(batch);
        batch.delete(key(self.id));
        batch.release(self.body);
    }

    fn forget_due(&self, batch: &mut Batch) {
        if let Some(due_ms) = self.details.due_ms {
            batch.delete(keys::outbound_due(SHARD, due_ms, self.id.item, self.id.recipient));
        }
    }
}

impl View<'_> {
    /// Up to `limit` rows that are due at `now_ms`, the longest waiting first; with `after`, those behind it.
    ///
    /// # Errors
    /// Engine.
    pub fn outbound_due(&self, now_ms: u64, after: Option<&Queued>, limit: usize) -> Result<Vec<Queued>> {
        let begin = Key::of(b'Q').raw(&SHARD.to_be_bytes());
        let to = begin.clone().u64(now_ms.saturating_add(1)).done();
        let from = match after.and_then(|row| row.details.due_ms.map(|due_ms| (due_ms, row.id))) {
            Some((due_ms, id)) => keys::after(&keys::outbound_due(SHARD, due_ms, id.item, id.recipient)),
            None => begin.done(),
        };
        let mut due = Vec::new();
        for (index_key, _) in self.range(&from, &to, limit)? {
            if let Some(id) = id_at_end(&index_key)
                && let Some(row) = self.queued(id)?
            {
                due.push(row);
            }
        }
        Ok(due)
    }

    /// When the next row is due, milliseconds since 1970.
    ///
    /// # Errors
    /// Engine.
    pub fn outbound_next_due(&self) -> Result<Option<u64>> {
        let from = Key::of(b'Q').raw(&SHARD.to_be_bytes()).done();
        let rows = self.range(&from, &keys::after(&from), 1)?;
        Ok(rows.first().and_then(|(key, _)| key.get(3..11)?.try_into().ok()).map(u64::from_be_bytes))
    }

    /// One row.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn queued(&self, id: QueueId) -> Result<Option<Queued>> {
        self.get(&key(id))?.map(|stored| decode(id, stored)).transpose()
    }

    /// Up to `limit` rows of all items behind `after`, by item.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn outbound_behind(&self, after: Option<QueueId>, limit: usize) -> Result<Vec<Queued>> {
        let shard = Key::of(b'q').raw(&SHARD.to_be_bytes()).done();
        let from = after.map_or_else(|| shard.clone(), |id| keys::after(&key(id)));
        let rows = self.range(&from, &keys::after(&shard), limit)?;
        let named = rows.into_iter().filter_map(|(key, stored)| Some((id_at_end(&key)?, stored)));
        named.map(|(id, stored)| decode(id, stored)).collect()
    }

    /// Up to `limit` rows of an item, or of all items, by item.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn outbound(&self, item: Option<ItemId>, limit: usize) -> Result<Vec<Queued>> {
        let shard = Key::of(b'q').raw(&SHARD.to_be_bytes());
        let from = item.map_or(shard.clone(), |item| shard.item(item)).done();
        let rows = self.range(&from, &keys::after(&from), limit)?;
        let named = rows.into_iter().filter_map(|(key, stored)| Some((id_at_end(&key)?, stored)));
        named.map(|(id, stored)| decode(id, stored)).collect()
    }
}

/// What stands beside a row because of it.
pub(super) fn follows(row_key: &[u8], stored: &[u8]) -> Result<Follows> {
    let id = id_at_end(row_key).filter(|id| key(*id) == row_key).ok_or_else(|| bad_key("a queued recipient"))?;
    let row = decode(id, stored.to_vec())?;
    let due = row.details.due_ms.map(|due_ms| keys::outbound_due(SHARD, due_ms, id.item, id.recipient));
    Ok(Follows { bodies: vec![row.body], records: vec![row.item_prefix], index: due.into_iter().collect() })
}

/// What a row names, and whether the index has it.
pub(super) fn inspect(view: &View<'_>, row_key: &[u8], stored: &[u8]) -> Result<Claims> {
    let id = id_at_end(row_key).filter(|id| key(*id) == row_key).ok_or_else(|| bad_key("a queued recipient"))?;
    let row = decode(id, stored.to_vec())?;
    let mut claims = Claims { bodies: vec![row.body], records: vec![row.item_prefix], ..Claims::default() };
    claims.opens(row.body, row.data_key);
    if let Some(due_ms) = row.details.due_ms {
        let is_there = view.get(&keys::outbound_due(SHARD, due_ms, id.item, id.recipient))?.is_some();
        claims.require(is_there, || format!("{id:?} waits in the queue and is not in its due-time index"));
    }
    Ok(claims)
}

/// Whether an entry of the index leads to a row that is due then.
pub(super) fn inspect_due(view: &View<'_>, index_key: &[u8], _: &[u8]) -> Result<Claims> {
    let due_ms = index_key.get(3..11).and_then(|field| field.try_into().ok()).map(u64::from_be_bytes);
    let (id, due_ms) = id_at_end(index_key)
        .zip(due_ms)
        .filter(|(id, due_ms)| keys::outbound_due(SHARD, *due_ms, id.item, id.recipient) == index_key)
        .ok_or_else(|| bad_key("the queue's due-time index"))?;
    let mut claims = Claims::default();
    let fits = view.queued(id)?.is_some_and(|row| row.details.due_ms == Some(due_ms));
    claims.require(fits, || format!("the queue's due-time index names {id:?}, which is not due then"));
    Ok(claims)
}

fn key(id: QueueId) -> Vec<u8> {
    keys::outbound(SHARD, id.item, id.recipient)
}

fn index(batch: &mut Batch, id: QueueId, due_ms: Option<u64>) {
    if let Some(due_ms) = due_ms {
        batch.put(keys::outbound_due(SHARD, due_ms, id.item, id.recipient), Vec::new());
    }
}

/// Both the row's key and the index key end with item and recipient number.
fn id_at_end(key: &[u8]) -> Option<QueueId> {
    let (rest, recipient) = key.split_last_chunk::<4>()?;
    let (_, item) = rest.split_last_chunk::<16>()?;
    Some(QueueId { item: ItemId(u128::from_be_bytes(*item)), recipient: u32::from_be_bytes(*recipient) })
}

fn encode_rest(body: BodyId, body_bytes: u64, data_key: Option<WrappedKey>, details: &Details) -> Result<Vec<u8>> {
    rows::encode(VERSION, &(body, body_bytes, data_key, details, details.returned, details.is_blind))
}

fn decode(id: QueueId, stored: Vec<u8>) -> Result<Queued> {
    type First = (BodyId, u64, Option<WrappedKey>, Details);
    type Second = (BodyId, u64, Option<WrappedKey>, Details, Option<Returned>);
    type Third = (BodyId, u64, Option<WrappedKey>, Details, Option<Returned>, bool);
    let version = stored.first().copied().filter(|version| (WITHOUT_RETURNED..VERSION).contains(version));
    let (item_prefix, rest) = rows::split_place(version.unwrap_or(VERSION), &stored)?;
    let (body, body_bytes, data_key, details, returned, is_blind): Third = match version {
        Some(WITHOUT_RETURNED) => {
            let (body, body_bytes, data_key, details): First = rows::decode(WITHOUT_RETURNED, rest)?;
            (body, body_bytes, data_key, details, None, false)
        }
        Some(_) => {
            let (body, body_bytes, data_key, details, returned): Second = rows::decode(WITHOUT_BLIND, rest)?;
            (body, body_bytes, data_key, details, returned, false)
        }
        None => rows::decode(VERSION, rest)?,
    };
    let details = Details { returned, is_blind, ..details };
    Ok(Queued { id, item_prefix, body, body_bytes, data_key, details, stored })
}

#[cfg(test)]
mod tests;
