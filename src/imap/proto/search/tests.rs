//! Every key against a message, and that nothing is read that need not be.

use std::cell::RefCell;
use std::convert::Infallible;

use jiff::civil::date;
use proptest::prelude::*;
use test_case::test_case;

use crate::imap::proto::command::{Command, Search};
use crate::imap::proto::parser;
use crate::imap::proto::response::Dialect;

use super::*;

/// Message 3 of 5, UID 30, and a note of what was read of it.
#[derive(Default)]
struct Letter {
    read: RefCell<Vec<&'static str>>,
}

const HEADER: &[(&str, &str)] = &[("Subject", "Қала туралы ЖАҢАЛЫҚ"), ("From", "Aliya <aliya@poshta.example>")];
const BODY: &str = "Straße und Haus";

impl Facts for Letter {
    type Error = Infallible;

    fn number(&self) -> u32 {
        3
    }

    fn uid(&self) -> u32 {
        30
    }

    fn has(&self, flag: &Flag) -> bool {
        match flag {
            Flag::Seen => true,
            Flag::Keyword(name) => name.eq_ignore_ascii_case("$Work"),
            _ => false,
        }
    }

    fn is_recent(&self) -> bool {
        true
    }

    fn size(&self) -> u64 {
        1000
    }

    fn internal_date(&self) -> Date {
        date(2026, 2, 10)
    }

    fn sent_date(&self) -> Result<Option<Date>, Infallible> {
        self.read.borrow_mut().push("date");
        Ok(Some(date(2026, 2, 9)))
    }

    fn header(&self, name: &str) -> Result<Vec<String>, Infallible> {
        self.read.borrow_mut().push("header");
        let fields = HEADER.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        Ok(fields.map(|(_, value)| (*value).to_owned()).collect())
    }

    fn body_contains(&self, needle: &Needle) -> Result<bool, Infallible> {
        self.read.borrow_mut().push("body");
        Ok(needle.is_in(BODY))
    }

    fn text_contains(&self, needle: &Needle) -> Result<bool, Infallible> {
        self.read.borrow_mut().push("text");
        Ok(needle.is_in(BODY) || HEADER.iter().any(|(_, value)| needle.is_in(value)))
    }
}

fn program(keys: &str) -> Program {
    let tagged = parser::parse(format!("a SEARCH {keys}").as_bytes(), Dialect::REV2, 20).unwrap();
    let Command::Search(Search { key, .. }) = tagged.command else { panic!() };
    let saved = [30].into_iter().collect();
    Program::new(&key, Numbers { messages: 5, largest_uid: 50, saved_uids: &saved })
}

/// One of several messages, of which no more is known than its numbers and flags.
struct Line {
    number: u32,
    uid: u32,
    flags: Vec<Flag>,
}

impl Facts for Line {
    type Error = Infallible;

    fn number(&self) -> u32 {
        self.number
    }

    fn uid(&self) -> u32 {
        self.uid
    }

    fn has(&self, flag: &Flag) -> bool {
        self.flags.contains(flag)
    }

    fn is_recent(&self) -> bool {
        false
    }

    fn size(&self) -> u64 {
        u64::from(self.uid)
    }

    fn internal_date(&self) -> Date {
        date(2026, 2, 10)
    }

    fn sent_date(&self) -> Result<Option<Date>, Infallible> {
        Ok(None)
    }

    fn header(&self, _: &str) -> Result<Vec<String>, Infallible> {
        Ok(Vec::new())
    }

    fn body_contains(&self, _: &Needle) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn text_contains(&self, _: &Needle) -> Result<bool, Infallible> {
        Ok(self.uid.is_multiple_of(2))
    }
}

