//! Registrations over a real store, real intake and real signatures of a test authority; pages and sockets are left out.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::ToSpan as _;
use test_case::test_case;

use super::*;
use crate::clock::{Clock, SystemEntropy};
use crate::config::Config;
use crate::identity::agreement::AgreementText;
use crate::identity::application::{DocumentKind, Entries, Field, Sort, parse};
use crate::identity::eds::Certificate;
use crate::identity::eds::tests::build::{Key, Message, Plan, list};
use crate::people::signatures::RevocationCheck;
use crate::registers::standin::{Known, KnownPerson};
use crate::server::Services;

/// Noon of a day on which the certificates of the builder are valid.
const NOW: &str = "2026-11-29T12:00:00Z";
pub(crate) const DAY_S: i64 = 86_400;
pub(crate) const IIN: &str = "061211600012";
pub(crate) const OTHER_IIN: &str = "791028302728";
pub(crate) const BIN: &str = "060640000011";
pub(crate) const PASSWORD: &str = "көктем келді 2026";
pub(crate) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A clock that stands still until somebody lets time pass.
#[derive(Debug, Default)]
pub(in crate::people) struct Noon {
    passed_s: AtomicI64,
}

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        let noon: Timestamp = NOW.parse().unwrap();
        noon + self.passed_s.load(Ordering::Relaxed).seconds()
    }
}

impl Noon {
    /// The day after, on which the certificates of the registers' vectors are valid as well.
    pub(crate) fn day_after() -> Arc<Self> {
        Arc::new(Noon { passed_s: AtomicI64::new(DAY_S) })
    }

    pub(crate) fn world(self: &Arc<Self>) -> World {
        World { clock: self.clone(), entropy: Arc::new(SystemEntropy) }
    }
}

pub(crate) struct Office {
    pub(crate) services: Services,
    pub(crate) authority: Authority,
    clock: Arc<Noon>,
    dir: tempfile::TempDir,
}

/// A test authority.
pub(crate) struct Authority {
    key: Key,
    pub(crate) certificate: Certificate,
}

/// Somebody with a key.
pub(crate) struct Person {
    key: Key,
    pub(crate) certificate: Certificate,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = Key::p256();
        let plan = Plan { until: "2099-12-31T00:00:00Z", ..Plan::authority("Root", "Root") };
        let certificate = plan.issue(&key, &key);
        Authority { key, certificate }
    }

    pub(crate) fn issue(&self, plan: &Plan) -> Person {
        let key = Key::p256();
        Person { certificate: plan.issue(&key, &self.key), key }
    }

    pub(crate) fn person(&self, iin: &'static str) -> Person {
        self.issue(&Plan { iin: Some(iin), ..Plan::person("Серікова Айгүл", "Root") })
    }
}

impl Person {
    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        Message { signing_time: Some("2026-11-29T11:59:00Z"), ..self.message(text) }.to_der()
    }

    /// Without saying when.
    pub(crate) fn sign_undated(&self, text: &str) -> Vec<u8> {
        Message { signing_time: None, ..self.message(text) }.to_der()
    }

    pub(crate) fn message<'a>(&'a self, text: &'a str) -> Message<'a> {
        Message::new(&self.key, &self.certificate, &[], text.as_bytes())
    }
}

pub(crate) const HEAD: &[&str] = &["1.3.6.1.5.5.7.3.4", "1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.1"];
pub(crate) const EMPLOYEE: &[&str] = &["1.3.6.1.5.5.7.3.4", "1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.5"];

pub(crate) fn office() -> Office {
    office_with(|_, _| {})
}

pub(crate) fn office_with(change: impl FnOnce(&mut Config, &Path)) -> Office {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let anchor = dir.path().join("eds.der");
    std::fs::write(&anchor, authority.certificate.der()).unwrap();
    let facilities = dir.path().join("facilities.toml");
    std::fs::write(&facilities, include_str!("../../../conf/facilities.toml")).unwrap();
    let mut config = Config::default();
    config.server.dir = dir.path().join("data");
    config.postal.facilities_file = facilities;
    config.accounts.domains = vec!["poshta.example".into()];
    config.auth.argon2_memory_kib = 64;
    config.auth.argon2_passes = 1;
    config.store.watermark_bytes = 1 << 20;
    config.eds.anchor_files = vec![anchor];
    config.eds.revocation = RevocationCheck::Off;
    config.registration.without_registers = true;
    config.registration.applications_per_hour = 1_000;
    config.registration.signatures_per_hour = 1_000;
    change(&mut config, dir.path());
    let clock = Arc::new(Noon::default());
    let services = Services::open(config, clock.world()).unwrap();
    Office { services, authority, clock, dir }
}

