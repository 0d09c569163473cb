//! Space comes back: a store is filled over SMTP, four letters of five are deleted over IMAP, and what the data
//! directory takes of the disk falls below one and a half times of what is left in it; whoever tidies, the server by
//! itself or `poshta store compact`. What is left is what was sent, byte for byte.
//!
//! `make soak` does it with 5 GB: `POSHTA_SPACE_BYTES`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::plain::{Imap, Submission};
use crate::support::served::{Prepared, Served};

/// What the directory is to take of the disk before anything is deleted, when `POSHTA_SPACE_BYTES` does not say it.
const FILL_BYTES: u64 = 24_000_000;

/// From here on the rows count too. In a smaller directory their files are not in proportion to anything: sled takes
/// whole segments of 2 MiB, and below `store.rewrite_floor_bytes` nobody rewrites them.
const ROWS_COUNT_FROM_BYTES: u64 = 2_000_000_000;

/// Each has a connection that fills its mailbox.
const LOGINS: [&str; 2] = ["user001", "user002"];

const SMALLEST_BYTES: f64 = 1e3;
const LARGEST_BYTES: f64 = 5e6;

/// One letter of so many stays.
const KEPT_OF: usize = 5;

/// UIDs in one command.
const UIDS_A_COMMAND: usize = 500;

/// Longer than tidying takes; it ends as soon as it is done.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn four_fifths_of_the_letters_go_and_their_space_comes_back_by_itself() {
    // A pack that nobody reads any more is let go of when the server next looks for others.
    let server =
        Filled::new("compact_every_s = 1\ncompact_floor_bytes = 0\nrewrite_check_s = 1\nretired_pack_grace_s = 1");
    server.delete_most();
    server.wait_until_small();
    server.check();
}

#[test]
fn four_fifths_of_the_letters_go_and_their_space_comes_back_by_command() {
    let server = Filled::new("compact_every_s = 0\nrewrite_check_s = 100000\nretired_pack_grace_s = 0");
    server.delete_most();
    let before = server.size();
    assert!(!before.is_small(), "nobody has tidied, and yet: {before:?}");
    server.served.poshta(&["store", "compact"]);
    // Those that it emptied go now, for nobody reads them.
    server.served.poshta(&["store", "compact"]);
    server.wait_until_small();
    server.check();
}

/// A server whose mailboxes were filled.
struct Filled {
    served: Served,
    mailboxes: Vec<Mailbox>,
    fill_bytes: u64,
    _temporary: tempfile::TempDir,
}

struct Mailbox {
    login: &'static str,
    /// The UID of its first letter; the others follow.
    first_uid: usize,
    letters: usize,
}

/// How large the directory is, and what is in it, bytes.
#[derive(Debug)]
struct Size {
    /// What its files take of the disk, also those that are only still open.
    disk: u64,
    rows_disk: u64,
    /// Keys, values, records that rows name, the journal, and the log of marks.
    live: u64,
    rows_live: u64,
    rows_count: bool,
}

impl Filled {
    fn new(store: &str) -> Filled {
        let wished = std::env::var("POSHTA_SPACE_BYTES").ok().map(|bytes| bytes.parse().expect("a number of bytes"));
        let fill_bytes = wished.unwrap_or(FILL_BYTES);
        let temporary = tempfile::tempdir().unwrap();
        let mut settings: toml::Table = store.parse().unwrap();
        settings.insert("compact_bytes_per_s".to_owned(), 0.into());
        if wished.is_none() {
            settings.insert("max_pack_bytes".to_owned(), (1 << 20).into());
        }
        let served = Prepared::new(&temporary.path().join("data"), settings).serve(&[]);
        let begun = Instant::now();
        let mailboxes = std::thread::scope(|scope| {
            let filling = LOGINS.map(|login| scope.spawn(|| Mailbox::fill(&served, login, fill_bytes)));
            filling.map(|filling| filling.join().unwrap()).into()
        });
        let filled = Filled { served, mailboxes, fill_bytes, _temporary: temporary };
        println!("filled in {:.0?}: {} letters, {:?}", begun.elapsed(), filled.letters(), filled.size());
        filled
    }

