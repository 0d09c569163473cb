//! A letter to another domain is delivered to a test sink; what is refused there comes back as a report.

use std::net::TcpListener;

use crate::support::Demo;

#[test]
fn a_letter_to_another_domain_arrives_or_comes_back_as_a_report() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let temporary = tempfile::tempdir().unwrap();
    let next_hop = format!("127.0.0.1:{port}");
    let demo = Demo::start_in(&temporary.path().join("data"), &["--next-hop", &next_hop]);
    demo.python("remote_delivery.py", &[&port]);
    let queue = crate::support::succeeded("queue list", demo.poshta(&["queue", "list", "--json"]));
    assert_eq!(queue.trim(), "[]", "nothing waits any more");
}
