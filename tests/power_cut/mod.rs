//! A power cut at any moment (DESIGN 6): what was acknowledged before is there byte for byte, and the directory is
//! sound.
//!
//! A server works for clients, for compaction and for the rewriting of its rows, while `strace` records every call
//! that changes a file and every answer that it sends. Then the directory is built anew as each of many power cuts
//! could have left it (see [`disk`] for what is assumed), opened with the store and compared with what the clients
//! had been told until then. docs/durability.md tells the same for operators.

mod disk;
mod load;
mod verdict;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use self::disk::{Disk, Mood};
use self::load::{Amount, Done};
use self::verdict::Before;
use crate::support::served::Prepared;
use crate::support::strace::{self, Step, Trace};

/// Power cuts of one recording when `POSHTA_POWER_CUTS` does not say how many.
const CUTS: usize = 20;

/// Changes when `POSHTA_SEED` says so.
const SEED: u64 = 20261122;

/// Cuts for one recording; more are spread over more recordings.
const CUTS_A_RECORDING: usize = 500;

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_moment() {
    if !strace::is_possible() {
        return;
    }
    let cuts = number("POSHTA_POWER_CUTS").unwrap_or(CUTS);
    let seed = number("POSHTA_SEED").unwrap_or(SEED as usize) as u64;
    for recording in 0..cuts.div_ceil(CUTS_A_RECORDING) {
        let left = cuts - recording * CUTS_A_RECORDING;
        let recorded = Recording::make();
        replay(&recorded, left.min(CUTS_A_RECORDING), seed + recording as u64);
        if recording == 0 {
            a_server_that_does_not_sync_is_found_out(&recorded);
        }
    }
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// A server that worked, and all that it did.
struct Recording {
    /// The directory as it was before.
    base: PathBuf,
    /// Where it lay meanwhile.
    dir: PathBuf,
    trace: PathBuf,
    done: Done,
    _temporary: tempfile::TempDir,
}

impl Recording {
    fn make() -> Recording {
        let temporary = tempfile::tempdir().unwrap();
        let prepared = Prepared::new(&temporary.path().join("data"), often());
        let (base, trace) = (temporary.path().join("base"), temporary.path().join("trace"));
        copy(&prepared.dir, &base);
        let arguments = ["-f", "--seccomp-bpf", "-y", "-xx", "-s", "16777216", "-e", strace::EVERYTHING_DURABLE, "-o"];
        let wrapper: Vec<&str> = ["strace"].into_iter().chain(arguments).chain([trace.to_str().unwrap()]).collect();
        let server = prepared.serve(&wrapper);
        let amount = Amount { submitters: 2, mail_programs: 3, letters: 24 };
        let done = load::run(&server, amount);
        server.kill();
        assert!(done.compactions > 0);
        Recording { base, dir: prepared.dir, trace, done, _temporary: temporary }
    }
}

/// What is rare on a real server happens all the time.
fn often() -> toml::Table {
    let text = "max_pack_bytes = 150000\nmax_journal_file_bytes = 8000\nmax_memory_body_bytes = 65536\n\
                retired_pack_grace_s = 0\ncompact_every_s = 0\nrewrite_check_s = 0\nwatermark_bytes = 1048576\n\
                max_replay_bytes = 500000\n";
    text.parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Where in the trace something happens that a power cut may come between.
#[derive(Default)]
struct Moments {
    /// The step at which the server begins to send each answer.
    answers: HashMap<String, usize>,
    /// The steps after syncs and before answers, where what is promised and what is kept are closest.
    close: Vec<usize>,
    /// How many steps there are.
    steps: usize,
}

impl Moments {
    fn of(trace: &Path) -> Moments {
        let mut moments = Moments::default();
        for step in Trace::open(trace) {
            match &step {
                Step::Entered(_, call) if call.is_send() && is_socket(call) => {
                    let text = String::from_utf8_lossy(&call.data()).into_owned();
                    let told: Vec<String> = text.lines().filter_map(told).collect();
                    if !told.is_empty() {
                        moments.close.push(moments.steps);
                    }
                    for needle in told {
                        moments.answers.entry(needle).or_insert(moments.steps);
                    }
                }
                Step::Left(_, call) if call.is_sync() => moments.close.push(moments.steps),
                _ => {}
            }
            moments.steps += 1;
        }
        moments
    }

    /// What had been acknowledged when this step was done.
    fn before(&self, done: &Done, step: usize) -> Before {
        let count = |acknowledged: &load::Acknowledged| {
            let is_before = |(needle, _): &&(String, _)| {
                *self.answers.get(needle).unwrap_or_else(|| panic!("the trace has no answer {needle}")) <= step
            };
            acknowledged.answers.iter().take_while(is_before).count()
        };
        Before {
            submitters: done.submitters.iter().map(count).collect(),
            mail_programs: done.mail_programs.iter().map(count).collect(),
        }
    }

    /// So many different moments: three of four are close ones.
    fn choose(&self, count: usize, dice: &mut StdRng) -> BTreeSet<usize> {
        let mut close = self.close.clone();
        close.shuffle(dice);
        let mut chosen: BTreeSet<usize> = close.into_iter().take(count * 3 / 4).collect();
        while chosen.len() < count.min(self.steps) {
            chosen.insert(dice.random_range(0..self.steps));
        }
        chosen
    }
}

fn is_socket(call: &strace::Call) -> bool {
    call.descriptor(0).is_some_and(|(_, path)| path.to_string_lossy().starts_with("socket:"))
}

/// What a line that the server sends acknowledges: the id of a letter, or the tag of a command.
fn told(line: &str) -> Option<String> {
    if let Some((_, id)) = line.split_once("queued as ") {
        return Some(id.trim().to_owned());
    }
    line.split_once(" OK").map(|(tag, _)| tag.to_owned())
}

fn replay(recording: &Recording, cuts: usize, seed: u64) {
    let moments = Moments::of(&recording.trace);
    let mut dice = StdRng::seed_from_u64(seed);
    let chosen = moments.choose(cuts, &mut dice);
    let mut disk = Disk::of(&recording.dir, &recording.base);
    let scratch = tempfile::tempdir().unwrap();
    let mut lost = Vec::new();
    for (at, step) in Trace::open(&recording.trace).enumerate() {
        disk.follow(&step);
        if !chosen.contains(&at) {
            continue;
        }
        let mood = Mood::ALL[dice.random_range(0..Mood::ALL.len())];
        let dir = scratch.path().join(at.to_string());
        disk.cut(mood, &mut dice, &dir);
        let before = moments.before(&recording.done, at);
        match verdict::of(&dir, &recording.done, &before) {
            Ok(()) => std::fs::remove_dir_all(&dir).unwrap(),
            Err(what) => lost.push(format!("step {at}, {mood:?}, {before:?}: {what}")),
        }
    }
    assert!(disk.syncs > 0, "nothing of the directory is in the trace");
    if !lost.is_empty() {
        let kept = (scratch.keep(), recording.trace.display());
        panic!("seed {seed}, {} of {cuts} cuts; {kept:?}\n{}", lost.len(), lost.join("\n"));
    }
}

/// That the replay can fail: with the syncs of the packs, or of the rows, left out it does.
fn a_server_that_does_not_sync_is_found_out(recording: &Recording) {
    let moments = Moments::of(&recording.trace);
    let last = *moments.answers.values().max().unwrap();
    let before = moments.before(&recording.done, last);
    let mut disks = ["/packs/", "/db"].map(|name| {
        let mut disk = Disk::of(&recording.dir, &recording.base);
        disk.deaf_to = Some(name);
        disk
    });
    for step in Trace::open(&recording.trace).take(last + 1) {
        disks.iter_mut().for_each(|disk| disk.follow(&step));
    }
    for disk in disks {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("cut");
        disk.cut(Mood::ALL[0], &mut StdRng::seed_from_u64(SEED), &dir);
        let verdict = verdict::of(&dir, &recording.done, &before);
        assert!(verdict.is_err(), "without syncs of {} nothing was missed", disk.deaf_to.unwrap());
    }
}

/// The kill at the end of a recording may come while the last answer is being sent: the client has it all the same.
#[test]
fn an_answer_is_in_the_trace_when_the_server_died_before_its_call_came_back() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    std::fs::write(&trace, "7 sendto(5<\\x73>, \"\\x4f\\x4b\", 2, MSG_NOSIGNAL, NULL, 0) = ?\n7 +++ killed +++\n")
        .unwrap();
    let steps: Vec<Step> = Trace::open(&trace).collect();
    assert!(matches!(&steps[..], [Step::Entered(0, call)] if call.is_send() && call.data() == b"OK"), "{steps:?}");
}
