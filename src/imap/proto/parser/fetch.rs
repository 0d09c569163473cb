//! FETCH: data items, sections and partial ranges (RFC 9051 §6.4.5, RFC 3516).

use crate::imap::proto::command::{Fetch, FetchItem, NumberedBy, PartPath, Partial, Peek, Section, SectionText};

use super::cursor::{Cursor, Parsed};

const ITEM: &str = "a FETCH item";

/// `SP sequence-set SP (macro / item / "(" item … ")")`
pub(super) fn fetch(cursor: &mut Cursor<'_>, by: NumberedBy) -> Parsed<Fetch> {
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    let items = if cursor.peek() == Some(b'(') {
        cursor.list(ITEM, item)?
    } else if let Some(items) = spelled_out(cursor) {
        items
    } else {
        vec![item(cursor)?]
    };
    Ok(Fetch { by, set, items })
}

/// The macros of RFC 9051 §6.4.5; they stand alone, not in a list.
fn spelled_out(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if cursor.eat_text("ALL") {
        Some(vec![Flags, InternalDate, Size, Envelope])
    } else if cursor.eat_text("FAST") {
        Some(vec![Flags, InternalDate, Size])
    } else if cursor.eat_text("FULL") {
        Some(vec![Flags, InternalDate, Size, Envelope, Body])
    } else {
        None
    }
}

fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let at = cursor.position();
    let word = cursor.word(ITEM)?;
    let bracket = cursor.peek() == Some(b'[');
    Ok(match (word.as_str(), bracket) {
        ("UID", false) => FetchItem::Uid,
        ("FLAGS", false) => FetchItem::Flags,
        ("INTERNALDATE", false) => FetchItem::InternalDate,
        ("RFC822.SIZE", false) => FetchItem::Size,
        ("ENVELOPE", false) => FetchItem::Envelope,
        ("BODY", false) => FetchItem::Body,
        ("BODYSTRUCTURE", false) => FetchItem::BodyStructure,
        ("RFC822", false) => FetchItem::Rfc822,
        ("RFC822.HEADER", false) => FetchItem::Rfc822Header,
        ("RFC822.TEXT", false) => FetchItem::Rfc822Text,
        ("BODY", true) => body_section(cursor, Peek::MarkSeen)?,
        ("BODY.PEEK", true) => body_section(cursor, Peek::Peek)?,
        ("BINARY", true) => binary(cursor, Peek::MarkSeen)?,
        ("BINARY.PEEK", true) => binary(cursor, Peek::Peek)?,
        ("BINARY.SIZE", true) => FetchItem::BinarySize(binary_part(cursor)?),
        ("BODY.PEEK" | "BINARY" | "BINARY.PEEK" | "BINARY.SIZE", false) => {
            return Err(cursor.expected("a section in brackets"));
        }
        _ => return Err(Cursor::expected_at(at, ITEM)),
    })
}

fn body_section(cursor: &mut Cursor<'_>, peek: Peek) -> Parsed<FetchItem> {
    cursor.require(b'[', "a section in brackets")?;
    let section = section(cursor)?;
    cursor.require(b']', "\"]\" after the section")?;
    Ok(FetchItem::Section { section, peek, partial: partial(cursor)? })
}

fn binary(cursor: &mut Cursor<'_>, peek: Peek) -> Parsed<FetchItem> {
    let part = binary_part(cursor)?;
    Ok(FetchItem::Binary { part, peek, partial: partial(cursor)? })
}

/// `section-binary`: part numbers only.
fn binary_part(cursor: &mut Cursor<'_>) -> Parsed<PartPath> {
    cursor.require(b'[', "a section in brackets")?;
    let (part, dangling) = part_numbers(cursor)?;
    if dangling {
        return Err(cursor.expected("a part number"));
    }
    cursor.require(b']', "\"]\" after the part number")?;
    Ok(part)
}

/// `section-spec`
fn section(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    let (part, dangling) = part_numbers(cursor)?;
    let bare = cursor.peek() == Some(b']');
    if !dangling && (bare || !part.is_empty()) {
        return Ok(Section { part, text: None });
    }
    let at = cursor.position();
    const EXPECTED: &str = "a part number, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT or TEXT";
    let text = match cursor.word(EXPECTED)?.as_str() {
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::HeaderFields(field_names(cursor)?),
        "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(field_names(cursor)?),
        "TEXT" => SectionText::Text,
        // RFC 9051 §6.4.5.1: MIME refers to a part, so a number must stand before it.
        "MIME" if !part.is_empty() => SectionText::Mime,
        _ => return Err(Cursor::expected_at(at, EXPECTED)),
    };
    Ok(Section { part, text: Some(text) })
}

/// `1.2.3`; the flag says that a dot stands behind the last number.
fn part_numbers(cursor: &mut Cursor<'_>) -> Parsed<(PartPath, bool)> {
    /// Deeper than any structure the scanner makes (DESIGN 10: depth 100).
    const MAX_PART_NUMBERS: usize = 200;
    let mut part = PartPath::new();
    while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        if part.len() == MAX_PART_NUMBERS {
            return Err(cursor.expected("fewer part numbers"));
        }
        part.push(cursor.nz_number("a part number")?);
        if !cursor.eat(b'.') {
            return Ok((part, false));
        }
    }
    let dangling = !part.is_empty();
    Ok((part, dangling))
}

fn field_names(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    cursor.list("a list of header field names", |cursor| {
        let at = cursor.position();
        let name = cursor.text("a header field name")?;
        // RFC 5322 §2.2: printable US-ASCII except colon.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Cursor::expected_at(at, "a header field name"));
        }
        Ok(name)
    })
}

/// `"<" number "." nz-number ">"`
fn partial(cursor: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let offset = cursor.number("the first byte of the range")?;
    cursor.require(b'.', "\".\" and the length of the range")?;
    let at = cursor.position();
    let length = cursor.number("the length of the range")?;
    if length == 0 {
        return Err(Cursor::expected_at(at, "a length above zero"));
    }
    cursor.require(b'>', "\">\" after the range")?;
    Ok(Some(Partial { offset, length }))
}
