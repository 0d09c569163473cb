//! A running process owns its directory (DESIGN 19).

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Error, Result};

/// How long a lock that is taken is asked for again.
const PATIENCE: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Held as long as the directory is ours; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("lock");
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        if !is_free(&file)? {
            let mut pid = String::new();
            file.read_to_string(&mut pid)?;
            return Err(Error::InUse(format!("{} (process {})", dir.display(), pid.trim())));
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(DirLock { _file: file })
    }
}

/// Takes the lock. Whoever had it may have let it go while it was starting a program, which has all its files until it
/// runs: so one that is taken is asked for again for a while.
fn is_free(file: &File) -> Result<bool> {
    let begun = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => std::thread::sleep(ASK_EVERY),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_of_at_once_is_waited_for_and_one_that_is_held_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        let refused = DirLock::take(dir.path()).unwrap_err();
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        // As a program that is being started has it.
        let inherited = held._file.try_clone().unwrap();
        drop(held);
        let letting_go = std::thread::spawn(move || {
            std::thread::sleep(ASK_EVERY * 3);
            drop(inherited);
        });
        DirLock::take(dir.path()).unwrap();
        letting_go.join().unwrap();
    }
}
