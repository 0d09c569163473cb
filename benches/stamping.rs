//! What the marks cost: the share of an acceptance that goes into stamping and signing.
//!
//! `cargo bench --bench stamping`; `STAMPING_LETTERS` (20,000), `STAMPING_BYTES` (4,000) and `STAMPING_AT_ONCE` (64) say how
//! many letters are accepted, how large they are, and how many at one time. Ends with status 1 when the marks take more
//! than 15 % of the processor time of an acceptance.
//!
//! There is no way to accept a letter without marks, and none is made for a bench. So the same letters are counted twice
//! by processor time, that of all threads together: once through intake and the store, as a front door hands them over,
//! and once only what exists for the sake of the marks: the strokes of three devices with their numbers, the hash of the
//! body, three impressions, their signatures and texts, their lines in the journal and their leaves in the log. The rate
//! without marks is what remains when that share is taken away. SMTP and TLS, which the marks do not touch, are left out,
//! so at a front door the share is smaller. The lines of the journal are committed in groups here as there.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poshta::address::{Address, ReversePath};
use poshta::devices::Strike;
use poshta::ids::{ImpressionId, ItemId};
use poshta::intake::{BodyType, Connection, Entrance, Envelope, Origin, Recipient, ReportWishes, Sender, Submission};
use poshta::message::{Caps, Scanner};
use poshta::postal::{
    BodyHasher, Contents, Details, FacilityId, Handover, HeaderInput, Impression, Kind, MarkDigest, Occasion,
    RecipientTag,
};
use poshta::server::Services;
use poshta::store::{Batch, Store};

#[allow(dead_code, reason = "the stories use all of it")]
#[path = "../tests/support/server.rs"]
mod server;

use server::{ADDRESS, Server};

/// The limit, per cent.
const LIMIT: f64 = 15.0;

/// Batches that share one sync while many letters come at once.
const LETTERS_A_GROUP: usize = 32;

/// What a run took.
struct Took {
    wall: Duration,
    processor: Duration,
}

#[derive(Clone, Copy)]
struct Load {
    letters: usize,
    bytes: usize,
    at_once: usize,
}

fn main() -> ExitCode {
    let number = |name: &str, otherwise: usize| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let load = Load {
        letters: number("STAMPING_LETTERS", 20_000),
        bytes: number("STAMPING_BYTES", 4_000),
        at_once: number("STAMPING_AT_ONCE", 64).max(1),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let accepted = runtime.block_on(in_fresh_store(load, Run::Acceptance));
    let marked = runtime.block_on(in_fresh_store(load, Run::Marks));

    let each = |took: Duration| took.as_secs_f64() * 1e6 / load.letters as f64;
    let share = marked.processor.as_secs_f64() / accepted.processor.as_secs_f64();
    let rate = load.letters as f64 / accepted.wall.as_secs_f64();
    println!("{} letters of {} bytes, {} at one time", load.letters, load.bytes, load.at_once);
    println!("acceptance: {:.1} µs of the processor a letter, {rate:.0} letters/s", each(accepted.processor));
    println!("the marks:  {:.1} µs of the processor a letter", each(marked.processor));
    println!("share of the marks: {:.1} % (limit {LIMIT} %)", 100.0 * share);
    println!("rate without them, where the processor is the limit: {:.0} letters/s", rate / (1.0 - share).max(0.01));
    if 100.0 * share <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Clone, Copy)]
enum Run {
    Acceptance,
    Marks,
}

