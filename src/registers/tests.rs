//! Registers, asked over real sockets: a stand-in with the same envelope verifies what we sign.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tempfile::TempDir;
use test_case::test_case;

use super::standin::{Behaviour, Files, Known, KnownEntity, KnownPerson, Listening, StandIn};
use super::verify::{PublicKey, Unverified};
use super::*;
use crate::clock::Timestamp;
use crate::store::Store;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/registers");
const AIGUL: &str = "061211600012";
const QUESTION: &str = "00000000-0000-4000-8000-000000000001";

fn vector(name: &str) -> PathBuf {
    Path::new(VECTORS).join(name)
}

fn now() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn keys_of(name: &str) -> Vec<PublicKey> {
    super::gateway::keys(&vector(name)).unwrap()
}

fn bin() -> Bin {
    (0..10).find_map(|last| format!("06124060001{last}").parse().ok()).unwrap()
}

fn verified(message: &str, key: &str) -> Result<(), Unverified> {
    let document = xml::read(message.as_bytes(), &XmlLimits::default()).unwrap();
    verify::body(&document, &keys_of(key), now()).map(drop)
}

#[test_case("rsa.xml", "rsa.pem"; "rsa")]
#[test_case("ec.xml", "ec.pem"; "ecdsa")]
#[test_case("prefixes.xml", "rsa.pem"; "prefixes that count as used everywhere")]
fn m25_signatures_of_another_program_hold(message: &str, key: &str) {
    let message = std::fs::read_to_string(vector(message)).unwrap();
    assert_eq!(verified(&message, key), Ok(()));
    let other = if key == "rsa.pem" { "ec.pem" } else { "rsa.pem" };
    assert_eq!(verified(&message, other), Err(Unverified::Stranger));
    for (from, to) in
        [("ОМАРОВА", "ОМАРОВ"), ("SCSS001", "SCSS002"), ("ns3:b=\"2\"", "ns3:b=\"3\""), ("[СЕРІК", "[ СЕРІК")]
    {
        let altered = message.replacen(from, to, 1);
        assert_ne!(altered, message, "{from}");
        assert_eq!(verified(&altered, key), Err(Unverified::Altered), "{from}");
    }
    // What canonicalization takes out may be changed: it is no part of what is signed, and nothing reads it.
    let comment = message.replacen("a comment is", "a remark was", 1);
    assert_eq!(verified(&comment, key), Ok(()));
}

#[test]
fn m25_a_signed_body_cannot_be_wrapped() {
    let message = std::fs::read_to_string(vector("rsa.xml")).unwrap();
    let from = message.find("<soap:Body").unwrap();
    let to = message.find("</soap:Body>").unwrap() + "</soap:Body>".len();
    let body = &message[from..to];
    let forged = body.replace("ОМАРОВА", "ОМАРОВ");
    // The signed body is hidden in the header, another one stands in its place: with another id, with the same, with
    // none, and beside it.
    let hidden = |forged: &str| {
        let hidden = format!("<x>{body}</x></soap:Header>");
        message.replacen(body, forged, 1).replacen("</soap:Header>", &hidden, 1)
    };
    let ids = [
        ("wsu:Id=\"id-0001\"", "wsu:Id=\"id-2\""),
        ("wsu:Id=\"id-0001\"", "Id=\"id-0001\""),
        (" wsu:Id=\"id-0001\"", ""),
    ];
    let forgeries = ids.map(|(from, to)| hidden(&forged.replacen(from, to, 1)));
    let same = hidden(&forged);
    let beside = message.replacen(body, &format!("{}{body}", forged.replacen("id-0001", "id-2", 1)), 1);
    for forgery in forgeries.iter().chain([&same, &beside]) {
        assert!(forgery.contains("ОМАРОВ<"));
        let refused = verified(forgery, "rsa.pem").unwrap_err();
        assert!(matches!(refused, Unverified::NotCovered(_) | Unverified::Unsupported(_)), "{refused}");
    }
}

