//! Private keys on the disk: one file each, PKCS#8 in PEM (RFC 7468 §10), for the server's own user only.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

/// Characters of a line (RFC 7468 §2).
const LINE: usize = 64;

/// Where the key with this selector lies.
pub(super) fn path(dir: &Path, device: &str, selector: &str) -> PathBuf {
    dir.join(device).join(format!("{selector}.key"))
}

/// Writes a key; when this answers it is on stable storage.
pub(super) fn write(path: &Path, pkcs8: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(pem(pkcs8).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The folder's own entry is new with the first key of a device.
    for folder in path.ancestors().skip(1).take(3) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Reads a key, in PEM or in DER.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(fs::read(path)?);
    if !bytes.starts_with(b"-----") {
        return Ok(bytes);
    }
    let key = PrivatePkcs8KeyDer::from_pem_slice(&bytes);
    let key = key.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    Ok(Zeroizing::new(key.secret_pkcs8_der().to_vec()))
}

/// Removes the key of a device that has a new one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// A key as it is written.
pub(crate) fn pem(pkcs8: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(pkcs8));
    let mut text = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}
