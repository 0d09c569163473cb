//! What was paid for letters on paper, and on what terms accounts pay.
//!
//! | class | key | value |
//! |---|---|---|
//! | `j` | item | what was paid for it, and the mark for its receipt |
//! | `G` | 3, account | on what terms the account pays |

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, ItemId};
use crate::postal::{PaymentState, SignHash, Tiyn};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Precondition, Result, View, rows};

const VERSION: u8 = 1;

/// What was paid for an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemPayment {
    /// What it costs.
    pub price: Tiyn,
    /// Paid by signs: their values together.
    pub by_signs: Tiyn,
    /// Taken from the balance of the account.
    pub by_balance: Tiyn,
    /// To be paid by contract.
    pub by_contract: Tiyn,
    /// P7: what its addressee is to pay.
    pub due: Tiyn,
    /// Paid, underpaid, unpaid.
    pub state: PaymentState,
    /// The signs that were cancelled.
    pub signs: Vec<SignHash>,
    /// P24: of an item whose own mark has the date of a letter box, the mark that its receipt bears instead.
    pub receipt: Option<ReceiptMark>,
}

/// An acceptance that stands on a receipt and not on the item: signed, numbered and in the log as all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptMark {
    /// The fields `Postal-Mark` and `Postal-Mark-Text`, folded, each with its final CRLF. Older rows have the first
    /// alone.
    pub header: String,
    /// The inscription in one line, for people.
    pub line: String,
    /// The facility, and its device: with the instant and the ids of item and impression they make the impression again
    /// ([`crate::postal::Impression::make`]), for who draws it.
    pub facility: String,
    /// Its device.
    pub device: String,
    /// Id of the impression.
    pub impression: crate::ids::ImpressionId,
    /// When it was made, seconds since 1970.
    pub instant_s: i64,
}

/// On what terms an account pays for letters on paper.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// By contract or in advance.
    pub way: OwnWay,
    /// What it has paid in advance.
    pub balance: Tiyn,
}

/// How an account pays.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OwnWay {
    /// As all accounts without terms of their own.
    #[default]
    AsConfigured,
    /// M3: by the contract with this number, afterwards, everything.
    Contract(String),
    /// In advance.
    Prepaid,
}

/// Terms as they were read: what a change is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StoredTerms {
    /// The terms.
    pub terms: Terms,
    row: Option<Vec<u8>>,
}

fn payment_key(item: ItemId) -> Vec<u8> {
    Key::of(b'j').item(item).done()
}

fn terms_key(account: AccountId) -> Vec<u8> {
    Key::of(keys::LEDGER).u8(keys::LEDGER_TERMS).u64(account.0).done()
}

/// Says what was paid for a new item.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_item_payment(batch: &mut Batch, item: ItemId, payment: &ItemPayment) -> Result<()> {
    batch.put(payment_key(item), rows::encode(VERSION, payment)?);
    Ok(())
}

impl StoredTerms {
    /// Sets the terms; the batch fails with `Conflict` if they have changed since they were read.
    ///
    /// # Errors
    /// They cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, account: AccountId, new: &Terms) -> Result<()> {
        let key = terms_key(account);
        batch.require(match &self.row {
            Some(row) => Precondition::Equals(key.clone(), row.clone()),
            None => Precondition::Absent(key.clone()),
        });
        batch.put(key, rows::encode(VERSION, new)?);
        Ok(())
    }
}

impl View<'_> {
    /// What was paid for an item.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn item_payment(&self, item: ItemId) -> Result<Option<ItemPayment>> {
        self.get(&payment_key(item))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }

    /// On what terms an account pays.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn payment_terms(&self, account: AccountId) -> Result<StoredTerms> {
        let row = self.get(&terms_key(account))?;
        let terms = row.as_ref().map(|row| rows::decode(VERSION, row)).transpose()?;
        Ok(StoredTerms { terms: terms.unwrap_or_default(), row })
    }
}

/// Whether what was paid is the price, and every sign says that it paid for the item.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let payment: ItemPayment = rows::decode(VERSION, row)?;
    let item = key.get(1..).and_then(|item| item.try_into().ok()).map(|item| ItemId(u128::from_be_bytes(item)));
    let item = item.ok_or_else(|| bad_key("what was paid for an item"))?;
    let mut claims = Claims::default();
    for hash in &payment.signs {
        let sign = view.payment_sign(hash)?;
        let is_used = sign.is_some_and(|sign| sign.sign.standing == crate::postal::Standing::Cancelled(item));
        claims.require(is_used, || format!("{item:?} was paid by sign {hash}, which does not say so"));
    }
    let sum: Tiyn = [payment.by_signs, payment.by_balance, payment.by_contract, payment.due].into_iter().sum();
    claims.require(sum >= payment.price, || format!("of the price of {item:?} a part is nowhere"));
    Ok(claims)
}

/// Whether terms can be read.
pub(super) fn inspect_terms(_: &View<'_>, _: &[u8], row: &[u8]) -> Result<Claims> {
    rows::decode::<Terms>(VERSION, row).map(|_| Claims::default())
}
