//! The application that a browser filled in: to be signed, waiting, refused, or led to a mailbox.

use std::net::IpAddr;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::identity::application::{ApplicationNumber, DocumentKind, Field, Form, Sort};
use crate::people::Signatures;
use crate::people::agreements::instant;
use crate::people::registration::{Applied, ApplyError, Filed, refusal_text};
use crate::registers::ConsentToken;
use crate::sessions::Proof;
use crate::store::applications::State as Standing;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::{Visitor, with_session};
use super::super::{Asked, Frame, show_as};
use super::cookie::Held;
use super::fill_in::status_of;
use super::form::consent_in;

#[derive(Template)]
#[template(path = "register/review.html")]
struct ReviewPage {
    frame: Frame,
    filed: Facts,
    address: String,
    until: String,
    /// With `%` where the reason belongs.
    failed: String,
    statement: String,
    statement_base64: String,
    signer: String,
    error: Option<String>,
    /// In the place of the signer: the signature holds, and only the code for the consent did not count.
    code: Option<Code>,
}

/// The code for the consent (FACTS B7), typed anew.
struct Code {
    sender: String,
    /// What is wrong with what was typed.
    error: Option<String>,
    /// The signature as it was sent: it goes with the code once more.
    cms: String,
}

/// What came of a signature, where the application is shown once more.
struct Failed {
    error: ApplyError,
    /// What is wrong with the code that was typed.
    wrong_code: Option<&'static str>,
    cms: String,
}

#[derive(Template)]
#[template(path = "register/standing.html")]
struct StandingPage {
    frame: Frame,
    filed: Facts,
    said: Vec<String>,
    /// What can be downloaded: address and text.
    document: Option<(&'static str, String)>,
    is_registered: bool,
    is_refused: bool,
    is_signed_in: bool,
}

/// What was filled in, as label and value.
struct Facts {
    number: String,
    sort: Sort,
    rows: Vec<(String, String)>,
}

impl Code {
    fn of(failed: &Failed, sender: Option<&str>, frame: &Frame) -> Option<Self> {
        let sender = sender.filter(|_| matches!(failed.error, ApplyError::NoConsent))?.to_owned();
        Some(Code { sender, error: failed.wrong_code.map(|key| frame.text(key)), cms: failed.cms.clone() })
    }
}

impl Facts {
    fn of(filed: &Filed, frame: &Frame) -> Self {
        let mut rows: Vec<(String, String)> = rows(&filed.form, frame);
        rows.push((frame.text("register-login"), filed.login.clone()));
        Facts { number: filed.number.to_string(), sort: filed.form.sort(), rows }
    }

