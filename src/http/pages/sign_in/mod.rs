//! `/sign-in` and `/sign-out`: a password, a second factor where there is one, a passkey alone, an electronic signature.
//!
//! The invariant: whoever gets in gets a new secret, and what the browser held before opens nothing any more.

mod again;
mod app_passwords;
mod factors;
mod passkey;
mod second;
mod signature;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::auth::{AuthError, Door, Secret};
use crate::ids::AccountId;
use crate::sessions::{Proof, SessionError};

use super::super::Api;
use super::fault::Fault;
use super::form::Checked;
use super::path::{encoded, own_path};
use super::table::{self, Body, Page, Who};
use super::visitor::{Here, SignedIn, Visitor, with_session, without_session};
use super::{Asked, Frame, show_as};

pub(in crate::http) use again::{Proved, SecondProved};
pub(super) use app_passwords::PAGES as APP_PASSWORD_PAGES;
pub(super) use factors::PAGES as FACTOR_PAGES;

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/sign-in", who: Who::Everybody, body: Body::None, handler: || get(page) },
    Page { method: "post", path: "/sign-in", who: Who::Everybody, body: Body::Form, handler: || post(sign_in) },
    Page {
        method: "post",
        path: "/sign-in/passkey",
        who: Who::Everybody,
        body: Body::Form,
        handler: || post(passkey::sign_in),
    },
    Page {
        method: "get",
        path: "/sign-in/second",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(second::page),
    },
    Page {
        method: "post",
        path: "/sign-in/second",
        who: Who::Everybody,
        body: Body::Form,
        handler: || post(second::code),
    },
    Page {
        method: "post",
        path: "/sign-in/second/passkey",
        who: Who::Everybody,
        body: Body::Form,
        handler: || post(second::passkey),
    },
    Page {
        method: "get",
        path: "/sign-in/signature",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(signature::page),
    },
    Page {
        method: "post",
        path: "/sign-in/signature",
        who: Who::Everybody,
        body: Body::Upload,
        handler: || post(signature::signed),
    },
    Page {
        method: "get",
        path: "/sign-in/signature/text",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(signature::text),
    },
    Page { method: "get", path: "/sign-in/again", who: Who::User, body: Body::None, handler: || get(again::page) },
    Page { method: "post", path: "/sign-in/again", who: Who::User, body: Body::Form, handler: || post(again::prove) },
    Page {
        method: "post",
        path: "/sign-in/again/second",
        who: Who::User,
        body: Body::Form,
        handler: || post(second::code_again),
    },
    Page {
        method: "post",
        path: "/sign-in/again/second/passkey",
        who: Who::User,
        body: Body::Form,
        handler: || post(second::passkey_again),
    },
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
    /// For a passkey that stands alone.
    passkey: passkey::Get,
    /// Electronic signatures can be judged here.
    takes_signatures: bool,
    /// There is a page for registering.
    may_register: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
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

/// What went wrong at the door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    Password(AuthError),
    Passkey,
    TooLate,
    /// Too many wrong second factors: begin again with the password.
    Over,
}

/// `GET /sign-in`
async fn page(
    State(api): State<Api>,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Query(Wanted { next }): Query<Wanted>,
) -> Response {
    match visitor.session {
        Some(_) => Redirect::to(&after_sign_in(&next)).into_response(),
        None => Entrance { api: &api, here: &here, next: &next, login: "" }.show(asked, None),
    }
}

/// `POST /sign-in`
async fn sign_in(
    State(api): State<Api>,
    visitor: Visitor,
    here: Here,
    asked: Asked,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let password = Secret::new(form.password);
    match api.authenticator().login(form.login.trim(), &password, visitor.ip, Door::Pages).await {
        Ok(identity) => after_password(&api, &visitor, identity.account, &form.next).await,
        Err(error) => {
            let entrance = Entrance { api: &api, here: &here, next: &form.next, login: &form.login };
            Ok(entrance.show(asked, Some(Wrong::Password(error))))
        }
    }
}

