//! What a clerk does about an application: registers it, confirms what another clerk has seen to, gives it back, gives
//! out a code.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;

use crate::identity::application::{ApplicationNumber, Entries, Form, Sort, parse_document};
use crate::people::counter::{Clerk, Code, CounterError, Outcome, Paper, Scan};
use crate::people::registration::{Applied, EvidenceKind};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::{Checked, CheckedUpload};
use super::super::register::fields::told as field_told;
use super::super::register::form::{CONSENT, consent_in};
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show};
use super::application::{self, Comeback, parsed};
use super::{clerk, told};

/// More parts than the form has are not read.
const MAX_PARTS: usize = 16;

/// The identity document as the clerk types it from what lies on the counter.
#[derive(Clone, Default)]
pub(super) struct Document {
    pub(super) kind: String,
    pub(super) number: String,
    pub(super) issuer: String,
    pub(super) issued: String,
    pub(super) until: String,
}

impl Document {
    /// The number stays empty: it is read from the document, not from the application.
    pub(super) fn suggested(form: &Form) -> Self {
        match form {
            Form::Individual(form) => Document {
                kind: form.document.kind.name().to_owned(),
                issuer: form.document.issuer.clone(),
                issued: form.document.issued.to_string(),
                ..Document::default()
            },
            Form::Legal(_) => Document::default(),
        }
    }
}

/// What was sent.
#[derive(Default)]
struct Sent {
    document: Document,
    scans: Vec<Scan>,
    consent: String,
    is_seen: bool,
}

#[derive(Template)]
#[template(path = "desk/done.html")]
struct DonePage {
    frame: Frame,
    number: String,
    address: Option<String>,
    login: String,
    code: Option<String>,
    code_until: String,
    activate_url: String,
    is_registered: bool,
    said: String,
}

async fn read(mut upload: CheckedUpload, max_bytes: usize) -> Result<Sent, Fault> {
    let mut sent = Sent::default();
    for _ in 0..MAX_PARTS {
        let Some(part) = upload.next(max_bytes).await? else { return Ok(sent) };
        let text = || part.text().map(|text| text.trim().to_owned());
        match part.name.as_str() {
            "document-kind" => sent.document.kind = text()?,
            "document-number" => sent.document.number = text()?,
            "document-issuer" => sent.document.issuer = text()?,
            "document-issued" => sent.document.issued = text()?,
            "document-until" => sent.document.until = text()?,
            CONSENT => sent.consent = text()?,
            "seen" => sent.is_seen = true,
            // A field for a file into which nothing was put comes without bytes.
            _ if part.bytes.is_empty() => {}
            "scan" => sent.scans.push(Scan { what: EvidenceKind::SignedApplication, bytes: part.bytes.to_vec() }),
            "authority" => sent.scans.push(Scan { what: EvidenceKind::Authority, bytes: part.bytes.to_vec() }),
            _ => {}
        }
    }
    Err(Fault::bad_form())
}

/// `POST /desk/applications/{number}`
pub(super) async fn file(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
    upload: CheckedUpload,
) -> Result<Response, Fault> {
    let (clerk, id) = (clerk(&staff)?, parsed(&number)?);
    let sent = read(upload, api.counter().settings().max_scan_bytes).await?;
    let document = sent.document.clone();
    let frame = Frame::new(asked.clone(), "desk-application-title");
    let paper = match paper(&api, sent, &frame) {
        Ok(paper) => paper,
        Err(field_errors) => {
            let status = Some(StatusCode::UNPROCESSABLE_ENTITY);
            let comeback = Comeback { status, field_errors, document: Some(document), error: None };
            return application::show(&api, &clerk, asked, &number, comeback).await;
        }
    };
    match api.counter().file(&clerk, id, paper).await {
        Ok(outcome) => done(&api, asked, id, outcome).await,
        Err(error) => back(&api, &clerk, asked, &number, (error, Some(document))).await,
    }
}

