//! What an operator types: against a running server, and on a directory that nobody serves.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_case::test_case;

use crate::support::{Demo, poshta, succeeded};

const PASSWORD: &str = "тоғыз жолдың торабы\n";

/// A command with its standard input.
fn typed(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(poshta());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses at once does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn on(dir: &Path, arguments: &[&str], input: &str) -> Output {
    typed(&[arguments, &["--json", "--dir", dir.to_str().unwrap()]].concat(), input)
}

fn json(what: &str, output: Output) -> Value {
    serde_json::from_str(&succeeded(what, output)).unwrap()
}

/// The one line that a refused command writes.
fn refused(output: &Output, status: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(output.stdout.is_empty() && said.trim_end().lines().count() == 1, "{said}");
    said
}

/// Submits a letter of the first user.
fn send(demo: &Demo, to: &str, letter: &str) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--crlf", "--cacert", demo.fact("/ca"), "--upload-file", "-"])
        .args(["--user", &format!("user001:{}", demo.fact("/users/0/password"))])
        .args(["--url", &format!("smtps://{}", demo.fact("/submissions"))])
        .args(["--mail-from", demo.fact("/users/0/address"), "--mail-rcpt", to])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = curl.spawn().unwrap();
    child.stdin.take().unwrap().write_all(letter.as_bytes()).unwrap();
    succeeded("curl", child.wait_with_output().unwrap());
}

