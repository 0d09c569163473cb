//! The first page of the desk: where a clerk begins.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::identity::application::ApplicationNumber;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::{clerk, fault};

#[derive(Template)]
#[template(path = "desk/home.html")]
struct HomePage {
    frame: Frame,
    facility: String,
    /// What was looked for gave several, or nothing.
    found: Option<Vec<String>>,
    four_eyes: bool,
    to_confirm: Vec<String>,
}

/// `GET /desk`
pub(super) async fn page(State(api): State<Api>, staff: Staff, asked: Asked) -> Result<Response, Fault> {
    show(&api, &staff, asked, None).await
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    find: String,
}

/// `POST /desk`
pub(super) async fn find(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Checked(wanted): Checked<Wanted>,
) -> Result<Response, Fault> {
    let found = api.counter().find(&clerk(&staff)?, &wanted.find).await.map_err(fault)?;
    match found.as_slice() {
        [one] => Ok(Redirect::to(&format!("/desk/applications/{one}")).into_response()),
        _ => show(&api, &staff, asked, Some(found)).await,
    }
}

async fn show(
    api: &Api,
    staff: &Staff,
    asked: Asked,
    found: Option<Vec<ApplicationNumber>>,
) -> Result<Response, Fault> {
    let clerk = clerk(staff)?;
    let four_eyes = api.counter().settings().four_eyes;
    let to_confirm = if four_eyes { api.counter().to_confirm(&clerk).await.map_err(fault)? } else { Vec::new() };
    let texts = |numbers: Vec<ApplicationNumber>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
    let status = match &found {
        Some(found) if found.is_empty() => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    };
    let frame = Frame::new(asked, "desk-title");
    let page = HomePage {
        frame: frame.clone(),
        facility: clerk.facility.to_string(),
        found: found.map(texts),
        four_eyes,
        to_confirm: texts(to_confirm),
    };
    Ok(show_as(status, &frame, &page))
}
