//! What a large store costs: start-up, memory, opening a folder, one delivery and one letter read, with folders of a
//! thousand, a hundred thousand and a million letters beside each other.
//!
//! `cargo bench --bench million`; `MILLION_MESSAGES` (1,000,000) says how many letters the large folder gets (the
//! middle one a tenth of them), `MILLION_BODY_BYTES` how large they are at least (else about 1 KB; 10000 makes bodies
//! of 11 GB in all), `MILLION_ENGINE` (sled) which engine keeps the rows, `MILLION_CACHE_BYTES` the engine's page
//! cache, `MILLION_DIR` where the store is made and kept (else a temporary directory), `MILLION_STEPS` which steps to
//! run (else all): `MILLION_STEPS=fill,growth,sessions` prints only how the cost of a folder grows,
//! `MILLION_STEPS=fill,serve,killed` how the server starts. Each step runs in a process of its own, so that memory is
//! what that step needs. Run by root it also drops the system's caches before the starts that it calls cold.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing, reason = "a bench prints its figures")]

#[path = "million/growth.rs"]
mod growth;
#[path = "million/served.rs"]
mod served;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use poshta::accounts::{self, Accounts, NewAccount};
use poshta::clock::World;
use poshta::ids::{AccountId, EmailId, FolderId, ItemId, ThreadId, Uid};
use poshta::message::ids::message_id_hash;
use poshta::message::{Caps, Scanner, Summary};
use poshta::store::accounts::Kind;
use poshta::store::keys::FolderSet;
use poshta::store::mailboxes::{Flags, NewMessage, Origin, Prefix, add_message};
use poshta::store::{self, Batch, EngineKind, Store};
use rand::Rng as _;

/// Whose inboxes those are; the logins are their own folded forms.
const LOGINS: [&str; 3] = ["few", "more", "many"];

/// Letters of the small folder.
const FEW: u32 = 1_000;

/// Letters that one commit of the filling brings.
const LETTERS_A_BATCH: u32 = 2_000;

/// Measured deliveries and reads.
const RUNS: usize = 1_000;

/// How long letters are delivered before the process is killed.
const KILLED_AFTER: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error>;

