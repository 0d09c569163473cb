//! Every key against a message, and that nothing is read that need not be.

use std::cell::RefCell;
use std::convert::Infallible;

use jiff::civil::date;
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
