//! Bundles of letters for print centres, each closed with a numbered plomb (P10).
//!
//! | class | key | value |
//! |---|---|---|
//! | `G` | 1, centre | how many bundles it was given |
//! | `G` | 2, centre, number | a bundle: its plomb and what is in it |

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;

use super::check::{Claims, bad_key};
use super::commit::counter;
use super::keys::{self, Key};
use super::{Batch, Hole, Result, Slot, View, payments, rows};

const VERSION: u8 = 1;

/// A bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintBatch {
    /// The print centre.
    pub centre: String,
    /// P10: what the two sides of its sealing pliers show, letters before digits.
    pub plomb: String,
    /// The pliers, in the device registry.
    pub device: String,
    /// P9: the device of the «Сақтандыру» seal, where a letter with declared value is in it.
    pub insurance_seal: Option<String>,
    /// When it was closed, microseconds since 1970.
    pub sealed_us: i64,
    /// What is in it.
    pub letters: Vec<BatchLetter>,
}

/// A letter in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchLetter {
    /// The item.
    pub item: ItemId,
    /// Its S10 number.
    pub s10: String,
    /// Its class.
    pub class: String,
    /// SHA-256 of its document.
    pub sha256: [u8; 32],
    /// Its sheets.
    pub sheets: u32,
    /// The fence of the lease with which it was given.
    pub fence: u64,
}

fn counter_key(centre: &str) -> Vec<u8> {
    Key::of(keys::LEDGER).u8(keys::LEDGER_BATCHES_COUNT).text(centre).done()
}

fn batch_key(centre: &str) -> Key {
    Key::of(keys::LEDGER).u8(keys::LEDGER_BATCHES).text(centre)
}

/// Adds a bundle; the slot is its number at its centre.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_print_batch(batch: &mut Batch, bundle: &PrintBatch) -> Result<Slot> {
    let number = batch.allocate(counter_key(&bundle.centre), 1);
    batch.put(batch_key(&bundle.centre).hole(Hole::U64(number, 0)), rows::encode(VERSION, bundle)?);
    Ok(number)
}

impl View<'_> {
    /// A bundle of a centre.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_batch(&self, centre: &str, number: u64) -> Result<Option<PrintBatch>> {
        self.get(&batch_key(centre).u64(number).done())?.map(|row| rows::decode(VERSION, &row)).transpose()
    }
}

/// Reads a row of the ledger, whichever it is.
pub(super) fn inspect_ledger(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    match key.get(1).copied() {
        Some(keys::LEDGER_TERMS) => payments::inspect_terms(view, key, row),
        Some(keys::LEDGER_BATCHES_COUNT) => counter(Some(row)).map(|_| Claims::default()),
        Some(keys::LEDGER_BATCHES) => inspect(view, key, row),
        _ => Err(bad_key("the ledger")),
    }
}

/// Whether a bundle's number was given out, and its letters are there.
fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let bundle: PrintBatch = rows::decode(VERSION, row)?;
    let number = key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number));
    let number = number.filter(|number| batch_key(&bundle.centre).u64(*number).done() == key);
    let number = number.ok_or_else(|| bad_key("a bundle for a print centre"))?;
    let mut claims = Claims::default();
    let given = u64::try_from(view.counter(&counter_key(&bundle.centre))?).unwrap_or(0);
    claims.require(number <= given, || format!("bundle {number} of {:?} is beyond the counter", bundle.centre));
    for letter in &bundle.letters {
        let is_there = view.print_job(letter.item)?.is_some_and(|stored| stored.job.s10 == letter.s10);
        claims.require(is_there, || {
            format!("bundle {number} of {:?} has {:?} in it, which is not there", bundle.centre, letter.item)
        });
    }
    Ok(claims)
}
