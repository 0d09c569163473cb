//! Passkeys: what a browser hands over is checked step by step as W3C Web Authentication Level 2 has it, §7.1 for a new
//! one and §7.2 for one that signs in. Pure: no clock, no store; the challenge is redeemed by the caller.
//!
//! Attestation is not asked for ("none"), so that what a new passkey says of its maker is not looked at: every
//! authenticator may be used.

mod client_data;
mod data;
mod key;
#[cfg(test)]
pub(crate) mod tests;

use sha2::{Digest as _, Sha256};

use crate::store::second_factors::{Passkey, PasskeyKey};

use client_data::ClientData;
use data::AuthenticatorData;

/// Longest credential id that is taken (§7.1 step 18: up to 1023 bytes).
const LONGEST_ID: usize = 1023;

/// For which site a passkey is: nothing that was made for another one counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Site {
    /// As the browser writes it: `https://host` or `https://host:port`.
    pub(crate) origin: String,
    /// The host.
    pub(crate) id: String,
}

/// What a browser hands over of a new passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Registration {
    /// JSON, byte for byte.
    pub(crate) client_data: Vec<u8>,
    /// CBOR.
    pub(crate) attestation: Vec<u8>,
}

/// What a browser hands over of one that signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Assertion {
    /// Which passkey.
    pub(crate) id: Vec<u8>,
    /// JSON, byte for byte.
    pub(crate) client_data: Vec<u8>,
    /// What the authenticator says.
    pub(crate) authenticator_data: Vec<u8>,
    /// Its signature.
    pub(crate) signature: Vec<u8>,
}

/// A new passkey, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NewPasskey {
    pub(crate) id: Vec<u8>,
    pub(crate) key: PasskeyKey,
    pub(crate) sign_count: u32,
}

/// Whether the authenticator must have seen that it is its owner: a PIN, a finger, a face.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OwnerSeen {
    /// The passkey stands alone.
    Needed,
    /// A password goes with it.
    NotNeeded,
}

/// Why a passkey does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PasskeyError {
    #[error("the browser's data cannot be read")]
    Malformed,
    #[error("it is an answer of another kind")]
    WrongKind,
    #[error("it answers another challenge")]
    WrongChallenge,
    #[error("it is for another site")]
    WrongSite,
    #[error("nobody touched the authenticator")]
    NobodyThere,
    #[error("the authenticator did not check who its owner is")]
    OwnerNotSeen,
    #[error("its algorithm is none of those offered, or its key is none")]
    WrongKey,
    #[error("the signature is not of this passkey")]
    WrongSignature,
    #[error("it counted fewer signatures than before: it may be a copy")]
    Copied,
}

/// The challenge that something answers, before it is known whether it is one of ours.
pub(crate) fn challenge_of(client_data: &[u8]) -> Result<String, PasskeyError> {
    Ok(ClientData::read(client_data)?.challenge)
}

/// §7.1: a new passkey.
pub(crate) fn check_new(new: &Registration, challenge: &str, site: &Site) -> Result<NewPasskey, PasskeyError> {
    ClientData::read(&new.client_data)?.check("webauthn.create", challenge, site)?;
    let data = AuthenticatorData::of_attestation(&new.attestation)?;
    data.check(site, OwnerSeen::NotNeeded)?;
    let made = data.made.ok_or(PasskeyError::Malformed)?;
    if made.id.is_empty() || made.id.len() > LONGEST_ID {
        return Err(PasskeyError::Malformed);
    }
    Ok(NewPasskey { id: made.id, key: made.key, sign_count: data.sign_count })
}

/// §7.2: one that signs in. Gives the new count of signatures.
pub(crate) fn check(
    assertion: &Assertion,
    passkey: &Passkey,
    challenge: &str,
    site: &Site,
    owner: OwnerSeen,
) -> Result<u32, PasskeyError> {
    ClientData::read(&assertion.client_data)?.check("webauthn.get", challenge, site)?;
    let data = AuthenticatorData::read(&assertion.authenticator_data)?;
    data.check(site, owner)?;
    // §7.2 steps 19 and 20.
    let signed = [&assertion.authenticator_data[..], &Sha256::digest(&assertion.client_data)].concat();
    key::verify(&passkey.key, &signed, &assertion.signature)?;
    // §7.2 step 21, §6.1.1: an authenticator that counts never counts backwards.
    if (data.sign_count, passkey.sign_count) != (0, 0) && data.sign_count <= passkey.sign_count {
        return Err(PasskeyError::Copied);
    }
    Ok(data.sign_count)
}
