//! What every request passes before its handler: the route's roles, the size of its body, its time, and the
//! memory of answers to requests with an `Idempotency-Key`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body as AxumBody, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::auth::{AuthError, Door, Secret};
use crate::store::{Batch, keys, rows};

use super::access::{ClientCertificate, Principal, Role};
use super::problem::Problem;
use super::routes::{self, Body, Route};
use super::{Api, audited};

/// What the listener knows of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Its number (DESIGN 18).
    pub(super) connection: u64,
    /// Who calls.
    pub(super) ip: IpAddr,
    /// What it showed in TLS.
    pub(super) certificate: Option<ClientCertificate>,
    /// Fires when the server drains: nobody waits for work any longer.
    pub(super) stop: CancellationToken,
}

impl Default for Peer {
    fn default() -> Self {
        Peer { connection: 0, ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), certificate: None, stop: CancellationToken::new() }
    }
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    /// Hash of the request's body.
    request: [u8; 32],
    status: u16,
    content_type: String,
    body: Vec<u8>,
    /// Seconds since 1970.
    expires: i64,
}

const VERSION: u8 = 1;

/// The middleware around every route.
pub(super) async fn guard(State(api): State<Api>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(api.settings().request_timeout_s);
    match tokio::time::timeout(limit, pass(&api, path, request, next)).await {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => Problem::temporary(&"a request took too long").into_response(),
    }
}

async fn pass(api: &Api, path: Option<MatchedPath>, request: Request, next: Next) -> Result<Response, Problem> {
    let path = path.ok_or_else(Problem::not_found)?;
    let Some(route) = routes::find(request.method().as_str(), path.as_str()) else {
        return Ok(method_not_allowed(path.as_str()));
    };
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    if route.roles.is_empty() {
        return Ok(next.run(request).await);
    }
    let principal = authenticate(api, request.headers(), &peer).await?;
    if !route.roles.contains(&principal.role) {
        return Err(Problem::wrong_role(principal.role.name()));
    }
    let key = idempotency_key(route, request.headers())?;
    if let Some(action) = audited::action(route, &principal) {
        // M20: nothing of somebody's is shown before it is written down who looked at it.
        let object = request.uri().path().to_owned();
        api.audit().note(&principal.name, action, &object, None).await?;
    }
    let (mut parts, body) = request.into_parts();
    let body = read_body(api, route, body).await?;
    tracing::debug!(connection = peer.connection, principal = principal.name, path = path.as_str(), "request");
    parts.extensions.insert(principal.clone());
    parts.extensions.insert(peer);
    let Some(key) = key else {
        return Ok(next.run(Request::from_parts(parts, AxumBody::from(body))).await);
    };
    // The key counts for this path, with its ids, not for all jobs or items.
    let key = format!("{}\n{key}", parts.uri.path());
    let api = api.clone();
    // A task of its own: a client that hangs up, or our own time limit, ends the waiting and not the work, so that
    // the answer is there when the client asks again with the same key.
    let work = tokio::spawn(async move { once(&api, &principal, &key, (parts, body), next).await });
    work.await.map_err(|error| Problem::temporary(&error))?
}

/// RFC 9110 §15.5.6: a 405 names the methods that are allowed.
fn method_not_allowed(path: &str) -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", "see /api/v1/openapi.json");
    let mut response = problem.into_response();
    let allowed: Vec<String> = routes::methods(path).map(str::to_ascii_uppercase).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

async fn authenticate(api: &Api, headers: &HeaderMap, peer: &Peer) -> Result<Principal, Problem> {
    let Some((login, password)) = basic(headers) else {
        return api.principals().authenticate(headers, peer.certificate);
    };
    match api.authenticator().login(&login, &password, peer.ip, Door::Pages).await {
        Ok(identity) => {
            Ok(Principal { name: identity.login, role: Role::Sender, facility: identity.account.0.to_string() })
        }
        Err(AuthError::Wrong | AuthError::WrongAppPassword) => Err(Problem::unauthorized()),
        Err(error @ AuthError::Throttled { .. }) => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many attempts", error.to_string()))
        }
        Err(error) => Err(Problem::temporary(&error)),
    }
}

/// RFC 7617.
fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (login, password) = text.split_once(':')?;
    Some((login.to_owned(), Secret::new(password.to_owned())))
}

async fn read_body(api: &Api, route: &Route, body: AxumBody) -> Result<Bytes, Problem> {
    let limit = match route.body {
        Body::None => 0,
        Body::Json => api.settings().max_json_bytes,
        Body::Upload => api.settings().max_upload_bytes,
    };
    let detail = || format!("the body is larger than {limit} bytes, or was cut off");
    to_bytes(body, limit)
        .await
        .map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body too large or incomplete", detail()))
}

