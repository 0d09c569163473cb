//! The demo's test authority for electronic signatures, and people and companies with keys of it: certificates as the
//! national authority makes them (FACTS B6), with ECDSA keys that OpenSSL can sign with.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use serde::Serialize;

use crate::clock::Timestamp;

use super::authority::{AuthorityError, write_secret};

/// Name of the authority.
const AUTHORITY: &str = "Poshta demo EDS CA";

/// Purposes of keys (FACTS B6).
const SIGNS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 4];
const PROVES: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const INDIVIDUAL: &[u64] = &[1, 2, 398, 3, 3, 4, 1, 1];
const LEGAL: &[u64] = &[1, 2, 398, 3, 3, 4, 1, 2];
const HEAD: &[u64] = &[1, 2, 398, 3, 3, 4, 1, 2, 1];
const EMPLOYEE: &[u64] = &[1, 2, 398, 3, 3, 4, 1, 2, 5];

/// Who has a key in the demo.
struct Plan {
    name: &'static str,
    common: &'static str,
    surname: &'static str,
    patronymic: &'static str,
    iin: &'static str,
    company: Option<(&'static str, &'static str)>,
    purposes: &'static [&'static [u64]],
    serial: u64,
    is_expired: bool,
}

const PERSON: Plan = Plan {
    name: "person",
    common: "СЕРІКОВА АЙГҮЛ",
    surname: "СЕРІКОВА",
    patronymic: "МАРАТҚЫЗЫ",
    iin: "061211600012",
    company: None,
    purposes: &[SIGNS, INDIVIDUAL],
    serial: 101,
    is_expired: false,
};

const COMPANY: (&str, &str) = ("\"АЛМА\" ЖШС", "060640000011");

const PLANS: &[Plan] = &[
    PERSON,
    Plan {
        name: "other",
        common: "ОСПАНОВ ДӘУРЕН",
        surname: "ОСПАНОВ",
        patronymic: "БОЛАТҰЛЫ",
        iin: "791028302728",
        serial: 102,
        ..PERSON
    },
    Plan { name: "auth", purposes: &[PROVES, INDIVIDUAL], serial: 103, ..PERSON },
    Plan { name: "expired", is_expired: true, serial: 104, ..PERSON },
    Plan { name: "revoked", serial: 105, ..PERSON },
    Plan {
        name: "company",
        common: "ЖҰМАБАЕВ ЕРЛАН",
        surname: "ЖҰМАБАЕВ",
        patronymic: "САПАРҰЛЫ",
        iin: "850312400009",
        company: Some(COMPANY),
        purposes: &[SIGNS, LEGAL, HEAD],
        serial: 106,
        is_expired: false,
    },
    Plan {
        name: "employee",
        common: "АХМЕТОВА САУЛЕ",
        surname: "АХМЕТОВА",
        patronymic: "ҚАЙРАТҚЫЗЫ",
        iin: "920719400007",
        company: Some(COMPANY),
        purposes: &[SIGNS, LEGAL, EMPLOYEE],
        serial: 107,
        is_expired: false,
    },
];

/// The serial number of the certificate that is on the list.
const REVOKED: u64 = 105;

/// Everything of it.
#[derive(Clone, Debug, Serialize)]
pub struct Eds {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// Its key, for making more.
    pub ca_key: PathBuf,
    /// Its list of revoked certificates.
    pub crl: PathBuf,
    /// A person who can sign.
    pub person: Holder,
    /// Another person.
    pub other: Holder,
    /// The person's key for signing in.
    pub auth: Holder,
    /// A key of the person that is valid no more.
    pub expired: Holder,
    /// A key of the person that was revoked.
    pub revoked: Holder,
    /// The head of a company.
    pub company: Holder,
    /// An employee of that company without the right to sign.
    pub employee: Holder,
}

/// Somebody with a key.
#[derive(Clone, Debug, Serialize)]
pub struct Holder {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The name in it.
    pub name: &'static str,
    /// The IIN in it.
    pub iin: &'static str,
    /// The BIN in it.
    pub bin: Option<&'static str>,
    /// The organisation in it.
    pub organization: Option<&'static str>,
}

