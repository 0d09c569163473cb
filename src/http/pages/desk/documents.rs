//! Documents of the desk: the application to sign, the confirmation to hand over, and scans to confirm.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::super::Api;
use super::super::download::download;
use super::super::fault::Fault;
use super::super::register::draw_application;
use super::super::visitor::Staff;
use super::super::{Asked, Frame};
use super::application::parsed;
use super::{clerk, fault};

/// `GET /desk/applications/{number}/application.pdf`: in the language of the applicant.
pub(super) async fn application(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let opened = api.counter().open(&clerk(&staff)?, parsed(&number)?).await.map_err(fault)?;
    let asked = Asked { lang: opened.filed.lang, ..asked };
    draw_application(&api, &Frame::new(asked, "paper-title"), &opened.filed).await
}

/// `GET /desk/applications/{number}/confirmation.pdf`
pub(super) async fn confirmation(
    State(api): State<Api>,
    staff: Staff,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let id = parsed(&number)?;
    api.counter().open(&clerk(&staff)?, id).await.map_err(fault)?;
    let registration = api.registration();
    let confirmation = registration.confirmation(id).await.map_err(|_| Fault::not_found())?;
    let pdf = registration.draw(&confirmation).await.map_err(|error| Fault::inside(&error))?;
    let pdf = pdf.ok_or_else(|| Fault::inside(&"this build draws no documents"))?;
    Ok(download(&format!("confirmation-{id}.pdf"), "application/pdf", pdf))
}

/// `GET /desk/applications/{number}/scans/{place}`
pub(super) async fn scan(
    State(api): State<Api>,
    staff: Staff,
    Path((number, place)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (id, place) = (parsed(&number)?, place.parse().map_err(|_| Fault::not_found())?);
    let (media_type, bytes) = api.counter().scan(&clerk(&staff)?, id, place).await.map_err(fault)?;
    Ok(download(&format!("scan-{id}-{place}"), &media_type, bytes))
}
