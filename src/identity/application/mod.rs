//! The application for a mailbox, field for field as the annex of order 71 has it (M26, M27), and what of it is
//! signed.
//!
//! The invariant: a [`Form`] is complete and right in every field that can be judged without asking anybody; one that
//! is not tells every field that is wrong at once. Its canonical text holds every field, so that a signature over it
//! is a signature over the application and the consent to the agreement.

mod entries;
mod field;
mod number;
mod parse;
mod statement;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Bin, Iin, PersonalNumber};
use crate::postal::PostalIndex;

pub use entries::Entries;
pub use field::{Field, FieldError, Sort, Trouble};
pub use number::{ApplicationNumber, NumberSyntax};
pub use parse::{parse, parse_document};
pub use statement::{Statement, number_in};

/// The application of a person or of a legal entity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Form {
    /// M26.
    Individual(IndividualForm),
    /// M27.
    Legal(LegalForm),
}

/// M26: what the annex asks of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndividualForm {
    /// The full name.
    pub name: PersonName,
    /// The IIN.
    #[serde(with = "iin_text")]
    pub iin: Iin,
    /// The identity document.
    pub document: IdentityDocument,
    /// The place of residence.
    pub residence: String,
    /// At least one of them.
    pub phones: Phones,
    /// The index of that place; the annex does not ask for it, so not everybody writes it. Last, as rows have it since
    /// their second version.
    pub postal_index: Option<PostalIndex>,
}

/// M27: what the annex asks of a legal entity.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalForm {
    /// The full name.
    pub name: String,
    /// The BIN.
    #[serde(with = "bin_text")]
    pub bin: Bin,
    /// The certificate of state registration.
    pub registration: StateRegistration,
    /// The legal address.
    pub legal_address: String,
    /// Where it is in fact.
    pub actual_address: String,
    /// At least one of them.
    pub phones: Phones,
    /// The index of where it is in fact; as that of a person.
    pub postal_index: Option<PostalIndex>,
}

/// A person's name in its parts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    /// Тегі.
    pub surname: String,
    /// Аты.
    pub given: String,
    /// Әкесінің аты; not everybody has one.
    pub patronymic: Option<String>,
}

/// What proves who a person is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// Its number.
    pub number: String,
    /// Who issued it.
    pub issuer: String,
    /// When.
    #[serde(with = "date_text")]
    pub issued: Date,
}

/// Sort of an identity document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum DocumentKind {
    /// Жеке куәлік.
    IdentityCard,
    /// A passport of Kazakhstan.
    Passport,
    /// Of a foreigner who lives here.
    ResidencePermit,
    /// Of a person without citizenship.
    StatelessCertificate,
}

/// M27: the certificate of state registration.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRegistration {
    /// Its number.
    pub number: String,
    /// Its date.
    #[serde(with = "date_text")]
    pub issued: Date,
    /// Who issued it.
    pub issuer: String,
}

/// Telephone numbers in the form of E.164; at least one is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phones {
    /// At home, or of the office.
    pub home: Option<String>,
    /// Mobile.
    pub mobile: Option<String>,
}

impl Form {
    /// Of whom it is.
    #[must_use]
    pub fn sort(&self) -> Sort {
        match self {
            Form::Individual(_) => Sort::Individual,
            Form::Legal(_) => Sort::Legal,
        }
    }

    /// The IIN or BIN.
    #[must_use]
    pub fn number(&self) -> PersonalNumber {
        match self {
            Form::Individual(form) => PersonalNumber::Iin(form.iin),
            Form::Legal(form) => PersonalNumber::Bin(form.bin),
        }
    }

    /// The name for people: of the person, or of the entity.
    #[must_use]
    pub fn display_name(&self) -> String {
        match self {
            Form::Individual(form) => form.name.full(),
            Form::Legal(form) => form.name.clone(),
        }
    }

