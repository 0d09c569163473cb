//! The fields of the annex in a form: what stands in them, what is wrong, how they are typed.

use crate::identity::application::{DocumentKind, Entries, Field, FieldError, Trouble};
use crate::locale::{self, Lang};
use crate::people::registration::ApplyError;

use super::super::Frame;
use super::fill_in::{AGREE, LOGIN, PASSWORD};

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
    Choice(Vec<(&'static str, String)>),
}

/// What was sent.
pub(in crate::http::pages) struct Sent(pub(in crate::http::pages) Vec<(String, String)>);

impl Sent {
    pub(in crate::http::pages) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(in crate::http::pages) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

/// What is shown, and what is wrong with it.
#[derive(Default)]
pub(in crate::http::pages) struct Shown {
    pub(in crate::http::pages) entries: Entries,
    pub(in crate::http::pages) login: String,
    pub(in crate::http::pages) errors: Vec<(&'static str, String)>,
    pub(in crate::http::pages) fault: Option<String>,
    pub(in crate::http::pages) is_sent: bool,
}

/// What is wrong with a field, for people.
pub(in crate::http::pages) fn told(error: &FieldError, lang: Lang) -> String {
    let number = match error.trouble {
        Trouble::TooLong(most) => most.to_string(),
        _ => String::new(),
    };
    locale::text(lang, &format!("trouble-{}", error.trouble.code()), &[("number", &number)])
}

/// The field that an error of the service belongs to.
pub(in crate::http::pages) fn place_of(error: &ApplyError) -> Option<&'static str> {
    match error {
        ApplyError::Login(_) | ApplyError::LoginTaken(_) => Some(LOGIN),
        ApplyError::Password(_) => Some(PASSWORD),
        ApplyError::OldAgreement { .. } => Some(AGREE),
        _ => None,
    }
}

/// A field of the annex with what stands in it.
pub(in crate::http::pages) fn field_shown(field: Field, shown: &Shown, frame: &Frame) -> FieldShown {
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
        Field::PhoneHome => "home tel",
        Field::PhoneMobile => "mobile tel",
        Field::EntityName => "organization",
        _ => "off",
    };
    let error = shown.errors.iter().find(|(name, _)| *name == field.name()).map(|(_, text)| text.clone());
    FieldShown {
        name: field.name(),
        label: frame.text(&format!("field-{}", field.name())),
        value: shown.entries.get(field).to_owned(),
        error,
        kind,
        is_needed: !matches!(field, Field::Patronymic | Field::PhoneHome | Field::PhoneMobile),
        // People write numbers in groups.
        most: field.max_characters() + 8,
        autocomplete,
    }
}
