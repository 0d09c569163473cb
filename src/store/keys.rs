//! Every key of the store, in one place: one class byte, then the partition, then big-endian fields (DESIGN 3).
//!
//! | class | key | value | written by |
//! |---|---|---|---|
//! | `!` | name | schema version, S10 blocks, other facts of the directory | store |
//! | `l` | folded login (also tombstones of closed ones) | account id or tombstone | accounts |
//! | `d` | folded address | account id or tombstone | accounts |
//! | `n` | keyed hash of IIN or BIN | account id | accounts |
//! | `a` | account | account row | accounts |
//! | `A` | account, counter kind | counter | accounts, mailboxes |
//! | `f` | account, folder | folder row | mailboxes |
//! | `F` | account, folder, counter kind | counter: see [`FolderCounter`] | mailboxes |
//! | `U` | account, folder, set, block | UIDs of the block that are in the set: all, unseen, deleted | mailboxes |
//! | `N` | account, folder name | folder id | mailboxes |
//! | `S` | account, folder name | subscription | mailboxes |
//! | `m` | account, folder, uid | message row, hot | mailboxes |
//! | `s` | account, folder, uid | envelope and structure | mailboxes |
//! | `x` | account, folder, modseq, uid | changed or expunged | mailboxes |
//! | `t` | account, hash of Message-ID | thread id | mailboxes |
//! | `b` | body id | place in a pack, references | bodies |
//! | `q` | shard, item, recipient number | outbound row | outbound |
//! | `Q` | shard, due time, item, recipient number | nothing: the due-time index | outbound |
//! | `p` | item | print job | hybrid |
//! | `P` | centre, due time, item | nothing: what a centre may lease, by time | hybrid |
//! | `i` | item, number | event of the item | hybrid, outbound |
//! | `I` | S10 number | item | hybrid |
//! | `1` | account, item | nothing: a letter to paper that the account sent | hybrid |
//! | `4` | state, item | nothing: a letter to paper that stands so | hybrid |
//! | `o` | item, event number | nothing: a message that the sender is still to get | hybrid |
//! | `h` | account, day | counter of letters to paper on that day | hybrid |
//! | `c` | item | scan | hybrid |
//! | `C` | item | nothing: the scan waits for a person | hybrid |
//! | `k` | principal, idempotency key hash | answer that was given | http |
//! | `K` | device, selector | a key that signs or signed, and when | devices |
//! | `y` | device, day | its daily closing, signed | closings |
//! | `Y` | device, number | that it was issued, returned or revoked | devices |
//! | `z` | time, number | what a check of the clock found | devices |
//! | `w` | account, counter kind | the line of warning that it crossed, and where it is calm again | quota |
//! | `W` | account, counter kind | nothing: its user is to be told of that | quota |
//! | `r` | due time, item, recipient number, stage | a receipt that is still to be written | intake, hybrid, receipts |
//! | `e` | account (0: paper), item | a receipt for when the letter is handed over or arrives | intake |
//! | `R` | account, email id; or account alone | a letter that its addressee has fetched; or that the user lets senders know | receipts, accounts |
//! | `u` | time, number | audit entry | all |
//! | `5` | kind, account or application, time, number | nothing: an audit entry that is about it | store |
//! | `X` | kind, number or day | the chain over the audit: a link for each entry, its head, heads that were signed | store, audit |
//! | `Z` | account, number | a look-up of the person in the unified base, for the person to see | people |
//! | `B` | account | how far its mailbox has come on its way into the unified base | people |
//! | `g` | hash of the code | payment sign | payment |
//! | `j` | item | what was paid for it, the mark for its receipt | payment |
//! | `G` | kind, account or centre, number | terms of accounts; bundles for print centres with their plombs | payment, hybrid |
//! | `J` | serial | application for a mailbox | people |
//! | `L` | kind, time or person, serial | nothing: what waits of the applications | people |
//! | `H` | serial, number | a document that proves an application | people |
//! | `v` | kind, serial or hash | what clerks have seen to at a counter, codes for choosing a password | people |
//! | `M` | kind, version or account, time | versions of the agreement; consents to them | people |
//! | `D` | account | the profile of its user | people |
//! | `2` | account, time | what proves that its user confirmed the data | people |
//! | `3` | account, kind, item or scan | receipts and scanned letters that its user finds in the cabinet | receipts, hybrid |
//! | `E` | 1, hash of a secret; or 2, account, that hash | who is signed in to the pages; nothing: a list of them | sessions |
//! | `T` | account | from where it was last signed in to | sessions |
//! | `V` | 1, account; or 2, hash of a credential id | what it has beside its password; whose passkey it is | sessions |
//! | `O` | account | its roles as staff | sessions |

