//! Why somebody asks the unified base for a person: a reference to a case, for the person and for those who control.

use std::fmt;
use std::str::FromStr;

/// Why a person is looked for. It stands in the audit and is shown to the person, so no IIN or BIN may stand in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Basis(String);

/// Why a text is no basis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBasis {
    /// Too short to say anything.
    #[error("say why: a basis of at least {} characters, such as the number of the case", Basis::MIN_CHARS)]
    Short,
    /// Too long.
    #[error("a basis has at most {} characters", Basis::MAX_CHARS)]
    Long,
    /// It has line ends or other control characters.
    #[error("a basis has no line ends or other control characters")]
    Control,
    /// It names a person.
    #[error("a basis must not hold an IIN or BIN: it is written into the audit")]
    Number,
}

impl Basis {
    const MIN_CHARS: usize = 5;
    const MAX_CHARS: usize = 200;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Basis {
    type Err = BadBasis;

    fn from_str(text: &str) -> Result<Self, BadBasis> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(BadBasis::Control);
        }
        match text.chars().count() {
            count if count < Basis::MIN_CHARS => return Err(BadBasis::Short),
            count if count > Basis::MAX_CHARS => return Err(BadBasis::Long),
            _ => {}
        }
        // Whatever stands between the digits.
        let mut run = 0;
        for c in text.chars() {
            run = match c {
                _ if c.is_numeric() => run + 1,
                ' ' | '-' | '.' | '\u{a0}' => run,
                _ => 0,
            };
            if run >= 12 {
                return Err(BadBasis::Number);
            }
        }
        Ok(Basis(text.to_owned()))
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("case 17/2026" => Ok("case 17/2026".to_owned()); "a case")]
    #[test_case("  іс №17-2026, 3 бап " => Ok("іс №17-2026, 3 бап".to_owned()); "trimmed")]
    #[test_case("why" => Err(BadBasis::Short); "short")]
    #[test_case("" => Err(BadBasis::Short); "nothing")]
    #[test_case(&"x".repeat(201) => Err(BadBasis::Long); "long")]
    #[test_case("case\n17" => Err(BadBasis::Control); "line end")]
    #[test_case("about 061211600012" => Err(BadBasis::Number); "iin")]
    #[test_case("about 061211-600012" => Err(BadBasis::Number); "iin with a hyphen")]
    #[test_case("about 0612 1160 0012" => Err(BadBasis::Number); "iin with spaces")]
    fn m23_a_basis_says_why_and_names_nobody(text: &str) -> Result<String, BadBasis> {
        text.parse().map(|basis: Basis| basis.to_string())
    }
}
