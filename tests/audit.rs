//! A state system asks the unified base with its certificate, controllers find that in the audit, and whoever changes the
//! audit is found out.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use poshta::store::{Batch, Settings, Store};
use serde_json::{Value, json};

use crate::support::{Demo, poshta, succeeded};

const IIN: &str = "061211600012";
const PASSWORD: &str = "ұзақ құпиясөз 17";

/// `POST /api/v1/base/lookup` as the government peer would: with curl and its certificate. Status and answer.
fn look_up(demo: &Demo, iin: &str) -> (u16, Value) {
    let body = json!({ "iin": iin, "basis": "case 17/2026" }).to_string();
    let output = Command::new("curl")
        .args(["-sS", "--cacert", demo.fact("/ca"), "--cert", demo.fact("/peer/cert"), "--key", demo.fact("/peer/key")])
        .args(["-H", "Content-Type: application/json", "--data", &body, "-w", "\n%{http_code}"])
        .arg(format!("{}/api/v1/base/lookup", demo.fact("/http")))
        .output();
    let said = succeeded("curl", output.unwrap());
    let (answer, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(answer).unwrap())
}

fn add_account(demo: &Demo) {
    let mut child = Command::new(poshta())
        .args(["account", "add", "aigul.s", "--name", "Aigul", "--with-number", "--dir"])
        .arg(demo.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "{PASSWORD}\n{IIN}\n").unwrap();
    succeeded("account add", child.wait_with_output().unwrap());
}

fn sign_in(demo: &Demo) {
    let output = Command::new("curl")
        .args(["-sS", "--cacert", demo.fact("/ca"), "--user", &format!("aigul.s:{PASSWORD}")])
        .arg(format!("imaps://{}/INBOX", demo.fact("/imaps")))
        .args(["-X", "NOOP"])
        .output();
    succeeded("curl imaps", output.unwrap());
}

fn verify(dir: &Path, more: &[&str]) -> (Output, Value) {
    let output = Command::new(poshta()).args(["audit", "verify", "--json", "--dir"]).arg(dir).args(more).output();
    let output = output.unwrap();
    let verdict = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, verdict)
}

fn entries(dir: &Path) -> Vec<Value> {
    let output = Command::new(poshta()).args(["audit", "list", "--json", "--dir"]).arg(dir).output().unwrap();
    serde_json::from_str(&succeeded("audit list", output)).unwrap()
}

#[test]
fn m20_m23_a_look_up_is_answered_written_down_and_cannot_be_taken_out_again() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&temporary.path().join("data"), &[]);
    add_account(&demo);
    assert_eq!(look_up(&demo, IIN).0, 404, "the user has not signed in yet");
    sign_in(&demo);
    let (status, found) = look_up(&demo, IIN);
    assert_eq!((status, found), (200, json!({ "address": "aigul.s@poshta.example", "eds_confirmed": false })));
    assert_eq!(look_up(&demo, "791028302728").0, 404);

    let all = entries(demo.dir());
    let looked: Vec<&Value> = all.iter().filter(|entry| entry["action"] == "base.look-up").collect();
    assert_eq!(looked.len(), 3, "{all:#?}");
    assert!(looked.iter().all(|entry| entry["actor"] == "gov.example" && entry["details"] == "case 17/2026"));
    for action in ["account.add", "base.enter"] {
        assert!(all.iter().any(|entry| entry["action"] == action), "{action}: {all:#?}");
    }
    assert!(!serde_json::to_string(&all).unwrap().contains(IIN));

    let head = temporary.path().join("head");
    fs::write(&head, succeeded("audit head", demo.poshta(&["audit", "head"]))).unwrap();
    let head = ["--head", head.to_str().unwrap()];
    let (output, verdict) = verify(demo.dir(), &head);
    assert!(output.status.success(), "{verdict}");

    // What was acknowledged before a kill is there, and in the chain.
    let before = verdict["number"].as_u64().unwrap();
    look_up(&demo, IIN);
    let dir = demo.kill();
    let (output, verdict) = verify(&dir, &head);
    assert!(output.status.success() && verdict["number"].as_u64().unwrap() > before, "{verdict}");

    take_out(&dir, looked[1]["number"].as_u64().unwrap());
    let (output, verdict) = verify(&dir, &[]);
    assert_eq!(output.status.code(), Some(1), "{verdict}");
    let told = verdict["problems"].to_string();
    assert!(told.contains(&format!("entry {} of ", looked[1]["number"])) && told.contains("removed"), "{told}");
    let check = Command::new(poshta()).args(["store", "check", "--dir"]).arg(&dir).output().unwrap();
    assert_eq!(check.status.code(), Some(1), "`store check` finds it too");
}

/// As somebody could who has the machine, but not what was written elsewhere.
fn take_out(dir: &Path, number: u64) {
    let store = Store::open(dir, &Settings { watermark_bytes: 0, ..Settings::default() }).unwrap();
    let rows = store.read_blocking(|view| view.range(b"u", b"v", 10_000)).unwrap();
    let (key, _) = rows.into_iter().find(|(key, _)| key.ends_with(&number.to_be_bytes())).unwrap();
    let mut batch = Batch::new();
    batch.delete(key);
    store.commit_blocking(batch).unwrap();
}