use crate::ids::{AccountId, BodyId, FolderId, ItemId, ModSeq, Uid};

use super::{Hole, RecordRef, Template, journal};

/// Builds a key field by field.
#[derive(Clone, Debug)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins a key of this class.
    #[must_use]
    pub fn of(class: u8) -> Self {
        Key(vec![class])
    }

    /// Appends a byte.
    #[must_use]
    pub fn u8(mut self, field: u8) -> Self {
        self.0.push(field);
        self
    }

    /// Appends four bytes, big-endian.
    #[must_use]
    pub fn u32(mut self, field: u32) -> Self {
        self.0.extend_from_slice(&field.to_be_bytes());
        self
    }

    /// Appends eight bytes, big-endian.
    #[must_use]
    pub fn u64(mut self, field: u64) -> Self {
        self.0.extend_from_slice(&field.to_be_bytes());
        self
    }

    /// Appends an id of sixteen bytes.
    #[must_use]
    pub fn item(mut self, item: ItemId) -> Self {
        self.0.extend_from_slice(&item.to_bytes());
        self
    }

    /// Appends raw bytes: only as the last field, or with a fixed length.
    #[must_use]
    pub fn raw(mut self, field: &[u8]) -> Self {
        self.0.extend_from_slice(field);
        self
    }

    /// Appends text and a zero byte, so that more fields may follow. The text must not hold a zero byte.
    #[must_use]
    pub fn text(mut self, field: &str) -> Self {
        self.0.extend(field.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
        self
    }

    /// The finished key.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    /// The finished beginning of a key whose next field is filled in by the committer.
    #[must_use]
    pub fn hole(self, hole: Hole) -> Template {
        Template::from(self.0).hole(hole)
    }
}

/// The first key that does not begin with `prefix`: the end of a range over it.
#[must_use]
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 64]
}

/// What the packs remember of a row, so that `rebuild` can make it again (DESIGN 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// Nothing: it follows from other rows or from the bytes, or is worth nothing without the engine.
    None,
    /// That it came and that it went, not how it changed.
    ComingAndGoing,
    /// Every change: rows that change seldom.
    Always,
}

/// See [`Memory`].
pub(super) fn memory_of(key: &[u8]) -> Memory {
    match key.split_first() {
        Some((b'm' | b'q' | b'r' | b'e', _)) => Memory::ComingAndGoing,
        // What a person decided of a scan too: forgotten, it would be delivered a second time.
        Some((b'l' | b'd' | b'n' | b'a' | b'f' | b'S' | b'p' | b'c' | b'I' | b'i' | b'K' | b'R' | b'u', _)) => {
            Memory::Always
        }
        // Who is staff, and what is asked beside a password; who is signed in is not remembered.
        Some((b'O' | b'V', _)) => Memory::Always,
        // P20: a sign that was forgotten would pay a second time.
        Some((b'g' | b'j' | &LEDGER, _)) => Memory::Always,
        // What people applied for, agreed to and told of themselves.
        Some((b'J' | b'L' | b'H' | b'M' | b'D' | b'2' | b'3' | b'v', _)) => Memory::Always,
        // M20, M23: what a person may know follows from nothing else, nor does what convicts who changes the audit.
        Some((b'B' | b'X' | b'Z', _)) => Memory::Always,
        // What was signed, and what it stands on; checks of the clock are in the journal too.
        Some((b'y' | b'Y', _)) => Memory::Always,
        // How much of a journal counts changes with every letter, and the journal itself is still there.
        Some((b'!', name)) if !name.starts_with(journal::PREFIX.as_bytes()) => Memory::Always,
        _ => Memory::None,
    }
}

