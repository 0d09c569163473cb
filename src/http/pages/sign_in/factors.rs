//! `/cabinet/second-factor`: an authenticator program, passkeys, recovery codes. Every change asks for the password if
//! it was not given a short while ago.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::sessions::{Asked as Question, FactorError, NewKey, Offer, RecoveryCodes, SessionId, ShownFactors};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::table::{Body, Page, Who};
use super::super::visitor::{Here, SignedIn};
use super::super::{Asked, Frame, show_as};
use super::Nothing;
use super::again::Proved;
use super::passkey::decoded;

const HOME: &str = "/cabinet/second-factor";

pub(in crate::http::pages) const PAGES: &[Page] = &[
    Page { method: "get", path: HOME, who: Who::User, body: Body::None, handler: || get(page) },
    form("/cabinet/second-factor/authenticator", || post(confirm_authenticator)),
    form("/cabinet/second-factor/authenticator/remove", || post(remove_authenticator)),
    form("/cabinet/second-factor/passkeys", || post(add_passkey)),
    form("/cabinet/second-factor/passkeys/remove", || post(remove_passkey)),
    form("/cabinet/second-factor/recovery", || post(renew_recovery)),
];

const fn form(path: &'static str, handler: fn() -> MethodRouter<Api>) -> Page {
    Page { method: "post", path, who: Who::User, body: Body::Form, handler }
}

#[derive(Template)]
#[template(path = "sign_in/factors.html")]
struct FactorsPage {
    frame: Frame,
    factors: ShownFactors,
    /// What a new authenticator program is given; where there is none yet.
    offer: Option<Offer>,
    /// The same as a picture; without the code that draws it there is none.
    qr: Option<String>,
    create: Create,
    /// Shown once.
    codes: Option<RecoveryCodes>,
    error: Option<String>,
}

/// What the script needs to ask the browser for a new passkey.
struct Create {
    challenge: String,
    host: String,
    user: String,
    login: String,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Made {
    name: String,
    client_data: String,
    attestation: String,
}

#[derive(Deserialize)]
struct Number {
    number: u32,
}

/// Whoever is signed in and proved a short while ago who they are, at this page.
struct Owner {
    api: Api,
    here: Here,
    signed_in: SignedIn,
    asked: Asked,
}

impl FromRequestParts<Api> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let Proved(signed_in) = Proved::from_request_parts(parts, api).await?;
        let here = Here::from_request_parts(parts, api).await.map_err(IntoResponse::into_response)?;
        let Ok(asked) = Asked::from_request_parts(parts, api).await;
        Ok(Owner { api: api.clone(), here, signed_in, asked })
    }
}

/// `GET /cabinet/second-factor`
async fn page(owner: Owner) -> Result<Response, Fault> {
    owner.show(None, None).await
}

async fn confirm_authenticator(owner: Owner, Checked(form): Checked<Code>) -> Result<Response, Fault> {
    let outcome = owner.api.sessions().confirm_authenticator(owner.signed_in.account, &form.code).await;
    owner.changed(outcome).await
}

async fn remove_authenticator(owner: Owner, Checked(Nothing {}): Checked<Nothing>) -> Result<Response, Fault> {
    let outcome = owner.api.sessions().remove_authenticator(owner.signed_in.account).await;
    owner.changed(outcome.map(|()| None)).await
}

async fn add_passkey(owner: Owner, Checked(made): Checked<Made>) -> Result<Response, Fault> {
    let (client_data, attestation) = (decoded(&made.client_data)?, decoded(&made.attestation)?);
    let new = NewKey { name: made.name, client_data, attestation };
    let Here { origin, host } = owner.here.clone();
    let question = Question { what: registering(owner.signed_in.session), origin, host };
    let outcome = owner.api.sessions().add_passkey(owner.signed_in.account, new, &question).await;
    owner.changed(outcome).await
}

async fn remove_passkey(owner: Owner, Checked(form): Checked<Number>) -> Result<Response, Fault> {
    let outcome = owner.api.sessions().remove_passkey(owner.signed_in.account, form.number).await;
    owner.changed(outcome.map(|()| None)).await
}

async fn renew_recovery(owner: Owner, Checked(Nothing {}): Checked<Nothing>) -> Result<Response, Fault> {
    let outcome = owner.api.sessions().renew_recovery(owner.signed_in.account).await;
    owner.changed(outcome.map(Some)).await
}

impl Owner {
    /// What is shown once stands in the answer itself; everything else is asked for anew, so that reloading sends
    /// nothing twice.
    async fn changed(self, outcome: Result<Option<RecoveryCodes>, FactorError>) -> Result<Response, Fault> {
        match outcome {
            Ok(None) => Ok(Redirect::to(HOME).into_response()),
            Ok(codes) => self.show(codes, None).await,
            Err(FactorError::Store(error)) => Err(error.into()),
            Err(error) => self.show(None, Some(error)).await,
        }
    }

    async fn show(self, codes: Option<RecoveryCodes>, wrong: Option<FactorError>) -> Result<Response, Fault> {
        let Owner { api, here, signed_in, asked } = self;
        let frame = Frame::new(asked, "factors-title");
        let (sessions, account) = (api.sessions(), signed_in.account);
        let factors = sessions.second_factors(account).await?;
        let address = signed_in.address.to_string();
        let offer = match factors.authenticator_since {
            Some(_) => None,
            None => Some(sessions.offer_authenticator(account, &here.host, &address).await.map_err(fault)?),
        };
        let user = blake3::derive_key("poshta 2026-11-29 passkey user", &account.0.to_be_bytes());
        let create = Create {
            challenge: sessions.challenge(&registering(signed_in.session)),
            host: here.host,
            user: URL_SAFE_NO_PAD.encode(user),
            login: signed_in.login,
        };
        let error = wrong.map(|wrong| said(&frame, &wrong));
        let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let qr = offer.as_ref().and_then(|offer| picture(&offer.uri));
        let page = FactorsPage { frame: frame.clone(), factors, offer, qr, create, codes, error };
        Ok(show_as(status, &frame, &page))
    }
}

fn said(frame: &Frame, error: &FactorError) -> String {
    match error {
        FactorError::Wrong => frame.text("factors-wrong"),
        FactorError::Missing => frame.text("factors-missing"),
        FactorError::TooMany(most) => frame.text_with("factors-too-many", &[("most", &most.to_string())]),
        FactorError::BadName(most) => frame.text_with("factors-bad-name", &[("most", &most.to_string())]),
        FactorError::Known => frame.text("factors-known"),
        FactorError::Stale | FactorError::Busy | FactorError::Store(_) => frame.text("sign-in-too-late"),
    }
}

fn fault(error: FactorError) -> Fault {
    match error {
        FactorError::Store(error) => error.into(),
        error => Fault::inside(&error),
    }
}

fn registering(session: SessionId) -> String {
    format!("new passkey {session}")
}

#[cfg(feature = "typeset")]
fn picture(text: &str) -> Option<String> {
    crate::hybrid::worker::barcode::qr_svg(text).ok()
}

#[cfg(not(feature = "typeset"))]
fn picture(_: &str) -> Option<String> {
    None
}
