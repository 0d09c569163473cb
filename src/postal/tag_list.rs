//! Tag lists as RFC 6376 §3.2 has them, their canonical form and their folding; dkim-quoted-printable (§2.11).

use std::borrow::Cow;

/// Most tags of a list; a mark has fewer than forty, those of later versions included.
const MAX_TAGS: usize = 100;

/// Longest line of a folded field, without CRLF (RFC 5322 §2.1.1).
const LINE: usize = 78;

/// Tags in their order, values without any white space.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct TagList(Vec<(Cow<'static, str>, String)>);

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
            list.0.push((name.to_owned().into(), value));
        }
        Ok(list)
    }

    /// With room for a signed mark.
    pub(super) fn of_a_mark() -> Self {
        TagList(Vec::with_capacity(40))
    }

    /// Appends a tag.
    pub(super) fn push(&mut self, name: &'static str, value: String) {
        self.0.push((Cow::Borrowed(name), value));
    }

    /// Appends a tag if there is a value.
    pub(super) fn push_some(&mut self, name: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// The value of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.as_str())
    }

    /// The value of the tag that was pushed last.
    pub(super) fn set_last(&mut self, value: String) {
        if let Some((_, last)) = self.0.last_mut() {
            *last = value;
        }
    }

    /// The same tags in the same order, one of them with another value.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut tags = self.clone();
        tags.0.iter_mut().filter(|(tag, _)| tag == name).for_each(|(_, old)| value.clone_into(old));
        tags
    }

    /// The canonical form: `field:` and the tags in their order, joined by `;`, without white space. Folding
    /// does not change it.
    pub(super) fn canonical(&self, field: &str) -> String {
        let length: usize = self.0.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut out = String::with_capacity(field.len() + length);
        out.push_str(field);
        out.make_ascii_lowercase();
        for (at, (name, value)) in self.0.iter().enumerate() {
            out.push(if at == 0 { ':' } else { ';' });
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        }
        out
    }

    /// The whole field with its final CRLF, no line longer than 78.
    pub(super) fn header(&self, field: &str) -> String {
        let length: usize = self.0.iter().map(|(name, value)| name.len() + value.len() + 6).sum();
        let mut out = String::with_capacity(field.len() + length + length / LINE * 3);
        out.push_str(field);
        out.push(':');
        let mut width = out.len();
        let mut written = String::new();
        for (at, (name, value)) in self.0.iter().enumerate() {
            written.clear();
            let end = if at + 1 < self.0.len() { ";" } else { "" };
            written.extend([name, "=", value, end]);
            if width + 1 + written.len() <= LINE {
                out.push(' ');
                out.push_str(&written);
                width += 1 + written.len();
                continue;
            }
            let mut rest = written.as_str();
            while !rest.is_empty() {
                let (line, tail) = rest.split_at(break_point(rest));
                out.push_str("\r\n ");
                out.push_str(line);
                width = 1 + line.len();
                rest = tail;
            }
        }
        out.push_str("\r\n");
        out
    }
}

/// How much of a tag goes on a line of its own: all, or as much as fits without tearing `=XX` apart.
fn break_point(tag: &str) -> usize {
    let room = LINE - 1;
    if tag.len() <= room {
        return tag.len();
    }
    let escape_before = |at: usize| tag.as_bytes().get(at) == Some(&b'=');
    (1..=2).find(|back| escape_before(room - back)).map_or(room, |back| room - back)
}

/// RFC 6376 §2.11: all that is not printable ASCII, and `=` and `;`, becomes `=XX`.
pub(super) fn quoted_printable(text: &str) -> String {
    let digit = |nibble: u8| char::from(nibble + if nibble < 10 { b'0' } else { b'A' - 10 });
    // Kazakh is two bytes a letter, each of which becomes three.
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            0x21..=0x3a | 0x3c | 0x3e..=0x7e => out.push(char::from(byte)),
            _ => out.extend(['=', digit(byte >> 4), digit(byte & 0xf)]),
        }
    }
    out
}

/// Undoes [`quoted_printable`]; `None` for a broken escape or for bytes that are no UTF-8.
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

    use super::*;

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
            let mut list = TagList::default();
            for (at, value) in values.iter().enumerate() {
                list.0.push((format!("t{at}").into(), quoted_printable(value)));
            }
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
            let mut list = TagList::default();
            list.push("fn", format!("{}{}", "x".repeat(lead), quoted_printable(&"ң".repeat(60))));
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
