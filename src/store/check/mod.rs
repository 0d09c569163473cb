//! Does everything fit together? Reads all rows and every record they name (`poshta store check`).

mod claims;
#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use serde::Serialize;

use super::bodies::BodyRow;
use super::commit::counter;
use super::keys::{AccountCounter, FolderCounter, FolderSet};
use super::mailboxes::{self, Change, Flags, FolderSets, Message};
use super::packs::Kind;
use super::{Error, RecordRef, Result, Rows, Store, View, WrappedKey, keys, rows};
use super::{
    accounts, agreements, applications, audit, base, clock_checks, closings, confirmations, desk, device_acts,
    device_keys, items, lookups, papers, payment_signs, payments, print_batches, print_jobs, profiles, queue, quota,
    receipts, scans, second_factors, sessions, sign_ins, staff,
};
use crate::ids::{AccountId, BodyId, FolderId, ModSeq, Uid};
use crate::uid_set::UidSet;

pub(super) use claims::{Claims, bad_key};

use claims::Inspect;

/// Rows read at a time.
const CHUNK: usize = 2_000;

/// Problems that are told one by one; the rest is only counted.
const MAX_PROBLEMS: usize = 1_000;

/// What `check` found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Verdict {
    /// Rows read, by class.
    pub rows: BTreeMap<char, u64>,
    /// Bodies read.
    pub bodies: u64,
    /// Bytes of them.
    pub body_bytes: u64,
    /// Other records read.
    pub records: u64,
    /// Lines of the device journal read.
    pub journal_lines: u64,
    /// Bytes at the ends of packs that a crash left and nothing names: no problem.
    pub left_over_bytes: u64,
    /// What is wrong, one sentence each; at most a thousand.
    pub problems: Vec<String>,
    /// How many problems there are.
    pub problem_count: u64,
}

impl Verdict {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }
}

impl Store {
    /// Checks everything. Blocks, and reads the whole directory. The server may go on meanwhile; the old values
    /// of the rows it changes are kept in memory until the check is done.
    ///
    /// # Errors
    /// I/O and engine errors; damage is in the verdict.
    pub fn check(&self) -> Result<Verdict> {
        self.read_blocking(|view| {
            let mut checker = Checker {
                view,
                verdict: Verdict::default(),
                tallies: HashMap::new(),
                references: HashMap::new(),
                damaged_bodies: HashSet::new(),
                checked_records: HashSet::new(),
            };
            checker.read_rows()?;
            checker.compare_counters()?;
            checker.compare_bodies()?;
            checker.read_journal()?;
            checker.walk_packs()?;
            Ok(checker.verdict)
        })
    }
}

