//! The calls of print centres.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::hybrid::bundles::{Leased, Manifest, document_piece, sheet};
use crate::hybrid::queue::{CentreEvent, LeaseRequest};
use crate::hybrid::worker::protocol::{Answer, Request};
use crate::ids::ItemId;
use crate::store::print_jobs::{PrintJob, State as JobState};

use super::guard::{Caller, Peer};
use super::problem::Problem;
use super::{Api, LONGEST_REASON, parse_id, parse_json, reason_of, rfc3339_ms};

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LeaseBody {
    max: usize,
    wait_s: u64,
    can: Abilities,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Abilities {
    colour: bool,
    duplex: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    fence: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventBody {
    fence: u64,
    event: String,
    sheets: Option<u32>,
    reason: Option<String>,
}

impl Default for LeaseBody {
    fn default() -> Self {
        LeaseBody { max: 1, wait_s: 0, can: Abilities::default() }
    }
}

impl Default for Abilities {
    fn default() -> Self {
        Abilities { colour: true, duplex: true }
    }
}

/// `POST /api/v1/print/lease`
pub(super) async fn lease(
    State(api): State<Api>,
    caller: Caller,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let body: LeaseBody = if body.is_empty() { LeaseBody::default() } else { parse_json(&body)? };
    if body.max == 0 {
        return Err(Problem::bad_input("max is at least 1"));
    }
    let request = LeaseRequest {
        max: body.max,
        wait: Duration::from_secs(body.wait_s),
        colour: body.can.colour,
        duplex: body.can.duplex,
    };
    let Leased { jobs, bundle } = api.queue().lease_bundle(&caller.facility, request, &peer.stop).await?;
    let jobs: Vec<Value> = jobs.iter().map(job_json).collect();
    let mut answer = json!({ "jobs": jobs });
    if let (Some(bundle), Some(fields)) = (bundle, answer.as_object_mut()) {
        let manifest = format!("/api/v1/print/batches/{}", bundle.number);
        let seal = bundle.seal();
        // P9: where the centre has a seal and a key, everything comes in one file.
        let sealed = bundle.is_sealed.then(|| format!("{manifest}/bundle"));
        let batch = json!({
            "plomb": bundle.plomb, "number": bundle.number, "seal": seal, "manifest": manifest, "sealed_bundle": sealed,
        });
        fields.insert("batch".into(), batch);
    }
    Ok(Json(answer))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchQuery {
    format: Option<BatchForm>,
    lang: Option<String>,
}

/// How a manifest is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BatchForm {
    Json,
    /// The document below its marks, as everything that verifies marks reads it.
    Eml,
    Pdf,
}

/// `GET /api/v1/print/batches/{number}`: the manifest of a bundle (P10), with its marks (P18, P9).
pub(super) async fn batch(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Path(number): Path<String>,
    query: Result<Query<BatchQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    let number: u64 = number.parse().map_err(|_| Problem::not_found())?;
    let bundle = api.queue().bundle(&caller.facility, number).await?;
    let manifest = Manifest::of(&bundle);
    match query.format.unwrap_or(BatchForm::Json) {
        BatchForm::Json => {
            let mut answer = manifest.value();
            if let Some(fields) = answer.as_object_mut() {
                fields.insert("marks".into(), json!(bundle.head.marks));
            }
            Ok(Json(answer).into_response())
        }
        BatchForm::Eml => {
            Ok(([(header::CONTENT_TYPE, "message/rfc822")], manifest.marked(&bundle.head.marks)).into_response())
        }
        BatchForm::Pdf => {
            let lang = super::closings::lang(query.lang.as_deref(), &headers);
            let page = sheet(&bundle, &api.devices().marks(), lang);
            match api.workers().perform(&Request::Report(Box::new(page))).await? {
                Answer::Pdf(bytes) => Ok(([(header::CONTENT_TYPE, "application/pdf")], bytes).into_response()),
                other => Err(Problem::temporary(&format!("the manifest of a bundle: {other:?}"))),
            }
        }
    }
}

/// `GET /api/v1/print/batches/{number}/bundle`: manifest and documents, encrypted for the centre and sealed (P9).
pub(super) async fn bundle(
    State(api): State<Api>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let number: u64 = number.parse().map_err(|_| Problem::not_found())?;
    let bundle = api.queue().sealed_bundle(&caller.facility, number, &caller.name).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bundle.bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", bundle.name)),
    ];
    let pieces = futures_util::stream::try_unfold(bundle.file, |mut file| async move {
        let piece = file.next().await?;
        Ok::<_, crate::store::Error>(piece.map(|piece| (piece, file)))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `GET /api/v1/print/jobs/{id}/document`
pub(super) async fn document(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let item = parse_id(&id)?;
    let document = api.queue().document(&caller.facility, item).await?;
    let start = (api.store().clone(), document.clone(), 0u64);
    let pieces = futures_util::stream::try_unfold(start, |(store, document, offset)| async move {
        if offset >= document.bytes {
            return Ok::<_, crate::store::Error>(None);
        }
        let piece = document_piece(&store, &document, offset).await?;
        let next = offset + piece.len() as u64;
        Ok(Some((piece, (store, document, next))))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_LENGTH, document.bytes.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{item}.pdf\"")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// `POST /api/v1/print/jobs/{id}/extend`
pub(super) async fn extend(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let item = parse_id(&id)?;
    let body: ExtendBody = parse_json(&body)?;
    let job = api.queue().extend(&caller.facility, item, body.fence).await?;
    Ok(Json(json!({ "id": job.item.to_string(), "fence": job.fence, "lease_expires_at": expiry(&job) })))
}

/// `POST /api/v1/print/jobs/{id}/events`
pub(super) async fn report(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let item = parse_id(&id)?;
    let body: EventBody = parse_json(&body)?;
    let fence = body.fence;
    let job = api.queue().report(&caller.facility, item, fence, event_of(body)?).await?;
    Ok(Json(json!({ "id": job.item.to_string(), "state": job.state.name(), "lease_expires_at": expiry(&job) })))
}

fn event_of(body: EventBody) -> Result<CentreEvent, Problem> {
    match body.event.as_str() {
        "printed" => {
            let sheets = body.sheets.filter(|sheets| *sheets > 0);
            let sheets = sheets.ok_or_else(|| Problem::bad_input("printed needs sheets, at least 1"))?;
            Ok(CentreEvent::Printed { sheets })
        }
        "inserted" => Ok(CentreEvent::Inserted),
        "handed_to_post" => Ok(CentreEvent::HandedToPost),
        "failed" => Ok(CentreEvent::Failed { reason: reason_of(body.reason)? }),
        other => Err(Problem::bad_input(format!(
            "{other:?} is no event of a print centre: printed, inserted, handed_to_post or failed"
        ))),
    }
}

fn job_json(job: &PrintJob) -> Value {
    let document = job.document.as_ref();
    let sha256 = document.map(|document| hex(&document.sha256)).unwrap_or_default();
    json!({
        "id": job.item.to_string(),
        "item_id": job.item.to_string(),
        "s10": job.s10,
        "fence": job.fence,
        "lease_expires_at": expiry(job),
        "format": job.format,
        "class": job.class,
        "colour": job.colour,
        "duplex": job.duplex,
        "pages": document.map(|document| document.pages),
        "sheets": document.map(|document| document.sheets),
        "postal_index": job.postal_index,
        "document": {
            "url": document_url(job.item),
            "sha256": sha256,
            "bytes": document.map(|document| document.bytes),
        },
    })
}

fn document_url(item: ItemId) -> String {
    format!("/api/v1/print/jobs/{item}/document")
}

fn expiry(job: &PrintJob) -> Option<String> {
    job.lease.as_ref().filter(|_| job.state.is_leased()).map(|lease| rfc3339_ms(lease.expires_ms))
}

pub(super) fn lease_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": {
        "max": { "type": "integer", "minimum": 1, "default": 1 },
        "wait_s": { "type": "integer", "minimum": 0, "default": 0 },
        "can": { "type": "object", "additionalProperties": false, "properties": {
            "colour": { "type": "boolean", "default": true }, "duplex": { "type": "boolean", "default": true },
        } },
    } })
}

pub(super) fn extend_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["fence"],
        "properties": { "fence": { "type": "integer" } } })
}

