//! Matching of mailbox names against LIST patterns (RFC 9051 §6.3.9): `*` takes anything, `%` anything within one
//! level.

/// The hierarchy separator.
pub(crate) const SEPARATOR: char = '/';

/// Joins reference and pattern as RFC 9051 §6.3.9 wants: the reference stands in front, unless the pattern
/// begins at the root.
#[must_use]
pub(crate) fn with_reference(reference: &str, pattern: &str) -> String {
    if pattern.starts_with(SEPARATOR) { pattern.to_owned() } else { format!("{reference}{pattern}") }
}

/// Whether `name` matches `pattern`. However long the pattern, the steps grow no faster than the square of the
/// name's length. `INBOX` as the first level matches in any case (RFC 9051 §5.1).
#[must_use]
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern = shortest(&canonical(pattern));
    let wanted = pattern.iter().filter(|c| !is_wildcard(**c)).count();
    if wanted > name.chars().count() {
        return false;
    }
    // reached[i]: the first i characters of the pattern can take all of the name read so far.
    let mut reached = vec![false; pattern.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    skip_wildcards(&pattern, &mut reached);
    for c in canonical(name).chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            let target = match wanted {
                '*' => Some(at),
                '%' if c == SEPARATOR => None,
                '%' => Some(at),
                literal if *literal == c => Some(at + 1),
                _ => None,
            };
            if let Some(slot) = target.and_then(|target| next.get_mut(target)) {
                *slot = true;
            }
        }
        skip_wildcards(&pattern, &mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

/// The names above `name`, from the root down: LIST shows them as parents, RECURSIVEMATCH looks at them.
pub(crate) fn levels(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(SEPARATOR).filter_map(|(at, _)| name.get(..at))
}

/// The pattern with a single wildcard for a row of them, which takes the same.
fn shortest(pattern: &str) -> Vec<char> {
    let mut kept: Vec<char> = Vec::new();
    for c in pattern.chars() {
        match kept.last_mut() {
            Some(last) if is_wildcard(c) && is_wildcard(*last) => {
                if c == '*' {
                    *last = '*';
                }
            }
            _ => kept.push(c),
        }
    }
    kept
}

fn is_wildcard(c: char) -> bool {
    matches!(c, '*' | '%')
}

/// A wildcard may take nothing, so whoever stands before it also stands behind it.
fn skip_wildcards(pattern: &[char], reached: &mut [bool]) {
    for (at, c) in pattern.iter().enumerate() {
        if is_wildcard(*c)
            && reached.get(at) == Some(&true)
            && let Some(behind) = reached.get_mut(at + 1)
        {
            *behind = true;
        }
    }
}

/// The text with `INBOX` as its first level in capitals (RFC 9051 §5.1).
pub(super) fn canonical(text: &str) -> String {
    let first = text.split(SEPARATOR).next().unwrap_or_default();
    match text.get(first.len()..) {
        Some(rest) if first.eq_ignore_ascii_case("INBOX") => format!("INBOX{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("*", "a/b/c" => true; "star takes levels")]
    #[test_case("%", "a/b" => false; "percent stops at a level")]
    #[test_case("%", "a" => true; "percent takes one level")]
    #[test_case("a/%", "a/b" => true; "children")]
    #[test_case("a/%", "a/b/c" => false; "not grandchildren")]
    #[test_case("a/*", "a" => false; "not the parent")]
    #[test_case("%/%", "a/b" => true; "two levels")]
    #[test_case("*b", "a/b/b" => true; "backtracks")]
    #[test_case("inbox", "INBOX" => true; "inbox in any case")]
    #[test_case("inbox/%", "INBOX/x" => true; "below inbox in any case")]
    #[test_case("a", "A" => false; "other names keep case")]
    #[test_case("", "" => true; "nothing")]
    #[test_case("Ж%", "Жаңа" => true; "kazakh")]
    fn rfc9051_6_3_9(pattern: &str, name: &str) -> bool {
        matches(pattern, name)
    }

    #[test]
    fn no_exponential_time() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &("a".repeat(1000) + "b")));
    }

    #[test_case("*%*%" => "*"; "star takes what percent takes")]
    #[test_case("%%a%%*" => "%a*"; "rows of wildcards")]
    #[test_case("a*a" => "a*a"; "single wildcards")]
    fn a_pattern_is_made_short(pattern: &str) -> String {
        shortest(pattern).into_iter().collect()
    }

    #[test_case("a/", "b" => "a/b"; "in front")]
    #[test_case("a", "/b" => "/b"; "rooted")]
    #[test_case("", "%" => "%"; "none")]
    fn rfc9051_6_3_9_reference(reference: &str, pattern: &str) -> String {
        with_reference(reference, pattern)
    }

    #[test]
    fn parents_of_a_name() {
        assert_eq!(levels("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
    }

    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| naive(rest, &name[n..])),
            Some((b'%', rest)) => {
                (0..=name.len()).take_while(|n| !name[..*n].contains(&b'/')).any(|n| naive(rest, &name[n..]))
            }
            Some((c, rest)) => name.first() == Some(c) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/%*]{0,7}", name in "[ab/]{0,8}") {
            prop_assert_eq!(matches(&pattern, &name), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