/// How the rows of a class are read: every class of the table in `keys` is here.
const CLASSES: &[(u8, Reader)] = &[
    (b'!', Reader::Claiming(fact)),
    (b'l', Reader::Claiming(accounts::inspect_login)),
    (b'd', Reader::Claiming(accounts::inspect_address)),
    (b'n', Reader::Claiming(accounts::inspect_person)),
    (b'a', Reader::Claiming(accounts::inspect)),
    (b'A', Reader::Claiming(number)),
    (b'f', Reader::Counting(|checker, key, row| checker.folder(key, row))),
    (b'F', Reader::Claiming(number)),
    (b'U', Reader::Counting(|checker, key, row| checker.uid_block(key, row))),
    (b'N', Reader::Counting(|checker, key, row| checker.folder_name(key, row))),
    (b'S', Reader::Claiming(mailboxes::inspect_subscription)),
    (b'm', Reader::Counting(|checker, key, row| checker.message(key, row))),
    (b's', Reader::Counting(|checker, key, row| checker.summary(key, row))),
    (b'x', Reader::Counting(|checker, key, row| checker.change(key, row))),
    (b't', Reader::Counting(|_, _, row| mailboxes::decode_thread(row).map(drop))),
    (b'b', Reader::Counting(|checker, key, row| checker.body(key, row))),
    (b'q', Reader::Claiming(queue::inspect)),
    (b'Q', Reader::Claiming(queue::inspect_due)),
    (b'p', Reader::Claiming(print_jobs::inspect)),
    (b'P', Reader::Claiming(print_jobs::inspect_due)),
    (b'I', Reader::Claiming(print_jobs::inspect_s10)),
    (b'1', Reader::Claiming(print_jobs::inspect_sent)),
    (print_jobs::BY_STATE, Reader::Claiming(print_jobs::inspect_state)),
    (b'o', Reader::Claiming(print_jobs::inspect_notice)),
    (b'h', Reader::Claiming(number)),
    (b'i', Reader::Claiming(items::inspect)),
    (b'c', Reader::Claiming(scans::inspect)),
    (b'C', Reader::Claiming(scans::inspect_waiting)),
    (b'k', Reader::Claiming(answer)),
    (b'K', Reader::Claiming(device_keys::inspect)),
    (b'u', Reader::Claiming(audit::inspect)),
    (audit::BY_OBJECT, Reader::Claiming(audit::inspect_object)),
    (b'X', Reader::Claiming(audit::chain::inspect)),
    (b'Z', Reader::Claiming(lookups::inspect)),
    (b'B', Reader::Claiming(base::inspect)),
    (b'r', Reader::Claiming(receipts::inspect_owed)),
    (b'e', Reader::Claiming(receipts::inspect_awaited)),
    (b'R', Reader::Claiming(receipts::inspect_handed)),
    (b'y', Reader::Claiming(closings::inspect)),
    (b'Y', Reader::Claiming(device_acts::inspect)),
    (b'z', Reader::Claiming(clock_checks::inspect)),
    (b'w', Reader::Claiming(quota::inspect_crossed)),
    (b'W', Reader::Claiming(quota::inspect_untold)),
    (b'g', Reader::Claiming(payment_signs::inspect)),
    (b'j', Reader::Claiming(payments::inspect)),
    (b'G', Reader::Claiming(print_batches::inspect_ledger)),
    (b'J', Reader::Claiming(applications::inspect)),
    (b'L', Reader::Claiming(applications::inspect_waiting)),
    (b'H', Reader::Claiming(applications::inspect_evidence)),
    (b'v', Reader::Claiming(desk::inspect)),
    (b'M', Reader::Claiming(agreements::inspect)),
    (b'D', Reader::Claiming(profiles::inspect)),
    (b'2', Reader::Claiming(confirmations::inspect)),
    (b'3', Reader::Claiming(papers::inspect)),
    (b'E', Reader::Claiming(sessions::inspect)),
    (b'O', Reader::Claiming(staff::inspect)),
    (b'T', Reader::Claiming(sign_ins::inspect)),
    (b'V', Reader::Claiming(second_factors::inspect)),
];

enum Reader {
    /// Its rows are also counted, for the comparison with counters and references at the end.
    Counting(fn(&mut Checker<'_>, &[u8], &[u8]) -> Result<()>),
    /// Each row says what it claims.
    Claiming(Inspect),
}

struct Checker<'a> {
    view: &'a View<'a>,
    verdict: Verdict,
    tallies: HashMap<(AccountId, FolderId), Tally>,
    references: HashMap<BodyId, i64>,
    /// Told again with each message that has one: bodies are read before messages.
    damaged_bodies: HashSet<BodyId>,
    checked_records: HashSet<(u32, u64)>,
}

#[derive(Default)]
struct Tally {
    /// As they follow from the messages that can be read.
    sets: FolderSets,
    /// Messages whose rows are damaged: they are in the set of all, and perhaps in others.
    damaged: UidSet,
    bytes: i64,
    deleted_bytes: i64,
    last_uid: u32,
    last_modseq: u64,
}

impl Checker<'_> {
    fn problem(&mut self, text: impl Into<String>) {
        self.verdict.problem_count += 1;
        if self.verdict.problems.len() < MAX_PROBLEMS {
            self.verdict.problems.push(text.into());
        }
    }

