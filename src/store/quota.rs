//! How much an account may hold, and who is to be told that it is nearly full.
//!
//! What an account holds is counted in rows (class `A`), so nothing here is a scan. Limits are looked at by the
//! committer, who alone knows what the counters are when a batch's turn has come: however many letters arrive at
//! once, none passes the limit. The same batch that crosses the line of warning leaves a row that says so and an
//! entry in the queue of those who are to be told; the batch that brings the account below the line of calm takes
//! both away, so that the next crossing is told again. A crash between crossing and telling loses nothing.

use super::check::{Claims, bad_key};
use super::commit::counter;
use super::keys::{self, AccountCounter, Key};
use super::{Batch, Error, Precondition, Result, View};
use crate::ids::AccountId;

const CROSSED_VERSION: u8 = 1;
const UNTOLD_VERSION: u8 = 1;

/// What an account may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allowance {
    /// Bytes: the sum of RFC822.SIZE.
    pub bytes: Limit,
    /// Messages.
    pub messages: Limit,
}

/// How much of one thing an account may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limit {
    /// The most; `None` without a limit.
    pub most: Option<u64>,
    /// With more than this the user is to be warned.
    pub warn_above: Option<u64>,
    /// With no more than this all is well again.
    pub calm_at: u64,
}

/// What an account holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// The sum of RFC822.SIZE.
    pub bytes: u64,
    /// Messages.
    pub messages: u64,
}

/// One counter of an account with its limit: what the committer looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) account: AccountId,
    pub(super) counter: AccountCounter,
    pub(super) limit: Limit,
}

/// The row of a line that was crossed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Crossed {
    pub(super) line: u64,
    pub(super) calm_at: u64,
}

impl Limit {
    fn raised(self, by: u64) -> Self {
        Limit { most: self.most.map(|most| most.saturating_add(by)), ..self }
    }

    fn open(self) -> Self {
        Limit { most: None, ..self }
    }

    /// There is room for `more` beside `held`.
    pub(super) fn has_room(&self, held: u64, more: u64) -> bool {
        self.most.is_none_or(|most| held.saturating_add(more) <= most)
    }

    fn is_unwatched(&self) -> bool {
        self.most.is_none() && self.warn_above.is_none()
    }
}

impl Allowance {
    /// With so much more room, for what has to come in.
    #[must_use]
    pub fn raised(self, by: Usage) -> Self {
        Allowance { bytes: self.bytes.raised(by.bytes), messages: self.messages.raised(by.messages) }
    }

    /// For a letter that may be the last: a tenth of the limit may be exceeded by it.
    #[must_use]
    pub fn for_the_last(self, letter_bytes: u64) -> Self {
        let tenth = self.bytes.most.map_or(0, |most| most / 10);
        self.raised(Usage { bytes: letter_bytes.min(tenth), messages: 0 })
    }

    /// Everything may come in; the user is warned all the same.
    #[must_use]
    pub fn open(self) -> Self {
        Allowance { bytes: self.bytes.open(), messages: self.messages.open() }
    }

    /// There is room for so much more.
    #[must_use]
    pub fn has_room(&self, held: Usage, more: Usage) -> bool {
        self.bytes.has_room(held.bytes, more.bytes) && self.messages.has_room(held.messages, more.messages)
    }

    /// The account holds so much that its user is warned.
    #[must_use]
    pub fn warns_of(&self, held: Usage) -> bool {
        let above = |limit: Limit, held| limit.warn_above.is_some_and(|line| held > line);
        above(self.bytes, held.bytes) || above(self.messages, held.messages)
    }

    /// The batch, up to here, may bring the account no further than this; else it fails with `Error::OverQuota`.
    pub fn bound(&self, batch: &mut Batch, account: AccountId) {
        let limits = [(AccountCounter::Messages, self.messages), (AccountCounter::Bytes, self.bytes)];
        for (counter, limit) in limits.into_iter().filter(|(_, limit)| !limit.is_unwatched()) {
            batch.watch_counter(Watched { account, counter, limit });
        }
    }
}