async fn in_fresh_store(load: Load, run: Run) -> Took {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Server::config(dir.path());
    config.store.watermark_bytes = 0;
    config.quota.default_bytes = 0;
    let store = Store::open(dir.path(), &config.store).unwrap();
    let server = Arc::new(Server::open(config, store).await);
    let letter = Arc::new(letter(load.bytes));
    // The first letter opens the devices and makes their keys.
    accept(&server, &letter).await;
    marks(&server.services, &letter, 1).await;
    publish(&server.services).await;

    let (begun, used) = (Instant::now(), processor_time());
    let tasks = (0..load.at_once).map(|task| {
        let (server, letter) = (Arc::clone(&server), Arc::clone(&letter));
        let share = load.letters / load.at_once + usize::from(task < load.letters % load.at_once);
        tokio::spawn(async move {
            match run {
                Run::Acceptance => {
                    for _ in 0..share {
                        accept(&server, &letter).await;
                    }
                }
                Run::Marks => {
                    for first in (0..share).step_by(LETTERS_A_GROUP) {
                        marks(&server.services, &letter, LETTERS_A_GROUP.min(share - first)).await;
                    }
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let wall = begun.elapsed();
    publish(&server.services).await;
    Took { wall, processor: processor_time() - used }
}

/// The leaves of the log, which the server makes beside the acceptances.
async fn publish(services: &Services) {
    let publisher = services.publisher.clone();
    tokio::task::spawn_blocking(move || publisher.publish(|| true)).await.unwrap().unwrap();
}

/// As a front door does: staged, scanned while it arrives, accepted.
async fn accept(server: &Server, letter: &str) {
    let sender: Address = ADDRESS.parse().unwrap();
    let mut writer = server.services.intake.stage();
    writer.write(letter.as_bytes()).unwrap();
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(letter.as_bytes());
    let connection =
        Connection { id: 1, ip: [127, 0, 0, 1].into(), helo: "client.example".into(), protocol: "ESMTPSA", tls: None };
    let submission = Submission {
        origin: Origin {
            entrance: Entrance::Submission,
            sender: Sender::Account { id: server.account, address: sender.clone() },
            connection: Some(connection),
        },
        envelope: Envelope {
            reverse_path: ReversePath::Address(sender.clone()),
            recipients: vec![Recipient::new(sender)],
            body: BodyType::EightBitMime,
            smtputf8: false,
            wishes: ReportWishes::default(),
        },
        body: writer.finish().unwrap(),
        structure: scanner.finish(),
    };
    server.services.intake.accept(submission).await.unwrap();
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
        let contents = Contents { header, body: hash.finish() };
        let mut previous = None;
        let steps = [(&at, Kind::Accept), (&home, Kind::Receive), (&home, Kind::Deliver(Handover::Delivered))];
        for (facility, kind) in steps {
            let strike = strikes.strike(facility, kind).await.unwrap();
            let tag = (kind != Kind::Accept).then(|| RecipientTag::new(services.world.random(), &recipient));
            let details = Details { recipient: tag, ..Details::default() };
            let stamp = Stamp { facility, strike: &strike, kind, item };
            previous = Some(stamp.make(services, details, &contents, previous, &mut batch));
        }
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
        batch: &mut Batch,
    ) -> MarkDigest {
        let Stamp { facility, strike, kind, item } = *self;
        let instant = strike.instant();
        let workplace = services.registry.workplace_with(facility, strike.device(), instant).unwrap();
        let occasion = Occasion { id: ImpressionId::generate(&services.world), item, kind, instant };
        let impression = Impression::make(workplace, occasion, details).unwrap();
        let text = impression.text_header();
        let signed = impression.sign(contents, &strike.signer(), previous).unwrap();
        std::hint::black_box([signed.header(), &text].concat());
        batch.journal(signed.journal_line());
        signed.digest()
    }
}

fn facility(name: &str) -> FacilityId {
    name.parse().unwrap()
}

/// A letter in Kazakh of about so many bytes.
fn letter(bytes: usize) -> String {
    let mut letter = format!(
        "From: {ADDRESS}\r\nTo: {ADDRESS}\r\nSubject: =?utf-8?B?0KXQsNGC?=\r\nDate: Sat, 21 Nov 2026 09:15:00 +0500\r\n\
         Message-ID: <one@client.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n"
    );
    for number in 0.. {
        if letter.len() >= bytes {
            break;
        }
        letter.push_str(&format!("{number}. Құрметті Айгүл, хатыңызды алдық, рахмет!\r\n"));
    }
    letter
}

/// Of all threads of this process. proc(5): the fourteenth and the fifteenth field, in hundredths of a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let hundredths: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(hundredths * 10)
}
