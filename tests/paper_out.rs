//! A letter goes to paper: a print centre leases it, and its PDF says what the sender wrote.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Demo, poshta, succeeded};

#[test]
fn a_letter_is_printed_and_its_pdf_says_what_was_written() {
    let demo = Demo::start();
    let directory = tempfile::tempdir().unwrap();
    let pdf = directory.path().join("letter.pdf");
    let said = demo.python("paper_out.py", &[directory.path().to_str().unwrap()]);
    signed_on_paper_too(directory.path());
    sealed_for_the_centre(&demo, directory.path(), &pdf);
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

/// P9, P18: the centre opens what it fetched with its own key, and everybody can check the manifest.
fn sealed_for_the_centre(demo: &Demo, folder: &Path, pdf: &Path) {
    let (bundle, keys) = (folder.join("bundle.age"), folder.join("keys.json"));
    let unseal = |bundle: &Path, key: &Path, out: &str| {
        let mut command = Command::new(poshta());
        command.args(["print", "unseal", "--json"]).arg(bundle).arg("--key").arg(key).arg("--keys").arg(&keys);
        command.arg("--out").arg(folder.join(out)).output().unwrap()
    };
    let own = demo.dir().join("print-centre.key");
    let opened: Value = serde_json::from_str(&succeeded("unseal", unseal(&bundle, &own, "opened"))).unwrap();
    assert_eq!((&opened["letters"], &opened["verdict"]), (&1.into(), &"valid".into()), "{opened}");
    assert_eq!(opened["insurance_seal"]["device"], "almaty-print-v");
    let documents = std::fs::read_dir(folder.join("opened")).unwrap().map(|entry| entry.unwrap().path());
    let documents: Vec<_> = documents.filter(|path| path.extension().is_some_and(|it| it == "pdf")).collect();
    assert_eq!(documents.len(), 1);
    assert_eq!(std::fs::read(&documents[0]).unwrap(), std::fs::read(pdf).unwrap(), "the same as one by one");

    // Another key does not open it, and an altered one is not opened by its own.
    let other = folder.join("other.key");
    let made = Command::new(poshta()).args(["print", "new-key"]).arg(&other).output().unwrap();
    assert!(succeeded("new-key", made).contains("age1"));
    let refused = unseal(&bundle, &other, "not-opened");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not for this key"), "{refused:?}");
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.join("altered.age"), bytes).unwrap();
    let refused = unseal(&folder.join("altered.age"), &own, "not-opened");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(!folder.join("not-opened").exists() || folder.join("not-opened").read_dir().unwrap().next().is_none());

    // The manifest is judged by this program and by one that shares no code with it.
    let manifest = folder.join("manifest.eml");
    let verified = Command::new(poshta()).args(["postmark", "verify"]).arg(&manifest).arg("--keys").arg(&keys).output();
    assert_eq!(verified.unwrap().status.code(), Some(0));
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/verify_postmarks.py");
    let second = Command::new("python3").arg(program).arg(&keys).arg(&manifest).output().unwrap();
    let second: Value = serde_json::from_str(&succeeded("verify_postmarks.py", second)).unwrap();
    assert_eq!(second, serde_json::json!({ "verdict": "valid", "marks": [[], []] }));
    assert_eq!(std::fs::read(folder.join("opened/manifest.eml")).unwrap(), std::fs::read(&manifest).unwrap());
    let text = Command::new("pdftotext").arg("-layout").arg(folder.join("manifest.pdf")).arg("-").output().unwrap();
    let text = succeeded("pdftotext", text);
    assert!(text.contains("тізімдемесі") && text.contains("«Сақтандыру» мөрі"), "{text}");
}

/// P6: with the letter as it was sent and the message about its last step anybody can check acceptance and receipt.
fn signed_on_paper_too(folder: &Path) {
    let file = |name: &str| folder.join(name);
    let verify = |marks: bool| {
        let mut command = Command::new(poshta());
        command.args(["postmark", "verify", "--json"]).arg(file("sent.eml")).arg("--keys").arg(file("keys.json"));
        if marks {
            command.arg("--marks").arg(file("status.eml"));
        }
        let output = command.output().unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (status, report) = verify(true);
    assert_eq!((status, &report["verdict"]), (Some(0), &Value::from("valid")), "{report}");
    let kinds: Vec<&Value> = report["marks"].as_array().unwrap().iter().map(|mark| &mark["kind"]).collect();
    assert_eq!(kinds, ["receive", "accept"]);
    assert_eq!(verify(false).0, Some(3), "the sender's own copy has none");

    // They are drawn, and what is changed afterwards is drawn as not valid.
    let draw = |letter: &Path, out: &str, form: &str| {
        let mut command = Command::new(poshta());
        command.args(["postmark", "draw", "--json", "--format", form]).arg(letter).arg("--out").arg(file(out));
        command.arg("--keys").arg(file("keys.json")).arg("--marks").arg(file("status.eml"));
        let output = command.output().unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (status, drawn) = draw(&file("sent.eml"), "stamps", "svg");
    assert_eq!((status, drawn.as_array().map(Vec::len)), (Some(0), Some(2)), "{drawn}");
    let svg = std::fs::read_to_string(file("stamps/1-receive.svg")).unwrap();
    assert!(svg.starts_with("<svg") && !svg.contains("ЖАРАМСЫЗ"), "{svg}");
    assert_eq!(draw(&file("sent.eml"), "stamps", "png").0, Some(0));
    let picture = image::open(file("stamps/2-accept.png")).unwrap().into_luma8();
    let ink = picture.pixels().filter(|pixel| pixel.0[0] < 128).count();
    assert_eq!(picture.dimensions(), (600, 600));
    assert!((20_000..180_000).contains(&ink), "{ink} dark pixels");
    let sent = std::fs::read_to_string(file("sent.eml")).unwrap();
    std::fs::write(file("altered.eml"), format!("{sent}And one line more.\r\n")).unwrap();
    let (status, drawn) = draw(&file("altered.eml"), "altered", "svg");
    assert_eq!((status, &drawn[0]["says"]), (Some(1), &Value::from("altered_body")), "{drawn}");
    assert!(std::fs::read_to_string(file("altered/1-receive.svg")).unwrap().contains(">ЖАРАМСЫЗ</text></svg>"));
}