/// Asks for the second factor where there is one.
async fn after_password(api: &Api, visitor: &Visitor, account: AccountId, next: &str) -> Result<Response, Fault> {
    if !api.sessions().second_factors(account).await?.is_on() {
        return enter(api, visitor, account, Proof::Password, next).await;
    }
    close_old(api, visitor).await?;
    let half = api.sessions().open_half(account, visitor.browser()).await.map_err(over)?;
    let next = own_path(next).map_or_else(String::new, |next| format!("?next={}", encoded(next)));
    Ok(with_session(Redirect::to(&format!("/sign-in/second{next}")).into_response(), &half.token))
}

/// Somebody proved who they are, and is in.
async fn enter(api: &Api, visitor: &Visitor, account: AccountId, proof: Proof, next: &str) -> Result<Response, Fault> {
    close_old(api, visitor).await?;
    let opened = api.sessions().open(account, proof, visitor.browser()).await.map_err(over)?;
    arrived(proof);
    Ok(with_session(Redirect::to(&after_sign_in(next)).into_response(), &opened.token))
}

/// Whoever was signed in here is not any more.
async fn close_old(api: &Api, visitor: &Visitor) -> Result<(), Fault> {
    match &visitor.session {
        Some(old) => Ok(api.sessions().close(old.account, old.id).await?),
        None => Ok(()),
    }
}

fn arrived(proof: Proof) {
    let how = match proof {
        Proof::Password => "password",
        Proof::PasswordAndCode => "code",
        Proof::PasswordAndPasskey => "password_and_passkey",
        Proof::Passkey => "passkey",
        Proof::Signature => "signature",
    };
    metrics::counter!("poshta_page_sign_ins_total", "how" => how).increment(1);
}

/// The account was closed, or the time for the second factor is over.
fn over(error: SessionError) -> Fault {
    match error {
        SessionError::Over => Fault::new(StatusCode::FORBIDDEN, "sign-in-over", "sign-in-over-text"),
        SessionError::Store(error) => error.into(),
    }
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

/// The page `/sign-in`.
struct Entrance<'a> {
    api: &'a Api,
    here: &'a Here,
    /// Where to go afterwards.
    next: &'a str,
    /// What was typed as login.
    login: &'a str,
}

impl Entrance<'_> {
    fn show(&self, asked: Asked, wrong: Option<Wrong>) -> Response {
        let passkey = passkey::Get::of_anybody(self.api, self.here, &asked.known);
        let frame = Frame::new(asked, "sign-in-title");
        let page = SignInPage {
            next: own_path(self.next).unwrap_or_default().to_owned(),
            login: self.login.to_owned(),
            error: wrong.map(|wrong| wrong.text(&frame)),
            passkey,
            takes_signatures: self.api.signature_sign_in().is_possible(),
            may_register: table::find("get", "/register").is_some(),
            frame: frame.clone(),
        };
        let mut response = show_as(wrong.map_or(StatusCode::OK, Wrong::status), &frame, &page);
        if let Some(Wrong::Password(AuthError::Throttled { seconds })) = wrong {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl Wrong {
    fn status(self) -> StatusCode {
        match self {
            Wrong::Password(AuthError::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Wrong::Password(AuthError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        }
    }

    fn text(self, frame: &Frame) -> String {
        match self {
            Wrong::Password(AuthError::Throttled { seconds }) => {
                frame.text_with("sign-in-wait", &[("seconds", &seconds.to_string())])
            }
            Wrong::Password(AuthError::Busy) => frame.text("sign-in-busy"),
            Wrong::Password(AuthError::Wrong | AuthError::WrongAppPassword) => frame.text("sign-in-wrong"),
            Wrong::Passkey => frame.text("sign-in-passkey-wrong"),
            Wrong::TooLate => frame.text("sign-in-too-late"),
            Wrong::Over => frame.text("sign-in-over-text"),
        }
    }
}

/// The page that was asked for, else the own cabinet.
fn after_sign_in(next: &str) -> String {
    let home = ["/cabinet", "/cabinet/second-factor"].into_iter().find(|path| table::find("get", path).is_some());
    own_path(next).or(home).unwrap_or("/sign-in").to_owned()
}
