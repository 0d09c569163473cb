//! Who asks, and may they? Tokens are known by their hash only; roles are checked in one place, by the table of
//! routes, before a handler sees the request.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::settings::Token;

pub use crate::identity::Role;

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// Its name in the configuration.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For which facility it speaks; its own name for the operator.
    pub facility: String,
}

/// A client certificate of the connection: SHA-256 of its DER form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientCertificate(pub [u8; 32]);

/// The principals of the configuration, by hash.
#[derive(Clone, Debug)]
pub struct Principals {
    by_hash: Arc<HashMap<[u8; 32], Principal>>,
}

/// A principal that the configuration gets wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("token {name:?}: {problem}")]
pub struct BadToken {
    name: String,
    problem: &'static str,
}

impl Principals {
    /// Reads the principals.
    ///
    /// # Errors
    /// No facility where one is needed, no hash, or one that is none or stands twice; a name that stands twice.
    pub fn new(tokens: &[Token]) -> Result<Self, BadToken> {
        let mut by_hash = HashMap::new();
        for (at, token) in tokens.iter().enumerate() {
            let bad = |problem| BadToken { name: token.name.clone(), problem };
            let facility = match (&token.facility, token.role) {
                (Some(facility), _) => facility.clone(),
                (None, role) if !role.needs_facility() => token.name.clone(),
                (None, _) => return Err(bad("name its facility: facility = \"…\"")),
            };
            // Remembered answers and the audit know principals by name.
            if tokens.iter().take(at).any(|other| other.name == token.name) {
                return Err(bad("another one has this name; names are unique"));
            }
            let hashes: Vec<&String> = token.sha256.iter().chain(&token.certificate_sha256).collect();
            if hashes.is_empty() {
                return Err(bad("give sha256 of its bearer token or certificate_sha256"));
            }
            for text in hashes {
                let hash = parse_hash(text).ok_or_else(|| bad("a SHA-256 has 64 hexadecimal digits"))?;
                let principal = Principal { name: token.name.clone(), role: token.role, facility: facility.clone() };
                if by_hash.insert(hash, principal).is_some() {
                    return Err(bad("its token or certificate is also somebody else's"));
                }
            }
        }
        Ok(Principals { by_hash: Arc::new(by_hash) })
    }

    /// Finds out who asks, by bearer token (RFC 6750 §2.1) or client certificate.
    ///
    /// # Errors
    /// 401.
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        certificate: Option<ClientCertificate>,
    ) -> Result<Principal, Problem> {
        let hash = match (bearer(headers), certificate) {
            // The hash is looked up, not the token: the time of the look-up tells nothing about the token.
            (Some(token), _) => Sha256::digest(token).into(),
            (None, Some(ClientCertificate(hash))) => hash,
            (None, None) => return Err(Problem::unauthorized()),
        };
        self.by_hash.get(&hash).cloned().ok_or_else(Problem::unauthorized)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// Hexadecimal SHA-256, as the configuration holds it.
#[must_use]
pub fn hash_of(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(role: Role, facility: Option<&str>, secret: &str) -> Token {
        Token {
            name: "t".into(),
            role,
            facility: facility.map(str::to_owned),
            sha256: Some(hash_of(secret)),
            certificate_sha256: None,
        }
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn tokens_are_known_by_hash_only() {
        let principals = Principals::new(&[token(Role::PrintCentre, Some("astana-print"), "secret")]).unwrap();
        let found = principals.authenticate(&headers("bearer secret"), None).unwrap();
        assert_eq!((found.role, found.facility.as_str()), (Role::PrintCentre, "astana-print"));
        for wrong in ["Bearer secre", "Bearer ", "Basic secret", "secret"] {
            assert_eq!(principals.authenticate(&headers(wrong), None), Err(Problem::unauthorized()), "{wrong}");
        }
        assert_eq!(principals.authenticate(&HeaderMap::new(), None), Err(Problem::unauthorized()));
    }

    #[test]
    fn a_client_certificate_is_as_good_as_a_token() {
        let hash = hash_of("certificate");
        let token = Token {
            certificate_sha256: Some(hash.clone()),
            sha256: None,
            ..token(Role::ScanCentre, Some("qaraghandy-scan"), "")
        };
        let principals = Principals::new(&[token]).unwrap();
        let certificate = ClientCertificate(parse_hash(&hash).unwrap());
        assert!(principals.authenticate(&HeaderMap::new(), Some(certificate)).is_ok());
        assert!(principals.authenticate(&HeaderMap::new(), Some(ClientCertificate([0; 32]))).is_err());
    }

    #[test]
    fn mistakes_of_the_configuration_are_named() {
        assert!(Principals::new(&[token(Role::PrintCentre, None, "x")]).is_err());
        assert!(Principals::new(&[token(Role::FacilityHead, None, "x")]).is_err(), "p32 of which facility?");
        assert!(Principals::new(&[token(Role::Controller, None, "x")]).is_ok());
        assert!(Principals::new(&[token(Role::StateSystem, None, "x")]).is_ok(), "m23");
        assert!(Principals::new(&[Token { sha256: Some("abc".into()), ..token(Role::Operator, None, "x") }]).is_err());
        assert!(Principals::new(&[Token { sha256: None, ..token(Role::Operator, None, "x") }]).is_err());
        let named = |name: &str, secret| Token { name: name.into(), ..token(Role::Operator, None, secret) };
        assert!(Principals::new(&[named("a", "x"), named("b", "y")]).is_ok());
        assert!(Principals::new(&[named("a", "x"), named("b", "x")]).is_err(), "one token for two");
        assert!(Principals::new(&[named("a", "x"), named("a", "y")]).is_err(), "one name for two");
    }
}
