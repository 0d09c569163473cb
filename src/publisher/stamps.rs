//! Has the last checkpoint of each day time-stamped by an authority that is not the operator's (RFC 3161).
//!
//! Nothing waits for it: the log is published whether an authority answers or not, and a day without a stamp is asked
//! for again, later and later, until it has one. What is kept has been verified; an interruption anywhere only means
//! that the same day is asked for once more.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::{StatusCode, header};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Checked, Error, Publisher, Result};
use crate::identity::eds::{self, Certificate, Digest, Request, digest_of, token_of_response};
use crate::remote::{self, Address, Question};
use crate::tlog::folder::View;
use crate::tlog::stamps::{Stamped, Wanted, verify};

/// Whom to ask for time stamps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The authority's address, http or https; empty: no stamps.
    pub url: String,
    /// Certificates of the authorities whose stamps are believed, PEM or DER.
    pub authorities_file: PathBuf,
    /// Certificates of the authorities that are trusted for https.
    pub tls_authorities_file: PathBuf,
    /// The policy that is asked for; empty: whichever the authority has.
    pub policy: String,
    /// Hash function of the question.
    pub hash: Hash,
    /// An answer takes at most this long, seconds.
    pub deadline_s: u64,
    /// After a failure it is asked again after this time, and then after twice as long each time, seconds.
    pub retry_s: u64,
    /// It is asked again at least this often, seconds.
    pub max_retry_s: u64,
    /// Larger answers are refused, bytes.
    pub max_response_bytes: usize,
}

/// A hash function for questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: String::new(),
            authorities_file: PathBuf::new(),
            tls_authorities_file: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            policy: String::new(),
            hash: Hash::default(),
            deadline_s: 30,
            retry_s: 60,
            max_retry_s: 3600,
            max_response_bytes: 65_536,
        }
    }
}

impl Settings {
    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub(super) fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        if self.url.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if let Err(what) = Address::parse(&self.url) {
            problems.push(("timestamps.url", what, "write a URL such as \"http://tsp.pki.gov.kz/\", or \"\" for none"));
        }
        if let Err(error) = self.authorities() {
            let remedy = "name a file with the certificates of the time-stamping authority's issuers";
            problems.push(("timestamps.authorities_file", error.to_string(), remedy));
        }
        let is_policy =
            self.policy.split('.').count() > 2 && self.policy.split('.').all(|number| number.parse::<u32>().is_ok());
        if !self.policy.is_empty() && !is_policy {
            let what = format!("{:?} is no object identifier", self.policy);
            problems.push(("timestamps.policy", what, "write numbers with points between, or \"\" for any policy"));
        }
        for (key, value) in [("timestamps.deadline_s", self.deadline_s), ("timestamps.retry_s", self.retry_s)] {
            if value == 0 {
                problems.push((key, "no time at all".into(), "write a number of seconds such as 60"));
            }
        }
        if self.max_response_bytes == 0 {
            let what = "no answer would ever be short enough".to_owned();
            problems.push(("timestamps.max_response_bytes", what, "write a number of bytes such as 65536"));
        }
        problems
    }

    fn authorities(&self) -> Result<Vec<Certificate>> {
        let at = |error: &dyn std::fmt::Display| Error::Stamp(format!("{}: {error}", self.authorities_file.display()));
        let file = std::fs::read(&self.authorities_file).map_err(|error| at(&error))?;
        eds::certificates(&file).map_err(|error| at(&error))
    }

    /// The answer of the authority (RFC 3161 §3.4).
    async fn ask(&self, address: &Address, question: Vec<u8>) -> std::result::Result<Vec<u8>, remote::Failed> {
        let question = Question {
            body: Some(question),
            headers: &[
                (header::CONTENT_TYPE, "application/timestamp-query"),
                (header::ACCEPT, "application/timestamp-reply"),
            ],
            statuses: &[StatusCode::OK],
            deadline: Duration::from_secs(self.deadline_s),
            max_bytes: self.max_response_bytes,
        };
        let client = address.is_tls().then(|| remote::trusting(&self.tls_authorities_file)).transpose()?;
        address.ask(question, client.as_ref()).await
    }

    fn policy(&self) -> Option<&str> {
        Some(self.policy.as_str()).filter(|policy| !policy.is_empty())
    }

    fn refused(&self, refusal: &eds::Refusal) -> Error {
        Error::Stamp(format!("{}: {refusal}", self.url))
    }
}

