//! `/sign-in/second`: what is asked after the right password.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::auth::{AuthError, Outcome};
use crate::sessions::{Asked as Question, FactorError, Failed, Proof, Session};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::path::own_path;
use super::super::visitor::{Here, Visitor, session_cookie, with_session};
use super::super::{Asked, Frame, show_as};
use super::passkey::{Filled, Get, second};
use super::{Wanted, after_sign_in, arrived, over};

#[derive(Template)]
#[template(path = "sign_in/second.html")]
struct SecondPage {
    frame: Frame,
    next: String,
    error: Option<String>,
    /// There is an authenticator program.
    has_authenticator: bool,
    passkey: Option<Get>,
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
    #[serde(default)]
    next: String,
}

/// The page for one half session.
struct Second<'a> {
    api: &'a Api,
    here: &'a Here,
    asked: Asked,
    half: Session,
    next: &'a str,
}

/// `GET /sign-in/second`
pub(super) async fn page(
    State(api): State<Api>,
    here: Here,
    asked: Asked,
    headers: HeaderMap,
    Query(Wanted { next }): Query<Wanted>,
) -> Result<Response, Fault> {
    let Some(half) = half(&api, &headers).await? else { return Ok(Redirect::to("/sign-in").into_response()) };
    Second { api: &api, here: &here, asked, half, next: &next }.show(None).await
}

/// `POST /sign-in/second`
pub(super) async fn code(
    State(api): State<Api>,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    headers: HeaderMap,
    Checked(form): Checked<Code>,
) -> Result<Response, Fault> {
    let Some(half) = half(&api, &headers).await? else { return Ok(Redirect::to("/sign-in").into_response()) };
    let second = Second { api: &api, here: &here, asked, half, next: &form.next };
    // A code has a million values: guessing is slowed down as it is with passwords.
    if let Err(error) = api.authenticator().check_second_factor(second.half.account, visitor.ip) {
        return second.show(Some(error)).await;
    }
    match api.sessions().use_code(second.half.account, &form.code).await {
        Ok(()) => second.enter(&visitor, Proof::PasswordAndCode).await,
        Err(FactorError::Store(error)) => Err(error.into()),
        Err(_) => second.refuse(&visitor).await,
    }
}

/// `POST /sign-in/second/passkey`
pub(super) async fn passkey(
    State(api): State<Api>,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    headers: HeaderMap,
    Checked(filled): Checked<Filled>,
) -> Result<Response, Fault> {
    let Some(half) = half(&api, &headers).await? else { return Ok(Redirect::to("/sign-in").into_response()) };
    let question = Question { what: second(half.id), origin: here.origin.clone(), host: here.host.clone() };
    let answered = filled.answered(Some(half.account))?;
    let second = Second { api: &api, here: &here, asked, half, next: &filled.next };
    match api.sessions().use_passkey(answered, &question).await {
        Ok(_) => second.enter(&visitor, Proof::PasswordAndPasskey).await,
        Err(FactorError::Store(error)) => Err(error.into()),
        Err(_) => second.refuse(&visitor).await,
    }
}

async fn half(api: &Api, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    match session_cookie(headers) {
        Some(token) => Ok(api.sessions().find_half(token).await?),
        None => Ok(None),
    }
}

impl Second<'_> {
    async fn enter(self, visitor: &Visitor, proof: Proof) -> Result<Response, Fault> {
        self.api.authenticator().note_second_factor(self.half.account, visitor.ip, Outcome::Right);
        let opened = self.api.sessions().complete(self.half.id, proof).await.map_err(over)?;
        arrived(proof);
        Ok(with_session(Redirect::to(&after_sign_in(self.next)).into_response(), &opened.token))
    }

    async fn refuse(self, visitor: &Visitor) -> Result<Response, Fault> {
        self.api.authenticator().note_second_factor(self.half.account, visitor.ip, Outcome::Wrong);
        match self.api.sessions().fail(self.half.id).await.map_err(over)? {
            Failed::TryAgain => self.show(Some(AuthError::Wrong)).await,
            Failed::Over => Err(Fault::new(StatusCode::FORBIDDEN, "sign-in-over", "sign-in-over-text")),
        }
    }

    async fn show(self, error: Option<AuthError>) -> Result<Response, Fault> {
        let Second { api, here, asked, half, next } = self;
        let frame = Frame::new(asked, "second-title");
        let said = error.map(|error| match error {
            AuthError::Throttled { seconds } => frame.text_with("sign-in-wait", &[("seconds", &seconds.to_string())]),
            _ => frame.text("second-wrong"),
        });
        let status = match error {
            None => StatusCode::OK,
            Some(AuthError::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Some(_) => StatusCode::FORBIDDEN,
        };
        let page = SecondPage {
            next: own_path(next).unwrap_or_default().to_owned(),
            error: said,
            has_authenticator: api.sessions().second_factors(half.account).await?.authenticator_since.is_some(),
            passkey: Get::beside_password(api, here, half.account, half.id).await?,
            frame: frame.clone(),
        };
        Ok(show_as(status, &frame, &page))
    }
}
