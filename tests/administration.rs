//! Administrators see and do what has to be seen and done, in a browser, in three languages, on a phone and on a desk.

use crate::support::{Demo, browser, succeeded};

#[test]
fn m6_an_administrator_walks_all_pages_in_a_browser() {
    let Some(program) = browser("no administrator opens a browser") else { return };
    let dir = tempfile::tempdir().unwrap();
    // Nobody answers there: what goes to other servers waits.
    let demo = Demo::start_in(&dir.path().join("data"), &["--users", "4", "--next-hop", "127.0.0.1:9"]);
    for (login, role) in [("user001", "administrator"), ("user003", "clerk")] {
        let facility: &[&str] = if role == "clerk" { &["--facility", "astana-1"] } else { &[] };
        let granted = demo.poshta(&[&["staff", "grant", login, role], facility].concat());
        assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
    }
    let mut story = demo.story("admin_browser.py");
    story.arg(program).args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("admin_browser.py", story.output().unwrap());
    let checked = demo.poshta(&["store", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
