//! `/sign-in/again`: the password once more before a dangerous act, and a second factor where there is one (or an
//! electronic signature, which has its own page), so that a browser that somebody left open does not do it.

use askama::Template;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::auth::{AuthError, Door, Secret};
use crate::sessions::{Opened, Proof};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::path::{encoded, own_path};
use super::super::table;
use super::super::visitor::{Here, SignedIn, Visitor, with_session};
use super::super::{Asked, Frame, show_as};
use super::second::{Second, Step};
use super::{Wanted, Wrong, over};

/// Somebody who is signed in and proved a short while ago who they are; whoever did not is asked at `/sign-in/again` and
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
        Err(ask_again(parts))
    }
}

/// Somebody whose page asks for the password itself. Whoever has a second factor has to have proved with it a short
/// while ago.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::http) struct SecondProved(pub(in crate::http) SignedIn);

impl FromRequestParts<Api> for SecondProved {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
        if api.sessions().is_freshly_proved(signed_in.proved_at) {
            return Ok(SecondProved(signed_in));
        }
        match api.sessions().second_factors(signed_in.account).await {
            Ok(factors) if factors.is_on() => Err(ask_again(parts)),
            Ok(_) => Ok(SecondProved(signed_in)),
            Err(error) => Err(Fault::from(error).into_response()),
        }
    }
}

fn ask_again(parts: &Parts) -> Response {
    let path = parts.uri.path();
    let back = if table::is_shown(parts) { path } else { "/cabinet" };
    Redirect::to(&format!("/sign-in/again?next={}", encoded(back))).into_response()
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
    Again { api: &api, signed_in: &signed_in, next: &next }.show(asked, None)
}

/// `POST /sign-in/again`
pub(super) async fn prove(
    State(api): State<Api>,
    signed_in: SignedIn,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let again = Again { api: &api, signed_in: &signed_in, next: &form.next };
    let password = Secret::new(form.password);
    match api.authenticator().login(&signed_in.login, &password, signed_in.ip, Door::Pages).await {
        Ok(identity) if identity.account == signed_in.account => {}
        Ok(_) => return Ok(again.show(asked, Some(Wrong::Password(AuthError::Wrong)))),
        Err(error) => return Ok(again.show(asked, Some(Wrong::Password(error)))),
    }
    if api.sessions().second_factors(signed_in.account).await?.is_on() {
        let given = api.sessions().password_given(signed_in.session);
        let step = Step::Again(signed_in.clone(), given);
        return Second { api: &api, here: &here, asked, step, next: &form.next }.show(None).await;
    }
    // How the session was opened stays: a password alone makes no weaker one of it.
    let proof = visitor.session.map_or(Proof::Password, |session| session.proof);
    let opened = api.sessions().prove(signed_in.session, proof).await.map_err(over)?;
    Ok(again.proved(&opened))
}

/// The page for somebody who is signed in.
pub(super) struct Again<'a> {
    pub(super) api: &'a Api,
    pub(super) signed_in: &'a SignedIn,
    pub(super) next: &'a str,
}

impl Again<'_> {
    /// Back to what was wanted, with a new secret.
    pub(super) fn proved(&self, opened: &Opened) -> Response {
        let next = own_path(self.next).unwrap_or("/cabinet");
        with_session(Redirect::to(next).into_response(), &opened.token)
    }

    pub(super) fn show(&self, asked: Asked, wrong: Option<Wrong>) -> Response {
        let frame = Frame::new(asked, "again-title");
        let page = AgainPage {
            next: own_path(self.next).unwrap_or_default().to_owned(),
            login: self.signed_in.login.clone(),
            takes_signatures: self.api.signature_sign_in().is_possible(),
            error: wrong.map(|wrong| wrong.text(&frame)),
            frame: frame.clone(),
        };
        show_as(wrong.map_or(StatusCode::OK, Wrong::status), &frame, &page)
    }
}
