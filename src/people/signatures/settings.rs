//! `[eds]` of the configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::identity::eds::{self, Certificate, Refusal};
use crate::locale::Lang;

/// Whose electronic signatures are believed, and how it is found out whether a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Certificates of authorities that are trusted, PEM or DER. Without one nobody can sign here.
    pub anchor_files: Vec<PathBuf>,
    /// Certificates between those and the ones of persons, for signatures that do not bring them along.
    pub intermediate_files: Vec<PathBuf>,
    /// Whether revocation is checked.
    pub revocation: RevocationCheck,
    /// OCSP responders, `http://…`; the first that answers counts. No other host is asked, whatever a certificate says.
    pub ocsp_urls: Vec<String>,
    /// Lists of revoked certificates, `http://…`; asked when no responder answers.
    pub crl_urls: Vec<String>,
    /// The same as files, PEM or DER, read anew when they are needed.
    pub crl_files: Vec<PathBuf>,
    /// News about revocation may be so old, seconds.
    pub max_age_s: u32,
    /// A fetched list is fetched again after this time, seconds.
    pub crl_refresh_s: u32,
    /// How long a responder may take, seconds.
    pub fetch_timeout_s: u32,
    /// Bytes of an answer or a list.
    pub max_fetch_bytes: usize,
    /// Whether IIN and BIN in certificates must be right to their last digit. The national authority's test
    /// certificates are not.
    pub check_digits: bool,
}

/// What is done about revocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationCheck {
    /// It must be known that a certificate was not revoked.
    Required,
    /// Nobody is asked: for tests, and for networks without a responder.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            anchor_files: Vec::new(),
            intermediate_files: Vec::new(),
            revocation: RevocationCheck::Required,
            ocsp_urls: Vec::new(),
            crl_urls: Vec::new(),
            crl_files: Vec::new(),
            max_age_s: 86_400,
            crl_refresh_s: 3_600,
            fetch_timeout_s: 10,
            max_fetch_bytes: 32 << 20,
            check_digits: true,
        }
    }
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) anchors: Vec<Certificate>,
    pub(super) others: Vec<Certificate>,
}

/// `[eds]` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("eds: cannot read {file}: {error}", file = .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file holds no certificates.
    #[error("eds: {file}: {why}", file = .file.display(), why = .why.text(Lang::En))]
    NoCertificate {
        /// Which.
        file: PathBuf,
        /// Why.
        why: Refusal,
    },
    /// An address is none.
    #[error("eds: {0}")]
    Address(String),
}

impl Settings {
    pub(super) fn load(&self) -> Result<Authorities, LoadError> {
        Ok(Authorities { anchors: certificates(&self.anchor_files)?, others: certificates(&self.intermediate_files)? })
    }

    /// What cannot be run with: key, problem, remedy.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        let has_source = !(self.ocsp_urls.is_empty() && self.crl_urls.is_empty() && self.crl_files.is_empty());
        if !self.anchor_files.is_empty() && self.revocation == RevocationCheck::Required && !has_source {
            let what = "revocation must be known, and nobody is named who knows it".to_owned();
            problems.push(("revocation", what, "name ocsp_urls, crl_urls or crl_files"));
        }
        let urls = self.ocsp_urls.iter().map(|url| ("ocsp_urls", url));
        for (key, url) in urls.chain(self.crl_urls.iter().map(|url| ("crl_urls", url))) {
            if let Err(why) = super::revocation::address(url) {
                problems.push((key, why, "write an address such as \"http://ocsp.pki.gov.kz/\""));
            }
        }
        problems
    }
}

fn certificates(files: &[PathBuf]) -> Result<Vec<Certificate>, LoadError> {
    let read = |file: &PathBuf| {
        let bytes = read(file)?;
        eds::certificates(&bytes).map_err(|why| LoadError::NoCertificate { file: file.clone(), why })
    };
    Ok(files.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(file).map_err(|error| LoadError::Unreadable { file: file.to_owned(), error })
}
