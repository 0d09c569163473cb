//! People who sign on paper get their mailboxes at a counter (M14), whatever state the registers are in (M24).

use crate::support::{Demo, browser, succeeded};

/// Clerks of two facilities; the third user is none.
fn grant_clerks(demo: &Demo) {
    for (login, facility) in [("user001", "astana-1"), ("user003", "astana-1"), ("user004", "astana-2")] {
        let granted = demo.poshta(&["staff", "grant", login, "clerk", "--facility", facility]);
        assert!(granted.status.success(), "{}", String::from_utf8_lossy(&granted.stderr));
    }
}

#[test]
fn m14_a_clerk_registers_people_and_the_registers_are_asked() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--users", "4"]);
    grant_clerks(&demo);
    demo.python("counter.py", &[]);
    let checked = demo.poshta(&["store", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn m24_who_waits_for_a_register_waits_through_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let demo = Demo::start_in(&data, &["--users", "4"]);
    grant_clerks(&demo);
    let told = demo.python("counter_waiting.py", &[]);
    demo.kill();
    let demo = Demo::start_in(&data, &["--users", "4"]);
    let arguments: Vec<&str> = told.split_whitespace().collect();
    demo.python("counter_waited.py", &arguments);
}

#[test]
fn b7_a_register_tells_of_a_person_only_with_the_code_of_the_consent() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--users", "4", "--consent-code", "271828"]);
    grant_clerks(&demo);
    demo.python("consent.py", &["271828"]);
}

#[test]
fn m14_four_eyes_are_two_persons() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--users", "4", "--four-eyes"]);
    grant_clerks(&demo);
    demo.python("counter_four_eyes.py", &[]);
}

#[test]
fn m14_a_clerk_registers_somebody_in_a_browser() {
    let Some(program) = browser("no clerk registers anybody in a browser") else { return };
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--users", "4"]);
    grant_clerks(&demo);
    let mut story = demo.story("counter_browser.py");
    story.arg(program).args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("counter_browser.py", story.output().unwrap());
}