/// Where in a row the places of records stand: sixteen bytes each (`RecordRef::to_bytes`).
pub(super) fn places_in(key: &[u8], row: &[u8]) -> &'static [usize] {
    match (key.first(), row.first()) {
        (Some(b'm'), Some(_)) => &super::mailboxes::PLACES,
        (Some(b's'), Some(&version)) if super::mailboxes::summary_has_place(version) => &[1],
        (Some(b'b' | b'q' | b'p'), Some(_)) => &[1],
        (Some(b'r' | b'e'), Some(_)) => &super::receipts::PLACES,
        (Some(b'R'), Some(_)) => &super::receipts::MARK_PLACE,
        (Some(b'H'), Some(_)) => &super::applications::EVIDENCE_PLACE,
        (Some(b'2' | b'3'), Some(_)) => &super::documents::PLACE,
        (Some(b'M'), Some(_)) if key.get(1) == Some(&1) => &super::agreements::VERSION_PLACE,
        _ => &[],
    }
}

/// Where in a row of a message stands where its body may lie. It names nothing: compaction keeps no record for it, and
/// no row is refused for it.
fn hint_in(key: &[u8], row: &[u8]) -> Option<usize> {
    if key.first() == Some(&b'm') { super::mailboxes::hint_in(row) } else { None }
}

/// Where the body of the message may lie, if this is the row of one and says so.
pub(super) fn hint(key: &[u8], row: &[u8]) -> Option<RecordRef> {
    let place = row.get(hint_in(key, row)?..)?.first_chunk()?;
    Some(RecordRef::from_bytes(*place)).filter(|place| *place != RecordRef::default())
}

/// Puts `to` where the row says that the body may lie at `from`; tells whether it did.
pub(super) fn rename_hint(key: &[u8], row: &mut [u8], from: RecordRef, to: RecordRef) -> bool {
    let place = hint_in(key, row).and_then(|at| row.get_mut(at..)?.first_chunk_mut());
    match place.filter(|place| RecordRef::from_bytes(**place) == from) {
        Some(place) => {
            *place = to.to_bytes();
            true
        }
        None => false,
    }
}

/// Whether what this row names may be named by another one, now or soon (COPY). The row of a body is the only one that
/// names it, and only the committer changes it.
pub(super) fn may_be_shared(key: &[u8]) -> bool {
    key.first() != Some(&b'b')
}

/// The records that a row names.
pub(super) fn records_named(key: &[u8], row: &[u8]) -> impl Iterator<Item = RecordRef> {
    places_in(key, row)
        .iter()
        .filter_map(|at| row.get(*at..)?.first_chunk().copied())
        .map(RecordRef::from_bytes)
        .filter(|place| *place != RecordRef::default())
}

/// Puts `to` where the row names `from`; tells whether it did.
pub(super) fn rename_record(key: &[u8], row: &mut [u8], from: RecordRef, to: RecordRef) -> bool {
    let mut is_renamed = false;
    for at in places_in(key, row) {
        if let Some(place) = row.get_mut(*at..).and_then(|rest| rest.first_chunk_mut())
            && RecordRef::from_bytes(*place) == from
        {
            *place = to.to_bytes();
            is_renamed = true;
        }
    }
    is_renamed
}

/// `row` with its records where `other`, a value of the same row, says that they are.
pub(super) fn with_places_of(key: &[u8], mut row: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for at in places_in(key, &row) {
        let end = at + RecordRef::BYTES;
        if let (Some(place), Some(now)) = (row.get_mut(*at..end), other.get(*at..end)) {
            place.copy_from_slice(now);
        }
    }
    row
}

/// Do two values of a row say the same, wherever the records that they name lie now?
pub(super) fn is_same_row(key: &[u8], one: &[u8], other: &[u8]) -> bool {
    let mut position = 0;
    if one.len() != other.len() {
        return false;
    }
    for at in places_in(key, one).iter().copied().chain(hint_in(key, one)) {
        if one.get(position..at) != other.get(position..at) {
            return false;
        }
        position = at + RecordRef::BYTES;
    }
    one.get(position..) == other.get(position..)
}

/// Counters of an account (class `A`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AccountCounter {
    /// Folder ids given out.
    Folders = 1,
    /// UIDVALIDITY values given out.
    UidValidity = 2,
    /// Messages stored.
    Messages = 3,
    /// Bytes stored.
    Bytes = 4,
}

