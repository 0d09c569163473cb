//! What clerks have done at the counter about applications from which nothing has come yet (M14), and the codes with
//! which people choose their passwords afterwards (M21).
//!
//! | class | key | value |
//! |---|---|---|
//! | `v` | 1, serial | a clerk has seen to it, and a second one is to confirm that |
//! | `v` | 2, SHA-256 of a code | the application whose applicant has it |
//! | `v` | 3, serial | that its applicant is to have a code, and which one it is now |

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::vault::Personal;
use super::{Batch, Precondition, Result, View, rows};
use crate::identity::application::ApplicationNumber;
use crate::ids::AccountId;

const VERSION: u8 = 1;

const CLASS: u8 = b'v';
const CASE: u8 = 1;
const CODE: u8 = 2;
const ACTIVATION: u8 = 3;

/// What a clerk has seen to, for a second one to confirm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// The clerk.
    pub clerk: AccountId,
    /// Where.
    pub facility: String,
    /// The identity document that was seen, sealed.
    pub document: Personal,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A case of a facility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredCase {
    /// The serial number of its application.
    pub serial: u32,
    /// What it is.
    pub case: Case,
    row: Vec<u8>,
}

/// Which code an applicant has.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Activation {
    /// SHA-256 of the code; none was given out yet.
    pub code: Option<[u8; 32]>,
    /// Until when it can be used, microseconds since 1970.
    pub until_us: i64,
}

/// An activation as it was read: what a change is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredActivation {
    /// Of which application.
    pub number: ApplicationNumber,
    /// What it is.
    pub activation: Activation,
    row: Vec<u8>,
}

/// A clerk has seen to an application; the batch fails with `Conflict` if another one has already.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_case(batch: &mut Batch, number: ApplicationNumber, case: &Case) -> Result<()> {
    let key = case_key(number);
    batch.require(Precondition::Absent(key.clone()));
    batch.put(key, rows::encode(VERSION, case)?);
    Ok(())
}

/// The application of this case has come further, or is gone.
pub(super) fn forget_case(batch: &mut Batch, number: ApplicationNumber) {
    batch.delete(case_key(number));
}

/// The applicant of an application is to have a code.
///
/// # Errors
/// It cannot be written as a row.
pub fn want_activation(batch: &mut Batch, number: ApplicationNumber) -> Result<()> {
    batch.put(activation_key(number), rows::encode(VERSION, &(number, Activation::default()))?);
    Ok(())
}

impl StoredCase {
    /// It is given back, as if no clerk had seen to it; the batch fails with `Conflict` if somebody else was faster.
    pub fn remove(&self, batch: &mut Batch) {
        let key = Key::of(CLASS).u8(CASE).u64(self.serial.into()).done();
        batch.require(Precondition::Equals(key.clone(), self.row.clone()));
        batch.delete(key);
    }
}

impl StoredActivation {
    /// Another code; the one before counts no more. The batch fails with `Conflict` if somebody else was faster.
    ///
    /// # Errors
    /// It cannot be written as a row.
    pub fn change(&self, batch: &mut Batch, new: &Activation) -> Result<()> {
        self.leave(batch);
        batch.put(activation_key(self.number), rows::encode(VERSION, &(self.number, new))?);
        if let Some(code) = &new.code {
            batch.put(code_key(code), rows::encode(VERSION, &self.number)?);
        }
        Ok(())
    }

    /// The password is chosen, or there will be none; the batch fails with `Conflict` if it was already.
    pub fn finish(&self, batch: &mut Batch) {
        self.leave(batch);
        batch.delete(activation_key(self.number));
    }

    fn leave(&self, batch: &mut Batch) {
        batch.require(Precondition::Equals(activation_key(self.number), self.row.clone()));
        if let Some(code) = &self.activation.code {
            batch.delete(code_key(code));
        }
    }
}

