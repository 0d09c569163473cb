//! Was this certificate revoked? A responder is asked with a fresh nonce; when none answers, a list says it. What
//! neither says is not known, and that is told as such.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use parking_lot::Mutex;

use crate::clock::{Timestamp, World};
use crate::identity::eds::{
    self, Certificate, Path, Question, Refusal, Response, RevocationList, Status as OcspStatus, Trust,
};
use crate::locale::Lang;
use crate::remote::{self, Address};

use super::SignatureError;
use super::settings::{LoadError, RevocationCheck, Settings, read};

/// RFC 6960 §A.1.
const OCSP: &[(HeaderName, &str)] =
    &[(header::CONTENT_TYPE, "application/ocsp-request"), (header::ACCEPT, "application/ocsp-response")];

/// Reads the address of a responder or of a list. RFC 6960, RFC 5280: what comes back is signed, and they speak HTTP
/// without TLS.
pub(super) fn address(url: &str) -> Result<Address, remote::Failed> {
    let address = Address::parse(url)?;
    if address.is_tls() { Err(format!("{url:?} does not begin with http://")) } else { Ok(address) }
}

/// Where it is found out.
#[derive(Debug)]
pub(super) struct Revocations {
    check: RevocationCheck,
    responders: Vec<Address>,
    lists: Vec<FetchedList>,
    files: Vec<PathBuf>,
    deadline: Duration,
    max_bytes: usize,
    max_age_s: i64,
    refresh_s: i64,
    world: World,
}

/// A list that is fetched now and then.
#[derive(Debug)]
struct FetchedList {
    address: Address,
    kept: Mutex<Option<(Timestamp, Arc<RevocationList>)>>,
}

/// A certificate, who issued it, and whom to believe.
#[derive(Clone, Copy)]
struct Asked<'a> {
    certificate: &'a Certificate,
    issuer: &'a Certificate,
    trust: Trust<'a>,
    at: Timestamp,
}

impl Revocations {
    pub(super) fn new(settings: &Settings, world: World) -> Result<Self, LoadError> {
        let addresses = |urls: &[String]| -> Result<Vec<Address>, LoadError> {
            urls.iter().map(|url| address(url).map_err(LoadError::Address)).collect()
        };
        let fetched = |address| FetchedList { address, kept: Mutex::new(None) };
        Ok(Revocations {
            check: settings.revocation,
            responders: addresses(&settings.ocsp_urls)?,
            lists: addresses(&settings.crl_urls)?.into_iter().map(fetched).collect(),
            files: settings.crl_files.clone(),
            deadline: Duration::from_secs(settings.fetch_timeout_s.into()),
            max_bytes: settings.max_fetch_bytes,
            max_age_s: settings.max_age_s.into(),
            refresh_s: settings.crl_refresh_s.into(),
            world,
        })
    }

    /// Whether anybody is asked at all.
    pub(super) fn are_checked(&self) -> bool {
        self.check != RevocationCheck::Off
    }

    /// That the certificate at the beginning of the path was not revoked at an instant.
    ///
    /// # Errors
    /// It was; it cannot be found out.
    pub(super) async fn require_good(
        &self,
        certificate: &Certificate,
        path: &Path,
        trust: Trust<'_>,
        at: Timestamp,
    ) -> Result<(), SignatureError> {
        if !self.are_checked() {
            return Ok(());
        }
        let issuer = path.issuer().unwrap_or(certificate);
        let asked = Asked { certificate, issuer, trust, at };
        let mut failures = Vec::new();
        for responder in &self.responders {
            match self.ask(responder, asked).await {
                Ok(()) => return Ok(()),
                // The responder said so; nobody else is asked for a better answer.
                Err(Failure::Refused(verdict @ (Refusal::Revoked { .. } | Refusal::UnknownCertificate))) => {
                    return Err(SignatureError::Refused(verdict));
                }
                Err(Failure::Refused(refusal)) => failures.push(refusal.text(Lang::En)),
                Err(Failure::Fetch(why)) => failures.push(why),
            }
        }
        match self.look_up(asked, &mut failures).await {
            Some(verdict) => verdict.map_err(SignatureError::Refused),
            None => Err(SignatureError::RevocationUnknown(failures.join("; "))),
        }
    }

    async fn ask(&self, responder: &Address, asked: Asked<'_>) -> Result<(), Failure> {
        let nonce: [u8; 16] = self.world.random();
        let question = Question { certificate: asked.certificate, issuer: asked.issuer, nonce: Some(&nonce) };
        let bytes = self.fetch(responder, Some(question.to_der()), OCSP).await.map_err(Failure::Fetch)?;
        let response = Response::read(&bytes)?;
        let now = self.world.now();
        let verified = response.verify(asked.trust, now, self.max_age_s)?;
        response.answer(&question, &verified)?.require_good(asked.at)?;
        Ok(())
    }

    /// The first list that is of the issuer and can be believed says it.
    async fn look_up(&self, asked: Asked<'_>, failures: &mut Vec<String>) -> Option<Result<(), Refusal>> {
        let mut lists = Vec::new();
        for list in &self.lists {
            match self.fetched(list).await {
                Ok(list) => lists.push(list),
                Err(why) => failures.push(why),
            }
        }
        for file in &self.files {
            let read = read(file).map_err(|error| error.to_string());
            let list =
                read.and_then(|bytes| RevocationList::read(&eds::contents(&bytes)).map_err(|why| why.text(Lang::En)));
            match list {
                Ok(list) => lists.push(Arc::new(list)),
                Err(why) => failures.push(why),
            }
        }
        let now = self.world.now();
        for list in lists {
            match list.status(asked.certificate, asked.issuer, now, self.max_age_s) {
                Ok(OcspStatus::Revoked(since)) if since <= asked.at => return Some(Err(Refusal::Revoked { since })),
                Ok(_) => return Some(Ok(())),
                Err(Refusal::OtherList) => {}
                Err(why) => failures.push(why.text(Lang::En)),
            }
        }
        None
    }

    async fn fetch(
        &self,
        address: &Address,
        body: Option<Vec<u8>>,
        headers: &[(HeaderName, &str)],
    ) -> Result<Vec<u8>, remote::Failed> {
        let (deadline, max_bytes) = (self.deadline, self.max_bytes);
        let question = remote::Question { body, headers, statuses: &[StatusCode::OK], deadline, max_bytes };
        address.ask(question, None).await
    }

    async fn fetched(&self, list: &FetchedList) -> Result<Arc<RevocationList>, String> {
        let now = self.world.now();
        let kept = list.kept.lock().clone();
        if let Some((at, kept)) = &kept
            && now.as_second().saturating_sub(at.as_second()) < self.refresh_s
        {
            return Ok(Arc::clone(kept));
        }
        match self.fetch(&list.address, None, &[]).await {
            Ok(bytes) => {
                let read = RevocationList::read(&eds::contents(&bytes));
                let read = Arc::new(read.map_err(|why| why.text(Lang::En))?);
                *list.kept.lock() = Some((now, Arc::clone(&read)));
                Ok(read)
            }
            // An older one may still be new enough; its own dates decide.
            Err(why) => kept.map(|(_, kept)| kept).ok_or(why),
        }
    }
}

/// Why a responder did not say that all is well.
enum Failure {
    Fetch(String),
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}
