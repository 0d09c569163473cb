//! An independent look at a log: that it is signed, only grows, and has the entries that its checkpoints cover.
//!
//! Nothing is believed that does not follow from the log's key and from what was seen before. Consistency is proved
//! from tiles, and then once more by adding the new entries to the right edge of the tree that was seen.

use std::cell::RefCell;
use std::fmt::Display;
use std::io;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::checkpoint::{BadCheckpoint, Signed};
use super::note::Verifier;
use super::tile::{Content, Tile, WIDTH, covering, fold, unbundle};
use super::tree::{BadProof, Frontier, Hash, Subtree, Subtrees, TreeHead, consistency, verify_consistency};
use crate::identity::eds::Refusal;

/// Where a log is read: something that has the files of c2sp.org/tlog-tiles.
pub trait Source {
    /// Why a file cannot be had.
    type Error: Display;

    /// The bytes of a file, such as `checkpoint` or `tile/0/000`.
    ///
    /// # Errors
    /// It cannot be had.
    fn get(&mut self, path: &str) -> Result<Vec<u8>, Self::Error>;
}

/// What a monitor has seen of a log; it is kept from one look to the next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The key of the log.
    pub key: String,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
    /// The right edge of its tree, base64.
    pub edge: Vec<String>,
}

/// What a look came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// To be kept for the next look.
    pub seen: Seen,
    /// Leaves before.
    pub from: u64,
    /// The tree now.
    pub head: TreeHead,
}

/// Why a look ended without a good answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Alarm {
    /// The log cannot be asked; that says nothing of it.
    #[error("the log cannot be read: {path}: {error}")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// What happened.
        error: String,
    },
    /// What is kept cannot be used.
    #[error("what was seen before cannot be used: {0}")]
    State(String),
    /// The checkpoint is not signed by the log.
    #[error("the log does not stand by its checkpoint: {0}")]
    Checkpoint(#[from] BadCheckpoint),
    /// There are two trees of one size.
    #[error("the log contradicts itself: it has published two different trees of {0} leaves")]
    Split(u64),
    /// The tree is smaller than it was.
    #[error("the log contradicts itself: it had {seen} leaves, and now it has {now}")]
    Shrunk {
        /// Leaves before.
        seen: u64,
        /// Leaves now.
        now: u64,
    },
    /// The tree does not begin with the one that was seen.
    #[error("the log contradicts itself: its {to} leaves do not begin with the {from} that it had: {why}")]
    Rewritten {
        /// Leaves before.
        from: u64,
        /// Leaves now.
        to: u64,
        /// What the proof lacks.
        why: BadProof,
    },
    /// A file of the log is not what it should be.
    #[error("the log contradicts itself: {0} is not what its checkpoint covers")]
    WrongFile(String),
    /// A time stamp beside the checkpoint of a day does not hold.
    #[error("the log does not stand by its checkpoint of {day}, whose time stamp does not hold: {why}")]
    Stamp {
        /// The day.
        day: Date,
        /// What is wrong with the stamp.
        why: Refusal,
    },
    /// The entries lead to another root.
    #[error("the log contradicts itself: its entries up to {0} do not lead to the root of its checkpoint")]
    WrongEntries(u64),
}

impl Alarm {
    /// The log has contradicted itself, or does not stand by what it says; otherwise it only could not be judged.
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        !matches!(self, Alarm::Unreachable { .. } | Alarm::State(_))
    }
}

/// Looks at a log, with what was seen of it before.
///
/// # Errors
/// See [`Alarm`].
pub fn look<S: Source>(source: &mut S, key: &Verifier, seen: Option<&Seen>) -> Result<Look, Alarm> {
    let (before, mut edge) = match seen {
        Some(seen) => seen.open(key)?,
        None => (Frontier::default().head(), Frontier::default()),
    };
    let note = String::from_utf8(fetch(source, "checkpoint")?).unwrap_or_default();
    let signed = Signed::open(&note, key)?;
    let head = signed.checkpoint.head;
    require_beginning(source, before, head)?;
    add_entries(source, &mut edge, head.size)?;
    if edge.head() != head {
        return Err(Alarm::WrongEntries(head.size));
    }
    let edge = edge.subtrees().iter().map(ToString::to_string).collect();
    Ok(Look { seen: Seen { key: key.to_string(), checkpoint: note, edge }, from: before.size, head })
}

/// That the tree of one checkpoint is the beginning of that of a later one.
pub(super) fn require_beginning<S: Source>(source: &mut S, before: TreeHead, head: TreeHead) -> Result<(), Alarm> {
    if head.size < before.size {
        return Err(Alarm::Shrunk { seen: before.size, now: head.size });
    }
    if head.size == before.size && head.root != before.root {
        return Err(Alarm::Split(head.size));
    }
    let tiles = Tiles { source: RefCell::new(source), size: head.size, last: RefCell::default() };
    let path = consistency(&tiles, before.size, head.size)?;
    verify_consistency(before, head, &path).map_err(|why| Alarm::Rewritten { from: before.size, to: head.size, why })
}

