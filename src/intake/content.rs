//! The content of an arriving letter: what it must not be, and the few edits that DESIGN 7 lists.

use bytes::Bytes;

use crate::address::Address;
use crate::message::headers::{self, fields};
use crate::message::{self, Caps, EditRules, Scanner, Structure, WayIn, edit_header};
use crate::postal::{BodyHash, BodyHasher};
use crate::store::StagedBody;

use super::{Entrance, Refusal, Settings};

/// Bytes read at a time.
const PIECE: usize = 256 << 10;

/// Letters up to this size are hashed by who brings them, also on a thread that serves others: it takes less than
/// passing them on.
const PASSING_BYTES: u64 = 64 << 10;

/// A letter's bytes after the edits, with what is known of them.
#[derive(Debug)]
pub(super) struct Content {
    /// The bytes, from now on immutable.
    pub(super) body: StagedBody,
    /// Their structure.
    pub(super) structure: Structure,
    /// Their top header block, with the empty line.
    pub(super) header: Bytes,
    /// Hash of what is below it, which no edit changes.
    pub(super) hash: BodyHash,
}

impl Content {
    /// The header has such a field. An [`Envelope`](crate::message::Envelope) cannot tell: it leaves out what is
    /// behind a long list of recipients.
    pub(super) fn has(&self, field: &str) -> bool {
        headers::find(&self.header, field).is_some()
    }
}

/// Refuses what no letter may be.
pub(super) fn check(settings: &Settings, structure: &Structure, body: &StagedBody) -> Result<(), Refusal> {
    let facts = &structure.facts;
    if facts.received > settings.max_received {
        return Err(Refusal::Loop);
    }
    // RFC 5322 §2.2.3: such a line would go on with the last field that we put above it.
    if matches!(body.read_at(0, 1)?[..], [b' ' | b'\t']) {
        return Err(Refusal::BadContent("the first line begins with white space; begin with a header field".into()));
    }
    Ok(())
}

/// The top header block.
pub(super) fn header_of(body: &StagedBody, structure: &Structure) -> Result<Bytes, Refusal> {
    Ok(body.read_at(0, usize::try_from(structure.facts.header_bytes).unwrap_or(usize::MAX))?)
}

/// What the edits depend on.
#[derive(Debug)]
pub(super) struct Editor<'a> {
    /// Which fields a submission must not carry on.
    pub(super) entrance: &'a Entrance,
    /// Our name in `Authentication-Results`.
    pub(super) authserv_id: &'a str,
    /// How much of a message is looked into.
    pub(super) caps: &'a Caps,
    /// Where fields begin whose mark was verified.
    pub(super) genuine: &'a [usize],
}

/// A letter's bytes as they came, with the hash of those below the header.
#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) body: StagedBody,
    pub(super) hash: BodyHash,
}

/// Hashes what all marks of the letter sign besides the header; off the threads that serve others when that takes
/// long.
pub(super) async fn hash(body: StagedBody, structure: &Structure) -> Result<Hashed, Refusal> {
    let from = structure.facts.header_bytes;
    if body.len() <= PASSING_BYTES {
        let hash = hash_from(&body, from)?;
        return Ok(Hashed { body, hash });
    }
    let hashed = tokio::task::spawn_blocking(move || Ok(Hashed { hash: hash_from(&body, from)?, body }));
    hashed.await.map_err(|error| Refusal::Temporary(error.to_string()))?
}

fn hash_from(body: &StagedBody, mut offset: u64) -> Result<BodyHash, Refusal> {
    let mut hasher = BodyHasher::default();
    while offset < body.len() {
        let piece = body.read_at(offset, PIECE)?;
        if piece.is_empty() {
            return Err(too_short());
        }
        offset += piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(hasher.finish())
}

/// Makes the edits, after every signature was looked at. Whoever edits nothing keeps body and hash.
pub(super) async fn edit(
    Hashed { body, hash }: Hashed,
    structure: Structure,
    header: Bytes,
    editor: &Editor<'_>,
) -> Result<Content, Refusal> {
    let way_in = if *editor.entrance == Entrance::Submission { WayIn::Submitted } else { WayIn::Relayed };
    let rules = EditRules { authserv_id: editor.authserv_id, way_in, verified_marks: editor.genuine };
    let Some(edited) = edit_header(&header, &rules) else {
        return Ok(Content { body, structure, header, hash });
    };
    let (old_len, caps) = (structure.facts.header_bytes, editor.caps.clone());
    let replaced = tokio::task::spawn_blocking(move || -> Result<Content, Refusal> {
        let body = body.with_head(old_len, &edited.header)?;
        let structure = scan(&body, &caps)?;
        Ok(Content { body, structure, header: edited.header.into(), hash })
    });
    replaced.await.map_err(|error| Refusal::Temporary(error.to_string()))?
}

/// The structure of a staged body, read in pieces.
pub(super) fn scan(body: &StagedBody, caps: &Caps) -> Result<Structure, Refusal> {
    let mut scanner = Scanner::new(caps.clone());
    let mut offset = 0;
    while offset < body.len() {
        let piece = body.read_at(offset, PIECE)?;
        if piece.is_empty() {
            return Err(too_short());
        }
        offset += piece.len() as u64;
        scanner.push(&piece);
    }
    Ok(scanner.finish())
}

fn too_short() -> Refusal {
    Refusal::Temporary("a staged body is shorter than its length".into())
}

/// The addresses in every `From`.
///
/// # Errors
/// One cannot be read, or not by all in the same way: whom it stands for, nobody can check.
pub(super) fn authors(header: &[u8]) -> Result<Vec<Address>, Refusal> {
    let mut authors = Vec::new();
    for field in fields(header).filter(|field| field.is("From")) {
        authors.extend(message::authors(&field.text()).map_err(|unclear| Refusal::BadContent(unclear.to_string()))?);
    }
    Ok(authors)
}
