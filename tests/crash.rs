//! kill -9 in the middle of submissions, and in the middle of changes over IMAP: what was acknowledged is there,
//! once and whole, and the directory is sound.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{Demo, poshta, succeeded};

const CONNECTIONS: usize = 8;

/// Letters that a round submits if it is let; it never is.
const LETTERS: usize = 1000;

/// Acknowledgements after which the server is killed, while more are on the way.
const ENOUGH: usize = 400;

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
    }
    crash.check();
}

/// A directory whose server is killed again and again.
struct Crash {
    dir: PathBuf,
    letters: PathBuf,
    changes: PathBuf,
    demo: Option<Demo>,
    _temporary: tempfile::TempDir,
}

impl Crash {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let (dir, letters, changes) = (at("data"), at("letters"), at("changes"));
        let demo = Some(Demo::start_in(&dir, &[]));
        Crash { dir, letters, changes, demo, _temporary: temporary }
    }

    /// Kills the server in the middle of submissions.
    fn submissions(&mut self, round: usize) {
        self.kill_during("crash_submit.py", &self.letters.clone(), round * LETTERS);
        let in_flight = (CONNECTIONS * (round + 1)).to_string();
        self.demo().python("crash_verify.py", &[self.letters.to_str().unwrap(), &in_flight]);
    }

    /// Kills the server in the middle of APPEND, STORE, MOVE and EXPUNGE.
    fn changes(&mut self, round: usize) {
        self.kill_during("crash_change.py", &self.changes.clone(), round);
        self.demo().python("crash_change_verify.py", &[self.changes.to_str().unwrap()]);
    }

    fn kill_during(&mut self, script: &str, acknowledged: &Path, start: usize) {
        let demo = self.demo.take().expect("a server is running");
        let mut client = client(script, acknowledged, start, &demo);
        // The pipe stays open until the server is dead: nothing else may end the client.
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        assert_eq!(lines.by_ref().take(ENOUGH).filter(Result::is_ok).count(), ENOUGH, "{script} ended early");
        demo.kill();
        lines.for_each(drop);
        client.wait().unwrap();
        self.demo = Some(Demo::start_in(&self.dir, &[]));
    }

    fn demo(&self) -> &Demo {
        self.demo.as_ref().expect("a server is running")
    }

    /// With the server running, and without.
    fn check(mut self) {
        let check = || Command::new(poshta()).args(["store", "check", "--dir"]).arg(&self.dir).output().unwrap();
        succeeded("store check over the control socket", check());
        self.demo.take().expect("a server is running").kill();
        succeeded("store check", check());
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
