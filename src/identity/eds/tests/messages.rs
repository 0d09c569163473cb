//! Signatures that are right, and signatures that are wrong in one way each.

use test_case::test_case;

use super::super::asn1::{tag, write};
use super::super::gost::ParameterSet;
use super::super::*;
use super::build::{
    Key, Message, Plan, SIGN_IN_PURPOSES, SIGN_IN_USAGE, SIGNING_USAGE, generalized, list, ocsp, ocsp_dated, stamp,
};
use super::time;

const DOCUMENT: &[u8] = "Өтініш: пошта жәшігін ашуды сұраймын".as_bytes();
const NOW: &str = "2026-11-29T10:00:00Z";

/// A root, an authority below it, and a person.
struct World {
    root_key: Key,
    root: Certificate,
    authority_key: Key,
    authority: Certificate,
    key: Key,
    person: Certificate,
}

impl World {
    fn new(plan: &Plan) -> Self {
        World::with(plan, &Plan::authority("Authority", "Root"), || Key::gost(ParameterSet::Tc26A512, 7))
    }

    fn with(plan: &Plan, authority_plan: &Plan, key: impl Fn() -> Key) -> Self {
        let root_key = Key::gost(ParameterSet::Tc26A512, 1);
        let root = Plan::authority("Root", "Root").issue(&root_key, &root_key);
        let authority_key = Key::gost(ParameterSet::Tc26A256, 3);
        let authority = authority_plan.issue(&authority_key, &root_key);
        let key = key();
        let person = plan.issue(&key, &authority_key);
        World { root_key, root, authority_key, authority, key, person }
    }

    fn message(&self) -> Message<'_> {
        Message::new(&self.key, &self.person, std::slice::from_ref(&self.authority), DOCUMENT)
    }

    fn policy<'a>(&'a self, evidence: Evidence<'a>) -> Policy<'a> {
        let trust = Trust { anchors: std::slice::from_ref(&self.root), others: &[] };
        Policy {
            trust,
            at: time(NOW),
            digits: CheckDigits::Required,
            evidence,
            max_age_s: 86_400,
            usage: Use::Document,
        }
    }

    fn judge(&self, file: &[u8], document: Option<&[u8]>, evidence: Evidence<'_>) -> Report {
        judge(Given { file, document }, &self.policy(evidence))
    }

    fn code(&self, file: &[u8]) -> &'static str {
        code(&self.judge(file, None, Evidence::None))
    }
}

fn code(report: &Report) -> &'static str {
    report.refusal.as_ref().map_or("valid", Refusal::code)
}

fn person() -> Plan {
    Plan::person("ТЕСТОВ ТЕСТ", "Authority")
}

#[test_case(|| Key::gost(ParameterSet::CryptoProA, 9), "GOST 34.310-2004")]
#[test_case(|| Key::gost(ParameterSet::Tc26A256, 9), "GOST 34.10-2015 (256)")]
#[test_case(|| Key::gost(ParameterSet::Tc26A512, 9), "GOST 34.10-2015 (512)")]
#[test_case(Key::p256, "ECDSA P-256")]
fn eds_signatures_of_every_algorithm_hold(key: fn() -> Key, algorithm: &str) {
    let world = World::with(&person(), &Plan::authority("Authority", "Root"), key);
    let attached = world.message().to_der();
    let report = world.judge(&attached, None, Evidence::None);
    assert_eq!(code(&report), "valid");
    assert_eq!(report.holders[0].algorithm, algorithm);
    assert_eq!(report.holders[0].iin.as_deref(), Some("061211600012"));
    assert_eq!(report.holders[0].signing_time.as_deref(), Some("2026-11-20T10:00:00Z"));
    let detached = Message { is_detached: true, ..world.message() }.to_der();
    assert_eq!(code(&world.judge(&detached, Some(DOCUMENT), Evidence::None)), "valid");
    assert_eq!(code(&world.judge(&detached, Some(b"another"), Evidence::None)), "message-digest");
    assert_eq!(code(&world.judge(&detached, None, Evidence::None)), "no-content");
    assert_eq!(code(&world.judge(&attached, Some(b"another"), Evidence::None)), "other-content");
    let damaged = Message { is_damaged: true, ..world.message() }.to_der();
    assert_eq!(world.code(&damaged), "signature");
}

