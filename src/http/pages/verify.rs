//! `/verify`: anybody drops a message in and sees its marks. The page reads the message in the browser; this server
//! gets nothing of it.

use askama::Template;
use axum::response::Response;

use crate::locale::Lang;
use crate::postal::{Language, report_words};

use super::{Asked, Frame, show};

/// What the script of the page says.
const SAID: &[&str] = &[
    "verify-reading",
    "verify-no-crypto",
    "verify-no-keys",
    "verify-too-large",
    "verify-unreadable",
    "verify-unread",
    "verify-untrusted",
    "verify-mark-good",
    "verify-mark-doubt",
    "verify-mark-bad",
    "verify-facility",
    "verify-place",
    "verify-operator",
    "verify-time",
    "verify-device",
    "verify-s10",
    "verify-number",
    "verify-key",
    "verify-log-found",
    "verify-log-absent",
    "verify-log-wrong",
];

#[derive(Template)]
#[template(path = "verify.html")]
struct Page {
    frame: Frame,
}

impl Page {
    /// Texts of the script by their keys; arguments are left for it to fill in.
    fn texts(&self) -> Vec<(String, String)> {
        let names = ["count", "index", "size", "origin", "reason"].map(|name| (name, format!("{{ ${name} }}")));
        let args: Vec<(&str, &str)> = names.iter().map(|(name, place)| (*name, place.as_str())).collect();
        let own = SAID.iter().map(|key| ((*key).to_owned(), self.frame.text_with(key, &args)));
        let words = report_words(language(self.frame.lang())).map(|(key, text)| (key, text.to_owned()));
        own.chain(words).collect()
    }
}

fn language(lang: Lang) -> Language {
    match lang {
        Lang::Kk => Language::Kk,
        Lang::Ru => Language::Ru,
        Lang::En => Language::En,
    }
}

/// `GET /verify`
pub(super) async fn page(asked: Asked) -> Response {
    let frame = Frame::new(asked, "verify-title");
    show(&frame, &Page { frame: frame.clone() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A script that says what the page does not have would show a key.
    #[test]
    fn p25_every_text_of_the_script_is_on_the_page() {
        let script = include_str!("verify.mjs");
        let named = script.split('"').filter(|text| text.starts_with("verify-") && !text.ends_with(".mjs"));
        let named: Vec<&str> = named.collect();
        assert!(named.len() > 15, "{named:?}");
        for key in named {
            assert!(SAID.contains(&key), "{key}");
        }
    }

    #[test]
    fn p25_the_page_has_every_phrase_that_its_modules_name_and_no_other() {
        let modules = [include_str!("postmark/mark.mjs"), include_str!("postmark/published.mjs")].concat();
        let after = |before: &str| -> Vec<String> {
            modules.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
        };
        let named: BTreeSet<String> = [after("malformed(\""), after("{ phrase: \"")].concat().into_iter().collect();
        let words = report_words(Language::Kk);
        let said: BTreeSet<String> =
            words.filter_map(|(key, _)| key.strip_prefix("phrase-").map(str::to_owned)).collect();
        assert_eq!(named, said);
        assert!(!said.is_empty());
    }
}