fn paper(api: &Api, sent: Sent, frame: &Frame) -> Result<Paper, Vec<(&'static str, String)>> {
    let lang = frame.lang();
    let mut errors: Vec<(&'static str, String)> = Vec::new();
    let Document { kind, number, issuer, issued, until } = &sent.document;
    let typed = |name: &str| match name {
        "document-kind" => Some(kind.as_str()),
        "document-number" => Some(number.as_str()),
        "document-issuer" => Some(issuer.as_str()),
        "document-issued" => Some(issued.as_str()),
        _ => None,
    };
    let entries = Entries::of(Sort::Individual, typed);
    let document = parse_document(&entries, api.registration().today())
        .map_err(|found| errors.extend(found.iter().map(|error| (error.field.name(), field_told(error, lang)))))
        .ok();
    let valid_until: Option<Date> = match until.as_str() {
        "" => None,
        text => text.parse().map_err(|_| errors.push(("document-until", frame.text("trouble-not-date")))).ok(),
    };
    if !sent.scans.iter().any(|scan| scan.what == EvidenceKind::SignedApplication) {
        errors.push(("scan", frame.text("apply-no-evidence")));
    }
    if !sent.is_seen {
        errors.push(("seen", frame.text("desk-must-see")));
    }
    let consent = consent_in(&sent.consent).unwrap_or_else(|key| {
        errors.push((CONSENT, frame.text(key)));
        None
    });
    match document {
        Some(document) if errors.is_empty() => Ok(Paper { document, valid_until, scans: sent.scans, consent }),
        _ => Err(errors),
    }
}

/// `POST /desk/applications/{number}/confirm`
pub(super) async fn confirm(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
    _: Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let (clerk, id) = (clerk(&staff)?, parsed(&number)?);
    match api.counter().confirm(&clerk, id).await {
        Ok(outcome) => done(&api, asked, id, outcome).await,
        Err(error) => back(&api, &clerk, asked, &number, (error, None)).await,
    }
}

/// `POST /desk/applications/{number}/give-back`
pub(super) async fn give_back(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
    _: Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let (clerk, id) = (clerk(&staff)?, parsed(&number)?);
    match api.counter().give_back(&clerk, id).await {
        Ok(()) => Ok(Redirect::to(&format!("/desk/applications/{id}")).into_response()),
        Err(error) => back(&api, &clerk, asked, &number, (error, None)).await,
    }
}

/// `POST /desk/applications/{number}/code`
pub(super) async fn code(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
    _: Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let (clerk, id) = (clerk(&staff)?, parsed(&number)?);
    match api.counter().new_code(&clerk, id).await {
        Ok(code) => handed_over(&api, asked, id, (None, Some(code))).await,
        Err(error) => back(&api, &clerk, asked, &number, (error, None)).await,
    }
}

/// The application once more, with what is wrong.
async fn back(
    api: &Api,
    clerk: &Clerk,
    asked: Asked,
    number: &str,
    (error, document): (CounterError, Option<Document>),
) -> Result<Response, Fault> {
    let (status, text) = told(&error, &Frame::new(asked.clone(), "desk-application-title"));
    let comeback = Comeback { status: Some(status), error: Some(text), document, field_errors: Vec::new() };
    application::show(api, clerk, asked, number, comeback).await
}

async fn done(api: &Api, asked: Asked, number: ApplicationNumber, outcome: Outcome) -> Result<Response, Fault> {
    match outcome {
        Outcome::Prepared => Ok(Redirect::to(&format!("/desk/applications/{number}")).into_response()),
        Outcome::Filed { applied, code } => handed_over(api, asked, number, (Some(applied), code)).await,
    }
}

/// What is printed for the applicant. The code is on this page and nowhere else.
async fn handed_over(
    api: &Api,
    asked: Asked,
    number: ApplicationNumber,
    (applied, code): (Option<Applied>, Option<Code>),
) -> Result<Response, Fault> {
    let registration = api.registration();
    let filed = registration.find(number).await?.ok_or_else(Fault::not_found)?;
    let address = match &applied {
        Some(Applied::Registered { address, .. }) => Some(address.to_string()),
        _ => registration.confirmation(number).await.ok().map(|confirmation| confirmation.address.to_string()),
    };
    let frame = Frame::new(asked, if address.is_some() { "registered-title" } else { "waiting-title" });
    let said = match &address {
        Some(address) => frame.text_with("registered-text", &[("address", address)]),
        None => frame.text("waiting-text"),
    };
    let days = api.counter().settings().code_days.to_string();
    let page = DonePage {
        number: number.to_string(),
        login: filed.login,
        code: code.map(|code| code.expose().to_owned()),
        code_until: frame.text_with("desk-code-days", &[("number", &days)]),
        activate_url: format!("{}/activate", registration.url()),
        is_registered: address.is_some(),
        said,
        address,
        frame: frame.clone(),
    };
    Ok(show(&frame, &page))
}
