//! Commands about mailboxes, and mailbox names (RFC 9051 §5.1, §6.3).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use crate::imap::proto::command::{
    Access, Command, Create, List, ListForm, ListPattern, ListReturn, ListSelect, MailboxName, Select, SpecialUse,
    StatusItem,
};
use crate::imap::proto::list_pattern::canonical;
use crate::imap::proto::mutf7;

use super::cursor::{Cursor, Parsed, is_astring_char};

const MAILBOX: &str = "a mailbox name";
const PATTERN: &str = "a mailbox pattern";

/// Patterns of one LIST. Each is matched with every name, and has the whole reference in front.
const MAX_PATTERNS: usize = 20;

/// The commands whose first argument is a mailbox; `name` is the command in upper case.
pub(super) fn command(cursor: &mut Cursor<'_>, name: &str) -> Parsed<Command> {
    cursor.space()?;
    Ok(match name {
        "LIST" => Command::List(list(cursor)?),
        "LSUB" => {
            let reference = mailbox(cursor)?;
            cursor.space()?;
            Command::Lsub { reference, pattern: pattern(cursor)? }
        }
        "SELECT" => Command::Select(Select { mailbox: mailbox(cursor)?, access: Access::ReadWrite }),
        "EXAMINE" => Command::Select(Select { mailbox: mailbox(cursor)?, access: Access::ReadOnly }),
        "CREATE" => Command::Create(create(cursor)?),
        "DELETE" => Command::Delete(mailbox(cursor)?),
        "RENAME" => {
            let from = mailbox(cursor)?;
            cursor.space()?;
            Command::Rename { from, to: mailbox(cursor)? }
        }
        "SUBSCRIBE" => Command::Subscribe(mailbox(cursor)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(mailbox(cursor)?),
        _ => {
            let mailbox = mailbox(cursor)?;
            cursor.space()?;
            Command::Status { mailbox, items: status_items(cursor)? }
        }
    })
}

/// `mailbox`
pub(super) fn mailbox(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    let at = cursor.position();
    let raw = cursor.astring(MAILBOX)?;
    let name = decoded(cursor, &raw, at, MAILBOX)?;
    Ok(MailboxName { name: canonical(&name) })
}

/// A name or pattern in the client's encoding.
fn decoded(cursor: &Cursor<'_>, raw: &[u8], at: usize, what: &'static str) -> Parsed<String> {
    // RFC 3501 §5.1.3. Clients that write raw UTF-8 to a rev1 server mean UTF-8.
    let name = if cursor.dialect.utf8() || !raw.is_ascii() {
        std::str::from_utf8(raw).ok().map(str::to_owned)
    } else {
        mutf7::decode(raw)
    };
    // RFC 9051 §5.1: composed, in whatever encoding it came, so that every client finds the mailbox; and without
    // control characters (Net-Unicode, RFC 5198).
    let name = name.map(|name| name.nfc().collect::<String>());
    name.filter(|name| !name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))).ok_or_else(|| {
        let encoding = if cursor.dialect.utf8() { "UTF-8" } else { "modified UTF-7" };
        Cursor::expected_at(at, format!("{what} in {encoding} without control characters"))
    })
}

/// `list-mailbox`
fn pattern(cursor: &mut Cursor<'_>) -> Parsed<ListPattern> {
    let at = cursor.position();
    let raw = match cursor.peek() {
        Some(b'"' | b'{') => cursor.string(PATTERN)?,
        _ => Cow::Borrowed(cursor.take_while(PATTERN, |byte| is_astring_char(byte) || matches!(byte, b'%' | b'*'))?),
    };
    let pattern = match decoded(cursor, &raw, at, PATTERN) {
        // RFC 9051 §6.3.9: a well-formed pattern that fits no name finds nothing, and that is no error. No name
        // holds NUL.
        Err(_) if std::str::from_utf8(&raw).is_ok() => "\0".to_owned(),
        name => name?,
    };
    Ok(ListPattern { pattern })
}

fn create(cursor: &mut Cursor<'_>) -> Parsed<Create> {
    let mailbox = mailbox(cursor)?;
    let mut special_use = Vec::new();
    if cursor.eat(b' ') {
        cursor.require(b'(', "\"(USE (…))\"")?;
        if !cursor.eat_text("USE ") {
            return Err(cursor.expected("USE"));
        }
        special_use = cursor.list_or_empty("a list of special uses", one_special_use)?;
        cursor.require(b')', "\")\"")?;
    }
    Ok(Create { mailbox, special_use })
}

