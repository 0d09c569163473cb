//! Requests about letters on their way: the outbound queue, the print queue, the review desk.

use serde::Serialize;
use serde_json::{Value, json};

use crate::address::AddressError;
use crate::clock::Timestamp;
use crate::ids::ItemId;
use crate::outbound::waiting;
use crate::server::Services;
use crate::store;
use crate::store::print_jobs::State;
use crate::store::queue::{QueueId, Queued};

use super::execute::{done, item_id, json as to_json};
use super::{ACTOR, Answer, Failure, Part, QueueAction, WantedLetters};

/// One recipient in the outbound queue.
#[derive(Serialize)]
struct ShownQueued {
    item: String,
    number: u32,
    recipient: String,
    sender: String,
    bytes: u64,
    state: &'static str,
    accepted: Option<String>,
    next_attempt: Option<String>,
    attempts: u32,
    last_error: Option<String>,
}

pub(super) async fn queue_list(services: &Services, Part { after, limit }: Part) -> Answer {
    let after: Option<QueueId> = after.map(|row| item_id(&row)).transpose()?;
    let rows = services.store.read(move |view| view.outbound_behind(after, limit)).await.map_err(failed)?;
    to_json(rows.iter().map(shown_queued).collect::<Vec<_>>())
}

pub(super) async fn queue_show(services: &Services, item: &str) -> Answer {
    let rows = waiting::of_letter(&services.store, item_id(item)?).await;
    let rows = rows.map_err(|error| Failure::from_error(&error))?;
    to_json(rows.iter().map(shown_queued).collect::<Vec<_>>())
}

pub(super) async fn queue_change(services: &Services, item: &str, action: QueueAction) -> Answer {
    let changed = waiting::change(&services.store, services.world.now(), item_id(item)?, action).await;
    let recipients = changed.map_err(|error| Failure::from_error(&error))?;
    to_json(json!({ "recipients": recipients }))
}

fn shown_queued(row: &Queued) -> ShownQueued {
    ShownQueued {
        item: row.id.item.to_string(),
        number: row.id.recipient,
        recipient: row.details.recipient.to_string(),
        sender: row.details.reverse_path.to_string(),
        bytes: row.body_bytes,
        state: if row.details.due_ms.is_some() { "waiting" } else { "held" },
        accepted: from_ms(row.details.accepted_ms),
        next_attempt: row.details.due_ms.and_then(from_ms),
        attempts: row.details.attempts,
        last_error: row.details.last_error.clone(),
    }
}

pub(super) async fn print_list(services: &Services, wanted: WantedLetters) -> Answer {
    let WantedLetters { state, after, limit } = wanted;
    let state = state.map(|name| named(&name)).transpose()?;
    let after: Option<ItemId> = after.map(|item| item_id(&item)).transpose()?;
    let from = after.map_or(ItemId(0), |item| ItemId(item.0.saturating_add(1)));
    let jobs = services.store.read(move |view| view.print_jobs_from(state, from, limit)).await.map_err(failed)?;
    to_json(jobs.iter().map(|stored| shown_job(&stored.job)).collect::<Vec<_>>())
}

fn named(name: &str) -> Result<State, Failure> {
    State::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| {
        let names = State::ALL.map(State::name).join(", ");
        Failure { message: format!("there is no state {name:?} of letters on paper; there are {names}") }
    })
}

pub(super) async fn print_show(services: &Services, item: &str) -> Answer {
    let id: ItemId = item_id(item)?;
    let read =
        services.store.read(move |view| Ok((view.print_job(id)?, view.item_events(id)?, view.item_payment(id)?)));
    let (job, events, payment) = read.await.map_err(failed)?;
    let job = job.ok_or_else(|| Failure { message: format!("there is no letter on paper {id}") })?;
    let events = events.into_iter().map(|(number, event)| {
        json!({
            "number": number, "at": from_us(event.at_us), "event": event.name, "actor": event.actor,
            "reason": event.reason, "sheets": event.sheets,
        })
    });
    let mut shown = shown_job(&job.job);
    if let Value::Object(fields) = &mut shown {
        fields.insert("events".into(), events.collect());
        fields.extend(payment.map(|payment| ("payment".to_owned(), super::payment::shown(&payment))));
    }
    Ok(shown)
}

pub(super) async fn print_cancel(services: &Services, item: &str) -> Answer {
    let id: ItemId = item_id(item)?;
    let job = services.paper.queue().cancel(id, ACTOR).await.map_err(|error| Failure::from_error(&error))?;
    Ok(shown_job(&job))
}

fn shown_job(job: &crate::store::print_jobs::PrintJob) -> Value {
    json!({
        "item": job.item.to_string(), "s10": job.s10, "state": job.state.name(), "format": job.format,
        "class": job.class, "colour": job.colour, "duplex": job.duplex, "postal_index": job.postal_index,
        "account": job.account.map(|account| account.0), "accepted": from_us(job.accepted_us),
        "centre": job.lease.as_ref().map(|lease| &lease.centre),
        "offered_to": job.offers.iter().map(|offer| &offer.centre).collect::<Vec<_>>(),
    })
}

pub(super) async fn scan_list(services: &Services, Part { after, limit }: Part) -> Answer {
    let after = after.map(|scan| item_id(&scan)).transpose()?;
    let scans = services.scans.to_review(after, limit).await.map_err(|error| Failure::from_error(&error))?;
    Ok(scans.iter().map(shown_scan).collect())
}

pub(super) async fn scan_show(services: &Services, item: &str) -> Answer {
    let scan = services.scans.scan(item_id(item)?).await.map_err(|error| Failure::from_error(&error))?;
    Ok(shown_scan(&scan))
}

pub(super) async fn scan_assign(services: &Services, item: &str, address: &str) -> Answer {
    let address = address.parse().map_err(|error: AddressError| Failure::from_error(&error))?;
    let scan = services.scans.assign(item_id(item)?, address, ACTOR, None).await;
    scan.map(|scan| shown_scan(&scan)).map_err(|error| Failure::from_error(&error))
}

pub(super) async fn scan_reject(services: &Services, item: &str, reason: &str) -> Answer {
    services.scans.reject(item_id(item)?, reason, ACTOR).await.map_err(|error| Failure::from_error(&error))?;
    done()
}

fn shown_scan(scan: &crate::store::scans::Scan) -> Value {
    json!({
        "id": scan.id.to_string(), "state": crate::hybrid::scans::state_name(scan.state), "facility": scan.facility,
        "received": from_us(scan.received_us), "media_type": scan.media_type, "bytes": scan.bytes,
        "pages": scan.pages, "codes": scan.codes, "sender": scan.sender, "recipient": scan.recipient,
        "item": scan.item.map(|item| item.to_string()), "reason": scan.reason, "decided_by": scan.decided_by,
    })
}

fn from_ms(ms: u64) -> Option<String> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok().map(|at| at.to_string())
}

fn from_us(us: i64) -> Option<String> {
    Timestamp::from_microsecond(us).ok().map(|at| at.to_string())
}

fn failed(error: store::Error) -> Failure {
    Failure::from_error(&error)
}
