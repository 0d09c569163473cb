//! Bundles of letters for print centres, each closed with a numbered plomb (P10) and, where the centre has the seal,
//! sealed (P9).
//!
//! | class | key | value |
//! |---|---|---|
//! | `G` | 1, centre | how many bundles it was given |
//! | `G` | 2, centre, number | a bundle: its plomb, its marks, how many letters are in it |
//! | `G` | 4, centre, number, place | a letter that is in it |

use serde::{Deserialize, Serialize};

use crate::ids::ItemId;

use super::check::{Claims, bad_key};
use super::commit::counter;
use super::keys::{self, Key};
use super::{Batch, Result, Slot, View, payments, rows};

const VERSION: u8 = 2;

/// Letters stood in the row of their bundle, and bundles had no marks.
const OLD_VERSION: u8 = 1;

/// A bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintBatch {
    /// What it is called, and what it is closed with.
    pub head: BatchHead,
    /// What is in it.
    pub letters: Vec<BatchLetter>,
}

/// A bundle without its letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHead {
    /// The print centre.
    pub centre: String,
    /// Its number there.
    pub number: u64,
    /// The number of its manifest among all documents; none of bundles from before manifests had marks.
    pub id: Option<ItemId>,
    /// P10: what the two sides of the centre's sealing pliers show, letters before digits.
    pub plomb: String,
    /// The pliers, in the device registry.
    pub device: String,
    /// P9: the «Сақтандыру» seal, where the centre has one.
    pub insurance: Option<InsuranceSeal>,
    /// When it was closed, microseconds since 1970.
    pub sealed_us: i64,
    /// P18, P9: the marks of its manifest, the newest first: fields, unfolded.
    pub marks: Vec<String>,
    /// How many letters are in it.
    pub letters: u32,
}

/// P9: a stroke of the «Сақтандыру» seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsuranceSeal {
    /// The seal, in the device registry.
    pub device: String,
    /// What is engraved on it.
    pub engraving: String,
    /// The number of the stroke, where it was made.
    pub number: Option<u64>,
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
    /// Bytes of its document.
    pub bytes: u64,
    /// Its sheets.
    pub sheets: u32,
    /// The fence of the lease with which it was given.
    pub fence: u64,
}

#[derive(Deserialize)]
struct OldBatch {
    centre: String,
    plomb: String,
    device: String,
    insurance_seal: Option<String>,
    sealed_us: i64,
    letters: Vec<OldLetter>,
}

#[derive(Deserialize)]
struct OldLetter {
    item: ItemId,
    s10: String,
    class: String,
    sha256: [u8; 32],
    sheets: u32,
    fence: u64,
}

fn counter_key(centre: &str) -> Vec<u8> {
    Key::of(keys::LEDGER).u8(keys::LEDGER_BATCHES_COUNT).text(centre).done()
}

fn batch_key(centre: &str, number: u64) -> Vec<u8> {
    Key::of(keys::LEDGER).u8(keys::LEDGER_BATCHES).text(centre).u64(number).done()
}

fn letters_key(centre: &str, number: u64) -> Key {
    Key::of(keys::LEDGER).u8(keys::LEDGER_BATCH_LETTERS).text(centre).u64(number)
}

/// Takes the next number of a centre's bundles; the slot is it. One that is not used is used by no other bundle.
pub fn take_batch_number(batch: &mut Batch, centre: &str) -> Slot {
    batch.allocate(counter_key(centre), 1)
}

/// Adds a bundle.
///
/// # Errors
/// It cannot be written as rows.
pub fn add_print_batch(batch: &mut Batch, bundle: &PrintBatch) -> Result<()> {
    let BatchHead { centre, number, .. } = &bundle.head;
    batch.put(batch_key(centre, *number), rows::encode(VERSION, &bundle.head)?);
    for (place, letter) in (0u32..).zip(&bundle.letters) {
        batch.put(letters_key(centre, *number).u32(place).done(), rows::encode(VERSION, letter)?);
    }
    Ok(())
}

