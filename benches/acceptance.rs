//! How many letters a second does a server take, so that they are safe and in their mailboxes? And how many could the
//! disk take at all?
//!
//! `cargo bench --bench acceptance` starts the demo of this build. With `ACCEPTANCE_SMTP=HOST:PORT` it measures another
//! server in the same way, which needs the users user001 to user090 with one password and takes letters for them on
//! that port without authentication: then also `ACCEPTANCE_IMAP=HOST:PORT` (LOGIN without TLS), `ACCEPTANCE_DOMAIN`,
//! `ACCEPTANCE_PASSWORD`, and `ACCEPTANCE_PIDS=PID,PID`, the roots of its processes.
//!
//! `ACCEPTANCE_SECONDS` (5) is the length of a cell; `ACCEPTANCE_BYTES` (4096,51200,1048576), `ACCEPTANCE_CONNECTIONS`
//! (1,10,50) and `ACCEPTANCE_RECIPIENTS` (1,10) are the cells.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

#[path = "acceptance/client.rs"]
mod client;
#[path = "acceptance/disk.rs"]
mod disk;
#[allow(dead_code, reason = "the other bench uses all of it")]
#[path = "acceptance/door.rs"]
mod door;
#[path = "acceptance/processes.rs"]
mod processes;
#[allow(dead_code, reason = "the stories use all of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use door::{Cell, Target, measure, numbers};

fn main() {
    let length = Duration::from_secs(numbers("ACCEPTANCE_SECONDS", &[5])[0] as u64);
    let dir = tempfile::tempdir().unwrap();
    let target = std::env::var("ACCEPTANCE_SMTP").map_or_else(|_| Target::demo(), |smtp| Target::other(&smtp));
    println!(
        "| bytes | connections | recipients | accepted/s | copies/s | dot to 250 p50, ms | p99, ms | CPU s per 1,000 | memory peak, MiB | disk alone/s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for bytes in numbers("ACCEPTANCE_BYTES", &[4096, 51200, 1_048_576]) {
        for connections in numbers("ACCEPTANCE_CONNECTIONS", &[1, 10, 50]) {
            let disk = disk::letters_per_s(dir.path(), bytes, connections);
            for recipients in numbers("ACCEPTANCE_RECIPIENTS", &[1, 10]) {
                let measured = measure(&target, Cell { bytes, connections, recipients }, length);
                println!("| {bytes} | {connections} | {recipients} | {measured} | {disk:.0} |");
            }
        }
    }
}
