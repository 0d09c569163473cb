//! A letter goes to paper: a print centre leases it, and its PDF says what the sender wrote.

use std::process::Command;

use crate::support::{Demo, succeeded};

#[test]
fn a_letter_is_printed_and_its_pdf_says_what_was_written() {
    let demo = Demo::start();
    let directory = tempfile::tempdir().unwrap();
    let pdf = directory.path().join("letter.pdf");
    let said = demo.python("paper_out.py", &[pdf.to_str().unwrap()]);
    let job: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let failed = succeeded("print show", demo.poshta(&["print", "show", job["failed"].as_str().unwrap(), "--json"]));
    let failed: serde_json::Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(failed["state"], "check_failed", "{failed}");

    let text = succeeded("pdftotext", Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").output().unwrap());
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (printed, written) = (words(&text), words(job["body"].as_str().unwrap()));
    assert!(
        printed.windows(written.len()).any(|window| window == written),
        "the letter's text is not on paper as written:\n{text}"
    );
    for expected in ["Айгүл Серікқызы Омарова", "Абай көшесі 10, 5 пәтер", "020000", "Көкшетау"]
    {
        assert!(text.contains(expected), "{expected} is not on the cover:\n{text}");
    }
    assert!(text.contains(job["item"].as_str().unwrap()));
    let s10 = job["s10"].as_str().unwrap();
    assert!(text.replace(' ', "").contains(s10), "{s10} is not on the cover:\n{text}");

    // The raster is A4 at 200 dpi, has ink, and its Data Matrix names the item.
    let raster = directory.path().join("page");
    succeeded(
        "pdftoppm",
        Command::new("pdftoppm")
            .args(["-r", "200", "-gray", "-png", "-f", "1", "-l", "1", "-singlefile"])
            .arg(&pdf)
            .arg(&raster)
            .output()
            .unwrap(),
    );
    let page = image::open(raster.with_extension("png")).unwrap().into_luma8();
    assert!(
        (page.width() as i32 - 1654).abs() <= 2 && (page.height() as i32 - 2339).abs() <= 2,
        "{:?}",
        page.dimensions()
    );
    let (width, height) = page.dimensions();
    let code = rxing::helpers::detect_in_luma(page.into_raw(), width, height, Some(rxing::BarcodeFormat::DATA_MATRIX))
        .expect("a Data Matrix on the cover");
    assert!(
        code.getText().contains(job["item"].as_str().unwrap()) || code.getText().contains(s10),
        "{}",
        code.getText()
    );
}