impl View<'_> {
    /// What a clerk has seen to about an application.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn desk_case(&self, number: ApplicationNumber) -> Result<Option<StoredCase>> {
        let Some(row) = self.get(&case_key(number))? else { return Ok(None) };
        Ok(Some(StoredCase { serial: number.serial(), case: rows::decode(VERSION, &row)?, row }))
    }

    /// Up to `limit` cases of a facility that a second clerk is to confirm, the oldest application first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn desk_cases(&self, facility: &str, limit: usize) -> Result<Vec<StoredCase>> {
        let prefix = [CLASS, CASE];
        let mut found = Vec::new();
        let mut from = prefix.to_vec();
        while found.len() < limit {
            let rows = self.range(&from, &keys::after(&prefix), 500)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (key, row) in rows {
                let serial = serial_in(&key)?;
                let case: Case = rows::decode(VERSION, &row)?;
                if case.facility == facility && found.len() < limit {
                    found.push(StoredCase { serial, case, row });
                }
            }
        }
        Ok(found)
    }

    /// Up to `limit` cases of all facilities behind this application, the oldest application first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn desk_cases_behind(&self, after: Option<u32>, limit: usize) -> Result<Vec<StoredCase>> {
        let prefix = [CLASS, CASE];
        let key = |serial: u32| keys::after(&Key::of(CLASS).u8(CASE).u64(serial.into()).done());
        let rows = self.range(&after.map_or_else(|| prefix.to_vec(), key), &keys::after(&prefix), limit)?;
        let read = |(key, row): (Vec<u8>, Vec<u8>)| {
            Ok(StoredCase { serial: serial_in(&key)?, case: rows::decode(VERSION, &row)?, row })
        };
        rows.into_iter().map(read).collect()
    }

    /// Which code the applicant of an application has or is to have.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn activation(&self, number: ApplicationNumber) -> Result<Option<StoredActivation>> {
        let Some(row) = self.get(&activation_key(number))? else { return Ok(None) };
        let (number, activation) = rows::decode(VERSION, &row)?;
        Ok(Some(StoredActivation { number, activation, row }))
    }

    /// The application whose applicant has this code now.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn activation_by_code(&self, code: &[u8; 32]) -> Result<Option<StoredActivation>> {
        let Some(row) = self.get(&code_key(code))? else { return Ok(None) };
        let found = self.activation(rows::decode(VERSION, &row)?)?;
        Ok(found.filter(|found| found.activation.code.as_ref() == Some(code)))
    }
}

fn case_key(number: ApplicationNumber) -> Vec<u8> {
    Key::of(CLASS).u8(CASE).u64(number.serial().into()).done()
}

fn activation_key(number: ApplicationNumber) -> Vec<u8> {
    Key::of(CLASS).u8(ACTIVATION).u64(number.serial().into()).done()
}

fn code_key(code: &[u8; 32]) -> Vec<u8> {
    Key::of(CLASS).u8(CODE).raw(code).done()
}

fn serial_in(key: &[u8]) -> Result<u32> {
    let serial = key.last_chunk().copied().map(u64::from_be_bytes);
    serial.and_then(|serial| u32::try_from(serial).ok()).ok_or_else(|| bad_key("the counter's"))
}

/// Whether a row can be read, and its application is there.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    match key.get(1) {
        Some(&CASE) => {
            let case: Case = rows::decode(VERSION, row)?;
            let serial = serial_in(key)?;
            let has_clerk = view.account(case.clerk)?.is_some();
            claims.require(has_clerk, || format!("the clerk of application {serial} is no account"));
        }
        Some(&CODE) => {
            let number: ApplicationNumber = rows::decode(VERSION, row)?;
            let is_named = view
                .activation(number)?
                .and_then(|found| found.activation.code)
                .is_some_and(|code| key.ends_with(&code));
            claims.require(is_named, || format!("a code for application {number} is not the one that it has"));
        }
        Some(&ACTIVATION) => {
            let (number, activation): (ApplicationNumber, Activation) = rows::decode(VERSION, row)?;
            let is_found = match &activation.code {
                Some(code) => view.get(&code_key(code))?.is_some(),
                None => true,
            };
            claims.require(is_found, || format!("the code of application {number} is not found by itself"));
            let is_there = view.application(number)?.is_some();
            claims.require(is_there, || {
                format!("somebody is to have a code for application {number}, which is not there")
            });
        }
        _ => return Err(bad_key("the counter's")),
    }
    Ok(claims)
}
