//! ENOSPC and EIO at every call that writes or syncs, in turn (DESIGN 6): nobody is told that a letter is taken which
//! is not there after a restart, everybody else is told to try again, and the server goes on when the fault is gone.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use test_case::test_case;

use crate::support::plain::{Imap, Submission};
use crate::support::served::{Prepared, Served};
use crate::support::strace::{self, Attached, Trace};

const SENDER: &str = "user001@poshta.example";
const RECIPIENT: &str = "user002@poshta.example";

/// What is made to fail, and where.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: &'static str,
    files: Files,
    error: &'static str,
    /// The call of each thread that fails, counted from one.
    when: usize,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// That call alone.
    Once,
    /// Also all that follow.
    FromThenOn,
    /// That call alone, and not at once: somebody may be waiting for it by then.
    Late,
}

#[derive(Clone, Copy, Debug)]
enum Files {
    Packs,
    Journal,
    Rows,
    /// The directories themselves, and what names the rows in use.
    Names,
}

const CALLS: [(Files, &[&str]); 4] = [
    (Files::Packs, &["openat", "pwrite64", "fsync", "fdatasync"]),
    (Files::Journal, &["openat", "write", "fsync", "fdatasync"]),
    (Files::Rows, &["openat", "pwrite64", "sync_file_range", "fsync", "fdatasync", "ftruncate"]),
    (Files::Names, &["openat", "mkdir", "write", "rename", "fsync"]),
];

/// Every fault there is: of each call the first failure, the second, and so on.
fn faults() -> impl Iterator<Item = Fault> {
    let calls = CALLS.into_iter().flat_map(|(files, calls)| calls.iter().map(move |call| (files, *call)));
    calls.flat_map(move |(files, call)| {
        let kinds = ["ENOSPC", "EIO"].into_iter().flat_map(move |error| {
            // Only sled writes on other threads than on the one that waits.
            let late = matches!(call, "pwrite64" | "sync_file_range") && matches!(files, Files::Rows);
            [How::Once, How::FromThenOn].into_iter().chain(late.then_some(How::Late)).map(move |how| (error, how))
        });
        kinds.map(move |(error, how)| Fault { call, files, error, when: 1, how })
    })
}

/// Those that a run of the tests takes: what a server with a full or a dying disk meets first.
const SAMPLE: [(Files, &str, &str, How); 7] = [
    (Files::Packs, "pwrite64", "ENOSPC", How::Once),
    (Files::Packs, "fdatasync", "EIO", How::FromThenOn),
    (Files::Journal, "write", "ENOSPC", How::Once),
    (Files::Rows, "fdatasync", "ENOSPC", How::FromThenOn),
    (Files::Rows, "fdatasync", "EIO", How::Once),
    (Files::Rows, "sync_file_range", "EIO", How::Late),
    (Files::Names, "rename", "EIO", How::Once),
];

/// Longer than it takes to open the rows again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls of one kind that are made to fail one after the other, at most.
const MAX_WHEN: usize = 60;

#[test]
fn no_failed_write_or_sync_loses_what_was_acknowledged_and_the_server_goes_on() {
    if !strace::is_possible() {
        return;
    }
    let mut office = Office::open();
    if std::env::var_os("POSHTA_ALL_FAULTS").is_none() {
        for (files, call, error, how) in SAMPLE {
            let fault = Fault { call, files, error, when: 1, how };
            assert!(office.suffer(fault), "{fault:?} did not come about");
        }
        return office.close();
    }
    let mut met = 0;
    for fault in faults() {
        for when in 1..=MAX_WHEN {
            let fault = Fault { when, ..fault };
            if !office.suffer(fault) {
                break;
            }
            met += 1;
            println!("survived {fault:?}");
        }
    }
    assert!(met > 50, "only {met} faults came about");
    office.close();
}

/// A server, and what its clients were told.
struct Office {
    prepared: Prepared,
    server: Option<Served>,
    acknowledged: BTreeSet<String>,
    refused: BTreeSet<String>,
    faults: usize,
    temporary: tempfile::TempDir,
}

impl Office {
    fn open() -> Office {
        Office::with("")
    }

    /// With more of `[store]`.
    fn with(store: &str) -> Office {
        let temporary = tempfile::tempdir().unwrap();
        let small = "max_pack_bytes = 20000\nmax_journal_file_bytes = 3000\ncompact_every_s = 0\nrewrite_check_s = 0\n\
                     retired_pack_grace_s = 0\nwatermark_bytes = 1048576\n";
        let prepared = Prepared::new(&temporary.path().join("data"), [small, store].concat().parse().unwrap());
        Office::over(prepared, temporary)
    }

