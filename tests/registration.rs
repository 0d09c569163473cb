//! People get mailboxes (order 71): over HTTPS with everything that can be wrong, and in a browser with a stand-in for
//! NCALayer.

use crate::support::{Demo, browser, succeeded};
use std::net::TcpListener;

#[test]
fn m13_a_person_and_a_company_register_over_https_and_nobody_else_does() {
    let demo = Demo::start();
    demo.python("registration.py", &[]);
    let listed = demo.poshta(&["agreement", "list", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("\"in force\""), "{listed}");
    let checked = demo.poshta(&["store", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn m13_a_person_and_a_company_register_in_a_browser() {
    let Some(program) = browser("nobody registers in a browser") else { return };
    let port = free_port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--signer-port", &port]);
    let mut story = demo.story("registration_browser.py");
    story.arg(program).arg(&port).args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("registration_browser.py", story.output().unwrap());
}

/// A port on which nobody listens, yet: the page has to know it before the signer is there.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