fn idempotency_key(route: &Route, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const LONGEST: usize = 255;
    let Some(value) = headers.get("Idempotency-Key").filter(|_| route.method == "post") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_input(format!("Idempotency-Key has 1 to {LONGEST} visible characters"))),
    }
}

/// Runs the request, unless it was run before: then its answer comes again.
async fn once(
    api: &Api,
    principal: &Principal,
    key: &str,
    (parts, body): (axum::http::request::Parts, Bytes),
    next: Next,
) -> Result<Response, Problem> {
    let row = keys::idempotency(&principal.name, blake3::hash(key.as_bytes()).as_bytes());
    let fingerprint = fingerprint(key, &parts.headers, &body);
    let _turn = api.in_flight().enter(row.clone()).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "in progress", "a request with this Idempotency-Key is being served")
    })?;
    let now = api.now().as_second();
    let lookup = row.clone();
    if let Some(found) = api.store().read(move |view| view.get(&lookup)).await? {
        let remembered: Remembered = rows::decode(VERSION, &found)?;
        if remembered.expires > now {
            return remembered.replay(fingerprint);
        }
    }
    let response = next.run(Request::from_parts(parts, AxumBody::from(body))).await;
    if response.status().is_server_error() {
        return Ok(response);
    }
    let expires = now.saturating_add(i64::try_from(api.settings().idempotency_keep_s).unwrap_or(i64::MAX));
    remember(api, row, fingerprint, expires, response).await
}

/// The boundary of a multipart body differs from one try to the next; what is between does not. Keyed with what the
/// client chose and nobody keeps: a body may hold an IIN, which a plain hash would give away (M7).
fn fingerprint(key: &str, headers: &HeaderMap, body: &[u8]) -> [u8; 32] {
    let key = blake3::derive_key("poshta 2026-11-29 fingerprint of a request with an idempotency key", key.as_bytes());
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let boundary = content_type.split_once("boundary=").map(|(_, rest)| rest.trim_matches('"'));
    let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
        return *blake3::keyed_hash(&key, body).as_bytes();
    };
    let mut hasher = blake3::Hasher::new_keyed(&key);
    let mut rest = body;
    let needle = boundary.as_bytes();
    while let Some(at) = rest.windows(needle.len()).position(|window| window == needle) {
        let (piece, tail) = rest.split_at(at);
        hasher.update(piece);
        rest = tail.get(needle.len()..).unwrap_or_default();
    }
    hasher.update(rest);
    *hasher.finalize().as_bytes()
}

async fn remember(
    api: &Api,
    row: Vec<u8>,
    request: [u8; 32],
    expires: i64,
    response: Response,
) -> Result<Response, Problem> {
    const LONGEST: usize = 4 << 20;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LONGEST).await.map_err(|error| Problem::temporary(&error))?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let remembered = Remembered {
        request,
        status: parts.status.as_u16(),
        content_type: content_type.to_owned(),
        body: body.to_vec(),
        expires,
    };
    let mut batch = Batch::new();
    batch.put(row, rows::encode(VERSION, &remembered)?);
    // What was done is done, and the client must hear it; only a repetition would be done again.
    if let Err(error) = api.store().commit(batch).await {
        tracing::warn!(%error, "an answer cannot be remembered");
    }
    Ok(Response::from_parts(parts, AxumBody::from(body)))
}

impl Remembered {
    fn replay(self, fingerprint: [u8; 32]) -> Result<Response, Problem> {
        if self.request != fingerprint {
            return Err(Problem::bad_input("this Idempotency-Key was used with another request"));
        }
        let mut response = (StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK), self.body).into_response();
        if let Ok(content_type) = HeaderValue::from_str(&self.content_type) {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        Ok(response)
    }
}

/// Removes remembered answers whose time is over, a few hundred at a time.
///
/// # Errors
/// Store.
pub(super) async fn forget_expired(api: &Api) -> Result<usize, crate::store::Error> {
    const PIECE: usize = 500;
    let now = api.now().as_second();
    let mut from = vec![b'k'];
    let mut removed = 0;
    loop {
        let begin = from.clone();
        let found = api.store().read(move |view| view.range(&begin, &keys::after(b"k"), PIECE)).await?;
        let Some((last, _)) = found.last() else { return Ok(removed) };
        from = [last.as_slice(), &[0]].concat();
        let mut batch = Batch::new();
        let before = removed;
        for (key, row) in found {
            if rows::decode::<Remembered>(VERSION, &row).is_ok_and(|remembered| remembered.expires <= now) {
                batch.delete(key);
                removed += 1;
            }
        }
        if removed > before {
            api.store().commit(batch).await?;
        }
    }
}

/// The principal that the guard let pass.
pub(super) type Caller = Extension<Principal>;
