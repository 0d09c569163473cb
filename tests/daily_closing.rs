//! The clock and the daily closing over a real server: a clock that drifts locks the devices, and the days that a
//! server missed are closed when it is back, for anybody to check.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use poshta::clock::{Clock, SystemEntropy, Timestamp, World};
use poshta::config::Config;
use poshta::postal::{FacilityId, Handover, Kind};
use poshta::server::Services;
use poshta::store::Batch;
use serde_json::{Value, json};
use toml::Table;

use crate::support::plain::Submission;
use crate::support::served::{Prepared, section};
use crate::support::{Demo, poshta, succeeded};

/// Longer than any change takes to show.
const PATIENCE: Duration = Duration::from_secs(30);

/// An NTP server on loopback whose time the test sets.
struct Ntp {
    at: SocketAddr,
    ahead_ms: Arc<AtomicI64>,
}

/// It does not answer.
const SILENT: i64 = i64::MAX;

impl Ntp {
    fn start() -> Ntp {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let ahead = Arc::clone(&ahead_ms);
        std::thread::spawn(move || {
            let mut question = [0; 128];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let ahead = ahead.load(Ordering::SeqCst);
                if length < 48 || ahead == SILENT {
                    continue;
                }
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64 + ahead * 1000;
                let seconds = (now.div_euclid(1_000_000) + 2_208_988_800) as u32;
                let fraction = ((now.rem_euclid(1_000_000) << 32) / 1_000_000) as u32;
                let instant = (u64::from(seconds) << 32 | u64::from(fraction)).to_be_bytes();
                // RFC 5905 §7.3: version 4, server, stratum 1; the question's time comes back.
                let mut answer = [0; 48];
                (answer[0], answer[1]) = (0b00_100_100, 1);
                answer[24..32].copy_from_slice(&question[40..48]);
                answer[32..40].copy_from_slice(&instant);
                answer[40..48].copy_from_slice(&instant);
                socket.send_to(&answer, from).unwrap();
            }
        });
        Ntp { at, ahead_ms }
    }
}

