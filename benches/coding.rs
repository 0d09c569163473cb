//! What compressing and sealing cost and save: how fast bodies are written and read, how much CPU that takes and how
//! much room they need; how much memory a very large body takes on its way; and what it costs that rows that tell of
//! people are sealed (`store.encryption`): entries of the audit, committed and looked up.
//!
//! `cargo bench --bench coding`; `CODING_MB` (64) says how much is written for each line, `CODING_ROWS` (20,000) how many
//! rows are committed and looked up for each of theirs.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

use std::path::Path;
use std::time::Instant;

use poshta::ids::{AccountId, BodyId};
use poshta::store::audit::{About, AuditEntry, add_audit};
use poshta::store::{Batch, DataKey, Seal, Settings, StagedBody, Store};

/// Bytes that one commit brings, as a group of deliveries does.
const BATCH_BYTES: usize = 1 << 20;

/// A body that must not be held in memory.
const HUGE_BYTES: usize = 100 << 20;

/// Bytes of it that arrive, and are read, at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Rows of one commit.
const ROWS_A_COMMIT: [usize; 3] = [1, 10, 100];

/// Linux tells the time of a process in these parts of a second.
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    is_compressed: bool,
    is_sealed: bool,
}

const WAYS: [Way; 4] = [
    Way { name: "plain", is_compressed: false, is_sealed: false },
    Way { name: "zstd", is_compressed: true, is_sealed: false },
    Way { name: "sealed", is_compressed: false, is_sealed: true },
    Way { name: "both", is_compressed: true, is_sealed: true },
];

fn main() {
    let megabytes: usize = std::env::var("CODING_MB").map_or(64, |text| text.parse().unwrap());
    println!("a body of {} MB: what the peak of memory grows by", HUGE_BYTES >> 20);
    for way in WAYS {
        measure_memory(way);
    }
    println!();
    println!("{megabytes} MB a line, {} KB a commit, each commit synced", BATCH_BYTES >> 10);
    println!("body   content  kept    write MB/s  CPU ms/MB  read MB/s  CPU ms/MB  on disk");
    for len in [4 << 10, 1 << 20] {
        for (content, make) in [("text", text as fn(u64, usize) -> Vec<u8>), ("random", random)] {
            for way in WAYS {
                measure(way, content, len, &|number| make(number, len), megabytes << 20);
            }
        }
    }
    let rows: usize = std::env::var("CODING_ROWS").map_or(20_000, |text| text.parse().unwrap());
    println!();
    println!("{rows} entries of the audit, each commit synced; each looked up by what it is about");
    println!("rows a commit  encryption  commit us/row  CPU us/row  look-up us/row  CPU us/row");
    for rows_a_commit in ROWS_A_COMMIT {
        for encryption in [false, true] {
            measure_rows(encryption, rows_a_commit, rows);
        }
    }
}

/// With one row a commit it is a tenth of the rows, so that the syncs of a slow disk end.
fn measure_rows(encryption: bool, rows_a_commit: usize, rows: usize) {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let operator_key_file = keys.path().join("operator.keys");
    std::fs::write(&operator_key_file, format!("00000001:{}", "01".repeat(32))).unwrap();
    let settings = Settings { watermark_bytes: 0, encryption, operator_key_file, ..Settings::default() };
    let store = Store::open(dir.path(), &settings).unwrap();
    let commits = (rows / rows_a_commit.max(10)).max(1);
    let (mut wrote, mut cpu_wrote) = (0.0, 0.0);
    for commit in 0..commits {
        let mut batch = Batch::new();
        for number in commit * rows_a_commit..(commit + 1) * rows_a_commit {
            add_audit(&mut batch, &entry(number)).unwrap();
        }
        let (begun, cpu) = (Instant::now(), cpu_seconds());
        store.commit_blocking(batch).unwrap();
        wrote += begun.elapsed().as_secs_f64();
        cpu_wrote += cpu_seconds() - cpu;
    }
    let rows = commits * rows_a_commit;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    for number in 0..rows {
        let about = About::Account(AccountId(number as u64));
        let page = store.read_blocking(|view| view.audit_about(about, None, 1)).unwrap();
        assert_eq!(page.entries.len(), 1);
    }
    let (read, cpu_read) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let each = |seconds: f64| seconds * 1e6 / rows as f64;
    println!(
        "{rows_a_commit:>13}  {:<10}  {:>13.1}  {:>10.1}  {:>14.1}  {:>10.1}",
        if encryption { "on" } else { "off" },
        each(wrote),
        each(cpu_wrote),
        each(read),
        each(cpu_read)
    );
}

/// As long as they are for what a clerk does.
fn entry(number: usize) -> AuditEntry {
    AuditEntry {
        at_us: 1_796_000_000_000_000 + number as i64,
        actor: format!("account {}", number % 97),
        action: "counter.register".into(),
        object: format!("account {number}"),
        details: Some(format!(
            "application 2026-{number:06}, at the counter of facility astana-1, identity document seen"
        )),
    }
}

