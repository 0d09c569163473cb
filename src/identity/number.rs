//! IIN and BIN: the twelve digits that name a person or a legal entity in Kazakhstan (M24).
//!
//! Only length, digits and check digit decide. Since decree 853 of 26 August 2013 the digits of an IIN need not
//! match birth date or sex, so a mismatch is a warning and never an error.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// Individual identification number. Its text never appears in logs: `Debug` and `Display` hide all but the ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iin(Digits);

/// Business identification number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bin(Digits);

/// An IIN or a BIN, told apart by the fifth digit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PersonalNumber {
    /// Of a person.
    Iin(Iin),
    /// Of a legal entity.
    Bin(Bin),
}

/// Why a text is no IIN or BIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberError {
    /// Not twelve digits.
    #[error("an IIN or BIN has twelve digits")]
    NotTwelveDigits,
    /// The last digit does not follow from the others.
    #[error("the last digit does not fit the others; a digit was mistyped")]
    CheckDigit,
    /// No such number was ever given out.
    #[error("no IIN or BIN begins like this; the digits before the last allow no check digit")]
    Impossible,
    /// A BIN was written where an IIN is wanted.
    #[error("this is a BIN of a legal entity; an IIN is wanted")]
    IsBin,
    /// An IIN was written where a BIN is wanted.
    #[error("this is an IIN of a person; a BIN is wanted")]
    IsIin,
}

/// What is odd about a number that is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NumberWarning {
    /// The first digits are no date of birth or registration.
    #[error("the first digits are no date; such numbers exist since 2013")]
    NoDate,
    /// The seventh digit names no century and sex.
    #[error("the seventh digit names no century and sex; such numbers exist since 2013")]
    NoCentury,
    /// The fifth or sixth digit names no kind of legal entity.
    #[error("the fifth and sixth digits name no kind of legal entity")]
    NoKind,
}

/// What the seventh digit of an IIN says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sex {
    /// Odd.
    Male,
    /// Even, not zero.
    Female,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Digits([u8; 12]);

impl Iin {
    /// The twelve digits. For the state registry and the application form; never for logs.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.text()
    }

    /// What is odd about it.
    #[must_use]
    pub fn warnings(&self) -> Vec<NumberWarning> {
        let no_date = self.birth_date().is_none().then_some(NumberWarning::NoDate);
        let no_century = self.century().is_none().then_some(NumberWarning::NoCentury);
        no_date.into_iter().chain(no_century).collect()
    }

    /// The date of birth as the digits have it; they need not be true.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        // Without a century 2000 is taken, so that 29 February is judged leniently.
        let year = self.century().unwrap_or(2000) + self.0.pair::<i16>(0);
        Date::new(year, self.0.pair(2), self.0.pair(4)).ok()
    }

    /// The sex as the digits have it; they need not be true.
    #[must_use]
    pub fn sex(&self) -> Option<Sex> {
        match self.0.at(6) {
            1 | 3 | 5 => Some(Sex::Male),
            2 | 4 | 6 => Some(Sex::Female),
            _ => None,
        }
    }

    fn century(&self) -> Option<i16> {
        match self.0.at(6) {
            1 | 2 => Some(1800),
            3 | 4 => Some(1900),
            5 | 6 => Some(2000),
            _ => None,
        }
    }
}

impl Bin {
    /// The twelve digits.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.text()
    }

    /// What is odd about it.
    #[must_use]
    pub fn warnings(&self) -> Vec<NumberWarning> {
        let has_month = (1..=12).contains(&self.0.pair::<i8>(2));
        let has_kind = matches!(self.0.at(4), 4..=6) && matches!(self.0.at(5), 0..=3);
        let no_date = (!has_month).then_some(NumberWarning::NoDate);
        no_date.into_iter().chain((!has_kind).then_some(NumberWarning::NoKind)).collect()
    }
}

impl FromStr for PersonalNumber {
    type Err = NumberError;

    /// The fifth digit is 0 to 3 in an IIN (tens of the day) and 4 to 6 in a BIN.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let digits = Digits::read(text)?;
        if digits.at(4) < 4 { Ok(PersonalNumber::Iin(Iin(digits))) } else { Ok(PersonalNumber::Bin(Bin(digits))) }
    }
}

impl FromStr for Iin {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        match text.parse()? {
            PersonalNumber::Iin(iin) => Ok(iin),
            PersonalNumber::Bin(_) => Err(NumberError::IsBin),
        }
    }
}

impl FromStr for Bin {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        match text.parse()? {
            PersonalNumber::Bin(bin) => Ok(bin),
            PersonalNumber::Iin(_) => Err(NumberError::IsIin),
        }
    }
}

impl Digits {
    fn read(text: &str) -> Result<Self, NumberError> {
        let bytes: [u8; 12] = text.trim().as_bytes().try_into().map_err(|_| NumberError::NotTwelveDigits)?;
        if !bytes.iter().all(u8::is_ascii_digit) {
            return Err(NumberError::NotTwelveDigits);
        }
        let digits = Digits(bytes.map(|byte| byte - b'0'));
        match digits.check_digit() {
            Some(expected) if expected == digits.at(11) => Ok(digits),
            Some(_) => Err(NumberError::CheckDigit),
            None => Err(NumberError::Impossible),
        }
    }

