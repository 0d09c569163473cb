//! The demo's own test CA, with a client certificate for the government peer, and the server's certificate.
//!
//! The server's certificate vouches for itself and stands in the CA file beside the CA: so it satisfies clients that
//! are given the CA file as well as those that pin the very certificate they were shown (mbsync, imapfilter).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::clock::Timestamp;

/// The files of the CA in the demo's directory.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    /// What clients trust: the server's certificate and the CA's.
    pub(super) ca: PathBuf,
    /// The server's certificate.
    pub(super) server: PathBuf,
    /// Its key.
    pub(super) server_key: PathBuf,
    /// The peer's certificate.
    pub(super) peer: PathBuf,
    /// Its key.
    pub(super) peer_key: PathBuf,
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// rcgen failed.
    #[error("cannot make the demo's certificates: {0}")]
    Made(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error("cannot write the demo's certificates: {0}")]
    Written(#[from] std::io::Error),
}

impl Authority {
    /// The files in `dir`; made when one of them is missing.
    pub(super) fn at(dir: &Path, names: &[String], peer: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        let authority = Authority {
            ca: dir.join("ca.pem"),
            server: dir.join("server.pem"),
            server_key: dir.join("server.key"),
            peer: dir.join("gov.pem"),
            peer_key: dir.join("gov.key"),
        };
        let Authority { ca, server, server_key, peer: peer_file, peer_key } = &authority;
        if [ca, server, server_key, peer_file, peer_key].into_iter().all(|file| file.exists()) {
            return Ok(authority);
        }
        let mut params = certificate("Poshta demo CA", &[], now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let own_key = KeyPair::generate()?;
        let own = leaf(names, ExtendedKeyUsagePurpose::ServerAuth, now)?.self_signed(&own_key)?;
        fs::write(server, own.pem())?;
        write_secret(server_key, &own_key.serialize_pem())?;
        let client_key = KeyPair::generate()?;
        let client = leaf(&[peer.to_owned()], ExtendedKeyUsagePurpose::ClientAuth, now)?;
        let client = client.signed_by(&client_key, &issuer)?;
        fs::write(peer_file, client.pem())?;
        write_secret(peer_key, &client_key.serialize_pem())?;
        // Last, so that a crash in between makes everything anew. The CA's own key is thrown away.
        fs::write(ca, format!("{}{}", own.pem(), root.pem()))?;
        Ok(authority)
    }
}

fn leaf(names: &[String], usage: ExtendedKeyUsagePurpose, now: Timestamp) -> Result<CertificateParams, AuthorityError> {
    let mut params = certificate(names.first().map_or("localhost", String::as_str), names, now)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    Ok(params)
}

/// Valid for ten years from the month of yesterday on: clocks of clients may be behind, and a directory that is kept
/// has no renewal.
fn certificate(common_name: &str, names: &[String], now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let today = now.to_zoned(TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap_or(today);
    let month = u8::try_from(yesterday.month()).unwrap_or(1);
    let first_of_month = |years: i32| date_time_ymd(i32::from(yesterday.year()) + years, month, 1);
    (params.not_before, params.not_after) = (first_of_month(0), first_of_month(10));
    Ok(params)
}

pub(super) fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}
