//! Draws a letter with typst: text only as data, files only from a fixed list, the same bytes every time.
//!
//! Paths are fixed and few, because typst keeps every path it ever saw for the life of the process and ends
//! after 65,535 of them; its memory of past layouts is thrown away after each letter. What leaks in spite of
//! that goes when the worker is replaced (DESIGN 17).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::json;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use super::barcode;
use super::places::Places;
use super::protocol::Rendered;
use crate::hybrid::documents::DocumentKind;
use crate::hybrid::letter::{Block, CheckFailure, Format, Letter, Sides, with_breaks};
use crate::postal::Area;

const TEMPLATE: &str = include_str!("letter.typ");

/// Most attachments that one letter may have: each takes one of the fixed paths.
pub(crate) const MAX_ATTACHMENTS: usize = 50;

/// Draws the letter.
///
/// # Errors
/// What is wrong with the letter, in words for its sender.
pub(crate) fn render(letter: &Letter, max_sheets: u32) -> Result<Rendered, CheckFailure> {
    render_at(letter, max_sheets, &Places::of(letter.format))
}

/// Draws the letter with everything in these places.
pub(super) fn render_at(letter: &Letter, max_sheets: u32, places: &Places) -> Result<Rendered, CheckFailure> {
    refuse_what_cannot_be(letter)?;
    let world = Desk::with(letter, places)?;
    let result = draw(&world, letter, max_sheets, places);
    comemo::evict(0);
    result
}

/// The characters of `text` that no font of ours has, each once.
#[must_use]
pub(crate) fn missing(text: &str) -> Vec<char> {
    let mut missing = Vec::new();
    for c in text.chars() {
        let seen = c.is_whitespace() || c == '\u{200b}' || missing.contains(&c);
        if !seen && !SHELF.fonts.iter().any(|font| font.info().coverage.contains(u32::from(c))) {
            missing.push(c);
        }
    }
    missing
}

fn refuse_what_cannot_be(letter: &Letter) -> Result<(), CheckFailure> {
    if letter.text.is_empty() && letter.attachments.is_empty() {
        return Err(CheckFailure::Empty);
    }
    if letter.format == Format::Postcard && !letter.attachments.is_empty() {
        return Err(CheckFailure::PostcardAttachment);
    }
    let missing = missing(&all_text(letter));
    if missing.is_empty() { Ok(()) } else { Err(CheckFailure::UnprintableCharacters(missing)) }
}

/// Everything of the letter that is shown as text.
fn all_text(letter: &Letter) -> String {
    let carrier = &letter.carrier;
    let mut text = String::new();
    let mut take = |piece: &str| {
        text.push_str(piece);
        text.push('\n');
    };
    carrier.address.iter().chain(&carrier.sender).for_each(|line| take(line));
    carrier.facts.iter().for_each(|(label, value)| {
        take(label);
        take(value);
    });
    for block in &letter.text {
        let (Block::Paragraph { lines } | Block::Quote { lines }) = block;
        lines.iter().for_each(|line| take(line));
    }
    text
}

fn draw(world: &Desk, letter: &Letter, max_sheets: u32, places: &Places) -> Result<Rendered, CheckFailure> {
    let document = typst::compile::<PagedDocument>(world).output.map_err(|errors| broken(letter, &errors))?;
    let pages = u32::try_from(document.pages().len()).unwrap_or(u32::MAX);
    if letter.format == Format::Postcard && pages > 2 {
        return Err(CheckFailure::PostcardTooLong);
    }
    let sheets = letter.sheets(pages);
    if sheets > max_sheets {
        return Err(CheckFailure::TooManySheets { sheets, limit: max_sheets });
    }
    if let Some(page) = document.pages().first() {
        places.check(&page.frame).map_err(CheckFailure::MisplacedMark)?;
    }
    let options = PdfOptions {
        ident: Smart::Custom(letter.carrier.item_id.clone()),
        creator: Smart::Custom(Some("Poshta".to_owned())),
        timestamp: timestamp(letter.carrier.accepted_unix),
        ..PdfOptions::default()
    };
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| broken(letter, &errors))?;
    Ok(Rendered { pdf, pages, sheets })
}

