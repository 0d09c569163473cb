//! The last checkpoint of a day gets a time stamp of an authority that is not the operator's. The authority here is
//! OpenSSL's, an implementation that shares nothing with ours; at first it gives every wrong answer there is.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use toml::Table;

use crate::support::served::Prepared;
use crate::support::{Demo, poshta, succeeded};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the authority answers one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Not at all.
    Silent,
    /// It is out of order.
    Broken,
    /// With a stamp over something else.
    OtherDocument,
    /// With a stamp that somebody else asked for.
    OtherQuestion,
    /// As an authority that nobody here trusts.
    Stranger,
    /// As it should.
    Honest,
}

const MOODS: [Mood; 6] =
    [Mood::Silent, Mood::Broken, Mood::OtherDocument, Mood::OtherQuestion, Mood::Stranger, Mood::Honest];

/// Runs OpenSSL in a directory.
pub fn openssl(dir: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output();
    succeeded(&arguments.join(" "), output.expect("openssl, one of TEST_PACKAGES in the Makefile, is not here"));
}

/// An authority for certificates, and one for time stamps below it.
pub fn authority(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("ext"), "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n").unwrap();
    fs::write(dir.join("serial"), "01\n").unwrap();
    let section = "[tsa]\ndefault_tsa=one\n[one]\nserial=serial\ncrypto_device=builtin\nsigner_cert=tsa.pem\n\
                   certs=ca.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\n\
                   digests=sha256,sha384,sha512\ness_cert_id_alg=sha256\n";
    fs::write(dir.join("ts.cnf"), section).unwrap();
    let name = format!("/CN=Authority {}", dir.file_name().unwrap().display());
    let days = ["-days", "30"];
    let made = [
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", &name],
        &days[..],
    ];
    openssl(dir, &made.concat());
    openssl(
        dir,
        &["req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Time"],
    );
    let made = [
        &[
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "ext",
            "-out",
            "tsa.pem",
        ],
        &days[..],
    ];
    openssl(dir, &made.concat());
}

/// Answers questions, each in the next mood, and says so; the last mood stays.
struct Responder {
    port: u16,
    asked: Receiver<Mood>,
}

impl Responder {
    fn start(dir: PathBuf, note: PathBuf) -> Responder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mood = MOODS[number.min(MOODS.len() - 1)];
                let question = question(&mut stream);
                if mood != Mood::Silent {
                    let (status, body) = answer(&dir, &note, mood, &question);
                    let head =
                        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
                }
                open.push(stream);
                if tell.send(mood).is_err() {
                    return;
                }
            }
        });
        Responder { port, asked }
    }
}

/// The content of a request.
fn question(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        assert!(head.starts_with("post /stamp http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/timestamp-query"), "{head}");
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
        if bytes.len() == end + 4 + length {
            return bytes[end + 4..].to_vec();
        }
    }
}

fn answer(dir: &Path, note: &Path, mood: Mood, question: &[u8]) -> (&'static str, Vec<u8>) {
    let file = dir.join("question");
    fs::write(&file, question).unwrap();
    let work = if mood == Mood::Stranger { dir.join("stranger") } else { dir.join("trusted") };
    match mood {
        Mood::Broken => return ("503 Service Unavailable", Vec::new()),
        Mood::OtherDocument => {
            openssl(dir, &["ts", "-query", "-digest", &"ab".repeat(32), "-sha256", "-cert", "-out", "question"]);
        }
        Mood::OtherQuestion => {
            openssl(dir, &["ts", "-query", "-data", note.to_str().unwrap(), "-sha256", "-cert", "-out", "question"]);
        }
        _ => {}
    }
    let question = file.to_str().unwrap();
    openssl(&work, &["ts", "-reply", "-config", "ts.cnf", "-queryfile", question, "-out", "answer"]);
    ("200 OK", fs::read(work.join("answer")).unwrap())
}

/// The log of `dir` as if its last checkpoint were of the day before.
fn yesterday(dir: &Path) -> String {
    let head = dir.join("log/head");
    let mut read: Value = serde_json::from_slice(&fs::read(&head).unwrap()).unwrap();
    let today: jiff::civil::Date = read["day"].as_str().unwrap().parse().unwrap();
    let day = today.yesterday().unwrap().to_string();
    read["day"] = day.clone().into();
    fs::write(&head, read.to_string()).unwrap();
    day
}

