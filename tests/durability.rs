//! Nothing unsynced is visible, and nothing unsynced is acknowledged (DESIGN 6): one letter to a mailbox, to
//! another server and to paper goes the whole way, over a disk whose syncs can be held back and made to fail.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use poshta::accounts::NewAccount;
use poshta::address::{Address, ReversePath};
use poshta::auth::Secret;
use poshta::clock::World;
use poshta::config::Config;
use poshta::ids::{AccountId, FolderId, ItemId};
use poshta::imap;
use poshta::intake::{BodyType, Entrance, Envelope, Origin, Receipt, Recipient, Refusal, Sender, Submission};
use poshta::message::Scanner;
use poshta::server::Services;
use poshta::server::listener::{ConnectionIds, Drain};
use poshta::store::accounts::Kind;
use poshta::store::engine::memory::{Failing, MemoryDisk};
use poshta::store::{Store, Topic, View};
use tokio::task::JoinHandle;

use crate::support::Demo;

const PASSWORD: &str = "хатшы-password-1";
const ADDRESS: &str = "aliya@poshta.example";

/// Longer than any answer takes here.
const QUIET: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_unsynced_is_visible_on_the_whole_way_of_a_letter() {
    let office = Office::open(0).await;
    // The first letter takes a block of S10 numbers in a commit of its own.
    office.accept("zero").await.unwrap().unwrap();
    let mut idle = office.session();
    idle.ok("SELECT INBOX");
    idle.send("i IDLE");
    assert!(idle.line().starts_with("+ "));
    let mut reader = office.session();
    let topics = [Topic::Folder(office.account, office.inbox), Topic::Outbound, Topic::Print(String::new())];
    let mut watchers = topics.map(|topic| office.store().watch(topic));

    office.disk.hold_sync();
    let accepting = office.accept("one");
    let disk = office.disk.clone();
    tokio::task::spawn_blocking(move || disk.wait_until_held()).await.unwrap();

    assert_eq!(office.seen(), Seen::letters(1));
    let status = "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)";
    assert_eq!(reader.ok(status), ["* STATUS INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 2)"]);
    assert!(reader.ok("EXAMINE INBOX").contains(&"* 1 EXISTS".to_owned()));
    assert_eq!(reader.ok("UID SEARCH ALL"), ["* SEARCH 1"]);
    assert_eq!(idle.line_within(QUIET), None, "IDLE was woken before the sync");
    for watcher in &mut watchers {
        let woken = tokio::time::timeout(Duration::from_millis(1), watcher.changed()).await;
        assert!(woken.is_err(), "a worker was woken before the sync");
    }
    assert!(!accepting.is_finished(), "the letter was acknowledged before the sync");

    // Whoever looks from now on sees nothing or everything.
    let watching = office.look_for_halves();
    office.disk.release_sync();
    accepting.await.unwrap().unwrap();
    assert_eq!(office.seen(), Seen::letters(2));
    assert!(watching.join().unwrap() > 0);
    assert_eq!(idle.line(), "* 2 EXISTS");
    for watcher in &mut watchers {
        tokio::time::timeout(QUIET, watcher.changed()).await.expect("a worker is woken after the sync");
    }
    assert!(reader.ok(status).contains(&"* STATUS INBOX (MESSAGES 2 UNSEEN 2 UIDNEXT 3)".to_owned()));
    assert!(office.store().check().unwrap().is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_acknowledged_to_nobody_and_later_letters_are_taken() {
    let office = Office::open(0).await;
    office.accept("zero").await.unwrap().unwrap();
    for failing in [Failing::Apply, Failing::Sync, Failing::SyncAfterWriting] {
        let before = office.seen();
        office.disk.fail_next(failing);
        let refusal = office.accept("lost").await.unwrap().unwrap_err();
        assert!(matches!(refusal, Refusal::Store(_)), "{refusal}");
        assert_eq!(office.seen(), before, "{failing:?}");
        office.accept("kept").await.unwrap().unwrap();
        assert_eq!(office.seen(), Seen::letters(before.messages + 1));
    }
    let verdict = office.store().check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_refused_below_the_watermark_and_reading_goes_on() {
    // More than is free; the reserve of it that changes without letters need is there.
    let free = rustix::fs::statvfs(std::env::temp_dir()).map(|found| found.f_bavail * found.f_frsize).unwrap();
    let office = Office::open(free * 8).await;
    let refusal = office.accept("one").await.unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Store(poshta::store::Error::Full { .. })), "{refusal}");
    assert_eq!(office.seen(), Seen::letters(0));
    let mut session = office.session();
    session.send("a APPEND INBOX {1+}\r\nx");
    let answer = session.line();
    assert!(answer.starts_with("a NO [UNAVAILABLE] the disk is full"), "{answer}");
    session.ok("SELECT INBOX");
}

/// RFC 5321 §4.2.5, §6.1: after `250` the letter may not be lost. Not part of every run: it needs `strace` and the
/// right to trace a child (`cargo test --test stories -- --ignored strace`).
#[test]
#[ignore = "needs strace; part of make soak"]
fn strace_shows_the_syncs_between_the_last_byte_and_the_250() {
    let demo = Demo::start();
    let trace = demo.dir().with_file_name("trace");
    let calls = "trace=recvfrom,sendto,writev,pwrite64,write,fdatasync,fsync,sync_file_range";
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-s", "4096", "-e", calls, "-p", &demo.pid().to_string(), "-o"])
        .arg(&trace)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("attached")), "strace could not attach");
    std::thread::spawn(move || said.count());
    let reply = demo.python("one_letter.py", &[]);
    strace.kill().unwrap();
    strace.wait().unwrap();

    let text = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    let calls = completed(&text);
    let at = |what: &str, holds: &dyn Fn(&str) -> bool| {
        calls.iter().position(|call| holds(call)).unwrap_or_else(|| panic!("no {what} in\n{text}"))
    };
    let last_byte = at("last byte", &|call| call.starts_with("recvfrom") && call.contains("\\r\\n.\\r\\n"));
    let answer = at("answer", &|call| call.contains(reply.trim()));
    let between = &calls[last_byte..answer];
    let last = |name: &str, file: &str| {
        between.iter().rposition(|call| call.starts_with(name) && call.contains(file) && !call.contains("= -1"))
    };
    for (file, write) in [("/packs/", "pwrite64"), ("/journal/0", "write"), ("/rows/db", "pwrite64")] {
        let (written, synced) = (last(write, file), last("fdatasync", file));
        assert!(written.is_some() && written < synced, "{file} was not synced before the answer:\n{between:#?}");
    }
}

