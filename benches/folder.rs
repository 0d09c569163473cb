//! How long a client waits for a large folder: SELECT, and FETCH of what a message list shows, over a socket.
//!
//! `cargo bench --bench folder`; `FOLDER_MESSAGES` (10,000) says how many letters the folder has. Ends with
//! status 1 when SELECT takes 50 ms or more, or when the list needs more than rows.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing, reason = "a bench prints its figures")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use poshta::accounts::{self, Accounts, NewAccount};
use poshta::auth::{self, Authenticator, Secret};
use poshta::clock::World;
use poshta::ids::{AccountId, EmailId, FolderId, ThreadId};
use poshta::message::{Caps, Scanner, Summary};
use poshta::server::listener::{ConnectionIds, Drain};
use poshta::store::mailboxes::{Flags, NewMessage, Origin, Prefix, add_message};
use poshta::store::{self, Batch, Store};
use poshta::{imap, store::accounts::Kind};

const PASSWORD: &str = "a-password-of-aliya";
const RUNS: usize = 20;
const SELECT_LIMIT: Duration = Duration::from_millis(50);
const LIST: &str = "FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)";

/// Letters that one commit puts into the folder.
const LETTERS_A_BATCH: usize = 500;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let letters = std::env::var("FOLDER_MESSAGES").map_or(Ok(10_000), |letters| letters.parse())?;
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let address = runtime.block_on(serve(dir.path(), letters))?;
    let mut client = Client::log_in(address)?;

    let mut selects = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        client.run("SELECT INBOX")?;
        selects.push(begun.elapsed());
    }
    selects.sort_unstable();
    let (median, worst) = (selects[RUNS / 2], selects[RUNS - 1]);
    println!("SELECT of {letters} messages: median {median:?}, worst {worst:?} of {RUNS}");

    let begun = Instant::now();
    let list = client.run(LIST)?;
    let took = begun.elapsed();
    println!("{LIST}: {took:?}, {} bytes, {:.0} messages/s", list.len(), letters as f64 / took.as_secs_f64());

    // Without a single byte of any letter the list is the same.
    for pack in std::fs::read_dir(dir.path().join("packs"))? {
        std::fs::File::options().write(true).open(pack?.path())?.set_len(0)?;
    }
    let from_rows = client.run(LIST)? == list;
    println!("from rows only: {from_rows}");
    Ok(if median < SELECT_LIMIT && from_rows { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An IMAP server with one account, whose inbox has so many letters.
async fn serve(dir: &Path, letters: usize) -> Result<SocketAddr, Failure> {
    let world = World::system();
    let store = Store::open(dir, &store::Settings { watermark_bytes: 0, ..store::Settings::default() })?;
    let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default())?;
    let cheap = auth::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..auth::Settings::default() };
    let authenticator = Authenticator::start(accounts.clone(), world.clone(), &cheap)?;
    let password = authenticator.hash(&Secret::new(PASSWORD.to_owned()), [127, 0, 0, 1].into()).await?;
    let new = NewAccount {
        login: "aliya".into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: None,
        password,
    };
    let account = accounts.create(new).await?.id;
    let inbox = store.read(move |view| view.folder_named(account, "INBOX")).await?.ok_or("no inbox")?.id;
    let begun = Instant::now();
    for first in (0..letters).step_by(LETTERS_A_BATCH) {
        let mut batch = Batch::new();
        for number in first..letters.min(first + LETTERS_A_BATCH) {
            add(&store, &mut batch, (account, inbox), number, &world)?;
        }
        store.commit(batch).await?;
    }
    println!("{letters} letters stored in {:?}", begun.elapsed());
    let settings = imap::Settings {
        listen: vec![([127, 0, 0, 1], 0).into()],
        listen_tls: Vec::new(),
        protocol: imap::proto::Settings { plaintext_auth: true, ..imap::proto::Settings::default() },
        ..imap::Settings::default()
    };
    let services = imap::Services { store, authenticator, world, caps: Caps::default(), settings };
    let addresses = imap::Server::new(services, None).listen(&ConnectionIds::default(), &Drain::default()).await?;
    Ok(*addresses.imap.first().ok_or("no port")?)
}

fn add(
    store: &Store,
    batch: &mut Batch,
    (account, folder): (AccountId, FolderId),
    number: usize,
    world: &World,
) -> Result<(), Failure> {
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
    let mut body = store.stage();
    body.write(text.as_bytes())?;
    let body = body.finish()?;
    let message = NewMessage {
        account,
        folder,
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
    add_message(batch, &message);
    Ok(())
}

/// An IMAP client that measures: it reads answers without looking into them.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn log_in(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut client = Client { stream: BufReader::with_capacity(1 << 20, stream) };
        client.stream.read_line(&mut String::new())?;
        client.run(&format!("LOGIN aliya {PASSWORD}"))?;
        Ok(client)
    }

    /// The untagged answers to a command that must succeed.
    fn run(&mut self, command: &str) -> Result<Vec<u8>, Failure> {
        self.stream.get_mut().write_all(format!("t {command}\r\n").as_bytes())?;
        let mut answers = Vec::new();
        loop {
            let begin = answers.len();
            if self.stream.by_ref().read_until(b'\n', &mut answers)? == 0 {
                return Err("the server closed".into());
            }
            let line = answers.get(begin..).unwrap_or_default();
            if line.starts_with(b"t ") {
                if line.starts_with(b"t OK") {
                    return Ok(answers);
                }
                return Err(String::from_utf8_lossy(line).into());
            }
        }
    }
}
