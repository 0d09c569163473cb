//! The calls of print centres.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::hybrid::queue::{CentreEvent, LeaseRequest};
use crate::ids::ItemId;
use crate::store::View;
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
    let jobs = api.queue().lease(&caller.facility, request, &peer.stop).await?;
    let jobs: Vec<Value> = jobs.iter().map(job_json).collect();
    Ok(Json(json!({ "jobs": jobs })))
}

/// `GET /api/v1/print/jobs/{id}/document`
pub(super) async fn document(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    const PIECE: usize = 256 << 10;
    let item = parse_id(&id)?;
    let document = api.queue().document(&caller.facility, item).await?;
    let store = api.store().clone();
    let pieces = futures_util::stream::try_unfold(0u64, move |offset| {
        let store = store.clone();
        async move {
            if offset >= document.bytes {
                return Ok::<_, crate::store::Error>(None);
            }
            let read = move |view: &View<'_>| {
                let key = view.data_key(document.body, document.data_key.as_ref())?;
                view.body(document.body, offset, PIECE, key.as_ref())
            };
            let piece = store.read(read).await?;
            if piece.is_empty() {
                return Err(crate::store::Error::Damaged("a document is shorter than its row says".into()));
            }
            let next = offset + piece.len() as u64;
            Ok(Some((piece, next)))
        }
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
    let sha256: String =
        document.iter().flat_map(|document| &document.sha256).map(|byte| format!("{byte:02x}")).collect();
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
