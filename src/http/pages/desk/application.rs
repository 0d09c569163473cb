//! One application as a clerk sees it, with what can be done about it now.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::identity::application::{ApplicationNumber, DocumentKind, Form, IdentityDocument};
use crate::identity::{NumberWarning, PersonalNumber};
use crate::people::agreements::instant;
use crate::people::counter::{Clerk, Opened, Prepared};
use crate::people::registration::refusal_text;
use crate::store::applications::State as Standing;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::register::rows;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show_as};
use super::file::Document;
use super::{clerk, fault, is_correctable};

/// What can be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Print, look at the document, scan, register.
    File,
    /// Somebody else confirms.
    Wait,
    /// Confirm, or give back.
    Confirm,
    /// Nothing: it is over, refused, waiting, or registered.
    None,
}

#[derive(Template)]
#[template(path = "desk/application.html")]
struct ApplicationPage {
    frame: Frame,
    number: String,
    rows: Vec<(String, String)>,
    warnings: Vec<String>,
    said: Vec<String>,
    is_registered: bool,
    is_refused: bool,
    step: Step,
    four_eyes: bool,
    is_legal: bool,
    kinds: Vec<(&'static str, String, bool)>,
    document: Document,
    /// What the first clerk saw: label and value.
    seen: Vec<(String, String)>,
    scans: Vec<u32>,
    needs_code: bool,
    is_correctable: bool,
    /// Where the code for the consent comes from, if one is wanted.
    consent_sender: Option<String>,
    error: Option<String>,
    field_errors: Vec<(&'static str, String)>,
}

impl ApplicationPage {
    fn error_of(&self, name: &str) -> Option<&str> {
        self.field_errors.iter().find(|(found, _)| *found == name).map(|(_, text)| text.as_str())
    }
}

/// What a form that comes back says.
#[derive(Default)]
pub(super) struct Comeback {
    pub(super) status: Option<StatusCode>,
    pub(super) error: Option<String>,
    pub(super) field_errors: Vec<(&'static str, String)>,
    pub(super) document: Option<Document>,
}

/// `GET /desk/applications/{number}`
pub(super) async fn page(
    State(api): State<Api>,
    staff: Staff,
    asked: Asked,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    show(&api, &clerk(&staff)?, asked, &number, Comeback::default()).await
}

pub(super) fn parsed(number: &str) -> Result<ApplicationNumber, Fault> {
    number.parse().map_err(|_| Fault::not_found())
}

pub(super) async fn show(
    api: &Api,
    clerk: &Clerk,
    asked: Asked,
    number: &str,
    comeback: Comeback,
) -> Result<Response, Fault> {
    let opened = api.counter().open(clerk, parsed(number)?).await.map_err(fault)?;
    let frame = Frame::new(asked, "desk-application-title");
    let (registration, filed) = (api.registration(), &opened.filed);
    let step = step_of(&opened, clerk);
    let mut shown = rows(&filed.form, &frame);
    shown.push((frame.text("register-login"), filed.login.clone()));
    let document = comeback.document.unwrap_or_else(|| Document::suggested(&filed.form));
    let kind = |kind: DocumentKind| (kind.name(), kind_text(kind, &frame), kind.name() == document.kind);
    let page = ApplicationPage {
        number: filed.number.to_string(),
        rows: shown,
        warnings: warnings(&filed.form).into_iter().map(|key| frame.text(key)).collect(),
        said: said(api, &opened, &frame).await?,
        is_registered: matches!(filed.state, Standing::Registered { .. }),
        is_refused: matches!(filed.state, Standing::Refused { .. }),
        step,
        four_eyes: api.counter().settings().four_eyes,
        is_legal: matches!(filed.form, Form::Legal(_)),
        kinds: DocumentKind::ALL.into_iter().map(kind).collect(),
        seen: opened.prepared.as_ref().map(|prepared| seen(prepared, &frame)).unwrap_or_default(),
        scans: opened.prepared.iter().flat_map(|prepared| prepared.scans.iter().map(|(place, _)| *place)).collect(),
        needs_code: opened.needs_code && step == Step::None && !matches!(filed.state, Standing::Open { .. }),
        is_correctable: is_correctable(&opened, clerk),
        consent_sender: registration.consent_sender(filed.form.sort()).map(str::to_owned),
        document,
        error: comeback.error,
        field_errors: comeback.field_errors,
        frame: frame.clone(),
    };
    Ok(show_as(comeback.status.unwrap_or(StatusCode::OK), &frame, &page))
}

fn step_of(opened: &Opened, clerk: &Clerk) -> Step {
    match (&opened.filed.state, &opened.prepared) {
        (Standing::Open { is_announced: true, .. }, None) => Step::File,
        (Standing::Open { .. }, Some(prepared)) if prepared.facility != clerk.facility.to_string() => Step::None,
        (Standing::Open { .. }, Some(prepared)) if prepared.clerk == clerk.account => Step::Wait,
        (Standing::Open { .. }, Some(_)) => Step::Confirm,
        _ => Step::None,
    }
}

/// M24, FACTS B1: odd digits are warnings and nothing else.
fn warnings(form: &Form) -> Vec<&'static str> {
    let warnings = match form.number() {
        PersonalNumber::Iin(iin) => iin.warnings(),
        PersonalNumber::Bin(bin) => bin.warnings(),
    };
    let key = |warning| match warning {
        NumberWarning::NoDate => "desk-warning-no-date",
        NumberWarning::NoCentury => "desk-warning-no-century",
        NumberWarning::NoKind => "desk-warning-no-kind",
    };
    warnings.into_iter().map(key).collect()
}

async fn said(api: &Api, opened: &Opened, frame: &Frame) -> Result<Vec<String>, Fault> {
    let registration = api.registration();
    Ok(match &opened.filed.state {
        Standing::Open { until_us, is_announced: true } => {
            vec![frame.text_with("announced-until", &[("time", &registration.shown(instant(*until_us)))])]
        }
        Standing::Open { is_announced: false, .. } => vec![frame.text("desk-online")],
        Standing::Waiting { tries, .. } => {
            vec![frame.text("waiting-text"), frame.text_with("desk-tries", &[("number", &tries.to_string())])]
        }
        Standing::Refused { code, field, .. } => vec![refusal_text(frame.lang(), code, field.as_deref())],
        Standing::Registered { .. } => {
            let confirmation = registration.confirmation(opened.filed.number).await;
            let address = confirmation.map_err(|error| Fault::inside(&error))?.address.to_string();
            vec![frame.text_with("registered-text", &[("address", &address)])]
        }
    })
}

fn seen(prepared: &Prepared, frame: &Frame) -> Vec<(String, String)> {
    let IdentityDocument { kind, number, issuer, issued } = &prepared.document;
    vec![
        (frame.text("field-document-kind"), kind_text(*kind, frame)),
        (frame.text("field-document-number"), number.clone()),
        (frame.text("field-document-issuer"), issuer.clone()),
        (frame.text("field-document-issued"), issued.to_string()),
    ]
}

fn kind_text(kind: DocumentKind, frame: &Frame) -> String {
    frame.text(&format!("document-{}", kind.name()))
}
