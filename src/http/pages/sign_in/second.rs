//! What is asked after the right password where there is a second factor: `/sign-in/second` of whoever signs in,
//! `/sign-in/again/second` of whoever is signed in and proves once more who it is. Both are one page and one rule.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::auth::{AuthError, Outcome};
use crate::ids::AccountId;
use crate::sessions::{Answered, Asked as Question, FactorError, Failed, PasswordGiven, Proof, Session, SessionId};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::path::own_path;
use super::super::visitor::{Here, SignedIn, Visitor, session_cookie, with_session};
use super::super::{Asked, Frame, show_as};
use super::again::Again;
use super::passkey::{Filled, Get, second};
use super::{Wanted, Wrong, after_sign_in, arrived, over};

#[derive(Template)]
#[template(path = "sign_in/second.html")]
struct SecondPage {
    frame: Frame,
    next: String,
    error: Option<String>,
    /// There is an authenticator program.
    has_authenticator: bool,
    passkey: Option<Get>,
    /// What says that whoever is signed in gave the password again.
    given: Option<PasswordGiven>,
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    given: String,
}

/// Who gave the right password.
pub(super) enum Step {
    /// Somebody who signs in: a session that opens nothing else yet.
    SignIn(Session),
    /// Somebody who is signed in.
    Again(SignedIn, PasswordGiven),
}

/// The page for one of them.
pub(super) struct Second<'a> {
    pub(super) api: &'a Api,
    pub(super) here: &'a Here,
    pub(super) asked: Asked,
    pub(super) step: Step,
    pub(super) next: &'a str,
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
    Second { api: &api, here: &here, asked, step: Step::SignIn(half), next: &next }.show(None).await
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
    let second = Second { api: &api, here: &here, asked, step: Step::SignIn(half), next: &form.next };
    second.try_code(&visitor, &form.code).await
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
    let answered = filled.answered(Some(half.account))?;
    let second = Second { api: &api, here: &here, asked, step: Step::SignIn(half), next: &filled.next };
    second.try_passkey(&visitor, answered).await
}

/// `POST /sign-in/again/second`
pub(super) async fn code_again(
    State(api): State<Api>,
    signed_in: SignedIn,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Checked(form): Checked<Code>,
) -> Result<Response, Fault> {
    match Step::again(&api, &signed_in, &form.given) {
        Some(step) => {
            let second = Second { api: &api, here: &here, asked, step, next: &form.next };
            second.try_code(&visitor, &form.code).await
        }
        None => Ok(Again { api: &api, signed_in: &signed_in, next: &form.next }.show(asked, Some(Wrong::TooLate))),
    }
}

/// `POST /sign-in/again/second/passkey`
pub(super) async fn passkey_again(
    State(api): State<Api>,
    signed_in: SignedIn,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Checked(filled): Checked<Filled>,
) -> Result<Response, Fault> {
    let answered = filled.answered(Some(signed_in.account))?;
    match Step::again(&api, &signed_in, &filled.given) {
        Some(step) => {
            let second = Second { api: &api, here: &here, asked, step, next: &filled.next };
            second.try_passkey(&visitor, answered).await
        }
        None => Ok(Again { api: &api, signed_in: &signed_in, next: &filled.next }.show(asked, Some(Wrong::TooLate))),
    }
}

async fn half(api: &Api, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    match session_cookie(headers) {
        Some(token) => Ok(api.sessions().find_half(token).await?),
        None => Ok(None),
    }
}

impl Step {
    fn again(api: &Api, signed_in: &SignedIn, given: &str) -> Option<Self> {
        let given = api.sessions().read_given(signed_in.session, given).ok()?;
        Some(Step::Again(signed_in.clone(), given))
    }

    fn account(&self) -> AccountId {
        match self {
            Step::SignIn(half) => half.account,
            Step::Again(signed_in, _) => signed_in.account,
        }
    }

    fn session(&self) -> SessionId {
        match self {
            Step::SignIn(half) => half.id,
            Step::Again(signed_in, _) => signed_in.session,
        }
    }
}

