//! Proofs that are kept beside a letter (c2sp.org/tlog-proof): an index, the hashes to the root, and the checkpoint.

use std::fmt;
use std::str::FromStr;

use super::Entry;
use super::checkpoint::{BadCheckpoint, Checkpoint, Signed};
use super::note::{LONGEST_NOTE, Verifier};
use super::tree::{BadProof, Hash, verify_inclusion};

/// What a proof begins with.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// More hashes than the path of any tree has.
const MAX_HASHES: usize = 64;

/// That an entry is in a log. Its text form is the file `*.tlog-proof`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Where the entry stands, from 0.
    pub index: u64,
    /// From the leaf's neighbour up to the root's child.
    pub path: Vec<Hash>,
    /// The checkpoint: a signed note.
    pub note: String,
}

/// The text is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a proof in the form of c2sp.org/tlog-proof@v1")]
pub struct NotAProof;

/// Why a proof does not prove.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unproved {
    /// The checkpoint in it is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// The hashes lead somewhere else.
    #[error(transparent)]
    Path(#[from] BadProof),
}

impl Proof {
    /// The entry is in the log with this key; gives what the log said of itself.
    ///
    /// # Errors
    /// See [`Unproved`].
    pub fn verify(&self, entry: &Entry, log: &Verifier) -> Result<Checkpoint, Unproved> {
        let checkpoint = Signed::open(&self.note, log)?.checkpoint;
        verify_inclusion(entry.leaf(), self.index, &self.path, checkpoint.head)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}\nindex {}\n", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for Proof {
    type Err = NotAProof;

    fn from_str(text: &str) -> Result<Self, NotAProof> {
        let read = || {
            let (head, note) = text.split_once("\n\n").filter(|_| text.len() <= 2 * LONGEST_NOTE)?;
            let mut lines = head.split('\n').peekable();
            lines.next().filter(|line| *line == FIRST_LINE)?;
            // What stands there is nobody's word, and nothing here needs it.
            lines.next_if(|line| line.starts_with("extra "));
            let number = lines.next()?.strip_prefix("index ")?;
            let index = number.parse().ok().filter(|index: &u64| index.to_string() == number)?;
            let path = lines.map(|line| line.parse().ok()).collect::<Option<Vec<Hash>>>()?;
            (path.len() <= MAX_HASHES).then(|| Proof { index, path, note: note.to_owned() })
        };
        read().ok_or(NotAProof)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::note::Signer;
    use super::super::tree::{Frontier, inclusion, tests::Naive};
    use super::*;

    fn log() -> Signer {
        Signer::new("poshta.example/log", [3; 32]).unwrap()
    }

    fn entries() -> Vec<Entry> {
        (0..11).map(|number| Entry([number; 32])).collect()
    }

    fn proof(index: u64) -> Proof {
        let leaves: Vec<Hash> = entries().iter().map(Entry::leaf).collect();
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let checkpoint = Checkpoint { origin: "poshta.example/log".into(), head: frontier.head() };
        let path = inclusion(&Naive(leaves), index, 11).unwrap();
        Proof { index, path, note: checkpoint.sign(&log()).note }
    }

    #[test]
    fn tlog_proof_holds_for_its_entry_and_no_other() {
        for (index, entry) in (0..).zip(entries()) {
            let text = proof(index).to_string();
            assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")), "{text}");
            let read: Proof = text.parse().unwrap();
            assert_eq!(read.verify(&entry, log().verifier()).unwrap().head.size, 11);
            assert_eq!(read.verify(&Entry([99; 32]), log().verifier()), Err(BadProof::OtherRoot.into()));
            let other = Signer::new("poshta.example/log", [4; 32]).unwrap();
            assert!(matches!(read.verify(&entry, other.verifier()), Err(Unproved::Checkpoint(_))));
        }
    }

    #[test]
    fn tlog_proof_may_have_extra_data() {
        let text = proof(4).to_string().replace("\nindex", "\nextra YWJj\nindex");
        assert_eq!(text.parse(), Ok(proof(4)));
    }

    #[test_case("c2sp.org/tlog-proof@v2\nindex 0\n\nnote"; "another version")]
    #[test_case("c2sp.org/tlog-proof@v1\n\nnote"; "no index")]
    #[test_case("c2sp.org/tlog-proof@v1\nindex 00\n\nnote"; "leading zero")]
    #[test_case("c2sp.org/tlog-proof@v1\nindex 0\nabc\n\nnote"; "no hash")]
    #[test_case("c2sp.org/tlog-proof@v1\nindex 0\n"; "no checkpoint")]
    fn tlog_proof_of_another_form_is_refused(text: &str) {
        assert_eq!(text.parse::<Proof>(), Err(NotAProof));
    }
}
