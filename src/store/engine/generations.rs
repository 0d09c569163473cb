//! Where the embedded engine lies: `<dir>/rows/<engine>-NNNNNNNN/`, one directory a generation, and the file
//! `<dir>/rows/CURRENT`, whose first line names the live one.
//!
//! `CURRENT` is only ever replaced as a whole: written beside, synced, renamed, its directory synced. A generation
//! that it does not name is what a crash during a rewrite left behind, before the flip or after it, and is removed
//! at the next start. `CURRENT` is there before the first generation, saying that this one is being created: so
//! one that is missing is damage, never a beginning, and no rows are removed because of it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use parking_lot::Mutex;

use super::{Engine, EngineKind, NotAdopted, Opener};
use crate::store::{Error, Result};

const CURRENT: &str = "CURRENT";

/// The next `CURRENT`, until it is renamed.
const NEXT: &str = "CURRENT.next";

/// What a fresh engine gets of the page cache while it is filled, beside the live one: one part in so many. Rows come to
/// it in order, so it reads nothing again.
const FRESH_CACHE_DIVISOR: u64 = 4;

/// Opens the live generation of a directory.
#[derive(Debug)]
pub(in crate::store) struct Generations {
    dir: PathBuf,
    /// What fresh generations are made with.
    kind: EngineKind,
    cache_bytes: u64,
    fresh: Mutex<Option<Name>>,
}

/// The name of a generation's directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name {
    kind: EngineKind,
    number: u32,
}

/// What `CURRENT` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Current {
    live: Name,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first generation is being created; nothing was ever committed to it.
    Creating,
    /// It is in use; its size when it was adopted, bytes.
    Adopted(u64),
}

impl Generations {
    /// Looks what is in the directory, begins it if it is new, and removes what a crash left behind.
    ///
    /// # Errors
    /// `Damaged`, I/O.
    pub(in crate::store) fn open(dir: PathBuf, kind: EngineKind, cache_bytes: u64) -> Result<Self> {
        fs::create_dir_all(&dir)?;
        let generations = Generations { dir, kind, cache_bytes, fresh: Mutex::default() };
        match generations.read()? {
            None => generations.begin()?,
            Some(Current { live, state: State::Creating }) => {
                generations.remove(live)?;
                generations.begin()?;
            }
            Some(Current { live, .. }) if !generations.path(live).is_dir() => {
                return Err(generations.damaged(format!("{CURRENT} names {live}, which is missing")));
            }
            Some(_) => generations.sweep()?,
        }
        Ok(generations)
    }

    fn begin(&self) -> Result<()> {
        let live = Name { kind: self.kind, number: 1 };
        Ok(self.write(Current { live, state: State::Creating })?)
    }

