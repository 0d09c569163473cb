//! Does the cost of a folder grow with its letters? SELECT and FETCH as a client asks for them, over a socket, and one
//! delivery, in all folders by turns, so that whatever else the machine does is the same for each of them.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use poshta::accounts::{self, Accounts};
use poshta::announcements::Announcements;
use poshta::auth::{self, Authenticator, Secret};
use poshta::clock::World;
use poshta::imap;
use poshta::message::Caps;
use poshta::server::listener::{ConnectionIds, Drain, Limits};
use poshta::store::accounts::PasswordHash;
use poshta::store::{Batch, Store};
use rand::Rng as _;
use tokio::runtime::Runtime;

use super::{Failure, Place, RUNS, add, places, resident_bytes};

const PASSWORD: &str = "a-password-of-the-bench-1";

/// Sessions that idle at once in one folder.
const IDLING: u32 = 500;

/// The aim: no folder costs more than this share of what the cheapest one costs.
const ALLOWED: f64 = 1.2;

/// What every account of the bench has as its password; the hash is a cheap one.
pub(super) fn password(runtime: &Runtime, accounts: &Accounts, world: &World) -> Result<PasswordHash, Failure> {
    let hash = authenticator(runtime, accounts, world)?;
    let password = Secret::new(PASSWORD.to_owned());
    Ok(runtime.block_on(hash.hash(&password, [127, 0, 0, 1].into()))?)
}

fn authenticator(runtime: &Runtime, accounts: &Accounts, world: &World) -> Result<Authenticator, Failure> {
    let cheap = auth::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..auth::Settings::default() };
    let _inside = runtime.enter();
    Ok(Authenticator::start(accounts.clone(), world.clone(), &cheap)?)
}

/// Prints the table. All files are read once before: what a letter costs that the system has to fetch from the disk
/// again depends on the disk and on what else was read, not on the folder.
pub(super) fn compare(store: &Store, dir: &Path) -> Result<(), Failure> {
    let begun = Instant::now();
    let bytes = read_files(&dir.join("packs"))? + read_files(&dir.join("rows"))?;
    println!("  {:.1} GB read in {:.1} s", bytes as f64 / 1e9, begun.elapsed().as_secs_f64());
    let (runtime, world) = (Runtime::new()?, World::system());
    let address = listen(store, &runtime, &world)?;
    let places = places(store)?;
    let mut sessions =
        places.map(|place| Session::open(address, place.login, 1 << 20)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let letters = places.map(|place| {
        store.read_blocking(|view| view.folder_state(place.account, place.folder)).map_or(0, |state| state.messages)
    });
    println!("  | | {} | {} | {} | dearest to cheapest |", letters[0], letters[1], letters[2]);
    println!("  |---|---|---|---|---|");

    let firsts: Vec<String> = sessions
        .iter_mut()
        .map(|session| session.timed("SELECT INBOX").map(|took| format!("{took:.1?}")))
        .collect::<Result<_, _>>()?;
    println!("  | first SELECT after the start | {} | |", firsts.join(" | "));

    let mut times = Times::default();
    for _ in 0..RUNS {
        for (session, times) in sessions.iter_mut().zip(&mut times.0) {
            times.push(session.timed("SELECT INBOX")?);
        }
    }
    times.print("SELECT");

    let (mut times, mut random) = (Times::default(), rand::rng());
    for _ in 0..RUNS {
        for ((session, times), letters) in sessions.iter_mut().zip(&mut times.0).zip(letters) {
            let number = random.random_range(1..=letters);
            times.push(session.timed(&format!("FETCH {number} (UID FLAGS BODY.PEEK[])"))?);
        }
    }
    times.print("FETCH of a whole letter by its number");
    drop(sessions);

    let mut times = Times::default();
    for number in 0..RUNS as u32 {
        for (place, times) in places.iter().zip(&mut times.0) {
            times.push(deliver(store, *place, 30_000_000 + number, &world)?);
        }
    }
    times.print("one delivery");
    Ok(())
}

/// Reads all files of a directory; how many bytes that were.
fn read_files(dir: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => read_files(&entry.path())?,
            false => io::copy(&mut File::open(entry.path())?, &mut io::sink())?,
        };
    }
    Ok(bytes)
}

