//! The transparency log from outside: a letter's marks are proved to be in it and compared with what an authority has seen
//! of it, a monitor follows it, and a log that contradicts itself is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use poshta::postal::{Closing, SigningKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::{Demo, poshta, succeeded};
use crate::time_stamps::{authority, openssl};

fn json(what: &str, output: Output) -> Value {
    serde_json::from_str(&succeeded(what, output)).unwrap()
}

fn monitor(demo: &Demo, key: &str, state: &Path) -> Output {
    let url = format!("{}/log", demo.fact("/http"));
    Command::new(poshta())
        .args(["log", "monitor", "--url", &url, "--key", key, "--ca", demo.fact("/ca"), "--json", "--state"])
        .arg(state)
        .output()
        .unwrap()
}

fn verdict(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn every_mark_is_in_the_log_and_anybody_can_check_it() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, state) = (folder.path().join("data"), folder.path().join("monitor.json"));
    let demo = Demo::start_in(&dir, &[]);
    let impression = demo.python("transparency.py", &[]).trim().to_owned();

    let shown = json("log show", demo.poshta(&["log", "show", "--json"]));
    let key = shown["key"].as_str().unwrap();
    assert_eq!(shown["origin"], "poshta.example/log");
    let proof = succeeded("log proof", demo.poshta(&["log", "proof", &impression]));
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex "), "{proof}");
    let none = demo.poshta(&["log", "proof", "01M80054QZFCMW63HMAY7MDKX3"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    let checked = json("log check", demo.poshta(&["log", "check", "--json"]));
    let number = |name: &str| checked[name].as_u64().unwrap();
    assert_eq!(number("leaves"), number("in_journal") + number("cover"));
    assert!(number("in_journal") >= 6 && number("leaves").is_multiple_of(16), "{checked}");
    let checked = json("store check", demo.poshta(&["store", "check", "--json"]));
    assert_eq!(checked["log"]["problems"].as_array().map(Vec::len), Some(0), "{checked}");

    let first = json("log monitor", monitor(&demo, key, &state));
    assert_eq!(first["verdict"], "consistent");
    assert_eq!(first["new_leaves"], first["leaves"]);

    // The same log after a start on other ports.
    let (status, _) = demo.terminate();
    assert!(status.success());
    let demo = Demo::start_in(&dir, &[]);
    demo.python("transparency.py", &[]);
    let second = json("log monitor", monitor(&demo, key, &state));
    assert!(second["new_leaves"].as_u64().unwrap() >= 6, "{second}");
    let kept = std::fs::read(&state).unwrap();

    // Its directory goes back to how it was, under the same key: a shorter tree, and then another one.
    let (status, _) = demo.terminate();
    assert!(status.success());
    let secret = std::fs::read(dir.join("log/key")).unwrap();
    std::fs::remove_dir_all(dir.join("log")).unwrap();
    std::fs::remove_dir_all(dir.join("journal")).unwrap();
    std::fs::remove_dir_all(dir.join("rows")).unwrap();
    std::fs::remove_dir_all(dir.join("packs")).unwrap();
    std::fs::create_dir(dir.join("log")).unwrap();
    std::fs::write(dir.join("log/key"), secret).unwrap();
    let demo = Demo::start_in(&dir, &[]);
    demo.python("transparency.py", &[]);
    let alarm = monitor(&demo, key, &state);
    assert_eq!(alarm.status.code(), Some(1), "{alarm:?}");
    let said = verdict(&alarm);
    assert_eq!(said["verdict"], "contradiction");
    assert!(said["problem"].as_str().unwrap().contains("contradicts itself"), "{said}");
    assert_eq!(std::fs::read(&state).unwrap(), kept, "what was seen before is not forgotten");
    let evidence = std::fs::read_to_string(state.with_extension("evidence")).unwrap();
    assert_eq!(evidence.matches("\nposhta.example/log\n").count(), 2, "{evidence}");
}

/// A letter of a mailbox as an export with proofs writes it, and the folder of the proofs.
fn exported(demo: &Demo, to: &Path) -> (PathBuf, PathBuf) {
    let directory = to.to_str().unwrap();
    let arguments = ["export", "maildir", directory, "--account", "user002", "--proofs", "--json"];
    json("export", demo.poshta(&arguments));
    let files = ["cur", "new"].into_iter().flat_map(|folder| fs::read_dir(to.join(folder)).unwrap());
    let letter = files.map(|file| file.unwrap().path()).next().expect("a letter");
    (letter, to.join("proofs"))
}

/// What `postmark prove` answers, and its status.
fn proved(demo: &Demo, letter: &Path, arguments: &[&str]) -> (i32, Value) {
    let key = format!("{}/log/key", demo.dir().parent().unwrap().display());
    let mut all = vec!["postmark", "prove", letter.to_str().unwrap(), "--log-key", &key, "--json"];
    all.extend(arguments);
    let output = demo.poshta(&all);
    (output.status.code().unwrap(), verdict(&output))
}

/// The verdict of each mark.
fn each(report: &Value) -> Vec<&str> {
    report["marks"].as_array().unwrap().iter().map(|mark| mark["verdict"].as_str().unwrap()).collect()
}

/// As the device would close the day, if it were over, with so many leaves in the log.
fn closed(data: &Path, mark: &Value, size: u64) -> Value {
    let device = mark["closing"]["device"].as_str().unwrap();
    let mut files = fs::read_dir(data.join("devices").join(device)).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|file| file.extension().is_some_and(|end| end == "key")).expect("a key");
    let zone = jiff::tz::TimeZone::get("Asia/Almaty").unwrap();
    let instant: jiff::Timestamp = mark["instant"].as_str().unwrap().parse().unwrap();
    let begin = instant.to_zoned(zone).start_of_day().unwrap();
    let end = begin.tomorrow().unwrap().timestamp().to_string();
    let closing: Closing = serde_json::from_value(json!({
        "v": 1, "operator": mark["operator"], "facility": mark["facility"], "device": device, "kind": "postmark",
        "letter": mark["device"], "engraving": "", "day": begin.date().to_string(), "zone": "Asia/Almaty",
        "from": begin.timestamp().to_string(), "to": end, "issued": null, "acts": [], "opened": [], "closed": end,
        "impressions": { "accept": 2, "receive": 2, "delivered": 2 }, "total": 6, "before": 0, "first": 1, "last": 6,
        "void": [], "marks_sha256": "", "clock": [], "previous": null, "selector": "", "algorithm": "", "signature": "",
        "log": { "origin": "poshta.example/log", "first": 0, "last": 0, "size": size },
    }))
    .unwrap();
    let pem = fs::read(&file).unwrap();
    let key = SigningKey::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap().secret_pkcs8_der()).unwrap();
    let signed = closing.sign(file.file_stem().unwrap().to_str().unwrap(), &key).unwrap();
    serde_json::to_value(signed).unwrap()
}

