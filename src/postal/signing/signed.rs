//! An impression with its signature.

use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::super::tag_writer::TagWriter;
use super::super::{Impression, Kind};
use super::header::CANONICALIZATION;
use super::{BodyHash, HeaderInput, KeyError, SigningKey};

/// Names and hashes of what is signed take about so many bytes.
const USUAL_BYTES: usize = 384;

/// The field for people takes about so many bytes.
const TEXT_BYTES: usize = 400;

/// SHA-256 of the canonical form of a mark: what the next mark points to (tag `pv`), what the device's journal keeps
/// and what the log has as its leaf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MarkDigest(pub [u8; 32]);

impl MarkDigest {
    /// Of a mark in canonical form.
    #[must_use]
    pub fn of(canonical: &str) -> Self {
        MarkDigest(Sha256::digest(canonical).into())
    }
}

impl fmt::Display for MarkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(&self.0, &STANDARD).fmt(f)
    }
}

/// What all marks of an item sign.
#[derive(Clone, Debug)]
pub struct Contents {
    header: HeaderInput,
    /// Tags `h`, `bh` and `hh`, which all of them have.
    tags: String,
}

impl Contents {
    /// A letter with its header as it is delivered, and this body.
    #[must_use]
    pub fn new(header: HeaderInput, body: BodyHash) -> Self {
        let mut tags = TagWriter::tags(USUAL_BYTES);
        tags.push("h", header.names());
        tags.push_base64("bh", &body.0);
        tags.push_base64("hh", &header.digest());
        Contents { header, tags: tags.into_canonical() }
    }
}

/// Whose key signs.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Tag `d`: the operator's domain.
    pub domain: &'a str,
    /// Tag `s`.
    pub selector: &'a str,
    /// The key of that name.
    pub key: &'a SigningKey,
    /// Tag `lg`: origin of the log that the mark goes into.
    pub log: &'a str,
    /// The next number of the device, for its journal (P31).
    pub number: u64,
}

/// An impression, signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedImpression {
    impression: Impression,
    tags: TagWriter,
    digest: MarkDigest,
    number: u64,
}

impl Impression {
    /// Signs the mark of this impression over the letter it is made on. A receipt points to the acceptance and a
    /// delivery to the receipt; an acceptance points to nothing.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn sign(
        self,
        contents: &Contents,
        signer: &Signer<'_>,
        previous: Option<MarkDigest>,
    ) -> Result<SignedImpression, KeyError> {
        let mut tags = self.tags();
        tags.push("d", signer.domain);
        tags.push("s", signer.selector);
        tags.push("a", signer.key.algorithm().tag());
        tags.push("c", CANONICALIZATION);
        tags.push_written(&contents.tags);
        if let Some(previous) = previous.filter(|_| self.kind() != Kind::Accept) {
            tags.push_base64("pv", &previous.0);
        }
        tags.push("lg", signer.log);
        // No number (tag `n`, FACTS E): those of a device's other marks would tell how many copies lie between, blind ones
        // included. It stands in the journal, and the log has the order.
        tags.push("b", "");
        let signature = signer.key.sign(&contents.header, tags.canonical())?;
        // `b` is the last tag.
        tags.extend_last_base64(&signature);
        let digest = MarkDigest::of(tags.canonical());
        Ok(SignedImpression { impression: self, tags, digest, number: signer.number })
    }

    /// What the journal keeps of a mark that is written on paper only and signed nowhere.
    #[must_use]
    pub fn digest(&self) -> MarkDigest {
        MarkDigest::of(self.tags().canonical())
    }
}

impl SignedImpression {
    /// The field `Postal-Mark`, folded, with its final CRLF.
    #[must_use]
    pub fn header(&self) -> String {
        let mut header = String::new();
        self.impression.write_header(&self.tags, &mut header);
        header
    }

    /// Both fields as they stand above a letter: the mark, and the line for people.
    #[must_use]
    pub fn fields(&self) -> String {
        let mut fields = String::new();
        self.write_fields(&mut fields);
        fields
    }

    /// Writes [`SignedImpression::fields`] to the end of `out`.
    pub fn write_fields(&self, out: &mut String) {
        out.reserve(self.tags.canonical().len() + TEXT_BYTES);
        self.impression.write_header(&self.tags, out);
        self.impression.write_text(out);
    }

    /// What the next mark points to.
    #[must_use]
    pub fn digest(&self) -> MarkDigest {
        self.digest
    }

    /// What was signed.
    #[must_use]
    pub fn impression(&self) -> &Impression {
        &self.impression
    }

    /// The impression alone.
    #[must_use]
    pub fn into_impression(self) -> Impression {
        self.impression
    }

    /// P31: see [`Impression::journal_line`].
    pub fn write_journal_line(&self, line: &mut String) {
        self.impression.write_journal_line(self.number, self.digest, line);
    }
}
