//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2 `body`).

use std::io::Write as _;

use crate::message::{Content, Nested, Param, Part};

use super::Dialect;
use super::envelope::write_envelope;
use super::text::{write_header_text, write_string};

/// Appends the structure without extension data, as the item BODY shows it.
pub fn write_body(part: &Part, dialect: Dialect, out: &mut Vec<u8>) {
    Writer { dialect, extension: Extension::Left }.part(part, out);
}

/// Appends the structure with extension data.
pub fn write_body_structure(part: &Part, dialect: Dialect, out: &mut Vec<u8>) {
    Writer { dialect, extension: Extension::Shown }.part(part, out);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extension {
    Shown,
    Left,
}

#[derive(Clone, Copy)]
struct Writer {
    dialect: Dialect,
    extension: Extension,
}

impl Writer {
    /// Recursion is as deep as the structure, which the scanner caps (DESIGN 10).
    fn part(self, part: &Part, out: &mut Vec<u8>) {
        out.push(b'(');
        match &part.content {
            Content::Multipart(parts) if !parts.is_empty() => self.multipart(part, parts, out),
            Content::Message(nested) => self.message(part, nested, out),
            Content::Multipart(_) | Content::Leaf => self.leaf(part, out),
        }
        out.push(b')');
    }

    fn multipart(self, part: &Part, parts: &[Part], out: &mut Vec<u8>) {
        parts.iter().for_each(|inner| self.part(inner, out));
        out.push(b' ');
        self.text(&part.subtype, out);
        if self.extension == Extension::Shown {
            out.push(b' ');
            self.params(&part.params, out);
            self.disposition_and_on(part, out);
        }
    }

    fn message(self, part: &Part, nested: &Nested, out: &mut Vec<u8>) {
        // RFC 9051 §9 `media-message`: GLOBAL is new in rev2; to others it is shown as what they can parse.
        let subtype = if self.dialect.utf8() { part.subtype.as_str() } else { "rfc822" };
        self.fields("message", subtype, part, out);
        out.push(b' ');
        write_envelope(&nested.envelope, self.dialect, out);
        out.push(b' ');
        self.part(&nested.part, out);
        self.lines(part, out);
        self.leaf_extension(part, out);
    }

    fn leaf(self, part: &Part, out: &mut Vec<u8>) {
        // A multipart or message that was not looked into has no parts to name: its bytes are opaque.
        let opaque = part.kind == "multipart" || (part.kind == "message" && is_message(&part.subtype));
        if opaque {
            self.fields("application", "octet-stream", part, out);
        } else {
            self.fields(&part.kind, &part.subtype, part, out);
            if part.kind == "text" {
                self.lines(part, out);
            }
        }
        self.leaf_extension(part, out);
    }

    /// Type, subtype and `body-fields`.
    fn fields(self, kind: &str, subtype: &str, part: &Part, out: &mut Vec<u8>) {
        self.text(kind, out);
        out.push(b' ');
        self.text(subtype, out);
        out.push(b' ');
        self.params(&part.params, out);
        for text in [&part.id, &part.description] {
            out.push(b' ');
            write_header_text(text.as_deref(), self.dialect, out);
        }
        out.push(b' ');
        self.text(part.encoding.as_deref().unwrap_or("7BIT"), out);
        // Writing to a Vec cannot fail.
        let _ = write!(out, " {}", part.body.end.saturating_sub(part.body.start));
    }

    fn lines(self, part: &Part, out: &mut Vec<u8>) {
        let _ = write!(out, " {}", part.lines);
    }

    fn leaf_extension(self, part: &Part, out: &mut Vec<u8>) {
        if self.extension == Extension::Shown {
            out.push(b' ');
            write_header_text(part.md5.as_deref(), self.dialect, out);
            self.disposition_and_on(part, out);
        }
    }

    /// Disposition, language, location.
    fn disposition_and_on(self, part: &Part, out: &mut Vec<u8>) {
        out.push(b' ');
        match &part.disposition {
            Some(disposition) => {
                out.push(b'(');
                self.text(&disposition.kind, out);
                out.push(b' ');
                self.params(&disposition.params, out);
                out.push(b')');
            }
            None => out.extend_from_slice(b"NIL"),
        }
        out.push(b' ');
        match part.language.as_slice() {
            [] => out.extend_from_slice(b"NIL"),
            [one] => self.text(one, out),
            many => self.list(many.iter().map(String::as_str), out),
        }
        out.push(b' ');
        write_header_text(part.location.as_deref(), self.dialect, out);
    }

    fn params(self, params: &[Param], out: &mut Vec<u8>) {
        if params.is_empty() {
            return out.extend_from_slice(b"NIL");
        }
        self.list(params.iter().flat_map(|param| [param.name.as_str(), param.value.as_str()]), out);
    }

    fn list<'t>(self, texts: impl Iterator<Item = &'t str>, out: &mut Vec<u8>) {
        out.push(b'(');
        for (index, text) in texts.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            self.text(text, out);
        }
        out.push(b')');
    }

    fn text(self, text: &str, out: &mut Vec<u8>) {
        if text.is_ascii() {
            write_string(text.as_bytes(), self.dialect, out);
        } else {
            write_header_text(Some(text), self.dialect, out);
        }
    }
}

fn is_message(subtype: &str) -> bool {
    matches!(subtype, "rfc822" | "global")
}