    /// A damaged thing is a problem; that the disk cannot be read at all ends the check.
    fn noted<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged(text)) => {
                self.problem(text);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn read_rows(&mut self) -> Result<()> {
        let mut from = Vec::new();
        loop {
            let rows: Rows = self.view.range(&from, &keys::after(&[]), CHUNK)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = [&last[..], &[0]].concat();
            for (key, row) in &rows {
                let class = key.first().copied().unwrap_or_default();
                *self.verdict.rows.entry(char::from(class)).or_default() += 1;
                match self.row(class, key, row) {
                    Err(Error::Damaged(text)) => self.problem(format!("{text} (at {})", shown(key))),
                    read => read?,
                }
            }
        }
    }

    fn row(&mut self, class: u8, key: &[u8], row: &[u8]) -> Result<()> {
        match CLASSES.iter().find(|(known, _)| *known == class) {
            Some((_, Reader::Counting(count))) => count(self, key, row),
            Some((_, Reader::Claiming(inspect))) => {
                let claims = inspect(self.view, key, row)?;
                claims.wrong.into_iter().for_each(|text| self.problem(text));
                claims.bodies.into_iter().for_each(|body| self.reference(body));
                claims.keys.into_iter().try_for_each(|(body, key)| self.data_key(body, Some(key)))?;
                claims.records.into_iter().try_for_each(|place| self.record(place))
            }
            None => Err(Error::Damaged("row of an unknown class".into())),
        }
    }

    fn reference(&mut self, body: BodyId) {
        *self.references.entry(body).or_default() += 1;
    }

    /// The key of a sealed body must open, and be that of the body.
    fn data_key(&mut self, body: BodyId, key: Option<WrappedKey>) -> Result<()> {
        match self.view.data_key(body, key.as_ref()) {
            Err(Error::Damaged(what) | Error::NotPossible(what) | Error::Sealed(what)) => Err(Error::Damaged(what)),
            other => other.map(drop),
        }
    }

    fn folder(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let folder = mailboxes::decode_folder(key, row)?;
        let (account, id) = partition(key)?;
        self.tallies.entry((account, id)).or_default();
        let named = self.view.folder_named(account, &folder.name)?;
        if named.is_none_or(|named| named.id != id) {
            self.problem(format!("folder {id:?} of {account:?} is not found by its name {:?}", folder.name));
        }
        Ok(())
    }

    /// Sets are compared when all messages were read.
    fn uid_block(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let (account, folder) = partition(key)?;
        self.tallies.entry((account, folder)).or_default();
        let number = mailboxes::block_number(key)?;
        if key.get(13).is_none_or(|set| FolderSet::ALL.iter().all(|known| *known as u8 != *set)) {
            return Err(Error::Damaged("a set of UIDs that nobody knows".into()));
        }
        mailboxes::decode_block(number, Some(row)).map(drop)
    }

    fn folder_name(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let id = mailboxes::decode_folder_name(row)?;
        let account = key.get(1..).and_then(|rest| rest.first_chunk());
        let account = account.ok_or_else(|| Error::Damaged("key of a folder name".into()))?;
        let account = AccountId(u64::from_be_bytes(*account));
        let name = String::from_utf8_lossy(key.get(9..).unwrap_or_default());
        if self.view.folder(account, id)?.is_none_or(|folder| folder.name != name) {
            self.problem(format!("the name {name:?} of {account:?} leads to no folder of that name"));
        }
        Ok(())
    }

    fn message(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        match self.read_message(key, row) {
            // Who looks after the store wants to know whose letter it is.
            Err(Error::Damaged(what)) => Err(Error::Damaged(format!("{}: {what}", self.whose(key)?))),
            other => other,
        }
    }

    fn read_message(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let (account, folder) = partition(key)?;
        let message = mailboxes::decode_message(key, row).inspect_err(|_| {
            let tally = self.tallies.entry((account, folder)).or_default();
            tally.damaged.extend(mailboxes::message_place(key).map(|(_, _, uid)| uid));
        })?;
        self.count(account, folder, &message);
        self.reference(message.body);
        let uid = message.uid;
        let entry = self.view.get(&keys::change(account, folder, message.modseq, uid))?;
        if entry.is_none() {
            self.problem(format!("message {uid:?} in {folder:?} of {account:?} is not in the change index"));
        }
        if self.view.get(&keys::summary(account, folder, uid))?.is_none() {
            self.problem(format!("message {uid:?} in {folder:?} of {account:?} has no summary"));
        }
        if self.damaged_bodies.contains(&message.body) {
            return Err(Error::Damaged("its body is damaged".into()));
        }
        self.data_key(message.body, message.data_key)?;
        self.record(message.recipient_prefix)?;
        self.record(message.item_prefix)
    }

    /// Account, folder and UID of the key of a message, in words.
    fn whose(&self, key: &[u8]) -> Result<String> {
        let (account, folder) = partition(key)?;
        let login = self.view.account(account).ok().flatten().map_or_else(String::new, |found| found.login);
        let name = self.view.folder(account, folder).ok().flatten().map_or_else(String::new, |found| found.name);
        let uid = key.last_chunk().map_or(0, |uid| u32::from_be_bytes(*uid));
        Ok(format!("message {uid} in folder {name:?} of account {} {login:?}", account.0))
    }

    fn count(&mut self, account: AccountId, folder: FolderId, message: &Message) {
        let tally = self.tallies.entry((account, folder)).or_default();
        tally.sets.add(message.uid, message.flags);
        let size = i64::try_from(message.size()).unwrap_or(i64::MAX);
        tally.bytes += size;
        tally.deleted_bytes += if message.flags.contains(Flags::DELETED) { size } else { 0 };
        tally.last_uid = tally.last_uid.max(message.uid.get());
        tally.last_modseq = tally.last_modseq.max(message.modseq.0);
    }

    fn summary(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        match self.view.decode_summary(partition(key)?.0, row.to_vec()) {
            Err(Error::NotPossible(what) | Error::Sealed(what)) => self.problem(format!("{what} (a summary)")),
            other => drop(other?),
        }
        let message = [b"m", key.get(1..).unwrap_or_default()].concat();
        if self.view.get(&message)?.is_none() {
            self.problem("a summary without a message");
        }
        Ok(())
    }

    fn change(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let (modseq, change) = mailboxes::decode_change(key, row)?;
        let (account, folder) = partition(key)?;
        let tally = self.tallies.entry((account, folder)).or_default();
        tally.last_modseq = tally.last_modseq.max(modseq.0);
        let stands = |uid: Uid| self.view.message(account, folder, uid);
        let fits = match change {
            Change::Changed(uid) => stands(uid)?.is_some_and(|message| message.modseq == modseq),
            Change::Expunged(uid) => stands(uid)?.is_none(),
        };
        if !fits {
            self.problem(format!("{change:?} at {modseq:?} in {folder:?} of {account:?} does not fit the message"));
        }
        Ok(())
    }

    fn record(&mut self, place: RecordRef) -> Result<()> {
        if place.is_empty() || !self.checked_records.insert((place.pack, place.offset)) {
            return Ok(());
        }
        self.verdict.records += 1;
        self.view.store.inner.packs.verify(place, Kind::Bytes).map(drop)
    }

    fn body(&mut self, key: &[u8], row: &[u8]) -> Result<()> {
        let body = BodyRow::decode(row)?;
        self.verdict.bodies += 1;
        self.verdict.body_bytes += u64::from(body.place.len());
        let found = match self.view.store.inner.packs.verify(body.place, Kind::Body) {
            Err(Error::Damaged(what)) => {
                self.damaged_bodies.extend(key.get(1..).and_then(|id| id.try_into().ok()).map(BodyId));
                return Err(Error::Damaged(what));
            }
            found => found?,
        };
        if key.get(1..) != Some(&found[..]) {
            self.problem("a body is not what its name says");
        }
        Ok(())
    }

    fn compare_counters(&mut self) -> Result<()> {
        let mut accounts: HashMap<AccountId, (i64, i64)> = HashMap::new();
        for ((account, folder), tally) in std::mem::take(&mut self.tallies) {
            let count = |set| i64::try_from(tally.sets.of(set).len()).unwrap_or(i64::MAX);
            let sums = accounts.entry(account).or_default();
            sums.0 += count(FolderSet::All);
            sums.1 += tally.bytes;
            let counted = |kind| self.view.counter(&keys::folder_counter(account, folder, kind));
            let expected = [
                (FolderCounter::Messages, count(FolderSet::All)),
                (FolderCounter::Unseen, count(FolderSet::Unseen)),
                (FolderCounter::Deleted, count(FolderSet::Deleted)),
                (FolderCounter::Bytes, tally.bytes),
                (FolderCounter::DeletedBytes, tally.deleted_bytes),
            ];
            let mut wrong = self.wrong_sets((account, folder), &tally)?;
            for (kind, expected) in expected {
                let found = counted(kind)?;
                if found != expected {
                    wrong.push(format!("{kind:?} is {found}, should be {expected}"));
                }
            }
            if counted(FolderCounter::Uids)? < i64::from(tally.last_uid) {
                wrong.push("a UID is beyond UIDNEXT".into());
            }
            if ModSeq(u64::try_from(counted(FolderCounter::ModSeqs)?).unwrap_or(0)) < ModSeq(tally.last_modseq) {
                wrong.push("a MODSEQ is beyond HIGHESTMODSEQ".into());
            }
            wrong.into_iter().for_each(|text| self.problem(format!("{folder:?} of {account:?}: {text}")));
        }
        for (account, (messages, bytes)) in accounts {
            for (kind, expected) in [(AccountCounter::Messages, messages), (AccountCounter::Bytes, bytes)] {
                let found = self.view.counter(&keys::account_counter(account, kind))?;
                if found != expected {
                    self.problem(format!("{account:?}: {kind:?} is {found}, should be {expected}"));
                }
            }
        }
        Ok(())
    }

    /// Sentences about the sets that do not have exactly the messages that they should.
    fn wrong_sets(&self, (account, folder): (AccountId, FolderId), tally: &Tally) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for set in FolderSet::ALL {
            let mut extra = self.view.uid_set(account, folder, set)?;
            let mut missing = tally.sets.of(set).clone();
            if set == FolderSet::All {
                missing.unite(&tally.damaged);
            }
            let shared = extra.clone();
            extra.subtract(&missing);
            extra.subtract(&tally.damaged);
            missing.subtract(&shared);
            for (uids, what) in [(extra, "has UIDs that it should not have"), (missing, "lacks UIDs")] {
                if let Some(first) = uids.first() {
                    wrong.push(format!("the set {set:?} {what}: {} of them, the first is {}", uids.len(), first.get()));
                }
            }
        }
        Ok(wrong)
    }

    fn compare_bodies(&mut self) -> Result<()> {
        let prefix = [b'b'];
        let mut from = prefix.to_vec();
        loop {
            let rows = self.view.range(&from, &keys::after(&prefix), CHUNK)?;
            let Some((last, _)) = rows.last() else { break };
            from = [&last[..], &[0]].concat();
            for (key, row) in &rows {
                let id = key.get(1..).and_then(|id| id.try_into().ok()).map(BodyId);
                // Damaged ones were told when they were read.
                let (Some(id), Ok(row)) = (id, BodyRow::decode(row)) else { continue };
                let named = self.references.remove(&id).unwrap_or(0);
                if row.references != named {
                    self.problem(format!("{id:?} counts {} references, but {named} rows name it", row.references));
                }
            }
        }
        let missing: Vec<_> = self.references.keys().copied().collect();
        missing.into_iter().for_each(|id| self.problem(format!("{id:?} is named by a row and is not there")));
        Ok(())
    }

    fn read_journal(&mut self) -> Result<()> {
        let mut lines = 0;
        let read = self.view.journal_lines(|_| {
            lines += 1;
            std::ops::ControlFlow::Continue(())
        });
        self.verdict.journal_lines = lines;
        self.noted(read).map(drop)
    }

    fn walk_packs(&mut self) -> Result<()> {
        let packs = &self.view.store.inner.packs;
        for number in packs.numbers()? {
            let walked = packs.walk(number, |_, _| ())?;
            self.verdict.left_over_bytes += walked.length.saturating_sub(walked.end);
        }
        Ok(())
    }
}

