//! The postal index of Kazakhstan: six digits, or the seven characters that name a group of buildings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A postal index in capital Latin letters and digits: `020000` or `Z05T3F5`. Both forms are in use.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PostalIndex(String);

/// Why a text is no postal index.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no postal index; write six digits (020000) or seven letters and digits (Z05T3F5)")]
pub struct IndexError(String);

/// What is odd about an index that is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IndexWarning {
    /// Cyrillic letters that look like Latin ones were replaced.
    #[error("Cyrillic letters were read as the Latin ones they look like")]
    CyrillicLetters,
    /// Seven characters, yet not in the pattern letter-digit-digit-letter-digit-letter-digit of all known ones.
    #[error("the index does not look like the known ones (Z05T3F5); check it")]
    LoosePattern,
}

impl PostalIndex {
    /// Reads an index as people write it: in any case, with spaces, with Cyrillic look-alikes.
    ///
    /// # Errors
    /// Anything but six digits or seven letters and digits.
    pub fn read(text: &str) -> Result<(Self, Vec<IndexWarning>), IndexError> {
        let mut warnings = Vec::new();
        let written: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
        let folded: String = written.iter().map(|c| latin_look_alike(*c)).collect();
        if !folded.chars().eq(written.iter().copied()) {
            warnings.push(IndexWarning::CyrillicLetters);
        }
        let is_six_digits = folded.len() == 6 && folded.bytes().all(|byte| byte.is_ascii_digit());
        let is_seven = folded.len() == 7 && folded.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_six_digits && !is_seven {
            return Err(IndexError(text.into()));
        }
        if is_seven && !has_known_pattern(&folded) {
            warnings.push(IndexWarning::LoosePattern);
        }
        Ok((PostalIndex(folded), warnings))
    }

    /// The index itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The six digits, if it is of that form.
    #[must_use]
    pub fn six_digits(&self) -> Option<&str> {
        (self.0.len() == 6).then_some(self.0.as_str())
    }

    /// How many characters from the left the two have in common.
    #[must_use]
    pub fn common_prefix(&self, other: &PostalIndex) -> usize {
        self.0.bytes().zip(other.0.bytes()).take_while(|(a, b)| a == b).count()
    }
}

/// Every index seen so far is `Z05T3F5`-shaped; only "seven characters" is documented.
fn has_known_pattern(index: &str) -> bool {
    index.bytes().zip(b"A99A9A9").all(|(byte, class)| match class {
        b'A' => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_digit(),
    })
}

fn latin_look_alike(c: char) -> char {
    match c {
        'А' => 'A',
        'В' => 'B',
        'Е' => 'E',
        'К' => 'K',
        'М' => 'M',
        'Н' => 'H',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'Т' => 'T',
        'Х' => 'X',
        other => other,
    }
}

impl fmt::Display for PostalIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PostalIndex {
    type Error = IndexError;

    fn try_from(text: String) -> Result<Self, IndexError> {
        text.parse()
    }
}

impl From<PostalIndex> for String {
    fn from(index: PostalIndex) -> Self {
        index.0
    }
}

impl FromStr for PostalIndex {
    type Err = IndexError;

    fn from_str(text: &str) -> Result<Self, IndexError> {
        PostalIndex::read(text).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("020000", "020000", &[]; "six digits")]
    #[test_case(" 020 000 ", "020000", &[]; "spaces")]
    #[test_case("Z05T3F5", "Z05T3F5", &[]; "seven characters")]
    #[test_case("z05t3f5", "Z05T3F5", &[]; "small letters")]
    #[test_case("А05Т3С5", "A05T3C5", &[IndexWarning::CyrillicLetters]; "cyrillic look-alikes")]
    #[test_case("ZZZZZZ1", "ZZZZZZ1", &[IndexWarning::LoosePattern]; "seven characters in no known pattern")]
    fn b2_index_reads(text: &str, index: &str, warnings: &[IndexWarning]) {
        let (read, seen) = PostalIndex::read(text).unwrap();
        assert_eq!((read.as_str(), seen.as_slice()), (index, warnings));
    }

    #[test_case("02000"; "five digits")]
    #[test_case("Z05T3F"; "six characters with letters")]
    #[test_case("Z05T3F55"; "eight characters")]
    #[test_case("Ж05Т3Ғ5"; "letters without a look-alike")]
    #[test_case(""; "nothing")]
    fn b2_index_refuses(text: &str) {
        assert_eq!(PostalIndex::read(text), Err(IndexError(text.into())));
    }
}