/// The steps in their order: what stands in `MILLION_STEP`, whether the caches are dropped before it.
const STEPS: &[(&str, Caches)] = &[
    ("fill", Caches::Kept),
    ("serve", Caches::Dropped),
    ("serve", Caches::Kept),
    ("killed", Caches::Kept),
    ("serve", Caches::Dropped),
    ("start", Caches::Dropped),
    ("start", Caches::Dropped),
    ("start", Caches::Kept),
    ("select", Caches::Kept),
    ("deliver", Caches::Kept),
    ("fetch", Caches::Kept),
    ("growth", Caches::Kept),
    ("sessions", Caches::Kept),
    ("count", Caches::Kept),
    ("rewrite", Caches::Kept),
    ("start", Caches::Dropped),
    ("start", Caches::Dropped),
    ("select", Caches::Kept),
    ("deliver", Caches::Kept),
    ("count", Caches::Kept),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caches {
    Kept,
    Dropped,
}

fn main() -> Result<ExitCode, Failure> {
    match std::env::var("MILLION_STEP") {
        Ok(step) => run_step(&step, &PathBuf::from(std::env::var("MILLION_DIR")?)).map(|()| ExitCode::SUCCESS),
        Err(_) => run_all(),
    }
}

fn run_all() -> Result<ExitCode, Failure> {
    let temporary = tempfile::tempdir()?;
    let dir = std::env::var("MILLION_DIR").map_or_else(|_| temporary.path().to_owned(), PathBuf::from);
    let wanted = std::env::var("MILLION_STEPS").ok();
    let is_wanted = |step: &str| wanted.as_deref().is_none_or(|wanted| wanted.split(',').any(|one| one == step));
    for (step, caches) in STEPS.iter().filter(|(step, _)| is_wanted(step)) {
        let cold = *caches == Caches::Dropped && drop_caches();
        println!("# {step}{}", if cold { ", cold" } else { "" });
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.env("MILLION_STEP", step).env("MILLION_DIR", &dir).spawn()?;
        if *step == "killed" {
            std::thread::sleep(KILLED_AFTER);
            child.kill()?;
        }
        let status = child.wait()?;
        if !status.success() && *step != "killed" {
            eprintln!("{step} failed: {status}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Only root may; what is dirty must be written first.
fn drop_caches() -> bool {
    Command::new("sync").status().is_ok_and(|status| status.success())
        && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn run_step(step: &str, dir: &Path) -> Result<(), Failure> {
    match step {
        "fill" => served::prepare(dir)?,
        "serve" => return served::serve(dir),
        _ => {}
    }
    let begun = Instant::now();
    let store = Store::open(dir, &settings()?)?;
    println!("  open: {:.3} s, memory {}", begun.elapsed().as_secs_f64(), memory()?);
    match step {
        "fill" => fill(&store)?,
        "start" => {}
        "select" => select(&store)?,
        "deliver" => deliver(&store)?,
        "killed" => loop {
            deliver(&store)?;
        },
        "fetch" => fetch(&store)?,
        "growth" => growth::compare(&store, dir)?,
        "sessions" => growth::idle_sessions(&store)?,
        "count" => count(&store)?,
        "rewrite" => rewrite(&store)?,
        unknown => return Err(format!("there is no step {unknown:?}").into()),
    }
    println!("  memory at the end {}", memory()?);
    Ok(())
}

fn settings() -> Result<store::Settings, Failure> {
    let defaults = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
    let cache_bytes = std::env::var("MILLION_CACHE_BYTES").map_or(Ok(defaults.cache_bytes), |bytes| bytes.parse())?;
    let engine = match std::env::var("MILLION_ENGINE").as_deref() {
        Ok("redb") => EngineKind::Redb,
        Ok("sled") | Err(_) => EngineKind::Sled,
        Ok(unknown) => return Err(format!("there is no engine {unknown:?}").into()),
    };
    Ok(store::Settings { engine, cache_bytes, rewrite_bytes_per_s: 0, ..defaults })
}

/// One folder, by how many letters it got.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    login: &'static str,
    account: AccountId,
    folder: FolderId,
}

/// The inboxes of the accounts, the smallest first.
fn places(store: &Store) -> Result<[Place; 3], Failure> {
    let place = |login: &'static str, name| -> Result<Place, Failure> {
        let found = store.read_blocking(|view| {
            let account = view.account_by_login(login)?.map(|account| account.id).ok_or(store::Error::Closed)?;
            let inbox = view.folder_named(account, "INBOX")?.ok_or(store::Error::Closed)?;
            Ok(Place { name, login, account, folder: inbox.id })
        })?;
        Ok(found)
    };
    let [few, more, many] = LOGINS;
    Ok([place(few, "small folder")?, place(more, "middle folder")?, place(many, "large folder")?])
}

fn fill(store: &Store) -> Result<(), Failure> {
    let many: u32 = std::env::var("MILLION_MESSAGES").map_or(Ok(1_000_000), |letters| letters.parse())?;
    let world = World::system();
    let runtime = tokio::runtime::Runtime::new()?;
    let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default())?;
    let password = growth::password(&runtime, &accounts, &world)?;
    for login in LOGINS {
        runtime.block_on(accounts.create(NewAccount {
            login: login.into(),
            address: None,
            kind: Kind::Individual,
            display_name: String::new(),
            person: None,
            postal_index: None,
            password: password.clone(),
        }))?;
    }
    for (place, letters) in places(store)?.into_iter().zip([FEW, many / 10, many]) {
        let (begun, mut longest) = (Instant::now(), Duration::ZERO);
        for first in (0..letters).step_by(LETTERS_A_BATCH as usize) {
            let mut batch = Batch::new();
            for number in first..letters.min(first + LETTERS_A_BATCH) {
                add(store, &mut batch, place, number, &world)?;
            }
            let committing = Instant::now();
            store.commit_blocking(batch)?;
            longest = longest.max(committing.elapsed());
        }
        let took = begun.elapsed().as_secs_f64();
        let rate = f64::from(letters) / took;
        println!(
            "  {}: {letters} letters in {took:.1} s, {rate:.0} letters/s, longest commit {longest:.2?}",
            place.name
        );
    }
    Ok(())
}

/// Puts one letter of the usual kind into the batch, as a delivery does.
fn add(store: &Store, batch: &mut Batch, place: Place, number: u32, world: &World) -> Result<(), Failure> {
    let header = format!(
        "From: =?utf-8?B?0J3Rg9GA0LvQsNC9INCQ0YXQvNC10YLQvtCy?= <nurlan{}@poshta.example>\r\n\
         To: =?utf-8?B?0JDQu9C40Y8=?= <aliya@poshta.example>\r\n\
         Cc: bolat@poshta.example, \"Dana of the third floor\" <dana@elsewhere.example>\r\n\
         Subject: =?utf-8?B?0KHRh9GR0YIg0LfQsCDRg9GB0LvRg9Cz0Lg=?= number {number} of many\r\n\
         Date: Tue, 1 Sep 2026 12:{:02}:00 +0500\r\nMessage-ID: <{number}.{}@poshta.example>\r\n\
         In-Reply-To: <{}@poshta.example>\r\nReferences: <1@poshta.example> <{}@poshta.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"border-{number}\"\r\n\r\n",
        number % 97,
        number % 60,
        place.account.0,
        number / 2,
        number / 2,
    );
    let text = format!(
        "{header}--border-{number}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nHello for the {number}th time\r\n--border-{number}\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         <p>Hello for the {number}th time</p>\r\n--border-{number}--\r\n"
    );
    let mut scanner = Scanner::new(Caps::default());
    scanner.push(text.as_bytes());
    let structure = scanner.finish();
    let mut body = store.stage();
    body.write(text.as_bytes())?;
    // Behind the last border: what stands there is part of no part.
    body.write(filling(number, text.len()))?;
    let body = body.finish()?;
    let mut prefix = |length: usize| {
        let mut line = format!("X-Prefix: {number} ").into_bytes();
        line.resize(length - 2, b'p');
        line.extend_from_slice(b"\r\n");
        Prefix { record: Some(batch.record(line)), len: length as u32 }
    };
    let (recipient_prefix, item_prefix) = (prefix(600), prefix(900));
    let message = NewMessage {
        account: place.account,
        folder: place.folder,
        flags: if number.is_multiple_of(3) { Flags::default() } else { Flags::SEEN },
        keywords: Vec::new().into(),
        internal_date: world.now(),
        save_date: world.now(),
        item: Some(ItemId::generate(world)),
        email: EmailId::generate(world),
        thread: ThreadId::generate(world),
        message_id: message_id_hash(header.as_bytes()),
        origin: Origin::Transmitted,
        recipient_prefix,
        item_prefix,
        body_bytes: body.len(),
        body: batch.body(body),
        summary: Summary::of(&[], &structure, header.as_bytes()).encode(),
    };
    add_message(batch, &message)?;
    Ok(())
}

/// Lines that make a text as long as `MILLION_BODY_BYTES` says, of which compression leaves three quarters.
fn filling(number: u32, length: usize) -> &'static [u8] {
    const LINE: usize = 78;
    static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut random = rand::rng();
        let character =
            |_| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random.random_range(0..64)];
        let mut lines: Vec<u8> = (0..LINE << 16).map(character).collect();
        lines.chunks_mut(LINE).for_each(|line| line[LINE - 2..].copy_from_slice(b"\r\n"));
        lines
    });
    static WANTED: LazyLock<usize> =
        LazyLock::new(|| std::env::var("MILLION_BODY_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(0));
    let bytes = WANTED.saturating_sub(length).div_ceil(LINE) * LINE;
    let from = number as usize * LINE % (LINES.len() - bytes);
    &LINES[from..from + bytes]
}

/// What SELECT reads: the counters and the sets of UIDs.
fn select(store: &Store) -> Result<(), Failure> {
    for round in ["first", "again"] {
        for place in places(store)? {
            let begun = Instant::now();
            let (state, uids, first_unseen) = store.read_blocking(|view| {
                let first_unseen = view.first_in_set(place.account, place.folder, FolderSet::Unseen)?;
                let uids = view.uids(place.account, place.folder)?;
                Ok((view.folder_state(place.account, place.folder)?, uids, first_unseen))
            })?;
            let took = begun.elapsed();
            if uids.len() != state.messages as usize || first_unseen.is_none() {
                return Err(format!("{} UIDs of {} messages", uids.len(), state.messages).into());
            }
            println!("  {}, {round}: {} UIDs in {took:?}", place.name, uids.len());
        }
    }
    Ok(())
}

/// One letter a commit, one commit after the other: what a single client waits for.
fn deliver(store: &Store) -> Result<(), Failure> {
    let world = World::system();
    for place in places(store)? {
        let mut times = Vec::with_capacity(RUNS);
        for number in 0..RUNS as u32 {
            let mut batch = Batch::new();
            add(store, &mut batch, place, 10_000_000 + number, &world)?;
            let begun = Instant::now();
            store.commit_blocking(batch)?;
            times.push(begun.elapsed());
        }
        println!("  {}: one delivery {}", place.name, spread(times));
    }
    Ok(())
}

/// One letter anywhere in the folder: its row, its summary, all its bytes.
fn fetch(store: &Store) -> Result<(), Failure> {
    let mut random = rand::rng();
    for place in places(store)? {
        let messages = store.read_blocking(|view| view.folder_state(place.account, place.folder))?.messages;
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let uid = Uid::new(random.random_range(1..=messages)).ok_or("an empty folder")?;
            let begun = Instant::now();
            let message = store.read_blocking(|view| {
                view.summaries(place.account, place.folder, uid, 1)?;
                view.message(place.account, place.folder, uid)?.ok_or(store::Error::Closed)
            })?;
            store.message_bytes(&message).read_at_blocking(0, usize::MAX >> 1)?;
            times.push(begun.elapsed());
        }
        println!("  {}: one letter {}", place.name, spread(times));
    }
    Ok(())
}