    /// Sum of the first eleven digits times their weights, modulo 11; when that gives 10, once more with other
    /// weights; when it gives 10 again the number is never given out.
    fn check_digit(&self) -> Option<u8> {
        const FIRST: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        const SECOND: [u32; 11] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2];
        let remainder = |weights: [u32; 11]| {
            self.0.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum::<u32>() % 11
        };
        let first = remainder(FIRST);
        let check = if first == 10 { remainder(SECOND) } else { first };
        u8::try_from(check).ok().filter(|check| *check < 10)
    }

    fn at(&self, position: usize) -> u8 {
        self.0.get(position).copied().unwrap_or_default()
    }

    fn pair<T: From<i8>>(&self, position: usize) -> T {
        let value = self.at(position) * 10 + self.at(position + 1);
        T::from(i8::try_from(value).unwrap_or_default())
    }

    fn text(&self) -> String {
        self.0.iter().map(|digit| char::from(b'0' + digit)).collect()
    }

    /// `06…12`: enough for a person to recognise, too little to identify by.
    fn hidden(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}…{}{}", self.at(0), self.at(1), self.at(10), self.at(11))
    }
}

/// `Debug` and `Display` that hide most digits (DESIGN 18).
macro_rules! hidden_number {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.0.hidden(f)?;
                f.write_str(")")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hidden(f)
            }
        }
    };
}

hidden_number!(Iin);
hidden_number!(Bin);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("061211600012"; "computed in the facts")]
    #[test_case("791028302728"; "computed in the facts too")]
    fn m24_iin_passes(text: &str) {
        let iin: Iin = text.parse().unwrap();
        assert_eq!(iin.expose(), text);
        assert!(iin.warnings().is_empty());
    }

    #[test_case("IIN", "123456789011" => NumberError::CheckDigit; "b1 test certificates of the national ca, person")]
    #[test_case("BIN", "123456789021" => NumberError::CheckDigit; "b1 test certificates of the national ca, entity")]
    #[test_case("short", "06121160001" => NumberError::NotTwelveDigits; "eleven digits")]
    #[test_case("letters", "06121160001a" => NumberError::NotTwelveDigits; "a letter")]
    #[test_case("cyrillic", "06121160001б" => NumberError::NotTwelveDigits; "a letter of two bytes")]
    fn m24_wrong_number_is_refused(_what: &str, text: &str) -> NumberError {
        text.parse::<PersonalNumber>().unwrap_err()
    }

    #[test]
    fn m24_iin_and_bin_are_told_apart_by_the_fifth_digit() {
        let iin = number_from("061211600010");
        let bin = number_from("061240600010");
        assert!(matches!(iin.parse(), Ok(PersonalNumber::Iin(_))));
        assert!(matches!(bin.parse(), Ok(PersonalNumber::Bin(_))));
        assert_eq!(iin.parse::<Bin>(), Err(NumberError::IsIin));
        assert_eq!(bin.parse::<Iin>(), Err(NumberError::IsBin));
    }

    #[test]
    fn f9_iin_with_odd_date_passes_with_a_warning() {
        let iin: Iin = number_from("991339300010").parse().unwrap();
        assert_eq!(iin.warnings(), [NumberWarning::NoDate]);
        let iin: Iin = number_from("900101000010").parse().unwrap();
        assert_eq!(iin.warnings(), [NumberWarning::NoCentury]);
        assert_eq!(iin.sex(), None);
    }

    #[test]
    fn f9_second_pass_and_impossible_numbers() {
        let mut second_pass = 0;
        let mut impossible = 0;
        for serial in 0..10_000 {
            let body = format!("9001013{serial:04}");
            let digits = |last: char| body.chars().chain([last]).map(|c| c.to_digit(10).unwrap()).collect::<Vec<_>>();
            let sum = |weights: [u32; 11]| digits('0').iter().zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11;
            let first = sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
            let second = sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]);
            let accepted: Vec<_> = (0..10).filter(|d| format!("{body}{d}").parse::<Iin>().is_ok()).collect();
            match (first, second) {
                (10, 10) => {
                    impossible += 1;
                    assert!(accepted.is_empty());
                    assert_eq!(format!("{body}0").parse::<Iin>(), Err(NumberError::Impossible));
                }
                (10, check) => {
                    second_pass += 1;
                    assert_eq!(accepted, [check]);
                }
                (check, _) => assert_eq!(accepted, [check]),
            }
        }
        assert!(second_pass > 0 && impossible > 0);
    }

    #[test]
    fn design18_numbers_are_hidden_in_logs() {
        let iin: Iin = "061211600012".parse().unwrap();
        assert_eq!((format!("{iin:?}"), iin.to_string()), ("Iin(06…12)".into(), "06…12".into()));
    }

    /// The text with its last digit made right.
    fn number_from(text: &str) -> String {
        let mut candidates = (0..10).map(|digit| format!("{}{digit}", &text[..11]));
        candidates.find(|text| text.parse::<PersonalNumber>().is_ok()).expect("an impossible number")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn m24_at_most_one_check_digit_fits(body in "[0-9]{11}") {
            let fitting = (0..10).filter(|digit| format!("{body}{digit}").parse::<PersonalNumber>().is_ok()).count();
            prop_assert!(fitting <= 1);
        }
    }
}
