//! What comes off the press, looked at: text, pages, bar codes.

use super::super::documents::{DocumentFacts, DocumentKind};
use super::super::letter::{Attachment, Block, Carrier, CheckFailure, Format, Letter, Sides, blocks, printable};
use super::super::paper_marks::surcharge_mark;
use super::pages::rasterise_first_page;
use super::perform;
use super::places::Places;
use super::protocol::{Answer, Document, Rendered, Request};
use super::typeset::render_at;
use crate::postal::{Area, PlacementError, Stamp};

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
        surcharge_svg: None,
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

const DPI: f32 = 144.0;

/// What is drawn in an area of the page with the mark, in shades of grey.
fn drawn_in(pdf: &[u8], area: Area) -> Vec<u8> {
    let page = rasterise_first_page(pdf, DPI).unwrap();
    let middle = |pixel: u32| (f64::from(pixel) + 0.5) * 25.4 / f64::from(DPI);
    let inside = |at: f64, from: f64, size: f64| from < at && at < from + size;
    let is_in = |(at, _): &(u32, &u8)| {
        let (x, y) = (middle(at % page.width), middle(at / page.width));
        inside(x, area.x, area.width) && inside(y, area.y, area.height)
    };
    (0..).zip(&page.pixels).filter(is_in).map(|(_, grey)| *grey).collect()
}

fn is_blank(drawn: &[u8]) -> bool {
    drawn.iter().all(|grey| *grey > 200)
}

/// The lowest and the rightmost strip of a block: what is cut off leaves ink there.
fn edges(block: Area) -> [Area; 2] {
    let (lowest, rightmost) = (0.5, 0.25);
    [
        Area { y: block.y + block.height - lowest, height: lowest, ..block },
        Area { x: block.x + block.width - rightmost, width: rightmost, ..block },
    ]
}

fn surcharged(format: Format, sender: &[String], address: &[String]) -> Letter {
    let plain = letter();
    let carrier = Carrier { sender: sender.to_vec(), address: address.to_vec(), ..plain.carrier };
    Letter { format, carrier, text: blocks("Сәлем!"), surcharge_svg: Some(surcharge_svg()), ..plain }
}

/// The stamp of the mark on a letter for which something is to be paid.
fn surcharge_svg() -> String {
    let message = include_bytes!("../../../tests/vectors/postmark/valid-surcharge.eml");
    Stamp::of_mark(&surcharge_mark(message).unwrap(), None).svg()
}

/// RFC 5321 §4.5.3.1.3: an address of 254 octets; a name of 100 characters, of which check.rs leaves no more.
fn longest_senders() -> [Vec<String>; 3] {
    let address = format!("{}@{}.example", "w".repeat(64), "m".repeat(181));
    let words = "Әбдірахманов-Өтеғалиев ".repeat(5).chars().take(100).collect::<String>();
    let names = [words, "Щ".repeat(100), "W".repeat(100)];
    names.map(|name| [name, address.clone()].map(|line| printable(&line)).to_vec())
}

/// Seven lines of sixty characters, of which `PostalAddress` takes no more.
fn longest_addresses() -> [Vec<String>; 2] {
    let words = "Қонаев көшесінің бойындағы тұрғын үйлер, 123-үй, 45-пәтер Ы";
    [words.to_owned(), "Щ".repeat(60)].map(|line| vec![line; 7])
}

#[test_case::test_case(Format::Letter; "letter")]
#[test_case::test_case(Format::Postcard; "post card")]
fn p11_the_longest_names_and_addresses_reach_no_mark_and_are_whole(format: Format) {
    let places = Places::of(format);
    let plain = letter().carrier;
    let short = rendered(surcharged(format, &plain.sender, &plain.address)).unwrap().pdf;
    for (sender, address) in longest_senders().iter().zip(longest_addresses().iter().cycle()) {
        let long = rendered(surcharged(format, sender, address)).unwrap().pdf;
        if let Ok(dir) = std::env::var("POSHTA_SHOW_LETTERS") {
            std::fs::write(format!("{dir}/long-{format:?}-{}.pdf", sender[0].chars().next().unwrap()), &long).unwrap();
        }
        for mark in [places.postmark, places.surcharge] {
            assert!(drawn_in(&long, mark) == drawn_in(&short, mark), "{mark:?} under {sender:?}");
        }
        for edge in [places.sender, places.addressee].into_iter().flat_map(edges) {
            assert!(is_blank(&drawn_in(&long, edge)), "{edge:?} with {sender:?}, {address:?}");
        }
    }
}

#[test_case::test_case(Format::Letter; "letter")]
#[test_case::test_case(Format::Postcard; "post card")]
fn p11_what_is_longer_than_its_block_is_cut_off_before_the_marks(format: Format) {
    let places = Places::of(format);
    let plain = letter().carrier;
    let short = rendered(surcharged(format, &plain.sender, &plain.address)).unwrap().pdf;
    let sender = vec!["Нұрлан Қасымов".to_owned(); 60];
    let long = rendered(surcharged(format, &sender, &plain.address)).unwrap().pdf;
    for mark in [places.postmark, places.surcharge, places.code] {
        assert!(drawn_in(&long, mark) == drawn_in(&short, mark), "{mark:?}");
    }
    let address = vec!["Абай көшесі".to_owned(); 60];
    let failure = rendered(surcharged(format, &plain.sender, &address)).unwrap_err();
    assert_eq!(failure, CheckFailure::AddressTooLong);
}

const FACE: Area = Area { x: 110.0, y: 0.0, width: 100.0, height: 12.0 };

#[test_case::test_case(|it| Places { surcharge: it.sender, ..it } => PlacementError::CoversAddress; "p11 stamp over the sender")]
#[test_case::test_case(|it| Places { code: it.addressee, ..it } => PlacementError::CoversAddress; "p11 code over the addressee")]
#[test_case::test_case(|it| Places { faces: &[FACE], ..it } => PlacementError::SoilsFace; "p21 postmark over a face")]
fn p11_p21_a_letter_with_a_misplaced_mark_is_not_printed(change: fn(Places) -> Places) -> PlacementError {
    let carrier = letter().carrier;
    let failures = [Format::Letter, Format::Postcard].map(|format| {
        let letter = surcharged(format, &carrier.sender, &carrier.address);
        match render_at(&letter, 20, &change(Places::of(format))).unwrap_err() {
            CheckFailure::MisplacedMark(error) => error,
            other => panic!("{other}"),
        }
    });
    assert_eq!(failures[0], failures[1]);
    failures[0]
}

#[test_case::test_case(Format::Letter; "letter")]
#[test_case::test_case(Format::Postcard; "post card")]
fn p7_the_surcharge_is_printed_where_the_addressee_pays(format: Format) {
    let place = Places::of(format).surcharge;
    let stamped = surcharged(format, &[], &letter().carrier.address);
    let without = rendered(Letter { surcharge_svg: None, ..stamped.clone() }).unwrap().pdf;
    let with = rendered(stamped).unwrap().pdf;
    assert!(is_blank(&drawn_in(&without, place)) && !is_blank(&drawn_in(&with, place)));
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
