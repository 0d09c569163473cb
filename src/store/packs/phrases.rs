//! Short contents as phrases that were said before: in a text that is known beforehand, or earlier in the content. What
//! stands above letters says nearly the same each time.
//!
//! They are written as a block of LZ4 (`doc/lz4_Block_format.md` there), before which the known text stands. Behind it
//! there is a checksum of the content. Others look for something that was said before at every byte. Here it is looked
//! for where a word begins and nowhere else: most of a prefix are hashes and signatures, in which there is nothing to be
//! found.

use std::io;
use std::sync::LazyLock;

use lz4_flex::block::decompress_into_with_dict;

use crate::store::checksum::short_checksum;

/// The text that is known beforehand.
const KNOWN: &[u8] = super::contexts::PREFIXES;

/// Longer contents are for others.
pub(super) const MAX_BYTES: u32 = 16 << 10;

/// Places, and so distances, have 16 bits.
const _: () = assert!(KNOWN.len() + MAX_BYTES as usize <= u16::MAX as usize);

/// A phrase is found by its first bytes, and is not shorter than these.
const HEAD_BYTES: usize = 6;

/// Those bytes of a number.
const HEAD: u64 = u64::MAX >> (64 - 8 * HEAD_BYTES);

/// Bits of the hash of a head.
const HASH_BITS: u32 = 10;

/// LZ4: no phrase begins in the last twelve bytes, and none goes into the last five.
const LAST_BEGIN: usize = 12;
const LAST_BYTES: usize = 5;

/// Of the checksum.
const CHECK_BYTES: usize = 4;

/// LZ4: lengths of phrases are counted from here.
const SHORTEST: usize = 4;

/// LZ4: lengths from here on do not fit in half a byte.
const LONG: usize = 15;

/// The end of a word is looked for in so many bytes at one time.
const PIECE: usize = 16;

/// How far the last word of a phrase is looked for.
const NEAR: usize = 8;

/// Where a head was seen last, for each hash of one. Nothing begins at the beginning of the known text.
static KNOWN_PLACES: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut places = vec![0; 1 << HASH_BITS];
    let begins = KNOWN.iter().zip(1..).filter(|(byte, _)| ends_word(**byte)).map(|(_, behind)| behind);
    for at in begins {
        if let Some(head) = head(KNOWN, at) {
            see(&mut places, head, at);
        }
    }
    places
});

/// Finds phrases.
pub(super) struct Phrases {
    /// The known text, then the content.
    text: Vec<u8>,
    places: Vec<u16>,
}

/// A block that is being written.
struct Block<'a> {
    text: &'a [u8],
    /// How far of it is written.
    written: usize,
    out: &'a mut Vec<u8>,
}

impl Default for Phrases {
    fn default() -> Self {
        Phrases { text: KNOWN.to_vec(), places: KNOWN_PLACES.clone() }
    }
}

impl Phrases {
    /// Writes the content, of at most [`MAX_BYTES`], to the end of `out`.
    pub(super) fn compress(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.text.truncate(KNOWN.len());
        self.text.extend_from_slice(content);
        self.places.copy_from_slice(&KNOWN_PLACES);
        let mut at = KNOWN.len();
        let mut block = Block { text: &self.text, written: at, out };
        while at + LAST_BEGIN <= block.text.len()
            && let Some(head) = head(block.text, at)
        {
            let from = see(&mut self.places, head, at);
            let is_said = from > 0 && self::head(block.text, from) == Some(head);
            let end = if is_said { block.push(at, from) } else { None };
            at = match end {
                Some(end) => block.after_phrase(at, end),
                None => block.next_word(at),
            };
        }
        block.end();
        out.extend(short_checksum(content).to_be_bytes());
    }
}

/// Reads what [`Phrases::compress`] has written: `len` bytes into `content`, which is empty.
///
/// # Errors
/// It is not that.
pub(super) fn decompress(packed: &[u8], len: usize, content: &mut Vec<u8>) -> io::Result<usize> {
    let (block, check) = packed.split_last_chunk::<CHECK_BYTES>().ok_or_else(|| io::Error::other("it is too short"))?;
    content.resize(len, 0);
    let read = decompress_into_with_dict(block, content, KNOWN).map_err(io::Error::other)?;
    content.truncate(read);
    match u32::from_be_bytes(*check) == short_checksum(content) {
        true => Ok(read),
        false => Err(io::Error::other("its check differs")),
    }
}

