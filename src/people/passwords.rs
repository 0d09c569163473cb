//! Whether a new password may be chosen: long enough, and none of those that everybody tries first. No composition games
//! (NIST SP 800-63B §5.1.1.2): what matters is that nobody guesses it.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use crate::auth::{Authenticator, Secret, WeakPassword};

/// A password that cannot be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPassword {
    /// Its length, or its characters.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// One that is tried first.
    #[error("this password is one of the commonest; choose another one")]
    Common,
    /// The login, the address or a part of them.
    #[error("the password is the login; choose another one")]
    Login,
}

impl BadPassword {
    /// Its text for people stands under `password-` and this.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            BadPassword::Weak(WeakPassword::Short(_)) => "short",
            BadPassword::Weak(WeakPassword::Long(_)) => "long",
            BadPassword::Weak(WeakPassword::Control) => "control",
            BadPassword::Common => "common",
            BadPassword::Login => "login",
        }
    }
}

/// In small letters, one a line; the file says where a line begins.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("passwords.txt").lines().map(str::trim).filter(|line| !line.is_empty()).collect());

/// Rows of keys, in both directions: what is typed by running a finger along.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "йцукенгшщзхъфывапролджэячсмитьбю",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
];

/// Whether `password` may become the password of `login`.
///
/// # Errors
/// See [`BadPassword`].
pub fn check(authenticator: &Authenticator, password: &Secret, login: &str) -> Result<(), BadPassword> {
    authenticator.check_new(password)?;
    let plain = zeroize::Zeroizing::new(password.expose().nfkc().flat_map(char::to_lowercase).collect::<String>());
    if is_common(&plain) {
        return Err(BadPassword::Common);
    }
    let login = login.to_lowercase();
    let without_digits = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    if !login.is_empty() && (without_digits == login || *plain == login) { Err(BadPassword::Login) } else { Ok(()) }
}

/// What follows a word for the sake of a rule is no part of a password.
fn is_common(plain: &str) -> bool {
    let word = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    COMMON.contains(plain)
        || (word.chars().count() >= 4 && COMMON.contains(word))
        || is_run(plain)
        || is_repeated(plain)
}

/// The whole of it runs along a row of keys.
fn is_run(plain: &str) -> bool {
    ROWS.iter().any(|row| row.contains(plain) || row.chars().rev().collect::<String>().contains(plain))
}

/// One short piece again and again: `aaaaaaaa`, `12121212`, `qazqazqaz`.
fn is_repeated(plain: &str) -> bool {
    let characters: Vec<char> = plain.chars().collect();
    (1..=4).any(|period| {
        characters.len() > period && characters.iter().zip(characters.iter().skip(period)).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("password"; "the commonest")]
    #[test_case("password2026!"; "with a year and a sign")]
    #[test_case("qwertyuiop"; "a row of keys")]
    #[test_case("йцукенгшщз"; "a row of keys in cyrillic")]
    #[test_case("87654321"; "backwards")]
    #[test_case("aaaaaaaaaa"; "one letter")]
    #[test_case("abcabcabcabc"; "one piece")]
    #[test_case("қазақстан"; "the country")]
    #[test_case("kazakhstan"; "the country in latin letters")]
    fn m21_a_common_password_is_known(plain: &str) {
        assert!(is_common(plain), "{plain}");
    }

    #[test_case("көктем келді"; "two words")]
    #[test_case("correct horse battery"; "three words")]
    #[test_case("ab8ab9ab7x"; "nearly a piece again")]
    #[test_case("mango-2026-lamp"; "words and a number")]
    fn m21_a_good_password_needs_no_signs(plain: &str) {
        assert!(!is_common(plain), "{plain}");
    }

    #[test]
    fn m21_the_list_is_in_small_letters_without_doubles() {
        let lines: Vec<&str> = include_str!("passwords.txt").lines().collect();
        assert!(lines.iter().all(|line| line.to_lowercase() == **line && line.trim() == *line && !line.is_empty()));
        assert_eq!(lines.len(), COMMON.len());
    }
}
