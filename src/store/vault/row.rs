//! Rows that tell of people, sealed as a whole (M20): accounts, what was done with them, envelopes of letters that
//! wait. Whoever reads the files finds who it is in none.
//!
//! The committer seals and views open, so nobody above knows of it. A sealed row is one whose version has its highest
//! bit set; behind it stand the places of its records as they are, because compaction changes them without opening
//! anything, then a nonce and the rest. Row and key belong together: a row under another key does not open. Rows from
//! before encryption was turned on are read as they are, and sealed when they next change.
//!
//! The key is the system's, which `store rotate-key` wraps anew and closing an account does not destroy: what an audit
//! says must outlast the account. Keys of rows are not sealed: they are what rows are found and put in order by.

use super::{Owner, Vault};
use crate::store::{Error, RecordRef, Result, Rows, View, keys};

/// Of the version of a row that is sealed.
const SEALED: u8 = 0x80;

/// What the seal is for goes into it, with version and key.
const ROW: &[u8] = b"row";

/// Classes whose rows are sealed: accounts `a`, staff `O`, second factors with the names of passkeys `V`; applications
/// `J`, what clerks saw to `v`, consents with the address they came from `M`; the audit `u` and look-ups `Z`; who has a
/// device `Y`; envelopes of letters to other servers `q`, letters on paper `p`, events of items `i`, scans `c`,
/// receipts `r` `e` `R`, and answers of the API `k`.
const CLASSES: &[u8] = b"aOVJvMuZYqpicreRk";

/// Whether a row of this key is one that is sealed where anything is.
pub(in crate::store) fn is_private(key: &[u8]) -> bool {
    key.first().is_some_and(|class| CLASSES.contains(class))
}

/// Whether this row is sealed.
pub(in crate::store) fn is_sealed(key: &[u8], row: &[u8]) -> bool {
    is_private(key) && row.first().is_some_and(|version| version & SEALED != 0)
}

impl Vault {
    /// The row as it is written.
    ///
    /// # Errors
    /// It is too large.
    pub(in crate::store) fn seal_row(&self, key: &[u8], row: Vec<u8>) -> Result<Vec<u8>> {
        if !self.seals() || !is_private(key) || is_sealed(key, &row) {
            return Ok(row);
        }
        let Some((version, places, rest)) = split(key, &row) else { return Ok(row) };
        let sealed = self.seal(Owner::System, &context(version, key), rest)?;
        Ok([&[version | SEALED], places, &sealed].concat())
    }

    /// What [`Vault::seal_row`] sealed.
    ///
    /// # Errors
    /// `Damaged`.
    pub(in crate::store) fn open_row(&self, key: &[u8], row: &[u8]) -> Result<Vec<u8>> {
        let (version, places, sealed) = split(key, row).ok_or_else(|| Error::Damaged("a short sealed row".into()))?;
        let version = version & !SEALED;
        let rest = self.unseal(Owner::System, &context(version, key), sealed)?;
        Ok([&[version], places, &rest].concat())
    }
}

/// A row as it is read. One that cannot be opened stays as it is: its version is one that nobody reads, so that it is
/// damaged, and the rows beside it are not.
pub(in crate::store) fn opened(vault: Option<&Vault>, key: &[u8], row: Vec<u8>) -> Vec<u8> {
    if !is_sealed(key, &row) {
        return row;
    }
    match vault.map(|vault| vault.open_row(key, &row)) {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => {
            tracing::error!(%error, "a sealed row cannot be opened");
            row
        }
        None => row,
    }
}

impl View<'_> {
    /// Rows as they are read.
    pub(in crate::store) fn opened(&self, rows: Rows) -> Rows {
        let vault = self.store.inner.vault.as_deref();
        rows.into_iter()
            .map(|(key, row)| {
                let row = opened(vault, &key, row);
                (key, row)
            })
            .collect()
    }
}

/// Version, places of records, and the rest.
fn split<'a>(key: &[u8], row: &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
    let (version, rest) = row.split_first()?;
    let ends = keys::places_in(key, row).iter().map(|at| at + RecordRef::BYTES);
    let (places, rest) = rest.split_at_checked(ends.max().unwrap_or(1).saturating_sub(1))?;
    Some((*version, places, rest))
}

fn context(version: u8, key: &[u8]) -> Vec<u8> {
    [ROW, &[version], key].concat()
}

#[cfg(test)]
mod tests {
    use super::super::super::audit::{AuditEntry, add_audit};
    use super::super::super::lookups::{LookupRow, add_lookup};
    use super::super::super::{Batch, Store, keys};
    use super::super::tests::settings;
    use super::*;
    use crate::ids::{AccountId, ItemId};

