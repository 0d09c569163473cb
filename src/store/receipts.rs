//! Receipts: what senders are still to hear of their letters, and which letters were handed over (P6, P18).
//!
//! Three kinds of rows. One that is *owed* (class `r`) stands in the commit of what it tells of and goes in the commit
//! that accepts the receipt, so that a crash neither loses nor doubles one. One that is *awaited* (class `e`) becomes
//! an owed one when its letter is handed over or arrives on paper. One that is *handed* (class `R`) says that an
//! addressee has fetched a letter, in whichever folder it lies; under the bare account it says that the user lets
//! senders know.
//!
//! A row names the records that its receipt is written from: the prefixes of the message, its header, and a mark that
//! is in no message. They are sealed as the letter is, and stay as long as the row does.

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::rebuild::Follows;
use super::{
    Batch, DataKey, Error, Hole, Owner, Precondition, RecordRef, RecordSlot, Result, Template, Topic, View, WrappedKey,
    rows,
};
use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::{AccountId, BodyId, EmailId, ImpressionId, ItemId};

const VERSION: u8 = 1;

const OWED: u8 = b'r';
const AWAITED: u8 = b'e';
const HANDED: u8 = b'R';

/// Where in a row of class `r` or `e` the places of its records stand.
pub(super) const PLACES: [usize; 4] = [1, 17, 33, 49];

/// Where in a row of class `R` the place of the mark stands.
pub(super) const MARK_PLACE: [usize; 1] = [1];

/// What a receipt tells of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Stage {
    /// The letter was accepted.
    Accepted = 1,
    /// It was delivered to a recipient.
    Delivered = 2,
    /// It was handed over to its addressee.
    Handed = 3,
    /// It came back.
    Returned = 4,
}

impl Stage {
    /// The stage that keys have under this number.
    pub(super) fn numbered(number: u8) -> Option<Self> {
        [Stage::Accepted, Stage::Delivered, Stage::Handed, Stage::Returned]
            .into_iter()
            .find(|stage| *stage as u8 == number)
    }
}

/// Names a receipt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReceiptId {
    /// The letter.
    pub item: ItemId,
    /// The recipient's number in its envelope.
    pub recipient: u32,
    /// What it tells of.
    pub stage: Stage,
}

/// Where a letter went that something is awaited of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party {
    /// To paper.
    Paper,
    /// To the mailbox of this account.
    Mailbox(AccountId),
}

/// Where a record lies, or will lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// There is none.
    #[default]
    Nowhere,
    /// There.
    At(RecordRef),
    /// In the batch.
    Written(RecordSlot),
}

/// The records that a receipt is written from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Places {
    /// The prefix of the recipient's copy: its receipt and delivery. Of a letter on paper, which has none, the mark of
    /// what happened.
    pub recipient: Place,
    /// The prefix of all copies: the acceptance.
    pub item: Place,
    /// The header of the letter as its sender wrote it.
    pub header: Place,
    /// A mark that stands in no message: the fields of it, as a message would have them.
    pub mark: Place,
}

/// What a receipt says besides what stands in those records.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Details {
    /// Who gets it.
    pub to: Address,
    /// The recipient that it is about: an address, or where the letter went on paper.
    pub recipient: String,
    /// The type of that (RFC 3464 §2.3.2): `rfc822` or `x-postal`.
    pub address_type: String,
    /// ORCPT of the sender (RFC 3461).
    pub original_recipient: Option<String>,
    /// ENVID of the sender (RFC 3461).
    pub envelope_id: Option<String>,
    /// Message-ID of the letter, without brackets.
    pub message_id: Option<String>,
    /// The S10 number of a letter on paper.
    pub s10: Option<String>,
    /// When the letter was accepted, milliseconds since 1970.
    pub accepted_ms: u64,
    /// When what it tells of happened, milliseconds since 1970.
    pub happened_ms: u64,
    /// Why, of what has a reason.
    pub reason: Option<String>,
    /// The recipient's number in the envelope of the letter.
    pub number: u32,
    /// Whether the sender wants to hear of a delivery; of what is awaited.
    pub success: bool,
    /// Whether the sender wants to hear of a failure; of what is awaited.
    pub failure: bool,
    /// It is told only while the addressee agrees (M7).
    pub by_consent: bool,
}

/// The key of the letter, where it is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Opener {
    /// The body that the key is of.
    pub body: BodyId,
    /// The key, for the system.
    pub key: Option<WrappedKey>,
}

