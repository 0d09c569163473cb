//! Who looks at a page: found out once by the guard, handed to handlers by these extractors.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::postal::FacilityId;
use crate::sessions::{Browser, Session, SessionId, Token};

use super::super::access::Role;
use super::fault::Fault;

/// Holds the secret of a session. The prefix makes browsers refuse it from another host or without TLS (RFC 6265bis
/// §4.1.3.2), so that nobody else can slip one in.
const SESSION: &str = "__Host-session";

/// Ties the forms of somebody who is not signed in to this browser.
const FORM: &str = "__Host-form";

/// Anybody who asks for a page.
#[derive(Clone, Debug)]
pub(in crate::http) struct Visitor {
    /// Who it is, if signed in.
    pub(in crate::http) session: Option<Session>,
    /// From where.
    pub(in crate::http) ip: IpAddr,
    /// What the browser calls itself.
    pub(in crate::http) agent: String,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct SignedIn {
    /// The account.
    pub(in crate::http) account: AccountId,
    /// Its login.
    pub(in crate::http) login: String,
    /// Its address.
    pub(in crate::http) address: Address,
    /// The session, for ending or proving it.
    pub(in crate::http) session: SessionId,
    /// When it was last proved who it is: [`Sessions::is_freshly_proved`](crate::sessions::Sessions::is_freshly_proved).
    pub(in crate::http) proved_at: Timestamp,
    /// From where.
    pub(in crate::http) ip: IpAddr,
}

/// Somebody of the staff, in a role that the page is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Staff {
    /// Who it is.
    pub(in crate::http) signed_in: SignedIn,
    /// The first role of the page's row that was granted.
    pub(in crate::http) role: Role,
    /// For which facility, where the role has one.
    pub(in crate::http) facility: Option<FacilityId>,
}

/// What the guard found out about a request. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    session: Option<Session>,
    ip: IpAddr,
    agent: String,
    /// What a form of this browser carries; empty where nobody asked.
    form_token: String,
    /// A cookie that the browser does not have yet.
    new_form_cookie: Option<String>,
    /// A form was shown: the browser needs the cookie.
    is_form_shown: AtomicBool,
}

impl Default for Inner {
    fn default() -> Self {
        Inner {
            session: None,
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            agent: String::new(),
            form_token: String::new(),
            new_form_cookie: None,
            is_form_shown: AtomicBool::new(false),
        }
    }
}

impl Known {
    /// Puts together what is known; `random` becomes the form cookie of a browser that has none.
    pub(super) fn new(session: Option<Session>, browser: Browser, headers: &HeaderMap, random: [u8; 32]) -> Self {
        let is_ours = |value: &&str| value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_graphic());
        let kept = cookie(headers, FORM).filter(is_ours).map(str::to_owned);
        let new_form_cookie = match (&session, &kept) {
            (None, None) => Some(URL_SAFE_NO_PAD.encode(random)),
            _ => None,
        };
        let form_token = match &session {
            Some(_) => form_token(cookie(headers, SESSION).unwrap_or_default()),
            None => form_token(kept.as_deref().or(new_form_cookie.as_deref()).unwrap_or_default()),
        };
        let is_form_shown = AtomicBool::new(false);
        let (ip, agent) = (browser.ip, browser.agent);
        Known { inner: Arc::new(Inner { session, ip, agent, form_token, new_form_cookie, is_form_shown }) }
    }

    /// Who is signed in.
    pub(super) fn session(&self) -> Option<&Session> {
        self.inner.session.as_ref()
    }

    /// What a form has to carry. Whoever asks shows a form.
    pub(super) fn form_token(&self) -> &str {
        self.inner.is_form_shown.store(true, Ordering::Relaxed);
        &self.inner.form_token
    }

    /// Whether a form carries what one of this browser would.
    pub(super) fn is_form_token(&self, given: &str) -> bool {
        let (given, expected) = (given.as_bytes(), self.inner.form_token.as_bytes());
        !expected.is_empty()
            && self.inner.new_form_cookie.is_none()
            && bool::from(subtle::ConstantTimeEq::ct_eq(given, expected))
    }

    /// The cookie that the browser needs for the form it is shown.
    pub(super) fn form_cookie(&self) -> Option<HeaderValue> {
        let value = self.inner.new_form_cookie.as_ref()?;
        let is_shown = self.inner.is_form_shown.load(Ordering::Relaxed);
        is_shown.then(|| set_cookie(FORM, value, "")).flatten()
    }

    pub(super) fn visitor(&self) -> Visitor {
        let Inner { session, ip, agent, .. } = &*self.inner;
        Visitor { session: session.clone(), ip: *ip, agent: agent.clone() }
    }

    fn signed_in(&self) -> Option<SignedIn> {
        let session = self.session()?;
        Some(SignedIn {
            account: session.account,
            login: session.login.clone(),
            address: session.address.clone(),
            session: session.id,
            proved_at: session.proved_at,
            ip: self.inner.ip,
        })
    }

    /// The first of `roles` that was granted to whoever is signed in.
    pub(super) fn staff(&self, roles: &[Role]) -> Option<Staff> {
        let signed_in = self.signed_in()?;
        let grants = &self.session()?.grants;
        let granted = |role: &Role| grants.iter().find(|grant| grant.role() == Some(*role)).map(|grant| (*role, grant));
        let (role, grant) = roles.iter().find_map(granted)?;
        let facility = grant.facility.as_deref().and_then(|facility| facility.parse().ok());
        // A clerk of nowhere would be one of everywhere.
        (facility.is_some() || !role.needs_facility()).then_some(Staff { signed_in, role, facility })
    }
}