/// The calls of a trace in the order in which they ended, without process ids.
fn completed(trace: &str) -> Vec<String> {
    let mut begun = std::collections::HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, start);
        } else if let Some((_, end)) = call.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            calls.push(format!("{}{end}", begun.remove(pid).unwrap_or_default()));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

/// Everything of a server but its ports for SMTP and HTTP, over a disk that obeys.
struct Office {
    services: Services,
    disk: MemoryDisk,
    account: AccountId,
    inbox: FolderId,
    imap: SocketAddr,
    drain: Drain,
    _dir: tempfile::TempDir,
}

/// What one view shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    messages: usize,
    rows: usize,
    unseen: usize,
    uids: usize,
    queued: usize,
    jobs: usize,
    notices: usize,
}

impl Seen {
    /// So many letters, each to a mailbox, to another server and to paper.
    fn letters(number: usize) -> Self {
        Seen {
            messages: number,
            rows: number,
            unseen: number,
            uids: number,
            queued: number,
            jobs: number,
            notices: number,
        }
    }
}

impl Office {
    async fn open(watermark_bytes: u64) -> Office {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.dir = dir.path().to_owned();
        config.postal.facilities_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/facilities.toml");
        // Cheap hashes: this is not about passwords.
        (config.auth.argon2_memory_kib, config.auth.argon2_passes) = (64, 1);
        config.imap.protocol.plaintext_auth = true;
        config.imap.listen = vec![([127, 0, 0, 1], 0).into()];
        config.imap.listen_tls = Vec::new();
        config.store.watermark_bytes = watermark_bytes;
        let disk = MemoryDisk::default();
        let store = Store::open_with_engine(dir.path(), &config.store, Box::new(disk.clone())).unwrap();
        let services = Services::over(config, World::system(), store.clone()).unwrap();
        let account = account(&services).await;
        let inbox = store.read(move |view| Ok(view.folder_named(account, "INBOX")?.unwrap().id)).await.unwrap();
        let parts = imap::Services {
            store,
            authenticator: services.authenticator.clone(),
            world: services.world.clone(),
            caps: services.config.message.clone(),
            settings: services.config.imap.clone(),
        };
        let drain = Drain::default();
        let addresses = imap::Server::new(parts, None).listen(&ConnectionIds::default(), &drain).await.unwrap();
        Office { services, disk, account, inbox, imap: addresses.imap[0], drain, _dir: dir }
    }