/// The layout is ours and compiles; what fails is a document that somebody attached.
fn broken(letter: &Letter, errors: &[typst::diag::SourceDiagnostic]) -> CheckFailure {
    let why = errors.first().map(|error| error.message.to_string()).unwrap_or_default();
    let name = match letter.attachments.as_slice() {
        [one] => one.name.clone(),
        _ => "an attachment".to_owned(),
    };
    CheckFailure::Unreadable { name, why }
}

pub(super) fn timestamp(unix: i64) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_second(unix).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).ok();
    let date = Datetime::from_ymd_hms(
        i32::from(instant.year()),
        part(instant.month())?,
        part(instant.day())?,
        part(instant.hour())?,
        part(instant.minute())?,
        part(instant.second())?,
    )?;
    Some(Timestamp::new_utc(date))
}

/// The fonts, loaded once for all letters.
struct Shelf {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let fonts: Vec<Font> = typst_assets::fonts()
        .flat_map(|bytes| Font::iter(Bytes::new(bytes)))
        .filter(|font| FAMILIES.contains(&font.info().family.as_str()))
        .collect();
    Shelf { library: LazyHash::new(Library::default()), book: LazyHash::new(FontBook::from_fonts(&fonts)), fonts }
});

/// The families that `letter.typ` names, all with the Kazakh letters.
const FAMILIES: [&str; 3] = ["Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"];

/// What typst sees of the world: one source and the files of one letter.
pub(super) struct Desk {
    main: Source,
    files: HashMap<FileId, Bytes>,
}

impl Desk {
    fn with(letter: &Letter, places: &Places) -> Result<Self, CheckFailure> {
        if letter.attachments.len() > MAX_ATTACHMENTS {
            return Err(CheckFailure::Unreadable {
                name: "the message".into(),
                why: format!("it has more than {MAX_ATTACHMENTS} attachments"),
            });
        }
        let carrier = &letter.carrier;
        let code = barcode::data_matrix_svg(&format!("{} {}", carrier.item_id, carrier.s10))?;
        let mut files = HashMap::new();
        let mut add = |path: &str, bytes: Bytes| -> Result<(), CheckFailure> {
            files.insert(file_id(path)?, bytes);
            Ok(())
        };
        add("/letter.json", Bytes::new(data(letter, places)?.to_string().into_bytes()))?;
        add("/postmark.svg", Bytes::new(carrier.postmark_svg.clone().into_bytes()))?;
        if let Some(stamp) = &letter.surcharge_svg {
            add("/surcharge.svg", Bytes::new(stamp.clone().into_bytes()))?;
        }
        add("/code.svg", Bytes::new(code.into_bytes()))?;
        for (number, attachment) in letter.attachments.iter().enumerate() {
            add(&attachment_path(number, attachment.kind), Bytes::new(attachment.bytes.clone()))?;
        }
        let main = Source::new(file_id("/main.typ")?, TEMPLATE.to_owned());
        Ok(Desk { main, files })
    }

    /// A layout with its files, by path; paths are fixed and few.
    pub(super) fn of(layout: &str, named: HashMap<String, Bytes>) -> Result<Self, CheckFailure> {
        let main = Source::new(file_id("/main.typ")?, layout.to_owned());
        let files = named.into_iter().map(|(path, bytes)| Ok((file_id(&path)?, bytes)));
        Ok(Desk { main, files: files.collect::<Result<_, CheckFailure>>()? })
    }
}

