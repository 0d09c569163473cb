//! The manifest of a bundle: one JSON document in its canonical form (RFC 8785), and the marks above it.
//!
//! A mark signs a header and a body. Those of a document are its number, its type and the document, so that manifest and
//! marks together are a message, which everything that verifies marks reads as it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::ids::ItemId;
use crate::message::headers;
use crate::postal::{BodyHasher, Contents, HeaderInput, Mark, canonical};
use crate::store::print_batches::{InsuranceSeal, PrintBatch};

use super::seal_text;

/// The version of the form.
const VERSION: u32 = 1;

const CONTENT_TYPE: &str = "Content-Type: application/json; charset=utf-8\r\n";

/// What must be in a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this form.
    pub v: u32,
    /// Its number among all documents; null for bundles from before manifests had marks.
    pub id: Option<String>,
    /// The print centre.
    pub centre: String,
    /// P10: what the two sides of its sealing pliers show.
    pub plomb: String,
    /// Which of its plombs.
    pub number: u64,
    /// Both, as they stand on the bundle.
    pub seal: String,
    /// The pliers, in the device registry.
    pub device: String,
    /// P9: the «Сақтандыру» seal; null where the centre has none.
    pub insurance_seal: Option<Insurance>,
    /// When it was closed.
    pub sealed_at: String,
    /// What is in it.
    pub letters: Vec<ManifestLetter>,
}

/// P9: the seal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Insurance {
    /// In the device registry.
    pub device: String,
    /// What is engraved on it.
    pub engraving: String,
    /// Which of its strokes.
    pub number: Option<u64>,
}

/// A letter in a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ManifestLetter {
    /// The item.
    pub item_id: String,
    /// Its number on paper.
    pub s10: String,
    /// Its class.
    pub class: String,
    /// Its sheets.
    pub sheets: u32,
    /// Bytes of its document.
    pub bytes: u64,
    /// SHA-256 of its document, hexadecimal.
    pub sha256: String,
    /// The lease with which it was given.
    pub fence: u64,
    /// Its document in the sealed bundle.
    pub file: String,
}

/// Not a manifest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAManifest {
    /// The text is none.
    #[error("this is no manifest of a bundle: {0}")]
    Form(String),
    /// It is of a later program.
    #[error("a manifest of version {0}, which this program does not know")]
    Version(u32),
}

impl Manifest {
    /// Of a bundle: always the same for the same bundle.
    #[must_use]
    pub fn of(bundle: &PrintBatch) -> Self {
        let head = &bundle.head;
        let sealed_at = Timestamp::from_microsecond(head.sealed_us).unwrap_or_default();
        let letters = bundle.letters.iter().map(|letter| ManifestLetter {
            item_id: letter.item.to_string(),
            s10: letter.s10.clone(),
            class: letter.class.clone(),
            sheets: letter.sheets,
            bytes: letter.bytes,
            sha256: hex(&letter.sha256),
            fence: letter.fence,
            file: format!("{}.pdf", letter.item),
        });
        Manifest {
            v: VERSION,
            id: head.id.as_ref().map(ItemId::to_string),
            centre: head.centre.clone(),
            plomb: head.plomb.clone(),
            number: head.number,
            seal: seal_text(&head.plomb, head.number),
            device: head.device.clone(),
            insurance_seal: head.insurance.as_ref().map(Insurance::of),
            sealed_at: sealed_at.to_string(),
            letters: letters.collect(),
        }
    }

    /// The canonical form.
    #[must_use]
    pub fn document(&self) -> String {
        // Its numbers are small enough for that.
        canonical(&self.value()).unwrap_or_default()
    }

    /// As an object, to which the marks can be added.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What its marks sign.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let mut body = BodyHasher::default();
        body.update(self.document().as_bytes());
        Contents::new(HeaderInput::to_sign(&[self.header().as_bytes()]), body.finish())
    }

    /// The fields of it as a message.
    fn header(&self) -> String {
        let id = self.id.as_ref().map(|id| format!("Postal-Item-Id: {id}\r\n")).unwrap_or_default();
        format!("{id}{CONTENT_TYPE}")
    }

    /// The manifest below its marks, as a message.
    #[must_use]
    pub fn marked(&self, marks: &[String]) -> Vec<u8> {
        let mut whole: Vec<u8> = marks.iter().filter_map(|mark| Mark::folded(mark)).collect::<String>().into_bytes();
        whole.extend_from_slice(self.header().as_bytes());
        whole.extend_from_slice(b"\r\n");
        whole.extend_from_slice(self.document().as_bytes());
        whole.extend_from_slice(b"\r\n");
        whole
    }

    /// Reads what [`Manifest::marked`] made. Whether the marks hold is not asked here.
    ///
    /// # Errors
    /// See [`NotAManifest`].
    pub fn parse_marked(message: &[u8]) -> Result<Self, NotAManifest> {
        let header: usize = headers::fields(message).map(|field| field.raw.len()).sum();
        let body = message.get(header..).unwrap_or_default();
        let manifest: Manifest = serde_json::from_slice(body).map_err(|error| NotAManifest::Form(error.to_string()))?;
        if manifest.v == VERSION { Ok(manifest) } else { Err(NotAManifest::Version(manifest.v)) }
    }
}

impl Insurance {
    fn of(seal: &InsuranceSeal) -> Self {
        Insurance { device: seal.device.clone(), engraving: seal.engraving.clone(), number: seal.number }
    }
}

/// Hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
