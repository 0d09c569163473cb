//! Does a name that somebody wrote say the same as the one in a register?
//!
//! Case, spaces, kinds of quotation marks and hyphens, and Ё for Е make no difference; letters do, those of Kazakh
//! too: Ә is not А, and a name that a register has with one is written so.

use unicode_normalization::UnicodeNormalization as _;

use super::Field;

/// The parts of a person's name as a register keeps them.
#[derive(Clone, Copy, Debug)]
pub(super) struct PersonName<'a> {
    pub(super) surname: &'a str,
    pub(super) name: &'a str,
    pub(super) patronymic: &'a str,
}

/// Whether a full name ("surname name patronymic", as the forms of order 71 ask for it) is this one; the first part
/// that is not.
pub(super) fn compare_person(written: &str, known: PersonName<'_>) -> Result<(), Field> {
    let written = folded(written);
    let written: Vec<&str> = written.split(' ').filter(|word| !word.is_empty()).collect();
    let rest = after(&written, known.surname).ok_or(Field::Surname)?;
    let rest = after(rest, known.name).ok_or(Field::Name)?;
    let rest = after(rest, known.patronymic).ok_or(Field::Patronymic)?;
    if rest.is_empty() { Ok(()) } else { Err(Field::Patronymic) }
}

/// Whether the name of a legal entity is one of these.
pub(super) fn is_one_of(written: &str, known: &[&str]) -> bool {
    let written = unquoted(written);
    known.iter().map(|known| unquoted(known)).any(|known| !known.is_empty() && known == written)
}

/// Two numbers of a document, with or without spaces.
pub(super) fn is_same_number(one: &str, other: &str) -> bool {
    // Compatibility forms turn № into letters.
    let bare = |text: &str| folded(&text.replace('№', "")).replace([' ', '-'], "");
    bare(one) == bare(other)
}

/// What follows the words of `known`; a register writes "-" where there is nothing.
fn after<'a, 'w>(written: &'a [&'w str], known: &str) -> Option<&'a [&'w str]> {
    let known = folded(known);
    known.split(' ').filter(|word| !word.is_empty() && *word != "-").try_fold(written, |rest, word| {
        let (first, rest) = rest.split_first()?;
        (*first == word).then_some(rest)
    })
}

fn unquoted(name: &str) -> String {
    let folded = folded(name);
    let kept: String = folded.chars().filter(|letter| *letter != '"').collect();
    kept.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Upper case, one space between words, one kind of quotation mark and of hyphen.
fn folded(name: &str) -> String {
    let letters = name.nfkc().flat_map(char::to_uppercase).map(|letter| match letter {
        'Ё' => 'Е',
        '«' | '»' | '“' | '”' | '„' | '‟' | '\'' | '‘' | '’' | '‚' | '`' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        letter if letter.is_whitespace() => ' ',
        letter => letter,
    });
    let letters: String = letters.collect();
    letters.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    const AIGUL: PersonName<'_> =
        PersonName { surname: "ОМАРОВА", name: "АЙГҮЛ", patronymic: "СЕРІКҚЫЗЫ" };

    #[test_case("Омарова Айгүл Серікқызы", AIGUL => Ok(()); "case")]
    #[test_case("  ОМАРОВА\u{a0}Айгүл \t Серікқызы ", AIGUL => Ok(()); "spaces")]
    #[test_case("Омарова Айгул Серікқызы", AIGUL => Err(Field::Name); "a kazakh letter is a letter")]
    #[test_case("Омаров Айгүл Серікқызы", AIGUL => Err(Field::Surname); "another surname")]
    #[test_case("Айгүл Омарова Серікқызы", AIGUL => Err(Field::Surname); "another order")]
    #[test_case("Омарова Айгүл", AIGUL => Err(Field::Patronymic); "no patronymic")]
    #[test_case("Омарова Айгүл Серікқызы Қайратқызы", AIGUL => Err(Field::Patronymic); "one too many")]
    #[test_case("", AIGUL => Err(Field::Surname); "nothing")]
    #[test_case("Семенов Петр", PersonName { surname: "СЕМЁНОВ", name: "ПЁТР", patronymic: "-" } => Ok(()); "yo is ye")]
    #[test_case("Семёнов Пётр", PersonName { surname: "СЕМЕНОВ", name: "ПЕТР", patronymic: "" } => Ok(()); "ye is yo")]
    #[test_case("Ким–Ли Анна", PersonName { surname: "КИМ-ЛИ", name: "АННА", patronymic: "" } => Ok(()); "a dash")]
    #[test_case("Омарова Айгүл Серік қызы",
        PersonName { surname: "ОМАРОВА", name: "АЙГҮЛ", patronymic: "СЕРІК ҚЫЗЫ" } => Ok(()); "two words of a part")]
    fn m24_names_of_persons(written: &str, known: PersonName<'_>) -> Result<(), Field> {
        compare_person(written, known)
    }

    #[test_case("Товарищество с ограниченной ответственностью «Тест»" => true; "other quotation marks")]
    #[test_case("ТОВАРИЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ ТЕСТ" => true; "none")]
    #[test_case("«Тест» жауапкершілігі шектеулі серіктестігі" => true; "in kazakh")]
    #[test_case("Товарищество с ограниченной ответственностью «Тесть»" => false; "another one")]
    #[test_case("ТОО «Тест»" => false; "short")]
    #[test_case("" => false; "nothing")]
    fn m24_names_of_entities(written: &str) -> bool {
        let russian = "Товарищество с ограниченной ответственностью \"Тест\"";
        is_one_of(written, &[russian, "\"Тест\" жауапкершілігі шектеулі серіктестігі", ""])
    }

    proptest! {
        #[test]
        fn m24_a_name_is_its_own(words in prop::collection::vec("[а-яәіңғүұқөһ]{1,9}(-[а-я]{1,5})?", 2..5)) {
            let known = PersonName { surname: &words[0], name: &words[1], patronymic: &words[2..].join(" ") };
            prop_assert_eq!(compare_person(&words.join("  ").to_uppercase(), known), Ok(()));
        }
    }
}