/// A receipt that is still to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owed {
    /// Its name.
    pub id: ReceiptId,
    /// When it is due, milliseconds since 1970.
    pub due_ms: u64,
    /// Where its records lie, in the order of [`Places`].
    pub records: [RecordRef; 4],
    /// What opens them.
    pub opener: Opener,
    /// What it says.
    pub details: Details,
    stored: Vec<u8>,
}

/// What a receipt becomes of when something happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Awaited {
    /// The letter.
    pub item: ItemId,
    /// Where its records lie, in the order of [`Places`].
    pub records: [RecordRef; 4],
    /// What opens them.
    pub opener: Opener,
    /// What the receipt will say.
    pub details: Details,
    key: Vec<u8>,
    stored: Vec<u8>,
}

/// A letter that its addressee has fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handed {
    /// The impression that says so.
    pub impression: ImpressionId,
    /// When it was made.
    pub at: Timestamp,
    mark: RecordRef,
    body: BodyId,
    data_key: Option<WrappedKey>,
}

/// Puts into the batch that a receipt is to be written.
///
/// # Errors
/// The row cannot be encoded.
pub fn owe(
    batch: &mut Batch,
    receipt: (ReceiptId, u64),
    places: Places,
    opener: Opener,
    details: &Details,
) -> Result<()> {
    let (id, due_ms) = receipt;
    batch.put(owed_key(id, due_ms), template(places, opener, details)?);
    batch.publish(Topic::Receipts);
    Ok(())
}

/// Puts into the batch that the sender is to hear when the letter is handed over or arrives.
///
/// # Errors
/// The row cannot be encoded.
pub fn await_news(
    batch: &mut Batch,
    letter: (Party, ItemId),
    places: Places,
    opener: Opener,
    details: &Details,
) -> Result<()> {
    batch.put(awaited_key(letter.0, letter.1), template(places, opener, details)?);
    Ok(())
}

/// Puts into the batch that an addressee has fetched a letter; the batch fails when that is there already. `mark` is
/// the record of its fields.
///
/// # Errors
/// The row cannot be encoded.
pub fn hand_over(
    batch: &mut Batch,
    copy: (AccountId, EmailId),
    mark: RecordSlot,
    opener: (BodyId, Option<WrappedKey>),
    impression: (ImpressionId, Timestamp),
) -> Result<()> {
    let key = handed_key(copy.0, copy.1);
    batch.require(Precondition::Absent(key.clone()));
    let rest = rows::encode(VERSION, &(impression.0, impression.1.as_microsecond(), opener.0, opener.1))?;
    batch.put(key, Template::from(vec![VERSION]).hole(Hole::Record(mark)).bytes(&rest));
    Ok(())
}

/// Whether senders may hear that a user has fetched their letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// The user agrees.
    Given,
    /// Nobody hears (M7), but of what is registered or official.
    Withheld,
}

/// Puts into the batch what the user decided.
pub fn decide(batch: &mut Batch, account: AccountId, consent: Consent) {
    let key = Key::of(HANDED).u64(account.0).done();
    match consent {
        Consent::Given => batch.put(key, vec![VERSION]),
        Consent::Withheld => batch.delete(key),
    }
}

impl Owed {
    /// The receipt was written, or there is nobody to get it.
    pub fn settle(&self, batch: &mut Batch) {
        let key = owed_key(self.id, self.due_ms);
        batch.require(Precondition::Equals(key.clone(), self.stored.clone()));
        batch.delete(key);
    }

    /// It is tried again then.
    pub fn postpone(&self, batch: &mut Batch, due_ms: u64) {
        self.settle(batch);
        batch.put(owed_key(self.id, due_ms), self.stored.clone());
    }
}

impl Awaited {
    /// Nothing will be heard of it any more, or all of it was.
    pub fn end(&self, batch: &mut Batch) {
        batch.require(Precondition::Equals(self.key.clone(), self.stored.clone()));
        batch.delete(self.key.clone());
    }

    /// Its records, with the mark of what happened. Paper has no copy with a prefix, so that mark takes its place; the
    /// mark in no message stays what it was, the acceptance for the receipt (P24).
    #[must_use]
    pub fn places(&self, event: Place) -> Places {
        let [_, item, header, mark] = self.records.map(Place::At);
        Places { recipient: event, item, header, mark }
    }
}

