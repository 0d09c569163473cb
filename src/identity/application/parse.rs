//! From what was written to a form, or to every field that is wrong.

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization as _;

use super::{
    DocumentKind, Entries, Field, FieldError, Form, IdentityDocument, IndividualForm, LegalForm, PersonName, Phones,
    Sort, StateRegistration, Trouble,
};
use crate::postal::PostalIndex;

/// Digits of an international telephone number (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The form in these entries; `today` is the operator's day, later than which nothing was issued.
///
/// # Errors
/// One error for each field that is not right, in the order of the annex.
pub fn parse(sort: Sort, entries: &Entries, today: Date) -> Result<Form, Vec<FieldError>> {
    let mut reader = Reader { entries, today, errors: Vec::new() };
    let form = match sort {
        Sort::Individual => reader.individual().map(Form::Individual),
        Sort::Legal => reader.legal().map(Form::Legal),
    };
    match form {
        Some(form) if reader.errors.is_empty() => Ok(form),
        _ => {
            let place = |error: &FieldError| sort.fields().iter().position(|field| *field == error.field);
            reader.errors.sort_by_key(place);
            Err(reader.errors)
        }
    }
}

/// The identity document in these entries, as somebody typed it who has it before him.
///
/// # Errors
/// One error for each field that is not right.
pub fn parse_document(entries: &Entries, today: Date) -> Result<IdentityDocument, Vec<FieldError>> {
    let mut reader = Reader { entries, today, errors: Vec::new() };
    match reader.document() {
        Some(document) => Ok(document),
        None => Err(reader.errors),
    }
}

struct Reader<'a> {
    entries: &'a Entries,
    today: Date,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    /// Every field is read before the first missing one ends it, so that all errors are told.
    fn individual(&mut self) -> Option<IndividualForm> {
        let surname = self.name(Field::Surname);
        let given = self.name(Field::GivenName);
        let patronymic = self.optional_name(Field::Patronymic);
        let iin = self.read(Field::Iin, |text| digits(text).parse().map_err(Trouble::Number));
        let document = self.document();
        let residence = self.text(Field::Residence);
        let postal_index = self.index();
        let phones = self.phones();
        Some(IndividualForm {
            name: PersonName { surname: surname?, given: given?, patronymic: patronymic? },
            iin: iin?,
            document: document?,
            residence: residence?,
            phones: phones?,
            postal_index: postal_index?,
        })
    }

    fn document(&mut self) -> Option<IdentityDocument> {
        let kind = self.read(Field::DocumentKind, |text| {
            DocumentKind::ALL.into_iter().find(|kind| kind.name() == text).ok_or(Trouble::NoSuchDocument)
        });
        let number = self.read(Field::DocumentNumber, document_number);
        let issuer = self.text(Field::DocumentIssuer);
        let issued = self.day(Field::DocumentIssued);
        Some(IdentityDocument { kind: kind?, number: number?, issuer: issuer?, issued: issued? })
    }

    fn legal(&mut self) -> Option<LegalForm> {
        let name = self.text(Field::EntityName);
        let bin = self.read(Field::Bin, |text| digits(text).parse().map_err(Trouble::Number));
        let number = self.read(Field::RegistrationNumber, document_number);
        let issued = self.day(Field::RegistrationIssued);
        let issuer = self.text(Field::RegistrationIssuer);
        let legal_address = self.text(Field::LegalAddress);
        let actual_address = self.text(Field::ActualAddress);
        let postal_index = self.index();
        let phones = self.phones();
        Some(LegalForm {
            name: name?,
            bin: bin?,
            registration: StateRegistration { number: number?, issued: issued?, issuer: issuer? },
            legal_address: legal_address?,
            actual_address: actual_address?,
            phones: phones?,
            postal_index: postal_index?,
        })
    }

    fn read<T>(&mut self, field: Field, judge: impl FnOnce(&str) -> Result<T, Trouble>) -> Option<T> {
        let text = tidy(self.entries.get(field));
        let judged =
            plain(field, &text).and_then(|()| if text.is_empty() { Err(Trouble::Missing) } else { judge(&text) });
        self.note(field, judged)
    }

    fn optional<T>(&mut self, field: Field, judge: impl FnOnce(&str) -> Result<T, Trouble>) -> Option<Option<T>> {
        let text = tidy(self.entries.get(field));
        let judged = plain(field, &text).and_then(|()| if text.is_empty() { Ok(None) } else { judge(&text).map(Some) });
        self.note(field, judged)
    }

    fn note<T>(&mut self, field: Field, judged: Result<T, Trouble>) -> Option<T> {
        judged.map_err(|trouble| self.errors.push(FieldError { field, trouble })).ok()
    }

    fn text(&mut self, field: Field) -> Option<String> {
        self.read(field, |text| Ok(text.to_owned()))
    }

    fn name(&mut self, field: Field) -> Option<String> {
        self.read(field, person_name)
    }

    fn optional_name(&mut self, field: Field) -> Option<Option<String>> {
        self.optional(field, person_name)
    }

    /// FACTS B2: six digits or seven characters; both live in parallel.
    fn index(&mut self) -> Option<Option<PostalIndex>> {
        self.optional(Field::PostalIndex, |text| text.parse().map_err(|_| Trouble::NotIndex))
    }

    fn day(&mut self, field: Field) -> Option<Date> {
        let today = self.today;
        self.read(field, |text| match day(text) {
            Some(day) if day > today => Err(Trouble::Future),
            Some(day) => Ok(day),
            None => Err(Trouble::NotDate),
        })
    }

    /// M26: one of the two is enough (RULES, choice).
    fn phones(&mut self) -> Option<Phones> {
        let (home, mobile) = (self.optional(Field::PhoneHome, phone), self.optional(Field::PhoneMobile, phone));
        if home == Some(None) && mobile == Some(None) {
            return self.note(Field::PhoneMobile, Err(Trouble::NoPhone));
        }
        Some(Phones { home: home?, mobile: mobile? })
    }
}

