//! Opens documents of others: counts and measures pages, turns them into pixels, puts pictures into a PDF.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::{RenderCache, RenderSettings};

use super::protocol::Document;
use crate::hybrid::documents::{DocumentFacts, DocumentKind};
use crate::hybrid::letter::CheckFailure;

#[cfg(feature = "scan")]
pub(crate) use pictures::{grey_first_page, to_pdf};

/// Opens a document and says what it is.
///
/// # Errors
/// Encrypted or unreadable.
pub(crate) fn inspect(document: &Document) -> Result<DocumentFacts, CheckFailure> {
    match document.kind {
        DocumentKind::Pdf => inspect_pdf(&document.bytes),
        #[cfg(feature = "scan")]
        _ => pictures::inspect(document),
        #[cfg(not(feature = "scan"))]
        kind => Err(unreadable(kind, "pictures are not supported by this build")),
    }
}

fn inspect_pdf(bytes: &[u8]) -> Result<DocumentFacts, CheckFailure> {
    let pdf = open_pdf(bytes)?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(unreadable(DocumentKind::Pdf, "it has no pages"));
    }
    let a4 = pages.iter().all(|page| is_a4(page.render_dimensions()));
    Ok(DocumentFacts { pages: u32::try_from(pages.len()).unwrap_or(u32::MAX), a4 })
}

/// Opens a PDF that is not encrypted, not even with an empty password: such a file forbids something, and we
/// would print, copy or convert it against that.
fn open_pdf(bytes: &[u8]) -> Result<Pdf, CheckFailure> {
    let encrypted = || CheckFailure::Encrypted("PDF".into());
    let pdf = Pdf::new(bytes.to_vec()).map_err(|error| match error {
        LoadPdfError::Decryption(_) => encrypted(),
        LoadPdfError::Invalid => unreadable(DocumentKind::Pdf, "it is damaged"),
    })?;
    match lopdf::Document::load_mem(bytes) {
        Ok(document) if document.is_encrypted() || document.was_encrypted() => Err(encrypted()),
        Err(lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword) => Err(encrypted()),
        _ => Ok(pdf),
    }
}

fn is_a4((width, height): (f32, f32)) -> bool {
    const POINTS_PER_MM: f32 = 72.0 / 25.4;
    let near = |points: f32, mm: f32| (points / POINTS_PER_MM - mm).abs() <= 2.0;
    (near(width, 210.0) && near(height, 297.0)) || (near(width, 297.0) && near(height, 210.0))
}

fn unreadable(kind: DocumentKind, why: &str) -> CheckFailure {
    CheckFailure::Unreadable { name: kind.extension().to_uppercase(), why: why.to_owned() }
}

/// The first page in shades of grey.
pub(crate) fn rasterise_first_page(bytes: &[u8], dpi: f32) -> Result<super::barcode::Grey, CheckFailure> {
    const LONGEST_SIDE_PIXELS: f32 = 5000.0;
    let pdf = open_pdf(bytes)?;
    let page = pdf.pages().first().ok_or_else(|| unreadable(DocumentKind::Pdf, "it has no pages"))?;
    let (width, height) = page.render_dimensions();
    let scale = (dpi / 72.0).min(LONGEST_SIDE_PIXELS / width.max(height).max(1.0));
    let settings = RenderSettings {
        x_scale: scale,
        y_scale: scale,
        bg_color: hayro::vello_cpu::color::palette::css::WHITE,
        ..Default::default()
    };
    let pixmap = hayro::render(page, &RenderCache::new(), &InterpreterSettings::default(), &settings);
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let pixels = pixmap.data().iter().map(|pixel| luma(pixel.r, pixel.g, pixel.b)).collect();
    Ok(super::barcode::Grey { pixels, width, height })
}

/// ITU-R BT.601 luma.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114;
    u8::try_from(sum / 1000).unwrap_or(u8::MAX)
}

#[cfg(feature = "scan")]
mod pictures {
    use std::io::Cursor;

    use image::{DynamicImage, ImageReader, Limits};
    use lopdf::{Object, Stream, dictionary};

    use super::super::barcode::Grey;
    use super::{Document, DocumentFacts, DocumentKind, unreadable};
    use crate::hybrid::letter::CheckFailure;

    /// Pixels of one side of the largest page that is opened: A3 at 600 dpi is 9,921.
    const MAX_SIDE_PIXELS: u32 = 12_000;

    /// Pages of a TIFF that are read.
    const MAX_TIFF_PAGES: u32 = 200;

    pub(super) fn inspect(document: &Document) -> Result<DocumentFacts, CheckFailure> {
        decode(document)?;
        let pages = match document.kind {
            DocumentKind::Tiff => tiff_pages(&document.bytes)?,
            _ => 1,
        };
        Ok(DocumentFacts { pages, a4: false })
    }

    /// The first page in shades of grey, for bar codes.
    pub(crate) fn grey_first_page(document: &Document) -> Result<Grey, CheckFailure> {
        const DPI: f32 = 200.0;
        if document.kind == DocumentKind::Pdf {
            return super::rasterise_first_page(&document.bytes, DPI);
        }
        let grey = decode(document)?.to_luma8();
        Ok(Grey { width: grey.width(), height: grey.height(), pixels: grey.into_raw() })
    }