/// Counters of a folder (class `F`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FolderCounter {
    /// UIDs given out: UIDNEXT is this plus one.
    Uids = 1,
    /// MODSEQs given out: HIGHESTMODSEQ.
    ModSeqs = 2,
    /// Messages.
    Messages = 3,
    /// Messages without `\Seen`.
    Unseen = 4,
    /// Messages with `\Deleted`.
    Deleted = 5,
    /// Sum of RFC822.SIZE.
    Bytes = 6,
    /// Sum of RFC822.SIZE of those with `\Deleted`.
    DeletedBytes = 7,
}

impl AccountCounter {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Folders, Self::UidValidity, Self::Messages, Self::Bytes];
}

impl FolderCounter {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Uids, Self::ModSeqs, Self::Messages, Self::Unseen, Self::Deleted, Self::Bytes, Self::DeletedBytes];
}

/// Sets of UIDs of a folder (class `U`), in blocks of [`BLOCK_UIDS`](crate::uid_set::BLOCK_UIDS).
///
/// A flag by which sessions often ask may become a set too; the number of a set is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FolderSet {
    /// Every message.
    All = 1,
    /// Messages without `\Seen`.
    Unseen = 2,
    /// Messages with `\Deleted`.
    Deleted = 3,
}

impl FolderSet {
    /// Every set.
    pub const ALL: [Self; 3] = [Self::All, Self::Unseen, Self::Deleted];
}

/// A fact of the directory.
#[must_use]
pub fn fact(name: &str) -> Vec<u8> {
    Key::of(b'!').raw(name.as_bytes()).done()
}

/// Who has (or had) this folded login.
#[must_use]
pub fn login(folded: &str) -> Vec<u8> {
    Key::of(b'l').raw(folded.as_bytes()).done()
}

/// Who has (or had) this folded address.
#[must_use]
pub fn address(folded: &str) -> Vec<u8> {
    Key::of(b'd').raw(folded.as_bytes()).done()
}

/// The account of a person or company, by keyed hash of IIN or BIN.
#[must_use]
pub fn person(hash: &[u8; 32]) -> Vec<u8> {
    Key::of(b'n').raw(hash).done()
}

/// An account's row.
#[must_use]
pub fn account(account: AccountId) -> Vec<u8> {
    Key::of(b'a').u64(account.0).done()
}

/// A counter of an account.
#[must_use]
pub fn account_counter(account: AccountId, counter: AccountCounter) -> Vec<u8> {
    Key::of(b'A').u64(account.0).u8(counter as u8).done()
}

/// Class of [`untold`].
pub(super) const UNTOLD: u8 = b'W';

/// Class of what is counted and owed beside the letters; its second byte says what a row is.
pub(super) const LEDGER: u8 = b'G';

/// How many bundles a print centre was given.
pub(super) const LEDGER_BATCHES_COUNT: u8 = 1;

/// Bundles for print centres.
pub(super) const LEDGER_BATCHES: u8 = 2;

/// Letters of those bundles.
pub(super) const LEDGER_BATCH_LETTERS: u8 = 4;

/// Terms on which accounts pay.
pub(super) const LEDGER_TERMS: u8 = 3;

/// The line of warning that a counter of an account crossed.
#[must_use]
pub(super) fn crossed(account: AccountId, counter: AccountCounter) -> Vec<u8> {
    Key::of(b'w').u64(account.0).u8(counter as u8).done()
}

/// There while the user is to be told of that.
#[must_use]
pub(super) fn untold(account: AccountId, counter: AccountCounter) -> Vec<u8> {
    Key::of(UNTOLD).u64(account.0).u8(counter as u8).done()
}

/// The beginning of all folder rows of an account.
#[must_use]
pub fn folders(account: AccountId) -> Vec<u8> {
    Key::of(b'f').u64(account.0).done()
}

/// A folder's row.
#[must_use]
pub fn folder(account: AccountId, folder: FolderId) -> Vec<u8> {
    Key::of(b'f').u64(account.0).u32(folder.0).done()
}

/// A counter of a folder.
#[must_use]
pub fn folder_counter(account: AccountId, folder: FolderId, counter: FolderCounter) -> Vec<u8> {
    Key::of(b'F').u64(account.0).u32(folder.0).u8(counter as u8).done()
}

/// The beginning of all sets of UIDs of a folder.
#[must_use]
pub fn folder_sets(account: AccountId, folder: FolderId) -> Vec<u8> {
    Key::of(b'U').u64(account.0).u32(folder.0).done()
}

