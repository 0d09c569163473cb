//! `/cabinet/app-passwords`: passwords for mail programs. Each is shown once; making one asks for the main password if
//! it was not given a short while ago.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::accounts::AccountError;
use crate::auth::{AppPassword, Secret};
use crate::store::accounts::Scope;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::table::{Body, Page, Who};
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show_as};
use super::again::Proved;

const HOME: &str = "/cabinet/app-passwords";

pub(in crate::http::pages) const PAGES: &[Page] = &[
    Page { method: "get", path: HOME, who: Who::User, body: Body::None, handler: || get(page) },
    Page { method: "post", path: HOME, who: Who::User, body: Body::Form, handler: || post(make) },
    Page {
        method: "post",
        path: "/cabinet/app-passwords/revoke",
        who: Who::User,
        body: Body::Form,
        handler: || post(revoke),
    },
];

#[derive(Template)]
#[template(path = "sign_in/app_passwords.html")]
struct AppPasswordsPage {
    frame: Frame,
    login: String,
    rows: Vec<Row>,
    /// The main password opens no mail here.
    is_needed: bool,
    /// A new one, shown now and never again.
    fresh: Option<Secret>,
    error: Option<String>,
    /// What was typed as name.
    name: String,
}

struct Row {
    number: u32,
    name: String,
    opens: String,
    created: String,
    used: Option<String>,
}

#[derive(Deserialize)]
struct New {
    name: String,
    #[serde(default)]
    imap: Option<String>,
    #[serde(default)]
    submission: Option<String>,
}

#[derive(Deserialize)]
struct Number {
    number: u32,
}

/// `GET /cabinet/app-passwords`
async fn page(State(api): State<Api>, Proved(signed_in): Proved, asked: Asked) -> Result<Response, Fault> {
    shown(&api, asked, &signed_in, Outcome::Nothing).await
}

async fn make(
    State(api): State<Api>,
    Proved(signed_in): Proved,
    asked: Asked,
    Checked(new): Checked<New>,
) -> Result<Response, Fault> {
    let bit = |wanted: &Option<String>, scope: Scope| if wanted.is_some() { scope.0 } else { 0 };
    let scope = Scope(bit(&new.imap, Scope::IMAP) | bit(&new.submission, Scope::SUBMISSION));
    match api.authenticator().make_app_password(signed_in.account, &new.name, scope).await {
        Ok((_, password)) => shown(&api, asked, &signed_in, Outcome::Made(password)).await,
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(error) => shown(&api, asked, &signed_in, Outcome::Wrong(error, new.name)).await,
    }
}

async fn revoke(
    State(api): State<Api>,
    signed_in: SignedIn,
    Checked(form): Checked<Number>,
) -> Result<Response, Fault> {
    match api.authenticator().revoke_app_password(signed_in.account, form.number).await {
        // One that is gone already is what was wanted.
        Ok(()) | Err(AccountError::NoSuchAppPassword) => Ok(Redirect::to(HOME).into_response()),
        Err(error) => Err(Fault::inside(&error)),
    }
}

enum Outcome {
    Nothing,
    Made(Secret),
    Wrong(AccountError, String),
}

async fn shown(api: &Api, asked: Asked, signed_in: &SignedIn, outcome: Outcome) -> Result<Response, Fault> {
    let frame = Frame::new(asked, "app-passwords-title");
    let rows = api.authenticator().app_passwords(signed_in.account).await?;
    let (fresh, error, name) = match outcome {
        Outcome::Nothing => (None, None, String::new()),
        Outcome::Made(password) => (Some(password), None, String::new()),
        Outcome::Wrong(error, name) => (None, Some(said(&frame, &error)), name),
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = AppPasswordsPage {
        login: signed_in.login.clone(),
        rows: rows.iter().map(|row| Row::of(&frame, row)).collect(),
        is_needed: !api.authenticator().is_main_password_for_mail(),
        fresh,
        error,
        name,
        frame: frame.clone(),
    };
    Ok(show_as(status, &frame, &page))
}

fn said(frame: &Frame, error: &AccountError) -> String {
    match error {
        AccountError::BadAppName(most) => frame.text_with("factors-bad-name", &[("most", &most.to_string())]),
        AccountError::BadScope => frame.text("app-passwords-no-scope"),
        AccountError::TooManyAppPasswords(most) => {
            frame.text_with("app-passwords-too-many", &[("most", &most.to_string())])
        }
        _ => frame.text("page-later-text"),
    }
}

impl Row {
    fn of(frame: &Frame, password: &AppPassword) -> Self {
        let names = [(Scope::IMAP, "app-passwords-imap"), (Scope::SUBMISSION, "app-passwords-submission")];
        let opens = names.into_iter().filter(|(scope, _)| password.scope.contains(*scope));
        Row {
            number: password.number,
            name: password.name.clone(),
            opens: opens.map(|(_, key)| frame.text(key)).collect::<Vec<_>>().join(", "),
            created: frame.day(&password.created),
            used: password.last_used.map(|used| frame.day(&used)),
        }
    }
}
