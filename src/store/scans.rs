//! Paper letters that came in through a scan centre.
//!
//! | class | key | value |
//! |---|---|---|
//! | `c` | item | the scan |
//! | `C` | item | nothing: it waits for a person |

use serde::{Deserialize, Serialize};

use crate::ids::{BodyId, ItemId};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::rebuild::Follows;
use super::{Batch, Precondition, Result, Topic, View, WrappedKey, rows};

const VERSION: u8 = 1;

/// Where a scan stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Its recipient could not be read: a person decides.
    Review,
    /// In its recipient's mailbox, or on the way there.
    Delivered,
    /// Not delivered, with a reason.
    Rejected,
}

/// A paper letter that came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Its own number.
    pub id: ItemId,
    /// The scan centre that sent it.
    pub facility: String,
    /// Where it stands.
    pub state: ScanState,
    /// When it came, microseconds since 1970.
    pub received_us: i64,
    /// The document as it came.
    pub document: BodyId,
    /// Opens the document, if it is sealed.
    pub data_key: Option<WrappedKey>,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// Its pages.
    pub pages: u32,
    /// What its bar codes said.
    pub codes: Vec<String>,
    /// Whom the paper names as its sender.
    pub sender: Option<String>,
    /// To whom it goes.
    pub recipient: Option<String>,
    /// The item under which it was delivered.
    pub item: Option<ItemId>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Who decided at the review desk.
    pub decided_by: Option<String>,
}

/// A scan as it was read: what a change is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScan {
    /// The scan.
    pub scan: Scan,
    row: Vec<u8>,
}

/// Adds a scan that nobody knows yet; its document must be in the batch or in the packs.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_scan(batch: &mut Batch, scan: &Scan) -> Result<()> {
    batch.require(Precondition::Absent(keys::scan(scan.id)));
    batch.reference(scan.document);
    put(batch, scan)
}

impl StoredScan {
    /// Replaces the row; the batch fails with `Conflict` if it has changed since it was read.
    ///
    /// # Errors
    /// It cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, new: &Scan) -> Result<()> {
        batch.require(Precondition::Equals(keys::scan(self.scan.id), self.row.clone()));
        put(batch, new)
    }

    /// Nothing is left of it; the batch fails with `Conflict` if it has changed since it was read.
    pub(super) fn remove(&self, batch: &mut Batch) {
        batch.require(Precondition::Equals(keys::scan(self.scan.id), self.row.clone()));
        batch.delete(keys::scan(self.scan.id));
        batch.delete(waiting_key(self.scan.id));
        batch.release(self.scan.document);
    }
}

fn put(batch: &mut Batch, scan: &Scan) -> Result<()> {
    batch.put(keys::scan(scan.id), rows::encode(VERSION, scan)?);
    let waiting = waiting_key(scan.id);
    match scan.state {
        ScanState::Review => batch.put(waiting, Vec::new()),
        ScanState::Delivered | ScanState::Rejected => batch.delete(waiting),
    }
    batch.publish(Topic::Scans);
    Ok(())
}

fn waiting_key(id: ItemId) -> Vec<u8> {
    Key::of(b'C').item(id).done()
}

/// What stands beside a scan because of it.
pub(super) fn follows(_: &[u8], row: &[u8]) -> Result<Follows> {
    let scan: Scan = rows::decode(VERSION, row)?;
    let index = (scan.state == ScanState::Review).then(|| waiting_key(scan.id)).into_iter().collect();
    Ok(Follows { bodies: vec![scan.document], records: Vec::new(), index })
}

/// What a scan names, and whether the review desk finds it.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let scan: Scan = rows::decode(VERSION, row)?;
    if keys::scan(scan.id) != key {
        return Err(bad_key("a scan"));
    }
    let mut claims = Claims { bodies: vec![scan.document], ..Claims::default() };
    claims.opens(scan.document, scan.data_key);
    if scan.state == ScanState::Review {
        let is_there = view.get(&waiting_key(scan.id))?.is_some();
        claims.require(is_there, || format!("scan {:?} waits for a person and is not at the review desk", scan.id));
    }
    Ok(claims)
}

/// Whether the review desk names a scan that waits.
pub(super) fn inspect_waiting(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let id = key.last_chunk().map(|id| ItemId(u128::from_be_bytes(*id)));
    let id = id.filter(|id| waiting_key(*id) == key).ok_or_else(|| bad_key("a scan at the review desk"))?;
    let mut claims = Claims::default();
    let waits = view.scan(id)?.is_some_and(|stored| stored.scan.state == ScanState::Review);
    claims.require(waits, || format!("the review desk names scan {id:?}, which does not wait"));
    Ok(claims)
}

impl View<'_> {
    /// A scan.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn scan(&self, id: ItemId) -> Result<Option<StoredScan>> {
        let Some(row) = self.get(&keys::scan(id))? else { return Ok(None) };
        Ok(Some(StoredScan { scan: rows::decode(VERSION, &row)?, row }))
    }

    /// Up to `limit` scans that wait for a person, oldest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn scans_to_review(&self, limit: usize) -> Result<Vec<StoredScan>> {
        self.scans_to_review_behind(None, limit)
    }

    /// As [`View::scans_to_review`], those behind `after`.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn scans_to_review_behind(&self, after: Option<ItemId>, limit: usize) -> Result<Vec<StoredScan>> {
        let mut scans = Vec::new();
        let from = after.map_or_else(|| b"C".to_vec(), |id| keys::after(&waiting_key(id)));
        for (key, _) in self.range(&from, &keys::after(b"C"), limit)? {
            if let Some(id) = key.last_chunk::<16>()
                && let Some(scan) = self.scan(ItemId(u128::from_be_bytes(*id)))?
            {
                scans.push(scan);
            }
        }
        Ok(scans)
    }
}
