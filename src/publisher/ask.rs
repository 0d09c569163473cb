//! A question to a time-stamping authority over HTTP (RFC 3161 §3.4). It goes to the configured address and nowhere
//! else: a redirection is an error like any other status.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Why there is no answer, in words.
pub(super) type Failed = String;

/// Where an authority is asked.
#[derive(Clone, Debug)]
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

impl Address {
    /// Reads a URL of http or https.
    pub(super) fn parse(url: &str) -> Result<Self, Failed> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("{url:?} begins with neither http:// nor https://")),
        };
        let host = uri.host().map(str::to_owned).ok_or_else(|| format!("{url:?} names no host"))?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Address { uri, host, port, is_tls })
    }

    fn name(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The answer to a question, which comes within `deadline` and has at most `most` bytes.
    pub(super) async fn ask(
        &self,
        question: Vec<u8>,
        authorities: &Path,
        deadline: Duration,
        most: usize,
    ) -> Result<Vec<u8>, Failed> {
        let answer = tokio::time::timeout(deadline, self.exchange(question, authorities, most)).await;
        answer.unwrap_or_else(|_| Err(format!("{} gave no answer within {} s", self.host, deadline.as_secs())))
    }

    async fn exchange(&self, question: Vec<u8>, authorities: &Path, most: usize) -> Result<Vec<u8>, Failed> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.host);
        let stream = TcpStream::connect((self.name(), self.port)).await.map_err(|error| at(&error))?;
        if !self.is_tls {
            return self.post(stream, question, most).await;
        }
        let name = ServerName::try_from(self.name().to_owned()).map_err(|error| at(&error))?;
        let tls = TlsConnector::from(client(authorities)?).connect(name, stream).await.map_err(|error| at(&error))?;
        self.post(tls, question, most).await
    }

    async fn post<S>(&self, stream: S, question: Vec<u8>, most: usize) -> Result<Vec<u8>, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.host);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| at(&error))?;
        let request = self.request(question).map_err(|error| at(&error))?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(|error| at(&error))?;
            let status = answer.status();
            if status != StatusCode::OK {
                return Err(at(&format!("HTTP status {}", status.as_u16())));
            }
            let body = Limited::new(answer.into_body(), most).collect().await;
            body.map(|body| body.to_bytes().to_vec()).map_err(|error| at(&error))
        };
        // The connection is driven as long as the exchange lasts, and is gone with it.
        let driven = async move {
            // A peer that closes early is seen by the exchange.
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = exchange => answer,
            () = driven => Err(String::new()),
        }
    }

    fn request(&self, question: Vec<u8>) -> Result<Request<Full<Bytes>>, axum::http::Error> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str()))
            .header(header::CONTENT_TYPE, "application/timestamp-query")
            .header(header::ACCEPT, "application/timestamp-reply")
            .header(header::USER_AGENT, "poshta")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(question)))
    }
}

fn client(authorities: &Path) -> Result<Arc<ClientConfig>, Failed> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", authorities.display());
    let certificates = CertificateDer::pem_file_iter(authorities);
    let certificates = certificates.and_then(|all| all.collect::<Result<Vec<_>, _>>()).map_err(|error| at(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(client.map_err(|error| at(&error))?.with_root_certificates(roots).with_no_client_auth()))
}
