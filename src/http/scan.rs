//! The calls of scan centres and of the review desk.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::hybrid::scans::{NewScan, state_name};
use crate::ids::ItemId;
use crate::store::scans::Scan;

use super::access::{Principal, Role};
use super::guard::Caller;
use super::problem::Problem;
use super::{Api, LONGEST_REASON, parse_id, parse_json, reason_of, rfc3339_us, visible};

/// Characters of what the paper says of its sender.
const LONGEST_SENDER: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Meta {
    recipient: Option<String>,
    item_id: Option<String>,
    sender: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignBody {
    recipient: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RejectBody {
    reason: Option<String>,
}

/// `POST /api/v1/scan/letters`
pub(super) async fn take(
    State(api): State<Api>,
    caller: Caller,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let form = form.map_err(|error| Problem::bad_input(error.to_string()))?;
    let (bytes, meta) = read_form(form).await?;
    let recipient = meta.recipient.as_deref().map(parse_address).transpose()?;
    let sender = visible(meta.sender, LONGEST_SENDER, "sender")?;
    let new = NewScan { facility: caller.facility.clone(), bytes, recipient, item: meta.item_id, sender };
    let scan = api.scans().take(new).await?;
    Ok((StatusCode::CREATED, Json(scan_json(&scan))))
}

/// `GET /api/v1/scan/letters?state=review`
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_input(error.to_string()))?;
    if query.state.as_deref().is_some_and(|state| state != "review") {
        return Err(Problem::bad_input("only state=review can be listed"));
    }
    let limit = api.settings().max_listed;
    let scans = match caller.role {
        Role::Operator => api.scans().to_review(None, limit).await?,
        _ => api.scans().to_review_of(&caller.facility, limit).await?,
    };
    Ok(Json(json!({ "letters": scans.iter().map(scan_json).collect::<Vec<_>>() })))
}

/// `POST /api/v1/scan/letters/{id}/assign`
pub(super) async fn assign(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let id = owned(&api, &caller, &id).await?;
    let body: AssignBody = parse_json(&body)?;
    let scan = api.scans().assign(id, parse_address(&body.recipient)?, &caller.name, None).await?;
    Ok(Json(scan_json(&scan)))
}

/// `POST /api/v1/scan/letters/{id}/reject`
pub(super) async fn reject(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let id = owned(&api, &caller, &id).await?;
    let body: RejectBody = parse_json(&body)?;
    let scan = api.scans().reject(id, &reason_of(body.reason)?, &caller.name).await?;
    Ok(Json(scan_json(&scan)))
}

async fn read_form(mut form: Multipart) -> Result<(Vec<u8>, Meta), Problem> {
    let bad = |error: axum::extract::multipart::MultipartError| Problem::bad_input(error.to_string());
    let (mut document, mut meta) = (None, None);
    while let Some(field) = form.next_field().await.map_err(bad)? {
        match field.name() {
            Some("document") if document.is_none() => document = Some(field.bytes().await.map_err(bad)?.to_vec()),
            Some("meta") if meta.is_none() => meta = Some(parse_json(&field.bytes().await.map_err(bad)?)?),
            other => {
                let name = other.unwrap_or("without name").to_owned();
                return Err(Problem::bad_input(format!("field {name}: one document and at most one meta are taken")));
            }
        }
    }
    let document = document.ok_or_else(|| Problem::bad_input("the field document is missing"))?;
    Ok((document, meta.unwrap_or_default()))
}

/// A scan centre sees what it sent; the operator sees all.
fn may_see(principal: &Principal, scan: &Scan) -> bool {
    principal.role == Role::Operator || principal.facility == scan.facility
}

async fn owned(api: &Api, principal: &Principal, id: &str) -> Result<ItemId, Problem> {
    let id = parse_id(id)?;
    let scan = api.scans().scan(id).await?;
    if may_see(principal, &scan) { Ok(id) } else { Err(Problem::not_found()) }
}

fn parse_address(text: &str) -> Result<Address, Problem> {
    text.trim().parse().map_err(|error| Problem::bad_input(format!("recipient: {error}")))
}

fn scan_json(scan: &Scan) -> Value {
    json!({
        "id": scan.id.to_string(),
        "item_id": scan.item.map(|item| item.to_string()),
        "state": state_name(scan.state),
        "recipient": scan.recipient,
        "received_at": rfc3339_us(scan.received_us),
        "facility": scan.facility,
        "media_type": scan.media_type,
        "bytes": scan.bytes,
        "pages": scan.pages,
        "codes": scan.codes,
        "sender": scan.sender,
        "reason": scan.reason,
        "decided_by": scan.decided_by,
    })
}

pub(super) fn take_schema() -> Value {
    json!({ "type": "object", "required": ["document"], "properties": {
        "document": { "type": "string", "format": "binary", "description": "PDF, TIFF, PNG or JPEG" },
        "meta": { "type": "object", "additionalProperties": false, "properties": {
            "recipient": { "type": "string", "format": "email" },
            "item_id": { "type": "string", "description": "item id or S10 of the letter that this answers" },
            "sender": { "type": "string", "maxLength": LONGEST_SENDER },
        } },
    } })
}

pub(super) fn assign_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["recipient"],
        "properties": { "recipient": { "type": "string", "format": "email" } } })
}

pub(super) fn reject_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["reason"],
        "properties": { "reason": { "type": "string", "maxLength": LONGEST_REASON } } })
}
