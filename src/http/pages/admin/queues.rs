//! What waits: letters to other domains, letters to paper, scans for review. Addresses and states, never a letter.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::hybrid::scans::state_name;
use crate::ids::ItemId;
use crate::outbound::waiting::{self, QueueAction, WaitingError};
use crate::store::print_jobs::StoredJob;
use crate::store::queue::{QueueId, Queued};
use crate::store::scans::Scan;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in};
use super::{actor, prove, shown_time};

/// Rows of each queue on one page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Recipients behind this one: item and number.
    #[serde(default)]
    after: String,
    /// Letters on paper from this id on.
    #[serde(default)]
    paper: String,
}

#[derive(Template)]
#[template(path = "admin/queues.html")]
struct QueuesPage {
    frame: Frame,
    waiting: Vec<Waiting>,
    next: Option<String>,
    jobs: Vec<Job>,
    next_job: Option<String>,
    scans: Vec<Waits>,
    needs_password: bool,
    error: Option<String>,
}

struct Waiting {
    item: String,
    recipient: String,
    attempts: u32,
    next: String,
    is_held: bool,
    last_error: String,
}

struct Job {
    item: String,
    s10: String,
    state: &'static str,
    accepted: String,
    centre: String,
}

struct Waits {
    id: String,
    state: &'static str,
    facility: String,
    received: String,
    pages: u32,
}

/// `GET /admin/queues`
pub(super) async fn show(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    query: Result<Query<Wanted>, impl Sized>,
) -> Result<Response, Fault> {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    page(&api, asked, &staff, &wanted, None).await
}

#[derive(Deserialize)]
pub(super) struct Form {
    item: String,
    act: String,
    #[serde(default)]
    password: String,
}

/// `POST /admin/queues`
pub(super) async fn act(
    State(api): State<Api>,
    asked: Asked,
    staff: Staff,
    Checked(form): Checked<Form>,
) -> Result<Response, Fault> {
    let item: ItemId = form.item.parse().map_err(|_| Fault::bad_form())?;
    let action = QueueAction::ALL.into_iter().find(|action| action.name() == form.act).ok_or_else(Fault::bad_form)?;
    // Its sender hears nothing of a letter that is dropped.
    if action == QueueAction::Drop
        && let Err(key) = prove(&api, &staff, &form.password).await
    {
        return page(&api, asked, &staff, &Wanted::default(), Some(key)).await;
    }
    let (by, object) = (actor(&staff), format!("item {item}"));
    let noted = api.audit().note(&by, &format!("queue.{}", action.name()), &object, None).await;
    noted.map_err(|error| Fault::inside(&error))?;
    match waiting::change(api.store(), api.now(), item, action).await {
        Ok(_) => Ok(Redirect::to("/admin/queues").into_response()),
        Err(WaitingError::Missing(_)) => page(&api, asked, &staff, &Wanted::default(), Some("admin-queue-gone")).await,
        Err(WaitingError::Busy) => page(&api, asked, &staff, &Wanted::default(), Some("admin-queue-busy")).await,
        Err(WaitingError::Store(error)) => Err(error.into()),
    }
}

async fn page(
    api: &Api,
    asked: Asked,
    staff: &Staff,
    wanted: &Wanted,
    error: Option<&'static str>,
) -> Result<Response, Fault> {
    let noted = api.audit().note(&actor(staff), "queue.list", "queues", None).await;
    noted.map_err(|error| Fault::inside(&error))?;
    let after = place(&wanted.after);
    let from: ItemId = wanted.paper.parse().unwrap_or(ItemId(0));
    let read = api.store().read(move |view| {
        Ok((view.outbound_behind(after, PAGE)?, view.print_jobs(from, PAGE + 1)?, view.scans_to_review(PAGE)?))
    });
    let (queued, mut jobs, scans) = read.await?;
    let next =
        queued.last().filter(|_| queued.len() >= PAGE).map(|row| format!("{}.{}", row.id.item, row.id.recipient));
    let next_job = if jobs.len() > PAGE { jobs.pop().map(|stored| stored.job.item.to_string()) } else { None };
    let frame = Frame::new(asked, "admin-queues");
    let page = QueuesPage {
        waiting: queued.iter().map(waiting).collect(),
        next,
        jobs: jobs.iter().map(job).collect(),
        next_job,
        scans: scans.iter().map(|stored| scan(&stored.scan)).collect(),
        needs_password: !api.sessions().is_freshly_proved(staff.signed_in.proved_at),
        error: error.map(|key| frame.text(key)),
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

fn place(text: &str) -> Option<QueueId> {
    let (item, recipient) = text.split_once('.')?;
    Some(QueueId { item: item.parse().ok()?, recipient: recipient.parse().ok()? })
}

fn waiting(row: &Queued) -> Waiting {
    let next = row.details.due_ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
    Waiting {
        item: row.id.item.to_string(),
        recipient: row.details.recipient.to_string(),
        attempts: row.details.attempts,
        is_held: row.details.due_ms.is_none(),
        next: next.map_or_else(|| "—".to_owned(), shown_time),
        last_error: row.details.last_error.clone().unwrap_or_default(),
    }
}

fn job(stored: &StoredJob) -> Job {
    let job = &stored.job;
    Job {
        item: job.item.to_string(),
        s10: job.s10.clone(),
        state: job.state.name(),
        accepted: Timestamp::from_microsecond(job.accepted_us).map_or_else(|_| "—".to_owned(), shown_time),
        centre: job.lease.as_ref().map_or_else(|| "—".to_owned(), |lease| lease.centre.clone()),
    }
}

fn scan(scan: &Scan) -> Waits {
    Waits {
        id: scan.id.to_string(),
        state: state_name(scan.state),
        facility: scan.facility.clone(),
        received: Timestamp::from_microsecond(scan.received_us).map_or_else(|_| "—".to_owned(), shown_time),
        pages: scan.pages,
    }
}
