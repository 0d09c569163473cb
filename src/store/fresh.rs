//! Rows that are made anew, by `restore` and `rebuild`: they lie beside the old ones until they are whole, and
//! then take their place.
//!
//! Nobody else sees them meanwhile, so they are written without a commit for each change, and synced once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::commit::{Remembered, counter};
use super::engine::{Changes, Engine};
use super::keys::{self, AccountCounter};
use super::open::{ROWS_DIR, SCHEMA_ROW_VERSION, opener};
use super::packs::{Compression, Content, Encoded, PackWriter, Packs, RecordRef};
use super::{Error, Result, Rows, Settings, device_keys, mailboxes, rows};
use crate::clock::Timestamp;
use crate::ids::{AccountId, UidValidity};

/// The rows until they are whole.
const FRESH_DIR: &str = "rows.new";

/// Rows applied, and read, at a time.
const CHUNK: usize = 2_000;

/// Changed rows that one record of a pack remembers.
const REMEMBERED_A_RECORD: usize = 500;

/// Numbers left out after a restore: what was given out after the backup must not be given out again.
const NUMBERS_SKIPPED: i64 = 10_000;

/// The same for the numbers of devices: more than a device can have used since any backup.
const DEVICE_NUMBERS_SKIPPED: i64 = 1_000_000_000;

/// See the module's text.
#[derive(Debug)]
pub(super) struct FreshRows {
    engine: Box<dyn Engine>,
    pending: Changes,
    packs: PackWriter,
    compression: Compression,
    to_remember: Remembered,
}