/// By which name and port the browser reached this server: what it takes for the site of a passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Here {
    /// `https://host` or `https://host:port`.
    pub(super) origin: String,
    /// The host alone.
    pub(super) host: String,
}

impl Visitor {
    /// For [`Sessions::open`](crate::sessions::Sessions::open).
    pub(in crate::http) fn browser(&self) -> Browser {
        Browser { ip: self.ip, agent: self.agent.clone() }
    }
}

/// The secret of the session that the browser holds.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SESSION)
}

/// The answer, with the secret of a new or renewed session for the browser.
pub(in crate::http) fn with_session(mut response: Response, token: &Token) -> Response {
    let cookie = set_cookie(SESSION, token.expose(), "");
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// The answer, and the browser forgets its session.
pub(in crate::http) fn without_session(mut response: Response) -> Response {
    let cookie = set_cookie(SESSION, "", "; Max-Age=0");
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// No script reads it, no other site sends it along with a form, and it ends with the browser.
fn set_cookie(name: &str, value: &str, more: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{more}")).ok()
}

/// What a form carries: made from the cookie, which no other site can read or set, and no way back to it.
fn form_token(cookie: &str) -> String {
    let token =
        blake3::derive_key("poshta 2026-11-29 token of a form, from the cookie of its browser", cookie.as_bytes());
    URL_SAFE_NO_PAD.encode(token)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get::<Known>().map(Known::visitor).ok_or_else(|| Fault::inside(&"a page without its guard"))
    }
}

impl<S: Sync> FromRequestParts<S> for Here {
    type Rejection = Fault;

    /// RFC 9113 §8.3.1: HTTP/2 has the authority in the target, HTTP/1.1 in `Host`.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let host = || parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
        let authority: Authority = parts.uri.authority().cloned().or_else(host).ok_or_else(Fault::bad_form)?;
        let host = authority.host().to_ascii_lowercase();
        let origin = match authority.port_u16() {
            None | Some(443) => format!("https://{host}"),
            Some(port) => format!("https://{host}:{port}"),
        };
        Ok(Here { origin, host })
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let known = parts.extensions.get::<Known>().and_then(Known::signed_in);
        known.ok_or_else(|| Fault::inside(&"a handler for users on a page for everybody"))
    }
}

impl<S: Sync> FromRequestParts<S> for Staff {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let staff = parts.extensions.get::<Staff>().cloned();
        staff.ok_or_else(|| Fault::inside(&"a handler for staff on a page for others"))
    }
}
