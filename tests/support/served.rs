//! `poshta serve` over a directory that a demo prepared, with a configuration that makes rare things happen often,
//! and without TLS, so that a trace of it can be read.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use toml::{Table, Value};

use super::{Demo, poshta, succeeded};

/// Longer than any start, and any end, takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each listener has an address of its own, so that the port which the system chose for it can be told.
const LISTENERS: [(&str, &str, u8); 7] = [
    ("smtp", "mx_listen", 25),
    ("smtp", "submission_listen", 87),
    ("smtp", "submissions_listen", 65),
    ("imap", "listen", 43),
    ("imap", "listen_tls", 93),
    ("http", "listen", 80),
    ("http", "operator_listen", 81),
];

/// A directory with accounts, in which nothing runs.
pub struct Prepared {
    pub dir: PathBuf,
    pub password: String,
}

impl Prepared {
    /// Has a demo make the directory and its users, then changes `[store]`.
    pub fn new(dir: &Path, store: Table) -> Prepared {
        let demo = Demo::start_in(dir, &["--plaintext-auth"]);
        let password = demo.fact("/users/0/password").to_owned();
        let dir = PathBuf::from(demo.fact("/dir"));
        assert!(demo.terminate().0.success());
        let prepared = Prepared { dir, password };
        prepared.configure(|config| {
            section(config, "store").extend(store);
            for (name, key, last) in LISTENERS {
                let address = Value::from(format!("127.0.0.{last}:0"));
                let is_list = section(config, name)[key].is_array();
                section(config, name)
                    .insert(key.to_owned(), if is_list { Value::Array(vec![address]) } else { address });
            }
        });
        prepared
    }

    /// Changes `[store]` for the next start.
    pub fn configure_store(&self, store: Table) {
        self.configure(|config| section(config, "store").extend(store));
    }

    /// Changes the configuration for the next start.
    pub fn configure(&self, change: impl FnOnce(&mut Table)) {
        let file = self.dir.join("poshta.toml");
        let mut config: Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        change(&mut config);
        fs::write(&file, config.to_string()).unwrap();
    }

    /// Starts the server; `wrapper` is put before its command line.
    pub fn serve(&self, wrapper: &[&str]) -> Served {
        self.serve_in(&self.dir, wrapper)
    }

    /// Starts the server as a supervisor does that holds one of its ports (sd_listen_fds(3)).
    pub fn serve_behind(&self, door: &TcpListener) -> Served {
        let mut command = Command::new("sh");
        command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\" 3<&0 0</dev/null", "sh"]);
        command.args(command_line(&self.dir)).stdin(Stdio::from(OwnedFd::from(door.try_clone().unwrap())));
        self.launch(&self.dir, command, Some)
    }

    fn serve_in(&self, dir: &Path, wrapper: &[&str]) -> Served {
        let words: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).chain(command_line(dir)).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        self.launch(dir, command, if wrapper.is_empty() { Some } else { child_of })
    }

    /// `server_of` tells the process of the server from that of the command.
    fn launch(&self, dir: &Path, mut command: Command, server_of: fn(u32) -> Option<u32>) -> Served {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (log, reading) = Log::of(&mut child);
        let reading = Some(reading);
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "the server does not start\n{}", log.text());
            assert!(child.try_wait().unwrap().is_none(), "the server ended\n{}", log.text());
            if let Some((pid, at)) = server_of(child.id()).and_then(|pid| Some((pid, listeners(pid)?))) {
                return Served { child, pid, at, log, reading, dir: dir.to_owned(), password: self.password.clone() };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn command_line(dir: &Path) -> [String; 4] {
    [poshta(), "serve", "--config", dir.join("poshta.toml").to_str().unwrap()].map(str::to_owned)
}

/// A section of a configuration.
pub fn section<'a>(config: &'a mut Table, name: &str) -> &'a mut Table {
    config.entry(name).or_insert_with(|| Table::new().into()).as_table_mut().unwrap()
}

/// A running server; it is killed when the test ends.
pub struct Served {
    child: Child,
    /// The process of the server, also when something is wrapped around it.
    pub pid: u32,
    at: HashMap<u8, SocketAddr>,
    pub log: Log,
    reading: Option<JoinHandle<()>>,
    pub dir: PathBuf,
    pub password: String,
}

impl Served {
    pub fn submission(&self) -> SocketAddr {
        self.at[&87]
    }

    pub fn imap(&self) -> SocketAddr {
        self.at[&43]
    }

    pub fn operator(&self) -> SocketAddr {
        self.at[&81]
    }

    /// kill -9, and everything around it ends.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.send(Signal::KILL);
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits for the end of the drain.
    pub fn stop(self) {
        self.terminate();
        let (status, log) = self.ended();
        assert!(status.success(), "{log}");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.send(Signal::TERM).unwrap();
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        kill_process(Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap(), signal)
    }

    /// Waits for the end of its main thread; a tracer may still hold others.
    pub fn wait_for_main_thread(&self) {
        let begun = Instant::now();
        let state = || fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        while !state().contains(") Z ") {
            assert!(begun.elapsed() < PATIENCE, "the server does not end\n{}", self.log.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end: the status, and everything it said.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.reading.take().unwrap().join().unwrap();
                return (status, self.log.text());
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not end\n{}", self.log.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// A command of the program, over the control socket.
    pub fn poshta(&self, arguments: &[&str]) -> String {
        let output = Command::new(poshta()).args(arguments).args(["--json", "--dir"]).arg(&self.dir).output().unwrap();
        succeeded(&arguments.join(" "), output)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.is_running() {
            self.end();
        }
    }
}

/// What the server logs, for when something goes wrong.
#[derive(Clone)]
pub struct Log(std::sync::Arc<std::sync::Mutex<String>>);

impl Log {
    /// Read until the child ends.
    fn of(child: &mut Child) -> (Log, JoinHandle<()>) {
        let log = Log(std::sync::Arc::default());
        let (stderr, kept) = (child.stderr.take().unwrap(), log.clone());
        let reading = std::thread::spawn(move || {
            use std::io::BufRead as _;
            for line in std::io::BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut text = kept.0.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        (log, reading)
    }

    pub fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let child = children.split_whitespace().next()?.parse().ok()?;
    // Before the wrapper has become the server it is a copy of the wrapper.
    let program = fs::read_link(format!("/proc/{child}/exe")).ok()?;
    (program == fs::canonicalize(poshta()).unwrap()).then_some(child)
}

/// Where a process listens, by the last part of the address, once that is everywhere.
fn listeners(pid: u32) -> Option<HashMap<u8, SocketAddr>> {
    let mut sockets = HashSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()? {
        let Ok(target) = fs::read_link(entry.ok()?.path()) else { continue };
        let name = target.to_string_lossy().into_owned();
        sockets.extend(name.strip_prefix("socket:[").and_then(|name| name.strip_suffix(']')).map(str::to_owned));
    }
    let mut found = HashMap::new();
    for line in fs::read_to_string("/proc/net/tcp").ok()?.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // 0A is LISTEN; the address is the number as it lies in memory.
        if fields.len() > 9 && fields[3] == "0A" && sockets.contains(fields[9]) {
            let (ip, port) = fields[1].split_once(':').unwrap();
            let ip = u32::from_str_radix(ip, 16).unwrap().to_ne_bytes();
            found.insert(ip[3], SocketAddr::new(IpAddr::from(ip), u16::from_str_radix(port, 16).unwrap()));
        }
    }
    LISTENERS.iter().all(|(.., last)| found.contains_key(last)).then_some(found)
}
