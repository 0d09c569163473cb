//! What a power cut may leave of a directory.
//!
//! The model is the weakest that POSIX and the file systems of Linux allow, weaker than ext4 with its defaults:
//!
//! - `fsync` and `fdatasync` of a file make its bytes and its size durable, those of the calls that had returned
//!   when the sync was begun, once it has returned without an error. Nothing else does: `sync_file_range` does not,
//!   and neither does a sync of another file, which ext4 would give for nothing.
//! - What was written since is kept, dropped or torn, each call for itself and in any order, in sectors of 512
//!   bytes: the disk holds each sector as it was in memory at some moment since the last sync.
//! - A file may have grown to where a lost write would have ended: then it reads as zeros there.
//! - `fsync` of a directory makes its names durable, and only that does. Until then each creation, renaming and
//!   removal has happened or not, in any order, but those of one name in theirs. A renaming is whole or is not. A
//!   file that is synced has no name for that; neither has a directory that is synced in the one above it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::support::strace::{Call, Step};

const SECTOR: u64 = 512;

type Inode = usize;
type Names = BTreeMap<OsString, Inode>;

/// A directory as a process sees it, and as the disk may hold it.
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: HashMap<i32, Open>,
    /// What each sync under way will make durable: everything below this number.
    syncing: HashMap<u64, u64>,
    next: u64,
    /// Syncs that ended well.
    pub syncs: u64,
    /// Syncs of paths that contain this do nothing: as if the server left them out.
    pub deaf_to: Option<&'static str>,
}

enum Node {
    Directory { now: Names, durable: Names, pending: Vec<(u64, Renaming)> },
    File { length: u64, durable: Vec<u8>, pending: Vec<(u64, Change)> },
}

/// New meanings of names; all of them at once.
type Renaming = Vec<(OsString, Option<Inode>)>;

enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Resize(u64),
}

struct Open {
    node: Inode,
    position: u64,
    appends: bool,
}

/// How a power cut treats what is not durable.
#[derive(Clone, Copy, Debug)]
pub struct Mood {
    /// Of a hundred calls that wrote bytes, how many are on the disk whole …
    pub kept: u32,
    /// … and how many in part.
    pub torn: u32,
    /// Of a hundred changes of names, how many are on the disk.
    pub names: u32,
}

impl Mood {
    /// From the one end, where everything is lost, to the other.
    pub const ALL: [Mood; 6] = [
        Mood { kept: 0, torn: 0, names: 0 },
        Mood { kept: 100, torn: 0, names: 0 },
        Mood { kept: 0, torn: 0, names: 100 },
        Mood { kept: 0, torn: 100, names: 100 },
        Mood { kept: 50, torn: 25, names: 50 },
        Mood { kept: 20, torn: 60, names: 80 },
    ];
}

impl Disk {
    /// The directory at `root` when it was as it now is in `base`, all of it durable.
    pub fn of(root: &Path, base: &Path) -> Disk {
        let mut disk = Disk {
            root: root.to_owned(),
            nodes: Vec::new(),
            open: HashMap::new(),
            syncing: HashMap::new(),
            next: 0,
            syncs: 0,
            deaf_to: None,
        };
        disk.load(base);
        disk
    }