pub(crate) fn person_form(iin: &str) -> Form {
    let entries = Entries::default()
        .with(Field::Surname, "Серікова")
        .with(Field::GivenName, "Айгүл")
        .with(Field::Iin, iin)
        .with(Field::DocumentKind, "identity-card")
        .with(Field::DocumentNumber, "041234567")
        .with(Field::DocumentIssuer, "ҚР ІІМ")
        .with(Field::DocumentIssued, "2024-03-01")
        .with(Field::Residence, "Астана қ.")
        .with(Field::PhoneMobile, "+77012345678");
    parse(Sort::Individual, &entries, jiff::civil::date(2026, 11, 29)).unwrap()
}

/// What a register knows of the person of [`person_form`] with [`IIN`].
pub(in crate::people) fn aigul() -> Known {
    let person = KnownPerson {
        iin: IIN.into(),
        surname: "СЕРІКОВА".into(),
        name: "АЙГҮЛ".into(),
        documents: vec!["041234567".into()],
        ..KnownPerson::default()
    };
    Known { persons: vec![person], ..Known::default() }
}

pub(crate) fn company_form() -> Form {
    let entries = Entries::default()
        .with(Field::EntityName, "«Алма» ЖШС")
        .with(Field::Bin, BIN)
        .with(Field::RegistrationNumber, "123-1901-01-ЖШС")
        .with(Field::RegistrationIssued, "2006-06-14")
        .with(Field::RegistrationIssuer, "Әділет департаменті")
        .with(Field::LegalAddress, "Алматы қ., Абай д-лы, 1")
        .with(Field::ActualAddress, "Алматы қ., Сәтбаев к-сі, 2")
        .with(Field::PhoneHome, "+77272500000");
    parse(Sort::Legal, &entries, jiff::civil::date(2026, 11, 29)).unwrap()
}

impl Office {
    fn registration(&self) -> &Registration {
        &self.services.registration
    }

    async fn application(&self, form: Form, login: &str) -> Application {
        let agreement = self.services.agreements.current().await.unwrap().hash;
        let password = Secret::new(PASSWORD.into());
        Application { form, consent: None, login: login.into(), password, agreement, lang: Lang::Kk }
    }

    pub(crate) async fn prepared(&self, form: Form, login: &str) -> Prepared {
        self.registration().prepare(self.application(form, login).await, HERE).await.unwrap()
    }

    pub(crate) async fn sign(&self, prepared: &Prepared, cms: Vec<u8>) -> Result<Applied, ApplyError> {
        self.registration().sign(prepared.number, &prepared.secret, cms, HERE).await
    }

    async fn account_count(&self) -> usize {
        self.services.accounts.list(None, 1_000).await.unwrap().len()
    }

