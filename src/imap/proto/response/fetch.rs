//! FETCH responses (RFC 9051 §7.5.2), item by item; sections can be streamed.

use std::io::Write as _;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::imap::proto::command::{Flag, PartPath, Section, SectionText};
use crate::message::{Envelope, Part};

use super::text::{write_astring, write_literal};
use super::{Dialect, write_body, write_body_structure, write_envelope};

/// Writes one `* n FETCH (…)`.
///
/// A section that is too large for memory is streamed: `section_literal` announces its length, then the driver
/// sends [`FetchWriter::take`], the bytes themselves, and goes on.
#[derive(Debug)]
pub struct FetchWriter {
    out: Vec<u8>,
    dialect: Dialect,
    items: usize,
}

/// The wire name of a section's data item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionName<'a> {
    /// `BODY[…]`
    Body(&'a Section),
    /// `BINARY[…]`
    Binary(&'a PartPath),
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}

impl FetchWriter {
    /// The response about message `number`.
    #[must_use]
    pub fn new(number: u32, dialect: Dialect) -> Self {
        FetchWriter { out: format!("* {number} FETCH (").into_bytes(), dialect, items: 0 }
    }

    /// UID.
    pub fn uid(&mut self, uid: u32) {
        self.name("UID ");
        let _ = write!(self.out, "{uid}");
    }

    /// FLAGS.
    pub fn flags(&mut self, flags: &[Flag]) {
        self.name("FLAGS ");
        write_flag_list(flags, &mut self.out);
    }

    /// INTERNALDATE, in UTC.
    pub fn internal_date(&mut self, instant: Timestamp) {
        self.name("INTERNALDATE ");
        let _ = write!(self.out, "\"{}\"", internal_date(instant));
    }

    /// RFC822.SIZE.
    pub fn size(&mut self, bytes: u64) {
        self.name("RFC822.SIZE ");
        let _ = write!(self.out, "{bytes}");
    }

    /// ENVELOPE.
    pub fn envelope(&mut self, envelope: &Envelope) {
        self.name("ENVELOPE ");
        write_envelope(envelope, self.dialect, &mut self.out);
    }

    /// BODY without a section.
    pub fn body(&mut self, root: &Part) {
        self.name("BODY ");
        write_body(root, self.dialect, &mut self.out);
    }

    /// BODYSTRUCTURE.
    pub fn body_structure(&mut self, root: &Part) {
        self.name("BODYSTRUCTURE ");
        write_body_structure(root, self.dialect, &mut self.out);
    }

    /// BINARY.SIZE.
    pub fn binary_size(&mut self, part: &PartPath, bytes: u64) {
        self.name("BINARY.SIZE");
        let _ = write!(self.out, "[{}] {bytes}", dotted(part));
    }

    /// A section of which all bytes are here; `origin` is the offset of a partial fetch.
    pub fn section(&mut self, name: SectionName<'_>, origin: Option<u64>, bytes: &[u8]) {
        self.section_name(name, origin);
        // RFC 3516 §4.3: a literal cannot hold NUL, a literal8 can, and is for that alone.
        if matches!(name, SectionName::Binary(_)) && bytes.contains(&0) {
            self.out.push(b'~');
        }
        write_literal(bytes, &mut self.out);
    }

    /// A section whose `len` bytes the caller sends next, behind [`FetchWriter::take`].
    pub fn section_literal(&mut self, name: SectionName<'_>, origin: Option<u64>, len: u64) {
        self.section_name(name, origin);
        if matches!(name, SectionName::Binary(_)) {
            self.out.push(b'~');
        }
        let _ = write!(self.out, "{{{len}}}\r\n");
    }

    /// A section that is not there (RFC 9051 §6.4.5.1: NIL).
    pub fn section_nil(&mut self, name: SectionName<'_>) {
        self.section_name(name, None);
        self.out.extend_from_slice(b"NIL");
    }

    /// What was written so far, to be sent before anything else.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The rest of the response.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b")\r\n");
        self.out
    }

    fn section_name(&mut self, name: SectionName<'_>, origin: Option<u64>) {
        match name {
            SectionName::Body(section) => {
                self.name("BODY[");
                write_section(section, self.dialect, &mut self.out);
                self.out.push(b']');
            }
            SectionName::Binary(part) => {
                self.name("BINARY[");
                let _ = write!(self.out, "{}]", dotted(part));
            }
            SectionName::Rfc822 => self.name("RFC822"),
            SectionName::Rfc822Header => self.name("RFC822.HEADER"),
            SectionName::Rfc822Text => self.name("RFC822.TEXT"),
        }
        if let Some(origin) = origin {
            let _ = write!(self.out, "<{origin}>");
        }
        self.out.push(b' ');
    }

    /// The space before every item but the first, and the item's name. Writing to a Vec cannot fail.
    fn name(&mut self, name: &str) {
        if self.items > 0 {
            self.out.push(b' ');
        }
        self.items += 1;
        self.out.extend_from_slice(name.as_bytes());
    }
}

/// Appends `(\Seen $Important)`.
pub fn write_flag_list(flags: &[Flag], out: &mut Vec<u8>) {
    out.push(b'(');
    for (index, flag) in flags.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag_name(flag).as_bytes());
    }
    out.push(b')');
}

/// A flag on the wire.
pub(super) fn flag_name(flag: &Flag) -> &str {
    match flag {
        Flag::Seen => "\\Seen",
        Flag::Answered => "\\Answered",
        Flag::Flagged => "\\Flagged",
        Flag::Deleted => "\\Deleted",
        Flag::Draft => "\\Draft",
        Flag::Keyword(name) => name,
    }
}

/// `date-time` of RFC 9051 §9, in UTC.
fn internal_date(instant: Timestamp) -> impl std::fmt::Display {
    instant.to_zoned(TimeZone::UTC).strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

fn write_section(section: &Section, dialect: Dialect, out: &mut Vec<u8>) {
    let _ = write!(out, "{}", dotted(&section.part));
    let Some(text) = &section.text else { return };
    if !section.part.is_empty() {
        out.push(b'.');
    }
    let (word, names) = match text {
        SectionText::Header => ("HEADER", None),
        SectionText::HeaderFields(names) => ("HEADER.FIELDS (", Some(names)),
        SectionText::HeaderFieldsNot(names) => ("HEADER.FIELDS.NOT (", Some(names)),
        SectionText::Text => ("TEXT", None),
        SectionText::Mime => ("MIME", None),
    };
    out.extend_from_slice(word.as_bytes());
    if let Some(names) = names {
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            write_astring(name, dialect, out);
        }
        out.push(b')');
    }
}

fn dotted(part: &PartPath) -> String {
    let numbers: Vec<String> = part.iter().map(ToString::to_string).collect();
    numbers.join(".")
}
