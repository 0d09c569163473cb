//! Passkeys: any CBOR and JSON is read or refused without a panic, a passkey that is made comes back with its id, and an
//! answer in which one byte was altered signs nobody in.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use store::second_factors::{Passkey, PasskeyKey};
use webauthn::{Assertion, OwnerSeen, Registration, Site, challenge_of, check, check_new};

/// What the module below takes from the store.
mod store {
    pub use poshta::store::second_factors;
}

/// Nothing outside of the server's sessions needs it, so that it is no part of what the crate offers.
#[path = "../../src/sessions/factors/webauthn/mod.rs"]
#[allow(dead_code)]
mod webauthn;

const CHALLENGE: &str = "Y2hhbGxlbmdl";
const SEED: [u8; 32] = [7; 32];

fuzz_target!(|input: &[u8]| {
    let site = Site { origin: "https://post.example".into(), id: "post.example".into() };
    let created = client_data("webauthn.create");
    let _ = challenge_of(input);
    // As it came, as what the authenticator says, and as the part of that with id and key.
    let key_data = [&data(0x41)[..], input].concat();
    for attestation in [input.to_vec(), attestation(input), attestation(&key_data)] {
        let new = Registration { client_data: created.clone(), attestation };
        let made = check_new(&new, CHALLENGE, &site);
        assert_eq!(made, check_new(&new, CHALLENGE, &site));
        assert!(made.is_err() || made.is_ok_and(|made| (1..=1023).contains(&made.id.len())), "an id of any length");
        let other = Site { origin: "https://evil.example".into(), id: "evil.example".into() };
        assert!(check_new(&new, CHALLENGE, &other).is_err(), "of another site");
    }
    let new = Registration { client_data: input.to_vec(), attestation: attestation(&made(b"id")) };
    let _ = check_new(&new, CHALLENGE, &site);

    let id = input.get(..input.len().min(1023)).unwrap_or_default();
    let new = Registration { client_data: created, attestation: attestation(&made(id)) };
    match check_new(&new, CHALLENGE, &site) {
        Ok(made) => assert_eq!(made.id, id),
        Err(_) => assert!(id.is_empty()),
    }
    sign_in(input, &site);
});

/// A good answer signs in; with one byte altered it does not.
fn sign_in(input: &[u8], site: &Site) {
    let Ok(key) = Ed25519KeyPair::from_seed_unchecked(&SEED) else { unreachable!("any seed is a key") };
    let public = key.public_key().as_ref().try_into().unwrap_or_default();
    let passkey = Passkey {
        number: 1,
        name: String::new(),
        id: b"id".to_vec(),
        key: PasskeyKey::Ed25519(public),
        sign_count: 0,
        since_us: 0,
        used_us: None,
    };
    let verdict = |answer: &Assertion| check(answer, &passkey, CHALLENGE, site, OwnerSeen::Needed);
    let (client_data, authenticator_data) = (client_data("webauthn.get"), data(0x05));
    let signed = [&authenticator_data[..], &Sha256::digest(&client_data)].concat();
    let signature = key.sign(&signed).as_ref().to_vec();
    let good = Assertion { id: b"id".to_vec(), client_data, authenticator_data, signature };
    assert!(verdict(&good).is_ok());

    let given = |bytes: &[u8]| Assertion { authenticator_data: bytes.to_vec(), ..good.clone() };
    assert!(input == good.authenticator_data || verdict(&given(input)).is_err(), "signed by nobody");
    let Some(([part, place, mask], rest)) = input.split_first_chunk::<3>() else { return };
    let mut altered = good.clone();
    let bytes = match part % 3 {
        0 => &mut altered.client_data,
        1 => &mut altered.authenticator_data,
        _ => &mut altered.signature,
    };
    let at = usize::from(*place) % bytes.len();
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask;
    }
    bytes.splice(at..at, rest.iter().copied());
    assert!(altered == good || verdict(&altered).is_err(), "altered at {at}");
}

fn client_data(kind: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}","challenge":"{CHALLENGE}","origin":"https://post.example"}}"#).into_bytes()
}

/// Web Authentication §6.1, without id and key.
fn data(flags: u8) -> Vec<u8> {
    [&Sha256::digest("post.example")[..], &[flags, 0, 0, 0, 1]].concat()
}

/// §6.5.1: with this id and a key.
fn made(id: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes();
    // RFC 9053 §7.2: {1: 1, 3: -8, -1: 6, -2: 32 bytes}.
    let key = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], &[9; 32]].concat();
    [&data(0x45)[..], &[0; 16], &length, id, &key].concat()
}

/// §6.5.4: {"fmt": "none", "attStmt": {}, "authData": …}.
fn attestation(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x5a";
    [&head[..], &length, data].concat()
}
