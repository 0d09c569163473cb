//! The demo's state registers: a stand-in that knows the people and the company of the demo's electronic signatures.
//!
//! Whom it knows, and whether it answers, stands in `registers.json` of the demo's directory, and can be changed while
//! the demo runs: `"behaviour": "down"` lets applications wait, `"behaviour": "answer"` lets them go on.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use crate::clock::{Timestamp, World};
use crate::config::Config;
use crate::registers::standin::{Files, Known, KnownEntity, KnownPerson, Listening, NO_CONSENT, StandIn};

use super::DemoError;
use super::authority::{AuthorityError, write_secret};

/// Whom it knows: surname, name, patronymic, number.
const PERSONS: [(&str, &str, &str, &str); 4] = [
    ("СЕРІКОВА", "АЙГҮЛ", "МАРАТҚЫЗЫ", "061211600012"),
    ("ОСПАНОВ", "ДӘУРЕН", "-", "791028302728"),
    ("ЖҰМАБАЕВ", "ЕРЛАН", "САПАРҰЛЫ", "850312400009"),
    ("АХМЕТОВА", "САУЛЕ", "ҚАЙРАТҚЫЗЫ", "920719400007"),
];

const COMPANY: (&str, &str, &str) = (
    "060640000011",
    "Товарищество с ограниченной ответственностью \"Алма\"",
    "\"Алма\" жауапкершілігі шектеулі серіктестігі",
);

/// Keys, certificates and what is known, in the demo's directory.
struct Kept {
    known: PathBuf,
    key: PathBuf,
    certificate: PathBuf,
    asker_key: PathBuf,
    asker: PathBuf,
    password: PathBuf,
}

impl Kept {
    /// Made when one of them is missing.
    fn at(dir: &Path, now: Timestamp, consent_code: Option<&str>) -> Result<Self, AuthorityError> {
        let kept = Kept {
            known: dir.join("registers.json"),
            key: dir.join("registers-answers.key"),
            certificate: dir.join("registers-answers.pem"),
            asker_key: dir.join("registers.key"),
            asker: dir.join("registers.pem"),
            password: dir.join("registers.password"),
        };
        if !kept.known.exists() {
            fs::write(&kept.known, known(consent_code))?;
        }
        let pairs = [(&kept.key, &kept.certificate), (&kept.asker_key, &kept.asker)];
        for (key_file, certificate_file) in pairs {
            if !key_file.exists() || !certificate_file.exists() {
                let key = KeyPair::generate()?;
                let certificate = certificate(now)?.self_signed(&key)?;
                write_secret(key_file, &key.serialize_pem())?;
                fs::write(certificate_file, certificate.pem())?;
            }
        }
        write_secret(&kept.password, "demo\n")?;
        Ok(kept)
    }
}

fn certificate(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Poshta demo registers");
    let today = now.to_zoned(TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap_or(today);
    let first = |years: i32| {
        date_time_ymd(i32::from(yesterday.year()) + years, u8::try_from(yesterday.month()).unwrap_or(1), 1)
    };
    (params.not_before, params.not_after) = (first(0), first(10));
    Ok(params)
}

fn known(consent_code: Option<&str>) -> String {
    let person = |(surname, name, patronymic, iin): (&str, &str, &str, &str)| KnownPerson {
        iin: iin.to_owned(),
        surname: surname.to_owned(),
        name: name.to_owned(),
        patronymic: patronymic.to_owned(),
        ..KnownPerson::default()
    };
    let (bin, name_ru, name_kk) = COMPANY;
    let known = Known {
        persons: PERSONS.map(person).into(),
        entities: vec![KnownEntity {
            bin: bin.to_owned(),
            name_ru: name_ru.to_owned(),
            name_kk: name_kk.to_owned(),
            is_liquidated: false,
        }],
        needs_consent: consent_code.is_some(),
        consent_codes: consent_code.map(str::to_owned).into_iter().collect(),
        ..Known::default()
    };
    serde_json::to_string_pretty(&known).unwrap_or_default()
}

/// Starts the stand-in, and lets the demo ask it.
pub(super) async fn start(
    config: &mut Config,
    world: &World,
    consent_code: Option<&str>,
) -> Result<Listening, DemoError> {
    let failed = |error: &dyn std::fmt::Display| DemoError::Registers(error.to_string());
    let kept = Kept::at(&config.server.dir, world.now(), consent_code)?;
    let settings = &mut config.registers;
    settings.sender_id = "poshta-demo".into();
    settings.person_needs_consent = consent_code.is_some();
    settings.person_no_consent_codes = vec![NO_CONSENT.to_owned()];
    settings.requestor_bin = COMPANY.0.into();
    settings.key_file.clone_from(&kept.asker_key);
    settings.certificate_file.clone_from(&kept.asker);
    settings.answer_certificates_file.clone_from(&kept.certificate);
    settings.password_file.clone_from(&kept.password);
    // Whoever tries it out does not want to wait.
    (settings.deadline_s, settings.retry_after_ms, settings.pause_s) = (3, 200, 1);
    config.registration.ask_again_s = 1;
    let files = Files { known: &kept.known, key: &kept.key, certificate: &kept.certificate, askers: &kept.asker };
    let stand_in = StandIn::new(&files, config.registers.clone(), world.clone()).map_err(|error| failed(&error))?;
    let listening = stand_in.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| failed(&error))?;
    config.registers.url = format!("http://{}/shep", listening.address());
    Ok(listening)
}
