//! Whether the signatures hold, and what was altered where one does not.
//!
//! A signature that fails says only that something was altered. The hashes that a mark carries say what: `bh` is
//! that of the body and `hh` that of the signed fields. A mark without `hh`, which only other programs write, leaves
//! the question open between its own text and the header.

use super::super::signing::Listed;
use super::super::{Algorithm, BodyHash, HeaderInput, Mark, MarksFile, PublicKey, SignatureTags};
use super::published::{KeyFound, find_key};
use super::{Examined, Finding};

/// The letter under the marks.
pub(super) struct Letter<'a> {
    pub(super) header: &'a [u8],
    pub(super) body: BodyHash,
    /// How many fields `Postal-Item-Id` it has.
    pub(super) item_ids: usize,
}

/// A mark with what it signs, worked out from the letter as it is now.
struct Claim<'a> {
    mark: &'a Mark,
    tags: &'a SignatureTags,
    header: HeaderInput,
    key: KeyFound,
    holds: bool,
}

/// What is to be said of each signature, in the order of the marks.
pub(super) fn check(marks: &[Examined], letter: &Letter<'_>, keys: Option<&MarksFile>) -> Vec<Vec<Finding>> {
    let claims: Vec<Option<Claim<'_>>> = marks.iter().map(|mark| Claim::of(mark, letter, keys)).collect();
    let known: Vec<&Claim<'_>> = claims.iter().flatten().collect();
    let most_ids = known.iter().filter(|claim| claim.holds).map(|claim| item_ids_signed(claim.mark)).max();
    let findings = claims.iter().zip(marks).map(|(claim, mark)| match (claim, &mark.mark) {
        (Some(claim), _) => {
            let mut findings = claim.findings(letter, &known);
            // Each operator signs its own item id and those below it; one more is nobody's.
            let signs_most = claim.holds && Some(item_ids_signed(claim.mark)) == most_ids;
            if signs_most && most_ids < Some(letter.item_ids) {
                findings.push(Finding::AlteredHeader);
            }
            findings
        }
        (None, Ok(_)) => vec![Finding::Unsigned],
        (None, Err(_)) => Vec::new(),
    });
    findings.collect()
}

/// How many fields `Postal-Item-Id` a mark signs.
pub(super) fn item_ids_signed(mark: &Mark) -> usize {
    let names = mark.signature.iter().flat_map(|tags| &tags.fields);
    names.filter(|name| *name == Listed::ITEM_ID.name).count()
}

impl<'a> Claim<'a> {
    fn of(examined: &'a Examined, letter: &Letter<'_>, keys: Option<&MarksFile>) -> Option<Self> {
        let mark = examined.mark.as_ref().ok()?;
        let tags = mark.signature.as_ref()?;
        let header = HeaderInput::named(letter.header, &tags.fields);
        let key = keys.map_or(KeyFound::NotAsked, |keys| find_key(mark, tags, keys));
        let holds = match &key {
            KeyFound::Key(key) => key.verifies(&header, &mark.signed_form(), &tags.signature),
            _ => false,
        };
        Some(Claim { mark, tags, header, key, holds })
    }

    fn findings(&self, letter: &Letter<'_>, all: &[&Claim<'_>]) -> Vec<Finding> {
        let altered_body = self.tags.body_hash != letter.body.0;
        let key = match &self.key {
            KeyFound::Key(key) => key,
            not_found => return self.without_key(not_found, altered_body),
        };
        match (self.holds, altered_body) {
            (true, false) => Vec::new(),
            (true, true) => vec![Finding::AlteredBody],
            (false, _) => vec![self.what_was_altered(key, altered_body, all)],
        }
    }

    fn without_key(&self, key: &KeyFound, altered_body: bool) -> Vec<Finding> {
        let mut findings = vec![match key {
            KeyFound::UnknownAlgorithm => Finding::UnknownAlgorithm { algorithm: self.tags.algorithm.clone() },
            KeyFound::Unknown => Finding::UnknownKey { selector: self.selector() },
            KeyFound::NotAsked | KeyFound::Key(_) => Finding::SignatureNotChecked,
        }];
        if altered_body {
            findings.push(Finding::AlteredBody);
        }
        if self.header_as_signed() == Some(false) {
            findings.push(Finding::AlteredHeader);
        }
        findings
    }

    fn what_was_altered(&self, key: &PublicKey, altered_body: bool, all: &[&Claim<'_>]) -> Finding {
        // Another mark that signs the same fields, and holds, or has their hash.
        let is_like = |other: &&&Claim<'_>| other.tags.fields == self.tags.fields;
        let proved_by_other =
            all.iter().filter(is_like).any(|other| other.holds || other.header_as_signed() == Some(true));
        let is_whole = self.header_as_signed() == Some(true) || proved_by_other || self.only_hash_was_altered(key);
        match self.header_as_signed() {
            _ if is_whole => Finding::AlteredMark,
            Some(_) if self.names_strange_fields() => Finding::AlteredMark,
            Some(_) if altered_body => Finding::OtherMessage,
            Some(_) => Finding::AlteredHeader,
            None if altered_body => Finding::AlteredBody,
            None => Finding::BadSignature,
        }
    }

    /// Whether the signed fields are those of the mark, as far as it tells.
    fn header_as_signed(&self) -> Option<bool> {
        self.tags.header_hash.as_ref().map(|hash| *hash == self.header.digest())
    }

    fn only_hash_was_altered(&self, key: &PublicKey) -> bool {
        let form = self.mark.signed_form_with(&self.header.digest());
        self.tags.header_hash.is_some() && key.verifies(&self.header, &form, &self.tags.signature)
    }

    /// A name that no mark has to sign: it was hardly there when the mark was made.
    fn names_strange_fields(&self) -> bool {
        let is_required = |name: &String| Listed::MARK.iter().any(|required| required.name == name);
        !self.tags.fields.iter().all(is_required)
    }

    fn selector(&self) -> String {
        format!("{}._postalmark.{}", self.tags.selector, self.tags.domain)
    }
}

/// The algorithm of a signature, if it can be judged here.
pub(super) fn judged(tags: &SignatureTags) -> Option<Algorithm> {
    Algorithm::from_tag(&tags.algorithm).filter(|algorithm| *algorithm != Algorithm::Gost2015)
}