/// Status and text of an answer of the operator's listener.
fn get(to: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

fn wait_for_health(operator: SocketAddr, status: u16) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let (found, said) = get(operator, "/health/ready");
        if found == status {
            return said;
        }
        assert!(Instant::now() < end, "health stays {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn p31_f13_a_clock_that_drifts_locks_every_device_of_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let prepared = Prepared::new(&dir.path().join("data"), Table::new());
    let ntp = Ntp::start();
    prepared.configure(|config| {
        let clock = section(config, "clock");
        clock.insert("servers".into(), vec![ntp.at.to_string()].into());
        clock.insert("interval_s".into(), 1.into());
        clock.insert("deadline_ms".into(), 500.into());
    });
    let served = prepared.serve(&[]);
    let letter = |subject: &str| {
        let mut client = Submission::login(served.submission(), "user001", &served.password).unwrap();
        let content = format!("From: user001@poshta.example\r\nSubject: {subject}\r\n\r\nСәлем\r\n");
        client.letter("user001@poshta.example", &["user002@poshta.example"], content.as_bytes()).unwrap()
    };
    wait_for_health(served.operator(), 200);
    assert!(letter("good").starts_with("250 "));

    // The source is five seconds ahead: our clock is slow.
    ntp.ahead_ms.store(5000, Ordering::SeqCst);
    let said = wait_for_health(served.operator(), 503);
    assert!(said.contains("ms slow by 127.0.0.1") && said.contains("(P31)"), "{said}");
    let refused = letter("drifted");
    assert!(refused.starts_with("451 4.3.0 "), "{refused}");
    assert!(served.log.text().contains("every device is locked"), "{}", served.log.text());
    let shown: Value = serde_json::from_str(&served.poshta(&["facility", "show", "astana-2"])).unwrap();
    assert_eq!(shown["clock"]["state"], "drifted");
    assert!(shown["devices"][0]["locked"].is_string() && shown["devices"][0]["engraving"].is_string(), "{shown}");

    // Silence does not make it right.
    ntp.ahead_ms.store(SILENT, Ordering::SeqCst);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(get(served.operator(), "/health/ready").0, 503);

    // A person decides otherwise, device by device.
    for facility in ["astana-1", "astana-2"] {
        let shown: Value = serde_json::from_str(&served.poshta(&["facility", "show", facility])).unwrap();
        for device in shown["devices"].as_array().unwrap() {
            let id = device["id"].as_str().unwrap();
            served.poshta(&["facility", "device", "unlock", id, "--reason", "the source is wrong"]);
        }
    }
    let accepted = letter("unlocked");
    assert!(accepted.starts_with("250 "), "{accepted}");

    // And it unlocks by itself.
    ntp.ahead_ms.store(0, Ordering::SeqCst);
    wait_for_health(served.operator(), 200);
    assert!(letter("good again").starts_with("250 "));
    served.poshta(&["facility", "device", "return", "astana-1-a", "--reason", "end of shift"]);
    let refused = letter("nobody has the stamp");
    assert!(refused.starts_with("451 4.3.0 "), "{refused}");
    served.poshta(&["facility", "device", "issue", "astana-1-a", "--holder", "A. Serikova", "--role", "operator"]);
    assert!(letter("somebody has it").starts_with("250 "));
    let shown: Value = serde_json::from_str(&served.poshta(&["facility", "show", "astana-1"])).unwrap();
    assert_eq!(shown["devices"][0]["issued"]["holder"], "A. Serikova");
    served.poshta(&["store", "check"]);
    served.stop();
}

/// A clock that stands still.
#[derive(Debug)]
struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Two impressions of a device two days ago.
async fn the_day_before_yesterday(dir: &Path) {
    let then = Timestamp::now().checked_sub(SignedDuration::from_hours(48)).unwrap();
    let world = World { clock: Arc::new(Fixed(then)), entropy: Arc::new(SystemEntropy) };
    let services = Services::open(Config::of_dir(dir).unwrap(), world.clone()).unwrap();
    let facility: FacilityId = "astana-1".parse().unwrap();
    for kind in [Kind::Receive, Kind::Deliver(Handover::Delivered)] {
        let mut strikes = services.devices.begin();
        let strike = strikes.strike(&facility, kind).await.unwrap();
        let mark: [u8; 32] = world.random();
        let line = json!({
            "device": strike.device().as_str(), "seq": strike.number(), "instant": strike.instant().to_string(),
            "mark": STANDARD.encode(mark),
            "impression": poshta::ids::ImpressionId::generate(&world).to_string(),
            "kind": kind.tag(), "handover": kind.handover(),
        });
        let mut batch = Batch::new();
        batch.journal(&line.to_string());
        strikes.commit(batch).await.unwrap();
    }
}

#[test]
fn p31_days_that_a_server_missed_are_closed_when_it_is_back_and_anybody_can_check_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    assert!(Demo::start_in(&dir, &[]).terminate().0.success());
    for part in ["log", "journal", "rows", "packs", "devices"] {
        std::fs::remove_dir_all(dir.join(part)).unwrap();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(the_day_before_yesterday(&dir));
    drop(runtime);

    let demo = Demo::start_in(&dir, &[]);
    let end = Instant::now() + PATIENCE;
    let closings = loop {
        let listed = demo.poshta(&["facility", "closing", "list", "--device", "astana-1-a", "--json"]);
        let listed: Vec<Value> = serde_json::from_str(&succeeded("closing list", listed)).unwrap();
        if listed.len() >= 2 {
            break listed;
        }
        assert!(Instant::now() < end, "the days are not closed: {listed:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!((&closings[0]["total"], &closings[1]["total"]), (&json!(2), &json!(0)));
    let file = folder.path().join("closings.json");
    std::fs::write(&file, serde_json::to_string(&closings).unwrap()).unwrap();
    let keys = folder.path().join("marks.json");
    let said = demo.python("daily_closing.py", &[file.to_str().unwrap(), keys.to_str().unwrap()]);
    assert!(said.trim().starts_with("valid"), "{said}");

    // Without the server, with nothing but the published keys.
    assert!(demo.terminate().0.success());
    let verify = |file: &Path| {
        let arguments = ["facility", "closing", "verify", "--json", "--keys"];
        Command::new(poshta()).args(arguments).arg(&keys).arg(file).output().unwrap()
    };
    let judged = verify(&file);
    assert_eq!(judged.status.code(), Some(0), "{judged:?}");
    let mut forged = closings.clone();
    forged[0]["impressions"]["receive"] = json!(2);
    forged[0]["total"] = json!(3);
    std::fs::write(&file, serde_json::to_string(&forged).unwrap()).unwrap();
    let judged = verify(&file);
    assert_eq!(judged.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&judged.stdout).contains("signature does not fit"), "{judged:?}");
    let demo = Demo::start_in(&dir, &[]);
    let day = closings[0]["day"].as_str().unwrap();
    let shown = demo.poshta(&["facility", "closing", "show", "astana-1-a", day, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&succeeded("closing show", shown)).unwrap(), closings[0]);
    let none = demo.poshta(&["facility", "closing", "show", "astana-1-a", "2020-01-01"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
}