#[test_case("rsa-sha256", "rsa-sha1", "its method"; "a weak signature")]
#[test_case("xml-exc-c14n#\"/><ds:SignatureMethod", "REC-xml-c14n-20010315\"/><ds:SignatureMethod", "it is over"; "inclusive form")]
#[test_case("<ds:SignatureMethod", "<ds:X/><ds:SignatureMethod", "none of the certificates"; "another signed info")]
fn m25_other_signatures_are_refused_with_the_reason(from: &str, to: &str, expected: &str) {
    let message = std::fs::read_to_string(vector("rsa.xml")).unwrap();
    let altered = message.replacen(from, to, 1);
    assert_ne!(altered, message);
    let refused = verified(&altered, "rsa.pem").unwrap_err().to_string();
    assert!(refused.contains(expected), "{refused}");
}

#[test]
fn m25_an_answer_is_as_old_as_its_certificate_allows() {
    let message = std::fs::read_to_string(vector("rsa.xml")).unwrap();
    let document = xml::read(message.as_bytes(), &XmlLimits::default()).unwrap();
    let before: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(verify::body(&document, &keys_of("rsa.pem"), before).unwrap_err(), Unverified::Stranger);
}

/// A stand-in that listens, and what is asked with.
pub(crate) mod stand_in {
    use super::*;

    pub(crate) struct Started {
        pub(crate) settings: Settings,
        dir: TempDir,
        _listening: Listening,
    }

    /// One that knows these; it and who asks have RSA keys.
    pub(crate) async fn started(world: World, known: &Known) -> Started {
        started_with("rsa", world, known).await
    }

    pub(super) async fn started_with(key: &str, world: World, known: &Known) -> Started {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), "gateway <&> password\n").unwrap();
        let mut settings = Settings {
            url: "http://127.0.0.1:1/".into(),
            key_file: vector(&format!("{key}.key")),
            certificate_file: vector(&format!("{key}.pem")),
            answer_certificates_file: vector("ec.pem"),
            sender_id: "poshta".into(),
            password_file: dir.path().join("password"),
            requestor_bin: bin().expose(),
            retry_after_ms: 1,
            ..Settings::default()
        };
        let (known_file, asker) = (dir.path().join("known.json"), vector(&format!("{key}.pem")));
        let files =
            Files { known: &known_file, key: &vector("ec.key"), certificate: &vector("ec.pem"), askers: &asker };
        let stand_in = StandIn::new(&files, settings.clone(), world).unwrap();
        let listening = stand_in.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        settings.url = format!("http://{}/shep", listening.address());
        let started = Started { settings, dir, _listening: listening };
        started.know(known);
        started
    }

    impl Started {
        pub(crate) fn know(&self, known: &Known) {
            let new = self.dir.path().join("known.new");
            std::fs::write(&new, json!(known).to_string()).unwrap();
            std::fs::rename(new, self.dir.path().join("known.json")).unwrap();
        }
    }
}

/// A stand-in, registers that ask it, and the store of these.
struct Scene {
    stand_in: stand_in::Started,
    asking: Asking,
}

/// Registers that ask somebody, and their store.
struct Asking {
    registers: Registers,
    _dir: TempDir,
}

fn known() -> Known {
    Known {
        persons: vec![KnownPerson {
            iin: AIGUL.into(),
            surname: "ОМАРОВА".into(),
            name: "АЙГҮЛ".into(),
            patronymic: "СЕРІКҚЫЗЫ".into(),
            documents: vec!["012345678".into()],
            is_dead: false,
        }],
        entities: vec![KnownEntity {
            bin: bin().expose(),
            name_ru: "Товарищество с ограниченной ответственностью \"Тест & Ко\"".into(),
            name_kk: "\"Тест & Ко\" жауапкершілігі шектеулі серіктестігі".into(),
            is_liquidated: false,
        }],
        ..Known::default()
    }
}

impl Scene {
    async fn new(key: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let stand_in = stand_in::started_with(key, World::system(), &known()).await;
        let mut settings = stand_in.settings.clone();
        change(&mut settings);
        let asking = Scene::asking(settings);
        Scene { stand_in, asking }
    }