/// Every constructed element with an indefinite length, and the document in pieces of 10 bytes.
fn to_ber(der: &[u8]) -> Vec<u8> {
    let mut reader = asn1::Reader::new(der);
    let mut written = Vec::new();
    while let Ok(element) = reader.next() {
        let is_document = element.tag == tag::OCTET_STRING && element.content == DOCUMENT;
        if is_document {
            written.extend([0x24, 0x80]);
            written.extend(DOCUMENT.chunks(10).flat_map(|piece| write(tag::OCTET_STRING, piece)));
            written.extend([0, 0]);
        } else if element.tag & 0x20 != 0 {
            written.extend([element.tag, 0x80]);
            written.extend(to_ber(element.content));
            written.extend([0, 0]);
        } else {
            written.extend_from_slice(element.whole);
        }
    }
    written
}

#[test]
fn x690_a_signature_in_ber_is_the_same_signature() {
    let world = World::new(&person());
    let der = world.message().to_der();
    let ber = to_ber(&der);
    assert_ne!(der, ber);
    assert_eq!(world.code(&ber), "valid");
}

#[test]
fn eds_a_signature_that_is_wrong_in_one_way_is_refused_for_that() {
    let world = World::new(&person());
    let other = World::new(&Plan { serial: 78, ..person() });
    let message = || world.message();
    let cases = [
        ("attribute", Message { says_type: None, ..message() }),
        ("attribute", Message { says_type: Some("1.2.3.4"), ..message() }),
        ("attribute", Message { says_digest_of: None, ..message() }),
        ("attribute", Message { says_certificate: None, ..message() }),
        ("message-digest", Message { says_digest_of: Some(b"another"), ..message() }),
        ("signing-certificate", Message { says_certificate: Some(&other.person), ..message() }),
        ("signing-time", Message { signing_time: Some("2026-11-29T11:00:00Z"), ..message() }),
        ("signing-time", Message { signing_time: Some("2024-12-31T23:59:59Z"), ..message() }),
        ("digest-mismatch", Message { digest: Digest::Sha256, ..message() }),
        ("weak-digest", Message { digest: Digest::Sha1, ..message() }),
        ("no-issuer", Message { chain: &[], ..message() }),
        ("valid", Message { signing_time: None, ..message() }),
    ];
    for (expected, message) in cases {
        assert_eq!(world.code(&message.to_der()), expected);
    }
}

#[test_case(Plan { until: "2026-11-29T09:59:59Z", ..person() }, None => "expired"; "the person's certificate is over")]
#[test_case(Plan { usage: 0x20, ..person() }, None => "key-usage"; "a key for encryption")]
#[test_case(Plan { usage: SIGN_IN_USAGE, purposes: SIGN_IN_PURPOSES, ..person() }, None => "key-usage"; "a key to sign in with")]
#[test_case(Plan { usage: SIGN_IN_USAGE, ..person() }, None => "key-usage"; "nobody is held to what the key signs")]
#[test_case(Plan { purposes: SIGN_IN_PURPOSES, ..person() }, None => "key-usage"; "the purpose is to sign in")]
#[test_case(Plan { purposes: &[], ..person() }, None => "valid"; "no purposes are named")]
#[test_case(Plan { usage: SIGNING_USAGE | 0x08, ..person() }, None => "valid"; "for signing and for agreeing on keys")]
#[test_case(Plan { iin: Some("061211600013"), ..person() }, None => "iin"; "a wrong check digit")]
#[test_case(Plan { iin: Some("0612116000"), ..person() }, None => "iin"; "ten digits")]
#[test_case(Plan { bin: Some("061211600012"), ..person() }, None => "bin"; "an iin where a bin should be")]
#[test_case(Plan { critical: Some("1.2.3.4.5"), ..person() }, None => "critical-extension"; "what must be understood is not")]
#[test_case(person(), Some(Plan { authority: None, ..Plan::authority("Authority", "Root") }) => "not-authority"; "a person issues")]
#[test_case(person(), Some(Plan { usage: 0xc0, ..Plan::authority("Authority", "Root") }) => "key-usage"; "a key that is not for certificates")]
#[test_case(person(), Some(Plan { until: "2026-06-01T00:00:00Z", ..Plan::authority("Authority", "Root") }) => "expired"; "the authority's certificate is over")]
#[test_case(person(), Some(Plan { authority: Some(Some(0)), ..Plan::authority("Authority", "Root") }) => "valid"; "nobody below the authority")]
fn rfc5280_paths_are_judged(plan: Plan, authority: Option<Plan>) -> &'static str {
    let authority = authority.unwrap_or_else(|| Plan::authority("Authority", "Root"));
    let world = World::with(&plan, &authority, || Key::gost(ParameterSet::Tc26A512, 7));
    world.code(&world.message().to_der())
}

