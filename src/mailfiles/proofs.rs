//! Proofs that go with an export: that each mark of the exported letters is in the transparency log.
//!
//! The bytes of a letter are sacred, so a proof is a file of its own: `proofs/<tag i of the mark>.tlog-proof`, in the
//! form of c2sp.org/tlog-proof. Whoever has letter, proof and the log's public key needs no server to check it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::message::headers;
use crate::postal::Mark;
use crate::store::mailboxes::{Message, Origin};
use crate::tlog::folder::{self, View};

/// Where they are written, in the directory of the export.
pub(super) const DIR: &str = "proofs";

/// Writes proofs.
#[derive(Debug)]
pub(super) struct Proofs {
    log: View,
    dir: PathBuf,
}

/// Why a proof is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error(transparent)]
    Log(#[from] folder::Error),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// What came of the marks of one letter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    pub(super) proofs: u64,
    /// Marks that are in no checkpoint yet.
    pub(super) missing: u64,
}

impl Proofs {
    /// Into this directory of an export, which is there.
    pub(super) fn into(log: View, export: &std::path::Path) -> io::Result<Self> {
        let dir = export.join(DIR);
        super::maildir::create_dir(&dir)?;
        Ok(Proofs { log, dir })
    }

    /// The proofs of the marks that this system made of a letter: those in these blocks of fields, which it wrote. Marks in
    /// what a user deposited are nothing that was stamped there.
    pub(super) fn of(&self, message: &Message, blocks: &[Vec<u8>]) -> Result<Written, NotWritten> {
        let mut written = Written::default();
        if message.origin != Origin::Transmitted {
            return Ok(written);
        }
        let fields = blocks.iter().flat_map(|block| headers::fields(block));
        for field in fields.filter(|field| field.is("Postal-Mark")) {
            let Ok(mark) = Mark::parse(&field.text()) else { continue };
            let leaf = self.log.find(mark.id)?;
            match leaf {
                Some(index) => {
                    let proof = self.log.prove(index)?.to_string();
                    written.proofs += u64::from(self.write(&format!("{}.tlog-proof", mark.id), &proof)?);
                }
                None => written.missing += 1,
            }
        }
        Ok(written)
    }

    /// False when it is there already: copies of a letter in several folders have the same marks.
    fn write(&self, name: &str, text: &str) -> io::Result<bool> {
        match super::maildir::create_file(&self.dir.join(name)) {
            Ok(file) => write_all(file, text).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn write_all(mut file: File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())
}