#[test]
fn rfc3161_a_day_of_the_log_gets_a_time_stamp_that_openssl_agrees_with() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, work) = (folder.path().join("data"), folder.path().join("authority"));
    authority(&work.join("trusted"));
    authority(&work.join("stranger"));
    let prepared = Prepared::new(&dir, Table::new());
    let day = yesterday(&dir);
    let (note, stamp) = (dir.join(format!("log/daily/{day}")), dir.join(format!("log/daily/{day}.tst")));
    let responder = Responder::start(work.clone(), note.clone());
    let ca = work.join("trusted/ca.pem");
    let settings = format!(
        "url = \"http://127.0.0.1:{}/stamp\"\nauthorities_file = \"{}\"\nretry_s = 1\nmax_retry_s = 1\npolicy = \"1.2.3.4.1\"\n",
        responder.port,
        ca.display()
    );
    prepared.configure(|config| {
        let tlog = config.entry("tlog").or_insert_with(|| Table::new().into()).as_table_mut().unwrap();
        tlog.insert("timestamps".into(), settings.parse::<Table>().unwrap().into());
    });

    // Killed while it waits for an answer.
    let served = prepared.serve(&[]);
    assert_eq!(responder.asked.recv_timeout(PATIENCE).unwrap(), Mood::Silent);
    served.kill();
    assert!(!stamp.exists());

    let served = prepared.serve(&[]);
    for expected in &MOODS[1..] {
        assert!(!stamp.exists(), "before {expected:?}");
        assert_eq!(responder.asked.recv_timeout(PATIENCE).unwrap(), *expected);
    }
    let begun = Instant::now();
    while !stamp.exists() {
        assert!(begun.elapsed() < PATIENCE, "{}", served.log.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    let checked: Value = serde_json::from_str(&served.poshta(&["log", "check"])).unwrap();
    // Another one if midnight came meanwhile.
    assert!(checked["days"].as_u64() >= Some(1) && checked["stamped_days"].as_u64() >= Some(1), "{checked}");
    assert_eq!(checked["problems"].as_array().map(Vec::len), Some(0), "{checked}");
    served.terminate();
    let (status, log) = served.ended();
    assert!(status.success(), "{log}");
    for reason in ["HTTP status 503", "of another document", "to another question", "leads to no authority"] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    from_outside(&Demo::start_in(&dir, &[]), &work, &day, &note);
}

/// With OpenSSL, with our own command and with our own monitor.
fn from_outside(demo: &Demo, work: &Path, day: &str, note: &Path) {
    let url = format!("{}/log", demo.fact("/http"));
    let get = |name: &str, to: &Path| {
        let from = format!("{url}/daily/{name}");
        let got = Command::new("curl").args(["-fsS", "--cacert", demo.fact("/ca"), &from, "-o"]).arg(to).output();
        succeeded(&from, got.unwrap());
    };
    let (got_note, got_answer) = (work.join("note"), work.join("answer.tsr"));
    get(day, &got_note);
    get(&format!("{day}.tsr"), &got_answer);
    assert_eq!(fs::read(&got_note).unwrap(), fs::read(note).unwrap());
    openssl(work, &["ts", "-verify", "-data", "note", "-in", "answer.tsr", "-CAfile", "trusted/ca.pem"]);
    get(&format!("{day}.tst"), &work.join("token"));
    let verify = |anchors: &str, document: &str| {
        let mut command = Command::new(poshta());
        command.args(["eds", "verify", "--json", "--anchors", anchors, "--detached", document, "token"]);
        let output = command.current_dir(work).output().unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (status, said) = verify("trusted/ca.pem", "note");
    assert_eq!((status, &said["kind"], &said["valid"]), (Some(0), &"time_stamp".into(), &true.into()), "{said}");
    let (status, said) = verify("stranger/ca.pem", "note");
    assert_eq!((status, &said["refusal"]["code"]), (Some(1), &"no-issuer".into()), "{said}");
    let (status, said) = verify("trusted/ca.pem", "question");
    assert_eq!((status, &said["refusal"]["code"]), (Some(1), &"imprint".into()), "{said}");
    watched(demo, work, &url, day);
}

/// The monitor looks at the stamps of the last days.
fn watched(demo: &Demo, work: &Path, url: &str, day: &str) {
    let shown: Value = serde_json::from_str(&succeeded("log show", demo.poshta(&["log", "show", "--json"]))).unwrap();
    let monitor = |anchors: &Path| {
        let mut command = Command::new(poshta());
        command.args([
            "log",
            "monitor",
            "--url",
            url,
            "--key",
            shown["key"].as_str().unwrap(),
            "--ca",
            demo.fact("/ca"),
        ]);
        command.arg("--state").arg(work.join("state.json")).arg("--stamp-authorities").arg(anchors).arg("--json");
        command.output().unwrap()
    };
    let looked: Value = serde_json::from_str(&succeeded("log monitor", monitor(&work.join("trusted/ca.pem")))).unwrap();
    assert_eq!(looked["stamped_days"][0]["day"], day, "{looked}");
    let alarm = monitor(&work.join("stranger/ca.pem"));
    assert_eq!(alarm.status.code(), Some(1), "{alarm:?}");
    assert!(String::from_utf8_lossy(&alarm.stdout).contains("whose time stamp does not hold"), "{alarm:?}");
}
