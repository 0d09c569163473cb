//! One file over HTTP, for commands that look at a log from outside. The log is signed, so what TLS adds is only
//! that nobody sees what is asked for.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Uri;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::tlog::monitor::Source;

use super::WrongUse;

/// Whom the system trusts: on Debian the package ca-certificates keeps it.
pub(super) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Larger than any file of a log, bytes.
const LONGEST: u64 = 1 << 20;

/// A prefix of URLs on one server.
pub(super) struct Prefix {
    host: String,
    port: u16,
    path: String,
    tls: Option<Arc<ClientConfig>>,
}

impl Prefix {
    /// Reads a URL; `authorities` is a file of certificates, for `https`.
    pub(super) fn new(url: &str, authorities: &Path) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().map_err(|error| WrongUse(format!("{url}: no URL: {error}")))?;
        let host = uri.host().filter(|_| uri.query().is_none());
        let host =
            host.ok_or_else(|| WrongUse(format!("{url}: a URL such as https://poshta.example/log is expected")))?;
        let tls = match uri.scheme_str() {
            Some("https") => Some(Arc::new(client(authorities)?)),
            Some("http") => None,
            _ => return Err(WrongUse(format!("{url}: write http:// or https:// before it")).into()),
        };
        Ok(Prefix {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 }),
            path: uri.path().trim_end_matches('/').to_owned(),
            tls,
        })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let name = self.host.trim_matches(['[', ']']);
        let mut last = io::Error::other(format!("{name} has no address"));
        for address in (name, self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Source for Prefix {
    type Error = io::Error;

    fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        // RFC 9110 §7.2. In HTTP/1.0 the answer ends with the connection and comes in one piece.
        let request = format!(
            "GET {}/{path} HTTP/1.0\r\nHost: {}:{}\r\nUser-Agent: poshta\r\nAccept: */*\r\n\r\n",
            self.path, self.host, self.port
        );
        let stream = self.connect()?;
        let Some(tls) = &self.tls else { return exchange(stream, &request) };
        let name = ServerName::try_from(self.host.trim_matches(['[', ']']).to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        exchange(StreamOwned::new(connection, stream), &request)
    }
}

fn client(authorities: &Path) -> anyhow::Result<ClientConfig> {
    let certificates = CertificateDer::pem_file_iter(authorities);
    let certificates = certificates.and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    let certificates = certificates
        .with_context(|| format!("{}: certificates are expected; name a file with --ca", authorities.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(client.with_root_certificates(roots).with_no_client_auth())
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(LONGEST).read_to_end(&mut answer) {
        // A server that closes without a farewell: the length tells whether something is missing.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        other => {
            other?;
        }
    }
    content(&answer)
}

/// The content of an answer with status 200, of which nothing is missing.
fn content(answer: &[u8]) -> io::Result<Vec<u8>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(answer).map_err(io::Error::other)?;
    let httparse::Status::Complete(length) = parsed else { return Err(io::ErrorKind::UnexpectedEof.into()) };
    if head.code != Some(200) {
        // Only this one says that the log does not have it; every other may be gone in a moment.
        let kind = if head.code == Some(404) { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
        return Err(io::Error::new(kind, format!("HTTP status {}", head.code.unwrap_or(0))));
    }
    let value =
        |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|it| it.value);
    if value("transfer-encoding").is_some() || value("content-encoding").is_some() {
        return Err(io::Error::other("the content is coded in a way that was not asked for"));
    }
    let content = answer.get(length..).unwrap_or_default();
    let announced = value("content-length").and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
    match announced {
        Some(length) => content.get(..length).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        None => Err(io::Error::other("the answer does not say how long it is")),
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc" => Some("abc".into()); "whole")]
    #[test_case("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef" => Some("abc".into()); "more than announced")]
    #[test_case("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabc" => None; "cut off")]
    #[test_case("HTTP/1.0 200 OK\r\nContent-Len" => None; "cut off in the head")]
    #[test_case("HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nabc" => None; "not there")]
    #[test_case("HTTP/1.0 200 OK\r\n\r\nabc" => None; "no length")]
    #[test_case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" => None; "in chunks")]
    #[test_case("" => None; "nothing")]
    fn rfc9110_only_a_whole_answer_counts(answer: &str) -> Option<String> {
        content(answer.as_bytes()).ok().map(|content| String::from_utf8(content).unwrap())
    }

    #[test_case("https://poshta.example/log/", "/etc/none.pem" => false; "no authorities")]
    #[test_case("http://127.0.0.1:2980/log/", "/etc/none.pem" => true; "none needed")]
    #[test_case("poshta.example/log", "/etc/none.pem" => false; "no scheme")]
    #[test_case("ftp://poshta.example/log", "/etc/none.pem" => false; "another scheme")]
    fn a_prefix_is_a_url(url: &str, authorities: &str) -> bool {
        Prefix::new(url, Path::new(authorities)).is_ok()
    }
}
