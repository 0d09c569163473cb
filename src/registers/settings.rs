//! `[registers]` of the configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::gateway::Gateway;
use super::signing::KeyReference;
use super::xml::XmlLimits;
use crate::identity::Bin;
use crate::remote::Address;

/// Where state registers are asked, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The gateway's address, http or https; empty: no register is asked.
    pub url: String,
    /// Certificates of the authorities that are trusted for https, PEM.
    pub tls_authorities_file: PathBuf,
    /// The key that questions are signed with: RSA or ECDSA P-256, PKCS#8, PEM.
    pub key_file: PathBuf,
    /// Its certificate, PEM.
    pub certificate_file: PathBuf,
    /// How questions name that certificate.
    pub key_reference: KeyReference,
    /// Certificates whose signatures on answers are believed, PEM; empty: answers need no signature.
    pub answer_certificates_file: PathBuf,
    /// The operator's name at the gateway.
    pub sender_id: String,
    /// A file with its password there, in one line; empty: no password.
    pub password_file: PathBuf,
    /// The operator's code in the register of persons.
    pub sender_code: String,
    /// The operator's BIN, for the register of legal entities.
    pub requestor_bin: String,
    /// The service that knows persons.
    pub person_service: String,
    /// Whether that service tells of a person only with a consent code of that person.
    pub person_needs_consent: bool,
    /// From whom people get that code, as they see it: the number that the text message comes from.
    pub consent_sender: String,
    /// The service that knows legal entities.
    pub entity_service: String,
    /// Codes with which the register of persons says that there is nobody with this IIN.
    pub person_not_found_codes: Vec<String>,
    /// Codes with which the register of persons says that the consent is missing, or counts no more.
    pub person_no_consent_codes: Vec<String>,
    /// Codes with which the register of legal entities says that there is none with this BIN.
    pub entity_not_found_codes: Vec<String>,
    /// Names of the state in which a legal entity may have a mailbox.
    pub entity_registered_states: Vec<String>,
    /// How long one attempt may take, seconds.
    pub deadline_s: u64,
    /// Attempts before a register counts as unavailable for this question.
    pub attempts: u32,
    /// Pause between attempts, milliseconds.
    pub retry_after_ms: u64,
    /// Questions that are under way at once; more are told that the register is busy.
    pub max_at_once: usize,
    /// Failures in a row after which a register is left alone.
    pub max_failures: u32,
    /// For how long, seconds.
    pub pause_s: u64,
    /// How long a question may be on its way, by its time stamp, seconds; 0: it has no time stamp.
    pub timestamp_s: u64,
    /// How much of an answer is read.
    pub xml: XmlLimits,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Settings {
            url: String::new(),
            tls_authorities_file: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            key_file: PathBuf::new(),
            certificate_file: PathBuf::new(),
            key_reference: KeyReference::default(),
            answer_certificates_file: PathBuf::new(),
            sender_id: String::new(),
            password_file: PathBuf::new(),
            sender_code: String::new(),
            requestor_bin: String::new(),
            person_service: "GBDFL_UniversalServiceSync".into(),
            person_needs_consent: false,
            consent_sender: "1414".into(),
            entity_service: "GbdulInfoByBin_v2".into(),
            person_not_found_codes: Vec::new(),
            person_no_consent_codes: Vec::new(),
            entity_not_found_codes: texts(&["031", "034", "035"]),
            entity_registered_states: texts(&["Зарегистрирован", "Тіркелген", "Тіркелді"]),
            deadline_s: 10,
            attempts: 2,
            retry_after_ms: 500,
            max_at_once: 16,
            max_failures: 5,
            pause_s: 30,
            timestamp_s: 300,
            xml: XmlLimits::default(),
        }
    }
}

impl Settings {
    /// Whether a register is asked at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.url.is_empty()
    }

    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        if !self.is_configured() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if let Err(what) = Address::parse(&self.url) {
            problems.push(("url", what, "write the gateway's URL, or \"\" to ask no register"));
        }
        for (key, value) in [
            ("sender_id", &self.sender_id),
            ("person_service", &self.person_service),
            ("entity_service", &self.entity_service),
        ] {
            if value.is_empty() {
                problems.push((key, "it is empty".into(), "write what the gateway's operator has given you"));
            }
        }
        if self.person_needs_consent && self.consent_sender.is_empty() {
            let what = "it is empty, and people would not know where the code comes from".to_owned();
            problems.push(("consent_sender", what, "write the number that the text message comes from"));
        }
        if let Err(error) = self.requestor_bin.parse::<Bin>() {
            problems.push(("requestor_bin", error.to_string(), "write the operator's own BIN"));
        }
        for (key, value) in [
            ("deadline_s", self.deadline_s),
            ("attempts", self.attempts.into()),
            ("max_at_once", u64::try_from(self.max_at_once).unwrap_or(u64::MAX)),
            ("max_failures", self.max_failures.into()),
            ("pause_s", self.pause_s),
        ] {
            if value == 0 {
                problems.push((key, "with 0 no register would ever be asked".into(), "write at least 1"));
            }
        }
        problems
    }

    /// What is wrong with the files that are named: key, and what.
    #[must_use]
    pub fn file_problems(&self) -> Vec<(&'static str, String)> {
        let opened = self.is_configured().then(|| Gateway::open(self));
        opened.and_then(Result::err).into_iter().collect()
    }

    /// Relative paths are taken from here.
    pub fn resolve_paths(&mut self, base: &Path) {
        let paths = [
            &mut self.tls_authorities_file,
            &mut self.key_file,
            &mut self.certificate_file,
            &mut self.answer_certificates_file,
            &mut self.password_file,
        ];
        for path in paths {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = base.join(&*path);
            }
        }
    }
}
