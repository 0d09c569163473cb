//! Who did what, and to what: entries that are only ever added, and a chain over them (M20).

pub mod chain;
#[cfg(test)]
mod tests;
mod verify;

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::fresh::FreshRows;
use super::keys::{self, Key};
use super::{Batch, Result, Store, View, rows};
use crate::identity::application::ApplicationNumber;
use crate::ids::AccountId;

pub use chain::{Head, SignedHead, keep_signed_head};
pub use verify::Walked;

const VERSION: u8 = 1;

/// Class of the entries.
const CLASS: u8 = b'u';

/// Class of the index of entries by what they are about.
pub(super) const BY_OBJECT: u8 = b'5';

/// Entries that one commit of the upgrade lists.
const LISTED_A_COMMIT: usize = 500;

/// How many entries were made.
pub(super) const COUNTER: &str = "audit";

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub object: String,
    /// With what.
    pub details: Option<String>,
}

/// Where an entry stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditPlace {
    /// Its time, microseconds since 1970.
    pub at_us: u64,
    /// Its number.
    pub number: u64,
}

/// Which entries are asked for. What is not said does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditQuery {
    /// Whose name has this in it.
    pub actor: Option<String>,
    /// That are called so, or that begin so before a dot: `account` is all that was done with accounts.
    pub action: Option<String>,
    /// Whose object has this in it.
    pub object: Option<String>,
    /// At this time or later, microseconds since 1970.
    pub from_us: Option<i64>,
    /// Before this time, microseconds since 1970.
    pub until_us: Option<i64>,
    /// Before this one.
    pub before: Option<AuditPlace>,
}

/// Entries, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditPage {
    /// With their numbers.
    pub entries: Vec<(u64, AuditEntry)>,
    /// Where to go on: there may be more.
    pub next: Option<AuditPlace>,
}

/// Adds an entry to a batch; the committer gives it its number and links it to the one before.
///
/// # Errors
/// It cannot be written as a row.
pub fn add_audit(batch: &mut Batch, entry: &AuditEntry) -> Result<()> {
    batch.audit(u64::try_from(entry.at_us).unwrap_or(0), rows::encode(VERSION, entry)?, About::of(entry));
    Ok(())
}

/// What entries are found by: what is about a user and the application for the mailbox is the user's to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// `account N`.
    Account(AccountId),
    /// `application N`, by its serial number.
    Application(u32),
}

impl About {
    fn of(entry: &AuditEntry) -> Option<Self> {
        let (kind, name) = entry.object.split_once(' ')?;
        match kind {
            "account" => name.parse().ok().map(|number| About::Account(AccountId(number))),
            "application" => name.parse().ok().map(|number: ApplicationNumber| About::Application(number.serial())),
            _ => None,
        }
    }

    fn begin(self) -> Key {
        match self {
            About::Account(account) => Key::of(BY_OBJECT).u8(1).u64(account.0),
            About::Application(serial) => Key::of(BY_OBJECT).u8(2).u64(serial.into()),
        }
    }

    /// The entry in the index.
    pub(in crate::store) fn key(self, at_us: u64, number: u64) -> Vec<u8> {
        self.begin().u64(at_us).u64(number).done()
    }
}

/// Schema 8: the index of the entries that there are. Answers how many are in it.
pub(super) fn list_objects(store: &Store) -> Result<u64> {
    let (mut from, mut listed) = (vec![CLASS], 0);
    loop {
        let rows = store.read_blocking(|view| view.range(&from, &keys::after(&[CLASS]), LISTED_A_COMMIT))?;
        let Some((last, _)) = rows.last() else { return Ok(listed) };
        from = [&last[..], &[0]].concat();
        let mut batch = Batch::new();
        for (key, row) in &rows {
            // A damaged one is about nobody: `audit verify` names it.
            let about = rows::decode(VERSION, row).ok().and_then(|entry| About::of(&entry));
            if let Some((about, (at_us, number))) = about.zip(chain::place_of(key)) {
                batch.put(about.key(at_us, number), Vec::new());
                listed += 1;
            }
        }
        store.commit_blocking(batch)?;
    }
}

/// Adds an entry to rows that are made anew. Where they have no chain yet, the next start makes it.
pub(super) fn add_to_fresh(fresh: &mut FreshRows, entry: &AuditEntry) -> Result<()> {
    let at_us = u64::try_from(entry.at_us).unwrap_or(0);
    let counter = keys::fact(COUNTER);
    let number = fresh.counter(&counter)? + 1;
    fresh.put_remembered(counter, number.to_be_bytes().to_vec())?;
    let (number, row) = (number.unsigned_abs(), rows::encode(VERSION, entry)?);
    match fresh.get(&chain::head_key())? {
        Some(head) => chain::next(Some(&head), number, at_us, row)?
            .into_iter()
            .try_for_each(|(key, row)| fresh.put_remembered(key, row)),
        None => fresh.put_remembered(chain::entry_key(at_us, number), row),
    }
}