    fn over(prepared: Prepared, temporary: tempfile::TempDir) -> Office {
        let server = Some(prepared.serve(&[]));
        let (acknowledged, refused) = (BTreeSet::new(), BTreeSet::new());
        Office { prepared, server, acknowledged, refused, faults: 0, temporary }
    }

    fn server(&self) -> &Served {
        self.server.as_ref().unwrap()
    }

    /// Works while the fault is there, then without it. Whether it came about.
    fn suffer(&mut self, fault: Fault) -> bool {
        self.faults += 1;
        let trace = self.temporary.path().join("trace");
        let how = match fault.how {
            How::Once => "",
            How::FromThenOn => "+",
            How::Late => ":delay_enter=100000",
        };
        let injection = format!("error={}:when={}{how}", fault.error, fault.when);
        let disturbed = self.disturb(fault.call, fault.files, &injection, &trace);
        self.work(fault, "during");
        disturbed.detach();
        let met = Trace::calls(&trace).iter().any(|call| call.is_injected);
        if met {
            self.recover(fault);
        }
        met
    }

    /// Has calls of the server on these files do what strace shall inject.
    fn disturb(&self, call: &str, files: Files, injection: &str, trace: &Path) -> Attached {
        let (filter, injection) = (format!("trace={call}"), format!("inject={call}:{injection}"));
        let paths: Vec<String> =
            files.paths(&self.prepared.dir).into_iter().map(|path| path.display().to_string()).collect();
        let mut arguments = vec!["-e", filter.as_str(), "-e", injection.as_str()];
        paths.iter().for_each(|path| arguments.extend(["-P", path.as_str()]));
        Attached::to(self.server().pid, &arguments, trace)
    }

    /// Letters, a deposited one, a flag, and the work behind the scenes.
    fn work(&mut self, fault: Fault, when: &str) {
        let name = |what: &str| format!("{what}-{}-{when}", self.faults);
        let (submitted, deposited) = (name("submitted"), name("deposited"));
        // A late failure is missed by whoever waits when another thread was faster: not every time.
        let letters = if fault.how == How::Late { 8 } else { 2 };
        for subject in (1..=letters).map(|number| format!("{submitted}-{number}")) {
            let reply = self.submit(&subject).unwrap_or_else(|error| panic!("{fault:?}: {error}\n{}", self.log()));
            self.note(subject, reply.starts_with("250 "));
            assert!(HONEST.iter().any(|good| reply.starts_with(good)), "{fault:?}: {reply}");
        }
        let reply = self.deposit(&deposited).unwrap_or_else(|error| panic!("{fault:?}: {error}\n{}", self.log()));
        self.note(deposited, reply.starts_with("OK"));
        assert!(reply.starts_with("OK") || reply.starts_with("NO [UNAVAILABLE]"), "{fault:?}: {reply}");
        if matches!(fault.files, Files::Names | Files::Rows) {
            // It says whether it could; either way everything is there.
            let dir = &self.prepared.dir;
            let compact = Command::new(crate::support::poshta()).args(["store", "compact", "--dir"]).arg(dir).output();
            compact.unwrap();
        }
    }

    fn note(&mut self, subject: String, is_acknowledged: bool) {
        if is_acknowledged {
            self.acknowledged.insert(subject)
        } else {
            self.refused.insert(subject)
        };
    }

