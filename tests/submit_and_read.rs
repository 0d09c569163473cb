//! A person writes to others with Python's smtplib; they read with imaplib.

use crate::support::Demo;

#[test]
fn a_letter_is_submitted_marked_and_read() {
    Demo::start().python("submit_and_read.py", &[]);
}
