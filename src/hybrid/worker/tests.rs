//! What comes off the press, looked at: text, pages, bar codes.

use super::super::documents::{DocumentFacts, DocumentKind};
use super::super::letter::{Attachment, Block, Carrier, CheckFailure, Format, Letter, Sides, Surcharge, blocks};
use super::perform;
use super::protocol::{Answer, Document, Rendered, Request};
use crate::postal::{Area, Placement, check_placement};

const ITEM: &str = "01JD7Z9Q4M8W6T5R3N2K1H0GFE";
const S10: &str = "RR123456785KZ";
const POSTMARK: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><circle cx="50" cy="50" r="47" fill="none" stroke="#111" stroke-width="2"/><circle cx="50" cy="50" r="28" fill="none" stroke="#111"/><text x="50" y="54" font-size="11" text-anchor="middle" font-family="Libertinus Serif">21112620</text></svg>"##;

pub(crate) fn letter() -> Letter {
    let fact = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    Letter {
        format: Format::Letter,
        sides: Sides::One,
        carrier: Carrier {
            operator: "«Қазпошта» АҚ".into(),
            address: ["Айгүл Сәрсенқызы Өтеғалиева", "Абай көшесі, 12-үй, 34-пәтер", "Аягөз", "Абай облысы", "070200"]
                .map(String::from)
                .to_vec(),
            sender: ["Нұрлан Қасымов", "user001@poshta.example"].map(String::from).to_vec(),
            item_id: ITEM.into(),
            s10: S10.into(),
            facts: vec![
                fact("Түрі · Вид", "Тапсырысты хат · Заказное письмо"),
                fact("Қабылданды · Принято", "21.11.2026 20:03 (+05:00), Астана"),
                fact("Тақырыбы · Тема", "Келісімшарт туралы"),
                fact("Парақ саны · Листов", ""),
            ],
            sender_label: "Жіберуші · Отправитель".into(),
            footer: "Бұл парақ хаттың мұқабасы болып табылады.".into(),
            postmark_svg: POSTMARK.into(),
            accepted_unix: 1_795_266_180,
        },
        text: blocks(
            "Құрметті Айгүл Сәрсенқызы!\n\nСізге келісімшарттың жаңа нұсқасын жібереміз: ӘҒҚҢӨҰҮҺІ әғқңөұүһі.\n\
             Жауабыңызды күтеміз. #set page(fill: red) $x^2$ *bold* @ref\n\n> Ескі хаттан\n> үзінді\n\nҚұрметпен,\nНұрлан",
        ),
        attachments: Vec::new(),
        surcharge: None,
    }
}

fn rendered(letter: Letter) -> Result<Rendered, CheckFailure> {
    match perform(Request::Render { letter: Box::new(letter), max_sheets: 20 }) {
        Answer::Letter(rendered) => Ok(rendered),
        Answer::Failed(failure) => Err(failure),
        other => panic!("{other:?}"),
    }
}

