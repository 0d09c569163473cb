//! An application that somebody fills in at home, with login, password and the agreement.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use crate::auth::Secret;
use crate::identity::application::{Entries, Sort};
use crate::locale::{self, Lang};
use crate::people::registration::{Application, ApplyError};

use super::super::super::Api;
use super::super::Asked;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Visitor;
use super::cookie::{Held, hold};
use super::form::{AGAIN, AGREE, CONSENT, Home, PASSWORD, Place, Read, Sent, Shown, show_form};

const WAY: &str = "way";
const AT_COUNTER: &str = "counter";

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
    show(&api, asked, (sort, Typed::default()), shown, StatusCode::OK).await
}

/// `POST /register`
pub(super) async fn fill_in(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Checked(sent): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let sent = Sent(sent);
    let (sort, agreement, lang) = (sent.sort()?, sent.agreement()?, asked.lang);
    let (mut shown, read) = sent.read(sort, api.registration().today(), lang);
    shown.errors.extend(own_errors(&sent, lang));
    let typed = Typed { is_sent: true, consent: sent.text(CONSENT).to_owned() };
    let Some(Read { form, login, consent }) = read.filter(|_| shown.errors.is_empty()) else {
        return show(&api, asked, (sort, typed), shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let password = Secret::new(sent.text(PASSWORD).to_owned());
    let application = Application { form, consent, login, password, agreement, lang };
    let prepared = match sent.text(WAY) {
        AT_COUNTER => api.registration().announce(application, visitor.ip).await,
        _ => api.registration().prepare(application, visitor.ip).await,
    };
    match prepared {
        Ok(prepared) => Ok(hold(Redirect::to("/register/application").into_response(), &prepared)),
        Err(error) => {
            shown.refused(&error, lang);
            show(&api, asked, (sort, typed), shown, status_of(&error)).await
        }
    }
}

/// What was typed besides the fields.
#[derive(Default)]
struct Typed {
    is_sent: bool,
    consent: String,
}

async fn show(
    api: &Api,
    asked: Asked,
    (sort, typed): (Sort, Typed),
    shown: Shown,
    status: StatusCode,
) -> Result<Response, Fault> {
    let registration = api.registration();
    let fewest = registration.min_password_characters().to_string();
    let place = Place::Home(Home {
        password_hint: locale::text(asked.lang, "register-password-hint", &[("number", &fewest)]),
        takes_signatures: registration.takes_signatures(),
        is_sent: typed.is_sent,
        consent: registration.consent_sender(sort).map(|sender| (sender.to_owned(), typed.consent)),
    });
    show_form(api, asked, (place, sort), shown, status).await
}

/// What is wrong with what the annex does not ask.
fn own_errors(sent: &Sent, lang: Lang) -> Vec<(&'static str, String)> {
    let mut errors = Vec::new();
    let mut push = |name, key: &str| errors.push((name, locale::text(lang, key, &[])));
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
