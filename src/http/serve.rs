//! The driver: connections in, HTTP/1.1 or HTTP/2 on them, an orderly end when the server drains.
//!
//! The invariant: a connection that asks nothing holds its place for the header timeout at most.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::server::listener::{Accepted, Drain, Listener};
use crate::server::tls::{Tls, Wire};

use super::Settings;
use super::access::ClientCertificate;
use super::guard::Peer;

/// How connections of a listener are secured.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Inside TLS.
    Tls(Tls),
    /// In the clear: the operator's own listener.
    Plain,
}

/// Serves a router on a listener until the drain begins; then answers what has been asked and ends.
pub async fn serve(listener: Listener, transport: Transport, router: Router, settings: Settings, drain: Drain) {
    let end = drain.clone();
    listener
        .run(drain, move |accepted| {
            connection(accepted, transport.clone(), router.clone(), settings.header_timeout_s, end.clone())
        })
        .await;
}

async fn connection(accepted: Accepted, transport: Transport, router: Router, header_timeout_s: u64, drain: Drain) {
    let Accepted { id, stream, client, permit } = accepted;
    let wire = match &transport {
        Transport::Plain => Ok(Wire::Plain(stream)),
        Transport::Tls(tls) => Wire::Plain(stream).upgrade(tls).await,
    };
    let wire = match wire {
        Ok(wire) => wire,
        Err(error) => {
            tracing::debug!(connection = id, %client, %error, "no TLS");
            return;
        }
    };
    let security = wire.security();
    let certificate = security
        .and_then(|security| security.client_certificates.first().map(Sha256::digest))
        .map(|hash| ClientCertificate(hash.into()));
    let peer = Peer { connection: id, ip: client.ip(), certificate, stop: drain.token().clone() };
    let header_timeout = Duration::from_secs(header_timeout_s);
    let asked = CancellationToken::new();
    let begun = asked.clone();
    let service = hyper::service::service_fn(move |request| {
        begun.cancel();
        answer(router.clone(), peer.clone(), request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let serving = builder.serve_connection(TokioIo::new(wire), service);
    tokio::pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        // The timeout of HTTP/1.1 begins only when the first bytes have told the version.
        () = silence(&asked, header_timeout) => Ok(()),
        () = drain.token().cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(connection = id, %client, %error, "connection ended");
    }
    drop(permit);
}

/// Ends when the time is over and nothing was asked; else never.
async fn silence(asked: &CancellationToken, limit: Duration) {
    if tokio::time::timeout(limit, asked.cancelled()).await.is_ok() {
        std::future::pending().await
    }
}

async fn answer(mut router: Router, peer: Peer, mut request: Request<Incoming>) -> Result<Response, Infallible> {
    request.extensions_mut().insert(peer);
    router.call(request).await
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use super::*;
    use crate::server::listener::{ConnectionIds, Gate, Limits};

    #[tokio::test]
    async fn a_connection_that_asks_nothing_is_closed() {
        let (gate, ids) = (Gate::new(Limits::default()), ConnectionIds::default());
        let listener = Listener::bind("test", "127.0.0.1:0".parse().unwrap(), gate, ids, "").await.unwrap();
        let address = listener.address();
        let settings = Settings { header_timeout_s: 1, ..Settings::default() };
        tokio::spawn(serve(listener, Transport::Plain, Router::new(), settings, Drain::default()));
        let mut client = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(20), client.read(&mut [0; 1])).await;
        assert_eq!(read.unwrap().unwrap(), 0);
    }
}
