//! Where each mailbox is on its way into the unified base (M23).
//!
//! A mailbox that was made by command has no row before its user first signs in: its account row says when it was
//! made. That a mailbox has left follows from its account, so that closing costs nothing here and cannot be forgotten.

use serde::{Deserialize, Serialize};

use super::accounts::{Account, State};
use super::check::{Claims, bad_key};
use super::keys::Key;
use super::{Batch, Error, Precondition, Result, View, rows};
use crate::clock::Timestamp;
use crate::identity::base::{Beginning, Entry, Filed, Standing, Step};
use crate::ids::AccountId;

const VERSION: u8 = 1;

/// Class of the rows.
const CLASS: u8 = b'B';

/// A row; instants are microseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Row {
    applied_us: Option<i64>,
    accepted_us: Option<i64>,
    created_us: i64,
    authorised_us: Option<i64>,
    entered_us: Option<i64>,
}

/// The way of one mailbox, as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredStanding {
    /// How far it has come.
    pub standing: Standing,
    /// What stands in the row, if there is one.
    row: Option<Row>,
}

/// M15, M23: a mailbox was made from an application. Stands in the batch that makes the account.
///
/// # Errors
/// It cannot be written as a row.
pub fn created(batch: &mut Batch, account: AccountId, beginning: Beginning) -> Result<()> {
    let key = key(account);
    batch.require(Precondition::Absent(key.clone()));
    batch.put(key, rows::encode(VERSION, &Row::of(&Standing::Created(beginning)))?);
    Ok(())
}

impl StoredStanding {
    /// The mailbox has come further; the commit fails with `Conflict` when somebody else was faster.
    ///
    /// # Errors
    /// A row cannot be encoded.
    pub fn advance(&self, batch: &mut Batch, account: AccountId, to: &Standing) -> Result<()> {
        let key = key(account);
        batch.require(match &self.row {
            Some(row) => Precondition::Equals(key.clone(), rows::encode(VERSION, row)?),
            None => Precondition::Absent(key.clone()),
        });
        batch.put(key, rows::encode(VERSION, &Row::of(to))?);
        Ok(())
    }
}

impl View<'_> {
    /// Where this account's mailbox is on its way.
    ///
    /// # Errors
    /// Engine, damaged row.
    pub fn base_standing(&self, account: &Account) -> Result<StoredStanding> {
        let row: Option<Row> = self.get(&key(account.id))?.map(|row| rows::decode(VERSION, &row)).transpose()?;
        let standing = match &row {
            Some(row) => row.standing()?,
            None => Standing::Created(Beginning::by_command(account.created)),
        };
        let standing = match account.state {
            State::Active => standing,
            State::Closed { at } => standing.closed(at),
        };
        Ok(StoredStanding { standing, row })
    }
}

impl Row {
    fn of(standing: &Standing) -> Self {
        let mut row = Row::default();
        for (step, at) in standing.steps() {
            let at = at.as_microsecond();
            match step {
                Step::Applied => row.applied_us = Some(at),
                Step::Accepted => row.accepted_us = Some(at),
                Step::Created => row.created_us = at,
                Step::Authorised => row.authorised_us = Some(at),
                Step::InBase => row.entered_us = Some(at),
                Step::Left => {}
            }
        }
        row
    }

    fn standing(&self) -> Result<Standing> {
        let created = instant(self.created_us)?;
        let beginning = match (self.applied_us, self.accepted_us) {
            (Some(applied), Some(accepted)) => {
                Beginning::filed(Filed::new(instant(applied)?, instant(accepted)?), created)
            }
            (None, None) => Beginning::by_command(created),
            _ => return Err(Error::Damaged("half an application before a mailbox in the base".into())),
        };
        match (self.authorised_us, self.entered_us) {
            (None, None) => Ok(Standing::Created(beginning)),
            (Some(authorised), None) => Ok(Standing::Authorised(beginning, instant(authorised)?)),
            (Some(authorised), Some(entered)) => {
                let entry = Entry { authorised: instant(authorised)?, entered: instant(entered)? };
                Ok(Standing::InBase(beginning, entry))
            }
            (None, Some(_)) => Err(Error::Damaged("in the base without being authorised".into())),
        }
    }
}

fn key(account: AccountId) -> Vec<u8> {
    Key::of(CLASS).u64(account.0).done()
}

fn instant(us: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(us).map_err(|error| Error::Damaged(format!("an instant of the base: {error}")))
}

/// Whether a row can be read, its instants go forwards, and it is that of a known person if it is in the base.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let row: Row = rows::decode(VERSION, row)?;
    let id = key.get(1..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
    let id = AccountId(id.ok_or_else(|| bad_key("a mailbox of the base"))?);
    let standing = row.standing()?;
    let mut claims = Claims::default();
    claims.require(Row::of(&standing) == row && standing.steps().is_sorted_by_key(|(_, at)| *at), || {
        format!("the steps of {id:?} into the base do not go forwards")
    });
    let account = view.account(id)?;
    claims.require(account.is_some(), || format!("{id:?} is on its way into the base, and there is no such account"));
    let is_known = account.is_none_or(|account| account.person.is_some());
    claims
        .require(is_known || !standing.is_in_base(), || format!("{id:?} is in the base, and nobody knows whose it is"));
    Ok(claims)
}
