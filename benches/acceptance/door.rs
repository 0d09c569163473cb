//! The front door of a running server, and what a load of letters through it takes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::client::{self, Imap, Smtp};
use super::processes::{self, Tree};
use super::support;

const USERS: usize = 90;

/// How long copies may take to come into the mailboxes after the last 250.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is measured.
pub struct Target {
    smtp: SocketAddr,
    imap: SocketAddr,
    domain: String,
    password: String,
    processes: Tree,
    /// Ends the demo when it is dropped.
    _demo: Option<support::Demo>,
}

#[derive(Clone, Copy)]
pub struct Cell {
    pub bytes: usize,
    pub connections: usize,
    pub recipients: usize,
}

/// What a cell took.
pub struct Measured {
    /// Letters that were answered with 250.
    pub accepted: u64,
    /// From the first letter to the last 250.
    pub sending: Duration,
    /// From the first letter to the last copy in its mailbox.
    pub arriving: Duration,
    /// Processor time of the server, that of all its threads and processes.
    pub processor: Duration,
    /// Processor time of the clients, while letters were sent.
    pub clients: Duration,
    copies: u64,
    /// From the last byte of a letter to its 250, the shortest first.
    waits: Vec<Duration>,
    peak_bytes: u64,
}

impl Target {
    /// The demo of this build.
    pub fn demo() -> Target {
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

    /// Another server, as the variables `ACCEPTANCE_…` say.
    pub fn other(smtp: &str) -> Target {
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

    /// A session in each mailbox. They are opened before anything is measured: a login costs more than many letters.
    fn mailboxes(&self) -> Vec<Imap> {
        (1..=USERS).map(|user| Imap::login(self.imap, &format!("user{user:03}"), &self.password)).collect()
    }
}

fn messages(mailboxes: &mut [Imap]) -> u64 {
    mailboxes.iter_mut().map(Imap::messages).sum()
}

/// One cell.
pub fn measure(target: &Target, cell: Cell, length: Duration) -> Measured {
    let letter = client::letter(cell.bytes);
    let mut mailboxes = target.mailboxes();
    let before = messages(&mut mailboxes);
    let (cpu, own) = (target.processes.cpu(), processes::own());
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let connections: Vec<_> =
            (0..cell.connections).map(|_| scope.spawn(|| send(target, cell, &letter, &next, begun + length))).collect();
        connections.into_iter().flat_map(|connection| connection.join().unwrap()).collect()
    });
    let (sending, clients) = (begun.elapsed(), processes::own() - own);
    let accepted = waits.len() as u64;
    let copies = accepted * cell.recipients as u64;
    while messages(&mut mailboxes) < before + copies {
        assert!(begun.elapsed() < length + PATIENCE, "copies are missing");
    }
    let arriving = begun.elapsed();
    let processor = target.processes.cpu() - cpu;
    waits.sort_unstable();
    let peak_bytes = target.processes.peak_bytes();
    Measured { accepted, sending, arriving, processor, clients, copies, waits, peak_bytes }
}

impl Measured {
    /// Letters a second.
    pub fn rate(&self) -> f64 {
        self.accepted as f64 / self.sending.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        self.waits[(self.waits.len() - 1) * percent / 100].as_secs_f64() * 1000.0
    }
}

/// The columns of the table.
impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {}",
            self.rate(),
            self.copies as f64 / self.arriving.as_secs_f64(),
            self.percentile(50),
            self.percentile(99),
            self.processor.as_secs_f64() * 1000.0 / self.accepted as f64,
            self.peak_bytes >> 20,
        )
    }
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

/// The numbers of a variable, or these.
pub fn numbers(name: &str, default: &[usize]) -> Vec<usize> {
    match std::env::var(name) {
        Ok(list) => list.split(',').map(|number| number.trim().parse().unwrap()).collect(),
        Err(_) => default.to_vec(),
    }
}
