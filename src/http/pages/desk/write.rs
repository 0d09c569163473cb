//! An application that the clerk writes for somebody who stands there, or corrects before it is accepted.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::identity::application::{Entries, Sort};
use crate::people::counter::{CounterError, Written};
use crate::people::registration::Filed;

use super::super::super::Api;
use super::super::Asked;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::frame::Frame;
use super::super::register::form::{Place, Read, Sent, Shown, show_form};
use super::super::visitor::Staff;
use super::application::parsed;
use super::{clerk, fault, is_correctable, told};

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
    let place = Place::counter(None, asked.lang);
    show_form(&api, asked, (place, sort), Shown::default(), StatusCode::OK).await
}

/// `POST /desk/new`
pub(super) async fn write(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Checked(sent): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let sent = Sent(sent);
    let (sort, lang, agreement) = (sent.sort()?, sent.lang()?, sent.agreement()?);
    let place = Place::counter(None, lang);
    let (shown, read) = sent.read(sort, api.registration().today(), asked.lang);
    let Some(Read { form, login, .. }) = read else {
        return show_form(&api, asked, (place, sort), shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match api.counter().write(&clerk(&staff)?, Written { form, login, agreement, lang }).await {
        Ok(number) => Ok(Redirect::to(&format!("/desk/applications/{number}")).into_response()),
        Err(error) => refused(&api, asked, (place, sort), shown, &error).await,
    }
}

/// `GET /desk/applications/{number}/correct`
pub(super) async fn correct_page(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let Filed { form, login, lang, .. } = correctable(&api, &staff, &number).await?;
    let shown = Shown { entries: Entries::from(&form), login, ..Shown::default() };
    let place = Place::counter(Some(number), lang);
    show_form(&api, asked, (place, form.sort()), shown, StatusCode::OK).await
}

/// `POST /desk/applications/{number}/correct`
pub(super) async fn correct(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
    Checked(sent): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let sent = Sent(sent);
    let (lang, agreement) = (sent.lang()?, sent.agreement()?);
    // A person does not become a legal entity by a correction.
    let sort = correctable(&api, &staff, &number).await?.form.sort();
    let place = Place::counter(Some(number.clone()), lang);
    let (shown, read) = sent.read(sort, api.registration().today(), asked.lang);
    let Some(Read { form, login, .. }) = read else {
        return show_form(&api, asked, (place, sort), shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let id = parsed(&number)?;
    match api.counter().correct(&clerk(&staff)?, id, Written { form, login, agreement, lang }).await {
        Ok(_) => Ok(Redirect::to(&format!("/desk/applications/{id}")).into_response()),
        Err(error) => refused(&api, asked, (place, sort), shown, &error).await,
    }
}

/// The application, if it is one that can be corrected at this counter; its being looked at is noted.
async fn correctable(api: &Api, staff: &Staff, number: &str) -> Result<Filed, Fault> {
    let clerk = clerk(staff)?;
    let opened = api.counter().open(&clerk, parsed(number)?).await.map_err(fault)?;
    if is_correctable(&opened, &clerk) { Ok(opened.filed) } else { Err(Fault::not_found()) }
}

async fn refused(
    api: &Api,
    asked: Asked,
    place: (Place, Sort),
    mut shown: Shown,
    error: &CounterError,
) -> Result<Response, Fault> {
    let (status, text) = told(error, &Frame::new(asked.clone(), "desk-new-title"));
    match error {
        CounterError::Apply(error) => shown.refused(error, asked.lang),
        _ => shown.fault = Some(text),
    }
    show_form(api, asked, place, shown, status).await
}
