//! A letter that is read to be signed: its header is kept, its body only hashed.

use crate::message::headers;
use crate::postal::{BodyHash, BodyHasher};

/// A header that is longer is not signed.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Eats a letter in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Letter {
    header: Vec<u8>,
    /// There once the header has come to its end.
    body: Option<BodyHasher>,
}

impl Letter {
    /// Goes on with the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if let Some(body) = &mut self.body {
            return body.update(piece);
        }
        // The end may stand across two pieces.
        let from = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(piece);
        if let Some(end) = headers::end(self.header.get(from..).unwrap_or_default()) {
            let mut body = BodyHasher::default();
            body.update(self.header.get(from + end + headers::EMPTY_LINE.len()..).unwrap_or_default());
            self.header.truncate(from + end);
            self.body = Some(body);
        }
    }

    /// The header, as far as it came.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// More of the header may come, and is waited for.
    pub(super) fn has_more_header(&self) -> bool {
        self.body.is_none() && !self.is_too_long()
    }

    /// The header has no end in sight.
    pub(super) fn is_too_long(&self) -> bool {
        self.body.is_none() && self.header.len() > MAX_HEADER_BYTES
    }

    /// The header without its empty line, and the hash of the body. What was not ended is all header. The line end that
    /// the wire adds to a letter without one changes neither (RFC 6376 §3.4.2, §3.4.4).
    pub(super) fn finish(self) -> (Vec<u8>, BodyHash) {
        (self.header, self.body.unwrap_or_default().finish())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eaten(letter: &[u8], piece: usize) -> (Vec<u8>, BodyHash) {
        let mut eater = Letter::default();
        letter.chunks(piece).for_each(|piece| eater.push(piece));
        eater.finish()
    }

    proptest! {
        #[test]
        fn rfc6376_pieces_do_not_matter(
            header in "(A: b\r\n( c\r\n)?){1,4}",
            body in "(\r\n|\\.|a|ж| |\t){0,40}",
            piece in 1_usize..30,
        ) {
            let mut hasher = BodyHasher::default();
            hasher.update(body.as_bytes());
            let whole = format!("{header}\r\n{body}");
            prop_assert_eq!(eaten(whole.as_bytes(), piece), (header.into_bytes(), hasher.finish()));
        }

        #[test]
        fn the_line_end_that_the_wire_adds_changes_nothing(body in "(\r\n|a| ){0,12}a", piece in 1_usize..9) {
            let whole = format!("A: b\r\n\r\n{body}");
            let wire = format!("{whole}\r\n");
            prop_assert_eq!(eaten(whole.as_bytes(), piece), eaten(wire.as_bytes(), piece));
        }
    }

    #[test]
    fn a_letter_of_a_header_alone_has_an_empty_body() {
        let (header, body) = eaten(b"A: b\r\n", 2);
        assert_eq!((header.as_slice(), body), (&b"A: b\r\n"[..], BodyHasher::default().finish()));
    }

    #[test]
    fn a_header_without_end_is_given_up() {
        let mut letter = Letter::default();
        while letter.has_more_header() {
            letter.push(&[b'a'; 10_000]);
        }
        assert!(letter.is_too_long());
    }
}
