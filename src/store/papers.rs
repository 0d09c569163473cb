//! What the user of an account finds again in the cabinet, whatever becomes of the letters that brought it (class `3`):
//! receipts, and letters on paper that were scanned.
//!
//! | key | value |
//! |---|---|
//! | account, 1, item, recipient, stage | a receipt: what it shows, in the packs and sealed for the account |
//! | account, 2, scan | nothing: the scan came to this account |

use super::check::{Claims, bad_key};
use super::documents::{self, NewDocument};
use super::keys::{self, Key};
use super::receipts::{ReceiptId, Stage};
use super::scans::{Scan, ScanState};
use super::{Batch, Result, View};
use crate::ids::{AccountId, ItemId};

const CLASS: u8 = b'3';

const RECEIPT: u8 = 1;
const SCAN: u8 = 2;

/// Adds a receipt that the user of an account gets.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_receipt(batch: &mut Batch, account: AccountId, id: ReceiptId, shown: NewDocument) -> Result<()> {
    shown.put(batch, receipt_key(account, id))
}

/// A scanned letter comes to the user of an account.
pub fn add_scan(batch: &mut Batch, account: AccountId, scan: ItemId) {
    batch.put(scan_key(account, scan), Vec::new());
}

impl View<'_> {
    /// Up to `limit` receipts of an account before `before`, with what they show; that of the newest letter first.
    ///
    /// # Errors
    /// Engine, `Damaged`; the account's key was destroyed.
    pub fn receipts_of(
        &self,
        account: AccountId,
        before: Option<ReceiptId>,
        limit: usize,
    ) -> Result<Vec<(ReceiptId, Vec<u8>)>> {
        let begin = Key::of(CLASS).u64(account.0).u8(RECEIPT).done();
        let end = before.map_or_else(|| keys::after(&begin), |id| receipt_key(account, id));
        let rows = self.range_back(&begin, &end, limit)?;
        let read = |(key, row): &(Vec<u8>, Vec<u8>)| {
            Ok((receipt_in(key).ok_or_else(|| bad_key("a receipt of an account"))?, self.document(row)?))
        };
        rows.iter().map(read).collect()
    }

    /// What a receipt of an account shows.
    ///
    /// # Errors
    /// Engine, `Damaged`; the account's key was destroyed.
    pub fn receipt_of(&self, account: AccountId, id: ReceiptId) -> Result<Option<Vec<u8>>> {
        let row = self.get(&receipt_key(account, id))?;
        row.map(|row| self.document(&row)).transpose()
    }

    /// Up to `limit` scanned letters of an account before `before`, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn scans_of(&self, account: AccountId, before: Option<ItemId>, limit: usize) -> Result<Vec<Scan>> {
        let begin = Key::of(CLASS).u64(account.0).u8(SCAN).done();
        let end = before.map_or_else(|| keys::after(&begin), |scan| scan_key(account, scan));
        let mut found = Vec::new();
        for (key, _) in self.range_back(&begin, &end, limit)? {
            let scan = last_item(&key).ok_or_else(|| bad_key("a scan of an account"))?;
            found.extend(self.scan(scan)?.map(|stored| stored.scan));
        }
        Ok(found)
    }

    /// A scanned letter, if it came to this account.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn scan_of(&self, account: AccountId, scan: ItemId) -> Result<Option<Scan>> {
        match self.get(&scan_key(account, scan))? {
            Some(_) => Ok(self.scan(scan)?.map(|stored| stored.scan)),
            None => Ok(None),
        }
    }

    /// A batch that removes up to `limit` papers of an account whose letters are destroyed; `None` when there are none. A
    /// scan goes with its document.
    pub(super) fn forgetting_papers(&self, account: AccountId, limit: usize) -> Result<Option<Batch>> {
        let from = Key::of(CLASS).u64(account.0).done();
        let rows = self.range(&from, &keys::after(&from), limit)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch::new();
        for (key, _) in rows {
            let scan = last_item(&key).filter(|_| key.get(9) == Some(&SCAN));
            if let Some(stored) = scan.map(|scan| self.scan(scan)).transpose()?.flatten() {
                stored.remove(&mut batch);
            }
            batch.delete(key);
        }
        Ok(Some(batch))
    }
}

fn receipt_key(account: AccountId, id: ReceiptId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).u8(RECEIPT).item(id.item).u32(id.recipient).u8(id.stage as u8).done()
}

fn scan_key(account: AccountId, scan: ItemId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).u8(SCAN).item(scan).done()
}