/// Asks until the answer is as wished.
fn eventually<T: Display>(what: &str, mut ask: impl FnMut() -> T, wished: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask();
        if wished(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn m16_planned_work_is_announced_listed_and_withdrawn_with_and_without_a_server() {
    let demo = Demo::start();
    notices(demo.dir());
    let kept = tempfile::tempdir().unwrap();
    let (status, dir) = Demo::start_in(&kept.path().join("data"), &[]).terminate();
    assert!(status.success(), "{status}");
    notices(&dir);
}

fn notices(dir: &Path) {
    let add = |from: &str, until: &str| {
        let texts = ["--kk", "Жаңарту", "--ru", "Обновление", "--en", "An update"];
        on(dir, &[&["notice", "add", "--from", from, "--until", until][..], &texts].concat(), "")
    };
    let made = json("add", add("2099-01-10T02:00:00+05:00", "2099-01-10T04:00:00+05:00"));
    assert_eq!((&made["number"], &made["standing"]), (&json!(1), &json!("to-come")));
    assert_eq!(made["from"], "2099-01-09T21:00:00Z");
    assert!(refused(&add("2099-01-10T02:00:00", "2099-01-10T04:00:00+05:00"), 1).contains("with its zone"));
    assert!(refused(&add("2020-01-10T02:00:00Z", "2020-01-10T04:00:00Z"), 1).contains("after now"));
    assert_eq!(json("list", on(dir, &["notice", "list"], ""))[0]["ru"], "Обновление");
    json("withdraw", on(dir, &["notice", "withdraw", "1"], ""));
    assert_eq!(json("list", on(dir, &["notice", "list"], "")), json!([]));
    assert!(refused(&on(dir, &["notice", "withdraw", "1"], ""), 1).contains("no announcement 1"));
    let audit = json("audit", on(dir, &["audit", "list", "--action", "notice"], "")).to_string();
    assert!(audit.contains("notice.add") && audit.contains("notice.withdraw"), "{audit}");
}

#[test]
fn m8_m21_accounts_are_made_shown_and_closed_for_ever_with_and_without_a_server() {
    let demo = Demo::start();
    accounts(demo.dir(), "cope", "соре");
    // The directory outlives the demo that made it.
    let kept = tempfile::tempdir().unwrap();
    let (status, dir) = Demo::start_in(&kept.path().join("data"), &[]).terminate();
    assert!(status.success(), "{status}");
    accounts(&dir, "poxe", "рохе");
}

/// `look_alike` is the login in other letters.
fn accounts(dir: &Path, login: &str, look_alike: &str) {
    let made =
        json("add", on(dir, &["account", "add", login, "--name", "Айгүл", "--postal-index", "020000"], PASSWORD));
    assert_eq!(made["address"], format!("{login}@poshta.example"));
    let shown = json("show", on(dir, &["account", "show", login], ""));
    assert_eq!((&shown["name"], &shown["postal_index"]), (&Value::from("Айгүл"), &Value::from("020000")));
    let short = refused(&on(dir, &["account", "password", login], "short\n"), 1);
    assert!(short.contains('8'), "the message says how long it must be: {short}");
    json("password", on(dir, &["account", "password", login], "another long password\n"));
    let listed = json("list", on(dir, &["account", "list"], ""));
    assert_eq!(listed.as_array().unwrap().iter().filter(|account| account["login"] == login).count(), 1);
    assert!(!listed.to_string().contains("argon2"), "no hash is shown");

    let quota = |arguments: &[&str]| {
        let asked = [&["account", "quota", login], arguments].concat();
        json("quota", on(dir, &asked, ""))["quota"].clone()
    };
    let set = json!({"bytes": 20 << 20, "messages": 7, "own_bytes": true, "own_messages": true});
    assert_eq!(quota(&["--bytes", "20M", "--messages", "7"]), set);
    assert_eq!(quota(&[]), set, "shown as it was set");
    let shown = typed(&["account", "show", login, "--dir", dir.to_str().unwrap()], "");
    let shown = succeeded("show", shown);
    assert!(shown.contains("0 B of 20 MB (set for this account)"), "{shown}");
    assert_eq!(
        quota(&["--default"]),
        json!({"bytes": null, "messages": null, "own_bytes": false, "own_messages": false})
    );
    refused(&on(dir, &["account", "quota", "nobody", "--messages", "1"], ""), 1);
    for arguments in [&["store", "expire", "--dry-run"][..], &["store", "expire"]] {
        let expired = json("expire", on(dir, arguments, ""));
        assert_eq!((&expired["folders"], &expired["messages"]), (&json!(0), &json!(0)), "{expired}");
        assert!(expired["accounts"].as_u64().unwrap() >= 1, "{expired}");
    }

    let closed = json("close", on(dir, &["account", "close", login], ""));
    assert_eq!(closed["key"], false, "nothing was encrypted");
    assert!(closed["folders"].as_u64().unwrap() > 0, "its letters go with it: {closed}");
    assert!(refused(&on(dir, &["account", "show", login], ""), 1).contains("no open account"));
    for again in [login, &login.to_uppercase(), look_alike] {
        let said = refused(&on(dir, &["account", "add", again], PASSWORD), 1);
        assert!(said.contains("taken"), "{again}: {said}");
    }
    let destroy = |name: &str| on(dir, &["account", "close", "--destroy", name], "");
    assert_eq!(json("destroy again", destroy(login))["folders"], 0);
    assert!(refused(&destroy("nobody-at-all"), 1).contains("there is and was no account"));
    assert!(refused(&on(dir, &["store", "rotate-key"], ""), 1).contains("nothing here is encrypted"));
}

#[test_case("[smtp]\nmax_recipients = \"many\"\n", 2, "smtp.max_recipients", "number"; "a word for a number")]
#[test_case("# two\n\n[smtp]\nmax_recipient = 5\n", 4, "smtp.max_recipient", "did you mean \"max_recipients\""; "a key that does not exist")]
#[test_case("[server]\nhostname = \"a\"\nhostname = \"b\"\n", 3, "", "duplicate"; "a key twice")]
#[test_case("[nothing]\n", 1, "nothing", "known"; "a section that does not exist")]
fn config_check_names_line_key_and_remedy(text: &str, line: usize, key: &str, remedy: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poshta.toml");
    std::fs::write(&file, text).unwrap();
    let said = refused(&typed(&["config", "check", "--config", file.to_str().unwrap()], ""), 1);
    let place = format!("{}:{line}: ", file.display());
    assert!(said.starts_with(&place), "{said}");
    assert!(said.contains(key) && said.contains(remedy), "{said}");
}

#[test]
fn config_check_finds_nothing_wrong_with_the_example() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/poshta.toml");
    succeeded("config check", typed(&["config", "check", "--config", example.to_str().unwrap()], ""));
}

#[test]
fn the_configuration_of_the_guide_is_enough() {
    let guide = include_str!("../docs/operator.md").split_once("```toml\n").unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    for name in ["facilities.toml", "peers.toml"] {
        std::fs::copy(conf.join(name), folder.path().join(name)).unwrap();
    }
    let file = folder.path().join("poshta.toml");
    std::fs::write(&file, guide.split_once("```").unwrap().0).unwrap();
    succeeded("config check", typed(&["config", "check", "--config", file.to_str().unwrap()], ""));
}

#[test]
fn facilities_are_listed_and_shown() {
    let demo = Demo::start();
    let all = json("list", on(demo.dir(), &["facility", "list"], ""));
    let centre = all.as_array().unwrap().iter().find(|facility| facility["id"] == "almaty-print").unwrap();
    assert_eq!(centre["kind"], "print_centre");
    let shown = json("show", on(demo.dir(), &["facility", "show", "semey"], ""));
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2, "Semey became an oblast centre in 2022: {shown}");
    assert!(refused(&on(demo.dir(), &["facility", "show", "nowhere"], ""), 1).contains("nowhere"));
}

