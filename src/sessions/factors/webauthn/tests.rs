//! An authenticator of our own, and every way in which one may lie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use test_case::test_case;

use ciborium::Value;

use super::*;

const CHALLENGE: &str = "Y2hhbGxlbmdl";

fn site() -> Site {
    Site { origin: "https://post.example:8443".into(), id: "post.example".into() }
}

/// What makes keys and signs, as a phone would.
pub(crate) enum Signer {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn p256() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Signer::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap())
    }

    fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    fn cose(&self) -> Value {
        let map = |pairs: Vec<(i64, Value)>| Value::Map(pairs.into_iter().map(|(k, v)| (Value::from(k), v)).collect());
        match self {
            Signer::P256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (Value::Bytes(point[1..33].to_vec()), Value::Bytes(point[33..].to_vec()));
                map(vec![(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x), (-3, y)])
            }
            Signer::Ed25519(key) => {
                let x = Value::Bytes(key.public_key().as_ref().to_vec());
                map(vec![(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x)])
            }
        }
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Signer::P256(key) => key.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
            Signer::Ed25519(key) => key.sign(bytes).as_ref().to_vec(),
        }
    }
}

pub(crate) fn client_data(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
}

fn data(id: &str, flags: u8, count: u32) -> Vec<u8> {
    [&Sha256::digest(id)[..], &[flags], &count.to_be_bytes()].concat()
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn attestation(auth_data: Vec<u8>) -> Vec<u8> {
    cbor(&Value::Map(vec![
        ("fmt".into(), "none".into()),
        ("attStmt".into(), Value::Map(vec![])),
        ("authData".into(), Value::Bytes(auth_data)),
    ]))
}

fn made(signer: &Signer, credential: &[u8], id: &str, flags: u8) -> Vec<u8> {
    let length = u16::try_from(credential.len()).unwrap().to_be_bytes();
    [data(id, flags | 1 << 6, 0), vec![0; 16], length.to_vec(), credential.to_vec(), cbor(&signer.cose())].concat()
}

pub(crate) fn registration(signer: &Signer, credential: &[u8], challenge: &str, site: &Site) -> Registration {
    Registration {
        client_data: client_data("webauthn.create", challenge, &site.origin),
        attestation: attestation(made(signer, credential, &site.id, 5)),
    }
}

pub(crate) fn assertion(signer: &Signer, credential: &[u8], challenge: &str, site: &Site, count: u32) -> Assertion {
    let client_data = client_data("webauthn.get", challenge, &site.origin);
    signed(signer, credential, client_data, data(&site.id, 5, count))
}

fn signed(signer: &Signer, credential: &[u8], client_data: Vec<u8>, authenticator_data: Vec<u8>) -> Assertion {
    let signature = signer.sign(&[&authenticator_data[..], &Sha256::digest(&client_data)].concat());
    Assertion { id: credential.to_vec(), client_data, authenticator_data, signature }
}

fn kept(new: NewPasskey, sign_count: u32) -> Passkey {
    Passkey { number: 1, name: "phone".into(), id: new.id, key: new.key, sign_count, since_us: 0, used_us: None }
}

#[test_case(&Signer::p256(); "es256")]
#[test_case(&Signer::ed25519(); "eddsa")]
fn webauthn_7_a_passkey_is_made_and_signs_in(signer: &Signer) {
    let new = check_new(&registration(signer, b"credential", CHALLENGE, &site()), CHALLENGE, &site()).unwrap();
    assert_eq!(new.id, b"credential");
    let passkey = kept(new, 7);
    let answer = assertion(signer, b"credential", CHALLENGE, &site(), 8);
    assert_eq!(challenge_of(&answer.client_data).unwrap(), CHALLENGE);
    assert_eq!(check(&answer, &passkey, CHALLENGE, &site(), OwnerSeen::Needed), Ok(8));
}

#[test_case("webauthn.get", CHALLENGE, "https://post.example:8443" => PasskeyError::WrongKind; "of signing in")]
#[test_case("webauthn.create", "b3RoZXI", "https://post.example:8443" => PasskeyError::WrongChallenge; "another challenge")]
#[test_case("webauthn.create", CHALLENGE, "https://post.example" => PasskeyError::WrongSite; "another port")]
#[test_case("webauthn.create", CHALLENGE, "https://evil.example" => PasskeyError::WrongSite; "another site")]
fn webauthn_7_1_what_the_browser_says_must_fit(kind: &str, challenge: &str, origin: &str) -> PasskeyError {
    let signer = Signer::p256();
    let new = Registration {
        client_data: client_data(kind, challenge, origin),
        ..registration(&signer, b"credential", CHALLENGE, &site())
    };
    check_new(&new, CHALLENGE, &site()).unwrap_err()
}

#[test_case("evil.example", 5 => PasskeyError::WrongSite; "another site")]
#[test_case("post.example", 4 => PasskeyError::NobodyThere; "nobody there")]
#[test_case("post.example", 1 => PasskeyError::OwnerNotSeen; "owner not seen")]
fn webauthn_7_2_what_the_authenticator_says_must_fit(id: &str, flags: u8) -> PasskeyError {
    let signer = Signer::p256();
    let new = check_new(&registration(&signer, b"c", CHALLENGE, &site()), CHALLENGE, &site()).unwrap();
    let answer = signed(&signer, b"c", client_data("webauthn.get", CHALLENGE, &site().origin), data(id, flags, 1));
    check(&answer, &kept(new, 0), CHALLENGE, &site(), OwnerSeen::Needed).unwrap_err()
}

#[test]
fn webauthn_7_2_every_byte_is_signed() {
    let signer = Signer::p256();
    let new = check_new(&registration(&signer, b"c", CHALLENGE, &site()), CHALLENGE, &site()).unwrap();
    let (passkey, good) = (kept(new, 0), assertion(&signer, b"c", CHALLENGE, &site(), 1));
    let verdict = |answer: &Assertion| check(answer, &passkey, CHALLENGE, &site(), OwnerSeen::NotNeeded);
    assert_eq!(verdict(&good), Ok(1));
    let mut counted = good.clone();
    *counted.authenticator_data.last_mut().unwrap() = 9;
    assert_eq!(verdict(&counted), Err(PasskeyError::WrongSignature));
    let mut said = good.clone();
    said.client_data.push(b' ');
    assert_eq!(verdict(&said), Err(PasskeyError::WrongSignature));
    let other = assertion(&Signer::p256(), b"c", CHALLENGE, &site(), 1);
    assert_eq!(verdict(&other), Err(PasskeyError::WrongSignature), "of another passkey");
}

#[test_case(0, 0 => Ok(0); "one that does not count")]
#[test_case(5, 6 => Ok(6); "counted on")]
#[test_case(5, 5 => Err(PasskeyError::Copied); "the same count again")]
#[test_case(5, 4 => Err(PasskeyError::Copied); "a copy that is behind")]
#[test_case(5, 0 => Err(PasskeyError::Copied); "stopped counting")]
fn webauthn_6_1_1_the_counter(before: u32, now: u32) -> Result<u32, PasskeyError> {
    let signer = Signer::p256();
    let new = check_new(&registration(&signer, b"c", CHALLENGE, &site()), CHALLENGE, &site()).unwrap();
    let answer = assertion(&signer, b"c", CHALLENGE, &site(), now);
    check(&answer, &kept(new, before), CHALLENGE, &site(), OwnerSeen::Needed)
}

#[test]
fn what_is_cut_off_or_has_more_behind_is_refused() {
    let signer = Signer::p256();
    let good = registration(&signer, b"credential", CHALLENGE, &site());
    for length in 0..good.attestation.len() {
        let cut = Registration { attestation: good.attestation[..length].to_vec(), ..good.clone() };
        assert!(check_new(&cut, CHALLENGE, &site()).is_err(), "{length}");
    }
    let more = Registration { attestation: [&good.attestation[..], &[0]].concat(), ..good.clone() };
    assert_eq!(check_new(&more, CHALLENGE, &site()), Err(PasskeyError::Malformed));
    let mut auth_data = made(&signer, b"credential", "post.example", 5);
    auth_data.push(0);
    let more = Registration { attestation: attestation(auth_data), ..good };
    assert_eq!(check_new(&more, CHALLENGE, &site()), Err(PasskeyError::Malformed));
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused() {
    let map = |pairs: Vec<(i64, Value)>| Value::Map(pairs.into_iter().map(|(k, v)| (Value::from(k), v)).collect());
    let x = || Value::Bytes(vec![1; 32]);
    let p384 = map(vec![(1, 2.into()), (3, (-35).into()), (-1, 2.into()), (-2, x()), (-3, x())]);
    assert_eq!(key::read(&p384), Err(PasskeyError::WrongKey));
    let short =
        map(vec![(1, 3.into()), (3, (-257).into()), (-1, Value::Bytes(vec![1; 128])), (-2, Value::Bytes(vec![3]))]);
    assert_eq!(key::read(&short), Err(PasskeyError::WrongKey), "RSA of 1024 bits");
    // A point that is not on the curve makes no signature good.
    let off = PasskeyKey::P256([&[4][..], &[1; 64]].concat());
    assert_eq!(key::verify(&off, b"x", &[0; 70]), Err(PasskeyError::WrongSignature));
}

#[test]
fn deep_cbor_is_refused_and_costs_nothing() {
    let deep = [vec![0x81; 60_000], vec![0]].concat();
    let new =
        Registration { client_data: client_data("webauthn.create", CHALLENGE, &site().origin), attestation: deep };
    assert_eq!(check_new(&new, CHALLENGE, &site()), Err(PasskeyError::Malformed));
    // A length that nobody could send.
    let huge = [&[0x5B][..], &[0xFF; 8]].concat();
    let new = Registration { attestation: huge, ..new };
    assert_eq!(check_new(&new, CHALLENGE, &site()), Err(PasskeyError::Malformed));
    assert_eq!(URL_SAFE_NO_PAD.encode("challenge"), CHALLENGE);
}
