//! SEARCH: result options, charset and keys (RFC 9051 §6.4.4, RFC 3501 §6.4.4).

use encoding_rs::{Encoding, UTF_8};

use crate::imap::proto::command::{DateRelation, Flag, NumberedBy, Search, SearchKey, SearchReturn};

use super::cursor::{Cursor, Failure, Parsed};
use super::date;

/// What BADCHARSET names; more are understood.
pub(super) const CHARSETS: &[&str] = &["US-ASCII", "UTF-8", "WINDOWS-1251", "KOI8-R"];

/// No configuration lets keys nest deeper: each level takes some of the thread's stack.
const DEEPEST: usize = 200;

/// `SP ["RETURN (" … ")" SP] ["CHARSET" SP charset SP] key …`
pub(super) fn search(cursor: &mut Cursor<'_>, by: NumberedBy, max_depth: usize) -> Parsed<Search> {
    cursor.space()?;
    let returns = if cursor.eat_text("RETURN ") { Some(return_options(cursor)?) } else { None };
    let charset = charset(cursor)?;
    let max_depth = max_depth.min(DEEPEST);
    let mut keys = Keys { cursor, charset };
    let mut all = vec![keys.key(max_depth)?];
    while keys.cursor.eat(b' ') {
        all.push(keys.key(max_depth)?);
    }
    Ok(Search { by, returns, key: one(all) })
}

fn return_options(cursor: &mut Cursor<'_>) -> Parsed<Vec<SearchReturn>> {
    const EXPECTED: &str = "MIN, MAX, ALL, COUNT or SAVE";
    let options = cursor.list_or_empty(EXPECTED, |cursor| {
        let at = cursor.position();
        Ok(match cursor.word(EXPECTED)?.as_str() {
            "MIN" => SearchReturn::Min,
            "MAX" => SearchReturn::Max,
            "ALL" => SearchReturn::All,
            "COUNT" => SearchReturn::Count,
            "SAVE" => SearchReturn::Save,
            _ => return Err(Cursor::expected_at(at, EXPECTED)),
        })
    })?;
    cursor.space()?;
    Ok(options)
}