    fn is_legal(&self) -> bool {
        self.sort == Sort::Legal
    }
}

/// The fields of a form with their names for people; those in which nothing stands are left out.
pub(in crate::http::pages) fn rows(form: &Form, frame: &Frame) -> Vec<(String, String)> {
    let shown = |(field, value): (Field, String)| {
        let value = match field {
            Field::DocumentKind => {
                let kind = DocumentKind::ALL.into_iter().find(|kind| kind.name() == value);
                kind.map_or_else(String::new, |kind| frame.text(&format!("document-{}", kind.name())))
            }
            _ => value,
        };
        (!value.is_empty()).then(|| (frame.text(&format!("field-{}", field.name())), value))
    };
    form.values().filter_map(shown).collect()
}

/// `GET /register/application`
pub(super) async fn page(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Held(held): Held,
) -> Result<Response, Fault> {
    let Some((number, secret)) = held else { return Ok(Redirect::to("/register").into_response()) };
    let filed = match api.registration().own(number, &secret).await {
        Ok(filed) => filed,
        Err(ApplyError::Missing) => return Ok(Redirect::to("/register").into_response()),
        Err(error) => return Err(Fault::inside(&error)),
    };
    match &filed.state {
        Standing::Open { is_announced: false, .. } => review(&api, asked, &filed, &secret, None).await,
        _ => standing(&api, &visitor, asked, &filed).await,
    }
}

#[derive(Deserialize)]
pub(super) struct Signed {
    /// Base64 of a CMS.
    #[serde(default)]
    cms: String,
    /// Another code for the consent, where the first one did not count.
    #[serde(default)]
    consent: String,
}

/// `POST /register/application`
pub(super) async fn sign(
    State(api): State<Api>,
    visitor: Visitor,
    asked: Asked,
    Held(held): Held,
    Checked(signed): Checked<Signed>,
) -> Result<Response, Fault> {
    let Some((number, secret)) = held else { return Ok(Redirect::to("/register").into_response()) };
    let cms = Signatures::read(signed.cms.as_bytes()).ok_or_else(Fault::bad_form)?;
    let (applied, wrong_code) = match consent_in(&signed.consent) {
        Ok(consent) => (apply(&api, (number, &secret), (cms, consent), visitor.ip).await, None),
        // Nobody is asked with what is no code.
        Err(wrong) => (Err(ApplyError::NoConsent), Some(wrong)),
    };
    let error = match applied {
        Ok(Applied::Registered { account, .. }) => {
            let response = Redirect::to("/register/application").into_response();
            if let Some(old) = &visitor.session {
                api.sessions().close(old.account, old.id).await?;
            }
            // Who signed with that person's key just now is that person.
            return Ok(match api.sessions().open(account, Proof::Signature, visitor.browser()).await {
                Ok(opened) => with_session(response, &opened.token),
                Err(error) => {
                    tracing::warn!(%error, "somebody who registered has to sign in");
                    response
                }
            });
        }
        Ok(Applied::Waiting { .. }) => return Ok(Redirect::to("/register/application").into_response()),
        Err(error) => error,
    };
    match api.registration().own(number, &secret).await {
        // It can be signed again.
        Ok(filed) if matches!(filed.state, Standing::Open { .. }) => {
            review(&api, asked, &filed, &secret, Some(Failed { error, wrong_code, cms: signed.cms })).await
        }
        _ => {
            let frame = Frame::new(asked, "refused-title");
            let filed = Facts { number: number.to_string(), sort: Sort::Individual, rows: Vec::new() };
            let page = StandingPage {
                said: vec![error.text(frame.lang())],
                frame: frame.clone(),
                filed,
                document: None,
                is_registered: false,
                is_refused: true,
                is_signed_in: false,
            };
            Ok(show_as(status_of(&error), &frame, &page))
        }
    }
}

async fn apply(
    api: &Api,
    (number, secret): (ApplicationNumber, &str),
    (cms, consent): (Vec<u8>, Option<ConsentToken>),
    from: IpAddr,
) -> Result<Applied, ApplyError> {
    if let Some(consent) = consent {
        api.registration().consent_anew(number, secret, consent).await?;
    }
    api.registration().sign(number, secret, cms, from).await
}

async fn review(
    api: &Api,
    asked: Asked,
    filed: &Filed,
    secret: &str,
    failed: Option<Failed>,
) -> Result<Response, Fault> {
    let registration = api.registration();
    let prepared = match registration.prepared(filed.number, secret).await {
        Ok(prepared) => prepared,
        Err(ApplyError::Over) => return Ok(Redirect::to("/register").into_response()),
        Err(error) => return Err(Fault::inside(&error)),
    };
    let signer = format!("wss://127.0.0.1:{}", registration.settings().signer_port);
    // The one place outside of this server that a page of ours speaks with: the applicant's own computer (FACTS B6).
    let frame = Frame::new(asked, "review-title").connecting(&signer);
    let page = ReviewPage {
        filed: Facts::of(filed, &frame),
        address: prepared.address.to_string(),
        until: frame.text_with("review-until", &[("time", &registration.shown(prepared.until))]),
        failed: frame.text_with("signer-failed", &[("reason", "%")]),
        statement_base64: STANDARD.encode(&prepared.statement),
        statement: prepared.statement,
        signer,
        error: failed.as_ref().map(|failed| failed.error.text(frame.lang())),
        code: failed
            .as_ref()
            .and_then(|failed| Code::of(failed, registration.consent_sender(filed.form.sort()), &frame)),
        frame: frame.clone(),
    };
    let status = failed.as_ref().map_or(StatusCode::OK, |failed| status_of(&failed.error));
    let mut response = show_as(status, &frame, &page);
    if let Some(Failed { error: ApplyError::TooFast(wait), .. }) = failed {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
    }
    Ok(response)
}

async fn standing(api: &Api, visitor: &Visitor, asked: Asked, filed: &Filed) -> Result<Response, Fault> {
    let registration = api.registration();
    let lang = asked.lang;
    let title = match &filed.state {
        Standing::Open { .. } => "announced-title",
        Standing::Waiting { .. } => "waiting-title",
        Standing::Refused { .. } => "refused-title",
        Standing::Registered { .. } => "registered-title",
    };
    let frame = Frame::new(asked, title);
    let (mut said, mut document) = (Vec::new(), None);
    match &filed.state {
        Standing::Open { until_us, .. } => {
            said.push(frame.text("announced-text"));
            said.push(frame.text_with("announced-until", &[("time", &registration.shown(instant(*until_us)))]));
            said.push(frame.text("announced-login"));
            document = Some(("/register/application.pdf", frame.text("announced-pdf")));
        }
        Standing::Waiting { .. } => said.push(frame.text("waiting-text")),
        Standing::Refused { code, field, .. } => said.push(refusal_text(lang, code, field.as_deref())),
        Standing::Registered { .. } => {
            let confirmation = registration.confirmation(filed.number).await.map_err(|error| Fault::inside(&error))?;
            let address = confirmation.address.to_string();
            said.push(frame.text_with("registered-text", &[("address", &address)]));
            document = Some(("/register/confirmation.pdf", frame.text("registered-pdf")));
        }
    }
    let page = StandingPage {
        filed: Facts::of(filed, &frame),
        frame: frame.clone(),
        said,
        document,
        is_registered: matches!(filed.state, Standing::Registered { .. }),
        is_refused: matches!(filed.state, Standing::Refused { .. }),
        is_signed_in: visitor.session.is_some(),
    };
    Ok(show_as(StatusCode::OK, &frame, &page))
}
