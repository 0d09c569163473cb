//! The hash of a body in the relaxed form (RFC 6376 §3.4.4), taken while its bytes pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Canonical bytes that are collected before they are hashed.
const PIECE: usize = 2 << 10;

/// Bytes that are looked at together: most are in the relaxed form already but for a space at the end of lines.
const BLOCK: usize = 2 << 10;

/// From here on canonical bytes are not collected, but hashed at once.
const LONG: usize = 512;

/// Tag `bh`: SHA-256 of a relaxed body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyHash(pub [u8; 32]);

impl BodyHash {
    /// As it stands in a mark.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

/// Eats a body in pieces of any size. A lone LF ends a line as CRLF does, so that a message that was saved with the
/// line ends of another system is judged as it was sent; a lone CR is a byte like any other.
#[derive(Clone, Debug, Default)]
pub struct BodyHasher {
    hash: Sha256,
    piece: Vec<u8>,
    /// Line ends that count only if something comes after them.
    line_ends: u64,
    /// White space that counts only if something comes after it on its line.
    space: bool,
    /// A CR whose next byte is not known yet.
    cr: bool,
    /// Something besides empty lines was there.
    has_content: bool,
}

impl BodyHasher {
    /// Goes on with the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (block, rest) = bytes.split_at(block_len(bytes));
            match Change::of(block) {
                Change::Nothing | Change::LastSpaces if self.is_pending() => self.lines(block),
                Change::Nothing => self.relaxed(block, false),
                Change::LastSpaces => self.relaxed(block, true),
                Change::Other => self.lines(block),
            }
            bytes = rest;
        }
    }

    /// What comes next may change what stands for the bytes before it on its line.
    fn is_pending(&self) -> bool {
        self.cr || self.space
    }

    /// Goes on with lines that are in the relaxed form, but for a space at the end of some.
    fn relaxed(&mut self, mut lines: &[u8], have_spaces: bool) {
        let mut ends = 0;
        while let Some(line) = lines.strip_suffix(b"\r\n") {
            (lines, ends) = (line.strip_suffix(b" ").unwrap_or(line), ends + 1);
        }
        if have_spaces {
            let mut from = 0;
            // From one of these spaces to the next, line ends included.
            for at in memchr::memchr_iter(b'\r', lines) {
                if let Some(before) = lines.get(from..at).and_then(|before| before.strip_suffix(b" ")) {
                    self.word(before);
                    from = at;
                }
            }
            lines = lines.get(from..).unwrap_or_default();
        }
        if !lines.is_empty() {
            self.word(lines);
        }
        self.line_ends += ends;
    }

    /// Goes on with the next bytes, line by line.
    fn lines(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (mut line, rest) = bytes.split_at(end);
            match relaxed_line(line) {
                Some(relaxed) if !self.is_pending() => {
                    self.word(relaxed);
                    self.line_ends += 1;
                }
                _ => {
                    while !line.is_empty() {
                        line = self.step(line);
                    }
                }
            }
            bytes = rest;
        }
    }

    /// Goes on with a word or with what stands between two; what is left.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        match byte {
            b'\n' => {
                (self.cr, self.space) = (false, false);
                self.line_ends += 1;
                rest
            }
            b'\r' => {
                self.lone_cr();
                self.cr = true;
                rest
            }
            b' ' | b'\t' => {
                self.lone_cr();
                self.space = true;
                rest
            }
            _ => {
                self.lone_cr();
                let special = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
                let end = bytes.iter().position(special).unwrap_or(bytes.len());
                let (word, rest) = bytes.split_at(end);
                self.word(word);
                rest
            }
        }
    }

    /// The hash of what was eaten.
    #[must_use]
    pub fn finish(mut self) -> BodyHash {
        self.lone_cr();
        // §3.4.4: empty lines at the end go, and what is left ends with one CRLF; an empty body stays empty.
        if self.has_content {
            self.piece.extend_from_slice(b"\r\n");
        }
        self.hash.update(&self.piece);
        BodyHash(self.hash.finalize().into())
    }

    fn lone_cr(&mut self) {
        if std::mem::take(&mut self.cr) {
            self.word(b"\r");
        }
    }

    fn word(&mut self, word: &[u8]) {
        if self.piece.is_empty() {
            self.piece.reserve(PIECE + LONG);
        }
        while self.line_ends > 0 {
            self.line_ends -= 1;
            self.piece.extend_from_slice(b"\r\n");
            self.pass_on();
        }
        if std::mem::take(&mut self.space) {
            self.piece.push(b' ');
        }
        self.has_content = true;
        if word.len() < LONG {
            self.piece.extend_from_slice(word);
            self.pass_on();
        } else {
            self.hash.update(&self.piece);
            self.piece.clear();
            self.hash.update(word);
        }
    }

    fn pass_on(&mut self) {
        if self.piece.len() >= PIECE {
            self.hash.update(&self.piece);
            self.piece.clear();
        }
    }
}

/// As many whole lines as a block takes, or the beginning of a line that is longer.
fn block_len(bytes: &[u8]) -> usize {
    let block = bytes.get(..BLOCK).unwrap_or(bytes);
    memchr::memrchr(b'\n', block).map_or(block.len(), |at| at + 1)
}