    /// All pages of a picture as a PDF, each page as large as its pixels at 200 dpi.
    pub(crate) fn to_pdf(document: &Document) -> Result<Vec<u8>, CheckFailure> {
        let pages = match document.kind {
            DocumentKind::Pdf => return Ok(document.bytes.clone()),
            DocumentKind::Tiff => tiff_images(&document.bytes)?,
            _ => vec![decode(document)?],
        };
        let mut pdf = lopdf::Document::with_version("1.7");
        let tree = pdf.new_object_id();
        let kids: Vec<Object> = pages.into_iter().map(|page| add_page(&mut pdf, tree, &page).into()).collect();
        let count = i64::try_from(kids.len()).unwrap_or(0);
        pdf.set_object(tree, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count });
        let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        pdf.trailer.set("Root", catalog);
        pdf.compress();
        let mut bytes = Vec::new();
        pdf.save_to(&mut bytes).map_err(|error| unreadable(document.kind, &error.to_string()))?;
        Ok(bytes)
    }

    fn add_page(pdf: &mut lopdf::Document, tree: lopdf::ObjectId, page: &DynamicImage) -> lopdf::ObjectId {
        const POINTS_PER_PIXEL: f32 = 72.0 / 200.0;
        let (width, height) = (page.width(), page.height());
        let (space, pixels) = match page.color().has_color() {
            true => ("DeviceRGB", page.to_rgb8().into_raw()),
            false => ("DeviceGray", page.to_luma8().into_raw()),
        };
        let image = dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(width), "Height" => i64::from(height),
            "ColorSpace" => space, "BitsPerComponent" => 8,
        };
        let image = pdf.add_object(Stream::new(image, pixels));
        let (w, h) = (width as f32 * POINTS_PER_PIXEL, height as f32 * POINTS_PER_PIXEL);
        let content = pdf.add_object(Stream::new(dictionary! {}, format!("q {w} 0 0 {h} 0 0 cm /P Do Q").into_bytes()));
        pdf.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content,
            "MediaBox" => vec![0.into(), 0.into(), w.into(), h.into()],
            "Resources" => dictionary! { "XObject" => dictionary! { "P" => image } },
        })
    }

    fn decode(document: &Document) -> Result<DynamicImage, CheckFailure> {
        let format = match document.kind {
            DocumentKind::Tiff => image::ImageFormat::Tiff,
            DocumentKind::Png => image::ImageFormat::Png,
            DocumentKind::Jpeg => image::ImageFormat::Jpeg,
            DocumentKind::Pdf => return Err(unreadable(document.kind, "it is no picture")),
        };
        let mut reader = ImageReader::with_format(Cursor::new(&document.bytes), format);
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE_PIXELS);
        limits.max_image_height = Some(MAX_SIDE_PIXELS);
        reader.limits(limits);
        reader.decode().map_err(|error| unreadable(document.kind, &error.to_string()))
    }

    fn tiff_pages(bytes: &[u8]) -> Result<u32, CheckFailure> {
        let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(tiff_error)?;
        let mut pages = 1;
        while decoder.more_images() && pages < MAX_TIFF_PAGES {
            decoder.next_image().map_err(tiff_error)?;
            pages += 1;
        }
        Ok(pages)
    }

    fn tiff_images(bytes: &[u8]) -> Result<Vec<DynamicImage>, CheckFailure> {
        use tiff::ColorType;
        use tiff::decoder::DecodingResult::U8;
        let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(tiff_error)?;
        let mut pages = Vec::new();
        loop {
            let (width, height) = decoder.dimensions().map_err(tiff_error)?;
            if width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS {
                return Err(unreadable(DocumentKind::Tiff, "a page has too many pixels"));
            }
            let color = decoder.colortype().map_err(tiff_error)?;
            let image = match (color, decoder.read_image().map_err(tiff_error)?) {
                (ColorType::Gray(8), U8(data)) => {
                    image::GrayImage::from_raw(width, height, data).map(DynamicImage::from)
                }
                (ColorType::RGB(8), U8(data)) => image::RgbImage::from_raw(width, height, data).map(DynamicImage::from),
                (ColorType::RGBA(8), U8(data)) => {
                    image::RgbaImage::from_raw(width, height, data).map(DynamicImage::from)
                }
                (ColorType::Gray(1), U8(data)) => bilevel(width, height, &data).map(DynamicImage::from),
                _ => return Err(unreadable(DocumentKind::Tiff, "its kind of colour is not supported")),
            };
            pages.push(image.ok_or_else(|| unreadable(DocumentKind::Tiff, "a page is cut off"))?);
            if !decoder.more_images() || pages.len() >= MAX_TIFF_PAGES as usize {
                return Ok(pages);
            }
            decoder.next_image().map_err(tiff_error)?;
        }
    }

    /// One bit a pixel, rows padded to whole bytes; a set bit is white.
    fn bilevel(width: u32, height: u32, bits: &[u8]) -> Option<image::GrayImage> {
        let row_bytes = (width as usize).div_ceil(8).max(1);
        let pixels: Vec<u8> = bits
            .chunks_exact(row_bytes)
            .take(height as usize)
            .flat_map(|row| {
                let bit = |x: usize| row.get(x / 8).is_some_and(|byte| byte >> (7 - x % 8) & 1 == 1);
                (0..width as usize).map(move |x| if bit(x) { u8::MAX } else { 0 }).collect::<Vec<_>>()
            })
            .collect();
        image::GrayImage::from_raw(width, height, pixels)
    }

    fn tiff_error(error: tiff::TiffError) -> CheckFailure {
        unreadable(DocumentKind::Tiff, &error.to_string())
    }
}
