//! `/cabinet/second-factor`: an authenticator program, passkeys, recovery codes. Every change asks for the password if
//! it was not given a short while ago.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
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
    Page {
        method: "post",
        path: "/cabinet/second-factor/authenticator",
        who: Who::User,
        body: Body::Form,
        handler: || post(confirm_authenticator),
    },
    Page {
        method: "post",
        path: "/cabinet/second-factor/authenticator/remove",
        who: Who::User,
        body: Body::Form,
        handler: || post(remove_authenticator),
    },
    Page {
        method: "post",
        path: "/cabinet/second-factor/passkeys",
        who: Who::User,
        body: Body::Form,
        handler: || post(add_passkey),
    },
    Page {
        method: "post",
        path: "/cabinet/second-factor/passkeys/remove",
        who: Who::User,
        body: Body::Form,
        handler: || post(remove_passkey),
    },
    Page {
        method: "post",
        path: "/cabinet/second-factor/recovery",
        who: Who::User,
        body: Body::Form,
        handler: || post(renew_recovery),
    },
];

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

/// `GET /cabinet/second-factor`
async fn page(State(api): State<Api>, here: Here, Proved(signed_in): Proved, asked: Asked) -> Result<Response, Fault> {
    shown(&api, &here, asked, &signed_in, Outcome::Nothing).await
}

async fn confirm_authenticator(
    State(api): State<Api>,
    here: Here,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(form): Checked<Code>,
) -> Result<Response, Fault> {
    let outcome = api.sessions().confirm_authenticator(signed_in.account, &form.code).await;
    changed(&api, &here, asked, &signed_in, outcome).await
}

async fn remove_authenticator(
    State(api): State<Api>,
    here: Here,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Fault> {
    let outcome = api.sessions().remove_authenticator(signed_in.account).await.map(|()| None);
    changed(&api, &here, asked, &signed_in, outcome).await
}

async fn add_passkey(
    State(api): State<Api>,
    here: Here,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(made): Checked<Made>,
) -> Result<Response, Fault> {
    let (client_data, attestation) = (decoded(&made.client_data)?, decoded(&made.attestation)?);
    let new = NewKey { name: made.name, client_data, attestation };
    let question =
        Question { what: registering(signed_in.session), origin: here.origin.clone(), host: here.host.clone() };
    let outcome = api.sessions().add_passkey(signed_in.account, new, &question).await;
    changed(&api, &here, asked, &signed_in, outcome).await
}

async fn remove_passkey(
    State(api): State<Api>,
    here: Here,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(form): Checked<Number>,
) -> Result<Response, Fault> {
    let outcome = api.sessions().remove_passkey(signed_in.account, form.number).await.map(|()| None);
    changed(&api, &here, asked, &signed_in, outcome).await
}

async fn renew_recovery(
    State(api): State<Api>,
    here: Here,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Fault> {
    let outcome = api.sessions().renew_recovery(signed_in.account).await.map(Some);
    changed(&api, &here, asked, &signed_in, outcome).await
}

enum Outcome {
    Nothing,
    Codes(RecoveryCodes),
    Wrong(FactorError),
}

/// What is shown once stands in the answer itself; everything else is asked for anew, so that reloading sends nothing
/// twice.
async fn changed(
    api: &Api,
    here: &Here,
    asked: Asked,
    signed_in: &SignedIn,
    outcome: Result<Option<RecoveryCodes>, FactorError>,
) -> Result<Response, Fault> {
    match outcome {
        Ok(None) => Ok(Redirect::to(HOME).into_response()),
        Ok(Some(codes)) => shown(api, here, asked, signed_in, Outcome::Codes(codes)).await,
        Err(FactorError::Store(error)) => Err(error.into()),
        Err(error) => shown(api, here, asked, signed_in, Outcome::Wrong(error)).await,
    }
}

async fn shown(
    api: &Api,
    here: &Here,
    asked: Asked,
    signed_in: &SignedIn,
    outcome: Outcome,
) -> Result<Response, Fault> {
    let frame = Frame::new(asked, "factors-title");
    let factors = api.sessions().second_factors(signed_in.account).await?;
    let address = signed_in.address.to_string();
    let offer = match factors.authenticator_since {
        Some(_) => None,
        None => Some(api.sessions().offer_authenticator(signed_in.account, &here.host, &address).await.map_err(fault)?),
    };
    let user = blake3::derive_key("poshta 2026-11-29 passkey user", &signed_in.account.0.to_be_bytes());
    let create = Create {
        challenge: api.sessions().challenge(&registering(signed_in.session)),
        host: here.host.clone(),
        user: URL_SAFE_NO_PAD.encode(user),
        login: signed_in.login.clone(),
    };
    let (codes, error) = match outcome {
        Outcome::Nothing => (None, None),
        Outcome::Codes(codes) => (Some(codes), None),
        Outcome::Wrong(error) => (None, Some(said(&frame, &error))),
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let qr = offer.as_ref().and_then(|offer| picture(&offer.uri));
    let page = FactorsPage { frame: frame.clone(), factors, offer, qr, create, codes, error };
    Ok(show_as(status, &frame, &page))
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
