//! Private keys that sign letters: PKCS#8 in PEM, in files that are not for everybody.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::settings::is_selector;
use crate::devices::key_file;
use crate::postal::{Algorithm, SigningKey};

/// Bits for those who are neither the owner of a file nor of its group.
const EVERYBODY: u32 = 0o007;

/// Why a key cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    /// The file cannot be read or written.
    #[error("{}: {error}", file.display())]
    File {
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
    /// The library for the algorithm is not there, or has no randomness.
    #[error("this program cannot make a key for {0}")]
    NotMade(Algorithm),
}

impl BadKey {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            BadKey::File { error, .. } if error.kind() == io::ErrorKind::AlreadyExists => {
                "keys are never overwritten; choose another selector"
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
    create(dir, &file, &pkcs8).map_err(|error| BadKey::File { file: file.clone(), error })?;
    Ok((key, file))
}

fn create(dir: &Path, file: &Path, pkcs8: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut new = File::options().write(true).create_new(true).mode(0o600).open(file)?;
    new.write_all(key_file::pem(pkcs8).as_bytes())?;
    new.sync_all()?;
    File::open(dir)?.sync_all()
}

/// A fresh private key in PKCS#8.
pub(super) fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    let made = match algorithm {
        Algorithm::Ed25519Sha256 => {
            let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok();
            pkcs8.map(|pkcs8| Zeroizing::new(pkcs8.as_ref().to_vec()))
        }
        Algorithm::RsaSha256 => rsa(),
        Algorithm::Gost2015 => None,
    };
    made.ok_or(BadKey::NotMade(algorithm))
}

/// RFC 8301 §3.2: signers use keys of at least 2048 bits. A longer one does not fit into an answer of the DNS over UDP
/// that everybody can read.
#[cfg(feature = "fast-signing")]
fn rsa() -> Option<Zeroizing<Vec<u8>>> {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

/// ring makes no RSA keys.
#[cfg(not(feature = "fast-signing"))]
fn rsa() -> Option<Zeroizing<Vec<u8>>> {
    None
}
