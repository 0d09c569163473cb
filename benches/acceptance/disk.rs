//! What the disk can do at all: the same bytes, and two syncs for each group.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of prefixes and remembered rows beside a letter in the pack.
const BESIDE_BYTES: usize = 2 << 10;
/// Bytes of rows of a letter.
const ROW_BYTES: usize = 1 << 10;

const LENGTH: Duration = Duration::from_secs(2);

/// Letters a second when every connection has one in each group, and nothing is done but writing and syncing: the
/// letters to one file, then the rows to another.
pub fn letters_per_s(dir: &Path, bytes: usize, connections: usize) -> f64 {
    let file = |name: &str| File::create(dir.join(name)).unwrap();
    let (packs, rows) = (file("packs"), file("rows"));
    let group = vec![b'x'; connections * (bytes + BESIDE_BYTES)];
    let (begun, mut groups) = (Instant::now(), 0_usize);
    while begun.elapsed() < LENGTH {
        packs.write_all_at(&group, (groups * group.len()) as u64).unwrap();
        packs.sync_data().unwrap();
        let of_rows = &group[..connections * ROW_BYTES];
        rows.write_all_at(of_rows, (groups * of_rows.len()) as u64).unwrap();
        rows.sync_data().unwrap();
        groups += 1;
    }
    (groups * connections) as f64 / begun.elapsed().as_secs_f64()
}
