//! Whether a message matches a SEARCH (RFC 9051 §6.4.4), decided from facts that are asked for one by one.
//!
//! Invariant: header and body text are asked for only when no cheaper key has decided already. In an `And` or `Or`
//! the keys are tried by cost, which cannot change the answer.

use jiff::civil::Date;

use super::command::{DateRelation, Flag, SearchKey};
use super::sequence::NumberSet;
use crate::ids::Uid;
use crate::uid_set::UidSet;

/// What is known of one message. Cheap facts are answered from its row; texts may be read from disk, so they can
/// fail.
pub(crate) trait Facts {
    /// Why a text could not be read.
    type Error;

    /// Sequence number.
    fn number(&self) -> u32;
    /// UID.
    fn uid(&self) -> u32;
    /// Whether it has the flag; keywords without regard to ASCII case.
    fn has(&self, flag: &Flag) -> bool;
    /// Whether this session is the first to be told of it (rev1).
    fn is_recent(&self) -> bool;
    /// RFC822.SIZE, bytes.
    fn size(&self) -> u64;
    /// The day of INTERNALDATE.
    fn internal_date(&self) -> Date;
    /// The day of the Date: field as written there, zone disregarded; `None` without one.
    ///
    /// # Errors
    /// The header could not be read.
    fn sent_date(&self) -> Result<Option<Date>, Self::Error>;
    /// The values of all fields of this name, unfolded and with encoded words decoded.
    ///
    /// # Errors
    /// The header could not be read.
    fn header(&self, name: &str) -> Result<Vec<String>, Self::Error>;
    /// Whether the body contains the text.
    ///
    /// # Errors
    /// The body could not be read.
    fn body_contains(&self, needle: &Needle) -> Result<bool, Self::Error>;
    /// Whether header or body contain the text.
    ///
    /// # Errors
    /// The message could not be read.
    fn text_contains(&self, needle: &Needle) -> Result<bool, Self::Error>;
}

/// A text to look for, folded once: letters are equal in any case (RFC 9051 §6.4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Needle {
    folded: String,
}

impl Needle {
    /// Folds the text.
    #[must_use]
    pub(crate) fn new(text: &str) -> Self {
        Needle { folded: fold(text) }
    }

    /// Whether `text` contains it. The empty text is contained in every text.
    #[must_use]
    pub(crate) fn is_in(&self, text: &str) -> bool {
        fold(text).contains(&self.folded)
    }

    /// Whether it is in already folded text.
    #[must_use]
    pub(crate) fn is_in_folded(&self, folded: &str) -> bool {
        folded.contains(&self.folded)
    }
}

/// Text without differences of case. `i;unicode-casemap` (RFC 5051) in spirit: composed first, so that a letter
/// and its accent are one.
#[must_use]
pub(crate) fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Upper case first: ß and ſ meet their capitals there.
    text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A search key made ready: sets are resolved, texts folded, keys ordered by cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    root: Node,
}

/// What sets of numbers in a search refer to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a> {
    /// The number of messages in the session's view.
    pub(crate) messages: u32,
    /// The largest UID in the session's view; zero if it is empty.
    pub(crate) largest_uid: u32,
    /// What `$` stands for, as UIDs.
    pub(crate) saved_uids: &'a NumberSet,
}

/// What is known of a folder without a look at any message, all of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    /// The session's view, which gives the messages their sequence numbers.
    pub(crate) view: UidSet,
    /// The messages of the view that are there.
    pub(crate) there: UidSet,
    /// Messages without `\Seen`.
    pub(crate) unseen: UidSet,
    /// Messages with `\Deleted`.
    pub(crate) deleted: UidSet,
}

/// What the sets of a folder say of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Narrowed {
    /// No other message can match.
    pub(crate) uids: UidSet,
    /// Each of them does.
    pub(crate) is_decided: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Box<[Node; 2]>),
    Not(Box<Node>),
    Has(Flag),
    Recent,
    Number(NumberSet),
    Uid(NumberSet),
    Internal(DateRelation, Date),
    Larger(u64),
    Smaller(u64),
    Sent(DateRelation, Date),
    Header(String, Needle),
    Body(Needle),
    Text(Needle),
}

impl Program {
    /// Makes a key ready for one mailbox.
    #[must_use]
    pub(crate) fn new(key: &SearchKey, numbers: Numbers<'_>) -> Self {
        Program { root: Node::new(key, numbers) }
    }

    /// Whether the message matches.
    ///
    /// # Errors
    /// A text that was needed could not be read.
    pub(crate) fn matches<F: Facts>(&self, facts: &F) -> Result<bool, F::Error> {
        self.root.matches(facts)
    }

    /// The messages that may match, as far as sets of UIDs tell.
    #[must_use]
    pub(crate) fn narrow(&self, sets: &Sets) -> Narrowed {
        self.root.narrow(sets)
    }

    /// Whether rows alone decide, without reading any header or body.
    #[must_use]
    pub(crate) fn needs_no_text(&self) -> bool {
        self.root.cost() == Cost::Row
    }
}

/// What it takes to decide a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Cost {
    Row,
    Header,
    Body,
}

