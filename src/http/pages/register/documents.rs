//! Documents of an application: the form to sign on paper, and the confirmation (M13).

use axum::extract::State;
use axum::response::Response;

use crate::hybrid::report::ReportPage;
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::people::registration::{ApplyError, Filed};
use crate::store::applications::State as Standing;

use super::super::super::Api;
use super::super::download::download;
use super::super::fault::Fault;
use super::super::{Asked, Frame};
use super::application::rows;
use super::cookie::Held;

/// `GET /register/application.pdf`
pub(super) async fn application(State(api): State<Api>, asked: Asked, Held(held): Held) -> Result<Response, Fault> {
    let (number, secret) = held.ok_or_else(Fault::not_found)?;
    let filed = api.registration().own(number, &secret).await.map_err(fault)?;
    if !matches!(filed.state, Standing::Open { .. }) {
        return Err(Fault::not_found());
    }
    draw_application(&api, &Frame::new(asked, "paper-title"), &filed).await
}

/// The form to sign, in the language of the frame.
pub(in crate::http::pages) async fn draw_application(
    api: &Api,
    frame: &Frame,
    filed: &Filed,
) -> Result<Response, Fault> {
    let page = paper(api, frame, filed);
    match api.workers().perform(&Request::Report(Box::new(page))).await {
        Ok(Answer::Pdf(pdf)) => Ok(download(&format!("application-{}.pdf", filed.number), "application/pdf", pdf)),
        Ok(_) => Err(Fault::inside(&"the form was not drawn")),
        Err(error) => Err(Fault::inside(&error)),
    }
}

/// `GET /register/confirmation.pdf`
pub(super) async fn confirmation(State(api): State<Api>, Held(held): Held) -> Result<Response, Fault> {
    let (number, secret) = held.ok_or_else(Fault::not_found)?;
    let registration = api.registration();
    registration.own(number, &secret).await.map_err(fault)?;
    let confirmation = registration.confirmation(number).await.map_err(fault)?;
    let pdf = registration.draw(&confirmation).await.map_err(fault)?;
    let pdf = pdf.ok_or_else(|| Fault::inside(&"this build draws no documents"))?;
    Ok(download(&format!("confirmation-{number}.pdf"), "application/pdf", pdf))
}

fn fault(error: ApplyError) -> Fault {
    match error {
        ApplyError::Missing => Fault::not_found(),
        error => Fault::inside(&error),
    }
}

/// The application on paper, as the annex has it, with room for the signature.
fn paper(api: &Api, frame: &Frame, filed: &Filed) -> ReportPage {
    let registration = api.registration();
    let row = |key: &str, value: String| (frame.text(key), value);
    let line = || frame.text("paper-line");
    let applicant = rows(&filed.form, frame);
    let mailbox = vec![
        row("review-number", filed.number.to_string()),
        row("register-login", format!("{} (@{})", filed.login, registration.domain())),
        row("agreement-hash", filed.agreement.to_string()),
    ];
    let signing = vec![row("paper-signature", line()), row("paper-date", line())];
    ReportPage {
        lang: frame.lang().tag().to_owned(),
        title: frame.text("paper-title"),
        sections: vec![
            (frame.text("paper-applicant"), applicant),
            (frame.text("paper-mailbox"), mailbox),
            (frame.text("paper-signing"), signing),
        ],
        stamps: Vec::new(),
        note: frame.text("paper-note"),
        id: format!("application {}", filed.number),
        made_s: filed.applied.as_second(),
    }
}
