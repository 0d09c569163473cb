//! One whole command, as the framer cut it, to the tree of `command` (RFC 9051 §9, RFC 3501 §9).
//!
//! The parser never looks beyond what it was given, recursion is bounded, and what is wrong is told with the place
//! and what was expected there; the tag is known even then.

mod auth;
mod cursor;
mod date;
mod fetch;
mod mailbox;
mod message;
mod quota;
mod search;
#[cfg(test)]
mod tests;

use super::command::{Append, Command, NumberedBy, Tag, Tagged};
use super::response::{Code, Dialect, Status};
use cursor::{Cursor, Failure, Parsed};

/// Why a command is refused before it ran.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rejected {
    /// Its tag, if that could be read; else the answer is untagged.
    pub(super) tag: Option<Tag>,
    /// The answer.
    pub(super) status: Status,
}

/// Parses a command without its final line end; literals stand in it as `{n}`, line end, n bytes.
///
/// # Errors
/// The answer to give.
pub(super) fn parse(input: &[u8], dialect: Dialect, max_search_depth: usize) -> Result<Tagged, Rejected> {
    let mut cursor = Cursor::new(input, dialect);
    let tag = tag(&mut cursor).map_err(|failure| rejected(None, "command", failure))?;
    let mut name = String::from("command");
    match command(&mut cursor, &mut name, max_search_depth) {
        Ok(command) => Ok(Tagged { tag, command }),
        Err(failure) => Err(rejected(Some(tag), &name, failure)),
    }
}

/// Looks at a command that ends with the announcement of a literal. `None`: the literal is an argument.
/// Otherwise it is the message of an APPEND, or the APPEND is bad.
#[must_use]
pub(super) fn append_head(so_far: &[u8], dialect: Dialect) -> Option<Result<(Tag, Append), Rejected>> {
    let mut cursor = Cursor::new(so_far, dialect);
    let tag = tag(&mut cursor).ok()?;
    if cursor.word("a command").ok()? != "APPEND" {
        return None;
    }
    match message::append(&mut cursor) {
        Ok(append) => Some(Ok((tag, append))),
        Err(Failure::LiteralToCome) => None,
        Err(failure) => Some(Err(rejected(Some(tag), "APPEND", failure))),
    }
}

/// The tag of something that may be no command at all.
#[must_use]
pub(super) fn tag_of(input: &[u8]) -> Option<Tag> {
    tag(&mut Cursor::new(input, Dialect::REV1)).ok()
}

fn tag(cursor: &mut Cursor<'_>) -> Parsed<Tag> {
    let tag = cursor.take_while("a tag", |byte| cursor::is_astring_char(byte) && byte != b'+')?;
    let tag = Tag(String::from_utf8_lossy(tag).into_owned());
    cursor.space()?;
    Ok(tag)
}

/// The command behind the tag. `name` is left at the command's name, for the answer.
fn command(cursor: &mut Cursor<'_>, name: &mut String, max_search_depth: usize) -> Parsed<Command> {
    *name = cursor.word("a command")?;
    let by = if name == "UID" {
        cursor.space()?;
        let sub = cursor.word("a command after UID")?;
        *name = format!("UID {sub}");
        NumberedBy::Uid
    } else {
        NumberedBy::Sequence
    };
    let parsed = match name.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" => Command::Expunge(None),
        "ID" => auth::id(cursor)?,
        "AUTHENTICATE" => auth::authenticate(cursor)?,
        "LOGIN" => auth::login(cursor)?,
        "ENABLE" => auth::enable(cursor)?,
        "SELECT" | "EXAMINE" | "CREATE" | "DELETE" | "RENAME" | "SUBSCRIBE" | "UNSUBSCRIBE" | "LIST" | "LSUB"
        | "STATUS" => mailbox::command(cursor, name)?,
        "GETQUOTA" | "GETQUOTAROOT" | "SETQUOTA" => quota::command(cursor, name)?,
        "SEARCH" | "UID SEARCH" => Command::Search(search::search(cursor, by, max_search_depth)?),
        "FETCH" | "UID FETCH" => Command::Fetch(fetch::fetch(cursor, by)?),
        "UID EXPUNGE" => message::uid_expunge(cursor)?,
        "STORE" | "UID STORE" => message::store(cursor, by)?,
        "COPY" | "UID COPY" => Command::Copy(message::transfer(cursor, by)?),
        "MOVE" | "UID MOVE" => Command::Move(message::transfer(cursor, by)?),
        // A good APPEND never comes here: its message streams past the parser.
        "APPEND" => {
            message::append(cursor)?;
            return Err(cursor.expected("the message as the last literal"));
        }
        _ => return Err(Failure::UnknownCommand),
    };
    cursor.end()?;
    Ok(parsed)
}

fn rejected(tag: Option<Tag>, command: &str, failure: Failure) -> Rejected {
    let status = match failure {
        Failure::Expected { what, at } => Status::bad(format!("{command}: expected {what} at column {}", at + 1)),
        Failure::UnknownCommand => Status::bad(format!("there is no command {}", shortened(command))),
        Failure::LiteralToCome => Status::bad(format!("{command}: the literal is missing")),
        Failure::UnknownCharset => {
            Status::no("SEARCH: this charset is unknown here").with(Code::BadCharset(search::CHARSETS))
        }
    };
    Rejected { tag, status }
}

fn shortened(name: &str) -> &str {
    name.get(..40).unwrap_or(name)
}
