//! A line of the device journal, as the log sees it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::ids::ImpressionId;
use crate::tlog::Entry;

/// What the log needs of a line; lines about devices, and those from before there was a log, have no `mark`.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    impression: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mark: Option<Cow<'a, str>>,
}

/// The leaf of an impression; `None` for a line that is about none.
///
/// # Errors
/// The line cannot be read; in words.
pub(super) fn leaf_of(line: &str) -> Result<Option<(ImpressionId, Entry)>, String> {
    let wrong = |what: &str| format!("a line of the journal {what}: {line}");
    let Line { impression, mark } = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
    let Some(mark) = mark else { return Ok(None) };
    let id = impression.and_then(|id| id.parse().ok()).ok_or_else(|| wrong("names no impression"))?;
    let hash = STANDARD.decode(&*mark).ok().and_then(|hash| hash.try_into().ok());
    Ok(Some((id, Entry(hash.ok_or_else(|| wrong("has no hash of a mark"))?))))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test]
    fn a_line_of_an_impression_is_a_leaf() {
        let mark = STANDARD.encode([7; 32]);
        let line = format!(r#"{{"device":"d","seq":9,"mark":"{mark}","impression":"00000000000000000000000007"}}"#);
        assert_eq!(leaf_of(&line), Ok(Some((ImpressionId(7), Entry([7; 32])))));
    }

    #[test_case(r#"{"device":"d","opened":17}"# => Ok(None); "a line about a device")]
    #[test_case(r#"{"impression":"00000000000000000000000007"}"# => Ok(None); "from before there was a log")]
    #[test_case("{" => Err(()); "no JSON")]
    #[test_case(r#"{"mark":"AAAA","impression":"00000000000000000000000007"}"# => Err(()); "a short hash")]
    #[test_case(r#"{"mark":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"# => Err(()); "no impression")]
    fn other_lines_are_none(line: &str) -> Result<Option<(ImpressionId, Entry)>, ()> {
        leaf_of(line).map_err(drop)
    }
}