    /// The fault is gone: the server goes on by itself, and after a restart.
    fn recover(&mut self, fault: Fault) {
        assert!(self.server.as_mut().unwrap().is_running(), "{fault:?}: the server is gone\n{}", self.log());
        let begun = Instant::now();
        for attempt in 0.. {
            let subject = format!("submitted-{}-after-{attempt}", self.faults);
            let reply = self.submit(&subject).unwrap_or_else(|error| panic!("{fault:?}: {error}\n{}", self.log()));
            self.note(subject, reply.starts_with("250 "));
            if reply.starts_with("250 ") {
                break;
            }
            // Where the rows could not be opened again at once the store is closed until they can.
            assert!(begun.elapsed() < PATIENCE, "{fault:?}: {reply} long afterwards\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        self.look(fault);
        self.server.take().unwrap().kill();
        self.server = Some(self.prepared.serve(&[]));
        let subject = format!("submitted-{}-restarted", self.faults);
        let reply = self.submit(&subject).unwrap();
        assert!(reply.starts_with("250 "), "{fault:?}: {reply} after a restart\n{}", self.log());
        self.note(subject, true);
        self.look(fault);
        self.server().poshta(&["store", "check"]);
    }

    /// What was acknowledged is there, once; what was refused is not.
    fn look(&self, fault: Fault) {
        let mut found = Vec::new();
        for (login, folder) in [("user002", "INBOX"), ("user001", "INBOX")] {
            let mut client = Imap::login(self.server().imap(), "l", login, &self.server().password).unwrap();
            client.ok(&format!("EXAMINE {folder}")).unwrap();
            let answer = client.ok("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])").unwrap();
            found.extend(answer.untagged.iter().filter_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned));
        }
        let once: BTreeSet<String> = found.iter().cloned().collect();
        assert_eq!(once.len(), found.len(), "{fault:?}: twice in {found:?}");
        let lost: Vec<_> = self.acknowledged.difference(&once).collect();
        assert!(lost.is_empty(), "{fault:?}: acknowledged and lost: {lost:?}\n{}", self.log());
        let refused: Vec<_> = self.refused.intersection(&once).collect();
        assert!(refused.is_empty(), "{fault:?}: refused and there: {refused:?}\n{}", self.log());
    }

    /// The last reply: to the content, or to what came before it when that was refused.
    fn submit(&self, subject: &str) -> io::Result<String> {
        let login = Submission::login(self.server().submission(), "user001", &self.server().password);
        in_words(login.and_then(|mut client| client.try_letter(SENDER, RECIPIENT, letter(subject).as_bytes())))
    }

    fn deposit(&self, subject: &str) -> io::Result<String> {
        let login = Imap::login(self.server().imap(), "d", "user001", &self.server().password);
        let append = |mut client: Imap| client.append("INBOX", "\\Seen", letter(subject).as_bytes());
        in_words(login.and_then(append).map(|answer| answer.end))
    }

    /// Whether the server says that letters can be stored.
    fn is_ready(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect(self.server().operator())?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (status, text) = (answer.lines().next().unwrap_or_default(), answer.lines().last().unwrap_or_default());
        assert_eq!(status.contains(" 200 "), text == "ready", "{answer}");
        Ok(text == "ready")
    }

    fn log(&self) -> String {
        self.server().log.text()
    }

    fn close(mut self) {
        self.server.take().unwrap().stop();
        let mut check = Command::new(crate::support::poshta());
        check.args(["store", "check", "--dir"]).arg(&self.prepared.dir);
        crate::support::succeeded("store check", check.output().unwrap());
    }
}

/// Whoever cannot even log in is told so.
fn in_words(reply: io::Result<String>) -> io::Result<String> {
    match reply {
        Err(error) if error.kind() == io::ErrorKind::Other => Ok(error.to_string()),
        other => other,
    }
}

/// The replies of a server that has trouble with its disk: taken, or to be tried again, also the login before.
const HONEST: [&str; 4] = ["250 2.0.0", "451 4.3.0", "452 4.3.1", "454 4.7.0"];

fn letter(subject: &str) -> String {
    let line = format!("{subject} is a letter that is there or is not\r\n");
    format!(
        "From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@client.example>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0500\r\n\r\n{}",
        line.repeat(40)
    )
}

impl Files {
    /// Those that are there and those that may come next: strace wants whole paths.
    fn paths(self, dir: &Path) -> Vec<PathBuf> {
        let numbered = |folder: &str, extension: &str| {
            let folder = dir.join(folder);
            let last = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let last = last.filter_map(|path| path.file_stem()?.to_str()?.parse::<u32>().ok()).max().unwrap_or(0);
            (last.max(1)..last + 12).map(|number| folder.join(format!("{number:08}.{extension}"))).collect()
        };
        match self {
            Files::Packs => numbered("packs", "pack"),
            Files::Journal => numbered("journal", "journal"),
            Files::Rows => {
                generations(dir).into_iter().flat_map(|path| ["db", "conf"].map(|file| path.join(file))).collect()
            }
            Files::Names => {
                let mut paths = ["rows", "packs", "journal", "rows/CURRENT", "rows/CURRENT.next"]
                    .map(|name| dir.join(name))
                    .to_vec();
                paths.extend(generations(dir));
                paths
            }
        }
    }
}

/// The directories of the rows that are there, and of those that come next.
fn generations(dir: &Path) -> Vec<PathBuf> {
    let rows = dir.join("rows");
    let names = fs::read_dir(&rows).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let last = names.filter_map(|name| name.strip_prefix("sled-")?.parse::<u32>().ok()).max().unwrap_or(0);
    (last.max(1)..last + 4).map(|number| rows.join(format!("sled-{number:08}"))).collect()
}

/// What ends a server whose disk does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Itself, when `store.engine_deadline_s` has passed.
    Deadline,
    /// SIGTERM, as soon as somebody waits.
    Terminated,
}