impl View<'_> {
    /// A bundle of a centre.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn print_batch(&self, centre: &str, number: u64) -> Result<Option<PrintBatch>> {
        let Some(row) = self.get(&batch_key(centre, number))? else { return Ok(None) };
        if row.first() == Some(&OLD_VERSION) {
            return rows::decode(OLD_VERSION, &row).map(|old: OldBatch| Some(old.bundle(number)));
        }
        let head: BatchHead = rows::decode(VERSION, &row)?;
        let prefix = letters_key(centre, number).done();
        let letters =
            self.range(&prefix, &keys::after(&prefix), usize::try_from(head.letters).unwrap_or(usize::MAX))?;
        let letters = letters.iter().map(|(_, row)| rows::decode(VERSION, row)).collect::<Result<_>>()?;
        Ok(Some(PrintBatch { head, letters }))
    }
}

impl OldBatch {
    fn bundle(self, number: u64) -> PrintBatch {
        let seal = |device| InsuranceSeal { device, engraving: String::new(), number: None };
        let letter = |old: OldLetter| {
            let OldLetter { item, s10, class, sha256, sheets, fence } = old;
            BatchLetter { item, s10, class, sha256, bytes: 0, sheets, fence }
        };
        PrintBatch {
            head: BatchHead {
                centre: self.centre,
                number,
                id: None,
                plomb: self.plomb,
                device: self.device,
                insurance: self.insurance_seal.map(seal),
                sealed_us: self.sealed_us,
                marks: Vec::new(),
                letters: u32::try_from(self.letters.len()).unwrap_or(u32::MAX),
            },
            letters: self.letters.into_iter().map(letter).collect(),
        }
    }
}

/// Reads a row of the ledger, whichever it is.
pub(super) fn inspect_ledger(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    match key.get(1).copied() {
        Some(keys::LEDGER_TERMS) => payments::inspect_terms(view, key, row),
        Some(keys::LEDGER_BATCHES_COUNT) => counter(Some(row)).map(|_| Claims::default()),
        Some(keys::LEDGER_BATCHES) => inspect(view, key, row),
        Some(keys::LEDGER_BATCH_LETTERS) => inspect_letter(view, key, row),
        _ => Err(bad_key("the ledger")),
    }
}

/// Whether a bundle's number was given out, and its letters are there.
fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let centre = match row.first() {
        Some(&OLD_VERSION) => rows::decode::<OldBatch>(OLD_VERSION, row)?.centre,
        _ => rows::decode::<BatchHead>(VERSION, row)?.centre,
    };
    let number = key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number));
    let number = number.filter(|number| batch_key(&centre, *number) == key);
    let number = number.ok_or_else(|| bad_key("a bundle for a print centre"))?;
    let mut claims = Claims::default();
    let given = u64::try_from(view.counter(&counter_key(&centre))?).unwrap_or(0);
    claims.require(number <= given, || format!("bundle {number} of {centre:?} is beyond the counter"));
    let Some(PrintBatch { head, letters }) = view.print_batch(&centre, number)? else { return Ok(claims) };
    let is_whole = head.number == number && u32::try_from(letters.len()) == Ok(head.letters);
    claims.require(is_whole, || format!("bundle {number} of {centre:?} has not the letters that it says"));
    for letter in &letters {
        let is_there = view.print_job(letter.item)?.is_some_and(|stored| stored.job.s10 == letter.s10);
        claims.require(is_there, || {
            format!("bundle {number} of {centre:?} has {:?} in it, which is not there", letter.item)
        });
    }
    Ok(claims)
}

/// Whether a letter of a bundle can be read, and its bundle is there.
fn inspect_letter(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<BatchLetter>(VERSION, row)?;
    let wrong = || bad_key("a letter in a bundle for a print centre");
    // Behind its two bytes of class the key of the bundle is the same; the place in it is four bytes.
    let of = key.get(2..key.len().saturating_sub(4)).ok_or_else(wrong)?;
    let head = [&[keys::LEDGER, keys::LEDGER_BATCHES], of].concat();
    let mut claims = Claims::default();
    claims.require(view.get(&head)?.is_some(), || "a letter is in a bundle that is not there".to_owned());
    Ok(claims)
}
