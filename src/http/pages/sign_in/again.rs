//! `/sign-in/again`: the password once more before a dangerous act (or an electronic signature, which has its own page),
//! so that a browser that somebody left open does not do it.

use askama::Template;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::auth::{AuthError, Door, Secret};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::path::{encoded, own_path};
use super::super::table;
use super::super::visitor::{SignedIn, Visitor, with_session};
use super::super::{Asked, Frame, show_as};
use super::{Wanted, Wrong, over};

/// Somebody who is signed in and proved a short while ago who they are; whoever did not is asked for the password and
/// comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct Proved(pub(in crate::http) SignedIn);

impl FromRequestParts<Api> for Proved {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
        if api.sessions().is_freshly_proved(signed_in.proved_at) {
            return Ok(Proved(signed_in));
        }
        let path = parts.uri.path();
        let back = if table::is_shown(parts) { path } else { "/cabinet" };
        Err(Redirect::to(&format!("/sign-in/again?next={}", encoded(back))).into_response())
    }
}

#[derive(Template)]
#[template(path = "sign_in/again.html")]
struct AgainPage {
    frame: Frame,
    next: String,
    login: String,
    /// Electronic signatures can be judged here.
    takes_signatures: bool,
    error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Form {
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in/again`
pub(super) async fn page(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Query(Wanted { next }): Query<Wanted>,
) -> Response {
    again_page(&api, asked, &signed_in, &next, None)
}

/// `POST /sign-in/again`
pub(super) async fn prove(
    State(api): State<Api>,
    signed_in: SignedIn,
    visitor: Visitor,
    asked: Asked,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let password = Secret::new(form.password);
    match api.authenticator().login(&signed_in.login, &password, signed_in.ip, Door::Pages).await {
        Ok(identity) if identity.account == signed_in.account => {}
        Ok(_) => return Ok(again_page(&api, asked, &signed_in, &form.next, Some(AuthError::Wrong))),
        Err(error) => return Ok(again_page(&api, asked, &signed_in, &form.next, Some(error))),
    }
    // How the session was opened stays: a password alone makes no weaker one of it.
    let proof = visitor.session.map_or(crate::sessions::Proof::Password, |session| session.proof);
    let opened = api.sessions().prove(signed_in.session, proof).await.map_err(over)?;
    let next = own_path(&form.next).unwrap_or("/cabinet");
    Ok(with_session(Redirect::to(next).into_response(), &opened.token))
}

fn again_page(api: &Api, asked: Asked, signed_in: &SignedIn, next: &str, error: Option<AuthError>) -> Response {
    let frame = Frame::new(asked, "again-title");
    let wrong = error.map(Wrong::Password);
    let page = AgainPage {
        next: own_path(next).unwrap_or_default().to_owned(),
        login: signed_in.login.clone(),
        takes_signatures: api.signature_sign_in().is_possible(),
        error: wrong.map(|wrong| wrong.text(&frame)),
        frame: frame.clone(),
    };
    show_as(wrong.map_or(StatusCode::OK, Wrong::status), &frame, &page)
}