impl Seen {
    /// The tree that was seen, and its right edge.
    fn open(&self, key: &Verifier) -> Result<(TreeHead, Frontier), Alarm> {
        let wrong = |what: &str| Alarm::State(what.into());
        if self.key != key.to_string() {
            return Err(wrong("it is of a log with another key"));
        }
        let signed = Signed::open(&self.checkpoint, key).map_err(|error| Alarm::State(error.to_string()))?;
        let head = signed.checkpoint.head;
        let edge = self.edge.iter().map(|hash| hash.parse()).collect::<Result<Vec<Hash>, _>>();
        let edge = edge.ok().and_then(|edge| Frontier::new(head.size, edge));
        let edge = edge.filter(|edge| edge.head() == head);
        Ok((head, edge.ok_or_else(|| wrong("the edge of its tree does not lead to its root"))?))
    }
}

fn add_entries<S: Source>(source: &mut S, edge: &mut Frontier, size: u64) -> Result<(), Alarm> {
    while edge.head().size < size {
        let at = edge.head().size;
        let tile = Tile::of_tree(Content::Entries, at / WIDTH, size);
        let tile = tile.ok_or_else(|| Alarm::WrongFile("the checkpoint".into()))?;
        let path = format!("tile/{tile}");
        let bundle = fetch(source, &path)?;
        let entries = unbundle(&bundle).ok().filter(|entries| entries.len() as u64 == tile.width);
        let entries = entries.ok_or(Alarm::WrongFile(path))?;
        let known = usize::try_from(at % WIDTH).unwrap_or(usize::MAX);
        entries.iter().skip(known).for_each(|entry| edge.push(Hash::of_leaf(entry)));
    }
    Ok(())
}

fn fetch<S: Source>(source: &mut S, path: &str) -> Result<Vec<u8>, Alarm> {
    source.get(path).map_err(|error| Alarm::Unreachable { path: path.into(), error: error.to_string() })
}

/// As [`fetch`]; `None` where the log says that it does not have this. A log that does not answer has said nothing.
pub(super) fn fetch_if_there<S>(source: &mut S, path: &str) -> Result<Option<Vec<u8>>, Alarm>
where
    S: Source<Error = io::Error>,
{
    match source.get(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Alarm::Unreachable { path: path.to_owned(), error: error.to_string() }),
    }
}

/// The tiles of a log of `size` leaves; the last one that was read is kept.
struct Tiles<'a, S> {
    source: RefCell<&'a mut S>,
    size: u64,
    last: RefCell<Option<(String, Vec<Hash>)>>,
}

