//! Checkpoints (c2sp.org/tlog-checkpoint): the origin of a log, its size and its root, as a signed note.

use super::note::{BadNote, Signer, Verifier};
use super::tree::TreeHead;

/// What a log says of itself at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log: the name of the key that signs it.
    pub origin: String,
    /// Its tree.
    pub head: TreeHead,
}

/// A checkpoint and the note that it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note, byte by byte.
    pub note: String,
}

/// Why a text is no checkpoint of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadCheckpoint {
    /// The note is none, or is not signed by the log.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// Not origin, size and root.
    #[error("the note is no checkpoint: origin, size and root are expected, a line each")]
    Form,
    /// The key belongs to another log.
    #[error("the checkpoint is of another log than the key")]
    OtherOrigin,
}

impl Checkpoint {
    /// Signs it; the key has the log's origin as its name.
    #[must_use]
    pub fn sign(self, signer: &Signer) -> Signed {
        Signed { note: signer.sign(&self.text()), checkpoint: self }
    }

    /// The text of the note.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root)
    }

    /// Reads the text of a note. Lines behind the first three are extensions, which are allowed and not read.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = lines.next()?;
        let number: u64 = size.parse().ok().filter(|number: &u64| number.to_string() == size)?;
        let root = lines.next()?.parse().ok()?;
        if lines.any(str::is_empty) {
            return None;
        }
        Some(Checkpoint { origin, head: TreeHead { size: number, root } })
    }
}

impl Signed {
    /// Reads a checkpoint that the log with this key signed.
    ///
    /// # Errors
    /// See [`BadCheckpoint`].
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, BadCheckpoint> {
        let checkpoint = Checkpoint::parse(verifier.open(note)?).ok_or(BadCheckpoint::Form)?;
        if checkpoint.origin != verifier.name() {
            return Err(BadCheckpoint::OtherOrigin);
        }
        Ok(Signed { checkpoint, note: note.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::tree::Hash;
    use super::*;

    fn signer() -> Signer {
        Signer::new("poshta.example/log", [3; 32]).unwrap()
    }

    #[test]
    fn tlog_checkpoint_is_three_lines_and_a_signature() {
        let head = TreeHead { size: 0, root: Hash::of_nothing() };
        let signed = Checkpoint { origin: "poshta.example/log".into(), head }.sign(&signer());
        let text = "poshta.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        assert_eq!(signed.note.split_once("\n\u{2014} ").unwrap().0, text);
        assert_eq!(Signed::open(&signed.note, signer().verifier()), Ok(signed));
    }

    const ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test_case("poshta.example/log\n5\nROOT\n" => None; "as it should be")]
    #[test_case("poshta.example/log\n5\nROOT\nextension\n" => None; "with an extension")]
    #[test_case("poshta.example/log\n05\nROOT\n" => Some(BadCheckpoint::Form); "leading zero")]
    #[test_case("poshta.example/log\n+5\nROOT\n" => Some(BadCheckpoint::Form); "a sign")]
    #[test_case("poshta.example/log\n5\n\nROOT\n" => Some(BadCheckpoint::Form); "empty line")]
    #[test_case("poshta.example/log\n5\nROOT\n\n" => Some(BadCheckpoint::Form); "empty extension")]
    #[test_case("poshta.example/log\n5\n" => Some(BadCheckpoint::Form); "no root")]
    #[test_case("poshta.example/log\n5\nAAAA\n" => Some(BadCheckpoint::Form); "short root")]
    #[test_case("other.example/log\n5\nROOT\n" => Some(BadCheckpoint::OtherOrigin); "another log")]
    fn tlog_checkpoint_is_read(text: &str) -> Option<BadCheckpoint> {
        let note = signer().sign(&text.replace("ROOT", ROOT));
        Signed::open(&note, signer().verifier()).err()
    }
}
