//! The names under which a log is served (c2sp.org/tlog-tiles): tiles of 256 hashes, and bundles of 256 entries.

use std::fmt;
use std::str::FromStr;

use super::tree::{Hash, Subtree};

/// Hashes of a full tile, and entries of a full bundle.
pub const WIDTH: u64 = 256;

/// A tile spans this many levels of the tree.
pub const HEIGHT: u32 = 8;

/// Levels of tiles that a tree of 2^63 leaves has.
pub const LEVELS: u8 = 8;

/// What a tile is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Hashes of this level; level 0 has the leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// One tile or bundle, or the beginning of one. Its text form is what stands behind `tile/` in a URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tile {
    /// What it has.
    pub content: Content,
    /// Which one, from the left.
    pub index: u64,
    /// How many hashes or entries; from 1 to [`WIDTH`].
    pub width: u64,
}

/// The text names no tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no name of a tile; see c2sp.org/tlog-tiles")]
pub struct NotATile;

/// A bundle of entries that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a bundle of entries that ends inside an entry")]
pub struct BrokenBundle;

impl Tile {
    /// How many of its hashes or entries a tree of `size` leaves has, and so which parts of it may be asked for.
    #[must_use]
    pub fn available(content: Content, index: u64, size: u64) -> u64 {
        let level = match content {
            Content::Hashes(level) => u32::from(level),
            Content::Entries => 0,
        };
        let nodes = size.checked_shr(level * HEIGHT).unwrap_or(0);
        nodes.saturating_sub(index.saturating_mul(WIDTH)).min(WIDTH)
    }

    /// The tile of a tree of `size` leaves, as wide as that tree has it; `None` where it has nothing of it.
    #[must_use]
    pub fn of_tree(content: Content, index: u64, size: u64) -> Option<Self> {
        let width = Tile::available(content, index, size);
        (width > 0).then_some(Tile { content, index, width })
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Hashes(level) => write!(f, "{level}")?,
            Content::Entries => f.write_str("entries")?,
        }
        let mut groups = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        for (at, group) in groups.iter().enumerate().rev() {
            let mark = if at > 0 { "x" } else { "" };
            write!(f, "/{mark}{group:03}")?;
        }
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = NotATile;

    fn from_str(text: &str) -> Result<Self, NotATile> {
        // Far longer than any name.
        const LONGEST: usize = 80;
        let read = || {
            let (content, rest) = text.split_once('/').filter(|_| text.len() <= LONGEST)?;
            let content = match content {
                "entries" => Content::Entries,
                level => Content::Hashes(level.parse().ok().filter(|level| *level < LEVELS)?),
            };
            let (index, width) = match rest.split_once(".p/") {
                Some((index, width)) => (index, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
                None => (rest, WIDTH),
            };
            let index = index.split('/').try_fold(0_u64, |index, group| {
                let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
                index.checked_mul(1_000)?.checked_add(group)
            })?;
            Some(Tile { content, index, width })
        };
        // Every tile has one name.
        read().filter(|tile| tile.to_string() == text).ok_or(NotATile)
    }
}

/// The tile with the hashes from which the hash of a subtree follows, and where they stand in it.
#[must_use]
pub fn covering(subtree: Subtree) -> (u8, u64, std::ops::Range<u64>) {
    let level = subtree.height / HEIGHT;
    let first = subtree.index << (subtree.height % HEIGHT);
    let count = 1 << (subtree.height % HEIGHT);
    let at = first % WIDTH;
    (u8::try_from(level).unwrap_or(LEVELS), first / WIDTH, at..at + count)
}

/// The hash over hashes that are a complete subtree: as many as a power of two.
#[must_use]
pub fn fold(mut hashes: Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => Some(Hash::of_node(*left, *right)),
                _ => None,
            })
            .collect::<Option<_>>()?;
    }
    hashes.pop()
}

