//! What the marks cost: the share of the rate of acceptances that goes into stamping and signing.
//!
//! `cargo bench --bench stamping`; `STAMPING_SECONDS` (10) and `STAMPING_CONNECTIONS` (50) say how long and over how many
//! connections letters come in, `STAMPING_BYTES` (4,096) how large they are, `STAMPING_ROUNDS` (3) how often all is
//! measured. Ends with status 1 when the marks take more than 15 % of the rate.
//!
//! There is no way to accept a letter without marks, and none is made for a bench. So both are counted by processor time,
//! that of all threads together: the demo of this build, to whose front door letters come, one recipient each; and in a
//! process without it only what exists for the sake of the marks: the strokes of three devices with their numbers, the
//! hash of the body, three impressions, their signatures and texts with the room that these take in a pack, their lines
//! in the journal, and their leaves in the log. The clients' time is counted with the acceptances, for server and clients
//! share the processors, and those are the limit: the rate without marks is what remains when their share of all is taken
//! away. It sees less than two builds in turn do, for many letters share a commit here (docs/performance.md).

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
#[allow(dead_code, reason = "the other bench uses all of it")]
#[path = "acceptance/door.rs"]
mod door;
#[allow(dead_code, reason = "the other bench uses all of it")]
#[path = "acceptance/processes.rs"]
mod processes;
#[allow(dead_code, reason = "the stories use all of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use poshta::address::Address;
use poshta::devices::Strike;
use poshta::ids::{ImpressionId, ItemId};
use poshta::postal::{
    BodyHasher, Contents, Details, FacilityId, Handover, HeaderInput, Impression, Kind, MarkDigest, Occasion,
    RecipientTag,
};
use poshta::server::Services;
use poshta::store::{Batch, Store};

use door::{Cell, Target, measure, numbers};
use support::server::{ADDRESS, Server};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The most that the marks may take, per cent.
const LIMIT: f64 = 15.0;

/// Letters whose marks are counted in a round.
const LETTERS: usize = 20_000;

/// Letters whose marks are committed together. A letter's lines go with its own commit, which it needs anyway; so that of
/// the marks alone is shared by many.
const LETTERS_A_GROUP: usize = 200;

fn main() -> ExitCode {
    let number = |name, otherwise| numbers(name, &[otherwise])[0];
    let cell = Cell {
        bytes: number("STAMPING_BYTES", 4096),
        connections: number("STAMPING_CONNECTIONS", 50).max(1),
        recipients: 1,
    };
    let length = Duration::from_secs(number("STAMPING_SECONDS", 10) as u64);
    // As in the program.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("letters of {} bytes over {} connections", cell.bytes, cell.connections);
    println!(
        "| accepted/s | µs of the server an acceptance | µs of the client | µs of the marks | share | accepted/s without |"
    );
    println!("|---|---|---|---|---|---|");
    let shares: Vec<f64> = (0..number("STAMPING_ROUNDS", 3).max(1))
        .map(|_| {
            let accepted = measure(&Target::demo(), cell, length);
            let a_letter = |time: Duration| time.as_secs_f64() * 1e6 / accepted.accepted as f64;
            let (server, client) = (a_letter(accepted.processor), a_letter(accepted.clients));
            let marks = runtime.block_on(marks_alone(cell)).as_secs_f64() * 1e6 / LETTERS as f64;
            let (share, rate) = (marks / (server + client), accepted.rate());
            let (percent, without) = (share * 100.0, rate / (1.0 - share).max(0.01));
            println!("| {rate:.0} | {server:.0} | {client:.0} | {marks:.0} | {percent:.1} % | {without:.0} |");
            percent
        })
        .collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    println!("the marks take {mean:.1} % of the rate (limit {LIMIT} %)");
    if mean <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Processor time of the marks of [`LETTERS`], as many at one time as there are connections.
async fn marks_alone(cell: Cell) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Server::config(dir.path());
    config.store.watermark_bytes = 0;
    let store = Store::open(dir.path(), &config.store).unwrap();
    let server = Arc::new(Server::open(config, store).await);
    let letter: Arc<str> = String::from_utf8(client::letter(cell.bytes)).unwrap().into();
    // The devices are opened, their keys made, and memory is there, as in a server that has run for a while.
    mark(&server, &letter, cell.connections, LETTERS / 4).await;
    let used = processes::own();
    mark(&server, &letter, cell.connections, LETTERS).await;
    processes::own() - used
}