    fn letters(&self) -> usize {
        self.mailboxes.iter().map(|mailbox| mailbox.letters).sum()
    }

    fn delete_most(&self) {
        let begun = Instant::now();
        self.mailboxes.iter().for_each(|mailbox| mailbox.delete_most(&self.served));
        println!("deleted in {:.0?}", begun.elapsed());
    }

    fn wait_until_small(&self) {
        let begun = Instant::now();
        loop {
            let size = self.size();
            if size.is_small() {
                println!("small after {:.1?}: {size:?}", begun.elapsed());
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{size:?}\n{}", self.served.log.text());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn size(&self) -> Size {
        let stats: Value = serde_json::from_str(&self.served.poshta(&["store", "stats"])).unwrap();
        let rows_live = stats["rows"].as_object().unwrap().values().map(|class| class["bytes"].as_u64().unwrap()).sum();
        let of = |name: &str| stats[name].as_u64().unwrap();
        // As the journal nothing of it ever goes; how large it gets is left to chance.
        let log = disk_bytes(&self.served.dir.join("log")).unwrap();
        Size {
            disk: disk_bytes(&self.served.dir).unwrap() + unnamed_bytes(self.served.pid, &self.served.dir),
            rows_disk: disk_bytes(&self.served.dir.join("rows")).unwrap(),
            live: rows_live + of("pack_live_bytes") + of("journal_disk_bytes") + log,
            rows_live,
            rows_count: self.fill_bytes >= ROWS_COUNT_FROM_BYTES,
        }
    }

    /// Every letter that was not deleted is there, and the directory is sound.
    fn check(&self) {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            self.mailboxes.iter().for_each(|mailbox| drop(scope.spawn(|| mailbox.check(&self.served))));
        });
        let verdict: Value = serde_json::from_str(&self.served.poshta(&["store", "check"])).unwrap();
        assert_eq!(verdict["problem_count"], 0, "{verdict}");
        println!("checked in {:.0?}", begun.elapsed());
    }
}

impl Size {
    fn is_small(&self) -> bool {
        let (disk, live) = match self.rows_count {
            true => (self.disk, self.live),
            false => (self.disk - self.rows_disk, self.live - self.rows_live),
        };
        disk * 2 < live * 3
    }
}

impl Mailbox {
    /// Sends letters to a mailbox until the directory is full enough.
    fn fill(served: &Served, login: &'static str, fill_bytes: u64) -> Mailbox {
        let mut imap = Imap::login(served.imap(), "i", login, &served.password).unwrap();
        let first_uid = imap.ok("SELECT INBOX").unwrap().uid("UIDNEXT") as usize;
        let mut client = Submission::login(served.submission(), login, &served.password).unwrap();
        let address = format!("{login}@poshta.example");
        let mut letters = 0;
        while disk_bytes(&served.dir.join("packs")).unwrap() < fill_bytes {
            let reply = client.letter(&address, &[&address], &letter(login, letters)).unwrap();
            assert!(reply.starts_with("250 "), "{reply}");
            letters += 1;
        }
        Mailbox { login, first_uid, letters }
    }

    fn open(&self, served: &Served) -> Imap {
        let mut imap = Imap::login(served.imap(), "i", self.login, &served.password).unwrap();
        imap.ok("SELECT INBOX").unwrap();
        imap
    }

    /// The numbers and UIDs of the letters that stay, or that go.
    fn letters(&self, kept: bool) -> Vec<(usize, usize)> {
        let is_meant = |number: &usize| number.is_multiple_of(KEPT_OF) == kept;
        (0..self.letters).filter(is_meant).map(|number| (number, self.first_uid + number)).collect()
    }

