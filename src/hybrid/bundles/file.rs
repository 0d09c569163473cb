//! P9: order 57 cl. 4 ¶5. A bundle as one sealed file: the manifest with its marks and the documents that it names, in an
//! archive that only the centre's own key opens.
//!
//! Nobody on the way reads or alters it, for the file is encrypted piece by piece; nobody but the holder of the seal makes
//! one, for the seal's mark signs the manifest, which has the SHA-256 of every document and the name of the centre.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::age::{self, Writer};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::print_batches::BatchLetter;
use crate::store::print_jobs::PrintDocument;
use crate::store::{self, Batch, Store, View};

use super::super::queue::{PrintQueue, QueueError};
use super::{Manifest, tar};

/// Bytes of a document that are read at once.
const PIECE: usize = 256 << 10;

/// The manifest and its marks in the archive: its first file.
pub(super) const MANIFEST: &str = "manifest.eml";

/// A sealed bundle, ready to be sent.
#[derive(Debug)]
pub struct SealedBundle {
    /// A name for it.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// What it consists of.
    pub file: BundleFile,
}

/// The file, made while it is sent.
#[derive(Debug)]
pub struct BundleFile {
    store: Store,
    beginning: Option<Vec<u8>>,
    writer: Option<Writer>,
    parts: VecDeque<Part>,
}

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// From this byte on.
    Document(PrintDocument, u64),
}

impl PrintQueue {
    /// The sealed bundle, for the centre that holds every letter in it. Whoever fetches it is in the audit.
    ///
    /// # Errors
    /// `NotFound`, `Gone` and `StaleLease` where a letter in it is not held any more, `NotSealed`, `Store`.
    pub async fn sealed_bundle(&self, centre: &str, number: u64, actor: &str) -> Result<SealedBundle, QueueError> {
        let bundle = self.bundle(centre, number).await?;
        if bundle.head.insurance.as_ref().is_none_or(|seal| seal.number.is_none()) {
            return Err(QueueError::NotSealed("the centre has no insurance seal in the facilities file"));
        }
        let readers = self.settings().bundle_keys.get(centre).map(Vec::as_slice).unwrap_or_default();
        if readers.is_empty() {
            return Err(QueueError::NotSealed("the centre has no key in hybrid.bundle_keys of the configuration"));
        }
        let documents = self.documents(centre, &bundle.letters).await?;
        let manifest = Manifest::of(&bundle);
        let made_s = bundle.head.sealed_us / 1_000_000;
        let archive = Archive::of(manifest.marked(&bundle.head.marks), &manifest, documents, made_s);
        let Archive { parts, bytes } =
            archive.ok_or(QueueError::NotSealed("a document of it is larger than an archive can have"))?;
        let (writer, beginning) = Writer::new(readers)
            .map_err(|_| QueueError::NotSealed("a key in hybrid.bundle_keys of the configuration is unusable"))?;
        self.note(&manifest, actor, readers).await?;
        let bytes = age::file_bytes(readers.len(), bytes);
        let file = BundleFile { store: self.store().clone(), beginning: Some(beginning), writer: Some(writer), parts };
        Ok(SealedBundle { name: format!("{centre}-{number}.tar.age"), bytes, file })
    }

    /// The documents of letters that the centre holds, each by the lease of the bundle.
    async fn documents(&self, centre: &str, letters: &[BatchLetter]) -> Result<Vec<PrintDocument>, QueueError> {
        let mut documents = Vec::with_capacity(letters.len());
        for letter in letters {
            let document = match self.document(centre, letter.item).await {
                Err(QueueError::NotFound) => return Err(QueueError::StaleLease),
                other => other?,
            };
            let stored = self.job(letter.item).await?.ok_or(QueueError::StaleLease)?;
            if stored.job.fence != letter.fence || document.sha256 != letter.sha256 {
                return Err(QueueError::StaleLease);
            }
            documents.push(document);
        }
        Ok(documents)
    }

    /// Who got what, for which keys. Nothing is sent before that is written down.
    async fn note(&self, manifest: &Manifest, actor: &str, readers: &[age::Recipient]) -> Result<(), QueueError> {
        let readers: Vec<String> = readers.iter().map(ToString::to_string).collect();
        let letters = manifest.letters.len();
        let entry = AuditEntry {
            at_us: self.world().now().as_microsecond(),
            actor: actor.to_owned(),
            action: "bundle.fetched".to_owned(),
            object: manifest.seal.clone(),
            details: Some(format!("{letters} letters for {}", readers.join(", "))),
        };
        let mut batch = Batch::new();
        add_audit(&mut batch, &entry)?;
        self.store().commit(batch).await?;
        Ok(())
    }
}

/// What is encrypted.
struct Archive {
    parts: VecDeque<Part>,
    bytes: u64,
}

impl Archive {
    /// `None` for what the format does not have.
    fn of(marked: Vec<u8>, manifest: &Manifest, documents: Vec<PrintDocument>, made_s: i64) -> Option<Self> {
        let (mut parts, mut bytes) = (VecDeque::new(), 0);
        let mut begin = |parts: &mut VecDeque<Part>, name: &str, length: u64| {
            parts.push_back(Part::Bytes(tar::header(name, length, made_s)?.to_vec()));
            bytes += tar::entry_bytes(length);
            Some(())
        };
        let length = marked.len() as u64;
        begin(&mut parts, MANIFEST, length)?;
        parts.push_back(Part::Bytes([marked, tar::padding(length)].concat()));
        for (letter, document) in manifest.letters.iter().zip(documents) {
            let length = document.bytes;
            begin(&mut parts, &letter.file, length)?;
            parts.push_back(Part::Document(document, 0));
            parts.push_back(Part::Bytes(tar::padding(length)));
        }
        parts.push_back(Part::Bytes(tar::END.to_vec()));
        Some(Archive { parts, bytes: bytes + tar::END.len() as u64 })
    }
}

impl BundleFile {
    /// The next bytes of the file; `None` behind the last.
    ///
    /// # Errors
    /// A document cannot be read; what was given out is no whole file then.
    pub async fn next(&mut self) -> store::Result<Option<Vec<u8>>> {
        if let Some(beginning) = self.beginning.take() {
            return Ok(Some(beginning));
        }
        while let Some(part) = self.parts.pop_front() {
            let bytes = match part {
                Part::Bytes(bytes) => Bytes::from(bytes),
                Part::Document(document, offset) => {
                    let piece = document_piece(&self.store, &document, offset).await?;
                    let next = offset + piece.len() as u64;
                    if next < document.bytes {
                        self.parts.push_front(Part::Document(document, next));
                    }
                    piece
                }
            };
            let sealed = self.writer.as_mut().map(|writer| writer.update(&bytes)).unwrap_or_default();
            if !sealed.is_empty() {
                return Ok(Some(sealed));
            }
        }
        Ok(self.writer.take().map(Writer::finish))
    }
}

/// Bytes of a document from one on: at least one, unless it is empty.
///
/// # Errors
/// The store, and a document that is shorter than its row says.
pub async fn document_piece(store: &Store, document: &PrintDocument, offset: u64) -> store::Result<Bytes> {
    let wanted = document.clone();
    let read = move |view: &View<'_>| {
        let key = view.data_key(wanted.body, wanted.data_key.as_ref())?;
        view.body(wanted.body, offset, PIECE, key.as_ref())
    };
    let piece = store.read(read).await?;
    if piece.is_empty() && offset < document.bytes {
        return Err(store::Error::Damaged("a document is shorter than its row says".into()));
    }
    Ok(piece)
}
