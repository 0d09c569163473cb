//! The chain over the entries of the audit (M20): each has a hash over its number, its time, its bytes and the hash of
//! the one before, so that none can be changed, removed or put elsewhere without all later ones telling.
//!
//! The committer makes it, in the order in which entries become durable, and in the same batch: an entry without its
//! link is never on the disk. It costs one hash and two small rows an entry, and nothing where there is none; letters
//! on their way make none.
//!
//! With encryption at rest the hash is over the sealed entry. So verifying opens nothing, and a damaged or missing key
//! breaks no chain; and a link or a signed head that is kept elsewhere tells nothing of an entry. Over the plain one it
//! would: whoever guesses who did what could compute it and compare. A sealed entry opens only under its own key of
//! time and number, so none can stand for another.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::check::{Claims, bad_key};
use super::super::keys::{self, Key};
use super::super::{Batch, Error, Result, Store, View, rows};
use super::CLASS as ENTRIES;

const VERSION: u8 = 1;

/// Class of the rows of the chain; the second byte says what a row is.
pub(super) const CLASS: u8 = b'X';

const LINKS: u8 = 1;
const HEAD: u8 = 2;
const SIGNED: u8 = 3;

/// What the hashes begin with, so that they are those of nothing else.
const DOMAIN: &[u8] = b"poshta audit 1\n";

/// Links written by one commit of the upgrade.
const LINKS_A_COMMIT: usize = 500;

/// Entries read at a time.
const CHUNK: usize = 2_000;

/// How far the chain goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 before the first.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What the chain says of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Link {
    /// The time in the key of the entry.
    pub(super) at_us: u64,
    /// The hash up to this entry.
    pub(super) hash: [u8; 32],
}

/// A head that was signed: what was cut off behind it would be missed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedHead {
    /// What was signed.
    pub head: Head,
    /// The note, byte by byte.
    pub note: String,
    /// With what the note is verified, as text.
    pub key: String,
}

impl Head {
    /// The hash of the next entry.
    pub(super) fn hash_of(&self, number: u64, at_us: u64, row: &[u8]) -> [u8; 32] {
        let hasher = Sha256::new().chain_update(DOMAIN).chain_update(self.hash);
        hasher.chain_update(number.to_be_bytes()).chain_update(at_us.to_be_bytes()).chain_update(row).finalize().into()
    }

    fn decode(row: &[u8]) -> Result<Self> {
        rows::decode(VERSION, row)
    }
}

/// The rows of one more entry, and the head with it.
pub(in crate::store) fn next(
    head: Option<&[u8]>,
    number: u64,
    at_us: u64,
    entry: Vec<u8>,
) -> Result<[(Vec<u8>, Vec<u8>); 3]> {
    let before = match head.map(Head::decode).transpose() {
        Ok(head) => head.unwrap_or_default(),
        Err(error) => {
            // What people do must still be written down: the chain begins anew here, which its verification names.
            tracing::error!(%error, "the head of the audit is damaged; see `poshta audit verify`");
            Head::default()
        }
    };
    let hash = before.hash_of(number, at_us, &entry);
    Ok([
        (entry_key(at_us, number), entry),
        (link_key(number), rows::encode(VERSION, &Link { at_us, hash })?),
        (head_key(), rows::encode(VERSION, &Head { number, hash })?),
    ])
}

/// Keeps a signed head: the last one of its day, which is text such as `2026-11-29`.
///
/// # Errors
/// It cannot be written as a row.
pub fn keep_signed_head(batch: &mut Batch, day: &str, signed: &SignedHead) -> Result<()> {
    batch.put(Key::of(CLASS).u8(SIGNED).text(day).done(), rows::encode(VERSION, signed)?);
    Ok(())
}

impl View<'_> {
    /// How far the chain over the audit goes.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_head(&self) -> Result<Head> {
        Ok(self.get(&head_key())?.map(|row| Head::decode(&row)).transpose()?.unwrap_or_default())
    }

    /// The head as it was when the entry with this number was the last one.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn audit_head_at(&self, number: u64) -> Result<Option<Head>> {
        if number == 0 {
            return Ok(Some(Head::default()));
        }
        Ok(self.audit_link(number)?.map(|link| Head { number, hash: link.hash }))
    }

    /// The signed heads that are kept, one a day, the newest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn signed_audit_heads(&self, limit: usize) -> Result<Vec<SignedHead>> {
        let prefix = [CLASS, SIGNED];
        let rows = self.range_back(&prefix, &keys::after(&prefix), limit)?;
        rows.iter().map(|(_, row)| rows::decode(VERSION, row)).collect()
    }

    pub(super) fn audit_link(&self, number: u64) -> Result<Option<Link>> {
        self.get(&link_key(number))?.map(|row| rows::decode(VERSION, &row)).transpose()
    }

    /// Up to `limit` links from this number on.
    pub(super) fn audit_links(&self, from: u64, limit: usize) -> Result<Vec<(u64, Result<Link>)>> {
        let rows = self.range(&link_key(from), &keys::after(&[CLASS, LINKS]), limit)?;
        Ok(rows.iter().map(|(key, row)| (number_in(key), rows::decode(VERSION, row))).collect())
    }
}

