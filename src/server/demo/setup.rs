//! What a demo's directory holds: configuration, facilities, peers, certificates, passwords and tokens. A
//! directory that is used again keeps its secrets.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::age::{Identity, Recipient};
use crate::clock::World;
use crate::config::Config;
use crate::http::Token;
use crate::http::access::Role;
use crate::outbound::dkim;
use crate::postal::Algorithm;

use super::DemoError;
use super::authority::{Authority, write_secret};
use super::eds::Eds;

/// The sample facilities that `conf/` comes with.
const FACILITIES: &str = include_str!("../../../conf/facilities.toml");

pub(super) const DOMAIN: &str = "poshta.example";
pub(super) const HYBRID_DOMAIN: &str = "hat.poshta.example";
pub(super) const PEER: &str = "gov.example";
pub(super) const PRINT_CENTRE: &str = "almaty-print";
const OTHER_PRINT_CENTRE: &str = "astana-print";
/// The key that opens the print centre's sealed bundles, in the demo's directory.
pub(super) const PRINT_KEY: &str = "print-centre.key";
pub(super) const SCAN_CENTRE: &str = "qaraghandy-scan";

/// Characters of passwords and tokens: none that are mistaken for each other, none that a shell reads.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What a demo is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory to keep; without one a fresh one is made and removed at the end.
    pub dir: Option<PathBuf>,
    /// Added to 525, 587, 465, 143, 993, 443 and 980; 0 lets the system choose.
    pub port_base: u16,
    /// user001 … userNNN.
    pub users: u32,
    /// LOGIN and AUTH without TLS.
    pub plaintext_auth: bool,
    /// A second clerk confirms what the first has seen to.
    pub four_eyes: bool,
    /// The registers tell of a person only with the code of that person's consent: this one.
    pub consent_code: Option<String>,
    /// Where everything for other domains goes, `host:port`.
    pub next_hop: Option<String>,
    /// Where pages look for the program that signs; else where NCALayer is.
    pub signer_port: Option<u16>,
}

/// The secrets of a demo, kept in its directory.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) password: String,
    pub(super) print_token: String,
    pub(super) scan_token: String,
}

/// A prepared directory.
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) secrets: Secrets,
    pub(super) authority: Authority,
    pub(super) eds: Eds,
}

impl Setup {
    /// Writes what is missing in `dir` and gives what the server is started with.
    pub(super) fn prepare(dir: &Path, options: &Options, world: &World) -> Result<Self, DemoError> {
        let write = |error| DemoError::Directory { dir: dir.to_owned(), error };
        fs::create_dir_all(dir).map_err(write)?;
        let dir = &fs::canonicalize(dir).map_err(write)?;
        let names = ["localhost", "127.0.0.1", "::1", DOMAIN, HYBRID_DOMAIN, "mx.poshta.example"];
        let authority = Authority::at(dir, &names.map(str::to_owned), PEER, world.now())?;
        let eds = Eds::at(dir, world.now())?;
        let secrets = secrets(&dir.join("demo.json"), world).map_err(write)?;
        let facilities_file = dir.join("facilities.toml");
        if !facilities_file.exists() {
            fs::write(&facilities_file, FACILITIES).map_err(write)?;
        }
        let peers_file = dir.join("peers.toml");
        if !peers_file.exists() {
            fs::write(&peers_file, peers()).map_err(write)?;
        }
        let mut config = Config::default();
        config.server.dir = dir.clone();
        config.server.peers_file = peers_file;
        config.postal.facilities_file = facilities_file;
        config.tls.certificate_file = authority.server.clone();
        config.tls.key_file = authority.server_key.clone();
        config.accounts.postmaster = "user001".into();
        configure(&mut config, options, &secrets);
        register(&mut config, options, &eds);
        // M23: the government peer's system looks people up with the same certificate.
        config.http.tokens.push(Token {
            name: PEER.to_owned(),
            role: Role::StateSystem,
            facility: None,
            sha256: None,
            certificate_sha256: Some(certificate_hash(&authority.peer).map_err(write)?),
        });
        let reader = bundle_key(&dir.join(PRINT_KEY)).map_err(write)?;
        config.hybrid.bundle_keys.insert(PRINT_CENTRE.to_owned(), vec![reader]);
        config.outbound.dkim.keys = dkim_keys(&dir.join("dkim"))?;
        let text = toml::to_string(&config).map_err(DemoError::Configuration)?;
        write_secret(&dir.join("poshta.toml"), &text).map_err(write)?;
        // What was written is what is run: the demo meets the same checks as any configuration.
        let config = Config::parse(&dir.join("poshta.toml"), &text)?;
        Ok(Setup { config, secrets, authority, eds })
    }
}

