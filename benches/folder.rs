//! How long a client waits for a large folder: SELECT, and FETCH of what a message list shows, over a socket.
//!
//! `cargo bench --bench folder`; `FOLDER_MESSAGES` (10,000) says how many letters the folder has. Ends with
//! status 1 when SELECT takes 50 ms or more, or when the list needs more than rows.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use poshta::ids::{EmailId, ThreadId};
use poshta::message::{Caps, Scanner, Summary};
use poshta::store::mailboxes::{Flags, NewMessage, Origin, Prefix, add_message};
use poshta::store::{Batch, Store};

#[allow(dead_code, reason = "the stories use all of it")]
#[path = "../tests/support/server.rs"]
mod server;

use server::Server;

const RUNS: usize = 20;
const SELECT_LIMIT: Duration = Duration::from_millis(50);
const LIST: &str = "FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)";

/// Letters that one commit puts into the folder.
const LETTERS_A_BATCH: usize = 500;

fn main() -> ExitCode {
    let letters = std::env::var("FOLDER_MESSAGES").map_or(10_000, |letters| letters.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(filled(dir.path(), letters));
    let mut client = server.session();

    let mut selects = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        client.run("SELECT INBOX");
        selects.push(begun.elapsed());
    }
    selects.sort_unstable();
    let (median, worst) = (selects[RUNS / 2], selects[RUNS - 1]);
    println!("SELECT of {letters} messages: median {median:?}, worst {worst:?} of {RUNS}");

    let begun = Instant::now();
    let list = client.run(LIST);
    let took = begun.elapsed();
    println!("{LIST}: {took:?}, {} bytes, {:.0} messages/s", list.len(), letters as f64 / took.as_secs_f64());

    // Without a single byte of any letter the list is the same.
    for pack in std::fs::read_dir(dir.path().join("packs")).unwrap() {
        std::fs::File::options().write(true).open(pack.unwrap().path()).unwrap().set_len(0).unwrap();
    }
    let from_rows = client.run(LIST) == list;
    println!("from rows only: {from_rows}");
    if median < SELECT_LIMIT && from_rows { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A server whose account has so many letters in its inbox.
async fn filled(dir: &Path, letters: usize) -> Server {
    let mut config = Server::config(dir);
    config.store.watermark_bytes = 0;
    let store = Store::open(dir, &config.store).unwrap();
    let server = Server::open(config, store).await;
    let begun = Instant::now();
    for first in (0..letters).step_by(LETTERS_A_BATCH) {
        let mut batch = Batch::new();
        for number in first..letters.min(first + LETTERS_A_BATCH) {
            add(&server, &mut batch, number);
        }
        server.services.store.commit(batch).await.unwrap();
    }
    println!("{letters} letters stored in {:?}", begun.elapsed());
    server
}

fn add(server: &Server, batch: &mut Batch, number: usize) {
    let world = &server.services.world;
    let header = format!(
        "From: =?utf-8?B?0J3Rg9GA0LvQsNC9?= <nurlan{}@poshta.example>\r\nTo: aliya@poshta.example\r\n\
         Cc: bolat@poshta.example, dana@elsewhere.example\r\nSubject: Letter number {number} of many\r\n\
         Date: Tue, 1 Sep 2026 12:{:02}:00 +0500\r\nMessage-ID: <{number}@poshta.example>\r\n\
         In-Reply-To: <{}@poshta.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        number % 97,
        number % 60,
        number / 2,
    );
    let text = format!("{header}Hello for the {number}th time\r\n");
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(text.as_bytes());
    let structure = scanner.finish();
    let mut body = server.services.store.stage();
    body.write(text.as_bytes()).unwrap();
    let body = body.finish().unwrap();
    let message = NewMessage {
        account: server.account,
        folder: server.inbox,
        flags: if number.is_multiple_of(3) { Flags::default() } else { Flags::SEEN },
        keywords: Vec::new().into(),
        internal_date: world.now(),
        save_date: world.now(),
        item: None,
        email: EmailId::generate(world),
        thread: ThreadId::generate(world),
        message_id: None,
        origin: Origin::Deposited,
        recipient_prefix: Prefix { record: None, len: 0 },
        item_prefix: Prefix { record: None, len: 0 },
        body_bytes: body.len(),
        body: batch.body(body),
        summary: Summary::of(&[], &structure, header.as_bytes()).encode(),
    };
    add_message(batch, &message).unwrap();
}
