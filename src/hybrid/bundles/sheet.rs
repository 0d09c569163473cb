//! A manifest as the people at the tables read it, with its stamps (P18), in one language.

use crate::clock::Timestamp;
use crate::hybrid::report::ReportPage;
use crate::locale::{Lang, text};
use crate::postal::{Mark, MarksFile, Stamp};
use crate::store::print_batches::PrintBatch;

use super::Manifest;

/// The page of a bundle's manifest. The stamps are drawn from its marks with what is published of the devices.
#[must_use]
pub fn sheet(bundle: &PrintBatch, keys: &MarksFile, lang: Lang) -> ReportPage {
    let manifest = Manifest::of(bundle);
    let say = |key: &str| text(lang, key, &[]);
    let row = |key: &str, value: String| (say(key), value);
    let seal = manifest.insurance_seal.as_ref().map(|seal| {
        let number = seal.number.map_or_else(|| "—".to_owned(), |number| number.to_string());
        format!("{} · № {number}", seal.engraving)
    });
    let sheets: u32 = manifest.letters.iter().map(|letter| letter.sheets).sum();
    let facts = vec![
        row("bundle-centre", manifest.centre.clone()),
        row("bundle-plomb", manifest.seal.clone()),
        row("bundle-insurance", seal.unwrap_or_else(|| "—".to_owned())),
        row("bundle-sealed", manifest.sealed_at.clone()),
        row("bundle-letters", manifest.letters.len().to_string()),
        row("bundle-sheets", sheets.to_string()),
    ];
    let letters = (1..).zip(&manifest.letters).map(|(place, letter): (u32, _)| {
        let value = format!("{} · {} · SHA-256 {}", letter.class, letter.sheets, letter.sha256);
        (format!("{place}. {}", letter.s10), value)
    });
    ReportPage {
        lang: lang.tag().to_owned(),
        title: text(lang, "bundle-title", &[("seal", &manifest.seal)]),
        sections: vec![(say("bundle-bundle"), facts), (say("bundle-contents"), letters.collect())],
        stamps: bundle.head.marks.iter().rev().filter_map(|mark| stamp(mark, keys)).collect(),
        note: say("bundle-note"),
        id: manifest.id.clone().unwrap_or_else(|| manifest.seal.clone()),
        made_s: Timestamp::from_microsecond(bundle.head.sealed_us).map_or(0, Timestamp::as_second),
    }
}

/// The drawing of a mark, and what stands below it.
fn stamp(value: &str, keys: &MarksFile) -> Option<(String, String)> {
    let mark = Mark::parse(value).ok()?;
    let line = format!("{} · {}", mark.facility_name, mark.token);
    Some((Stamp::of_mark(&mark, Some(keys)).svg(), line))
}