fn count(store: &Store) -> Result<(), Failure> {
    let stats = store.stats()?;
    let (mut rows, mut bytes) = (0, 0);
    for (class, found) in &stats.rows {
        println!("  {class}: {} rows, {} bytes, {} a row", found.count, found.bytes, found.bytes / found.count.max(1));
        rows += found.count;
        bytes += found.bytes;
    }
    let ratio = stats.engine_disk_bytes as f64 / bytes as f64;
    println!("  {rows} rows, {bytes} bytes; on disk {} bytes, {ratio:.2} times", stats.engine_disk_bytes);
    println!("  {} packs, {} bytes", stats.packs, stats.pack_disk_bytes);
    Ok(())
}

/// All rows into a fresh engine, as fast as it goes, while letters are delivered.
fn rewrite(store: &Store) -> Result<(), Failure> {
    let place = places(store)?[0];
    let world = World::system();
    let (done, times) = std::thread::scope(|scope| -> Result<_, Failure> {
        let rewriting = scope.spawn(|| store.rewrite_rows(0, &mut |_| ControlFlow::Continue(())));
        let (mut times, mut number) = (Vec::new(), 20_000_000);
        while !rewriting.is_finished() {
            let mut batch = Batch::new();
            add(store, &mut batch, place, number, &world)?;
            number += 1;
            let begun = Instant::now();
            store.commit_blocking(batch)?;
            times.push(begun.elapsed());
        }
        Ok((rewriting.join().map_err(|_| "the rewrite panicked")??, times))
    })?;
    println!("  {done:?}");
    println!("  {} deliveries meanwhile: {}", times.len(), spread(times));
    Ok(())
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("p50 {:?}, p99 {:?}, longest {:?}", at(0.5), at(0.99), at(1.0))
}

/// Resident memory of this process, bytes.
fn resident_bytes() -> Result<u64, Failure> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split_whitespace().nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4096)
}

/// Resident memory of this process, and the most it was.
fn memory() -> Result<String, Failure> {
    memory_of("self")
}

fn memory_of(process: &str) -> Result<String, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let mib = |name| field(name).map_or(0, |kib| kib / 1024);
    Ok(format!("{} MiB (peak {} MiB)", mib("VmRSS:"), mib("VmHWM:")))
}
