//! A letter to another domain is delivered to a test sink; what is refused there comes back as a report.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use serde_json::Value;

use crate::support::{Demo, succeeded};

#[test]
fn a_letter_to_another_domain_arrives_or_comes_back_as_a_report() {
    let temporary = tempfile::tempdir().unwrap();
    // The sink gets the port as it is, as its standard input: nobody else can take it in between.
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let next_hop = sink.local_addr().unwrap().to_string();
    let demo = Demo::start_in(&temporary.path().join("data"), &["--next-hop", &next_hop]);
    let records = succeeded("dkim show", demo.poshta(&["dkim", "show", "--json"]));
    let story = demo.story("remote_delivery.py").arg(records.trim()).stdin(OwnedFd::from(sink)).output().unwrap();
    succeeded("remote_delivery.py", story);
    let queue = succeeded("queue list", demo.poshta(&["queue", "list", "--json"]));
    assert_eq!(queue.trim(), "[]", "nothing waits any more");
}

#[test]
fn what_waits_is_listed_in_parts() {
    let temporary = tempfile::tempdir().unwrap();
    // It lets everybody connect and says nothing, so all waits.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let next_hop = silent.local_addr().unwrap().to_string();
    let demo = Demo::start_in(&temporary.path().join("data"), &["--next-hop", &next_hop]);
    demo.python("queue_parts.py", &[]);
    let listed = |arguments: &[&str]| {
        let said = succeeded("queue list", demo.poshta(&[["queue", "list", "--json"].as_slice(), arguments].concat()));
        serde_json::from_str::<Vec<Value>>(&said).unwrap()
    };
    let place = |row: &Value| format!("{}.{}", row["item"].as_str().unwrap(), row["number"]);
    let all: Vec<String> = listed(&[]).iter().map(place).collect();
    assert_eq!(all.len(), 4, "{all:?}");
    let (mut parts, mut later) = (Vec::new(), Vec::new());
    loop {
        let after: Vec<&str> = later.iter().map(String::as_str).collect();
        let part = listed(&[["--limit", "1"].as_slice(), after.as_slice()].concat());
        let [row] = part.as_slice() else { break };
        parts.push(place(row));
        later = vec!["--after".to_owned(), place(row)];
    }
    assert_eq!(parts, all, "one after the other, also those of one letter");
    let refused = demo.poshta(&["queue", "list", "--after", "somewhere"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("item.number"), "{refused:?}");
}
