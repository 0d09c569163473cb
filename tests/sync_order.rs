//! RFC 5321 §4.2.5, §6.1: after `250` a letter may not be lost. What the server asks of the disk between the last
//! byte of a letter and its `250`, as `strace` saw it.

use std::fmt;
use std::path::Path;

use crate::support::plain::Submission;
use crate::support::served::Prepared;
use crate::support::strace::{self, Attached, Call, Step, Trace};

/// Stands for the socket of the session.
const CLIENT: &str = "the client";

const CALLS: &str = "trace=recvfrom,read,sendto,write,writev,pwrite64,pwritev,openat,fsync,fdatasync,sync_file_range";

#[test]
fn each_file_of_a_submission_is_written_and_synced_once_and_in_order_before_the_250() {
    if !strace::is_possible() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let prepared = Prepared::new(&temporary.path().join("data"), toml::Table::new());
    let server = prepared.serve(&[]);
    let mut client = Submission::login(server.submission(), "user001", &server.password).unwrap();
    let submit = |client: &mut Submission, subject: &str| {
        let to = "user002@poshta.example";
        let text = format!("From: user001@poshta.example\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n");
        client.letter("user001@poshta.example", &[to], text.as_bytes()).unwrap()
    };
    // The first letter begins a pack and a file of the journal.
    submit(&mut client, "first");
    let trace = temporary.path().join("trace");
    let recording = Attached::to(server.pid, &["-s", "16777216", "-e", CALLS], &trace);
    let reply = submit(&mut client, "second");
    // The server has come back from sending the reply, and the trace has seen it, when it answers something else.
    client.is_still_there().unwrap();
    recording.detach();

    // Once a second the journal is read and published as a log, for which nobody waits.
    let is_of_the_log =
        |act: &Act| act.file.starts_with("log") || act.call.name == "read" && act.file.starts_with("journal");
    let mut acts = between(&trace, &prepared.dir, &reply);
    acts.retain(|act| !is_of_the_log(act));
    let table: String = acts.iter().map(|act| format!("{act}\n")).collect();
    println!("{table}");
    let (pack, journal, rows) = ("packs/00000001.pack", "journal/00000001.journal", "rows/sled-00000001/db");
    // sled writes on threads of its own, its flusher at any time; the records are the committer's.
    let committer = acts.iter().find(|act| act.file == pack).expect("no record was written").thread;
    let is_step = |act: &&Act| act.file != rows || (act.thread == committer && act.call.name == "fdatasync");
    let steps: Vec<&Act> = acts.iter().filter(is_step).collect();
    let mut told: Vec<(&str, &str)> = steps.iter().map(|act| (act.call.name.as_str(), act.file.as_str())).collect();
    // Pack and journal are synced at the same time; either may be through first.
    told.get_mut(3..5).expect(&table).sort_by_key(|(_, file)| *file != pack);
    let expected = [
        ("recvfrom", CLIENT),
        ("pwrite64", pack),
        ("write", journal),
        ("fdatasync", pack),
        ("fdatasync", journal),
        ("fdatasync", rows),
        ("sendto", CLIENT),
    ];
    assert_eq!(told, expected, "\n{table}");
    let [received, record, line, pack_or_journal, journal_or_pack, rows_synced, sent] = steps.as_slice() else {
        unreachable!()
    };
    let is_before = |first: &Act, second: &Act| first.span.1 < second.span.0;
    for synced in [pack_or_journal, journal_or_pack] {
        let chain = [*received, *record, *line, *synced, *rows_synced, *sent];
        assert!(chain.windows(2).all(|pair| is_before(pair[0], pair[1])), "\n{table}");
        let is_between = |act: &Act| is_before(synced, act) && is_before(act, rows_synced);
        let mut written = acts.iter().filter(|act| act.file == rows && act.call.name == "pwrite64");
        assert!(written.clone().any(is_between), "\n{table}");
        assert!(written.all(|act| act.span.0 > rows_synced.span.0 || is_before(act, rows_synced)), "\n{table}");
    }
    assert!(acts.iter().all(|act| act.call.result >= 0), "\n{table}");
}

/// A call on a file of the directory, or one of the session.
struct Act {
    thread: u32,
    call: Call,
    file: String,
    /// The steps of the trace at which it was entered and left.
    span: (usize, usize),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, result) = (&self.call.name, self.call.result);
        write!(f, "{:>8} {:<16} {:<28} = {result}", self.thread, name, self.file)
    }
}

/// From the end of the call that read the last byte to the beginning of the one that sent the reply: whatever was
/// asked of the disk meanwhile, by whom it was.
fn between(trace: &Path, dir: &Path, reply: &str) -> Vec<Act> {
    let (mut acts, mut entered) = (Vec::new(), std::collections::HashMap::new());
    let mut answered = None;
    for (at, step) in Trace::open(trace).enumerate() {
        match step {
            Step::Entered(number, call) => {
                entered.insert(number, at);
                if call.is_send() && contains(&call, reply) {
                    answered = Some(at);
                }
            }
            Step::Left(number, call) => {
                let (_, path) = call.descriptor(0).unwrap_or_default();
                let file = match path.strip_prefix(dir) {
                    Ok(file) => file.display().to_string(),
                    Err(_) if contains(&call, reply) || contains(&call, "\r\n.\r\n") => CLIENT.to_owned(),
                    Err(_) => continue,
                };
                acts.push(Act { thread: call.thread, span: (entered[&number], at), call, file });
            }
        }
    }
    let answered = answered.expect("the reply was not seen");
    let read = acts
        .iter()
        .find(|act| matches!(act.call.name.as_str(), "recvfrom" | "read"))
        .expect("the last byte was not seen")
        .span
        .1;
    acts.retain(|act| act.span.1 >= read && act.span.0 <= answered);
    acts
}

fn contains(call: &Call, text: &str) -> bool {
    let is_of_a_socket = call.descriptor(0).is_some_and(|(_, path)| path.to_string_lossy().starts_with("socket:"));
    is_of_a_socket && String::from_utf8_lossy(&call.data()).contains(text)
}
