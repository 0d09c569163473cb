//! What tests of TLS over real sockets need: a certificate in files, and the client's side of a handshake.

use std::io;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Settings;

/// A certificate that vouches for itself, with its key.
pub(crate) type SelfSigned = rcgen::CertifiedKey<rcgen::KeyPair>;

/// Makes one for this name.
pub(crate) fn self_signed(name: &str) -> SelfSigned {
    rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap()
}

/// The certificate of a server called `localhost`, in files of their own.
pub(crate) struct Files {
    /// Where they are.
    pub(crate) settings: Settings,
    /// What a client must trust.
    pub(crate) root: CertificateDer<'static>,
    _dir: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            certificate_file: dir.path().join("cert.pem"),
            key_file: dir.path().join("key.pem"),
            ..Settings::default()
        };
        let made = self_signed("localhost");
        let files = Files { settings, root: made.cert.der().clone(), _dir: dir };
        files.replace(&made);
        files
    }

    /// Writes another certificate over the one that was there; `root` stays what it was.
    pub(crate) fn replace(&self, made: &SelfSigned) {
        std::fs::write(&self.settings.certificate_file, made.cert.pem()).unwrap();
        std::fs::write(&self.settings.key_file, made.signing_key.serialize_pem()).unwrap();
    }
}

/// Does the client's side of a handshake with `localhost`: trusts `root` and shows `identity`.
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    root: &CertificateDer<'static>,
    identity: Option<SelfSigned>,
) -> io::Result<TlsStream<S>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(made) => {
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![made.cert.der().clone()], key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
