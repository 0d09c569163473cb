//! Who is a known peer: government and partner systems of `conf/peers.toml`, recognised by client certificate,
//! network or credential (INTERFACE, SMTP).
//!
//! The invariant: a certificate means something only together with the authority or the fingerprint that is
//! configured for it; the handshake itself lets every certificate pass.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{DistinguishedName, RootCertStore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use x509_parser::extensions::GeneralName;

use crate::address::{Domain, ReversePath};
use crate::auth::Secret;
use crate::clock::Timestamp;

/// The file `conf/peers.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeersFile {
    /// One table a peer.
    pub peer: Vec<PeerSettings>,
}

/// One peer in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// Its name in the journal and in logs.
    pub name: String,
    /// What kind of system it is.
    #[serde(default)]
    pub class: PeerClass,
    /// Domains it may write from; empty means any.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Networks it calls from: addresses or prefixes.
    #[serde(default)]
    pub address_ranges: Vec<String>,
    /// Certificates it may show.
    #[serde(default)]
    pub certificate: Vec<CertificateSettings>,
    /// A login.
    #[serde(default)]
    pub credential: Option<CredentialSettings>,
    /// Limits that differ from those of `[smtp]`.
    #[serde(default)]
    pub limits: PeerLimits,
}

/// What kind of system a peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerClass {
    /// A state body: its letters are official correspondence.
    Official,
    /// Any other system.
    #[default]
    Partner,
}

/// How a certificate is known: by `sha256`, or by `ca_file` together with `name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateSettings {
    /// SHA-256 of the certificate in DER, in hex.
    pub sha256: Option<String>,
    /// PEM file of the authorities that may have issued it; relative to the file of peers.
    pub ca_file: Option<PathBuf>,
    /// A DNS name of its subjectAltName, or its common name.
    pub name: Option<String>,
}

/// A login of a peer. The secret is random and long, so a plain hash keeps it safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSettings {
    /// The name.
    pub login: String,
    /// SHA-256 of the secret, in hex.
    pub secret_sha256: String,
}

/// Limits of a peer where they differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeerLimits {
    /// Bytes of a message.
    pub max_message_bytes: Option<u64>,
    /// Recipients of a message.
    pub max_recipients: Option<usize>,
}

/// Why the file of peers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// It cannot be read.
    #[error("{}: cannot read it: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no such file.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        source: Box<toml::de::Error>,
    },
    /// An entry makes no sense.
    #[error("peer {peer:?}: {problem}")]
    Entry {
        /// Which peer.
        peer: String,
        /// What is wrong and what helps.
        problem: String,
    },
}

/// The peers of this server. Build one, share it in an `Arc`.
#[derive(Debug, Default)]
pub struct PeerTable {
    peers: Vec<Peer>,
}

/// A peer.
#[derive(Debug)]
pub struct Peer {
    name: String,
    class: PeerClass,
    domains: Vec<Domain>,
    ranges: Vec<AddressRange>,
    certificates: Vec<KnownCertificate>,
    credential: Option<Credential>,
    limits: PeerLimits,
}

#[derive(Debug)]
enum KnownCertificate {
    Fingerprint([u8; 32]),
    Issued { roots: Arc<RootCertStore>, verifier: Arc<dyn ClientCertVerifier>, name: String },
}

#[derive(Debug)]
struct Credential {
    login: String,
    hash: [u8; 32],
}

/// What a login says about peers.
#[derive(Debug)]
pub enum CredentialMatch<'a> {
    /// Name and secret are those of this peer.
    Peer(&'a Peer),
    /// The name is a peer's and the secret is not.
    WrongSecret,
    /// No peer has this name.
    NoPeer,
}