    fn delete_most(&self, served: &Served) {
        let mut imap = self.open(served);
        for letters in self.letters(false).chunks(UIDS_A_COMMAND) {
            let uids: Vec<String> = letters.iter().map(|(_, uid)| uid.to_string()).collect();
            imap.ok(&format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", uids.join(","))).unwrap();
        }
        imap.ok("EXPUNGE").unwrap();
    }

    fn check(&self, served: &Served) {
        let mut imap = self.open(served);
        for (number, uid) in self.letters(true) {
            let found = imap.message(u32::try_from(uid).unwrap()).unwrap();
            assert!(
                found.ends_with(&letter(self.login, number)),
                "letter {number} of {} is not what it was",
                self.login
            );
        }
        let gone: Vec<String> = self.letters(false).iter().map(|(_, uid)| uid.to_string()).collect();
        for gone in gone.chunks(UIDS_A_COMMAND) {
            let found = imap.ok(&format!("UID SEARCH UID {}", gone.join(","))).unwrap();
            assert_eq!(found.untagged, ["* SEARCH"]);
        }
    }
}

/// What makes a letter compressible, or not.
#[derive(Clone, Copy)]
enum Kind {
    /// Words.
    Text,
    /// As most of what is large is sent.
    Base64,
    /// Every byte is as good as any.
    Noise,
}

/// A letter that follows from its number: as many small ones as large ones, of three kinds.
fn letter(login: &str, number: usize) -> Vec<u8> {
    let mut random = blake3::Hasher::new().update(format!("{login} {number}").as_bytes()).finalize_xof();
    let mut dice = [0; 5];
    random.fill(&mut dice);
    let [kind, size @ ..] = dice;
    let share = f64::from(u32::from_be_bytes(size)) / f64::from(u32::MAX);
    let len = (SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES).powf(share)) as usize;
    let kind = [Kind::Text, Kind::Base64, Kind::Noise][usize::from(kind) % 3];
    let mut head = String::new();
    write!(head, "From: {login}@poshta.example\r\nTo: {login}@poshta.example\r\nSubject: letter {number}\r\n").unwrap();
    write!(head, "Message-ID: <{login}.{number}@client.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0500\r\n\r\n")
        .unwrap();
    let mut letter = head.into_bytes();
    let mut line = [0; 48];
    while letter.len() < len {
        random.fill(&mut line);
        line_of(kind, &line, &mut letter);
    }
    letter
}

/// No line begins with a dot.
fn line_of(kind: Kind, random: &[u8], letter: &mut Vec<u8>) {
    use base64::Engine as _;
    const WORDS: [&str; 8] = ["Сәлем ", "пошта ", "хат ", "мөр ", "letter ", "stamp ", "office ", "of "];
    match kind {
        Kind::Text => random[..10].iter().for_each(|byte| letter.extend(WORDS[usize::from(byte % 8)].bytes())),
        Kind::Base64 => letter.extend(base64::engine::general_purpose::STANDARD.encode(random).bytes()),
        Kind::Noise => letter.extend(random.iter().map(|byte| if b"\0\r\n.".contains(byte) { b'x' } else { *byte })),
    }
    letter.extend(b"\r\n");
}

/// What the files below `path` take of the disk, bytes. Some may go meanwhile.
fn disk_bytes(path: &Path) -> io::Result<u64> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        found => found?,
    };
    if !found.is_dir() {
        return Ok(found.blocks() * 512);
    }
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    entries.into_iter().try_fold(0, |sum, entry| Ok(sum + disk_bytes(&entry?.path())?))
}

/// What files take that have no name below `dir` any more, but are still open.
fn unnamed_bytes(pid: u32, dir: &Path) -> u64 {
    let is_unnamed = |file: &Path| {
        fs::read_link(file).is_ok_and(|name| name.starts_with(dir) && name.to_string_lossy().ends_with(" (deleted)"))
    };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap().path());
    open.filter(|file| is_unnamed(file))
        .filter_map(|file| fs::metadata(file).ok())
        .map(|file| file.blocks() * 512)
        .sum()
}
