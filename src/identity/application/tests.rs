//! Tables of fields, and what holds for every text that can be written into them.

use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::identity::NumberError;
use crate::identity::agreement::VersionHash;

const TODAY: Date = jiff::civil::date(2026, 11, 29);

pub(crate) fn person() -> Entries {
    Entries::default()
        .with(Field::Surname, "Серікова")
        .with(Field::GivenName, "Айгүл")
        .with(Field::Patronymic, "Маратқызы")
        .with(Field::Iin, "061211600012")
        .with(Field::DocumentKind, "identity-card")
        .with(Field::DocumentNumber, "041234567")
        .with(Field::DocumentIssuer, "ҚР ІІМ")
        .with(Field::DocumentIssued, "2024-03-01")
        .with(Field::Residence, "Астана қ., Мәңгілік Ел д-лы, 8, 12")
        .with(Field::PostalIndex, "Z05T3F5")
        .with(Field::PhoneMobile, "8 (701) 234-56-78")
}

fn company() -> Entries {
    Entries::default()
        .with(Field::EntityName, "«Алма» жауапкершілігі шектеулі серіктестігі")
        .with(Field::Bin, BIN)
        .with(Field::RegistrationNumber, "123-1901-01-ЖШС")
        .with(Field::RegistrationIssued, "14.06.2006")
        .with(Field::RegistrationIssuer, "Алматы қ. Әділет департаменті")
        .with(Field::LegalAddress, "Алматы қ., Абай д-лы, 1")
        .with(Field::ActualAddress, "Алматы қ., Сәтбаев к-сі, 2")
        .with(Field::PostalIndex, "050000")
        .with(Field::PhoneHome, "+7 727 250 00 00")
}

const BIN: &str = "060640000011";

fn errors(sort: Sort, entries: &Entries) -> Vec<(Field, Trouble)> {
    let errors = parse(sort, entries, TODAY).unwrap_err();
    errors.into_iter().map(|error| (error.field, error.trouble)).collect()
}

fn only_error(sort: Sort, entries: &Entries) -> Trouble {
    match errors(sort, entries).as_slice() {
        [(_, trouble)] => *trouble,
        other => panic!("{other:?}"),
    }
}

#[test]
fn m26_every_field_of_a_person_is_kept() {
    let form = parse(Sort::Individual, &person(), TODAY).unwrap();
    for field in Sort::Individual.fields() {
        let written = person();
        match field {
            Field::PhoneMobile => assert_eq!(form.value(*field), "+77012345678"),
            _ => assert_eq!(form.value(*field), written.get(*field), "{field:?}"),
        }
    }
    assert_eq!(form.display_name(), "Серікова Айгүл Маратқызы");
    let again = parse(Sort::Individual, &Entries::from(&form), TODAY).unwrap();
    assert_eq!(again, form, "what was parsed is parsed to itself");
}

#[test]
fn m27_every_field_of_an_entity_is_kept() {
    let form = parse(Sort::Legal, &company(), TODAY).unwrap();
    assert_eq!(form.value(Field::RegistrationIssued), "2006-06-14");
    assert_eq!(form.value(Field::ActualAddress), "Алматы қ., Сәтбаев к-сі, 2");
    assert_eq!(form.number().to_owned(), BIN.parse().unwrap());
    assert!(Sort::Legal.fields().iter().all(|field| *field == Field::PhoneMobile || !form.value(*field).is_empty()));
}

#[test]
fn m26_an_empty_form_tells_every_field_once_in_order() {
    let found = errors(Sort::Individual, &Entries::default());
    let is_told = |field: &&Field| !field.is_optional() || **field == Field::PhoneMobile;
    let needed = Sort::Individual.fields().iter().filter(is_told);
    let fields: Vec<Field> = found.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, needed.copied().collect::<Vec<_>>());
    assert_eq!(found.last(), Some(&(Field::PhoneMobile, Trouble::NoPhone)));
    assert_eq!(errors(Sort::Legal, &Entries::default()).len(), 8);
}

