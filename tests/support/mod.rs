//! Starts the demo on free ports in a directory of its own, and runs clients against it.

pub mod plain;
pub mod served;
pub mod server;
pub mod strace;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A running demo; it is killed when the test ends.
pub struct Demo {
    child: Child,
    dir: PathBuf,
    _temporary: Option<TempDir>,
    /// What `poshta demo --json` printed.
    pub facts: Value,
}

impl Demo {
    /// A fresh demo with two users.
    pub fn start() -> Demo {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("data");
        let mut demo = Demo::start_in(&dir, &[]);
        demo._temporary = Some(temporary);
        demo
    }

    /// A demo over this directory, which is kept.
    pub fn start_in(dir: &Path, arguments: &[&str]) -> Demo {
        let mut child = Command::new(poshta())
            .args(["demo", "--json", "--port-base", "0", "--dir"])
            .arg(dir)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let facts: Value = match serde_json::from_str(&line) {
            Ok(facts) => facts,
            Err(error) => {
                let mut said = String::new();
                let _ = stderr.read_to_string(&mut said);
                panic!("the demo did not start: {error}: {line}\n{said}");
            }
        };
        // The log is drained, so that the server never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut BufReader::new(stderr), &mut std::io::sink()));
        Demo { child, dir: dir.to_owned(), _temporary: None, facts }
    }

    /// A fact by its JSON pointer.
    pub fn fact(&self, pointer: &str) -> &str {
        self.facts.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {}", self.facts))
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// kill -9.
    pub fn kill(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.dir.clone()
    }

    /// SIGTERM; the server begins to drain.
    pub fn ask_to_stop(&self) {
        terminate(&self.child);
    }

    /// SIGTERM, and the exit status after the drain.
    pub fn terminate(mut self) -> (ExitStatus, PathBuf) {
        self.ask_to_stop();
        (self.child.wait().unwrap(), self.dir.clone())
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a Python story of `tests/python` with the facts in its environment; fails with what it printed.
    pub fn python(&self, script: &str, arguments: &[&str]) -> String {
        succeeded(script, self.story(script).args(arguments).output().unwrap())
    }

    /// As [`Demo::python`], not yet started.
    pub fn story(&self, script: &str) -> Command {
        let mut command = Command::new("python3");
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script))
            .env("DEMO", self.facts.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Runs the program under test against the demo's directory.
    pub fn poshta(&self, arguments: &[&str]) -> Output {
        Command::new(poshta()).args(arguments).arg("--dir").arg(&self.dir).output().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends SIGTERM.
pub fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// The binary under test.
pub fn poshta() -> &'static str {
    env!("CARGO_BIN_EXE_poshta")
}

/// A headless Chromium. `make browser-test` installs one and asks for it; elsewhere there may be none, and then
/// nothing is done of what is told here.
pub fn browser(what: &str) -> Option<&'static str> {
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    let found = ["chromium-headless-shell", "chromium"].into_iter().find(is_there);
    if found.is_none() {
        assert!(std::env::var_os("POSHTA_NEED_BROWSER").is_none(), "there is no Chromium here");
        println!("there is no Chromium here: {what}");
    }
    found
}

/// Standard output of a run that must have succeeded.
pub fn succeeded(what: &str, output: Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{what} failed with {}\n--- stdout\n{stdout}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