impl Block<'_> {
    /// Writes that what is said at `at` was said at `from`, as far as that goes, and what stands before it. Gives the
    /// place behind it; `None` when nearly all of that is written, or LZ4 wants it as words.
    fn push(&mut self, at: usize, from: usize) -> Option<usize> {
        let behind = |place: usize| self.text.get(place + HEAD_BYTES..).unwrap_or_default();
        let end = at + HEAD_BYTES + common_beginning(behind(at), behind(from));
        let end = end.min(self.text.len() - LAST_BYTES);
        // The end of the word before it may have been said too.
        let before = |place: usize, begin: usize| self.text.get(begin..place).unwrap_or_default().iter().rev();
        let more = before(at, self.written).zip(before(from, 0)).take_while(|(byte, said)| byte == said).count();
        let begin = self.written.max(at - more);
        let longer = end.checked_sub(begin + SHORTEST).filter(|_| begin + LAST_BEGIN <= self.text.len())?;
        let words = self.text.get(self.written..begin).unwrap_or_default();
        self.out.push((half(words.len()) << 4) | half(longer));
        self.rest_of_length(words.len());
        self.out.extend_from_slice(words);
        self.out.extend(u16::try_from(at - from).unwrap_or_default().to_le_bytes());
        self.rest_of_length(longer);
        self.written = end;
        Some(end)
    }

    /// Where to look on behind a phrase. It ends where its last word goes on as it never did behind the others: perhaps
    /// it did elsewhere.
    fn after_phrase(&self, begin: usize, end: usize) -> usize {
        let near = end.saturating_sub(NEAR).max(begin + 1);
        let last = self.text.get(near..end).unwrap_or_default().iter().rposition(|byte| ends_word(*byte));
        last.map_or_else(|| self.next_word(end), |last| near + last + 1)
    }

    /// Where the next word begins.
    fn next_word(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        // Without branches, so that all of a piece are looked at together.
        let has_end = |piece: &[u8; PIECE]| piece.iter().fold(0, |ends, byte| ends | u8::from(ends_word(*byte))) > 0;
        let skipped = PIECE * rest.as_chunks().0.iter().take_while(|piece| !has_end(piece)).count();
        let near = rest.get(skipped..).unwrap_or_default();
        let end = near.iter().position(|byte| ends_word(*byte));
        at + skipped + end.map_or(near.len(), |end| end + 1)
    }

    /// Writes what is left.
    fn end(mut self) {
        let words = self.text.get(self.written..).unwrap_or_default();
        self.out.push(half(words.len()) << 4);
        self.rest_of_length(words.len());
        self.out.extend_from_slice(words);
    }

    fn rest_of_length(&mut self, len: usize) {
        if let Some(mut rest) = len.checked_sub(LONG) {
            while rest >= 255 {
                self.out.push(255);
                rest -= 255;
            }
            self.out.push(rest as u8);
        }
    }
}

/// A length, as it stands in half a byte.
fn half(len: usize) -> u8 {
    len.min(LONG) as u8
}

/// Words, and parts of them, begin behind such a byte in the fields above letters.
fn ends_word(byte: u8) -> bool {
    (byte == b' ') | (byte == b'\n') | (byte == b'-') | (byte == b'.') | (b':'..=b'@').contains(&byte)
}

/// The first bytes of what begins at a place; `None` near the end.
fn head(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?) & HEAD)
}

/// Notes that a head was seen at a place; where it was seen before, or another one with its hash.
fn see(places: &mut [u16], head: u64, at: usize) -> usize {
    // Fibonacci hashing: the golden ratio.
    let hash = head.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS);
    match places.get_mut(hash as usize) {
        Some(place) => std::mem::replace(place, at as u16).into(),
        None => 0,
    }
}

