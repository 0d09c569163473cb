//! The transparency log from outside: a letter's marks are proved to be in it, a monitor follows it, and a log that
//! contradicts itself is found.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Demo, poshta, succeeded};

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
