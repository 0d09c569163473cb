//! Two IMAP sessions on one folder, and IDLE.

use crate::support::Demo;

#[test]
fn two_sessions_agree_and_idle_pushes() {
    Demo::start().python("imap_sessions.py", &[]);
}