/// The letter as the layout reads it.
fn data(letter: &Letter, places: &Places) -> Result<serde_json::Value, CheckFailure> {
    let attachments: Vec<_> = letter
        .attachments
        .iter()
        .enumerate()
        .map(|(number, attachment)| {
            json!({
                "path": attachment_path(number, attachment.kind),
                "pdf": attachment.kind == DocumentKind::Pdf,
                "pages": attachment.pages,
            })
        })
        .collect();
    let text: Vec<_> = letter
        .text
        .iter()
        .map(|block| match block {
            Block::Paragraph { lines } => json!({"kind": "paragraph", "lines": lines}),
            Block::Quote { lines } => json!({"kind": "quote", "lines": lines}),
        })
        .collect();
    let (facts, pages_label) = split_pages_label(&letter.carrier.facts);
    // So many of the widest letters fit into a line of the sender's block, so nothing is cut off at its edge.
    const SENDER_WORD: usize = 16;
    let sender: Vec<_> = letter.carrier.sender.iter().map(|line| with_breaks(line, SENDER_WORD)).collect();
    Ok(json!({
        "title": letter.carrier.s10,
        "format": match letter.format {
            Format::Letter => "letter",
            Format::Postcard => "postcard",
        },
        "sides": match letter.sides {
            Sides::One => "one",
            Sides::Two => "two",
        },
        "places": places,
        "address_size": address_size(&letter.carrier.address, places.addressee)?,
        "pages_label": pages_label,
        "text": text,
        "attachments": attachments,
        "surcharge": letter.surcharge_svg.is_some(),
        "carrier": {
            "operator": letter.carrier.operator,
            "address": letter.carrier.address,
            "sender": sender,
            "sender_label": letter.carrier.sender_label,
            "item_id": letter.carrier.item_id,
            "s10": letter.carrier.s10,
            "facts": facts,
            "footer": letter.carrier.footer,
        },
    }))
}

/// The fact without a value is the number of sheets: only the layout knows it.
fn split_pages_label(facts: &[(String, String)]) -> (Vec<&(String, String)>, &str) {
    let label = facts.iter().find(|(_, value)| value.is_empty()).map_or("", |(label, _)| label.as_str());
    (facts.iter().filter(|(_, value)| !value.is_empty()).collect(), label)
}

/// The largest size, in points, at which the address fits into its place: with every line whole, or, if none is large
/// enough to be read well, with long lines broken at spaces.
fn address_size(address: &[String], place: Area) -> Result<f64, CheckFailure> {
    // A character of the monospaced face is 0.602 of its size wide; its capitals with the leading are 1.23 of it high.
    const MM_PER_POINT: f64 = 25.4 / 72.0;
    // What letter.typ keeps free above and below.
    const MARGINS_MM: f64 = 2.0;
    const WHOLE: [f64; 4] = [10.0, 9.0, 8.0, 7.0];
    const BROKEN: [f64; 3] = [7.0, 6.0, 5.0];
    let width = |characters: usize, size: f64| count(characters) * size * 0.602 * MM_PER_POINT;
    let height = |rows: usize, size: f64| (count(rows) * 1.23 - 0.5) * size * MM_PER_POINT + MARGINS_MM;
    let whole = |size: &f64| {
        let longest = address.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        width(longest, *size) <= place.width && height(address.len(), *size) <= place.height
    };
    let broken = |size: &f64| {
        let rows = address.iter().map(|line| rows_of(line, |characters| width(characters, *size) <= place.width));
        rows.sum::<Option<usize>>().is_some_and(|rows| height(rows, *size) <= place.height)
    };
    let size = WHOLE.into_iter().find(whole).or_else(|| BROKEN.into_iter().find(broken));
    size.ok_or(CheckFailure::AddressTooLong)
}

/// The rows that a line takes when it is broken at spaces; `None` if one of its words is too long.
fn rows_of(line: &str, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut rows, mut filled) = (1, 0);
    for word in line.split(' ').map(|word| word.chars().count()) {
        let longer = if filled == 0 { word } else { filled + 1 + word };
        filled = match (fits(longer), fits(word)) {
            (true, _) => longer,
            (false, true) => {
                rows += 1;
                word
            }
            (false, false) => return None,
        };
    }
    Some(rows)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn attachment_path(number: usize, kind: DocumentKind) -> String {
    format!("/attachment-{number}.{}", kind.extension())
}

fn file_id(path: &str) -> Result<FileId, CheckFailure> {
    let path = VirtualPath::new(path)
        .map_err(|_| CheckFailure::Unreadable { name: path.to_owned(), why: "bad path".to_owned() })?;
    Ok(FileId::new(RootedPath::new(VirtualRoot::Project, path)))
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &SHELF.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &SHELF.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        SHELF.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        // A letter's only date is that of its mark.
        None
    }
}