fn deliver(store: &Store, place: Place, number: u32, world: &World) -> Result<Duration, Failure> {
    let mut batch = Batch::new();
    add(store, &mut batch, place, number, world)?;
    let begun = Instant::now();
    store.commit_blocking(batch)?;
    Ok(begun.elapsed())
}

/// What sessions cost that have a folder selected and idle.
pub(super) fn idle_sessions(store: &Store) -> Result<(), Failure> {
    let (runtime, world) = (Runtime::new()?, World::system());
    let address = listen(store, &runtime, &world)?;
    let mut sessions = Vec::new();
    for place in places(store)? {
        // What the first one needs is not what one more needs.
        sessions.push(Session::idling(address, place.login)?);
        let before = resident_bytes()?;
        for _ in 0..IDLING {
            sessions.push(Session::idling(address, place.login)?);
        }
        let grown = resident_bytes()?.saturating_sub(before);
        println!("  {}: {IDLING} idle sessions, {} bytes each", place.name, grown / u64::from(IDLING));
    }
    Ok(())
}

/// IMAP on loopback, without TLS.
fn listen(store: &Store, runtime: &Runtime, world: &World) -> Result<SocketAddr, Failure> {
    let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default())?;
    let mut settings = imap::Settings {
        listen: vec![([127, 0, 0, 1], 0).into()],
        listen_tls: Vec::new(),
        connections: Limits { count_loopback: false, ..Limits::default() },
        ..imap::Settings::default()
    };
    settings.protocol.plaintext_auth = true;
    let services = imap::Services {
        store: store.clone(),
        authenticator: authenticator(runtime, &accounts, world)?,
        world: world.clone(),
        caps: Caps::default(),
        quota: poshta::quota::Settings::default(),
        fetches: poshta::receipts::Fetches::channel(1).0,
        announcements: Announcements::open(Default::default(), store.clone(), world.clone())?,
        settings,
    };
    let listening =
        async { imap::Server::new(services, None).listen(&ConnectionIds::default(), &Drain::default()).await };
    Ok(runtime.block_on(listening)?.imap[0])
}

/// A client that looks into the answers no more than it must.
struct Session(BufReader<TcpStream>);

impl Session {
    fn open(address: SocketAddr, login: &str, buffer_bytes: usize) -> Result<Session, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut session = Session(BufReader::with_capacity(buffer_bytes, stream));
        session.until("* OK ")?;
        session.timed(&format!("LOGIN {login} {PASSWORD}"))?;
        Ok(session)
    }

    fn idling(address: SocketAddr, login: &str) -> Result<Session, Failure> {
        let mut session = Session::open(address, login, 64)?;
        session.timed("SELECT INBOX")?;
        session.0.get_mut().write_all(b"t IDLE\r\n")?;
        session.until("+ ")?;
        Ok(session)
    }

    /// How long a command takes that must succeed.
    fn timed(&mut self, command: &str) -> Result<Duration, Failure> {
        let begun = Instant::now();
        self.0.get_mut().write_all(format!("t {command}\r\n").as_bytes())?;
        let end = self.until("t ")?;
        let took = begun.elapsed();
        if end.starts_with("t OK") { Ok(took) } else { Err(format!("{command}: {end}").into()) }
    }

    /// The next line that begins so.
    fn until(&mut self, beginning: &str) -> Result<String, Failure> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.0.read_until(b'\n', &mut line)? == 0 {
                return Err("the server closed".into());
            }
            if line.starts_with(beginning.as_bytes()) {
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}

/// How long it took, in each of the folders.
#[derive(Default)]
struct Times([Vec<Duration>; 3]);

impl Times {
    fn print(mut self, what: &str) {
        let at = |times: &[Duration], share: f64| times[((times.len() - 1) as f64 * share) as usize];
        self.0.iter_mut().for_each(|times| times.sort_unstable());
        let columns = self.0.each_ref().map(|times| format!("{:.2?} / {:.2?}", at(times, 0.5), at(times, 0.99)));
        let halves = self.0.each_ref().map(|times| at(times, 0.5).as_secs_f64());
        let (least, most) =
            halves.iter().fold((f64::MAX, 0.0_f64), |(low, high), half| (low.min(*half), high.max(*half)));
        let verdict = if most <= least * ALLOWED { "" } else { ", over 20 %" };
        println!("  | {what}, p50 / p99 | {} | {:.2}{verdict} |", columns.join(" | "), most / least);
    }
}
