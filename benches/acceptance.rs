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
#[path = "acceptance/processes.rs"]
mod processes;
#[allow(dead_code, reason = "the stories use all of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::{Imap, Smtp};
use processes::Tree;

const USERS: usize = 90;

/// How long copies may take to come into the mailboxes after the last 250.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is measured.
struct Target {
    smtp: SocketAddr,
    imap: SocketAddr,
    domain: String,
    password: String,
    processes: Tree,
    /// Ends the demo when it is dropped.
    _demo: Option<support::Demo>,
}

#[derive(Clone, Copy)]
struct Cell {
    bytes: usize,
    connections: usize,
    recipients: usize,
}

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

fn numbers(name: &str, default: &[usize]) -> Vec<usize> {
    match std::env::var(name) {
        Ok(list) => list.split(',').map(|number| number.trim().parse().unwrap()).collect(),
        Err(_) => default.to_vec(),
    }
}

impl Target {
    fn demo() -> Target {
        let dir = tempfile::tempdir().unwrap().keep();
        let demo = support::Demo::start_in(&dir, &["--users", "100", "--plaintext-auth"]);
        Target {
            smtp: demo.fact("/smtp").parse().unwrap(),
            imap: demo.fact("/imap").parse().unwrap(),
            domain: demo.fact("/domain").into(),
            password: demo.fact("/users/0/password").into(),
            processes: Tree::new(&[u32::try_from(demo.facts["pid"].as_u64().unwrap()).unwrap()]),
            _demo: Some(demo),
        }
    }

    fn other(smtp: &str) -> Target {
        let needed = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is needed with ACCEPTANCE_SMTP"));
        let roots = numbers("ACCEPTANCE_PIDS", &[]);
        Target {
            smtp: smtp.parse().unwrap(),
            imap: needed("ACCEPTANCE_IMAP").parse().unwrap(),
            domain: needed("ACCEPTANCE_DOMAIN"),
            password: needed("ACCEPTANCE_PASSWORD"),
            processes: Tree::new(&roots.iter().map(|root| u32::try_from(*root).unwrap()).collect::<Vec<_>>()),
            _demo: None,
        }
    }

    fn messages(&self) -> u64 {
        (1..=USERS).map(|user| Imap::login(self.imap, &format!("user{user:03}"), &self.password).messages()).sum()
    }
}

/// One cell: its figures as columns of the table.
fn measure(target: &Target, cell: Cell, length: Duration) -> String {
    let letter = client::letter(cell.bytes);
    let before = target.messages();
    let cpu = target.processes.cpu();
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let connections: Vec<_> =
            (0..cell.connections).map(|_| scope.spawn(|| send(target, cell, &letter, &next, begun + length))).collect();
        connections.into_iter().flat_map(|connection| connection.join().unwrap()).collect()
    });
    let sending = begun.elapsed();
    let accepted = waits.len() as u64;
    let copies = accepted * cell.recipients as u64;
    while target.messages() < before + copies {
        assert!(begun.elapsed() < length + PATIENCE, "copies are missing");
    }
    let arriving = begun.elapsed();
    let cpu = (target.processes.cpu() - cpu).as_secs_f64();
    waits.sort_unstable();
    let percentile = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    format!(
        "{:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {}",
        accepted as f64 / sending.as_secs_f64(),
        copies as f64 / arriving.as_secs_f64(),
        percentile(50),
        percentile(99),
        cpu * 1000.0 / accepted as f64,
        target.processes.peak_bytes() >> 20,
    )
}

/// Sends letters one after another; how long each waited for its 250.
fn send(target: &Target, cell: Cell, letter: &[u8], next: &AtomicU64, until: Instant) -> Vec<Duration> {
    let mut smtp = Smtp::connect(target.smtp);
    let mut waits = Vec::new();
    while Instant::now() < until {
        let first = next.fetch_add(cell.recipients as u64, Ordering::Relaxed) as usize;
        let recipients: Vec<_> = (first..first + cell.recipients)
            .map(|number| format!("user{:03}@{}", number % USERS + 1, target.domain))
            .collect();
        waits.push(smtp.send(&recipients, letter));
    }
    waits
}
