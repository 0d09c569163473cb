//! Commands that change messages: APPEND, STORE, COPY, MOVE, UID EXPUNGE.

use crate::imap::proto::command::{
    Append, AppendForm, Command, Flag, NumberedBy, StoreAction, StoreAnswer, StoreFlags, Transfer,
};

use super::cursor::{Cursor, Parsed};
use super::{date, mailbox};

const FLAG: &str = "a flag";

/// APPEND behind its name, up to and with the announcement of the message (RFC 9051 §6.3.12):
/// `SP mailbox [SP flag-list] [SP date-time] SP literal`.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Parsed<Append> {
    cursor.space()?;
    let mailbox = mailbox::mailbox(cursor)?;
    cursor.space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = cursor.list_or_empty("a list of flags", flag)?;
        cursor.space()?;
    }
    let mut internal_date = None;
    if cursor.peek() == Some(b'"') {
        internal_date = Some(date::date_time(cursor)?);
        cursor.space()?;
    }
    let form = if cursor.eat_text("UTF8 (~") {
        AppendForm::Utf8
    } else if cursor.eat(b'~') {
        AppendForm::Literal8
    } else {
        AppendForm::Literal
    };
    if cursor.peek() != Some(b'{') {
        return Err(cursor.expected("flags, a date or the message as a literal"));
    }
    let size = cursor.literal_size()?;
    cursor.end()?;
    Ok(Append { mailbox, flags, internal_date, size, form })
}

/// `SP sequence-set SP ("FLAGS" / "+FLAGS" / "-FLAGS") [".SILENT"] SP flags`
pub(super) fn store(cursor: &mut Cursor<'_>, by: NumberedBy) -> Parsed<Command> {
    const EXPECTED: &str = "FLAGS, +FLAGS or -FLAGS, with or without .SILENT";
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    let action = if cursor.eat(b'+') {
        StoreAction::Add
    } else if cursor.eat(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    };
    let at = cursor.position();
    let answer = match cursor.word(EXPECTED)?.as_str() {
        "FLAGS" => StoreAnswer::Told,
        "FLAGS.SILENT" => StoreAnswer::Silent,
        _ => return Err(Cursor::expected_at(at, EXPECTED)),
    };
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') {
        cursor.list_or_empty("a list of flags", flag)?
    } else {
        let mut flags = vec![flag(cursor)?];
        while cursor.eat(b' ') {
            flags.push(flag(cursor)?);
        }
        flags
    };
    Ok(Command::Store(StoreFlags { by, set, action, answer, flags }))
}

/// `SP sequence-set SP mailbox`
pub(super) fn transfer(cursor: &mut Cursor<'_>, by: NumberedBy) -> Parsed<Transfer> {
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    Ok(Transfer { by, set, mailbox: mailbox::mailbox(cursor)? })
}

/// `SP sequence-set` (RFC 4315 §2.1).
pub(super) fn uid_expunge(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    Ok(Command::Expunge(Some(cursor.sequence_set()?)))
}

/// `flag`: a system flag other than `\Recent`, which no client can set (RFC 3501 §2.3.2), or a keyword.
fn flag(cursor: &mut Cursor<'_>) -> Parsed<Flag> {
    const EXPECTED: &str = "\\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword";
    let at = cursor.position();
    if !cursor.eat(b'\\') {
        return cursor.atom(FLAG).map(Flag::Keyword);
    }
    Ok(match cursor.word(EXPECTED)?.as_str() {
        "ANSWERED" => Flag::Answered,
        "FLAGGED" => Flag::Flagged,
        "DELETED" => Flag::Deleted,
        "SEEN" => Flag::Seen,
        "DRAFT" => Flag::Draft,
        _ => return Err(Cursor::expected_at(at, EXPECTED)),
    })
}