    fn entry(actor: &str) -> AuditEntry {
        AuditEntry {
            at_us: 1,
            actor: actor.into(),
            action: "account.show".into(),
            object: "login qarlyghash".into(),
            details: None,
        }
    }

    fn raw(store: &Store, key: &[u8]) -> Vec<u8> {
        store.read_blocking(|view| view.get_raw(key)).unwrap().unwrap()
    }

    fn files_have(dir: &std::path::Path, phrase: &str) -> bool {
        walk(dir).iter().any(|bytes| bytes.windows(phrase.len()).any(|window| window == phrase.as_bytes()))
    }

    fn walk(dir: &std::path::Path) -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![std::fs::read(path).unwrap()] }).collect()
    }

    #[test]
    fn m20_look_ups_and_the_audit_name_nobody_in_the_files_and_the_chain_holds_without_opening_it() {
        let dir = tempfile::tempdir().unwrap();
        let chosen = settings(dir.path(), &[1]);
        let store = Store::open(dir.path(), &chosen).unwrap();
        let mut batch = Batch::new();
        add_audit(&mut batch, &entry("administrator sandughash")).unwrap();
        let row = LookupRow { at_us: 1, system: "bailiffs".into(), basis: "case qyran-17".into() };
        add_lookup(&mut batch, AccountId(7), &row).unwrap();
        store.commit_blocking(batch).unwrap();
        let (entries, lookups, walked) = store
            .read_blocking(|view| {
                Ok((view.audit_entries(9)?, view.lookups(AccountId(7), None, 9)?, view.walk_audit()?))
            })
            .unwrap();
        assert_eq!(entries, [entry("administrator sandughash")]);
        assert_eq!(lookups.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), [row]);
        assert_eq!((walked.entries, walked.problems), (1, Vec::new()));
        drop(store);
        for phrase in ["sandughash", "qarlyghash", "qyran-17", "bailiffs"] {
            assert!(!files_have(dir.path(), phrase), "{phrase}");
        }
        // Turned off again, what is sealed stays readable, and what is new is not sealed.
        let off = crate::store::Settings { encryption: false, ..chosen };
        let store = Store::open(dir.path(), &off).unwrap();
        let mut batch = Batch::new();
        add_audit(&mut batch, &entry("administrator torghai")).unwrap();
        store.commit_blocking(batch).unwrap();
        let (entries, walked) = store.read_blocking(|view| Ok((view.audit_entries(9)?, view.walk_audit()?))).unwrap();
        assert_eq!(entries, [entry("administrator torghai"), entry("administrator sandughash")]);
        assert_eq!((walked.entries, walked.problems), (2, Vec::new()));
        drop(store);
        assert!(files_have(dir.path(), "torghai") && !files_have(dir.path(), "sandughash"));
    }

    #[test]
    fn m20_a_row_from_before_encryption_is_read_and_sealed_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let on = settings(dir.path(), &[1]);
        let off = crate::store::Settings { encryption: false, ..on.clone() };
        let key = keys::print_job(ItemId(5));
        let put = |store: &Store, old: Option<&[u8]>, new: &[u8]| {
            let mut batch = Batch::new();
            if let Some(old) = old {
                batch.require(crate::store::Precondition::Equals(key.clone(), old.to_vec()));
            }
            batch.put(key.clone(), new.to_vec());
            store.commit_blocking(batch).unwrap();
        };
        let row = |text: &str| [&[1], &RecordRef::default().to_bytes()[..], text.as_bytes()].concat();
        let store = Store::open(dir.path(), &off).unwrap();
        put(&store, None, &row("first"));
        drop(store);
        let store = Store::open(dir.path(), &on).unwrap();
        assert_eq!(store.read_blocking(|view| view.get(&key)).unwrap(), Some(row("first")));
        put(&store, Some(&row("first")), &row("second"));
        let sealed = raw(&store, &key);
        assert_eq!((sealed[0], &sealed[1..17]), (0x81, &RecordRef::default().to_bytes()[..]));
        // What a change is compared with is what was read, although no two seals are the same.
        put(&store, Some(&row("second")), &row("third"));
        assert_eq!(
            store.read_blocking(|view| view.range(&key, &keys::after(&key), 9)).unwrap(),
            [(key.clone(), row("third"))]
        );
        // Under another key it says nothing.
        let elsewhere = keys::print_job(ItemId(6));
        let mut batch = Batch::new();
        batch.put(elsewhere.clone(), sealed.clone());
        store.commit_blocking(batch).unwrap();
        assert_eq!(store.read_blocking(|view| view.get(&elsewhere)).unwrap(), Some(sealed));
    }
}
