//! Draws a receipt: one page, PDF/A-2b, so that it can be read as long as it has to be kept.

use std::collections::HashMap;

use serde_json::json;
use typst::foundations::{Bytes, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::barcode;
use super::typeset::{Desk, missing, timestamp};
use crate::hybrid::letter::CheckFailure;
use crate::hybrid::receipt::{MAX_STAMPS, ReceiptPage};

const TEMPLATE: &str = include_str!("receipt.typ");

/// Draws the receipt.
///
/// # Errors
/// The layout does not take it.
pub(crate) fn render(page: &ReceiptPage) -> Result<Vec<u8>, CheckFailure> {
    let page = readable(page);
    let mut files = HashMap::new();
    files.insert("/receipt.json".to_owned(), Bytes::new(data(&page).to_string().into_bytes()));
    files.insert("/code.svg".to_owned(), Bytes::new(barcode::qr_svg(&page.proof_url)?.into_bytes()));
    for (number, (svg, _)) in page.stamps.iter().enumerate() {
        files.insert(stamp_path(number), Bytes::new(svg.clone().into_bytes()));
    }
    let desk = Desk::of(TEMPLATE, files)?;
    let pdf = draw(&desk, &page);
    comemo::evict(0);
    pdf
}

fn draw(desk: &Desk, page: &ReceiptPage) -> Result<Vec<u8>, CheckFailure> {
    let document = typst::compile::<PagedDocument>(desk).output.map_err(|errors| broken(&errors))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2b]).map_err(|_| failure("PDF/A-2b is not possible"))?;
    let options = PdfOptions {
        ident: Smart::Custom(page.item_id.clone()),
        creator: Smart::Custom(Some("Poshta".to_owned())),
        timestamp: timestamp(page.accepted_unix),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|errors| broken(&errors))
}

fn broken(errors: &[typst::diag::SourceDiagnostic]) -> CheckFailure {
    failure(&errors.first().map(|error| error.message.to_string()).unwrap_or_default())
}

fn failure(why: &str) -> CheckFailure {
    CheckFailure::Unreadable { name: "the receipt".into(), why: why.to_owned() }
}

/// A page with a question mark for what no font of ours has: PDF/A allows no empty boxes, and an address in a rare
/// script is no reason to have no receipt.
fn readable(page: &ReceiptPage) -> ReceiptPage {
    let all = |texts: &[(String, String)]| -> String { texts.iter().map(|(one, two)| format!("{one}{two}")).collect() };
    let strange = missing(&format!("{}{}{}", page.operator, page.titles.concat(), all(&page.facts)));
    let readable = |text: &String| -> String {
        text.chars().map(|c| if strange.contains(&c) || c.is_control() { '?' } else { c }).collect()
    };
    let facts = page.facts.iter().map(|(label, value)| (readable(label), readable(value))).collect();
    let stamps = page.stamps.iter().take(MAX_STAMPS).cloned().collect();
    ReceiptPage { operator: readable(&page.operator), facts, stamps, ..page.clone() }
}

fn data(page: &ReceiptPage) -> serde_json::Value {
    let stamps: Vec<_> = (0..)
        .zip(&page.stamps)
        .map(|(number, (_, line))| json!({ "path": stamp_path(number), "line": line }))
        .collect();
    json!({
        "operator": page.operator,
        "titles": page.titles,
        "facts": page.facts,
        "stamps": stamps,
        "proof_url": page.proof_url,
        "proof_notes": page.proof_notes,
        "item_id": page.item_id,
    })
}

fn stamp_path(number: usize) -> String {
    format!("/stamp-{number}.svg")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn page() -> ReceiptPage {
        let stamp = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\"><circle cx=\"200\" cy=\"200\" \
                     r=\"190\" fill=\"none\" stroke=\"#000\"/></svg>";
        ReceiptPage {
            operator: "«Қазпошта» АҚ".into(),
            titles: vec!["Хат қабылданды".into(), "Письмо принято".into(), "Letter accepted".into()],
            facts: vec![
                ("Алушы · Получатель · Recipient".into(), "aigul@poshta.example".into()),
                ("Кімнен".into(), "somebody 漢字 \u{1F600}".into()),
            ],
            stamps: vec![(stamp.into(), "Аягөз · 21112609".into()), (stamp.into(), "Көкшетау · 21112609".into())],
            proof_url: "https://poshta.example/log/proof?i=01KAJN2X5M2R8Q0V7C9D4E6F3G".into(),
            proof_notes: vec!["Дәлел".into(), "Доказательство".into(), "Proof".into()],
            item_id: "01KAJN2X5M2R8Q0V7C9D4E6F3G".into(),
            accepted_unix: 1_795_234_500,
        }
    }

    #[test]
    fn p18_a_receipt_is_one_page_of_pdf_a_with_a_code_that_leads_to_the_proof() {
        let pdf = render(&page()).unwrap();
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("pdfaid:part>2") && text.contains("pdfaid:conformance>B"), "not marked as PDF/A-2b");
        let document =
            super::super::protocol::Document { kind: crate::hybrid::documents::DocumentKind::Pdf, bytes: pdf };
        let facts = super::super::pages::inspect(&document).unwrap();
        assert_eq!(facts.pages, 1);
        #[cfg(feature = "scan")]
        {
            let grey = super::super::pages::grey_first_page(&document).unwrap();
            assert_eq!(barcode::read(&grey), [page().proof_url]);
        }
    }

    #[test]
    fn p18_a_receipt_with_as_many_stamps_and_facts_as_there_are_is_one_page() {
        let line = "Қазақстан Республикасы · Астана · «Қазпошта» АҚ · Электрондық пошта орталығы · №2 · А · 29112615";
        let stamps = vec![(page().stamps.remove(0).0, line.to_owned()); MAX_STAMPS + 1];
        let label = "Қабылдау штемпелі · Штемпель приёма · Acceptance postmark";
        let facts = vec![(label.to_owned(), line.to_owned()); 11];
        let pdf = render(&ReceiptPage { stamps, facts, ..page() }).unwrap();
        let document =
            super::super::protocol::Document { kind: crate::hybrid::documents::DocumentKind::Pdf, bytes: pdf };
        assert_eq!(super::super::pages::inspect(&document).unwrap().pages, 1);
    }

    #[test]
    fn the_same_receipt_is_the_same_bytes() {
        assert_eq!(render(&page()), render(&page()));
    }
}
