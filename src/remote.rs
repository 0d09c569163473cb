//! A question to the server of somebody else over HTTP: a time-stamping authority, an OCSP responder, a state register. It
//! goes to the configured address and nowhere else: a redirection is an error like any other status. Time and size are
//! bounded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, Method, Request, StatusCode, Uri, header};
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
pub(crate) type Failed = String;

/// Where a server is asked.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

/// What is asked, and what may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    /// The body, which is posted; without one the question is its address.
    pub(crate) body: Option<Vec<u8>>,
    /// Its media type, and others that belong to it.
    pub(crate) headers: &'a [(HeaderName, &'a str)],
    /// The statuses with which there is a body to read: 200, and what the protocol says besides.
    pub(crate) statuses: &'a [StatusCode],
    /// The answer has come within this time.
    pub(crate) deadline: Duration,
    /// The answer has at most so many bytes.
    pub(crate) max_bytes: usize,
}

impl Address {
    /// Reads a URL of http or https.
    pub(crate) fn parse(url: &str) -> Result<Self, Failed> {
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

    /// Whether it is asked over https.
    pub(crate) fn is_tls(&self) -> bool {
        self.is_tls
    }

    fn name(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The body of the answer.
    pub(crate) async fn ask(
        &self,
        question: Question<'_>,
        client: Option<&Arc<ClientConfig>>,
    ) -> Result<Vec<u8>, Failed> {
        let deadline = question.deadline;
        let answer = tokio::time::timeout(deadline, self.exchange(question, client)).await;
        answer.unwrap_or_else(|_| Err(format!("{} gave no answer within {} s", self.host, deadline.as_secs_f32())))
    }

    async fn exchange(&self, question: Question<'_>, client: Option<&Arc<ClientConfig>>) -> Result<Vec<u8>, Failed> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.host);
        let stream = TcpStream::connect((self.name(), self.port)).await.map_err(|error| at(&error))?;
        if !self.is_tls {
            return self.send(stream, question).await;
        }
        let client = client.ok_or_else(|| at(&"no authorities are known for https"))?;
        let name = ServerName::try_from(self.name().to_owned()).map_err(|error| at(&error))?;
        let tls = TlsConnector::from(Arc::clone(client)).connect(name, stream).await.map_err(|error| at(&error))?;
        self.send(tls, question).await
    }

    async fn send<S>(&self, stream: S, question: Question<'_>) -> Result<Vec<u8>, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.host);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| at(&error))?;
        let Question { body, headers, statuses, max_bytes, .. } = question;
        let request = self.request(body, headers).map_err(|error| at(&error))?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(|error| at(&error))?;
            let status = answer.status();
            if !statuses.contains(&status) {
                return Err(at(&format!("HTTP status {}", status.as_u16())));
            }
            let body = Limited::new(answer.into_body(), max_bytes).collect().await;
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

    fn request(
        &self,
        body: Option<Vec<u8>>,
        headers: &[(HeaderName, &str)],
    ) -> Result<Request<Full<Bytes>>, axum::http::Error> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .method(if body.is_some() { Method::POST } else { Method::GET })
            .uri(path)
            .header(header::HOST, self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str()))
            .header(header::USER_AGENT, "poshta")
            .header(header::CONNECTION, "close");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        request.body(Full::new(Bytes::from(body.unwrap_or_default())))
    }
}

/// What is needed for https: the authorities that are trusted, certificates in PEM.
pub(crate) fn trusting(authorities: &Path) -> Result<Arc<ClientConfig>, Failed> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", authorities.display());
    let certificates = CertificateDer::pem_file_iter(authorities);
    let certificates = certificates.and_then(|all| all.collect::<Result<Vec<_>, _>>()).map_err(|error| at(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(client.map_err(|error| at(&error))?.with_root_certificates(roots).with_no_client_auth()))
}
