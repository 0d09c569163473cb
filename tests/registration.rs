//! People get mailboxes (order 71): over HTTPS with everything that can be wrong, and in a browser with a stand-in for
//! NCALayer.

use std::net::TcpListener;
use std::process::Command;

use crate::support::{Demo, succeeded};

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

/// `make browser-test` installs one and asks for it; elsewhere there may be none.
#[test]
fn m13_a_person_and_a_company_register_in_a_browser() {
    let programs = ["chromium-headless-shell", "chromium"];
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    let Some(program) = programs.into_iter().find(is_there) else {
        assert!(std::env::var_os("POSHTA_NEED_BROWSER").is_none(), "there is no Chromium here");
        println!("there is no Chromium here: nobody registers in a browser");
        return;
    };
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