impl Node {
    /// Recursion is as deep as the parser let the key nest.
    fn new(key: &SearchKey, numbers: Numbers<'_>) -> Node {
        let not = |node| Node::Not(Box::new(node));
        match key {
            SearchKey::All => Node::All,
            SearchKey::And(keys) => {
                let mut nodes: Vec<_> = keys.iter().map(|key| Node::new(key, numbers)).collect();
                nodes.sort_by_key(Node::cost);
                Node::And(nodes)
            }
            SearchKey::Or(a, b) => {
                let mut nodes = Box::new([Node::new(a, numbers), Node::new(b, numbers)]);
                nodes.sort_by_key(Node::cost);
                Node::Or(nodes)
            }
            SearchKey::Not(key) => not(Node::new(key, numbers)),
            SearchKey::Has(flag) => Node::Has(flag.clone()),
            SearchKey::Lacks(flag) => not(Node::Has(flag.clone())),
            // RFC 3501 §6.4.4: NEW is RECENT UNSEEN, OLD is NOT RECENT.
            SearchKey::New => Node::And(vec![Node::Recent, not(Node::Has(Flag::Seen))]),
            SearchKey::Old => not(Node::Recent),
            SearchKey::Recent => Node::Recent,
            // `$` holds messages, whatever they are numbered by (RFC 5182 §2.1); it is kept as UIDs.
            SearchKey::Sequence(super::sequence::SequenceSet::Saved) => Node::Uid(numbers.saved_uids.clone()),
            SearchKey::Sequence(set) => Node::Number(set.resolve(numbers.messages, numbers.saved_uids)),
            SearchKey::Uid(set) => Node::Uid(set.resolve(numbers.largest_uid, numbers.saved_uids)),
            SearchKey::Internal(relation, date) => Node::Internal(*relation, *date),
            SearchKey::Sent(relation, date) => Node::Sent(*relation, *date),
            SearchKey::Larger(size) => Node::Larger(*size),
            SearchKey::Smaller(size) => Node::Smaller(*size),
            SearchKey::Header { name, value } => Node::Header(name.clone(), Needle::new(value)),
            SearchKey::Body(text) => Node::Body(Needle::new(text)),
            SearchKey::Text(text) => Node::Text(Needle::new(text)),
        }
    }

    fn matches<F: Facts>(&self, facts: &F) -> Result<bool, F::Error> {
        Ok(match self {
            Node::All => true,
            Node::And(nodes) => {
                for node in nodes {
                    if !node.matches(facts)? {
                        return Ok(false);
                    }
                }
                true
            }
            Node::Or(nodes) => {
                let [cheap, dear] = &**nodes;
                cheap.matches(facts)? || dear.matches(facts)?
            }
            Node::Not(node) => !node.matches(facts)?,
            Node::Has(flag) => facts.has(flag),
            Node::Recent => facts.is_recent(),
            Node::Number(set) => set.contains(facts.number()),
            Node::Uid(set) => set.contains(facts.uid()),
            Node::Internal(relation, date) => relation.holds(facts.internal_date(), *date),
            Node::Larger(size) => facts.size() > *size,
            Node::Smaller(size) => facts.size() < *size,
            Node::Sent(relation, date) => facts.sent_date()?.is_some_and(|sent| relation.holds(sent, *date)),
            Node::Header(name, needle) => facts.header(name)?.iter().any(|value| needle.is_in(value)),
            Node::Body(needle) => facts.body_contains(needle)?,
            Node::Text(needle) => facts.text_contains(needle)?,
        })
    }

    fn narrow(&self, sets: &Sets) -> Narrowed {
        let decided = |uids| Narrowed { uids, is_decided: true };
        let among = |keep: fn(&mut UidSet, &UidSet), other| {
            let mut uids = sets.there.clone();
            keep(&mut uids, other);
            decided(uids)
        };
        match self {
            Node::All => decided(sets.there.clone()),
            Node::And(nodes) => nodes.iter().fold(decided(sets.there.clone()), |mut narrowed, node| {
                let other = node.narrow(sets);
                narrowed.uids.intersect(&other.uids);
                narrowed.is_decided &= other.is_decided;
                narrowed
            }),
            Node::Or(nodes) => {
                let [mut narrowed, other] = nodes.each_ref().map(|node| node.narrow(sets));
                narrowed.uids.unite(&other.uids);
                narrowed.is_decided &= other.is_decided;
                narrowed
            }
            Node::Not(node) => match node.narrow(sets) {
                Narrowed { uids, is_decided: true } => among(UidSet::subtract, &uids),
                // What may match may also not match.
                _ => Narrowed { uids: sets.there.clone(), is_decided: false },
            },
            Node::Has(Flag::Seen) => among(UidSet::subtract, &sets.unseen),
            Node::Has(Flag::Deleted) => among(UidSet::intersect, &sets.deleted),
            Node::Number(set) => {
                let uid = |number: u32| sets.view.nth(number.checked_sub(1)? as usize).map(Uid::get);
                let last = sets.view.last().map_or(0, Uid::get);
                let ranges = set.ranges().iter();
                let uids = ranges.filter_map(|range| Some(uid(*range.start())?..=uid(*range.end()).unwrap_or(last)));
                decided(sets.there.within(uids))
            }
            Node::Uid(set) => decided(sets.there.within(set.ranges().iter().cloned())),
            _ => Narrowed { uids: sets.there.clone(), is_decided: false },
        }
    }

    fn cost(&self) -> Cost {
        match self {
            Node::And(nodes) => nodes.iter().map(Node::cost).max().unwrap_or(Cost::Row),
            Node::Or(nodes) => nodes.iter().map(Node::cost).max().unwrap_or(Cost::Row),
            Node::Not(node) => node.cost(),
            Node::Sent(..) | Node::Header(..) => Cost::Header,
            Node::Body(_) | Node::Text(_) => Cost::Body,
            _ => Cost::Row,
        }
    }
}

impl DateRelation {
    /// Whether `day` stands so to `date`.
    #[must_use]
    pub(crate) fn holds(self, day: Date, date: Date) -> bool {
        match self {
            DateRelation::Before => day < date,
            DateRelation::On => day == date,
            DateRelation::Since => day >= date,
        }
    }
}

#[cfg(test)]
mod tests;