    fn store(&self) -> &Store {
        &self.services.store
    }

    /// Hands in a letter to the mailbox, to another server and to paper.
    fn accept(&self, subject: &str) -> JoinHandle<Result<Receipt, Refusal>> {
        let text = format!(
            "From: {ADDRESS}\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@client.example>\r\n\
             Postal-To: Aigul Otegalieva; Abai 12-34; 010000 Astana\r\n\r\nHello\r\n"
        );
        let mut scanner = Scanner::new(self.services.config.message.clone());
        scanner.push(text.as_bytes());
        let mut body = self.services.intake.stage();
        body.write(text.as_bytes()).unwrap();
        let address: Address = ADDRESS.parse().unwrap();
        let recipients = [ADDRESS, "bolat@elsewhere.example", "letter@hat.poshta.example"];
        let submission = Submission {
            origin: Origin {
                entrance: Entrance::Submission,
                sender: Sender::Account { id: self.account, address: address.clone() },
                connection: None,
            },
            envelope: Envelope {
                reverse_path: ReversePath::Address(address),
                recipients: recipients.map(|to| Recipient { address: to.parse().unwrap() }).to_vec(),
                body: BodyType::SevenBit,
                smtputf8: false,
            },
            body: body.finish().unwrap(),
            structure: scanner.finish(),
        };
        let intake = self.services.intake.clone();
        tokio::spawn(async move { intake.accept(submission).await })
    }

    fn seen(&self) -> Seen {
        seen(self.store(), self.account, self.inbox)
    }

    /// Looks again and again until the second letter is there; how often it looked.
    fn look_for_halves(&self) -> std::thread::JoinHandle<usize> {
        let (store, account, inbox) = (self.store().clone(), self.account, self.inbox);
        std::thread::spawn(move || {
            for looks in 1.. {
                match seen(&store, account, inbox) {
                    seen if seen == Seen::letters(2) => return looks,
                    seen => assert_eq!(seen, Seen::letters(1), "half a letter is visible"),
                }
            }
            0
        })
    }

    fn session(&self) -> Session {
        let stream = TcpStream::connect(self.imap).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut session = Session { stream: BufReader::new(stream) };
        assert!(session.line().starts_with("* OK "));
        session.ok(&format!("LOGIN aliya {{{}+}}\r\n{PASSWORD}", PASSWORD.len()));
        session
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.disk.release_sync();
        self.drain.token().cancel();
    }
}

async fn account(services: &Services) -> AccountId {
    let home = [127, 0, 0, 1].into();
    let password = services.authenticator.hash(&Secret::new(PASSWORD.to_owned()), home).await.unwrap();
    let new = NewAccount {
        login: "aliya".into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: None,
        password,
    };
    services.accounts.create(new).await.unwrap().id
}

fn seen(store: &Store, account: AccountId, inbox: FolderId) -> Seen {
    let look = |view: &View<'_>| {
        let state = view.folder_state(account, inbox)?;
        Ok(Seen {
            messages: state.messages as usize,
            rows: view.uids(account, inbox)?.len(),
            unseen: state.unseen as usize,
            uids: state.uid_next as usize - 1,
            queued: view.outbound(None, 10)?.len(),
            jobs: view.print_jobs(ItemId(0), 10)?.len(),
            notices: view.notices(10)?.len(),
        })
    };
    store.read_blocking(look).unwrap()
}

/// An IMAP client.
struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stream.read_line(&mut line).unwrap() > 0, "the server closed");
        line.trim_end().to_owned()
    }

    /// A line, if one comes in time.
    fn line_within(&mut self, limit: Duration) -> Option<String> {
        self.stream.get_mut().set_read_timeout(Some(limit)).unwrap();
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        self.stream.get_mut().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        read.ok().map(|_| line)
    }

    /// The untagged answers to a command that must succeed.
    fn ok(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("t {command}"));
        let mut answers = Vec::new();
        loop {
            let line = self.line();
            match line.strip_prefix("t ") {
                Some(end) => {
                    assert!(end.starts_with("OK"), "{command}: {end}");
                    return answers;
                }
                None => answers.push(line),
            }
        }
    }
}
