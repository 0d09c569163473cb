//! An application that the clerk writes for somebody who stands there.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::identity::application::{Entries, Sort, parse};
use crate::locale::Lang;
use crate::people::counter::{CounterError, Written};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::register::fields::{FieldShown, Kind, Sent, Shown, field_shown, place_of, told as field_told};
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{clerk, told};

#[derive(Template)]
#[template(path = "desk/write.html")]
struct WritePage {
    frame: Frame,
    sort: Sort,
    fields: Vec<FieldShown>,
    login: String,
    login_hint: String,
    login_error: Option<String>,
    langs: Vec<(&'static str, String, bool)>,
    fault: Option<String>,
    agreement_number: String,
    agreement_hash: String,
    has_errors: bool,
}

impl WritePage {
    fn is_legal(&self) -> bool {
        self.sort == Sort::Legal
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default, rename = "as")]
    sort: String,
}

/// `GET /desk/new`
pub(super) async fn page(
    State(api): State<Api>,
    asked: Asked,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted.sort).unwrap_or_default();
    let sort = Sort::named(&wanted).unwrap_or(Sort::Individual);
    let lang = asked.lang;
    show(&api, asked, sort, (Shown::default(), lang), StatusCode::OK).await
}

/// `POST /desk/new`
pub(super) async fn write(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Checked(sent): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let sent = Sent(sent);
    let sort = Sort::named(sent.text("as")).ok_or_else(Fault::bad_form)?;
    let lang = Lang::ALL.into_iter().find(|lang| lang.tag() == sent.text("lang")).ok_or_else(Fault::bad_form)?;
    let Ok(agreement) = sent.text("agreement").parse() else { return Err(Fault::bad_form()) };
    let entries = Entries::of(sort, |name| sent.get(name));
    let login = sent.text("login").trim().to_owned();
    let mut shown = Shown { entries, login: login.clone(), is_sent: true, ..Shown::default() };
    let form = match parse(sort, &shown.entries, api.registration().today()) {
        Ok(form) => form,
        Err(errors) => {
            shown.errors.extend(errors.iter().map(|error| (error.field.name(), field_told(error, asked.lang))));
            return show(&api, asked, sort, (shown, lang), StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    match api.counter().write(&clerk(&staff)?, Written { form, login, agreement, lang }).await {
        Ok(number) => Ok(Redirect::to(&format!("/desk/applications/{number}")).into_response()),
        Err(error) => {
            let (status, text) = told(&error, &Frame::new(asked.clone(), "desk-new-title"));
            match &error {
                CounterError::Apply(error) if place_of(error) == Some("login") => shown.errors.push(("login", text)),
                _ => shown.fault = Some(text),
            }
            show(&api, asked, sort, (shown, lang), status).await
        }
    }
}

async fn show(
    api: &Api,
    asked: Asked,
    sort: Sort,
    (shown, lang): (Shown, Lang),
    status: StatusCode,
) -> Result<Response, Fault> {
    let registration = api.registration();
    let current = registration.agreements().current().await?;
    let frame = Frame::new(asked, "desk-new-title");
    let name = |lang: Lang| crate::locale::text(lang, "page-language", &[]);
    let login_error = shown.errors.iter().find(|(name, _)| *name == "login").map(|(_, text)| text.clone());
    let page = WritePage {
        sort,
        fields: sort.fields().iter().map(|field| field_shown(*field, &shown, &frame)).collect(),
        login_hint: frame.text_with("register-login-hint", &[("domain", &registration.domain())]),
        login_error,
        langs: Lang::ALL.into_iter().map(|each| (each.tag(), name(each), each == lang)).collect(),
        agreement_number: current.number.to_string(),
        agreement_hash: current.hash.to_string(),
        has_errors: !shown.errors.is_empty(),
        login: shown.login,
        fault: shown.fault,
        frame: frame.clone(),
    };
    Ok(show_as(status, &frame, &page))
}
