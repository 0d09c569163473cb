//! Lines as they stand in the files of the journal: each the checksum of its JSON (8 hexadecimal digits), a space, the
//! JSON. Before schema 13 it was the beginning of its BLAKE3 hash (16 digits).

use crate::store::checksum::short_checksum;

/// Before each line stands its check.
const CHECK_DIGITS: usize = 8;

/// Digits of a check of before.
const HASH_DIGITS: usize = 16;

/// In place of a check until it is known, and the space behind it.
const TO_BE_CHECKED: &str = "00000000 ";

/// The lines of a letter to one mailbox take about so many bytes.
const USUAL_BYTES: usize = 3 << 9;

/// Whole lines, each with its check.
#[derive(Debug, Default)]
pub(in crate::store) struct Lines {
    text: String,
    /// Somebody wrote a line end into one.
    is_torn: bool,
}

impl Lines {
    /// Appends the line that `write` appends: JSON, without line end.
    pub(in crate::store) fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        if self.is_empty() {
            self.text.reserve(USUAL_BYTES);
        }
        let begin = self.text.len();
        self.text.push_str(TO_BE_CHECKED);
        write(&mut self.text);
        let json = self.text.get(begin + TO_BE_CHECKED.len()..).unwrap_or_default();
        self.is_torn |= json.contains('\n');
        let check = check(json);
        self.text.replace_range(begin..begin + CHECK_DIGITS, std::str::from_utf8(&check).unwrap_or_default());
        self.text.push('\n');
    }

    /// Appends the lines of another.
    pub(in crate::store) fn append(&mut self, other: &Lines) {
        self.text.push_str(&other.text);
        self.is_torn |= other.is_torn;
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// One of them would be read as two.
    pub(in crate::store) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// What is written to the file.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The JSON of a line that never left the memory; with its line end.
pub(super) fn unchecked(line: &str) -> Option<&str> {
    line.strip_suffix('\n')?.get(TO_BE_CHECKED.len()..)
}

/// The JSON of a line of a file, without line end, if its check fits.
pub(super) fn checked(line: &str) -> Option<&str> {
    let (found, json) = line.split_once(' ')?;
    let fits = match found.len() {
        CHECK_DIGITS => found.as_bytes() == check(json),
        HASH_DIGITS => blake3::hash(json.as_bytes()).to_hex().starts_with(found),
        _ => false,
    };
    fits.then_some(json)
}

fn check(json: &str) -> [u8; CHECK_DIGITS] {
    let bytes = short_checksum(json.as_bytes()).to_be_bytes();
    let digits =
        bytes.map(|byte| [byte >> 4, byte & 0xf].map(|half| if half < 10 { b'0' + half } else { b'a' - 10 + half }));
    *digits.as_flattened().first_chunk().unwrap_or(&[b'0'; CHECK_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &[&str]) -> Lines {
        let mut lines = Lines::default();
        json.iter().for_each(|json| lines.push_with(|line| line.push_str(json)));
        lines
    }

    #[test]
    fn each_line_has_the_check_of_its_json() {
        let mut both = lines(&[r#"{"n":1}"#]);
        both.append(&lines(&[r#"{"n":2}"#, ""]));
        assert!(!both.is_torn());
        let text = both.into_text();
        // As `xxhsum -H3` says it.
        assert!(text.starts_with("4d6c3b07 {\"n\":1}\n"), "{text}");
        let all = [Some(r#"{"n":1}"#), Some(r#"{"n":2}"#), Some("")];
        assert_eq!(text.lines().map(checked).collect::<Vec<_>>(), all);
        assert_eq!(text.split_inclusive('\n').map(unchecked).collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_line_that_was_changed_has_no_json() {
        let text = lines(&["{}"]).into_text();
        let line = text.trim_end();
        for at in 0..line.len() {
            let mut changed = line.to_owned();
            changed.replace_range(at..=at, "~");
            assert_eq!(checked(&changed), None, "{changed}");
        }
    }

    #[test]
    fn a_line_of_before_has_the_beginning_of_a_hash() {
        let hash = blake3::hash(b"{}").to_hex();
        let line = |digits| format!("{} {{}}", &hash[..digits]);
        assert_eq!(checked(&line(HASH_DIGITS)), Some("{}"));
        for digits in (0..HASH_DIGITS).chain(HASH_DIGITS + 1..20) {
            assert_eq!(checked(&line(digits)), None, "{digits}");
        }
    }

    #[test]
    fn a_line_end_in_a_line_is_noticed_wherever_it_comes_from() {
        let mut all = lines(&["{}"]);
        all.append(&lines(&["{\n}"]));
        assert!(all.is_torn());
    }
}