    fn load(&mut self, path: &Path) -> Inode {
        let node = self.nodes.len();
        if !path.is_dir() {
            let durable = fs::read(path).unwrap();
            self.nodes.push(Node::File { length: durable.len() as u64, durable, pending: Vec::new() });
            return node;
        }
        self.nodes.push(Node::Directory { now: Names::new(), durable: Names::new(), pending: Vec::new() });
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() || entry.file_type().unwrap().is_file() {
                let child = self.load(&entry.path());
                let Node::Directory { now, durable, .. } = &mut self.nodes[node] else { unreachable!() };
                now.insert(entry.file_name(), child);
                durable.insert(entry.file_name(), child);
            }
        }
        node
    }

    /// Follows the process by one step of its trace.
    pub fn follow(&mut self, step: &Step) {
        match step {
            Step::Entered(number, call) if call.is_sync() => {
                self.syncing.insert(*number, self.next);
            }
            Step::Entered(..) => {}
            Step::Left(number, call) => {
                let below = self.syncing.remove(number);
                if call.result >= 0 {
                    self.ended(call, below);
                }
            }
        }
    }

    fn ended(&mut self, call: &Call, below: Option<u64>) {
        match call.name.as_str() {
            "open" | "creat" => self.opened(call, call.path(0, None), call.parts().get(1).copied().unwrap_or_default()),
            "openat" => self.opened(call, call.path(1, Some(0)), call.parts()[2]),
            "write" | "writev" => self.wrote(call, None),
            "pwrite64" | "pwritev" | "pwritev2" => self.wrote(call, Some(call.number(3))),
            "ftruncate" => {
                if let Some(node) = self.file(call) {
                    self.resize(node, call.number(1));
                }
            }
            "rename" => self.renamed(&call.path(0, None), &call.path(1, None)),
            "renameat" | "renameat2" => self.renamed(&call.path(1, Some(0)), &call.path(3, Some(2))),
            "unlink" | "rmdir" => self.unlinked(&call.path(0, None)),
            "unlinkat" => self.unlinked(&call.path(1, Some(0))),
            "mkdir" => self.made_directory(&call.path(0, None)),
            "mkdirat" => self.made_directory(&call.path(1, Some(0))),
            "fsync" | "fdatasync" => self.synced(call, below.unwrap()),
            "sync_file_range" | "sendto" | "sendmsg" => {}
            "mmap" => assert!(
                !(call.arguments.contains("MAP_SHARED") && call.arguments.contains("PROT_WRITE"))
                    || call.descriptor(4).is_none_or(|(_, path)| !path.starts_with(&self.root)),
                "the model knows nothing of mapped files: {}",
                call.arguments
            ),
            other => assert!(
                !call.arguments.contains(&hex(&self.root)),
                "the model knows nothing of {other}({})",
                call.arguments
            ),
        }
    }

    fn opened(&mut self, call: &Call, path: PathBuf, flags: &str) {
        let Ok(descriptor) = i32::try_from(call.result) else { return };
        // Other files are no concern of this; a worker process has descriptors with the same numbers.
        let Some((directory, name)) = self.place(&path) else {
            if path == self.root {
                self.open.insert(descriptor, Open { node: 0, position: 0, appends: false });
            }
            return;
        };
        let flags: HashSet<&str> = flags.split('|').collect();
        assert!(!flags.contains("O_TMPFILE"), "the model knows nothing of files without a name");
        let node = match self.names(directory).get(&name) {
            Some(node) => *node,
            None if flags.contains("O_CREAT") || call.name == "creat" => {
                self.nodes.push(Node::File { length: 0, durable: Vec::new(), pending: Vec::new() });
                let node = self.nodes.len() - 1;
                self.rename(directory, vec![(name, Some(node))]);
                node
            }
            // A socket.
            None => return,
        };
        if flags.contains("O_TRUNC") || call.name == "creat" {
            self.resize(node, 0);
        }
        self.open.insert(descriptor, Open { node, position: 0, appends: flags.contains("O_APPEND") });
    }

    fn wrote(&mut self, call: &Call, at: Option<u64>) {
        let Some(node) = self.file(call) else { return };
        let mut bytes = call.data();
        bytes.truncate(usize::try_from(call.result).unwrap());
        let written = bytes.len() as u64;
        let id = self.id();
        let open = self.open.get_mut(&call.descriptor(0).unwrap().0).unwrap();
        let Node::File { length, pending, .. } = &mut self.nodes[node] else { unreachable!() };
        let begin = match at {
            Some(at) => at,
            None if open.appends => *length,
            None => open.position,
        };
        if at.is_none() {
            open.position = begin + written;
        }
        *length = (*length).max(begin + written);
        pending.push((id, Change::Write { at: begin, bytes }));
    }

    fn resize(&mut self, node: Inode, to: u64) {
        let id = self.id();
        if let Node::File { length, pending, .. } = &mut self.nodes[node] {
            *length = to;
            pending.push((id, Change::Resize(to)));
        }
    }

    fn renamed(&mut self, from: &Path, to: &Path) {
        let (Some((directory, old)), Some((into, new))) = (self.place(from), self.place(to)) else { return };
        assert_eq!(directory, into, "the model knows nothing of renaming into another directory");
        let Some(node) = self.names(directory).get(&old).copied() else {
            // `bind` made it.
            assert!(from.ends_with("control.new"), "{} was never made", from.display());
            return;
        };
        self.rename(directory, vec![(old, None), (new, Some(node))]);
    }

    fn unlinked(&mut self, path: &Path) {
        if let Some((directory, name)) = self.place(path)
            && self.names(directory).contains_key(&name)
        {
            self.rename(directory, vec![(name, None)]);
        }
    }

    fn made_directory(&mut self, path: &Path) {
        if let Some((directory, name)) = self.place(path) {
            self.nodes.push(Node::Directory { now: Names::new(), durable: Names::new(), pending: Vec::new() });
            let node = self.nodes.len() - 1;
            self.rename(directory, vec![(name, Some(node))]);
        }
    }

    fn synced(&mut self, call: &Call, below: u64) {
        let Some((number, path)) = call.descriptor(0).filter(|(_, path)| path.starts_with(&self.root)) else { return };
        let Some(open) = self.open.get(&number) else { return };
        if self.deaf_to.is_some_and(|name| path.to_string_lossy().contains(name)) {
            return;
        }
        self.syncs += 1;
        match &mut self.nodes[open.node] {
            Node::Directory { durable, pending, .. } => {
                for (_, renaming) in pending.extract_if(.., |(id, _)| *id < below) {
                    apply(durable, &renaming);
                }
            }
            Node::File { durable, pending, .. } => {
                for (_, change) in pending.extract_if(.., |(id, _)| *id < below) {
                    change.apply(durable, |_| true);
                }
            }
        }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn rename(&mut self, directory: Inode, renaming: Renaming) {
        let id = self.id();
        if let Node::Directory { now, pending, .. } = &mut self.nodes[directory] {
            apply(now, &renaming);
            pending.push((id, renaming));
        }
    }

    /// The file that a call writes to, if it is one of the directory.
    fn file(&self, call: &Call) -> Option<Inode> {
        let (number, path) = call.descriptor(0)?;
        let open = self.open.get(&number).filter(|_| path.starts_with(&self.root))?;
        matches!(self.nodes[open.node], Node::File { .. }).then_some(open.node)
    }

    /// The directory that a path is in, and its name there.
    fn place(&self, path: &Path) -> Option<(Inode, OsString)> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let mut names: Vec<OsString> = inside
            .components()
            .map(|component| match component {
                Component::Normal(name) => name.to_owned(),
                other => panic!("{other:?} in {}", path.display()),
            })
            .collect();
        let name = names.pop()?;
        let directory = names.iter().try_fold(0, |directory, name| self.names(directory).get(name).copied());
        Some((directory.unwrap_or_else(|| panic!("{} is not known", path.display())), name))
    }

    fn names(&self, directory: Inode) -> &Names {
        match &self.nodes[directory] {
            Node::Directory { now, .. } => now,
            Node::File { .. } => panic!("a file is used as a directory"),
        }
    }

    /// Writes the directory as it may be found after a power cut at this moment.
    pub fn cut(&self, mood: Mood, dice: &mut StdRng, into: &Path) {
        self.write_directory(0, mood, dice, into);
    }

    fn write_directory(&self, node: Inode, mood: Mood, dice: &mut StdRng, into: &Path) {
        fs::create_dir(into).unwrap();
        for (name, node) in self.names_after(node, mood, dice) {
            let path = into.join(name);
            match &self.nodes[node] {
                Node::Directory { .. } => self.write_directory(node, mood, dice, &path),
                Node::File { durable, pending, .. } => {
                    fs::write(&path, bytes_after(durable, pending, mood, dice)).unwrap();
                }
            }
        }
    }

    fn names_after(&self, node: Inode, mood: Mood, dice: &mut StdRng) -> Names {
        let Node::Directory { durable, pending, .. } = &self.nodes[node] else { unreachable!() };
        let (mut names, mut held_back) = (durable.clone(), HashSet::new());
        for (_, renaming) in pending {
            let is_kept = dice.random_range(0..100) < mood.names;
            if is_kept && !renaming.iter().any(|(name, _)| held_back.contains(name)) {
                apply(&mut names, renaming);
            } else {
                held_back.extend(renaming.iter().map(|(name, _)| name.clone()));
            }
        }
        names
    }
}