    /// Somebody registers online.
    pub(crate) async fn registered(&self, form: Form, login: &str) -> AccountId {
        let prepared = self.prepared(form, login).await;
        let cms = self.authority.person(IIN).sign(&prepared.statement);
        account_of(self.sign(&prepared, cms).await.unwrap())
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.passed_s.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn check(&self) {
        let verdict = self.services.store.check().unwrap();
        assert!(verdict.is_sound(), "{:?}", verdict.problems);
    }
}

pub(crate) fn account_of(applied: Applied) -> AccountId {
    match applied {
        Applied::Registered { account, .. } => account,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_m15_who_signs_has_a_mailbox_at_once_with_all_that_belongs_to_it() {
    let office = office();
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    assert_eq!(office.account_count().await, 0, "nothing is there before it is signed");
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    let account = account_of(office.sign(&prepared, cms.clone()).await.unwrap());
    let services = &office.services;
    let row = services.accounts.get(account).await.unwrap().unwrap();
    assert_eq!(
        (row.address.to_string().as_str(), row.display_name.as_str()),
        ("aigul@poshta.example", "Серікова Айгүл")
    );
    let login =
        services.authenticator.login("aigul", &Secret::new(PASSWORD.into()), HERE, crate::auth::Door::Pages).await;
    assert_eq!(login.unwrap().account, account, "M21: the password is the one that was chosen");
    let profile = services.people.profile(account).await.unwrap().unwrap();
    assert_eq!((profile.form, profile.confirmed), (person_form(IIN), None));
    let consents = services.agreements.consents(account).await.unwrap();
    assert_eq!(consents.len(), 1);
    assert_eq!(consents[0].hash, services.agreements.current().await.unwrap().hash);
    assert_eq!(services.agreements.asked_of(account).await.unwrap(), None);
    let number = prepared.number;
    let (evidence, bytes) = services.store.read(move |view| view.evidence_bytes(number, 1)).await.unwrap().unwrap();
    assert_eq!((evidence.what.as_str(), bytes), ("signature", cms), "M10: what was signed is kept");
    let audit = services.store.read(|view| view.audit_entries(10)).await.unwrap();
    let entry = audit.iter().find(|entry| entry.action == "account.register").unwrap();
    assert_eq!(entry.details.as_deref(), Some(format!("application {number}, online").as_str()));
    assert!(services.registration.welcome_all().await.unwrap());
    let letters = services
        .store
        .read(move |view| {
            let inbox = view.folder_named(account, "INBOX")?.unwrap();
            view.get(&crate::store::keys::folder_counter(
                account,
                inbox.id,
                crate::store::keys::FolderCounter::Messages,
            ))
        })
        .await
        .unwrap();
    assert_eq!(letters, Some(1_i64.to_be_bytes().to_vec()), "the confirmation is the first letter");
    assert!(services.registration.welcome_all().await.unwrap(), "and comes once");
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m27_the_head_of_a_company_signs_and_its_employee_does_not() {
    let office = office();
    let prepared = office.prepared(company_form(), "alma").await;
    let of_company = |purposes| Plan { bin: Some(BIN), purposes, ..Plan::person("Басшы", "Root") };
    let employee = office.authority.issue(&of_company(EMPLOYEE));
    let refused = office.sign(&prepared, employee.sign(&prepared.statement)).await.unwrap_err();
    assert_eq!(refused.code(), "role");
    let person = office.authority.person(IIN).sign(&prepared.statement);
    assert_eq!(office.sign(&prepared, person).await.unwrap_err().code(), "no-entity");
    let head = office.authority.issue(&of_company(HEAD));
    let account = account_of(office.sign(&prepared, head.sign(&prepared.statement)).await.unwrap());
    let row = office.services.accounts.get(account).await.unwrap().unwrap();
    assert_eq!((row.kind, row.display_name.as_str()), (store::accounts::Kind::Legal, "«Алма» ЖШС"));
    office.check();
}

/// How a signature is wrong.
enum Wrong {
    OtherPerson,
    CompanyKey,
    Expired,
    ForSigningIn,
    OtherAuthority,
    AlteredText,
    Replayed,
    NoSignature,
}

#[test_case(Wrong::OtherPerson => "other-person"; "certificate of another person")]
#[test_case(Wrong::CompanyKey => "other-person"; "a key of a company where a persons own is wanted")]
#[test_case(Wrong::Expired => "signature expired"; "expired certificate")]
#[test_case(Wrong::ForSigningIn => "signature key-usage"; "a key for signing in")]
#[test_case(Wrong::OtherAuthority => "signature certificate-signature"; "an authority that only has the name of one that is trusted")]
#[test_case(Wrong::AlteredText => "altered"; "an altered application")]
#[test_case(Wrong::Replayed => "replayed"; "the signature of another application")]
#[test_case(Wrong::NoSignature => "signature malformed"; "no signature")]
#[tokio::test(flavor = "multi_thread")]
async fn m13_a_wrong_signature_makes_nothing(wrong: Wrong) -> String {
    use crate::identity::eds::tests::build::{SIGN_IN_PURPOSES, SIGN_IN_USAGE};
    let office = office();
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let text = &prepared.statement;
    let own = Plan::person("Серікова Айгүл", "Root");
    let authority = &office.authority;
    let cms = match wrong {
        Wrong::OtherPerson => authority.person(OTHER_IIN).sign(text),
        Wrong::CompanyKey => authority.issue(&Plan { bin: Some(BIN), purposes: HEAD, ..own }).sign(text),
        Wrong::Expired => authority.issue(&Plan { until: "2026-11-28T00:00:00Z", ..own }).sign(text),
        Wrong::ForSigningIn => {
            authority.issue(&Plan { usage: SIGN_IN_USAGE, purposes: SIGN_IN_PURPOSES, ..own }).sign(text)
        }
        Wrong::OtherAuthority => Authority::new().person(IIN).sign(text),
        Wrong::AlteredText => authority.person(IIN).sign(&text.replace("login: aigul", "login: aidar")),
        Wrong::Replayed => {
            let other = office.prepared(person_form(IIN), "aigul2").await;
            authority.person(IIN).sign(&other.statement)
        }
        Wrong::NoSignature => b"no signature".to_vec(),
    };
    let error = office.sign(&prepared, cms).await.unwrap_err();
    for lang in Lang::ALL {
        assert!(!error.text(lang).contains("apply-"), "a text is missing: {}", error.text(lang));
    }
    assert_eq!(office.account_count().await, 0);
    // It can be signed again, rightly.
    let cms = office.authority.person(IIN).sign(text);
    account_of(office.sign(&prepared, cms).await.unwrap());
    office.check();
    match &error {
        ApplyError::Signature(crate::people::signatures::SignatureError::Refused(refusal)) => {
            format!("{} {}", error.code(), refusal.code())
        }
        error => error.code().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_a_signature_counts_once() {
    let office = office();
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    account_of(office.sign(&prepared, cms.clone()).await.unwrap());
    assert_eq!(office.sign(&prepared, cms).await.unwrap_err().code(), "accepted");
    assert_eq!(office.account_count().await, 1);
    let stranger = office.registration().sign(prepared.number, "another secret", Vec::new(), HERE).await;
    assert_eq!(stranger.unwrap_err().code(), "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_one_of_a_hundred_applications_for_a_login_wins() {
    let office = Arc::new(office());
    // A hundred persons, each with a number of their own.
    let numbers =
        (0..).map(|n: u32| format!("9001013{n:05}")).filter(|iin| iin.parse::<crate::identity::Iin>().is_ok());
    let mut applications = Vec::new();
    for iin in numbers.take(100) {
        let iin: &'static str = Box::leak(iin.into_boxed_str());
        let prepared = office.prepared(person_form(iin), "aigul").await;
        let cms = office.authority.person(iin).sign(&prepared.statement);
        applications.push((prepared, cms));
    }
    let sign = |(prepared, cms): (Prepared, Vec<u8>)| {
        let office = Arc::clone(&office);
        tokio::spawn(async move { (office.sign(&prepared, cms).await, prepared) })
    };
    let signing: Vec<_> = applications.into_iter().map(sign).collect();
    let (mut winners, mut losers) = (0, Vec::new());
    for signed in signing {
        match signed.await.unwrap() {
            (Ok(applied), _) => {
                account_of(applied);
                winners += 1;
            }
            (Err(error), prepared) => {
                assert_eq!(error.code(), "login-taken");
                losers.push(prepared.number);
            }
        }
    }
    assert_eq!((winners, losers.len()), (1, 99));
    assert_eq!(office.account_count().await, 1);
    for number in losers {
        assert_eq!(office.registration().find(number).await.unwrap(), None, "nothing is left of {number}");
    }
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m8_a_person_has_one_mailbox_and_only_the_person_is_told() {
    let office = office();
    let person = office.authority.person(IIN);
    let first = office.prepared(person_form(IIN), "aigul").await;
    account_of(office.sign(&first, person.sign(&first.statement)).await.unwrap());
    let second = office.prepared(person_form(IIN), "serikova").await;
    let stranger = office.authority.person(OTHER_IIN).sign(&second.statement);
    assert_eq!(office.sign(&second, stranger).await.unwrap_err().code(), "other-person");
    let error = office.sign(&second, person.sign(&second.statement)).await.unwrap_err();
    assert_eq!(error.code(), "person-taken");
    assert_eq!(office.registration().find(second.number).await.unwrap(), None);
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_nobody_joins_a_version_that_is_not_in_force() {
    let office = office();
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let old = office.application(person_form(OTHER_IIN), "aidar").await;
    let texts = AgreementText::built_in("poshta.example");
    let texts = [texts.kk + "\n", texts.ru, texts.en];
    let texts: [&str; 3] = [&texts[0], &texts[1], &texts[2]];
    // A version of the same instant cannot be: the first one is in force from now on.
    let agreements = &office.services.agreements;
    let now: Timestamp = NOW.parse().unwrap();
    assert!(agreements.publish(texts, Some(now), "test").await.is_err());
    let version = agreements.versions().await.unwrap().remove(0);
    let next = crate::store::agreements::AgreementVersion {
        number: 2,
        hash: AgreementText::written(texts, "poshta.example").unwrap().hash(),
        ..version
    };
    let mut batch = store::Batch::new();
    let text = AgreementText::written(texts, "poshta.example").unwrap();
    crate::store::agreements::publish(&mut batch, &next, &text).unwrap();
    office.services.store.commit(batch).await.unwrap();
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    assert_eq!(office.sign(&prepared, cms).await.unwrap_err().code(), "old-agreement");
    assert_eq!(office.registration().prepare(old, HERE).await.unwrap_err().code(), "old-agreement");
    assert_eq!(office.account_count().await, 0);
    office.check();
}

fn counter(evidence: Vec<Evidence>, number: &str) -> Way {
    let document = IdentityDocument {
        kind: DocumentKind::IdentityCard,
        number: number.into(),
        issuer: "ҚР ІІМ".into(),
        issued: jiff::civil::date(2024, 3, 1),
    };
    Way::Counter {
        clerk: AccountId(7),
        facility: "astana-1".parse().unwrap(),
        evidence,
        document_checked: DocumentCheck { document },
        second: None,
    }
}

pub(in crate::people) fn scan() -> Vec<Evidence> {
    let (what, media_type) = (EvidenceKind::SignedApplication, "application/pdf".into());
    vec![Evidence { what, media_type, bytes: b"%PDF-1.7 the signed paper".to_vec() }]
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_clerk_registers_what_was_announced_online() {
    let office = office();
    let application = office.application(person_form(IIN), "aigul").await;
    let announced = office.registration().apply(application, Way::Announced { ip: HERE }).await.unwrap();
    let Applied::Waiting { number, why: WaitingFor::Applicant(until) } = announced else { panic!("{announced:?}") };
    assert_eq!(until.to_string(), "2026-12-29T12:00:00Z");
    let found = office.registration().find_person(&IIN.parse().unwrap()).await.unwrap();
    assert_eq!(found.iter().map(|filed| filed.number).collect::<Vec<_>>(), [number]);
    let accept = |way| office.registration().accept(number, way);
    assert_eq!(accept(counter(Vec::new(), "041234567")).await.unwrap_err().code(), "no-evidence");
    assert_eq!(accept(counter(scan(), "041234568")).await.unwrap_err().code(), "other-document");
    account_of(accept(counter(scan(), "041 234 567")).await.unwrap());
    assert_eq!(office.registration().find_person(&IIN.parse().unwrap()).await.unwrap(), []);
    let confirmation = office.registration().confirmation(number).await.unwrap();
    assert!(confirmation.facility.is_some() && confirmation.certificate.is_none());
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_what_a_clerk_cannot_register_leaves_nothing() {
    let office = office();
    let application = office.application(person_form(IIN), "aigul").await;
    let refused = office.registration().apply(application.clone(), counter(scan(), "000")).await;
    assert_eq!(refused.unwrap_err().code(), "other-document");
    assert_eq!(office.registration().find_person(&IIN.parse().unwrap()).await.unwrap(), []);
    account_of(office.registration().apply(application, counter(scan(), "041234567")).await.unwrap());
    office.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn m24_without_registers_nobody_passes_unless_the_configuration_says_so() {
    let office = office_with(|config, _| config.registration.without_registers = false);
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    assert_eq!(office.sign(&prepared, cms).await.unwrap_err().code(), "no-register");
    assert_eq!(office.account_count().await, 0);
}

#[test_case(&[], "2026-11-29T11:00:00Z" => "registered"; "not on the list")]
#[test_case(&[(77, "2026-11-01T00:00:00Z")], "2026-11-29T11:00:00Z" => "signature revoked"; "on the list")]
#[test_case(&[], "2026-11-01T00:00:00Z" => "revocation-unknown"; "an old list says nothing")]
#[tokio::test(flavor = "multi_thread")]
async fn m13_a_revoked_certificate_signs_nothing(revoked: &[(u8, &str)], at: &str) -> String {
    let office = office_with(|config, dir| {
        config.eds.revocation = RevocationCheck::Required;
        config.eds.crl_files = vec![dir.join("list.crl")];
    });
    let bytes = list(&office.authority.key, "Root", revoked, at);
    std::fs::write(office.dir.path().join("list.crl"), bytes).unwrap();
    let prepared = office.prepared(person_form(IIN), "aigul").await;
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    match office.sign(&prepared, cms).await {
        Ok(applied) => {
            account_of(applied);
            "registered".into()
        }
        Err(error) => {
            assert_eq!(office.account_count().await, 0);
            match &error {
                ApplyError::Signature(crate::people::signatures::SignatureError::Refused(refusal)) => {
                    format!("{} {}", error.code(), refusal.code())
                }
                error => error.code().to_owned(),
            }
        }
    }
}

#[test_case("user", PASSWORD => "ok"; "free and good")]
#[test_case("postmaster", PASSWORD => "login-reserved"; "kept for the operator")]
#[test_case("aigul", PASSWORD => "login-taken"; "taken")]
#[test_case("AI-GUI", PASSWORD => "login-taken"; "looks like one that is taken")]
#[test_case("user", "short" => "password-short"; "too short")]
#[test_case("user", "Password2026!" => "password-common"; "one of the commonest")]
#[test_case("longlogin", "longlogin1" => "password-login"; "the login")]
#[tokio::test(flavor = "multi_thread")]
async fn m21_login_and_password_are_judged_before_anything_is_kept(login: &str, password: &str) -> String {
    let office = office();
    let first = office.prepared(person_form(IIN), "aigul").await;
    let cms = office.authority.person(IIN).sign(&first.statement);
    let account = account_of(office.sign(&first, cms).await.unwrap());
    // Closed ones stay taken (M8).
    office.services.accounts.close(account).await.unwrap();
    let application = office.application(person_form(OTHER_IIN), login).await;
    let application = Application { password: Secret::new(password.into()), ..application };
    match office.registration().prepare(application, HERE).await {
        Ok(_) => "ok".into(),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m21_questions_about_logins_are_counted_by_network() {
    let office = office_with(|config, _| config.registration.look_ups_per_minute = 3);
    for _ in 0..3 {
        assert!(office.registration().is_free("aigul", HERE).await.unwrap());
    }
    let near = "127.0.0.99".parse().unwrap();
    assert_eq!(office.registration().is_free("aigul", near).await.unwrap_err().code(), "too-fast");
    assert!(office.registration().is_free("aigul", "192.0.2.1".parse().unwrap()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_what_was_not_signed_in_time_is_removed() {
    let office = office_with(|config, _| config.registration.sign_within_s = 0);
    let application = office.application(person_form(IIN), "aigul").await;
    let prepared = office.registration().prepare(application, HERE).await.unwrap();
    let cms = office.authority.person(IIN).sign(&prepared.statement);
    assert_eq!(office.sign(&prepared, cms).await.unwrap_err().code(), "over");
    let mut batch = store::Batch::new();
    batch.put(b"!later".to_vec(), Vec::new());
    office.services.store.commit(batch).await.unwrap();
    assert_eq!(
        office.registration().find(prepared.number).await.unwrap().map(|filed| filed.login),
        Some("aigul".into())
    );
}

/// What version 1 wrote had neither index nor consent, and can still be read.
#[test]
fn m19_applications_and_profiles_of_the_first_version_are_read() {
    let form = person_form(IIN);
    let now = super::encode(&form).unwrap();
    assert_eq!(now.last(), Some(&NO_INDEX), "no index is one byte at the end");
    let first = [&[FIRST_FORM_VERSION], &now[1..now.len() - 1]].concat();
    assert_eq!(decode(&first).unwrap(), (form.clone(), &[][..]));
    let filled = Filled::decode(&first).unwrap();
    assert_eq!((filled.form, filled.consent), (form.clone(), None));
    let consent = ConsentToken::new("123456", "").unwrap();
    let filled = Filled { form: form.clone(), consent: Some(consent.clone()) };
    let again = Filled::decode(&filled.encode().unwrap()).unwrap();
    assert_eq!((again.form, again.consent), (form, Some(consent)));
}
