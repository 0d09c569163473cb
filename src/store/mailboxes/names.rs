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

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("a/b/c" => None; "levels")]
    #[test_case("inbox/x" => None; "below the inbox")]
    #[test_case("Хаттар/Жіберілген" => None; "Kazakh")]
    #[test_case("a//b" => Some("a folder name has no empty level"); "empty level")]
    #[test_case("" => Some("a folder name has no empty level"); "nothing")]
    #[test_case("a*" => Some("the folder name has a character that is not allowed"); "wildcard")]
    #[test_case("a\u{7}" => Some("the folder name has a character that is not allowed"); "control")]
    #[test_case(&"x".repeat(2000) => Some("the folder name is too long"); "long")]
    #[test_case(&"x/".repeat(40).trim_end_matches('/') => Some("the folder name has too many levels"); "deep")]
    fn folder_names(name: &str) -> Option<&'static str> {
        match checked(name, &Settings::default()) {
            Ok(_) => None,
            Err(FolderError::NotAllowed(why)) => Some(why),
            Err(error) => panic!("{error}"),
        }
    }

    #[test_case("inbox" => "INBOX"; "the inbox in any case")]
    #[test_case("InBox/Кітап" => "INBOX/Кітап"; "below the inbox")]
    #[test_case("inboxes" => "inboxes"; "not the inbox")]
    #[test_case("e\u{301}" => "\u{e9}"; "composed")]
    fn rfc9051_inbox_is_the_inbox_in_any_case(name: &str) -> String {
        canonical(name)
    }
}
