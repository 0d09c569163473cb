//! IMAP section specifications (RFC 9051 §6.4.5) resolved to byte ranges of the message.

use std::ops::Range;

use super::headers::fields;
use super::structure::{Content, Part, Structure};

/// What of a part is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `BODY[]` with an empty path: the message; `BODY[1.2]`: the part's body.
    Whole,
    /// `HEADER` (also of `HEADER.FIELDS`: pass the bytes to [`filter_header`]): the header block of the
    /// message, or of the message that a message/rfc822 part holds.
    Header,
    /// `TEXT`: the body of the same.
    Text,
    /// `MIME`: the header block of the part itself; needs a path.
    Mime,
}

/// Which fields [`filter_header`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// `HEADER.FIELDS`: those named.
    Named,
    /// `HEADER.FIELDS.NOT`: all but those named.
    NotNamed,
}

impl Structure {
    /// Where a section lies in the message; `None` when the message has no such section (FETCH then says NIL
    /// or an empty string).
    #[must_use]
    pub fn resolve(&self, path: &[u32], piece: Piece) -> Option<Range<u64>> {
        if path.is_empty() {
            return match piece {
                Piece::Whole => Some(self.root.header.start..self.root.body.end),
                Piece::Header => Some(self.root.header.clone()),
                Piece::Text => Some(self.root.body.clone()),
                Piece::Mime => None,
            };
        }
        let part = self.part(path)?;
        match (piece, &part.content) {
            (Piece::Whole, _) => Some(part.body.clone()),
            (Piece::Mime, _) => Some(part.header.clone()),
            // RFC 9051 §6.4.5.1: HEADER and TEXT behind a number need a message/rfc822 part.
            (Piece::Header, Content::Message(nested)) => Some(nested.part.header.clone()),
            (Piece::Text, Content::Message(nested)) => Some(nested.part.body.clone()),
            (Piece::Header | Piece::Text, _) => None,
        }
    }

    /// The part with this number; the empty path is the message. Part 1 of a message that is no multipart is
    /// its only part: the part that is returned is then the message itself.
    #[must_use]
    pub fn part(&self, path: &[u32]) -> Option<&Part> {
        let mut place = Place::Message(&self.root);
        for number in path {
            place = place.inside(*number)?;
        }
        let (Place::Message(part) | Place::Body(part)) = place;
        Some(part)
    }
}

/// Where on the way down a number is looked up: the same [`Part`] numbers its insides differently as the
/// message that it is and as the only part of that message.
#[derive(Clone, Copy)]
enum Place<'a> {
    Message(&'a Part),
    Body(&'a Part),
}

impl<'a> Place<'a> {
    /// RFC 9051 §6.4.5.1: parts are numbered from 1; a message/rfc822 continues with the parts of its message.
    fn inside(self, number: u32) -> Option<Place<'a>> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        let (Place::Message(part) | Place::Body(part)) = self;
        match (self, &part.content) {
            (_, Content::Multipart(parts)) => parts.get(index).map(Place::Body),
            (Place::Message(_), _) => (index == 0).then_some(Place::Body(part)),
            (Place::Body(_), Content::Message(nested)) => Place::Message(&nested.part).inside(number),
            (Place::Body(_), Content::Leaf) => None,
        }
    }
}

/// `HEADER.FIELDS` and `HEADER.FIELDS.NOT`: the wanted fields of a header block byte for byte, then an empty
/// line. Names are compared without case.
#[must_use]
pub fn filter_header<N: AsRef<[u8]>>(header: &[u8], names: &[N], keep: Keep) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields(header) {
        let named = names.iter().any(|name| name.as_ref().eq_ignore_ascii_case(field.name));
        let wanted = match keep {
            Keep::Named => named && !field.name.is_empty(),
            Keep::NotNamed => !named,
        };
        if wanted {
            out.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests;
