//! Bytes are sacred: five hundred letters come back as they came, plus headers on top.

use crate::support::Demo;

#[test]
fn five_hundred_letters_come_back_byte_for_byte() {
    Demo::start().python("byte_exact.py", &["500"]);
}
