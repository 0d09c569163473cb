//! The fields of the annex in a form: what stands in them, what is wrong, how they are typed.

use crate::identity::application::{DocumentKind, Entries, Field, FieldError, Trouble};
use crate::locale::{self, Lang};

use super::super::Frame;

/// A field as it is shown.
pub(in crate::http::pages) struct FieldShown {
    pub(in crate::http::pages) name: &'static str,
    pub(in crate::http::pages) label: String,
    pub(in crate::http::pages) value: String,
    pub(in crate::http::pages) error: Option<String>,
    pub(in crate::http::pages) kind: Kind,
    pub(in crate::http::pages) is_needed: bool,
    pub(in crate::http::pages) most: usize,
    pub(in crate::http::pages) autocomplete: &'static str,
}

#[derive(PartialEq, Eq)]
pub(in crate::http::pages) enum Kind {
    Text,
    Digits,
    Day,
    Phone,
    /// It says who somebody is, and does not change any more; the text says so.
    Fixed(String),
    Choice(Vec<(&'static str, String)>),
}

/// What is wrong with a field, for people.
pub(in crate::http::pages) fn told(error: &FieldError, lang: Lang) -> String {
    let number = match error.trouble {
        Trouble::TooLong(most) => most.to_string(),
        _ => String::new(),
    };
    locale::text(lang, &format!("trouble-{}", error.trouble.code()), &[("number", &number)])
}

/// A field of the annex with what stands in it and what is wrong with it.
pub(in crate::http::pages) fn field_shown(
    field: Field,
    (entries, errors): (&Entries, &[(&'static str, String)]),
    frame: &Frame,
) -> FieldShown {
    let kind = match field {
        Field::Iin | Field::Bin => Kind::Digits,
        Field::DocumentIssued | Field::RegistrationIssued => Kind::Day,
        Field::PhoneHome | Field::PhoneMobile => Kind::Phone,
        Field::DocumentKind => {
            let choice = |kind: DocumentKind| (kind.name(), frame.text(&format!("document-{}", kind.name())));
            Kind::Choice(DocumentKind::ALL.into_iter().map(choice).collect())
        }
        _ => Kind::Text,
    };
    let autocomplete = match field {
        Field::Surname => "family-name",
        Field::GivenName => "given-name",
        Field::Patronymic => "additional-name",
        Field::Residence | Field::ActualAddress => "street-address",
        Field::PostalIndex => "postal-code",
        Field::PhoneHome => "home tel",
        Field::PhoneMobile => "mobile tel",
        Field::EntityName => "organization",
        _ => "off",
    };
    let error = errors.iter().find(|(name, _)| *name == field.name()).map(|(_, text)| text.clone());
    FieldShown {
        name: field.name(),
        label: frame.text(&format!("field-{}", field.name())),
        value: entries.get(field).to_owned(),
        error,
        kind,
        is_needed: !field.is_optional(),
        // People write numbers in groups.
        most: field.max_characters() + 8,
        autocomplete,
    }
}