fn measure(way: Way, content: &str, len: usize, make: &dyn Fn(u64) -> Vec<u8>, total: usize) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), way);
    let (mut wrote, mut cpu_wrote, mut ids) = (0.0, 0.0, Vec::new());
    let bodies_a_batch = (BATCH_BYTES / len).max(1);
    for first in (0..total / len).step_by(bodies_a_batch) {
        // Taking the bytes in and hashing them is the same for all.
        let mut batch = Batch::new();
        for number in first..first + bodies_a_batch {
            let staged = stage(&store, &make(number as u64));
            ids.push(add(&mut batch, staged, way));
        }
        let (begun, cpu) = (Instant::now(), cpu_seconds());
        store.commit_blocking(batch).unwrap();
        wrote += begun.elapsed().as_secs_f64();
        cpu_wrote += cpu_seconds() - cpu;
    }
    let key = way.is_sealed.then(key);
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    for id in &ids {
        let read = store.read_blocking(|view| view.body(*id, 0, len, key.as_ref())).unwrap();
        assert_eq!(read.len(), len);
    }
    let (read, cpu_read) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let all = (ids.len() * len) as f64 / f64::from(1 << 20);
    let on_disk = store.stats().unwrap().pack_disk_bytes as f64 / (ids.len() * len) as f64;
    println!(
        "{:<6} {content:<8} {:<7} {:>10.0} {:>10.2} {:>10.0} {:>10.2} {:>7.0} %",
        format!("{} KB", len >> 10),
        way.name,
        all / wrote,
        cpu_wrote * 1000.0 / all,
        all / read,
        cpu_read * 1000.0 / all,
        on_disk * 100.0
    );
}

fn measure_memory(way: Way) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), way);
    // So that what is needed once is there.
    let mut batch = Batch::new();
    add(&mut batch, stage(&store, &text(0, 300_000)), way);
    store.commit_blocking(batch).unwrap();

    let before = reset_peak();
    let mut writer = store.stage();
    for number in 0..HUGE_BYTES / PIECE_BYTES {
        writer.write(&text(number as u64, PIECE_BYTES)).unwrap();
    }
    let staged = writer.finish().unwrap();
    let arrived = peak() - before;
    let mut batch = Batch::new();
    let id = add(&mut batch, staged, way);
    store.commit_blocking(batch).unwrap();
    let committed = peak() - before;
    let key = way.is_sealed.then(key);
    for offset in (0..HUGE_BYTES as u64).step_by(PIECE_BYTES) {
        store.read_blocking(|view| view.body(id, offset, PIECE_BYTES, key.as_ref())).unwrap();
    }
    let read = peak() - before;
    println!("{:<7} arriving {arrived} KB, committed {committed} KB, read in pieces {read} KB", way.name);
}

fn open(dir: &Path, way: Way) -> Store {
    let settings = Settings { watermark_bytes: 0, compression: way.is_compressed, ..Settings::default() };
    Store::open(dir, &settings).unwrap()
}

fn stage(store: &Store, bytes: &[u8]) -> StagedBody {
    let mut writer = store.stage();
    bytes.chunks(PIECE_BYTES).for_each(|piece| writer.write(piece).unwrap());
    writer.finish().unwrap()
}

fn add(batch: &mut Batch, staged: StagedBody, way: Way) -> BodyId {
    if !way.is_sealed {
        return batch.body(staged);
    }
    let name = *blake3::keyed_hash(&[1; 32], &staged.id().0).as_bytes();
    batch.body_sealed(staged, Seal { name, key: key() })
}

fn key() -> DataKey {
    DataKey::from_bytes([7; 32])
}

/// Lines of words, none like another.
fn text(number: u64, len: usize) -> Vec<u8> {
    const WORDS: [&str; 24] = [
        "letter",
        "the",
        "of",
        "and",
        "postal",
        "to",
        "address",
        "in",
        "delivered",
        "recipient",
        "is",
        "on",
        "office",
        "by",
        "Almaty",
        "stamp",
        "with",
        "a",
        "for",
        "notice",
        "parcel",
        "from",
        "street",
        "please",
    ];
    let mut chosen = blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof();
    let mut text = Vec::with_capacity(len + 80);
    while text.len() < len {
        let mut choices = [0; 12];
        chosen.fill(&mut choices);
        for choice in choices {
            text.extend_from_slice(WORDS[usize::from(choice) % WORDS.len()].as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(b"\r\n");
    }
    text.truncate(len);
    text
}

fn random(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Seconds of CPU that this process has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND
}

/// Forgets the peak of memory so far; what is used now, kilobytes.
fn reset_peak() -> i64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    peak()
}

/// The most memory that this process has used, kilobytes.
fn peak() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