impl PeerTable {
    /// Reads the file of peers.
    ///
    /// # Errors
    /// [`PeersError`], with the entry and the remedy.
    pub fn load(path: &Path) -> Result<Self, PeersError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| PeersError::Unreadable { path: path.to_owned(), source })?;
        let file: PeersFile = toml::from_str(&text)
            .map_err(|source| PeersError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
        Self::build(file, path.parent().unwrap_or(Path::new(".")))
    }

    /// Checks the entries; `base` is where relative paths start.
    ///
    /// # Errors
    /// [`PeersError::Entry`].
    pub fn build(file: PeersFile, base: &Path) -> Result<Self, PeersError> {
        let mut peers: Vec<Peer> = Vec::new();
        for settings in file.peer {
            let name = settings.name.clone();
            let entry = |problem: String| PeersError::Entry { peer: name.clone(), problem };
            if peers.iter().any(|peer| peer.name == name) {
                return Err(entry("this name is used twice".to_owned()));
            }
            let peer = Peer::build(settings, base).map_err(entry)?;
            if peer.login().is_some() && peers.iter().any(|other| other.login() == peer.login()) {
                return Err(entry("another peer has this `credential.login` too".to_owned()));
            }
            peers.push(peer);
        }
        Ok(PeerTable { peers })
    }

    /// The peer of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.name == name)
    }

    /// The names of the peers of class `official`: the accept mark of their letters says `pc=official`.
    #[must_use]
    pub fn official_names(&self) -> Vec<String> {
        let official = self.peers.iter().filter(|peer| peer.class == PeerClass::Official);
        official.map(|peer| peer.name.clone()).collect()
    }

    /// The peer that holds this certificate; `chain` begins with the client's own.
    #[must_use]
    pub fn by_certificate(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Option<&Peer> {
        let (own, intermediates) = chain.split_first()?;
        let since_epoch = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0));
        let now = UnixTime::since_unix_epoch(since_epoch);
        let holds = |peer: &&Peer| peer.certificates.iter().any(|known| known.matches(own, intermediates, now));
        self.peers.iter().find(holds)
    }

    /// The peer that calls from this address.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.ranges.iter().any(|range| range.contains(address)))
    }

    /// The peer with this login.
    #[must_use]
    pub fn by_credential(&self, login: &str, secret: &Secret) -> CredentialMatch<'_> {
        let hash: [u8; 32] = Sha256::digest(secret.expose()).into();
        for peer in &self.peers {
            match &peer.credential {
                Some(known) if known.login == login => {
                    let same = bool::from(known.hash.ct_eq(&hash));
                    return if same { CredentialMatch::Peer(peer) } else { CredentialMatch::WrongSecret };
                }
                _ => {}
            }
        }
        CredentialMatch::NoPeer
    }

    /// True when some peer has a login, so that port 25 must offer AUTH.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.peers.iter().any(|peer| peer.credential.is_some())
    }

    /// The authorities that a request for client certificates names. Empty, and so "any", as soon as some peer
    /// is known by fingerprint: its issuer may be anybody.
    #[must_use]
    pub fn authorities(&self) -> Vec<DistinguishedName> {
        let mut names = Vec::new();
        for known in self.peers.iter().flat_map(|peer| &peer.certificates) {
            match known {
                KnownCertificate::Fingerprint(_) => return Vec::new(),
                KnownCertificate::Issued { roots, .. } => names.extend(roots.subjects()),
            }
        }
        names
    }
}

impl Peer {
    fn build(settings: PeerSettings, base: &Path) -> Result<Self, String> {
        if settings.name.is_empty() || settings.name.contains(char::is_control) {
            return Err("`name` must not be empty and is one line".to_owned());
        }
        let domains = settings
            .domains
            .iter()
            .map(|domain| Domain::new(domain).map_err(|error| format!("`domains`: {domain:?} is no domain: {error}")));
        let ranges = settings.address_ranges.iter().map(|range| range.parse::<AddressRange>());
        let certificates = settings.certificate.iter().map(|certificate| KnownCertificate::build(certificate, base));
        let credential = settings.credential.map(|credential| {
            let hash = from_hex(&credential.secret_sha256)
                .ok_or("`credential.secret_sha256` has 64 hex digits: printf %s SECRET | sha256sum")?;
            Ok::<_, String>(Credential { login: credential.login, hash })
        });
        let peer = Peer {
            name: settings.name,
            class: settings.class,
            domains: domains.collect::<Result<_, _>>()?,
            ranges: ranges.collect::<Result<_, _>>()?,
            certificates: certificates.collect::<Result<_, _>>()?,
            credential: credential.transpose()?,
            limits: settings.limits,
        };
        if peer.ranges.is_empty() && peer.certificates.is_empty() && peer.credential.is_none() {
            return Err(
                "it can never be recognised: give it a `certificate`, `address_ranges` or a `credential`".into()
            );
        }
        Ok(peer)
    }

    /// Its name in the journal.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn login(&self) -> Option<&str> {
        self.credential.as_ref().map(|credential| credential.login.as_str())
    }

    /// What kind of system it is.
    #[must_use]
    pub fn class(&self) -> PeerClass {
        self.class
    }

    /// Its limits where they differ.
    #[must_use]
    pub fn limits(&self) -> &PeerLimits {
        &self.limits
    }

    /// Whether it may write from there. Reports, which come from `<>`, it may always send.
    #[must_use]
    pub fn may_write_from(&self, reverse_path: &ReversePath) -> bool {
        match reverse_path {
            ReversePath::Null => true,
            ReversePath::Address(address) => {
                self.domains.is_empty() || self.domains.iter().any(|domain| domain == address.domain())
            }
        }
    }
}

