//! How a connection becomes private: certificates from files, the handshake, and the stream that may change
//! from plain to encrypted in the middle of a session.
//!
//! The invariant: a [`Tls`] always holds a configuration that works. A reload that fails leaves the old one in
//! place and says why.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::RwLock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, ServerSessionMemoryCache};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// `[tls]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The certificate chain in PEM, the server's own certificate first.
    pub certificate_file: PathBuf,
    /// The private key in PEM (PKCS#8, PKCS#1 or SEC1), without a passphrase.
    pub key_file: PathBuf,
    /// Sessions kept for resumption by each kind of listener that asks for client certificates; the others
    /// hand out tickets and keep nothing.
    pub session_cache_entries: usize,
    /// Seconds a client has for the handshake.
    pub handshake_timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            certificate_file: "certs/poshta.pem".into(),
            key_file: "certs/poshta.key".into(),
            session_cache_entries: 1024,
            handshake_timeout_s: 30,
        }
    }
}

/// Whether the server asks clients for a certificate.
#[derive(Clone, Debug)]
pub enum ClientCertificates {
    /// It does not.
    Ignored,
    /// It asks for one and takes whatever comes, or nothing: who the holder is, the table of peers decides.
    Requested {
        /// Names of the authorities that the request mentions; empty means "any".
        authorities: Vec<DistinguishedName>,
    },
}