impl Second<'_> {
    async fn try_code(self, visitor: &Visitor, code: &str) -> Result<Response, Fault> {
        let account = self.step.account();
        // A code has a million values: guessing is slowed down as it is with passwords.
        if let Err(error) = self.api.authenticator().check_second_factor(account, visitor.ip) {
            return self.show(Some(error)).await;
        }
        if let Some(late) = self.begin() {
            return Ok(late);
        }
        match self.api.sessions().use_code(account, code).await {
            Ok(()) => self.enter(visitor, Proof::PasswordAndCode).await,
            Err(FactorError::Store(error)) => Err(error.into()),
            Err(_) => self.refuse(visitor).await,
        }
    }

    async fn try_passkey(self, visitor: &Visitor, answered: Answered) -> Result<Response, Fault> {
        let (origin, host) = (self.here.origin.clone(), self.here.host.clone());
        let question = Question { what: second(self.step.session()), origin, host };
        if let Some(late) = self.begin() {
            return Ok(late);
        }
        match self.api.sessions().use_passkey(answered, &question).await {
            Ok(_) => self.enter(visitor, Proof::PasswordAndPasskey).await,
            Err(FactorError::Store(error)) => Err(error.into()),
            Err(_) => self.refuse(visitor).await,
        }
    }

    /// Takes the one try for which the password was given again, or says that it is too late. A session that opens
    /// nothing counts its own.
    fn begin(&self) -> Option<Response> {
        let Step::Again(signed_in, given) = &self.step else { return None };
        self.api.sessions().take_try(signed_in.session, given).err().map(|_| {
            let again = Again { api: self.api, signed_in, next: self.next };
            again.show(self.asked.clone(), Some(Wrong::TooLate))
        })
    }

    async fn enter(self, visitor: &Visitor, proof: Proof) -> Result<Response, Fault> {
        let sessions = self.api.sessions();
        self.api.authenticator().note_second_factor(self.step.account(), visitor.ip, Outcome::Right);
        match &self.step {
            Step::SignIn(half) => {
                let opened = sessions.complete(half.id, proof).await.map_err(over)?;
                arrived(proof);
                Ok(with_session(Redirect::to(&after_sign_in(self.next)).into_response(), &opened.token))
            }
            Step::Again(signed_in, _) => {
                let opened = sessions.prove(signed_in.session, proof).await.map_err(over)?;
                Ok(Again { api: self.api, signed_in, next: self.next }.proved(&opened))
            }
        }
    }

    async fn refuse(self, visitor: &Visitor) -> Result<Response, Fault> {
        let sessions = self.api.sessions();
        self.api.authenticator().note_second_factor(self.step.account(), visitor.ip, Outcome::Wrong);
        match &self.step {
            Step::SignIn(half) => match sessions.fail(half.id).await.map_err(over)? {
                Failed::TryAgain => self.show(Some(AuthError::Wrong)).await,
                Failed::Over => Err(Fault::new(StatusCode::FORBIDDEN, "sign-in-over", "sign-in-over-text")),
            },
            Step::Again(signed_in, given) => match sessions.after_wrong(signed_in.session, given) {
                Some(left) => {
                    let step = Step::Again(signed_in.clone(), left);
                    Second { step, ..self }.show(Some(AuthError::Wrong)).await
                }
                None => {
                    let again = Again { api: self.api, signed_in, next: self.next };
                    Ok(again.show(self.asked.clone(), Some(Wrong::Over)))
                }
            },
        }
    }

    pub(super) async fn show(self, error: Option<AuthError>) -> Result<Response, Fault> {
        let Second { api, here, asked, step, next } = self;
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
        let (account, session) = (step.account(), step.session());
        let page = SecondPage {
            next: own_path(next).unwrap_or_default().to_owned(),
            error: said,
            has_authenticator: api.sessions().second_factors(account).await?.authenticator_since.is_some(),
            passkey: Get::beside_password(api, here, account, session).await?,
            given: match step {
                Step::SignIn(_) => None,
                Step::Again(_, given) => Some(given),
            },
            frame: frame.clone(),
        };
        Ok(show_as(status, &frame, &page))
    }
}
