//! The form of the annex on a page, with login, password and the agreement.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use crate::auth::Secret;
use crate::identity::application::{Entries, Sort, parse};
use crate::locale::{self, Lang};
use crate::people::registration::{Application, ApplyError};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Visitor;
use super::super::{Asked, Frame, show_as};
use super::cookie::{Held, hold};
use super::fields::{FieldShown, Kind, Sent, Shown, field_shown, place_of, told};

/// What is asked for besides the fields of the annex.
pub(super) const LOGIN: &str = "login";
pub(super) const PASSWORD: &str = "password";
const AGAIN: &str = "password-again";
pub(super) const AGREE: &str = "agree";
const AGREEMENT: &str = "agreement";
const SORT: &str = "as";
const WAY: &str = "way";
const AT_COUNTER: &str = "counter";

#[derive(Template)]
#[template(path = "register/fill_in.html")]
struct FillInPage {
    frame: Frame,
    sort: Sort,
    fields: Vec<FieldShown>,
    login: String,
    login_hint: String,
    password_hint: String,
    /// By the name of the field; login, password and the rest have names of their own.
    errors: Vec<(&'static str, String)>,
    /// What is wrong with the whole.
    fault: Option<String>,
    agreement: Agreement,
    takes_signatures: bool,
    is_sent: bool,
}

struct Agreement {
    number: String,
    hash: String,
}

impl FillInPage {
    fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(found, _)| *found == name).map(|(_, text)| text.as_str())
    }

    fn is_legal(&self) -> bool {
        self.sort == Sort::Legal
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default, rename = "as")]
    sort: String,
}

/// `GET /register`
pub(super) async fn page(
    State(api): State<Api>,
    asked: Asked,
    held: Held,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted.sort).unwrap_or_default();
    // Who comes back to change something finds what was written; another sort is another application.
    let mut shown = Shown::default();
    let mut sort = Sort::named(&wanted).unwrap_or(Sort::Individual);
    if let Some((number, secret)) = &held.0
        && api.registration().prepared(*number, secret).await.is_ok()
        && let Ok(filed) = api.registration().own(*number, secret).await
        && (wanted.is_empty() || filed.form.sort() == sort)
    {
        sort = filed.form.sort();
        shown = Shown { entries: Entries::from(&filed.form), login: filed.login, ..Shown::default() };
    }
    show_form(&api, asked, sort, shown, StatusCode::OK).await
}

/// `POST /register`
pub(super) async fn fill_in(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Checked(sent): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let sent = Sent(sent);
    let sort = Sort::named(sent.text(SORT)).ok_or_else(Fault::bad_form)?;
    let lang = asked.lang;
    let entries = Entries::of(sort, |name| sent.get(name));
    let login = sent.text(LOGIN).trim().to_owned();
    let mut shown = Shown { entries, login, is_sent: true, ..Shown::default() };
    let form = match parse(sort, &shown.entries, api.registration().today()) {
        Ok(form) => Some(form),
        Err(errors) => {
            shown.errors.extend(errors.iter().map(|error| (error.field.name(), told(error, lang))));
            None
        }
    };
    shown.errors.extend(own_errors(&sent, lang));
    let (Some(form), true) = (form, shown.errors.is_empty()) else {
        return show_form(&api, asked, sort, shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let Ok(agreement) = sent.text(AGREEMENT).parse() else { return Err(Fault::bad_form()) };
    let password = Secret::new(sent.text(PASSWORD).to_owned());
    let application = Application { form, login: shown.login.clone(), password, agreement, lang };
    let prepared = match sent.text(WAY) {
        AT_COUNTER => api.registration().announce(application, visitor.ip).await,
        _ => api.registration().prepare(application, visitor.ip).await,
    };
    match prepared {
        Ok(prepared) => Ok(hold(Redirect::to("/register/application").into_response(), &prepared)),
        Err(error) => {
            let status = status_of(&error);
            match place_of(&error) {
                Some(place) => shown.errors.push((place, error.text(lang))),
                None => shown.fault = Some(error.text(lang)),
            }
            show_form(&api, asked, sort, shown, status).await
        }
    }
}

/// What is wrong with what the annex does not ask.
fn own_errors(sent: &Sent, lang: Lang) -> Vec<(&'static str, String)> {
    let mut errors = Vec::new();
    let mut push = |name, key: &str| errors.push((name, locale::text(lang, key, &[])));
    if sent.text(LOGIN).trim().is_empty() {
        push(LOGIN, "trouble-missing");
    }
    if sent.text(PASSWORD).is_empty() {
        push(PASSWORD, "trouble-missing");
    } else if sent.text(PASSWORD) != sent.text(AGAIN) {
        push(AGAIN, "register-passwords-differ");
    }
    // M10: no box without it.
    if sent.get(AGREE).is_none() {
        push(AGREE, "register-must-agree");
    }
    errors
}

/// RFC 9110 §15: what is wrong with a form, what is in its way, what is not there.
pub(in crate::http::pages) fn status_of(error: &ApplyError) -> StatusCode {
    match error {
        ApplyError::LoginTaken(_) | ApplyError::PersonTaken | ApplyError::Accepted | ApplyError::Busy => {
            StatusCode::CONFLICT
        }
        ApplyError::Missing => StatusCode::NOT_FOUND,
        ApplyError::Over => StatusCode::GONE,
        ApplyError::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
        error if error.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

async fn show_form(api: &Api, asked: Asked, sort: Sort, shown: Shown, status: StatusCode) -> Result<Response, Fault> {
    let registration = api.registration();
    let current = registration.agreements().current().await?;
    let frame = Frame::new(asked, "register-title");
    let fewest = registration.min_password_characters().to_string();
    let fields = sort.fields().iter().map(|field| field_shown(*field, &shown, &frame)).collect();
    let page = FillInPage {
        frame: frame.clone(),
        sort,
        fields,
        login: shown.login,
        login_hint: frame.text_with("register-login-hint", &[("domain", &registration.domain())]),
        password_hint: frame.text_with("register-password-hint", &[("number", &fewest)]),
        errors: shown.errors,
        fault: shown.fault,
        agreement: Agreement { number: current.number.to_string(), hash: current.hash.to_string() },
        takes_signatures: registration.takes_signatures(),
        is_sent: shown.is_sent,
    };
    Ok(show_as(status, &frame, &page))
}

/// What is told while somebody types.
#[derive(Serialize)]
struct LoginAnswer {
    free: bool,
    text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoginAsked {
    #[serde(default)]
    login: String,
}

/// `GET /register/login`: M21 grants whether a login is free, and nothing else is told.
pub(super) async fn login(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    query: Result<Query<LoginAsked>, impl Sized>,
) -> Response {
    let lang = asked.lang;
    let login = query.map(|Query(asked)| asked.login).unwrap_or_default();
    let (status, answer) = match api.registration().is_free(login.trim(), visitor.ip).await {
        Ok(true) => (StatusCode::OK, LoginAnswer { free: true, text: locale::text(lang, "register-free", &[]) }),
        Ok(false) => {
            let text = locale::text(lang, "apply-login-taken", &[]);
            (StatusCode::OK, LoginAnswer { free: false, text })
        }
        Err(error @ ApplyError::Login(_)) => (StatusCode::OK, LoginAnswer { free: false, text: error.text(lang) }),
        Err(error) => (status_of(&error), LoginAnswer { free: false, text: error.text(lang) }),
    };
    (status, [("cache-control", "no-store"), ("x-content-type-options", "nosniff")], Json(answer)).into_response()
}