fn apply(names: &mut Names, renaming: &Renaming) {
    for (name, node) in renaming {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

/// Each sector is as the last of the calls left it that reached the disk there.
fn bytes_after(durable: &[u8], pending: &[(u64, Change)], mood: Mood, dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = durable.to_vec();
    let mut last: HashMap<u64, usize> = HashMap::new();
    for (index, (_, change)) in pending.iter().enumerate() {
        let Change::Write { at, bytes } = change else { continue };
        let fate = dice.random_range(0..100);
        for sector in at / SECTOR..(at + bytes.len() as u64).div_ceil(SECTOR) {
            if fate < mood.kept || (fate < mood.kept + mood.torn && dice.random()) {
                last.insert(sector, index);
            }
        }
    }
    for (index, (_, change)) in pending.iter().enumerate() {
        match change {
            Change::Resize(_) if dice.random_range(0..100) >= mood.names => {}
            change => change.apply(&mut bytes, |sector| last.get(&sector).is_some_and(|last| *last >= index)),
        }
        // The size is there, the bytes are not.
        if let Change::Write { at, bytes: written } = change
            && dice.random_range(0..100) < mood.torn / 4
        {
            let end = usize::try_from(at + written.len() as u64).unwrap();
            bytes.resize(bytes.len().max(end), 0);
        }
    }
    bytes
}

impl Change {
    /// Applies it to those sectors that it reached.
    fn apply(&self, file: &mut Vec<u8>, reached: impl Fn(u64) -> bool) {
        match self {
            Change::Resize(length) => file.resize(usize::try_from(*length).unwrap(), 0),
            Change::Write { at, bytes } => {
                let (mut begin, end) = (*at, at + bytes.len() as u64);
                while begin < end {
                    let until = end.min((begin / SECTOR + 1) * SECTOR);
                    if reached(begin / SECTOR) {
                        let [begin, until, at] = [begin, until, *at].map(|number| usize::try_from(number).unwrap());
                        file.resize(file.len().max(until), 0);
                        file[begin..until].copy_from_slice(&bytes[begin - at..until - at]);
                    }
                    begin = until;
                }
            }
        }
    }
}

/// As strace writes a path.
fn hex(path: &Path) -> String {
    path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("\\x{byte:02x}")).collect()
}
