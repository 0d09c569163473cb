//! DKIM for letters to other domains (RFC 6376, RFC 8463): the operator's domain stands behind what its users write.
//!
//! A letter is signed for each attempt, over the bytes that stand in the store; these never change, and the
//! `DKIM-Signature` fields stand above them on the wire only. Without a key nothing is signed, and neither is a letter
//! whose author is not of a domain of ours. Header, body and signature are made of the parts that also make postmarks
//! ([`crate::postal`]).

mod field;
mod key;
mod letter;
mod record;
mod settings;

pub use key::{BadKey, write};
pub use record::{Record, Standing, zone_line};
pub use settings::{KeySettings, Settings};

use crate::address::Domain;
use crate::clock::Timestamp;
use crate::message::{authors, headers};
use crate::postal::{BodyHash, HeaderInput, KeyError, Listed, SigningKey};
use crate::store;
use crate::store::mailboxes::MessageBytes;
use crate::trust::a_labels;

use self::letter::Letter;

/// What is signed. RFC 6376 §5.4.1 names what matters; §8.15 has most listed once more than present, so that nobody can
/// add a second author, subject or type of the content. A mailing list has a right to add its `Sender`, so that one is
/// signed as it is. FACTS E: `Postal-Mark*` is in no list, for marks are added on the way and sign themselves.
const LISTED: [Listed; 15] = [
    Listed::closed("from"),
    Listed::open("sender"),
    Listed::closed("reply-to"),
    Listed::closed("to"),
    Listed::closed("cc"),
    Listed::closed("subject"),
    Listed::closed("date"),
    Listed::closed("message-id"),
    Listed::closed("in-reply-to"),
    Listed::closed("references"),
    Listed::closed("mime-version"),
    Listed::closed("content-type"),
    Listed::closed("content-transfer-encoding"),
    Listed::closed("postal-item-id"),
    Listed::closed("postal-class"),
];

/// Bytes of a letter that are read at a time.
const PIECE: usize = 64 << 10;

/// The keys that sign, and the domains that they sign for.
#[derive(Debug, Default)]
pub struct Dkim {
    keys: Vec<Key>,
    /// In A-labels, as the DNS and tag `d` have them.
    domains: Vec<String>,
}

/// A key with its name.
#[derive(Debug)]
struct Key {
    selector: String,
    key: SigningKey,
}

/// Why a letter of ours could not be signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSigned {
    /// Its bytes cannot be read.
    #[error("the letter cannot be read: {0}")]
    Store(#[from] store::Error),
    /// A key failed.
    #[error("the letter cannot be signed: {0}")]
    Key(#[from] KeyError),
}

impl Dkim {
    /// Reads the configured keys, which sign for these domains.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn open(settings: &Settings, domains: &[Domain]) -> Result<Self, BadKey> {
        let mut keys: Vec<Key> = Vec::new();
        for KeySettings { selector, file } in &settings.keys {
            let key = key::read(file)?;
            if keys.iter().any(|other| other.key.algorithm() == key.algorithm()) {
                return Err(BadKey::SecondOfAKind { file: file.clone(), algorithm: key.algorithm() });
            }
            keys.push(Key { selector: selector.to_lowercase(), key });
        }
        Ok(Dkim { keys, domains: domains.iter().filter_map(a_labels).collect() })
    }

    /// What belongs into the DNS: a record for each domain and key.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let of_domain = |domain: &String| {
            let record = |key: &Key| Record::new(&key.selector, Some(domain), &key.key.public());
            self.keys.iter().map(record).collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(of_domain).collect()
    }

    /// The `DKIM-Signature` fields that go above a letter, one for each key; none where there is nothing to sign.
    ///
    /// # Errors
    /// See [`NotSigned`].
    pub(super) async fn sign(&self, content: &MessageBytes, now: Timestamp) -> Result<String, NotSigned> {
        if self.keys.is_empty() {
            return Ok(String::new());
        }
        let mut reading = Reading { content, offset: 0, letter: Letter::default() };
        while reading.letter.has_more_header() && reading.go_on().await? {}
        if reading.letter.is_too_long() {
            tracing::warn!("a letter has too long a header to be signed with DKIM");
            return Ok(String::new());
        }
        // Of a letter that is not signed no more need be read.
        if self.author_domain(reading.letter.header()).is_none() {
            return Ok(String::new());
        }
        while reading.go_on().await? {}
        let (header, body) = reading.letter.finish();
        Ok(self.fields(&header, body, now)?)
    }

    fn fields(&self, header: &[u8], body: BodyHash, now: Timestamp) -> Result<String, KeyError> {
        let Some(domain) = self.author_domain(header) else { return Ok(String::new()) };
        let header = HeaderInput::listing(&[header], &LISTED);
        let field =
            |key: &Key| field::signed(&header, body, &field::Name { domain, selector: &key.selector }, &key.key, now);
        self.keys.iter().map(field).collect()
    }

    /// The domain of ours that a letter is from. Nobody can say whom a letter with two `From`, with one that is unclear,
    /// or with an author of another domain, is from.
    fn author_domain(&self, header: &[u8]) -> Option<&str> {
        let mut from = headers::fields(header).filter(|field| field.is("From"));
        let (Some(field), None) = (from.next(), from.next()) else { return None };
        let mut found = None;
        for author in authors(&field.text()).ok()? {
            let domain = a_labels(author.domain())?;
            let ours = self.domains.iter().find(|ours| **ours == domain)?;
            found = found.or(Some(ours.as_str()));
        }
        found
    }
}

/// A letter of which some was read.
struct Reading<'a> {
    content: &'a MessageBytes,
    offset: u64,
    letter: Letter,
}

impl Reading<'_> {
    /// Reads the next piece; false when there is none.
    async fn go_on(&mut self) -> store::Result<bool> {
        if self.offset >= self.content.len() {
            return Ok(false);
        }
        let piece = self.content.read_at(self.offset, PIECE).await?;
        if piece.is_empty() {
            return Err(store::Error::Damaged("a letter is shorter than its row says".into()));
        }
        self.offset += piece.len() as u64;
        self.letter.push(&piece);
        Ok(true)
    }
}

#[cfg(test)]
pub(super) mod tests;
