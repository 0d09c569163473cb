//! The Merkle tree of RFC 6962 §2.1: its hashes, and proofs that a leaf is in it and that it only grew.
//!
//! Proofs are made from the hashes of complete subtrees, wherever those lie ([`Subtrees`]), and verified with
//! nothing but the heads of the trees.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// A hash of the tree; its text form is base64 (RFC 4648 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

/// A tree of so many leaves, and its root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// The hash over all of them.
    pub root: Hash,
}

/// The leaves `index << height .. (index + 1) << height`, all of which are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subtree {
    /// 0 is a leaf.
    pub height: u32,
    /// Which one of this height, from the left.
    pub index: u64,
}

/// Where the hashes of complete subtrees come from.
pub trait Subtrees {
    /// Why one cannot be had.
    type Error;

    /// The hash of a complete subtree.
    ///
    /// # Errors
    /// It cannot be had.
    fn hash(&self, subtree: Subtree) -> Result<Hash, Self::Error>;
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadProof {
    /// The tree has no such leaf.
    #[error("there is no leaf {index} in a tree of {size}")]
    NoSuchLeaf {
        /// Which one.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The later tree is the smaller one.
    #[error("a tree of {from} leaves cannot become one of {to}")]
    Shrinks {
        /// Leaves of the earlier tree.
        from: u64,
        /// Leaves of the later tree.
        to: u64,
    },
    /// More or fewer hashes than such a proof has.
    #[error("the proof has not the length that a tree of this size asks for")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

/// The text is no hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a hash: 32 bytes in base64 are expected")]
pub struct NotAHash;

impl Hash {
    /// RFC 6962 §2.1: the hash of a leaf.
    #[must_use]
    pub fn of_leaf(entry: &[u8]) -> Self {
        Hash(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
    }

    /// RFC 6962 §2.1: the hash over two subtrees.
    #[must_use]
    pub fn of_node(left: Hash, right: Hash) -> Self {
        Hash(Sha256::new().chain_update([0x01]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// RFC 6962 §2.1: the root of the tree without leaves.
    #[must_use]
    pub fn of_nothing() -> Self {
        Hash(Sha256::digest([]).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let bytes = STANDARD.decode(text).map_err(|_| NotAHash)?;
        bytes.try_into().map(Hash).map_err(|_| NotAHash)
    }
}

/// The root of the tree that the first `size` leaves make.
///
/// # Errors
/// A subtree cannot be had.
pub fn root<S: Subtrees>(subtrees: &S, size: u64) -> Result<Hash, S::Error> {
    if size == 0 { Ok(Hash::of_nothing()) } else { over(subtrees, 0, size) }
}

/// RFC 6962 §2.1.1: the hashes that lead from the leaf `index` to the root of the first `size` leaves; none when
/// there is no such leaf.
///
/// # Errors
/// A subtree cannot be had.
pub fn inclusion<S: Subtrees>(subtrees: &S, index: u64, size: u64) -> Result<Vec<Hash>, S::Error> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + left_part(end - start);
        if index < middle {
            path.push(over(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(over(subtrees, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 6962 §2.1.2: the hashes that show the first `from` leaves to be the beginning of the first `to`; none when
/// there is nothing to show.
///
/// # Errors
/// A subtree cannot be had.
pub fn consistency<S: Subtrees>(subtrees: &S, from: u64, to: u64) -> Result<Vec<Hash>, S::Error> {
    let mut path = Vec::new();
    if from == 0 || from >= to {
        return Ok(path);
    }
    let (mut start, mut end) = (0, to);
    while from != end {
        let middle = start + left_part(end - start);
        if from <= middle {
            path.push(over(subtrees, middle, end)?);
            end = middle;
        } else {
            path.push(over(subtrees, start, middle)?);
            start = middle;
        }
    }
    // The root of the earlier tree need not be told to who has it.
    if start > 0 {
        path.push(over(subtrees, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// RFC 9162 §2.1.3.2: the leaf stands at `index` of this tree.
///
/// # Errors
/// See [`BadProof`].
pub fn verify_inclusion(leaf: Hash, index: u64, path: &[Hash], tree: TreeHead) -> Result<(), BadProof> {
    if index >= tree.size {
        return Err(BadProof::NoSuchLeaf { index, size: tree.size });
    }
    let (mut node, mut last, mut hash) = (index, tree.size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(BadProof::Length);
        }
        if node & 1 == 1 || node == last {
            hash = Hash::of_node(*sibling, hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = Hash::of_node(hash, *sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, hash == tree.root) {
        (0, true) => Ok(()),
        (0, false) => Err(BadProof::OtherRoot),
        _ => Err(BadProof::Length),
    }
}

/// RFC 9162 §2.1.4.2: the later tree begins with all of the earlier one.
///
/// # Errors
/// See [`BadProof`].
pub fn verify_consistency(from: TreeHead, to: TreeHead, path: &[Hash]) -> Result<(), BadProof> {
    if from.size > to.size {
        return Err(BadProof::Shrinks { from: from.size, to: to.size });
    }
    if from.size == 0 || from.size == to.size {
        let is_same = if from.size == 0 { from.root == Hash::of_nothing() } else { from.root == to.root };
        return match (path.is_empty(), is_same) {
            (false, _) => Err(BadProof::Length),
            (true, false) => Err(BadProof::OtherRoot),
            (true, true) => Ok(()),
        };
    }
    let (mut node, mut last) = (from.size - 1, to.size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    // A complete earlier tree is a subtree of the later one: its root is where the proof begins.
    let mut path = path.iter().copied();
    let seed = if from.size.is_power_of_two() { Some(from.root) } else { path.next() };
    let seed = seed.ok_or(BadProof::Length)?;
    let (mut earlier, mut later) = (seed, seed);
    for hash in path {
        if last == 0 {
            return Err(BadProof::Length);
        }
        if node & 1 == 1 || node == last {
            earlier = Hash::of_node(hash, earlier);
            later = Hash::of_node(hash, later);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            later = Hash::of_node(later, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, earlier == from.root && later == to.root) {
        (0, true) => Ok(()),
        (0, false) => Err(BadProof::OtherRoot),
        _ => Err(BadProof::Length),
    }
}

/// The right edge of a tree: the hashes of the complete subtrees that it consists of, the largest first. Enough to
/// go on adding leaves, and to tell the root, without any of the leaves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves; `None` where that has not so many complete subtrees.
    #[must_use]
    pub fn new(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == subtrees.len() as u64).then_some(Frontier { size, subtrees })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = Hash::of_node(left, hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The hashes, the largest subtree first.
    #[must_use]
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Size and root of the tree.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let joined = self.subtrees.iter().rev().copied().reduce(|right, left| Hash::of_node(left, right));
        TreeHead { size: self.size, root: joined.unwrap_or_else(Hash::of_nothing) }
    }
}

/// The hash over the leaves `start..end` of a tree: a complete subtree, or one that ends at the tree's right edge.
fn over<S: Subtrees>(subtrees: &S, start: u64, end: u64) -> Result<Hash, S::Error> {
    let count = end - start;
    if count.is_power_of_two() {
        let height = count.trailing_zeros();
        return subtrees.hash(Subtree { height, index: start >> height });
    }
    let middle = start + left_part(count);
    Ok(Hash::of_node(over(subtrees, start, middle)?, over(subtrees, middle, end)?))
}

/// RFC 6962 §2.1: the largest power of two that is smaller than `count`, which is at least two.
fn left_part(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

#[cfg(test)]
pub(super) mod tests;