/// Composed, with single spaces, none at the ends: what looks the same is signed the same.
fn tidy(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A field is one line that people can see all of.
fn plain(field: Field, text: &str) -> Result<(), Trouble> {
    let most = field.max_characters();
    if text.chars().count() > most + spaces(field, text) {
        return Err(Trouble::TooLong(most));
    }
    let is_hidden = |c: char| {
        c.is_control()
            || (c.is_whitespace() && c != ' ')
            // Joiners, directions of writing and the like: with them a text reads differently from what it is.
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    if text.chars().any(is_hidden) { Err(Trouble::Unprintable) } else { Ok(()) }
}

/// People write twelve digits in groups, and an index too.
fn spaces(field: Field, text: &str) -> usize {
    match field {
        Field::Iin | Field::Bin | Field::PostalIndex => text.chars().filter(|c| *c == ' ').count(),
        _ => 0,
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(|c| *c != ' ').collect()
}

fn person_name(text: &str) -> Result<String, Trouble> {
    let is_of_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | 'ʼ' | '.') || is_mark(c);
    let has_letter = text.chars().any(char::is_alphabetic);
    if has_letter && text.chars().all(is_of_name) { Ok(text.to_owned()) } else { Err(Trouble::NotName) }
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

fn document_number(text: &str) -> Result<String, Trouble> {
    let is_of_number = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '№' | ' ' | '.');
    let has_sign = text.chars().any(char::is_alphanumeric);
    if has_sign && text.chars().all(is_of_number) { Ok(text.to_owned()) } else { Err(Trouble::DocumentNumber) }
}

/// As browsers send it, or as people write it: day, month, year with dots.
fn day(text: &str) -> Option<Date> {
    let dotted = || {
        let mut parts = text.split('.');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = parts.next().is_none() && year.len() == 4;
        is_whole.then(|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()).flatten()
    };
    let iso = (text.len() == 10).then(|| text.parse().ok()).flatten();
    iso.or_else(dotted).filter(|day: &Date| day.year() >= 1900)
}

/// In the form of E.164. A number of eleven digits that begins with 8 is one of this country (8 701 … is +7 701 …).
fn phone(text: &str) -> Result<String, Trouble> {
    let is_written_so = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')'));
    let has_plus = text.starts_with('+');
    if !is_written_so || text.chars().skip(1).any(|c| c == '+') {
        return Err(Trouble::NotPhone);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.strip_prefix('8') {
        Some(rest) if !has_plus && digits.len() == 11 => format!("7{rest}"),
        _ => digits,
    };
    let is_number = PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    if is_number { Ok(format!("+{digits}")) } else { Err(Trouble::NotPhone) }
}
