//! What every request for a page passes before its handler: who it is, whether this page is for them, and how long it
//! may take. A handler that runs may rely on its row of the table.

use std::time::Duration;

use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::sessions::{Browser, Proof};

use super::super::Api;
use super::super::guard::Peer;
use super::super::problem::Problem;
use super::accept;
use super::fault::Fault;
use super::language::{Asked, Planned};
use super::path::sign_in_for;
use super::table::{self, Body, Page, Who};
use super::visitor::{Known, session_cookie};

/// The middleware around every page.
pub(super) async fn guard(State(api): State<Api>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(api.settings().request_timeout_s);
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().cloned().unwrap_or_default();
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let browser = Browser { ip: peer.ip, agent: agent.to_owned() };
    let wants_page = accept::wants_page(&parts.headers);
    let path = match &path {
        Some(path) => path.as_str(),
        // A program that mistook an address gets what programs get.
        None if !wants_page => return Problem::not_found().into_response(),
        None => "",
    };
    let session = match session_cookie(&parts.headers) {
        // What a page loads is the same for everybody, and there is much of it.
        Some(token) if !path.starts_with("/assets/") => api.sessions().find(token).await,
        _ => Ok(None),
    };
    let is_unknown = session.is_err();
    let known = Known::new(session.unwrap_or_default(), browser, &parts.headers, api.random());
    parts.extensions.insert(known.clone());
    parts.extensions.insert(Planned(api.announcements().shown().into()));
    let Ok(asked) = Asked::from_request_parts(&mut parts, &()).await;
    if is_unknown {
        return Fault::inside(&"sessions cannot be read").page(asked);
    }
    let page = match table::find(parts.method.as_str(), path) {
        Some(page) => page,
        None if path.is_empty() => return Fault::not_found().page(asked),
        None => return method_not_allowed(path, asked),
    };
    if known.session().is_none() && page.body != Body::None {
        let most = api.settings().max_anonymous_forms_per_minute;
        if let Some(seconds) = api.form_rate().wait_s(peer.ip, most, api.now()) {
            return Fault::too_many(seconds).page(asked);
        }
    }
    let request =
        match admit(page, &known, parts.uri.path(), &parts.method, api.sessions().settings().staff_second_factor) {
            Ok(staff) => {
                parts.extensions.extend(staff);
                Request::from_parts(parts, body)
            }
            Err(Refused::SignIn(to)) => return Redirect::to(&to).into_response(),
            Err(Refused::SecondFactor) => return needs_second_factor(asked),
            Err(Refused::WrongRole) => return Fault::wrong_role().page(asked),
        };
    let mut response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::inside(&"a page took too long").into_response(),
    };
    match response.extensions_mut().remove::<Fault>() {
        Some(fault) => fault.page(asked),
        // What axum says of a path or a query that no handler can read.
        None if wants_page && is_plain_refusal(&response) => Fault::not_found().page(asked),
        None => response,
    }
}

fn is_plain_refusal(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    response.status().is_client_error() && kind.is_some_and(|kind| kind.starts_with("text/plain"))
}

/// Why somebody may not.
enum Refused {
    SignIn(String),
    WrongRole,
    SecondFactor,
}

fn admit(
    page: &Page,
    known: &Known,
    path: &str,
    method: &Method,
    needs_factor: bool,
) -> Result<axum::http::Extensions, Refused> {
    let mut found = axum::http::Extensions::new();
    match page.who {
        Who::Everybody => {}
        // What was sent is lost; after signing in they see the page that it was sent from, or the one after signing in.
        _ if known.session().is_none() => {
            let is_shown = method == Method::GET || table::find("get", page.path).is_some();
            return Err(Refused::SignIn(sign_in_for(is_shown.then_some(path))));
        }
        Who::User => {}
        Who::Staff(roles) => {
            found.insert(known.staff(roles).ok_or(Refused::WrongRole)?);
            // A password that was seen over a shoulder must not open other people's data.
            if needs_factor && known.session().is_some_and(|session| session.proof == Proof::Password) {
                return Err(Refused::SecondFactor);
            }
        }
    }
    Ok(found)
}

/// Says how to get one, where it is set up.
fn needs_second_factor(asked: Asked) -> Response {
    Fault::new(StatusCode::FORBIDDEN, "page-needs-factor", "page-needs-factor-text").page(asked)
}

/// RFC 9110 §15.5.6: a 405 names the methods that are allowed.
fn method_not_allowed(path: &str, asked: Asked) -> Response {
    let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "page-missing", "page-missing-text");
    let mut response = fault.page(asked);
    let allowed: Vec<String> = table::methods(path).map(str::to_ascii_uppercase).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use test_case::test_case;

    use super::super::super::access::Role;
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::AccountId;
    use crate::sessions::{Grant, Session, SessionId};

    #[test_case(Proof::Password => false; "a password that was seen over a shoulder")]
    #[test_case(Proof::PasswordAndCode => true; "a password and a code")]
    #[test_case(Proof::PasswordAndPasskey => true; "a password and a passkey")]
    #[test_case(Proof::Passkey => true; "a passkey, whose device knows its owner")]
    #[test_case(Proof::Signature => true; "a key for signatures, and its own password")]
    fn staff_needs_two_factors_where_the_operator_wants_it(proof: Proof) -> bool {
        let now = Timestamp::UNIX_EPOCH;
        let session = Session {
            id: SessionId([0; 32]),
            account: AccountId(1),
            login: "aliya".into(),
            address: "aliya@poshta.example".parse().unwrap(),
            name: String::new(),
            grants: vec![Grant::new(Role::Administrator, None, "command line".into(), 0)],
            proof,
            proved_at: now,
            opened_at: now,
            seen_at: now,
        };
        let browser = Browser { ip: [127, 0, 0, 1].into(), agent: String::new() };
        let known = Known::new(Some(session), browser, &HeaderMap::new(), [0; 32]);
        let page =
            table::all().find(|page| matches!(page.who, Who::Staff(roles) if roles.contains(&Role::Administrator)));
        let page = page.unwrap();
        assert!(admit(page, &known, page.path, &Method::GET, false).is_ok());
        admit(page, &known, page.path, &Method::GET, true).is_ok()
    }
}
