//! Draws a report: PDF/A-2b, so that it can be read as long as it has to be kept.

use std::collections::HashMap;

use serde_json::json;
use typst::foundations::{Bytes, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::typeset::{Desk, missing, timestamp};
use crate::hybrid::letter::CheckFailure;
use crate::hybrid::report::ReportPage;

const TEMPLATE: &str = include_str!("report.typ");

/// Stamps beside each other.
const MAX_STAMPS: usize = 4;

/// Draws the report.
///
/// # Errors
/// The layout does not take it.
pub(crate) fn render(page: &ReportPage) -> Result<Vec<u8>, CheckFailure> {
    let mut files = HashMap::from([("/report.json".to_owned(), Bytes::new(data(page).to_string().into_bytes()))]);
    for (number, (svg, _)) in page.stamps.iter().take(MAX_STAMPS).enumerate() {
        files.insert(stamp_path(number), Bytes::new(svg.clone().into_bytes()));
    }
    let desk = Desk::of(TEMPLATE, files)?;
    let pdf = draw(&desk, page);
    comemo::evict(0);
    pdf
}

fn draw(desk: &Desk, page: &ReportPage) -> Result<Vec<u8>, CheckFailure> {
    let document = typst::compile::<PagedDocument>(desk).output.map_err(|errors| broken(&errors))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2b]).map_err(|error| failure(error.message()))?;
    let options = PdfOptions {
        ident: Smart::Custom(page.id.clone()),
        creator: Smart::Custom(Some("Poshta".to_owned())),
        timestamp: timestamp(page.made_s),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|errors| broken(&errors))
}

fn broken(errors: &[typst::diag::SourceDiagnostic]) -> CheckFailure {
    failure(&errors.first().map(|error| error.message.to_string()).unwrap_or_default())
}

fn failure(why: &str) -> CheckFailure {
    CheckFailure::Unreadable { name: "the report".into(), why: why.to_owned() }
}

/// What no font of ours has becomes a question mark: PDF/A allows no empty boxes.
fn data(page: &ReportPage) -> serde_json::Value {
    let clean = |text: &String| -> String {
        let strange = missing(text);
        text.chars().map(|c| if strange.contains(&c) || c.is_control() { '?' } else { c }).collect()
    };
    let rows = |rows: &[(String, String)]| -> Vec<_> {
        rows.iter().map(|(label, value)| [clean(label), clean(value)]).collect()
    };
    let sections: Vec<_> = page
        .sections
        .iter()
        .map(|(heading, values)| json!({ "heading": clean(heading), "rows": rows(values) }))
        .collect();
    let stamps: Vec<_> = page.stamps.iter().take(MAX_STAMPS).enumerate().collect();
    let stamps: Vec<_> =
        stamps.iter().map(|(number, (_, line))| json!({ "path": stamp_path(*number), "line": clean(line) })).collect();
    json!({
        "lang": page.lang, "title": clean(&page.title), "sections": sections, "stamps": stamps, "note": clean(&page.note),
    })
}

fn stamp_path(number: usize) -> String {
    format!("/stamp-{number}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\"><circle cx=\"200\" cy=\"200\" \
                         r=\"190\" fill=\"none\" stroke=\"#000\"/></svg>";

    #[test]
    fn p32_a_report_is_pdf_a_and_the_same_every_time() {
        let page = ReportPage {
            lang: "kk".into(),
            title: "Атаулы құрылғының тәуліктік жабылуы".into(),
            sections: vec![("Құрылғы".into(), vec![("Бедері".into(), "Қазақстан Республикасы 漢".into()); 90])],
            stamps: vec![(STAMP.into(), "Астана · 22112600".into()); 2],
            note: "Қолтаңба".into(),
            id: "astana-1-a 2026-11-22".into(),
            made_s: 1_795_234_500,
        };
        let pdf = render(&page).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("pdfaid:part>2") && text.contains("pdfaid:conformance>B"), "not marked as PDF/A-2b");
        assert_eq!(render(&page).unwrap(), pdf);
    }
}