fn receipt_in(key: &[u8]) -> Option<ReceiptId> {
    let (item, rest) = key.get(10..)?.split_first_chunk::<16>()?;
    let (recipient, stage) = rest.split_first_chunk::<4>()?;
    let [stage] = stage else { return None };
    let stage = Stage::numbered(*stage)?;
    Some(ReceiptId { item: ItemId(u128::from_be_bytes(*item)), recipient: u32::from_be_bytes(*recipient), stage })
}

fn last_item(key: &[u8]) -> Option<ItemId> {
    key.last_chunk().map(|item| ItemId(u128::from_be_bytes(*item)))
}

/// Whether a row can be read, is of an account, and names a letter that came to it.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let account = key.get(1..9).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes).map(AccountId);
    let account = account.ok_or_else(|| bad_key("a paper of an account"))?;
    let mut claims = match (key.get(9), key.len()) {
        (Some(&RECEIPT), 31) if receipt_in(key).is_some() => documents::claims(row)?,
        (Some(&SCAN), 26) => {
            let scan = last_item(key).map(|scan| view.scan(scan)).transpose()?.flatten();
            let mut claims = Claims::default();
            let has_come = scan.is_some_and(|stored| stored.scan.state == ScanState::Delivered);
            claims.require(has_come, || format!("{account:?} has a scan that did not come to anybody"));
            claims
        }
        _ => return Err(bad_key("a paper of an account")),
    };
    let is_there = view.account(account)?.is_some();
    claims.require(is_there, || format!("{account:?} has papers and is not there"));
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::check::tests::{ANNA, filled};
    use crate::store::{Owner, Store};

    const OTHER: AccountId = AccountId(ANNA.0 + 1);

    fn receipt(item: u128, stage: Stage) -> ReceiptId {
        ReceiptId { item: ItemId(item), recipient: 1, stage }
    }

    async fn keep(store: &Store, id: ReceiptId, shown: &str) {
        let owner = Owner::Account(ANNA);
        let document = store.new_document(owner, &id.item.to_bytes(), shown.into()).await.unwrap();
        let mut batch = Batch::new();
        add_receipt(&mut batch, ANNA, id, document).unwrap();
        store.commit(batch).await.unwrap();
    }

    /// The scan that waits for review in the filled store comes to anna.
    async fn deliver_scan(store: &Store) -> ItemId {
        let [stored] = store.read(|view| view.scans_to_review(1)).await.unwrap().try_into().unwrap();
        let mut batch = Batch::new();
        stored.change(&mut batch, &Scan { state: ScanState::Delivered, ..stored.scan.clone() }).unwrap();
        add_scan(&mut batch, ANNA, stored.scan.id);
        store.commit(batch).await.unwrap();
        stored.scan.id
    }

    #[tokio::test]
    async fn m7_receipts_and_scans_are_found_by_their_account_alone_until_its_letters_are_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path());
        let (first, second) = (receipt(1, Stage::Accepted), receipt(2, Stage::Returned));
        keep(&store, first, "first").await;
        keep(&store, second, "second").await;
        let scan = deliver_scan(&store).await;
        let receipts = async |account, before| {
            let found = store.read(move |view| view.receipts_of(account, before, 10)).await.unwrap();
            found.into_iter().map(|(id, shown)| (id, String::from_utf8(shown).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(receipts(ANNA, None).await, [(second, "second".into()), (first, "first".into())]);
        assert_eq!(receipts(ANNA, Some(second)).await, [(first, "first".into())], "the next page");
        assert_eq!(receipts(OTHER, None).await, []);
        assert_eq!(store.read(move |view| view.receipt_of(OTHER, first)).await.unwrap(), None);
        let scans = async |account| store.read(move |view| view.scans_of(account, None, 10)).await.unwrap();
        assert_eq!((scans(ANNA).await.len(), scans(OTHER).await.len()), (1, 0));
        assert!(store.read(move |view| view.scan_of(OTHER, scan)).await.unwrap().is_none());
        assert_eq!(store.check().unwrap().problems, Vec::<String>::new());

        store.destroy_letters(ANNA).await.unwrap();
        assert!(store.read(|view| view.forgetting_papers(ANNA, 10)).await.unwrap().is_none());
        assert!(store.read(move |view| view.scan(scan)).await.unwrap().is_none(), "with its document");
        assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_scan_that_came_to_nobody_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path());
        let mut batch = Batch::new();
        add_scan(&mut batch, ANNA, ItemId(99));
        store.commit(batch).await.unwrap();
        let problems = store.check().unwrap().problems.join("\n");
        assert!(problems.contains("has a scan that did not come to anybody"), "{problems}");
    }
}
