//! A question to an OCSP responder, and a list of revoked certificates, over HTTP. They go to the configured address and
//! nowhere else: a redirection is an error like any other status. What comes back is signed, so TLS is not needed.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where something is fetched.
#[derive(Clone, Debug)]
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// RFC 6960 §A.1.
    Ocsp(Vec<u8>),
    /// RFC 5280 §4.2.1.13.
    List,
}

/// How long it may take, and how much may come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) deadline: Duration,
    pub(super) most: usize,
}

impl Address {
    /// Reads a URL of http.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!("{url:?} does not begin with http://"));
        }
        let host = uri.host().map(str::to_owned).ok_or_else(|| format!("{url:?} names no host"))?;
        let port = uri.port_u16().unwrap_or(80);
        Ok(Address { uri, host, port })
    }

    /// What comes back, within the bounds.
    pub(super) async fn fetch(&self, ask: Ask, bounds: Bounds) -> Result<Vec<u8>, String> {
        let Bounds { deadline, most } = bounds;
        let answer = tokio::time::timeout(deadline, self.exchange(ask, most)).await;
        answer.unwrap_or_else(|_| Err(format!("{} gave no answer within {} s", self.host, deadline.as_secs())))
    }

    async fn exchange(&self, ask: Ask, most: usize) -> Result<Vec<u8>, String> {
        let at = |error: &dyn std::fmt::Display| format!("{}: {error}", self.host);
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await.map_err(|error| at(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| at(&error))?;
        let request = self.request(ask).map_err(|error| at(&error))?;
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

    fn request(&self, ask: Ask) -> Result<Request<Full<Bytes>>, axum::http::Error> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str());
        let request = Request::builder()
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, "poshta")
            .header(header::CONNECTION, "close");
        match ask {
            Ask::Ocsp(question) => request
                .method(Method::POST)
                .header(header::CONTENT_TYPE, "application/ocsp-request")
                .header(header::ACCEPT, "application/ocsp-response")
                .body(Full::new(Bytes::from(question))),
            Ask::List => request.method(Method::GET).body(Full::default()),
        }
    }
}
