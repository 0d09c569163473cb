//! Folders and messages: names, counters, the change index, summaries and threads, from their rows and bytes.

use super::super::fresh::{self, Pages};
use super::super::keys::{self, AccountCounter, FolderCounter, FolderSet};
use super::super::mailboxes::{
    self, CHANGED, DOOMED, Flags, Folder, FolderSets, FoundSummary, Message, PLACES, SummaryRow, find_summary,
};
use super::super::{Error, RecordRef, Result};
use super::Rebuilding;
use crate::ids::{AccountId, FolderId, UidValidity};
use crate::message::ids::message_id_hash;
use crate::message::{Part, Scanner, Structure, Summary};

/// Bytes of a body read at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Header of a message that cannot be read as a whole: so much of it is looked at.
const MAX_HEADER_BYTES: usize = 256 << 10;

/// What the counters of a folder come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    bytes: i64,
    sets: FolderSets,
    deleted_bytes: i64,
}

/// A summary, and the hash under which the message's thread is found.
struct Summarised {
    summary: Vec<u8>,
    message_id: Option<[u8; 16]>,
}

impl Rebuilding<'_> {
    /// Folders that were being deleted are deleted.
    pub(super) fn end_deletions(&mut self) -> Result<()> {
        let (doomed, prefix) = (&mut self.doomed, keys::fact(DOOMED));
        self.fresh.each(&prefix, |fresh, key, _| {
            let fields = key.get(prefix.len()..).and_then(|fields| fields.split_first_chunk::<8>());
            if let Some((account, folder)) = fields
                && let Ok(folder) = folder.try_into()
            {
                doomed.insert((AccountId(u64::from_be_bytes(*account)), FolderId(u32::from_be_bytes(folder))));
            }
            fresh.delete(key.to_vec())
        })
    }

    /// Each folder is found by its name.
    pub(super) fn index_folders(&mut self) -> Result<()> {
        let mut damaged = 0;
        let (names, tallies) = (&mut self.names, &mut self.tallies);
        self.fresh.each(b"f", |fresh, key, row| {
            let (Some(account), Ok(folder)) = (fresh::account_of(key), mailboxes::decode_folder(key, row)) else {
                damaged += 1;
                return fresh.delete(key.to_vec());
            };
            fresh.put(keys::folder_name(account, &folder.name), mailboxes::name_row(folder.id))?;
            tallies.entry((account, folder.id)).or_default();
            names.insert((account, folder.id), folder.name);
            Ok(())
        })?;
        (0..damaged).for_each(|_| self.lost("the row of a folder is damaged; its messages are in Recovered"));
        Ok(())
    }

    /// Every message gets what belongs to it; without its body it cannot stay.
    pub(super) fn derive_messages(&mut self) -> Result<()> {
        let mut pages = Pages::of(b"m");
        loop {
            let rows = pages.next(&mut self.fresh)?;
            if rows.is_empty() {
                break;
            }
            for (key, row) in rows {
                self.message(key, row)?;
            }
        }
        // Summaries of the backup whose messages are gone since.
        self.fresh.each(b"s", |fresh, key, _| {
            let message = [b"m", key.get(1..).unwrap_or_default()].concat();
            if fresh.get(&message)?.is_none() { fresh.delete(key.to_vec()) } else { Ok(()) }
        })
    }

    fn message(&mut self, key: Vec<u8>, row: Vec<u8>) -> Result<()> {
        let found = partition(&key).zip(mailboxes::decode_message(&key, &row).ok());
        let Some(((account, folder), mut message)) = found else {
            self.lost(format!("a message whose row is damaged ({})", key.escape_ascii()));
            return self.fresh.delete(key);
        };
        if self.doomed.contains(&(account, folder)) {
            return self.fresh.delete(key);
        }
        if !self.reference(message.body)? {
            let whose = self.whose(account, folder, &message);
            self.lost(format!("{whose}: its body is in no pack"));
            return self.fresh.delete(key);
        }
        let is_as_it_was = self.find_prefixes(&key, row, &mut message)?;
        let tally = self.tallies.entry((account, folder)).or_default();
        tally.sets.add(message.uid, message.flags);
        let size = i64::try_from(message.size()).unwrap_or(i64::MAX);
        tally.bytes += size;
        tally.deleted_bytes += if message.flags.contains(Flags::DELETED) { size } else { 0 };
        self.found.messages += 1;
        let (modseq, uid) = (message.modseq, message.uid);
        self.fresh.put(keys::change(account, folder, modseq, uid), CHANGED.to_vec())?;
        let summary_key = keys::summary(account, folder, uid);
        if is_as_it_was && self.has_summary(&summary_key)? {
            return Ok(());
        }
        let Summarised { summary, message_id } = self.summarise(account, folder, &message)?;
        let summary = match (&self.vault, &message.data_key) {
            (Some(vault), Some(_)) => vault.seal_summary(account, &summary).map(SummaryRow::Sealed),
            _ => Ok(SummaryRow::Plain(summary)),
        };
        let summary = match summary {
            // Nobody can read the letter any more: nobody gets to know what it was.
            Err(Error::NotPossible(_)) => return Ok(()),
            other => other?.in_row(),
        };
        let summary = match summary {
            Ok(row) => row,
            Err((version, bytes)) => [&[version][..], &self.fresh.record(bytes)?.to_bytes()].concat(),
        };
        self.fresh.put(summary_key, summary)?;
        match message_id.map(|hash| keys::thread(account, &hash)) {
            Some(thread) if self.fresh.get(&thread)?.is_none() => {
                self.fresh.put(thread, mailboxes::thread_row(message.thread))
            }
            _ => Ok(()),
        }
    }

    /// A letter without its marks is better than none: prefixes that are in no pack are left out of the row.
    /// Tells whether all are there.
    fn find_prefixes(&mut self, key: &[u8], mut row: Vec<u8>, message: &mut Message) -> Result<bool> {
        let mut are_there = true;
        for (at, place) in PLACES.into_iter().zip([&mut message.recipient_prefix, &mut message.item_prefix]) {
            if self.is_there(*place)? {
                continue;
            }
            are_there = false;
            *place = RecordRef::default();
            if let Some(field) = row.get_mut(at..at + RecordRef::BYTES) {
                field.copy_from_slice(&place.to_bytes());
            }
        }
        if !are_there {
            if let Some((account, folder)) = partition(key) {
                let whose = self.whose(account, folder, message);
                self.lost(format!("{whose}: what stood above its text is in no pack, the text is kept"));
            }
            self.fresh.put(key.to_vec(), row)?;
        }
        Ok(are_there)
    }

    /// A summary of the backup can be used, if its record is where it was.
    fn has_summary(&self, key: &[u8]) -> Result<bool> {
        let Some(row) = self.fresh.get(key)? else { return Ok(false) };
        match find_summary(&row) {
            Ok(FoundSummary::Here(_)) => Ok(true),
            Ok(FoundSummary::At(place)) => match self.packs.read_whole(place, None) {
                Ok(_) => Ok(true),
                Err(Error::Damaged(_)) => Ok(false),
                Err(error) => Err(error),
            },
            Err(_) => Ok(false),
        }
    }

    fn summarise(&mut self, account: AccountId, folder: FolderId, message: &Message) -> Result<Summarised> {
        match self.read_and_summarise(message) {
            Err(Error::Damaged(what) | Error::Sealed(what) | Error::NotPossible(what)) => {
                let whose = self.whose(account, folder, message);
                self.lost(format!("{whose}: {what}"));
                let part = Part {
                    header: 0..0,
                    body: 0..message.size(),
                    kind: "application".into(),
                    subtype: "octet-stream".into(),
                    ..Part::default()
                };
                let mut structure = Structure { root: part, ..Structure::default() };
                structure.facts.bytes = message.size();
                let summary = Summary { structure, ..Summary::default() };
                Ok(Summarised { summary: summary.encode(), message_id: None })
            }
            other => other,
        }
    }

    /// As it was made when the message came: prefix and body are read one after the other.
    fn read_and_summarise(&self, message: &Message) -> Result<Summarised> {
        let key = match (&message.data_key, &self.vault) {
            (None, _) => None,
            (Some(wrapped), Some(vault)) => Some(vault.unwrap(message.body, wrapped)?),
            (Some(_), None) => return Err(Error::Sealed("this store has no keys".into())),
        };
        let key = key.as_ref();
        let mut prefix = self.packs.read_whole(message.recipient_prefix, key)?.to_vec();
        prefix.extend_from_slice(&self.packs.read_whole(message.item_prefix, key)?);
        let place = self.place_of(message.body)?.unwrap_or_default();
        let mut scanner = Scanner::new(self.caps.clone());
        let mut at = 0;
        while at < u64::from(place.len()) {
            let piece = self.packs.read(place, at..at + PIECE_BYTES as u64, key)?;
            scanner.push(&piece);
            at += piece.len() as u64;
        }
        let structure = scanner.finish();
        let header_bytes = usize::try_from(structure.facts.header_bytes).unwrap_or(usize::MAX);
        let header = self.packs.read(place, 0..header_bytes as u64, key)?;
        let whole_header = [&prefix[..], &header].concat();
        Ok(Summarised {
            summary: Summary::of(&prefix, &structure, &header).encode(),
            message_id: message_id_hash(whole_header.get(..MAX_HEADER_BYTES).unwrap_or(&whole_header)),
        })
    }

    /// Messages without a folder get one.
    pub(super) fn recover_folders(&mut self) -> Result<()> {
        let without: Vec<_> = self.tallies.keys().filter(|place| !self.names.contains_key(*place)).copied().collect();
        for (account, id) in without {
            let name = format!("Recovered-{}", id.0);
            let folder = Folder {
                id,
                name: name.clone(),
                uid_validity: UidValidity(std::num::NonZeroU32::MIN),
                special_use: None,
                keywords: Vec::new(),
                moved: None,
            };
            self.lost(format!("the name of folder {} of account {}: its messages are in {name}", id.0, account.0));
            self.fresh.put(keys::folder(account, id), mailboxes::encode_folder(&folder)?)?;
            self.fresh.put(keys::folder_name(account, &name), mailboxes::name_row(id))?;
            self.names.insert((account, id), name);
        }
        Ok(())
    }

    /// The counters of folders and accounts, and the sets of UIDs.
    pub(super) fn put_counters(&mut self) -> Result<()> {
        let mut accounts = std::collections::BTreeMap::<AccountId, (i64, i64)>::new();
        for ((account, folder), tally) in std::mem::take(&mut self.tallies) {
            let sums = accounts.entry(account).or_default();
            let count = |set| i64::try_from(tally.sets.of(set).len()).unwrap_or(i64::MAX);
            sums.0 += count(FolderSet::All);
            sums.1 += tally.bytes;
            tally.sets.rows(account, folder).into_iter().try_for_each(|(key, row)| self.fresh.put(key, row))?;
            let seen = |of: &std::collections::HashMap<_, i64>| of.get(&(account, folder)).copied().unwrap_or(0);
            let counters = [
                (FolderCounter::Uids, seen(&self.seen.uids)),
                (FolderCounter::ModSeqs, seen(&self.seen.modseqs)),
                (FolderCounter::Messages, count(FolderSet::All)),
                (FolderCounter::Unseen, count(FolderSet::Unseen)),
                (FolderCounter::Deleted, count(FolderSet::Deleted)),
                (FolderCounter::Bytes, tally.bytes),
                (FolderCounter::DeletedBytes, tally.deleted_bytes),
            ];
            for (counter, number) in counters.into_iter().filter(|(_, number)| *number != 0) {
                self.fresh.put_counter(keys::folder_counter(account, folder, counter), number)?;
            }
        }
        for account in self.seen.folders.keys().chain(self.seen.uid_validities.keys()) {
            accounts.entry(*account).or_default();
        }
        for (account, (messages, bytes)) in accounts {
            let seen = |of: &std::collections::HashMap<_, i64>| of.get(&account).copied().unwrap_or(0);
            let counters = [
                (AccountCounter::Folders, seen(&self.seen.folders)),
                (AccountCounter::UidValidity, seen(&self.seen.uid_validities)),
                (AccountCounter::Messages, messages),
                (AccountCounter::Bytes, bytes),
            ];
            for (counter, number) in counters.into_iter().filter(|(_, number)| *number != 0) {
                self.fresh.put_counter(keys::account_counter(account, counter), number)?;
            }
        }
        Ok(())
    }

    /// A message, in a sentence.
    fn whose(&self, account: AccountId, folder: FolderId, message: &Message) -> String {
        let name = self.names.get(&(account, folder)).map_or("a lost folder", String::as_str);
        format!("message {} in {name:?} of account {}", message.uid.get(), account.0)
    }
}

/// Account and folder of the key of a message.
fn partition(key: &[u8]) -> Option<(AccountId, FolderId)> {
    let folder = key.get(9..)?.first_chunk()?;
    Some((fresh::account_of(key)?, FolderId(u32::from_be_bytes(*folder))))
}