impl Handed {
    /// The fields of its mark, as a message would have them.
    ///
    /// # Errors
    /// As [`View::record`].
    pub fn mark(&self, view: &View<'_>) -> Result<Vec<u8>> {
        let key = view.data_key(self.body, self.data_key.as_ref())?;
        Ok(view.record(self.mark, key.as_ref())?.to_vec())
    }
}

impl View<'_> {
    /// Up to `limit` receipts that are due at `now_ms`, behind `after`, the longest waiting first.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn owed_receipts(&self, now_ms: u64, after: Option<&Owed>, limit: usize) -> Result<Vec<Owed>> {
        let from = after.map_or_else(|| vec![OWED], |owed| keys::after(&owed_key(owed.id, owed.due_ms)));
        let to = Key::of(OWED).u64(now_ms.saturating_add(1)).done();
        self.range(&from, &to, limit)?.into_iter().map(|(key, stored)| decode_owed(&key, stored)).collect()
    }

    /// When the next receipt behind those of `now_ms` is due, milliseconds since 1970.
    ///
    /// # Errors
    /// Engine.
    pub fn next_owed_receipt(&self, now_ms: u64) -> Result<Option<u64>> {
        let from = Key::of(OWED).u64(now_ms.saturating_add(1)).done();
        let rows = self.range(&from, &keys::after(&[OWED]), 1)?;
        Ok(rows.first().and_then(|(key, _)| due_of(key)))
    }

    /// What is awaited of a letter.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn awaited(&self, party: Party, item: ItemId) -> Result<Option<Awaited>> {
        let key = awaited_key(party, item);
        let Some(stored) = self.get(&key)? else { return Ok(None) };
        let (records, opener, details) = decode(&stored)?;
        Ok(Some(Awaited { item, records, opener, details, key, stored }))
    }

    /// Whether, and when, an addressee has fetched a letter.
    ///
    /// # Errors
    /// Engine, or a damaged row.
    pub fn handed(&self, account: AccountId, email: EmailId) -> Result<Option<Handed>> {
        self.get(&handed_key(account, email))?.map(|row| decode_handed(&row)).transpose()
    }

    /// Whether senders may hear that this user has fetched their letters.
    ///
    /// # Errors
    /// Engine.
    pub fn consent(&self, account: AccountId) -> Result<Consent> {
        let row = self.get(&Key::of(HANDED).u64(account.0).done())?;
        Ok(if row.is_some() { Consent::Given } else { Consent::Withheld })
    }

    /// The key of a letter that is there, for one more who may read it.
    ///
    /// # Errors
    /// As [`View::data_key`].
    pub fn opener_for_system(&self, body: BodyId, key: Option<&DataKey>) -> Result<Opener> {
        Ok(Opener { body, key: self.wrapped_for(body, key, Owner::System)? })
    }

    /// Up to `limit` keys of what is known of the letters of an account.
    pub(super) fn receipt_rows_of(&self, account: AccountId, limit: usize) -> Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for class in [AWAITED, HANDED] {
            let from = Key::of(class).u64(account.0).done();
            let rows = self.range(&from, &keys::after(&from), limit.saturating_sub(found.len()))?;
            found.extend(rows.into_iter().map(|(key, _)| key));
        }
        Ok(found)
    }
}

fn owed_key(id: ReceiptId, due_ms: u64) -> Vec<u8> {
    Key::of(OWED).u64(due_ms).item(id.item).u32(id.recipient).u8(id.stage as u8).done()
}

/// No account has the number 0.
fn awaited_key(party: Party, item: ItemId) -> Vec<u8> {
    let party = match party {
        Party::Paper => 0,
        Party::Mailbox(account) => account.0,
    };
    Key::of(AWAITED).u64(party).item(item).done()
}

fn handed_key(account: AccountId, email: EmailId) -> Vec<u8> {
    Key::of(HANDED).u64(account.0).raw(&email.to_bytes()).done()
}

fn template(places: Places, opener: Opener, details: &Details) -> Result<Template> {
    let mut row = Template::from(vec![VERSION]);
    for place in [places.recipient, places.item, places.header, places.mark] {
        row = match place {
            Place::Nowhere => row.bytes(&RecordRef::default().to_bytes()),
            Place::At(place) => row.bytes(&place.to_bytes()),
            Place::Written(slot) => row.hole(Hole::Record(slot)),
        };
    }
    Ok(row.bytes(&rows::encode(VERSION, &(opener, details))?))
}