/// The beginning of one set of UIDs of a folder.
#[must_use]
pub fn folder_set(account: AccountId, folder: FolderId, set: FolderSet) -> Vec<u8> {
    Key::of(b'U').u64(account.0).u32(folder.0).u8(set as u8).done()
}

/// A block of a set of UIDs.
#[must_use]
pub fn uid_block(account: AccountId, folder: FolderId, set: FolderSet, block: u32) -> Vec<u8> {
    Key::of(b'U').u64(account.0).u32(folder.0).u8(set as u8).u32(block).done()
}

/// The folder with this name.
#[must_use]
pub fn folder_name(account: AccountId, name: &str) -> Vec<u8> {
    Key::of(b'N').u64(account.0).raw(name.as_bytes()).done()
}

/// The subscription to this name.
#[must_use]
pub fn subscription(account: AccountId, name: &str) -> Vec<u8> {
    Key::of(b'S').u64(account.0).raw(name.as_bytes()).done()
}

/// The beginning of all message rows of a folder.
#[must_use]
pub fn messages(account: AccountId, folder: FolderId) -> Vec<u8> {
    Key::of(b'm').u64(account.0).u32(folder.0).done()
}

/// A message's row.
#[must_use]
pub fn message(account: AccountId, folder: FolderId, uid: Uid) -> Vec<u8> {
    Key::of(b'm').u64(account.0).u32(folder.0).u32(uid.get()).done()
}

/// A message's envelope and structure.
#[must_use]
pub fn summary(account: AccountId, folder: FolderId, uid: Uid) -> Vec<u8> {
    Key::of(b's').u64(account.0).u32(folder.0).u32(uid.get()).done()
}

/// The beginning of the change index of a folder, from `modseq` on.
#[must_use]
pub fn changes_from(account: AccountId, folder: FolderId, modseq: ModSeq) -> Vec<u8> {
    Key::of(b'x').u64(account.0).u32(folder.0).u64(modseq.0).done()
}

/// One change.
#[must_use]
pub fn change(account: AccountId, folder: FolderId, modseq: ModSeq, uid: Uid) -> Vec<u8> {
    Key::of(b'x').u64(account.0).u32(folder.0).u64(modseq.0).u32(uid.get()).done()
}

/// The thread that a Message-ID belongs to.
#[must_use]
pub fn thread(account: AccountId, message_id_hash: &[u8; 16]) -> Vec<u8> {
    Key::of(b't').u64(account.0).raw(message_id_hash).done()
}

/// Where a body lies.
#[must_use]
pub fn body(body: BodyId) -> Vec<u8> {
    Key::of(b'b').raw(&body.0).done()
}

/// One recipient of an item in the outbound queue.
#[must_use]
pub fn outbound(shard: u16, item: ItemId, recipient: u32) -> Vec<u8> {
    Key::of(b'q').raw(&shard.to_be_bytes()).item(item).u32(recipient).done()
}

/// The due-time index of the outbound queue; `due_ms` is milliseconds since 1970.
#[must_use]
pub fn outbound_due(shard: u16, due_ms: u64, item: ItemId, recipient: u32) -> Vec<u8> {
    Key::of(b'Q').raw(&shard.to_be_bytes()).u64(due_ms).item(item).u32(recipient).done()
}

/// A print job.
#[must_use]
pub fn print_job(item: ItemId) -> Vec<u8> {
    Key::of(b'p').item(item).done()
}

/// What a print centre may lease, by time; `due_ms` is milliseconds since 1970.
#[must_use]
pub fn print_due(centre: &str, due_ms: u64, item: ItemId) -> Vec<u8> {
    Key::of(b'P').text(centre).u64(due_ms).item(item).done()
}

/// The beginning of an item's events.
#[must_use]
pub fn item_events(item: ItemId) -> Vec<u8> {
    Key::of(b'i').item(item).done()
}

/// The item with this S10 number.
#[must_use]
pub fn s10(number: &str) -> Vec<u8> {
    Key::of(b'I').raw(number.as_bytes()).done()
}

/// A scan.
#[must_use]
pub fn scan(item: ItemId) -> Vec<u8> {
    Key::of(b'c').item(item).done()
}

/// The answer that was given to a request with an idempotency key.
#[must_use]
pub fn idempotency(principal: &str, key_hash: &[u8; 32]) -> Vec<u8> {
    Key::of(b'k').text(principal).raw(key_hash).done()
}
