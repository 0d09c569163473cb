//! Is a SOAP message signed by somebody who is known here, and is what is read of it what he signed?
//!
//! Only what is wanted is accepted: exclusive canonicalization, SHA-256, RSA or ECDSA P-256, references by id inside
//! the message. Keys are those that the caller trusts; what the message says of its key decides nothing. Ids are unique
//! in the document and the reference must lead to the very element that is read afterwards, or somebody could wrap a
//! signed element and put another one in its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use roxmltree::{Document, Node};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::canonical::{Options, Uncanonical, canonical};
use super::envelope::{SOAP, UTILITY};
use super::signing::{DSIG, ECDSA_SHA256, ENVELOPED, EXCLUSIVE, RSA_SHA256, SECURITY, SHA256};
use super::xml::{children, only, text};
use crate::clock::Timestamp;

/// Clocks of others may differ by so much, seconds.
const SKEW_S: i64 = 300;

/// More references than this are not followed.
const MAX_REFERENCES: usize = 8;

/// The key of a certificate, and when that is valid.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    kind: Kind,
    bits: Vec<u8>,
    not_before_s: i64,
    not_after_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
}

/// Why a message is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unverified {
    /// There is none.
    #[error("the message is not signed")]
    Unsigned,
    /// The structure of the signature is not what is verified here.
    #[error("the signature of the message: {0}")]
    Unsupported(String),
    /// What is read is not what was signed.
    #[error("the signature does not cover {0}")]
    NotCovered(&'static str),
    /// Somebody changed it.
    #[error("the message was altered after it was signed")]
    Altered,
    /// Nobody who is trusted signed it.
    #[error("the signature is of none of the certificates that are trusted")]
    Stranger,
    /// Too old, or from the future.
    #[error("the time stamp of the message is not of now")]
    Stale,
    /// See there.
    #[error(transparent)]
    Uncanonical(#[from] Uncanonical),
}

impl PublicKey {
    /// The key of a certificate in DER.
    pub(super) fn of_certificate(der: &[u8]) -> Result<Self, String> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| format!("no certificate: {error}"))?;
        let info = certificate.public_key();
        let kind = match info.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => Kind::Rsa,
            "1.2.840.10045.2.1" => Kind::P256,
            other => return Err(format!("its key is of the algorithm {other}; RSA and ECDSA P-256 are verified here")),
        };
        let validity = certificate.validity();
        Ok(PublicKey {
            kind,
            bits: info.subject_public_key.data.to_vec(),
            not_before_s: validity.not_before.timestamp(),
            not_after_s: validity.not_after.timestamp(),
        })
    }

    /// Whether the signature, made with this method, is of this key over these bytes.
    pub(super) fn verifies(&self, method: &str, bytes: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, method) {
            (Kind::Rsa, RSA_SHA256) => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::P256, ECDSA_SHA256) => &ECDSA_P256_SHA256_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.bits).verify(bytes, signature).is_ok()
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before_s..=self.not_after_s).contains(&now.as_second())
    }
}

/// The body of a message, which somebody whom one of the keys belongs to has signed.
pub(super) fn body<'a, 'i>(
    document: &'a Document<'i>,
    trusted: &[PublicKey],
    now: Timestamp,
) -> Result<Node<'a, 'i>, Unverified> {
    let envelope = document.root_element();
    let body = only(envelope, Some(SOAP), "Body").ok_or(Unverified::NotCovered("a body"))?;
    let header = only(envelope, Some(SOAP), "Header").ok_or(Unverified::Unsigned)?;
    let security = only(header, Some(SECURITY), "Security").ok_or(Unverified::Unsigned)?;
    let signature = only(security, Some(DSIG), "Signature").ok_or(Unverified::Unsigned)?;
    let info = signed_info(signature, trusted, now)?;
    let signed = info.references(|uri| {
        let id = uri.strip_prefix('#').filter(|id| !id.is_empty())?;
        by_id(document, id)
    })?;
    if !signed.contains(&body) {
        return Err(Unverified::NotCovered("the body"));
    }
    if let Some(stamp) = only(security, Some(UTILITY), "Timestamp") {
        if !signed.contains(&stamp) {
            return Err(Unverified::NotCovered("the time stamp"));
        }
        require_current(stamp, now)?;
    }
    Ok(body)
}

/// Whether the signature inside an element, which is the root of its document, is over it.
pub(super) fn enveloped(element: Node<'_, '_>, trusted: &[PublicKey], now: Timestamp) -> Result<(), Unverified> {
    let signature = only(element, Some(DSIG), "Signature").ok_or(Unverified::Unsigned)?;
    let info = signed_info(signature, trusted, now)?;
    let signed = info.references(|uri| uri.is_empty().then_some(element))?;
    if signed == [element] { Ok(()) } else { Err(Unverified::NotCovered("the element")) }
}

/// What a signature that holds is over; its references are still to be followed.
struct SignedInfo<'a, 'i> {
    signature: Node<'a, 'i>,
    info: Node<'a, 'i>,
}