/// Marks for so many letters, at so many at one time, down to their leaves.
async fn mark(server: &Arc<Server>, letter: &Arc<str>, at_once: usize, letters: usize) {
    let tasks = (0..at_once).map(|task| {
        let (server, letter) = (Arc::clone(server), Arc::clone(letter));
        let share = letters / at_once + usize::from(task < letters % at_once);
        tokio::spawn(async move {
            for first in (0..share).step_by(LETTERS_A_GROUP) {
                marks(&server.services, &letter, LETTERS_A_GROUP.min(share - first)).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    publish(&server.services).await;
}

/// The leaves of the log, which the server makes beside the acceptances.
async fn publish(services: &Services) {
    let publisher = services.publisher.clone();
    tokio::task::spawn_blocking(move || publisher.publish(|| true)).await.unwrap().unwrap();
}

/// What exists for the sake of the marks, for some letters to one mailbox each, in one commit.
async fn marks(services: &Services, letter: &str, letters: usize) {
    let (header, body) = letter.split_at(letter.find("\r\n\r\n").unwrap() + 2);
    let recipient: Address = ADDRESS.parse().unwrap();
    let facilities = &services.config.postal;
    let (at, home) = (facility(&facilities.submission_facility), facility(&facilities.mailbox_facility));
    let (mut batch, mut strikes) = (Batch::new(), services.devices.begin());
    for _ in 0..letters {
        let item = ItemId::generate(&services.world);
        let mut hash = BodyHasher::default();
        hash.update(&body.as_bytes()[2..]);
        let below = format!("Postal-Item-Id: {item}\r\n");
        let header = HeaderInput::to_sign(&[below.as_bytes(), header.as_bytes()]);
        let contents = Contents::new(header, hash.finish());
        let (mut previous, mut fields) = (None, Vec::new());
        let steps = [(&at, Kind::Accept), (&home, Kind::Receive), (&home, Kind::Deliver(Handover::Delivered))];
        for (facility, kind) in steps {
            let strike = strikes.strike(facility, kind).await.unwrap();
            let tag = (kind != Kind::Accept).then(|| RecipientTag::new(services.world.random(), &recipient));
            let details = Details { recipient: tag, ..Details::default() };
            let stamp = Stamp { facility, strike: &strike, kind, item };
            previous = Some(stamp.make(services, details, &contents, previous, (&mut batch, &mut fields)));
        }
        batch.record(fields.concat().into_bytes());
    }
    strikes.commit(batch).await.unwrap();
}

struct Stamp<'a> {
    facility: &'a FacilityId,
    strike: &'a Strike,
    kind: Kind,
    item: ItemId,
}

impl Stamp<'_> {
    fn make(
        &self,
        services: &Services,
        details: Details,
        contents: &Contents,
        previous: Option<MarkDigest>,
        (batch, fields): (&mut Batch, &mut Vec<String>),
    ) -> MarkDigest {
        let Stamp { facility, strike, kind, item } = *self;
        let instant = strike.instant();
        let workplace = services.registry.workplace_with(facility, strike.device(), instant).unwrap();
        let occasion = Occasion { id: ImpressionId::generate(&services.world), item, kind, instant };
        let impression = Impression::make(workplace, occasion, details).unwrap();
        let signed = impression.sign(contents, &strike.signer(), previous).unwrap();
        fields.push(signed.fields());
        batch.journal_with(|line| signed.write_journal_line(line));
        signed.digest()
    }
}

fn facility(name: &str) -> FacilityId {
    name.parse().unwrap()
}