/// The marks of a letter against closings of their day, in each form in which closings are given out.
fn the_day_is_closed(demo: &Demo, data: &Path, letter: &Path, from_log: &[&str]) {
    let file = letter.with_file_name("closings.json");
    let name = file.to_str().unwrap().to_owned();
    let ask = |closings: &Value| {
        fs::write(&file, closings.to_string()).unwrap();
        proved(demo, letter, &[from_log, &["--closings", &name]].concat())
    };
    let answers = |report: &Value| -> Vec<String> {
        let marks = report["marks"].as_array().unwrap().iter();
        marks.map(|mark| mark["closing"]["answer"].as_str().unwrap().to_owned()).collect()
    };
    let (status, report) = ask(&json!([]));
    assert_eq!((status, answers(&report)), (0, vec!["absent".to_owned(); 3]), "{report}");
    let marks = report["marks"].as_array().unwrap().clone();
    let of_all = |size: u64| -> Value { marks.iter().map(|mark| closed(data, mark, size)).collect() };

    let whole = of_all(marks[0]["checkpoint_size"].as_u64().unwrap());
    let (status, report) = ask(&json!({ "closings": whole, "more": false }));
    assert_eq!((status, answers(&report)), (0, vec!["agrees".to_owned(); 3]), "{report}");
    let first = marks.iter().map(|mark| mark["index"].as_u64().unwrap()).min().unwrap();
    let (status, report) = ask(&of_all(first));
    assert_eq!((status, each(&report)), (1, vec!["not_in_closing"; 3]), "{report}");
    let mut forged = whole[0].clone();
    forged["closed"] = forged["to"].as_str().unwrap().replace("00Z", "01Z").into();
    let (status, report) = ask(&forged);
    assert_eq!((status, report["closing_faults"].as_array().map(Vec::len)), (1, Some(1)), "{report}");
    fs::write(&file, "{}").unwrap();
    let key = format!("{}/log/key", demo.dir().parent().unwrap().display());
    let arguments = ["postmark", "prove", letter.to_str().unwrap(), "--log-key", &key, "--closings", &name];
    let unread = demo.poshta(&arguments);
    assert!(String::from_utf8_lossy(&unread.stderr).contains("no daily closing"), "{unread:?}");
}

