//! The addressee of a letter on paper, as the sender writes it: in `Postal-To:` or on the first lines of the text.

use super::{IndexWarning, PostalIndex};

/// Most address lines between the name and the last line.
const MAX_LINES: usize = 5;
/// Longest line that fits the window of an envelope at a readable size.
const MAX_CHARACTERS: usize = 60;

/// Name, address lines, index and settlement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostalAddress {
    /// Whom the letter is for.
    pub name: String,
    /// Street, house, flat, district: one to five lines.
    pub lines: Vec<String>,
    /// Postal index.
    pub index: PostalIndex,
    /// The settlement, as written.
    pub settlement: String,
    /// What is odd about the index.
    pub warnings: Vec<IndexWarning>,
}

/// An address that stood at the beginning of a text, and where the text goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextAddress {
    /// The address.
    pub address: PostalAddress,
    /// Byte offset of the text behind the address and its empty line.
    pub text_from: usize,
}

/// Why an address cannot be read; each text shows how to write it, in ASCII, fit for an SMTP reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PostalAddressError {
    /// Nothing is there.
    #[error("the postal address is missing; {how}", how = HOW)]
    Missing,
    /// Fewer than three parts.
    #[error("the postal address has {0} of at least 3 parts; {how}", how = HOW)]
    TooFew(usize),
    /// More than seven parts.
    #[error("the postal address has {0} parts, more than 7; {how}", how = HOW)]
    TooMany(usize),
    /// An empty part.
    #[error("part {0} of the postal address is empty; {how}", how = HOW)]
    Empty(usize),
    /// A part too long for the window.
    #[error("part {part} of the postal address has {characters} characters, more than {max}; {how}", max = MAX_CHARACTERS, how = HOW)]
    TooLong {
        /// Which, from 1.
        part: usize,
        /// Its length.
        characters: usize,
    },
    /// A character that no address has.
    #[error("part {0} of the postal address has a character that no address has; {how}", how = HOW)]
    Character(usize),
    /// The last part does not begin or end with an index.
    #[error("the last part of the postal address has no postal index (six digits, or seven letters and digits); {how}", how = HOW)]
    NoIndex,
    /// The last part is an index alone.
    #[error("the last part of the postal address has no settlement beside the index; {how}", how = HOW)]
    NoSettlement,
}

/// How to write an address.
const HOW: &str = "write name; 1 to 5 address lines; index and settlement, for example \
                   Postal-To: Aigul Serikova; Abay koshesi 5-12; 020000 Kokshetau \
                   (or each part on a line at the top of the text, then an empty line)";

impl PostalAddress {
    /// Reads the value of `Postal-To:`, unfolded and with its encoded words decoded.
    ///
    /// # Errors
    /// Says what is wrong and how to write it.
    pub fn from_header(value: &str) -> Result<Self, PostalAddressError> {
        let value = value.trim();
        let value = value.strip_suffix(';').unwrap_or(value);
        if value.trim().is_empty() {
            return Err(PostalAddressError::Missing);
        }
        PostalAddress::from_parts(&value.split(';').collect::<Vec<_>>())
    }

    /// Reads the lines at the top of a text up to its first empty line. Empty lines before them are skipped.
    ///
    /// # Errors
    /// Says what is wrong and how to write it.
    pub fn from_text(text: &str) -> Result<TextAddress, PostalAddressError> {
        let mut parts = Vec::new();
        let mut text_from = 0;
        for line in text.split_inclusive('\n') {
            text_from += line.len();
            let is_empty = line.trim().is_empty();
            if is_empty && !parts.is_empty() {
                break;
            }
            if !is_empty {
                parts.push(line);
            }
            // The first of a long text's lines say enough.
            if parts.len() > MAX_LINES + 2 {
                return Err(PostalAddressError::TooMany(parts.len()));
            }
        }
        if parts.is_empty() {
            return Err(PostalAddressError::Missing);
        }
        Ok(TextAddress { address: PostalAddress::from_parts(&parts)?, text_from })
    }

    /// All lines as they are printed: name, lines, index and settlement.
    #[must_use]
    pub fn printed_lines(&self) -> Vec<String> {
        let last = format!("{} {}", self.index, self.settlement);
        [self.name.clone()].into_iter().chain(self.lines.iter().cloned()).chain([last]).collect()
    }

    fn from_parts(parts: &[&str]) -> Result<Self, PostalAddressError> {
        let parts: Vec<String> = parts.iter().map(|part| single_spaced(part)).collect();
        for (number, part) in (1..).zip(&parts) {
            check_part(number, part)?;
        }
        match parts.as_slice() {
            [name, lines @ .., last] if !lines.is_empty() => {
                if lines.len() > MAX_LINES {
                    return Err(PostalAddressError::TooMany(parts.len()));
                }
                let (index, warnings, settlement) = split_last(last)?;
                Ok(PostalAddress { name: name.clone(), lines: lines.to_vec(), index, settlement, warnings })
            }
            _ => Err(PostalAddressError::TooFew(parts.len())),
        }
    }
}

