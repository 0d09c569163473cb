//! Private keys that sign letters: PKCS#8 in PEM, in files that are not for everybody.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use graviola::signing::rsa;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::settings::is_selector;
use crate::devices::key_file;
use crate::postal::{self, Algorithm, SigningKey};

/// Bits for those who are neither the owner of a file nor of its group.
const EVERYBODY: u32 = 0o007;

/// An RSA key of 2048 bits in PKCS#8 is not longer.
const RSA_KEY_BYTES: usize = 2 << 10;

/// Why a key cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    /// The file cannot be read.
    #[error("{}: {error}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A new key has the name of one that is there.
    #[error("{}: there is such a file already", file.display())]
    Exists {
        /// Which.
        file: PathBuf,
    },
    /// A new key cannot be written.
    #[error("{}: the key cannot be written: {error}", file.display())]
    NotWritten {
        /// Which.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Whoever may read it can write in our name.
    #[error("{}: everybody on this machine may read or change this key", file.display())]
    ForEverybody {
        /// Which.
        file: PathBuf,
    },
    /// Not PKCS#8, or of another algorithm.
    #[error("{}: this is no private key for DKIM", file.display())]
    NotAKey {
        /// Which.
        file: PathBuf,
    },
    /// Two keys of one algorithm sign nothing that one of them does not.
    #[error("{}: another key signs with {algorithm} already", file.display())]
    SecondOfAKind {
        /// Which.
        file: PathBuf,
        /// How both sign.
        algorithm: Algorithm,
    },
    /// Not a name that the DNS can have.
    #[error("{0:?} is no selector")]
    Selector(String),
    /// The library for the algorithm does not run on this processor, or has no randomness.
    #[error("no key for {0} can be made on this machine")]
    NotMade(Algorithm),
}

impl BadKey {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            BadKey::Exists { .. } => "keys are never overwritten; choose another selector",
            BadKey::NotWritten { .. } => {
                "nothing was left there; make room on the disk, or take a directory that you may write to, and try again"
            }
            BadKey::File { .. } => "make a key with `poshta dkim new`, and let the server's user read it",
            BadKey::ForEverybody { .. } => "`chmod 600` it, and give it to the server's user",
            BadKey::NotAKey { .. } => {
                "make one with `poshta dkim new`, or give an Ed25519 key or an RSA key of 2048 to 4096 bits in PKCS#8 \
                 (`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`)"
            }
            BadKey::SecondOfAKind { .. } => "take the old one out, or give one of the other algorithm",
            BadKey::Selector(_) => "write letters, digits, hyphens and dots, such as \"a2026\"",
            BadKey::NotMade(_) => "make it with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`",
        }
    }
}

/// Reads a key.
pub(super) fn read(file: &Path) -> Result<SigningKey, BadKey> {
    let unreadable = |error| BadKey::File { file: file.to_owned(), error };
    if fs::metadata(file).map_err(unreadable)?.permissions().mode() & EVERYBODY != 0 {
        return Err(BadKey::ForEverybody { file: file.to_owned() });
    }
    let not_a_key = || BadKey::NotAKey { file: file.to_owned() };
    let pkcs8 = key_file::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => not_a_key(),
        _ => unreadable(error),
    })?;
    SigningKey::from_pkcs8(&pkcs8).map_err(|_| not_a_key())
}

/// Makes a key and writes it to `SELECTOR.pem` in a directory, which is made too if need be; gives key and file. A file
/// that is there stays as it is.
///
/// # Errors
/// See [`BadKey`].
pub fn write(dir: &Path, selector: &str, algorithm: Algorithm) -> Result<(SigningKey, PathBuf), BadKey> {
    if !is_selector(selector) {
        return Err(BadKey::Selector(selector.to_owned()));
    }
    let pkcs8 = generate(algorithm)?;
    let key = SigningKey::from_pkcs8(&pkcs8).map_err(|_| BadKey::NotMade(algorithm))?;
    let file = dir.join(format!("{selector}.pem"));
    let pem = key_file::pem(&pkcs8);
    match create(dir, &file, |new| new.write_all(pem.as_bytes())) {
        Ok(Created::New) => Ok((key, file)),
        Ok(Created::WasThere) => Err(BadKey::Exists { file }),
        Err(error) => Err(BadKey::NotWritten { file, error }),
    }
}

/// What became of a file that should be new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Created {
    New,
    WasThere,
}

/// Makes a file that has its name only once all of it is on stable storage.
fn create(dir: &Path, file: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Created> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let unfinished = file.with_extension(format!("{}.new", std::process::id()));
    let linked = link_filled(&unfinished, file, fill);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let created = linked?;
    File::open(dir)?.sync_all()?;
    Ok(created)
}

fn link_filled(unfinished: &Path, file: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Created> {
    let mut new = File::options().write(true).create(true).truncate(true).mode(0o600).open(unfinished)?;
    fill(&mut new)?;
    new.sync_all()?;
    // Unlike renaming this never overwrites.
    match fs::hard_link(unfinished, file) {
        Ok(()) => Ok(Created::New),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::WasThere),
        Err(error) => Err(error),
    }
}

/// A fresh private key in PKCS#8.
pub(super) fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    let made = match algorithm {
        Algorithm::Ed25519Sha256 => {
            let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok();
            pkcs8.map(|pkcs8| Zeroizing::new(pkcs8.as_ref().to_vec()))
        }
        Algorithm::RsaSha256 => make_rsa(),
        Algorithm::Gost2015 => None,
    };
    made.ok_or(BadKey::NotMade(algorithm))
}

/// RFC 8301 §3.2: signers use keys of at least 2048 bits. A longer one does not fit into an answer of the DNS over UDP
/// that everybody can read.
fn make_rsa() -> Option<Zeroizing<Vec<u8>>> {
    // ring makes no RSA keys. How long this takes tells something of the key to whoever shares the machine at that moment:
    // it is a command of the administrator, once in a while.
    if !postal::has_graviola() {
        return None;
    }
    let mut der = Zeroizing::new(vec![0; RSA_KEY_BYTES]);
    let length = rsa::SigningKey::generate(rsa::KeySize::Rsa2048).ok()?.to_pkcs8_der(&mut der).ok()?.len();
    der.truncate(length);
    Some(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_could_not_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.pem");
        let full_disk = |new: &mut File| {
            new.write_all(b"-----BEGIN")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let error = create(dir.path(), &file, full_disk).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        write(dir.path(), "a", Algorithm::Ed25519Sha256).unwrap();
        assert!(matches!(write(dir.path(), "a", Algorithm::Ed25519Sha256), Err(BadKey::Exists { .. })));
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.pem"]);
        read(&file).unwrap();
    }

    #[test]
    fn a_key_that_cannot_be_written_has_a_remedy_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let no_folder = dir.path().join("file");
        fs::write(&no_folder, "").unwrap();
        let error = write(&no_folder, "a", Algorithm::Ed25519Sha256).unwrap_err();
        assert!(matches!(error, BadKey::NotWritten { .. }), "{error}");
        assert!(error.remedy().contains("make room") && !error.remedy().contains("dkim new"), "{}", error.remedy());
    }
}
