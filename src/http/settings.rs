//! Sections `[http]` and `[[http.tokens]]` of the configuration.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::server::listener::Limits;

use super::access::Role;

/// Keys of `[http]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where print and scan centres connect (TLS).
    pub listen: SocketAddr,
    /// Where the operator's own systems ask for health and metrics (no TLS; keep it inside).
    pub operator_listen: SocketAddr,
    /// Connections of either listener.
    pub limits: Limits,
    /// Largest JSON body, bytes.
    pub max_json_bytes: usize,
    /// Forms that people who are not signed in may send from one network in a minute; 0 is without a limit.
    pub max_anonymous_forms_per_minute: u32,
    /// Signed documents that one network may have checked on `/verify/document` in a minute; 0 is without a limit.
    pub max_document_checks_per_minute: u32,
    /// Largest signed document that is checked there, bytes: of a signature and of the document beside it, each.
    pub max_checked_bytes: usize,
    /// Time for sending one there, seconds: whoever sends has one of few places meanwhile.
    pub checked_upload_timeout_s: u64,
    /// Largest form of a page without files, bytes.
    pub max_form_bytes: usize,
    /// Largest multipart body, bytes; larger than the largest scan.
    pub max_upload_bytes: usize,
    /// Time for a request and its answer, seconds; longer than the longest lease wait.
    pub request_timeout_s: u64,
    /// Time for the head of a request, seconds.
    pub header_timeout_s: u64,
    /// How long the answer to a request with `Idempotency-Key` is kept, seconds.
    pub idempotency_keep_s: u64,
    /// Most scans in one answer of the review desk.
    pub max_listed: usize,
    /// Who may do what.
    pub tokens: Vec<Token>,
}

/// One principal: a machine or a person with a bearer token or a client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Its name, for logs and the audit; unique.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The facility for which it speaks: the print centre, scan centre or post office.
    #[serde(default)]
    pub facility: Option<String>,
    /// SHA-256 of the bearer token, 64 hexadecimal digits.
    #[serde(default)]
    pub sha256: Option<String>,
    /// SHA-256 of the client certificate (DER), 64 hexadecimal digits.
    #[serde(default)]
    pub certificate_sha256: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            operator_listen: SocketAddr::from(([127, 0, 0, 1], 9980)),
            limits: Limits::default(),
            max_json_bytes: 64 << 10,
            max_anonymous_forms_per_minute: 60,
            max_document_checks_per_minute: 10,
            max_checked_bytes: 16 << 20,
            checked_upload_timeout_s: 60,
            max_form_bytes: 64 << 10,
            max_upload_bytes: 52 << 20,
            request_timeout_s: 120,
            header_timeout_s: 15,
            idempotency_keep_s: 86_400,
            max_listed: 200,
            tokens: Vec::new(),
        }
    }
}