#[test]
fn postmark_verify_tells_by_its_status() {
    let demo = Demo::start();
    send(&demo, demo.fact("/users/1/address"), "From: user001@poshta.example\nSubject: marks\n\nSalem!\n");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--cacert", demo.fact("/ca"), "--user", &format!("user002:{}", demo.fact("/users/1/password"))])
        .args(["--url", &format!("imaps://{}/INBOX;MAILINDEX=1", demo.fact("/imaps"))]);
    let delivered = succeeded("curl", curl.output().unwrap());
    let verify = |message: &str| {
        let output = typed(&["postmark", "verify", "-", "--json", "--dir", demo.dir().to_str().unwrap()], message);
        (output.status.code().unwrap(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (status, report) = verify(&delivered);
    assert_eq!((status, &report["verdict"]), (0, &Value::from("valid")), "{report}");
    let kinds: Vec<&str> =
        report["marks"].as_array().unwrap().iter().map(|mark| mark["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["deliver", "receive", "accept"]);
    let (status, forged) = verify(&delivered.replace("Salem", "Salam"));
    assert_eq!((status, &forged["verdict"]), (1, &Value::from("forged")), "{forged}");
    assert_eq!(forged["marks"][0]["findings"], serde_json::json!([{ "finding": "altered_body" }]), "{forged}");
    let (status, forged) = verify(&delivered.replace("f=astana-2", "f=aqtau"));
    assert_eq!(status, 1);
    assert!(forged.to_string().contains("contradicts_facility"), "{forged}");

    // A new key: marks of the old one stay valid, and both are in the DNS.
    let device = "astana-1-a";
    let rotated = json("rotate", on(demo.dir(), &["facility", "device", "rotate", device], ""));
    assert_eq!(verify(&delivered).0, 0);
    let records = json("dns", on(demo.dir(), &["facility", "dns"], ""));
    let of_device = |record: &&Value| record["name"].as_str().unwrap().starts_with(device);
    let names: Vec<&Value> =
        records.as_array().unwrap().iter().filter(of_device).map(|record| &record["name"]).collect();
    assert_eq!(names.len(), 2, "{records}");
    assert_eq!(names[1], &format!("{}._postalmark.poshta.example", rotated["selector"].as_str().unwrap()));
    assert!(refused(&on(demo.dir(), &["facility", "device", "rotate", "nothing"], ""), 1).contains("nothing"));
    let (status, plain) = verify("From: a@other.example\r\n\r\nnever at a post office\r\n");
    assert_eq!((status, &plain["verdict"]), (3, &Value::from("absent")));
    assert_eq!(typed(&["postmark", "verify", "/nowhere.eml"], "").status.code(), Some(1));
    assert_eq!(typed(&["postmark", "verify"], "").status.code(), Some(2));
}

#[test]
fn queue_print_and_scan_are_listed_and_changed() {
    let demo = Demo::start();
    let ask = |arguments: &[&str]| json(&arguments.join(" "), on(demo.dir(), arguments, ""));
    for list in ["queue", "print", "scan"] {
        assert_eq!(ask(&[list, "list"]), serde_json::json!([]), "{list}");
    }
    // Nobody answers for this peer, so the letter waits.
    send(&demo, "clerk@gov.example", "From: user001@poshta.example\nSubject: wait\n\nSalem!\n");
    let queue = ask(&["queue", "list"]);
    assert_eq!(queue[0]["recipient"], "clerk@gov.example", "{queue}");
    let item = queue[0]["item"].as_str().unwrap();
    let held = |wished: &'static str| {
        eventually(
            wished,
            || ask(&["queue", "show", item]),
            |queue| (queue[0]["state"] == "held") == (wished == "held"),
        )
    };
    ask(&["queue", "hold", item]);
    held("held");
    ask(&["queue", "release", item]);
    held("waiting");
    ask(&["queue", "drop", item]);
    assert_eq!(ask(&["queue", "list"]), serde_json::json!([]));

    let letter =
        "From: user001@poshta.example\nSubject: p\nPostal-To: A. Omarova; Abai 10; 020000 Kokshetau\n\nSalem!\n";
    send(&demo, "letter@hat.poshta.example", letter);
    let jobs = eventually("rendered", || ask(&["print", "list"]), |jobs| jobs[0]["state"] == "queued");
    let item = jobs[0]["item"].as_str().unwrap();
    assert!(jobs[0]["s10"].as_str().unwrap().ends_with("KZ"));
    ask(&["print", "cancel", item]);
    assert_eq!(ask(&["print", "show", item])["state"], "cancelled");
    // By state and part by part.
    assert_eq!(ask(&["print", "list", "--state", "cancelled"])[0]["item"], item);
    assert_eq!(ask(&["print", "list", "--state", "cancelled", "--after", item]), json!([]));
    assert_eq!(ask(&["print", "list", "--state", "queued"]), json!([]));
    assert!(refused(&on(demo.dir(), &["print", "list", "--state", "lying"], ""), 1).contains("handed_to_post"));
    assert!(refused(&on(demo.dir(), &["print", "cancel", item], ""), 1).contains("cancelled"));
    let sound = ask(&["store", "check"]);
    assert_eq!(sound["problem_count"], 0, "{sound}");
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_in_words() {
    let demo = Demo::start();
    let config = demo.dir().join("poshta.toml");
    let said = refused(&typed(&["serve", "--config", config.to_str().unwrap()], ""), 1);
    assert!(said.contains(demo.dir().to_str().unwrap()) && said.contains("in use"), "{said}");
    assert!(said.contains(&demo.pid().to_string()), "it names the process: {said}");
}

#[test]
fn commands_need_a_directory_that_exists() {
    assert!(refused(&typed(&["queue", "list"], ""), 2).contains("--dir"));
    assert!(refused(&typed(&["queue", "list", "--dir", "/nowhere/at/all"], ""), 1).contains("/nowhere/at/all"));
}

#[test]
fn sigterm_lets_the_transaction_in_flight_end() {
    let kept = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&kept.path().join("data"), &[]);
    let mut client = Smtp::connect(demo.fact("/smtp"));
    for (command, code) in [
        ("EHLO other.example", "250"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<user002@poshta.example>", "250"),
        ("DATA", "354"),
    ] {
        client.say(command);
        client.expect(code);
    }
    client.say("Subject: in flight\r\n\r\nthe first half");
    demo.ask_to_stop();
    eventually("nobody new is let in", || TcpStream::connect(demo.fact("/smtp")).is_ok(), |open| !open);
    client.say("the second half\r\n.");
    client.expect("250");
    drop(client);
    let (status, dir) = demo.terminate();
    assert_eq!(status.code(), Some(0));
    let shown = json("show", on(&dir, &["account", "show", "user002"], ""));
    assert_eq!(shown["messages"], 1, "{shown}");
}

/// The whole way of a backup: made while serving and again, restored elsewhere, and rows rebuilt from packs.
#[test]
fn a_backup_is_made_while_serving_restored_elsewhere_and_rows_are_rebuilt() {
    let kept = tempfile::tempdir().unwrap();
    let (data, backup, other) = (kept.path().join("data"), kept.path().join("backup"), kept.path().join("other"));
    let demo = Demo::start_in(&data, &[]);
    let to = backup.to_str().unwrap();
    let subject = |text: &str| format!("From: user001@poshta.example\nSubject: {text}\n\nSalem!\n");
    send(&demo, "user002@poshta.example", &subject("one"));
    let first = json("backup", on(&data, &["store", "backup", to], ""));
    send(&demo, "user002@poshta.example", &subject("two"));
    let second = json("backup", on(&data, &["store", "backup", to], ""));
    let copied = |made: &Value| made["copied_bytes"].as_u64().unwrap();
    assert!(copied(&second) < copied(&first), "{first} {second}");
    let tidied = json("compact", on(&data, &["store", "compact"], ""));
    assert_eq!(tidied["damaged"], serde_json::json!([]), "{tidied}");
    assert!(tidied["rows"]["rows"].as_u64() > Some(0), "{tidied}");
    for arguments in [&["store", "restore", to][..], &["store", "rebuild"]] {
        let said = refused(&on(&data, arguments, ""), 1);
        assert!(said.contains("stop that first"), "{said}");
    }
    let (_, data) = demo.terminate();

    let restored = json("restore", on(&other, &["store", "restore", to], ""));
    assert_eq!(restored["damaged"], serde_json::json!([]), "{restored}");
    assert!(refused(&on(&other, &["store", "restore", to], ""), 1).contains("there is data"));
    std::fs::remove_dir_all(data.join("rows")).unwrap();
    assert!(refused(&on(&data, &["store", "check"], ""), 1).contains("store rebuild"));
    let rebuilt = json("rebuild", on(&data, &["store", "rebuild", "--backup", to], ""));
    assert_eq!((&rebuilt["messages"], &rebuilt["lost_count"]), (&2.into(), &0.into()), "{rebuilt}");
    std::fs::copy(data.join("poshta.toml"), other.join("poshta.toml")).unwrap();
    for dir in [&data, &other] {
        let sound = json("check", on(dir, &["store", "check"], ""));
        assert_eq!(sound["problem_count"], 0, "{sound}");
        assert_eq!(json("show", on(dir, &["account", "show", "user002"], ""))["messages"], 2);
    }
    // Without a server, and by the command alone.
    json("compact", on(&other, &["store", "compact"], ""));
    let new = kept.path().join("new");
    assert!(copied(&json("backup", on(&other, &["store", "backup", new.to_str().unwrap()], ""))) > 0);
    assert!(refused(&on(&other, &["store", "restore", "/nowhere"], ""), 1).contains("no finished backup"));
}

/// A client that reads every reply to its end.
struct Smtp(BufReader<TcpStream>);

impl Smtp {
    fn connect(address: &str) -> Smtp {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut client = Smtp(BufReader::new(stream));
        client.expect("220");
        client
    }

    fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    fn expect(&mut self, code: &str) {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "{code} is expected: {line:?}");
            if line.as_bytes()[3] == b' ' {
                return;
            }
        }
    }
}
