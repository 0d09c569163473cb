//! The page `/verify`: what it is served from, what its modules say of letters and of the log, and, where there is a
//! browser, the page itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Demo, browser, succeeded};

#[test]
fn a_letter_is_judged_by_the_page_and_found_in_the_log() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().unwrap();
    demo.python("verify_page.py", &[folder.path().to_str().unwrap()]);
    let (letter, keys) = (folder.path().join("letter.eml"), folder.path().join("keys.json"));
    let said = node("log.mjs", |command| {
        command.arg(demo.fact("/http")).arg(&keys).arg(&letter).env("NODE_EXTRA_CA_CERTS", demo.fact("/ca"));
    });
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["verdict"], "valid", "{said}");
    let found = said["found"].as_array().unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|it| it["origin"] == "poshta.example/log" && it["index"].is_u64()), "{said}");
    assert_eq!(said["altered"], "the proof leads to another tree");
    assert_eq!(said["unknown"], Value::Null);
    assert_eq!(said["otherKey"], "the checkpoint is not signed by the log");
    assert_eq!(said["asked"], json!(["/log/key", "/log/proof?i=ID&format=json"]), "only numbers leave");
    in_a_browser(&demo, &letter);
}

fn in_a_browser(demo: &Demo, letter: &Path) {
    let Some(program) = browser("the page is not opened in a browser") else { return };
    let mut story = demo.story("verify_browser.py");
    story.arg(program).arg(letter).arg(root().join("tests/vectors/postmark"));
    story.args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("verify_browser.py", story.output().unwrap());
}

/// Runs a script of `tests/javascript` with the page's modules.
pub fn node(script: &str, arguments: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(root().join("tests/javascript").join(script));
    command.arg(root().join("src/http/pages/postmark"));
    arguments(&mut command);
    succeeded(script, command.output().unwrap())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