/// A key to sign in with proves who somebody is, and its certificate holds; it signs no document.
#[test]
fn eds_a_key_to_sign_in_with_is_refused_only_under_a_document() {
    let plan = Plan { usage: SIGN_IN_USAGE, purposes: SIGN_IN_PURPOSES, ..person() };
    let world = World::new(&plan);
    let report = world.judge(&world.message().to_der(), None, Evidence::None);
    let subject = world.person.names().shown();
    assert_eq!(report.refusal, Some(Refusal::KeyUsage { subject }));
    assert_eq!(report.checks.last(), Some(&Check { step: Step::KeyUsage, outcome: Outcome::Failed, holder: Some(0) }));
    let trust = Trust { anchors: std::slice::from_ref(&world.authority), others: &[] };
    let policy = Policy { trust, ..world.policy(Evidence::None) };
    assert_eq!(code(&judge(Given { file: world.person.der(), document: None }, &policy)), "valid");
}

#[test_case(Plan { usage: SIGN_IN_USAGE, purposes: SIGN_IN_PURPOSES, ..person() } => "valid"; "a key to sign in with")]
#[test_case(person() => "valid"; "a key that signs documents")]
#[test_case(Plan { usage: 0x20, purposes: SIGN_IN_PURPOSES, ..person() } => "key-usage"; "a key for encryption")]
#[test_case(Plan { usage: SIGN_IN_USAGE, ..person() } => "key-usage"; "nobody is held to documents of the key")]
#[test_case(Plan { usage: SIGN_IN_USAGE, purposes: &[], ..person() } => "key-usage"; "no purpose is named")]
fn eds_who_signs_in_may_use_either_key(plan: Plan) -> &'static str {
    let world = World::new(&plan);
    let policy = Policy { usage: Use::SignIn, ..world.policy(Evidence::None) };
    let judged = verify(&world.message().to_der(), None, &policy, &mut Report::default());
    judged.map_or_else(|refusal| refusal.code(), |_| "valid")
}

#[test]
fn eds_who_signs_twice_is_listed_once() {
    let world = World::new(&person());
    let twice = Message { times: 2, ..world.message() }.to_der();
    let signed = verify(&twice, None, &world.policy(Evidence::None), &mut Report::default()).unwrap();
    assert_eq!(signed.certificates(), [&world.person]);
}

/// Each with name, numbers and time of its own; a signature that is not right ends it, and says whose it is.
#[test]
fn m5_everybody_who_signed_is_named() {
    let world = World::new(&person());
    let key = Key::gost(ParameterSet::Tc26A256, 40);
    let plan = Plan { serial: 78, iin: Some("791028302728"), bin: Some("060640000011"), ..person() };
    let second = Plan { name: "СЕРІКОВА АЙГҮЛ", ..plan }.issue(&key, &world.authority_key);
    let message = Message { signing_time: Some("2026-11-21T10:00:00Z"), ..Message::new(&key, &second, &[], DOCUMENT) };
    let report = world.judge(&world.message().signed_with(&[&message]), None, Evidence::None);
    assert_eq!(code(&report), "valid");
    let named: Vec<_> = report.holders.iter().map(|holder| (holder.subject.as_str(), holder.iin.as_deref())).collect();
    assert_eq!(named, [("ТЕСТОВ ТЕСТ", Some("061211600012")), ("СЕРІКОВА АЙГҮЛ", Some("791028302728"))]);
    assert_eq!(report.holders[1].bin.as_deref(), Some("060640000011"));
    assert_eq!(report.holders[1].signing_time.as_deref(), Some("2026-11-21T10:00:00Z"));
    let steps = |holder| report.checks_of(holder).map(|check| check.step).collect::<Vec<_>>();
    assert_eq!(steps(0), steps(1));
    assert_eq!(steps(0).len(), report.checks.len() / 2, "all but that of the form are of one of the two");
    let damaged = Message { is_damaged: true, ..message };
    let report = world.judge(&world.message().signed_with(&[&damaged]), None, Evidence::None);
    assert_eq!((code(&report), report.holders.len()), ("signature", 2));
    assert_eq!(report.checks.last().map(|check| check.holder), Some(Some(1)));
}