fn arbitrary_keys() -> impl Strategy<Value = String> {
    let known = ["ALL", "SEEN", "UNSEEN", "DELETED", "UNDELETED", "2:4", "*", "UID 20:40", "UID 50:*", "$", "NOT 1"];
    let unknown = ["FLAGGED", "UNANSWERED", "LARGER 25", "TEXT even", "NEW", "OLD", "SUBJECT x"];
    let leaf = prop_oneof![3 => prop::sample::select(known.to_vec()), 1 => prop::sample::select(unknown.to_vec())];
    leaf.prop_map(str::to_owned).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| format!("NOT {key}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("OR {one} {other}")),
            prop::collection::vec(inner, 1..4).prop_map(|keys| format!("({})", keys.join(" "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The sets of a folder leave no message out that matches, and decide only what they know.
    #[test]
    fn narrowing_by_sets_finds_what_a_look_at_every_message_finds(
        keys in arbitrary_keys(),
        gone in prop::collection::vec(any::<bool>(), 5),
        flags in prop::collection::vec(prop::collection::vec(prop::sample::select(&[Flag::Seen, Flag::Deleted, Flag::Flagged][..]), 0..3), 5),
    ) {
        let lines: Vec<Line> =
            (1..).zip(flags).map(|(number, flags)| Line { number, uid: number * 10, flags }).collect();
        let those = |keep: &dyn Fn(&Line) -> bool| -> UidSet {
            lines.iter().filter(|line| keep(line)).filter_map(|line| Uid::new(line.uid)).collect()
        };
        let is_there = |line: &Line| !gone[line.number as usize - 1];
        let sets = Sets {
            view: those(&|_| true),
            there: those(&is_there),
            // Also of messages that came after the view.
            unseen: those(&|line| is_there(line) && !line.has(&Flag::Seen)).iter().chain(Uid::new(60)).collect(),
            deleted: those(&|line| is_there(line) && line.has(&Flag::Deleted)).iter().chain(Uid::new(60)).collect(),
        };
        let program = program(&keys);
        let narrowed = program.narrow(&sets);
        let found = those(&|line| is_there(line) && program.matches(line).unwrap());
        if narrowed.is_decided {
            prop_assert_eq!(&narrowed.uids, &found, "{}", keys);
        }
        prop_assert_eq!(found.within(narrowed.uids.ranges()), found, "{}", keys);
        prop_assert_eq!(narrowed.uids.within(sets.there.ranges()), narrowed.uids, "{}", keys);
    }
}

#[test_case("UNSEEN" => true)]
#[test_case("SEEN UNDELETED 1:3 UID 1:30" => true; "flags and numbers")]
#[test_case("OR NOT DELETED (ALL $)" => true; "put together")]
#[test_case("UNSEEN FLAGGED" => false; "a flag without a set")]
#[test_case("OR SEEN SUBJECT x" => false; "a field")]
fn a_search_that_sets_decide_reads_no_message(keys: &str) -> bool {
    let sets = Sets { view: UidSet::new(), there: UidSet::new(), unseen: UidSet::new(), deleted: UidSet::new() };
    program(keys).narrow(&sets).is_decided
}

#[test_case("ALL" => true)]
#[test_case("SEEN" => true)]
#[test_case("UNSEEN" => false)]
#[test_case("DELETED" => false)]
#[test_case("KEYWORD $work" => true)]
#[test_case("UNKEYWORD $work" => false)]
#[test_case("RECENT" => true)]
#[test_case("NEW" => false; "new is recent and unseen")]
#[test_case("OLD" => false)]
#[test_case("3" => true; "number")]
#[test_case("1:2,4:*" => false; "other numbers")]
#[test_case("9:*" => false; "star is the last message")]
#[test_case("UID 20:30" => true)]
#[test_case("$" => true; "saved result holds uids")]
#[test_case("BEFORE 10-Feb-2026" => false; "before its day")]
#[test_case("BEFORE 11-Feb-2026" => true; "before the next day")]
#[test_case("ON 10-Feb-2026" => true; "on its day")]
#[test_case("SINCE 10-Feb-2026" => true; "since its day")]
#[test_case("SINCE 11-Feb-2026" => false; "since the next day")]
#[test_case("SENTON 9-Feb-2026" => true)]
#[test_case("SENTBEFORE 9-Feb-2026" => false)]
#[test_case("SENTSINCE 10-Feb-2026" => false)]
#[test_case("LARGER 999" => true; "larger than less")]
#[test_case("LARGER 1000" => false; "larger is not equal")]
#[test_case("SMALLER 1000" => false; "smaller is not equal")]
#[test_case("SMALLER 1001" => true; "smaller than more")]
#[test_case("SUBJECT \"қала\"" => true; "kazakh in any case")]
#[test_case("SUBJECT \"жаңалық\"" => true; "capitals")]
#[test_case("FROM ALIYA" => true; "part of an address")]
#[test_case("TO aliya" => false; "no such field")]
#[test_case("HEADER subject \"\"" => true; "field is there")]
#[test_case("HEADER X-Nothing \"\"" => false; "field is not there")]
#[test_case("BODY STRASSE" => true; "sharp s")]
#[test_case("BODY aliya" => false; "header is not body")]
#[test_case("TEXT aliya" => true; "text is header and body")]
#[test_case("NOT SEEN" => false)]
#[test_case("OR UNSEEN 3" => true; "or")]
#[test_case("OR UNSEEN 4" => false; "neither")]
#[test_case("SEEN 4" => false; "both must hold")]
#[test_case("NOT (SEEN (OR 3 4) UID 30)" => false; "nested")]
fn rfc9051_6_4_4_keys(keys: &str) -> bool {
    program(keys).matches(&Letter::default()).unwrap()
}

#[test_case("TEXT x SUBJECT y UNSEEN" => Vec::<&str>::new(); "a flag decides first")]
#[test_case("OR TEXT x SEEN" => Vec::<&str>::new(); "a flag decides an or")]
#[test_case("BODY x SUBJECT nothing" => vec!["header"]; "a header decides before the body")]
#[test_case("NOT (TEXT x UNSEEN)" => Vec::<&str>::new(); "inside not")]
#[test_case("BODY haus SUBJECT \"туралы\"" => vec!["header", "body"]; "both are needed")]
fn nothing_is_read_that_need_not_be(keys: &str) -> Vec<&'static str> {
    let letter = Letter::default();
    let _ = program(keys).matches(&letter);
    letter.read.into_inner()
}

#[test]
fn a_search_by_rows_is_known_as_such() {
    assert!(program("UNSEEN LARGER 5 OR 1 NOT UID 3").needs_no_text());
    assert!(!program("OR SEEN SUBJECT x").needs_no_text());
}