#[test_case(Field::Iin, "061211600013" => Trouble::Number(NumberError::CheckDigit); "m24 check digit")]
#[test_case(Field::Iin, "06121160001" => Trouble::Number(NumberError::NotTwelveDigits); "eleven digits")]
#[test_case(Field::Iin, BIN => Trouble::Number(NumberError::IsBin); "a bin")]
#[test_case(Field::Surname, "Сер1кова" => Trouble::NotName; "a digit in a name")]
#[test_case(Field::Surname, "--" => Trouble::NotName; "a name without letters")]
#[test_case(Field::Surname, "Сері\u{200b}кова" => Trouble::Unprintable; "an invisible space")]
#[test_case(Field::Residence, "Астана\n12" => Trouble::Unprintable; "two lines")]
#[test_case(Field::Residence, "\u{202e}12" => Trouble::Unprintable; "written backwards")]
#[test_case(Field::DocumentKind, "licence" => Trouble::NoSuchDocument; "another document")]
#[test_case(Field::DocumentNumber, "<b>" => Trouble::DocumentNumber; "no number")]
#[test_case(Field::DocumentIssued, "2026-02-30" => Trouble::NotDate; "no day")]
#[test_case(Field::DocumentIssued, "01.01.24" => Trouble::NotDate; "two digits of a year")]
#[test_case(Field::DocumentIssued, "2026-11-30" => Trouble::Future; "tomorrow")]
#[test_case(Field::PostalIndex, "01000" => Trouble::NotIndex; "five digits")]
#[test_case(Field::PostalIndex, "Z05T-F5" => Trouble::NotIndex; "a hyphen in an index")]
#[test_case(Field::PostalIndex, "0100000000" => Trouble::TooLong(7); "ten digits")]
#[test_case(Field::PhoneMobile, "12345" => Trouble::NotPhone; "too short")]
#[test_case(Field::PhoneMobile, "+7 701 CALL ME" => Trouble::NotPhone; "letters")]
#[test_case(Field::PhoneMobile, "" => Trouble::NoPhone; "no telephone")]
fn m26_a_wrong_field_is_told(field: Field, text: &str) -> Trouble {
    only_error(Sort::Individual, &person().with(field, text))
}

#[test_case(Field::Bin, "061211600012" => Trouble::Number(NumberError::IsIin); "an iin")]
#[test_case(Field::EntityName, "" => Trouble::Missing; "no name")]
#[test_case(Field::ActualAddress, " " => Trouble::Missing; "only spaces")]
fn m27_a_wrong_field_is_told(field: Field, text: &str) -> Trouble {
    only_error(Sort::Legal, &company().with(field, text))
}

#[test_case("010000" => Some("010000".into()); "six digits")]
#[test_case("010 000" => Some("010000".into()); "in groups")]
#[test_case("z05t3f5" => Some("Z05T3F5".into()); "seven characters, small")]
#[test_case("Z05Т3F5" => Some("Z05T3F5".into()); "a Cyrillic letter that looks like a Latin one")]
#[test_case("" => None; "not written")]
fn b2_the_postal_index_of_an_application(text: &str) -> Option<String> {
    let index = |sort, entries: Entries| {
        let form = parse(sort, &entries.with(Field::PostalIndex, text), TODAY).unwrap();
        assert_eq!(form.value(Field::PostalIndex), form.postal_index().map(ToString::to_string).unwrap_or_default());
        form.postal_index().map(ToString::to_string)
    };
    assert_eq!(index(Sort::Legal, company()), index(Sort::Individual, person()));
    index(Sort::Individual, person())
}

#[test]
fn m26_what_looks_the_same_is_the_same_form() {
    let spaced = person()
        .with(Field::Residence, "  Астана қ.,  Мәңгілік Ел д-лы, 8, 12 ")
        .with(Field::Iin, "061211 600012")
        // Decomposed: и and a breve.
        .with(Field::GivenName, "Аи\u{306}гүл");
    let form = |entries: &Entries| parse(Sort::Individual, entries, TODAY).unwrap();
    assert_eq!(form(&spaced), form(&person()));
}

#[test]
fn m26_an_address_of_greatest_length_passes() {
    let longest = "ә".repeat(Field::Residence.max_characters());
    assert!(parse(Sort::Individual, &person().with(Field::Residence, &longest), TODAY).is_ok());
    let longer = format!("{longest}ә");
    assert_eq!(only_error(Sort::Individual, &person().with(Field::Residence, &longer)), Trouble::TooLong(250));
}

fn statement<'a>(form: &'a Form, login: &'a str) -> Statement<'a> {
    Statement {
        number: ApplicationNumber::new(2026, 123),
        nonce: [7; 16],
        form,
        login,
        address: "aigul@poshta.example",
        agreement: VersionHash::from_bytes([9; 32]),
    }
}