    /// The postal index of where letters for them go.
    #[must_use]
    pub fn postal_index(&self) -> Option<&PostalIndex> {
        match self {
            Form::Individual(form) => form.postal_index.as_ref(),
            Form::Legal(form) => form.postal_index.as_ref(),
        }
    }

    /// The telephones.
    #[must_use]
    pub fn phones(&self) -> &Phones {
        match self {
            Form::Individual(form) => &form.phones,
            Form::Legal(form) => &form.phones,
        }
    }

    /// What stands in a field; empty where it does not apply or nothing was written.
    #[must_use]
    pub fn value(&self, field: Field) -> String {
        match self {
            Form::Individual(form) => form.value(field),
            Form::Legal(form) => form.value(field),
        }
    }

    /// Every field of the annex with its value, in its order.
    pub fn values(&self) -> impl Iterator<Item = (Field, String)> + '_ {
        self.sort().fields().iter().map(|field| (*field, self.value(*field)))
    }
}

impl IndividualForm {
    fn value(&self, field: Field) -> String {
        match field {
            Field::Surname => self.name.surname.clone(),
            Field::GivenName => self.name.given.clone(),
            Field::Patronymic => self.name.patronymic.clone().unwrap_or_default(),
            Field::Iin => self.iin.expose(),
            Field::DocumentKind => self.document.kind.name().to_owned(),
            Field::DocumentNumber => self.document.number.clone(),
            Field::DocumentIssuer => self.document.issuer.clone(),
            Field::DocumentIssued => self.document.issued.to_string(),
            Field::Residence => self.residence.clone(),
            Field::PostalIndex => index_text(self.postal_index.as_ref()),
            Field::PhoneHome => self.phones.home.clone().unwrap_or_default(),
            Field::PhoneMobile => self.phones.mobile.clone().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

impl LegalForm {
    fn value(&self, field: Field) -> String {
        match field {
            Field::EntityName => self.name.clone(),
            Field::Bin => self.bin.expose(),
            Field::RegistrationNumber => self.registration.number.clone(),
            Field::RegistrationIssued => self.registration.issued.to_string(),
            Field::RegistrationIssuer => self.registration.issuer.clone(),
            Field::LegalAddress => self.legal_address.clone(),
            Field::ActualAddress => self.actual_address.clone(),
            Field::PostalIndex => index_text(self.postal_index.as_ref()),
            Field::PhoneHome => self.phones.home.clone().unwrap_or_default(),
            Field::PhoneMobile => self.phones.mobile.clone().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

fn index_text(index: Option<&PostalIndex>) -> String {
    index.map(ToString::to_string).unwrap_or_default()
}

impl PersonName {
    /// Surname, given name, patronymic.
    #[must_use]
    pub fn full(&self) -> String {
        let parts = [Some(self.surname.as_str()), Some(self.given.as_str()), self.patronymic.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl DocumentKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::IdentityCard, Self::Passport, Self::ResidencePermit, Self::StatelessCertificate];

    /// As forms and canonical texts have it; its name for people is the text under `document-` and this.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DocumentKind::IdentityCard => "identity-card",
            DocumentKind::Passport => "passport",
            DocumentKind::ResidencePermit => "residence-permit",
            DocumentKind::StatelessCertificate => "stateless-certificate",
        }
    }
}

/// Personal data are not printed by `Debug` (DESIGN 18).
macro_rules! hidden {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

hidden!(IndividualForm, LegalForm, PersonName, IdentityDocument, StateRegistration, Phones);

/// Numbers and dates as rows keep them: as text, checked again when they are read.
macro_rules! as_text {
    ($name:ident, $type:ty, $write:expr) => {
        mod $name {
            use serde::de::Error as _;
            use serde::{Deserialize as _, Deserializer, Serializer};

            pub(super) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn(&$type) -> String = $write;
                serializer.serialize_str(&write(value))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(iin_text, crate::identity::Iin, |iin| iin.expose());
as_text!(bin_text, crate::identity::Bin, |bin| bin.expose());
as_text!(date_text, jiff::civil::Date, |date| date.to_string());
