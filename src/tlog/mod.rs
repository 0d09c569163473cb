//! A transparency log: an append-only Merkle tree of hashes, published under signed checkpoints.
//!
//! Hashing is that of RFC 6962 §2.1 and RFC 9162 §2.1; what is published has the forms of C2SP: tiles and entry
//! bundles (c2sp.org/tlog-tiles), checkpoints (c2sp.org/tlog-checkpoint) as signed notes (c2sp.org/signed-note), and
//! proofs as text (c2sp.org/tlog-proof). An entry is the SHA-256 of an impression's canonical form and nothing else, so
//! the log says nothing of anybody.
//!
//! Nothing here knows the store or the clock: [`folder`] keeps a log in a directory, and `publisher` feeds it.

pub mod checkpoint;
pub mod dating;
pub mod folder;
pub mod monitor;
pub mod note;
pub mod proof;
pub mod stamps;
pub mod tile;
pub mod tree;

/// The SHA-256 of a mark's canonical form (tag `b` included): what a leaf of the log is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Entry(pub [u8; 32]);

impl Entry {
    /// Its leaf in the tree.
    #[must_use]
    pub fn leaf(&self) -> tree::Hash {
        tree::Hash::of_leaf(&self.0)
    }
}
