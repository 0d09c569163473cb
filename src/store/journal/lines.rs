//! Lines as they stand in the files of the journal: each the check of its JSON (16 hex digits), a space, the JSON.

/// Before each line stand so many hexadecimal digits of its hash.
const CHECK_DIGITS: usize = 16;

/// In their place until the hash is known, and the space behind them.
const TO_BE_CHECKED: &str = "0000000000000000 ";

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
        let check = blake3::hash(json.as_bytes()).to_hex();
        self.text.replace_range(begin..begin + CHECK_DIGITS, check.get(..CHECK_DIGITS).unwrap_or_default());
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
    let (check, json) = line.split_once(' ')?;
    (check.len() == CHECK_DIGITS && blake3::hash(json.as_bytes()).to_hex().starts_with(check)).then_some(json)
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
    fn a_line_end_in_a_line_is_noticed_wherever_it_comes_from() {
        let mut all = lines(&["{}"]);
        all.append(&lines(&["{\n}"]));
        assert!(all.is_torn());
    }
}
