//! Commands about quota (RFC 9208 §7).

use crate::imap::proto::command::Command;

use super::cursor::{Cursor, Parsed};
use super::mailbox;

const ROOT: &str = "the name of a quota root";

/// `name` is the command in upper case.
pub(super) fn command(cursor: &mut Cursor<'_>, name: &str) -> Parsed<Command> {
    cursor.space()?;
    Ok(match name {
        "GETQUOTA" => Command::GetQuota(cursor.text(ROOT)?),
        "GETQUOTAROOT" => Command::GetQuotaRoot(mailbox::mailbox(cursor)?),
        _ => {
            cursor.text(ROOT)?;
            cursor.space()?;
            cursor.list_or_empty("a list of resources with limits", resource)?;
            Command::SetQuota
        }
    })
}

/// `setquota-resource`
fn resource(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.atom("a resource")?;
    cursor.space()?;
    cursor.number("a limit").map(drop)
}
