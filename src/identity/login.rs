//! Logins: what may be chosen, and which two are the same for ever (M8, M21).
//!
//! A login may be written in Latin or Kazakh letters. Two logins that differ only in case, in dots, in hyphens and
//! underscores against each other, or in letters that look alike fold to one key; the key stays taken after the
//! account is closed.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::address::{Address, AddressError, Domain};

use super::confusables::skeleton;

/// Fewest characters of a login.
const MIN_CHARACTERS: usize = 3;
/// Most characters of a login.
const MAX_CHARACTERS: usize = 32;
/// Most octets of the part before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_BYTES: usize = 64;

/// A login as its user writes it: normalized, in small letters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Login(String);

/// What logins are compared by. Two equal keys are one login.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FoldedLogin(String);

/// Why a login cannot be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginError {
    /// Too short.
    #[error("a login has at least {min} characters", min = MIN_CHARACTERS)]
    TooShort,
    /// Too long.
    #[error("a login has at most {max} characters", max = MAX_CHARACTERS)]
    TooLong,
    /// Something else than letters, digits and single separators.
    #[error("a login has letters and digits, and between them single dots, hyphens or underscores")]
    Character,
    /// It does not begin with a letter.
    #[error("a login begins with a letter")]
    Beginning,
    /// Letters of two alphabets.
    #[error("a login is in Latin or in Kazakh letters, not in both")]
    MixedScripts,
    /// Twelve digits in it could be an IIN or BIN.
    #[error("a login does not contain an IIN or BIN; others would see it")]
    PersonalNumber,
    /// Kept for the operator.
    #[error("this login is reserved; choose another one")]
    Reserved,
}

/// M21: the key of a login or of what a client sends as one. Any text has a key; the key of a login is never that
/// of a login that looks different.
#[must_use]
pub fn fold(login: &str) -> FoldedLogin {
    // Decomposed, so that accents fall away: й and и, ё and е are told apart too rarely.
    let plain = login.nfkd().flat_map(char::to_lowercase).nfkd();
    let is_seen = |c: &char| !is_separator(*c) && !is_combining_mark(*c) && !c.is_whitespace();
    FoldedLogin(plain.filter(is_seen).map(skeleton).collect())
}

/// The key of an address in a domain of ours: the folded local part, without its `+tag`, at the domain.
#[must_use]
pub fn address_key(address: &Address) -> String {
    format!("{}@{}", fold(without_tag(address.local())), address.domain())
}

/// The login that a local part of our domain stands for: `Aigul+news` is delivered to `aigul`.
#[must_use]
pub fn login_of_address(address: &Address) -> FoldedLogin {
    fold(without_tag(address.local()))
}

impl Login {
    /// The text, in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// M21: what it is unique by.
    #[must_use]
    pub fn folded(&self) -> FoldedLogin {
        fold(&self.0)
    }

    /// M9: the address of this login in the operator's domain.
    ///
    /// # Errors
    /// Never for a login and a domain that were checked; the address type checks again.
    pub fn address(&self, domain: &Domain) -> Result<Address, AddressError> {
        Address::new(&self.0, domain.as_str())
    }
}

impl FromStr for Login {
    type Err = LoginError;

    /// Checks a login that a user chooses.
    fn from_str(text: &str) -> Result<Self, LoginError> {
        let login: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let characters = login.chars().count();
        if characters < MIN_CHARACTERS {
            return Err(LoginError::TooShort);
        }
        if characters > MAX_CHARACTERS || login.len() > MAX_BYTES {
            return Err(LoginError::TooLong);
        }
        check_characters(&login)?;
        if is_reserved(&login) {
            return Err(LoginError::Reserved);
        }
        Ok(Login(login))
    }
}