/// Account and folder of a key.
fn partition(key: &[u8]) -> Result<(AccountId, FolderId)> {
    key.get(1..)
        .and_then(|rest| rest.split_first_chunk())
        .and_then(|(account, rest)| Some((account, rest.first_chunk()?)))
        .map(|(account, folder)| (AccountId(u64::from_be_bytes(*account)), FolderId(u32::from_be_bytes(*folder))))
        .ok_or_else(|| Error::Damaged("key without account and folder".into()))
}

/// A counter.
fn number(_: &View<'_>, _: &[u8], row: &[u8]) -> Result<Claims> {
    counter(Some(row)).map(|_| Claims::default())
}

/// A fact of the directory: those that have a form of their own by name, all others are counters.
fn fact(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let name = key.get(1..).unwrap_or_default();
    let is_read = match name {
        b"schema" => rows::decode::<u32>(super::open::SCHEMA_ROW_VERSION, row).is_ok(),
        b"person-key" => row.len() == blake3::KEY_LEN,
        b"vault" => view.is_own_vault(row),
        _ if name == super::announcements::FACT.as_bytes() => super::announcements::decode(row).is_ok(),
        _ if name.starts_with(super::journal::PREFIX.as_bytes()) => row.len() == size_of::<u64>(),
        _ if name.starts_with(mailboxes::DOOMED.as_bytes()) => true,
        _ => return number(view, key, row),
    };
    if is_read { Ok(Claims::default()) } else { Err(Error::Damaged("row of a fact of the directory".into())) }
}

/// An answer of the API is that layer's own; its key is told apart here, and its version.
fn answer(_: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let principal = key.get(1..).and_then(|rest| rest.split_last_chunk::<{ blake3::OUT_LEN }>());
    match (principal, row) {
        (Some(([.., 0], _)), [_version, _, ..]) => Ok(Claims::default()),
        _ => Err(Error::Damaged("row of an answer that was given".into())),
    }
}

/// A key as the class and the rest in hexadecimal digits.
fn shown(key: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in key.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match at {
            0 => write!(text, "{} ", byte.escape_ascii()),
            _ => write!(text, "{byte:02x}"),
        };
    }
    text
}
