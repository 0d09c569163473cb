//! kill -9 in the middle of submissions, of changes over IMAP and of the work of print centres, each while packs are
//! emptied and rows rewritten: what was acknowledged is there, once and whole, and the directory is sound.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Demo, poshta, succeeded};

const CONNECTIONS: usize = 8;

/// Letters that a round submits if it is let; it never is.
const LETTERS: usize = 1000;

/// Acknowledgements after which the server is killed, while more are on the way.
const ENOUGH: usize = 400;

/// The same for print centres: a letter on paper takes longer.
const ENOUGH_PAPER: usize = 4;

/// `make soak` asks for more than one round.
fn rounds() -> usize {
    std::env::var("POSHTA_CRASH_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number of rounds"))
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut crash = Crash::new();
    for round in 0..rounds() {
        crash.submissions(round);
        crash.changes(round);
        crash.leases();
    }
    crash.check();
}

/// A directory whose server is killed again and again.
struct Crash {
    dir: PathBuf,
    letters: PathBuf,
    changes: PathBuf,
    leases: PathBuf,
    demo: Option<Demo>,
    _temporary: tempfile::TempDir,
}

impl Crash {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let dir = at("data");
        let demo = Some(Demo::start_in(&dir, &[]));
        Crash { dir, letters: at("letters"), changes: at("changes"), leases: at("leases"), demo, _temporary: temporary }
    }

    /// Kills the server in the middle of submissions.
    fn submissions(&mut self, round: usize) {
        self.kill_during("crash_submit.py", &self.letters.clone(), round * LETTERS, ENOUGH);
        let in_flight = (CONNECTIONS * (round + 1)).to_string();
        self.demo().python("crash_verify.py", &[self.letters.to_str().unwrap(), &in_flight]);
    }

    /// Kills the server in the middle of APPEND, STORE, MOVE and EXPUNGE.
    fn changes(&mut self, round: usize) {
        self.kill_during("crash_change.py", &self.changes.clone(), round, ENOUGH);
        self.demo().python("crash_change_verify.py", &[self.changes.to_str().unwrap()]);
    }

    /// Kills the server while print centres lease letters and tell of them.
    fn leases(&mut self) {
        self.kill_during("crash_lease.py", &self.leases.clone(), 0, ENOUGH_PAPER);
        self.demo().python("crash_lease_verify.py", &[self.leases.to_str().unwrap()]);
    }

    fn kill_during(&mut self, script: &str, acknowledged: &Path, start: usize, enough: usize) {
        let demo = self.demo.take().expect("a server is running");
        let mut client = client(script, acknowledged, start, &demo);
        // The pipe stays open until the server is dead: nothing else may end the client.
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let is_dead = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let compacting = scope.spawn(|| self.compact_until(&is_dead));
            let told = lines.by_ref().take(enough).filter(Result::is_ok).count();
            demo.kill();
            is_dead.store(true, Ordering::Relaxed);
            assert_eq!(told, enough, "{script} ended early");
            compacting.join().unwrap();
        });
        lines.for_each(drop);
        client.wait().unwrap();
        self.verdict("store check after the crash");
        self.demo = Some(Demo::start_in(&self.dir, &[]));
    }

    /// Empties packs and rewrites the rows again and again; the crash comes upon any part of that.
    fn compact_until(&self, is_dead: &AtomicBool) {
        while !is_dead.load(Ordering::Relaxed) {
            let mut command = Command::new(poshta());
            command.args(["store", "compact", "--dir"]).arg(&self.dir).stdout(Stdio::null()).stderr(Stdio::null());
            // Cut off by the crash, or on the directory that a dead server left: either is as good.
            let _ = command.status();
        }
    }

    fn verdict(&self, what: &str) {
        let check = Command::new(poshta()).args(["store", "check", "--dir"]).arg(&self.dir).output().unwrap();
        succeeded(what, check);
    }

    fn demo(&self) -> &Demo {
        self.demo.as_ref().expect("a server is running")
    }

    /// With the server running, and without.
    fn check(mut self) {
        self.verdict("store check over the control socket");
        self.demo.take().expect("a server is running").kill();
        self.verdict("store check");
    }
}

fn client(script: &str, acknowledged: &Path, start: usize, demo: &Demo) -> Child {
    demo.story(script)
        .arg(acknowledged)
        .args([start, LETTERS, CONNECTIONS].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
