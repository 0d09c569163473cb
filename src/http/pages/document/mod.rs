//! `/verify/document`: anybody brings a signed document that came with a letter, and learns whether its electronic
//! signature holds, who signed and when (M5). What is brought is judged in memory and dropped: nothing of it is kept or
//! logged. How much of it there is at one time is bounded by [`checks`].

mod checks;

use std::net::IpAddr;
use std::time::Duration;

use askama::Template;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};

use crate::clock::Timestamp;
use crate::identity::eds::{Check, Holder, Kind, Outcome, Refusal, Step};
use crate::people::Signatures;
use crate::people::signatures::{Judged, Verdict};

use super::super::Api;
use super::fault::Fault;
use super::form::CheckedUpload;
use super::table::{Body, Page, Who};
use super::visitor::Visitor;
use super::{Asked, Frame, show, show_as};

pub(in crate::http) use checks::Checks;

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/verify/document", who: Who::Everybody, body: Body::None, handler: || get(page) },
    Page { method: "post", path: "/verify/document", who: Who::Everybody, body: Body::Upload, handler: || post(check) },
];

/// A form has two files.
const MAX_PARTS: usize = 4;

/// Digits of an IIN that are shown: enough to tell namesakes apart for whoever knows the number, and no day of birth.
const SHOWN_DIGITS: usize = 4;

/// What was brought.
#[derive(Default)]
struct Brought {
    signature: Vec<u8>,
    document: Option<Vec<u8>>,
}

#[derive(Template)]
#[template(path = "document/document.html")]
struct DocumentPage {
    frame: Frame,
    /// Why nothing is judged: without it the form can be used.
    is_set_up: bool,
    /// What is wrong with the form.
    error: Option<String>,
    found: Option<Found>,
    /// The most that is taken.
    size: String,
}

/// The verdict, and what led to it.
struct Found {
    standing: Standing,
    title: String,
    said: Vec<String>,
    signers: Vec<Signer>,
    checks: Vec<Checked>,
}

/// How a verdict looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Doubt,
    Bad,
}

impl Standing {
    fn class(self) -> &'static str {
        match self {
            Standing::Good => "notice-good",
            Standing::Doubt => "notice-doubt",
            Standing::Bad => "notice-bad",
        }
    }
}

/// One of those who signed.
struct Signer {
    heading: String,
    facts: Vec<(String, String)>,
    checks: Vec<Checked>,
}

/// A check and how it ended, in words.
struct Checked {
    step: String,
    outcome: String,
}

/// `GET /verify/document`
async fn page(State(api): State<Api>, asked: Asked) -> Response {
    let frame = Frame::new(asked, "document-title");
    show(&frame, &shown(&api, &frame, None, None))
}

/// `POST /verify/document`
async fn check(State(api): State<Api>, visitor: Visitor, asked: Asked, request: Request) -> Result<Response, Fault> {
    let place = api.checks().place(visitor.ip)?;
    let limit = Duration::from_secs(api.settings().checked_upload_timeout_s);
    let brought = tokio::time::timeout(limit, receive(&api, visitor.ip, request));
    let brought = brought.await.map_err(|_| Fault::too_slow())??;
    let frame = Frame::new(asked, "document-title");
    if brought.signature.is_empty() {
        let error = Some(frame.text("document-no-signature"));
        return Ok(show_as(StatusCode::UNPROCESSABLE_ENTITY, &frame, &shown(&api, &frame, error, None)));
    }
    if !api.signatures().is_configured() {
        return Ok(show_as(StatusCode::SERVICE_UNAVAILABLE, &frame, &shown(&api, &frame, None, None)));
    }
    let found = Found::of(&api.checks().judge(&api, brought, place).await?, &frame);
    Ok(show(&frame, &shown(&api, &frame, None, Some(found))))
}

/// Reads the form. Only one that this server showed counts.
async fn receive(api: &Api, from: IpAddr, request: Request) -> Result<Brought, Fault> {
    let upload = CheckedUpload::from_request(request, api).await?;
    api.checks().require_pace(api, from)?;
    Brought::read(upload, api.settings().max_checked_bytes).await
}

fn shown(api: &Api, frame: &Frame, error: Option<String>, found: Option<Found>) -> DocumentPage {
    let most = u64::try_from(api.settings().max_checked_bytes).unwrap_or(u64::MAX);
    DocumentPage {
        is_set_up: api.signatures().is_configured(),
        error,
        found,
        size: crate::locale::size(frame.lang(), most),
        frame: frame.clone(),
    }
}

