//! The audit at work (M20): its head is signed again and again, its chain is verified, and those who control read it.
//!
//! The chain itself is made by the store, in the batch of each entry; here is what somebody could cut off without it
//! being missed: the tail behind the last signed head. A head that is kept elsewhere also convicts whoever makes the
//! whole chain anew, key and all.

mod head;
mod key_file;
mod settings;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};
use crate::store::audit::{AuditEntry, AuditPage, AuditQuery, Head, SignedHead, Walked, add_audit, keep_signed_head};
use crate::store::{self, Batch, Store};
use crate::tlog::note::{BadKey, Signer, Verifier};
use crate::tlog::tree::Hash;

pub use self::head::{BadHead, HeadNote};
pub use self::settings::Settings;

/// Where the key lies in the data directory.
const KEY_FILE: &str = "audit/key";

/// Signed heads that a verification reads: of a hundred years.
const MAX_HEADS: usize = 36_600;

/// Who does what nobody asked for.
const SERVER: &str = "server";

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[audit]`.
    pub settings: Settings,
    /// The name of the audit: the first domain and `/audit`.
    pub origin: String,
    /// The data directory.
    pub dir: PathBuf,
    /// Where the entries are.
    pub store: Store,
    /// Time and randomness.
    pub world: World,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Audit {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// Held by who signs.
    signer: Mutex<Option<Signer>>,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key.
    #[error("{}: the key of the audit cannot be read or written: {error}", path.display())]
    KeyFile {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The name of the audit cannot stand in a note.
    #[error("the name of the audit: {0}")]
    Key(#[from] BadKey),
    /// There is nothing to sign.
    #[error("the audit has no entries yet")]
    Empty,
}

/// What a verification found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// Number of the last entry.
    pub number: u64,
    /// The hash up to it.
    pub hash: String,
    /// Signed heads that were compared.
    pub signed_heads: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// What the walk found, and what signed heads contradict.
    #[serde(flatten)]
    pub walked: Walked,
}

impl Verdict {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.walked.problem_count == 0
    }
}

/// A head that was kept elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The note, as `poshta audit head` wrote it.
    pub note: String,
    /// The key that must have signed it; without it one that this audit has or had.
    pub key: Option<Verifier>,
}

impl Audit {
    /// The service over a store; nothing is read yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Audit { inner: Arc::new(Inner { parts, signer: Mutex::default() }) }
    }

    /// Signs how far the chain goes, as often as the settings say, until told to stop. The last one is signed by
    /// whoever ends the server, when nobody adds entries any more: [`Audit::seal`].
    pub async fn run(self, stop: CancellationToken) {
        let every = match self.inner.parts.settings.head_interval_s {
            0 => return stop.cancelled().await,
            seconds => Duration::from_secs(seconds),
        };
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            self.seal_or_warn().await;
        }
    }

    /// As [`Audit::seal`], for whoever can do nothing about an error.
    pub async fn seal_or_warn(&self) {
        let audit = self.clone();
        let sealed = tokio::task::spawn_blocking(move || audit.seal()).await;
        match sealed {
            Ok(Ok(_) | Err(AuditError::Empty)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the head of the audit is not signed"),
            Err(error) => tracing::error!(%error, "the head of the audit is not signed"),
        }
    }

    /// The signed head of the chain as it is now; signed anew only when there are new entries. Blocks.
    ///
    /// # Errors
    /// No entries, no key, store.
    pub fn seal(&self) -> Result<SignedHead, AuditError> {
        let Parts { store, world, origin, .. } = &self.inner.parts;
        let mut held = self.inner.signer.lock();
        let signer = match held.take() {
            Some(signer) => signer,
            None => self.open_key()?,
        };
        let signer = held.insert(signer);
        let (head, newest) = store.read_blocking(|view| Ok((view.audit_head()?, view.signed_audit_heads(1)?.pop())))?;
        if head.number == 0 {
            return Err(AuditError::Empty);
        }
        let key = signer.verifier().to_string();
        if let Some(newest) = newest.filter(|newest| newest.head == head && newest.key == key) {
            return Ok(newest);
        }
        let at = world.now();
        let signed = SignedHead { head, note: HeadNote { origin: origin.clone(), head, at }.sign(signer), key };
        let mut batch = Batch::new();
        keep_signed_head(&mut batch, &at.to_zoned(TimeZone::UTC).date().to_string(), &signed)?;
        store.commit_blocking(batch)?;
        tracing::info!(number = head.number, hash = %Hash(head.hash), "the head of the audit is signed");
        Ok(signed)
    }

    /// Reads every entry and compares it with the chain, and the chain with every head that was signed, those that
    /// were kept elsewhere among them. Blocks.
    ///
    /// # Errors
    /// Store, key; what does not fit is in the verdict.
    pub fn verify(&self, kept: &[Kept]) -> Result<Verdict, AuditError> {
        let begun = Instant::now();
        let own = key_file::read(&self.key_path()).map_err(|error| self.key_error(error))?;
        let own = own.map(|signer| signer.verifier().clone());
        let (mut walked, head, signed) = self.inner.parts.store.read_blocking(|view| {
            let mut walked = view.walk_audit()?;
            let signed = view.signed_audit_heads(MAX_HEADS)?;
            for head in &signed {
                check_signed(head, view, &mut walked)?;
            }
            let keys: Vec<Verifier> = signed.iter().filter_map(|head| head.key.parse().ok()).chain(own).collect();
            for kept in kept {
                check_kept(kept, &keys, view, &mut walked)?;
            }
            Ok((walked, view.audit_head().unwrap_or_default(), signed))
        })?;
        walked.problems.dedup();
        Ok(Verdict {
            number: head.number,
            hash: Hash(head.hash).to_string(),
            signed_heads: (signed.len() + kept.len()) as u64,
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            walked,
        })
    }

    /// Writes down what somebody is about to see or do.
    ///
    /// # Errors
    /// Store; then it must not be shown or done.
    pub async fn note(
        &self,
        actor: &str,
        action: &str,
        object: &str,
        details: Option<String>,
    ) -> Result<(), AuditError> {
        let Parts { store, world, .. } = &self.inner.parts;
        let entry = AuditEntry {
            at_us: world.now().as_microsecond(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            details,
        };
        let mut batch = Batch::new();
        add_audit(&mut batch, &entry)?;
        store.commit(batch).await?;
        Ok(())
    }

    /// Entries for somebody who controls, the newest first. That they were read, by whom and by what words, is an
    /// entry too, and is written before anything is shown.
    ///
    /// # Errors
    /// Store.
    pub async fn read(&self, reader: &str, query: AuditQuery, limit: usize) -> Result<AuditPage, AuditError> {
        let Parts { store, settings, .. } = &self.inner.parts;
        self.note(reader, "audit.read", "audit", Some(shown(&query)).filter(|text| !text.is_empty())).await?;
        let most = settings.max_entries_read;
        Ok(store.read(move |view| view.audit_page(&query, limit, most)).await?)
    }

    /// The key, made and written down when there is none.
    fn open_key(&self) -> Result<Signer, AuditError> {
        let Parts { store, world, origin, .. } = &self.inner.parts;
        let path = self.key_path();
        if let Some(signer) = key_file::read(&path).map_err(|error| self.key_error(error))? {
            return Ok(signer);
        }
        let signer = Signer::new(origin, world.random())?;
        key_file::write(&path, &signer).map_err(|error| self.key_error(error))?;
        let mut batch = Batch::new();
        let entry = AuditEntry {
            at_us: world.now().as_microsecond(),
            actor: SERVER.to_owned(),
            action: "audit.key".to_owned(),
            object: signer.verifier().to_string(),
            details: None,
        };
        add_audit(&mut batch, &entry)?;
        store.commit_blocking(batch)?;
        Ok(signer)
    }

    fn key_path(&self) -> PathBuf {
        let Parts { settings, dir, .. } = &self.inner.parts;
        if settings.key_file.as_os_str().is_empty() { dir.join(KEY_FILE) } else { settings.key_file.clone() }
    }

    fn key_error(&self, error: io::Error) -> AuditError {
        AuditError::KeyFile { path: self.key_path(), error }
    }
}

/// A head that lies beside the entries.
fn check_signed(signed: &SignedHead, view: &store::View<'_>, walked: &mut Walked) -> store::Result<()> {
    let number = signed.head.number;
    let opened = signed.key.parse().ok().map(|key: Verifier| HeadNote::open(&signed.note, &key));
    match opened {
        Some(Ok(note)) if note.head == signed.head => compare(&note, view, walked),
        Some(Err(error)) => {
            walked.problem(format!("the signed head at entry {number} was changed: {error}"));
            Ok(())
        }
        Some(Ok(_)) | None => {
            walked.problem(format!("the signed head at entry {number} was changed"));
            Ok(())
        }
    }
}

/// A head that lay elsewhere.
fn check_kept(kept: &Kept, keys: &[Verifier], view: &store::View<'_>, walked: &mut Walked) -> store::Result<()> {
    let keys = kept.key.as_ref().map_or(keys, std::slice::from_ref);
    let mut why = None;
    for key in keys {
        match HeadNote::open(&kept.note, key) {
            Ok(note) => return compare(&note, view, walked),
            Err(error) => why = Some(error),
        }
    }
    let why = why.map_or_else(|| "no key is known".to_owned(), |error| error.to_string());
    walked.problem(format!("the head that was kept elsewhere is not signed with a key of this audit: {why}"));
    Ok(())
}

fn compare(note: &HeadNote, view: &store::View<'_>, walked: &mut Walked) -> store::Result<()> {
    let HeadNote { head, at, .. } = note;
    match view.audit_head_at(head.number) {
        Ok(Some(found)) if found == *head => {}
        Ok(Some(_)) => walked.problem(format!(
            "up to entry {} the audit is not what was signed at {at}: it was made anew, or restored",
            head.number
        )),
        Ok(None) => walked.problem(format!(
            "entry {} was there when the head was signed at {at}, and is cut off: the audit ends before it",
            head.number
        )),
        Err(store::Error::Damaged(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What was looked for, for the entry about it.
fn shown(query: &AuditQuery) -> String {
    let time = |us: Option<i64>| us.and_then(|us| Timestamp::from_microsecond(us).ok()).map(|at| at.to_string());
    let words = [
        ("actor", query.actor.clone()),
        ("action", query.action.clone()),
        ("object", query.object.clone()),
        ("from", time(query.from_us)),
        ("to", time(query.until_us)),
        ("before", query.before.map(|place| place.number.to_string())),
    ];
    let words = words.into_iter().filter_map(|(name, word)| Some(format!("{name}={}", word?)));
    words.collect::<Vec<_>>().join(" ")
}

/// The hash of a head, as people compare it.
#[must_use]
pub fn shown_hash(head: &Head) -> String {
    Hash(head.hash).to_string()
}