/// What a listener speaks inside TLS (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// SMTP or IMAP: no application protocol is negotiated.
    Mail,
    /// HTTP/2 and HTTP/1.1.
    Http,
}

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "{}: cannot read it: {source}; check `tls.{key}` in the configuration and the file's owner and mode",
        path.display()
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The key of the configuration that names it.
        key: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no PEM, or the wrong one.
    #[error("{}: {problem}; `tls.{key}` must name {expected}", path.display())]
    NotPem {
        /// Which file.
        path: PathBuf,
        /// The key of the configuration that names it.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Certificate and key do not belong together, or rustls cannot use them.
    #[error("{} and {} cannot be used together: {source}; the key must be the one of the first certificate", certificate.display(), key.display())]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// A server's side of TLS. Clones share it, and all of them see a reload.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    clients: ClientCertificates,
    application: Application,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`], with the file and the remedy.
    pub fn load(settings: &Settings, clients: ClientCertificates, application: Application) -> Result<Self, TlsError> {
        let config = configure(settings, &clients, application)?;
        let inner = Inner { settings: settings.clone(), clients, application, current: RwLock::new(Arc::new(config)) };
        Ok(Tls { inner: Arc::new(inner) })
    }

    /// Reads the files again. Connections that stand keep what they have; new ones get the new certificate.
    ///
    /// # Errors
    /// As [`Tls::load`]; then the old configuration stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = configure(&self.inner.settings, &self.inner.clients, self.inner.application)?;
        *self.inner.current.write() = Arc::new(config);
        Ok(())
    }

    /// The configuration for the next connection.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.inner.current.read())
    }

    /// Does the server's side of a handshake, within the configured time.
    ///
    /// # Errors
    /// What the client did wrong, or `TimedOut`.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<Box<TlsStream<TcpStream>>> {
        let handshake = TlsAcceptor::from(self.config()).accept(stream);
        let limit = Duration::from_secs(self.inner.settings.handshake_timeout_s);
        tokio::time::timeout(limit, handshake).await?.map(Box::new)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("settings", &self.inner.settings)
            .field("clients", &self.inner.clients)
            .finish_non_exhaustive()
    }
}

fn configure(
    settings: &Settings,
    clients: &ClientCertificates,
    application: Application,
) -> Result<ServerConfig, TlsError> {
    let chain = read_certificates(&settings.certificate_file)?;
    let key = read_key(&settings.key_file)?;
    let provider = Arc::new(ring::default_provider());
    let unusable = |source| TlsError::Unusable {
        certificate: settings.certificate_file.clone(),
        key: settings.key_file.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier(clients, provider))
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    match clients {
        ClientCertificates::Ignored => config.ticketer = ring::Ticketer::new().map_err(unusable)?,
        // A ticket would carry the client's whole chain back and forth; a cache keeps it here.
        ClientCertificates::Requested { .. } => {
            config.session_storage = ServerSessionMemoryCache::new(settings.session_cache_entries);
        }
    }
    if application == Application::Http {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(config)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const KEY: &str = "certificate_file";
    let text = read_file(path, KEY)?;
    let wrong = |problem: String| TlsError::NotPem {
        path: path.to_owned(),
        key: KEY,
        problem,
        expected: "a PEM file with the server's certificate first and its issuers after it",
    };
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() { Err(wrong("no certificate in it".to_owned())) } else { Ok(chain) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const KEY: &str = "key_file";
    let text = zeroize::Zeroizing::new(read_file(path, KEY)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| TlsError::NotPem {
        path: path.to_owned(),
        key: KEY,
        problem: match error {
            pem::Error::NoItemsFound => "no private key without a passphrase in it".to_owned(),
            other => other.to_string(),
        },
        expected: "a PEM file with the private key",
    })
}

fn read_file(path: &Path, key: &'static str) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), key, source })
}

fn verifier(clients: &ClientCertificates, provider: Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier> {
    match clients {
        ClientCertificates::Ignored => Arc::new(NoClientAuth),
        ClientCertificates::Requested { authorities } => {
            Arc::new(AnyCertificate { authorities: authorities.clone(), provider })
        }
    }
}

/// Takes any client certificate or none, and checks only that the client holds its key. A server that shows a
/// certificate of some private authority must still be able to deliver mail; only the table of peers gives a
/// certificate a meaning.
#[derive(Debug)]
struct AnyCertificate {
    authorities: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The bytes of one connection, plain or encrypted.
#[derive(Debug)]
pub enum Wire {
    /// Not encrypted.
    Plain(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What is known of the encryption of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Version and cipher suite, as `Received` shows them: `TLSv1.3 TLS_AES_256_GCM_SHA384`.
    pub description: String,
    /// What the client showed, its own certificate first; empty when it showed none. The client proved that it
    /// holds the key, nothing else was checked.
    pub client_certificates: Vec<CertificateDer<'static>>,
}

impl Wire {
    /// Turns a plain connection into an encrypted one; one that is encrypted already stays as it is.
    ///
    /// # Errors
    /// As [`Tls::accept`].
    pub async fn upgrade(self, tls: &Tls) -> io::Result<Wire> {
        match self {
            Wire::Plain(stream) => Ok(Wire::Tls(tls.accept(stream).await?)),
            encrypted @ Wire::Tls(_) => Ok(encrypted),
        }
    }

    /// `None` for a plain connection.
    #[must_use]
    pub fn security(&self) -> Option<Security> {
        let Wire::Tls(stream) = self else { return None };
        let (_, session) = stream.get_ref();
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        // rustls names the suites of TLS 1.3 TLS13_…; the names of the IANA registry begin with TLS_.
        let cipher = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let cipher = cipher.unwrap_or_default().replacen("TLS13_", "TLS_", 1);
        let chain = session.peer_certificates().unwrap_or_default();
        Some(Security {
            description: format!("{version} {cipher}"),
            client_certificates: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
        })
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::fixture::{Files, SelfSigned, connect, self_signed};
    use super::*;

    /// A client that trusts `root` and shows `identity`, says one line and reads the echo.
    async fn talk(tls: Tls, root: &CertificateDer<'static>, identity: Option<SelfSigned>) -> io::Result<Security> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let mut wire = Wire::Plain(stream).upgrade(&tls).await?;
            let mut line = [0; 4];
            wire.read_exact(&mut line).await?;
            wire.write_all(&line).await?;
            wire.shutdown().await?;
            Ok::<_, io::Error>(wire.security().unwrap())
        });
        let mut client = connect(TcpStream::connect(address).await?, root, identity).await?;
        client.write_all(b"ping").await?;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await?;
        assert_eq!(answer, b"ping");
        server.await.unwrap()
    }

    #[tokio::test]
    async fn a_handshake_is_described_by_iana_names() {
        let files = Files::new();
        let tls = Tls::load(&files.settings, ClientCertificates::Ignored, Application::Mail).unwrap();
        let security = talk(tls, &files.root, Some(self_signed("nobody.asked"))).await.unwrap();
        assert!(security.description.starts_with("TLSv1.3 TLS_"), "{security:?}");
        assert!(security.client_certificates.is_empty());
    }

    #[tokio::test]
    async fn a_client_certificate_of_anybody_is_handed_up() {
        let files = Files::new();
        let requested = ClientCertificates::Requested { authorities: Vec::new() };
        let tls = Tls::load(&files.settings, requested, Application::Mail).unwrap();
        let stranger = self_signed("gov.example");
        let expected = stranger.cert.der().clone();
        let security = talk(tls.clone(), &files.root, Some(stranger)).await.unwrap();
        assert_eq!(security.client_certificates, vec![expected]);
        assert!(talk(tls, &files.root, None).await.unwrap().client_certificates.is_empty());
    }

    #[tokio::test]
    async fn a_reload_shows_the_new_certificate() {
        let files = Files::new();
        let tls = Tls::load(&files.settings, ClientCertificates::Ignored, Application::Mail).unwrap();
        let renewed = self_signed("localhost");
        files.replace(&renewed);
        assert!(talk(tls.clone(), renewed.cert.der(), None).await.is_err());
        tls.clone().reload().unwrap();
        assert!(talk(tls, renewed.cert.der(), None).await.is_ok());
    }

    #[tokio::test]
    async fn a_failed_reload_keeps_the_old_certificate() {
        let files = Files::new();
        let tls = Tls::load(&files.settings, ClientCertificates::Ignored, Application::Mail).unwrap();
        std::fs::write(&files.settings.key_file, self_signed("localhost").signing_key.serialize_pem()).unwrap();
        let error = tls.reload().unwrap_err().to_string();
        assert!(error.contains("key.pem") && error.contains("cannot be used together"), "{error}");
        assert!(talk(tls, &files.root, None).await.is_ok());
    }

    #[test]
    fn errors_name_the_file_and_the_remedy() {
        let files = Files::new();
        let load = |settings: &Settings| {
            Tls::load(settings, ClientCertificates::Ignored, Application::Mail).unwrap_err().to_string()
        };
        let missing = Settings { certificate_file: "/nowhere/cert.pem".into(), ..files.settings.clone() };
        let message = load(&missing);
        assert!(message.contains("/nowhere/cert.pem") && message.contains("`tls.certificate_file`"), "{message}");
        let swapped = Settings { key_file: files.settings.certificate_file.clone(), ..files.settings.clone() };
        let message = load(&swapped);
        assert!(message.contains("no private key") && message.contains("`tls.key_file`"), "{message}");
    }
}