#[test_case(60_000 => true; "a long one")]
#[test_case(66_000 => false; "a longer one")]
fn eds_certificates_have_bounds(length: usize) -> bool {
    let key = Key::gost(ParameterSet::Tc26A256, 3);
    let der = Plan::person(String::leak("N".repeat(length)), "Authority").to_der(&key, &key);
    let read = Certificate::read(&der);
    assert!(read.is_ok() || read == Err(Refusal::Malformed(Kind::Certificate)));
    read.is_ok()
}

#[test]
fn rfc5280_a_path_is_no_longer_than_the_authority_says() {
    let world =
        World::with(&person(), &Plan { authority: Some(Some(0)), ..Plan::authority("Authority", "Root") }, Key::p256);
    let between_key = Key::gost(ParameterSet::Tc26A256, 21);
    let between = Plan::authority("Between", "Authority").issue(&between_key, &world.authority_key);
    let person = Plan::person("Person", "Between").issue(&world.key, &between_key);
    let chain = [between, world.authority.clone()];
    let message = Message::new(&world.key, &person, &chain, DOCUMENT);
    assert_eq!(world.code(&message.to_der()), "not-authority");
}

#[test]
fn rfc5280_a_certificate_with_the_issuers_name_and_another_key_proves_nothing() {
    let world = World::new(&person());
    let impostor_key = Key::gost(ParameterSet::Tc26A256, 99);
    let impostor = Plan::authority("Authority", "Root").issue(&impostor_key, &world.root_key);
    let chain = [impostor];
    let message = Message { chain: &chain, ..world.message() };
    assert_eq!(world.code(&message.to_der()), "certificate-signature");
    // With the right one beside it, the right one is found.
    let chain = [chain[0].clone(), world.authority.clone()];
    let message = Message { chain: &chain, ..world.message() };
    assert_eq!(world.code(&message.to_der()), "valid");
}

#[test]
fn eds_many_certificates_cost_no_more_work() {
    let world = World::new(&person());
    let key = Key::gost(ParameterSet::Tc26A256, 5);
    let chain: Vec<Certificate> =
        (1..31).map(|serial| Plan { serial, ..Plan::authority("Authority", "Authority") }.issue(&key, &key)).collect();
    let message = Message { chain: &chain, ..world.message() };
    assert!(!world.judge(&message.to_der(), None, Evidence::None).is_valid());
}

/// CAdES-T: a certificate that is over now was valid when the stamp was made.
#[test]
fn rfc3161_a_time_stamp_says_when_the_signature_was_there() {
    let world = World::new(&Plan { until: "2026-11-25T00:00:00Z", ..person() });
    let stamper_key = Key::p256();
    let stamper = Plan::stamper("Authority").issue(&stamper_key, &world.authority_key);
    let stamped = |at: &'static str| {
        let make = move |signature: &[u8]| stamp(&stamper_key, &stamper, signature, at, None);
        Message { stamp: Some(&make), ..world.message() }.to_der()
    };
    let without = world.message().to_der();
    assert_eq!(world.code(&without), "expired");
    let report = world.judge(&stamped("2026-11-20T10:00:05Z"), None, Evidence::None);
    assert_eq!(code(&report), "valid");
    assert_eq!(report.holders[0].time_stamp.as_ref().unwrap().time, "2026-11-20T10:00:05Z");
}

