//! The server itself over the store: how long until it serves, and its memory when it idles.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use toml::{Table, Value};

use super::{Failure, memory_of};

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the server idles before its memory is looked at: after a start it rises and falls for ten seconds and more.
const IDLING: Duration = Duration::from_secs(30);

/// Has a demo make the directory, with all that a server needs.
pub(super) fn prepare(dir: &Path) -> Result<(), Failure> {
    let mut demo = poshta(["demo", "--json", "--port-base", "0", "--dir"]);
    let mut demo = Running(demo.arg(dir).stdout(Stdio::piped()).spawn()?);
    let facts = demo.0.stdout.take().ok_or("a demo without an output")?;
    BufReader::new(facts).read_line(&mut String::new())?;
    Ok(())
}

/// Starts it, waits until it greets, leaves it alone for a while and kills it.
pub(super) fn serve(dir: &Path) -> Result<(), Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let config = dir.join("million.toml");
    let mut changed: Table = fs::read_to_string(dir.join("poshta.toml"))?.parse()?;
    for (section, key, port) in [
        ("smtp", "mx_listen", 0),
        ("smtp", "submission_listen", 0),
        ("smtp", "submissions_listen", 0),
        ("imap", "listen", port),
        ("imap", "listen_tls", 0),
        ("http", "listen", 0),
        ("http", "operator_listen", 0),
    ] {
        let key = changed.get_mut(section).and_then(|section| section.get_mut(key)).ok_or("a key is missing")?;
        let address = Value::from(format!("127.0.0.1:{port}"));
        *key = if key.is_array() { Value::Array(vec![address]) } else { address };
    }
    fs::write(&config, changed.to_string())?;

    let begun = Instant::now();
    let mut server = Running(poshta(["serve", "--config"]).arg(&config).spawn()?);
    let mut greeting = String::new();
    while !greeting.starts_with("* OK") {
        if begun.elapsed() > PATIENCE || server.0.try_wait()?.is_some() {
            return Err("the server does not start".into());
        }
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => drop(BufReader::new(stream).read_line(&mut greeting)?),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    println!("  from the command to the greeting: {:.3} s", begun.elapsed().as_secs_f64());
    std::thread::sleep(IDLING);
    println!("  idle for {IDLING:?}: memory {}", memory_of(&server.0.id().to_string())?);
    Ok(())
}

fn poshta<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poshta"));
    command.args(arguments).stderr(Stdio::null());
    command
}

/// Killed when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