fn decode(stored: &[u8]) -> Result<([RecordRef; 4], Opener, Details)> {
    let mut records = [RecordRef::default(); 4];
    let mut rest = match stored.split_first() {
        Some((&VERSION, rest)) => rest,
        _ => return Err(Error::Damaged("row of a receipt".into())),
    };
    for record in &mut records {
        let (place, behind) =
            rest.split_first_chunk().ok_or_else(|| Error::Damaged("row of a receipt is too short".into()))?;
        (*record, rest) = (RecordRef::from_bytes(*place), behind);
    }
    let (opener, details) = rows::decode(VERSION, rest)?;
    Ok((records, opener, details))
}

fn decode_owed(key: &[u8], stored: Vec<u8>) -> Result<Owed> {
    let (id, due_ms) = receipt_of(key).ok_or_else(|| bad_key("a receipt"))?;
    let (records, opener, details) = decode(&stored)?;
    Ok(Owed { id, due_ms, records, opener, details, stored })
}

fn decode_handed(row: &[u8]) -> Result<Handed> {
    let (mark, rest) = rows::split_place(VERSION, row)?;
    let (impression, at_us, body, data_key): (_, i64, _, _) = rows::decode(VERSION, rest)?;
    let at = Timestamp::from_microsecond(at_us).map_err(|_| Error::Damaged("instant of a handing over".into()))?;
    Ok(Handed { impression, at, mark, body, data_key })
}

fn due_of(key: &[u8]) -> Option<u64> {
    key.get(1..9)?.try_into().ok().map(u64::from_be_bytes)
}

fn receipt_of(key: &[u8]) -> Option<(ReceiptId, u64)> {
    let due_ms = due_of(key)?;
    let (item, rest) = key.get(9..)?.split_first_chunk::<16>()?;
    let (recipient, stage) = rest.split_first_chunk::<4>()?;
    let [stage] = stage else { return None };
    let stage = Stage::numbered(*stage)?;
    let id = ReceiptId { item: ItemId(u128::from_be_bytes(*item)), recipient: u32::from_be_bytes(*recipient), stage };
    Some((id, due_ms))
}

/// What a row of class `r` or `e` names.
pub(super) fn follows(_: &[u8], stored: &[u8]) -> Result<Follows> {
    let (records, ..) = decode(stored)?;
    Ok(Follows { records: records.to_vec(), ..Follows::default() })
}

/// What a row of class `R` names.
pub(super) fn handed_follows(key: &[u8], row: &[u8]) -> Result<Follows> {
    if is_consent(key) {
        return Ok(Follows::default());
    }
    Ok(Follows { records: vec![decode_handed(row)?.mark], ..Follows::default() })
}

/// Whether a receipt that is owed can be read.
pub(super) fn inspect_owed(_: &View<'_>, key: &[u8], stored: &[u8]) -> Result<Claims> {
    let owed = decode_owed(key, stored.to_vec())?;
    Ok(claims(&owed.records, owed.opener))
}

/// Whether what is awaited can be read.
pub(super) fn inspect_awaited(_: &View<'_>, key: &[u8], stored: &[u8]) -> Result<Claims> {
    let (records, opener, _) = decode(stored)?;
    if key.len() == 25 { Ok(claims(&records, opener)) } else { Err(bad_key("an awaited receipt")) }
}

/// Whether a handing over, or a user's decision, can be read.
pub(super) fn inspect_handed(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    if is_consent(key) {
        let account = AccountId(due_of(key).unwrap_or_default());
        let mut claims = Claims::default();
        let is_there = view.get(&keys::account(account))?.is_some();
        claims.require(is_there, || format!("{account:?} lets senders know, and is not there"));
        return Ok(claims);
    }
    let handed = decode_handed(row)?;
    let mut claims = Claims { records: vec![handed.mark], ..Claims::default() };
    claims.opens(handed.body, handed.data_key);
    if key.len() == 25 { Ok(claims) } else { Err(bad_key("a handing over")) }
}

fn is_consent(key: &[u8]) -> bool {
    key.len() == 9
}

fn claims(records: &[RecordRef], opener: Opener) -> Claims {
    let records = records.iter().copied().filter(|place| !place.is_empty()).collect();
    let mut claims = Claims { records, ..Claims::default() };
    claims.opens(opener.body, opener.key);
    claims
}

#[cfg(test)]
mod tests;