#[test]
fn rfc3161_wrong_time_stamps_of_a_signature_are_refused() {
    let world = World::new(&person());
    let key = Key::p256();
    let good = Plan::stamper("Authority").issue(&key, &world.authority_key);
    let not_critical =
        Plan { are_purposes_critical: false, ..Plan::stamper("Authority") }.issue(&key, &world.authority_key);
    let two_purposes = Plan { purposes: &["1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.4"], ..Plan::stamper("Authority") };
    let two_purposes = two_purposes.issue(&key, &world.authority_key);
    let stranger_key = Key::gost(ParameterSet::Tc26A256, 50);
    let stranger = Plan::stamper("Nobody").issue(&key, &stranger_key);
    let early = "2026-11-20T10:00:05Z";
    let cases = [
        ("valid", &good, None, early),
        ("imprint", &good, Some(b"another".as_slice()), early),
        ("future", &good, None, "2026-11-29T11:00:00Z"),
        ("not-time-stamping", &not_critical, None, early),
        ("not-time-stamping", &two_purposes, None, early),
        ("no-issuer", &stranger, None, early),
        ("signing-time", &good, None, "2026-11-20T09:00:00Z"),
    ];
    for (expected, certificate, content, at) in cases {
        let make = |signature: &[u8]| stamp(&key, certificate, content.unwrap_or(signature), at, None);
        let message = Message { stamp: Some(&make), ..world.message() };
        assert_eq!(world.code(&message.to_der()), expected, "{at}");
    }
}

#[test]
fn rfc3161_a_token_answers_its_question() {
    let world = World::new(&person());
    let key = Key::p256();
    let certificate = Plan::stamper("Authority").issue(&key, &world.authority_key);
    let nonce = [0, 0, 200, 1];
    let token = Token::read(&stamp(&key, &certificate, DOCUMENT, NOW, Some(&nonce))).unwrap();
    let expected = Expected { content: DOCUMENT, nonce: Some(&nonce), policy: Some("1.2.3.4.1") };
    assert_eq!(token.require(&expected), Ok(()));
    assert_eq!(token.require(&Expected { content: b"another", ..expected }), Err(Refusal::Imprint));
    assert_eq!(token.require(&Expected { nonce: Some(&[200, 2]), ..expected }), Err(Refusal::Nonce));
    let found = "1.2.3.4.1".to_owned();
    assert_eq!(token.require(&Expected { policy: Some("1.2.3.4.2"), ..expected }), Err(Refusal::Policy { found }));
    let without = Token::read(&stamp(&key, &certificate, DOCUMENT, NOW, None)).unwrap();
    assert_eq!(without.require(&expected), Err(Refusal::Nonce));
}

const GOOD: &[u8] = &[0x80, 0];
const UNKNOWN: &[u8] = &[0x82, 0];

fn revoked(since: &str) -> Vec<u8> {
    write(tag::constructed(1), &generalized(since))
}