fn single_spaced(part: &str) -> String {
    part.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn check_part(number: usize, part: &str) -> Result<(), PostalAddressError> {
    let characters = part.chars().count();
    if part.is_empty() {
        return Err(PostalAddressError::Empty(number));
    }
    if characters > MAX_CHARACTERS {
        return Err(PostalAddressError::TooLong { part: number, characters });
    }
    // Controls and invisible direction marks could make the printed address differ from the checked one.
    let is_odd = |c: char| {
        c.is_control()
            || "@=[]<>~\\|{}".contains(c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if part.chars().any(is_odd) { Err(PostalAddressError::Character(number)) } else { Ok(()) }
}

/// `020000 Көкшетау`, or `Көкшетау, 020000`.
fn split_last(last: &str) -> Result<(PostalIndex, Vec<IndexWarning>, String), PostalAddressError> {
    let read = |index: &str| {
        let index = index.trim_matches(',');
        // Seven letters without a digit are a settlement, not an index.
        let has_digit = index.chars().any(|c| c.is_ascii_digit());
        has_digit.then(|| PostalIndex::read(index).ok()).flatten()
    };
    if read(last).is_some() {
        return Err(PostalAddressError::NoSettlement);
    }
    let front = last.split_once(' ');
    let back = last.rsplit_once(' ').map(|(settlement, index)| (index, settlement));
    for (index, settlement) in [front, back].into_iter().flatten() {
        if let Some((index, warnings)) = read(index) {
            let settlement = settlement.trim_matches([' ', ',']).to_owned();
            let is_named = settlement.chars().any(char::is_alphabetic);
            return if is_named { Ok((index, warnings, settlement)) } else { Err(PostalAddressError::NoSettlement) };
        }
    }
    Err(PostalAddressError::NoIndex)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test]
    fn interface_address_from_header() {
        let value = "  Айгүл Серікова ; Абай көшесі, 5,  12-пәтер; Зеренді ауданы; 021200 Зеренді;";
        let address = PostalAddress::from_header(value).unwrap();
        assert_eq!(address.name, "Айгүл Серікова");
        assert_eq!(address.lines, ["Абай көшесі, 5, 12-пәтер", "Зеренді ауданы"]);
        assert_eq!((address.index.as_str(), address.settlement.as_str()), ("021200", "Зеренді"));
        assert_eq!(address.printed_lines().last().map(String::as_str), Some("021200 Зеренді"));
    }

    #[test]
    fn interface_address_from_text_is_left_out_of_the_text() {
        let text = "\r\nАйгүл Серікова\r\nАбай көшесі 5\r\nКөкшетау, 020000\r\n \r\nҚұрметті Айгүл!\r\n";
        let read = PostalAddress::from_text(text).unwrap();
        assert_eq!(&text[read.text_from..], "Құрметті Айгүл!\r\n");
        assert_eq!(read.address.settlement, "Көкшетау");
    }

    #[test]
    fn b2_look_alikes_in_the_index_are_read_with_a_warning() {
        let address = PostalAddress::from_header("A B; Street 1; С00Н5А9 Көкшетау").unwrap();
        assert_eq!((address.index.as_str(), address.warnings.len()), ("C00H5A9", 1));
    }

    #[test_case("" => PostalAddressError::Missing)]
    #[test_case(" ; " => PostalAddressError::Missing; "separators alone")]
    #[test_case("A B; 020000 Kokshetau" => PostalAddressError::TooFew(2))]
    #[test_case("A;1;2;3;4;5;6;020000 K" => PostalAddressError::TooMany(8))]
    #[test_case("A;;020000 K" => PostalAddressError::Empty(2))]
    #[test_case("A; Street <b>; 020000 K" => PostalAddressError::Character(2))]
    #[test_case("A; Street\u{202e}1; 020000 K" => PostalAddressError::Character(2); "direction override")]
    #[test_case("A; Street 1; Kokshetau" => PostalAddressError::NoIndex)]
    #[test_case("A; Street 1; Tashkent City" => PostalAddressError::NoIndex; "letters alone are no index")]
    #[test_case("A; Street 1; 020000" => PostalAddressError::NoSettlement)]
    #[test_case("A; Street 1; 020000 7" => PostalAddressError::NoSettlement; "a number is no settlement")]
    fn interface_bad_address_is_explained(value: &str) -> PostalAddressError {
        let error = PostalAddress::from_header(value).unwrap_err();
        let text = error.to_string();
        assert!(text.is_ascii() && text.contains("020000 Kokshetau") && text.len() < 400, "{text}");
        error
    }

    #[test]
    fn interface_ordinary_text_without_address_is_refused() {
        let text =
            "Hello,\nhow are you? This line is rather long and says nothing at all about where the letter goes.\n";
        assert!(PostalAddress::from_text(text).is_err());
        assert_eq!(PostalAddress::from_text("\n \n"), Err(PostalAddressError::Missing));
        assert_eq!(PostalAddress::from_text(&"a b\n".repeat(9)), Err(PostalAddressError::TooMany(8)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn interface_printed_address_reads_back(name in "[А-Я][а-я]{1,20}", lines in proptest::collection::vec("[А-Я][а-я]{1,20} [1-9]{1,3}", 1..=5), index in 0u32..1_000_000, settlement in "[А-Я][а-я]{2,20}") {
            let index = format!("{index:06}");
            let address = PostalAddress::from_header(&format!("{name};{};{index} {settlement}", lines.join(";"))).unwrap();
            prop_assert_eq!(&address.lines, &lines);
            let printed = address.printed_lines().join("\n");
            prop_assert_eq!(PostalAddress::from_text(&printed).unwrap().address, address);
        }

        #[test]
        fn interface_any_text_is_judged_without_panic(text in "\\PC{0,200}") {
            let _ = PostalAddress::from_header(&text);
            let _ = PostalAddress::from_text(&text);
        }
    }
}