pub(super) fn report_schema() -> Value {
    let states = [JobState::Printed, JobState::Inserted, JobState::HandedToPost, JobState::Failed];
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    let predecessors: serde_json::Map<String, Value> = states
        .iter()
        .map(|state| {
            let before: Vec<&str> = CentreEvent::predecessors(*state).iter().map(|before| before.name()).collect();
            (state.name().to_owned(), json!(before))
        })
        .collect();
    json!({ "type": "object", "additionalProperties": false, "required": ["fence", "event"],
        "x-predecessors": predecessors,
        "properties": {
            "fence": { "type": "integer" },
            "event": { "enum": names },
            "sheets": { "type": "integer", "minimum": 1, "description": "with printed" },
            "reason": { "type": "string", "maxLength": LONGEST_REASON, "description": "with failed" },
        } })
}

/// The answer to a lease, for the OpenAPI document.
pub(super) fn leased_schema() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let flag = || json!({ "type": "boolean" });
    let document = json!({ "type": "object", "properties": { "url": text(), "sha256": text(), "bytes": number() } });
    let job = json!({ "type": "object", "properties": {
        "id": text(), "item_id": text(), "s10": text(), "fence": number(), "lease_expires_at": text(),
        "format": { "enum": ["letter", "postcard"] }, "class": text(), "colour": flag(), "duplex": flag(),
        "pages": number(), "sheets": number(), "postal_index": text(), "document": document,
    } });
    json!({ "type": "object", "required": ["jobs"], "properties": {
        "jobs": { "type": "array", "items": job },
        "batch": batch_schema(),
    } })
}

