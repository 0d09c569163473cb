//! The form of the annex on a page, with login, password and the agreement.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use crate::auth::Secret;
use crate::identity::application::{DocumentKind, Entries, Field, FieldError, Sort, Trouble, parse};
use crate::locale::{self, Lang};
use crate::people::registration::{Application, ApplyError};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Visitor;
use super::super::{Asked, Frame, show_as};
use super::cookie::{Held, hold};

/// What is asked for besides the fields of the annex.
const LOGIN: &str = "login";
const PASSWORD: &str = "password";
const AGAIN: &str = "password-again";
const AGREE: &str = "agree";
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

/// A field as it is shown.
struct FieldShown {
    name: &'static str,
    label: String,
    value: String,
    error: Option<String>,
    kind: Kind,
    is_needed: bool,
    most: usize,
    autocomplete: &'static str,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Text,
    Digits,
    Day,
    Phone,
    Choice(Vec<(&'static str, String)>),
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

/// What was sent.
struct Sent(Vec<(String, String)>);

impl Sent {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

/// What is shown, and what is wrong with it.
#[derive(Default)]
struct Shown {
    entries: Entries,
    login: String,
    errors: Vec<(&'static str, String)>,
    fault: Option<String>,
    is_sent: bool,
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

fn told(error: &FieldError, lang: Lang) -> String {
    let number = match error.trouble {
        Trouble::TooLong(most) => most.to_string(),
        _ => String::new(),
    };
    locale::text(lang, &format!("trouble-{}", error.trouble.code()), &[("number", &number)])
}

/// The field that an error of the service belongs to.
fn place_of(error: &ApplyError) -> Option<&'static str> {
    match error {
        ApplyError::Login(_) | ApplyError::LoginTaken(_) => Some(LOGIN),
        ApplyError::Password(_) => Some(PASSWORD),
        ApplyError::OldAgreement { .. } => Some(AGREE),
        _ => None,
    }
}

/// RFC 9110 §15: what is wrong with a form, what is in its way, what is not there.
pub(super) fn status_of(error: &ApplyError) -> StatusCode {
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

fn field_shown(field: Field, shown: &Shown, frame: &Frame) -> FieldShown {
    let kind = match field {
        Field::Iin | Field::Bin => Kind::Digits,
        Field::DocumentIssued | Field::RegistrationIssued => Kind::Day,
        Field::PhoneHome | Field::PhoneMobile => Kind::Phone,
        Field::DocumentKind => {
            let choice = |kind: DocumentKind| (kind.name(), frame.text(&format!("document-{}", kind.name())));
            Kind::Choice(DocumentKind::ALL.into_iter().map(choice).collect())
        }
        _ => Kind::Text,
    };
    let autocomplete = match field {
        Field::Surname => "family-name",
        Field::GivenName => "given-name",
        Field::Patronymic => "additional-name",
        Field::Residence | Field::ActualAddress => "street-address",
        Field::PhoneHome => "home tel",
        Field::PhoneMobile => "mobile tel",
        Field::EntityName => "organization",
        _ => "off",
    };
    let error = shown.errors.iter().find(|(name, _)| *name == field.name()).map(|(_, text)| text.clone());
    FieldShown {
        name: field.name(),
        label: frame.text(&format!("field-{}", field.name())),
        value: shown.entries.get(field).to_owned(),
        error,
        kind,
        is_needed: !matches!(field, Field::Patronymic | Field::PhoneHome | Field::PhoneMobile),
        // People write numbers in groups.
        most: field.max_characters() + 8,
        autocomplete,
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