/// Schema 3: entries from before there was a chain get their links. Answers how many there are.
pub(in crate::store) fn link_entries(store: &Store) -> Result<u64> {
    let mut numbers = Vec::new();
    let mut from = vec![ENTRIES];
    loop {
        let rows = store.read_blocking(|view| view.range(&from, &keys::after(&[ENTRIES]), CHUNK))?;
        let Some((last, _)) = rows.last() else { break };
        from = [&last[..], &[0]].concat();
        numbers.extend(rows.iter().filter_map(|(key, _)| place_of(key).map(|(at_us, number)| (number, at_us))));
    }
    // In the order in which they were made, not in that of a clock.
    numbers.sort_unstable();
    let mut head = Head::default();
    for numbers in numbers.chunks(LINKS_A_COMMIT) {
        let mut batch = Batch::new();
        for (number, at_us) in numbers {
            let key = entry_key(*at_us, *number);
            let entry = store.read_blocking(|view| view.get_raw(&key))?.unwrap_or_default();
            head = Head { number: *number, hash: head.hash_of(*number, *at_us, &entry) };
            let link = Link { at_us: *at_us, hash: head.hash };
            batch.put(link_key(*number), rows::encode(VERSION, &link)?);
        }
        batch.put(head_key(), rows::encode(VERSION, &head)?);
        store.commit_blocking(batch)?;
    }
    Ok(numbers.len() as u64)
}

/// The key of an entry.
pub(in crate::store) fn entry_key(at_us: u64, number: u64) -> Vec<u8> {
    Key::of(ENTRIES).u64(at_us).u64(number).done()
}

/// Time and number in the key of an entry.
pub(super) fn place_of(key: &[u8]) -> Option<(u64, u64)> {
    let at = key.get(1..9)?.first_chunk()?;
    let number = key.get(9..)?.try_into().ok()?;
    Some((u64::from_be_bytes(*at), u64::from_be_bytes(number)))
}

/// The key of the head.
pub(in crate::store) fn head_key() -> Vec<u8> {
    vec![CLASS, HEAD]
}

fn link_key(number: u64) -> Vec<u8> {
    Key::of(CLASS).u8(LINKS).u64(number).done()
}

fn number_in(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |number| u64::from_be_bytes(*number))
}

/// Whether a row of the chain can be read, and what it speaks of is there.
pub(in crate::store) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    match key.get(1) {
        Some(&LINKS) => {
            let link: Link = rows::decode(VERSION, row)?;
            let number = number_in(key);
            let is_there = view.get(&entry_key(link.at_us, number))?.is_some();
            claims.require(is_there, || format!("audit entry {number} is missing; see `poshta audit verify`"));
        }
        Some(&HEAD) => {
            let head = Head::decode(row)?;
            let ends_here = view.audit_head_at(head.number)? == Some(head)
                && view.audit_link(head.number.saturating_add(1))?.is_none();
            claims
                .require(ends_here, || format!("the audit's head is entry {}, and it does not end there", head.number));
        }
        Some(&SIGNED) => {
            let SignedHead { head, .. } = rows::decode(VERSION, row)?;
            let fits = view.audit_head_at(head.number)? == Some(head);
            claims.require(fits, || format!("the audit at entry {} is not what was signed", head.number));
        }
        _ => return Err(bad_key("the chain of the audit")),
    }
    Ok(claims)
}

/// Whether an entry has its link, and follows from the one before.
pub(super) fn inspect_entry(view: &View<'_>, key: &[u8]) -> Result<Claims> {
    let (at_us, number) = place_of(key).ok_or_else(|| bad_key("an audit entry"))?;
    let row = view.get_raw(key)?.unwrap_or_default();
    let mut claims = Claims::default();
    let before = view.audit_head_at(number.saturating_sub(1))?.unwrap_or_default();
    let fits = match view.audit_link(number) {
        Ok(link) => link == Some(Link { at_us, hash: before.hash_of(number, at_us, &row) }),
        Err(Error::Damaged(_)) => false,
        Err(error) => return Err(error),
    };
    claims.require(fits, || format!("audit entry {number} does not fit into its chain; see `poshta audit verify`"));
    Ok(claims)
}
