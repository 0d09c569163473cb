//! What a server's processes used, from `/proc`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Processes with all that descend from them.
pub struct Tree(Vec<u32>);

impl Tree {
    pub fn new(roots: &[u32]) -> Tree {
        Tree(roots.to_vec())
    }

    /// Processor time so far, that of children that ended included.
    pub fn cpu(&self) -> Duration {
        // Clock ticks are hundredths of a second for programs on every Linux of today.
        let ticks: u64 = self.members().iter().filter_map(|pid| ticks(*pid)).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The most memory that each of them had, added up, bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.members().iter().filter_map(|pid| peak_kib(*pid)).sum::<u64>() << 10
    }

    fn members(&self) -> HashSet<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                && let Some(parent) = fields(pid).and_then(|fields| fields.get(1)?.parse().ok())
            {
                children.entry(parent).or_default().push(pid);
            }
        }
        let (mut members, mut next) = (HashSet::new(), self.0.clone());
        while let Some(pid) = next.pop() {
            if members.insert(pid) {
                next.extend(children.get(&pid).into_iter().flatten());
            }
        }
        members
    }
}

/// Processor time of this process so far, that of all its threads.
pub fn own() -> Duration {
    let fields = fields(std::process::id()).unwrap();
    Duration::from_millis(fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>() * 10)
}

/// What stands behind the name in `/proc/PID/stat`; the name may hold anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn ticks(pid: u32) -> Option<u64> {
    // utime, stime, cutime, cstime.
    fields(pid)?.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
