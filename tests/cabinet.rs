//! What a user sees of and does with the own mailbox: over HTTPS, and in a browser with a stand-in for NCALayer.

use crate::support::{Demo, browser, succeeded};
use std::net::TcpListener;

#[test]
fn m22_official_letters_come_to_who_confirmed_their_data_until_they_change() {
    let demo = Demo::start();
    demo.python("cabinet.py", &[]);
    let audit = demo.poshta(&["store", "check"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[test]
fn rfc8314_mail_programs_set_themselves_up_and_learn_nothing_of_who_has_a_mailbox() {
    let demo = Demo::start();
    demo.python("mail_programs.py", &[]);
}

#[test]
fn m10_a_new_version_of_the_agreement_is_asked_for_in_the_cabinet() {
    let demo = Demo::start();
    demo.python("new_agreement.py", &[env!("CARGO_BIN_EXE_poshta")]);
}

#[test]
fn m2_letters_on_paper_are_listed_and_taken_back_in_the_cabinet() {
    let demo = Demo::start();
    demo.python("cabinet_letters.py", &[]);
    let checked = demo.poshta(&["store", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn m22_a_user_confirms_the_data_and_closes_the_mailbox_in_a_browser() {
    let Some(program) = browser("nobody opens the cabinet in a browser") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&dir.path().join("data"), &["--signer-port", &port]);
    let mut story = demo.story("cabinet_browser.py");
    story.arg(program).arg(&port).args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("cabinet_browser.py", story.output().unwrap());
}
