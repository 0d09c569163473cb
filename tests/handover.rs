//! A restart under a supervisor that holds the ports (systemd socket units): nobody is refused meanwhile.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use toml::{Table, Value};

use crate::support::served::{Prepared, section};

#[test]
fn m16_m19_who_connects_during_a_restart_waits_and_is_served_by_the_next_process() {
    let kept = tempfile::tempdir().unwrap();
    let prepared = Prepared::new(&kept.path().join("data"), Table::new());
    let door = TcpListener::bind("127.0.0.25:0").unwrap();
    let address = door.local_addr().unwrap();
    prepared.configure(|config| {
        section(config, "smtp").insert("mx_listen".into(), Value::Array(vec![address.to_string().into()]));
    });
    let first = prepared.serve_behind(&door);
    assert_greeted(&TcpStream::connect(address).unwrap());
    first.stop();
    let waiting = TcpStream::connect(address).unwrap();
    let second = prepared.serve_behind(&door);
    assert_greeted(&waiting);
    second.stop();
}

#[test]
fn a_port_that_nobody_configured_is_named_in_the_log() {
    let kept = tempfile::tempdir().unwrap();
    let prepared = Prepared::new(&kept.path().join("data"), Table::new());
    let door = TcpListener::bind("127.0.0.99:0").unwrap();
    let served = prepared.serve_behind(&door);
    served.terminate();
    let (status, log) = served.ended();
    assert!(status.success(), "{log}");
    assert!(log.contains(&door.local_addr().unwrap().to_string()), "{log}");
}

fn assert_greeted(client: &TcpStream) {
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut greeting = String::new();
    BufReader::new(client).read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("220 "), "{greeting}");
}