impl<S: Source> Subtrees for Tiles<'_, S> {
    type Error = Alarm;

    fn hash(&self, subtree: Subtree) -> Result<Hash, Alarm> {
        let (level, index, places) = covering(subtree);
        let tile = Tile::of_tree(Content::Hashes(level), index, self.size);
        let path = tile.map_or_else(|| "a tile".to_owned(), |tile| format!("tile/{tile}"));
        let wrong = || Alarm::WrongFile(path.clone());
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(name, _)| *name != path) {
            let bytes = fetch(&mut **self.source.borrow_mut(), &path)?;
            let (hashes, rest) = bytes.as_chunks::<32>();
            if !rest.is_empty() || Some(hashes.len() as u64) != tile.map(|tile| tile.width) {
                return Err(wrong());
            }
            *last = Some((path.clone(), hashes.iter().copied().map(Hash).collect()));
        }
        let places = places.start as usize..places.end as usize;
        let hashes = last.as_ref().and_then(|(_, hashes)| hashes.get(places)).map(<[Hash]>::to_vec);
        hashes.and_then(fold).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::folder::tests::{leaves, log_of};
    use super::super::folder::{Log, View};
    use super::super::note::Signer;
    use super::*;

    /// What becomes of a file on its way; `None` when it does not arrive.
    type Change = dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>>;

    /// A log that is served from its directory, with files changed on the way.
    struct Served {
        view: View,
        change: Box<Change>,
        asked: Vec<String>,
    }

    impl Source for Served {
        type Error = String;

        fn get(&mut self, path: &str) -> Result<Vec<u8>, String> {
            self.asked.push(path.to_owned());
            let found = match path.strip_prefix("tile/") {
                Some(tile) => self.view.tile(tile.parse().unwrap()).unwrap().ok_or("404")?,
                None => self.view.note().as_bytes().to_vec(),
            };
            (self.change)(path, found).ok_or_else(|| "503".to_owned())
        }
    }

    fn honest(log: &Log) -> Served {
        changed(log, |_, bytes| Some(bytes))
    }

    fn changed(log: &Log, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>> + 'static) -> Served {
        Served { view: log.view(), change: Box::new(change), asked: Vec::new() }
    }

    fn grow(log: &mut Log, count: u64) {
        log.append(&leaves(log.size(), count)).unwrap();
        log.publish(None, date(2026, 11, 22)).unwrap();
    }

    #[test]
    fn an_honest_log_is_followed_and_old_entries_are_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log_of(dir.path(), 0);
        let key = log.view().verifier().clone();
        let mut seen: Option<Seen> = None;
        for count in [0, 1, 300, 0, 700, 1] {
            grow(&mut log, count);
            let mut source = honest(&log);
            let look = look(&mut source, &key, seen.as_ref()).unwrap();
            assert_eq!((look.head.size - look.from, look.head.size), (count, log.size()));
            let text = serde_json::to_string(&look.seen).unwrap();
            seen = Some(serde_json::from_str(&text).unwrap());
            let old = (look.from / WIDTH).checked_sub(1).map(|index| format!("tile/entries/{index:03}"));
            assert!(old.is_none_or(|old| !source.asked.contains(&old)), "{:?}", source.asked);
        }
    }

    /// What a log of 600 leaves whose files are changed so raises, for a monitor that has seen 400.
    fn alarm(change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>> + 'static) -> Alarm {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log_of(dir.path(), 400);
        let key = log.view().verifier().clone();
        let seen = look(&mut honest(&log), &key, None).unwrap().seen;
        grow(&mut log, 200);
        look(&mut changed(&log, change), &key, Some(&seen)).unwrap_err()
    }

    #[test]
    fn an_entry_that_was_changed_is_found() {
        let alarm = alarm(|path, mut bytes| {
            if path == "tile/entries/002.p/88" {
                bytes[100] ^= 1;
            }
            Some(bytes)
        });
        assert_eq!(alarm, Alarm::WrongEntries(600));
        assert!(alarm.is_contradiction());
    }

    #[test]
    fn tiles_that_lead_elsewhere_are_found() {
        let alarm = alarm(|path, mut bytes| {
            if path.starts_with("tile/0/") {
                bytes[100] ^= 1;
            }
            Some(bytes)
        });
        assert!(matches!(alarm, Alarm::Rewritten { from: 400, to: 600, why: BadProof::OtherRoot }), "{alarm}");
    }

    #[test]
    fn a_file_that_is_too_short_is_found() {
        let alarm = alarm(|path, mut bytes| {
            if path.starts_with("tile/entries/") {
                bytes.truncate(100);
            }
            Some(bytes)
        });
        assert_eq!(alarm, Alarm::WrongFile("tile/entries/001".into()));
    }

    #[test]
    fn a_log_that_cannot_be_read_is_not_accused() {
        let alarm = alarm(|path, bytes| (path == "checkpoint").then_some(bytes));
        assert!(matches!(alarm, Alarm::Unreachable { .. }) && !alarm.is_contradiction(), "{alarm}");
    }

    #[test]
    fn a_checkpoint_of_another_key_is_refused() {
        let alarm = alarm(|_, bytes| {
            let text = String::from_utf8(bytes).unwrap().split_once("\n\n").unwrap().0.to_owned() + "\n";
            Some(Signer::new("poshta.example/log", [9; 32]).unwrap().sign(&text).into_bytes())
        });
        assert!(matches!(alarm, Alarm::Checkpoint(_)), "{alarm}");
    }

    #[test]
    fn a_log_that_begins_anew_under_its_key_is_found() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = log_of(dir.path(), 40);
        let key = log.view().verifier().clone();
        let seen = look(&mut honest(&log), &key, None).unwrap().seen;
        let mut again = log_of(other.path(), 0);
        let first = look(&mut honest(&again), &key, Some(&seen)).unwrap_err();
        assert_eq!(first, Alarm::Shrunk { seen: 40, now: 0 });
        again.append(&leaves(1_000, 40)).unwrap();
        again.publish(None, date(2026, 11, 22)).unwrap();
        assert_eq!(look(&mut honest(&again), &key, Some(&seen)), Err(Alarm::Split(40)));
        grow(&mut again, 3);
        let third = look(&mut honest(&again), &key, Some(&seen)).unwrap_err();
        assert!(matches!(third, Alarm::Rewritten { from: 40, to: 43, .. }), "{third}");
    }

    #[test]
    fn what_was_kept_is_verified_too() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_of(dir.path(), 7);
        let key = log.view().verifier().clone();
        let seen = look(&mut honest(&log), &key, None).unwrap().seen;
        let other = Seen { edge: seen.edge.iter().rev().cloned().collect(), ..seen.clone() };
        let foreign = Seen { key: "x".into(), ..seen };
        for kept in [other, foreign] {
            let alarm = look(&mut honest(&log), &key, Some(&kept)).unwrap_err();
            assert!(matches!(alarm, Alarm::State(_)), "{alarm}");
        }
    }
}