impl FreshRows {
    /// Begins with no rows; what an earlier attempt left is removed.
    pub(super) fn begin(dir: &Path, settings: &Settings, packs: Arc<Packs>) -> Result<Self> {
        let fresh = dir.join(FRESH_DIR);
        remove_dir(&fresh)?;
        let compression = Compression::of(settings);
        let mut packs = PackWriter::new(packs, settings.max_pack_bytes, compression);
        packs.resume()?;
        let engine = opener(fresh, settings)?.open()?;
        Ok(FreshRows { engine, pending: Changes::new(), packs, compression, to_remember: Remembered::default() })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.pending.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.engine.get(key),
        }
    }

    pub(super) fn counter(&self, key: &[u8]) -> Result<i64> {
        counter(self.get(key)?.as_deref())
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.change(key, Some(value))
    }

    pub(super) fn put_counter(&mut self, key: Vec<u8>, number: i64) -> Result<()> {
        self.put(key, number.to_be_bytes().to_vec())
    }

    pub(super) fn delete(&mut self, key: Vec<u8>) -> Result<()> {
        self.change(key, None)
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<()> {
        self.pending.insert(key, value);
        if self.pending.len() >= CHUNK { self.apply() } else { Ok(()) }
    }

    fn apply(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.engine.apply(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Gives all rows whose keys begin with `prefix`; `each` may change any row.
    pub(super) fn each(
        &mut self,
        prefix: &[u8],
        mut each: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut pages = Pages::of(prefix);
        loop {
            let rows = pages.next(self)?;
            if rows.is_empty() {
                return Ok(());
            }
            rows.iter().try_for_each(|(key, row)| each(self, key, row))?;
        }
    }

    /// Writes bytes to the packs, for a row that is too large.
    pub(super) fn record(&mut self, bytes: Vec<u8>) -> Result<RecordRef> {
        self.pack(Encoded::bytes(&bytes, self.compression, None)?)
    }

    fn pack(&mut self, record: Encoded) -> Result<RecordRef> {
        let planned = self.packs.span()?.plan(Content::Encoded(record))?;
        let place = planned.place;
        self.packs.write(&[planned])?;
        self.packs.sync()?;
        Ok(place)
    }

    /// Puts a row that the packs have to remember (see `keys::memory_of`).
    pub(super) fn put_remembered(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.to_remember.rows.push((key.clone(), Some(value.clone())));
        if self.to_remember.rows.len() >= REMEMBERED_A_RECORD {
            self.remember()?;
        }
        self.put(key, value)
    }

    fn remember(&mut self) -> Result<()> {
        let remembered = std::mem::take(&mut self.to_remember);
        if !remembered.rows.is_empty() {
            self.pack(Encoded::rows(&rows::encode(Remembered::VERSION, &remembered)?, self.compression)?)?;
        }
        Ok(())
    }

    /// Gives every folder a UIDVALIDITY that it never had, and notes in the accounts' counters that those were
    /// given out: what a client remembers of a UID is worth nothing any more (RFC 9051 §2.3.1.1). How many.
    ///
    /// They begin at the seconds since 1970, as RFC 9051 proposes: above all that counting from one, and any
    /// earlier restore, can have come to, also those of folders that nothing tells of any more.
    pub(super) fn raise_uid_validities(&mut self, now: Timestamp) -> Result<u64> {
        let floor = now.as_second().clamp(1, i64::from(u32::MAX / 2));
        let mut last: BTreeMap<AccountId, i64> = BTreeMap::new();
        self.each(b"A", |fresh, key, _| {
            if let Some((account, AccountCounter::UIDVALIDITY_FIELD)) = account_counter_of(key) {
                last.insert(account, fresh.counter(key)?.max(floor));
            }
            Ok(())
        })?;
        let mut raised = 0;
        self.each(b"f", |fresh, key, row| {
            let Some(account) = account_of(key) else { return Ok(()) };
            let mut folder = mailboxes::decode_folder(key, row)?;
            let last = last.entry(account).or_insert(floor);
            *last = (*last).max(i64::from(folder.uid_validity.0.get())) + 1;
            let next = u32::try_from(*last).ok().and_then(std::num::NonZeroU32::new);
            folder.uid_validity = UidValidity(next.ok_or_else(|| Error::Engine("UIDVALIDITY is used up".into()))?);
            raised += 1;
            fresh.put_remembered(key.to_vec(), mailboxes::encode_folder(&folder)?)
        })?;
        for (account, last) in last {
            self.put_counter(keys::account_counter(account, AccountCounter::UidValidity), last)?;
        }
        Ok(raised)
    }

    /// Numbers of accounts, folders and letters on paper go on behind a gap: those that were given out after the
    /// backup was made are out in the world, and are not given out again (DESIGN 9).
    pub(super) fn skip_numbers(&mut self) -> Result<()> {
        self.each(b"A", |fresh, key, _| match account_counter_of(key) {
            Some((_, AccountCounter::FOLDERS_FIELD)) => {
                let given = fresh.counter(key)?;
                fresh.put_counter(key.to_vec(), given + NUMBERS_SKIPPED)
            }
            _ => Ok(()),
        })?;
        let names = [
            (keys::fact("accounts"), NUMBERS_SKIPPED),
            (keys::fact("s10 "), NUMBERS_SKIPPED),
            (keys::fact(device_keys::NUMBERS), DEVICE_NUMBERS_SKIPPED),
            (vec![keys::LEDGER, keys::LEDGER_BATCHES_COUNT], NUMBERS_SKIPPED),
        ];
        for (prefix, skipped) in names {
            self.each(&prefix, |fresh, key, row| {
                let given = counter(Some(row))?;
                fresh.put_remembered(key.to_vec(), (given + skipped).to_be_bytes().to_vec())
            })?;
        }
        Ok(())
    }

    /// The rows are complete, as a program of this schema wrote them: on stable storage after this, with what the
    /// packs were given.
    pub(super) fn finish(mut self, schema: u32) -> Result<()> {
        self.put(keys::fact("schema"), rows::encode(SCHEMA_ROW_VERSION, &schema)?)?;
        self.remember()?;
        self.packs.sync()?;
        self.apply()?;
        self.engine.sync()
    }
}

/// Reads rows a page at a time, while others are changed.
#[derive(Debug)]
pub(super) struct Pages {
    from: Vec<u8>,
    end: Vec<u8>,
}

impl Pages {
    /// All rows whose keys begin with `prefix`.
    pub(super) fn of(prefix: &[u8]) -> Self {
        Pages { from: prefix.to_vec(), end: keys::after(prefix) }
    }

    /// The next rows; none at the end.
    pub(super) fn next(&mut self, fresh: &mut FreshRows) -> Result<Rows> {
        fresh.apply()?;
        let rows = fresh.engine.range(&self.from, &self.end, CHUNK)?;
        if let Some((last, _)) = rows.last() {
            self.from = [&last[..], &[0]].concat();
        }
        Ok(rows)
    }
}

impl AccountCounter {
    const FOLDERS_FIELD: u8 = AccountCounter::Folders as u8;
    const UIDVALIDITY_FIELD: u8 = AccountCounter::UidValidity as u8;
}

/// The finished rows take the place of the old ones, which are kept under another name: that name.
pub(super) fn take_place(dir: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let (rows, fresh) = (dir.join(ROWS_DIR), dir.join(FRESH_DIR));
    let kept = if rows.exists() {
        let mut kept = dir.join(format!("{ROWS_DIR}.damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        while kept.exists() {
            kept.as_mut_os_string().push("-again");
        }
        fs::rename(&rows, &kept)?;
        Some(kept)
    } else {
        None
    };
    // A crash in between leaves packs without rows, which no start takes for a new store.
    File::open(dir)?.sync_all()?;
    fs::rename(fresh, rows)?;
    File::open(dir)?.sync_all()?;
    Ok(kept)
}

/// Removes a directory with all that is in it, if it is there.
pub(super) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

/// The account behind the class byte of a key.
pub(super) fn account_of(key: &[u8]) -> Option<AccountId> {
    key.get(1..)?.first_chunk().map(|account| AccountId(u64::from_be_bytes(*account)))
}

/// Account and kind of the key of a counter of an account.
fn account_counter_of(key: &[u8]) -> Option<(AccountId, u8)> {
    match key.get(9..) {
        Some([kind]) => Some((account_of(key)?, *kind)),
        _ => None,
    }
}