impl KnownCertificate {
    fn build(settings: &CertificateSettings, base: &Path) -> Result<Self, String> {
        match (&settings.sha256, &settings.ca_file, &settings.name) {
            (Some(hex), None, None) => from_hex(hex)
                .map(KnownCertificate::Fingerprint)
                .ok_or_else(|| "`certificate.sha256` has 64 hex digits".to_owned()),
            (None, Some(file), Some(name)) => Self::issued(&base.join(file), name),
            _ => Err("a `certificate` has either `sha256`, or `ca_file` and `name`".to_owned()),
        }
    }

    fn issued(file: &Path, name: &str) -> Result<Self, String> {
        let problem = |error: &dyn std::fmt::Display| format!("`certificate.ca_file` {}: {error}", file.display());
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| problem(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| problem(&error))?;
            roots.add(certificate).map_err(|error| problem(&error))?;
        }
        if roots.is_empty() {
            return Err(problem(&"no certificate in it"));
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider)
            .build()
            .map_err(|error| problem(&error))?;
        Ok(KnownCertificate::Issued { roots, verifier, name: name.to_lowercase() })
    }

    fn matches(&self, own: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>], now: UnixTime) -> bool {
        match self {
            KnownCertificate::Fingerprint(known) => {
                let shown: [u8; 32] = Sha256::digest(own).into();
                shown == *known
            }
            KnownCertificate::Issued { verifier, name, .. } => {
                names_of(own).contains(name) && verifier.verify_client_cert(own, intermediates, now).is_ok()
            }
        }
    }
}

/// The DNS names and common names of a certificate, in lower case.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(alternative)) = parsed.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_lowercase()),
            _ => None,
        }));
    }
    let common = parsed.subject().iter_common_name();
    names.extend(common.filter_map(|name| name.as_str().ok()).map(str::to_lowercase));
    names
}

/// The fingerprint of a certificate as `conf/peers.toml` has it.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(certificate) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// 64 hex digits, with or without colons.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok()
}

/// An address or a prefix (`192.0.2.0/24`, `2001:db8::/32`); IPv4 is kept as mapped IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AddressRange {
    base: u128,
    mask: u128,
}

impl AddressRange {
    fn contains(self, address: IpAddr) -> bool {
        mapped(address) & self.mask == self.base
    }
}