#[test_case("fdatasync", Files::Rows, End::Deadline; "a sync of the rows")]
#[test_case("sync_file_range", Files::Rows, End::Terminated; "a flush inside the engine")]
#[test_case("fdatasync", Files::Packs, End::Terminated; "a sync of a pack")]
fn a_server_whose_disk_does_not_answer_ends_with_status_1_and_starts_anew(call: &str, files: Files, end: End) {
    if !strace::is_possible() {
        return;
    }
    let mut office = Office::with("engine_deadline_s = 10\n");
    let reply = office.submit("before").unwrap();
    office.note("before".into(), reply.starts_with("250 "));
    assert!(office.acknowledged.contains("before"), "{reply}");
    let trace = office.temporary.path().join("trace");
    let disturbed = office.disturb(call, files, "delay_enter=600000000", &trace);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| office.submit("waiting"));
        while office.is_ready().is_ok_and(|ready| ready) {
            assert!(!waiting.is_finished(), "nobody waits for {call}");
        }
        if end == End::Terminated {
            office.server().terminate();
        }
        let reply = waiting.join().unwrap().unwrap();
        assert!(reply.starts_with("451 4.3.0"), "{reply}\n{}", office.log());
    });
    let server = office.server.take().unwrap();
    server.wait_for_main_thread();
    disturbed.bury();
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    let said = "the disk or the row engine has not answered for 10 s";
    assert!(log.lines().last().unwrap_or_default().starts_with(&format!("poshta: {said}")), "{log}");

    // What was being written when nobody could say how it ends is there as a whole or not at all.
    office.server = Some(office.prepared.serve(&[]));
    let reply = office.submit("after").unwrap();
    assert!(reply.starts_with("250 "), "{reply}\n{}", office.log());
    office.note("after".into(), true);
    office.look(Fault { call: "any", files, error: "delay", when: 1, how: How::FromThenOn });
    office.close();
}

/// A file system of this size that is unmounted in the end; `None` where that is not permitted.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, bytes: u64) -> Option<SmallDisk> {
        fs::create_dir(at).unwrap();
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| SmallDisk(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_refuses_letters_and_takes_them_again_when_there_is_room() {
    let temporary = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(&temporary.path().join("disk"), 40 << 20) else {
        assert!(std::env::var_os("POSHTA_NEED_STRACE").is_none(), "a tmpfs cannot be mounted here");
        return strace::skipped("a full disk: a tmpfs cannot be mounted here");
    };
    // No watermark: every write meets the end of the disk.
    let store = "max_pack_bytes = 200000\nwatermark_bytes = 0\ncompact_every_s = 0\nrewrite_check_s = 0\n";
    let prepared = Prepared::new(&temporary.path().join("disk/data"), store.parse().unwrap());
    let mut office = Office::over(prepared, temporary);
    let fault = Fault { call: "any", files: Files::Rows, error: "ENOSPC", when: 1, how: How::FromThenOn };
    let filler = office.prepared.dir.with_file_name("filler");
    for round in 0..3 {
        fill(&filler);
        let mut refusals = 0;
        for number in 0.. {
            assert!(number < 2_000, "the disk does not fill up");
            let subject = format!("full-{round}-{number}");
            let reply = office.submit(&subject).unwrap();
            assert!(HONEST.iter().any(|good| reply.starts_with(good)), "{reply}");
            office.note(subject, reply.starts_with("250 "));
            refusals += usize::from(!reply.starts_with("250 "));
            if refusals == 5 {
                break;
            }
        }
        fs::remove_file(&filler).unwrap();
        office.faults += 1;
        office.recover(fault);
    }
    office.close();
}

/// All but a little of the space.
fn fill(filler: &Path) {
    let found = rustix::fs::statvfs(filler.parent().unwrap()).unwrap();
    let free = found.f_bavail * found.f_frsize;
    let chunk = vec![0; 1 << 16];
    let mut file = fs::File::create(filler).unwrap();
    for _ in 0..free.saturating_sub(200_000) / chunk.len() as u64 {
        file.write_all(&chunk).unwrap();
    }
}
