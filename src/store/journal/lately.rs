//! The newest lines of the journal, as they were written: who follows it closely need not read and check them again.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::tlog::folder::Place;

/// Bytes that are kept at most; what is older is read from its file.
const MAX_BYTES: usize = 8 << 20;

/// What was written since somebody last said how far they had come. Not all of it may count: that the rows say.
#[derive(Debug, Default)]
pub(in crate::store) struct Lately(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    pieces: VecDeque<Arc<Piece>>,
    bytes: usize,
}

/// What was written at one time: whole lines.
#[derive(Debug)]
pub(super) struct Piece {
    at: Place,
    text: String,
}

impl Lately {
    /// Keeps what was written at a place.
    pub(super) fn add(&self, at: Place, text: String) {
        let mut kept = self.0.lock();
        kept.bytes += text.capacity();
        kept.pieces.push_back(Arc::new(Piece { at, text }));
        while kept.bytes > MAX_BYTES && kept.forget_oldest() {}
    }

    /// What is kept of a file behind `place` and before `length`. There is no gap in it, and none behind it.
    pub(super) fn from(&self, place: Place, length: u64) -> Vec<Arc<Piece>> {
        let kept = self.0.lock();
        let is_asked_for =
            |piece: &&Arc<Piece>| piece.at.file == place.file && piece.end() > place.bytes && piece.at.bytes < length;
        kept.pieces.iter().filter(is_asked_for).map(Arc::clone).collect()
    }

    pub(super) fn forget_before(&self, place: Place) {
        let mut kept = self.0.lock();
        let is_before = |piece: &Arc<Piece>| Place { bytes: piece.end(), ..piece.at } <= place;
        while kept.pieces.front().is_some_and(is_before) && kept.forget_oldest() {}
    }
}

impl Kept {
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.pieces.pop_front();
        self.bytes -= oldest.as_ref().map_or(0, |piece| piece.text.capacity());
        oldest.is_some()
    }
}

impl Piece {
    /// Where in the file it begins.
    pub(super) fn begin(&self) -> u64 {
        self.at.bytes
    }

    fn end(&self) -> u64 {
        self.at.bytes + self.text.len() as u64
    }

    /// What stands in it from one place of the file to another, where lines begin and end.
    pub(super) fn between(&self, from: u64, to: u64) -> &str {
        let within = |place: u64| usize::try_from(place.saturating_sub(self.at.bytes)).unwrap_or(usize::MAX);
        let to = within(to).min(self.text.len());
        self.text.get(within(from)..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: u32, bytes: u64) -> Place {
        Place { file, bytes }
    }

    fn kept(lately: &Lately, from: Place, length: u64) -> String {
        let pieces = lately.from(from, length);
        pieces.iter().map(|piece| piece.between(from.bytes, length)).collect()
    }

    #[test]
    fn what_was_written_is_kept_until_somebody_has_read_it() {
        let lately = Lately::default();
        lately.add(place(1, 100), "ab".to_owned());
        lately.add(place(1, 102), "cd".to_owned());
        lately.add(place(2, 0), "ef".to_owned());
        assert_eq!(kept(&lately, place(1, 0), 104), "abcd");
        assert_eq!(kept(&lately, place(1, 101), 103), "bc");
        assert_eq!(kept(&lately, place(2, 0), 2), "ef");
        assert_eq!(kept(&lately, place(3, 0), 2), "");
        lately.forget_before(place(1, 103));
        assert_eq!(kept(&lately, place(1, 0), 104), "cd");
        lately.forget_before(place(2, 2));
        assert!(lately.0.lock().pieces.is_empty());
        assert_eq!(lately.0.lock().bytes, 0);
    }

    #[test]
    fn not_more_is_kept_than_is_allowed() {
        let lately = Lately::default();
        let half = MAX_BYTES / 2;
        for number in 0..3 {
            lately.add(place(1, number * half as u64), "x".repeat(half));
        }
        let kept = lately.0.lock();
        assert_eq!((kept.pieces.len(), kept.bytes), (2, 2 * half));
    }
}