/// What the relaxed form changes in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Nothing,
    /// One space at the end of lines goes.
    LastSpaces,
    /// There are tabs, more spaces, or line ends of another kind; or these are not whole lines.
    Other,
}

impl Change {
    fn of(block: &[u8]) -> Self {
        if !block.ends_with(b"\r\n") || block.starts_with(b"\n") {
            return Change::Other;
        }
        // Each byte with the next one, without branches, so that many are looked at together.
        let (mut is_odd, mut has_last_spaces) = (false, false);
        for (byte, next) in block.iter().zip(block.get(1..).unwrap_or_default()) {
            is_odd |= *byte == b'\t';
            is_odd |= (*byte == b' ') & (*next == b' ');
            // A CR without its LF, or an LF without its CR.
            is_odd |= (*byte == b'\r') != (*next == b'\n');
            has_last_spaces |= (*byte == b' ') & (*next == b'\r');
        }
        match (is_odd, has_last_spaces) {
            (true, _) => Change::Other,
            (false, true) => Change::LastSpaces,
            (false, false) => Change::Nothing,
        }
    }
}

/// The content of a line that is in the relaxed form already but for one space at its end. Most lines are, and are
/// looked at many bytes at a time.
fn relaxed_line(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\r\n")?;
    let line = line.strip_suffix(b" ").unwrap_or(line);
    let next = line.get(1..)?;
    let odd = line.iter().fold(false, |odd, byte| odd | (*byte == b'\t') | (*byte == b'\r'));
    let doubled = line.iter().zip(next).fold(false, |doubled, (a, b)| doubled | ((*a == b' ') & (*b == b' ')));
    let is_relaxed = !odd && !doubled && line.last() != Some(&b' ');
    is_relaxed.then_some(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn hash(body: &[u8]) -> BodyHash {
        let mut hasher = BodyHasher::default();
        hasher.update(body);
        hasher.finish()
    }

    fn plain(canonical: &str) -> BodyHash {
        BodyHash(Sha256::digest(canonical).into())
    }

    #[test_case(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"; "the example of rfc6376 3.4.5")]
    #[test_case("", ""; "nothing")]
    #[test_case("\r\n\r\n", ""; "empty lines only")]
    #[test_case(" \t\r\n", ""; "white space only")]
    #[test_case("a", "a\r\n"; "no line end at the end")]
    #[test_case("\r\na\r\n", "\r\na\r\n"; "empty lines before content stay")]
    #[test_case("a\n b\n", "a\r\n b\r\n"; "lines saved by another system")]
    #[test_case("a\rb \r", "a\rb \r\r\n"; "a lone cr is no line end")]
    #[test_case("a\r\r\n", "a\r\r\n"; "a cr before a line end")]
    fn rfc6376_3_4_4_relaxed_body(body: &str, canonical: &str) {
        assert_eq!(hash(body.as_bytes()), plain(canonical));
    }

    #[test]
    fn rfc6376_3_4_4_empty_body_has_the_known_hash() {
        assert_eq!(hash(b"").base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    /// The rule once more, as simple as it can be written.
    fn naive(body: &str) -> String {
        let lines = body.split_inclusive('\n').map(|line| {
            let line = line.strip_suffix("\r\n").or(line.strip_suffix('\n')).unwrap_or(line);
            let words = line.replace('\t', " ");
            let mut line = String::new();
            for c in words.chars() {
                if c != ' ' || !line.ends_with(' ') {
                    line.push(c);
                }
            }
            line.trim_end_matches(' ').to_owned()
        });
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn rfc6376_pieces_do_not_matter(words in prop::collection::vec("( |\t|\r|\r\n|\n|[a-c]{1,3}|ж)", 0..40), cut in 1usize..40) {
            let body = words.concat();
            let mut hasher = BodyHasher::default();
            body.as_bytes().chunks(cut).for_each(|piece| hasher.update(piece));
            prop_assert_eq!(hasher.finish(), plain(&naive(&body)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn rfc6376_long_bodies_of_mostly_relaxed_lines(
            lines in prop::collection::vec(
                prop_oneof![40 => "[a-c]{0,70}( [a-c]{1,9}){0,3} ?\r\n", 1 => "[a-c]{600}\r\n", 1 => "( |\t|\r|\n|a){0,4}\n"],
                0..200,
            ),
            end in "(|a| |\r|\n|\r\n\r\n)",
            cut in 1usize..9000,
        ) {
            let body = lines.concat() + &end;
            let mut hasher = BodyHasher::default();
            body.as_bytes().chunks(cut).for_each(|piece| hasher.update(piece));
            prop_assert_eq!(hasher.finish(), plain(&naive(&body)));
        }
    }

    #[test]
    fn long_bodies_are_passed_on() {
        let body = "word and word\r\n".repeat(5000);
        assert_eq!(hash(body.as_bytes()), plain(&body));
        let mut empty = "\r\n".repeat(20_000);
        empty.push_str("x\r\n");
        assert_eq!(hash(empty.as_bytes()), plain(&empty));
    }
}