#[test]
fn m26_canonical_text_is_as_it_stands_in_the_documents() {
    let form = parse(Sort::Individual, &person(), TODAY).unwrap();
    let text = statement(&form, "aigul").text();
    let expected = "poshta-application: 2\napplication-number: 2026-0000123-6\nnonce: \
                    07070707070707070707070707070707\napplicant: individual\nsurname: Серікова\ngiven-name: \
                    Айгүл\npatronymic: Маратқызы\niin: 061211600012\ndocument-kind: identity-card\ndocument-number: \
                    041234567\ndocument-issuer: ҚР ІІМ\ndocument-issued: 2024-03-01\nresidence: Астана қ., Мәңгілік \
                    Ел д-лы, 8, 12\npostal-index: Z05T3F5\nphone-home: \nphone-mobile: +77012345678\nlogin: aigul\naddress: \
                    aigul@poshta.example\nagreement-sha256: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("пайдаланушы келісіміне қосыламын.\n"));
    assert_eq!(number_in(text.as_bytes()), Some(ApplicationNumber::new(2026, 123)));
    assert_eq!(number_in(b"another text"), None);
}

#[test]
fn m26_each_part_changes_the_digest() {
    let form = parse(Sort::Individual, &person(), TODAY).unwrap();
    let base = statement(&form, "aigul");
    let mut digests = vec![base.digest(), statement(&form, "aigui").digest()];
    digests.push(Statement { nonce: [8; 16], ..base.clone() }.digest());
    digests.push(Statement { number: ApplicationNumber::new(2026, 124), ..base.clone() }.digest());
    digests.push(Statement { agreement: VersionHash::from_bytes([8; 32]), ..base.clone() }.digest());
    for field in Sort::Individual.fields() {
        let other = match field {
            Field::Iin => "791028302728",
            Field::DocumentKind => "passport",
            Field::DocumentIssued => "2024-03-02",
            Field::PostalIndex => "010000",
            Field::PhoneHome | Field::PhoneMobile => "+77012345679",
            _ => "Басқа",
        };
        let changed = parse(Sort::Individual, &person().with(*field, other), TODAY).unwrap();
        digests.push(statement(&changed, "aigul").digest());
    }
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test_case("2026-0000123-6" => Ok(123); "as it is printed")]
#[test_case(" 2026-123-6 " => Ok(123); "zeros left out")]
#[test_case("2026-0000132-6" => Err(NumberSyntax); "two digits changed places")]
#[test_case("2026-0000123-7" => Err(NumberSyntax); "another check digit")]
#[test_case("2026-0000123" => Err(NumberSyntax); "no check digit")]
#[test_case("2026-x-6" => Err(NumberSyntax); "a letter")]
fn m13_number_of_an_application(text: &str) -> Result<u32, NumberSyntax> {
    text.parse::<ApplicationNumber>().map(ApplicationNumber::serial)
}

#[test]
fn design18_personal_data_are_not_printed() {
    let form = parse(Sort::Individual, &person(), TODAY).unwrap();
    assert_eq!(format!("{form:?} {:?}", person()), "Individual(IndividualForm(…)) Entries(…)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn m26_whatever_is_written_the_text_has_one_line_a_field(
        residence in "\\PC{0,60}", issuer in ".{0,60}", surname in "\\PC{1,30}", phone in "[0-9+() -]{0,16}",
    ) {
        let entries = person()
            .with(Field::Residence, &residence)
            .with(Field::DocumentIssuer, &issuer)
            .with(Field::Surname, &surname)
            .with(Field::PhoneMobile, &phone);
        match parse(Sort::Individual, &entries, TODAY) {
            Ok(form) => {
                let text = statement(&form, "aigul").text();
                prop_assert_eq!(text.lines().count(), 4 + Sort::Individual.fields().len() + 4);
                prop_assert_eq!(parse(Sort::Individual, &Entries::from(&form), TODAY), Ok(form));
            }
            Err(errors) => {
                let mut fields: Vec<Field> = errors.iter().map(|error| error.field).collect();
                fields.dedup();
                prop_assert_eq!(fields.len(), errors.len(), "one error a field");
            }
        }
    }

    #[test]
    fn m13_numbers_come_back(year in 2000u16..9999, serial: u32) {
        let number = ApplicationNumber::new(year, serial);
        prop_assert_eq!(number.to_string().parse(), Ok(number));
    }
}