    fn asking(settings: Settings) -> Asking {
        assert_eq!((settings.problems(), settings.file_problems()), (vec![], vec![]));
        let dir = tempfile::tempdir().unwrap();
        let store_settings = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
        let store = Store::open(dir.path(), &store::tests::as_chosen(store_settings)).unwrap();
        let registers = Registers::new(Parts { settings, store, world: World::system() }).unwrap();
        Asking { registers, _dir: dir }
    }

    fn know(&self, known: &Known) {
        self.stand_in.know(known);
    }

    fn behave(&self, behaviour: Behaviour) {
        self.know(&Known { behaviour, ..known() });
    }

    async fn person(&self, full_name: &str) -> Answer {
        self.asking.person(full_name).await
    }

    fn audit(&self) -> Vec<AuditEntry> {
        self.asking.registers.inner.store.read_blocking(|view| view.audit_entries(100)).unwrap()
    }
}

impl Asking {
    async fn person(&self, full_name: &str) -> Answer {
        let iin = AIGUL.parse().unwrap();
        let asked = PersonAsked { iin: &iin, full_name, document: None, consent: None, cause: CAUSE };
        self.registers.person(asked).await
    }
}

const CAUSE: Cause<'static> = Cause { actor: "clerk", object: "A-1" };

#[test_case("rsa"; "with an rsa key")]
#[test_case("ec"; "with an ecdsa key")]
#[tokio::test]
async fn m24_a_register_knows_a_person_by_number_and_name(key: &str) {
    let world = Scene::new(key, |_| {}).await;
    let Answer::Match(proof) = world.person("Омарова Айгүл Серікқызы").await else {
        panic!("no match")
    };
    assert_eq!((proof.source.as_str(), proof.is_signed), ("GBDFL_UniversalServiceSync", true));
    assert_eq!((proof.question_id.len(), proof.answer_id.len()), (36, 36));
    for (name, field) in [("Омаров Айгүл Серікқызы", Field::Surname), ("Омарова Айгул Серікқызы", Field::Name)]
    {
        assert_eq!(world.person(name).await, Answer::Mismatch { field }, "{name}");
    }
    let entries: Vec<_> = world.audit().into_iter().map(|entry| (entry.actor, entry.action, entry.object)).collect();
    assert_eq!(entries, vec![("clerk".to_owned(), "register.person".to_owned(), "A-1".to_owned()); 3]);
    let details = format!("{:?}", world.audit());
    assert!(details.contains("mismatch: surname") && !details.contains(AIGUL), "{details}");
    assert!(!details.to_uppercase().contains("ОМАРОВ"), "{details}");
}

#[tokio::test]
async fn m24_whom_a_register_does_not_have_or_has_no_more() {
    let world = Scene::new("rsa", |_| {}).await;
    let other = "791028302728".parse().unwrap();
    let asked = PersonAsked { iin: &other, full_name: "Кто То", document: None, consent: None, cause: CAUSE };
    assert_eq!(world.asking.registers.person(asked).await, Answer::Mismatch { field: Field::Number });
    let iin = AIGUL.parse().unwrap();
    let asked = |document| PersonAsked {
        iin: &iin,
        full_name: "ОМАРОВА АЙГҮЛ СЕРІКҚЫЗЫ",
        document: Some(document),
        consent: None,
        cause: CAUSE,
    };
    assert!(matches!(world.asking.registers.person(asked("№ 012345678")).await, Answer::Match(_)));
    let answer = world.asking.registers.person(asked("012345679")).await;
    assert_eq!(answer, Answer::Mismatch { field: Field::Document });
    let mut dead = known();
    dead.persons[0].is_dead = true;
    world.know(&dead);
    assert_eq!(world.person("ОМАРОВА АЙГҮЛ СЕРІКҚЫЗЫ").await, Answer::Mismatch { field: Field::Status });
}