/// What a bundle is closed with.
fn batch_schema() -> Value {
    json!({ "type": "object",
        "description": "The bundle that this lease is, closed with a plomb; absent without jobs and sealing pliers",
        "required": ["plomb", "number", "seal", "manifest"],
        "properties": {
            "plomb": { "type": "string", "description": "the letters and the digits of the sealing pliers" },
            "number": { "type": "integer", "minimum": 1 },
            "seal": { "type": "string", "description": "plomb and number, as they stand on the bundle" },
            "manifest": { "type": "string", "description": "path of the bundle's manifest" },
            "sealed_bundle": { "type": ["string", "null"],
                "description": "path of the sealed bundle, where the centre has an insurance seal and a key" },
        } })
}

/// What stands behind the question mark of a manifest.
pub(super) fn batch_query() -> Value {
    json!({ "type": "object", "properties": {
        "format": { "enum": ["json", "eml", "pdf"],
            "description": "eml: the document below its marks, as poshta postmark verify reads it" },
        "lang": { "enum": ["kk", "ru", "en"], "description": "of the pdf; without it as Accept-Language prefers, else kk" },
    } })
}

/// The manifest of a bundle, for the OpenAPI document.
pub(super) fn manifest_schema() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let letter = json!({ "type": "object", "properties": {
        "item_id": text(), "s10": text(), "class": text(), "sheets": number(), "bytes": number(), "sha256": text(),
        "fence": number(), "file": text(),
    } });
    let insurance = json!({ "type": ["object", "null"], "description": "the insurance seal, where the centre has one",
        "properties": { "device": text(), "engraving": text(), "number": { "type": ["integer", "null"] } } });
    let marks = json!({ "type": "array", "items": text(),
        "description": "fields Postal-Mark over the document, which is this object without them in the form of RFC 8785" });
    json!({ "type": "object", "properties": {
        "v": number(), "id": { "type": ["string", "null"] }, "centre": text(), "plomb": text(), "number": number(),
        "seal": text(), "device": text(), "insurance_seal": insurance, "sealed_at": text(),
        "letters": { "type": "array", "items": letter }, "marks": marks,
    } })
}
