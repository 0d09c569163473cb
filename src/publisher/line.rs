//! A line of the device journal, as the log sees it.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use serde::Deserialize;

use crate::ids::ImpressionId;
use crate::tlog::Entry;

/// Of a line about a device.
const BEGINNING: &str = "{\"device\":\"";

static IMPRESSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"impression\":\""));
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"mark\":\""));

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

/// The leaf of a line that is exactly as a mark writes it, three for each letter: flat, and without the names in
/// another place, for within texts they have backslashes. Any other line is for [`leaf_of`].
pub(super) fn leaf_at_sight(line: &str) -> Option<(ImpressionId, Entry)> {
    if !line.starts_with(BEGINNING) || !line.ends_with('}') {
        return None;
    }
    let text_behind = |name: &Finder<'_>| {
        let text = line.get(name.find(line.as_bytes())? + name.needle().len()..)?;
        text.get(..memchr::memchr(b'"', text.as_bytes())?)
    };
    let id = text_behind(&IMPRESSION)?.parse().ok()?;
    // The decoder wants room for whole groups of three bytes.
    let mut hash = [0; 33];
    let len = STANDARD.decode_slice(text_behind(&MARK)?, &mut hash).ok()?;
    Some((id, Entry(hash.get(..len)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test]
    fn a_line_of_an_impression_is_a_leaf() {
        let mark = STANDARD.encode([7; 32]);
        let line = format!(r#"{{"device":"d","seq":9,"mark":"{mark}","impression":"00000000000000000000000007"}}"#);
        assert_eq!(leaf_at_sight(&line), Some((ImpressionId(7), Entry([7; 32]))));
        assert_eq!(leaf_of(&line), Ok(leaf_at_sight(&line)));
        // As somebody else might write it.
        let spaced = line.replace(':', " : ");
        assert_eq!((leaf_at_sight(&spaced), leaf_of(&spaced)), (None, leaf_of(&line)));
    }

    #[test]
    fn what_a_text_says_is_no_leaf() {
        let mark = STANDARD.encode([7; 32]);
        let peer = format!(r#"x","mark":"{mark}","impression":"00000000000000000000000007"#);
        let line = serde_json::json!({ "device": "d", "peer": peer }).to_string();
        assert_eq!((leaf_at_sight(&line), leaf_of(&line)), (None, Ok(None)));
    }

    #[test]
    fn a_line_of_another_form_is_read_as_a_whole() {
        let mark = STANDARD.encode([7; 32]);
        let leaf = format!(r#""impression":"00000000000000000000000007","mark":"{mark}""#);
        for line in [format!("{{{leaf}"), format!("{{{leaf}}}"), format!(r#"{{"x":{{{leaf}}}}}"#)] {
            assert_eq!(leaf_at_sight(&line), None, "{line}");
        }
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
