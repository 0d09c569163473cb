//! Tag lists as RFC 6376 §3.2 has them, their canonical form and their folding; dkim-quoted-printable (§2.11).

use super::tag_writer::TagWriter;

/// Most tags of a list; a mark has fewer than forty, those of later versions included.
pub(super) const MAX_TAGS: usize = 100;

/// Tags in their order, values without any white space.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct TagList(Vec<(String, String)>);

/// Why a text is no tag list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagListError {
    /// Marks are ASCII, so that they survive every hop.
    #[error("a mark is plain ASCII; this one has other characters")]
    NotAscii,
    /// Not `name=value`.
    #[error("{0:?} is not name=value")]
    NotATag(String),
    /// A tag stands twice.
    #[error("the tag {0} stands twice")]
    Duplicate(String),
    /// More tags than any mark has.
    #[error("more than {MAX_TAGS} tags")]
    TooMany,
}

impl TagList {
    /// Reads the value of a field, folded or not.
    pub(super) fn parse(value: &str) -> Result<Self, TagListError> {
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e)) {
            return Err(TagListError::NotAscii);
        }
        let value = value.trim_end();
        let mut list = TagList::default();
        for tag in value.strip_suffix(';').unwrap_or(value).split(';') {
            let wrong = || TagListError::NotATag(tag.trim().chars().take(40).collect());
            let (name, value) = tag.split_once('=').ok_or_else(wrong)?;
            let name = name.trim();
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(wrong());
            }
            if list.get(name).is_some() {
                return Err(TagListError::Duplicate(name.into()));
            }
            if list.0.len() == MAX_TAGS {
                return Err(TagListError::TooMany);
            }
            let value = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            list.0.push((name.to_owned(), value));
        }
        Ok(list)
    }

    /// The value of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str())
    }

    /// The same tags in the same order, one of them with another value.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut tags = self.clone();
        tags.0.iter_mut().filter(|(tag, _)| tag == name).for_each(|(_, old)| value.clone_into(old));
        tags
    }

    /// The canonical form: `field:` and the tags in their order, joined by `;`, without white space. Folding
    /// does not change it.
    pub(super) fn canonical(&self, field: &'static str) -> String {
        self.written(field).into_canonical()
    }

    /// The whole field with its final CRLF, no line longer than 78.
    pub(super) fn header(&self, field: &'static str) -> String {
        self.written(field).header()
    }

    fn written(&self, field: &'static str) -> TagWriter {
        let mut writer = TagWriter::new(field);
        self.0.iter().for_each(|(name, value)| writer.push(name, value));
        writer
    }
}

/// RFC 6376 §2.11: all that is not printable ASCII, and `=` and `;`, becomes `=XX`.
pub(super) fn quote_into(text: &str, out: &mut String) {
    let digit = |nibble: u8| char::from(nibble + if nibble < 10 { b'0' } else { b'A' - 10 });
    // Kazakh is two bytes a letter, each of which becomes three.
    out.reserve(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            0x21..=0x3a | 0x3c | 0x3e..=0x7e => out.push(char::from(byte)),
            _ => {
                out.push('=');
                out.push(digit(byte >> 4));
                out.push(digit(byte & 0xf));
            }
        }
    }
}

/// Undoes [`quote_into`]; `None` for a broken escape or for bytes that are no UTF-8.
pub(super) fn decode_quoted_printable(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::super::tag_writer::LINE;
    use super::*;

    fn quoted_printable(text: &str) -> String {
        let mut out = String::new();
        quote_into(text, &mut out);
        out
    }

    fn list_of(tags: impl IntoIterator<Item = (String, String)>) -> TagList {
        TagList(tags.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn rfc6376_quoted_printable_round_trip(text in "\\PC{0,40}") {
            let written = quoted_printable(&text);
            prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';'));
            prop_assert_eq!(decode_quoted_printable(&written), Some(text));
        }

        #[test]
        fn rfc6376_folding_never_changes_the_canonical_form(values in proptest::collection::vec("\\PC{0,60}", 1..6), extra in 1usize..9) {
            let list = list_of(values.iter().enumerate().map(|(at, value)| (format!("t{at}"), quoted_printable(value))));
            let header = list.header("Postal-Mark");
            prop_assert!(header.lines().all(|line| line.len() <= LINE && !line.trim().is_empty()));
            let read = TagList::parse(header.strip_prefix("Postal-Mark:").unwrap()).unwrap();
            prop_assert_eq!(&read, &list);
            let refolded = header.replace("; ", ";").replace(';', &format!(";\r\n{}", " ".repeat(extra)));
            let refolded = TagList::parse(refolded.strip_prefix("Postal-Mark:").unwrap()).unwrap();
            prop_assert_eq!(refolded.canonical("Postal-Mark"), list.canonical("Postal-Mark"));
        }
    }

    #[test_case("a=1; a=2" => TagListError::Duplicate("a".into()); "duplicate tag")]
    #[test_case("a=1; b" => TagListError::NotATag("b".into()); "no equals sign")]
    #[test_case("a=1;; b=2" => TagListError::NotATag(String::new()); "empty tag")]
    #[test_case("" => TagListError::NotATag(String::new()); "nothing at all")]
    #[test_case("a=ә" => TagListError::NotAscii; "raw utf-8")]
    fn rfc6376_bad_tag_list_is_refused(value: &str) -> TagListError {
        TagList::parse(value).unwrap_err()
    }

    #[test]
    fn more_tags_than_any_mark_has_are_refused() {
        let list = |tags: usize| (0..tags).map(|at| format!("t{at}=")).collect::<Vec<_>>().join(";");
        assert!(TagList::parse(&list(MAX_TAGS)).is_ok());
        assert_eq!(TagList::parse(&list(MAX_TAGS + 1)), Err(TagListError::TooMany));
    }

    #[test]
    fn rfc6376_an_escape_is_never_torn_apart() {
        for lead in 0..3 {
            let value = format!("{}{}", "x".repeat(lead), quoted_printable(&"ң".repeat(60)));
            let list = list_of([("fn".to_owned(), value)]);
            for line in list.header("Postal-Mark").lines().skip(1) {
                let escapes = line.trim().trim_start_matches("fn=").trim_start_matches('x');
                assert!(decode_hex_only(escapes), "{line}");
            }
        }
    }

    fn decode_hex_only(text: &str) -> bool {
        text.len().is_multiple_of(3) && text.as_bytes().chunks(3).all(|escape| escape[0] == b'=')
    }
}