#[test]
fn rfc6960_what_a_responder_says_counts() {
    let world = World::new(&person());
    let signature = world.message().to_der();
    let key = Key::p256();
    let responder = Plan::responder("Authority").issue(&key, &world.authority_key);
    let no_purpose = Plan { purposes: &[], ..Plan::responder("Authority") }.issue(&key, &world.authority_key);
    let elsewhere = Plan::responder("Root").issue(&key, &world.root_key);
    let other = Plan { serial: 78, ..person() }.issue(&world.key, &world.authority_key);
    let nonce = b"0123456789abcdef".as_slice();
    let at = "2026-11-29T09:59:00Z";
    let about = (&world.person, &world.authority);
    let dated = |updated, produced| ocsp_dated((&key, &responder), about, GOOD, (updated, produced), Some(nonce));
    let cases = [
        ("valid", ocsp((&key, &responder), about, GOOD, at, Some(nonce))),
        ("valid", ocsp((&world.authority_key, &world.authority), about, GOOD, at, Some(nonce))),
        ("revoked", ocsp((&key, &responder), about, &revoked("2026-11-01T00:00:00Z"), at, Some(nonce))),
        ("valid", ocsp((&key, &responder), about, &revoked("2026-11-29T10:00:01Z"), at, Some(nonce))),
        ("unknown-certificate", ocsp((&key, &responder), about, UNKNOWN, at, Some(nonce))),
        ("nonce", ocsp((&key, &responder), about, GOOD, at, Some(b"another"))),
        ("nonce", ocsp((&key, &responder), about, GOOD, at, None)),
        ("stale", ocsp((&key, &responder), about, GOOD, "2026-11-27T10:00:00Z", Some(nonce))),
        ("future", ocsp((&key, &responder), about, GOOD, "2026-11-29T10:06:00Z", Some(nonce))),
        ("valid", dated("2026-11-28T10:00:00Z", at)),
        ("stale", dated("2026-11-28T09:59:59Z", at)),
        ("stale", dated(at, "2026-11-28T09:59:59Z")),
        ("future", dated(at, "2026-11-29T09:58:59Z")),
        ("future", dated(at, "2026-11-29T10:05:01Z")),
        ("not-responder", ocsp((&key, &no_purpose), about, GOOD, at, Some(nonce))),
        ("not-responder", ocsp((&key, &elsewhere), about, GOOD, at, Some(nonce))),
        ("signature", ocsp((&Key::p256(), &responder), about, GOOD, at, Some(nonce))),
        ("no-answer", ocsp((&key, &responder), (&other, &world.authority), GOOD, at, Some(nonce))),
    ];
    for (number, (expected, response)) in cases.into_iter().enumerate() {
        let response = Response::read(&response).unwrap();
        let report = world.judge(&signature, None, Evidence::Ocsp(&response, Some(nonce)));
        assert_eq!(code(&report), expected, "case {number}");
    }
    assert_eq!(Response::read(&[0x30, 3, 0x0a, 1, 6]).unwrap_err(), Refusal::OcspStatus { status: 6 });
}

#[test]
fn rfc5280_a_list_of_revoked_certificates_counts_where_no_responder_is_asked() {
    let world = World::new(&person());
    let signature = world.message().to_der();
    let key = &world.authority_key;
    let at = "2026-11-29T00:00:00Z";
    let cases = [
        ("valid", list(key, "Authority", &[], at)),
        ("valid", list(key, "Authority", &[(3, at)], at)),
        ("revoked", list(key, "Authority", &[(3, at), (77, "2026-11-01T00:00:00Z")], at)),
        ("stale", list(key, "Authority", &[], "2026-11-20T00:00:00Z")),
        ("signature", list(&world.root_key, "Authority", &[], at)),
        ("other-list", list(&world.root_key, "Root", &[], at)),
    ];
    for (number, (expected, bytes)) in cases.into_iter().enumerate() {
        let list = RevocationList::read(&bytes).unwrap();
        assert_eq!(code(&world.judge(&signature, None, Evidence::List(&list))), expected, "case {number}");
        if expected == "valid" {
            assert_eq!(world.code(&bytes), "other-list", "its authority is not trusted itself");
        }
    }
    let of_the_root = list(&world.root_key, "Root", &[], at);
    assert_eq!(world.code(&of_the_root), "valid");
    let nobody = Plan { authority: None, ..Plan::authority("Nobody", "Nobody") }.issue(key, key);
    let of_nobody = list(key, "Nobody", &[], at);
    let trust = Trust { anchors: std::slice::from_ref(&nobody), others: &[] };
    let policy = Policy { trust, ..world.policy(Evidence::None) };
    assert_eq!(code(&judge(Given { file: &of_nobody, document: None }, &policy)), "not-authority");
}

#[test_case(&[]; "nothing")]
#[test_case(&[0x30, 0x80, 0, 0]; "an empty sequence")]
#[test_case(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"; "pem of nothing")]
#[test_case(b"-----BEGIN CERTIFICATE-----\n"; "cut off")]
#[test_case("Құрметті мырза".as_bytes(); "a letter")]
fn eds_other_files_are_not_recognised(file: &[u8]) {
    let world = World::new(&person());
    let report = world.judge(file, None, Evidence::None);
    assert!(report.refusal.is_some());
    assert!(matches!(code(&report), "not-recognised" | "malformed"), "{}", code(&report));
}
