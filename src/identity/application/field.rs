//! The fields of the annex, and what can be wrong with one.

use crate::identity::NumberError;

/// Who applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// A person (M26).
    Individual,
    /// A legal entity (M27).
    Legal,
}

/// A field of an application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the annex names them; their texts stand under `field-` and their name")]
pub enum Field {
    Surname,
    GivenName,
    Patronymic,
    Iin,
    DocumentKind,
    DocumentNumber,
    DocumentIssuer,
    DocumentIssued,
    Residence,
    EntityName,
    Bin,
    RegistrationNumber,
    RegistrationIssued,
    RegistrationIssuer,
    LegalAddress,
    ActualAddress,
    PostalIndex,
    PhoneHome,
    PhoneMobile,
}

/// One field that is not right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// Which one.
    pub field: Field,
    /// Why.
    pub trouble: Trouble,
}

/// Why a field is not right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing is there.
    #[error("write it")]
    Missing,
    /// Too much.
    #[error("at most {0} characters")]
    TooLong(usize),
    /// Line ends, control characters or characters that nobody sees.
    #[error("there is a character that cannot be printed")]
    Unprintable,
    /// A name without a letter, or with digits.
    #[error("a name has letters")]
    NotName,
    /// No IIN, or no BIN.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// None of the documents that are offered.
    #[error("choose one of the documents")]
    NoSuchDocument,
    /// Something else than letters and digits in the number of a document.
    #[error("a document's number has letters, digits, hyphens and slashes")]
    DocumentNumber,
    /// No day of the calendar.
    #[error("write the day as in 2026-11-29")]
    NotDate,
    /// A day that has not come yet.
    #[error("this day has not come yet")]
    Future,
    /// No telephone number.
    #[error("write the number with its code, such as +7 701 234 56 78")]
    NotPhone,
    /// No postal index.
    #[error("write six digits (020000) or seven letters and digits (Z05T3F5)")]
    NotIndex,
    /// Neither of the telephones is there.
    #[error("write at least one telephone number")]
    NoPhone,
}

impl Trouble {
    /// Its text for people stands under `trouble-` and this.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Trouble::Missing => "missing",
            Trouble::TooLong(_) => "too-long",
            Trouble::Unprintable => "unprintable",
            Trouble::NotName => "not-name",
            Trouble::Number(NumberError::NotTwelveDigits) => "twelve-digits",
            Trouble::Number(NumberError::CheckDigit) => "check-digit",
            Trouble::Number(NumberError::Impossible) => "impossible",
            Trouble::Number(NumberError::IsBin) => "is-bin",
            Trouble::Number(NumberError::IsIin) => "is-iin",
            Trouble::NoSuchDocument => "no-such-document",
            Trouble::DocumentNumber => "document-number",
            Trouble::NotDate => "not-date",
            Trouble::Future => "future",
            Trouble::NotPhone => "not-phone",
            Trouble::NotIndex => "not-index",
            Trouble::NoPhone => "no-phone",
        }
    }
}

impl Sort {
    /// Its fields, in the order of the annex.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Sort::Individual => &[
                Field::Surname,
                Field::GivenName,
                Field::Patronymic,
                Field::Iin,
                Field::DocumentKind,
                Field::DocumentNumber,
                Field::DocumentIssuer,
                Field::DocumentIssued,
                Field::Residence,
                Field::PostalIndex,
                Field::PhoneHome,
                Field::PhoneMobile,
            ],
            Sort::Legal => &[
                Field::EntityName,
                Field::Bin,
                Field::RegistrationNumber,
                Field::RegistrationIssued,
                Field::RegistrationIssuer,
                Field::LegalAddress,
                Field::ActualAddress,
                Field::PostalIndex,
                Field::PhoneHome,
                Field::PhoneMobile,
            ],
        }
    }

    /// As forms and canonical texts have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sort::Individual => "individual",
            Sort::Legal => "legal",
        }
    }

    /// The sort with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Sort::Individual, Sort::Legal].into_iter().find(|sort| sort.name() == name)
    }
}

impl Field {
    /// As forms and canonical texts have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Surname => "surname",
            Field::GivenName => "given-name",
            Field::Patronymic => "patronymic",
            Field::Iin => "iin",
            Field::DocumentKind => "document-kind",
            Field::DocumentNumber => "document-number",
            Field::DocumentIssuer => "document-issuer",
            Field::DocumentIssued => "document-issued",
            Field::Residence => "residence",
            Field::EntityName => "entity-name",
            Field::Bin => "bin",
            Field::RegistrationNumber => "registration-number",
            Field::RegistrationIssued => "registration-issued",
            Field::RegistrationIssuer => "registration-issuer",
            Field::LegalAddress => "legal-address",
            Field::ActualAddress => "actual-address",
            Field::PostalIndex => "postal-index",
            Field::PhoneHome => "phone-home",
            Field::PhoneMobile => "phone-mobile",
        }
    }

    /// Whether it may stay empty. Of the telephones one may.
    #[must_use]
    pub fn is_optional(self) -> bool {
        matches!(self, Field::Patronymic | Field::PostalIndex | Field::PhoneHome | Field::PhoneMobile)
    }

    /// Most characters that can stand in it.
    #[must_use]
    pub fn max_characters(self) -> usize {
        match self {
            Field::PostalIndex => 7,
            Field::Iin | Field::Bin => 12,
            Field::DocumentKind | Field::DocumentIssued | Field::RegistrationIssued => 32,
            Field::PhoneHome | Field::PhoneMobile => 24,
            Field::DocumentNumber | Field::RegistrationNumber => 40,
            Field::Surname | Field::GivenName | Field::Patronymic => 60,
            Field::DocumentIssuer | Field::RegistrationIssuer | Field::EntityName => 180,
            Field::Residence | Field::LegalAddress | Field::ActualAddress => 250,
        }
    }
}