fn one_special_use(cursor: &mut Cursor<'_>) -> Parsed<SpecialUse> {
    const EXPECTED: &str = "\\All, \\Archive, \\Drafts, \\Flagged, \\Junk, \\Sent or \\Trash";
    let at = cursor.position();
    cursor.require(b'\\', EXPECTED)?;
    Ok(match cursor.word(EXPECTED)?.as_str() {
        "ALL" => SpecialUse::All,
        "ARCHIVE" => SpecialUse::Archive,
        "DRAFTS" => SpecialUse::Drafts,
        "FLAGGED" => SpecialUse::Flagged,
        "JUNK" => SpecialUse::Junk,
        "SENT" => SpecialUse::Sent,
        "TRASH" => SpecialUse::Trash,
        _ => return Err(Cursor::expected_at(at, EXPECTED)),
    })
}

fn list(cursor: &mut Cursor<'_>) -> Parsed<List> {
    let extended_selection = cursor.peek() == Some(b'(');
    let select = if extended_selection { selection(cursor)? } else { ListSelect::default() };
    let reference = mailbox(cursor)?;
    cursor.space()?;
    let many = cursor.peek() == Some(b'(');
    let patterns = if many { cursor.list("patterns", pattern)? } else { vec![pattern(cursor)?] };
    if patterns.len() > MAX_PATTERNS {
        return Err(cursor.expected(format!("at most {MAX_PATTERNS} patterns")));
    }
    let mut returns = ListReturn::default();
    let extended_return = cursor.eat(b' ');
    if extended_return {
        if !cursor.eat_text("RETURN ") {
            return Err(cursor.expected("RETURN or the end of the command"));
        }
        cursor.list_or_empty("return options", |cursor| return_option(cursor, &mut returns))?;
    }
    let extended = extended_selection || many || extended_return;
    let form = if extended { ListForm::Extended } else { ListForm::Basic };
    Ok(List { select, reference, patterns, returns, form })
}

fn selection(cursor: &mut Cursor<'_>) -> Parsed<ListSelect> {
    const EXPECTED: &str = "SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE";
    let start = cursor.position();
    let mut select = ListSelect::default();
    cursor.list_or_empty(EXPECTED, |cursor| {
        let at = cursor.position();
        match cursor.word(EXPECTED)?.as_str() {
            "SUBSCRIBED" => select.subscribed = true,
            "REMOTE" => select.remote = true,
            "RECURSIVEMATCH" => select.recursive_match = true,
            "SPECIAL-USE" => select.special_use = true,
            _ => return Err(Cursor::expected_at(at, EXPECTED)),
        }
        Ok(())
    })?;
    cursor.space()?;
    // RFC 9051 §9: RECURSIVEMATCH needs a base option; SPECIAL-USE is an independent one (RFC 6154 §6).
    if select.recursive_match && !select.subscribed {
        return Err(Cursor::expected_at(start, "SUBSCRIBED with RECURSIVEMATCH"));
    }
    Ok(select)
}

fn return_option(cursor: &mut Cursor<'_>, returns: &mut ListReturn) -> Parsed<()> {
    const EXPECTED: &str = "SUBSCRIBED, CHILDREN, SPECIAL-USE or STATUS";
    let at = cursor.position();
    match cursor.word(EXPECTED)?.as_str() {
        "SUBSCRIBED" => returns.subscribed = true,
        "CHILDREN" => returns.children = true,
        "SPECIAL-USE" => returns.special_use = true,
        "STATUS" => {
            cursor.space()?;
            returns.status = Some(status_items(cursor)?);
        }
        _ => return Err(Cursor::expected_at(at, EXPECTED)),
    }
    Ok(())
}

fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    const EXPECTED: &str = "MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, DELETED, DELETED-STORAGE or SIZE";
    cursor.list("a list of status items", |cursor| {
        let at = cursor.position();
        Ok(match cursor.word(EXPECTED)?.as_str() {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "DELETED-STORAGE" => StatusItem::DeletedStorage,
            "SIZE" => StatusItem::Size,
            _ => return Err(Cursor::expected_at(at, EXPECTED)),
        })
    })
}
