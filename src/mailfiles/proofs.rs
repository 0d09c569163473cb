//! Proofs that go with an export: that each mark of the exported letters is in the transparency log.
//!
//! On top of a letter stands a field `Postal-Mark-Proof` for each of its marks that is in the published log; the letter
//! below it stays byte for byte, and import takes these fields off again (`mbox`, `maildir`). In a directory each
//! proof is also a file of its own, `proofs/<tag i of the mark>.tlog-proof`, as other programs read it. Whoever has
//! letter, proof and the log's public key needs no server to check it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::ids::ImpressionId;
use crate::message::headers;
use crate::message::report::field;
use crate::postal::{MARK_PROOF, Mark, proof_value};
use crate::tlog::Entry;
use crate::tlog::folder::{Result, View};

/// Where the files are written, in the directory of the export.
pub(super) const DIR: &str = "proofs";

/// No letter gets more on top of it: what import takes off it holds in memory.
pub(super) const MAX_BYTES: usize = 256 << 10;

/// Finds proofs in a published log.
#[derive(Debug)]
pub(super) struct Proofs {
    log: View,
    /// Where the server gives proofs too.
    pages: String,
}

/// That an impression is in the log.
#[derive(Debug)]
pub(super) struct Proved {
    id: ImpressionId,
    /// As a `*.tlog-proof` has it.
    text: String,
}

/// What came of the marks of one letter.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) proved: Vec<Proved>,
    /// Their fields, in CRLF.
    pub(super) fields: Vec<u8>,
    /// Marks that are not in what is published: not yet, or they are not of this log.
    pub(super) missing: u64,
}

impl Proofs {
    pub(super) fn of(log: View, pages: String) -> Self {
        Proofs { log, pages }
    }

    /// The proofs of the marks in the header that these bytes begin with, in their order. It does not matter who wrote the
    /// marks there: a leaf is the whole mark, so what was never stamped has no proof.
    pub(super) fn find(&self, letter: &[u8]) -> Result<Found> {
        let mut found = Found::default();
        for field in headers::fields(letter).filter(|field| field.is("Postal-Mark")) {
            let Ok(mark) = Mark::parse(&field.text()) else { continue };
            if found.proved.iter().any(|proved| proved.id == mark.id) {
                continue;
            }
            match self.prove(&mark)? {
                Some(proved) => self.push(&mut found, proved),
                None => found.missing += 1,
            }
        }
        Ok(found)
    }

    fn push(&self, found: &mut Found, proved: Proved) {
        let field = field(MARK_PROOF, &proof_value(&self.pages, proved.id, Some(&proved.text)));
        if found.fields.len() + field.len() > MAX_BYTES {
            found.missing += 1;
            return;
        }
        found.fields.extend(field);
        found.proved.push(proved);
    }

    fn prove(&self, mark: &Mark) -> Result<Option<Proved>> {
        let Some(index) = self.log.find(mark.id)? else { return Ok(None) };
        // Another mark may bear the same number.
        if self.log.leaf(index)?.entry != Entry(mark.digest().0) {
            return Ok(None);
        }
        Ok(Some(Proved { id: mark.id, text: self.log.prove(index)?.to_string() }))
    }
}

/// The folder of an export with a file for each proof.
#[derive(Debug)]
pub(super) struct ProofFiles {
    dir: PathBuf,
}

impl ProofFiles {
    /// In this directory, which is there.
    pub(super) fn create(export: &Path) -> io::Result<Self> {
        let dir = export.join(DIR);
        super::maildir::create_dir(&dir)?;
        Ok(ProofFiles { dir })
    }

    /// Copies of a letter in several folders have the same marks, so the file may be there already.
    pub(super) fn write(&self, proved: &Proved) -> io::Result<()> {
        match super::maildir::create_file(&self.dir.join(format!("{}.tlog-proof", proved.id))) {
            Ok(file) => write_all(file, &proved.text),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What an export puts on top of a letter, and nothing else.
pub(super) fn is_all_proofs(block: &[u8]) -> bool {
    let is_proof = |field: headers::Field<'_>| field.is(MARK_PROOF).then_some(field.raw.len());
    let lengths: Option<Vec<usize>> = headers::fields(block).map(is_proof).collect();
    block.ends_with(b"\n") && lengths.is_some_and(|lengths| lengths.iter().sum::<usize>() == block.len())
}

fn write_all(mut file: File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests;
