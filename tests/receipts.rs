//! Receipts from outside (P6, P18, P24, RFC 3461): asked for, written once whatever happens, and provable.

use std::process::Command;

use serde_json::Value;

use crate::support::{Demo, poshta, succeeded};

/// Rows of a class, when the server has nothing more to write.
fn rows_of(demo: &Demo, class: &str) -> u64 {
    let checked = succeeded("store check", demo.poshta(&["store", "check", "--json"]));
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["problem_count"], 0, "{checked}");
    checked["rows"][class].as_u64().unwrap_or(0)
}

#[test]
fn p18_receipts_tell_of_a_letter_with_its_own_marks_and_can_be_proved() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let demo = Demo::start_in(&data, &["--users", "3"]);
    let said = demo.python("receipts.py", &[folder.path().to_str().unwrap()]);
    let said: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();

    // The letter whose impressions the receipt has is valid by what is published.
    let keys = folder.path().join("marks.json");
    std::fs::write(&keys, demo.python("published.py", &[])).unwrap();
    let letter = folder.path().join("letter.eml");
    let verify = Command::new(poshta())
        .args(["postmark", "verify", "--json", "--keys"])
        .args([&keys, &letter])
        .output()
        .unwrap();
    let verdict: Value = serde_json::from_str(&succeeded("postmark verify", verify)).unwrap();
    assert_eq!(verdict["verdict"], "valid");
    let ids: Vec<&str> = verdict["marks"].as_array().unwrap().iter().filter_map(|mark| mark["id"].as_str()).collect();
    assert!(ids.contains(&said["accept"].as_str().unwrap()), "{verdict}");

    // The page is one page, says what happened in three languages, and its code leads to the proof.
    let pdf = folder.path().join("receipt.pdf");
    let text = succeeded("pdftotext", Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").output().unwrap());
    assert_eq!(text.matches('\u{c}').count(), 1, "one page: {text}");
    for title in ["Хат жеткізілді", "Письмо доставлено", "Letter delivered"] {
        assert!(text.contains(title), "{title} is not on the page:\n{text}");
    }
    let raster = folder.path().join("page");
    let drawn = Command::new("pdftoppm")
        .args(["-r", "200", "-gray", "-png", "-singlefile"])
        .arg(&pdf)
        .arg(&raster)
        .output()
        .unwrap();
    succeeded("pdftoppm", drawn);
    let page = image::open(raster.with_extension("png")).unwrap().into_luma8();
    let (width, height) = page.dimensions();
    let code = rxing::helpers::detect_in_luma(page.into_raw(), width, height, Some(rxing::BarcodeFormat::QR_CODE));
    assert_eq!(code.expect("a QR code on the page").getText(), said["url"].as_str().unwrap());
    assert_eq!(rows_of(&demo, "r"), 0);
}

#[test]
fn p18_kill_9_between_acceptance_and_receipt_leaves_exactly_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let demo = Demo::start_in(&data, &[]);
    // The receipts wait for the log, which takes a second; the server dies before.
    demo.python("receipts_asked.py", &["send"]);
    demo.kill();
    let demo = Demo::start_in(&data, &[]);
    demo.python("receipts_asked.py", &["count"]);
    // And once more, when all are written.
    demo.kill();
    let demo = Demo::start_in(&data, &[]);
    demo.python("receipts_asked.py", &["count"]);
    assert_eq!(rows_of(&demo, "r"), 0);
}

#[test]
fn m7_a_user_decides_whether_senders_hear() {
    let demo = Demo::start();
    let login = demo.facts["users"][1]["login"].as_str().unwrap().to_owned();
    let receipts = |decision: &[&str]| {
        let arguments = [&["account", "receipts", &login][..], decision, &["--json"]].concat();
        let said = succeeded("account receipts", demo.poshta(&arguments));
        serde_json::from_str::<Value>(&said).unwrap()["receipts"].as_str().unwrap().to_owned()
    };
    assert_eq!(receipts(&[]), "off");
    assert_eq!(receipts(&["on"]), "on");
    assert_eq!(receipts(&[]), "on");
    assert_eq!(receipts(&["off"]), "off");
}
