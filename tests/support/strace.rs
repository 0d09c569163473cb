//! Records system calls with `strace`, makes them fail, and reads what it wrote.
//!
//! The traces are made with `-f -y -xx`: the calls of all threads in the order in which they were entered and left,
//! every string, path and buffer in hexadecimal, each descriptor with its path.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Calls that change files, and those that answer clients.
pub const EVERYTHING_DURABLE: &str = "trace=open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,\
    truncate,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,\
    rmdir,fsync,fdatasync,sync_file_range,sync,syncfs,sendto,sendmsg,sendfile,copy_file_range,splice,mmap,io_uring_enter";

/// Whether a child can be traced here. Where it cannot, `make soak` fails and the other runs say so in a clear line:
/// the rounds of `make test` are a sample anyway.
pub fn is_possible() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let reason = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("{error}; `make packages` installs it"),
    };
    let what = format!("strace cannot trace a process here: {reason}");
    assert!(std::env::var_os("POSHTA_NEED_STRACE").is_none(), "{what}");
    skipped(&what);
    false
}

/// Standard error of the test process itself: what a test prints is only shown when it fails.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {why}");
}

/// strace on a running process; it lets go of it in the end.
pub struct Attached(Child);

impl Attached {
    pub fn to(pid: u32, arguments: &[&str], trace: &Path) -> Attached {
        let mut child = Command::new("strace")
            .args(["-f", "-y", "-xx"])
            .args(arguments)
            .args(["-p", &pid.to_string(), "-o"])
            .arg(trace)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("attached")), "strace could not attach");
        std::thread::spawn(move || said.count());
        Attached(child)
    }

    /// What it wrote is complete after this.
    pub fn detach(mut self) {
        self.end();
    }

    /// When the process is ending: strace would hold a thread until the delay that it injected is over.
    pub fn bury(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn end(&mut self) {
        // It detaches; killed by SIGKILL it would leave the process stopped.
        super::terminate(&self.0);
        self.0.wait().unwrap();
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            self.end();
        }
    }
}

/// A system call.
#[derive(Clone, Debug)]
pub struct Call {
    pub thread: u32,
    pub name: String,
    /// As strace writes them.
    pub arguments: String,
    pub result: i64,
    /// What it failed with.
    pub error: Option<String>,
    /// The failure was strace's doing.
    pub is_injected: bool,
}

/// A line of the trace.
#[derive(Debug)]
pub enum Step {
    /// A thread enters a call: its number, and its name and arguments as far as they are known.
    Entered(u64, Call),
    /// It comes back.
    Left(u64, Call),
}

/// Reads a trace, line by line.
pub struct Trace {
    lines: std::io::Split<BufReader<File>>,
    begun: HashMap<u32, (u64, Call)>,
    ready: Option<Step>,
    next: u64,
}

impl Trace {
    pub fn open(path: &Path) -> Trace {
        let lines = BufReader::with_capacity(1 << 20, File::open(path).unwrap()).split(b'\n');
        Trace { lines, begun: HashMap::new(), ready: None, next: 0 }
    }

    /// All calls that ended, in the order in which they did.
    pub fn calls(path: &Path) -> Vec<Call> {
        Trace::open(path)
            .filter_map(|step| match step {
                Step::Left(_, call) => Some(call),
                Step::Entered(..) => None,
            })
            .collect()
    }

    fn step(&mut self, line: &str) -> Option<Step> {
        let (thread, rest) = line.split_once(' ')?;
        let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, rest) = resumed.split_once(" resumed>")?;
            let (number, mut call) = self.begun.remove(&thread)?;
            call.arguments.push_str(rest);
            return end(&mut call).then_some(Step::Left(number, call));
        }
        let (name, arguments) = rest.split_once('(')?;
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let call = |arguments: &str| Call {
            thread,
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result: 0,
            error: None,
            is_injected: false,
        };
        if let Some(arguments) = arguments.strip_suffix(" <unfinished ...>") {
            let call = call(arguments);
            self.begun.insert(thread, (number, call.clone()));
            return Some(Step::Entered(number, call));
        }
        let mut left = call(arguments);
        if !end(&mut left) {
            // The end of the process came between what it did and its return (`= ?`): an answer may be sent by then.
            let arguments = arguments.rsplit_once(" = ").map_or(arguments, |(arguments, _)| arguments.trim_end());
            return Some(Step::Entered(number, call(arguments.strip_suffix(')').unwrap_or(arguments))));
        }
        let entered = left.clone();
        self.ready = Some(Step::Left(number, left));
        Some(Step::Entered(number, entered))
    }
}

