//! What a directory of an older schema is still missing is made when it is opened, before anybody is served.
//!
//! Each step can be run again: the row that names the schema is the last thing written, so an upgrade that a crash
//! cut short begins anew.

use super::mailboxes::{Folder, FolderSets, SpecialUse, decode_folder, decode_message, encode_folder, message_place};
use super::open::{SCHEMA, decode_schema, encode_schema};
use super::{Batch, Error, Result, Store, audit, keys, print_jobs, sessions};
use crate::clock::{Clock as _, SystemClock};
use crate::ids::{AccountId, FolderId, ItemId};

/// Messages read at a time.
const CHUNK: usize = 5_000;

/// Rows that one commit writes.
const ROWS_A_COMMIT: usize = 500;

/// Brings the directory to the schema of this program. Blocks.
pub(super) fn upgrade(store: &Store) -> Result<()> {
    let key = keys::fact("schema");
    let found = store.read_blocking(|view| view.get(&key))?.map_or(Ok(SCHEMA), |row| decode_schema(&row))?;
    if found >= SCHEMA {
        return Ok(());
    }
    let begun = std::time::Instant::now();
    tracing::info!(found, to = SCHEMA, "upgrading the store, once");
    let messages = if found < 2 { make_sets(store)? } else { 0 };
    let entries = if found < 3 { audit::chain::link_entries(store)? } else { 0 };
    let letters = if found < 4 { list_letters(store)? } else { 0 };
    let states = if found < 8 { list_states(store)? } else { 0 };
    let objects = if found < 8 { audit::list_objects(store)? } else { 0 };
    let sessions = if found < 5 { end_sessions(store)? } else { 0 };
    let folders = if found < 10 { date_bins(store)? } else { 0 };
    let mut batch = Batch::new();
    batch.put(key, encode_schema()?);
    store.commit_blocking(batch)?;
    tracing::info!(
        messages,
        entries,
        letters,
        states,
        objects,
        sessions,
        folders,
        took_ms = begun.elapsed().as_millis(),
        "the store was upgraded"
    );
    Ok(())
}

/// Schema 2: the sets of UIDs of every folder. Answers how many messages there are.
fn make_sets(store: &Store) -> Result<u64> {
    let end = keys::after(b"m");
    let mut from = b"m".to_vec();
    let mut writing = Writing { store, folder: None, sets: FolderSets::default() };
    let mut messages = 0;
    loop {
        let rows = store.read_blocking(|view| view.range(&from, &end, CHUNK))?;
        let Some((last, _)) = rows.last() else { break };
        from = [&last[..], &[0]].concat();
        for (key, row) in &rows {
            let (account, folder, uid) = message_place(key)?;
            writing.enter((account, folder))?;
            match decode_message(key, row) {
                Ok(message) => writing.sets.add(uid, message.flags),
                Err(Error::Damaged(_)) => writing.sets.add_damaged(uid),
                Err(error) => return Err(error),
            }
            messages += 1;
        }
    }
    writing.end_folder()?;
    Ok(messages)
}

/// Schema 4: the letters to paper of every account. Answers how many there are.
fn list_letters(store: &Store) -> Result<u64> {
    let mut from = ItemId(0);
    let mut letters = 0;
    loop {
        let jobs = store.read_blocking(|view| view.print_jobs(from, ROWS_A_COMMIT))?;
        let Some(last) = jobs.last().map(|stored| stored.job.item) else { return Ok(letters) };
        let mut batch = Batch::new();
        for key in jobs.iter().filter_map(|stored| print_jobs::sent_key(&stored.job)) {
            batch.put(key, Vec::new());
            letters += 1;
        }
        store.commit_blocking(batch)?;
        from = ItemId(last.0.saturating_add(1));
    }
}

/// Schema 8: the letters to paper in every state. Answers how many there are.
fn list_states(store: &Store) -> Result<u64> {
    let mut from = ItemId(0);
    let mut letters = 0;
    loop {
        let jobs = store.read_blocking(|view| view.print_jobs(from, ROWS_A_COMMIT))?;
        let Some(last) = jobs.last().map(|stored| stored.job.item) else { return Ok(letters) };
        let mut batch = Batch::new();
        for job in jobs.iter().map(|stored| &stored.job) {
            batch.put(print_jobs::state_key(job.state, job.item), Vec::new());
            letters += 1;
        }
        store.commit_blocking(batch)?;
        from = ItemId(last.0.saturating_add(1));
    }
}

/// Schema 5: sessions say in the clear from where they were opened. They end, as after `rebuild`. Answers how many rows
/// there were.
fn end_sessions(store: &Store) -> Result<usize> {
    let mut ended = 0;
    loop {
        let keys = store.read_blocking(|view| sessions::keys_of_all(view, ROWS_A_COMMIT))?;
        if keys.is_empty() {
            return Ok(ended);
        }
        ended += keys.len();
        let mut batch = Batch::new();
        keys.into_iter().for_each(|key| batch.delete(key));
        store.commit_blocking(batch)?;
    }
}

/// Schema 10: letters in folders below Trash and Junk go by the date of their folder too. Nobody knows when those of older
/// schemas were thrown away: it counts as now. Answers how many there are.
fn date_bins(store: &Store) -> Result<u64> {
    let now = SystemClock.now();
    let mut from = b"f".to_vec();
    let mut dated = 0;
    while let Some((key, _)) = store.read_blocking(|view| view.range(&from, &keys::after(b"f"), 1))?.first() {
        let account = key.get(1..).and_then(|rest| rest.first_chunk()).map(|id| AccountId(u64::from_be_bytes(*id)));
        let account = account.ok_or_else(|| Error::Damaged("key of a folder".into()))?;
        from = keys::after(&keys::folders(account));
        let rows = store.read_blocking(|view| view.range(&keys::folders(account), &from, usize::MAX))?;
        // One that is damaged is for `check` to tell.
        let folders: Vec<_> = rows.iter().filter_map(|(key, row)| decode_folder(key, row).ok()).collect();
        let (mut batch, before) = (Batch::new(), dated);
        for folder in folders.iter().filter(|folder| folder.special_use.is_none()) {
            if matches!(folder.purpose(&folders), Some(SpecialUse::Trash | SpecialUse::Junk)) {
                let moved = Folder { moved: Some(now), ..folder.clone() };
                batch.put(keys::folder(account, folder.id), encode_folder(&moved)?);
                dated += 1;
            }
        }
        if dated > before {
            store.commit_blocking(batch)?;
        }
    }
    Ok(dated)
}

/// The folder whose messages are being read.
struct Writing<'a> {
    store: &'a Store,
    folder: Option<(AccountId, FolderId)>,
    sets: FolderSets,
}

impl Writing<'_> {
    fn enter(&mut self, folder: (AccountId, FolderId)) -> Result<()> {
        if self.folder != Some(folder) {
            self.end_folder()?;
            self.folder = Some(folder);
        }
        Ok(())
    }

    fn end_folder(&mut self) -> Result<()> {
        let sets = std::mem::take(&mut self.sets);
        let Some((account, folder)) = self.folder.take() else { return Ok(()) };
        for rows in sets.rows(account, folder).chunks(ROWS_A_COMMIT) {
            let mut batch = Batch::new();
            rows.iter().cloned().for_each(|(key, row)| batch.put(key, row));
            self.store.commit_blocking(batch)?;
        }
        Ok(())
    }
}