impl FoldedLogin {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FoldedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_characters(login: &str) -> Result<(), LoginError> {
    let is_latin = |c: char| c.is_ascii_lowercase();
    let is_kazakh = |c: char| KAZAKH.contains(c);
    if !login.chars().all(|c| is_latin(c) || is_kazakh(c) || c.is_ascii_digit() || is_separator(c)) {
        return Err(LoginError::Character);
    }
    let has_empty_word = login.split(is_separator).any(str::is_empty);
    if has_empty_word {
        return Err(LoginError::Character);
    }
    if !login.starts_with(|c| is_latin(c) || is_kazakh(c)) {
        return Err(LoginError::Beginning);
    }
    if login.chars().any(is_latin) && login.chars().any(is_kazakh) {
        return Err(LoginError::MixedScripts);
    }
    // M8: the address lets the user be identified by the operator, not by everybody.
    let unseparated: String = login.chars().filter(|c| !is_separator(*c)).collect();
    let longest_number = unseparated.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if longest_number >= 12 { Err(LoginError::PersonalNumber) } else { Ok(()) }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-' | '_')
}

fn without_tag(local: &str) -> &str {
    match local.split_once('+') {
        Some((login, _)) if !login.is_empty() => login,
        _ => local,
    }
}

/// Names of roles (RFC 2142), of the system, and of the paper service.
fn is_reserved(login: &str) -> bool {
    let key = fold(login);
    RESERVED.iter().any(|reserved| fold(reserved) == key)
}

const KAZAKH: &str = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя";

const RESERVED: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "autoconfig",
    "autodiscover",
    "bounce",
    "daemon",
    "egov",
    "helpdesk",
    "hostmaster",
    "info",
    "kazpost",
    "letter",
    "localhost",
    "mailer-daemon",
    "marketing",
    "news",
    "no-reply",
    "nobody",
    "noc",
    "operator",
    "postcard",
    "poshta",
    "post",
    "postmaster",
    "registered",
    "root",
    "sales",
    "security",
    "support",
    "system",
    "usenet",
    "valued",
    "webmaster",
    "www",
    "пошта",
    "қазпошта",
    "әкімші",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("aigul" ; "latin")]
    #[test_case("айгүл" ; "kazakh")]
    #[test_case("a.serikova-2026" ; "separators and digits")]
    #[test_case("user001" ; "demo user")]
    fn m21_login_is_accepted(text: &str) {
        assert_eq!(text.parse::<Login>().map(|login| login.to_string()), Ok(text.to_owned()));
    }

    #[test_case("ab" => LoginError::TooShort)]
    #[test_case("a234567890123456789012345678901234" => LoginError::TooLong)]
    #[test_case("a b" => LoginError::Character; "space")]
    #[test_case("a..b" => LoginError::Character; "two dots")]
    #[test_case("ab." => LoginError::Character; "dot at the end")]
    #[test_case("a@b" => LoginError::Character; "at sign")]
    #[test_case("ab+c" => LoginError::Character; "plus separates tags")]
    #[test_case("abc\u{200b}" => LoginError::Character; "invisible space")]
    #[test_case("αβγ" => LoginError::Character; "greek")]
    #[test_case("1abc" => LoginError::Beginning)]
    #[test_case("аigul" => LoginError::MixedScripts; "cyrillic a in a latin word")]
    #[test_case("a061211600012" => LoginError::PersonalNumber)]
    #[test_case("a.061211-600012" => LoginError::PersonalNumber; "personal number in pieces")]
    #[test_case("Postmaster" => LoginError::Reserved)]
    #[test_case("ab-use" => LoginError::Reserved; "with a separator")]
    #[test_case("p0stmaster" => LoginError::Reserved; "with a digit that looks like a letter")]
    #[test_case("қаз.пошта" => LoginError::Reserved; "kazakh")]
    fn m21_login_is_refused(text: &str) -> LoginError {
        text.parse::<Login>().unwrap_err()
    }

    #[test_case("Aigul", "aigul"; "case")]
    #[test_case("a.i.g.u.l", "aigul"; "dots")]
    #[test_case("ai-gul", "ai_gul"; "hyphen and underscore")]
    #[test_case("сора", "copa"; "f14 cyrillic looks latin")]
    #[test_case("bаnk", "bank"; "f14 one cyrillic letter")]
    #[test_case("іса", "ica"; "kazakh i")]
    #[test_case("IVAN", "ivan"; "capital i")]
    #[test_case("lvan", "Ivan"; "small l and capital i")]
    #[test_case("user0", "usero"; "zero and o")]
    #[test_case("a1em", "alem"; "one and l")]
    #[test_case("ａｉｇｕｌ", "aigul"; "full width")]
    #[test_case("ﬁnance", "finance"; "ligature")]
    #[test_case("қазақ", "казак"; "kazakh letters with descenders")]
    fn f14_look_alikes_are_one_login(one: &str, two: &str) {
        assert_eq!(fold(one), fold(two));
    }

    #[test_case("aigul", "aidar"; "other letters")]
    #[test_case("user001", "user002"; "numbers")]
    #[test_case("user010", "user011"; "zero and one")]
    #[test_case("user003", "user006"; "three and six")]
    #[test_case("айгүл", "aigul"; "transliteration is no look-alike")]
    fn m21_different_logins_stay_different(one: &str, two: &str) {
        assert_ne!(fold(one), fold(two));
    }

    #[test]
    fn m8_address_of_a_login_has_one_key() {
        let domain: Domain = "poshta.example".parse().unwrap();
        let login: Login = "a.serikova".parse().unwrap();
        let address = login.address(&domain).unwrap();
        assert_eq!(address.to_string(), "a.serikova@poshta.example");
        let tagged: Address = "A.Serikova+bank@POSHTA.example".parse().unwrap();
        assert_eq!(address_key(&tagged), address_key(&address));
        assert_eq!(login_of_address(&tagged), login.folded());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn m21_folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(once.as_str()), once);
        }

        #[test]
        fn m21_case_and_dots_never_make_a_new_login(text in "[a-z][a-z0-9]{2,20}", dot in 1usize..3) {
            let dotted = format!("{}.{}", &text[..dot], &text[dot..]).to_uppercase();
            prop_assert_eq!(fold(&dotted), fold(&text));
        }

        #[test]
        fn m8_every_login_is_a_mail_address(text in "[a-zа-я][a-zа-я0-9._-]{2,31}") {
            if let Ok(login) = text.parse::<Login>() {
                let address = login.address(&"poshta.example".parse().unwrap()).unwrap();
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
