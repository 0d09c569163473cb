//! Signing in to the pages: passwords, second factors, sessions, roles; with plain requests and, where there is a
//! browser, with passkeys.

use crate::support::{Demo, browser, poshta, succeeded};

#[test]
fn the_pages_open_to_whoever_proves_to_be_their_user_and_to_nobody_else() {
    let demo = Demo::start();
    demo.python("sign_in.py", &[poshta()]);
}

#[test]
fn codes_and_passkeys_sign_in_in_a_browser() {
    let Some(program) = browser("nothing is signed in with a passkey") else { return };
    let demo = Demo::start();
    let mut story = demo.story("sign_in_browser.py");
    story.arg(program).args(std::env::var_os("POSHTA_PICTURES"));
    succeeded("sign_in_browser.py", story.output().unwrap());
}

#[test]
fn a_person_and_a_company_sign_in_with_their_signatures() {
    let demo = Demo::start();
    demo.python("sign_in_signature.py", &[poshta()]);
}

#[test]
fn sessions_end_with_what_opened_them() {
    let demo = Demo::start();
    demo.python("sessions_end.py", &[poshta()]);
}
