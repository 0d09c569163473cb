//! In which language a page is shown: `?lang=`, else the cookie that an earlier `?lang=` left, else what the browser
//! prefers (RFC 9110 §12.5.4), else Kazakh.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::locale::Lang;
use crate::store::announcements::Announcement;

use super::accept::weight;
use super::visitor::Known;

/// The cookie that remembers a choice.
pub(super) const COOKIE: &str = "lang";

/// What the guard puts beside a request: planned work that every page tells of (M16).
#[derive(Clone, Debug)]
pub(super) struct Planned(pub(super) Arc<[Announcement]>);

/// What a request says of the page that it wants.
#[derive(Clone, Debug)]
pub(in crate::http) struct Asked {
    /// The language to answer in.
    pub(in crate::http) lang: Lang,
    /// It was chosen with this request: to be remembered.
    pub(super) is_chosen: bool,
    /// The path, for links to the same page in other languages.
    pub(super) path: String,
    /// What stands behind its question mark, without the language.
    pub(super) query: String,
    /// Who asks.
    pub(super) known: Known,
    /// Planned work that every page tells of.
    pub(super) planned: Arc<[Announcement]>,
}

impl Asked {
    fn of(parts: &Parts) -> Self {
        let chosen = parts.uri.query().and_then(chosen);
        let lang = chosen.or_else(|| remembered(&parts.headers)).or_else(|| preferred(&parts.headers));
        let others =
            |query: &str| query.split('&').filter(|pair| !pair.starts_with("lang=")).collect::<Vec<_>>().join("&");
        Asked {
            lang: lang.unwrap_or(Lang::Kk),
            is_chosen: chosen.is_some(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(others).unwrap_or_default(),
            known: parts.extensions.get::<Known>().cloned().unwrap_or_default(),
            planned: parts.extensions.get::<Planned>().map_or_else(|| Arc::from([]), |planned| Arc::clone(&planned.0)),
        }
    }
}

impl Asked {
    /// The same, after a change of the planned work that pages tell of.
    pub(super) fn telling(self, planned: Vec<Announcement>) -> Self {
        Asked { planned: planned.into(), ..self }
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Asked::of(parts))
    }
}

fn chosen(query: &str) -> Option<Lang> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(by_tag)
}

fn remembered(headers: &HeaderMap) -> Option<Lang> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, tag)| by_tag(tag))
}

/// The language with the largest weight that there is; of equal ones the first.
fn preferred(headers: &HeaderMap) -> Option<Lang> {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter_map(|range| {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let language = tag.trim().split('-').next().unwrap_or_default();
        Some((by_tag(&language.to_ascii_lowercase())?, weight(parameters)))
    });
    let best = |best: Option<(Lang, u16)>, range: (Lang, u16)| match best {
        Some(found) if found.1 >= range.1 => Some(found),
        _ => Some(range),
    };
    ranges.filter(|(_, weight)| *weight > 0).fold(None, best).map(|(lang, _)| lang)
}

fn by_tag(tag: &str) -> Option<Lang> {
    Lang::ALL.into_iter().find(|lang| lang.tag() == tag)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use test_case::test_case;

    use super::*;

    #[test_case("/verify", None, None => "kk"; "kazakh where nothing is said")]
    #[test_case("/verify", None, Some("ru-RU,ru;q=0.9,en;q=0.8") => "ru"; "what the browser prefers")]
    #[test_case("/verify", None, Some("de, en;q=0.5, ru;q=0.7") => "ru"; "the larger weight of those there are")]
    #[test_case("/verify", None, Some("ru;q=0, en;q=0.001") => "en"; "weight 0 means not this one")]
    #[test_case("/verify", None, Some("de-DE, *") => "kk"; "no language of ours")]
    #[test_case("/verify", None, Some("EN-gb") => "en"; "tags have no case")]
    #[test_case("/verify", None, Some("ru;q=x, en;q=2") => "kk"; "no weights")]
    #[test_case("/verify", Some("a=b; lang=en"), Some("ru") => "en"; "the cookie goes before the browser")]
    #[test_case("/verify", Some("lang=xx"), Some("ru") => "ru"; "a cookie of another time")]
    #[test_case("/verify?lang=ru", Some("lang=en"), Some("kk") => "ru"; "the address goes before the cookie")]
    #[test_case("/verify?x=1&lang=zz", Some("lang=en"), None => "en"; "an address that names none of ours")]
    fn p25_language_of_a_page(uri: &str, cookie: Option<&str>, accept: Option<&str>) -> &'static str {
        let mut request = Request::builder().uri(uri);
        for (name, value) in [(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, accept)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Asked::of(&parts).lang.tag()
    }
}