#[tokio::test]
async fn m24_a_register_knows_a_legal_entity_by_bin_and_name() {
    let world = Scene::new("ec", |_| {}).await;
    let bin = bin();
    let entity = |full_name: &'static str| {
        let (registers, bin) = (world.asking.registers.clone(), bin);
        async move { registers.entity(EntityAsked { bin: &bin, full_name, cause: CAUSE }).await }
    };
    assert!(matches!(entity("«Тест & Ко» жауапкершілігі шектеулі серіктестігі").await, Answer::Match(_)));
    assert_eq!(entity("ТОО «Тест & Ко»").await, Answer::Mismatch { field: Field::FullName });
    let mut gone = known();
    gone.entities[0].is_liquidated = true;
    world.know(&gone);
    assert_eq!(entity("«Тест & Ко»").await, Answer::Mismatch { field: Field::Status });
    world.know(&Known::default());
    assert_eq!(entity("«Тест & Ко»").await, Answer::Mismatch { field: Field::Number });
}

#[test_case(Behaviour::Down, ""; "closed connections")]
#[test_case(Behaviour::Unavailable, "HTTP status 503"; "http")]
#[test_case(Behaviour::Failing, "SCSE008"; "the gateway's own status")]
#[test_case(Behaviour::Altered, "altered"; "a message that nobody signed")]
#[test_case(Behaviour::SlowMs(5_000), "no answer within"; "too slow")]
#[tokio::test]
async fn m24_a_register_that_cannot_say_is_unavailable(behaviour: Behaviour, expected: &str) {
    let world = Scene::new("rsa", |settings| settings.deadline_s = 1).await;
    world.behave(behaviour);
    let Answer::Unavailable { reason } = world.person("Омарова Айгүл Серікқызы").await else {
        panic!("an answer")
    };
    assert!(reason.contains(expected), "{reason}");
    world.behave(Behaviour::Answer);
    assert!(matches!(world.person("Омарова Айгүл Серікқызы").await, Answer::Match(_)), "up again");
}

/// Answers under https in front of a stand-in that does not speak it, as `localhost`.
async fn tls_before(plain: SocketAddr, files: &crate::server::tls::fixture::Files) -> SocketAddr {
    let key = PrivateKeyDer::from_pem_file(&files.settings.key_file).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![files.root.clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust the certificate goes away.
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let mut behind = tokio::net::TcpStream::connect(plain).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut behind).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn m24_a_register_is_asked_over_tls_and_a_stranger_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (files, other) = (dir.path().join("ca.pem"), dir.path().join("other.pem"));
    let made = crate::server::tls::fixture::Files::new();
    std::fs::copy(&made.settings.certificate_file, &files).unwrap();
    std::fs::write(&other, crate::server::tls::fixture::self_signed("localhost").cert.pem()).unwrap();
    let stand_in = stand_in::started(World::system(), &known()).await;
    let plain = stand_in.settings.url.trim_start_matches("http://").trim_end_matches("/shep").parse().unwrap();
    let port = tls_before(plain, &made).await.port();
    let asked = async |host: &str, authorities: &Path| {
        let mut settings = stand_in.settings.clone();
        settings.url = format!("https://{host}:{port}/shep");
        settings.tls_authorities_file = authorities.to_owned();
        Scene::asking(settings).person("Омарова Айгүл Серікқызы").await
    };
    assert!(matches!(asked("localhost", &files).await, Answer::Match(_)));
    // An authority that nobody trusts here, and the certificate of another host.
    for (host, authorities) in [("localhost", &other), ("127.0.0.1", &files)] {
        let Answer::Unavailable { reason } = asked(host, authorities).await else { panic!("an answer") };
        assert!(reason.contains("invalid peer certificate"), "{reason}");
    }
}

