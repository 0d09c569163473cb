//! A letter to another domain is delivered to a test sink; what is refused there comes back as a report.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use crate::support::{Demo, succeeded};

#[test]
fn a_letter_to_another_domain_arrives_or_comes_back_as_a_report() {
    let temporary = tempfile::tempdir().unwrap();
    // The sink gets the port as it is, as its standard input: nobody else can take it in between.
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let next_hop = sink.local_addr().unwrap().to_string();
    let demo = Demo::start_in(&temporary.path().join("data"), &["--next-hop", &next_hop]);
    let story = demo.story("remote_delivery.py").stdin(OwnedFd::from(sink)).output().unwrap();
    succeeded("remote_delivery.py", story);
    let queue = succeeded("queue list", demo.poshta(&["queue", "list", "--json"]));
    assert_eq!(queue.trim(), "[]", "nothing waits any more");
}