/// A bundle: each entry behind its length, two bytes, big-endian.
#[must_use]
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        out.extend_from_slice(&u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(entry);
    }
    out
}

/// The entries of a bundle.
///
/// # Errors
/// It ends inside an entry.
pub fn unbundle(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BrokenBundle> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk().ok_or(BrokenBundle)?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or(BrokenBundle)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::super::tree::Subtrees as _;
    use super::super::tree::tests::naive;
    use super::*;

    #[test_case("0/000", Content::Hashes(0), 0, 256)]
    #[test_case("1/x001/x234/067", Content::Hashes(1), 1_234_067, 256; "the example of the specification")]
    #[test_case("0/x001/000.p/112", Content::Hashes(0), 1_000, 112)]
    #[test_case("entries/999.p/1", Content::Entries, 999, 1)]
    fn tlog_tiles_names(name: &str, content: Content, index: u64, width: u64) {
        let tile = Tile { content, index, width };
        assert_eq!(name.parse(), Ok(tile));
        assert_eq!(tile.to_string(), name);
    }

    #[test_case("0"; "no index")]
    #[test_case("0/0"; "too few digits")]
    #[test_case("0/0000"; "too many digits")]
    #[test_case("0/x000/001"; "leading zeroes")]
    #[test_case("0/001/002"; "no x")]
    #[test_case("0/x001"; "an x in the last group")]
    #[test_case("00/001"; "a level with a zero before it")]
    #[test_case("8/000"; "a level that no tree has")]
    #[test_case("-1/000"; "a negative level")]
    #[test_case("0/000.p/0"; "an empty tile")]
    #[test_case("0/000.p/256"; "a full tile as a partial one")]
    #[test_case("0/000.p/01"; "a width with a zero before it")]
    #[test_case("0/+01"; "a sign")]
    #[test_case("0/x999/x999/x999/x999/x999/x999/x999/999"; "more than any log has")]
    #[test_case("../key"; "another file")]
    #[test_case("entries/"; "nothing")]
    fn tlog_tiles_other_names_are_refused(name: &str) {
        assert_eq!(name.parse::<Tile>(), Err(NotATile));
    }

    #[test]
    fn tlog_tiles_of_70000_leaves() {
        let width = |level, index| Tile::available(Content::Hashes(level), index, 70_000);
        assert_eq!([width(0, 272), width(0, 273), width(0, 274)], [256, 112, 0]);
        assert_eq!([width(1, 0), width(1, 1), width(1, 2)], [256, 17, 0]);
        assert_eq!([width(2, 0), width(2, 1), width(3, 0), width(7, 0)], [1, 0, 0, 0]);
        assert_eq!(Tile::of_tree(Content::Entries, 274, 70_000), None);
    }

    #[test]
    fn a_bundle_gives_its_entries_back() {
        let entries: [&[u8]; 3] = [b"", b"one", &[7; 300]];
        let bundled = bundle(entries);
        assert_eq!(unbundle(&bundled).unwrap(), entries);
        assert_eq!(unbundle(&bundled[..bundled.len() - 1]), Err(BrokenBundle));
        assert_eq!(unbundle(&[0]), Err(BrokenBundle));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_name_is_read_as_it_was_written(level in 0..LEVELS, index in 0_u64..1 << 50, width in 1..=WIDTH) {
            for content in [Content::Hashes(level), Content::Entries] {
                let tile = Tile { content, index, width };
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }

        #[test]
        fn a_subtree_is_found_in_its_tile(height in 0_u32..10, index in 0_u64..8) {
            let tree = naive(1 << 13);
            let (level, tile, places) = covering(Subtree { height, index });
            let hash = |at| tree.hash(Subtree { height: u32::from(level) * HEIGHT, index: tile * WIDTH + at }).unwrap();
            prop_assert_eq!(fold(places.map(hash).collect()).unwrap(), tree.hash(Subtree { height, index }).unwrap());
        }
    }
}