/// Without CHARSET text is read as UTF-8, of which US-ASCII is a part.
fn charset(cursor: &mut Cursor<'_>) -> Parsed<&'static Encoding> {
    if !cursor.eat_text("CHARSET ") {
        return Ok(UTF_8);
    }
    // RFC 6855 §3: a client that enabled UTF8=ACCEPT must not name a charset.
    if cursor.dialect.utf8_accept {
        return Err(cursor.expected("no CHARSET after ENABLE UTF8=ACCEPT"));
    }
    let name = cursor.text("a charset")?;
    cursor.space()?;
    Encoding::for_label_no_replacement(name.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
        .ok_or(Failure::UnknownCharset)
}

/// Several keys are one key: all must hold.
fn one(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.pop() {
        Some(only) if keys.is_empty() => only,
        last => {
            keys.extend(last);
            SearchKey::And(keys)
        }
    }
}

struct Keys<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    charset: &'static Encoding,
}

impl Keys<'_, '_> {
    fn key(&mut self, depth: usize) -> Parsed<SearchKey> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(self.cursor.expected("search keys that nest less deeply"));
        };
        match self.cursor.peek() {
            Some(b'(') => {
                self.cursor.eat(b'(');
                let mut keys = vec![self.key(deeper)?];
                while self.cursor.eat(b' ') {
                    keys.push(self.key(deeper)?);
                }
                self.cursor.require(b')', "a space or \")\"")?;
                Ok(one(keys))
            }
            Some(b'0'..=b'9' | b'*' | b'$') => self.cursor.sequence_set().map(SearchKey::Sequence),
            _ => self.named(deeper),
        }
    }

    fn named(&mut self, deeper: usize) -> Parsed<SearchKey> {
        const EXPECTED: &str = "a search key";
        let at = self.cursor.position();
        let name = self.cursor.word(EXPECTED)?;
        if let Some(key) = plain(&name) {
            return Ok(key);
        }
        if !takes_argument(&name) {
            return Err(Cursor::expected_at(at, EXPECTED));
        }
        self.cursor.space()?;
        Ok(match name.as_str() {
            "NOT" => SearchKey::Not(Box::new(self.key(deeper)?)),
            "OR" => {
                let first = self.key(deeper)?;
                self.cursor.space()?;
                SearchKey::Or(Box::new(first), Box::new(self.key(deeper)?))
            }
            "UID" => SearchKey::Uid(self.cursor.sequence_set()?),
            "KEYWORD" => SearchKey::Has(Flag::Keyword(self.cursor.atom("a keyword")?)),
            "UNKEYWORD" => SearchKey::Lacks(Flag::Keyword(self.cursor.atom("a keyword")?)),
            "LARGER" => SearchKey::Larger(self.cursor.number("a size in bytes")?),
            "SMALLER" => SearchKey::Smaller(self.cursor.number("a size in bytes")?),
            "BEFORE" => SearchKey::Internal(DateRelation::Before, date::date(self.cursor)?),
            "ON" => SearchKey::Internal(DateRelation::On, date::date(self.cursor)?),
            "SINCE" => SearchKey::Internal(DateRelation::Since, date::date(self.cursor)?),
            "SENTBEFORE" => SearchKey::Sent(DateRelation::Before, date::date(self.cursor)?),
            "SENTON" => SearchKey::Sent(DateRelation::On, date::date(self.cursor)?),
            "SENTSINCE" => SearchKey::Sent(DateRelation::Since, date::date(self.cursor)?),
            "BODY" => SearchKey::Body(self.text()?),
            "TEXT" => SearchKey::Text(self.text()?),
            "HEADER" => {
                let name = self.cursor.text("a header field name")?;
                self.cursor.space()?;
                SearchKey::Header { name, value: self.text()? }
            }
            // BCC, CC, FROM, SUBJECT, TO
            _ => SearchKey::Header { name, value: self.text()? },
        })
    }

    fn text(&mut self) -> Parsed<String> {
        let at = self.cursor.position();
        let bytes = self.cursor.astring("a text to look for")?;
        self.charset
            .decode_without_bom_handling_and_without_replacement(&bytes)
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| Cursor::expected_at(at, "text in the charset of the search"))
    }
}

/// Keys that are one word.
fn plain(name: &str) -> Option<SearchKey> {
    Some(match name {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Has(Flag::Answered),
        "DELETED" => SearchKey::Has(Flag::Deleted),
        "DRAFT" => SearchKey::Has(Flag::Draft),
        "FLAGGED" => SearchKey::Has(Flag::Flagged),
        "SEEN" => SearchKey::Has(Flag::Seen),
        "UNANSWERED" => SearchKey::Lacks(Flag::Answered),
        "UNDELETED" => SearchKey::Lacks(Flag::Deleted),
        "UNDRAFT" => SearchKey::Lacks(Flag::Draft),
        "UNFLAGGED" => SearchKey::Lacks(Flag::Flagged),
        "UNSEEN" => SearchKey::Lacks(Flag::Seen),
        "NEW" => SearchKey::New,
        "OLD" => SearchKey::Old,
        "RECENT" => SearchKey::Recent,
        _ => return None,
    })
}

fn takes_argument(name: &str) -> bool {
    const WITH_ARGUMENT: &[&str] = &[
        "BCC",
        "BEFORE",
        "BODY",
        "CC",
        "FROM",
        "HEADER",
        "KEYWORD",
        "LARGER",
        "NOT",
        "ON",
        "OR",
        "SENTBEFORE",
        "SENTON",
        "SENTSINCE",
        "SINCE",
        "SMALLER",
        "SUBJECT",
        "TEXT",
        "TO",
        "UID",
        "UNKEYWORD",
    ];
    WITH_ARGUMENT.contains(&name)
}