/// Other limits hold from now on: what was crossed is looked at anew. Nothing is refused.
pub fn reconsider(batch: &mut Batch, account: AccountId, allowance: &Allowance) {
    for counter in WATCHED {
        batch.delete(keys::crossed(account, counter));
        batch.delete(keys::untold(account, counter));
    }
    allowance.open().bound(batch, account);
}

/// Takes an account out of the queue of those who are to be told. The commit fails with `Conflict` when it is
/// not in it any more.
pub fn told(batch: &mut Batch, account: AccountId, counters: &[AccountCounter]) {
    for counter in counters {
        let key = keys::untold(account, *counter);
        batch.require(Precondition::Present(key.clone()));
        batch.delete(key);
    }
}

/// The counters that have limits.
pub(super) const WATCHED: [AccountCounter; 2] = [AccountCounter::Messages, AccountCounter::Bytes];

impl Crossed {
    pub(super) fn encode(self) -> Vec<u8> {
        Key::of(CROSSED_VERSION).u64(self.line).u64(self.calm_at).done()
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self> {
        let fields = row.strip_prefix(&[CROSSED_VERSION]).and_then(|fields| fields.split_first_chunk::<8>());
        let fields = fields.and_then(|(line, calm_at)| Some((*line, *calm_at.first_chunk::<8>()?, calm_at.len())));
        match fields {
            Some((line, calm_at, 8)) => {
                Ok(Crossed { line: u64::from_be_bytes(line), calm_at: u64::from_be_bytes(calm_at) })
            }
            _ => Err(Error::Damaged("row of a crossed line".into())),
        }
    }
}

/// The row of somebody who is to be told.
pub(super) fn untold_row() -> Vec<u8> {
    vec![UNTOLD_VERSION]
}

impl View<'_> {
    /// What an account holds.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn usage(&self, account: AccountId) -> Result<Usage> {
        let counted = |kind| {
            let held = self.counter(&keys::account_counter(account, kind))?;
            u64::try_from(held).map_err(|_| Error::Damaged(format!("an account counter of {held}")))
        };
        Ok(Usage { bytes: counted(AccountCounter::Bytes)?, messages: counted(AccountCounter::Messages)? })
    }

    /// Up to `limit` entries of the queue of those who are to be told, by account.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn untold(&self, limit: usize) -> Result<Vec<(AccountId, AccountCounter)>> {
        let prefix = Key::of(keys::UNTOLD).done();
        let rows = self.range(&prefix, &keys::after(&prefix), limit)?;
        rows.iter().map(|(key, _)| account_and_counter(key)).collect()
    }
}

/// A crossed line stands alone: what the account holds now may be on either side of it.
pub(super) fn inspect_crossed(_: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    account_and_counter(key)?;
    Crossed::decode(row)?;
    Ok(Claims::default())
}

/// Whether one who is to be told crossed a line.
pub(super) fn inspect_untold(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let (account, kind) = account_and_counter(key)?;
    if row != untold_row() {
        return Err(Error::Damaged("row of one who is to be told".into()));
    }
    let mut claims = Claims::default();
    let has_crossed = view.get(&keys::crossed(account, kind))?.is_some();
    claims.require(has_crossed, || format!("{account:?} is to be told of a line that it did not cross"));
    Ok(claims)
}

fn account_and_counter(key: &[u8]) -> Result<(AccountId, AccountCounter)> {
    let fields = key.get(1..).and_then(|fields| fields.split_first_chunk::<8>());
    let kind = |byte: u8| WATCHED.into_iter().find(|kind| *kind as u8 == byte);
    match fields {
        Some((account, [byte])) => kind(*byte).map(|kind| (AccountId(u64::from_be_bytes(*account)), kind)),
        _ => None,
    }
    .ok_or_else(|| bad_key("a crossed line"))
}

/// What a counter row says, for limits: never below zero.
pub(super) fn held(row: Option<&[u8]>) -> Result<u64> {
    Ok(u64::try_from(counter(row)?).unwrap_or(0))
}

#[cfg(test)]
mod tests;