impl From<Hash> for Digest {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Digest::Sha256,
            Hash::Sha384 => Digest::Sha384,
            Hash::Sha512 => Digest::Sha512,
        }
    }
}

/// How often it is looked whether a day has ended.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Publisher {
    /// Has every day stamped that has none yet, again and again, until told to stop; never without an authority.
    pub async fn run_stamps(self, stop: CancellationToken) {
        let settings = self.stamp_settings().clone();
        if settings.url.is_empty() {
            return;
        }
        let (first, most) = (Duration::from_secs(settings.retry_s), Duration::from_secs(settings.max_retry_s));
        let (mut wait, mut seen) = (first, None);
        loop {
            let day = self.off_thread(Publisher::newest_day).await.ok().flatten();
            // As long as no day ends there is nothing to look for.
            let pause = if day == seen && seen.is_some() {
                LOOK_EVERY
            } else {
                match self.stamp_next(&settings).await {
                    Ok(Some((day, stamped))) => {
                        tracing::info!(%day, time = %stamped.time, authority = %stamped.authority, "the checkpoint is time-stamped");
                        metrics::counter!("poshta_log_stamps_total").increment(1);
                        metrics::gauge!("poshta_log_stamps_failing").set(0.0);
                        wait = first;
                        Duration::ZERO
                    }
                    Ok(None) => {
                        seen = day;
                        LOOK_EVERY
                    }
                    Err(error) => {
                        tracing::warn!(%error, retry_s = wait.as_secs(), "no time stamp for the transparency log");
                        metrics::gauge!("poshta_log_stamps_failing").set(1.0);
                        let pause = wait;
                        wait = wait.saturating_mul(2).min(most.max(first));
                        pause
                    }
                }
            };
            if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Has the newest day without a stamp stamped; `None` when there is none.
    ///
    /// # Errors
    /// The authority cannot be asked, or its stamp does not hold; nothing is kept then.
    async fn stamp_next(&self, settings: &Settings) -> Result<Option<(Date, Stamped)>> {
        let address = Address::parse(&settings.url).map_err(Error::Stamp)?;
        let Some((view, day, note)) = self.off_thread(Publisher::to_stamp).await? else { return Ok(None) };
        let digest = settings.hash.into();
        let random = self.world().random::<16>();
        let question = Request {
            digest,
            imprint: digest_of(digest, note.as_bytes()),
            nonce: random,
            policy: settings.policy().map(str::to_owned),
        };
        let answer = settings.ask(&address, question.to_der()).await.map_err(Error::Stamp)?;
        let token = token_of_response(&answer).map_err(|refusal| settings.refused(&refusal))?;
        let kept = self.off_thread(move |publisher| {
            let settings = publisher.stamp_settings();
            let authorities = settings.authorities()?;
            let wanted = Wanted { authorities: &authorities, policy: settings.policy(), nonce: Some(&random) };
            let stamped = verify(&note, &token, &wanted, publisher.world().now());
            let stamped = stamped.map_err(|refusal| settings.refused(&refusal))?;
            view.keep_stamp(day, &token)?;
            Ok((day, stamped))
        });
        kept.await.map(Some)
    }

    fn newest_day(&self) -> Result<Option<Date>> {
        let Some(view) = self.view() else { return Ok(None) };
        Ok(view.days()?.pop())
    }

    /// The newest day without a stamp, and what is to be stamped.
    fn to_stamp(&self) -> Result<Option<(View, Date, String)>> {
        let Some(view) = self.view() else { return Ok(None) };
        let Some(day) = view.day_to_stamp()? else { return Ok(None) };
        let gone = || Error::Stamp(format!("the checkpoint of {day} cannot be found among those of the days"));
        let note = view.daily(day)?.ok_or_else(gone)?;
        Ok(Some((view, day, note)))
    }

    /// Does something on a thread that may wait for the disk.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Publisher) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let publisher = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&publisher)).await;
        done.unwrap_or_else(|error| Err(Error::Stamp(error.to_string())))
    }

    /// Every stamp is over its checkpoint and of an authority that is trusted.
    pub(super) fn check_stamps(&self, view: &View, checked: &mut Checked) -> Result<()> {
        let settings = self.stamp_settings();
        let authorities = if settings.url.is_empty() { Ok(Vec::new()) } else { settings.authorities() };
        for day in view.days()? {
            checked.days += 1;
            let (Some(note), Some(token)) = (view.daily(day)?, view.stamp(day)?) else { continue };
            checked.stamped_days += 1;
            let held = match &authorities {
                // Whose stamps are believed is not configured (any more): that they are over their checkpoints is
                // still known.
                Ok(authorities) if authorities.is_empty() => over(&note, &token),
                Ok(authorities) => {
                    let wanted = Wanted { authorities, policy: settings.policy(), nonce: None };
                    verify(&note, &token, &wanted, self.world().now()).map(drop).map_err(|refusal| refusal.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = held {
                checked.problem(format!("the time stamp of {day}: {why}"));
            }
        }
        Ok(())
    }
}

fn over(note: &str, token: &[u8]) -> std::result::Result<(), String> {
    let token = eds::Token::read(token).map_err(|refusal| refusal.to_string())?;
    let expected = eds::Expected { content: note.as_bytes(), nonce: None, policy: None };
    token.require(&expected).map_err(|refusal| refusal.to_string())
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::{DIR, Parts, World};
    use super::*;
    use crate::store::{self, Store};
    use crate::tlog::folder::tests::log_of;

    const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/nca/nca_rsa_test.crt");
    const NO_AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

    #[test_case("", "", "" => Vec::<&str>::new(); "no stamps are wanted")]
    #[test_case("http://tsp.pki.gov.kz/", AUTHORITY, "1.2.398.3.3.2.6.2" => Vec::<&str>::new(); "the national authority")]
    #[test_case("https://[::1]:8443/stamp?a=b", AUTHORITY, "" => Vec::<&str>::new(); "an address in brackets")]
    #[test_case("tsp.pki.gov.kz", AUTHORITY, "" => vec!["timestamps.url"]; "no scheme")]
    #[test_case("ftp://tsp.pki.gov.kz/", AUTHORITY, "" => vec!["timestamps.url"]; "another scheme")]
    #[test_case("http://tsp.pki.gov.kz/", "", "" => vec!["timestamps.authorities_file"]; "nobody is believed")]
    #[test_case("http://tsp.pki.gov.kz/", NO_AUTHORITY, "" => vec!["timestamps.authorities_file"]; "no certificates")]
    #[test_case("http://tsp.pki.gov.kz/", AUTHORITY, "any" => vec!["timestamps.policy"]; "no policy")]
    fn wrong_settings_are_told(url: &str, file: &str, policy: &str) -> Vec<&'static str> {
        let settings =
            Settings { url: url.into(), authorities_file: file.into(), policy: policy.into(), ..Settings::default() };
        settings.problems().into_iter().map(|(key, ..)| key).collect()
    }

    #[test]
    fn numbers_that_leave_no_room_are_told() {
        let settings = Settings {
            url: "http://tsp.pki.gov.kz/".into(),
            authorities_file: AUTHORITY.into(),
            deadline_s: 0,
            retry_s: 0,
            max_response_bytes: 0,
            ..Settings::default()
        };
        let keys: Vec<_> = settings.problems().into_iter().map(|(key, ..)| key).collect();
        assert_eq!(keys, ["timestamps.deadline_s", "timestamps.retry_s", "timestamps.max_response_bytes"]);
    }

    #[test]
    fn a_day_whose_checkpoint_is_gone_is_not_taken_for_a_stamped_one() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join(DIR);
        drop(log_of(&log, 3));
        let settings = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
        let publisher = Publisher::new(Parts {
            settings: super::super::Settings::default(),
            origin: "poshta.example/log".into(),
            dir: dir.path().to_owned(),
            store: Store::open(dir.path(), &store::tests::as_chosen(settings)).unwrap(),
            world: World::system(),
        });
        assert!(publisher.to_stamp().unwrap().is_none(), "no day is over");
        std::os::unix::fs::symlink("nowhere", log.join("daily/2026-11-28")).unwrap();
        assert!(matches!(publisher.to_stamp(), Err(Error::Stamp(_))));
    }
}