fn mapped(address: IpAddr) -> u128 {
    u128::from(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`address_ranges`: {text:?} is no address and no prefix such as 192.0.2.0/24");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| problem())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| problem())?;
        let width = if address.is_ipv4() { 32 } else { Ipv6Addr::BITS };
        let length = length.unwrap_or(width);
        let host_bits = width.checked_sub(length).ok_or_else(problem)?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        let base = mapped(address);
        if base & mask != base {
            return Err(format!("`address_ranges`: {text:?} has bits set behind its prefix"));
        }
        Ok(AddressRange { base, mask })
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn table(toml: &str, base: &Path) -> Result<PeerTable, PeersError> {
        PeerTable::build(toml::from_str(toml).unwrap(), base)
    }

    struct Authority {
        certificate: rcgen::Certificate,
        issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    }

    fn authority() -> Authority {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test CA");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    impl Authority {
        fn issue(&self, name: &str) -> CertificateDer<'static> {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.signed_by(&key, &self.issuer).unwrap().der().clone()
        }
    }

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_peer_is_known_by_authority_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let (known, other) = (authority(), authority());
        std::fs::write(dir.path().join("ca.pem"), known.certificate.pem()).unwrap();
        let toml = "[[peer]]\nname = 'gov'\nclass = 'official'\n[[peer.certificate]]\nca_file = 'ca.pem'\nname = 'Gov.example'";
        let table = table(toml, dir.path()).unwrap();
        let found = |certificate| table.by_certificate(&[certificate], now()).map(|peer| (peer.name(), peer.class()));
        assert_eq!(found(known.issue("gov.example")), Some(("gov", PeerClass::Official)));
        assert_eq!(found(known.issue("other.example")), None);
        assert_eq!(found(other.issue("gov.example")), None);
        assert!(table.by_certificate(&[], now()).is_none());
        assert_eq!(table.authorities().len(), 1);
        let long_ago = "1970-01-02T00:00:00Z".parse().unwrap();
        assert!(table.by_certificate(&[known.issue("gov.example")], long_ago).is_none(), "not yet valid");
    }

    #[test]
    fn a_peer_is_known_by_fingerprint_whoever_issued_it() {
        let certificate = authority().issue("gov.example");
        let toml = format!("[[peer]]\nname = 'gov'\n[[peer.certificate]]\nsha256 = '{}'", fingerprint(&certificate));
        let table = table(&toml, Path::new(".")).unwrap();
        assert!(table.by_certificate(&[certificate], now()).is_some());
        assert!(table.by_certificate(&[authority().issue("gov.example")], now()).is_none());
        assert!(table.authorities().is_empty());
    }

    #[test_case("192.0.2.7" => true)]
    #[test_case("192.0.3.1" => false)]
    #[test_case("::ffff:192.0.2.7" => true; "mapped")]
    #[test_case("2001:db8:1::1" => true)]
    #[test_case("2001:db9::1" => false)]
    #[test_case("198.51.100.1" => true; "single address")]
    #[test_case("198.51.100.2" => false; "its neighbour")]
    fn a_peer_is_known_by_network(address: &str) -> bool {
        let toml = "[[peer]]\nname = 'gov'\naddress_ranges = ['192.0.2.0/24', '2001:db8::/32', '198.51.100.1']";
        table(toml, Path::new(".")).unwrap().by_address(address.parse().unwrap()).is_some()
    }

    #[test]
    fn a_peer_is_known_by_its_secret() {
        let toml = "[[peer]]\nname = 'gov'\n[peer.credential]\nlogin = 'gov.example'\n\
            secret_sha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'";
        let table = table(toml, Path::new(".")).unwrap();
        let try_login = |login: &str, secret: &str| match table.by_credential(login, &Secret::new(secret.into())) {
            CredentialMatch::Peer(peer) => peer.name().to_owned(),
            CredentialMatch::WrongSecret => "wrong".to_owned(),
            CredentialMatch::NoPeer => "none".to_owned(),
        };
        assert!(table.has_credentials());
        assert_eq!(try_login("gov.example", "secret"), "gov");
        assert_eq!(try_login("gov.example", "Secret"), "wrong");
        assert_eq!(try_login("user001", "secret"), "none");
    }

    #[test]
    fn a_peer_writes_from_its_own_domains() {
        let toml = "[[peer]]\nname = 'gov'\ndomains = ['Gov.example']\naddress_ranges = ['192.0.2.1']";
        let table = table(toml, Path::new(".")).unwrap();
        let may = |path: &str| table.get("gov").unwrap().may_write_from(&ReversePath::Address(path.parse().unwrap()));
        assert!(may("a@gov.example") && !may("a@evil.example") && !may("a@sub.gov.example"));
        assert!(table.get("gov").unwrap().may_write_from(&ReversePath::Null));
    }

    #[test_case("[[peer]]\nname = 'x'", "never be recognised")]
    #[test_case("[[peer]]\nname = 'x'\naddress_ranges = ['192.0.2.1/24']", "behind its prefix")]
    #[test_case("[[peer]]\nname = 'x'\naddress_ranges = ['192.0.2.0/33']", "192.0.2.0/33")]
    #[test_case("[[peer]]\nname = 'x'\n[[peer.certificate]]\nsha256 = 'abc'", "64 hex digits")]
    #[test_case("[[peer]]\nname = 'x'\n[[peer.certificate]]\nca_file = 'nowhere.pem'\nname = 'x'", "nowhere.pem")]
    #[test_case("[[peer]]\nname = 'x'\n[[peer.certificate]]\nca_file = 'ca.pem'", "either `sha256`")]
    fn a_bad_entry_is_named(toml: &str, hint: &str) {
        let message = table(toml, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(message.contains("peer \"x\"") && message.contains(hint), "{message}");
    }

    #[test]
    fn one_login_names_one_peer() {
        let peer = |name: &str| {
            let secret = "00".repeat(32);
            format!("[[peer]]\nname = '{name}'\n[peer.credential]\nlogin = 'gov'\nsecret_sha256 = '{secret}'\n")
        };
        let message = table(&format!("{}{}", peer("a"), peer("b")), Path::new(".")).unwrap_err().to_string();
        assert!(message.contains("peer \"b\"") && message.contains("credential.login"), "{message}");
    }

    #[test]
    fn the_example_file_is_understood() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/peers.toml");
        let table = PeerTable::load(&path).unwrap();
        assert_eq!(table.official_names(), ["gov.example"]);
    }
}