/// How many bytes two texts have in common.
fn common_beginning(one: &[u8], other: &[u8]) -> usize {
    let ((eights, _), (other_eights, _)) = (one.as_chunks(), other.as_chunks());
    let mut same = 0;
    for (eight, other) in eights.iter().zip(other_eights) {
        let differ = u64::from_le_bytes(*eight) ^ u64::from_le_bytes(*other);
        if differ != 0 {
            return same + (differ.trailing_zeros() / 8) as usize;
        }
        same += 8;
    }
    let rests = one.iter().zip(other).skip(same);
    same + rests.take_while(|(byte, other)| byte == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compressed(content: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        Phrases::default().compress(content, &mut packed);
        packed
    }

    fn read(packed: &[u8], len: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        decompress(packed, len, &mut content).map(|_| content)
    }

    /// Some of the known text, of earlier words, of anything; long and short.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let known = (0..KNOWN.len(), 0..400_usize);
        prop_oneof![
            known.prop_map(|(from, len)| KNOWN[from..KNOWN.len().min(from + len)].to_vec()),
            "[ab =;.@\n]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40),
            (any::<u8>(), 0..2_000_usize).prop_map(|(byte, len)| vec![byte; len]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn whatever_was_compressed_is_read_again(pieces in prop::collection::vec(piece(), 0..12), twice: bool) {
            let mut content = pieces.concat();
            if twice {
                content.extend_from_within(..);
            }
            content.truncate(MAX_BYTES as usize);
            prop_assert_eq!(read(&compressed(&content), content.len()).unwrap(), content);
        }

        #[test]
        fn one_that_was_used_before_knows_nothing_of_it(first in piece(), second in piece()) {
            let (mut phrases, mut packed) = (Phrases::default(), Vec::new());
            phrases.compress(&first, &mut packed);
            packed.clear();
            phrases.compress(&second, &mut packed);
            prop_assert_eq!(packed, compressed(&second));
        }

        #[test]
        fn what_is_damaged_is_not_read(at: prop::sample::Index, bit in 0..8_u8) {
            let content = &KNOWN[100..1_500];
            let mut packed = compressed(content);
            let at = at.index(packed.len());
            packed[at] ^= 1 << bit;
            // A distance to the same bytes elsewhere is as good.
            prop_assert!(read(&packed, content.len()).map_or(true, |read| read == content));
        }

        #[test]
        fn what_was_never_compressed_is_no_panic(packed in prop::collection::vec(any::<u8>(), 0..200), len in 0..400_usize) {
            if let Ok(content) = read(&packed, len) {
                prop_assert!(packed.ends_with(&short_checksum(&content).to_be_bytes()));
            }
        }
    }

    /// Reads a block as strictly as the format is written.
    fn read_strictly(mut block: &[u8]) -> Vec<u8> {
        fn length(half: u8, block: &mut &[u8]) -> usize {
            let mut len = usize::from(half);
            let mut goes_on = half == 15;
            while goes_on {
                let byte = block.split_off_first().unwrap();
                (len, goes_on) = (len + usize::from(*byte), *byte == 255);
            }
            len
        }
        let mut text = KNOWN.to_vec();
        let mut last_begin = None;
        loop {
            let token = block.split_off_first().unwrap();
            let words = length(token >> 4, &mut block);
            text.extend_from_slice(block.split_off(..words).unwrap());
            if block.is_empty() {
                assert!(last_begin.is_none_or(|begin| words >= 5 && text.len() - begin >= 12), "the end");
                return text.split_off(KNOWN.len());
            }
            let distance = block.split_off(..2).unwrap();
            let from = text.len() - usize::from(u16::from_le_bytes(distance.try_into().unwrap()));
            last_begin = Some(text.len());
            for at in from..from + length(token & 15, &mut block) + 4 {
                text.push(text[at]);
            }
        }
    }

    fn block_of(content: &[u8]) -> Vec<u8> {
        let packed = compressed(content);
        packed[..packed.len() - CHECK_BYTES].to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn blocks_are_as_lz4_wants_them(pieces in prop::collection::vec(piece(), 0..6), words in "[a ]{0,60}") {
            let content = [pieces.concat(), words.into_bytes()].concat();
            let content = &content[..content.len().min(MAX_BYTES as usize)];
            prop_assert_eq!(read_strictly(&block_of(content)), content);
        }
    }

    #[test]
    fn the_end_of_a_block_is_as_lz4_wants_it() {
        // A phrase that would go on to the end, and one that would begin too late.
        let content = b"repeated ".repeat(12);
        for len in 0..content.len() {
            assert_eq!(read_strictly(&block_of(&content[..len])), content[..len]);
        }
        let content = b"     aa a      a       aa a";
        assert_eq!(read_strictly(&block_of(content)), content);
    }

    #[test]
    fn what_was_written_once_is_read_for_ever() {
        let content =
            b"Return-Path: <>\r\nDelivered-To: a@poshta.kz\r\nPostal-Mark: v=1; i=01M8; k=deliver; dk=delivered;\r\n";
        let packed = b"\x0f\x7b\x0a\x0c\x16aP\x00\x0f\x7c\x0a\x1ePed;\r\n\x7c\x1e\x5d\x69";
        assert_eq!(read(packed, content.len()).unwrap(), content);
    }

    #[test]
    fn what_is_known_takes_next_to_nothing() {
        let letter = KNOWN.windows(12).position(|bytes| bytes == b"Return-Path:").unwrap();
        let packed = compressed(&KNOWN[letter..]);
        assert!(packed.len() * 20 < KNOWN.len() - letter, "{} of {}", packed.len(), KNOWN.len() - letter);
    }
}