#[test]
fn a_mark_is_compared_with_what_an_authority_has_seen_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let demo = Demo::start_in(&at("data"), &[]);
    demo.python("transparency.py", &[]);
    let (letter, proofs) = exported(&demo, &at("exported"));
    let shown = json("log show", demo.poshta(&["log", "show", "--json"]));
    fs::create_dir(at("log")).unwrap();
    fs::write(at("log/key"), shown["key"].as_str().unwrap()).unwrap();

    // What came with the letter is enough to know that its marks are in the log, though not since when.
    let (status, report) = proved(&demo, &letter, &[]);
    assert_eq!((status, &report["verdict"], &report["message"]), (0, &"proved".into(), &"valid".into()), "{report}");
    assert_eq!((each(&report), &report["marks"][0]["first_day"]), (vec!["proved"; 3], &Value::Null), "{report}");
    let bare = at("bare.eml");
    fs::write(&bare, fs::read_to_string(&letter).unwrap().replace("Postal-Mark-Proof:", "X-Nothing:")).unwrap();
    let (status, report) = proved(&demo, &bare, &[]);
    assert_eq!((status, each(&report)), (1, vec!["no_proof"; 3]), "{report}");
    let (status, report) = proved(&demo, &bare, &["--proofs", proofs.to_str().unwrap()]);
    assert_eq!((status, each(&report)), (0, vec!["proved"; 3]), "{report}");

    // The day ends, and its last checkpoint is stamped.
    let instant = report["marks"][0]["instant"].as_str().unwrap().to_owned();
    let day = &instant[..10];
    let head: Value = serde_json::from_slice(&fs::read(at("data/log/head")).unwrap()).unwrap();
    let trusted = at("trusted");
    authority(&trusted);
    authority(&at("stranger"));
    fs::write(trusted.join("note"), head["checkpoint"].as_str().unwrap()).unwrap();
    openssl(&trusted, &["ts", "-query", "-data", "note", "-sha256", "-cert", "-out", "question"]);
    let reply = ["ts", "-reply", "-config", "ts.cnf", "-queryfile", "question", "-token_out", "-out", "token"];
    openssl(&trusted, &reply);
    fs::copy(trusted.join("note"), at("data/log/daily").join(day)).unwrap();
    fs::copy(trusted.join("token"), at("data/log/daily").join(format!("{day}.tst"))).unwrap();

    let url = format!("{}/log", demo.fact("/http"));
    let from_log = ["--url", &url, "--ca", demo.fact("/ca")];
    let stamped_by = |name: &str| {
        let file = at(name).join("ca.pem");
        proved(&demo, &letter, &[&from_log[..], &["--stamp-authorities", file.to_str().unwrap()]].concat())
    };
    let (status, report) = stamped_by("trusted");
    assert_eq!((status, each(&report)), (0, vec!["proved"; 3]), "{report}");
    for mark in report["marks"].as_array().unwrap() {
        assert_eq!((&mark["first_day"], &mark["stamped_day"]), (&day.into(), &day.into()), "{report}");
        assert!(mark["stamped_at"].as_str().unwrap() >= instant.as_str() && mark["index"].is_u64(), "{report}");
    }
    let (status, report) = stamped_by("stranger");
    assert_eq!((status, each(&report)), (1, vec!["contradiction"; 3]), "{report}");
    let (status, report) = proved(&demo, &bare, &from_log);
    assert_eq!((status, each(&report)), (0, vec!["proved"; 3]), "{report}");

    the_day_is_closed(&demo, &at("data"), &bare, &from_log);

    // Marks that name this log and were never in it.
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/postmark/valid.eml");
    let (status, report) = proved(&demo, &vector, &from_log);
    assert_eq!((status, each(&report)), (1, vec!["not_in_log"; 3]), "{report}");
}
