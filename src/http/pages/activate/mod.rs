//! `/activate`: whoever registered at a counter chooses a password, with the code on the paper (M21).

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use crate::auth::Secret;
use crate::people::counter::{Activated, Code, activation::ActivationError};
use crate::people::registration::{ApplyError, refusal_text};

use super::super::Api;
use super::fault::Fault;
use super::form::Checked;
use super::table::{Body, Page, Who};
use super::visitor::Visitor;
use super::{Asked, Frame, show_as};

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/activate", who: Who::Everybody, body: Body::None, handler: || get(page) },
    Page { method: "post", path: "/activate", who: Who::Everybody, body: Body::Form, handler: || post(activate) },
];

#[derive(Template)]
#[template(path = "activate/activate.html")]
struct ActivatePage {
    frame: Frame,
    login: String,
    password_hint: String,
    error: Option<String>,
    /// How it stands, where nothing is to be typed any more.
    said: Option<String>,
    is_chosen: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sent {
    login: String,
    code: String,
    password: String,
    #[serde(rename = "password-again")]
    again: String,
}

async fn page(State(api): State<Api>, asked: Asked) -> Response {
    show(&api, asked, String::new(), Told::default())
}

/// What the page says, and how.
#[derive(Default)]
struct Told {
    status: StatusCode,
    error: Option<String>,
    said: Option<String>,
    is_chosen: bool,
}

async fn activate(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Checked(sent): Checked<Sent>,
) -> Result<Response, Fault> {
    let frame = Frame::new(asked.clone(), "activate-title");
    let wrong = |status, error: String| Told { status, error: Some(error), ..Told::default() };
    if sent.password != sent.again {
        let told = wrong(StatusCode::UNPROCESSABLE_ENTITY, frame.text("register-passwords-differ"));
        return Ok(show(&api, asked, sent.login, told));
    }
    let (code, password) = (Code::read(&sent.code), Secret::new(sent.password));
    let told = match api.counter().activate(&sent.login, &code, &password, visitor.ip).await {
        Ok(Activated::Chosen) => Told { said: Some(frame.text("activate-chosen")), is_chosen: true, ..Told::default() },
        Ok(Activated::Waiting) => Told { said: Some(frame.text("waiting-text")), ..Told::default() },
        Ok(Activated::Refused { code, field }) => {
            Told { said: Some(refusal_text(frame.lang(), &code, field.as_deref())), ..Told::default() }
        }
        Err(ActivationError::Wrong) => wrong(StatusCode::FORBIDDEN, frame.text("activate-wrong")),
        Err(ActivationError::Password(error)) => {
            wrong(StatusCode::UNPROCESSABLE_ENTITY, ApplyError::from(error).text(frame.lang()))
        }
        Err(ActivationError::TooFast(wait)) => {
            let told = wrong(StatusCode::TOO_MANY_REQUESTS, ApplyError::from(wait).text(frame.lang()));
            let mut response = show(&api, asked, sent.login, told);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
            return Ok(response);
        }
        Err(ActivationError::Unavailable(cause)) => return Err(Fault::inside(&cause)),
    };
    Ok(show(&api, asked, sent.login, told))
}

fn show(api: &Api, asked: Asked, login: String, told: Told) -> Response {
    let frame = Frame::new(asked, "activate-title");
    let fewest = api.registration().min_password_characters().to_string();
    let page = ActivatePage {
        login,
        password_hint: frame.text_with("register-password-hint", &[("number", &fewest)]),
        error: told.error,
        said: told.said,
        is_chosen: told.is_chosen,
        frame: frame.clone(),
    };
    show_as(told.status, &frame, &page)
}
