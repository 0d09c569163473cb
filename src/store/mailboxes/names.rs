//! What a folder may be called.

use unicode_normalization::UnicodeNormalization;

use super::FolderError;
use crate::store::Settings;

/// Separates the levels of a name.
pub const SEPARATOR: char = '/';

/// The name of the inbox.
pub const INBOX: &str = "INBOX";

/// The one spelling of a name under which it is kept: NFC, and the inbox in capitals (RFC 9051 §5.1: in any
/// case, also as the first level). Any text has one, also one that no folder may have.
#[must_use]
pub fn canonical(name: &str) -> String {
    let name: String = name.nfc().collect();
    match name.split_once(SEPARATOR) {
        None if name.eq_ignore_ascii_case(INBOX) => INBOX.into(),
        Some((first, rest)) if first.eq_ignore_ascii_case(INBOX) => format!("{INBOX}{SEPARATOR}{rest}"),
        _ => name,
    }
}

/// The canonical form of a name that a folder may get.
pub(super) fn checked(name: &str, settings: &Settings) -> Result<String, FolderError> {
    let name = canonical(name);
    let refuse = |why| Err(FolderError::NotAllowed(why));
    if name.split(SEPARATOR).any(str::is_empty) {
        return refuse("a folder name has no empty level");
    }
    if name.len() > settings.max_folder_name_bytes {
        return refuse("the folder name is too long");
    }
    if name.split(SEPARATOR).count() > settings.max_folder_depth {
        return refuse("the folder name has too many levels");
    }
    // RFC 9051 §5.1.1: wildcards in a name make it impossible to list; controls are no Net-Unicode.
    if name.chars().any(|letter| letter.is_control() || matches!(letter, '%' | '*' | '\u{2028}' | '\u{2029}')) {
        return refuse("the folder name has a character that is not allowed");
    }
    Ok(name)
}

/// The names above a name, from the top: `a`, `a/b` for `a/b/c`.
pub(super) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(SEPARATOR).filter_map(|(at, _)| name.get(..at))
}

/// Is `name` below `parent`?
pub(super) fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with(SEPARATOR))
}
