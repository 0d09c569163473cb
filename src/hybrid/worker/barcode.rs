//! Data Matrix and QR codes, written and read.
//!
//! A carrier's code holds `<item id> <S10>`: capital letters, digits and a space only, because the encoder
//! refuses what is not Latin-1.

use rxing::BarcodeFormat;
#[cfg(feature = "typeset")]
use rxing::{Writer, common::BitMatrix, datamatrix::DataMatrixWriter, qrcode::QRCodeWriter};

#[cfg(feature = "typeset")]
use crate::hybrid::letter::CheckFailure;

/// A Data Matrix as an SVG document, with the quiet zone of ISO/IEC 16022 (one module; here two).
///
/// # Errors
/// The text has characters or a length that a Data Matrix cannot hold.
#[cfg(feature = "typeset")]
pub(crate) fn data_matrix_svg(text: &str) -> Result<String, CheckFailure> {
    let matrix = DataMatrixWriter {}.encode(text, &BarcodeFormat::DATA_MATRIX, 0, 0);
    matrix.map(|matrix| svg(&matrix, 2)).map_err(|error| unwritable(&error))
}

/// A QR code as an SVG document. Its writer gives the quiet zone of ISO/IEC 18004 (four modules) itself.
///
/// # Errors
/// The text is too long.
#[cfg(feature = "typeset")]
pub(crate) fn qr_svg(text: &str) -> Result<String, CheckFailure> {
    let matrix = QRCodeWriter {}.encode(text, &BarcodeFormat::QR_CODE, 0, 0);
    matrix.map(|matrix| svg(&matrix, 0)).map_err(|error| unwritable(&error))
}

#[cfg(feature = "typeset")]
fn unwritable(error: &rxing::Exceptions) -> CheckFailure {
    CheckFailure::Unreadable { name: "the item's number".into(), why: error.to_string() }
}

#[cfg(feature = "typeset")]
fn svg(matrix: &BitMatrix, quiet: u32) -> String {
    let (width, height) = (matrix.width() + 2 * quiet, matrix.height() + 2 * quiet);
    let mut path = String::new();
    for y in 0..matrix.height() {
        for x in 0..matrix.width() {
            if matrix.get(x, y) {
                path.push_str(&format!("M{} {}h1v1h-1z", x + quiet, y + quiet));
            }
        }
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" shape-rendering="crispEdges"><rect width="{width}" height="{height}" fill="#fff"/><path fill="#000" d="{path}"/></svg>"##
    )
}

/// A picture in shades of grey, one byte a pixel.
#[derive(Clone, Debug)]
pub(crate) struct Grey {
    /// Pixels, row by row.
    pub(crate) pixels: Vec<u8>,
    /// Pixels a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
}

/// The texts of the Data Matrix and QR codes on a page.
///
/// A detector looks for one code and starts at the middle of its picture, so a page on which it finds none is
/// looked at again in overlapping parts.
#[cfg(feature = "scan")]
pub(crate) fn read(page: &Grey) -> Vec<String> {
    let whole = detect(page);
    if !whole.is_empty() {
        return whole;
    }
    parts(page).iter().map(detect).find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(feature = "scan")]
fn detect(picture: &Grey) -> Vec<String> {
    let detect = |format| {
        rxing::helpers::detect_in_luma_slice(&picture.pixels, picture.width, picture.height, Some(format)).ok()
    };
    let codes = [BarcodeFormat::DATA_MATRIX, BarcodeFormat::QR_CODE].into_iter().filter_map(detect);
    codes.map(|code| code.getText().trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Windows of a third of the page's width that overlap by half.
#[cfg(feature = "scan")]
fn parts(page: &Grey) -> Vec<Grey> {
    let side = (page.width.min(page.height) / 3).max(1);
    let mut parts = Vec::new();
    let step = usize::try_from((side / 2).max(1)).unwrap_or(1);
    let starts = |length: u32| (0..length.saturating_sub(side) + 1).step_by(step);
    for top in starts(page.height) {
        for left in starts(page.width) {
            parts.push(crop(page, left, top, side));
        }
    }
    parts
}

#[cfg(feature = "scan")]
fn crop(page: &Grey, left: u32, top: u32, side: u32) -> Grey {
    let (left, top, side) = (left as usize, top as usize, side as usize);
    let rows = page.pixels.chunks_exact((page.width as usize).max(1)).skip(top).take(side);
    let pixels: Vec<u8> = rows.flat_map(|row| row.iter().skip(left).take(side).copied()).collect();
    let height = pixels.len() / side.max(1);
    Grey { width: side as u32, height: height as u32, pixels }
}
