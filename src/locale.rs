//! Texts for people in Kazakh, Russian and English, from the Fluent files under `locales/`.
//!
//! The files are part of the binary and are read once. A key that a language lacks is looked up in the state
//! language; a test sees to it that none is missing.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use jiff::tz::TimeZone;
use unic_langid::LanguageIdentifier;

use crate::clock::Timestamp;

/// A language that texts are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// The state language.
    Kk,
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Lang {
    /// All of them, in the order in which a text in all languages has them.
    pub const ALL: [Lang; 3] = [Lang::Kk, Lang::Ru, Lang::En];

    /// The tag of BCP 47.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Kk => "kk",
            Lang::Ru => "ru",
            Lang::En => "en",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Lang::Kk => include_str!("../locales/kk.ftl"),
            Lang::Ru => include_str!("../locales/ru.ftl"),
            Lang::En => include_str!("../locales/en.ftl"),
        }
    }
}

/// The text under `key` in this language, with its arguments filled in. A key that no language has comes back
/// itself: a visible fault, but never a lost message.
#[must_use]
pub fn text(lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
    let wanted = find(lang, key, args);
    wanted.or_else(|| find(Lang::Kk, key, args)).unwrap_or_else(|| key.to_owned())
}

/// The text in all languages, one after the other with `separator` between; equal texts stand once.
#[must_use]
pub fn in_all(key: &str, args: &[(&str, &str)], languages: &[Lang], separator: &str) -> String {
    let mut texts: Vec<String> = Vec::new();
    for lang in languages {
        let text = text(*lang, key, args);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(separator)
}

/// So many bytes in the unit that suits them, with one digit behind the point below ten.
#[must_use]
pub fn size(lang: Lang, bytes: u64) -> String {
    let units = [(40, "size-tib"), (30, "size-gib"), (20, "size-mib"), (10, "size-kib")];
    let Some((shift, unit)) = units.into_iter().find(|(shift, _)| bytes >> shift > 0) else {
        return text(lang, "size-b", &[("n", &bytes.to_string())]);
    };
    // Cut off, not rounded: what is full does not look so before it is.
    let tenths = (u128::from(bytes) * 10) >> shift;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let point = if lang == Lang::En { '.' } else { ',' };
    let number = if whole < 10 && tenth > 0 { format!("{whole}{point}{tenth}") } else { whole.to_string() };
    text(lang, unit, &[("n", &number)])
}

/// A moment as people write it, in Kazakhstan's time (UTC+5 since 1 March 2024, FACTS B3).
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(5))).strftime("%d.%m.%Y %H:%M").to_string()
}

static BUNDLES: LazyLock<Vec<(Lang, FluentBundle<FluentResource>)>> =
    LazyLock::new(|| Lang::ALL.into_iter().map(|lang| (lang, load(lang))).collect());

fn load(lang: Lang) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = lang.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // The marks of direction that Fluent puts around arguments are noise in mail headers and on paper.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(lang.source().to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

fn find(lang: Lang, key: &str, args: &[(&str, &str)]) -> Option<String> {
    let (_, bundle) = BUNDLES.iter().find(|(of, _)| *of == lang)?;
    let pattern = bundle.get_message(key)?.value()?;
    let mut arguments = FluentArgs::new();
    for (name, value) in args {
        arguments.set(*name, *value);
    }
    let mut errors = Vec::new();
    Some(bundle.format_pattern(pattern, Some(&arguments), &mut errors).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lang: Lang) -> Vec<&'static str> {
        let is_key = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" =");
        lang.source().lines().filter(is_key).filter_map(|line| line.split(" =").next()).collect()
    }

    #[test]
    fn p25_every_language_has_every_text() {
        assert!(!keys(Lang::Kk).is_empty());
        for lang in Lang::ALL {
            assert!(FluentResource::try_new(lang.source().to_owned()).is_ok(), "{lang:?}");
            assert_eq!(keys(lang), keys(Lang::Kk), "{lang:?}");
            for key in keys(lang) {
                assert!(find(lang, key, &[]).is_some(), "{lang:?} {key}");
            }
        }
    }

    #[test]
    fn arguments_are_filled_in_without_marks_of_direction() {
        let text = text(Lang::En, "status-accepted-subject", &[("s10", "RR123456785KZ")]);
        assert_eq!(text, "Your letter RR123456785KZ was accepted");
    }

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        assert_eq!(size(Lang::En, 0), "0 B");
        assert_eq!(size(Lang::En, 1023), "1023 B");
        assert_eq!(size(Lang::Ru, 1536), "1,5 КБ");
        assert_eq!(size(Lang::En, 10 << 30), "10 GB");
        assert_eq!(size(Lang::Kk, (5 << 30) - 1), "4,9 ГБ");
        assert_eq!(size(Lang::En, u64::MAX), "16777215 TB");
    }

    #[test]
    fn an_unknown_key_is_visible() {
        assert_eq!(text(Lang::Ru, "no-such-text", &[]), "no-such-text");
    }
}
