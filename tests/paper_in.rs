//! Paper letters come in: by explicit recipient, by the Data Matrix on the page, and over the review desk.

use std::path::Path;

use image::{GrayImage, Luma};
use rxing::{BarcodeFormat, Writer, datamatrix::DataMatrixWriter};
use serde_json::Value;

use crate::support::{Demo, succeeded};

#[test]
fn scanned_letters_reach_the_account_or_the_review_desk() {
    let demo = Demo::start();
    let directory = tempfile::tempdir().unwrap();
    let coded = directory.path().join("coded.png");
    page_with(demo.fact("/users/0/address"), &coded);
    let blank = directory.path().join("blank.png");
    GrayImage::from_pixel(1240, 1754, Luma([250])).save(&blank).unwrap();
    let said = demo.python("paper_in.py", &[coded.to_str().unwrap(), blank.to_str().unwrap()]);

    let waiting: Vec<&str> = said.lines().take(3).collect();
    let listed = |arguments: &[&str]| {
        let list = succeeded(
            "scan list",
            demo.poshta(&[["scan", "list", "--json", "--limit", "2"].as_slice(), arguments].concat()),
        );
        let rows: Vec<Value> = serde_json::from_str(&list).unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), waiting[..2], "the oldest first");
    assert_eq!(listed(&["--after", waiting[1]]), waiting[2..]);
    let rejected = waiting[0];
    succeeded("scan reject", demo.poshta(&["scan", "reject", rejected, "no addressee on the page"]));
    let waiting = succeeded("scan list", demo.poshta(&["scan", "list", "--json"]));
    assert!(!waiting.contains(rejected), "{waiting}");
}

/// A page of 150 dpi as a scanner gives it: slightly grey, with a Data Matrix in the upper left.
fn page_with(text: &str, path: &Path) {
    let matrix = DataMatrixWriter.encode(text, &BarcodeFormat::DATA_MATRIX, 0, 0).unwrap();
    let mut page = GrayImage::from_pixel(1240, 1754, Luma([245]));
    const MODULE: u32 = 6;
    for y in 0..matrix.getHeight() {
        for x in 0..matrix.getWidth() {
            if matrix.get(x, y) {
                for (dx, dy) in (0..MODULE).flat_map(|dx| (0..MODULE).map(move |dy| (dx, dy))) {
                    page.put_pixel(120 + x * MODULE + dx, 140 + y * MODULE + dy, Luma([20]));
                }
            }
        }
    }
    page.save(path).unwrap();
}
