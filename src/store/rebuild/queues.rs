//! What waits: recipients in the outbound queue, letters on paper, scans, receipts, with their indices.

use super::super::fresh::Pages;
use super::super::keys::{self, Key};
use super::super::vault::row;
use super::super::{Result, print_jobs, queue, receipts, scans};
use super::{Follows, Rebuilding};
use crate::ids::ItemId;

/// A class of rows with what follows from each.
struct Waiting {
    class: u8,
    /// What one is, in a sentence.
    what: &'static str,
    follows: fn(&[u8], &[u8]) -> Result<Follows>,
}

const WAITING: &[Waiting] = &[
    Waiting { class: b'q', what: "a recipient in the outbound queue", follows: queue::follows },
    Waiting { class: b'p', what: "a letter on paper", follows: print_jobs::follows },
    Waiting { class: b'c', what: "a scan", follows: scans::follows },
    Waiting { class: b'r', what: "a receipt", follows: receipts::follows },
    Waiting { class: b'e', what: "a receipt for later", follows: receipts::follows },
    Waiting { class: b'R', what: "a handing over", follows: receipts::handed_follows },
];

impl Rebuilding<'_> {
    /// Counts references and fills the indices; what is of no use without its body goes.
    pub(super) fn derive_queues(&mut self) -> Result<()> {
        for waiting in WAITING {
            let mut pages = Pages::of(&[waiting.class]);
            loop {
                let rows = pages.next(&mut self.fresh)?;
                if rows.is_empty() {
                    break;
                }
                for (key, row) in rows {
                    self.waiting(waiting, key, row)?;
                }
            }
        }
        self.drop_orphans()
    }

    fn waiting(&mut self, waiting: &Waiting, key: Vec<u8>, row: Vec<u8>) -> Result<()> {
        let named = |what: &str| format!("{} ({}): {what}", waiting.what, shown_item(&key));
        let row = row::opened(self.vault.as_ref(), &key, row);
        let Ok(Follows { bodies, records, index }) = (waiting.follows)(&key, &row) else {
            self.lost(named("its row is damaged"));
            return self.fresh.delete(key);
        };
        let mut is_whole = true;
        for place in records {
            is_whole &= self.is_there(place)?;
        }
        for body in &bodies {
            is_whole &= self.place_of(*body)?.is_some();
        }
        if !is_whole {
            self.lost(named("its text is in no pack"));
            return self.fresh.delete(key);
        }
        for body in bodies {
            self.reference(body)?;
        }
        index.into_iter().try_for_each(|entry| self.fresh.put(entry, Vec::new()))?;
        let count = match waiting.class {
            b'q' => &mut self.found.queued,
            b'p' => &mut self.found.print_jobs,
            b'c' => &mut self.found.scans,
            _ => return Ok(()),
        };
        *count += 1;
        Ok(())
    }

    /// Numbers of letters that were lost, and messages about events that were.
    fn drop_orphans(&mut self) -> Result<()> {
        self.fresh.each(b"I", |fresh, key, row| {
            let item = row.last_chunk().map(|item| ItemId(u128::from_be_bytes(*item)));
            let is_there = match item {
                Some(item) => fresh.get(&keys::print_job(item))?.is_some(),
                None => false,
            };
            if is_there { Ok(()) } else { fresh.delete(key.to_vec()) }
        })?;
        self.fresh.each(b"o", |fresh, key, _| {
            let event = Key::of(b'i').raw(key.get(1..).unwrap_or_default()).done();
            if fresh.get(&event)?.is_some() { Ok(()) } else { fresh.delete(key.to_vec()) }
        })
    }
}

/// The item in a key of these classes: its first field, or that behind the shard, the due time or the account.
fn shown_item(key: &[u8]) -> String {
    let at = match key.first() {
        Some(b'q') => 3,
        Some(b'r' | b'e' | b'R') => 9,
        _ => 1,
    };
    let item = key.get(at..).and_then(|rest| rest.first_chunk());
    item.map_or_else(|| "unknown".into(), |item| ItemId(u128::from_be_bytes(*item)).to_string())
}
