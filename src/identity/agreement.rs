//! The user agreement: versions in three languages, each named by the hash of its texts (M9-M11).
//!
//! The invariant: one hash, one wording. The operator's domain stands in the texts (M9), so it is part of what is
//! hashed, and what a user joined can be shown for ever. The text in the state language binds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::locale::Lang;

/// Stands for the operator's domain in the texts that an operator writes.
const DOMAIN_MARK: &str = "{domain}";

/// Characters of one text.
const MAX_CHARACTERS: usize = 60_000;

/// SHA-256 over the texts of a version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VersionHash([u8; 32]);

/// The texts of one version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgreementText {
    /// In the state language, which binds.
    pub kk: String,
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}

/// Why texts cannot become a version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AgreementError {
    /// M9: it must be described in the agreement.
    #[error("the text in {0} does not name the domain: write {DOMAIN_MARK} where it belongs")]
    NoDomain(&'static str),
    /// Nothing to agree to.
    #[error("the text in {0} is empty")]
    Empty(&'static str),
    /// Nobody reads that.
    #[error("the text in {0} has more than {MAX_CHARACTERS} characters")]
    TooLong(&'static str),
}

/// A piece of a text as it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block<'a> {
    /// A line that begins with `# `.
    Heading(&'a str),
    /// Lines up to an empty one.
    Paragraph(&'a str),
}

impl AgreementText {
    /// The texts that come with the program, for a domain.
    #[must_use]
    pub fn built_in(domain: &str) -> Self {
        let filled = |text: &str| text.replace(DOMAIN_MARK, domain);
        AgreementText {
            kk: filled(include_str!("agreement/kk.txt")),
            ru: filled(include_str!("agreement/ru.txt")),
            en: filled(include_str!("agreement/en.txt")),
        }
    }

    /// The texts that an operator wrote, with the domain filled in.
    ///
    /// # Errors
    /// See [`AgreementError`].
    pub fn written(texts: [&str; 3], domain: &str) -> Result<Self, AgreementError> {
        for (text, lang) in texts.iter().zip(Lang::ALL) {
            if text.trim().is_empty() {
                return Err(AgreementError::Empty(lang.tag()));
            }
            if text.chars().count() > MAX_CHARACTERS {
                return Err(AgreementError::TooLong(lang.tag()));
            }
            if !text.contains(DOMAIN_MARK) && !text.contains(domain) {
                return Err(AgreementError::NoDomain(lang.tag()));
            }
        }
        let [kk, ru, en] = texts.map(|text| text.replace("\r\n", "\n").replace(DOMAIN_MARK, domain));
        Ok(AgreementText { kk, ru, en })
    }

    /// In a language.
    #[must_use]
    pub fn in_language(&self, lang: Lang) -> &str {
        match lang {
            Lang::Kk => &self.kk,
            Lang::Ru => &self.ru,
            Lang::En => &self.en,
        }
    }

    /// What names this wording: SHA-256 of each text with its language and length before it.
    #[must_use]
    pub fn hash(&self) -> VersionHash {
        let mut hasher = Sha256::new();
        hasher.update(b"poshta-agreement: 1\n");
        for lang in Lang::ALL {
            let text = self.in_language(lang);
            hasher.update(format!("{} {}\n", lang.tag(), text.len()));
            hasher.update(text);
        }
        VersionHash(hasher.finalize().into())
    }

    /// The pieces of a text, in their order.
    pub fn blocks(&self, lang: Lang) -> impl Iterator<Item = Block<'_>> {
        let pieces = self.in_language(lang).split("\n\n").map(str::trim).filter(|piece| !piece.is_empty());
        pieces.map(|piece| match piece.strip_prefix("# ") {
            Some(heading) => Block::Heading(heading),
            None => Block::Paragraph(piece),
        })
    }
}

impl VersionHash {
    /// From what a row or a signed text has.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        VersionHash(bytes)
    }

    /// The hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for VersionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VersionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionHash({self})")
    }
}

/// Not a hash of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the hash of a version of the agreement has 64 hexadecimal digits")]
pub struct VersionHashSyntax;

impl FromStr for VersionHash {
    type Err = VersionHashSyntax;

    fn from_str(text: &str) -> Result<Self, VersionHashSyntax> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(VersionHashSyntax);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| VersionHashSyntax)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| VersionHashSyntax)?;
        }
        Ok(VersionHash(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m9_the_domain_stands_in_every_text() {
        let text = AgreementText::built_in("poshta.example");
        for lang in Lang::ALL {
            let text = text.in_language(lang);
            assert!(text.contains("poshta.example") && !text.contains('{'), "{text}");
        }
        assert_ne!(text.hash(), AgreementText::built_in("other.example").hash());
    }

    #[test]
    fn m10_another_wording_is_another_version() {
        let text = AgreementText::built_in("poshta.example");
        let mut other = text.clone();
        other.ru.push(' ');
        assert_ne!(other.hash(), text.hash());
        // Nothing can be moved from one text to the next.
        let (kk, ru, en) = ("ab".to_owned(), "c".to_owned(), "d".to_owned());
        let (moved_kk, moved_ru) = ("a".to_owned(), "bc".to_owned());
        let one = AgreementText { kk, ru, en: en.clone() };
        assert_ne!(one.hash(), AgreementText { kk: moved_kk, ru: moved_ru, en }.hash());
        assert_eq!(text.hash().to_string().parse(), Ok(text.hash()));
    }

    #[test]
    fn m9_texts_without_the_domain_are_refused() {
        let refused = AgreementText::written(["{domain}", "no name", "{domain}"], "poshta.example");
        assert_eq!(refused, Err(AgreementError::NoDomain("ru")));
        let refused = AgreementText::written(["{domain}", "{domain}", " "], "poshta.example");
        assert_eq!(refused, Err(AgreementError::Empty("en")));
        let written = AgreementText::written(["{domain}", "a\r\n{domain}", "poshta.example"], "poshta.example");
        assert_eq!(written.map(|text| text.ru), Ok("a\nposhta.example".to_owned()));
    }

    #[test]
    fn m11_the_three_texts_have_the_same_pieces() {
        let text = AgreementText::built_in("poshta.example");
        let shape = |lang| text.blocks(lang).map(|block| matches!(block, Block::Heading(_))).collect::<Vec<_>>();
        assert_eq!(shape(Lang::Kk), shape(Lang::Ru));
        assert_eq!(shape(Lang::Kk), shape(Lang::En));
        assert!(shape(Lang::Kk).len() > 20);
    }
}
