//! A running process owns its directory (DESIGN 19).

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{Error, Result};

/// Held as long as the directory is ours; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(super) fn take(dir: &Path) -> Result<Self> {
        let path = dir.join("lock");
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(std::io::Error::from(error).into());
            }
            let mut pid = String::new();
            file.read_to_string(&mut pid)?;
            return Err(Error::InUse(format!("{} (process {})", dir.display(), pid.trim())));
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(DirLock { _file: file })
    }
}