/// The text of a page with single spaces: where lines end is a matter of layout.
fn text_of(pdf: &[u8], page: u32) -> String {
    let text = lopdf::Document::load_mem(pdf).unwrap().extract_text(&[page]).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pdf(bytes: Vec<u8>) -> Document {
    Document { kind: DocumentKind::Pdf, bytes }
}

#[test]
fn m2_letter_has_a_carrier_and_then_its_text() {
    let out = rendered(letter()).unwrap();
    if let Ok(dir) = std::env::var("POSHTA_SHOW_LETTERS") {
        std::fs::write(format!("{dir}/letter.pdf"), &out.pdf).unwrap();
    }
    assert_eq!((out.pages, out.sheets), (2, 2));
    let (carrier, text) = (text_of(&out.pdf, 1), text_of(&out.pdf, 2));
    for expected in ["Айгүл Сәрсенқызы Өтеғалиева", "070200", "Нұрлан Қасымов", S10, ITEM, "Келісімшарт туралы"]
    {
        assert!(carrier.contains(expected), "{expected} in {carrier}");
    }
    for expected in ["ӘҒҚҢӨҰҮҺІ әғқңөұүһі", "set page(fill: red) $x^2$ *bold* @ref", "үзінді", S10]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn the_same_letter_gives_the_same_bytes() {
    assert_eq!(rendered(letter()).unwrap().pdf, rendered(letter()).unwrap().pdf);
}

#[test]
fn p19_text_never_shares_a_sheet_with_the_mark() {
    let out = rendered(Letter { sides: Sides::Two, ..letter() }).unwrap();
    assert_eq!((out.pages, out.sheets), (3, 2));
    assert_eq!(text_of(&out.pdf, 2).trim(), "");
    assert!(text_of(&out.pdf, 3).contains("Құрметті"));
}

/// The rectangle that the layout gives to what `what` names, in millimetres.
fn area(form: &str, what: &str, size: (f64, f64)) -> Area {
    let template = include_str!("letter.typ");
    let form = template.split_once(&format!("#let {form}()")).unwrap().1.split("\n#let ").next().unwrap();
    let place = form.split("place(").find(|place| place.contains(what)).unwrap();
    let mm = |name: &str| {
        let number = place.split_once(&format!("{name}: ")).unwrap().1.split_once("mm").unwrap().0;
        number.parse::<f64>().unwrap()
    };
    Area { x: mm("dx"), y: mm("dy"), width: size.0, height: size.1 }
}

#[test_case::test_case("carrier-sheet", "window()", (91.4, 26.8), (70.0, 48.0); "letter")]
#[test_case::test_case("postcard", "carrier.address", (64.0, 44.0), (58.0, 48.0); "post card")]
fn p11_mark_and_code_leave_both_addresses_free(form: &str, window: &str, to: (f64, f64), from: (f64, f64)) {
    let addresses = [area(form, window, to), area(form, "carrier.sender,", from)];
    for (drawn, size) in [("/postmark.svg", (30.0, 30.0)), ("/code.svg", (22.0, 22.0))] {
        let mark = area(form, drawn, size);
        assert_eq!(check_placement(Placement { mark, addresses: &addresses, faces: &[] }), Ok(()), "{drawn}");
    }
}

#[test_case::test_case("carrier-sheet", "window()", ((91.4, 26.8), (70.0, 48.0), (90.0, 15.0)); "letter")]
#[test_case::test_case("postcard", "carrier.address", ((64.0, 44.0), (58.0, 40.0), (62.0, 15.0)); "post card")]
fn p7_p11_the_surcharge_stamp_leaves_both_addresses_free(
    form: &str,
    window: &str,
    sizes: ((f64, f64), (f64, f64), (f64, f64)),
) {
    let (to, from, stamp) = sizes;
    let addresses = [area(form, window, to), area(form, "carrier.sender,", from)];
    let mark = area(form, "surcharge-stamp(", stamp);
    assert_eq!(check_placement(Placement { mark, addresses: &addresses, faces: &[] }), Ok(()));
}

#[test_case::test_case(Format::Letter)]
#[test_case::test_case(Format::Postcard)]
fn p7_the_surcharge_is_printed(format: Format) {
    let surcharge = Surcharge {
        label: "Қосымша төлеу · Доплатить".into(),
        amount: "350.00 теңге".into(),
        line: "Астана · «Қазпошта» АҚ · №2 · Б · 21112609".into(),
    };
    let text = blocks("Сәлем!");
    let out = rendered(Letter { format, text, surcharge: Some(surcharge), ..letter() }).unwrap();
    let printed = text_of(&out.pdf, 1);
    assert!(printed.contains("350.00 теңге") && printed.contains("Қосымша төлеу"), "{printed}");
    assert!(!text_of(&out.pdf, 2).contains("350.00"), "on the carrier only");
}

#[test]
fn carrier_code_is_read_back() {
    let out = rendered(letter()).unwrap();
    let answer = perform(Request::ReadCodes(pdf(out.pdf)));
    assert_eq!(answer, Answer::Codes(vec![format!("{ITEM} {S10}")]));
}

#[test]
fn characters_without_a_glyph_are_named() {
    let failure = rendered(Letter { text: blocks("Сәлем 😀 漢漢"), ..letter() }).unwrap_err();
    assert_eq!(failure, CheckFailure::UnprintableCharacters(vec!['😀', '漢']));
}

#[test]
fn attachments_are_appended_page_by_page() {
    let inner = rendered(letter()).unwrap();
    let facts = perform(Request::Inspect(pdf(inner.pdf.clone())));
    assert_eq!(facts, Answer::Facts(DocumentFacts { pages: 2, a4: true }));
    let document = Attachment { name: "шарт.pdf".into(), kind: DocumentKind::Pdf, pages: 2, bytes: inner.pdf };
    let picture = Attachment { name: "a.png".into(), kind: DocumentKind::Png, pages: 1, bytes: png(60, 40) };
    let out = rendered(Letter { attachments: vec![document, picture], ..letter() }).unwrap();
    assert_eq!(out.pages, 5);
    let Answer::Codes(codes) = perform(Request::ReadCodes(pdf(only_page(&out.pdf, 3)))) else { panic!() };
    assert_eq!(codes, [format!("{ITEM} {S10}")], "page 3 shows the attached page 1");
}

#[test]
fn a_letter_above_the_sheet_limit_is_refused() {
    let text = blocks(&"Жол\n\n".repeat(2000));
    let failure = rendered(Letter { text, ..letter() }).unwrap_err();
    assert!(matches!(failure, CheckFailure::TooManySheets { limit: 20, .. }), "{failure}");
}

#[test]
fn m2_postcard_is_one_sheet_with_two_sides() {
    let out = rendered(Letter { format: Format::Postcard, ..letter() }).unwrap();
    if let Ok(dir) = std::env::var("POSHTA_SHOW_LETTERS") {
        std::fs::write(format!("{dir}/postcard.pdf"), &out.pdf).unwrap();
    }
    assert_eq!((out.pages, out.sheets), (2, 1));
    let long = blocks(&"Ұзақ мәтін жолы, тағы да жол\n".repeat(40));
    let failure = rendered(Letter { format: Format::Postcard, text: long, ..letter() }).unwrap_err();
    assert_eq!(failure, CheckFailure::PostcardTooLong);
}

#[test]
fn an_empty_letter_is_refused() {
    assert_eq!(rendered(Letter { text: Vec::<Block>::new(), ..letter() }).unwrap_err(), CheckFailure::Empty);
}

#[test]
fn encrypted_pdf_is_refused() {
    let answer = perform(Request::Inspect(pdf(encrypted(&rendered(letter()).unwrap().pdf))));
    assert!(matches!(answer, Answer::Failed(CheckFailure::Encrypted(_))), "{answer:?}");
}

#[test]
fn damaged_documents_are_refused() {
    for (kind, bytes) in [
        (DocumentKind::Pdf, b"%PDF-1.7\nnothing".to_vec()),
        (DocumentKind::Png, b"\x89PNG\r\n\x1a\nnothing".to_vec()),
        (DocumentKind::Jpeg, b"\xff\xd8\xffnothing".to_vec()),
        (DocumentKind::Tiff, b"II*\0nothing".to_vec()),
    ] {
        let answer = perform(Request::Inspect(Document { kind, bytes }));
        assert!(matches!(answer, Answer::Failed(CheckFailure::Unreadable { .. })), "{kind:?}: {answer:?}");
    }
}

#[test]
fn pictures_become_pdf_with_all_their_pages() {
    let tiff = Document { kind: DocumentKind::Tiff, bytes: tiff_of_two_pages() };
    assert_eq!(perform(Request::Inspect(tiff.clone())), Answer::Facts(DocumentFacts { pages: 2, a4: false }));
    for (document, pages) in [(tiff, 2), (Document { kind: DocumentKind::Png, bytes: png(400, 300) }, 1)] {
        let Answer::Pdf(bytes) = perform(Request::ToPdf(document)) else { panic!("no PDF") };
        let Answer::Facts(facts) = perform(Request::Inspect(pdf(bytes))) else { panic!("no facts") };
        assert_eq!(facts.pages, pages);
    }
}

#[test_case::test_case(Code::Qr, 60, 1700; "qr at the foot")]
#[test_case::test_case(Code::Qr, 1100, 100; "qr at the head")]
#[test_case::test_case(Code::DataMatrix, 1200, 90; "data matrix at the head")]
fn m2_a_code_on_a_scanned_page_is_found(code: Code, left: u32, top: u32) {
    let text = "user001@poshta.example";
    let bytes = scanned_page(code, text, (left, top));
    let answer = perform(Request::ReadCodes(Document { kind: DocumentKind::Png, bytes }));
    assert_eq!(answer, Answer::Codes(vec![text.to_owned()]));
}

#[test]
fn a_page_without_a_code_has_none() {
    let answer = perform(Request::ReadCodes(Document { kind: DocumentKind::Png, bytes: png(800, 1100) }));
    assert_eq!(answer, Answer::Codes(Vec::new()));
}

#[derive(Clone, Copy)]
enum Code {
    Qr,
    DataMatrix,
}

/// An A4 page at 200 dpi with a code of 5 pixels a module.
fn scanned_page(code: Code, text: &str, (left, top): (u32, u32)) -> Vec<u8> {
    use rxing::{BarcodeFormat, Writer};
    let matrix = match code {
        Code::Qr => rxing::qrcode::QRCodeWriter {}.encode(text, &BarcodeFormat::QR_CODE, 0, 0),
        Code::DataMatrix => rxing::datamatrix::DataMatrixWriter {}.encode(text, &BarcodeFormat::DATA_MATRIX, 0, 0),
    }
    .unwrap();
    let mut page = image::GrayImage::from_pixel(1654, 2339, image::Luma([250]));
    for y in 0..matrix.height() * 5 {
        for x in 0..matrix.width() * 5 {
            if matrix.get(x / 5, y / 5) {
                page.put_pixel(left + x, top + y, image::Luma([20]));
            }
        }
    }
    let mut out = std::io::Cursor::new(Vec::new());
    page.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(width, height, image::Luma([90])).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn tiff_of_two_pages() -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut out).unwrap();
    for shade in [40u8, 200] {
        encoder.write_image::<tiff::encoder::colortype::Gray8>(20, 30, &[shade; 600]).unwrap();
    }
    out.into_inner()
}

fn only_page(pdf: &[u8], page: u32) -> Vec<u8> {
    let mut document = lopdf::Document::load_mem(pdf).unwrap();
    let others: Vec<u32> = document.get_pages().into_keys().filter(|number| *number != page).collect();
    document.delete_pages(&others);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn encrypted(pdf: &[u8]) -> Vec<u8> {
    use lopdf::{EncryptionState, EncryptionVersion, Permissions};
    let mut document = lopdf::Document::load_mem(pdf).unwrap();
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}
