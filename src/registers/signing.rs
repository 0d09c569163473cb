//! WS-Security signatures of what we send (OASIS Web Services Security 1.0, X.509 token profile): RSA or ECDSA P-256
//! with SHA-256, over elements in exclusive canonical form.
//!
//! Signing with GOST keys is not done here: the operator's gateway, which holds such a key in a certified module,
//! signs for those registers that ask for it.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::envelope::{SOAP, UTILITY, date};
use super::verify::PublicKey;
use crate::clock::Timestamp;

pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(super) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(super) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(super) const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
const X509_V3: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
const BASE64_BINARY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// How a message names the certificate of its signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyReference {
    /// The certificate is a token of its own, and the signature points to it.
    #[default]
    BinarySecurityToken,
    /// The certificate stands in the signature.
    KeyIdentifier,
}

/// A key with its certificate.
pub(super) struct Signer {
    key: Key,
    /// DER in base64.
    certificate: String,
    reference: KeyReference,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// Something to sign: where the signature finds it, and its canonical bytes.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) id: &'a str,
    pub(super) canonical: &'a str,
}

/// From when to when a message is meant to be read.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads key (PKCS#8) and certificate, both PEM, and finds out whether they belong together.
    pub(super) fn load(key_file: &Path, certificate_file: &Path, reference: KeyReference) -> Result<Self, String> {
        let at = |file: &Path, error: &dyn fmt::Display| format!("{}: {error}", PathBuf::from(file).display());
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| at(key_file, &error))?;
        let PrivateKeyDer::Pkcs8(der) = key else {
            return Err(at(key_file, &"the key is not in PKCS#8; convert it with openssl pkcs8 -topk8 -nocrypt"));
        };
        let der = der.secret_pkcs8_der();
        let rsa = || RsaKeyPair::from_pkcs8(der).map(|pair| Key::Rsa(Box::new(pair)));
        let p256 = || {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
                .map(|pair| Key::P256(Box::new(pair)))
        };
        let key = rsa().or_else(|_| p256());
        let key =
            key.map_err(|_| at(key_file, &"neither an RSA key of 2048 bits or more nor one of the curve P-256"))?;
        let certificate = CertificateDer::from_pem_file(certificate_file);
        let certificate = certificate.map_err(|error| at(certificate_file, &error))?;
        let signer = Signer { key, certificate: STANDARD.encode(&certificate), reference };
        let public = PublicKey::of_certificate(&certificate).map_err(|error| at(certificate_file, &error))?;
        let signature = signer.sign(b"poshta")?;
        if !public.verifies(signer.algorithm(), b"poshta", &signature) {
            return Err(at(certificate_file, &format!("it is not of the key in {}", key_file.display())));
        }
        Ok(signer)
    }

    /// The `Security` header over the body of a message, and over a time stamp that it adds.
    pub(super) fn security(&self, body: Part<'_>, lifetime: Option<Lifetime>) -> Result<String, String> {
        let token_id = format!("token-{}", body.id);
        let stamp_id = format!("time-{}", body.id);
        let stamp = lifetime.map(|lifetime| {
            let (created, expires) = (date(lifetime.created), date(lifetime.expires));
            format!(
                "<wsu:Timestamp xmlns:wsu=\"{UTILITY}\" wsu:Id=\"{stamp_id}\"><wsu:Created>{created}</wsu:Created>\
                 <wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
            )
        });
        let stamped = stamp.as_deref().map(|canonical| Part { id: &stamp_id, canonical });
        let references: String =
            std::iter::once(body).chain(stamped).map(|part| reference(part, &[EXCLUSIVE])).collect();
        let (token, key_info) = match self.reference {
            KeyReference::BinarySecurityToken => (
                format!(
                    "<wsse:BinarySecurityToken EncodingType=\"{BASE64_BINARY}\" ValueType=\"{X509_V3}\" \
                     wsu:Id=\"{token_id}\">{}</wsse:BinarySecurityToken>",
                    self.certificate
                ),
                format!("<wsse:Reference URI=\"#{token_id}\" ValueType=\"{X509_V3}\"></wsse:Reference>"),
            ),
            KeyReference::KeyIdentifier => (
                String::new(),
                format!(
                    "<wsse:KeyIdentifier EncodingType=\"{BASE64_BINARY}\" ValueType=\"{X509_V3}\">{}\
                     </wsse:KeyIdentifier>",
                    self.certificate
                ),
            ),
        };
        let key_info = format!("<wsse:SecurityTokenReference>{key_info}</wsse:SecurityTokenReference>");
        let signature = self.signature(&references, &key_info)?;
        Ok(format!(
            "<wsse:Security xmlns:soapenv=\"{SOAP}\" xmlns:wsse=\"{SECURITY}\" xmlns:wsu=\"{UTILITY}\" \
             soapenv:mustUnderstand=\"1\">{token}{}{signature}</wsse:Security>",
            stamp.unwrap_or_default()
        ))
    }

    /// A signature that is to stand inside the element whose canonical form this is (XML Signature §6.6.4).
    pub(super) fn enveloped(&self, canonical: &str) -> Result<String, String> {
        let certificate = &self.certificate;
        let key_info = format!("<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>");
        self.signature(&reference(Part { id: "", canonical }, &[ENVELOPED, EXCLUSIVE]), &key_info)
    }

    fn signature(&self, references: &str, key_info: &str) -> Result<String, String> {
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\">\
             </ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>{references}\
             </ds:SignedInfo>",
            self.algorithm()
        );
        let value = STANDARD.encode(self.sign(info.as_bytes())?);
        Ok(format!(
            "<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
             <ds:KeyInfo>{key_info}</ds:KeyInfo></ds:Signature>"
        ))
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => RSA_SHA256,
            Key::P256(_) => ECDSA_SHA256,
        }
    }

    /// XML Signature §4.4.2.1: ECDSA values are r and s, one after the other.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let failed = |_| "the key cannot sign".to_owned();
        match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Key::P256(pair) => pair.sign(&random, bytes).map(|signature| signature.as_ref().to_vec()).map_err(failed),
        }
    }
}

/// A reference, canonical as a part of `SignedInfo`.
fn reference(part: Part<'_>, transforms: &[&str]) -> String {
    let uri = if part.id.is_empty() { String::new() } else { format!("#{}", part.id) };
    let transforms: String =
        transforms.iter().map(|name| format!("<ds:Transform Algorithm=\"{name}\"></ds:Transform>")).collect();
    let digest = STANDARD.encode(Sha256::digest(part.canonical));
    format!(
        "<ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod \
         Algorithm=\"{SHA256}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )
}
