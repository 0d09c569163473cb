//! What the sender of a letter on paper asks for: form, class, colour, sides.
//!
//! Read from the local part of the hybrid address, `registered+colour+duplex`, and written to `Postal-Class`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an item is treated on its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Without registration (жай).
    #[default]
    Ordinary,
    /// Registered and tracked (тапсырысты).
    Registered,
    /// With declared value (жарияланған құндылығымен).
    Valued,
}

/// What is printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A letter in an envelope.
    #[default]
    Letter,
    /// A post card.
    Postcard,
}

/// Colour of the print.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Shades of grey.
    #[default]
    Grey,
    /// Full colour.
    Colour,
}

/// Printed sides of a sheet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sides {
    /// One.
    #[default]
    Simplex,
    /// Both.
    Duplex,
}

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct LetterOptions {
    /// Letter or post card.
    pub form: Form,
    /// Class.
    pub class: Class,
    /// Colour.
    pub colour: Colour,
    /// Sides.
    pub sides: Sides,
}

/// The local part or header is none of the known ones.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClassError {
    /// Not a form or class.
    #[error("write to letter@, postcard@, registered@ or valued@, with the options +colour and +duplex")]
    Unknown,
    /// Not an option.
    #[error("the only options are +colour and +duplex, for example letter+colour+duplex@")]
    UnknownOption,
    /// An option stands twice.
    #[error("an option stands twice")]
    Twice,
}

impl Class {
    /// As `Postal-Class` and the API name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Ordinary => "ordinary",
            Class::Registered => "registered",
            Class::Valued => "valued",
        }
    }
}

impl Form {
    /// As `Postal-Class` and the API name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Letter => "letter",
            Form::Postcard => "postcard",
        }
    }
}

impl FromStr for LetterOptions {
    type Err = ClassError;

    /// Reads the local part of a hybrid address, in any case.
    fn from_str(local: &str) -> Result<Self, ClassError> {
        let lower = local.to_ascii_lowercase();
        let mut words = lower.split('+');
        let (form, class) = match words.next() {
            Some("letter") => (Form::Letter, Class::Ordinary),
            Some("postcard") => (Form::Postcard, Class::Ordinary),
            Some("registered") => (Form::Letter, Class::Registered),
            Some("valued") => (Form::Letter, Class::Valued),
            _ => return Err(ClassError::Unknown),
        };
        let mut options = LetterOptions { form, class, ..LetterOptions::default() };
        for word in words {
            let before = options;
            match word {
                "colour" | "color" => options.colour = Colour::Colour,
                "duplex" => options.sides = Sides::Duplex,
                _ => return Err(ClassError::UnknownOption),
            }
            if options == before {
                return Err(ClassError::Twice);
            }
        }
        Ok(options)
    }
}

impl fmt::Display for LetterOptions {
    /// The value of `Postal-Class`: `registered; letter; colour; duplex`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.class.name(), self.form.name())?;
        if self.colour == Colour::Colour {
            f.write_str("; colour")?;
        }
        if self.sides == Sides::Duplex {
            f.write_str("; duplex")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("letter" => Ok("ordinary; letter".into()))]
    #[test_case("Letter+Colour+Duplex" => Ok("ordinary; letter; colour; duplex".into()))]
    #[test_case("postcard+color" => Ok("ordinary; postcard; colour".into()))]
    #[test_case("registered+duplex" => Ok("registered; letter; duplex".into()))]
    #[test_case("valued" => Ok("valued; letter".into()))]
    #[test_case("parcel" => Err(ClassError::Unknown))]
    #[test_case("letter+gold" => Err(ClassError::UnknownOption))]
    #[test_case("letter+" => Err(ClassError::UnknownOption); "empty option")]
    #[test_case("letter+duplex+duplex" => Err(ClassError::Twice))]
    fn hybrid_local_part(local: &str) -> Result<String, ClassError> {
        local.parse::<LetterOptions>().map(|options| options.to_string())
    }
}
