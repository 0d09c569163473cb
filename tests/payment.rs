//! Letters on paper are paid with payment signs: each pays once, its cancellation is a mark that anybody can check, and
//! its code is found nowhere.

use std::path::Path;

use serde_json::Value;

use crate::support::{Demo, succeeded};

/// Worth an ordinary letter of one sheet each, and what is wrong with it.
const SIGNS: &str = "\
code,kind,issuer,value_tiyn,valid_from,valid_to
KZ26-SIGN-GOOD-0000-0001,state,KZ,35000,2026-01-01,
KZ26-SIGN-GOOD-0000-0002,operator,kazpost,60000,,
KZ26-SIGN-GONE-0000-0003,state,KZ,35000,,
KZ26-SIGN-THEM-0000-0004,state,KG,35000,,
";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn p2_p7_p20_p22_signs_pay_once_and_what_is_not_paid_is_surcharged_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&directory.path().join("data"), &[]);
    let file = directory.path().join("signs.csv");
    std::fs::write(&file, SIGNS).unwrap();
    let ask = |arguments: &[&str]| {
        let said = succeeded(&arguments.join(" "), demo.poshta(&[arguments, &["--json"]].concat()));
        json(&said)
    };
    let imported = ask(&["payment", "import", file.to_str().unwrap()]);
    assert_eq!((&imported["new"], &imported["known"]), (&4.into(), &0.into()));
    assert_eq!(ask(&["payment", "import", file.to_str().unwrap()])["known"], 4);
    ask(&["payment", "account", "user001", "--prepaid"]);
    let gone = directory.path().join("gone.csv");
    std::fs::write(&gone, "KZ26-SIGN-GONE-0000-0003\n").unwrap();
    let withdrawn = ask(&["payment", "withdraw", "--codes", gone.to_str().unwrap(), "--reason", "misprint"]);
    assert_eq!(withdrawn["withdrawn"], 1);

    let marked = directory.path().join("marked");
    std::fs::create_dir(&marked).unwrap();
    let said = demo.python("payment.py", &[marked.to_str().unwrap()]);
    let story = json(said.lines().last().unwrap());

    let keys = directory.path().join("marks.json");
    std::fs::write(&keys, story["keys"].to_string()).unwrap();
    for (name, kinds) in [("paid", ["cancel", "accept"]), ("unpaid", ["surcharge", "accept"])] {
        let letter = marked.join(format!("{name}.eml"));
        let verdict = verified(&letter, &keys);
        let marks: Vec<&str> =
            verdict["marks"].as_array().unwrap().iter().map(|mark| mark["kind"].as_str().unwrap()).collect();
        assert_eq!((verdict["verdict"].as_str(), &marks[2..]), (Some("valid"), &kinds[..]), "{name}: {verdict}");
        let text = std::fs::read_to_string(&letter).unwrap();
        assert!(!text.contains("Postal-Payment") && !text.contains("SIGN"), "{text}");
        succeeded("a second verifier", python_verifies(&letter, &keys));
    }
    let paid = ask(&["print", "show", story["paid"].as_str().unwrap()]);
    assert_eq!((&paid["payment"]["state"], &paid["payment"]["due_tiyn"]), (&"paid".into(), &0.into()));
    let reused = ask(&["print", "show", story["reused"].as_str().unwrap()]);
    assert_eq!((&reused["payment"]["state"], &reused["payment"]["due_tiyn"]), (&"unpaid".into(), &35_000.into()));

    let states: Vec<(String, String)> = ask(&["payment", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|sign| (sign["issuer"].as_str().unwrap().to_owned(), sign["state"].as_str().unwrap().to_owned()))
        .collect();
    let count = |issuer: &str, state: &str| states.iter().filter(|it| it.0 == issuer && it.1 == state).count();
    assert_eq!(states.len(), 24, "four, and those that the demo gives to try out");
    assert_eq!((count("KZ", "cancelled"), count("KZ", "withdrawn")), (1, 1));
    assert_eq!((count("KG", "issued"), count("kazpost", "cancelled")), (1, 1), "P22: what is foreign is not cancelled");

    let checked = ask(&["store", "check"]);
    assert_eq!(checked["problem_count"], 0, "{checked}");
    let (_, dir) = demo.terminate();
    let codes = ["SIGN-GOOD", "SIGNGOOD", "SIGN-GONE", "SIGN-THEM"];
    let files = files(&dir);
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for code in codes {
            let found = bytes.windows(code.len()).any(|window| window == code.as_bytes());
            assert!(!found, "{code} is in {}", file.display());
        }
    }
}

fn verified(letter: &Path, keys: &Path) -> Value {
    let arguments = ["postmark", "verify", letter.to_str().unwrap(), "--keys", keys.to_str().unwrap(), "--json"];
    let output = std::process::Command::new(crate::support::poshta()).args(arguments).output().unwrap();
    json(&String::from_utf8(output.stdout).unwrap())
}

fn python_verifies(letter: &Path, keys: &Path) -> std::process::Output {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/verify_postmarks.py");
    let output = std::process::Command::new("python3").arg(program).arg(keys).arg(letter).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\"verdict\": \"valid\""), "{said}");
    output
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}