fn signed_info<'a, 'i>(
    signature: Node<'a, 'i>,
    trusted: &[PublicKey],
    now: Timestamp,
) -> Result<SignedInfo<'a, 'i>, Unverified> {
    let missing = |what: &str| Unverified::Unsupported(format!("it has no {what}, or several"));
    let info = only(signature, Some(DSIG), "SignedInfo").ok_or_else(|| missing("SignedInfo"))?;
    let value = only(signature, Some(DSIG), "SignatureValue").ok_or_else(|| missing("SignatureValue"))?;
    let value = decoded(&text(value))?;
    let form = only(info, Some(DSIG), "CanonicalizationMethod").ok_or_else(|| missing("CanonicalizationMethod"))?;
    let method = only(info, Some(DSIG), "SignatureMethod").ok_or_else(|| missing("SignatureMethod"))?;
    let method = algorithm(method);
    if ![RSA_SHA256, ECDSA_SHA256].contains(&method) {
        let what = format!("its method is {method:.100}; verified are RSA and ECDSA with SHA-256");
        return Err(Unverified::Unsupported(what));
    }
    let bytes = canonical(info, Options { without: None, inclusive: &exclusive(form)? })?;
    let is_known = trusted.iter().any(|key| key.is_valid(now) && key.verifies(method, &bytes, &value));
    if is_known { Ok(SignedInfo { signature, info }) } else { Err(Unverified::Stranger) }
}

impl<'a, 'i> SignedInfo<'a, 'i> {
    /// The elements that were signed, unchanged.
    fn references(&self, find: impl Fn(&str) -> Option<Node<'a, 'i>>) -> Result<Vec<Node<'a, 'i>>, Unverified> {
        let references: Vec<_> = children(self.info, Some(DSIG), "Reference").take(MAX_REFERENCES + 1).collect();
        if references.is_empty() || references.len() > MAX_REFERENCES {
            return Err(Unverified::Unsupported(format!("it has no references, or more than {MAX_REFERENCES}")));
        }
        references.into_iter().map(|reference| self.follow(reference, &find)).collect()
    }

    fn follow(
        &self,
        reference: Node<'a, 'i>,
        find: &impl Fn(&str) -> Option<Node<'a, 'i>>,
    ) -> Result<Node<'a, 'i>, Unverified> {
        let unsupported = |what: &str| Unverified::Unsupported(what.to_owned());
        let uri = reference.attribute("URI").ok_or_else(|| unsupported("a reference names nothing"))?;
        let element = find(uri).ok_or_else(|| unsupported("a reference leads to nothing, or to several elements"))?;
        let method = only(reference, Some(DSIG), "DigestMethod").map(algorithm);
        if method != Some(SHA256) {
            return Err(unsupported("a digest is not SHA-256"));
        }
        let digest = only(reference, Some(DSIG), "DigestValue").map(text).unwrap_or_default();
        let transforms: Vec<_> = only(reference, Some(DSIG), "Transforms")
            .map(|all| children(all, Some(DSIG), "Transform").take(3).collect())
            .unwrap_or_default();
        let (without, last) = match transforms.as_slice() {
            [form] => (None, *form),
            [first, form] if algorithm(*first) == ENVELOPED => (Some(self.signature.id()), *form),
            _ => return Err(unsupported("its transforms are not those of exclusive canonicalization")),
        };
        let bytes = canonical(element, Options { without, inclusive: &exclusive(last)? })?;
        let is_same: bool = Sha256::digest(bytes).as_slice().ct_eq(&decoded(&digest)?).into();
        if is_same { Ok(element) } else { Err(Unverified::Altered) }
    }
}

/// The prefixes that an exclusive canonicalization treats as inclusive ones.
fn exclusive<'a>(method: Node<'a, '_>) -> Result<Vec<&'a str>, Unverified> {
    let name = algorithm(method);
    if name != EXCLUSIVE {
        let what = format!("it is over {name:.100}; verified is exclusive canonicalization");
        return Err(Unverified::Unsupported(what));
    }
    let listed = only(method, Some(EXCLUSIVE), "InclusiveNamespaces").and_then(|list| list.attribute("PrefixList"));
    Ok(listed.unwrap_or_default().split_ascii_whitespace().collect())
}

fn algorithm<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("Algorithm").unwrap_or_default()
}

/// The one element with this id: `wsu:Id`, or `Id` as gateways write it on bodies.
fn by_id<'a, 'i>(document: &'a Document<'i>, id: &str) -> Option<Node<'a, 'i>> {
    let has_id = |node: &Node<'_, '_>| {
        node.attribute((UTILITY, "Id")) == Some(id)
            || ["Id", "ID", "id"].iter().any(|name| node.attribute(*name) == Some(id))
    };
    let mut found = document.descendants().filter(has_id);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn require_current(stamp: Node<'_, '_>, now: Timestamp) -> Result<(), Unverified> {
    let read = |name| {
        let date = only(stamp, Some(UTILITY), name).map(text);
        date.map(|date| date.parse::<Timestamp>().map_err(|_| Unverified::Stale)).transpose()
    };
    let (created, expires) = (read("Created")?, read("Expires")?);
    let is_early = created.is_some_and(|created| created.as_second() > now.as_second() + SKEW_S);
    let is_late = expires.is_some_and(|expires| expires.as_second() < now.as_second() - SKEW_S);
    if is_early || is_late { Err(Unverified::Stale) } else { Ok(()) }
}

fn decoded(text: &str) -> Result<Vec<u8>, Unverified> {
    let bare: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(bare).map_err(|_| Unverified::Unsupported("a value is no base64".to_owned()))
}
