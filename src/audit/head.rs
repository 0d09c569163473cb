//! What is signed of the audit: how far its chain goes, as a signed note (c2sp.org/signed-note) of four lines: the
//! name of the audit, the number of its last entry, the hash up to it, and when it was signed.

use crate::clock::Timestamp;
use crate::store::audit::Head;
use crate::tlog::note::{BadNote, Signer, Verifier};
use crate::tlog::tree::Hash;

/// A head at some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadNote {
    /// Whose audit: the name of the key that signs.
    pub origin: String,
    /// How far it goes.
    pub head: Head,
    /// When that was said.
    pub at: Timestamp,
}

/// Why a text is no head of this audit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadHead {
    /// The note is none, or is not signed with the key.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// Not the four lines.
    #[error("the note is no head of an audit: name, number, hash and time are expected, a line each")]
    Form,
    /// The key belongs to another audit.
    #[error("the head is of another audit than the key")]
    OtherOrigin,
}

impl HeadNote {
    /// The signed note.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        let Head { number, hash } = self.head;
        signer.sign(&format!("{}\n{number}\n{}\n{}\n", self.origin, Hash(hash), self.at))
    }

    /// Reads a note that was signed with this key.
    ///
    /// # Errors
    /// See [`BadHead`].
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, BadHead> {
        let read = Self::parse(verifier.open(note)?).ok_or(BadHead::Form)?;
        if read.origin == verifier.name() { Ok(read) } else { Err(BadHead::OtherOrigin) }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, number, hash, at) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
        let hash: Hash = hash.parse().ok()?;
        let is_whole = lines.next().is_none() && !origin.is_empty();
        let head = Head { number: number.parse().ok()?, hash: hash.0 };
        is_whole.then_some(HeadNote { origin: origin.to_owned(), head, at: at.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn signer() -> Signer {
        Signer::new("poshta.example/audit", [3; 32]).unwrap()
    }

    #[test]
    fn m20_a_head_is_four_lines_and_a_signature() {
        let at = "2026-11-29T13:00:00Z".parse().unwrap();
        let note = HeadNote { origin: "poshta.example/audit".into(), head: Head { number: 7, hash: [0; 32] }, at };
        let signed = note.sign(&signer());
        let text = "poshta.example/audit\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n2026-11-29T13:00:00Z\n";
        assert_eq!(signed.split_once("\n\u{2014} ").unwrap().0, text);
        assert_eq!(HeadNote::open(&signed, signer().verifier()), Ok(note));
        let changed = signed.replacen("\n7\n", "\n6\n", 1);
        assert_eq!(HeadNote::open(&changed, signer().verifier()), Err(BadHead::Note(BadNote::WrongSignature)));
    }

    #[test_case("poshta.example/audit\n7\n" => BadHead::Form; "no hash")]
    #[test_case("poshta.example/audit\n-7\nHASH\n2026-11-29T13:00:00Z\n" => BadHead::Form; "no number")]
    #[test_case("poshta.example/audit\n7\nHASH\nyesterday\n" => BadHead::Form; "no time")]
    #[test_case("poshta.example/audit\n7\nHASH\n2026-11-29T13:00:00Z\nmore\n" => BadHead::Form; "more lines")]
    #[test_case("other.example/audit\n7\nHASH\n2026-11-29T13:00:00Z\n" => BadHead::OtherOrigin; "of another")]
    fn m20_what_is_no_head_is_refused(text: &str) -> BadHead {
        let text = text.replace("HASH", &Hash([0; 32]).to_string());
        HeadNote::open(&signer().sign(&text), signer().verifier()).unwrap_err()
    }
}
