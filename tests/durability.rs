//! Nothing unsynced is visible, and nothing unsynced is acknowledged (DESIGN 6): one letter to a mailbox, to
//! another server and to paper goes the whole way, over a disk whose syncs can be held back and made to fail.

use std::time::Duration;

use poshta::address::{Address, ReversePath};
use poshta::ids::{AccountId, FolderId, ItemId};
use poshta::intake::{BodyType, Entrance, Envelope, Origin, Receipt, Recipient, Refusal, Sender, Submission};
use poshta::message::Scanner;
use poshta::store::engine::memory::{Failing, MemoryDisk};
use poshta::store::{Store, Topic, View};
use tokio::task::JoinHandle;

use crate::support::server::{ADDRESS, Server, Session};

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
    let topics =
        [Topic::Folder(office.server.account, office.server.inbox), Topic::Outbound, Topic::Print(String::new())];
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

/// A server over a disk that obeys.
struct Office {
    server: Server,
    disk: MemoryDisk,
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
        let mut config = Server::config(dir.path());
        config.store.watermark_bytes = watermark_bytes;
        let disk = MemoryDisk::default();
        let store = Store::open_with_engine(dir.path(), &config.store, Box::new(disk.clone())).unwrap();
        Office { server: Server::open(config, store).await, disk, _dir: dir }
    }

    fn store(&self) -> &Store {
        &self.server.services.store
    }

    /// Hands in a letter to the mailbox, to another server and to paper.
    fn accept(&self, subject: &str) -> JoinHandle<Result<Receipt, Refusal>> {
        let text = format!(
            "From: {ADDRESS}\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@client.example>\r\n\
             Postal-To: Aigul Otegalieva; Abai 12-34; 010000 Astana\r\n\r\nHello\r\n"
        );
        let services = &self.server.services;
        let mut scanner = Scanner::new(services.config.message.clone());
        scanner.push(text.as_bytes());
        let mut body = services.intake.stage();
        body.write(text.as_bytes()).unwrap();
        let address: Address = ADDRESS.parse().unwrap();
        let recipients = [ADDRESS, "bolat@elsewhere.example", "letter@hat.poshta.example"];
        let submission = Submission {
            origin: Origin {
                entrance: Entrance::Submission,
                sender: Sender::Account { id: self.server.account, address: address.clone() },
                connection: None,
            },
            envelope: Envelope {
                reverse_path: ReversePath::Address(address),
                recipients: recipients.map(|to| Recipient::new(to.parse().unwrap())).to_vec(),
                body: BodyType::SevenBit,
                smtputf8: false,
                wishes: Default::default(),
            },
            body: body.finish().unwrap(),
            structure: scanner.finish(),
        };
        let intake = services.intake.clone();
        tokio::spawn(async move { intake.accept(submission).await })
    }

    fn seen(&self) -> Seen {
        seen(self.store(), self.server.account, self.server.inbox)
    }

    /// Looks again and again until the second letter is there; how often it looked.
    fn look_for_halves(&self) -> std::thread::JoinHandle<usize> {
        let (store, account, inbox) = (self.store().clone(), self.server.account, self.server.inbox);
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
        self.server.session()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.disk.release_sync();
    }
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