impl Brought {
    async fn read(mut upload: CheckedUpload, max_bytes: usize) -> Result<Self, Fault> {
        let mut brought = Brought::default();
        for _ in 0..MAX_PARTS {
            let Some(part) = upload.next(max_bytes).await? else { return Ok(brought) };
            match part.name.as_str() {
                // A field for a file into which nothing was put comes without bytes.
                _ if part.bytes.is_empty() => {}
                // What is neither base64 nor begins like a signature is told to be none when it is judged.
                "signature" => {
                    brought.signature = Signatures::read(&part.bytes).unwrap_or_else(|| part.bytes.to_vec());
                }
                "document" => brought.document = Some(part.bytes.to_vec()),
                _ => {}
            }
        }
        Err(Fault::bad_form())
    }
}

impl Found {
    fn of(judged: &Judged, frame: &Frame) -> Self {
        let (report, verdict) = (&judged.report, &judged.verdict);
        let lang = frame.lang();
        let is_signature = report.kind == Some(Kind::Signature);
        let (standing, title, mut said) = match verdict {
            Verdict::Valid if is_signature => {
                (Standing::Good, "document-valid", vec![frame.text("document-valid-text")])
            }
            Verdict::Valid => (Standing::Doubt, "document-other", Vec::new()),
            Verdict::Refused(refusal) => (Standing::Bad, "document-invalid", vec![refusal.text(lang)]),
            Verdict::RevocationUnknown => {
                (Standing::Doubt, "document-unknown", vec![frame.text("document-unknown-text")])
            }
        };
        // Nobody but its signer says that it was made while the certificate was valid.
        let is_unstamped = report.holders.last().is_some_and(|holder| holder.time_stamp.is_none());
        if is_unstamped && matches!(verdict, Verdict::Refused(Refusal::Expired { .. })) {
            said.push(frame.text("document-expired-hint"));
        }
        let is_unchecked =
            report.checks.iter().any(|check| (check.step, check.outcome) == (Step::Revocation, Outcome::NotChecked));
        if is_unchecked && is_signature && *verdict == Verdict::Valid {
            said.push(frame.text("document-not-revoked-unchecked"));
        }
        let checked = |check: &Check| Checked { step: check.step.text(lang), outcome: check.outcome.text(lang) };
        let signers = report.holders.iter().enumerate().map(|(index, holder)| Signer {
            heading: heading(index, report.holders.len(), frame),
            facts: facts(holder, frame),
            checks: report.checks_of(index).map(checked).collect(),
        });
        Found {
            standing,
            title: frame.text(title),
            said,
            signers: signers.collect(),
            checks: report.checks.iter().filter(|check| check.holder.is_none()).map(checked).collect(),
        }
    }
}

fn heading(index: usize, all: usize, frame: &Frame) -> String {
    match all {
        1 => frame.text("document-signer"),
        _ => {
            let (number, all) = ((index + 1).to_string(), all.to_string());
            frame.text_with("document-signer-of", &[("number", &number), ("all", &all)])
        }
    }
}

fn facts(holder: &Holder, frame: &Frame) -> Vec<(String, String)> {
    let moment = |text: &String| text.parse::<Timestamp>().map_or_else(|_| text.clone(), |at| frame.moment(&at));
    let stamped = holder.time_stamp.as_ref().map(|stamp| format!("{}, {}", moment(&stamp.time), stamp.authority));
    let roles: Vec<String> = holder.roles.iter().map(|role| role.text(frame.lang())).collect();
    let facts = [
        ("document-name", Some(holder.subject.clone())),
        ("document-organization", holder.organization.clone()),
        ("document-iin", holder.iin.as_deref().map(masked)),
        ("document-bin", holder.bin.clone()),
        ("document-roles", Some(roles.join(", ")).filter(|roles| !roles.is_empty())),
        ("document-signing-time", holder.signing_time.as_ref().map(moment)),
        ("document-time-stamp", stamped),
        ("document-issuer", Some(holder.issuer.clone())),
        ("document-serial", Some(holder.serial.clone())),
        ("document-valid-from", Some(moment(&holder.not_before))),
        ("document-valid-until", Some(moment(&holder.not_after))),
        ("document-algorithm", Some(holder.algorithm.clone())),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((frame.text(key), value?))).collect()
}

/// The certificate inside the signature names the number in full to whoever holds the file; a page that stands open on a
/// screen need not.
fn masked(iin: &str) -> String {
    let hidden = iin.chars().count().saturating_sub(SHOWN_DIGITS);
    format!("…{}", iin.chars().skip(hidden).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn design18_of_an_iin_four_digits_are_shown() {
        assert_eq!(masked("061211600012"), "…0012");
        assert_eq!(masked("12"), "…12");
    }
}