impl Eds {
    /// The files in `dir`; made when one of them is missing. The list is made anew each time: it must be young.
    pub(super) fn at(dir: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let dir = dir.join("eds");
        fs::create_dir_all(&dir)?;
        let (ca, ca_key, crl) = (dir.join("ca.pem"), dir.join("ca.key"), dir.join("list.crl"));
        let calendar = Calendar::of(now);
        let at = |(year, month, day): Day| date_time_ymd(year, month, day);
        if !ca.exists() {
            make(&dir, &ca, &ca_key, &calendar)?;
        }
        let key = KeyPair::from_pem(&fs::read_to_string(&ca_key)?)?;
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: at(calendar.day(0)),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: at(calendar.day(0)),
            next_update: at(calendar.day(1)),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        fs::write(&crl, list.signed_by(&Issuer::new(authority(&calendar)?, key))?.der())?;
        let holder = |name: &str| {
            let plan = PLANS.iter().find(|plan| plan.name == name).unwrap_or(&PERSON);
            Holder {
                cert: dir.join(format!("{}.pem", plan.name)),
                key: dir.join(format!("{}.key", plan.name)),
                name: plan.common,
                iin: plan.iin,
                bin: plan.company.map(|(_, bin)| bin),
                organization: plan.company.map(|(name, _)| name),
            }
        };
        Ok(Eds {
            ca,
            ca_key,
            crl,
            person: holder("person"),
            other: holder("other"),
            auth: holder("auth"),
            expired: holder("expired"),
            revoked: holder("revoked"),
            company: holder("company"),
            employee: holder("employee"),
        })
    }
}

fn make(dir: &Path, ca: &Path, ca_key: &Path, calendar: &Calendar) -> Result<(), AuthorityError> {
    let key = KeyPair::generate()?;
    write_secret(ca_key, &key.serialize_pem())?;
    let params = authority(calendar)?;
    let root = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);
    for plan in PLANS {
        let own = KeyPair::generate()?;
        let certificate = plan.params(calendar)?.signed_by(&own, &issuer)?;
        fs::write(dir.join(format!("{}.pem", plan.name)), certificate.pem())?;
        write_secret(&dir.join(format!("{}.key", plan.name)), &own.serialize_pem())?;
    }
    // Last, so that a crash in between makes everything anew.
    fs::write(ca, root.pem())?;
    Ok(())
}

fn authority(calendar: &Calendar) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from(1));
    let at = |(year, month, day): Day| date_time_ymd(year, month, day);
    (params.not_before, params.not_after) = (at(calendar.first_of_month(-2)), at(calendar.first_of_month(10)));
    Ok(params)
}

impl Plan {
    fn params(&self, calendar: &Calendar) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, self.common);
        name.push(DnType::CustomDnType(vec![2, 5, 4, 4]), self.surname);
        name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), format!("IIN{}", self.iin));
        name.push(DnType::CountryName, "KZ");
        name.push(DnType::CustomDnType(vec![2, 5, 4, 42]), self.patronymic);
        if let Some((organization, bin)) = self.company {
            name.push(DnType::OrganizationName, organization);
            name.push(DnType::OrganizationalUnitName, format!("BIN{bin}"));
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.serial_number = Some(SerialNumber::from(self.serial));
        let second = match self.purposes.contains(&SIGNS) {
            true => KeyUsagePurpose::ContentCommitment,
            false => KeyUsagePurpose::KeyEncipherment,
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, second];
        let purposes = self.purposes.iter().map(|oid| ExtendedKeyUsagePurpose::Other(oid.to_vec()));
        params.extended_key_usages = purposes.collect();
        let (from, until) = if self.is_expired { (-2, -1) } else { (0, 10) };
        let at = |(year, month, day): Day| date_time_ymd(year, month, day);
        (params.not_before, params.not_after) = (at(calendar.first_of_month(from)), at(calendar.first_of_month(until)));
        Ok(params)
    }
}

/// Year, month and day, as rcgen takes them.
type Day = (i32, u8, u8);

/// Days of certificates.
struct Calendar {
    year: i32,
    month: u8,
    day: u8,
}

impl Calendar {
    /// Yesterday: clocks may be behind.
    fn of(now: Timestamp) -> Self {
        let today = now.to_zoned(TimeZone::UTC).date();
        let yesterday = today.yesterday().unwrap_or(today);
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        Calendar { year: yesterday.year().into(), month: part(yesterday.month()), day: part(yesterday.day()) }
    }

    /// The first of the month, so many years on.
    fn first_of_month(&self, years: i32) -> Day {
        (self.year + years, self.month, 1)
    }

    /// The day; 29 February is the 28th in other years.
    fn day(&self, years: i32) -> Day {
        (self.year + years, self.month, if years == 0 { self.day } else { self.day.min(28) })
    }
}
