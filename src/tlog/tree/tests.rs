//! The vectors that implementations of RFC 6962 share, and every proof against a tree that is computed naively.

use std::convert::Infallible;

use proptest::prelude::*;
use test_case::test_case;

use super::*;

/// The leaves of the reference tests of RFC 6962, in hexadecimal digits.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hash(hex: &str) -> Hash {
    Hash(bytes(hex).try_into().unwrap())
}

/// All leaves in memory; every hash is computed as §2.1 of RFC 6962 defines it.
pub(in crate::tlog) struct Naive(pub(in crate::tlog) Vec<Hash>);

impl Naive {
    fn reference() -> Self {
        Naive(LEAVES.iter().map(|leaf| Hash::of_leaf(&bytes(leaf))).collect())
    }

    pub(in crate::tlog) fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: Self::root(&self.0[..size as usize]) }
    }

    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                Hash::of_node(Self::root(&leaves[..k]), Self::root(&leaves[k..]))
            }
        }
    }
}

impl Subtrees for Naive {
    type Error = Infallible;

    fn hash(&self, subtree: Subtree) -> Result<Hash, Infallible> {
        let (start, end) = (subtree.index << subtree.height, (subtree.index + 1) << subtree.height);
        Ok(Self::root(&self.0[start as usize..end as usize]))
    }
}

#[test_case(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
#[test_case(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")]
#[test_case(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
#[test_case(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")]
#[test_case(4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
#[test_case(5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4")]
#[test_case(6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")]
#[test_case(7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c")]
#[test_case(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
fn rfc6962_reference_roots(size: u64, expected: &str) {
    let tree = Naive::reference();
    assert_eq!(root(&tree, size).unwrap(), hash(expected));
    let mut frontier = Frontier::default();
    tree.0[..size as usize].iter().for_each(|leaf| frontier.push(*leaf));
    assert_eq!(frontier.head(), TreeHead { size, root: hash(expected) });
}

#[test_case(0, 1 => Vec::<&str>::new(); "the only leaf")]
#[test_case(0, 8 => vec![
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]; "the first of eight")]
#[test_case(5, 8 => vec![
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]; "the sixth of eight")]
#[test_case(2, 3 => vec!["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]; "the last of three")]
#[test_case(1, 5 => vec![
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
]; "the second of five")]
fn rfc6962_reference_inclusion(index: u64, size: u64) -> Vec<String> {
    let tree = Naive::reference();
    let path = inclusion(&tree, index, size).unwrap();
    verify_inclusion(tree.0[index as usize], index, &path, tree.head(size)).unwrap();
    path.iter().map(|hash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

#[test_case(1, 1 => Vec::<&str>::new(); "the same tree")]
#[test_case(1, 8 => vec![
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]; "one leaf and eight")]
#[test_case(6, 8 => vec![
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]; "six and eight")]
#[test_case(2, 5 => vec![
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
]; "two and five")]
fn rfc6962_reference_consistency(from: u64, to: u64) -> Vec<String> {
    let tree = Naive::reference();
    let path = consistency(&tree, from, to).unwrap();
    verify_consistency(tree.head(from), tree.head(to), &path).unwrap();
    path.iter().map(|hash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

pub(in crate::tlog) fn naive(size: u64) -> Naive {
    Naive((0..size).map(|number| Hash::of_leaf(&number.to_be_bytes())).collect())
}

#[test]
fn a_tree_is_the_beginning_of_every_later_one() {
    let tree = naive(33);
    for to in 0..=33 {
        for from in 0..=to {
            let path = consistency(&tree, from, to).unwrap();
            assert_eq!(verify_consistency(tree.head(from), tree.head(to), &path), Ok(()), "{from} {to}");
        }
    }
}

#[test]
fn a_tree_does_not_shrink() {
    let tree = naive(3);
    let shrinks = verify_consistency(tree.head(3), tree.head(2), &[]);
    assert_eq!(shrinks, Err(BadProof::Shrinks { from: 3, to: 2 }));
    let beyond = verify_inclusion(tree.0[2], 3, &[], tree.head(3));
    assert_eq!(beyond, Err(BadProof::NoSuchLeaf { index: 3, size: 3 }));
}

#[test]
fn a_frontier_has_as_many_subtrees_as_its_size_has_ones() {
    let mut frontier = Frontier::default();
    let tree = naive(300);
    for (size, leaf) in (1..).zip(&tree.0) {
        frontier.push(*leaf);
        let again = Frontier::new(size, frontier.subtrees().to_vec()).unwrap();
        assert_eq!(again.head(), tree.head(size));
    }
    assert_eq!(Frontier::new(3, vec![Hash::of_nothing()]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_leaf_is_proved_and_no_other_in_its_place(size in 1u64..400, at in 0u64..400, other in 0u64..400) {
        let (index, other, tree) = (at % size, other % size, naive(size));
        let (head, path) = (tree.head(size), inclusion(&tree, index, size).unwrap());
        let leaf = tree.0[index as usize];
        prop_assert_eq!(verify_inclusion(leaf, index, &path, head), Ok(()));
        prop_assert!(other == index || verify_inclusion(tree.0[other as usize], index, &path, head).is_err());
        prop_assert!(other == index || verify_inclusion(leaf, other, &path, head).is_err());
        for cut in 0..path.len() {
            prop_assert!(verify_inclusion(leaf, index, &path[..cut], head).is_err());
        }
        let longer = [path.as_slice(), &[head.root]].concat();
        prop_assert!(verify_inclusion(leaf, index, &longer, head).is_err());
    }

    #[test]
    fn a_tree_with_another_leaf_is_not_consistent(to in 2u64..300, from in 1u64..300, at in 0u64..300) {
        let from = 1 + from % (to - 1);
        let (tree, mut forged) = (naive(to), naive(to));
        forged.0[(at % from) as usize] = Hash::of_leaf(b"another letter");
        let path = consistency(&tree, from, to).unwrap();
        prop_assert_eq!(verify_consistency(tree.head(from), tree.head(to), &path), Ok(()));
        for path in [path, consistency(&forged, from, to).unwrap()] {
            prop_assert!(verify_consistency(tree.head(from), forged.head(to), &path).is_err());
        }
    }
}
