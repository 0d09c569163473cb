//! Texts looked for in a stream of text, without regard to case (RFC 9051 §6.4.4: substring matching).

use crate::imap::proto::search::{Needle, fold};

/// Some texts, and which of them were found so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Needles {
    wanted: Vec<(Needle, bool)>,
    /// The end of what was looked through, folded, for a text that goes on in the next piece.
    tail: String,
    /// How much of it is kept, bytes.
    keep: usize,
    /// The end of the last piece, not folded yet: a letter and its accents must be folded together.
    held: String,
}

impl Needles {
    /// Looks for one more text.
    pub(super) fn add(&mut self, text: &str) {
        let needle = Needle::new(text);
        if !self.wanted.iter().any(|(wanted, _)| *wanted == needle) {
            let found = needle.is_in_folded("");
            self.wanted.push((needle, found));
            self.keep = self.keep.max(fold(text).len());
        }
    }

    /// Looks through the next piece.
    pub(super) fn push(&mut self, piece: &str) {
        self.held.push_str(piece);
        let Some(last) = self.held.rfind(|c: char| c.is_ascii_whitespace() || c.is_ascii_punctuation()) else {
            if self.held.len() > MAX_HELD_BYTES {
                self.look();
            }
            return;
        };
        let rest = self.held.split_off(last);
        self.look();
        self.held = rest;
    }

    /// What follows does not continue what came before.
    pub(super) fn cut(&mut self) {
        self.look();
        self.tail.clear();
    }

    /// Nothing is left to be found.
    pub(super) fn all_found(&self) -> bool {
        self.wanted.iter().all(|(_, found)| *found)
    }

    /// Whether a text was found.
    pub(super) fn found(&self, needle: &Needle) -> bool {
        self.wanted.iter().any(|(wanted, found)| *found && wanted == needle)
    }

    fn look(&mut self) {
        let mut text = std::mem::take(&mut self.tail);
        text.push_str(&fold(&self.held));
        self.held.clear();
        for (needle, found) in &mut self.wanted {
            *found = *found || needle.is_in_folded(&text);
        }
        let mut start = text.len().saturating_sub(self.keep);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        self.tail = text.split_off(start);
    }
}

/// Text without a single space that is folded although more of the word may come, bytes.
const MAX_HELD_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(pieces: &[&str], wanted: &str) -> bool {
        let mut needles = Needles::default();
        needles.add(wanted);
        pieces.iter().for_each(|piece| needles.push(piece));
        needles.cut();
        needles.found(&Needle::new(wanted))
    }

    #[test]
    fn rfc9051_search_disregards_case_beyond_ascii() {
        assert!(found(&["Сәлем! Қа", "лайсың"], "ҚАЛАЙ"));
        assert!(!found(&["Сәлем! Қа", "лайсың"], "хат"));
        assert!(found(&["anything"], ""));
    }

    #[test]
    fn a_text_does_not_reach_over_a_cut() {
        let mut needles = Needles::default();
        needles.add("ab");
        needles.push("a");
        needles.cut();
        needles.push("b");
        needles.cut();
        assert!(!needles.all_found());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn the_outcome_does_not_depend_on_the_pieces(
            pieces in prop::collection::vec("[abқ ]{0,3}", 0..6),
            wanted in "[abқ ]{1,4}",
        ) {
            let cut: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(found(&cut, &wanted), pieces.concat().contains(&wanted));
        }
    }
}