impl Iterator for Trace {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(step) = self.ready.take() {
            return Some(step);
        }
        loop {
            let line = String::from_utf8(self.lines.next()?.unwrap()).unwrap();
            if let Some(step) = self.step(&line) {
                return Some(step);
            }
        }
    }
}

/// Takes the result off the end of the arguments; a call that a signal or the end of the process cut off has none.
fn end(call: &mut Call) -> bool {
    // Strings are in hexadecimal, so this stands nowhere else.
    let Some((arguments, result)) = call.arguments.rsplit_once(" = ") else { return false };
    let Some(arguments) = arguments.trim_end().strip_suffix(')') else { return false };
    let (arguments, tail) = (arguments.to_owned(), result.to_owned());
    call.arguments = arguments;
    let number = tail.split([' ', '<']).next().unwrap_or_default();
    let Ok(result) = number.parse() else { return false };
    call.result = result;
    call.error = (result < 0).then(|| tail.split(' ').nth(1).unwrap_or_default().to_owned());
    // One that was also delayed says so behind it.
    call.is_injected = tail.ends_with("(INJECTED)") || tail.ends_with("(INJECTED) (DELAYED)");
    true
}

impl Call {
    /// The arguments one by one, as strace writes them.
    pub fn parts(&self) -> Vec<&str> {
        let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
        for (at, byte) in self.arguments.bytes().enumerate() {
            match byte {
                b'[' | b'{' | b'(' => depth += 1,
                b']' | b'}' | b')' => depth -= 1,
                b',' if depth == 0 => {
                    parts.push(self.arguments[begin..at].trim());
                    begin = at + 1;
                }
                _ => {}
            }
        }
        parts.push(self.arguments[begin..].trim());
        parts
    }

    /// The number and the path of the descriptor in one of the arguments.
    pub fn descriptor(&self, part: usize) -> Option<(i32, PathBuf)> {
        let parts = self.parts();
        let (number, path) = parts.get(part)?.split_once('<')?;
        let path = unhex(path.split('>').next()?);
        Some((number.parse().unwrap_or(-1), PathBuf::from(String::from_utf8_lossy(&path).into_owned())))
    }

    /// The path in one of the arguments, resolved against the directory in the one before where `at` says so.
    pub fn path(&self, part: usize, directory: Option<usize>) -> PathBuf {
        let parts = self.parts();
        let text = parts.get(part).map(|text| unhex(text.trim_matches('"'))).unwrap_or_default();
        let path = PathBuf::from(String::from_utf8_lossy(&text).into_owned());
        match directory.and_then(|part| self.descriptor(part)) {
            Some((_, directory)) => directory.join(path),
            None => path,
        }
    }

    /// The bytes that are written or sent.
    pub fn data(&self) -> Vec<u8> {
        let parts = self.parts();
        let Some(text) = parts.get(1) else { return Vec::new() };
        match self.name.as_str() {
            "writev" | "pwritev" | "pwritev2" | "sendmsg" => {
                text.split("iov_base=\"").skip(1).flat_map(|base| unhex(base.split('"').next().unwrap_or(""))).collect()
            }
            _ => {
                assert!(!text.ends_with("..."), "strace cut off what was written: a larger -s is needed");
                unhex(text.trim_matches('"'))
            }
        }
    }

    pub fn number(&self, part: usize) -> u64 {
        self.parts()[part].parse().unwrap()
    }

    pub fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    pub fn is_send(&self) -> bool {
        matches!(self.name.as_str(), "sendto" | "sendmsg" | "writev" | "write")
    }
}

/// `\x61\x62` as bytes.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        other => panic!("{other} in a string of the trace"),
    };
    text.as_bytes().chunks_exact(4).map(|hex| digit(hex[2]) << 4 | digit(hex[3])).collect()
}
