//! Where in the file: from an error of the TOML reader to line, key and remedy.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// What the reader's error means.
pub(super) fn explain(text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map(|span| span.start);
    let path = at.map(|at| path_at(text, at)).unwrap_or_default();
    let (what, remedy) = match unknown_key(error.message()) {
        Some((unknown, known)) => ("there is no such key".to_owned(), nearest(unknown, &known)),
        None => wrong_value(error.message()),
    };
    Problem { line: at.map(|at| line_at(text, at)), key: path.join("."), what, remedy }
}

/// What the reader's error means, for a file that is read again to find the place.
pub(super) fn explain_in(file: &Path, error: &toml::de::Error) -> Problem {
    explain(&std::fs::read_to_string(file).unwrap_or_default(), error)
}

/// Gives every problem the line of its key, and sorts them by it.
pub(super) fn place(text: &str, problems: &mut [Problem]) {
    for problem in problems.iter_mut() {
        problem.line = line_of_key(text, &problem.key);
    }
    problems.sort_by_key(|problem| problem.line);
}

/// The line of the name of an entry in a list of tables, such as `[[peer]]`.
pub(super) fn line_of_entry(text: &str, list: &str, name: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (_, entries) = document.get_ref().iter().find(|(key, _)| key.get_ref() == list)?;
    let DeValue::Array(entries) = entries.get_ref() else { return None };
    entries.iter().find_map(|entry| {
        let DeValue::Table(entry) = entry.get_ref() else { return None };
        let (_, value) = entry.iter().find(|(key, _)| key.get_ref() == "name")?;
        (value.get_ref().as_str() == Some(name)).then(|| line_at(text, value.span().start))
    })
}

/// The line of a key such as `smtp.max_message_bytes`, or of the innermost of its sections that is there.
fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut line = None;
    for name in key.split('.') {
        let Some((spanned, value)) = table.iter().find(|(have, _)| have.get_ref() == name) else { break };
        line = Some(line_at(text, spanned.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    line
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The keys from the outermost section to what stands at this offset.
fn path_at(text: &str, at: usize) -> Vec<String> {
    let mut path = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        descend(document.get_ref(), at, &mut path);
    }
    path
}

/// A section's own span ends with its header, so its content is looked through before the span is asked.
fn descend(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
    table.iter().any(|(key, value)| {
        path.push(key.get_ref().to_string());
        let found = within(value, at, path) || key.span().contains(&at) || value.span().contains(&at);
        if !found {
            path.pop();
        }
        found
    })
}

fn within(value: &Spanned<DeValue<'_>>, at: usize, path: &mut Vec<String>) -> bool {
    match value.get_ref() {
        DeValue::Table(table) => descend(table, at, path),
        DeValue::Array(items) => items.iter().any(|item| within(item, at, path)),
        _ => false,
    }
}

/// Takes "unknown field `x`, expected one of `a`, `b`" apart.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    Some((unknown, rest.split('`').skip(1).step_by(2).collect()))
}

fn nearest(unknown: &str, known: &[&str]) -> String {
    let closest = known.iter().map(|name| (distance(unknown, name), name)).min();
    match closest {
        Some((distance, name)) if distance <= unknown.chars().count().div_ceil(3).max(2) => {
            format!("did you mean {name:?}?")
        }
        _ => format!("known keys here are {}", known.join(", ")),
    }
}

/// Levenshtein's distance: single characters added, dropped or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, c) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, d) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(c != *d);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// serde's words for kinds of values, and ours.
const KINDS: &[(&str, &str)] = &[
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number that is not negative"),
    ("usize", "a whole number that is not negative"),
    ("i64", "a whole number"),
    ("a boolean", "true or false, without quotes"),
    ("a string", "text in quotes"),
    ("path string", "a path in quotes"),
    ("socket address", "an address and port in quotes, such as \"127.0.0.1:2525\""),
    ("a sequence", "a list in brackets, such as [\"one\", \"two\"]"),
    ("a map", "a section of its own"),
];

/// What is wrong with a value, and what to write.
fn wrong_value(message: &str) -> (String, String) {
    let Some((found, expected)) = message.split_once(", expected ") else {
        return (message.replace('\n', " "), String::new());
    };
    let kind =
        KINDS.iter().find(|(theirs, _)| *theirs == expected || expected.starts_with(&format!("struct {theirs}")));
    let remedy = match kind {
        Some((_, ours)) => format!("write {ours}"),
        None if expected.starts_with("struct ") => "write a section of its own".to_owned(),
        None => format!("expected {expected}"),
    };
    (found.replace("invalid type: ", "the value is ").replace("invalid value: ", "the value is "), remedy)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("", "abc" => 3)]
    #[test_case("kitten", "sitting" => 3)]
    #[test_case("max_bytes", "max_bytes" => 0)]
    #[test_case("max_byte", "max_bytes" => 1)]
    fn distances(one: &str, other: &str) -> usize {
        assert_eq!(distance(one, other), distance(other, one));
        distance(one, other)
    }

    #[test]
    fn lines_of_keys() {
        let text = "[one]\na = 1\n\n[two]\nb = [\n  1,\n]\nc = { d = 2 }\n";
        assert_eq!(line_of_key(text, "one.a"), Some(2));
        assert_eq!(line_of_key(text, "two.c.d"), Some(8));
        assert_eq!(line_of_key(text, "two.missing"), Some(4));
        assert_eq!(line_of_key(text, "three.a"), None);
    }

    #[test]
    fn lines_of_entries() {
        let text = "[[peer]]\nname = \"one\"\n[[peer.certificate]]\nname = \"two\"\n\n[[peer]]\nname = \"two\"\n";
        assert_eq!(line_of_entry(text, "peer", "two"), Some(7));
        assert_eq!(line_of_entry(text, "peer", "three"), None);
    }
}