    /// What `CURRENT` says; `None` in a directory without anything.
    fn read(&self) -> Result<Option<Current>> {
        match fs::read_to_string(self.dir.join(CURRENT)) {
            Ok(text) => match text.parse() {
                Ok(current) => Ok(Some(current)),
                Err(Unreadable) => Err(self.damaged(format!("{CURRENT} cannot be read"))),
            },
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.damaged(format!("{CURRENT} cannot be read")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut entries = fs::read_dir(&self.dir)?;
                if entries.try_fold(true, |none, entry| Ok::<_, Error>(none && entry?.file_name() == NEXT))? {
                    Ok(None)
                } else {
                    Err(self.damaged(format!("{CURRENT}, which names the rows in use, is missing")))
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The generation in use.
    fn current(&self) -> Result<Current> {
        self.read()?.ok_or_else(|| self.damaged(format!("{CURRENT} is missing")))
    }

    fn write(&self, current: Current) -> io::Result<()> {
        self.prepare(current)?;
        fs::rename(self.dir.join(NEXT), self.dir.join(CURRENT))?;
        self.sync()
    }

    fn prepare(&self, current: Current) -> io::Result<()> {
        let mut file = File::create(self.dir.join(NEXT))?;
        file.write_all(current.to_string().as_bytes())?;
        file.sync_all()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn path(&self, name: Name) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Every generation in the directory.
    fn found(&self) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            names.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Name>().ok()));
        }
        Ok(names)
    }

    fn remove(&self, name: Name) -> Result<()> {
        match fs::remove_dir_all(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    fn damaged(&self, why: String) -> Error {
        damaged(&self.dir, &why)
    }
}

impl Opener for Generations {
    fn open(&self) -> Result<Box<dyn Engine>> {
        let current = self.current()?;
        // What was read may have been renamed without reaching the disk: nothing is built on that.
        self.sync()?;
        let engine = current.live.kind.open(&self.path(current.live), self.cache_bytes)?;
        if current.state == State::Creating {
            engine.sync()?;
            self.write(Current { state: State::Adopted(0), ..current })?;
        }
        Ok(engine)
    }

    fn fresh(&self) -> Result<Box<dyn Engine>> {
        let last = self.found()?.iter().map(|name| name.number).max().unwrap_or(0);
        let name = Name { kind: self.kind, number: last + 1 };
        let engine = name.kind.open(&self.path(name), self.cache_bytes / FRESH_CACHE_DIVISOR)?;
        self.sync()?;
        *self.fresh.lock() = Some(name);
        Ok(engine)
    }

    fn reopen_fresh(&self, fresh: Box<dyn Engine>) -> Result<Box<dyn Engine>> {
        drop(fresh);
        let name = self.fresh.lock().ok_or_else(no_fresh)?;
        name.kind.open(&self.path(name), self.cache_bytes)
    }

    fn adopt(&self, disk_bytes: u64) -> std::result::Result<(), NotAdopted> {
        let Some(live) = self.fresh.lock().take() else {
            return Err(NotAdopted::Kept(no_fresh()));
        };
        let kept = |error: io::Error| NotAdopted::Kept(error.into());
        self.prepare(Current { live, state: State::Adopted(disk_bytes) }).map_err(kept)?;
        fs::rename(self.dir.join(NEXT), self.dir.join(CURRENT)).map_err(kept)?;
        self.sync().map_err(|error| NotAdopted::Unsure(error.into()))
    }

    fn sweep(&self) -> Result<()> {
        *self.fresh.lock() = None;
        let live = self.current()?.live;
        self.sync()?;
        for left_over in self.found()?.into_iter().filter(|name| *name != live) {
            tracing::info!(%left_over, "removing rows that are not in use");
            self.remove(left_over)?;
        }
        Ok(())
    }

    fn adopted_bytes(&self) -> Result<u64> {
        Ok(match self.current()?.state {
            State::Adopted(bytes) => bytes,
            State::Creating => 0,
        })
    }

    fn is_of_the_chosen_kind(&self) -> Result<bool> {
        Ok(self.current()?.live.kind == self.kind)
    }
}

fn no_fresh() -> Error {
    Error::Engine("there is no fresh engine".into())
}

/// Not what this program writes.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08}", self.kind.name(), self.number)
    }
}

impl FromStr for Name {
    type Err = Unreadable;

    fn from_str(text: &str) -> std::result::Result<Self, Unreadable> {
        let (kind, number) = text.split_once('-').ok_or(Unreadable)?;
        let kind = EngineKind::ALL.into_iter().find(|known| known.name() == kind).ok_or(Unreadable)?;
        let name = Name { kind, number: number.parse().map_err(|_| Unreadable)? };
        if name.to_string() == text { Ok(name) } else { Err(Unreadable) }
    }
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            State::Creating => writeln!(f, "{}\ncreating", self.live),
            State::Adopted(bytes) => writeln!(f, "{}\nadopted_bytes {bytes}", self.live),
        }
    }
}

impl FromStr for Current {
    type Err = Unreadable;

    fn from_str(text: &str) -> std::result::Result<Self, Unreadable> {
        let (live, state) = text.strip_suffix('\n').and_then(|text| text.split_once('\n')).ok_or(Unreadable)?;
        let state = match state.split_once(' ') {
            None if state == "creating" => State::Creating,
            Some(("adopted_bytes", bytes)) => State::Adopted(bytes.parse().map_err(|_| Unreadable)?),
            _ => return Err(Unreadable),
        };
        Ok(Current { live: live.parse()?, state })
    }
}

fn damaged(dir: &Path, why: &str) -> Error {
    Error::Damaged(format!(
        "{}: {why}; run `poshta store restore` with the last backup, or `poshta store rebuild`",
        dir.display()
    ))
}

#[cfg(test)]
mod tests;