/// INTERFACE, "The demo": ports, and no limits for loopback but those on failures.
fn configure(config: &mut Config, options: &Options, secrets: &Secrets) {
    let port = |offset: u16| {
        let port = if options.port_base == 0 { 0 } else { options.port_base.saturating_add(offset) };
        SocketAddr::from(([127, 0, 0, 1], port))
    };
    config.smtp.mx_listen = vec![port(525)];
    config.smtp.submission_listen = vec![port(587)];
    config.smtp.submissions_listen = vec![port(465)];
    config.imap.listen = vec![port(143)];
    config.imap.listen_tls = vec![port(993)];
    config.http.listen = port(443);
    config.http.operator_listen = port(980);
    if options.port_base > 0 {
        config.receipts.public_url = format!("https://{}", config.http.listen);
    }
    for limits in [&mut config.smtp.connections, &mut config.imap.connections, &mut config.http.limits] {
        limits.count_loopback = false;
        limits.max_connections = 100_000;
    }
    config.http.max_anonymous_forms_per_minute = 0;
    config.smtp.plaintext_auth = options.plaintext_auth;
    config.imap.protocol.plaintext_auth = options.plaintext_auth;
    config.hybrid.domain = HYBRID_DOMAIN.into();
    config.hybrid.max_letters_per_day = u32::MAX;
    // One token leases every letter: this centre prints for every index, the other one is switched off.
    config.hybrid.disabled_centres = vec![OTHER_PRINT_CENTRE.into()];
    config.intake.domestic_domains.extend([DOMAIN.to_owned(), PEER.to_owned()]);
    config.intake.official_domains.push(PEER.to_owned());
    config.outbound.next_hop = options.next_hop.clone();
    // In the demo's own zone there is nothing else.
    config.outbound.allow_private_targets = true;
    config.outbound.retry_after_s = vec![2, 10, 60, 300];
    // INTERFACE: the demo has no limit on messages.
    config.quota.default_bytes = 0;
    config.accounts.domains = vec![DOMAIN.into()];
    config.log.level = "warn".into();
    config.store.watermark_bytes = 64 << 20;
    let token = |name: &str, role, token: &str| Token {
        name: name.to_owned(),
        role,
        facility: Some(name.to_owned()),
        sha256: Some(hex(&Sha256::digest(token))),
        certificate_sha256: None,
    };
    config.http.tokens = vec![
        token(PRINT_CENTRE, Role::PrintCentre, &secrets.print_token),
        token(SCAN_CENTRE, Role::ScanCentre, &secrets.scan_token),
    ];
}

/// People register with keys of the demo's own authority, whose list is made at each start.
fn register(config: &mut Config, options: &Options, eds: &Eds) {
    config.eds.anchor_files = vec![eds.ca.clone()];
    config.eds.crl_files = vec![eds.crl.clone()];
    config.eds.max_age_s = 366 * 86_400;
    config.desk.four_eyes = options.four_eyes;
    config.desk.codes_per_hour = u32::MAX;
    config.registration.applications_per_hour = u32::MAX;
    config.registration.signatures_per_hour = u32::MAX;
    config.registration.look_ups_per_minute = u32::MAX;
    config.registration.signer_port = options.signer_port.unwrap_or(config.registration.signer_port);
}

/// P9: what the print centre's bundles are encrypted for. A real centre keeps the secret key to itself.
fn bundle_key(file: &Path) -> std::io::Result<Recipient> {
    if let Ok(text) = fs::read_to_string(file) {
        let identity = Identity::from_file(&text);
        return identity.map(|identity| identity.recipient()).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{}: {error}", file.display()))
        });
    }
    let identity = Identity::generate();
    write_secret(file, &format!("{}\n", *identity.expose()))?;
    Ok(identity.recipient())
}

/// Letters to other domains have both signatures, where this program can make keys for both.
fn dkim_keys(dir: &Path) -> Result<Vec<dkim::KeySettings>, DemoError> {
    let mut keys = Vec::new();
    for (selector, algorithm) in [("demo-rsa", Algorithm::RsaSha256), ("demo-ed25519", Algorithm::Ed25519Sha256)] {
        let file = dir.join(format!("{selector}.pem"));
        if !file.exists() {
            match dkim::write(dir, selector, algorithm) {
                Ok(_) => {}
                Err(dkim::BadKey::NotMade(_)) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        keys.push(dkim::KeySettings { selector: selector.to_owned(), file });
    }
    Ok(keys)
}

fn secrets(file: &Path, world: &World) -> std::io::Result<Secrets> {
    match fs::read_to_string(file) {
        // Others would not open the accounts that are there already, so what cannot be read is not made anew.
        Ok(text) => {
            return serde_json::from_str(&text).map_err(|error| {
                let what = format!("{}: {error}; remove the directory to begin anew", file.display());
                std::io::Error::new(std::io::ErrorKind::InvalidData, what)
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secrets = Secrets {
        password: random_text::<16>(world),
        print_token: random_text::<32>(world),
        scan_token: random_text::<32>(world),
    };
    write_secret(file, &serde_json::to_string_pretty(&secrets)?)?;
    Ok(secrets)
}

/// `N` characters with five random bits each.
pub(super) fn random_text<const N: usize>(world: &World) -> String {
    let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).copied().map_or('a', char::from);
    world.random::<N>().into_iter().map(letter).collect()
}

/// SHA-256 of the DER form of the certificate in a PEM file.
fn certificate_hash(file: &Path) -> std::io::Result<String> {
    let bad =
        |error: rustls::pki_types::pem::Error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string());
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(&fs::read(file)?).map_err(bad)?;
    Ok(hex(&Sha256::digest(&certificate)))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn peers() -> String {
    format!(
        "# The demo's government peer: known by a certificate of the demo's own CA.\n\
         [[peer]]\nname = \"{PEER}\"\nclass = \"official\"\ndomains = [\"{PEER}\"]\n\n\
         [[peer.certificate]]\nca_file = \"ca.pem\"\nname = \"{PEER}\"\n"
    )
}
