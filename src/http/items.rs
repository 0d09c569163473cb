//! The calls about one item: what facilities report, what its sender sees.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::hybrid::queue::FacilityEvent;
use crate::ids::ItemId;
use crate::message::headers;
use crate::postal::Handover;
use crate::store::View;
use crate::store::items::ItemEvent;
use crate::store::print_jobs::State as JobState;

use super::access::Role;
use super::guard::Caller;
use super::problem::Problem;
use super::{Api, LONGEST_REASON, parse_id, parse_json, reason_of, rfc3339_us};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventBody {
    event: String,
    reason: Option<String>,
    handover: Option<Handover>,
}

/// The names that facilities use.
const EVENTS: [&str; 6] = ["in_transit", "at_delivery_office", "attempted", "delivered", "returned", "lost"];

/// `POST /api/v1/items/{item_id}/events`
pub(super) async fn report(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let item = find(&api, &id).await?;
    let body: EventBody = parse_json(&body)?;
    if body.handover.is_some() && body.event != "delivered" {
        return Err(Problem::bad_input("handover goes with the event delivered only"));
    }
    let event = match body.event.as_str() {
        "in_transit" => FacilityEvent::InTransit,
        "at_delivery_office" => FacilityEvent::AtDeliveryOffice,
        "attempted" => FacilityEvent::Attempted,
        "delivered" => FacilityEvent::Delivered(body.handover),
        "returned" => FacilityEvent::Returned { reason: reason_of(body.reason)? },
        "lost" => FacilityEvent::Lost,
        other => return Err(Problem::bad_input(format!("{other:?} is none of {}", EVENTS.join(", ")))),
    };
    let job = api.queue().track(&caller.facility, item, event).await?;
    Ok(Json(json!({ "item_id": job.item.to_string(), "state": job.state.name() })))
}

/// `GET /api/v1/items/{item_id}`; the item may also be named by its S10 number.
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let item = find(&api, &id).await?;
    let read = move |view: &View<'_>| {
        let own = view.item_payment(item)?.and_then(|payment| payment.receipt);
        Ok((view.print_job(item)?, view.item_events(item)?, own))
    };
    let (job, events, own) = api.store().read(read).await?;
    let job = job.map(|stored| stored.job);
    let is_senders = || {
        let account = job.as_ref().and_then(|job| job.account);
        account.is_some_and(|account| account.0.to_string() == caller.facility)
    };
    if (caller.role == Role::Sender && !is_senders()) || (job.is_none() && events.is_empty()) {
        return Err(Problem::not_found());
    }
    let own = own.and_then(|own| Some(headers::find(own.header.as_bytes(), "Postal-Mark")?.text()));
    let events: Vec<Value> = events.iter().map(|(number, event)| event_json(*number, event, own.as_ref())).collect();
    Ok(Json(json!({
        "item_id": item.to_string(),
        "s10": job.as_ref().map(|job| job.s10.clone()),
        "state": job.as_ref().map(|job| job.state.name()),
        "events": events,
    })))
}

async fn find(api: &Api, name: &str) -> Result<ItemId, Problem> {
    if let Ok(item) = parse_id(name) {
        return Ok(item);
    }
    let number: crate::postal::S10 = name.parse().map_err(|_| Problem::not_found())?;
    let number = number.to_string();
    api.store().read(move |view| view.item_of_s10(&number)).await?.ok_or_else(Problem::not_found)
}

/// P24: order 57 cl. 10. The acceptance is shown as the receipt has it, under the actual date; beside it that of the letter,
/// which may show the date of a letter box (P23), and which the later marks point to.
fn event_json(number: u32, event: &ItemEvent, own: Option<&String>) -> Value {
    let own = own.filter(|_| event.name == JobState::Accepted.name());
    json!({
        "number": number,
        "at": rfc3339_us(event.at_us),
        "event": event.name,
        "by": event.actor,
        "reason": event.reason,
        "sheets": event.sheets,
        "mark": own.or(event.mark.as_ref()),
        "letter_mark": own.and(event.mark.as_ref()),
    })
}

pub(super) fn report_schema() -> Value {
    let before: Vec<&str> = FacilityEvent::predecessors().iter().map(|state| state.name()).collect();
    let predecessors: serde_json::Map<String, Value> =
        EVENTS.iter().map(|event| ((*event).to_owned(), json!(before))).collect();
    json!({ "type": "object", "additionalProperties": false, "required": ["event"],
        "x-predecessors": predecessors,
        "properties": {
            "event": { "enum": EVENTS },
            "reason": { "type": "string", "maxLength": LONGEST_REASON, "description": "with returned" },
            "handover": { "enum": ["delivered", "handed", "both"],
                "description": "with delivered: laid into the letter box, given into somebody's hands at the counter, or \
                    brought and given; without it an ordinary letter was delivered, and any other handed over" },
        } })
}