impl View<'_> {
    /// Up to `limit` entries, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_entries(&self, limit: usize) -> Result<Vec<AuditEntry>> {
        let rows = self.range_back(&[CLASS], &keys::after(&[CLASS]), limit)?;
        rows.into_iter().map(|(_, row)| rows::decode(VERSION, &row)).collect()
    }

    /// Up to `limit` entries about this before `before`, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_about(&self, about: About, before: Option<AuditPlace>, limit: usize) -> Result<AuditPage> {
        let begin = about.begin().done();
        let end = before.map_or_else(|| keys::after(&begin), |place| about.key(place.at_us, place.number));
        let mut page = AuditPage::default();
        let listed = self.range_back(&begin, &end, limit)?;
        for (key, _) in &listed {
            let (at_us, number) = place_in(key).ok_or_else(|| bad_key("the index of the audit"))?;
            page.next = (listed.len() == limit).then_some(AuditPlace { at_us, number });
            if let Some(row) = self.get(&chain::entry_key(at_us, number))? {
                page.entries.push((number, rows::decode(VERSION, &row)?));
            }
        }
        Ok(page)
    }

    /// Up to `limit` entries that fit, the newest first. At most `most_read` are looked at for one page: with a rare
    /// word a page may be short, or empty, and there is more behind it.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_page(&self, query: &AuditQuery, limit: usize, most_read: usize) -> Result<AuditPage> {
        const CHUNK: usize = 500;
        let from = query.from_us.map_or(vec![CLASS], |at| Key::of(CLASS).u64(instant(at)).done());
        let mut until = query.until_us.map_or(keys::after(&[CLASS]), |at| Key::of(CLASS).u64(instant(at)).done());
        if let Some(place) = query.before {
            until = until.min(chain::entry_key(place.at_us, place.number));
        }
        let (mut page, mut read) = (AuditPage::default(), 0);
        loop {
            let rows = self.range_back(&from, &until, CHUNK.min(most_read.saturating_sub(read)).max(1))?;
            for (key, row) in &rows {
                let (at_us, number) = chain::place_of(key).ok_or_else(|| bad_key("an audit entry"))?;
                let entry: AuditEntry = rows::decode(VERSION, row)?;
                read += 1;
                if query.fits(&entry) {
                    page.entries.push((number, entry));
                }
                if page.entries.len() >= limit || read >= most_read {
                    page.next = Some(AuditPlace { at_us, number });
                    return Ok(page);
                }
            }
            match rows.last() {
                Some((last, _)) => until.clone_from(last),
                None => return Ok(page),
            }
        }
    }
}

impl AuditQuery {
    fn fits(&self, entry: &AuditEntry) -> bool {
        let has = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| text.contains(wanted));
        let is_called = self.action.as_ref().is_none_or(|wanted| {
            entry.action.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        is_called && has(&self.actor, &entry.actor) && has(&self.object, &entry.object)
    }
}

fn instant(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0)
}

/// Time and number at the end of a key of the index.
fn place_in(key: &[u8]) -> Option<(u64, u64)> {
    let (rest, number) = key.split_last_chunk()?;
    Some((u64::from_be_bytes(*rest.last_chunk()?), u64::from_be_bytes(*number)))
}

/// Whether an entry of the index leads to one of the audit that is about this.
pub(super) fn inspect_object(view: &View<'_>, key: &[u8], _: &[u8]) -> Result<Claims> {
    let (at_us, number) = place_in(key).ok_or_else(|| bad_key("the index of the audit"))?;
    let mut claims = Claims::default();
    let entry = view.get(&chain::entry_key(at_us, number))?;
    // What was removed or changed is told of the entry itself.
    let about = entry.and_then(|row| rows::decode(VERSION, &row).ok()).and_then(|entry| About::of(&entry));
    let leads = about.is_some_and(|about| about.key(at_us, number) == key);
    claims.require(leads, || format!("an index of the audit leads to entry {number}, which is not about that"));
    Ok(claims)
}

/// Whether an entry can be read, its number was given out, and it stands in the chain.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let entry: AuditEntry = rows::decode(VERSION, row)?;
    let (at_us, number) = chain::place_of(key).ok_or_else(|| bad_key("an audit entry"))?;
    let mut claims = chain::inspect_entry(view, key)?;
    if let Some(about) = About::of(&entry) {
        let is_listed = view.get(&about.key(at_us, number))?.is_some();
        claims.require(is_listed, || format!("audit entry {number} is not in the index of what it is about"));
    }
    let given = u64::try_from(view.counter(&keys::fact(COUNTER))?).unwrap_or_default();
    claims.require(number <= given, || format!("audit entry {number} is beyond the counter of entries"));
    let is_before_head = view.audit_head().is_ok_and(|head| number <= head.number);
    claims.require(is_before_head, || format!("audit entry {number} is beyond the audit's head"));
    Ok(claims)
}
