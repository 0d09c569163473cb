//! What the fuzz target of answers sees of this module; built for that target alone.

use std::path::Path;

use super::answer::{self, EntityRules, PersonRules};
use super::canonical::{Options, canonical};
use super::envelope::SOAP;
use super::verify::{self, PublicKey};
use super::xml::{self, XmlLimits};
use super::{Cause, EntityAsked, PersonAsked};
use crate::clock::Timestamp;
use crate::identity::{Bin, Iin};

/// Number of the question that the answers of the vectors are to.
const QUESTION: &str = "00000000-0000-4000-8000-000000000001";
const CAUSE: Cause<'static> = Cause { actor: "fuzzing", object: "fuzzing" };

/// Reads answers as the gateway does.
#[derive(Debug)]
pub struct Reader {
    trusted: Vec<PublicKey>,
    now: Timestamp,
}

impl Reader {
    /// One that trusts these certificates, PEM.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn new(certificates: &[&Path], now: Timestamp) -> Result<Self, String> {
        let keys = certificates.iter().map(|file| super::gateway::keys(file)).collect::<Result<Vec<_>, _>>()?;
        Ok(Reader { trusted: keys.concat(), now })
    }

    /// The body of a message that is signed, in its canonical form.
    #[must_use]
    pub fn signed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let document = xml::read(message, &XmlLimits::default()).ok()?;
        let body = verify::body(&document, &self.trusted, self.now).ok()?;
        canonical(body, Options::default()).ok()
    }

    /// What a message that nobody had to sign says of a person with this number, and of a legal entity.
    #[must_use]
    pub fn said(&self, message: &[u8], iin: &Iin, bin: &Bin) -> Option<String> {
        let limits = XmlLimits::default();
        let document = xml::read(message, &limits).ok()?;
        let body = xml::only(document.root_element(), Some(SOAP), "Body")?;
        let response = match answer::response(body, QUESTION) {
            Ok((_, response)) => response,
            Err(what) => return Some(what),
        };
        let (full_name, document) = ("Омарова Айгүл Серікқызы", Some("012345678"));
        let person = PersonAsked { iin, full_name, document, consent: None, cause: CAUSE };
        let codes = ["00003".to_owned()];
        let rules = PersonRules { not_found: &codes, no_consent: &[] };
        let of_person = answer::person(response, &person, &rules, self.now);
        let entity = EntityAsked { bin, full_name: "«Тест & Ко»", cause: CAUSE };
        let rules = EntityRules { not_found: &codes, registered: &[] };
        let of_entity = answer::entity(response, &entity, &rules, &limits);
        Some(format!("{of_person:?} {of_entity:?}"))
    }
}

/// The canonical form of a whole document.
#[must_use]
pub fn canonical_of(document: &[u8]) -> Option<Vec<u8>> {
    let document = xml::read(document, &XmlLimits::default()).ok()?;
    canonical(document.root_element(), Options::default()).ok()
}

/// Text as it is written between tags.
#[must_use]
pub fn escaped(text: &str) -> String {
    super::canonical::escaped(text)
}
