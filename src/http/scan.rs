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
use super::print::reason_of;
use super::problem::Problem;
use super::{Api, parse_id, parse_json, rfc3339_us};

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
    let sender = meta.sender.map(|sender| short(&sender)).transpose()?;
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
    let scans = api.scans().to_review(api.settings().max_listed).await?;
    let letters: Vec<Value> = scans.iter().filter(|scan| may_see(&caller, scan)).map(scan_json).collect();
    Ok(Json(json!({ "letters": letters })))
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
    let scan = api.scans().assign(id, parse_address(&body.recipient)?, &caller.name).await?;
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

fn short(text: &str) -> Result<String, Problem> {
    const LONGEST: usize = 200;
    let text = text.trim();
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(Problem::bad_input(format!("sender has at most {LONGEST} visible characters")));
    }
    Ok(text.to_owned())
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
            "sender": { "type": "string", "maxLength": 200 },
        } },
    } })
}

pub(super) fn assign_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["recipient"],
        "properties": { "recipient": { "type": "string", "format": "email" } } })
}

pub(super) fn reject_schema() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["reason"],
        "properties": { "reason": { "type": "string", "maxLength": 500 } } })
}