#[tokio::test]
async fn m24_a_dead_register_holds_nobody() {
    let world = Scene::new("rsa", |settings| {
        (settings.attempts, settings.max_failures, settings.pause_s) = (1, 2, 600);
        (settings.max_at_once, settings.deadline_s) = (2, 1);
    })
    .await;
    world.behave(Behaviour::SlowMs(60_000));
    let name = "Омарова Айгүл Серікқызы";
    let reasons = |answers: Vec<Answer>| -> Vec<String> {
        answers
            .into_iter()
            .map(|answer| match answer {
                Answer::Unavailable { reason } => reason,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let told = reasons(futures_util::future::join_all((0..5).map(|_| world.person(name))).await);
    assert_eq!(told.iter().filter(|reason| reason.contains("too many")).count(), 3, "{told:?}");
    // Two failed: from now on nobody waits, although the register would answer again.
    world.behave(Behaviour::Answer);
    let begun = std::time::Instant::now();
    let told = reasons(vec![world.person(name).await]);
    assert!(told[0].contains("left alone") && begun.elapsed() < Duration::from_secs(5), "{told:?}");
    // The other register is another one.
    let entity =
        EntityAsked {
            bin: &bin(), full_name: "«Тест & Ко» жауапкершілігі шектеулі серіктестігі", cause: CAUSE
        };
    assert!(matches!(world.asking.registers.entity(entity).await, Answer::Match(_)));
}

#[tokio::test]
async fn m24_consent_goes_with_the_question_and_stays_with_the_proof() {
    let world = Scene::new("rsa", |_| {}).await;
    world.know(&Known { needs_consent: true, ..known() });
    assert!(matches!(world.person("Омарова Айгүл Серікқызы").await, Answer::Unavailable { .. }));
    let (iin, consent) = (AIGUL.parse().unwrap(), ConsentToken::new("abc.def", "MFkw").unwrap());
    let full_name = "Омарова Айгүл Серікқызы";
    let asked = PersonAsked { iin: &iin, full_name, document: None, consent: Some(&consent), cause: CAUSE };
    let Answer::Match(proof) = world.asking.registers.person(asked).await else { panic!("no match") };
    assert_eq!(proof.consent, Some(consent));
    assert!(ConsentToken::new("a b", "").is_err() && ConsentToken::new("", "x").is_err());
}

#[tokio::test]
async fn m25_a_gateway_answers_only_those_whom_it_knows() {
    // The certificate that the stand-in knows is another one than that of the key.
    let world = Scene::new("ec", |settings| {
        settings.key_file = vector("rsa.key");
        settings.certificate_file = vector("rsa.pem");
    })
    .await;
    let Answer::Unavailable { reason } = world.person("Омарова Айгүл Серікқызы").await else {
        panic!("an answer")
    };
    // A fault is not signed either.
    assert!(reason.contains("not signed"), "{reason}");
}

#[test]
fn m25_keys_that_do_not_belong_together_are_told() {
    let told = |key: &str, certificate: &str| {
        let settings = Settings {
            url: "http://127.0.0.1/".into(),
            key_file: vector(key),
            certificate_file: vector(certificate),
            ..Settings::default()
        };
        settings.file_problems().pop().map(|(key, what)| format!("{key}: {what}")).unwrap_or_default()
    };
    assert_eq!(told("rsa.key", "rsa.pem"), "");
    assert!(told("rsa.key", "ec.pem").contains("it is not of the key"));
    assert!(told("rsa.pem", "rsa.pem").starts_with("key_file"));
    assert!(told("none", "rsa.pem").starts_with("key_file"));
}

#[test]
fn m25_an_answer_to_another_question_is_none() {
    let message = std::fs::read_to_string(vector("rsa.xml")).unwrap();
    let document = xml::read(message.as_bytes(), &XmlLimits::default()).unwrap();
    let body = xml::only(document.root_element(), Some(super::envelope::SOAP), "Body").unwrap();
    let (about, response) = answer::response(body, QUESTION).unwrap();
    assert_eq!(about.message_id, "129f9727-a75a-4a0f-911e-bf507334a9b1");
    let other = answer::response(body, "00000000-0000-4000-8000-000000000002").unwrap_err();
    assert!(other.contains("another question"), "{other}");
    let iin = AIGUL.parse().unwrap();
    let asked =
        |iin| PersonAsked {
            iin, full_name: "Омарова Айгүл Серікқызы", document: None, consent: None, cause: CAUSE
        };
    let rules = answer::PersonRules { not_found: &[], no_consent: &[] };
    assert_eq!(answer::person(response, &asked(&iin), &rules, now()), Ok(Ok(())));
    let other = "791028302728".parse().unwrap();
    assert!(answer::person(response, &asked(&other), &rules, now()).is_err(), "about somebody else");
}

/// `POSHTA_WRITE_QUESTIONS=DIR` writes what another program is then to verify; see the README of the vectors.
#[test_case("rsa"; "rsa")]
#[test_case("ec"; "ecdsa")]
fn m25_what_is_signed_is_what_is_sent(key: &str) {
    let load = |reference| {
        signing::Signer::load(&vector(&format!("{key}.key")), &vector(&format!("{key}.pem")), reference).unwrap()
    };
    for reference in [KeyReference::BinarySecurityToken, KeyReference::KeyIdentifier] {
        let signer = load(reference);
        let message =
            envelope::Message { id: QUESTION, service: "S & <s>", at: now(), sender: "p", password: "]]>&\r\"'" };
        let request = envelope::entity_request("1", "2");
        let request = envelope::enclose(&request, &signer.enveloped(&request).unwrap());
        let body = envelope::body("b-1", message, &envelope::Data::Entity { request: &request });
        let expires = now().checked_add(jiff::SignedDuration::from_secs(300)).unwrap();
        let lifetime = signing::Lifetime { created: now(), expires };
        let header = signer.security(signing::Part { id: "b-1", canonical: &body }, Some(lifetime)).unwrap();
        let sent = envelope::envelope(&header, &body);
        let document = xml::read(sent.as_bytes(), &XmlLimits::default()).unwrap();
        let found = xml::only(document.root_element(), Some(envelope::SOAP), "Body").unwrap();
        let canonical = canonical::canonical(found, canonical::Options::default()).unwrap();
        assert_eq!(String::from_utf8(canonical).unwrap(), body, "written in canonical form");
        assert_eq!(verified(&sent, &format!("{key}.pem")), Ok(()));
        let later = now().checked_add(jiff::SignedDuration::from_secs(900)).unwrap();
        let stale = verify::body(&document, &keys_of(&format!("{key}.pem")), later).unwrap_err();
        assert_eq!(stale, Unverified::Stale);
        if let Ok(dir) = std::env::var("POSHTA_WRITE_QUESTIONS") {
            std::fs::write(Path::new(&dir).join(format!("question-{key}.xml")), sent).unwrap();
        }
    }
    let signer = load(KeyReference::BinarySecurityToken);
    let request = envelope::entity_request("1", "2");
    let signed = envelope::enclose(&request, &signer.enveloped(&request).unwrap());
    let document = roxmltree::Document::parse(&signed).unwrap();
    assert_eq!(verify::enveloped(document.root_element(), &keys_of(&format!("{key}.pem")), now()), Ok(()));
    let altered = signed.replacen("<BIN>2", "<BIN>3", 1);
    let document = roxmltree::Document::parse(&altered).unwrap();
    let refused = verify::enveloped(document.root_element(), &keys_of(&format!("{key}.pem")), now());
    assert_eq!(refused, Err(Unverified::Altered));
}

#[tokio::test]
async fn m24_without_a_register_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let store_settings = store::Settings { watermark_bytes: 0, ..store::Settings::default() };
    let store = Store::open(dir.path(), &store::tests::as_chosen(store_settings)).unwrap();
    let registers = Registers::new(Parts { settings: Settings::default(), store, world: World::system() }).unwrap();
    let iin = AIGUL.parse().unwrap();
    let asked = PersonAsked { iin: &iin, full_name: "x", document: None, consent: None, cause: CAUSE };
    assert_eq!(registers.person(asked).await, Answer::NotConfigured);
    assert!(!registers.is_configured());
}
