//! `/sign-in` and `/sign-out`.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::auth::{AuthError, Secret};
use crate::sessions::{Proof, SessionError};

use super::super::Api;
use super::fault::Fault;
use super::form::Checked;
use super::path::own_path;
use super::table::{self, Body, Page, Who};
use super::visitor::{SignedIn, Visitor, with_session, without_session};
use super::{Asked, Frame, show_as};

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/sign-in", who: Who::Everybody, body: Body::None, handler: || get(page) },
    Page { method: "post", path: "/sign-in", who: Who::Everybody, body: Body::Form, handler: || post(sign_in) },
    Page { method: "post", path: "/sign-out", who: Who::User, body: Body::Form, handler: || post(sign_out) },
];

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Where to go afterwards.
    next: String,
    /// What was typed as login.
    login: String,
    /// What went wrong.
    error: Option<String>,
    /// There is a page for registering.
    may_register: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Form {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
async fn page(visitor: Visitor, asked: Asked, query: Result<Query<Wanted>, impl Sized>) -> Response {
    let next = query.map(|Query(wanted)| wanted.next).unwrap_or_default();
    match visitor.session {
        Some(_) => Redirect::to(&after_sign_in(&next)).into_response(),
        None => sign_in_page(asked, &next, "", None),
    }
}

/// `POST /sign-in`
async fn sign_in(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let password = Secret::new(form.password);
    let identity = match api.authenticator().login(form.login.trim(), &password, visitor.ip).await {
        Ok(identity) => identity,
        Err(error) => return Ok(sign_in_page(asked, &form.next, &form.login, Some(error))),
    };
    // Whoever was signed in here is not any more, and what the browser held before opens nothing.
    if let Some(old) = &visitor.session {
        api.sessions().close(old.account, old.id).await?;
    }
    let opened = match api.sessions().open(identity.account, Proof::Password, visitor.browser()).await {
        Ok(opened) => opened,
        Err(SessionError::Over) => return Ok(sign_in_page(asked, &form.next, &form.login, Some(AuthError::Wrong))),
        Err(SessionError::Store(error)) => return Err(error.into()),
    };
    Ok(with_session(Redirect::to(&after_sign_in(&form.next)).into_response(), &opened.token))
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// `POST /sign-out`
async fn sign_out(
    State(api): State<Api>,
    signed_in: SignedIn,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Fault> {
    api.sessions().close(signed_in.account, signed_in.session).await?;
    Ok(without_session(Redirect::to("/sign-in").into_response()))
}

fn sign_in_page(asked: Asked, next: &str, login: &str, error: Option<AuthError>) -> Response {
    let frame = Frame::new(asked, "sign-in-title");
    let status = match error {
        None => StatusCode::OK,
        Some(AuthError::Wrong) => StatusCode::FORBIDDEN,
        Some(AuthError::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(AuthError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let said = error.map(|error| match error {
        AuthError::Wrong => frame.text("sign-in-wrong"),
        AuthError::Throttled { seconds } => frame.text_with("sign-in-wait", &[("seconds", &seconds.to_string())]),
        AuthError::Busy => frame.text("sign-in-busy"),
    });
    let page = SignInPage {
        frame: frame.clone(),
        next: own_path(next).unwrap_or_default().to_owned(),
        login: login.to_owned(),
        error: said,
        may_register: table::find("get", "/register").is_some(),
    };
    let mut response = show_as(status, &frame, &page);
    if let Some(AuthError::Throttled { seconds }) = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page that was asked for, else the own cabinet.
fn after_sign_in(next: &str) -> String {
    let home = ["/cabinet", "/verify"].into_iter().find(|path| table::find("get", path).is_some());
    own_path(next).or(home).unwrap_or("/sign-in").to_owned()
}
